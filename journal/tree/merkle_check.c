/* Checking proofs: RFC 9162 section 2.1.3.2 and 2.1.4.2, and ranges. */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "journal/tree/merkle.h"

/* Go up one level; where the node is the last of its level and has no
 * sibling, up to where it has one. */
static void
climb(uint64_t *fn, uint64_t *sn, bool lonely)
{
	while (lonely && *fn != 0 && (*fn & 1) == 0) {
		*fn >>= 1;
		*sn >>= 1;
	}
	*fn >>= 1;
	*sn >>= 1;
}

bool
sp_merkle_check_inclusion(uint64_t m, uint64_t n, const struct sp_hash *leaf,
    const struct sp_proof *p, const struct sp_hash *root)
{
	uint64_t fn = m, sn = n - 1;
	struct sp_hash r = *leaf;

	if (m >= n || p->n > SP_PROOF_MAX)
		return (false);
	for (size_t i = 0; i < p->n; i++) {
		bool left = (fn & 1) != 0 || fn == sn;

		if (sn == 0)
			return (false);
		r = left ? sp_merkle_node(&p->h[i], &r)
			 : sp_merkle_node(&r, &p->h[i]);
		climb(&fn, &sn, left);
	}
	return (sn == 0 && sp_hash_eq(&r, root));
}

bool
sp_merkle_check_consistency(uint64_t m, uint64_t n, const struct sp_hash *r1,
    const struct sp_hash *r2, const struct sp_proof *p)
{
	uint64_t fn = m - 1, sn = n - 1;
	struct sp_hash fr, sr;
	size_t i = 0;

	if (m == 0 || m > n || p->n > SP_PROOF_MAX)
		return (false);
	if (m == n)
		return (p->n == 0 && sp_hash_eq(r1, r2));
	if (p->n == 0)
		return (false);
	/* The old root stands for itself where it is one node of the new. */
	fr = (m & (m - 1)) == 0 ? *r1 : p->h[i++];
	sr = fr;
	while ((fn & 1) != 0) {
		fn >>= 1;
		sn >>= 1;
	}
	for (; i < p->n; i++) {
		bool left = (fn & 1) != 0 || fn == sn;

		if (sn == 0)
			return (false);
		if (left)
			fr = sp_merkle_node(&p->h[i], &fr);
		sr = left ? sp_merkle_node(&p->h[i], &sr)
			  : sp_merkle_node(&sr, &p->h[i]);
		climb(&fn, &sn, left);
	}
	return (sn == 0 && sp_hash_eq(&fr, r1) && sp_hash_eq(&sr, r2));
}

/*
 * The left siblings are the perfect subtrees of [0, first): a compact state,
 * to which the leaves are added.  The right siblings are then joined along
 * the path of the last leaf.
 */
struct sp_range_check {
	struct sp_compact c;
	struct sp_proof right;
	uint64_t end, n;
	bool bad;
};

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

bool
sp_range_check_root(struct sp_range_check *c, struct sp_hash *root)
{
	uint64_t fn = c->end - 1, sn = c->n - 1;
	size_t stack = c->c.n, used = 0;
	struct sp_hash r;
	unsigned merged;

	if (c->bad || c->c.size != c->end)
		return (false);
	/* The lowest subtree already holds the last leaf and all its left
	 * siblings below the lowest 1 of the size. */
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
