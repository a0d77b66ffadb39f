/*
 * Checking a range proof: that a run of leaves [first, end) stands in the tree
 * of n leaves, in order and without a gap.  The proof and how it is checked are
 * in doc/format-tree.md, "Range proof"; merkle.h makes one.  This is what the
 * completeness of an export rests on (journal/verify).  Pure, no I/O.
 *
 *   new -> leaf (end - first times, in order) -> root -> free
 */
#ifndef SP_TREE_RANGE_CHECK_H
#define SP_TREE_RANGE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/tree/hash.h"
#include "journal/tree/merkle.h"

struct sp_range_check;

/*
 * Begin to check a proof.  ${n} must come from a checkpoint, never from the
 * proof.  Numbers and hashes may be anything: what cannot be a proof fails in
 * sp_range_check_root.  The proof is copied; free the result with
 * sp_range_check_free.
 */
struct sp_range_check *sp_range_check_new(uint64_t first, uint64_t end,
    uint64_t n, const struct sp_proof *left, const struct sp_proof *right);
/* Feed the hash of the next leaf of the run. */
void sp_range_check_leaf(struct sp_range_check *c, const struct sp_hash *leaf);
/* After end - first leaves: the root that they and the proof give.  False if
 * there were more or fewer, or a hash of the proof is missing or left over. */
bool sp_range_check_root(struct sp_range_check *c, struct sp_hash *root);
void sp_range_check_free(struct sp_range_check *c); /* NULL is fine */

#endif
