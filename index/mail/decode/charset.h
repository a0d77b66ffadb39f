/*
 * Bytes of any claimed character set to UTF-8.  Never fails: what cannot be
 * decoded is read another way or becomes U+FFFD.  Only the sets listed in
 * charset.c reach iconv, whatever a message claims.
 */
#ifndef SP_INDEX_MAIL_DECODE_CHARSET_H
#define SP_INDEX_MAIL_DECODE_CHARSET_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

enum sp_charset_note {
	SP_CHARSET_UNKNOWN = 1, /* the claimed set is not known */
	SP_CHARSET_FALLBACK = 2, /* bytes do not fit it; read another way */
	SP_CHARSET_DAMAGED = 4 /* some bytes became U+FFFD */
};

/*
 * Append ${in}, claimed to be in ${charset} (n = 0: nothing claimed), as UTF-8
 * without U+0000.  ${fallback} (or n = 0) is tried where the claim is missing
 * or wrong, before Windows-1252.  Stops at the limit of ${out}, between two
 * characters.  Returns sp_charset_note bits.
 */
unsigned sp_charset_decode(struct sp_view in, struct sp_view charset,
    struct sp_view fallback, struct sp_buf *out);
/* The iconv name of the set that raw bytes beyond ASCII look like (East Asian
 * and Cyrillic ones), or NULL if they look like none.  To be asked only of
 * bytes that are not valid UTF-8. */
const char *sp_charset_guess(struct sp_view in);
/* Whether ${charset} is one we can decode. */
bool sp_charset_known(struct sp_view charset);
/* Bytes below 0x80 only, and no NUL. */
bool sp_charset_is_ascii(struct sp_view v);

#endif
