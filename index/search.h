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
	const char *query;          /* "" matches every message */
	const char *tz;
	bool have_since, have_until;
	int64_t since, until;       /* received, [since, until) */
	enum sp_sort sort;
	bool oldest_first;          /* export */
	uint64_t limit;             /* 0: all */
	bool count_only;
	uint64_t max_seq;           /* entries below it only; 0: no bound */
	bool with_rows;             /* fill the texts of hits, else only seq */
};

struct sp_hit {                     /* borrowed for the call */
	uint64_t seq;
	int64_t received;
	const char *json;           /* DESIGN section 8, one object, no newline; with_rows */
	const char *date, *from, *to, *subject;   /* for the table; with_rows */
	uint64_t size;
	unsigned attachments;
};

struct sp_search_result {
	uint64_t total;             /* all that match */
	uint64_t given;             /* called back */
	uint64_t cursor;            /* index covers [0, cursor) */
};

/* A syntax error is SP_EUSAGE with the query and a caret line in the message
 * ("...\n  from:\n       ^ expected ..."). */
SP_CHECK enum sp_code sp_search(const char *dir, const struct sp_search_opts *o,
    enum sp_code (*hit)(void *ctx, const struct sp_hit *h, struct sp_err *err),
    void *ctx, struct sp_search_result *out, struct sp_err *err);

/* Accesses to messages: seqs of events (show, export ...) that name ${seq} --
 * for audit.jsonl.  Calls back with event seq. */
SP_CHECK enum sp_code sp_search_events(const char *dir, int64_t since,
    int64_t until, enum sp_code (*fn)(void *ctx, uint64_t seq, struct sp_err *err),
    void *ctx, struct sp_err *err);

#endif
