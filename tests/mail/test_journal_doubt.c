/* Journal reports that a gateway changed, and messages that only quote one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "index/mail/mail.h"
#include "tests/mail/journal_forms.h"

#define JUST  START "To: bob@corp.example\r\nBcc: eve@partner.example\r\n"
#define FOUND S "|to bob@corp.example|bcc eve@partner.example"
#define FOOTER \
	"\r\n-- \r\nThis e-mail is confidential. To: whom it may concern\r\n"
#define NEXT(ct) "\r\n--_b_\r\nContent-Type: " ct "\r\n\r\n"
#define HTML                                                                  \
	"<html><body>Sender: alice@corp.example<br>Subject: Q3 numbers<br>"   \
	"Message-Id: &lt;orig-1@corp.example&gt;<br>To: bob@corp.example<br>" \
	"Bcc: eve@partner.example<br></body></html>"
/* ORIGINAL as base64. */
#define ENCODED                                    \
	"RnJvbTogQWxpY2UgPGFsaWNlQGNvcnAuZXhhbXBs" \
	"ZT4NClRvOiBCb2IgPGJvYkBjb3JwLmV4YW1w\r\n" \
	"bGU+LCBmaW5hbmNlQGNvcnAuZXhhbXBsZQ0KQ2M6" \
	"IGVyaW5AY29ycC5leGFtcGxlDQpTdWJqZWN0\r\n" \
	"OiBRMyBudW1iZXJzDQpNZXNzYWdlLUlEOiA8b3Jp" \
	"Zy0xQGNvcnAuZXhhbXBsZT4NCkRhdGU6IFR1\r\n" \
	"ZSwgMDYgSmFuIDIwMjYgMDk6MTU6MDIgKzAwMDAN" \
	"Cg0KU2VlIHRoZXJlLg0K\r\n"

/* name, message, doubts and what it says, the path of the original */
static const struct journal_row changed[] = {
	{ "a disclaimer behind the text", REPORT(JUST FOOTER),
	    "extra_text: " FOUND, "2" },
	{ "a banner before it",
	    REPORT("CAUTION: external\r\nTo: all staff\r\n" JUST),
	    "extra_text: " FOUND, "2" },
	{ "a line between",
	    REPORT(START "[scanned]\r\nTo: bob@corp.example\r\nBcc: "
			 "eve@partner.example\r\n"),
	    "extra_text: " FOUND, "2" },
	{ "lines that were wrapped",
	    REPORT(START "To: bob@corp.example, Expanded: \r\n"
			 "dl@corp.example\r\nBcc: eve@partner.example\r\n"),
	    "extra_text: " FOUND, "2" },
	{ "a disclaimer behind a list of 2003",
	    REPORT("Sender: alice@corp.example\r\n"
		   "Message-ID: <orig-1@corp.example>\r\nRecipients:\r\n"
		   "<bob@corp.example>\r\n<eve@partner.example>\r\n" FOOTER),
	    "extra_text: exchange-2003 alice@corp.example"
	    "|recipient bob@corp.example|recipient eve@partner.example",
	    "2" },
	{ "a third text part",
	    HEAD MARK MIXED PLAIN JUST ATTACH ORIGINAL NEXT(
		"text/plain") "Scanned by gateway\r\n" END,
	    "extra_part: " FOUND, "2" },
	{ "a logo",
	    HEAD MARK MIXED PLAIN JUST ATTACH ORIGINAL NEXT(
		"image/png; name=logo.png") "\x89PNG" END,
	    "extra_part: " FOUND, "2" },
	{ "several forms of the text",
	    HEAD MARK MIXED "Content-Type: multipart/alternative;"
			    " boundary=a\r\n\r\n--a\r\n" PLAIN JUST
			    "\r\n--a\r\nContent-Type: text/html\r\n\r\n" HTML
			    "\r\n--a--\r\n" ATTACH ORIGINAL END,
	    "alternative: " FOUND, "2" },
	{ "the text twice",
	    HEAD MARK MIXED PLAIN JUST NEXT("text/html")
		HTML ATTACH ORIGINAL END,
	    "extra_part: " FOUND, "3" },
	{ "the text as HTML",
	    HEAD MARK MIXED
	    "Content-Type: text/html\r\n\r\n" HTML ATTACH ORIGINAL END,
	    "html_text: " FOUND, "2" },
	{ "the text as HTML, its lines kept",
	    HEAD MARK MIXED
	    "Content-Type: text/html\r\n\r\n<pre>Sender: alice@corp.example\r\n"
	    "Subject: Q3 numbers\r\nMessage-Id: &lt;orig-1@corp.example&gt;\r\n"
	    "To: bob@corp.example\r\nBcc: eve@partner.example"
	    "</pre><p>Disclaimer</p>" ATTACH ORIGINAL END,
	    "extra_text,html_text: " FOUND, "2" },
	{ "the text as HTML with links",
	    HEAD MARK MIXED
	    "Content-Type: text/html\r\n\r\n"
	    "Sender:&nbsp;<a href=\"mailto:alice@corp.example\">alice@corp.example</a><br>"
	    "Subject: Q3 numbers<br>Message-Id: &lt;orig-1@corp.example&gt;<br>"
	    "To: <a href=\"mailto:bob@corp.example\">bob@corp.example</a><br>"
	    "Bcc: <a href=\"mailto:eve@partner.example\">eve@partner.example</a>"
	    "<br>" ATTACH ORIGINAL END,
	    "extra_text,html_text: " FOUND, "2" },
	{ "addresses with links as text",
	    REPORT(START
		"To: bob@corp.example<mailto:bob@corp.example>\r\n"
		"Bcc: eve@partner.example<mailto:eve@partner.example>\r\n"),
	    "extra_text: " S "|to bob@corp.example (bob@corp.example)"
	    "|bcc eve@partner.example (eve@partner.example)",
	    "2" },
	{ "words behind an address",
	    REPORT(START "To: bob@corp.example [scanned]\r\n"
			 "Bcc:\xc2\xa0"
			 "eve@partner.example\r\n"),
	    "extra_text: " FOUND, "2" },
	{ "bold names",
	    REPORT("*Sender:* alice@corp.example\r\n*Subject:* Q3 numbers\r\n"
		   "*Message-Id:* <orig-1@corp.example>\r\n"
		   "*To:* bob@corp.example\r\n*Bcc:* eve@partner.example\r\n"),
	    "extra_text: " FOUND, "2" },
	{ "a decrypted copy as a file",
	    HEAD MARK MIXED PLAIN JUST ATTACH
	    "From: a@corp.example\r\nMessage-ID: <orig-1@corp.example>\r\n\r\n"
	    "sealed\r\n" NEXT("application/octet-stream; name=clear.eml\r\n"
			      "Content-Transfer-Encoding: base64") ENCODED END,
	    "extra_original: " FOUND, "2" },
	{ "the original as a file",
	    HEAD MARK MIXED PLAIN JUST NEXT(
		"application/octet-stream; name=q3.eml\r\n"
		"Content-Transfer-Encoding: base64") ENCODED END,
	    "original_type: " FOUND, "2" },
	{ "the original as text with a name",
	    HEAD MARK MIXED PLAIN JUST NEXT("text/plain; name=q3.eml")
		ORIGINAL END,
	    "original_type: " FOUND, "2" },
	{ "the original first",
	    HEAD MARK MIXED
	    "Content-Type: message/rfc822\r\n\r\n" ORIGINAL NEXT("text/plain")
		JUST END,
	    "part_order: " FOUND, "1" },
	{ "a decrypted copy of another Message-ID",
	    HEAD MARK MIXED PLAIN JUST ATTACH ORIGINAL ATTACH
	    "From: gw@corp.example\r\nMessage-ID: <clear@gw>\r\n\r\nx\r\n" END,
	    "extra_original: " FOUND, "2" },
	{ "the original is another one",
	    HEAD MARK MIXED PLAIN JUST ATTACH
	    "From: gw@corp.example\r\nMessage-ID: <clear@gw>\r\n\r\n"
	    "See there.\r\n" ATTACH
	    "From: b@corp.example\r\nMessage-ID: <b@gw>\r\n\r\nx\r\n" END,
	    "extra_original,other_original: " FOUND, "2" },
	{ "no original", HEAD MARK MIXED PLAIN JUST END, "no_original: " FOUND,
	    NULL },
	{ "wrapped in a list's footer",
	    HEAD MARK MIXED
	    "Content-Type: multipart/mixed; boundary=a"
	    "\r\n\r\n--a\r\n" PLAIN JUST
	    "\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n" ORIGINAL
	    "\r\n--a--\r\n" NEXT("text/plain") "List footer" END,
	    "extra_part,wrapped: " FOUND, "1.2" },
	{ "attached as a whole, the mark kept",
	    HEAD MARK
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=c\r\n\r\n"
	    "--c\r\n" PLAIN "The message is attached.\r\n--c\r\n"
	    "Content-Type: message/rfc822\r\n\r\n" REPORT(JUST) "\r\n--c--\r\n",
	    "wrapped: " FOUND, "2.2" },
	{ "a part behind the end",
	    HEAD MARK MIXED PLAIN JUST ATTACH ORIGINAL END
	    "--_b_\r\n\r\nmore\r\n--_b_--\r\n",
	    "extra_part,structure: " FOUND, "2" },
};

/* "DOUBT,DOUBT: WHAT IT SAYS". */
static void
describe_doubted(const struct sp_journal *j, struct sp_buf *b)
{
	for (unsigned bit = 1; bit < SP_JOURNAL_DOUBTS_END; bit <<= 1)
		if ((j->doubts & bit) != 0)
			assert_int_equal(
			    sp_buf_addf(b, "%s%s", b->n > 0 ? "," : "",
				sp_journal_doubt_name(bit)),
			    SP_OK);
	assert_int_equal(sp_buf_adds(b, ": "), SP_OK);
	journal_describe(j, b);
}

/* What it says is there with its doubts, and is no fact about the message. */
static void
test_a_changed_report_is_doubted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		const struct journal_row *r = &changed[i];
		struct sp_mail *m = journal_parse(r->msg, strlen(r->msg), true);
		struct sp_buf b;

		sp_buf_init(&b, 4096);
		if (m->journal != NULL || m->doubted == NULL)
			fail_msg("%s: %s", r->name,
			    m->journal != NULL ? "it is certain" : "no report");
		describe_doubted(m->doubted, &b);
		if (strcmp(sp_buf_cstr(&b), r->want) != 0)
			fail_msg(
			    "%s:\n got %s\nwant %s", r->name, b.p, r->want);
		if ((r->flag == NULL) != (m->doubted->inner_path == NULL) ||
		    (r->flag != NULL &&
			strcmp(r->flag, m->doubted->inner_path) != 0))
			fail_msg("%s: original in %s", r->name,
			    m->doubted->inner_path);
		assert_true(journal_has_flag(m, "journal_doubtful"));
		assert_true(journal_has_flag(m, "journal_malformed"));
		assert_false(journal_has_flag(m, "journal"));
		assert_string_equal(m->subject, "wrapper");
		if (r->flag != NULL &&
		    memmem(m->text, m->text_len, "See there.", 10) == NULL)
			fail_msg("%s: the original's text is not there:\n%s",
			    r->name, m->text);
		sp_mail_free(m);
		/* From anybody else it is a message like any other. */
		m = journal_parse(r->msg, strlen(r->msg), false);
		assert_null(m->doubted);
		assert_true(journal_has_flag(m, "journal_untrusted"));
		sp_mail_free(m);
		sp_buf_done(&b);
	}
}

/* Only what says in its own header that it is a report is one. */
static void
test_a_message_that_quotes_a_report_is_none(void **state)
{
	static const struct journal_row quotes[] = {
		{ "attached to a message",
		    HEAD MIXED PLAIN "See this.\r\n" ATTACH REPORT(JUST) END,
		    NULL, NULL },
		{ "its lines in the text, a message attached",
		    HEAD MIXED PLAIN JUST ATTACH ORIGINAL END, NULL, NULL },
		{ "the same with a mark of Google's",
		    HEAD "X-GM-Journal-ID: 17\r\n" MIXED PLAIN JUST FOOTER
			ATTACH ORIGINAL END,
		    NULL, NULL },
		{ "quoted line by line",
		    HEAD MARK MIXED PLAIN
		    "> Sender: alice@corp.example\r\n"
		    "> Subject: x\r\n"
		    "> Bcc: eve@partner.example\r\n" ATTACH ORIGINAL END,
		    NULL, NULL },
		{ "in the original",
		    HEAD MARK MIXED PLAIN
		    "Hello.\r\n" ATTACH
		    "From: a@x.example\r\nDate: x\r\n\r\n" JUST END,
		    NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		struct sp_mail *m =
		    journal_parse(quotes[i].msg, strlen(quotes[i].msg), true);

		if (m->journal != NULL || m->doubted != NULL)
			fail_msg("%s: taken for a report", quotes[i].name);
		sp_mail_free(m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_changed_report_is_doubted),
		cmocka_unit_test(test_a_message_that_quotes_a_report_is_none),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
