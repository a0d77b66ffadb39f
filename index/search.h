/*
 * Searching: the query language of doc/man/sealpost-query.7 over all shards.
 * Commands, exports and the canary ask here.  No lock is taken: the indexer
 * may write at the same time.
 */
#ifndef SP_INDEX_SEARCH_H
#define SP_INDEX_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

enum sp_sort { SP_SORT_RECEIVED, SP_SORT_DATE, SP_SORT_RELEVANCE };

struct sp_search_opts {
	/* what to find */
	const char *query; /* "" matches every message */
	const char *tz; /* zone of dates in it; NULL: UTC */
	bool have_since, have_until;
	int64_t since, until; /* received in [since, until), microseconds */
	uint64_t max_seq; /* entries below it only; 0: no bound */
	/* what to give back */
	enum sp_sort sort; /* larger first: newest, or most relevant */
	bool oldest_first; /* with SP_SORT_RECEIVED: ascending */
	uint64_t limit; /* 0: all */
	bool count_only;
	bool with_rows; /* fill all of a hit, else only seq */
	bool no_total; /* total need not go beyond what is given back */
};

/* One match; its texts are borrowed for the call. */
struct sp_hit {
	uint64_t seq;
	/* with_rows */
	int64_t received; /* microseconds since 1970 */
	const char *json; /* the row of `search --format json`: one object */
	const char *date, *from, *to, *subject; /* for a table */
	uint64_t size;
	unsigned attachments;
};

struct sp_search_result {
	uint64_t total; /* all that match; no_total: at least these */
	uint64_t returned; /* hits called back */
	uint64_t cursor; /* the index covers [0, cursor) */
};

/*
 * Find what matches, and call ${hit} (NULL is fine) for each; SP_EEND from it
 * ends the search, which is not an error, another code fails it.
 * A shard that is missing, damaged or of another version is left out:
 * out->cursor then stops before it, although later shards are searched.
 * SP_EUSAGE for a mistake in the query; the message has the query and a line
 * with a caret ("...\n  from:\n       ^ expected ...").  SP_EAGAIN if the
 * index was written meanwhile; else errors as of sp_shards_open().
 */
SP_CHECK enum sp_code sp_search(const char *dir, const struct sp_search_opts *o,
    enum sp_code (*hit)(void *ctx, const struct sp_hit *h, struct sp_err *err),
    void *ctx, struct sp_search_result *out, struct sp_err *err);

/* Call ${fn} with the seq of each event received in [since, until), of every
 * name, oldest first.  SP_EEND from it ends the search.  Errors as above. */
SP_CHECK enum sp_code sp_search_events(const char *dir, int64_t since,
    int64_t until,
    enum sp_code (*fn)(void *ctx, uint64_t seq, struct sp_err *err), void *ctx,
    struct sp_err *err);

#endif
