/*
 * Memory of one transaction's envelope: pieces that stay where they are until
 * all of them are freed at once.  The first bytes are inline, so that ordinary
 * mail allocates nothing; more comes from the memory budget (memory.h).
 */
#ifndef SP_SMTP_ARENA_H
#define SP_SMTP_ARENA_H

#include <stddef.h>

#include "base/view.h"
#include "journal/smtp/memory.h"

#define SP_ARENA_INLINE 1536 /* bytes */

struct sp_arena_chunk;

struct sp_arena {
	struct sp_memory *memory;
	struct sp_arena_chunk *chunks; /* beyond the inline bytes */
	char *at, *end; /* the rest of the last chunk */
	_Alignas(16) char first[SP_ARENA_INLINE];
};

/* An empty arena over the budget ${m}, which outlives it.  It must not move
 * from here on. */
void sp_arena_init(struct sp_arena *a, struct sp_memory *m);
/* Free all pieces: the chunks go back to the budget, the arena is empty. */
void sp_arena_reset(struct sp_arena *a);
/* ${n} bytes, not initialised, aligned for anything.  NULL: the budget is used
 * up, or ${n} is above half of SP_MEMORY_MAX. */
void *sp_arena_get(struct sp_arena *a, size_t n);
/* A copy of ${v}, not NULL also where ${v} is empty.  Its p is NULL where
 * sp_arena_get() gives NULL. */
struct sp_view sp_arena_dup(struct sp_arena *a, struct sp_view v);

#endif
