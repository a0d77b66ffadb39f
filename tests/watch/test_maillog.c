/* Lines of Postfix and Exim as they are written, and lines that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "journal/watch/maillog.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define P   "Nov 26 20:00:01 mx "
#define OK  "250 2.0.0 Ok: seq=18431 sha256=" HEX
#define E   "2026-11-26 20:00:01 1vOabc-000abc-0X "

struct row {
	const char *line;
	enum sp_maillog_kind kind;
	const char *id, *from, *msgid; /* NULL: none */
	enum sp_maillog_result result;
	const char *to, *relay, *reply;
};

static void
same(const char *line, const char *what, struct sp_view got, const char *want)
{
	if (want == NULL ? got.n != 0 : !sp_view_eq_str(got, want))
		fail_msg("%s: %s is \"%.*s\", expected \"%s\"", line, what,
		    (int)got.n, got.p == NULL ? "" : got.p,
		    want == NULL ? "" : want);
}

static void
check(const struct row *r)
{
	struct sp_maillog_line l;

	sp_maillog_parse(sp_view_str(r->line), &l);
	if (l.kind != r->kind)
		fail_msg("%s: kind %d, expected %d", r->line, (int)l.kind,
		    (int)r->kind);
	if (l.kind == SP_MAILLOG_OTHER)
		return;
	same(r->line, "id", l.id, r->id);
	same(r->line, "from", l.from, r->from);
	same(r->line, "message-id", l.msgid, r->msgid);
	same(r->line, "to", l.to, r->to);
	same(r->line, "relay", l.relay, r->relay);
	same(r->line, "reply", l.reply, r->reply);
	if (l.kind == SP_MAILLOG_DELIVERY)
		assert_int_equal(l.result, r->result);
}

static const struct row postfix_rows[] = {
	{ P "postfix/cleanup[7]: 4ABC12: message-id=<a@b.example>",
	    SP_MAILLOG_MESSAGE, "4ABC12", NULL, "<a@b.example>", 0, NULL, NULL,
	    NULL },
	{ P "postfix/qmgr[7]: 4ABC12: from=<ann@corp.example>, size=9, nrcpt=2 "
	    "(queue active)",
	    SP_MAILLOG_MESSAGE, "4ABC12", "ann@corp.example", NULL, 0, NULL,
	    NULL, NULL },
	{ P "postfix/qmgr[7]: 4ABC12: from=<>, size=9, nrcpt=2 (queue active)",
	    SP_MAILLOG_MESSAGE, "4ABC12", NULL, NULL, 0, NULL, NULL, NULL },
	{ P "postfix/smtp[7]: 4ABC12: to=<journal@archive.example>, "
	    "relay=127.0.0.1[127.0.0.1]:2525, delay=0.1, delays=0/0/0/0, "
	    "dsn=2.0.0, status=sent (" OK ")",
	    SP_MAILLOG_DELIVERY, "4ABC12", NULL, NULL, SP_MAILLOG_SENT,
	    "journal@archive.example", "127.0.0.1[127.0.0.1]:2525", OK },
	{ "2026-11-26T20:00:01.123456+00:00 mx postfix-out/smtp/lmtp[7]: "
	  "4XyzabcdefGz1A2: to=<\"a>,b\"@c.example>, orig_to=<j>, relay=none, "
	  "delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to "
	  "127.0.0.1[127.0.0.1]:2525: Connection refused)",
	    SP_MAILLOG_DELIVERY, "4XyzabcdefGz1A2", NULL, NULL,
	    SP_MAILLOG_DEFERRED, "\"a>,b\"@c.example", "none",
	    "connect to 127.0.0.1[127.0.0.1]:2525: Connection refused" },
	{ P "postfix/smtp[7]: 4ABC12: to=<x@y.example>, relay=none, delay=1, "
	    "dsn=5.4.4, status=bounced (Host not found)",
	    SP_MAILLOG_DELIVERY, "4ABC12", NULL, NULL, SP_MAILLOG_BOUNCED,
	    "x@y.example", "none", "Host not found" },
	{ P "postfix/qmgr[7]: 4ABC12: removed", SP_MAILLOG_GONE, "4ABC12", NULL,
	    NULL, 0, NULL, NULL, NULL },
	{ P "postfix/smtpd[7]: NOQUEUE: reject: RCPT from a[1.2.3.4]: 550",
	    SP_MAILLOG_OTHER, NULL, NULL, NULL, 0, NULL, NULL, NULL },
	{ P "postfix/smtpd[7]: connect from a[1.2.3.4]", SP_MAILLOG_OTHER, NULL,
	    NULL, NULL, 0, NULL, NULL, NULL },
	{ P "postfix/smtp[7]: 4ABC12: to=<x@y.example>, status=perhaps (x)",
	    SP_MAILLOG_OTHER, NULL, NULL, NULL, 0, NULL, NULL, NULL },
	{ P "sshd[7]: 4ABC12: removed", SP_MAILLOG_OTHER, NULL, NULL, NULL, 0,
	    NULL, NULL, NULL },
	{ "", SP_MAILLOG_OTHER, NULL, NULL, NULL, 0, NULL, NULL, NULL },
	{ "x", SP_MAILLOG_OTHER, NULL, NULL, NULL, 0, NULL, NULL, NULL },
};

static void
test_postfix_lines_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(postfix_rows); i++)
		check(&postfix_rows[i]);
}

static const struct row exim_rows[] = {
	{ E "<= ann@corp.example H=a (b) [192.0.2.7] P=esmtp S=900 "
	    "id=m1@corp.example",
	    SP_MAILLOG_MESSAGE, "1vOabc-000abc-0X", "ann@corp.example",
	    "m1@corp.example", 0, NULL, NULL, NULL },
	{ E "<= <> R=1vOabb-000abb-0Y U=exim P=local S=900", SP_MAILLOG_MESSAGE,
	    "1vOabc-000abc-0X", NULL, "<>", 0, NULL, NULL, NULL },
	{ E "=> journal@archive.example R=journal T=remote_smtp "
	    "H=127.0.0.1 [127.0.0.1]:2525 C=\"" OK "\"",
	    SP_MAILLOG_DELIVERY, "1vOabc-000abc-0X", NULL, NULL,
	    SP_MAILLOG_SENT, "journal@archive.example",
	    "R=journal T=remote_smtp", OK },
	{ E "-> bob <bob@corp.example> R=local T=local_delivery",
	    SP_MAILLOG_DELIVERY, "1vOabc-000abc-0X", NULL, NULL,
	    SP_MAILLOG_SENT, "bob@corp.example", "R=local T=local_delivery",
	    "R=local T=local_delivery" },
	{ "2026-11-26 20:00:01.123 +0000 [77] 1vOabc-00000000abc-0XYZ == "
	  "j@archive.example R=journal T=remote_smtp defer (111): Connection "
	  "refused",
	    SP_MAILLOG_DELIVERY, "1vOabc-00000000abc-0XYZ", NULL, NULL,
	    SP_MAILLOG_DEFERRED, "j@archive.example", "R=journal T=remote_smtp",
	    "Connection refused" },
	{ E "** j@archive.example R=journal T=remote_smtp H=h [1.2.3.4]: SMTP "
	    "error from remote mail server after RCPT TO: 550 no",
	    SP_MAILLOG_DELIVERY, "1vOabc-000abc-0X", NULL, NULL,
	    SP_MAILLOG_BOUNCED, "j@archive.example", "R=journal T=remote_smtp",
	    "SMTP error from remote mail server after RCPT TO: 550 no" },
	{ "Nov 26 20:00:01 mx exim[9]: " E "Completed", SP_MAILLOG_GONE,
	    "1vOabc-000abc-0X", NULL, NULL, 0, NULL, NULL, NULL },
	{ "2026-11-26 20:00:01 exim 4.96 daemon started: pid=1",
	    SP_MAILLOG_OTHER, NULL, NULL, NULL, 0, NULL, NULL, NULL },
	{ "2026-11-26 20:00:01 1vOabc-000abc-0 Completed", SP_MAILLOG_OTHER,
	    NULL, NULL, NULL, 0, NULL, NULL, NULL },
};

static void
test_exim_lines_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(exim_rows); i++)
		check(&exim_rows[i]);
}

static void
test_any_cut_of_a_line_gives_a_struct(void **state)
{
	struct sp_maillog_line l;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(postfix_rows); i++) {
		const struct sp_view v = sp_view_str(postfix_rows[i].line);

		for (size_t n = 0; n <= v.n; n++)
			sp_maillog_parse(sp_view_mem(v.p, n), &l);
	}
	for (size_t i = 0; i < SP_COUNTOF(exim_rows); i++) {
		const struct sp_view v = sp_view_str(exim_rows[i].line);

		for (size_t n = 0; n <= v.n; n++)
			sp_maillog_parse(sp_view_mem(v.p, n), &l);
	}
}

static void
test_only_our_own_words_are_a_receipt(void **state)
{
	static const struct {
		const char *reply;
		bool is;
	} rows[] = { { OK, true }, { "250 " OK " more", true },
		{ "250 2.0.0 Ok: queued as 4ABC12", false },
		{ "250 2.0.0 Ok: seq=x sha256=" HEX, false },
		{ "250 2.0.0 Ok: seq=1 sha256=0123", false },
		{ "250 2.0.0 Ok: seq=1 sha1=" HEX, false }, { "", false } };
	struct sp_maillog_receipt r;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		if (sp_maillog_receipt(sp_view_str(rows[i].reply), &r) !=
		    rows[i].is)
			fail_msg("%s", rows[i].reply);
	}
	assert_true(sp_maillog_receipt(sp_view_str(OK), &r));
	assert_int_equal(r.seq, 18431);
	assert_int_equal(r.sha256[0], 0x01);
	assert_int_equal(r.sha256[31], 0xef);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postfix_lines_are_read),
		cmocka_unit_test(test_exim_lines_are_read),
		cmocka_unit_test(test_any_cut_of_a_line_gives_a_struct),
		cmocka_unit_test(test_only_our_own_words_are_a_receipt),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
