/*
 * The files of Apple Mail: one message each, with a count before it and a
 * property list behind it.
 *
 *	144       \n          bytes of the message, decimal, padded with blanks
 *	MESSAGE               exactly so many bytes
 *	<?xml ...</plist>\n   flags, date of receipt, id on the server
 *
 * NAME.partial.emlx is the same without its attachments, which lie outside.
 * Pure, but for sp_import_emlx_beside(), which lists folders.  Called by
 * import_single.c.
 */
#ifndef SP_IMPORT_IMPORT_EMLX_H
#define SP_IMPORT_IMPORT_EMLX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/time_text.h"
#include "base/view.h"

#define SP_IMPORT_EMLX_BESIDE_MAX 100 /* names of attachments */

/* The parts of a file, in it. */
struct sp_import_emlx {
	struct sp_view line; /* the count, with its line end */
	struct sp_view message;
	struct sp_view plist; /* all behind the message; may be empty */
	bool partial; /* by the name of the file */
	bool doubted; /* no property list stands where the count leads */
};

/* Cut ${file}, which is called ${name}.  Why it is not such a file, static
 * text, and ${out} is not to be used; NULL: it is. */
const char *sp_import_emlx_parse(
    const char *name, struct sp_view file, struct sp_import_emlx *out);
/* When the property list says that the message was received, RFC 3339; false
 * where it does not. */
bool sp_import_emlx_date(
    const struct sp_import_emlx *e, char out[SP_TIME_LEN + 1]);
/*
 * Append "emlx":{...} to ${out}: what leads from the message back to the file
 * (doc/import.md, "Apple Mail"), and the names of its ${n} attachments
 * outside.  SP_ELIMIT: too long for ${out}.
 */
SP_CHECK enum sp_code sp_import_emlx_facts(const struct sp_import_emlx *e,
    char *const *attachments, size_t n, struct sp_buf *out);
/*
 * The files that Apple Mail keeps beside the message at ${path} in place of its
 * parts: DIR/NUMBER.PART.emlxpart and DIR/../Attachments/NUMBER/PART/NAME.
 * Their names from there, at most SP_IMPORT_EMLX_BESIDE_MAX; to be freed with
 * sp_import_emlx_beside_free.  What cannot be listed has none.
 */
char **sp_import_emlx_beside(const char *path, size_t *n);
void sp_import_emlx_beside_free(char **names, size_t n);

#endif
