#include "journal/smtp/data.h"

#include <assert.h>
#include <string.h>

/* Where the content of one call is put together. */
struct kept_content {
	char *base; /* the bytes given */
	size_t from; /* start of what is kept but not yet placed */
	size_t start; /* where the content begins */
	size_t to; /* where it ends so far */
	bool any; /* anything placed */
};

/* Keep [from, end): in place unless a dot was dropped before it. */
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

static void
end_line(struct sp_data *d)
{
	if (d->column > d->longest)
		d->longest = d->column;
	d->column = 0;
}

/* The inside of a line from ${i} on, up to and with its CR. */
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
