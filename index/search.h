/* Searching: the query language of doc/sealpost-query.7 over all shards. */
#ifndef SP_INDEX_SEARCH_H
#define SP_INDEX_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

enum sp_sort { SP_SORT_RECEIVED, SP_SORT_DATE, SP_SORT_RELEVANCE };

struct sp_search_opts {
	const char *query; /* "" matches every message */
	const char *tz;
	bool have_since, have_until;
	int64_t since, until; /* received, [since, until) */
	enum sp_sort sort;
	bool oldest_first; /* export */
	uint64_t limit; /* 0: all */
	bool count_only;
	uint64_t max_seq; /* entries below it only; 0: no bound */
	bool with_rows; /* fill all of a hit, else only seq */
	bool no_total; /* total need not go beyond what is given */
};

struct sp_hit { /* borrowed for the call */
	uint64_t seq;
	int64_t received;
	const char
	    *json; /* DESIGN section 8, one object, no newline; with_rows */
	const char *date, *from, *to, *subject; /* for the table; with_rows */
	uint64_t size;
	unsigned attachments;
};

struct sp_search_result {
	uint64_t total; /* all that match; no_total: at least these */
	uint64_t given; /* called back */
	uint64_t cursor; /* index covers [0, cursor) */
};

/* ${hit} may be NULL with count_only; it ends the search by SP_EEND, which is
 * not an error.  A shard that is missing, damaged or of another version is
 * left out: out->cursor then stops before it, although later shards are
 * searched.  A syntax error is SP_EUSAGE with the query and a caret line in the message
 * ("...\n  from:\n       ^ expected ..."). */
SP_CHECK enum sp_code sp_search(const char *dir, const struct sp_search_opts *o,
    enum sp_code (*hit)(void *ctx, const struct sp_hit *h, struct sp_err *err),
    void *ctx, struct sp_search_result *out, struct sp_err *err);

/* The events received in [since, until), of every name, oldest first: calls
 * back with the seq of each. */
SP_CHECK enum sp_code sp_search_events(const char *dir, int64_t since,
    int64_t until,
    enum sp_code (*fn)(void *ctx, uint64_t seq, struct sp_err *err), void *ctx,
    struct sp_err *err);

#endif
