/*
 * The memory of one parsed message: taken piece by piece, freed at once.
 * Aborts on exhaustion; callers bound what they ask for.
 */
#ifndef SP_INDEX_MAIL_MEM_H
#define SP_INDEX_MAIL_MEM_H

#include "base/view.h"

struct sp_mem;

/* Never NULL; the caller frees it. */
struct sp_mem *sp_mem_new(void);
void sp_mem_free(struct sp_mem *m); /* NULL is fine */
/* ${n} zeroed bytes, aligned for any object, valid until sp_mem_free(). */
void *sp_mem_get(struct sp_mem *m, size_t n);
/* A NUL-terminated copy; U+0000 inside becomes a space. */
char *sp_mem_dup(struct sp_mem *m, struct sp_view v);
/* Room for one more element of ${size} bytes in the array ${v} of ${n}; returns
 * the array, which may have moved.  Only arrays grown by this function. */
void *sp_mem_more(struct sp_mem *m, void *v, size_t n, size_t size);

#endif
