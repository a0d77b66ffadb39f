/* Names of mailboxes in modified UTF-7 and UTF-8, and quoted strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "journal/pull/imap/imap_name.h"

#define ROOM 100

static void
test_names_go_to_modified_utf7_and_back(void **state)
{
	static const struct {
		const char *utf8, *utf7;
	} rows[] = {
		{ "INBOX", "INBOX" },
		{ "Sales & Co", "Sales &- Co" },
		{ "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
		  "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
		    "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
		{ "Gel\xc3\xb6scht", "Gel&APY-scht" },
		{ "\xf0\x9f\x93\xa7", "&2D3c5w-" },
		{ "a\xf0\x9f\x93\xa7\xc3\xb6z", "a&2D3c5wD2-z" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_buf b;

		sp_buf_init(&b, ROOM);
		assert_int_equal(
		    sp_imap_name_encode(sp_view_str(rows[i].utf8), &b), SP_OK);
		assert_string_equal(sp_buf_cstr(&b), rows[i].utf7);
		sp_buf_clear(&b);
		assert_int_equal(
		    sp_imap_name_decode(sp_view_str(rows[i].utf7), false, &b),
		    SP_OK);
		assert_string_equal(sp_buf_cstr(&b), rows[i].utf8);
		sp_buf_clear(&b);
		assert_int_equal(
		    sp_imap_name_decode(sp_view_str(rows[i].utf8), true, &b),
		    SP_OK);
		assert_string_equal(sp_buf_cstr(&b), rows[i].utf8);
		sp_buf_done(&b);
	}
}

static void
test_names_that_are_none_stay_as_they_are(void **state)
{
	static const char *const rows[] = { "&", "a&U", "&U-", "&U,BTF-",
		"&!!!!-", "&2D0-", "&3Oc-", "&2D0AQQ-", "\xe5\x8f\xb0", "a\tb",
		"&AAo-" };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_buf b;

		sp_buf_init(&b, ROOM);
		assert_int_equal(
		    sp_imap_name_decode(sp_view_str(rows[i]), false, &b),
		    SP_OK);
		if (strcmp(sp_buf_cstr(&b), rows[i]) != 0)
			fail_msg(
			    "\"%s\": got \"%s\"", rows[i], sp_buf_cstr(&b));
		sp_buf_done(&b);
	}
}

static void
test_what_is_no_name_is_not_sent(void **state)
{
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, ROOM);
	assert_int_equal(
	    sp_imap_name_encode(SP_VIEW_LIT("a\r\nb"), &b), SP_EFORMAT);
	assert_int_equal(
	    sp_imap_name_encode(SP_VIEW_LIT("\xff"), &b), SP_EFORMAT);
	assert_int_equal(
	    sp_imap_name_encode(SP_VIEW_LIT("\xc3\xb6\x01"), &b), SP_EFORMAT);
	sp_buf_done(&b);
	sp_buf_init(&b, 5);
	assert_int_equal(
	    sp_imap_name_encode(SP_VIEW_LIT("\xc3\xb6"), &b), SP_OK);
	assert_int_equal(sp_imap_name_encode(SP_VIEW_LIT("x"), &b), SP_ELIMIT);
	sp_buf_done(&b);
}

static void
test_strings_are_quoted(void **state)
{
	static const struct {
		const char *in;
		bool utf8;
		enum sp_code want;
		const char *out;
	} rows[] = {
		{ "", false, SP_OK, "\"\"" },
		{ "a b", false, SP_OK, "\"a b\"" },
		{ "pa\"ss\\", false, SP_OK, "\"pa\\\"ss\\\\\"" },
		{ "a\r\na1 LOGOUT", false, SP_EFORMAT, "" },
		{ "a\nb", true, SP_EFORMAT, "" },
		{ "\xc3\xb6", false, SP_EFORMAT, "" },
		{ "\xc3\xb6", true, SP_OK, "\"\xc3\xb6\"" },
		{ "\xc3", true, SP_EFORMAT, "" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_buf b;

		sp_buf_init(&b, ROOM);
		assert_int_equal(
		    sp_imap_quote(sp_view_str(rows[i].in), rows[i].utf8, &b),
		    rows[i].want);
		assert_string_equal(sp_buf_cstr(&b), rows[i].out);
		sp_buf_done(&b);
	}
	assert_true(
	    sp_imap_name_same(SP_VIEW_LIT("Inbox"), SP_VIEW_LIT("INBOX")));
	assert_false(
	    sp_imap_name_same(SP_VIEW_LIT("Sent"), SP_VIEW_LIT("SENT")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_go_to_modified_utf7_and_back),
		cmocka_unit_test(test_names_that_are_none_stay_as_they_are),
		cmocka_unit_test(test_what_is_no_name_is_not_sent),
		cmocka_unit_test(test_strings_are_quoted),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
