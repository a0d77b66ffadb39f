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
struct sp_search_match {
	uint64_t seq;
	double key; /* what it is sorted by; larger comes first */
	size_t shard; /* its number in struct sp_shards */
};

struct sp_search_matches {
	struct sp_search_match *v; /* freed by its owner */
	size_t n, room;
};
/* Append ${one}; memory grows as needed. */
void sp_search_add_match(
    struct sp_search_matches *f, struct sp_search_match one);

/* What one shard is asked for. */
struct sp_search_request {
	const struct sp_plan *plan;
	enum sp_sort sort;
	bool oldest_first; /* SP_SORT_RECEIVED only */
	uint64_t limit; /* 0: all */
};

/* The entries [*lo, *hi) of this shard that the bounds of the plan leave;
 * *lo == *hi: nothing can match.  Errors here and below as of sp_db_error(). */
SP_CHECK enum sp_code sp_search_shard_bounds(struct sp_shard *s,
    const struct sp_plan *p, uint64_t *lo, uint64_t *hi, struct sp_err *err);
/* Append the matches in [lo, hi), in order; ${number} is that of the shard.
 * SP_EUSAGE for a plan that is too large for SQLite. */
SP_CHECK enum sp_code sp_search_shard_find(struct sp_shard *s, size_t number,
    const struct sp_search_request *a, uint64_t lo, uint64_t hi,
    struct sp_search_matches *out, struct sp_err *err);
/* Count the matches in [lo, hi). */
SP_CHECK enum sp_code sp_search_shard_count(struct sp_shard *s,
    const struct sp_plan *p, uint64_t lo, uint64_t hi, uint64_t *n,
    struct sp_err *err);

#endif
