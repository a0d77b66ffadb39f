/*
 * A query tree as SQL for one shard.  What full text alone can answer is one
 * FTS5 expression; ranges of seq and of the time received, as far as all of
 * the query is subject to them, become bounds; the rest is a condition on
 * rows of messages.
 */
#ifndef SP_INDEX_QUERY_PLAN_H
#define SP_INDEX_QUERY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "index/query/query.h"

#define SP_PLAN_MATCHES 1000u /* FTS5 expressions inside ${where} */

struct sp_plan {
	struct sp_buf fts; /* empty: every message */
	struct sp_buf where; /* over "m"; empty: no condition */
	char **match; /* values of the parameters ?10, ?11 ... in ${where} */
	size_t nmatch;
	uint64_t lo, hi; /* seq in [lo, hi) */
	int64_t since, until; /* received in [since, until) */
};

/* ${n} may be NULL: every message. */
SP_CHECK enum sp_code sp_plan_make(
    const struct sp_node *n, struct sp_plan *out, struct sp_err *err);
void sp_plan_done(struct sp_plan *p);

#define SP_PLAN_FIRST_MATCH 10 /* parameter number */

#endif
