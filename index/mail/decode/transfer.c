/*
 * Content-Transfer-Encodings (RFC 2045 section 6): which one a header field
 * names, quoted-printable, and the dispatch to base64.c and uu.c.  Decoded
 * bytes go to the sink of the caller in chunks, so memory stays constant
 * however large a part is.  The callers are leaf.c (digests and text of each
 * part), tree.c (encoded multiparts), journal.c and words.c.
 */
#include "index/mail/decode/transfer.h"
#include "index/mail/decode/transfer_priv.h"

#include <string.h>

/*
 * Look up the first word of the field's value, without quotes, parameters and
 * comments.  The list has the misspellings that mail has.
 */
enum sp_transfer
sp_transfer_by_name(struct sp_view value, bool *known)
{
	static const struct {
		const char *name;
		enum sp_transfer t;
	} names[] = {
		{ "7bit", SP_TRANSFER_PLAIN },
		{ "8bit", SP_TRANSFER_PLAIN },
		{ "binary", SP_TRANSFER_PLAIN },
		{ "base64", SP_TRANSFER_BASE64 },
		{ "quoted-printable", SP_TRANSFER_QP },
		{ "x-uuencode", SP_TRANSFER_UU },
		{ "uuencode", SP_TRANSFER_UU },
		{ "x-uue", SP_TRANSFER_UU },
		{ "uue", SP_TRANSFER_UU },
		{ "7-bit", SP_TRANSFER_PLAIN },
		{ "8-bit", SP_TRANSFER_PLAIN },
		{ "base-64", SP_TRANSFER_BASE64 },
		{ "b", SP_TRANSFER_BASE64 },
		{ "q", SP_TRANSFER_QP },
		{ "quotedprintable", SP_TRANSFER_QP },
	};
	struct sp_view v = sp_view_trim(value);
	size_t n = 0;

	if (v.n > 0 && v.p[0] == '"') {
		v.p++;
		v.n--;
	}
	while (n < v.n && strchr(" \t\r\n;(\"", v.p[n]) == NULL)
		n++;
	v.n = n;
	*known = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (sp_view_ieq_str(v, names[i].name))
			return (names[i].t);
	*known = false;
	return (SP_TRANSFER_PLAIN);
}

/* ---- quoted-printable ----------------------------------------------- */

/* The value of a hexadecimal digit, or -1. */
static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (-1);
}

/* Where the blanks at ${i} end. */
static size_t
skip_blanks(struct sp_view v, size_t i)
{
	while (i < v.n && (v.p[i] == ' ' || v.p[i] == '\t'))
		i++;
	return (i);
}

static bool
at_line_end(struct sp_view v, size_t i)
{
	return (i == v.n || v.p[i] == '\n' ||
		(v.p[i] == '\r' && (i + 1 == v.n || v.p[i + 1] == '\n')));
}

/*
 * Decode what begins with '=' at ${i}: a byte, or a soft line break with
 * blanks behind it.  Anything else keeps its '=' and clears *ok.  Returns
 * where it ends.
 */
static size_t
qp_escape(struct sp_view in, size_t i, struct sp_transfer_out *o, bool *ok)
{
	size_t j;

	if (in.n - i >= 3) {
		int h = hex(in.p[i + 1]), l = hex(in.p[i + 2]);

		if (h >= 0 && l >= 0) {
			sp_transfer_out_put(o, (char)(h << 4 | l));
			return (i + 3);
		}
	}
	j = skip_blanks(in, i + 1);
	if (at_line_end(in, j)) {
		if (j < in.n && in.p[j] == '\r')
			j++;
		return (j < in.n ? j + 1 : j);
	}
	*ok = false;
	sp_transfer_out_put(o, '=');
	return (i + 1);
}

/*
 * Decode quoted-printable (RFC 2045 section 6.7).  Blanks before a line end
 * were added in transport and are left out.
 */
static bool
decode_qp(struct sp_view in, struct sp_transfer_out *o)
{
	bool ok = true;
	size_t i = 0;

	while (i < in.n) {
		size_t j = i;

		while (j < in.n && in.p[j] != '=' && in.p[j] != ' ' &&
		       in.p[j] != '\t')
			j++;
		sp_transfer_out_add(o, in.p + i, j - i);
		if (j == in.n)
			break;
		if (in.p[j] == '=') {
			i = qp_escape(in, j, o, &ok);
			continue;
		}
		/* Blanks before a line end were added in transport. */
		i = skip_blanks(in, j);
		if (!at_line_end(in, i))
			sp_transfer_out_add(o, in.p + j, i - j);
	}
	return (ok);
}

/* ---- all ------------------------------------------------------------ */

/*
 * Plain bytes go to the sink as they are, in one piece; the decoders fill ${o}
 * chunk by chunk.
 */
bool
sp_transfer_decode(
    enum sp_transfer t, struct sp_view in, const struct sp_sink *sink)
{
	struct sp_transfer_out o;
	bool ok = true;

	o.sink = sink;
	o.n = 0;
	switch (t) {
	case SP_TRANSFER_PLAIN:
		if (in.n > 0)
			sink->put(sink->ctx, in.p, in.n);
		return (true);
	case SP_TRANSFER_BASE64:
		ok = sp_transfer_base64(in, &o);
		break;
	case SP_TRANSFER_QP:
		ok = decode_qp(in, &o);
		break;
	case SP_TRANSFER_UU:
		ok = sp_transfer_uu(in, &o);
		break;
	}
	sp_transfer_out_flush(&o);
	return (ok);
}
