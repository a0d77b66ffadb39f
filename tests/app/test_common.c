/*
 * What commands share (app/common): numbers for a person, the range of --since
 * and --until, options from their table, and the reply lines of state/control,
 * which one side writes and the other reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/common/control.h"
#include "app/common/date_range.h"
#include "app/common/human.h"
#include "app/common/options.h"
#include "base/clock.h"

static void
test_numbers_are_grouped_and_sizes_have_a_unit(void **state)
{
	static const struct {
		uint64_t n;
		const char *count, *size;
	} want[] = {
		{ 0, "0", "0 B" },
		{ 999, "999", "999 B" },
		{ 1000, "1,000", "1000 B" },
		{ 1024, "1,024", "1.0 KiB" },
		{ 1234567, "1,234,567", "1.2 MiB" },
		{ UINT64_MAX, "18,446,744,073,709,551,615", "16.0 EiB" },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(want); i++) {
		assert_string_equal(
		    sp_text_count(want[i].n, out), want[i].count);
		assert_string_equal(sp_text_size(want[i].n, out), want[i].size);
	}
}

static void
test_a_plain_date_of_until_includes_its_day(void **state)
{
	const struct sp_app app = { .tz = NULL };
	struct sp_range r;
	struct sp_err err;

	(void)state;
	assert_int_equal(
	    sp_range_parse(&app, "2026-01-01", "2026-01-01", &r, &err), SP_OK);
	assert_true(r.have_since && r.have_until);
	assert_true(r.until - r.since == 86400 * SP_SECOND);
	assert_int_equal(sp_range_parse(&app, NULL, NULL, &r, &err), SP_OK);
	assert_false(r.have_since || r.have_until);
	assert_int_equal(
	    sp_range_parse(&app, "2026-01-02", "2026-01-01", &r, &err),
	    SP_EUSAGE);
	assert_non_null(strstr(err.msg, "impossible range"));
	assert_int_equal(
	    sp_range_parse(&app, NULL, "soon", &r, &err), SP_EUSAGE);
	assert_non_null(strstr(err.msg, "--until"));
}

static void
test_options_fill_their_variables_and_leave_the_arguments(void **state)
{
	bool flag = false;
	uint64_t n = 0;
	const char *text = NULL;
	const struct sp_option options[] = {
		{ "flag", 'f', SP_OPT_FLAG, NULL, "", &flag },
		{ "number", 'n', SP_OPT_COUNT, "N", "", &n },
		{ "text", '\0', SP_OPT_TEXT, "T", "", &text },
	};
	const struct sp_usage usage = { "test", "", "", options,
		SP_COUNTOF(options), false };
	char test[] = "test", a[] = "-f", b[] = "word", c[] = "--number=7",
	     d[] = "--text", e[] = "x", bad[] = "--number=x";
	char *argv[] = { test, a, b, c, d, e, NULL };
	char *wrong[] = { test, bad, NULL };
	int first = 0;

	(void)state;
	assert_int_equal(sp_options_parse(&usage, 6, argv, &first), -1);
	assert_true(flag && n == 7);
	assert_string_equal(text, "x");
	assert_int_equal(first, 5);
	assert_string_equal(argv[first], "word");
	assert_int_equal(sp_options_parse(&usage, 2, wrong, &first), 2);
	argv[5] = argv[2];
	argv[2] = e;
	assert_int_equal(sp_common_parse_max(&usage, 6, argv, 0, &first), 2);
}

static void
test_a_reply_is_read_as_it_was_written(void **state)
{
	struct sp_buf line, text;
	struct sp_err err;

	(void)state;
	sp_buf_init(&line, SP_CONTROL_MAX);
	sp_buf_init(&text, SP_CONTROL_MAX);
	sp_control_format(&line, SP_OK, "1 2 3");
	assert_int_equal(
	    sp_control_parse(sp_buf_view(&line), &text, &err), SP_OK);
	assert_string_equal(sp_buf_cstr(&text), "1 2 3");
	sp_buf_clear(&line);
	sp_control_format(&line, SP_EPERM, "not you");
	assert_int_equal(
	    sp_control_parse(sp_buf_view(&line), &text, &err), SP_EPERM);
	assert_string_equal(err.msg, "not you");
	assert_int_equal(
	    sp_control_parse(SP_VIEW_LIT("err 0 x"), &text, &err), SP_EFORMAT);
	assert_int_equal(
	    sp_control_parse(SP_VIEW_LIT("hello"), &text, &err), SP_EFORMAT);
	sp_buf_done(&line);
	sp_buf_done(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_numbers_are_grouped_and_sizes_have_a_unit),
		cmocka_unit_test(test_a_plain_date_of_until_includes_its_day),
		cmocka_unit_test(
		    test_options_fill_their_variables_and_leave_the_arguments),
		cmocka_unit_test(test_a_reply_is_read_as_it_was_written),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
