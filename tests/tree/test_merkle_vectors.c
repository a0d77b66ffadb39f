/*
 * Merkle trees against the published vectors of RFC 6962 trees (Certificate
 * Transparency's reference leaves and proofs).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "journal/tree/compact.h"
#include "journal/tree/merkle.h"

static struct sp_hash
hash(const char *hex)
{
	struct sp_hash h;

	if (!sp_hex_decode(sp_view_str(hex), h.b, sizeof(h.b)))
		fail_msg("not a hash: %s", hex);
	return (h);
}

static void
same(const char *name, const struct sp_hash *got, const char *want)
{
	char hex[65];

	sp_hex_encode(got->b, sizeof(got->b), hex);
	if (strcmp(hex, want) != 0)
		fail_msg("%s: got %s, want %s", name, hex, want);
}

#define DATA(s)                    \
	{                          \
		(s), sizeof(s) - 1 \
	}

static const struct {
	struct sp_view data;
	const char *hash;
} leaves[] = {
	{ DATA(""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb3373876851"
		    "1a30617afa01d" },
	{ DATA("\x00"), "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87"
			"e410b78630a09cfc7" },
	{ DATA("\x10"), "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9bad"
			"b27b791b4127a7fe7" },
	{ DATA("\x20\x21"), "07506a85fd9dd2f120eb694f86011e5bb4662e5c415"
			    "a62917033d4a9624487e7" },
	{ DATA("\x30\x31"), "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9e"
			    "c5b5c283e1f4d88599e6b" },
	{ DATA("\x40\x41\x42\x43"), "4271a26be0d8a84f0bd54c8c302e7cb3a3b"
				    "5d1fa6780a40bcce2873477dab658" },
	{ DATA("\x50\x51\x52\x53\x54\x55\x56\x57"),
	    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5"
	    "f" },
	{ DATA("\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d"
	       "\x6e\x6f"),
	    "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb"
	    "1" },
};

#define ROOT2 "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
#define ROOT4 "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"

static const char *const roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	ROOT2,
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	ROOT4,
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

/* Interior nodes, by their leaves. */
#define N02 ROOT2
#define N24 "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
#define N46 "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
#define N68 "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
#define N04 ROOT4
#define N48 "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
#define N47 "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e"
/* Leaves. */
#define L0 "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
#define L1 "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
#define L2 "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7"
#define L3 "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7"
#define L4 "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
#define L5 "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658"
#define L6 "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"

/* The perfect subtrees of the eight leaves. */
static enum sp_code
get(void *ctx, unsigned level, uint64_t index, struct sp_hash *out,
    struct sp_err *err)
{
	struct sp_compact c;

	(void)ctx;
	(void)err;
	assert_true((index + 1) << level <= SP_COUNTOF(leaves));
	sp_compact_init(&c);
	for (uint64_t i = index << level; i < (index + 1) << level; i++) {
		struct sp_hash h = sp_merkle_leaf(leaves[i].data);

		sp_compact_add(&c, &h);
	}
	*out = sp_compact_root(&c);
	return (SP_OK);
}

static const struct sp_nodes nodes = { .get = get };

static void
test_the_hasher_gives_the_published_hashes(void **state)
{
	struct sp_hash h = sp_merkle_empty();
	uint8_t in[] = "\001N123N456";

	(void)state;
	same("empty tree", &h, roots[0]);
	h = sp_merkle_leaf(SP_VIEW_LIT("L123456"));
	same("leaf L123456", &h,
	    "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
	/* The published node has children that are not hashes. */
	sp_sha256_once(in, sizeof(in) - 1, h.b);
	same("node N123 N456", &h,
	    "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb");
	for (size_t i = 0; i < SP_COUNTOF(leaves); i++) {
		h = sp_merkle_leaf(leaves[i].data);
		same("leaf", &h, leaves[i].hash);
	}
}

static void
test_roots_of_each_size_are_the_published_ones(void **state)
{
	struct sp_compact c;
	struct sp_hash h;

	(void)state;
	sp_compact_init(&c);
	for (size_t n = 0; n < SP_COUNTOF(roots); n++) {
		h = sp_compact_root(&c);
		same("compact root", &h, roots[n]);
		assert_int_equal(SP_OK, sp_merkle_root(&nodes, n, &h, NULL));
		same("root", &h, roots[n]);
		if (n < SP_COUNTOF(leaves)) {
			h = sp_merkle_leaf(leaves[n].data);
			sp_compact_add(&c, &h);
		}
	}
}

static const struct proof_case {
	uint64_t m, n;
	const char *path[8];
} inclusion[] = {
	{ 0, 1, { NULL } },
	{ 0, 8, { L1, N24, N48 } },
	{ 5, 8, { L4, N68, N04 } },
	{ 2, 3, { N02 } },
	{ 1, 5, { L0, N24, L4 } },
	{ 4, 7, { L5, L6, N04 } },
	{ 6, 7, { N46, N04 } },
}, consistency[] = {
	{ 1, 1, { NULL } },
	{ 1, 8, { L1, N24, N48 } },
	{ 2, 5, { N24, L4 } },
	{ 3, 7, { L2, L3, N02, N47 } },
	{ 4, 7, { N47 } },
	{ 6, 7, { N46, L6, N04 } },
	{ 6, 8, { N46, N68, N04 } },
};

static void
same_proof(const struct proof_case *want, const struct sp_proof *got)
{
	size_t n = 0;

	while (want->path[n] != NULL)
		n++;
	assert_int_equal(n, got->n);
	for (size_t i = 0; i < n; i++)
		same("proof", &got->h[i], want->path[i]);
}

static void
test_inclusion_paths_are_the_published_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(inclusion); i++) {
		const struct proof_case *c = &inclusion[i];
		struct sp_hash root = hash(roots[c->n]);
		struct sp_hash leaf = hash(leaves[c->m].hash);
		struct sp_proof p;

		assert_int_equal(
		    SP_OK, sp_merkle_inclusion(&nodes, c->m, c->n, &p, NULL));
		same_proof(c, &p);
		assert_true(
		    sp_merkle_check_inclusion(c->m, c->n, &leaf, &p, &root));
	}
}

static void
test_consistency_proofs_are_the_published_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(consistency); i++) {
		const struct proof_case *c = &consistency[i];
		struct sp_hash r1 = hash(roots[c->m]), r2 = hash(roots[c->n]);
		struct sp_proof p;

		assert_int_equal(
		    SP_OK, sp_merkle_consistency(&nodes, c->m, c->n, &p, NULL));
		same_proof(c, &p);
		assert_true(
		    sp_merkle_check_consistency(c->m, c->n, &r1, &r2, &p));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_hasher_gives_the_published_hashes),
		cmocka_unit_test(
		    test_roots_of_each_size_are_the_published_ones),
		cmocka_unit_test(test_inclusion_paths_are_the_published_ones),
		cmocka_unit_test(
		    test_consistency_proofs_are_the_published_ones),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
