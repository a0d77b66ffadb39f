/*
 * Nodes of the query tree: made by the parser and its leaves, freed as a whole
 * by whoever asked for the tree.
 */
#include "index/query/query_node.h"

#include <stdlib.h>

#include "base/buf.h"

struct sp_node *
sp_node_new(enum sp_node_kind kind)
{
	struct sp_node *n = sp_xcalloc(1, sizeof(*n));

	n->kind = kind;
	n->lo = INT64_MIN;
	n->hi = INT64_MAX;
	return (n);
}

void
sp_node_free(struct sp_node *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->nkids; i++)
		sp_node_free(n->kid[i]);
	free(n->kid);
	free(n->fts);
	free(n->seqs);
	free(n);
}
