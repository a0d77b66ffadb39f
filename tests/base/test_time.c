/* Instants, and dates as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/time_text.h"

static int64_t
at(const char *text)
{
	int64_t us;

	if (!sp_time_parse(sp_view_str(text), &us))
		fail_msg("not an instant: %s", text);
	return (us);
}

static void
test_instants_round_trip_and_nothing_else_is_taken(void **state)
{
	static const char *const good[] = { "1970-01-01T00:00:00.000000Z",
		"2026-11-23T16:31:02.123456Z", "2000-02-29T23:59:59.999999Z",
		"1969-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z" };
	static const char *const bad[] = { "2026-11-23T16:31:02Z",
		"2026-11-23 16:31:02.123456Z", "2026-02-29T00:00:00.000000Z",
		"2026-13-01T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z",
		"2026-01-01T00:60:00.000000Z", "2026-01-01T00:00:60.000000Z",
		"2026-01-01T00:00:00.00000xZ", "2026-00-01T00:00:00.000000Z",
		"2026-01-01T00:00:00.0000000", "" };
	char text[SP_TIME_LEN + 1];
	int64_t us;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(good); i++) {
		sp_time_format(at(good[i]), text);
		assert_string_equal(text, good[i]);
	}
	assert_true(at(good[0]) == 0);
	assert_true(at(good[1]) == INT64_C(1795451462123456));
	for (size_t i = 0; i < SP_COUNTOF(bad); i++) {
		if (sp_time_parse(sp_view_str(bad[i]), &us))
			fail_msg("taken: %s", bad[i]);
	}
}

static void
test_what_people_write_means_the_whole_of_it(void **state)
{
	static const struct {
		const char *text, *tz, *from, *end;
	} rows[] = {
		{ "2026", NULL, "2026-01-01T00:00:00.000000Z",
		    "2027-01-01T00:00:00.000000Z" },
		{ "2026-12", NULL, "2026-12-01T00:00:00.000000Z",
		    "2027-01-01T00:00:00.000000Z" },
		{ "2026-11-23", NULL, "2026-11-23T00:00:00.000000Z",
		    "2026-11-24T00:00:00.000000Z" },
		{ "2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000000Z",
		    "2026-03-29T22:00:00.000000Z" },
		{ "2026-11-23T16:31:02Z", NULL, "2026-11-23T16:31:02.000000Z",
		    "2026-11-23T16:31:02.000000Z" },
		{ "2026-11-23T16:31:02.5+01:00", NULL,
		    "2026-11-23T15:31:02.500000Z",
		    "2026-11-23T15:31:02.500000Z" },
		{ "2026-11-23T16:31", "America/New_York",
		    "2026-11-23T21:31:00.000000Z",
		    "2026-11-23T21:31:00.000000Z" },
		{ "today", NULL, "2026-11-23T00:00:00.000000Z",
		    "2026-11-24T00:00:00.000000Z" },
		{ "yesterday", "Asia/Tokyo", "2026-11-22T15:00:00.000000Z",
		    "2026-11-23T15:00:00.000000Z" },
		{ "30d", NULL, "2026-10-24T00:00:00.000000Z",
		    "2026-10-24T00:00:00.000000Z" },
		{ "2h", NULL, "2026-11-23T14:31:02.000000Z",
		    "2026-11-23T14:31:02.000000Z" },
		{ "1m", NULL, "2026-10-23T00:00:00.000000Z",
		    "2026-10-23T00:00:00.000000Z" },
	};
	int64_t now = at("2026-11-23T16:31:02.000000Z");
	struct sp_err err;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		char a[SP_TIME_LEN + 1], b[SP_TIME_LEN + 1];
		int64_t from, end;

		if (sp_time_parse_human(rows[i].text, rows[i].tz, now, &from,
			&end, &err) != SP_OK)
			fail_msg("%s: %s", rows[i].text, err.msg);
		sp_time_format(from, a);
		sp_time_format(end, b);
		if (strcmp(a, rows[i].from) != 0 || strcmp(b, rows[i].end) != 0)
			fail_msg("%s %s: got %s .. %s", rows[i].text,
			    rows[i].tz == NULL ? "UTC" : rows[i].tz, a, b);
	}
}

static void
test_impossible_dates_are_refused_with_what_to_write(void **state)
{
	static const char *const bad[] = { "", "2026-02-30", "2026-13", "26",
		"2026-1-1", "tomorrow", "d", "30", "30x", "-3d", "2026-11-23T",
		"2026-11-23T25:00Z", "2026-11-23T10:00+1", "0000",
		"99999999999999d" };
	struct sp_err err;
	int64_t from, end;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(bad); i++) {
		if (sp_time_parse_human(bad[i], NULL, 0, &from, &end, &err) !=
		    SP_EUSAGE)
			fail_msg("taken: %s", bad[i]);
		assert_non_null(strstr(err.msg, "YYYY-MM-DD"));
	}
	assert_int_equal(
	    sp_time_parse_human("2026", "Mars/Base", 0, &from, &end, &err),
	    SP_EUSAGE);
	assert_int_equal(sp_time_parse_human(
			     "2026", "../../etc/passwd", 0, &from, &end, &err),
	    SP_EUSAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_instants_round_trip_and_nothing_else_is_taken),
		cmocka_unit_test(test_what_people_write_means_the_whole_of_it),
		cmocka_unit_test(
		    test_impossible_dates_are_refused_with_what_to_write),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
