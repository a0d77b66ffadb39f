/*
 * What merkle.c and merkle_proof.c share: how RFC 6962 section 2.1 splits a
 * range of leaves, and the hash of a part of it.
 */
#ifndef SP_TREE_MERKLE_PRIV_H
#define SP_TREE_MERKLE_PRIV_H

#include "journal/tree/merkle.h"

/* The largest power of two smaller than ${n}, which is more than 1. */
uint64_t sp_merkle_split(uint64_t n);
/* MTH of the leaves [lo, hi), which must be a range that the recursion of RFC
 * 6962 section 2.1 visits.  Fails as the source does. */
SP_CHECK enum sp_code sp_merkle_subtree(const struct sp_nodes *s, uint64_t lo,
    uint64_t hi, struct sp_hash *out, struct sp_err *err);

#endif
