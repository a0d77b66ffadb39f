/*
 * Memory of one transaction's envelope: pieces that stay where they are until
 * all are dropped at once.  The first bytes are inline, so that ordinary mail
 * allocates nothing; more comes from the budget.
 */
#ifndef SP_SMTP_ARENA_H
#define SP_SMTP_ARENA_H

#include <stddef.h>

#include "base/view.h"
#include "journal/smtp/memory.h"

#define SP_ARENA_INLINE 1536

struct sp_arena_chunk;

struct sp_arena {
	struct sp_memory *memory;
	struct sp_arena_chunk *chunks;
	char *at, *end;
	_Alignas(16) char first[SP_ARENA_INLINE];
};

void sp_arena_init(struct sp_arena *a, struct sp_memory *m);
void sp_arena_reset(struct sp_arena *a); /* all pieces are gone */
/* ${n} bytes aligned for anything, or NULL where the budget is used up. */
void *sp_arena_get(struct sp_arena *a, size_t n);
/* A copy; .p is NULL where the budget is used up. */
struct sp_view sp_arena_dup(struct sp_arena *a, struct sp_view v);

#endif
