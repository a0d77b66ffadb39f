/* Dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "index/mail/date.h"

static const struct {
	const char *in, *want; /* NULL: no date */
} dates[] = {
	{ "Mon, 23 Nov 2026 16:31:02 +0100", "2026-11-23T16:31:02+01:00" },
	{ "23 Nov 2026 16:31 -0500", "2026-11-23T16:31:00-05:00" },
	{ "Mon, 5 Jan 2026 10:00:00 GMT", "2026-01-05T10:00:00+00:00" },
	{ "Mon, 5 Jan 2026 10:00:00 +0000 (UTC)", "2026-01-05T10:00:00+00:00" },
	{ "Mon, 5 Jan 2026 10:00:00 -0000", "2026-01-05T10:00:00-00:00" },
	{ "Mon, 5 Jan 2026 10:00:00", "2026-01-05T10:00:00-00:00" },
	{ "Mon, 05 Jan 26 10:00:00 EST", "2026-01-05T10:00:00-05:00" },
	{ "5 Jan 98 10:00 Z", "1998-01-05T10:00:00+00:00" },
	{ "5 Jan 102 10:00 UT", "2002-01-05T10:00:00+00:00" },
	{ "05-Jan-26 10:00:00", "2026-01-05T10:00:00-00:00" },
	{ "10:00:00 5-Jan-2026", "2026-01-05T10:00:00-00:00" },
	{ "Mon Jan  5 10:00:00 2026", "2026-01-05T10:00:00-00:00" },
	{ "Mon Jan  5 10:00:00 PST 2026", "2026-01-05T10:00:00-08:00" },
	{ "Jan 5, 2026 10:00 PM", "2026-01-05T22:00:00-00:00" },
	{ "1/25/2026 12:29:13 AM", "2026-01-25T00:29:13-00:00" },
	{ "25/1/2026 10:00", "2026-01-25T10:00:00-00:00" },
	{ "05.01.2026 10:00:00", "2026-01-05T10:00:00-00:00" },
	{ "2026-01-05T10:00:00Z", "2026-01-05T10:00:00+00:00" },
	{ "2026-01-05T10:00:00.123+05:30", "2026-01-05T10:00:00+05:30" },
	{ "2026-01-05 10:00:00 -0800", "2026-01-05T10:00:00-08:00" },
	{ "2026/01/05 10:00", "2026-01-05T10:00:00-00:00" },
	{ "Mon, 5 Jan 2026 10.00.00 +0200", "2026-01-05T10:00:00+02:00" },
	{ "Mon, 5 Jan 2026 10:00:00 GMT+0200", "2026-01-05T10:00:00+02:00" },
	{ "Mon, 5 Jan 2026 10:00:00 +02:00", "2026-01-05T10:00:00+02:00" },
	{ "Mon, 5 Jan 2026 10:00:00 -600", "2026-01-05T10:00:00-06:00" },
	{ "Mon, 5 Jan 2026 10:00:00 +070", "2026-01-05T10:00:00+07:00" },
	{ "Mon, 5 (five) Jan (one (1)) 2026 10:00 +0000",
	    "2026-01-05T10:00:00+00:00" },
	{ "Mo, 5 M\xc3\xa4r 2026 10:00 +0100", "2026-03-05T10:00:00+01:00" },
	{ "Thu, 31 Dec 2026 24:00:00 +0000", "2027-01-01T00:00:00+00:00" },
	{ "Thu, 31 Dec 2016 23:59:60 +0000", "2016-12-31T23:59:59+00:00" },
	{ "29 Feb 2024 1:02:03 +0000", "2024-02-29T01:02:03+00:00" },
	{ "Mon, 05 Jan 2026 10:00:00 +9999", "2026-01-05T10:00:00-00:00" },
	{ "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00+00:00" },
	{ "Mon, 5 Jan 2026\r\n 10:00:00 +0000", "2026-01-05T10:00:00+00:00" },
	{ "31 Feb 2026 10:00 +0000", NULL },
	{ "29 Feb 2023 10:00 +0000", NULL },
	{ "5 Jan 2026 25:00 +0000", NULL },
	{ "5 Jan 2026 10:61 +0000", NULL },
	{ "yesterday", NULL },
	{ "", NULL },
	{ "0", NULL },
	{ "99999999999999999999", NULL },
	{ "31 Dec 9999 24:00 +0000", NULL },
};

static void
test_dates_keep_the_senders_offset(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(dates); i++) {
		char out[SP_DATE_LEN + 1] = "";
		int64_t us = 0;
		bool ok = sp_date_parse(sp_view_str(dates[i].in), out, &us);

		if (ok != (dates[i].want != NULL) ||
		    (ok && strcmp(out, dates[i].want) != 0))
			fail_msg("\"%s\": got %s, want %s", dates[i].in,
			    ok ? out : "none",
			    dates[i].want == NULL ? "none" : dates[i].want);
	}
}

static void
test_the_instant_is_in_utc(void **state)
{
	static const struct {
		const char *in;
		int64_t want; /* seconds */
	} rows[] = {
		{ "1 Jan 1970 00:00:00 +0000", 0 },
		{ "1 Jan 1970 00:00:00 +0100", -3600 },
		{ "23 Nov 2026 16:31:02 +0100", 1795447862 },
		{ "1 Mar 2000 00:00:00 -0330", 951881400 },
		{ "31 Dec 1969 23:59:59 +0000", -1 },
		{ "2026-11-23", 1795392000 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		char out[SP_DATE_LEN + 1];
		int64_t us = 0;

		assert_true(sp_date_parse(sp_view_str(rows[i].in), out, &us));
		if (us != rows[i].want * 1000000)
			fail_msg("\"%s\": got %lld, want %lld", rows[i].in,
			    (long long)us / 1000000, (long long)rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates_keep_the_senders_offset),
		cmocka_unit_test(test_the_instant_is_in_utc),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
