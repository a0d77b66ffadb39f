/* Journal reports: every form, what is refused, cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "index/mail/mail.h"
#include "tests/mail/journal_forms.h"

/* "kind sender|role addr [name] how via|...", or a flag's name. */
static void
describe(const struct sp_mail *m, struct sp_buf *b)
{
	if (m->journal == NULL)
		assert_int_equal(
		    sp_buf_addf(b, "no: %s",
			m->journal_why == NULL ? "" : m->journal_why),
		    SP_OK);
	else
		journal_describe(m->journal, b);
}

static const struct journal_row forms[] = {
	{ "every role",
	    REPORT(START "To: bob@corp.example\r\nCc: erin@corp.example\r\n"
			 "Bcc: carol@partner.example\r\n"
			 "Recipient: gina@partner.example\r\n"),
	    S "|to bob@corp.example|cc erin@corp.example"
	      "|bcc carol@partner.example|recipient gina@partner.example",
	    "journal" },
	{ "expanded and forwarded",
	    REPORT(START
		"To: dan@corp.example, Expanded: finance@corp.example\r\n"
		"Cc: f@corp.example, Forwarded: erin@corp.example\r\n"
		"Bcc: g@corp.example;Expanded: dl@corp.example\r\n"
		"Recipient: h@corp.example ;  forwarded : i@corp.example\r\n"),
	    S "|to dan@corp.example expanded finance@corp.example"
	      "|cc f@corp.example forwarded erin@corp.example"
	      "|bcc g@corp.example expanded dl@corp.example"
	      "|recipient h@corp.example forwarded i@corp.example",
	    NULL },
	{ "two redirections, the last one first",
	    REPORT(START "To: a@x.example, Expanded: dl@x.example,"
			 " Forwarded: b@x.example\r\n"),
	    S "|to a@x.example forwarded b@x.example expanded dl@x.example",
	    NULL },
	{ "the other order, names in any case, LF, all extra lines",
	    HEAD MARK MIXED PLAIN
	    "SENDER: <alice@corp.example>\nON-BEHALF-OF: boss@corp.example\n"
	    "MESSAGE-ID: <orig-1@corp.example>\nsubject: Q3 numbers\n"
	    "Label: Secret\nMailbox: alice@corp.example\n"
	    "SentUtc: 1/6/2026 9:15:02 AM\nReceivedUtc: 1/6/2026\n"
	    "TO: bob@corp.example\n" ATTACH ORIGINAL END,
	    S " for boss@corp.example|to bob@corp.example", NULL },
	{ "brackets and names",
	    REPORT(START "To: <bob@corp.example>\r\n"
			 "To: \"Bob, B\" <b@corp.example>\r\n"
			 "To: Bob <b2@corp.example>, Expanded:"
			 " <dl@corp.example>\r\n"),
	    S "|to bob@corp.example|to b@corp.example (Bob, B)"
	      "|to b2@corp.example (Bob) expanded dl@corp.example",
	    NULL },
	{ "quoted local parts with commas",
	    REPORT(START "To: \"a,b\"@x.example\r\n"
			 "To: \"a, Expanded: b\"@x.example\r\n"
			 "To: \"a,b\"@x.example, Expanded: dl@x.example\r\n"),
	    S "|to \"a,b\"@x.example|to \"a, Expanded: b\"@x.example"
	      "|to \"a,b\"@x.example expanded dl@x.example",
	    NULL },
	{ "addresses that are not of the Internet",
	    REPORT(START "To: IMCEAEX-_O=ORG_OU=X_CN=bob@corp.example\r\n"
			 "Cc: /O=First Org/OU=X/CN=Recipients/CN=bob\r\n"),
	    S "|to IMCEAEX-_O=ORG_OU=X_CN=bob@corp.example"
	      "|cc /O=First Org/OU=X/CN=Recipients/CN=bob",
	    NULL },
	{ "a bounce has no sender",
	    REPORT("Sender: <>\r\nMessage-ID: <orig-1@corp.example>\r\n"
		   "To: bob@corp.example\r\n"),
	    "exchange-2007 |to bob@corp.example", NULL },
	{ "a subject that looks like fields",
	    REPORT("Sender: alice@corp.example\r\n"
		   "Subject: To: x@y, Expanded: z@y\r\n"
		   "Message-Id: <orig-1@corp.example>\r\n"
		   "To: bob@corp.example\r\n"),
	    S "|to bob@corp.example", NULL },
	{ "quoted-printable with a soft break in an address",
	    HEAD MARK MIXED
	    "Content-Type: text/plain; charset=iso-8859-1\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "Sender: alice@corp.example\r\nSubject: =C4nderung\r\n"
	    "Message-ID: <orig-1@corp.example>\r\nTo: bob@corp.ex=\r\n"
	    "ample\r\n" ATTACH ORIGINAL END,
	    S "|to bob@corp.example", NULL },
	{ "base64",
	    HEAD MARK MIXED "Content-Type: text/plain; charset=utf-8\r\n"
			    "Content-Transfer-Encoding: base64\r\n\r\n"
			    "U2VuZGVyOiBhbGljZUBjb3JwLmV4YW1wbGUNClN1YmplY3Q6IF"
			    "EzIG51bWJlcnMN\r\n"
			    "Ck1lc3NhZ2UtSUQ6IDxvcmlnLTFAY29ycC5leGFtcGxlPg0KVG"
			    "86IGJvYkBjb3Jw\r\n"
			    "LmV4YW1wbGUNCg==\r\n" ATTACH ORIGINAL END,
	    S "|to bob@corp.example", NULL },
	{ "the end is missing",
	    HEAD MARK MIXED PLAIN START
	    "To: bob@corp.example\r\n" ATTACH ORIGINAL,
	    S "|to bob@corp.example", "journal_truncated" },
	{ "other markers",
	    HEAD "X-WM-Journal-Report: journal\r\n" MIXED PLAIN START
		 "To: bob@corp.example\r\n" ATTACH ORIGINAL END,
	    S "|to bob@corp.example", NULL },
	{ "within the organisation",
	    HEAD
	    "X-MS-Exchange-Organization-Journal-Report: \r\n" MIXED PLAIN START
	    "To: bob@corp.example\r\n" ATTACH ORIGINAL END,
	    S "|to bob@corp.example", NULL },
	{ "Google's, with the text of Exchange",
	    HEAD "X-GM-Journal-ID: 17\r\n" MIXED PLAIN START
		 "To: bob@corp.example\r\n" ATTACH ORIGINAL END,
	    S "|to bob@corp.example", NULL },
	{ "2003, as Exchange spells it",
	    HEAD
	    "Content-Identifer: ExJournalReport\r\n" MIXED PLAIN
	    "Sender: \"Alice\" <alice@corp.example>\r\n"
	    "Message-ID: <orig-1@corp.example>\r\nRecipients:\r\n"
	    "\"Bob\" <bob@corp.example>\r\n\t<erin@corp.example>,\r\n"
	    "dan@corp.example\r\nCarol C carol@corp.example\r\n"
	    "/o=Org/ou=X/cn=Recipients/cn=frank\r\n\r\n" ATTACH ORIGINAL END,
	    "exchange-2003 alice@corp.example"
	    "|recipient bob@corp.example (Bob)|recipient erin@corp.example"
	    "|recipient dan@corp.example|recipient carol@corp.example"
	    " (Carol C)|recipient /o=Org/ou=X/cn=Recipients/cn=frank",
	    "journal" },
	{ "2003, spelt right",
	    HEAD "content-identifier: EXJOURNALREPORT\r\n" MIXED PLAIN
		 "Sender: alice@corp.example\r\nMessage-ID: <o@x>\r\n"
		 "Recipients: bob@corp.example\r\n" ATTACH ORIGINAL END,
	    "exchange-2003 alice@corp.example|recipient bob@corp.example",
	    NULL },
	{ "wrapped in a non-delivery report",
	    "From: <>\r\nContent-Type: multipart/report;"
	    " report-type=delivery-status; boundary=n\r\n\r\n--n\r\n\r\n"
	    "It failed.\r\n--n\r\nContent-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; j@x\r\n"
	    "\r\n--n\r\nContent-Type: message/rfc822\r\n\r\n" REPORT(
		START "To: bob@corp.example\r\n") "\r\n--n--\r\n",
	    S "|to bob@corp.example", "ndr" },
	{ "a capture as a delivery status",
	    "Return-Path: <>\r\nContent-Type: multipart/report;"
	    " report-type=delivery-status; boundary=n\r\n\r\n--n\r\n"
	    "Content-Type: text/plain\r\n\r\nThis message was captured.\r\n"
	    "--n\r\nContent-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; x\r\n\r\n"
	    "Original-Recipient: rfc822;list@corp.example\r\n"
	    "Final-Recipient: rfc822;bob@corp.example\r\n\r\n"
	    "Final-Recipient: rfc822; carol@corp.example\r\n"
	    "--n\r\nContent-Type: message/rfc822\r\n\r\n" ORIGINAL "\r\n"
	    "--n--\r\n",
	    "dsn-capture -|recipient bob@corp.example original"
	    " list@corp.example|recipient carol@corp.example",
	    NULL },
	{ "an intercept of Zimbra",
	    "From: postmaster@corp.example\r\n"
	    "Subject: Intercept message for alice@corp.example Q3\r\n" MIXED
		PLAIN "Intercepted message for alice@corp.example.\r\n"
	    "Operation=add message, folder=Sent, folder ID=5.\r\n" ATTACH
		ORIGINAL END,
	    "zimbra-intercept -", NULL },
	{ "nothing but a message", ORIGINAL, "no: ", NULL },
	{ "Google's plain copy", "X-GM-Journal-ID: 17\r\n" ORIGINAL,
	    "no: ", NULL },
	{ "a report that a user attached",
	    "From: a@x.example\r\n" MIXED PLAIN
	    "See this report.\r\n" ATTACH REPORT(
		START "To: bob@corp.example\r\n") END,
	    "no: ", NULL },
	{ "a non-delivery report of something else",
	    "From: <>\r\nContent-Type: multipart/report;"
	    " report-type=delivery-status; boundary=n\r\n\r\n--n\r\n\r\n"
	    "It failed.\r\n--n\r\nContent-Type: message/rfc822\r\n\r\n" ORIGINAL
	    "\r\n--n--\r\n",
	    "no: ", NULL },
};

static const struct journal_row refused[] = {
	{ "further text",
	    REPORT(START "To: bob@corp.example\r\n\r\n"
			 "Click http://evil.example to keep your mailbox.\r\n"),
	    "its text has a line that no report has", "journal_malformed" },
	{ "further text in a 2003 list",
	    REPORT("Sender: alice@corp.example\r\nMessage-ID: <o@x>\r\n"
		   "Recipients:\r\n<bob@corp.example>\r\n"
		   "write to me@evil.example now\r\n"),
	    "a line behind Recipients: is no recipient", NULL },
	{ "an unknown field", REPORT(START "X: y\r\nTo: b@c.example\r\n"),
	    "its text has a line that no report has", NULL },
	{ "two senders",
	    REPORT(START "Sender: x@y\r\nTo: bob@corp.example\r\n"),
	    "a field stands twice", NULL },
	{ "no sender", REPORT("Subject: x\r\nMessage-ID: <o@x>\r\nTo: b@c\r\n"),
	    "it has no Sender", NULL },
	{ "no recipient", REPORT(START), "it names no recipient", NULL },
	{ "no original", HEAD MARK MIXED PLAIN START "To: b@c.example\r\n" END,
	    "it has not two or three parts", NULL },
	{ "an original without a header",
	    HEAD MARK MIXED PLAIN START "To: b@c.example\r\n" ATTACH
					"\r\nno header\r\n" END,
	    "its second part is not a message", NULL },
	{ "HTML",
	    HEAD MARK MIXED "Content-Type: text/html\r\n\r\n" START
			    "To: b@c.example\r\n" ATTACH ORIGINAL END,
	    "its first part is not text/plain", NULL },
	{ "no multipart", HEAD MARK "\r\n" START "To: b@c.example\r\n",
	    "it is no multipart/mixed that can be read in one way only", NULL },
	{ "a part behind the end",
	    HEAD MARK MIXED PLAIN START
	    "To: b@c.example\r\n" ATTACH ORIGINAL END
	    "--_b_\r\n\r\nmore\r\n--_b_--\r\n",
	    "it is no multipart/mixed that can be read in one way only", NULL },
	{ "two originals that differ",
	    HEAD MARK MIXED PLAIN START
	    "To: b@c.example\r\n" ATTACH ORIGINAL ATTACH
	    "Message-ID: <other@x>\r\n\r\nx\r\n" END,
	    "it has two originals that are not the same message", NULL },
	{ "TNEF",
	    HEAD MARK MIXED "Content-Type: application/ms-tnef;"
			    " name=winmail.dat\r\n\r\nx\r\n" END,
	    "it is in Outlook's own format (TNEF)", "journal_tnef" },
};

static void
check(const struct journal_row *r, bool trusted, const char *want)
{
	struct sp_mail *m = journal_parse(r->msg, strlen(r->msg), trusted);
	struct sp_buf b;

	sp_buf_init(&b, 4096);
	describe(m, &b);
	if (strcmp(sp_buf_cstr(&b), want) != 0)
		fail_msg("%s:\n got %s\nwant %s", r->name, b.p, want);
	if (trusted && r->flag != NULL && !journal_has_flag(m, r->flag))
		fail_msg("%s: no flag %s", r->name, r->flag);
	if (m->journal != NULL) {
		assert_string_equal(m->subject, "Q3 numbers");
		assert_string_equal(m->message_id, "orig-1@corp.example");
		assert_int_equal(m->from.n, 1);
		assert_memory_equal(m->text, "See there.", 10);
	}
	sp_buf_done(&b);
	sp_mail_free(m);
}

static void
test_every_form_of_report_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		check(&forms[i], true, forms[i].want);
}

static void
test_what_is_not_well_formed_is_not_unwrapped(void **state)
{
	char want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		(void)snprintf(want, sizeof(want), "no: %s", refused[i].want);
		check(&refused[i], true, want);
	}
}

static void
test_nothing_is_unwrapped_without_trust(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct sp_mail *m =
		    journal_parse(forms[i].msg, strlen(forms[i].msg), false);

		assert_null(m->journal);
		sp_mail_free(m);
	}
	check(&forms[0], false,
	    "no: it did not come from a trusted journal source");
}

/* The original is there byte for byte, however it was sent. */
static void
test_the_original_is_exact(void **state)
{
	static const char *const parts[] = {
		"Content-Type: message/rfc822\r\n\r\n",
		"Content-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: binary\r\n\r\n",
		"Content-Type: message/rfc822; name=x.eml\r\n"
		"Content-Disposition: attachment\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\n",
		/* It says so and is not. */
		"Content-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
	};
	struct sp_buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct sp_mail *m;
		uint8_t sum[SP_SHA256_LEN];

		sp_buf_init(&b, 8192);
		assert_int_equal(sp_buf_addf(&b, "%s%s%s%s",
				     HEAD MARK MIXED PLAIN START
				     "To: b@c.example\r\n\r\n--_b_\r\n",
				     parts[i], ORIGINAL, END),
		    SP_OK);
		m = journal_parse(b.p, b.n, true);
		assert_non_null(m->journal);
		assert_true(sp_view_eq_str(m->journal->inner, ORIGINAL));
		sp_sha256_once(ORIGINAL, strlen(ORIGINAL), sum);
		assert_memory_equal(m->journal->inner_sha256, sum, sizeof(sum));
		assert_string_equal(m->journal->inner_path, "2");
		assert_string_equal(m->parts[0].path, "2.1");
		sp_mail_free(m);
		sp_buf_done(&b);
	}
}

static void
test_the_clear_copy_of_two_is_read(void **state)
{
	static const char two[] = HEAD MARK MIXED PLAIN START
	    "To: b@c.example\r\n" ATTACH
	    "Message-ID: <orig-1@corp.example>\r\nSubject: protected\r\n"
	    "Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n"
	    "Content-Type: application/x-microsoft-rpmsg-message;"
	    " name=message.rpmsg\r\n\r\nxyz\r\n--i--\r\n" ATTACH ORIGINAL END;
	struct sp_mail *m = journal_parse(two, strlen(two), true);

	(void)state;
	assert_non_null(m->journal);
	assert_string_equal(m->subject, "Q3 numbers");
	assert_string_equal(m->journal->inner_path, "3");
	assert_string_equal(m->journal->sealed_path, "2");
	assert_true(journal_has_flag(m, "rms"));
	sp_mail_free(m);
}

static void
test_roles_left_open_are_presumed_from_the_original(void **state)
{
	static const char msg[] =
	    REPORT(START "Recipient: BOB@corp.example\r\n"
			 "Recipient: erin@corp.example\r\n"
			 "Recipient: x@y, Expanded: finance@corp.example\r\n"
			 "Recipient: ob@corp.example\r\n");
	struct sp_mail *m = journal_parse(msg, strlen(msg), true);

	(void)state;
	assert_non_null(m->journal);
	assert_int_equal(m->journal->rcpts[0].presumed, SP_JOURNAL_TO);
	assert_int_equal(m->journal->rcpts[1].presumed, SP_JOURNAL_CC);
	assert_int_equal(m->journal->rcpts[2].presumed, SP_JOURNAL_TO);
	assert_int_equal(m->journal->rcpts[3].presumed, SP_JOURNAL_BCC);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(m->journal->rcpts[i].role, SP_JOURNAL_RCPT);
	sp_mail_free(m);
}

/* A subject with a line break must not add recipients. */
static void
test_a_subject_of_several_lines_is_no_field(void **state)
{
	static const char msg[] = HEAD MARK MIXED PLAIN
	    "Sender: alice@corp.example\r\nSubject: Hello\r\n"
	    "Bcc: victim@corp.example\r\n"
	    "Message-ID: <o@x>\r\nTo: bob@corp.example\r\n" ATTACH
	    "Subject: =?utf-8?Q?Hello=0D=0ABcc:_victim@corp.example?=\r\n"
	    "Message-ID: <o@x>\r\n\r\nx\r\n" END;
	struct sp_mail *m = journal_parse(msg, strlen(msg), true);

	(void)state;
	assert_non_null(m->journal);
	assert_int_equal(m->journal->nrcpts, 1);
	assert_string_equal(
	    m->journal->subject, "Hello Bcc: victim@corp.example");
	sp_mail_free(m);
}

/* Non-delivery reports in each other: three are opened. */
static void
test_non_delivery_reports_are_opened_three_deep(void **state)
{
	struct sp_buf b, c;

	(void)state;
	for (unsigned depth = 1; depth <= 4; depth++) {
		struct sp_mail *m;

		sp_buf_init(&b, 1 << 16);
		assert_int_equal(
		    sp_buf_adds(&b, REPORT(START "To: b@c.example\r\n")),
		    SP_OK);
		for (unsigned i = 0; i < depth; i++) {
			sp_buf_init(&c, 1 << 16);
			assert_int_equal(
			    sp_buf_addf(&c,
				"Content-Type: multipart/report;"
				" boundary=n%u\r\n\r\n--n%u\r\n\r\nfailed\r\n"
				"--n%u\r\nContent-Type: message/rfc822\r\n\r\n"
				"%.*s\r\n--n%u--\r\n",
				i, i, i, (int)b.n, b.p, i),
			    SP_OK);
			sp_buf_done(&b);
			b = c;
		}
		m = journal_parse(b.p, b.n, true);
		if (depth <= SP_JOURNAL_NDRS_MAX) {
			assert_non_null(m->journal);
			assert_int_equal(m->journal->ndrs, depth);
			assert_true(
			    sp_view_eq_str(m->journal->inner, ORIGINAL));
		} else {
			assert_null(m->journal);
		}
		sp_mail_free(m);
		sp_buf_done(&b);
	}
}

/* Any beginning of a report is a message; never a recipient that is none. */
static void
test_reports_cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n = strlen(forms[i].msg);

		for (size_t cut = 0; cut < n; cut++) {
			/* Exactly as long: an overrun is seen. */
			char *p = sp_xmalloc(cut + 1);
			struct sp_mail *m;

			memcpy(p, forms[i].msg, cut);
			p = sp_xrealloc(p, cut == 0 ? 1 : cut);
			m = journal_parse(p, cut, true);
			for (size_t r = 0;
			     m->journal != NULL && r < m->journal->nrcpts; r++)
				assert_true(
				    m->journal->rcpts[r].addr[0] != '\0');
			sp_mail_free(m);
			free(p);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form_of_report_is_read),
		cmocka_unit_test(test_what_is_not_well_formed_is_not_unwrapped),
		cmocka_unit_test(test_nothing_is_unwrapped_without_trust),
		cmocka_unit_test(test_the_original_is_exact),
		cmocka_unit_test(test_the_clear_copy_of_two_is_read),
		cmocka_unit_test(
		    test_roles_left_open_are_presumed_from_the_original),
		cmocka_unit_test(test_a_subject_of_several_lines_is_no_field),
		cmocka_unit_test(
		    test_non_delivery_reports_are_opened_three_deep),
		cmocka_unit_test(test_reports_cut_at_every_byte),
	};

	sp_mail_global_init();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
