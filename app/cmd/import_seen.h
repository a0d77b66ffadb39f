/*
 * What earlier imports took, as the log has it: the index names the imported
 * entries, their records say where the bytes lay.  A place is the SHA-256 of
 * the file, the name within it, and the offset.  Equal files count: of three
 * copies of one file two may be in the log and the third not.
 */
#ifndef SP_APP_CMD_IMPORT_SEEN_H
#define SP_APP_CMD_IMPORT_SEEN_H

#include "app/common/app.h"
#include "journal/import/import.h"

struct sp_seen;

/* Load the places of all imported entries of the archive ${app}, whose index
 * reaches the end of the log.  The errors of sp_search() and sp_reader_get(),
 * SP_EINTERRUPT after Ctrl-C. */
SP_CHECK enum sp_code sp_seen_load(
    const struct sp_app *app, struct sp_seen **out, struct sp_err *err);
/* Whether the log has the message at the place of ${item}.  Each match uses up
 * one entry, so that the n-th equal file matches only if n of them are in. */
bool sp_seen_take(struct sp_seen *s, const struct sp_import_item *item);
void sp_seen_free(struct sp_seen *s); /* NULL is fine */

#endif
