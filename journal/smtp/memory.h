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
/* Everything was given back.  NULL is fine. */
void sp_memory_free(struct sp_memory *m);
/* A buffer of at least ${n} bytes, not initialised; its true size goes to
 * ${cap}.  NULL: the budget, or the share of a single buffer, is used up. */
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
/* Bytes in use, for status. */
uint64_t sp_memory_used(const struct sp_memory *m);
/* The folder for temporary files. */
const char *sp_memory_dir(const struct sp_memory *m);
/* How many messages went to a temporary file, for status. */
uint64_t sp_memory_spilled(const struct sp_memory *m);
/* Count one. */
void sp_memory_note_spill(struct sp_memory *m);

#endif
