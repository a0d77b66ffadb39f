/*
 * journal/smtp: command lines, paths and parameters, recipients that are
 * listed, and the table of replies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/smtp/command.h"
#include "journal/smtp/reply.h"

static void
test_verbs_are_known_in_any_case(void **state)
{
	static const struct {
		const char *line;
		enum sp_verb verb;
		const char *arg;
	} rows[] = {
		{ "EHLO mx.example", SP_VERB_EHLO, "mx.example" },
		{ "ehlo  mx.example ", SP_VERB_EHLO, "mx.example" },
		{ "MAIL FROM:<a@b>", SP_VERB_MAIL, "FROM:<a@b>" },
		{ "data", SP_VERB_DATA, "" },
		{ "DATA ", SP_VERB_DATA, "" },
		{ "BDAT 10 LAST", SP_VERB_BDAT, "10 LAST" },
		{ "StartTLS", SP_VERB_STARTTLS, "" },
		{ "AUTH PLAIN x", SP_VERB_AUTH, "PLAIN x" },
		{ "XFORWARD NAME=x", SP_VERB_XFORWARD, "NAME=x" },
		{ "xclient NAME=x", SP_VERB_XCLIENT, "NAME=x" },
		{ "GET / HTTP/1.1", SP_VERB_HTTP, "/ HTTP/1.1" },
		{ "", SP_VERB_UNKNOWN, "" },
		{ " DATA", SP_VERB_UNKNOWN, "DATA" },
		{ "DATAX", SP_VERB_UNKNOWN, "" },
		{ "\xff\xfe", SP_VERB_UNKNOWN, "" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_command c;

		sp_command_parse(sp_view_str(rows[i].line), &c);
		if (c.verb != rows[i].verb ||
		    !sp_view_eq_str(c.arg, rows[i].arg))
			fail_msg("\"%s\": got verb %d arg \"%.*s\"",
			    rows[i].line, (int)c.verb, (int)c.arg.n, c.arg.p);
	}
}

struct path_row {
	const char *arg;
	enum sp_path_result want;
	const char *addr;
	size_t nparams;
};

static void
check_paths(const struct path_row *rows, size_t n, bool mail)
{
	for (size_t i = 0; i < n; i++) {
		struct sp_view arg = sp_view_str(rows[i].arg);
		struct sp_path_command c;
		enum sp_path_result rc = mail ? sp_command_mail(arg, true, &c)
					      : sp_command_rcpt(arg, true, &c);

		if (rc != rows[i].want)
			fail_msg("\"%s\": got %d, want %d", rows[i].arg,
			    (int)rc, (int)rows[i].want);
		if (rc == SP_PATH_OK &&
		    (!sp_view_eq_str(c.path.addr, rows[i].addr) ||
			c.nparams != rows[i].nparams))
			fail_msg("\"%s\": got \"%.*s\" and %zu parameters",
			    rows[i].arg, (int)c.path.addr.n, c.path.addr.p,
			    c.nparams);
	}
}

static void
test_mail_takes_what_the_rfcs_allow(void **state)
{
	static const struct path_row rows[] = {
		{ "FROM:<a@b.example>", SP_PATH_OK, "a@b.example", 0 },
		{ "from:<>", SP_PATH_OK, "", 0 },
		{ "FROM: <a@b>", SP_PATH_OK, "a@b", 0 },
		{ "FROM:a@b", SP_PATH_OK, "a@b", 0 },
		{ "FROM:<@r1,@r2:a@b>", SP_PATH_OK, "a@b", 0 },
		{ "FROM:<\"a b\"@c>", SP_PATH_OK, "\"a b\"@c", 0 },
		{ "FROM:<\"a>b\\\"\"@c>", SP_PATH_OK, "\"a>b\\\"\"@c", 0 },
		{ "FROM:<a@[192.0.2.1]>", SP_PATH_OK, "a@[192.0.2.1]", 0 },
		{ "FROM:<a@b> SIZE=100", SP_PATH_OK, "a@b", 1 },
		{ "FROM:<a@b> SIZE=99999999999999999999", SP_PATH_OK, "a@b",
		    1 },
		{ "FROM:<a@b> BODY=8BITMIME SMTPUTF8  RET=HDRS ENVID=q+3D1",
		    SP_PATH_OK, "a@b", 4 },
		{ "FROM:<a@b> body=binarymime", SP_PATH_OK, "a@b", 1 },
		{ "FROM:<\xc3\xa4@b>", SP_PATH_OK, "\xc3\xa4@b", 0 },
		{ "FROM:<\xe4@b>", SP_PATH_RAW8, NULL, 0 },
		{ "FROM:<a@b", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:<a@b>x", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:<a b@c>", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:<@a:>", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:<@a>", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:<a@>", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:<\"a@b>", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM", SP_PATH_SYNTAX, NULL, 0 },
		{ "TO:<a@b>", SP_PATH_SYNTAX, NULL, 0 },
		{ "", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:<a@b> SIZE=", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:<a@b> SIZE=x", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> SIZE=-1", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> SIZE=1 size=2", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> BODY=9BIT", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> SMTPUTF8=1", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> RET=ALL", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> ENVID=a+b", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> AUTH=<>", SP_PATH_OK, "a@b", 1 },
		{ "FROM:<a@b> AUTH=e+3Dx@b.example", SP_PATH_OK, "a@b", 1 },
		{ "FROM:<a@b> AUTH=", SP_PATH_SYNTAX, NULL, 0 },
		{ "FROM:<a@b> AUTH", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> AUTH=a=b", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> AUTH=<> AUTH=<>", SP_PATH_VALUE, NULL, 0 },
		{ "FROM:<a@b> X-YZ=1", SP_PATH_PARAM, NULL, 0 },
		{ "FROM:<a@b> =1", SP_PATH_SYNTAX, NULL, 0 },
	};

	(void)state;
	check_paths(rows, SP_COUNTOF(rows), true);
}

static void
test_rcpt_takes_what_the_rfcs_allow(void **state)
{
	static const struct path_row rows[] = {
		{ "TO:<a@b>", SP_PATH_OK, "a@b", 0 },
		{ "TO:<postmaster>", SP_PATH_OK, "postmaster", 0 },
		{ "TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;c@d", SP_PATH_OK, "a@b",
		    2 },
		{ "TO:<a@b> NOTIFY=success,delay", SP_PATH_OK, "a@b", 1 },
		{ "TO:<a@b> ORCPT=utf-8;\xc3\xa4@d", SP_PATH_OK, "a@b", 1 },
		{ "TO:<>", SP_PATH_SYNTAX, NULL, 0 },
		{ "TO:<a@b> NOTIFY=NEVER,DELAY", SP_PATH_VALUE, NULL, 0 },
		{ "TO:<a@b> NOTIFY=SUCCESS,", SP_PATH_VALUE, NULL, 0 },
		{ "TO:<a@b> ORCPT=rfc822", SP_PATH_VALUE, NULL, 0 },
		{ "TO:<a@b> ORCPT=rfc822;a b", SP_PATH_PARAM, NULL, 0 },
		{ "TO:<a@b> ORCPT=rfc822;a=b", SP_PATH_VALUE, NULL, 0 },
		{ "TO:<a@b> SIZE=1", SP_PATH_PARAM, NULL, 0 },
	};

	(void)state;
	check_paths(rows, SP_COUNTOF(rows), false);
}

static void
test_without_ehlo_there_are_no_parameters(void **state)
{
	struct sp_path_command c;

	(void)state;
	assert_int_equal(
	    sp_command_mail(SP_VIEW_LIT("FROM:<a@b> SIZE=1"), false, &c),
	    SP_PATH_PARAM);
	assert_int_equal(
	    sp_command_mail(SP_VIEW_LIT("FROM:<a@b>"), false, &c), SP_PATH_OK);
}

static void
test_limits_hold_at_n_and_break_at_n_plus_one(void **state)
{
	char arg[2 * SP_MAILBOX_MAX];
	struct sp_path_command c;
	size_t n;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		memcpy(arg, "FROM:<", 6);
		n = SP_MAILBOX_MAX + over;
		memset(arg + 6, 'a', n);
		arg[6 + n] = '>';
		assert_int_equal(
		    sp_command_mail(sp_view_mem(arg, n + 7), true, &c),
		    over ? SP_PATH_LONG : SP_PATH_OK);
		memcpy(arg, "FROM:<> ENVID=", 14);
		n = SP_ENVID_MAX + over;
		memset(arg + 14, 'x', n);
		assert_int_equal(
		    sp_command_mail(sp_view_mem(arg, n + 14), true, &c),
		    over ? SP_PATH_VALUE : SP_PATH_OK);
		memcpy(arg, "TO:<a@b> ORCPT=rfc822;", 22);
		n = SP_ORCPT_MAX - 7 + over;
		memset(arg + 22, 'x', n);
		assert_int_equal(
		    sp_command_rcpt(sp_view_mem(arg, n + 22), true, &c),
		    over ? SP_PATH_VALUE : SP_PATH_OK);
	}
}

static void
test_bdat_sizes_are_counted_safely(void **state)
{
	static const struct {
		const char *arg;
		bool ok;
		uint64_t size;
		bool last;
	} rows[] = {
		{ "0", true, 0, false },
		{ "0 LAST", true, 0, true },
		{ "123 last", true, 123, true },
		{ "999999999999999999", true, 999999999999999999, false },
		{ "1000000000000000000", false, 0, false },
		{ "", false, 0, false },
		{ "-1", false, 0, false },
		{ "1x", false, 0, false },
		{ "1 FIRST", false, 0, false },
		{ "LAST", false, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		uint64_t size = 0;
		bool last = false, ok;

		ok = sp_command_bdat(sp_view_str(rows[i].arg), &size, &last);
		if (ok != rows[i].ok ||
		    (ok && (size != rows[i].size || last != rows[i].last)))
			fail_msg("\"%s\": got %d", rows[i].arg, (int)ok);
	}
}

static void
test_recipients_match_by_address_or_domain(void **state)
{
	static char one[] = "journal@archive.example", two[] = "@corp.example";
	char *const list[] = { one, two };
	static const struct {
		const char *addr;
		bool want;
	} rows[] = {
		{ "journal@archive.example", true },
		{ "Journal@ARCHIVE.example", true },
		{ "anyone@corp.example", true },
		{ "anyone@sub.corp.example", false },
		{ "other@archive.example", false },
		{ "postmaster", true },
		{ "PostMaster@anywhere.example", true },
		{ "\"x@corp.example\"@other.example", false },
		{ "corp.example", false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		if (sp_mailbox_listed(sp_view_str(rows[i].addr), list, 2) !=
		    rows[i].want)
			fail_msg("%s", rows[i].addr);
	}
}

static void
test_every_reply_is_well_formed(void **state)
{
	(void)state;
	for (int i = SP_REPLY_NONE + 1; i < SP_REPLY_COUNT; i++) {
		struct sp_view v = sp_reply_text((enum sp_reply)i);

		assert_in_range(v.n, 6, 512);
		assert_memory_equal(v.p + v.n - 2, "\r\n", 2);
		assert_int_equal(v.p[3], ' ');
		if (v.p[0] != '3') {
			/* RFC 2034: the class agrees with the first digit. */
			assert_int_equal(v.p[0], v.p[4]);
			assert_int_equal(v.p[5], '.');
		}
		assert_int_equal(
		    sp_reply_class((enum sp_reply)i), v.p[0] - '0');
	}
}

static void
test_no_fault_of_ours_is_permanent(void **state)
{
	(void)state;
	for (int code = SP_OK + 1; code <= SP_EAGAIN; code++)
		assert_int_equal(
		    sp_reply_class(sp_reply_of_code((enum sp_code)code)), 4);
	assert_int_equal(sp_reply_of_code(SP_ENOSPC), SP_REPLY_NOSPACE);
	assert_int_equal(sp_reply_of_code(SP_ESYNC), SP_REPLY_FAULT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs_are_known_in_any_case),
		cmocka_unit_test(test_mail_takes_what_the_rfcs_allow),
		cmocka_unit_test(test_rcpt_takes_what_the_rfcs_allow),
		cmocka_unit_test(test_without_ehlo_there_are_no_parameters),
		cmocka_unit_test(test_limits_hold_at_n_and_break_at_n_plus_one),
		cmocka_unit_test(test_bdat_sizes_are_counted_safely),
		cmocka_unit_test(test_recipients_match_by_address_or_domain),
		cmocka_unit_test(test_every_reply_is_well_formed),
		cmocka_unit_test(test_no_fault_of_ours_is_permanent),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
