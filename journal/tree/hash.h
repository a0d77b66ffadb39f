/*
 * A node of the Merkle tree, a leaf included: SHA-256, 32 bytes.  The smallest
 * thing that tree, proofs, checkpoints and tiles have in common.
 */
#ifndef SP_TREE_HASH_H
#define SP_TREE_HASH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct sp_hash {
	uint8_t b[32];
};

/* Whether two hashes are the same.  They are public: time may tell. */
static inline bool
sp_hash_eq(const struct sp_hash *a, const struct sp_hash *b)
{
	return (memcmp(a->b, b->b, sizeof(a->b)) == 0);
}

#endif
