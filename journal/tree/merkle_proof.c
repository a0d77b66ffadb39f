/*
 * Making proofs out of a source of node hashes: inclusion and consistency (RFC
 * 6962 sections 2.1.1 and 2.1.2), and ranges (doc/format-tree.md, "Range
 * proof").  Exports and `sealpost proof` give them away.
 */
#include <inttypes.h>

#include "journal/tree/merkle.h"
#include "journal/tree/merkle_priv.h"

/* Add the hash of the leaves [lo, hi) to the proof. */
static enum sp_code
push(const struct sp_nodes *s, uint64_t lo, uint64_t hi, struct sp_proof *p,
    struct sp_err *err)
{
	/* A tree of 2^64 leaves has paths of 64 hashes. */
	return (sp_merkle_subtree(s, lo, hi, &p->h[p->n++], err));
}

/* Hashes are collected from the root down, and given out from the leaf side. */
static void
reverse(struct sp_proof *p)
{
	for (size_t i = 0; i < p->n / 2; i++) {
		struct sp_hash h = p->h[i];

		p->h[i] = p->h[p->n - 1 - i];
		p->h[p->n - 1 - i] = h;
	}
}

/* On which side of a path a sibling stands; bits. */
enum side { LEFT = 1, RIGHT = 2, BOTH = 3 };

/* Collect the siblings of the path of leaf ${m} in the tree of ${n}, those of
 * the sides wanted. */
static enum sp_code
path(const struct sp_nodes *s, uint64_t m, uint64_t n, enum side want,
    struct sp_proof *out, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	uint64_t lo = 0, hi = n;

	out->n = 0;
	while (hi - lo > 1 && rc == SP_OK) {
		uint64_t k = sp_merkle_split(hi - lo);

		if (m < lo + k) {
			if ((want & RIGHT) != 0)
				rc = push(s, lo + k, hi, out, err);
			hi = lo + k;
		} else {
			if ((want & LEFT) != 0)
				rc = push(s, lo, lo + k, out, err);
			lo += k;
		}
	}
	reverse(out);
	return (rc);
}

enum sp_code
sp_merkle_inclusion(const struct sp_nodes *s, uint64_t m, uint64_t n,
    struct sp_proof *out, struct sp_err *err)
{
	struct sp_proof p;
	enum sp_code rc;

	if (m >= n)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "entry %" PRIu64 " is not in a tree of %" PRIu64 " entries",
		    m, n));
	rc = path(s, m, n, BOTH, &p, err);
	if (rc == SP_OK)
		*out = p;
	return (rc);
}

/* Goes down towards the last leaf of the old tree, until a subtree ends with
 * it. */
enum sp_code
sp_merkle_consistency(const struct sp_nodes *s, uint64_t m, uint64_t n,
    struct sp_proof *out, struct sp_err *err)
{
	struct sp_proof p = { .n = 0 };
	enum sp_code rc = SP_OK;
	uint64_t lo = 0, hi = n;

	if (m == 0 || m > n)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "there is no consistency proof from a tree of %" PRIu64
		    " entries to one of %" PRIu64,
		    m, n));
	while (m != hi && rc == SP_OK) {
		uint64_t k = sp_merkle_split(hi - lo);

		if (m - lo <= k) {
			rc = push(s, lo + k, hi, &p, err);
			hi = lo + k;
		} else {
			rc = push(s, lo, lo + k, &p, err);
			lo += k;
		}
	}
	/* Where the walk ended at a subtree that is not the whole old tree, the
	 * verifier needs its hash; the old root itself he knows. */
	if (rc == SP_OK && lo > 0)
		rc = push(s, lo, hi, &p, err);
	if (rc != SP_OK)
		return (rc);
	reverse(&p);
	*out = p;
	return (SP_OK);
}

enum sp_code
sp_merkle_range(const struct sp_nodes *s, uint64_t first, uint64_t end,
    uint64_t n, struct sp_proof *left, struct sp_proof *right,
    struct sp_err *err)
{
	struct sp_proof l, r;
	enum sp_code rc;

	if (first >= end || end > n)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "entries %" PRIu64 " to %" PRIu64
		    " (exclusive) are not a range of a tree of %" PRIu64
		    " entries",
		    first, end, n));
	rc = path(s, first, n, LEFT, &l, err);
	if (rc == SP_OK)
		rc = path(s, end - 1, n, RIGHT, &r, err);
	if (rc != SP_OK)
		return (rc);
	*left = l;
	*right = r;
	return (SP_OK);
}
