/*
 * UTF-8 text on a buffer with a limit, cut between characters and never
 * inside one.
 */
#ifndef SP_INDEX_MAIL_DECODE_UTF8_H
#define SP_INDEX_MAIL_DECODE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Append as much of the UTF-8 text ${p} of ${n} bytes as the limit of ${out}
 * takes, cut between characters.  False if it was cut.
 */
bool sp_utf8_put(struct sp_buf *out, const char *p, size_t n);
/*
 * Append the code point ${c}, at most U+10FFFF, as UTF-8.  False, and nothing
 * appended, if it does not fit.
 */
bool sp_utf8_put_char(struct sp_buf *out, uint32_t c);

#endif
