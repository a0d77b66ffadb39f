/*
 * The query language (doc/man/sealpost-query.7): text to a tree.  Total: any
 * text gives a tree or SP_EUSAGE with the place.  No I/O.
 */
#ifndef SP_INDEX_QUERY_QUERY_H
#define SP_INDEX_QUERY_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_QUERY_MAX   ((size_t)32 << 10) /* bytes of a query */
#define SP_QUERY_TERMS 900u /* words, phrases and fields in it */
#define SP_QUERY_DEPTH 16u /* alternations of AND, OR and NOT */
#define SP_QUERY_NEST  100u /* parentheses in parentheses */

enum sp_node_kind {
	SP_NODE_AND,
	SP_NODE_OR,
	SP_NODE_NOT,
	SP_NODE_TEXT, /* ${fts}: an FTS5 expression */
	SP_NODE_SIZE, /* [lo, hi) bytes */
	SP_NODE_DATE, /* [lo, hi) us, the message's own date */
	SP_NODE_RECEIVED, /* [lo, hi) us */
	SP_NODE_SEQ, /* [lo, hi) */
	SP_NODE_FAMILY /* copies of the message of entry lo: seqs */
};

struct sp_node {
	enum sp_node_kind kind;
	struct sp_node **kid;
	size_t nkids;
	char *fts;
	int64_t lo, hi; /* INT64_MIN, INT64_MAX: open */
	uint64_t
	    *seqs; /* SP_NODE_FAMILY: ascending; set before it is planned */
	size_t nseqs;
};

/*
 * Parse ${text}; dates in the zone ${tz} (NULL: UTC) relative to ${now}.
 * *out is NULL where the query has no term: it matches every message.
 * The message of SP_EUSAGE has the query and a line with a caret.
 */
SP_CHECK enum sp_code sp_query_parse(const char *text, const char *tz,
    int64_t now, struct sp_node **out, struct sp_err *err);
void sp_node_free(struct sp_node *n); /* NULL is fine */

#endif
