/* The register of alarms: one for each cause, counted, repeated, ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/service/alarms.h"
#include "base/clock.h"

#define T0   INT64_C(1767225600000000) /* 2026-01-01 */
#define HOUR (3600 * SP_SECOND)

static struct sp_alarms *a;
static char said[8192];

static void
say(const struct sp_alarm *x, const char *state)
{
	(void)snprintf(said + strlen(said), sizeof(said) - strlen(said),
	    "%s %s %u;", state, x->cause, (unsigned)x->count);
}

static int
setup(void **state)
{
	(void)state;
	a = sp_alarms_new("/archive");
	a->log = say;
	said[0] = '\0';
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	sp_alarms_free(a);
	return (0);
}

/* Both clocks are ${at} after the beginning. */
static void
raise_at(const char *cause, const char *text, int64_t at)
{
	sp_alarms_raise(a, "seal", sp_view_str(cause), 1, sp_view_str(text),
	    T0 + at, at + 1);
}

static void
clear_at(const char *cause, int64_t at)
{
	sp_alarms_clear(a, sp_view_str(cause), sp_view_str(""), at + 1);
}

static void
tick(int64_t at)
{
	sp_alarms_tick(a, T0 + at, at + 1);
}

static size_t
count_notices(void)
{
	size_t n = 0;

	for (const struct sp_alarm_notice *x = a->notices; x != NULL;
	     x = x->next)
		n++;
	return (n);
}

static void
test_one_cause_is_one_alarm_whatever_its_text(void **state)
{
	char text[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(
		    text, sizeof(text), "/guard/.tmp%d: read-only", i);
		raise_at("guard_unwritable", text, i * SP_SECOND);
		tick(i * SP_SECOND);
	}
	assert_string_equal(said, "begin guard_unwritable 1;");
	assert_int_equal(count_notices(), 1);
	assert_int_equal(a->open->count, 1000);
	assert_string_equal(a->open->text, "/guard/.tmp999: read-only");
	clear_at("guard_unwritable", 2000 * SP_SECOND);
	tick(2009 * SP_SECOND);
	assert_non_null(a->open);
	tick(2010 * SP_SECOND);
	assert_null(a->open);
	assert_string_equal(
	    said, "begin guard_unwritable 1;ended guard_unwritable 1000;");
	assert_int_equal(count_notices(), 2);
}

static void
test_what_flickers_is_held(void **state)
{
	unsigned ends = 0;

	(void)state;
	/* There for a second, gone for eleven, for two hours. */
	for (int64_t s = 0; s < 7200; s++) {
		if (s % 12 == 0)
			raise_at("disk_reserve", "full", s * SP_SECOND);
		else
			clear_at("disk_reserve", s * SP_SECOND);
		tick(s * SP_SECOND);
	}
	for (const char *p = said; (p = strstr(p, "ended")) != NULL; p++)
		ends++;
	assert_in_range(ends, 0, 2);
}

static void
test_it_is_repeated_daily_until_somebody_knows(void **state)
{
	(void)state;
	raise_at("log_held", "damaged", 0);
	for (int hour = 1; hour <= 49; hour++)
		tick(hour * HOUR);
	assert_string_equal(
	    said, "begin log_held 1;repeat log_held 1;repeat log_held 1;");
	sp_alarms_acknowledge(a, sp_alarms_find(a, sp_view_str("1")),
	    sp_view_str("ann"), sp_view_str("restoring"), T0);
	for (int hour = 50; hour <= 100; hour++)
		tick(hour * HOUR);
	assert_string_equal(
	    said, "begin log_held 1;repeat log_held 1;repeat log_held 1;");
	assert_true(a->open->acknowledged);
	assert_string_equal(a->open->by, "ann");
}

static void
test_what_nobody_can_clear_ends_by_itself(void **state)
{
	(void)state;
	raise_at("worker_restart:index", "signal 7", 0);
	raise_at("worker_restart:index", "signal 7", 500 * SP_SECOND);
	tick(1000 * SP_SECOND);
	assert_non_null(a->open);
	tick(1100 * SP_SECOND);
	assert_null(a->open);
}

static void
test_any_bytes_are_shown(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "plain", "plain" },
		{ "caf\xe9", "caf\\xe9" },
		{ "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9" },
		{ "\xff\xfe", "\\xff\\xfe" },
		{ "half \xe2\x82", "half \\xe2\\x82" },
		{ "mixed \xc3\xa9 \xe9", "mixed \xc3\xa9 \\xe9" },
		{ "a\nb\x1b[2J", "a\\x0ab\\x1b[2J" },
		{ "c1 \xc2\x9b", "c1 \\xc2\\x9b" },
		{ "surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		raise_at("x", rows[i].text, 0);
		assert_string_equal(a->open->text, rows[i].want);
	}
	assert_non_null(strstr(a->notices->entry, "\"text\":\"plain\""));
}

static void
test_long_texts_say_what_was_cut(void **state)
{
	static char text[10001];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	raise_at("short", "", 0);
	text[3000] = '\0';
	raise_at("long", text, 0);
	assert_int_equal(strlen(a->open->text), 3000);
	text[3000] = 'x';
	raise_at("longer", text, 0);
	assert_non_null(strstr(a->open->text, "bytes more)"));
	assert_in_range(strlen(a->open->text), 4000, SP_ALARMS_TEXT_MAX + 63);
}

static void
test_a_cause_is_one_word(void **state)
{
	(void)state;
	raise_at("silence:domain:a b\"c\xc3\xa9", "x", 0);
	assert_string_equal(a->open->cause, "silence:domain:a_b_c__");
	assert_non_null(
	    sp_alarms_find(a, sp_view_str("silence:domain:a_b_c__")));
	clear_at("silence:domain:a b\"c\xc3\xa9", 0);
	tick(HOUR);
	assert_null(a->open);
}

static void
test_too_many_are_one(void **state)
{
	char cause[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(cause, sizeof(cause), "silence:domain:d%d", i);
		raise_at(cause, "x", 0);
	}
	assert_int_equal(count_notices(), SP_ALARMS_OPEN_MAX + 1);
	assert_string_equal(a->open->cause, "many");
	assert_int_equal(a->open->count, 1000 - SP_ALARMS_OPEN_MAX);
}

static void
test_it_survives_a_restart(void **state)
{
	struct sp_buf b, again;
	struct sp_err err;

	(void)state;
	sp_buf_init(&b, SP_ALARMS_STATE_MAX);
	sp_buf_init(&again, SP_ALARMS_STATE_MAX);
	raise_at("old", "over", 0);
	clear_at("old", 0);
	tick(HOUR);
	raise_at("guard_unwritable", "caf\xe9", 2 * HOUR);
	sp_alarms_acknowledge(
	    a, a->open, sp_view_str("ann"), sp_view_str("n"), T0);
	a->notices->entry_due = a->notices->mail_due = false;
	a->notices->next->mail_due = false;
	sp_alarms_forget_done(a);
	assert_int_equal(count_notices(), 2);
	assert_int_equal(sp_alarms_save(a, &b), SP_OK);
	sp_alarms_free(a);
	a = sp_alarms_new("/archive");
	a->log = say;
	said[0] = '\0';
	if (sp_alarms_load(a, sp_buf_view(&b), &err) != SP_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(sp_alarms_save(a, &again), SP_OK);
	assert_int_equal(again.n, b.n);
	assert_memory_equal(again.p, b.p, b.n);
	raise_at("guard_unwritable", "x", 3 * HOUR);
	assert_string_equal(said, "");
	assert_int_equal(a->open->count, 2);
	assert_true(a->open->acknowledged);
	assert_int_equal(count_notices(), 2);
	assert_false(a->notices->mail_due);
	raise_at("new", "x", 3 * HOUR);
	assert_int_equal(a->open->id, 3);
	/* The end of one that began before the restart is told. */
	clear_at("guard_unwritable", 3 * HOUR);
	tick(4 * HOUR);
	assert_non_null(strstr(said, "ended guard_unwritable 2;"));
	sp_buf_done(&again);
	sp_buf_done(&b);
}

static void
test_any_state_is_read_or_refused(void **state)
{
	static const char *const rows[] = { "", "{}", "[]", "{\"v\":2}",
		"{\"v\":1,\"open\":7}", "{\"v\":1,\"open\":[7,{}]}",
		"{\"v\":1,\"open\":[{\"cause\":\"x\",\"since\":\"no\"}]}",
		"{\"v\":1,\"open\":[{\"cause\":\"x\",\"since\":"
		"\"2026-01-01T00:00:00.000000Z\"}],\"notices\":[{},7,"
		"{\"entry\":7,\"mail\":{},\"way\":\"no\"}]}" };
	struct sp_err err;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++)
		(void)!sp_alarms_load(a, sp_view_str(rows[i]), &err);
	tick(0);
	tick(100 * HOUR);
	assert_non_null(sp_alarms_find(a, sp_view_str("x")));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_one_cause_is_one_alarm_whatever_its_text),
		T(test_what_flickers_is_held),
		T(test_it_is_repeated_daily_until_somebody_knows),
		T(test_what_nobody_can_clear_ends_by_itself),
		T(test_any_bytes_are_shown),
		T(test_long_texts_say_what_was_cut),
		T(test_a_cause_is_one_word),
		T(test_too_many_are_one),
		T(test_it_survives_a_restart),
		T(test_any_state_is_read_or_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
