#include "index/mail/transfer.h"

#include <string.h>

#define CHUNK ((size_t)16 << 10)

struct out {
	const struct sp_sink *sink;
	size_t n;
	char buf[CHUNK];
};

static void
flush(struct out *o)
{
	if (o->n > 0)
		o->sink->put(o->sink->ctx, o->buf, o->n);
	o->n = 0;
}

static inline void
put(struct out *o, char c)
{
	o->buf[o->n++] = c;
	if (o->n == CHUNK)
		flush(o);
}

static void
put_all(struct out *o, const char *p, size_t n)
{
	while (n > 0) {
		size_t k = CHUNK - o->n < n ? CHUNK - o->n : n;

		memcpy(o->buf + o->n, p, k);
		o->n += k;
		p += k;
		n -= k;
		if (o->n == CHUNK)
			flush(o);
	}
}

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

/* ---- base64 --------------------------------------------------------- */

/* 0-63 the digits of base64, and three classes more. */
enum { B_JUNK = 64, B_BLANK = 65, B_PAD = 66 };

static const uint8_t b64[256] = {
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	65,
	65,
	64,
	64,
	65,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	65,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	62,
	64,
	64,
	64,
	63,
	52,
	53,
	54,
	55,
	56,
	57,
	58,
	59,
	60,
	61,
	64,
	64,
	64,
	66,
	64,
	64,
	64,
	0,
	1,
	2,
	3,
	4,
	5,
	6,
	7,
	8,
	9,
	10,
	11,
	12,
	13,
	14,
	15,
	16,
	17,
	18,
	19,
	20,
	21,
	22,
	23,
	24,
	25,
	64,
	64,
	64,
	64,
	64,
	64,
	26,
	27,
	28,
	29,
	30,
	31,
	32,
	33,
	34,
	35,
	36,
	37,
	38,
	39,
	40,
	41,
	42,
	43,
	44,
	45,
	46,
	47,
	48,
	49,
	50,
	51,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
	64,
};

struct b64 {
	struct out *o;
	uint32_t acc;
	unsigned q; /* digits in acc, 0-3 */
	bool ok;
};

/* The end of a padded or cut quantum: what is whole counts. */
static void
b64_finish(struct b64 *b)
{
	if (b->q == 2) {
		put(b->o, (char)(b->acc >> 4));
	} else if (b->q == 3) {
		put(b->o, (char)(b->acc >> 10));
		put(b->o, (char)(b->acc >> 2));
	} else if (b->q == 1) {
		b->ok = false;
	}
	b->q = 0;
	b->acc = 0;
}

static void
b64_digit(struct b64 *b, uint8_t d)
{
	b->acc = b->acc << 6 | d;
	if (++b->q < 4)
		return;
	put(b->o, (char)(b->acc >> 16));
	put(b->o, (char)(b->acc >> 8));
	put(b->o, (char)b->acc);
	b->q = 0;
	b->acc = 0;
}

/*
 * Behind padding or an empty line there may be a further piece of base64, or
 * the footer of a mailing list.  Whether the line at ${p} is the former.
 */
static bool
b64_line(const char *p, size_t n, bool whole)
{
	struct sp_view v = sp_view_trim(sp_view_mem(p, n));

	for (size_t i = 0; i < v.n; i++)
		if (b64[(uint8_t)v.p[i]] == B_JUNK ||
		    b64[(uint8_t)v.p[i]] == B_BLANK)
			return (false);
	return (!whole || v.n % 4 == 0);
}

/* Quanta without anything between them; returns the bytes used. */
static size_t
b64_fast(struct b64 *b, const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (n - i >= 4) {
		uint32_t a = b64[p[i]], c = b64[p[i + 1]];
		uint32_t d = b64[p[i + 2]], e = b64[p[i + 3]];
		uint32_t x = a << 18 | c << 12 | d << 6 | e;
		char t[3];

		if ((a | c | d | e) >= 64)
			break;
		t[0] = (char)(x >> 16);
		t[1] = (char)(x >> 8);
		t[2] = (char)x;
		put_all(b->o, t, 3);
		i += 4;
	}
	return (i);
}

static bool
decode_b64(struct sp_view in, struct out *o)
{
	struct b64 b = { .o = o, .ok = true };
	bool padded = false, strict = false, any = false;
	unsigned breaks = 0;
	size_t i = 0;

	while (i < in.n) {
		uint8_t c = b64[(uint8_t)in.p[i]];

		if (c == B_BLANK) {
			if (in.p[i++] == '\n' && ++breaks >= 2 && any)
				strict = true;
			continue;
		}
		if (strict && (breaks > 0 || padded)) {
			const char *lf = memchr(in.p + i, '\n', in.n - i);
			size_t n =
			    lf == NULL ? in.n - i : (size_t)(lf - in.p) - i;

			if (!b64_line(in.p + i, n, padded && b.q == 0)) {
				b.ok = false;
				i += n;
				continue;
			}
		}
		breaks = 0;
		if (c == B_PAD) {
			b.ok &= b.q >= 2 || padded;
			b64_finish(&b);
			padded = strict = true;
			i++;
			while (i < in.n && in.p[i] == '=')
				i++;
			continue;
		}
		any = true;
		padded = false;
		if (c == B_JUNK) {
			b.ok = false;
			i++;
		} else if (b.q == 0 && in.n - i >= 4) {
			size_t n =
			    b64_fast(&b, (const uint8_t *)in.p + i, in.n - i);

			if (n == 0)
				b64_digit(&b, c);
			i += n == 0 ? 1 : n;
		} else {
			b64_digit(&b, c);
			i++;
		}
	}
	b.ok &= b.q == 0;
	b64_finish(&b);
	return (b.ok);
}

/* ---- quoted-printable ----------------------------------------------- */

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

/* What begins with '=' at ${i}; returns where it ends. */
static size_t
qp_escape(struct sp_view in, size_t i, struct out *o, bool *ok)
{
	size_t j;

	if (in.n - i >= 3) {
		int h = hex(in.p[i + 1]), l = hex(in.p[i + 2]);

		if (h >= 0 && l >= 0) {
			put(o, (char)(h << 4 | l));
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
	put(o, '=');
	return (i + 1);
}

static bool
decode_qp(struct sp_view in, struct out *o)
{
	bool ok = true;
	size_t i = 0;

	while (i < in.n) {
		size_t j = i;

		while (j < in.n && in.p[j] != '=' && in.p[j] != ' ' &&
		       in.p[j] != '\t')
			j++;
		put_all(o, in.p + i, j - i);
		if (j == in.n)
			break;
		if (in.p[j] == '=') {
			i = qp_escape(in, j, o, &ok);
			continue;
		}
		/* Blanks before a line end were added in transport. */
		i = skip_blanks(in, j);
		if (!at_line_end(in, i))
			put_all(o, in.p + j, i - j);
	}
	return (ok);
}

/* ---- uuencode ------------------------------------------------------- */

#define UU_LINE_MAX 63 /* bytes that a line can claim */

static struct sp_view
next_line(struct sp_view v, size_t *pos)
{
	const char *lf = memchr(v.p + *pos, '\n', v.n - *pos);
	size_t end = lf == NULL ? v.n : (size_t)(lf - v.p);
	struct sp_view l = sp_view_mem(v.p + *pos, end - *pos);

	*pos = lf == NULL ? end : end + 1;
	while (l.n > 0 && l.p[l.n - 1] == '\r')
		l.n--;
	return (l);
}

/* "begin 644 name" */
static bool
is_begin(struct sp_view l, struct sp_view *name)
{
	size_t i = 6;

	if (!sp_view_starts(l, "begin "))
		return (false);
	while (i < l.n && l.p[i] >= '0' && l.p[i] <= '7')
		i++;
	if (i < 9 || i > 10 || i + 1 >= l.n || l.p[i] != ' ')
		return (false);
	*name = sp_view_trim(sp_view_mem(l.p + i, l.n - i));
	return (name->n > 0);
}

/* Whether the line has the length its first character claims. */
static bool
is_uu_line(struct sp_view l)
{
	size_t want, have;

	if (l.n == 0 || l.p[0] < ' ' || l.p[0] > '`')
		return (false);
	want = ((size_t)(l.p[0] - ' ') & 63);
	have = l.n - 1;
	/* Blanks at the end may be lost, and a checksum may follow. */
	return (want > 0 && have >= want && have <= (want + 2) / 3 * 4 + 2);
}

static void
uu_line(struct sp_view l, struct out *o)
{
	size_t want = ((size_t)(l.p[0] - ' ') & 63);

	for (size_t i = 1; want > 0; i += 4) {
		uint32_t x = 0;

		for (size_t k = i; k < i + 4; k++)
			x = x << 6 |
			    (k < l.n ? ((uint32_t)(l.p[k] - ' ') & 63) : 0);
		for (int s = 16; s >= 0 && want > 0; s -= 8, want--)
			put(o, (char)(x >> s));
	}
}

static bool
is_end(struct sp_view l)
{
	return (sp_view_eq_str(sp_view_trim(l), "end"));
}

static bool
decode_uu(struct sp_view in, struct out *o)
{
	struct sp_view name;
	size_t pos = 0;
	bool started = false;

	while (pos < in.n) {
		struct sp_view l = next_line(in, &pos);

		if (!started && is_begin(l, &name)) {
			started = true;
			continue;
		}
		if (is_end(l))
			return (true);
		if (l.n > 0 && l.p[0] > ' ' && l.p[0] < '`') {
			started = true;
			uu_line(l, o);
		}
	}
	return (started);
}

bool
sp_uu_find(struct sp_view text, size_t from, struct sp_uu *out)
{
	size_t pos = from;

	while (pos < text.n) {
		const char *p;
		size_t at, q;

		p = memmem(text.p + pos, text.n - pos, "begin ", 6);
		if (p == NULL)
			return (false);
		at = (size_t)(p - text.p);
		pos = at + 6;
		if (at > 0 && text.p[at - 1] != '\n')
			continue;
		q = at;
		if (!is_begin(next_line(text, &q), &out->name))
			continue;
		out->begin = at;
		out->data.p = text.p + q;
		pos = q;
		while (q < text.n) {
			size_t line = q;
			struct sp_view l = next_line(text, &q);
			bool end = is_end(l);

			/* The line of no bytes, "`" or " ", may stand there. */
			if (end || !(is_uu_line(l) || l.n == 0 ||
				       sp_view_eq_str(l, "`") ||
				       sp_view_eq_str(l, " "))) {
				out->data.n =
				    (size_t)(text.p + line - out->data.p);
				out->end = end ? q : line;
				break;
			}
			out->data.n = (size_t)(text.p + q - out->data.p);
			out->end = q;
		}
		if (q > pos && out->data.n > 1)
			return (true);
	}
	return (false);
}

/* ---- all ------------------------------------------------------------ */

bool
sp_transfer_decode(
    enum sp_transfer t, struct sp_view in, const struct sp_sink *sink)
{
	struct out o;
	bool ok = true;

	o.sink = sink;
	o.n = 0;
	switch (t) {
	case SP_TRANSFER_PLAIN:
		if (in.n > 0)
			sink->put(sink->ctx, in.p, in.n);
		return (true);
	case SP_TRANSFER_BASE64:
		ok = decode_b64(in, &o);
		break;
	case SP_TRANSFER_QP:
		ok = decode_qp(in, &o);
		break;
	case SP_TRANSFER_UU:
		ok = decode_uu(in, &o);
		break;
	}
	flush(&o);
	return (ok);
}
