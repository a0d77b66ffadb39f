/*
 * A clock that was not set when the service started, and is set then: mail goes
 * on, no entry goes back in time, and one bad leap is refused all the same
 * (doc/architecture.md, "Time").
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/view.h"
#include "journal/log/append.h"
#include "journal/log/append_clock_priv.h"
#include "tests/log/append_kit.h"

#define MINUTE (60 * SP_SECOND)
#define DAY    (86400 * SP_SECOND)
#define Y1970  (40 * SP_SECOND)

static void
assert_accepted(uint64_t seq, const char *want)
{
	struct sp_record r = ak_record(seq);

	assert_string_equal(json_string_value(json_object_get(
				json_object_get(r.json, "detail"), "accepted")),
	    want);
	sp_record_done(&r);
}

static void
test_a_clock_of_1970_that_is_set_lets_mail_in(void **state)
{
	(void)state;
	ak_start();
	ak_ok(ak_put("one"));
	ak_stop();
	/* The machine comes up without a clock. */
	sp_clock_set_for_test(Y1970, 0);
	ak_start();
	ak_ok(ak_put("two"));
	ak_assert_event(1, "clock", "step");
	ak_assert_received(2, AK_NOW);
	/* Eight days after the last entry it is set. */
	sp_clock_set_for_test(AK_NOW + 8 * DAY, 0);
	ak_ok(ak_put("three"));
	ak_assert_event(3, "clock", "leap");
	assert_accepted(3, "unset");
	ak_assert_received(4, AK_NOW + 8 * DAY);
	assert_int_equal(ak_alarms, 2);
	/* From here on the clock is known, and a leap is a leap. */
	sp_clock_set_for_test(AK_NOW + 10 * DAY, 0);
	assert_int_equal(ak_put("four"), SP_ECLOCK);
}

static void
test_an_archive_made_in_1970_takes_the_clock_that_is_set(void **state)
{
	(void)state;
	sp_clock_set_for_test(Y1970, 0);
	ak_start();
	ak_ok(ak_put("one"));
	ak_assert_received(0, Y1970);
	sp_clock_set_for_test(AK_NOW, 0);
	ak_ok(sp_append_tick(ak, &ak_err));
	ak_assert_event(1, "clock", "leap");
	assert_accepted(1, "unset");
	ak_ok(ak_put("two"));
	ak_assert_received(2, AK_NOW);
}

static void
test_entries_of_1970_do_not_block_a_start_with_the_true_time(void **state)
{
	(void)state;
	sp_clock_set_for_test(Y1970, 0);
	ak_start();
	ak_ok(ak_put("one"));
	ak_stop();
	sp_clock_set_for_test(AK_NOW, 0);
	ak_start();
	ak_ok(ak_put("two"));
	ak_assert_event(1, "clock", "leap");
	assert_accepted(1, "unset");
	ak_assert_received(2, AK_NOW);
}

static void
test_a_clock_of_1970_that_leaps_too_far_is_refused(void **state)
{
	(void)state;
	ak_start();
	ak_ok(ak_put("one"));
	ak_stop();
	sp_clock_set_for_test(Y1970, 0);
	ak_start();
	ak_ok(ak_put("two"));
	sp_clock_set_for_test(AK_NOW + 3000 * DAY, 0);
	assert_int_equal(ak_put("three"), SP_ECLOCK);
	assert_non_null(strstr(ak_err.msg, "--accept-clock"));
	/* Refused is not poisoned: the true time is taken. */
	sp_clock_set_for_test(AK_NOW + MINUTE, 0);
	ak_ok(ak_put("three"));
	ak_assert_received(4, AK_NOW + MINUTE);
}

/* A look: the clock, seconds by the boot clock since the look before, and what
 * is said of it.  What is not refused is acted upon. */
struct look {
	int64_t wall, pause;
	enum sp_append_clock_verdict want;
};

static const struct {
	const char *name;
	int64_t last; /* entry; 0: none */
	struct look look[5];
} rules[] = {
	{ "empty log, 1970, set", 0,
	    { { Y1970, 0, SP_CLOCK_FINE }, { AK_NOW, 9, SP_CLOCK_ACCEPTED },
		{ AK_NOW + 3 * DAY, 9, SP_CLOCK_REFUSED } } },
	{ "empty log, 1970, set in two steps", 0,
	    { { Y1970, 0, SP_CLOCK_FINE },
		{ Y1970 + 9000 * DAY, 9, SP_CLOCK_ACCEPTED },
		{ AK_NOW, 9, SP_CLOCK_ACCEPTED },
		{ AK_NOW + 3 * DAY, 9, SP_CLOCK_REFUSED } } },
	{ "1970, the limit beyond the epoch", Y1970,
	    { { Y1970 + MINUTE, 0, SP_CLOCK_FINE },
		{ SP_CLOCK_EPOCH + SP_CLOCK_SET_EPOCH + 1, 9,
		    SP_CLOCK_REFUSED },
		{ SP_CLOCK_EPOCH + SP_CLOCK_SET_EPOCH, 9,
		    SP_CLOCK_ACCEPTED } } },
	{ "1970, the limit beyond the last entry", AK_NOW,
	    { { Y1970, 0, SP_CLOCK_STEPPED },
		{ AK_NOW + SP_CLOCK_SET_LAST + 1, 9, SP_CLOCK_REFUSED },
		{ AK_NOW + SP_CLOCK_SET_LAST, 9, SP_CLOCK_ACCEPTED } } },
	{ "started behind by days, set", AK_NOW,
	    { { AK_NOW - 5 * DAY, 0, SP_CLOCK_STEPPED },
		{ AK_NOW + 5 * DAY, 9, SP_CLOCK_ACCEPTED },
		{ AK_NOW + 8 * DAY, 9, SP_CLOCK_REFUSED } } },
	{ "started behind, past the last entry since", AK_NOW,
	    { { AK_NOW - 5 * MINUTE, 0, SP_CLOCK_STEPPED },
		{ AK_NOW + MINUTE, 360, SP_CLOCK_FINE },
		{ AK_NOW + 8 * DAY, 9, SP_CLOCK_REFUSED } } },
	{ "started right: 30 days back, and 30 forth", AK_NOW,
	    { { AK_NOW, 0, SP_CLOCK_FINE },
		{ AK_NOW - 30 * DAY, 9, SP_CLOCK_STEPPED },
		{ AK_NOW + 2 * DAY, 172800, SP_CLOCK_STEPPED } } },
	{ "started right: back, and forth too far", AK_NOW,
	    { { AK_NOW, 0, SP_CLOCK_FINE },
		{ AK_NOW - 2 * DAY, 9, SP_CLOCK_STEPPED },
		{ AK_NOW + 2 * DAY, 9, SP_CLOCK_REFUSED },
		{ AK_NOW, 9, SP_CLOCK_STEPPED } } },
	{ "started right: to 1970, and set", AK_NOW,
	    { { AK_NOW, 0, SP_CLOCK_FINE }, { Y1970, 9, SP_CLOCK_STEPPED },
		{ AK_NOW + MINUTE, 9, SP_CLOCK_STEPPED } } },
	{ "one bad leap", AK_NOW,
	    { { AK_NOW, 0, SP_CLOCK_FINE },
		{ AK_NOW + 9 * DAY, 9, SP_CLOCK_REFUSED },
		{ AK_NOW + 18 * SP_SECOND, 9, SP_CLOCK_FINE } } },
};

static void
test_the_rules_of_an_unset_clock(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rules); i++) {
		struct sp_append_clock c = { .last = rules[i].last };
		int64_t boot = 1000;

		for (size_t k = 0; k < SP_COUNTOF(rules[i].look) &&
				   rules[i].look[k].wall != 0;
		     k++) {
			const struct look *at = &rules[i].look[k];
			struct sp_append_clock_reading l;

			boot += at->pause * SP_SECOND;
			sp_append_clock_judge(&c, at->wall, boot, false, &l);
			if (l.verdict != at->want)
				fail_msg("%s, look %zu: got %d, want %d",
				    rules[i].name, k, (int)l.verdict,
				    (int)at->want);
			if (l.verdict == SP_CLOCK_REFUSED)
				continue;
			sp_append_clock_advance(&c, &l);
			if (at->wall > c.last)
				c.last = at->wall;
		}
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, ak_setup, ak_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_clock_of_1970_that_is_set_lets_mail_in),
		T(test_an_archive_made_in_1970_takes_the_clock_that_is_set),
		T(test_entries_of_1970_do_not_block_a_start_with_the_true_time),
		T(test_a_clock_of_1970_that_leaps_too_far_is_refused),
		T(test_the_rules_of_an_unset_clock),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
