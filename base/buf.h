/*
 * A growable byte buffer that is made with its maximum, so that whatever a peer
 * can make grow has a limit.  After a failed append its content is as before.
 * And malloc and its sisters for small things of fixed size.
 */
#ifndef SP_BASE_BUF_H
#define SP_BASE_BUF_H

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_buf {
	char *p; /* NULL while nothing was appended */
	size_t n; /* bytes used */
	size_t cap; /* bytes allocated */
	size_t max; /* most bytes it may ever hold */
};

/* Make ${b} empty, with the maximum ${max}; allocates nothing. */
void sp_buf_init(struct sp_buf *b, size_t max);
/* Free the memory; ${b} is empty and may be used again. */
void sp_buf_done(struct sp_buf *b);
/* Make it empty and keep the memory for the next use. */
void sp_buf_clear(struct sp_buf *b);

/*
 * Append ${n} bytes, a view, or a text.  SP_ELIMIT beyond the maximum, and when
 * there is no memory.  No message is set: the caller knows what was too long.
 */
SP_CHECK enum sp_code sp_buf_add(struct sp_buf *b, const void *p, size_t n);
SP_CHECK enum sp_code sp_buf_addv(struct sp_buf *b, struct sp_view v);
SP_CHECK enum sp_code sp_buf_adds(struct sp_buf *b, const char *s);
/* The same for one byte, and for what printf would print. */
SP_CHECK enum sp_code sp_buf_addc(struct sp_buf *b, char c);
SP_CHECK enum sp_code sp_buf_addf(struct sp_buf *b, const char *fmt, ...)
    SP_PRINTF(2, 3);
/* Make room for ${n} more bytes and return where to write them; add what was
 * written to b->n.  NULL beyond the maximum, and when there is no memory. */
char *sp_buf_reserve(struct sp_buf *b, size_t n);
/* Drop the first ${n} bytes, of those that there are. */
void sp_buf_consume(struct sp_buf *b, size_t n);
/* The content, valid until the buffer is changed. */
struct sp_view sp_buf_view(const struct sp_buf *b);
/*
 * The content with a NUL after it, which is not counted and may lie one byte
 * beyond the maximum; valid until the buffer is changed.  NULL without memory.
 */
const char *sp_buf_cstr(struct sp_buf *b);
/* Hand the memory over, with a NUL after the content; its length goes to ${n}
 * (may be NULL).  The caller frees it; the buffer is empty afterwards. */
char *sp_buf_take(struct sp_buf *b, size_t *n);

/* As malloc, calloc, realloc, but abort without memory. */
void *sp_xmalloc(size_t n);
void *sp_xcalloc(size_t n, size_t size);
void *sp_xrealloc(void *p, size_t n);
/* The same for strdup and asprintf.  The caller frees. */
char *sp_xstrdup(const char *s);
char *sp_xasprintf(const char *fmt, ...) SP_PRINTF(1, 2);

#endif
