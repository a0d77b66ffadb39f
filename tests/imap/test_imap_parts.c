/* Parts of an IMAP session that need no server: dates, sets of UIDs, codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/pull/imap/imap_priv.h"

static void
test_internaldate_becomes_rfc3339(void **state)
{
	static const struct {
		const char *in, *want; /* NULL: it is none */
	} rows[] = {
		{ "17-Jul-1996 02:44:25 -0700", "1996-07-17T02:44:25-07:00" },
		{ " 1-jan-2026 00:00:00 +0000", "2026-01-01T00:00:00+00:00" },
		{ "31-DEC-0001 23:59:60 +1345", "0001-12-31T23:59:60+13:45" },
		{ "1-Jan-2026 00:00:00 +0000", NULL },
		{ "00-Jan-2026 00:00:00 +0000", NULL },
		{ "32-Jan-2026 00:00:00 +0000", NULL },
		{ "01-Foo-2026 00:00:00 +0000", NULL },
		{ "01-Jan-2026 24:00:00 +0000", NULL },
		{ "01-Jan-2026 00:60:00 +0000", NULL },
		{ "01-Jan-2026 00:00:61 +0000", NULL },
		{ "01-Jan-2026 00:00:00 00000", NULL },
		{ "01-Jan-2026 00:00:00 +2400", NULL },
		{ "01-Jan-2026 00:00:00 +000", NULL },
		{ "01-Jan-2026 00:00:00 +00000", NULL },
		{ "01-Jan-0000 00:00:00 +0000", NULL },
		{ "01-Jan- 026 00:00:00 +0000", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		char out[SP_IMAP_DATE_LEN + 1] = "";
		/* No byte behind it may be looked at. */
		size_t n = strlen(rows[i].in);
		char *copy = malloc(n > 0 ? n : 1);
		bool ok;

		assert_non_null(copy);
		memcpy(copy, rows[i].in, n);
		ok = sp_imap_date(sp_view_mem(copy, n), out);
		if (ok != (rows[i].want != NULL) ||
		    (ok && strcmp(out, rows[i].want) != 0))
			fail_msg("\"%s\": got \"%s\"", rows[i].in, out);
		free(copy);
	}
}

static void
test_sets_have_no_uid_that_is_not_on_the_list(void **state)
{
	static const uint32_t uids[] = { 1, 2, 3, 5, 7, 8, 4294967294u,
		4294967295u };
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 1000);
	assert_int_equal(
	    sp_imap_append_set(&b, uids, SP_COUNTOF(uids), 500), 8);
	assert_string_equal(sp_buf_cstr(&b), "1:3,5,7:8,4294967294:4294967295");
	sp_buf_done(&b);
}

static void
test_a_set_ends_where_the_command_would_be_too_long(void **state)
{
	uint32_t uids[100];
	struct sp_buf b;
	size_t n;

	(void)state;
	for (uint32_t i = 0; i < SP_COUNTOF(uids); i++)
		uids[i] = 4000000000u + 2 * i;
	for (size_t room = 23; room < 300; room++) {
		sp_buf_init(&b, 4000);
		n = sp_imap_append_set(&b, uids, SP_COUNTOF(uids), room);
		assert_true(n > 0 && n < SP_COUNTOF(uids) && b.n <= room);
		assert_int_equal(b.n, n * 11 - 1);
		sp_buf_done(&b);
	}
	sp_buf_init(&b, 4000);
	assert_int_equal(sp_imap_append_set(&b, uids, SP_COUNTOF(uids), 22), 0);
	sp_buf_done(&b);
}

static void
test_codes_say_what_to_do(void **state)
{
	(void)state;
	assert_int_equal(sp_imap_trouble(SP_IMAP_C_EXPIRED), SP_PULL_AUTH);
	assert_int_equal(sp_imap_trouble(SP_IMAP_C_INUSE), SP_PULL_THROTTLE);
	assert_int_equal(sp_imap_trouble(SP_IMAP_C_LIMIT), SP_PULL_THROTTLE);
	assert_int_equal(
	    sp_imap_trouble(SP_IMAP_C_THROTTLED), SP_PULL_THROTTLE);
	assert_int_equal(
	    sp_imap_trouble(SP_IMAP_C_OVERQUOTA), SP_PULL_THROTTLE);
	assert_int_equal(
	    sp_imap_trouble(SP_IMAP_C_UNAVAILABLE), SP_PULL_NETWORK);
	assert_int_equal(
	    sp_imap_trouble(SP_IMAP_C_NONEXISTENT), SP_PULL_CONFIG);
	assert_int_equal(sp_imap_trouble(SP_IMAP_C_NONE), SP_PULL_NETWORK);
}

static void
test_a_message_looks_like_its_message_id(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		/* Exchange makes boundaries anew. */
		{ "Message-ID: <1@x>\r\nX: boundary=1\r\n\r\nt",
		    "Message-ID: <1@x>\r\nX: boundary=2\r\n\r\nt", true },
		{ "message-id:<1@x>\n\n", "A: b\r\nMessage-Id: <1@x> \r\n",
		    true },
		{ "Message-ID:\r\n <1@x>\r\n\r\n", "Message-ID: <1@x>\r\n\r\n",
		    true },
		{ "Message-ID: <1@x>\r\n\r\n", "Message-ID: <2@x>\r\n\r\n",
		    false },
		/* Without one: its header, but no boundary. */
		{ "A: b\r\n\r\nt", "A: b\r\n\r\nu", true },
		{ "A: b\r\n\r\nt", "A: c\r\n\r\nt", false },
		{ "A: b\r\nContent-Type: x;\r\n boundary=1\r\nB: c\r\n\r\n",
		    "A: b\r\nContent-Type: x;\r\n boundary=2\r\nB: c\r\n",
		    true },
		{ "A: b\r\n\r\nMessage-ID: <1@x>\r\n",
		    "A: c\r\n\r\nMessage-ID: <1@x>\r\n", false },
		{ "Message-ID:\r\nA: b", "Message-ID:\r\nA: c", false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		uint64_t a = sp_imap_look(sp_view_str(rows[i].a));
		uint64_t b = sp_imap_look(sp_view_str(rows[i].b));

		if (a == 0 || b == 0 || (a == b) != rows[i].same)
			fail_msg("row %zu", i);
	}
	assert_int_equal(sp_imap_look(SP_VIEW_LIT("")), 0);
	assert_int_equal(sp_imap_look(SP_VIEW_LIT("\r\nA: b\r\n")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_internaldate_becomes_rfc3339),
		cmocka_unit_test(test_sets_have_no_uid_that_is_not_on_the_list),
		cmocka_unit_test(
		    test_a_set_ends_where_the_command_would_be_too_long),
		cmocka_unit_test(test_codes_say_what_to_do),
		cmocka_unit_test(test_a_message_looks_like_its_message_id),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
