/*
 * The compact state of a growing Merkle tree (compact.h): a stack of perfect
 * subtrees, which works as a binary counter does.  RFC 6962 section 2.1.
 */
#include "journal/tree/compact.h"

#include <assert.h>

#include "journal/tree/merkle.h"

void
sp_compact_init(struct sp_compact *c)
{
	c->size = 0;
	c->n = 0;
}

void
sp_compact_add(struct sp_compact *c, const struct sp_hash *leaf)
{
	struct sp_hash h = *leaf;

	assert(c->size < UINT64_MAX);
	/* Each 1 at the low end of the size is a perfect subtree that this
	 * leaf completes to one of twice its width. */
	for (uint64_t s = c->size; (s & 1) != 0; s >>= 1)
		h = sp_merkle_node(&c->h[--c->n], &h);
	c->h[c->n++] = h;
	c->size++;
}

struct sp_hash
sp_compact_root(const struct sp_compact *c)
{
	struct sp_hash r;

	if (c->n == 0)
		return (sp_merkle_empty());
	r = c->h[c->n - 1];
	for (size_t i = c->n - 1; i > 0; i--)
		r = sp_merkle_node(&c->h[i - 1], &r);
	return (r);
}
