/* Every limit at n and n + 1, and messages made to cost too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "index/mail/limits.h"
#include "index/mail/mail.h"
#include "tests/lib/cputime.h"

/* CPU time that a message may take: far above what it does, far below a hang. */
#define MAX_US INT64_C(2000000)

static bool
has_flag(const struct sp_mail *m, const char *flag)
{
	for (size_t i = 0; i < m->nflags; i++)
		if (strcmp(m->flags[i], flag) == 0)
			return (true);
	return (false);
}

static struct sp_mail *
parse(struct sp_buf *b)
{
	int64_t start = sp_cputime();
	struct sp_mail *m = sp_mail_parse(sp_buf_view(b), NULL);

	assert_true(sp_cputime() - start < MAX_US);
	return (m);
}

static void
add(struct sp_buf *b, const char *s)
{
	assert_int_equal(sp_buf_adds(b, s), SP_OK);
}

static void
test_nesting_stops_at_its_limit_and_shows_the_rest_as_text(void **state)
{
	static const unsigned depths[] = { SP_MAIL_MAX_DEPTH,
		SP_MAIL_MAX_DEPTH + 1, 20000 };

	(void)state;
	for (size_t k = 0; k < SP_COUNTOF(depths); k++) {
		struct sp_buf b;
		struct sp_mail *m;

		sp_buf_init(&b, 16u << 20);
		for (unsigned i = 0; i < depths[k]; i++)
			assert_int_equal(
			    sp_buf_addf(&b,
				"Content-Type: multipart/mixed; boundary=b%u\n"
				"\n--b%u\n",
				i, i),
			    SP_OK);
		add(&b, "\nfindme\n");
		m = parse(&b);
		assert_int_equal(
		    has_flag(m, "depth_limit"), depths[k] > SP_MAIL_MAX_DEPTH);
		assert_non_null(strstr(m->text, "findme"));
		sp_mail_free(m);
		sp_buf_done(&b);
	}
}

static void
test_messages_in_messages_stop_at_the_limit(void **state)
{
	struct sp_buf b;
	struct sp_mail *m;

	(void)state;
	sp_buf_init(&b, 16u << 20);
	for (unsigned i = 0; i < 20000; i++)
		add(&b, "Content-Type: message/rfc822\n\n");
	add(&b, "Subject: findme\n\nx\n");
	m = parse(&b);
	assert_true(has_flag(m, "depth_limit"));
	assert_non_null(strstr(m->text, "findme"));
	sp_mail_free(m);
	sp_buf_done(&b);
}

static void
test_parts_beyond_the_limit_are_one_leaf(void **state)
{
	static const unsigned counts[] = { SP_MAIL_MAX_PARTS,
		SP_MAIL_MAX_PARTS + 1, 300000 };

	(void)state;
	for (size_t k = 0; k < SP_COUNTOF(counts); k++) {
		struct sp_buf b;
		struct sp_mail *m;

		sp_buf_init(&b, 16u << 20);
		add(&b, "Content-Type: multipart/mixed; boundary=b\n\n");
		for (unsigned i = 0; i < counts[k]; i++)
			add(&b, "--b\n\nx\n");
		add(&b, "--b--\n");
		m = parse(&b);
		assert_int_equal(
		    has_flag(m, "part_limit"), counts[k] > SP_MAIL_MAX_PARTS);
		assert_int_equal(m->nparts,
		    SP_MAIL_MAX_PARTS + (counts[k] > SP_MAIL_MAX_PARTS));
		sp_mail_free(m);
		sp_buf_done(&b);
	}
}

static void
test_a_huge_header_is_cut_in_what_is_kept_not_in_what_is_found(void **state)
{
	struct sp_buf b;
	struct sp_mail *m;
	size_t kept = 0;

	(void)state;
	sp_buf_init(&b, 32u << 20);
	for (unsigned i = 0; i < 200000; i++)
		assert_int_equal(sp_buf_addf(&b, "X-H%u: %u\n", i, i), SP_OK);
	add(&b, "X-Long: ");
	for (unsigned i = 0; i < 1000000; i++)
		add(&b, "12345678");
	add(&b, "\nSubject: found\nTo: a@b\n\nbody\n");
	m = parse(&b);
	assert_true(has_flag(m, "header_cut"));
	assert_string_equal(m->subject, "found");
	assert_string_equal(m->to.v[0].addr, "a@b");
	for (size_t i = 0; i < m->nheaders; i++)
		kept +=
		    strlen(m->headers[i].name) + strlen(m->headers[i].value);
	assert_true(kept <= SP_MAIL_MAX_HEADER);
	assert_true(m->nheaders <= SP_MAIL_MAX_FIELDS);
	sp_mail_free(m);
	sp_buf_done(&b);
}

static void
test_text_is_cut_at_its_limit(void **state)
{
	static const struct {
		size_t n;
		bool cut;
	} rows[] = { { 90, false }, { 99, true }, { 100, true },
		{ 1000, true } };
	struct sp_mail_opts o = { .max_text = 100 };

	(void)state;
	for (size_t k = 0; k < SP_COUNTOF(rows); k++) {
		struct sp_buf b;
		struct sp_mail *m;

		sp_buf_init(&b, 10000);
		add(&b, "Subject: s\n\n");
		for (size_t i = 0; i < rows[k].n; i++)
			add(&b, "x");
		m = sp_mail_parse(sp_buf_view(&b), &o);
		assert_true(m->text_len <= 100);
		assert_int_equal(has_flag(m, "text_cut"), rows[k].cut);
		assert_int_equal(m->parts[0].size, rows[k].n);
		sp_mail_free(m);
		sp_buf_done(&b);
	}
}

/* One megabyte of a shape in each place where parsers have gone quadratic. */
static void
test_no_shape_takes_more_than_linear_time(void **state)
{
	static const struct {
		const char *head, *shape;
	} rows[] = {
		{ "Subject: ", "=?a?Q?" },
		{ "Subject: ", "=?utf-8?Q?a =?utf-8?B?" },
		{ "Subject: ", "=?utf-8?B?YQ==?= " },
		{ "Subject: ", "\r" },
		{ "Subject: ", "\r\r\n" },
		{ "Subject: ", "\n " },
		{ "", "a\n" },
		{ "", " \n" },
		{ "", "\n" },
		{ "", ":\n" },
		{ "To: ", "g:" },
		{ "To: <", "," },
		{ "To: <@", ", " },
		{ "To: \"", "\\" },
		{ "To: x", " \"a@,\" y" },
		{ "To: ", "a\"b@c " },
		{ "Date: ", "(" },
		{ "Message-ID: ", "<" },
		{ "Content-Type: a/b; ", "x*0=\"" },
		{ "Content-Type: multipart/mixed; boundary=a\n\n", "--a\n" },
		{ "Content-Type: multipart/mixed; boundary=a\n\n", "--a" },
		{ "Content-Type: multipart/mixed; boundary=aaaaaaaa\n\n", "a" },
		{ "Content-Type: multipart/mixed; boundary=-\n\n", "-" },
		{ "Content-Type: multipart/mixed\n\n", "--\n" },
		{ "Content-Type: multipart/mixed\n\n", "--x\n" },
		{ "Content-Transfer-Encoding: base64\n\n", "=" },
		{ "Content-Transfer-Encoding: base64\n\n", "A=\n" },
		{ "Content-Transfer-Encoding: base64\n\nAA==", "A" },
		{ "Content-Transfer-Encoding: base64\n\n", "A=!" },
		{ "Content-Transfer-Encoding: base64\n\n", "AA==" },
		{ "Subject: ", "=?utf-8?B?AA==AA==?= =?utf-8?B?AA=?=" },
		{ "Message-ID: ", "=?utf-8?B?AA==?=" },
		{ "Content-Transfer-Encoding: quoted-printable\n\n", "= " },
		{ "Content-Transfer-Encoding: quoted-printable\n\n", " " },
		{ "Content-Transfer-Encoding: x-uuencode\n\n", "M\n" },
		{ "\n", "begin 644 a\n" },
		{ "\n", "begin 644 a\n#0V%T\n" },
		{ "Content-Type: text/plain; charset=iso-2022-jp\n\n",
		    "\x1b$B" },
		{ "Content-Type: text/plain; charset=utf-7\n\n", "+A" },
		{ "Content-Type: text/plain; charset=hz-gb-2312\n\n", "~{" },
		{ "Content-Type: text/html\n\n", "<a b=\"" },
		{ "Content-Type: text/html\n\n", "<div>" },
	};

	(void)state;
	for (size_t k = 0; k < SP_COUNTOF(rows); k++) {
		struct sp_buf b;
		int64_t start;

		sp_buf_init(&b, 1u << 20);
		add(&b, rows[k].head);
		while (sp_buf_adds(&b, rows[k].shape) == SP_OK)
			;
		start = sp_cputime();
		sp_mail_free(sp_mail_parse(sp_buf_view(&b), NULL));
		if (sp_cputime() - start > MAX_US)
			fail_msg("row %zu took %lld ms", k,
			    (long long)(sp_cputime() - start) / 1000);
		sp_buf_done(&b);
	}
}

/* Cut a message at every byte: facts come each time. */
static void
test_a_message_cut_anywhere_gives_facts(void **state)
{
	static const char msg[] =
	    "From: \"=?utf-8?Q?J=C3=B6?=\" (c) <j@x>\r\n"
	    "To: g: a@b, <@r:c@d>;\r\n"
	    "Date: Mon, 23 Nov 2026 16:31:02 +0100\r\n"
	    "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n"
	    "Content-Type: text/html; charset=iso-2022-jp\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "<p a=3D\"x\">=1B$BF|K\\=1B(B&uuml;</p>\r\n--b\r\n"
	    "Content-Type: message/rfc822\r\n\r\nSubject: i\r\n\r\n"
	    "begin 644 a\r\n#0V%T\r\n`\r\nend\r\n--b--\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof(msg); n++) {
		/* Exactly n bytes, so that a sanitizer sees an overrun. */
		char *p = malloc(n == 0 ? 1 : n);
		struct sp_mail *m;

		assert_non_null(p);
		memcpy(p, msg, n);
		m = sp_mail_parse(sp_view_mem(p, n), NULL);
		assert_non_null(m);
		sp_mail_free(m);
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_nesting_stops_at_its_limit_and_shows_the_rest_as_text),
		cmocka_unit_test(test_messages_in_messages_stop_at_the_limit),
		cmocka_unit_test(test_parts_beyond_the_limit_are_one_leaf),
		cmocka_unit_test(
		    test_a_huge_header_is_cut_in_what_is_kept_not_in_what_is_found),
		cmocka_unit_test(test_text_is_cut_at_its_limit),
		cmocka_unit_test(test_no_shape_takes_more_than_linear_time),
		cmocka_unit_test(test_a_message_cut_anywhere_gives_facts),
	};

	sp_mail_global_init();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
