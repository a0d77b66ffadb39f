/*
 * One budget for what peers make us hold: message data, envelopes beyond a
 * small inline part, long command lines, input that waits.  Buffers come in
 * sizes of powers of two and are kept for reuse within the budget.  Not
 * thread-safe: the loop's thread.
 */
#ifndef SP_SMTP_MEMORY_H
#define SP_SMTP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_MEMORY_MIN ((size_t)4096) /* smallest buffer */
#define SP_MEMORY_MAX ((size_t)4 << 20) /* largest buffer */

struct sp_memory;

/* ${budget} in bytes; ${dir} for temporary files (kept by pointer). */
struct sp_memory *sp_memory_new(uint64_t budget, const char *dir);
void sp_memory_free(struct sp_memory *m); /* all given back; NULL is fine */
/*
 * A buffer of at least ${n} bytes, its true size in ${cap}; NULL where the
 * budget or a single buffer's share of it does not allow it.
 */
void *sp_memory_get(struct sp_memory *m, size_t n, size_t *cap);
void sp_memory_put(struct sp_memory *m, void *p, size_t cap);
/* Count ${n} bytes that somebody else allocates; false: beyond the budget. */
bool sp_memory_charge(struct sp_memory *m, size_t n);
void sp_memory_discharge(struct sp_memory *m, size_t n);
/* Whether more than half is in use: be sparing. */
bool sp_memory_tight(const struct sp_memory *m);
uint64_t sp_memory_used(const struct sp_memory *m);
const char *sp_memory_dir(const struct sp_memory *m);
/* Messages that went to a temporary file. */
uint64_t sp_memory_spilled(const struct sp_memory *m);
void sp_memory_note_spill(struct sp_memory *m);

#endif
