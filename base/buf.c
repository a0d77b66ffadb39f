/*
 * Growable buffers with a maximum, and memory that is never NULL.  Room is
 * doubled, so that appending byte by byte stays linear; content moves when it
 * grows, which is why secrets use base/secret.h.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
sp_xmalloc(size_t n)
{
	void *p = malloc(n == 0 ? 1 : n);

	if (p == NULL)
		abort();
	return (p);
}

void *
sp_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n == 0 ? 1 : n, size == 0 ? 1 : size);

	if (p == NULL)
		abort();
	return (p);
}

void *
sp_xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n == 0 ? 1 : n);

	if (q == NULL)
		abort();
	return (q);
}

char *
sp_xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return (memcpy(sp_xmalloc(n), s, n));
}

char *
sp_xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return (s);
}

void
sp_buf_init(struct sp_buf *b, size_t max)
{
	*b = (struct sp_buf){ .max = max };
}

void
sp_buf_done(struct sp_buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
}

void
sp_buf_clear(struct sp_buf *b)
{
	b->n = 0;
}

/* Grows to the next power of two from 64 on, but never beyond the maximum and
 * the one byte of sp_buf_cstr. */
char *
sp_buf_reserve(struct sp_buf *b, size_t n)
{
	size_t cap = b->cap;
	char *p;

	assert(b->n <= b->max);
	if (n > b->max - b->n)
		return (NULL);
	if (b->p != NULL && n <= b->cap - b->n)
		return (b->p + b->n);
	if (cap < 64)
		cap = 64;
	while (cap - b->n < n)
		cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
	if (b->max < SIZE_MAX && cap > b->max + 1)
		cap = b->max + 1;
	p = realloc(b->p, cap);
	if (p == NULL)
		return (NULL);
	b->p = p;
	b->cap = cap;
	return (b->p + b->n);
}

enum sp_code
sp_buf_add(struct sp_buf *b, const void *p, size_t n)
{
	char *at = sp_buf_reserve(b, n);

	if (at == NULL)
		return (SP_ELIMIT);
	if (n > 0)
		memcpy(at, p, n);
	b->n += n;
	return (SP_OK);
}

enum sp_code
sp_buf_addv(struct sp_buf *b, struct sp_view v)
{
	return (sp_buf_add(b, v.p, v.n));
}

enum sp_code
sp_buf_adds(struct sp_buf *b, const char *s)
{
	return (sp_buf_add(b, s, strlen(s)));
}

enum sp_code
sp_buf_addc(struct sp_buf *b, char c)
{
	return (sp_buf_add(b, &c, 1));
}

enum sp_code
sp_buf_addf(struct sp_buf *b, const char *fmt, ...)
{
	enum sp_code rc;
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	rc = sp_buf_add(b, s, (size_t)n);
	free(s);
	return (rc);
}

void
sp_buf_consume(struct sp_buf *b, size_t n)
{
	assert(n <= b->n);
	b->n -= n;
	if (b->n > 0 && n > 0)
		memmove(b->p, b->p + n, b->n);
}

struct sp_view
sp_buf_view(const struct sp_buf *b)
{
	return ((struct sp_view){ b->p, b->n });
}

const char *
sp_buf_cstr(struct sp_buf *b)
{
	if (b->p == NULL || b->n == b->cap) {
		size_t max = b->max;
		char *at;

		/* The NUL is not content: it may lie one beyond the limit. */
		if (max < SIZE_MAX)
			b->max++;
		at = sp_buf_reserve(b, 1);
		b->max = max;
		if (at == NULL)
			return (NULL);
	}
	b->p[b->n] = '\0';
	return (b->p);
}

char *
sp_buf_take(struct sp_buf *b, size_t *n)
{
	char *p;

	if (sp_buf_cstr(b) == NULL)
		abort();
	p = b->p;
	if (n != NULL)
		*n = b->n;
	b->p = NULL;
	b->n = b->cap = 0;
	return (p);
}
