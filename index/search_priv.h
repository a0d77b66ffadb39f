/*
 * Private to search*.c: what is asked of one shard, and the matches before
 * their rows are read.
 */
#ifndef SP_INDEX_SEARCH_PRIV_H
#define SP_INDEX_SEARCH_PRIV_H

#include "index/query/plan.h"
#include "index/search.h"
#include "index/shards.h"

/* A match before its row is read. */
struct sp_found {
	uint64_t seq;
	double key; /* what it is sorted by; larger comes first */
	size_t shard; /* its number in struct sp_shards */
};

struct sp_founds {
	struct sp_found *v; /* freed by its owner */
	size_t n, room;
};
/* Append ${one}; memory grows as needed. */
void sp_founds_add(struct sp_founds *f, struct sp_found one);

/* What one shard is asked for. */
struct sp_ask {
	const struct sp_plan *plan;
	enum sp_sort sort;
	bool oldest_first; /* SP_SORT_RECEIVED only */
	uint64_t limit; /* 0: all */
};

/* The entries [*lo, *hi) of this shard that the bounds of the plan leave;
 * *lo == *hi: nothing can match.  Errors here and below as of sp_db_error(). */
SP_CHECK enum sp_code sp_shard_bounds(struct sp_shard *s,
    const struct sp_plan *p, uint64_t *lo, uint64_t *hi, struct sp_err *err);
/* Append the matches in [lo, hi), in order; ${number} is that of the shard.
 * SP_EUSAGE for a plan that is too large for SQLite. */
SP_CHECK enum sp_code sp_shard_find(struct sp_shard *s, size_t number,
    const struct sp_ask *a, uint64_t lo, uint64_t hi, struct sp_founds *out,
    struct sp_err *err);
/* Count the matches in [lo, hi). */
SP_CHECK enum sp_code sp_shard_count(struct sp_shard *s,
    const struct sp_plan *p, uint64_t lo, uint64_t hi, uint64_t *n,
    struct sp_err *err);

#endif
