/*
 * UTF-8 text on a buffer with a limit: what does not fit is cut between two
 * characters, so that text stays valid UTF-8 whatever its limit.  All the
 * decoders of this room, and the readers above it, write their text so.
 */
#include "index/mail/decode/utf8.h"

/* Go back from the limit to the start of the character that it would cut. */
bool
sp_utf8_put(struct sp_buf *out, const char *p, size_t n)
{
	size_t room = out->max - out->n;

	if (n <= room)
		return (sp_buf_add(out, p, n) == SP_OK);
	while (room > 0 && ((unsigned char)p[room] & 0xc0) == 0x80)
		room--;
	(void)!sp_buf_add(out, p, room);
	return (false);
}

/* Encode the character in one to four bytes (RFC 3629 section 3). */
bool
sp_utf8_put_char(struct sp_buf *out, uint32_t c)
{
	char u[4];
	size_t n;

	if (c < 0x80) {
		u[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		u[0] = (char)(0xc0 | c >> 6);
		u[1] = (char)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		u[0] = (char)(0xe0 | c >> 12);
		u[1] = (char)(0x80 | (c >> 6 & 0x3f));
		u[2] = (char)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		u[0] = (char)(0xf0 | c >> 18);
		u[1] = (char)(0x80 | (c >> 12 & 0x3f));
		u[2] = (char)(0x80 | (c >> 6 & 0x3f));
		u[3] = (char)(0x80 | (c & 0x3f));
		n = 4;
	}
	return (sp_utf8_put(out, u, n));
}
