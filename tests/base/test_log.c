/* base/log.h: one line per event, whatever is in the values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

/* What sp_log writes to standard error. */
static char got[8192];

static void
capture(enum sp_log_level level, const char *event, const char *value)
{
	FILE *f = tmpfile();
	int saved = dup(2);
	size_t n;

	assert_non_null(f);
	(void)dup2(fileno(f), 2);
	sp_log(level, event, "v=%s", value);
	(void)dup2(saved, 2);
	(void)close(saved);
	rewind(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	(void)fclose(f);
}

static void
test_a_value_is_quoted_only_where_it_must_be(void **state)
{
	static const struct {
		const char *name, *in, *want;
		size_t n, size;
	} rows[] = {
		{ "plain", "alice@example.org", "alice@example.org", 17, 64 },
		{ "empty", "", "\"\"", 0, 64 },
		{ "blank", "a b", "\"a b\"", 3, 64 },
		{ "equals sign", "a=b", "\"a=b\"", 3, 64 },
		{ "quote", "a\"b", "\"a\\x22b\"", 3, 64 },
		{ "backslash", "a\\b", "\"a\\x5cb\"", 3, 64 },
		{ "newline", "a\nb", "\"a\\x0ab\"", 3, 64 },
		{ "NUL", "a\0b", "\"a\\x00b\"", 3, 64 },
		{ "escape", "\x1b[2J", "\"\\x1b[2J\"", 4, 64 },
		{ "UTF-8", "caf\xc3\xa9", "\"caf\xc3\xa9\"", 5, 64 },
		{ "C1 control", "a\xc2\x9b", "\"a\\xc2\\x9b\"", 3, 64 },
		{ "not UTF-8", "caf\xe9", "\"caf\\xe9\"", 4, 64 },
		{ "cut", "aaaaaaaaaaaaaaaaaaaa", "\"aaaaaa...\"", 20, 12 },
		{ "cut at a character", "a\xe4\xba\xac\xe9\x83\xbd b",
		    "\"a\xe4\xba\xac...\"", 9, 12 },
		{ "tiny", "aaaaaaaaaa", "", 10, 4 },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		const char *p = sp_log_quote(
		    sp_view_mem(rows[i].in, rows[i].n), out, rows[i].size);

		if (strcmp(p, rows[i].want) != 0)
			fail_msg("%s: got %s, want %s", rows[i].name, p,
			    rows[i].want);
	}
}

static void
test_a_line_has_time_level_event_and_worker(void **state)
{
	(void)state;
	sp_clock_set_for_test(INT64_C(1795451462123456), 0);
	sp_log_set_worker("receive");
	capture(SP_LOG_INFO, "accepted", "1");
	assert_string_equal(got,
	    "time=2026-11-23T16:31:02.123456Z level=info event=accepted "
	    "worker=receive v=1\n");
	sp_log_set_worker(NULL);
	capture(SP_LOG_ERROR, "alarm", "2");
	assert_string_equal(got,
	    "time=2026-11-23T16:31:02.123456Z level=error event=alarm v=2\n");
	sp_clock_set_for_test(-1, 0);
}

static void
test_an_unquoted_newline_cannot_forge_a_line(void **state)
{
	(void)state;
	capture(SP_LOG_WARN, "x", "a\nlevel=info event=accepted");
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
}

static void
test_a_long_line_is_cut_and_stays_one_write(void **state)
{
	char *big = malloc(10000);

	(void)state;
	memset(big, 'a', 9999);
	big[9999] = '\0';
	capture(SP_LOG_WARN, "x", big);
	assert_int_equal(strlen(got), 4095);
	assert_string_equal(got + 4095 - 5, "a...\n");
	free(big);
}

static void
test_a_lower_level_is_not_logged(void **state)
{
	(void)state;
	capture(SP_LOG_DEBUG, "x", "1");
	assert_string_equal(got, "");
	sp_log_set_level(SP_LOG_DEBUG);
	capture(SP_LOG_DEBUG, "x", "1");
	assert_int_not_equal(got[0], '\0');
	sp_log_set_level(SP_LOG_INFO);
}

static void
test_journald_gets_its_priority_and_no_time(void **state)
{
	struct sp_err err;

	(void)state;
	(void)setenv("JOURNAL_STREAM", "8:1", 1);
	assert_int_equal(
	    sp_log_open("stderr", SP_LOG_INFO, "sealpost", &err), SP_OK);
	capture(SP_LOG_ERROR, "alarm", "1");
	assert_string_equal(got, "<3>event=alarm v=1\n");
	(void)unsetenv("JOURNAL_STREAM");
	assert_int_equal(
	    sp_log_open("stderr", SP_LOG_INFO, "sealpost", &err), SP_OK);
	assert_int_equal(
	    sp_log_open("file", SP_LOG_INFO, "sealpost", &err), SP_ECONFIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_value_is_quoted_only_where_it_must_be),
		cmocka_unit_test(test_a_line_has_time_level_event_and_worker),
		cmocka_unit_test(test_an_unquoted_newline_cannot_forge_a_line),
		cmocka_unit_test(test_a_long_line_is_cut_and_stays_one_write),
		cmocka_unit_test(test_a_lower_level_is_not_logged),
		cmocka_unit_test(test_journald_gets_its_priority_and_no_time),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
