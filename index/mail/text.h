/*
 * The searchable text of a body part as UTF-8, and which types of part have
 * any.  mail.c collects it.
 */
#ifndef SP_INDEX_MAIL_TEXT_H
#define SP_INDEX_MAIL_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

enum sp_text_note { /* above the bits of sp_charset_note */
	SP_TEXT_CUT = 1 << 8, /* the limit was reached */
	SP_TEXT_BINARY = 1 << 9, /* not text, whatever it claims; left out */
	SP_TEXT_PGP = 1 << 10 /* an encrypted OpenPGP block */
};

/* Whether parts of this type (lower case) hold text. */
bool sp_text_is(const char *type);
/* Append the text of a part's decoded ${bytes}, and a line end.  Returns
 * sp_text_note and sp_charset_note bits. */
unsigned sp_text_part(struct sp_view bytes, const char *type,
    struct sp_view charset, struct sp_buf *out);

#endif
