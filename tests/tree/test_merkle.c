/*
 * Proofs (merkle.h, range_check.h): inclusion, consistency and range proofs of
 * every tree of up to 600 leaves against the definition, and every way to spoil
 * one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/enc.h"
#include "journal/tree/compact.h"
#include "journal/tree/merkle.h"
#include "journal/tree/range_check.h"

#define LEAVES 600u /* past two tiles of 256 */
#define LEVELS 10

/* Perfect subtrees of 600 leaves, by level and index. */
static struct sp_hash table[LEVELS][LEAVES];
static struct sp_hash root[LEAVES + 1];

static enum sp_code
get(void *ctx, unsigned level, uint64_t index, struct sp_hash *out,
    struct sp_err *err)
{
	(void)ctx;
	assert_true(level < LEVELS);
	if (index >= (uint64_t)LEAVES >> level)
		return (sp_err_set(err, SP_EUSAGE, 0, "no such node"));
	*out = table[level][index];
	return (SP_OK);
}

static const struct sp_nodes nodes = { .get = get };

/* MTH of [lo, hi), straight from the definition. */
static struct sp_hash
mth(size_t lo, size_t hi)
{
	struct sp_hash l, r;
	size_t k = 1;

	if (hi - lo == 1)
		return (table[0][lo]);
	while (2 * k < hi - lo)
		k *= 2;
	l = mth(lo, lo + k);
	r = mth(lo + k, hi);
	return (sp_merkle_node(&l, &r));
}

static int
setup(void **state)
{
	(void)state;
	root[0] = sp_merkle_empty();
	for (size_t i = 0; i < LEAVES; i++) {
		uint8_t data[8];

		sp_le64_put(data, i);
		table[0][i] = sp_merkle_leaf(sp_view_mem(data, sizeof(data)));
	}
	for (size_t l = 1; l < LEVELS; l++) {
		for (size_t i = 0; i < LEAVES >> l; i++)
			table[l][i] = sp_merkle_node(
			    &table[l - 1][2 * i], &table[l - 1][2 * i + 1]);
	}
	for (size_t n = 1; n <= LEAVES; n++)
		root[n] = mth(0, n);
	return (0);
}

static void
test_every_root_is_that_of_the_definition(void **state)
{
	struct sp_compact c;
	struct sp_hash h;

	(void)state;
	sp_compact_init(&c);
	for (size_t n = 0; n <= LEAVES; n++) {
		assert_int_equal(SP_OK, sp_merkle_root(&nodes, n, &h, NULL));
		assert_true(sp_hash_eq(&h, &root[n]));
		h = sp_compact_root(&c);
		assert_true(sp_hash_eq(&h, &root[n]));
		if (n < LEAVES)
			sp_compact_add(&c, &table[0][n]);
	}
}

static void
test_every_entry_of_every_size_is_proven(void **state)
{
	struct sp_proof p;

	(void)state;
	for (uint64_t n = 1; n <= LEAVES; n++) {
		for (uint64_t m = 0; m < n; m++) {
			if (sp_merkle_inclusion(&nodes, m, n, &p, NULL) !=
				SP_OK ||
			    !sp_merkle_check_inclusion(
				m, n, &table[0][m], &p, &root[n]))
				fail_msg("entry %d of %d", (int)m, (int)n);
		}
	}
}

static void
test_every_size_is_consistent_with_every_later_one(void **state)
{
	struct sp_proof p;

	(void)state;
	for (uint64_t n = 1; n <= LEAVES; n++) {
		for (uint64_t m = 1; m <= n; m++) {
			if (sp_merkle_consistency(&nodes, m, n, &p, NULL) !=
				SP_OK ||
			    !sp_merkle_check_consistency(
				m, n, &root[m], &root[n], &p))
				fail_msg("%d to %d", (int)m, (int)n);
		}
	}
}

/* ---- ranges ----------------------------------------------------------- */

static bool
check_range(uint64_t first, uint64_t end, uint64_t n, const struct sp_proof *l,
    const struct sp_proof *r, struct sp_hash *out)
{
	struct sp_range_check *c = sp_range_check_new(first, end, n, l, r);
	bool ok;

	for (uint64_t i = first; i < end && i < LEAVES; i++)
		sp_range_check_leaf(c, &table[0][i]);
	ok = sp_range_check_root(c, out);
	sp_range_check_free(c);
	return (ok);
}

static void
prove_range(uint64_t first, uint64_t end, uint64_t n)
{
	struct sp_proof l, r;
	struct sp_hash h;

	assert_int_equal(
	    SP_OK, sp_merkle_range(&nodes, first, end, n, &l, &r, NULL));
	if (!check_range(first, end, n, &l, &r, &h) ||
	    !sp_hash_eq(&h, &root[n]))
		fail_msg("range %d to %d of %d", (int)first, (int)end, (int)n);
}

static void
test_every_range_of_a_small_tree_is_proven(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 33; n++) {
		for (uint64_t first = 0; first < n; first++) {
			for (uint64_t end = first + 1; end <= n; end++)
				prove_range(first, end, n);
		}
	}
}

static void
test_ranges_across_tile_boundaries_are_proven(void **state)
{
	static const uint64_t sizes[] = { 255, 256, 257, 511, 512, 513, 600 };
	static const uint64_t edges[] = { 0, 1, 2, 127, 128, 129, 254, 255, 256,
		257, 383, 384, 510, 511, 512, 513, 599, 600 };

	(void)state;
	for (size_t s = 0; s < SP_COUNTOF(sizes); s++) {
		for (size_t a = 0; a < SP_COUNTOF(edges); a++) {
			for (size_t b = a + 1; b < SP_COUNTOF(edges); b++) {
				if (edges[b] <= sizes[s])
					prove_range(
					    edges[a], edges[b], sizes[s]);
			}
		}
		for (uint64_t first = 0; first < sizes[s]; first += 37)
			prove_range(first, first + 1, sizes[s]);
	}
}

static void
test_a_spoiled_range_proof_gives_no_root_or_another(void **state)
{
	const uint64_t first = 100, end = 300, n = 600;
	struct sp_proof l, r, bad;
	struct sp_hash h;

	(void)state;
	assert_int_equal(
	    SP_OK, sp_merkle_range(&nodes, first, end, n, &l, &r, NULL));
	for (size_t i = 0; i < l.n; i++) {
		bad = l;
		bad.h[i].b[i % 32] ^= 1;
		assert_true(check_range(first, end, n, &bad, &r, &h));
		assert_false(sp_hash_eq(&h, &root[n]));
	}
	for (size_t i = 0; i < r.n; i++) {
		bad = r;
		bad.h[i].b[i % 32] ^= 0x80;
		assert_true(check_range(first, end, n, &l, &bad, &h));
		assert_false(sp_hash_eq(&h, &root[n]));
	}
	bad = l;
	bad.n--;
	assert_false(check_range(first, end, n, &bad, &r, &h));
	bad.n += 2;
	assert_false(check_range(first, end, n, &bad, &r, &h));
	bad = r;
	bad.n--;
	assert_false(check_range(first, end, n, &l, &bad, &h));
	bad.n += 2;
	assert_false(check_range(first, end, n, &l, &bad, &h));
	bad.n = SP_PROOF_MAX + 1;
	assert_false(check_range(first, end, n, &l, &bad, &h));
}

/* Whether the proof of [first, end) in n passes for the claim. */
static bool
passes(uint64_t first, uint64_t end, uint64_t n, const struct sp_proof *l,
    const struct sp_proof *r, uint64_t want)
{
	struct sp_hash h;

	return (check_range(first, end, n, l, r, &h) &&
		sp_hash_eq(&h, &root[want]));
}

static void
test_a_range_proof_holds_for_its_own_range_only(void **state)
{
	const uint64_t first = 17, end = 257, n = 513;
	struct sp_range_check *c;
	struct sp_proof l, r;
	struct sp_hash h;

	(void)state;
	assert_int_equal(
	    SP_OK, sp_merkle_range(&nodes, first, end, n, &l, &r, NULL));
	assert_true(passes(first, end, n, &l, &r, n));
	assert_false(passes(first + 1, end, n, &l, &r, n));
	assert_false(passes(first - 1, end, n, &l, &r, n));
	assert_false(passes(first, end + 1, n, &l, &r, n));
	assert_false(passes(first, end - 1, n, &l, &r, n));
	assert_false(passes(first, end, n - 1, &l, &r, n));
	assert_false(passes(first, end, end, &l, &r, n));
	assert_false(passes(first, end, end - 1, &l, &r, n));
	assert_false(passes(end, end, n, &l, &r, n));
	/* One leaf too few, one too many. */
	c = sp_range_check_new(first, end, n, &l, &r);
	for (uint64_t i = first; i < end - 1; i++)
		sp_range_check_leaf(c, &table[0][i]);
	assert_false(sp_range_check_root(c, &h));
	sp_range_check_leaf(c, &table[0][end - 1]);
	assert_true(sp_range_check_root(c, &h));
	sp_range_check_leaf(c, &table[0][end]);
	assert_false(sp_range_check_root(c, &h));
	sp_range_check_free(c);
}

/* ---- spoiled proofs --------------------------------------------------- */

#define SPOILS_MAX 64

/* The proof, changed in every way of the published suite that leaves no
 * chance of being right. */
static size_t
spoil(const struct sp_proof *p, struct sp_proof out[SPOILS_MAX])
{
	static const struct sp_hash junk = { { 1, 2, 3 } };
	size_t n = 0;

	out[n] = *p; /* a hash after it */
	out[n].h[out[n].n++] = junk;
	n++;
	out[n] = *p; /* a hash in front */
	memmove(out[n].h + 1, out[n].h, p->n * sizeof(p->h[0]));
	out[n].h[0] = junk;
	out[n++].n++;
	if (p->n > 0) {
		out[n] = *p; /* the last hash twice */
		out[n].h[p->n] = out[n].h[p->n - 1];
		out[n++].n++;
		out[n] = *p; /* cut off */
		out[n++].n--;
		out[n] = *p; /* the first is missing */
		memmove(out[n].h, out[n].h + 1, (p->n - 1) * sizeof(p->h[0]));
		out[n++].n--;
		out[n] = *p;
		out[n++].n = 0;
		out[n] = *p;
		out[n++].n = SP_PROOF_MAX + 1;
	}
	for (size_t i = 0; i < p->n; i++) {
		out[n] = *p;
		out[n++].h[i].b[i % 32] ^= (uint8_t)(1u << (i % 8));
	}
	return (n);
}

static void
refuses_inclusion(uint64_t m, uint64_t n)
{
	struct sp_hash leaf = table[0][m], other = table[0][(m + 1) % LEAVES];
	struct sp_hash flipped = root[n];
	struct sp_proof p, bad[SPOILS_MAX];
	size_t count;

	assert_int_equal(SP_OK, sp_merkle_inclusion(&nodes, m, n, &p, NULL));
	count = spoil(&p, bad);
	for (size_t i = 0; i < count; i++) {
		if (sp_merkle_check_inclusion(m, n, &leaf, &bad[i], &root[n]))
			fail_msg(
			    "spoil %d of %d in %d", (int)i, (int)m, (int)n);
	}
	assert_false(sp_merkle_check_inclusion(m + 1, n, &leaf, &p, &root[n]));
	assert_false(sp_merkle_check_inclusion(m - 1, n, &leaf, &p, &root[n]));
	assert_false(sp_merkle_check_inclusion(m ^ 2, n, &leaf, &p, &root[n]));
	assert_false(sp_merkle_check_inclusion(m, n * 2, &leaf, &p, &root[n]));
	assert_false(sp_merkle_check_inclusion(m, n / 2, &leaf, &p, &root[n]));
	assert_false(sp_merkle_check_inclusion(m, 0, &leaf, &p, &root[n]));
	assert_false(sp_merkle_check_inclusion(n, n, &leaf, &p, &root[n]));
	assert_false(sp_merkle_check_inclusion(m, n, &leaf, &p, &root[n - 1]));
	assert_false(sp_merkle_check_inclusion(m, n, &leaf, &p, &root[0]));
	assert_false(sp_merkle_check_inclusion(m, n, &other, &p, &root[n]));
	flipped.b[31] ^= 1;
	assert_false(sp_merkle_check_inclusion(m, n, &leaf, &p, &flipped));
}

static void
test_a_spoiled_inclusion_proof_is_refused(void **state)
{
	static const uint64_t cases[][2] = { { 0, 2 }, { 0, 8 }, { 5, 8 },
		{ 2, 3 }, { 1, 5 }, { 4, 7 }, { 6, 7 }, { 255, 257 },
		{ 256, 257 }, { 300, 600 }, { 599, 600 } };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(cases); i++)
		refuses_inclusion(cases[i][0], cases[i][1]);
}

static void
refuses_consistency(uint64_t m, uint64_t n)
{
	const struct sp_hash *a = &root[m], *b = &root[n];
	struct sp_proof p, bad[SPOILS_MAX];
	struct sp_hash flipped = *a;
	size_t count;

	assert_int_equal(SP_OK, sp_merkle_consistency(&nodes, m, n, &p, NULL));
	count = spoil(&p, bad);
	for (size_t i = 0; i < count; i++) {
		if (sp_merkle_check_consistency(m, n, a, b, &bad[i]))
			fail_msg(
			    "spoil %d of %d to %d", (int)i, (int)m, (int)n);
	}
	assert_false(sp_merkle_check_consistency(m, n, b, a, &p));
	assert_false(sp_merkle_check_consistency(m, n, b, b, &p));
	assert_false(sp_merkle_check_consistency(m, n, a, a, &p));
	assert_false(sp_merkle_check_consistency(0, n, a, b, &p));
	assert_false(sp_merkle_check_consistency(0, n, &root[0], b, &p));
	assert_false(sp_merkle_check_consistency(n, m, a, b, &p));
	assert_false(sp_merkle_check_consistency(n + 1, n, a, b, &p));
	assert_false(sp_merkle_check_consistency(m, n * 2, a, b, &p));
	assert_false(sp_merkle_check_consistency(m ^ 2, n, a, b, &p));
	assert_false(sp_merkle_check_consistency(n, n, a, b, &p));
	flipped.b[0] ^= 0x80;
	assert_false(sp_merkle_check_consistency(m, n, &flipped, b, &p));
	flipped = *b;
	flipped.b[0] ^= 0x80;
	assert_false(sp_merkle_check_consistency(m, n, a, &flipped, &p));
}

static void
test_a_spoiled_consistency_proof_is_refused(void **state)
{
	static const uint64_t cases[][2] = { { 1, 8 }, { 2, 5 }, { 3, 7 },
		{ 4, 7 }, { 6, 7 }, { 6, 8 }, { 255, 257 }, { 256, 600 },
		{ 511, 600 } };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(cases); i++)
		refuses_consistency(cases[i][0], cases[i][1]);
}

static void
test_equal_sizes_need_equal_roots_and_an_empty_proof(void **state)
{
	struct sp_proof p = { .n = 0 };

	(void)state;
	assert_true(sp_merkle_check_consistency(7, 7, &root[7], &root[7], &p));
	assert_false(sp_merkle_check_consistency(7, 7, &root[7], &root[6], &p));
	p.h[p.n++] = root[7];
	assert_false(sp_merkle_check_consistency(7, 7, &root[7], &root[7], &p));
	p.n = 0;
	assert_false(sp_merkle_check_consistency(6, 7, &root[6], &root[7], &p));
	assert_false(sp_merkle_check_consistency(0, 0, &root[0], &root[0], &p));
}

static void
test_proofs_that_cannot_exist_are_not_made(void **state)
{
	struct sp_proof p, q;
	struct sp_err err;

	(void)state;
	assert_int_equal(
	    SP_EUSAGE, sp_merkle_inclusion(&nodes, 5, 5, &p, &err));
	assert_int_equal(
	    SP_EUSAGE, sp_merkle_inclusion(&nodes, 0, 0, &p, &err));
	assert_int_equal(
	    SP_EUSAGE, sp_merkle_consistency(&nodes, 0, 5, &p, &err));
	assert_int_equal(
	    SP_EUSAGE, sp_merkle_consistency(&nodes, 6, 5, &p, &err));
	assert_int_equal(
	    SP_EUSAGE, sp_merkle_range(&nodes, 3, 3, 5, &p, &q, &err));
	assert_int_equal(
	    SP_EUSAGE, sp_merkle_range(&nodes, 3, 6, 5, &p, &q, &err));
	assert_int_equal(
	    SP_EUSAGE, sp_merkle_inclusion(&nodes, 5, LEAVES + 1, &p, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_root_is_that_of_the_definition),
		cmocka_unit_test(test_every_entry_of_every_size_is_proven),
		cmocka_unit_test(
		    test_every_size_is_consistent_with_every_later_one),
		cmocka_unit_test(test_every_range_of_a_small_tree_is_proven),
		cmocka_unit_test(test_ranges_across_tile_boundaries_are_proven),
		cmocka_unit_test(
		    test_a_spoiled_range_proof_gives_no_root_or_another),
		cmocka_unit_test(
		    test_a_range_proof_holds_for_its_own_range_only),
		cmocka_unit_test(test_a_spoiled_inclusion_proof_is_refused),
		cmocka_unit_test(test_a_spoiled_consistency_proof_is_refused),
		cmocka_unit_test(
		    test_equal_sizes_need_equal_roots_and_an_empty_proof),
		cmocka_unit_test(test_proofs_that_cannot_exist_are_not_made),
	};

	return (cmocka_run_group_tests(tests, setup, NULL));
}
