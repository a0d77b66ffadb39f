/*
 * The acceptance path (append.h): what is promised of sequence numbers, time,
 * salts, the clock rules, heartbeats, rotation and rollback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "journal/log/append.h"
#include "journal/log/append_clock_priv.h"
#include "journal/log/intake_read.h"
#include "base/layout.h"
#include "base/random.h"
#include "tests/log/append_kit.h"

#define MINUTE (60 * SP_SECOND)
#define DAY    (86400 * SP_SECOND)

/* ---- entries ---------------------------------------------------------- */

static void
test_a_batch_gets_consecutive_seqs_one_time_and_salts_of_its_own(void **state)
{
	struct sp_append_item items[5];
	struct sp_event event = { .name = "hold" };
	uint8_t salts[5][SP_SALT_LEN];

	(void)state;
	ak_start();
	for (size_t i = 0; i < 5; i++)
		items[i] = ak_message(i % 2 == 0 ? "hello\r\n" : "");
	items[3] = (struct sp_append_item){ .event = &event, .fd = -1 };
	ak_ok(sp_append_commit(ak, items, 5, &ak_err));
	assert_int_equal(sp_append_next_seq(ak), 5);
	for (size_t i = 0; i < 5; i++) {
		struct sp_record r = ak_record(i);

		assert_int_equal(items[i].seq, i);
		assert_int_equal(items[i].received, AK_NOW);
		assert_int_equal(r.seq, i);
		assert_int_equal(r.received, AK_NOW);
		assert_null(json_object_get(r.json, "clock"));
		assert_int_equal(r.has_message, i != 3);
		memcpy(salts[i], r.msalt, SP_SALT_LEN);
		if (i == 2)
			assert_memory_not_equal(
			    salts[0], salts[2], SP_SALT_LEN);
		sp_record_done(&r);
	}
}

static void
test_a_message_in_a_file_is_appended(void **state)
{
	struct sp_append_item item = ak_message("from a file\r\n");

	(void)state;
	ak_start();
	ak_ok(sp_io_tmpfile(ak_dir, &item.fd, &ak_err));
	ak_ok(sp_io_write(item.fd, item.msg.p, item.msg.n, &ak_err));
	item.msg.p = NULL;
	ak_ok(sp_append_commit(ak, &item, 1, &ak_err));
	(void)sp_io_close(item.fd, NULL);
	struct sp_record r = ak_record(0);

	assert_int_equal(r.size, 13);
	sp_record_done(&r);
}

static void
test_a_record_that_is_too_large_takes_nothing(void **state)
{
	struct sp_event event = { .name = "hold" };
	struct sp_append_item items[2] = { ak_message("x"), { .fd = -1 } };
	char *p = sp_xmalloc(SP_RECORD_MAX + 2);

	(void)state;
	ak_start();
	memset(p, ' ', SP_RECORD_MAX + 2);
	p[0] = '{';
	p[SP_RECORD_MAX + 1] = '}';
	event.detail = sp_view_mem(p, SP_RECORD_MAX + 2);
	items[1].event = &event;
	assert_int_equal(sp_append_commit(ak, items, 2, &ak_err), SP_ELIMIT);
	assert_int_equal(sp_append_next_seq(ak), 0);
	ak_ok(ak_put("x"));
	free(p);
}

static void
test_only_one_may_hold_the_role(void **state)
{
	struct sp_append *b;

	(void)state;
	ak_start();
	assert_int_equal(
	    sp_append_open(ak_dir, ak_cfg, &ak_opts, &b, &ak_found, &ak_err),
	    SP_ELOCKED);
	ak_stop();
	ak_start();
}

static void
test_a_directory_that_is_no_archive_is_left_alone(void **state)
{
	char *path = sp_layout_path(ak_dir, "FORMAT");
	char *lock = sp_layout_path(ak_dir, "state/receive.lock");

	(void)state;
	ak_ok(sp_io_unlink(path, &ak_err));
	assert_int_equal(
	    sp_append_open(ak_dir, ak_cfg, &ak_opts, &ak, &ak_found, &ak_err),
	    SP_ENOTFOUND);
	assert_false(sp_io_exists(lock));
	free(path);
	free(lock);
}

static void
test_a_full_disk_leaves_seq_and_clock_as_they_were(void **state)
{
	(void)state;
	ak_start();
	ak_ok(ak_put("one"));
	sp_clock_set_for_test(AK_NOW + 2 * MINUTE, 0);
	sp_fault_arm("enospc", 1);
	assert_int_equal(ak_put("two"), SP_ENOSPC);
	sp_fault_arm(NULL, 0);
	assert_int_equal(sp_append_next_seq(ak), 1);
	assert_int_equal(ak_alarms, 0);
	/* The failed batch has not used the step up: it is logged now. */
	ak_ok(ak_put("two"));
	assert_int_equal(sp_append_next_seq(ak), 3);
	assert_int_equal(ak_alarms, 1);
}

/* ---- the clock -------------------------------------------------------- */

static void
test_time_never_goes_back_and_the_raw_clock_is_kept(void **state)
{
	struct sp_record r;
	const json_t *clock;

	(void)state;
	ak_start();
	ak_ok(ak_put("one"));
	sp_clock_set_for_test(AK_NOW - 30 * SP_SECOND, 0);
	ak_ok(ak_put("two"));
	r = ak_record(1);
	assert_int_equal(r.received, AK_NOW);
	clock = json_object_get(r.json, "clock");
	assert_string_equal(
	    json_string_value(clock), "2026-11-23T16:30:32.000000Z");
	sp_record_done(&r);
	assert_int_equal(ak_alarms, 0);
	ak_stop();
	/* The time of receipt does not decrease over a start either. */
	ak_start();
	assert_int_equal(ak_found.last_received, AK_NOW);
	ak_ok(ak_put("three"));
	r = ak_record(2);
	assert_int_equal(r.received, AK_NOW);
	sp_record_done(&r);
}

static void
test_a_step_of_more_than_a_minute_is_logged_before_the_message(void **state)
{
	struct sp_append_item item = ak_message("two");

	(void)state;
	ak_start();
	ak_ok(ak_put("one"));
	sp_clock_set_for_test(AK_NOW + 59 * SP_SECOND, 0);
	ak_ok(ak_put("small"));
	assert_int_equal(ak_alarms, 0);
	sp_clock_set_for_test(AK_NOW + 2 * MINUTE, 0);
	ak_ok(sp_append_commit(ak, &item, 1, &ak_err));
	assert_int_equal(item.seq, 3);
	assert_int_equal(item.received, AK_NOW + 2 * MINUTE);
	ak_assert_event(2, "clock", "step");
	assert_int_equal(ak_alarms, 1);
	/* The step was logged once, and not again. */
	ak_ok(ak_put("three"));
	assert_int_equal(sp_append_next_seq(ak), 5);
	sp_clock_set_for_test(AK_NOW - 2 * MINUTE, 0);
	ak_ok(ak_put("back"));
	ak_assert_event(5, "clock", "step");
	assert_int_equal(ak_alarms, 2);
}

static void
test_a_leap_of_more_than_a_day_is_refused_until_the_clock_is_back(void **state)
{
	(void)state;
	ak_start();
	ak_ok(ak_put("one"));
	sp_clock_set_for_test(AK_NOW + DAY + MINUTE, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ak_put("two"), SP_ECLOCK);
		ak_ok(sp_append_tick(ak, &ak_err));
	}
	assert_non_null(strstr(ak_err.msg, "--accept-clock"));
	assert_int_equal(ak_alarms, 1);
	assert_int_equal(sp_append_next_seq(ak), 1);
	sp_clock_set_for_test(AK_NOW + SP_SECOND, 0);
	ak_ok(ak_put("two"));
	assert_int_equal(sp_append_next_seq(ak), 2);
}

static void
test_an_accepted_leap_is_logged(void **state)
{
	(void)state;
	ak_start();
	ak_ok(ak_put("one"));
	sp_clock_set_for_test(AK_NOW + 2 * DAY, 0);
	assert_int_equal(ak_put("two"), SP_ECLOCK);
	sp_append_accept_clock(ak);
	ak_ok(ak_put("two"));
	ak_assert_event(1, "clock", "leap");
	assert_int_equal(sp_append_next_seq(ak), 3);
	/* Only that leap was accepted, not every later one. */
	sp_clock_set_for_test(AK_NOW + 4 * DAY, 0);
	assert_int_equal(ak_put("three"), SP_ECLOCK);
}

static void
test_a_leap_since_the_last_entry_is_refused_at_start(void **state)
{
	(void)state;
	ak_start();
	ak_ok(ak_put("one"));
	ak_stop();
	sp_clock_set_for_test(AK_NOW + DAY + SP_SECOND, 0);
	ak_start();
	ak_ok(sp_append_tick(ak, &ak_err));
	assert_int_equal(ak_put("two"), SP_ECLOCK);
	assert_int_equal(ak_alarms, 1);
	ak_stop();
	ak_opts.accept_clock = true;
	ak_start();
	ak_ok(ak_put("two"));
	ak_assert_event(1, "clock", "leap");
	ak_stop();
	ak_opts.accept_clock = false;
	ak_start();
	ak_ok(ak_put("three"));
	assert_int_equal(sp_append_next_seq(ak), 4);
}

static void
test_accepting_without_a_leap_accepts_no_later_one(void **state)
{
	(void)state;
	ak_opts.accept_clock = true;
	ak_start();
	ak_ok(ak_put("one"));
	sp_clock_set_for_test(AK_NOW + 2 * DAY, 0);
	assert_int_equal(ak_put("two"), SP_ECLOCK);
}

static void
test_a_clock_far_behind_the_last_entry_is_logged_at_start(void **state)
{
	(void)state;
	ak_start();
	ak_ok(ak_put("one"));
	ak_stop();
	sp_clock_set_for_test(AK_NOW - DAY, 0);
	ak_start();
	ak_ok(ak_put("two"));
	ak_assert_event(1, "clock", "step");
	ak_assert_received(2, AK_NOW);
}

/* {step in a running clock, last entry -> now at start, want} */
static void
test_the_clock_rules_at_their_limits(void **state)
{
	static const struct {
		const char *name;
		bool running, synchronised, accepted;
		int64_t step;
		enum sp_append_clock_verdict want;
	} t[] = {
		{ "a minute", true, false, false, MINUTE, SP_CLOCK_FINE },
		{ "over a minute", true, false, false, MINUTE + 1,
		    SP_CLOCK_STEPPED },
		{ "a minute back", true, false, false, -MINUTE, SP_CLOCK_FINE },
		{ "over a minute back", true, false, false, -MINUTE - 1,
		    SP_CLOCK_STEPPED },
		{ "a day", true, false, false, DAY, SP_CLOCK_STEPPED },
		{ "over a day", true, false, false, DAY + 1, SP_CLOCK_REFUSED },
		{ "over a day, synchronised", true, true, false, DAY + 1,
		    SP_CLOCK_ACCEPTED },
		{ "over a day, accepted", true, false, true, DAY + 1,
		    SP_CLOCK_ACCEPTED },
		{ "days back", true, false, false, -9 * DAY, SP_CLOCK_STEPPED },
		{ "start, a day later", false, false, false, DAY,
		    SP_CLOCK_FINE },
		{ "start, over a day later", false, false, false, DAY + 1,
		    SP_CLOCK_REFUSED },
		{ "start, years later, synchronised", false, true, false,
		    900 * DAY, SP_CLOCK_ACCEPTED },
		{ "start, a minute before", false, false, false, -MINUTE,
		    SP_CLOCK_FINE },
		{ "start, over a minute before", false, false, false,
		    -MINUTE - 1, SP_CLOCK_STEPPED },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		struct sp_append_clock c = { .last = AK_NOW,
			.accepted = t[i].accepted };
		struct sp_append_clock_reading l;

		if (t[i].running) {
			c.running = true;
			c.wall = AK_NOW;
			c.boot = 1000;
		}
		/* Five seconds later by the boot clock. */
		sp_append_clock_judge(&c,
		    AK_NOW + t[i].step + (t[i].running ? 5 * SP_SECOND : 0),
		    1000 + 5 * SP_SECOND, t[i].synchronised, &l);
		if (l.verdict != t[i].want)
			fail_msg("%s: got %d, want %d", t[i].name,
			    (int)l.verdict, (int)t[i].want);
	}
}

static void
test_slewing_is_no_step(void **state)
{
	struct sp_append_clock c = { .last = AK_NOW };
	int64_t wall = AK_NOW, boot = 0;
	struct sp_append_clock_reading l;

	(void)state;
	/* A month of 500 ppm, looked at every second and a half hour. */
	for (int i = 0; i < 3000; i++) {
		const int64_t by = (i % 2 == 0 ? 1 : 1800) * SP_SECOND;

		sp_append_clock_judge(&c, wall, boot, false, &l);
		assert_int_equal(l.verdict, SP_CLOCK_FINE);
		sp_append_clock_advance(&c, &l);
		boot += by;
		wall += by + by / 2000;
	}
}

/* ---- silence and rotation --------------------------------------------- */

static void
test_silence_is_broken_by_a_heartbeat(void **state)
{
	(void)state;
	ak_cfg->heartbeat = 3600;
	ak_start();
	ak_ok(sp_append_tick(ak, &ak_err));
	assert_int_equal(sp_append_next_seq(ak), 0);
	ak_ok(ak_put("one"));
	ak_ok(sp_append_tick(ak, &ak_err));
	assert_int_equal(sp_append_next_seq(ak), 1);
	ak_stop();
	/* The pause before a start is silence too. */
	sp_clock_set_for_test(AK_NOW + 2 * 3600 * SP_SECOND, 0);
	ak_start();
	ak_ok(sp_append_tick(ak, &ak_err));
	assert_int_equal(sp_append_next_seq(ak), 2);
	ak_assert_event(1, "heartbeat", NULL);
	ak_ok(sp_append_tick(ak, &ak_err));
	assert_int_equal(sp_append_next_seq(ak), 2);
}

static void
test_a_file_is_finished_at_its_size(void **state)
{
	char big[3000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ak_cfg->seal_size = 12000;
	ak_start();
	for (int i = 0; i < 4; i++)
		ak_ok(ak_put(big));
	assert_int_equal(ak_files(), 1);
	ak_ok(ak_put(big));
	assert_int_equal(ak_files(), 2);
	/* Who saw it fail may have been another process, which has ended. */
	assert_int_equal(ak_ended, 1);
	ak_ok(sp_append_rotate(ak, &ak_err));
	assert_int_equal(ak_files(), 3);
	ak_ok(sp_append_rotate(ak, &ak_err));
	assert_int_equal(ak_files(), 3);
}

static void
test_a_file_is_finished_at_its_age_but_never_empty(void **state)
{
	(void)state;
	ak_cfg->seal_age = 7200;
	ak_cfg->heartbeat = 0;
	ak_start();
	ak_ok(ak_put("one"));
	ak_stop();
	sp_clock_set_for_test(AK_NOW + 7199 * SP_SECOND, 0);
	ak_start();
	ak_ok(sp_append_tick(ak, &ak_err));
	assert_int_equal(ak_files(), 1);
	ak_stop();
	sp_clock_set_for_test(AK_NOW + 7200 * SP_SECOND, 0);
	ak_start();
	for (int i = 0; i < 3; i++)
		ak_ok(sp_append_tick(ak, &ak_err));
	assert_int_equal(ak_files(), 2);
	assert_int_equal(sp_append_next_seq(ak), 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, ak_setup, ak_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_batch_gets_consecutive_seqs_one_time_and_salts_of_its_own),
		T(test_a_message_in_a_file_is_appended),
		T(test_a_record_that_is_too_large_takes_nothing),
		T(test_only_one_may_hold_the_role),
		T(test_a_directory_that_is_no_archive_is_left_alone),
		T(test_a_full_disk_leaves_seq_and_clock_as_they_were),
		T(test_time_never_goes_back_and_the_raw_clock_is_kept),
		T(test_a_step_of_more_than_a_minute_is_logged_before_the_message),
		T(test_a_leap_of_more_than_a_day_is_refused_until_the_clock_is_back),
		T(test_an_accepted_leap_is_logged),
		T(test_a_leap_since_the_last_entry_is_refused_at_start),
		T(test_accepting_without_a_leap_accepts_no_later_one),
		T(test_a_clock_far_behind_the_last_entry_is_logged_at_start),
		T(test_the_clock_rules_at_their_limits),
		T(test_slewing_is_no_step),
		T(test_silence_is_broken_by_a_heartbeat),
		T(test_a_file_is_finished_at_its_size),
		T(test_a_file_is_finished_at_its_age_but_never_empty),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
