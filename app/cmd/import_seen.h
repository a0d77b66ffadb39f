/*
 * What earlier imports took, as the log has it: the index names the imported
 * entries, their records say where the bytes lay and what the operator stated
 * of them.  An arrival is a place (the SHA-256 of the file, the name within it,
 * the offset) and a statement (the name of the source, whether it is trusted
 * journal mail): the same bytes under another statement are another arrival.
 * Equal files count: of three copies of one file two may be in the log and the
 * third not.
 */
#ifndef SP_APP_CMD_IMPORT_SEEN_H
#define SP_APP_CMD_IMPORT_SEEN_H

#include "app/common/app.h"
#include "journal/import/import.h"

struct sp_import_seen;

/* What the operator states of all mail of a run. */
struct sp_import_statement {
	const char *source; /* --source; NULL: none, as "" */
	bool journal; /* --journal */
};

/* Load the places of all imported entries of the archive ${app}, whose index
 * reaches the end of the log.  The errors of sp_search() and sp_reader_get(),
 * SP_EINTERRUPT after Ctrl-C. */
SP_CHECK enum sp_code sp_import_seen_load(
    const struct sp_app *app, struct sp_import_seen **out, struct sp_err *err);
/* Whether the log has the message at the place of ${item} with the statement
 * ${st}.  Each match uses up one entry, so that the n-th equal file matches
 * only if n of them are in. */
bool sp_import_seen_match(struct sp_import_seen *s,
    const struct sp_import_item *item, const struct sp_import_statement *st);
/* Whether the log has the message at the place of ${item}, which did not match,
 * with another statement. */
bool sp_import_seen_elsewhere(
    const struct sp_import_seen *s, const struct sp_import_item *item);
void sp_import_seen_free(struct sp_import_seen *s); /* NULL is fine */

#endif
