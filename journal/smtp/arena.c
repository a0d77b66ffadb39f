/*
 * The arena of a mail transaction: pieces are cut one behind the other from the
 * inline bytes of the struct, then from chunks of the memory budget (memory.h).
 * A piece never moves and is never freed alone; sp_arena_reset() at the end of
 * the transaction gives all chunks back.  Used by envelope.c, session_mail.c
 * and the milter for addresses, parameters and macros.
 */
#include "journal/smtp/arena.h"

#include <string.h>

/* The head of a chunk; its pieces follow. */
struct sp_arena_chunk {
	struct sp_arena_chunk *next;
	size_t cap;
};

#define ALIGN ((size_t)16)

void
sp_arena_init(struct sp_arena *a, struct sp_memory *m)
{
	a->memory = m;
	a->chunks = NULL;
	a->at = a->first;
	a->end = a->first + sizeof(a->first);
}

void
sp_arena_reset(struct sp_arena *a)
{
	while (a->chunks != NULL) {
		struct sp_arena_chunk *c = a->chunks;

		a->chunks = c->next;
		sp_memory_put(a->memory, c, c->cap);
	}
	a->at = a->first;
	a->end = a->first + sizeof(a->first);
}

/* Get a chunk with room for ${n} bytes and cut from it from now on; what was
 * left of the last one stays unused.  False: the budget is used up. */
static bool
add_chunk(struct sp_arena *a, size_t n)
{
	size_t head =
	    (sizeof(struct sp_arena_chunk) + ALIGN - 1) & ~(ALIGN - 1);
	struct sp_arena_chunk *c;
	size_t cap;

	c = sp_memory_get(a->memory, n + head, &cap);
	if (c == NULL)
		return (false);
	c->next = a->chunks;
	c->cap = cap;
	a->chunks = c;
	a->at = (char *)c + head;
	a->end = (char *)c + cap;
	return (true);
}

void *
sp_arena_get(struct sp_arena *a, size_t n)
{
	char *p;

	if (n > SP_MEMORY_MAX / 2)
		return (NULL);
	n = n == 0 ? ALIGN : (n + ALIGN - 1) & ~(ALIGN - 1);
	if ((size_t)(a->end - a->at) < n && !add_chunk(a, n))
		return (NULL);
	p = a->at;
	a->at += n;
	return (p);
}

struct sp_view
sp_arena_dup(struct sp_arena *a, struct sp_view v)
{
	char *p = sp_arena_get(a, v.n);

	if (p == NULL)
		return ((struct sp_view){ NULL, 0 });
	if (v.n > 0)
		memcpy(p, v.p, v.n);
	return (sp_view_mem(p, v.n));
}
