/*
 * The memory budget of a server (option `memory`): one limit over everything
 * that peers can make it keep, which is message data, envelopes beyond a small
 * inline part, long command lines, and input that waits.  Buffers come in sizes
 * of powers of two and are kept for reuse within the budget.
 *
 * Not thread-safe: for the thread of the loop only.
 */
#ifndef SP_SMTP_MEMORY_H
#define SP_SMTP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_MEMORY_MIN ((size_t)4096) /* bytes of the smallest buffer */
#define SP_MEMORY_MAX ((size_t)4 << 20) /* bytes of the largest */

struct sp_memory;

/* A budget of ${budget} bytes.  ${dir} is where messages go that it does not
 * hold (store.h); it is borrowed. */
struct sp_memory *sp_memory_new(uint64_t budget, const char *dir);
/*
 * A share of the budget ${m}, for all that one client (one address) makes the
 * server keep: every function below takes a share in place of a budget.  What
 * it gets counts in both, and is refused where the client would have more than
 * twice of what is left for all others.  Freed with sp_memory_free(), before
 * the budget.
 */
struct sp_memory *sp_memory_share(struct sp_memory *m);
/*
 * Where a share that has no more than a fair part of the budget gets nothing,
 * ${relieve} is called: it ends what is of less right, and returns whether that
 * gave anything back; then it is tried again.  It is called from inside
 * sp_memory_get() and sp_memory_charge(), and must leave ${share} alone.
 */
void sp_memory_on_short(struct sp_memory *m,
    bool (*relieve)(void *ctx, struct sp_memory *share), void *ctx);
/* Whether the share ${s}, with ${more} bytes, has no more than the budget
 * divided by all shares. */
bool sp_memory_is_modest(const struct sp_memory *s, size_t more);
/* Everything was given back.  NULL is fine. */
void sp_memory_free(struct sp_memory *m);
/* A buffer of at least ${n} bytes, not initialised; its true size goes to
 * ${cap}.  NULL: the budget, the share of the client, or that of a single
 * buffer is used up. */
void *sp_memory_get(struct sp_memory *m, size_t n, size_t *cap);
/* Give a buffer back, ${cap} being its true size.  NULL is fine. */
void sp_memory_put(struct sp_memory *m, void *p, size_t cap);
/* Count ${n} bytes that somebody else allocates (TLS); false: they are beyond
 * the budget, and not counted. */
bool sp_memory_charge(struct sp_memory *m, size_t n);
/* They were freed. */
void sp_memory_discharge(struct sp_memory *m, size_t n);
/* Whether more than half is in use: then reads are to be small. */
bool sp_memory_tight(const struct sp_memory *m);
/* Bytes in use, of a share its own. */
uint64_t sp_memory_used(const struct sp_memory *m);
/* The folder for temporary files. */
const char *sp_memory_dir(const struct sp_memory *m);
/* How many messages went to a temporary file, for status. */
uint64_t sp_memory_spilled(const struct sp_memory *m);
/* Count one. */
void sp_memory_note_spill(struct sp_memory *m);

#endif
