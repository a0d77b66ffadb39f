/* Whole messages: structure, attachments, text, flags, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/sha256.h"
#include "index/mail/mail.h"

#define HEAD                                                           \
	"From: Alice <alice@corp.example>\r\nTo: bob@corp.example\r\n" \
	"Subject: Plan\r\nMessage-ID: <p1@corp.example>\r\n"           \
	"Date: Mon, 23 Nov 2026 16:31:02 +0100\r\n"

/* "path type size[ name][ *]|...": * is an attachment, @ a message. */
static void
parts_of(const struct sp_mail *m, struct sp_buf *b)
{
	for (size_t i = 0; i < m->nparts; i++) {
		const struct sp_mail_part *p = &m->parts[i];

		assert_int_equal(
		    sp_buf_addf(b, "%s%s %s %u%s%s%s%s", i == 0 ? "" : "|",
			p->path, p->type, (unsigned)p->size,
			p->name == NULL ? "" : " ",
			p->name == NULL ? "" : p->name,
			p->attachment ? " *" : "", p->message ? "@" : ""),
		    SP_OK);
	}
}

static const struct {
	const char *name, *in, *want;
} messages[] = {
	{ "plain", HEAD "\r\nhi\r\n", "1 text/plain 4" },
	{ "empty", "", "1 text/plain 0" },
	{ "text alone", "hello", "1 text/plain 5" },
	{ "html", HEAD "Content-Type: text/HTML\n\n<p>", "1 text/html 3" },
	{ "mixed",
	    HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		 "preamble\r\n--b\r\n\r\none\r\n--b\r\n"
		 "Content-Type: image/png; name=a.png\r\n"
		 "Content-Transfer-Encoding: base64\r\n\r\n"
		 "SGk=\r\n--b--\r\n",
	    "1 text/plain 3|2 image/png 2 a.png *" },
	{ "nested, one boundary the start of the other",
	    HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
		 "Content-Type: multipart/alternative; boundary=b1\n\n"
		 "--b1\n\nx\n--b1\nContent-Type: text/html\n\n<p>y\n"
		 "--b1--\n--b\n\nz\n--b--\n",
	    "1.1 text/plain 1|1.2 text/html 4|2 text/plain 1" },
	{ "a message inside",
	    HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
		 "see\n--b\nContent-Type: message/rfc822\n\n"
		 "Subject: in\n\nbody\n--b--\n",
	    "1 text/plain 3|2.1 text/plain 4" },
	{ "an attached message with parts",
	    HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
		 "Content-Type: message/rfc822; name=\"in.eml\"\n\n"
		 "Subject: in\nContent-Type: multipart/mixed; "
		 "boundary=c\n\n--c\n\nx\n--c\n\ny\n--c--\n--b--\n",
	    "1 message/rfc822 74 in.eml *@|1.1 text/plain 1|"
	    "1.2 text/plain 1" },
	{ "an encoded message",
	    HEAD "Content-Type: message/rfc822\n"
		 "Content-Transfer-Encoding: base64\n"
		 "Content-Disposition: attachment\n\n"
		 "U3ViamVjdDogaGkKCmJvZHkK\n",
	    "1 message/rfc822 18 *@|1.1 text/plain 5" },
	{ "digest",
	    HEAD "Content-Type: multipart/digest; boundary=b\n\n--b\n\n"
		 "Subject: a\n\none\n--b--\n",
	    "1.1 text/plain 3" },
	{ "no closing delimiter",
	    HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
		 "x\n--b\n\ny\n",
	    "1 text/plain 1|2 text/plain 2" },
	{ "no boundary parameter",
	    HEAD "Content-Type: multipart/mixed\n\n--g\n"
		 "Content-Type: text/html\n\nx\n--g--\n",
	    "1 text/html 1" },
	{ "boundary never occurs",
	    HEAD "Content-Type: multipart/mixed; boundary=b\n\nhidden\n",
	    "1 multipart/mixed 7" },
	{ "only the closing delimiter",
	    HEAD "Content-Type: multipart/mixed; boundary=b\n\n"
		 "Content-Type: text/html\n\n<p>x\n--b--\n",
	    "1 text/html 4" },
	{ "parts behind the end",
	    HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
		 "x\n--b--\n--b\n\nhidden\n--b--\n",
	    "1 text/plain 1|2 text/plain 6" },
	{ "no empty line before the first delimiter",
	    HEAD "Content-Type: multipart/mixed; boundary=b\n--b\n\n"
		 "x\n--b--\n",
	    "1 text/plain 1" },
	{ "blanks behind the delimiter",
	    HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b \t\n"
		 "\nx\n--b-- \n",
	    "1 text/plain 1" },
	{ "a file in the text",
	    HEAD "\nsee\nbegin 644 cat.txt\n#0V%T\n`\nend\nbye\n",
	    "1 text/plain 38|"
	    "1.u1 application/octet-stream 3 cat.txt *" },
	{ "two files in encoded text",
	    HEAD "Content-Transfer-Encoding: quoted-printable\n\n"
		 "begin 644 a\n#0V%T\n`\nend\nbegin 644 b\n#0V%T\nend\n",
	    "1 text/plain 46|1.u1 application/octet-stream 3 a *|"
	    "1.u2 application/octet-stream 3 b *" },
	{ "disposition alone", HEAD "Content-Disposition: attachment\n\nx",
	    "1 text/plain 1 *" },
	{ "no name, no text", HEAD "Content-Type: image/png\n\nx",
	    "1 image/png 1 *" },
	{ "an image in the text",
	    HEAD "Content-Type: multipart/related; boundary=b\n\n--b\n"
		 "Content-Type: image/png\nContent-ID: <i>\n\nx\n"
		 "--b--\n",
	    "1 image/png 1" },
	{ "a signature", HEAD "Content-Type: application/pgp-signature\n\nx",
	    "1 application/pgp-signature 1" },
	{ "type without subtype", HEAD "Content-Type: text\n\nx",
	    "1 text/plain 1" },
};

static void
test_every_part_is_found_under_its_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(messages); i++) {
		struct sp_mail *m =
		    sp_mail_parse(sp_view_str(messages[i].in), NULL);
		struct sp_buf b;

		sp_buf_init(&b, 10000);
		parts_of(m, &b);
		if (strcmp(sp_buf_cstr(&b), messages[i].want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"",
			    messages[i].name, sp_buf_cstr(&b),
			    messages[i].want);
		for (size_t k = 0; k < m->nparts; k++) {
			uint8_t sum[32];

			sp_buf_clear(&b);
			assert_int_equal(
			    sp_mail_part_bytes(sp_view_str(messages[i].in),
				m->parts[k].path, &b, NULL),
			    SP_OK);
			sp_sha256_once(b.n == 0 ? "" : b.p, b.n, sum);
			assert_memory_equal(sum, m->parts[k].sha256, 32);
		}
		sp_buf_done(&b);
		sp_mail_free(m);
	}
}

static void
test_a_part_that_is_not_there_is_said_so(void **state)
{
	static const char *const paths[] = { "2", "", "1.1", "1.u1", "x" };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(paths); i++) {
		struct sp_err err;
		struct sp_buf b;

		sp_buf_init(&b, 100);
		assert_int_equal(sp_mail_part_bytes(SP_VIEW_LIT(HEAD "\nx"),
				     paths[i], &b, &err),
		    SP_ENOTFOUND);
		sp_buf_done(&b);
	}
}

static bool
has_flag(const struct sp_mail *m, const char *flag)
{
	for (size_t i = 0; i < m->nflags; i++)
		if (strcmp(m->flags[i], flag) == 0)
			return (true);
	return (false);
}

static void
test_what_is_odd_is_flagged(void **state)
{
	static const struct {
		const char *flag, *in;
	} rows[] = {
		{ "", HEAD "\r\nhi\r\n" },
		{ "ambiguous",
		    "Content-Type: text/plain\nContent-Type: text/html\n\nx" },
		{ "bad_address", "To: Drew Fossum\n\nx" },
		{ "bad_cte", "Content-Transfer-Encoding: x-y\n\nx" },
		{ "bad_date", "Date: 31 Feb 2026\n\nx" },
		{ "bad_encoding",
		    "Content-Transfer-Encoding: quoted-printable\n\n=zz" },
		{ "bare_cr_in_header", "Subject: a\rTo: b\n\nx" },
		{ "charset_unknown",
		    "Content-Type: text/plain; charset=x-none\n\nx" },
		{ "charset_fallback", "Content-Type: text/plain\n\n\xe9" },
		{ "dup_date", "Date: 1 Jan 2026\nDate: 2 Jan 2026\n\nx" },
		{ "dup_from", "From: a@b\nFrom: c@d\n\nx" },
		{ "dup_message_id", "Message-ID: <a>\nMessage-ID: <b>\n\nx" },
		{ "dup_subject", "Subject: a\nSubject: b\n\nx" },
		{ "encrypted", "\n-----BEGIN PGP MESSAGE-----\n\nx" },
		{ "encrypted", "Content-Type: application/pkcs7-mime; "
			       "smime-type=enveloped-data\n\nx" },
		{ "header_junk", "A: 1\njunk line\nB: 2\n\nx" },
		{ "mime_broken",
		    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n" },
		{ "no_header_end", "Subject: a\n" },
		{ "partial", "Content-Type: message/partial; id=a\n\nx" },
		{ "signed",
		    "Content-Type: multipart/signed; boundary=b\n\n--b\n\nx\n"
		    "--b--\n" },
		{ "tnef", "Content-Type: application/ms-tnef\n\nx" },
		{ "uuencode", "\nbegin 644 a\n#0V%T\nend\n" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_mail *m =
		    sp_mail_parse(sp_view_str(rows[i].in), NULL);
		const char *flag = rows[i].flag;

		if (flag[0] == '\0' && m->nflags > 0)
			fail_msg("an ordinary message has %s", m->flags[0]);
		if (flag[0] != '\0' && !has_flag(m, flag))
			fail_msg("%s is missing", flag);
		for (size_t k = 1; k < m->nflags; k++)
			assert_true(strcmp(m->flags[k - 1], m->flags[k]) < 0);
		sp_mail_free(m);
	}
}

static void
test_repeated_fields_show_the_first_and_lose_none(void **state)
{
	struct sp_mail *m = sp_mail_parse(
	    SP_VIEW_LIT("Subject: one\nSubject: two\nFrom: a@b\nFrom: c@d\n"
			"Message-ID: <m1>\nMessage-ID: <m2>\n"
			"Date: never\nDate: 1 Jan 2026 00:00 +0000\n\nbody\n"),
	    NULL);

	(void)state;
	assert_string_equal(m->subject, "one");
	assert_string_equal(m->message_id, "m1");
	assert_string_equal(m->date, "2026-01-01T00:00:00+00:00");
	assert_int_equal(m->from.n, 2);
	assert_non_null(strstr(m->text, "two"));
	assert_non_null(strstr(m->text, "m2"));
	sp_mail_free(m);
}

static void
test_text_holds_all_that_a_reader_could_see(void **state)
{
	struct sp_mail *m = sp_mail_parse(
	    SP_VIEW_LIT(HEAD
		"Content-Type: multipart/mixed; boundary=b\n\nhidden before\n"
		"--b\nContent-Type: multipart/alternative; boundary=c\n\n"
		"--c\n\nplain words\n--c\nContent-Type: text/html\n\n"
		"<p>html words</p>\n--c--\n"
		"--b\nContent-Type: message/rfc822\n\n"
		"Subject: =?utf-8?q?inner?= subject\nFrom: Carol <c@d>\n\n"
		"inner words\n"
		"--b\nContent-Type: text/plain; name=a.txt\n\nattached words\n"
		"--b--\nhidden behind\n"),
	    NULL);
	static const char *const want[] = { "plain words", "html words",
		"inner subject", "Carol <c@d>", "inner words", "attached words",
		"hidden before", "hidden behind" };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(want); i++)
		if (strstr(m->text, want[i]) == NULL)
			fail_msg("\"%s\" is not in the text", want[i]);
	sp_mail_free(m);
}

static void
test_message_ids_are_bare(void **state)
{
	static const struct {
		const char *in, *want; /* NULL: absent */
	} rows[] = {
		{ "Message-ID: <a@b>", "a@b" },
		{ "Message-ID:\r\n <a@b>", "a@b" },
		{ "Message-Id: a@b", "a@b" },
		{ "Message-ID: <a\r\n @b>", "a@b" },
		{ "Message-ID: <a@b> (c)", "a@b" },
		{ "Message-ID: <a@b", "a@b" },
		{ "Message-ID: =?utf-8?q?=3Ca=40b=3E?=", "a@b" },
		{ "Subject: none", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_mail *m =
		    sp_mail_parse(sp_view_str(rows[i].in), NULL);

		if (rows[i].want == NULL)
			assert_null(m->message_id);
		else
			assert_string_equal(m->message_id, rows[i].want);
		sp_mail_free(m);
	}
}

static void
test_the_json_has_the_members_of_the_design(void **state)
{
	struct sp_mail *m = sp_mail_parse(
	    SP_VIEW_LIT(HEAD "Content-Type: text/plain; name=\"a.txt\"\n\nhi"),
	    NULL);
	struct sp_buf b;
	struct sp_json j;

	(void)state;
	sp_buf_init(&b, 10000);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_mail_json(m, &j, false);
	sp_json_obj_end(&j);
	assert_int_equal(sp_json_end(&j), SP_OK);
	assert_string_equal(sp_buf_cstr(&b),
	    "{\"message_id\":\"p1@corp.example\","
	    "\"date\":\"2026-11-23T16:31:02+01:00\",\"subject\":\"Plan\","
	    "\"from\":[{\"name\":\"Alice\",\"addr\":\"alice@corp.example\"}],"
	    "\"to\":[{\"name\":\"\",\"addr\":\"bob@corp.example\"}],"
	    "\"cc\":null,\"bcc\":null,\"reply_to\":null,\"attachments\":["
	    "{\"name\":\"a.txt\",\"type\":\"text/plain\","
	    "\"detected_type\":\"text/plain\",\"size\":2,\"sha256\":"
	    "\"8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
	    "\"}]}");
	sp_buf_done(&b);
	sp_mail_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_part_is_found_under_its_path),
		cmocka_unit_test(test_a_part_that_is_not_there_is_said_so),
		cmocka_unit_test(test_what_is_odd_is_flagged),
		cmocka_unit_test(
		    test_repeated_fields_show_the_first_and_lose_none),
		cmocka_unit_test(test_text_holds_all_that_a_reader_could_see),
		cmocka_unit_test(test_message_ids_are_bare),
		cmocka_unit_test(test_the_json_has_the_members_of_the_design),
	};

	sp_mail_global_init();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
