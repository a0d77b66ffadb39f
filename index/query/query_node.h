/*
 * The tree of a query.  sp_query_parse() makes it; search.c fills in the
 * entries that a "family:" stands for; sp_plan_make() turns it into SQL.
 */
#ifndef SP_INDEX_QUERY_QUERY_NODE_H
#define SP_INDEX_QUERY_QUERY_NODE_H

#include <stddef.h>
#include <stdint.h>

enum sp_node_kind {
	/* inner nodes: kid[] */
	SP_NODE_AND,
	SP_NODE_OR,
	SP_NODE_NOT, /* one kid, which is no SP_NODE_NOT */
	/* leaves */
	SP_NODE_TEXT, /* fts: an FTS5 expression */
	SP_NODE_SIZE, /* [lo, hi) bytes */
	SP_NODE_DATE, /* [lo, hi) microseconds, the message's own date */
	SP_NODE_RECEIVED, /* [lo, hi) microseconds */
	SP_NODE_SEQ, /* [lo, hi) entries */
	SP_NODE_FAMILY /* the copies of the message of entry lo: seqs */
};

struct sp_node {
	enum sp_node_kind kind;
	struct sp_node **kid;
	size_t nkids;
	char *fts;
	int64_t lo, hi; /* INT64_MIN, INT64_MAX: open */
	/* SP_NODE_FAMILY: ascending; filled in before the tree is planned */
	uint64_t *seqs;
	size_t nseqs;
};

/* A node without kids and with an open range; the caller's. */
struct sp_node *sp_node_new(enum sp_node_kind kind);
/* Free ${n} with all below it; NULL is fine. */
void sp_node_free(struct sp_node *n);

#endif
