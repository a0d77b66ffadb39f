/* Private to search*.c. */
#ifndef SP_INDEX_SEARCH_PRIV_H
#define SP_INDEX_SEARCH_PRIV_H

#include "index/query/plan.h"
#include "index/search.h"
#include "index/shard.h"

/* A hit before its row is read. */
struct sp_found {
	uint64_t seq;
	double key; /* what it is sorted by; larger comes first */
	size_t shard;
};

struct sp_founds {
	struct sp_found *v;
	size_t n, room;
};
void sp_founds_add(struct sp_founds *f, struct sp_found one);

/* The shards of an archive that can be searched, ascending. */
struct sp_shards {
	struct sp_shard **v;
	size_t n;
	uint64_t cursor; /* what they cover from entry 0 on */
};
SP_CHECK enum sp_code sp_shards_open(
    const char *dir, struct sp_shards *out, struct sp_err *err);
/* SP_EAGAIN if a shard that was read without locks was written meanwhile. */
SP_CHECK enum sp_code sp_shards_still(
    const struct sp_shards *s, struct sp_err *err);
void sp_shards_close(struct sp_shards *s);

/* How to ask one shard. */
struct sp_ask {
	const struct sp_plan *plan;
	enum sp_sort sort;
	bool oldest_first; /* SP_SORT_RECEIVED only */
	uint64_t limit; /* 0: all */
};
/* The bounds of the plan within this shard; false if nothing can match. */
SP_CHECK enum sp_code sp_shard_bounds(struct sp_shard *s,
    const struct sp_plan *p, uint64_t *lo, uint64_t *hi, struct sp_err *err);
/* Append what matches in [lo, hi), in order. */
SP_CHECK enum sp_code sp_shard_find(struct sp_shard *s, size_t number,
    const struct sp_ask *a, uint64_t lo, uint64_t hi, struct sp_founds *out,
    struct sp_err *err);
SP_CHECK enum sp_code sp_shard_count(struct sp_shard *s,
    const struct sp_plan *p, uint64_t lo, uint64_t hi, uint64_t *n,
    struct sp_err *err);

#endif
