/*
 * A query tree as SQL for one shard.  What full text alone can answer is one
 * FTS5 expression; ranges of seq and of the time received, as far as all of
 * the query is subject to them, become bounds; the rest is a condition on
 * rows of the table messages.  search.c makes the plan once and asks every
 * shard by it (search_shard.c puts the statement together).
 */
#ifndef SP_INDEX_QUERY_PLAN_H
#define SP_INDEX_QUERY_PLAN_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "index/query/query_node.h"

#define SP_PLAN_MATCHES	    1000u /* FTS5 expressions inside ${where} */
#define SP_PLAN_FIRST_MATCH 10 /* number of the first parameter of ${match} */

struct sp_plan {
	struct sp_buf fts; /* an FTS5 expression; empty: every message */
	struct sp_buf where; /* SQL over messages "m"; empty: no condition */
	/* Values of the parameters ?10, ?11 ... in ${where}. */
	char **match;
	size_t nmatch;
	/* Bounds that every match is within. */
	uint64_t lo, hi; /* seq in [lo, hi) */
	int64_t since, until; /* received in [since, until), microseconds */
};

/*
 * Plan the query ${n} (NULL: every message), in which each SP_NODE_FAMILY has
 * its seqs.  ${out} is for sp_plan_done().  SP_EUSAGE for a query that gives
 * more SQL than is allowed.
 */
SP_CHECK enum sp_code sp_plan_make(
    const struct sp_node *n, struct sp_plan *out, struct sp_err *err);
/* Free what the plan holds. */
void sp_plan_done(struct sp_plan *p);

#endif
