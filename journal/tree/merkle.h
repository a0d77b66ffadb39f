/*
 * Merkle trees over SHA-256 as RFC 6962 section 2.1 (RFC 9162 section 2.1)
 * defines them: hashes, roots, proofs and their checks.  Pure functions; the
 * hashes of a tree on disk come through struct sp_nodes (tree.h has one).
 * See doc/format-tree.md, "Hashes".
 */
#ifndef SP_TREE_MERKLE_H
#define SP_TREE_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"
#include "journal/tree/hash.h"

#define SP_PROOF_MAX 64 /* hashes in a proof, at most */

/* The hashes of a proof, the one nearest to the leaf first. */
struct sp_proof {
	struct sp_hash h[SP_PROOF_MAX];
	size_t n;
};

/* The hash of a leaf, SHA-256(0x00 || data): RFC 6962 section 2.1. */
struct sp_hash sp_merkle_leaf(struct sp_view data);
/* The hash of an inner node, SHA-256(0x01 || l || r): RFC 6962 section 2.1. */
struct sp_hash sp_merkle_node(const struct sp_hash *l, const struct sp_hash *r);
/* The root of the empty tree, SHA-256 of nothing: RFC 6962 section 2.1. */
struct sp_hash sp_merkle_empty(void);

/*
 * A source of hashes: get() gives that of the perfect subtree over the leaves
 * [index << level, (index + 1) << level).  Its errors are passed on by the
 * functions below.
 */
struct sp_nodes {
	enum sp_code (*get)(void *ctx, unsigned level, uint64_t index,
	    struct sp_hash *out, struct sp_err *err);
	void *ctx;
};

/* The root of the first ${size} leaves. */
SP_CHECK enum sp_code sp_merkle_root(const struct sp_nodes *s, uint64_t size,
    struct sp_hash *out, struct sp_err *err);
/* Make the inclusion proof of leaf ${m} in the tree of ${n} leaves (RFC 6962
 * section 2.1.1).  SP_EUSAGE unless m < n. */
SP_CHECK enum sp_code sp_merkle_inclusion(const struct sp_nodes *s, uint64_t m,
    uint64_t n, struct sp_proof *out, struct sp_err *err);
/* Make the consistency proof from the tree of ${m} leaves to that of ${n}
 * (RFC 6962 section 2.1.2); empty for m == n.  SP_EUSAGE unless 0 < m <= n. */
SP_CHECK enum sp_code sp_merkle_consistency(const struct sp_nodes *s,
    uint64_t m, uint64_t n, struct sp_proof *out, struct sp_err *err);
/* Make the range proof of the leaves [first, end) in the tree of ${n} (see
 * range_check.h).  SP_EUSAGE unless first < end <= n. */
SP_CHECK enum sp_code sp_merkle_range(const struct sp_nodes *s, uint64_t first,
    uint64_t end, uint64_t n, struct sp_proof *left, struct sp_proof *right,
    struct sp_err *err);

/* Whether ${p} proves that ${leaf} is leaf ${m} of the tree of ${n} leaves with
 * that root (RFC 9162 section 2.1.3.2).  Any proof may be given. */
bool sp_merkle_check_inclusion(uint64_t m, uint64_t n,
    const struct sp_hash *leaf, const struct sp_proof *p,
    const struct sp_hash *root);
/* Whether ${p} proves that the tree of ${m} leaves with root ${r1} is the past
 * of that of ${n} leaves with root ${r2} (RFC 9162 section 2.1.4.2).  From the
 * empty tree (m == 0) there is no proof: false. */
bool sp_merkle_check_consistency(uint64_t m, uint64_t n,
    const struct sp_hash *r1, const struct sp_hash *r2,
    const struct sp_proof *p);

#endif
