/*
 * RFC 6962 section 2.1 Merkle trees over SHA-256: pure functions and the
 * compact state of an append-only tree.  No I/O.
 */
#ifndef SP_TREE_MERKLE_H
#define SP_TREE_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_hash {
	uint8_t b[32];
};

#define SP_PROOF_MAX 64 /* hashes in a proof, at most */

struct sp_proof {
	struct sp_hash h[SP_PROOF_MAX];
	size_t n;
};

struct sp_hash sp_merkle_leaf(struct sp_view data); /* H(0 || data) */
struct sp_hash sp_merkle_node(const struct sp_hash *l, const struct sp_hash *r);
struct sp_hash sp_merkle_empty(void); /* H("") */
bool sp_hash_eq(const struct sp_hash *a, const struct sp_hash *b);

/* Incremental root: a stack of perfect subtrees, highest first. */
struct sp_compact {
	uint64_t size;
	struct sp_hash h[64];
	size_t n;
};
void sp_compact_init(struct sp_compact *c);
void sp_compact_add(struct sp_compact *c, const struct sp_hash *leaf);
struct sp_hash sp_compact_root(const struct sp_compact *c);

/* A source of node hashes: the hash of the perfect subtree that covers leaves
 * [index << level, (index + 1) << level). */
struct sp_nodes {
	enum sp_code (*get)(void *ctx, unsigned level, uint64_t index,
	    struct sp_hash *out, struct sp_err *err);
	void *ctx;
};

SP_CHECK enum sp_code sp_merkle_root(const struct sp_nodes *s, uint64_t size,
    struct sp_hash *out, struct sp_err *err);
/* Generation; SP_EUSAGE if m >= n, m == 0 or out of range. */
SP_CHECK enum sp_code sp_merkle_inclusion(const struct sp_nodes *s, uint64_t m,
    uint64_t n, struct sp_proof *out, struct sp_err *err);
SP_CHECK enum sp_code sp_merkle_consistency(const struct sp_nodes *s,
    uint64_t m, uint64_t n, struct sp_proof *out, struct sp_err *err);
/* Range proof of leaves [first, end) in a tree of n: the left siblings of
 * first's inclusion path and the right siblings of (end-1)'s path, leaf side
 * first (DESIGN section 7). */
SP_CHECK enum sp_code sp_merkle_range(const struct sp_nodes *s, uint64_t first,
    uint64_t end, uint64_t n, struct sp_proof *left, struct sp_proof *right,
    struct sp_err *err);

bool sp_merkle_check_inclusion(uint64_t m, uint64_t n,
    const struct sp_hash *leaf, const struct sp_proof *p,
    const struct sp_hash *root);
bool sp_merkle_check_consistency(uint64_t m, uint64_t n,
    const struct sp_hash *r1, const struct sp_hash *r2,
    const struct sp_proof *p);
/* Root from the leaves of a range, fed one by one in order. */
struct sp_range_check;
struct sp_range_check *sp_range_check_new(uint64_t first, uint64_t end,
    uint64_t n, const struct sp_proof *left, const struct sp_proof *right);
void sp_range_check_leaf(struct sp_range_check *c, const struct sp_hash *leaf);
/* After end - first leaves: whether everything fits, and the root. */
bool sp_range_check_root(struct sp_range_check *c, struct sp_hash *root);
void sp_range_check_free(struct sp_range_check *c);

#endif
