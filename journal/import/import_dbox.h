/*
 * A file of Dovecot sdbox (u.NUMBER): one message between a header and
 * metadata, as Dovecot 2 writes it.
 *
 *	2 M1e C695b9e40\n     version, size of the next header (hex), created
 *	\001\002N ... SIZE\n  of that size: 16 hex digits of the message's size
 *	MESSAGE               exactly so many bytes
 *	\n\001\003\n          the end of it
 *	R695b9e40\n ... \n    metadata: a letter and a value in each line
 *
 * Pure; called by import_single.c.
 */
#ifndef SP_IMPORT_IMPORT_DBOX_H
#define SP_IMPORT_IMPORT_DBOX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/time_text.h"
#include "base/view.h"

/* The parts of a file, in it. */
struct sp_import_dbox {
	struct sp_view head; /* both headers */
	struct sp_view message;
	struct sp_view tail; /* all behind the message */
	bool compressed; /* the message is, by itself */
	bool outside; /* attachments lie in other files (metadata X) */
};

/* Cut ${file}.  Why it cannot be read, static text, and ${out} is not to be
 * used; NULL: it can. */
const char *sp_import_dbox_parse(
    struct sp_view file, struct sp_import_dbox *out);
/* When it was received by its metadata (R), RFC 3339; false: not said. */
bool sp_import_dbox_date(
    const struct sp_import_dbox *d, char out[SP_TIME_LEN + 1]);
/* Append "dbox":{...} to ${out} (doc/import.md, "Dovecot").  SP_ELIMIT. */
SP_CHECK enum sp_code sp_import_dbox_facts(
    const struct sp_import_dbox *d, struct sp_buf *out);

#endif
