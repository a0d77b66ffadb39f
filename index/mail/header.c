/*
 * Header fields of a message or part, read one after the other without copying
 * (RFC 5322 section 2.2, read leniently after RFC 7103).  Finding lines keeps
 * the place of the next LF, so that a header without one is searched once.
 *
 *     fields --empty line--> body          fields --no field follows--> body
 *
 * Called by tree.c for every header in a message, and by journal.c.
 */
#include "index/mail/header.h"

#include <string.h>

#include "base/attr.h"
#include "index/mail/decode/utf8.h"

#define MAX_LEADING 16 /* empty lines before a header */

/* A line: its content without line end, and where the next one begins. */
struct header_line {
	struct sp_view v;
	size_t next;
	bool bare_cr;
};

static bool
is_wsp(char c)
{
	return (c == ' ' || c == '\t');
}

/* The first ${c} at or after ${from}, or the length of ${v}. */
static size_t
find(struct sp_view v, size_t from, char c)
{
	const char *p = NULL;

	if (from < v.n)
		p = memchr(v.p + from, c, v.n - from);
	return (p == NULL ? v.n : (size_t)(p - v.p));
}

/*
 * The line at ${pos}.  A CR without LF ends a line too (RFC 7103 section 6); a
 * run of CRs before an LF belongs to the line end, and a run at the start of a
 * line is not an empty line.
 */
static struct header_line
line_at(struct sp_header *f, size_t pos)
{
	struct header_line l = { .bare_cr = false };
	size_t cr, end;

	if (f->mac) {
		cr = find(f->msg, pos, '\r');
		l.v = sp_view_mem(f->msg.p + pos, cr - pos);
		l.next = cr < f->msg.n ? cr + 1 : cr;
		return (l);
	}
	if (f->lf < pos)
		f->lf = find(f->msg, pos, '\n');
	end = f->lf;
	cr = find(sp_view_mem(f->msg.p, end), pos, '\r');
	l.v = sp_view_mem(f->msg.p + pos, cr - pos);
	while (cr < end && f->msg.p[cr] == '\r')
		cr++;
	l.bare_cr = cr < end;
	if (l.bare_cr || end == f->msg.n)
		l.next = cr;
	else
		l.next = end + 1;
	/* A run of CRs at the start is not an empty line. */
	if (l.bare_cr && l.v.n == 0) {
		struct header_line m = line_at(f, cr);

		m.bare_cr = true;
		return (m);
	}
	return (l);
}

/*
 * The length of the field name in the line ${l}, and where its colon is; 0 if
 * the line is no field.
 */
static size_t
name_length(struct sp_view l, size_t *colon)
{
	size_t i = 0, n;

	/* A delimiter of a multipart, where the empty line was lost. */
	if (l.n > 2 && l.p[0] == '-' && l.p[1] == '-')
		return (0);
	while (i < l.n && l.p[i] > ' ' && l.p[i] < 127 && l.p[i] != ':')
		i++;
	n = i;
	while (i < l.n && is_wsp(l.p[i]))
		i++;
	if (n == 0 || i == l.n || l.p[i] != ':')
		return (0);
	*colon = i;
	return (n);
}

static bool
is_field(struct sp_view l)
{
	size_t colon;

	return (name_length(l, &colon) > 0);
}

static bool
is_blank(struct sp_view l)
{
	for (size_t i = 0; i < l.n; i++)
		if (!is_wsp(l.p[i]))
			return (false);
	return (true);
}

/* Whether the line is a field that messages begin with. */
static bool
begins_message(struct sp_view l)
{
	static const char *const names[] = { "from", "to", "subject", "date",
		"received", "return-path", "delivered-to", "message-id",
		"mime-version", "content-type", "reply-to", "sender", "cc",
		"dkim-signature", "x-received", "x-apparently-to",
		"x-account-key", "authentication-results", "envelope-to" };
	size_t colon, n = name_length(l, &colon);

	for (size_t i = 0; n > 0 && i < SP_COUNTOF(names); i++)
		if (sp_view_ieq_str(sp_view_mem(l.p, n), names[i]))
			return (true);
	return (false);
}

/*
 * At the top, pass over what got before the header of a message: a byte order
 * mark, empty lines or half a field, if a field that messages begin with
 * follows; and the "From " line of an mbox.
 */
void
sp_header_init(struct sp_header *f, struct sp_view msg, bool top)
{
	struct header_line l;
	size_t pos = 0;

	*f = (struct sp_header){ .msg = msg };
	f->lf = find(msg, 0, '\n');
	f->mac = f->lf == msg.n && find(msg, 0, '\r') < msg.n;
	if (!top)
		return;
	/* A byte order mark, empty lines or half a field that got before the
	 * header of a message. */
	if (sp_view_starts(msg, "\xef\xbb\xbf"))
		pos = 3;
	for (unsigned i = 0; i < MAX_LEADING && pos < msg.n; i++) {
		l = line_at(f, pos);
		if (l.v.n > 0 && !is_wsp(l.v.p[0]))
			break;
		pos = l.next;
	}
	if (pos > 0 && pos < msg.n && begins_message(line_at(f, pos).v))
		f->pos = pos;
	else
		f->lf = find(msg, 0, '\n');
	if (sp_view_starts(msg, "From ") || sp_view_starts(msg, ">From "))
		f->pos = line_at(f, 0).next;
}

/*
 * Whether the line ${l}, no field amid fields, belongs to the field before it:
 * so if a field or an empty line comes next (RFC 7103 section 7.2); else the
 * body has begun.
 */
static bool
belongs_before(struct sp_header *f, const struct header_line *l)
{
	struct header_line next;

	if (l->next >= f->msg.n || sp_view_starts(l->v, "--"))
		return (false);
	next = line_at(f, l->next);
	return (next.v.n == 0 || is_field(next.v));
}

/*
 * Read a field line and then every line that continues it.  Blank lines of a
 * fold are dropped at the end of a value.
 */
bool
sp_header_next(struct sp_header *f, struct sp_field *out)
{
	struct header_line l;
	size_t n, colon, end;
	bool blank = false;

	if (f->done)
		return (false);
	f->done = true;
	if (f->pos >= f->msg.n) {
		f->unended = true;
		return (false);
	}
	l = line_at(f, f->pos);
	if (l.v.n == 0) {
		f->pos = l.next;
		return (false);
	}
	n = name_length(l.v, &colon);
	if (n == 0) {
		f->unended = true;
		return (false);
	}
	out->name = sp_view_mem(l.v.p, n);
	out->value.p = l.v.p + colon + 1;
	end = (size_t)(l.v.p - f->msg.p) + l.v.n;
	for (;;) {
		size_t from = l.next;

		f->bare_cr |= l.bare_cr;
		f->pos = from;
		if (from >= f->msg.n)
			break;
		l = line_at(f, from);
		if (l.v.n == 0 || (!is_wsp(l.v.p[0]) && is_field(l.v)))
			break;
		if (!is_wsp(l.v.p[0])) {
			/* Behind a line of blanks it is the body. */
			if (blank || !belongs_before(f, &l))
				break;
			f->junk = true;
		}
		blank = is_blank(l.v);
		if (!blank)
			end = (size_t)(l.v.p - f->msg.p) + l.v.n;
	}
	out->value.n = (size_t)(f->msg.p + end - out->value.p);
	f->any = true;
	f->done = false;
	return (true);
}

void
sp_header_unfold(struct sp_view value, struct sp_buf *out)
{
	struct sp_view v = sp_view_trim(value);
	size_t i = 0;

	while (i < v.n) {
		size_t j = i;

		while (j < v.n && v.p[j] != '\r' && v.p[j] != '\n')
			j++;
		if (!sp_utf8_put(out, v.p + i, j - i))
			return;
		if (j == v.n)
			return;
		while (j < v.n &&
		       (is_wsp(v.p[j]) || v.p[j] == '\r' || v.p[j] == '\n'))
			j++;
		if (!sp_utf8_put(out, " ", 1))
			return;
		i = j;
	}
}
