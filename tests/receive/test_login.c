/* journal/receive/logins.h: who guesses too often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "journal/receive/logins.h"

static void
idle(void *ctx)
{
	(void)ctx;
}

static void
guess(struct sp_logins *l, const char *peer, unsigned times, uint64_t now)
{
	for (unsigned i = 0; i < times; i++)
		sp_logins_failed(l, peer, now);
}

static void
test_a_guesser_waits_and_nobody_else(void **state)
{
	static const struct {
		const char *guesser, *same, *other;
	} rows[] = {
		{ "192.0.2.7:1000", "192.0.2.7:2", "192.0.2.8:1000" },
		{ "[2001:db8::1]:25", "[2001:db8::ffff:2]:99",
		    "[2001:db8:0:1::1]:25" },
		{ "unix:uid=1000", "unix:uid=1000", "unix:uid=1001" },
		{ "", "", "192.0.2.9:1" },
	};
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_logins *l = sp_logins_new(&loop, idle, NULL);

		guess(l, rows[i].guesser, SP_LOGIN_FAILURES - 1, 5000);
		assert_true(sp_logins_may(l, rows[i].same, 5001));
		guess(l, rows[i].same, 1, 5002);
		assert_false(sp_logins_may(l, rows[i].guesser, 5003));
		assert_false(sp_logins_may(l, rows[i].same, 5003));
		assert_true(sp_logins_may(l, rows[i].other, 5003));
		/* The window ends, also when more guesses came meanwhile. */
		guess(l, rows[i].guesser, 5, 5000 + SP_LOGIN_WINDOW_MS);
		assert_false(sp_logins_may(
		    l, rows[i].guesser, 5000 + SP_LOGIN_WINDOW_MS));
		assert_true(sp_logins_may(
		    l, rows[i].guesser, 5001 + SP_LOGIN_WINDOW_MS));
		guess(l, rows[i].guesser, 1, 5001 + SP_LOGIN_WINDOW_MS);
		assert_true(sp_logins_may(
		    l, rows[i].guesser, 5002 + SP_LOGIN_WINDOW_MS));
		sp_logins_free(l);
	}
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void
test_many_guessers_take_no_memory(void **state)
{
	struct sp_logins *l;
	char peer[64];
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	l = sp_logins_new(&loop, idle, NULL);
	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(peer, sizeof(peer), "10.%u.%u.%u:25", i >> 16,
		    (i >> 8) & 255, i & 255);
		sp_logins_failed(l, peer, 0);
	}
	/* Still limited: the table forgets, it does not stop counting. */
	guess(l, "192.0.2.7:1", SP_LOGIN_FAILURES, 0);
	assert_false(sp_logins_may(l, "192.0.2.7:1", 0));
	sp_logins_free(l);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_guesser_waits_and_nobody_else),
		cmocka_unit_test(test_many_guessers_take_no_memory),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
