/*
 * uuencode, as a transfer encoding (called by transfer.c) and as files in the
 * middle of text, where mail.c looks for them.  Lines begin with a character
 * that says how many bytes they hold:
 *
 *     begin 644 name
 *     #0V%T
 *     `
 *     end
 */
#include "index/mail/decode/uu.h"

#include <string.h>

#include "index/mail/decode/transfer_priv.h"

#define UU_LINE_MAX 63 /* bytes that a line can claim */

/* The line at *pos without its line end; *pos is then at the next one. */
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

/* Whether ${l} is "begin MODE NAME", with three or four octal digits. */
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

/*
 * Decode one line, as many bytes as its first character says; characters that
 * are missing at its end count as zero bits.
 */
static void
uu_line(struct sp_view l, struct sp_transfer_out *o)
{
	size_t want = ((size_t)(l.p[0] - ' ') & 63);

	for (size_t i = 1; want > 0; i += 4) {
		uint32_t x = 0;

		for (size_t k = i; k < i + 4; k++)
			x = x << 6 |
			    (k < l.n ? ((uint32_t)(l.p[k] - ' ') & 63) : 0);
		for (int s = 16; s >= 0 && want > 0; s -= 8, want--)
			sp_transfer_out_put(o, (char)(x >> s));
	}
}

static bool
is_end(struct sp_view l)
{
	return (sp_view_eq_str(sp_view_trim(l), "end"));
}

/*
 * A body may lack its begin line, its end line, or both; lines of other forms
 * are passed over.  False if it has nothing of a uuencoded file.
 */
bool
sp_transfer_uu(struct sp_view in, struct sp_transfer_out *o)
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

/*
 * Look for a begin line at the start of a line, then take lines as long as
 * they have the form of uuencoded ones.  Text that only begins like it has no
 * such lines and is passed over; no stretch is read twice.
 */
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
