/* The words of servers that want to be left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "journal/pull/throttle.h"

static void
test_words_of_patience(void **state)
{
	static const struct {
		const char *text;
		uint64_t want; /* 0: no such words */
	} rows[] = {
		{ "Request is throttled. Suggested Backoff Time: 299961 "
		  "milliseconds",
		    300 },
		{ "[THROTTLED] Account exceeded command or bandwidth limits.",
		    SP_THROTTLE_DEFAULT_S },
		{ "Connection refused, IceWarp Intrusion prevention, try again "
		  "in 30 minutes",
		    1800 },
		{ "[LIMIT] Too many connections, retry after 90", 90 },
		{ "throttled, Retry-After: 120", 120 },
		{ "Too many simultaneous connections. (Failure)",
		    SP_THROTTLE_DEFAULT_S },
		{ "server busy, please wait 5 such days",
		    SP_THROTTLE_DEFAULT_S },
		{ "throttled 1 ms", 1 },
		{ "throttled 1500ms", 2 },
		{ "throttled: wait 2h", 7200 },
		{ "throttled for 99999999999999999999999 hours",
		    SP_THROTTLE_MAX_S },
		{ "throttled; IMAP4rev1 v1.5 sec", SP_THROTTLE_DEFAULT_S },
		{ "User is authenticated but not connected.",
		    SP_THROTTLE_DEFAULT_S },
		{ "[UNAVAILABLE] Maximum number of connections from user+IP "
		  "exceeded (mail_max_userip_connections=10)",
		    SP_THROTTLE_DEFAULT_S },
		{ "too many MIME parts", 0 },
		{ "message exceeds the size limit", 0 },
		{ "[AUTH] user or password wrong", 0 },
		{ "no such message", 0 },
		{ "wait 30 seconds", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		uint64_t s = 0;
		bool got = sp_throttle_words(sp_view_str(rows[i].text), &s);

		if (got != (rows[i].want > 0) || s != rows[i].want)
			fail_msg("%s: got %d, %llu s, want %llu s",
			    rows[i].text, got, (unsigned long long)s,
			    (unsigned long long)rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_of_patience),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
