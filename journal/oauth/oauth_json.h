/*
 * Members of a JSON object that hold text, of answers (oauth_answer.c), key
 * files (oauth_assertion.c) and token files (oauth_store.c).
 */
#ifndef SP_OAUTH_OAUTH_JSON_H
#define SP_OAUTH_OAUTH_JSON_H

#include <jansson.h>

#include "base/view.h"

/* The text of member ${key}, borrowed from ${obj}; {NULL, 0} where it is not
 * there or no string. */
struct sp_view sp_oauth_json_text(const json_t *obj, const char *key);
/* The same, malloc'ed and up to its first NUL; NULL where there is none. */
char *sp_oauth_json_dup(const json_t *obj, const char *key);
/* Overwrite that text in ${obj}, which jansson would only free. */
void sp_oauth_json_wipe(const json_t *obj, const char *key);

#endif
