/*
 * Checking a range proof (range_check.h), as doc/format-tree.md, "Range proof"
 * has it: leaves are added to a compact state that begins with the left hashes,
 * and the right hashes are then joined on the way up to the root.
 */
#include "journal/tree/range_check.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "journal/tree/compact.h"

/* The left hashes are the perfect subtrees of [0, first), that is a compact
 * state of first leaves; so a run needs no more memory than a proof. */
struct sp_range_check {
	struct sp_compact c; /* of the left hashes and the leaves so far */
	struct sp_proof right;
	uint64_t end, n;
	bool bad; /* what was given cannot be a proof of this run */
};

/* There must be exactly as many left hashes as first has 1s in its binary
 * form. */
struct sp_range_check *
sp_range_check_new(uint64_t first, uint64_t end, uint64_t n,
    const struct sp_proof *left, const struct sp_proof *right)
{
	struct sp_range_check *c = sp_xcalloc(1, sizeof(*c));

	if (first >= end || end > n || right->n > SP_PROOF_MAX ||
	    left->n != (size_t)__builtin_popcountll(first)) {
		c->bad = true;
		return (c);
	}
	c->end = end;
	c->n = n;
	c->right = *right;
	c->c.size = first;
	c->c.n = left->n;
	for (size_t i = 0; i < left->n; i++)
		c->c.h[i] = left->h[left->n - 1 - i];
	return (c);
}

void
sp_range_check_leaf(struct sp_range_check *c, const struct sp_hash *leaf)
{
	if (c->bad || c->c.size >= c->end) {
		c->bad = true;
		return;
	}
	sp_compact_add(&c->c, leaf);
}

/* The walk of doc/format-tree.md from the last subtree up to the root: left of
 * the path stand the other subtrees, right of it the right hashes; all must be
 * used. */
bool
sp_range_check_root(struct sp_range_check *c, struct sp_hash *root)
{
	uint64_t fn = c->end - 1, sn = c->n - 1;
	size_t stack = c->c.n, used = 0;
	struct sp_hash r;
	unsigned merged;

	if (c->bad || c->c.size != c->end)
		return (false);
	/* The lowest subtree holds the last leaf, and below its own height also
	 * all left siblings of its path. */
	merged = (unsigned)__builtin_ctzll(c->end);
	r = c->c.h[--stack];
	for (unsigned level = 0; sn > 0; level++, fn >>= 1, sn >>= 1) {
		if ((fn & 1) != 0 && level >= merged) {
			assert(stack > 0);
			r = sp_merkle_node(&c->c.h[--stack], &r);
		} else if ((fn & 1) == 0 && fn < sn) {
			if (used == c->right.n)
				return (false);
			r = sp_merkle_node(&r, &c->right.h[used++]);
		}
	}
	if (stack != 0 || used != c->right.n)
		return (false);
	*root = r;
	return (true);
}

void
sp_range_check_free(struct sp_range_check *c)
{
	free(c);
}
