#include "index/mail/header.h"

#include <string.h>

#include "index/mail/charset.h"

/* A line: its content without line end, and where the next one begins. */
struct line {
	struct sp_view v;
	size_t next;
	bool bare_cr;
};

static bool
is_wsp(char c)
{
	return (c == ' ' || c == '\t');
}

static size_t
find(struct sp_view v, size_t from, char c)
{
	const char *p = NULL;

	if (from < v.n)
		p = memchr(v.p + from, c, v.n - from);
	return (p == NULL ? v.n : (size_t)(p - v.p));
}

static struct line
line_at(struct sp_fields *f, size_t pos)
{
	struct line l = { .bare_cr = false };
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
		struct line m = line_at(f, cr);

		m.bare_cr = true;
		return (m);
	}
	return (l);
}

/* The length of the field name before the colon, or 0 if it is no field. */
static size_t
name_length(struct sp_view l, size_t *colon)
{
	size_t i = 0, n;

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

void
sp_fields_init(struct sp_fields *f, struct sp_view msg, bool top)
{
	*f = (struct sp_fields){ .msg = msg };
	f->lf = find(msg, 0, '\n');
	f->mac = f->lf == msg.n && find(msg, 0, '\r') < msg.n;
	if (top &&
	    (sp_view_starts(msg, "From ") || sp_view_starts(msg, ">From ")))
		f->pos = line_at(f, 0).next;
}

/*
 * A line that is no field amid fields: where a field or an empty line comes
 * next, it belongs to the field before it (RFC 7103 section 7.2); else the
 * body has begun.
 */
static bool
belongs(struct sp_fields *f, const struct line *l)
{
	struct line next;

	if (l->next >= f->msg.n)
		return (false);
	next = line_at(f, l->next);
	return (next.v.n == 0 || is_field(next.v));
}

bool
sp_fields_next(struct sp_fields *f, struct sp_field *out)
{
	struct line l;
	size_t n, colon, end;

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
			if (!belongs(f, &l))
				break;
			f->junk = true;
		}
		if (!is_blank(l.v))
			end = (size_t)(l.v.p - f->msg.p) + l.v.n;
	}
	out->value.n = (size_t)(f->msg.p + end - out->value.p);
	f->any = true;
	f->done = false;
	return (true);
}

void
sp_field_unfold(struct sp_view value, struct sp_buf *out)
{
	struct sp_view v = sp_view_trim(value);
	size_t i = 0;

	while (i < v.n) {
		size_t j = i;

		while (j < v.n && v.p[j] != '\r' && v.p[j] != '\n')
			j++;
		if (!sp_text_put(out, v.p + i, j - i))
			return;
		if (j == v.n)
			return;
		while (j < v.n &&
		       (is_wsp(v.p[j]) || v.p[j] == '\r' || v.p[j] == '\n'))
			j++;
		if (!sp_text_put(out, " ", 1))
			return;
		i = j;
	}
}
