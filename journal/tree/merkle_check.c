/*
 * Checking inclusion and consistency proofs: RFC 9162 sections 2.1.3.2 and
 * 2.1.4.2, whose variables fn and sn are used here.  Verification
 * (journal/verify) rests on it, so any numbers and hashes are taken, and a
 * proof holds only if every hash of it is used.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "journal/tree/merkle.h"

/* Go up one level.  ${joined_left}: the node was joined with a left sibling; if
 * it was the last of its level, it goes on up to where it is a right child or
 * the root. */
static void
climb(uint64_t *fn, uint64_t *sn, bool joined_left)
{
	while (joined_left && *fn != 0 && (*fn & 1) == 0) {
		*fn >>= 1;
		*sn >>= 1;
	}
	*fn >>= 1;
	*sn >>= 1;
}

/* RFC 9162 section 2.1.3.2. */
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

/* RFC 9162 section 2.1.4.2: one walk gives the old root (fr) and the new one
 * (sr). */
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
	/* The old root is not in the proof where it is one node of the new
	 * tree. */
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
