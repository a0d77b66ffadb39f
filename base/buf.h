/*
 * A growable byte buffer made with its maximum: what a peer can make grow
 * has a limit.  After a failed append the content is unchanged.
 */
#ifndef SP_BASE_BUF_H
#define SP_BASE_BUF_H

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_buf {
	char *p; /* NULL while nothing was appended */
	size_t n; /* bytes used */
	size_t cap;
	size_t max; /* most bytes it may ever hold */
};

void sp_buf_init(struct sp_buf *b, size_t max);
void sp_buf_done(struct sp_buf *b); /* frees; b may be used again */
void sp_buf_clear(struct sp_buf *b); /* keeps the memory */
/* SP_ELIMIT beyond max, nothing appended.  err is not filled: use the code. */
SP_CHECK enum sp_code sp_buf_add(struct sp_buf *b, const void *p, size_t n);
SP_CHECK enum sp_code sp_buf_addv(struct sp_buf *b, struct sp_view v);
SP_CHECK enum sp_code sp_buf_adds(struct sp_buf *b, const char *s);
SP_CHECK enum sp_code sp_buf_addc(struct sp_buf *b, char c);
SP_CHECK enum sp_code sp_buf_addf(struct sp_buf *b, const char *fmt, ...)
    SP_PRINTF(2, 3);
/* Make room for ${n} more bytes, return where to write them (b->n unchanged),
 * or NULL beyond the limit. */
char *sp_buf_reserve(struct sp_buf *b, size_t n);
/* Drop the first ${n} bytes. */
void sp_buf_consume(struct sp_buf *b, size_t n);
struct sp_view sp_buf_view(const struct sp_buf *b);
/* NUL-terminate (not counted) and return the text; NULL on limit. */
const char *sp_buf_cstr(struct sp_buf *b);
/* Hand the memory over; the buffer is empty afterwards. */
char *sp_buf_take(struct sp_buf *b, size_t *n);

/* malloc/calloc/realloc/strdup for small fixed things: abort on exhaustion. */
void *sp_xmalloc(size_t n);
void *sp_xcalloc(size_t n, size_t size);
void *sp_xrealloc(void *p, size_t n);
char *sp_xstrdup(const char *s);
/* printf into new memory; aborts on exhaustion.  Caller frees. */
char *sp_xasprintf(const char *fmt, ...) SP_PRINTF(1, 2);

#endif
