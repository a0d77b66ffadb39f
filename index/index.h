/*
 * The index: monthly SQLite shards with full text, derived from the log and
 * rebuilt from it at any time.  Writer: holder of state/index.lock.
 */
#ifndef SP_INDEX_INDEX_H
#define SP_INDEX_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"
#include "base/view.h"

struct sp_index;

struct sp_index_report {
	/* ${what}: "indexed", "shard_damaged", "rewound" */
	void (*fn)(void *ctx, const char *what, const char *text);
	/* false interrupts; done of total entries */
	bool (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

/* Takes the lock, opens what is there, checks cursor and shards (a damaged
 * shard is dropped and its entries indexed again). */
SP_CHECK enum sp_code sp_index_open(const char *dir,
    const struct sp_config *cfg, int lock_wait_ms,
    const struct sp_index_report *rep, struct sp_index **out,
    struct sp_err *err);
/* Index what is new, at most ${max} entries (0: all); *behind: entries left. */
SP_CHECK enum sp_code sp_index_update(
    struct sp_index *ix, uint64_t max, uint64_t *behind, struct sp_err *err);
/* Next seq to be indexed. */
uint64_t sp_index_cursor(const struct sp_index *ix);
/* Forget all from the month of ${since_us} on (0: everything), to rebuild. */
SP_CHECK enum sp_code sp_index_drop(
    struct sp_index *ix, int64_t since_us, struct sp_err *err);
void sp_index_close(struct sp_index *ix);

/* Without lock: how far the index reaches. */
SP_CHECK enum sp_code sp_index_reach(
    const char *dir, uint64_t *cursor, struct sp_err *err);

#endif
