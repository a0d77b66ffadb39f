/*
 * Shares of the memory budget: no client gets what others need, one that has
 * little is served first, and everything is counted back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/smtp/memory.h"

#define BUDGET ((uint64_t)3 << 20)
#define PIECE  ((size_t)32 << 10)

/* Charge pieces until there are no more; returns how many. */
static size_t
take_all(struct sp_memory *share)
{
	size_t n = 0;

	while (sp_memory_charge(share, PIECE))
		n++;
	return (n);
}

static void
give_back(struct sp_memory *share, size_t n)
{
	while (n-- > 0)
		sp_memory_discharge(share, PIECE);
}

static void
test_one_client_gets_two_thirds_and_each_further_one_its_part(void **state)
{
	struct sp_memory *m = sp_memory_new(BUDGET, "/tmp");
	struct sp_memory *s[20];
	size_t n[20], all = BUDGET / PIECE;

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		uint64_t left = BUDGET - sp_memory_used(m);

		s[i] = sp_memory_share(m);
		n[i] = take_all(s[i]);
		if (i == 0)
			assert_int_equal(n[0], all * 2 / 3);
		/* Two thirds of what the others left, to the piece. */
		assert_in_range(
		    n[i], left * 2 / 3 / PIECE, left * 2 / 3 / PIECE + 1);
		assert_int_equal(sp_memory_used(s[i]), n[i] * PIECE);
		if (i == 2)
			assert_true(n[i] > 0);
	}
	assert_true(sp_memory_used(m) <= BUDGET);
	for (size_t i = 0; i < 20; i++) {
		give_back(s[i], n[i]);
		assert_int_equal(sp_memory_used(s[i]), 0);
		sp_memory_free(s[i]);
	}
	assert_int_equal(sp_memory_used(m), 0);
	sp_memory_free(m);
}

static void
test_buffers_of_a_share_count_in_both(void **state)
{
	struct sp_memory *m = sp_memory_new(BUDGET, "/tmp");
	struct sp_memory *a = sp_memory_share(m), *b = sp_memory_share(m);
	size_t cap_a, cap_b;
	void *p = sp_memory_get(a, 5000, &cap_a);
	void *q = sp_memory_get(b, 1, &cap_b);

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	assert_int_equal(cap_a, 8192);
	assert_int_equal(sp_memory_used(a), 8192);
	assert_int_equal(sp_memory_used(b), 4096);
	assert_int_equal(sp_memory_used(m), 8192 + 4096);
	sp_memory_put(a, p, cap_a);
	/* What one gave back is another's. */
	assert_ptr_equal(sp_memory_get(b, 8192, &cap_a), p);
	assert_int_equal(sp_memory_used(a), 0);
	sp_memory_put(b, p, cap_a);
	sp_memory_put(b, q, cap_b);
	sp_memory_free(a);
	sp_memory_free(b);
	sp_memory_free(m);
}

/* Whom the hook takes from. */
struct greedy {
	struct sp_memory *share;
	size_t n, calls;
};

static bool
relieve(void *ctx, struct sp_memory *share)
{
	struct greedy *g = ctx;

	assert_ptr_not_equal(share, g->share);
	g->calls++;
	if (g->n == 0)
		return (false);
	give_back(g->share, 1);
	g->n--;
	return (true);
}

static void
test_who_has_little_is_given_from_who_has_much(void **state)
{
	struct sp_memory *m = sp_memory_new(BUDGET, "/tmp");
	struct sp_memory *crowd[40], *poor;
	struct greedy g = { .n = 0 };
	size_t n[40], got;

	(void)state;
	/* Many clients leave nothing, each with what it was let. */
	for (size_t i = 0; i < 40; i++) {
		crowd[i] = sp_memory_share(m);
		n[i] = take_all(crowd[i]);
	}
	poor = sp_memory_share(m);
	assert_false(sp_memory_charge(poor, PIECE));
	g.share = crowd[0];
	g.n = n[0];
	sp_memory_on_short(m, relieve, &g);
	/* It gets its fair part, and no more by this way. */
	got = take_all(poor);
	assert_in_range(got, 2, 4);
	assert_true(g.calls > 0 && g.n < n[0] && g.n > n[0] / 2);
	assert_false(sp_memory_is_modest(poor, PIECE));
	n[0] = g.n;
	give_back(poor, got);
	sp_memory_on_short(m, NULL, NULL);
	for (size_t i = 0; i < 40; i++) {
		give_back(crowd[i], n[i]);
		sp_memory_free(crowd[i]);
	}
	sp_memory_free(poor);
	sp_memory_free(m);
}

/* Counts how often it is asked to end somebody. */
static bool
count_calls(void *ctx, struct sp_memory *share)
{
	(void)share;
	++*(unsigned *)ctx;
	return (false);
}

/* A message that is too large for a buffer goes into a file, whatever others
 * have: nobody is to be ended for it. */
static void
test_nobody_is_ended_for_a_buffer_that_is_not_given_anyway(void **state)
{
	const size_t budget = (size_t)64 << 20, mib = (size_t)1 << 20;
	struct sp_memory *m = sp_memory_new(budget, "/tmp");
	struct sp_memory *rich[3], *poor;
	size_t n[3] = { 0 }, cap;
	unsigned calls = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		rich[i] = sp_memory_share(m);
		while (sp_memory_charge(rich[i], mib / 4))
			n[i] += mib / 4;
	}
	poor = sp_memory_share(m);
	sp_memory_on_short(m, count_calls, &calls);
	assert_null(sp_memory_get(poor, 8 * mib, &cap)); /* one too large */
	assert_null(sp_memory_get(poor, 3 * mib, &cap)); /* half is used up */
	assert_int_equal(calls, 0);
	assert_false(sp_memory_charge(poor, 8 * mib)); /* no file for this */
	assert_int_equal(calls, 1);
	for (size_t i = 0; i < 3; i++) {
		sp_memory_discharge(rich[i], n[i]);
		sp_memory_free(rich[i]);
	}
	sp_memory_free(poor);
	sp_memory_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_one_client_gets_two_thirds_and_each_further_one_its_part),
		cmocka_unit_test(test_buffers_of_a_share_count_in_both),
		cmocka_unit_test(
		    test_who_has_little_is_given_from_who_has_much),
		cmocka_unit_test(
		    test_nobody_is_ended_for_a_buffer_that_is_not_given_anyway),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
