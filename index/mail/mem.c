/*
 * The memory of one parsed message: pieces are cut from blocks of 16 KiB,
 * large ones have a block of their own, and all go at once.  Under
 * AddressSanitizer each piece is a block, so that an overrun from one piece
 * into the next is seen.  Everything that hangs off a struct sp_mail lives
 * here.
 */
#include "index/mail/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define MEM_BLOCK ((size_t)16 << 10)
#define MEM_ALIGN 16

#if defined(__SANITIZE_ADDRESS__)
#define MEM_SINGLE 1
#else
#define MEM_SINGLE 0
#endif

struct mem_block {
	struct mem_block *next;
	size_t used;
	size_t size;
	size_t pad;
	unsigned char data[];
};

struct sp_mem {
	struct mem_block *first;
};

struct sp_mem *
sp_mem_new(void)
{
	return (sp_xcalloc(1, sizeof(struct sp_mem)));
}

void
sp_mem_free(struct sp_mem *m)
{
	if (m == NULL)
		return;
	while (m->first != NULL) {
		struct mem_block *b = m->first;

		m->first = b->next;
		free(b);
	}
	free(m);
}

static struct mem_block *
block_new(size_t size)
{
	struct mem_block *b;

	if (size > SIZE_MAX - sizeof(*b))
		abort();
	b = sp_xcalloc(1, sizeof(*b) + size);
	b->size = size;
	return (b);
}

/*
 * Pieces are aligned to MEM_ALIGN bytes; the first block of the list is the
 * one being filled.
 */
void *
sp_mem_get(struct sp_mem *m, size_t n)
{
	struct mem_block *b = m->first;
	void *p;

	if (n > SIZE_MAX / 2)
		abort();
	if (!MEM_SINGLE)
		n = (n + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
	if (MEM_SINGLE || n > MEM_BLOCK / 4) {
		/* A block of its own, behind the one being filled. */
		struct mem_block *big = block_new(n);

		big->used = n;
		if (b == NULL) {
			m->first = big;
		} else {
			big->next = b->next;
			b->next = big;
		}
		return (big->data);
	}
	if (b == NULL || b->size - b->used < n) {
		b = block_new(MEM_BLOCK);
		b->next = m->first;
		m->first = b;
	}
	p = b->data + b->used;
	b->used += n;
	return (p);
}

char *
sp_mem_dup(struct sp_mem *m, struct sp_view v)
{
	char *s = sp_mem_get(m, v.n + 1);

	if (v.n > 0)
		memcpy(s, v.p, v.n);
	for (char *q = s; (q = memchr(q, '\0', v.n - (size_t)(q - s))); q++)
		*q = ' ';
	return (s);
}

/*
 * The capacity follows from ${n} alone: the array is full at 0, 8, 16, 32 ...
 * elements.  Outgrown arrays stay until all is freed.
 */
void *
sp_mem_more(struct sp_mem *m, void *v, size_t n, size_t size)
{
	void *w;

	if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
		return (v);
	w = sp_mem_get(m, (n == 0 ? 8 : 2 * n) * size);
	if (n > 0)
		memcpy(w, v, n * size);
	return (w);
}
