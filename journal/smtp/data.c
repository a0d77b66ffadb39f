/*
 * The automaton of data.h over the bytes of a message.  It looks for the few
 * bytes that matter with memchr() and moves nothing but what stands behind a
 * dot that was dropped, so that ordinary text costs one pass.  session_data.c
 * and milter_data.c feed it and store what it gives.
 */
#include "journal/smtp/data.h"

#include <assert.h>
#include <string.h>

/* The content of one call, as one run inside the bytes that were given. */
struct kept_content {
	char *base; /* the bytes given */
	size_t from; /* start of what is kept but not yet placed */
	size_t start; /* where the content begins */
	size_t to; /* where it ends so far */
	bool any; /* anything placed */
};

/* Add the bytes from c->from up to ${end} to the content: where they are, or
 * moved down if a dot was dropped before them. */
static void
append_content(struct kept_content *c, size_t end)
{
	size_t n = end - c->from;

	if (n == 0)
		return;
	if (!c->any) {
		c->start = c->from;
		c->to = end;
		c->any = true;
		return;
	}
	if (c->to != c->from)
		memmove(c->base + c->to, c->base + c->from, n);
	c->to += n;
}

/* How often ${what} is among ${n} bytes. */
static uint64_t
count(const char *p, size_t n, char what)
{
	const char *first = n == 0 ? NULL : memchr(p, what, n);
	uint64_t found = 0;

	if (first == NULL)
		return (0);
	for (; first < p + n; first++)
		found += *first == what;
	return (found);
}

/* A line ended, with its CR LF counted in d->column. */
static void
end_line(struct sp_data *d)
{
	if (d->column > d->longest)
		d->longest = d->column;
	d->column = 0;
}

/* Go on inside a line from ${i} up to and with the next CR, or to the end of
 * the input; count bare LFs on the way.  Returns where it stopped. */
static size_t
scan_line(struct sp_data *d, const char *p, size_t i, size_t n)
{
	const char *cr = memchr(p + i, '\r', n - i);
	size_t end = cr == NULL ? n : (size_t)(cr - p);

	if (end > i && memchr(p + i, '\n', end - i) != NULL)
		d->bare_lf += count(p + i, end - i, '\n');
	d->column += end - i;
	d->state = SP_DATA_MID;
	if (cr != NULL) {
		d->column++;
		d->state = SP_DATA_CR;
		end++;
	}
	return (end);
}

/* State CR: an LF ends the line.  Anything else means that the CR was bare;
 * another CR may begin a line end itself, any other byte is looked at again as
 * the inside of a line. */
static size_t
after_cr(struct sp_data *d, const char *p, size_t i)
{
	if (p[i] == '\n') {
		d->column++;
		end_line(d);
		d->state = SP_DATA_BOL;
		return (i + 1);
	}
	d->bare_cr++;
	if (p[i] == '\r') {
		d->column++;
		return (i + 1);
	}
	d->state = SP_DATA_MID;
	return (i);
}

/* State DOT: a dot at the start of a line was dropped.  A CR is not content
 * yet: with an LF behind it the message is over. */
static size_t
after_dot(struct sp_data *d, struct kept_content *c, const char *p, size_t i)
{
	if (p[i] == '\r') {
		/* Held back until the next byte says what it is. */
		d->state = SP_DATA_DOTCR;
		return (i + 1);
	}
	c->from = i;
	d->state = SP_DATA_MID;
	return (i);
}

/* State DOTCR: dot, CR.  An LF ends the message; otherwise dot was stuffing
 * and the CR is content, which may lie in the input of an earlier call
 * (out->cr). */
static size_t
after_dotcr(struct sp_data *d, struct kept_content *c, struct sp_data_run *out,
    const char *p, size_t i)
{
	if (p[i] == '\n') {
		d->state = SP_DATA_END;
		return (i + 1);
	}
	/* The CR is content after all. */
	if (i > 0)
		c->from = i - 1;
	else {
		out->cr = true;
		c->from = i;
	}
	d->column = 1;
	d->state = SP_DATA_CR;
	return (i);
}

void
sp_data_init(struct sp_data *d, bool raw)
{
	*d = (struct sp_data){ .state = SP_DATA_BOL, .raw = raw };
}

/* Run the automaton until the input or the message ends, and hand out the
 * content as one run. */
void
sp_data_feed(struct sp_data *d, char *p, size_t n, struct sp_data_run *out)
{
	struct kept_content c = { .base = p };
	size_t i = 0;

	assert(d->state != SP_DATA_END);
	*out = (struct sp_data_run){ .p = p };
	while (i < n && d->state != SP_DATA_END) {
		switch (d->state) {
		case SP_DATA_BOL:
			if (p[i] == '.' && !d->raw) {
				append_content(&c, i);
				c.from = ++i;
				d->state = SP_DATA_DOT;
				break;
			}
			i = scan_line(d, p, i, n);
			break;
		case SP_DATA_MID:
			i = scan_line(d, p, i, n);
			break;
		case SP_DATA_CR:
			i = after_cr(d, p, i);
			break;
		case SP_DATA_DOT:
			i = after_dot(d, &c, p, i);
			break;
		case SP_DATA_DOTCR:
			i = after_dotcr(d, &c, out, p, i);
			break;
		case SP_DATA_END:
			break;
		}
	}
	if (d->state != SP_DATA_DOT && d->state != SP_DATA_DOTCR &&
	    d->state != SP_DATA_END)
		append_content(&c, i);
	out->p = p + c.start;
	out->n = c.to - c.start;
	out->used = i;
	out->end = d->state == SP_DATA_END;
	d->nul += count(out->p, out->n, '\0');
}

void
sp_data_finish(struct sp_data *d)
{
	if (d->state == SP_DATA_CR)
		d->bare_cr++;
	end_line(d);
}
