/*
 * Encoded words in header text (RFC 2047), read leniently: blanks inside, a
 * missing end, words glued to text or inside quotes, a character split over
 * two words, raw 8-bit text between them.
 */
#ifndef SP_INDEX_MAIL_DECODE_WORDS_H
#define SP_INDEX_MAIL_DECODE_WORDS_H

#include "base/buf.h"
#include "base/view.h"

#define SP_WORDS_MAX ((size_t)64 << 10) /* bytes of one value decoded */

/*
 * Append the unfolded value ${in}, of which SP_WORDS_MAX bytes are read, as
 * UTF-8 without control characters; what a word decodes to is not decoded
 * again.  ${charset} (or n = 0) is tried for raw 8-bit text that is not
 * UTF-8.  Returns sp_charset_note bits.
 */
unsigned sp_words_decode(
    struct sp_view in, struct sp_view charset, struct sp_buf *out);
/* The length of the encoded word that ${in} begins with, 0 if it is none. */
size_t sp_words_length(struct sp_view in);

#endif
