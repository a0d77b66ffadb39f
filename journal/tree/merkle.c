/*
 * Hashes of leaves and nodes, and roots from a source of node hashes: RFC 6962
 * section 2.1.  What a tree on disk, proofs and checks are built from.
 */
#include "journal/tree/merkle.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/sha256.h"
#include "journal/tree/merkle_priv.h"

struct sp_hash
sp_merkle_leaf(struct sp_view data)
{
	static const uint8_t prefix = 0;
	struct sp_hash h;

	sp_sha256_two(&prefix, 1, data.p, data.n, h.b);
	return (h);
}

struct sp_hash
sp_merkle_node(const struct sp_hash *l, const struct sp_hash *r)
{
	uint8_t in[1 + 2 * sizeof(l->b)] = { 1 };
	struct sp_hash h;

	memcpy(in + 1, l->b, sizeof(l->b));
	memcpy(in + 1 + sizeof(l->b), r->b, sizeof(r->b));
	sp_sha256_once(in, sizeof(in), h.b);
	return (h);
}

struct sp_hash
sp_merkle_empty(void)
{
	struct sp_hash h;

	sp_sha256_once(NULL, 0, h.b);
	return (h);
}

uint64_t
sp_merkle_split(uint64_t n)
{
	uint64_t k = 1;

	assert(n > 1);
	while (k < n - k)
		k <<= 1;
	return (k);
}

/* The hash of a range in the middle of the tree is put together from perfect
 * subtrees, which is what a source has. */
enum sp_code
sp_merkle_subtree(const struct sp_nodes *s, uint64_t lo, uint64_t hi,
    struct sp_hash *out, struct sp_err *err)
{
	struct sp_hash part[64];
	size_t n = 0;

	/* [lo, hi) is one perfect subtree for each 1 in its width, the widest
	 * first; lo is a multiple of the widest. */
	for (uint64_t at = lo; at < hi;) {
		unsigned level = 63 - (unsigned)__builtin_clzll(hi - at);
		enum sp_code rc;

		rc = s->get(s->ctx, level, at >> level, &part[n], err);
		if (rc != SP_OK)
			return (rc);
		n++;
		at += UINT64_C(1) << level;
	}
	assert(n > 0);
	for (; n > 1; n--)
		part[n - 2] = sp_merkle_node(&part[n - 2], &part[n - 1]);
	*out = part[0];
	return (SP_OK);
}

enum sp_code
sp_merkle_root(const struct sp_nodes *s, uint64_t size, struct sp_hash *out,
    struct sp_err *err)
{
	if (size == 0) {
		*out = sp_merkle_empty();
		return (SP_OK);
	}
	return (sp_merkle_subtree(s, 0, size, out, err));
}
