/*
 * One JSON object as one line of standard output, the form of every command's
 * --format json:
 *
 *	struct sp_json *j = sp_json_line_begin(&line, 4096);
 *	sp_json_cstr(j, "account", name);
 *	sp_json_line_print(&line);
 */
#ifndef SP_APP_COMMON_JSON_LINE_H
#define SP_APP_COMMON_JSON_LINE_H

#include <stddef.h>

#include "base/json.h"

struct sp_json_line { /* on the caller's stack; must not move */
	struct sp_buf text;
	struct sp_json json;
};

/* Open the object; the writer returned belongs to ${line}.  Holds up to
 * ${max} bytes. */
struct sp_json *sp_json_line_begin(struct sp_json_line *line, size_t max);
/* Close the object, print it with a line end, and free ${line}.  An object
 * that became larger than its limit is not printed at all. */
void sp_json_line_print(struct sp_json_line *line);

#endif
