/*
 * The index: monthly SQLite shards with full text, derived from the log and
 * built again from it at any time (doc/format-index.md).  The worker `index`
 * of the service, and commands without it, hold it open and update it; only
 * the holder of state/index.lock writes.
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

/* Whom the indexer tells what it does; members may be NULL. */
struct sp_index_report {
	/* Called with each event.
	 * ${what}: "indexed", "shard_damaged", "rewound" */
	void (*fn)(void *ctx, const char *what, const char *text);
	/* So many of the entries are done; false interrupts. */
	bool (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

/*
 * Take the lock, waiting ${lock_wait_ms} for it; open what is there and compare
 * it with the log.  A shard that is damaged or does not agree is dropped, and
 * its entries indexed again by the next update.  ${cfg} may be NULL (defaults),
 * ${rep} too; both are copied.  *out is for sp_index_close().
 * SP_ELOCKED if another process indexes; errors of the log and of SQLite.
 */
SP_CHECK enum sp_code sp_index_open(const char *dir,
    const struct sp_config *cfg, int lock_wait_ms,
    const struct sp_index_report *rep, struct sp_index **out,
    struct sp_err *err);
/* Index what is new in the log, at most about ${max} entries (0: all); *behind
 * (NULL is fine): entries that are left.  SP_EINTERRUPT where progress() asked
 * for it; what was committed stays after any error. */
SP_CHECK enum sp_code sp_index_update(
    struct sp_index *ix, uint64_t max, uint64_t *behind, struct sp_err *err);
/* The next entry to be indexed. */
uint64_t sp_index_cursor(const struct sp_index *ix);
/* Drop the shards from the month of ${since_us} on (0: all of them), so that
 * the next update builds them again. */
SP_CHECK enum sp_code sp_index_drop(
    struct sp_index *ix, int64_t since_us, struct sp_err *err);
/* Commit nothing more, close everything, give the lock back.  NULL is fine. */
void sp_index_close(struct sp_index *ix);

/* Without the lock: how far the index of ${dir} reaches, [0, *cursor). */
SP_CHECK enum sp_code sp_index_reach(
    const char *dir, uint64_t *cursor, struct sp_err *err);

#endif
