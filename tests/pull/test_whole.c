/* Whether what came is what was announced: the scan of a message, and the
 * verdict, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "journal/pull/whole.h"

#define HOUR	SP_WHOLE_WAIT_US
#define UNKNOWN SP_WHOLE_SIZE_UNKNOWN

/* When: hours (x 10) since the bytes of "before" came first. */
static const struct {
	const char *name;
	uint64_t announced, bytes, crlf, bare;
	char before; /* 0: none; 's': the same bytes; 'o': others */
	bool second, other_session;
	int tenths;
	bool multipart, closed, substitute, out_of_step;
	enum sp_whole_verdict want;
} fetches[] = {
	{ "as announced", 144, 144, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, SP_WHOLE },
	{ "nothing announced, nothing came", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    SP_WHOLE },
	{ "the last line end not counted", 144, 146, 5, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, SP_WHOLE },
	{ "the dot of POP3 counted", 149, 144, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    SP_WHOLE },
	{ "line ends counted as one", 1000, 1030, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    SP_WHOLE },
	{ "the same, and a line end more", 1000, 1032, 31, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, SP_WHOLE },
	{ "line ends counted as two", 1030, 1000, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0,
	    SP_WHOLE },
	{ "size unknown", UNKNOWN, 500, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    SP_WHOLE },
	{ "unknown, no end of the multipart", UNKNOWN, 500, 9, 0, 0, 0, 0, 0, 1,
	    0, 0, 0, SP_WHOLE_AGAIN },
	{ "the same, twice the same bytes", UNKNOWN, 500, 9, 0, 's', 1, 0, 0, 1,
	    0, 0, 0, SP_WHOLE },
	{ "longer", 144, 200, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, SP_WHOLE_AGAIN },
	{ "longer, twice the same", 144, 200, 5, 0, 's', 1, 0, 0, 0, 0, 0, 0,
	    SP_WHOLE },
	{ "longer, other bytes", 144, 200, 5, 0, 'o', 1, 0, 0, 0, 0, 0, 0,
	    SP_WHOLE_INCONSISTENT },
	{ "longer, as at the visit before", 144, 200, 5, 0, 's', 0, 1, 1, 0, 0,
	    0, 0, SP_WHOLE },
	{ "short", 179, 148, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, SP_WHOLE_AGAIN },
	{ "short twice in a visit", 179, 148, 5, 0, 's', 1, 0, 0, 0, 0, 0, 0,
	    SP_WHOLE_SHORT },
	{ "short twice in a session that lasts", 179, 148, 5, 0, 's', 1, 0, 20,
	    0, 0, 0, 0, SP_WHOLE_SHORT },
	{ "short, another session, too soon", 179, 148, 5, 0, 's', 1, 1, 9, 0,
	    0, 0, 0, SP_WHOLE_SHORT },
	{ "short, another session, an hour later", 179, 148, 5, 0, 's', 0, 1,
	    10, 0, 0, 0, 0, SP_WHOLE },
	{ "the same, a multipart without its end", 179, 148, 5, 0, 's', 1, 1,
	    10, 1, 0, 0, 0, SP_WHOLE_SHORT },
	{ "the same, with its end", 179, 148, 5, 0, 's', 0, 1, 10, 1, 1, 0, 0,
	    SP_WHOLE },
	{ "the same, other bytes", 179, 148, 5, 0, 'o', 1, 1, 10, 0, 0, 0, 0,
	    SP_WHOLE_SHORT },
	{ "the rest came as replies, for a year", 179, 148, 5, 0, 's', 1, 1,
	    90000, 0, 0, 0, 1, SP_WHOLE_SHORT },
	{ "the rest came as replies, few bytes", 148, 145, 5, 0, 0, 0, 0, 0, 0,
	    0, 0, 1, SP_WHOLE_AGAIN },
	{ "the rest came as replies, no size", UNKNOWN, 145, 5, 0, 's', 1, 0, 0,
	    0, 0, 0, 1, SP_WHOLE_SHORT },
	{ "the right size, and junk behind it", 148, 148, 5, 0, 0, 0, 0, 0, 0,
	    0, 0, 1, SP_WHOLE },
	{ "empty", 144, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, SP_WHOLE_AGAIN },
	{ "empty, few announced", 3, 0, 0, 0, 's', 1, 0, 0, 0, 0, 0, 0,
	    SP_WHOLE_EMPTY },
	{ "empty, for a year", 144, 0, 0, 0, 's', 1, 1, 90000, 0, 0, 0, 0,
	    SP_WHOLE_EMPTY },
	{ "empty, size unknown", UNKNOWN, 0, 0, 0, 's', 1, 1, 90000, 0, 0, 0, 0,
	    SP_WHOLE_EMPTY },
	{ "a substitute of the right size", 144, 144, 5, 0, 0, 0, 0, 0, 0, 0, 1,
	    0, SP_WHOLE_SUBSTITUTE },
	{ "a substitute, for a year", 9144, 144, 5, 0, 's', 1, 1, 90000, 0, 0,
	    1, 0, SP_WHOLE_SUBSTITUTE },
};

static void
test_the_verdict_over_a_fetch(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(fetches); i++) {
		struct sp_whole_facts now = { .bytes = fetches[i].bytes,
			.crlf = fetches[i].crlf,
			.bare_lf = fetches[i].bare,
			.sha256 = { 1 },
			.multipart = fetches[i].multipart,
			.closed = fetches[i].closed,
			.substitute = fetches[i].substitute,
			.announced = fetches[i].announced,
			.out_of_step = fetches[i].out_of_step,
			.when = 1000 + fetches[i].tenths * (HOUR / 10),
			.session = 7 };
		struct sp_whole_past past = { .any = fetches[i].before != 0,
			.sha256 = { fetches[i].before == 'o' ? 2 : 1 },
			.since = 1000,
			.session = fetches[i].other_session ? 6 : 7,
			.second = fetches[i].second };
		enum sp_whole_verdict got = sp_whole_judge(&now, &past);

		if (got != fetches[i].want)
			fail_msg("%s: got %d, want %d", fetches[i].name,
			    (int)got, (int)fetches[i].want);
	}
}

/* Scan ${text} in pieces of ${step} bytes. */
static void
scan(const char *text, size_t step, struct sp_whole_facts *out)
{
	struct sp_whole_scan *s = sp_whole_scan_new();
	const size_t n = strlen(text);

	sp_whole_scan_add(s, sp_view_str("leftover"));
	sp_whole_scan_reset(s);
	for (size_t i = 0; i < n; i += step)
		sp_whole_scan_add(
		    s, sp_view_mem(text + i, n - i < step ? n - i : step));
	sp_whole_scan_end(s, out);
	sp_whole_scan_free(s);
}

#define BODY "\r\n--b;1\r\n\r\nhello\r\n"

static void
test_what_the_bytes_say(void **state)
{
	static const struct {
		const char *text;
		uint64_t crlf, bare;
		bool multipart, closed, substitute;
	} rows[] = {
		{ "", 0, 0, 0, 0, 0 },
		{ "Subject: x\r\n\r\nhello\n", 2, 1, 0, 0, 0 },
		{ "Content-Type: multipart/mixed; boundary=\"b;1\"\r\n" BODY, 5,
		    0, 1, 0, 0 },
		{ ("content-type:\r\n multipart/mixed;\r\n\tcharset=x;\r\n"
		   "  BOUNDARY = \"b;1\" ; y=z\r\n" BODY "--b;1--\r\n"),
		    9, 0, 1, 1, 0 },
		{ ("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
		   "Content-Type: multipart/x; boundary=c\n\n--c--\n"),
		    0, 7, 1, 0, 0 },
		{ ("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		   "--b\r\n\r\nx\r\n--b--"),
		    5, 0, 1, 1, 0 },
		{ "Content-Type: multipart/mixed\r\n\r\nx", 2, 0, 0, 0, 0 },
		{ ("Subject: Retrieval using the IMAP4 protocol failed for the "
		   "following message: 35\r\n\r\nx\r\n"),
		    3, 0, 0, 0, 1 },
		{ ("Subject: Retrieval using the POP3\r\n protocol failed for "
		   "the following message: 35\r\n\r\nx\r\n"),
		    4, 0, 0, 0, 1 },
		{ ("Subject: mail\r\n\r\n\r\nRetrieval using the IMAP4 protocol "
		   "failed for the following message: 7\r\n"),
		    4, 0, 0, 0, 1 },
		{ ("Content-Type: multipart/alternative; boundary=b\r\n\r\n"
		   "--b\r\nContent-Type: text/plain\r\n\r\n"
		   "The server couldn't retrieve the following message:\r\n"
		   "--b--\r\n"),
		    7, 0, 1, 1, 1 },
		{ ("Subject: Re: Retrieval using the IMAP4 protocol failed\r\n"
		   "\r\nI get this:\r\n\r\n"
		   "Retrieval using the IMAP4 protocol failed for\r\n"),
		    5, 0, 0, 0, 0 },
		{ "Subject: Retrieval using the phone\r\n\r\nx", 2, 0, 0, 0,
		    0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		for (size_t step = 1; step < 50; step += 7) {
			struct sp_whole_facts f = { .when = 9 };
			uint8_t sha[SP_SHA256_LEN];

			scan(rows[i].text, step, &f);
			sp_sha256_once(rows[i].text, strlen(rows[i].text), sha);
			if (f.bytes != strlen(rows[i].text) ||
			    f.crlf != rows[i].crlf ||
			    f.bare_lf != rows[i].bare ||
			    f.multipart != rows[i].multipart ||
			    f.closed != rows[i].closed ||
			    f.substitute != rows[i].substitute || f.when != 9 ||
			    memcmp(sha, f.sha256, sizeof(sha)) != 0)
				fail_msg("row %zu, step %zu: %llu bytes, crlf "
					 "%llu, bare %llu, multipart %d, "
					 "closed %d, substitute %d",
				    i, step, (unsigned long long)f.bytes,
				    (unsigned long long)f.crlf,
				    (unsigned long long)f.bare_lf, f.multipart,
				    f.closed, f.substitute);
		}
	}
}

static void
test_each_doubt_has_a_flag(void **state)
{
	(void)state;
	assert_null(sp_whole_flag(SP_WHOLE));
	assert_null(sp_whole_flag(SP_WHOLE_AGAIN));
	assert_string_equal(sp_whole_flag(SP_WHOLE_SHORT), "short");
	assert_string_equal(sp_whole_flag(SP_WHOLE_EMPTY), "short");
	assert_string_equal(sp_whole_flag(SP_WHOLE_SUBSTITUTE), "substitute");
	assert_string_equal(
	    sp_whole_flag(SP_WHOLE_INCONSISTENT), "inconsistent");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_verdict_over_a_fetch),
		cmocka_unit_test(test_what_the_bytes_say),
		cmocka_unit_test(test_each_doubt_has_a_flag),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
