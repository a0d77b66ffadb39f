/*
 * The compact state of a growing Merkle tree: what is needed of n leaves to add
 * the next one and to know the root, which is one hash for each 1 in the binary
 * form of n.  Pure, no I/O.
 *
 *   7 leaves:    a perfect subtree of 4, one of 2, one of 1
 *   h[0..2]:     their roots, the widest first
 *
 * For those who see all leaves in order and keep no tree: verification, range
 * proofs (range_check.h).
 */
#ifndef SP_TREE_COMPACT_H
#define SP_TREE_COMPACT_H

#include <stddef.h>
#include <stdint.h>

#include "journal/tree/hash.h"

struct sp_compact {
	uint64_t size; /* leaves */
	struct sp_hash h[64]; /* roots of perfect subtrees, the widest first */
	size_t n; /* of them: the 1s in size */
};

/* The empty tree. */
void sp_compact_init(struct sp_compact *c);
/* Add the hash of the next leaf (sp_merkle_leaf). */
void sp_compact_add(struct sp_compact *c, const struct sp_hash *leaf);
/* The root of all leaves so far; of none: SHA-256 of nothing. */
struct sp_hash sp_compact_root(const struct sp_compact *c);

#endif
