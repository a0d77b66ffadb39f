/*
 * What earlier imports took, as the log has it: the index names the imported
 * entries, their records say where the bytes lay.  A place is the SHA-256 of
 * the file, the name within it, and the offset.  Equal files count: of three
 * copies of one file two may be there and the third not.
 */
#ifndef SP_APP_CMD_IMPORT_SEEN_H
#define SP_APP_CMD_IMPORT_SEEN_H

#include "app/common/app.h"
#include "journal/import/import.h"

struct sp_seen;

SP_CHECK enum sp_code sp_seen_load(
    const struct sp_app *app, struct sp_seen **out, struct sp_err *err);
/* Whether the log has one more of it than was asked for so far. */
bool sp_seen_take(struct sp_seen *s, const struct sp_import_item *item);
void sp_seen_free(struct sp_seen *s); /* NULL is fine */

#endif
