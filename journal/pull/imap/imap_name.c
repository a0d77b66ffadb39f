/*
 * Names of mailboxes and strings of IMAP commands (imap_name.h).  Modified
 * UTF-7 (RFC 3501 section 5.1.3): printable ASCII stands for itself, "&" is
 * "&-", and a run of anything else is "&", its UTF-16 in base64 with ","
 * instead of "/" and without "=", "-".
 */
#include "journal/pull/imap/imap_name.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* Cut the next character off valid UTF-8. */
static uint32_t
next_char(struct sp_view *v)
{
	uint8_t c = (uint8_t)v->p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t u = n == 1 ? c : c & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		u = u << 6 | ((uint8_t)v->p[i] & 0x3f);
	v->p += n;
	v->n -= n;
	return (u);
}

/* Bits waiting to become a digit. */
struct bits {
	uint32_t value;
	unsigned n;
};

/* Append the digits of a UTF-16 unit, as far as they are complete. */
static enum sp_code
put16(struct bits *b, uint32_t unit, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	b->value = b->value << 16 | unit;
	b->n += 16;
	while (rc == SP_OK && b->n >= 6) {
		b->n -= 6;
		rc = sp_buf_addc(out, alphabet[b->value >> b->n & 63]);
	}
	b->value &= (1u << b->n) - 1;
	return (rc);
}

static bool
plain(char c)
{
	return (c >= 0x20 && c <= 0x7e);
}

/* Encode the run of characters beyond ASCII that ${v} begins with. */
static enum sp_code
encode_run(struct sp_view *v, struct sp_buf *out)
{
	struct bits b = { 0, 0 };
	enum sp_code rc = sp_buf_addc(out, '&');

	while (rc == SP_OK && v->n > 0 && (uint8_t)v->p[0] >= 0x80) {
		uint32_t u = next_char(v);

		if (u >= 0x10000) {
			rc = put16(&b, 0xd800 + ((u - 0x10000) >> 10), out);
			u = 0xdc00 + ((u - 0x10000) & 0x3ff);
		}
		if (rc == SP_OK)
			rc = put16(&b, u, out);
	}
	if (rc == SP_OK && b.n > 0)
		rc = sp_buf_addc(out, alphabet[b.value << (6 - b.n) & 63]);
	return (rc == SP_OK ? sp_buf_addc(out, '-') : rc);
}

enum sp_code
sp_imap_name_encode(struct sp_view utf8, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	if (!sp_view_is_utf8(utf8))
		return (SP_EFORMAT);
	while (rc == SP_OK && utf8.n > 0) {
		char c = utf8.p[0];

		if ((uint8_t)c < 0x20 || c == 0x7f)
			return (SP_EFORMAT);
		if (!plain(c)) {
			rc = encode_run(&utf8, out);
			continue;
		}
		rc = c == '&' ? sp_buf_adds(out, "&-") : sp_buf_addc(out, c);
		utf8.p++;
		utf8.n--;
	}
	return (rc);
}

/* Append a character in UTF-8. */
static enum sp_code
put_utf8(uint32_t u, struct sp_buf *out)
{
	char c[4];
	size_t n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
	static const uint8_t head[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; u >>= 6)
		c[i] = (char)(0x80 | (u & 0x3f));
	c[0] = (char)(head[n] | u);
	return (sp_buf_add(out, c, n));
}

/* Append what the digits between & and - stand for: UTF-16, big end first.
 * SP_EFORMAT: no digits, a surrogate alone, a control character, or bits left
 * over. */
static enum sp_code
decode_run(struct sp_view digits, struct sp_buf *out)
{
	uint32_t acc = 0, high = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < digits.n; i++) {
		const char *at = memchr(alphabet, digits.p[i], 64);
		uint32_t unit;

		if (at == NULL)
			return (SP_EFORMAT);
		acc = acc << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits < 16)
			continue;
		bits -= 16;
		unit = acc >> bits & 0xffff;
		acc &= (1u << bits) - 1;
		if ((high != 0) != (unit >= 0xdc00 && unit <= 0xdfff))
			return (SP_EFORMAT);
		if (unit >= 0xd800 && unit <= 0xdbff) {
			high = unit;
			continue;
		}
		if (high != 0)
			unit =
			    0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
		high = 0;
		if (unit < 0x20 || put_utf8(unit, out) != SP_OK)
			return (SP_EFORMAT);
	}
	return (high == 0 && bits < 6 && acc == 0 ? SP_OK : SP_EFORMAT);
}

/* Append the whole name decoded.  SP_EFORMAT: it is no modified UTF-7; then
 * some of it may have been appended. */
static enum sp_code
decode(struct sp_view v, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && v.n > 0) {
		struct sp_view rest = { v.p + 1, v.n - 1 }, digits;
		char c = v.p[0];

		if (c != '&') {
			rc = plain(c) ? sp_buf_addc(out, c) : SP_EFORMAT;
			v = rest;
			continue;
		}
		digits = sp_view_cut(&rest, '-');
		if (rest.p == NULL)
			return (SP_EFORMAT);
		rc = digits.n == 0 ? sp_buf_addc(out, '&')
				   : decode_run(digits, out);
		v = rest;
	}
	return (rc);
}

enum sp_code
sp_imap_name_decode(struct sp_view name, bool utf8, struct sp_buf *out)
{
	size_t was = out->n;

	if (!utf8) {
		enum sp_code rc = decode(name, out);

		if (rc != SP_EFORMAT)
			return (rc);
		out->n = was;
	}
	return (sp_buf_addv(out, name));
}

/* Quotes and backslashes are escaped (RFC 3501 section 9, quoted). */
enum sp_code
sp_imap_quote(struct sp_view v, bool utf8, struct sp_buf *out)
{
	size_t was = out->n;
	enum sp_code rc = sp_buf_addc(out, '"');

	for (size_t i = 0; rc == SP_OK && i < v.n; i++) {
		char c = v.p[i];

		if (c == '\0' || c == '\r' || c == '\n' ||
		    ((uint8_t)c >= 0x80 && !utf8))
			rc = SP_EFORMAT;
		else if (c == '"' || c == '\\')
			rc = sp_buf_addc(out, '\\');
		if (rc == SP_OK)
			rc = sp_buf_addc(out, c);
	}
	if (rc == SP_OK && utf8 && !sp_view_is_utf8(v))
		rc = SP_EFORMAT;
	if (rc == SP_OK)
		rc = sp_buf_addc(out, '"');
	if (rc != SP_OK)
		out->n = was;
	return (rc);
}

bool
sp_imap_name_same(struct sp_view a, struct sp_view b)
{
	return (sp_view_eq(a, b) ||
		(sp_view_ieq_str(a, "INBOX") && sp_view_ieq_str(b, "INBOX")));
}
