/* journal/receive/logins.h: who guesses too often, and whose turn it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/receive/logins.h"

static void
idle(void *ctx)
{
	(void)ctx;
}

/* In place of the true one: hashing a password. */
void
sp_session_check(struct sp_session *s)
{
	(void)s;
}

/* Jobs by name, and the order in which they were done. */
struct turn {
	struct sp_login_job job; /* first */
	const char *name;
};
static char order[64];

static void
on_done(struct sp_login_job *job)
{
	const struct turn *t = (const struct turn *)(void *)job;
	size_t n = strlen(order);

	(void)snprintf(order + n, sizeof(order) - n, "%s ", t->name);
}

static void
test_many_logins_of_one_do_not_delay_the_first_of_another(void **state)
{
	static const char *const names[] = { "A1", "A2", "A3", "A4", "A5", "A6",
		"B1", "B2", "C1" };
	static const char who[3] = { 'A', 'B', 'C' };
	struct turn jobs[SP_COUNTOF(names)];
	struct sp_logins *l;
	uv_loop_t loop;

	(void)state;
	/* One thread, so that what began first is done first. */
	assert_int_equal(setenv("UV_THREADPOOL_SIZE", "1", 1), 0);
	assert_int_equal(uv_loop_init(&loop), 0);
	l = sp_logins_new(&loop, idle, NULL);
	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		jobs[i] = (struct turn){
			.job = { .who = &who[names[i][0] - 'A'],
			    .done = on_done },
			.name = names[i],
		};
		sp_logins_push(l, &jobs[i].job);
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	/* Two were with the pool before the others came. */
	assert_string_equal(order, "A1 A2 A3 B1 C1 A4 B2 A5 A6 ");
	sp_logins_free(l);
	assert_int_equal(uv_loop_close(&loop), 0);
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
		assert_true(sp_logins_may_try(l, rows[i].same, 5001));
		guess(l, rows[i].same, 1, 5002);
		assert_false(sp_logins_may_try(l, rows[i].guesser, 5003));
		assert_false(sp_logins_may_try(l, rows[i].same, 5003));
		assert_true(sp_logins_may_try(l, rows[i].other, 5003));
		/* The window ends, also when more guesses came meanwhile. */
		guess(l, rows[i].guesser, 5, 5000 + SP_LOGIN_WINDOW_MS);
		assert_false(sp_logins_may_try(
		    l, rows[i].guesser, 5000 + SP_LOGIN_WINDOW_MS));
		assert_true(sp_logins_may_try(
		    l, rows[i].guesser, 5001 + SP_LOGIN_WINDOW_MS));
		guess(l, rows[i].guesser, 1, 5001 + SP_LOGIN_WINDOW_MS);
		assert_true(sp_logins_may_try(
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
	assert_false(sp_logins_may_try(l, "192.0.2.7:1", 0));
	sp_logins_free(l);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_many_logins_of_one_do_not_delay_the_first_of_another),
		cmocka_unit_test(test_a_guesser_waits_and_nobody_else),
		cmocka_unit_test(test_many_guessers_take_no_memory),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
