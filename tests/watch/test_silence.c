/* Which silences are unusual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "journal/watch/silence.h"

#define HOUR SP_SILENCE_HOUR_US
#define DAY  (24 * HOUR)
/* A Monday, 00:00 UTC: 2026-11-02. */
#define MONDAY (INT64_C(1793577600) * 1000000)

static struct sp_silence_rhythm r;

static bool
office_hour(int64_t hour)
{
	const int64_t at = hour - MONDAY / HOUR;

	return (at / 24 % 7 < 5 && at % 24 >= 8 && at % 24 < 18);
}

/* ${days} days of mail in office hours, ${n} messages an hour. */
static void
office(int64_t days, uint64_t n)
{
	sp_silence_rhythm_init(&r, MONDAY, MONDAY + days * DAY);
	for (int64_t h = 0; h < days * 24; h++) {
		if (office_hour(MONDAY / HOUR + h))
			sp_silence_rhythm_add(&r, MONDAY / HOUR + h, n);
	}
}

static struct sp_silence
judge(int64_t last, int64_t now)
{
	struct sp_silence s;

	sp_silence_judge(&r, last, now, &s);
	return (s);
}

static void
test_nights_and_weekends_are_usual(void **state)
{
	const int64_t friday = MONDAY + 25 * DAY + 18 * HOUR - 1;
	struct sp_silence s;

	(void)state;
	office(28, 60);
	/* From Friday evening to Monday, a minute before work begins. */
	s = judge(friday, friday + 62 * HOUR - 60000000);
	assert_true(s.known);
	assert_false(s.unusual);
	assert_true(s.expected < 1.0);
}

static void
test_a_silent_hour_at_work_is_not(void **state)
{
	const int64_t tuesday = MONDAY + 22 * DAY + 10 * HOUR;
	struct sp_silence s;

	(void)state;
	office(22, 60);
	s = judge(tuesday, tuesday + HOUR / 12);
	assert_true(s.known);
	assert_false(s.unusual);
	s = judge(tuesday, tuesday + HOUR / 2);
	assert_true(s.unusual);
	assert_true(s.expected > 29 && s.expected < 31);
}

static void
test_silences_that_were_there_before_give_room(void **state)
{
	struct sp_silence s;
	int64_t noon = MONDAY + 22 * DAY + 12 * HOUR;

	(void)state;
	office(22, 20);
	/* Once, a whole morning lacked 40 messages. */
	r.count[7 * 24 + 10] = 0;
	r.count[7 * 24 + 11] = 0;
	s = judge(noon - HOUR, noon);
	assert_true(s.usual > 38 && s.usual <= SP_SILENCE_MOST);
	assert_false(s.unusual);
	s = judge(noon - 4 * HOUR, noon);
	assert_true(s.unusual);
}

static void
test_a_long_failure_does_not_deafen(void **state)
{
	struct sp_silence s;
	int64_t noon = MONDAY + 22 * DAY + 12 * HOUR;

	(void)state;
	office(22, 100);
	for (size_t i = 8 * 24; i < 12 * 24; i++)
		r.count[i] = 0;
	s = judge(noon - HOUR, noon);
	assert_true(s.usual <= SP_SILENCE_MOST);
	assert_true(s.unusual);
}

static void
test_little_mail_is_never_missed_early(void **state)
{
	struct sp_silence s;

	(void)state;
	/* One message a week. */
	sp_silence_rhythm_init(&r, MONDAY, MONDAY + 28 * DAY);
	for (int64_t w = 0; w < 4; w++)
		sp_silence_rhythm_add(&r, MONDAY / HOUR + w * 168 + 9, 1);
	s = judge(MONDAY + 21 * DAY + 9 * HOUR, MONDAY + 27 * DAY);
	assert_false(s.unusual);
}

static void
test_nothing_is_said_before_a_week(void **state)
{
	struct sp_silence s;

	(void)state;
	office(SP_SILENCE_DAYS - 1, 1000);
	s = judge(MONDAY + 5 * DAY, MONDAY + 6 * DAY);
	assert_false(s.known);
	assert_false(s.unusual);
	/* A clock before the last message. */
	office(28, 1000);
	s = judge(MONDAY + 28 * DAY, MONDAY + 27 * DAY);
	assert_false(s.known);
}

static void
test_the_time_learned_from_is_bounded(void **state)
{
	(void)state;
	sp_silence_rhythm_init(&r, 0, MONDAY);
	assert_int_equal(r.n, SP_SILENCE_HOURS);
	sp_silence_rhythm_add(&r, r.first - 1, 1);
	sp_silence_rhythm_add(&r, r.first + (int64_t)r.n, 1);
	for (size_t i = 0; i < SP_SILENCE_HOURS; i++)
		assert_int_equal(r.count[i], 0);
	sp_silence_rhythm_add(&r, r.first, UINT64_MAX);
	sp_silence_rhythm_add(&r, r.first, 1);
	assert_int_equal(r.count[0], UINT32_MAX);
	sp_silence_rhythm_init(&r, MONDAY, MONDAY - DAY);
	assert_int_equal(r.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nights_and_weekends_are_usual),
		cmocka_unit_test(test_a_silent_hour_at_work_is_not),
		cmocka_unit_test(
		    test_silences_that_were_there_before_give_room),
		cmocka_unit_test(test_a_long_failure_does_not_deafen),
		cmocka_unit_test(test_little_mail_is_never_missed_early),
		cmocka_unit_test(test_nothing_is_said_before_a_week),
		cmocka_unit_test(test_the_time_learned_from_is_bounded),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
