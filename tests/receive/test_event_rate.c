/* What a reader may append at the door: at once, over time, and beside others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/receive/event_rate.h"

#define AT_ONCE (SP_EVENT_RATE_STOCK / SP_EVENT_RATE_LEAST)
#define SECOND	(SP_EVENT_RATE_REFILL / SP_EVENT_RATE_LEAST)

/* How many small events user ${uid} gets in at ${now}. */
static uint64_t
take_all(struct sp_event_rate *r, uint64_t uid, uint64_t now)
{
	uint64_t n = 0;

	while (sp_event_rate_take(r, uid, 1, now))
		n++;
	return (n);
}

static void
test_a_stock_is_used_up_and_fills_up_with_time(void **state)
{
	struct sp_event_rate *r = sp_event_rate_new();

	(void)state;
	assert_int_equal(take_all(r, 7, 1000), AT_ONCE);
	assert_int_equal(take_all(r, 7, 1000), 0);
	assert_int_equal(take_all(r, 7, 2000), SECOND);
	/* Long pauses fill it, and no more. */
	assert_int_equal(take_all(r, 7, UINT64_MAX / 2), AT_ONCE);
	/* A large one counts as what it is. */
	assert_false(sp_event_rate_take(
	    r, 7, SP_EVENT_RATE_LARGEST, UINT64_MAX / 2 + 1000));
	assert_true(sp_event_rate_take(
	    r, 7, SP_EVENT_RATE_LARGEST, UINT64_MAX / 2 + 9000));
	assert_int_equal(take_all(r, 7, UINT64_MAX / 2 + 9000), SECOND);
	sp_event_rate_free(r);
}

static void
test_users_do_not_take_from_each_other(void **state)
{
	struct sp_event_rate *r = sp_event_rate_new();

	(void)state;
	assert_int_equal(take_all(r, 7, 1000), AT_ONCE);
	assert_int_equal(take_all(r, 8, 1000), AT_ONCE);
	/* More users than are remembered: who used his stock up stays so. */
	for (uint64_t uid = 100; uid < 1000; uid++)
		assert_true(sp_event_rate_take(r, uid, 1, 1000));
	assert_int_equal(take_all(r, 7, 1000), 0);
	assert_int_equal(take_all(r, 8, 1000), 0);
	sp_event_rate_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_stock_is_used_up_and_fills_up_with_time),
		cmocka_unit_test(test_users_do_not_take_from_each_other),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
