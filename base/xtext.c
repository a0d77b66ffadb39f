/*
 * Decodes xtext and ORCPT parameters.  Used to check the parameters of MAIL and
 * RCPT and to read those of XFORWARD and XCLIENT (journal/smtp), and to find
 * and show the original recipient (index, sealpost show).
 */
#include "base/xtext.h"

#include <stdint.h>

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	return (c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

/* The value of the xtext character at ${i}, which moves past it; -1 if there is
 * none. */
static int
xchar(struct sp_view v, size_t *i)
{
	char c = v.p[(*i)++];
	int hi, lo;

	if (c != '+')
		return (c >= '!' && c <= '~' && c != '=' ? c : -1);
	if (v.n - *i < 2)
		return (-1);
	hi = hex(v.p[*i]);
	lo = hex(v.p[*i + 1]);
	*i += 2;
	return (hi < 0 || lo < 0 ? -1 : hi * 16 + lo);
}

bool
sp_xtext_ok(struct sp_view v)
{
	size_t i = 0;

	while (i < v.n) {
		if (xchar(v, &i) < 0)
			return (false);
	}
	return (true);
}

bool
sp_xtext_decode(struct sp_view v, char *out, size_t *n)
{
	size_t i = 0, to = 0;

	while (i < v.n) {
		int c = xchar(v, &i);

		if (c < 0)
			return (false);
		out[to++] = (char)c;
	}
	*n = to;
	return (true);
}

/* Append the character ${c} in UTF-8. */
static enum sp_code
add_utf8(struct sp_buf *out, uint32_t c)
{
	char u[4];
	size_t n;

	if (c < 0x80) {
		u[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		u[0] = (char)(0xc0 | (c >> 6));
		u[1] = (char)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		u[0] = (char)(0xe0 | (c >> 12));
		u[1] = (char)(0x80 | ((c >> 6) & 0x3f));
		u[2] = (char)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		u[0] = (char)(0xf0 | (c >> 18));
		u[1] = (char)(0x80 | ((c >> 12) & 0x3f));
		u[2] = (char)(0x80 | ((c >> 6) & 0x3f));
		u[3] = (char)(0x80 | (c & 0x3f));
		n = 4;
	}
	return (sp_buf_add(out, u, n));
}

/* The character that "x{HEX}" at the beginning of ${v} stands for (RFC 6533
 * section 3), and in ${used} its length; 0 if there is none. */
static uint32_t
embedded(struct sp_view v, size_t *used)
{
	uint32_t c = 0;
	size_t i = 2;

	if (v.n < 4 || v.p[0] != 'x' || v.p[1] != '{')
		return (0);
	for (; i < v.n && i < 8 && hex(v.p[i]) >= 0; i++)
		c = c * 16 + (uint32_t)hex(v.p[i]);
	if (i == 2 || i >= v.n || v.p[i] != '}' || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff))
		return (0);
	*used = i + 1;
	return (c);
}

/* Append the text of an address of type utf-8. */
static bool
decode_utf8(struct sp_view v, struct sp_buf *out)
{
	for (size_t i = 0; i < v.n; i++) {
		size_t used;
		uint32_t c;

		if (v.p[i] != '\\') {
			if (sp_buf_addc(out, v.p[i]) != SP_OK)
				return (false);
			continue;
		}
		c = embedded(sp_view_mem(v.p + i + 1, v.n - i - 1), &used);
		if (c == 0 || add_utf8(out, c) != SP_OK)
			return (false);
		i += used;
	}
	return (true);
}

/* Append the text of an address of type rfc822. */
static bool
decode_xtext(struct sp_view v, struct sp_buf *out)
{
	size_t i = 0;

	while (i < v.n) {
		int c = xchar(v, &i);

		if (c < 0 || sp_buf_addc(out, (char)c) != SP_OK)
			return (false);
	}
	return (true);
}

bool
sp_xtext_orcpt(struct sp_view param, struct sp_buf *out)
{
	struct sp_view rest = param, word = sp_view_cut(&rest, '='), type;
	size_t before = out->n;
	bool ok = false;

	if (rest.p == NULL || !sp_view_ieq_str(word, "ORCPT"))
		return (false);
	type = sp_view_cut(&rest, ';');
	if (rest.n == 0)
		return (false);
	if (sp_view_ieq_str(type, "rfc822"))
		ok = decode_xtext(rest, out);
	else if (sp_view_ieq_str(type, "utf-8"))
		ok = decode_utf8(rest, out);
	if (!ok)
		out->n = before;
	return (ok);
}
