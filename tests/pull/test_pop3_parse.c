/* Replies of a POP3 server, whole and cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "journal/pull/pop3_parse.h"

static void
test_replies_and_their_codes(void **state)
{
	static const struct {
		const char *in;
		enum sp_pop3_status status;
		enum sp_pop3_code code;
		const char *text;
	} rows[] = {
		{ "+OK", SP_POP3_OK, SP_POP3_NONE, "" },
		{ "+ok ready <1@h>", SP_POP3_OK, SP_POP3_NONE, "ready <1@h>" },
		{ "-ERR [IN-USE] locked", SP_POP3_ERR, SP_POP3_IN_USE,
		    "locked" },
		{ "-ERR [in-use/x] locked", SP_POP3_ERR, SP_POP3_IN_USE,
		    "locked" },
		{ "-ERR [IN-USEFUL] x", SP_POP3_ERR, SP_POP3_OTHER, "x" },
		{ "-ERR [LOGIN-DELAY]", SP_POP3_ERR, SP_POP3_LOGIN_DELAY, "" },
		{ "-ERR [SYS/TEMP] x", SP_POP3_ERR, SP_POP3_SYS_TEMP, "x" },
		{ "-ERR [SYS/PERM/y] x", SP_POP3_ERR, SP_POP3_SYS_PERM, "x" },
		{ "-ERR [SYS] x", SP_POP3_ERR, SP_POP3_OTHER, "x" },
		{ "-ERR [AUTH] x", SP_POP3_ERR, SP_POP3_AUTH, "x" },
		{ "-ERR [AUTH no end", SP_POP3_ERR, SP_POP3_NONE,
		    "[AUTH no end" },
		{ "+ ", SP_POP3_CONTINUE, SP_POP3_NONE, "" },
		{ "+", SP_POP3_CONTINUE, SP_POP3_NONE, "" },
		{ "+ e30=", SP_POP3_CONTINUE, SP_POP3_NONE, "e30=" },
		{ "", SP_POP3_INVALID, SP_POP3_NONE, "" },
		{ "* OK IMAP", SP_POP3_INVALID, SP_POP3_NONE, "* OK IMAP" },
		{ "+OKAY", SP_POP3_INVALID, SP_POP3_NONE, "+OKAY" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_pop3_reply r;

		sp_pop3_reply(sp_view_str(rows[i].in), &r);
		if (r.status != rows[i].status || r.code != rows[i].code ||
		    !sp_view_eq_str(r.text, rows[i].text))
			fail_msg("%s: got %d %d %.*s", rows[i].in, r.status,
			    r.code, (int)r.text.n, r.text.p);
	}
}

static void
test_capabilities(void **state)
{
	static const char *const lines[] = { "TOP", "USER", "UIDL", "stls",
		"PIPELINING", "UTF8 USER", "SASL PLAIN  XOAUTH2 OAUTHBEARER",
		"LOGIN-DELAY 900 USER", "X-UNKNOWN 1", "" };
	struct sp_pop3_caps c = { .any = true };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(lines); i++)
		sp_pop3_capability(sp_view_str(lines[i]), &c);
	assert_true(c.user && c.uidl && c.stls && c.pipelining && c.utf8);
	assert_true(c.plain && c.xoauth2 && c.oauthbearer);
	assert_int_equal(c.login_delay, 900);
	c = (struct sp_pop3_caps){ .any = true };
	sp_pop3_capability(sp_view_str("UIDLX"), &c);
	sp_pop3_capability(sp_view_str("SASL PLAINX"), &c);
	sp_pop3_capability(sp_view_str("LOGIN-DELAY soon"), &c);
	assert_false(c.uidl || c.plain || c.login_delay != 0);
}

static void
test_lists(void **state)
{
	struct sp_view uid;
	uint64_t a, b;
	char big[SP_POP3_UID_MAX + 8];

	(void)state;
	assert_true(sp_pop3_two_numbers(sp_view_str("2 320"), &a, &b));
	assert_true(a == 2 && b == 320);
	assert_true(sp_pop3_two_numbers(sp_view_str("2  320 (more)"), &a, &b));
	assert_false(sp_pop3_two_numbers(sp_view_str("2"), &a, &b));
	assert_false(sp_pop3_two_numbers(sp_view_str("2 x"), &a, &b));
	assert_false(sp_pop3_two_numbers(sp_view_str("-2 3"), &a, &b));
	assert_false(
	    sp_pop3_two_numbers(sp_view_str("99999999999999999999 3"), &a, &b));
	assert_true(
	    sp_pop3_uidl(sp_view_str("1 whqtswO00WBw418f9t5JxYwZ"), &a, &uid));
	assert_true(sp_view_eq_str(uid, "whqtswO00WBw418f9t5JxYwZ"));
	assert_false(sp_pop3_uidl(sp_view_str("1 "), &a, &uid));
	assert_false(sp_pop3_uidl(sp_view_str("x y"), &a, &uid));
	assert_false(sp_pop3_uidl(sp_view_str("1 a\tb"), &a, &uid));
	assert_false(sp_pop3_uidl(sp_view_str("1 \xc3\xa4"), &a, &uid));
	memset(big, 'u', sizeof(big));
	memcpy(big, "1 ", 2);
	assert_true(
	    sp_pop3_uidl(sp_view_mem(big, 2 + SP_POP3_UID_MAX), &a, &uid));
	assert_false(
	    sp_pop3_uidl(sp_view_mem(big, 3 + SP_POP3_UID_MAX), &a, &uid));
}

/* ---- a message ---------------------------------------------------------- */

/* Feed ${wire} in pieces of ${step}, the first of ${first}; the message to
 * ${out}; what is left behind its end. */
static size_t
decode(struct sp_view wire, size_t first, size_t step, struct sp_buf *out)
{
	struct sp_pop3_body b = { .at = SP_POP3_LINE_START };
	size_t at = 0, n = first;

	sp_buf_clear(out);
	while (at < wire.n) {
		struct sp_view in, piece;
		size_t had = wire.n - at < n ? wire.n - at : n;

		in = sp_view_mem(wire.p + at, had);
		while (in.n > 0) {
			bool more = sp_pop3_body(&b, &in, &piece);

			assert_int_equal(sp_buf_addv(out, piece), SP_OK);
			if (!more)
				return (wire.n - at - (had - in.n));
		}
		at += had;
		n = step;
	}
	return (SIZE_MAX);
}

static const struct {
	const char *wire;
	size_t n;
	const char *want;
	size_t want_n;
} bodies[] = {
#define BODY(w, m)                                 \
	{                                          \
		w, sizeof(w) - 1, m, sizeof(m) - 1 \
	}
	BODY(".\r\n", ""),
	BODY("a\r\n.\r\n", "a\r\n"),
	BODY("\r\n.\r\n", "\r\n"),
	BODY("..\r\n.\r\n", ".\r\n"),
	BODY("..a\r\n...\r\nb..\r\n.\r\n", ".a\r\n..\r\nb..\r\n"),
	/* Only CR LF ends a line. */
	BODY("a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"),
	BODY("a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n"),
	BODY("a\r\r\n.\r\n", "a\r\r\n"),
	BODY("a\n..b\r\n.\r\n", "a\n..b\r\n"),
	BODY("nul\0\r\n..\0\r\n.\r\n", "nul\0\r\n.\0\r\n"),
	/* What no server should send; nothing is lost but the dot. */
	BODY("a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n"),
	BODY("a\r\n.b\r\n.\r\n", "a\r\nb\r\n"),
	BODY("a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n"),
#undef BODY
};

static void
test_a_message_is_exact_however_it_is_cut(void **state)
{
	static const char next[] = "+OK next";
	struct sp_buf out, wire;

	(void)state;
	sp_buf_init(&out, 1 << 16);
	sp_buf_init(&wire, 1 << 16);
	for (size_t i = 0; i < SP_COUNTOF(bodies); i++) {
		sp_buf_clear(&wire);
		assert_int_equal(
		    sp_buf_add(&wire, bodies[i].wire, bodies[i].n), SP_OK);
		assert_int_equal(
		    sp_buf_add(&wire, next, sizeof(next) - 1), SP_OK);
		for (size_t first = 1; first <= wire.n; first++) {
			for (size_t step = 1; step <= wire.n;
			     step += wire.n - 1) {
				size_t left = decode(
				    sp_buf_view(&wire), first, step, &out);

				if (left != sizeof(next) - 1 ||
				    out.n != bodies[i].want_n ||
				    memcmp(out.p == NULL ? "" : out.p,
					bodies[i].want, out.n) != 0)
					fail_msg("body %zu cut at %zu, %zu: "
						 "got %.*s, left %zu",
					    i, first, step, (int)out.n, out.p,
					    left);
			}
		}
		/* Without its end it is not over. */
		for (size_t n = 0; n < bodies[i].n; n++)
			assert_int_equal(decode(sp_view_mem(bodies[i].wire, n),
					     n + 1, 1, &out),
			    SIZE_MAX);
	}
	sp_buf_done(&out);
	sp_buf_done(&wire);
}

/* What a server sends that does not double dots, read both ways. */
static void
test_dots_are_counted_and_can_be_kept(void **state)
{
	static const struct {
		const char *wire, *off, *kept;
		uint64_t dots, single;
	} rows[] = {
		{ ".a\r\n..b\r\nc.\r\n.\r\n", "a\r\n.b\r\nc.\r\n",
		    ".a\r\n..b\r\nc.\r\n", 2, 1 },
		{ ".\rx\r\n.\r\n", "\rx\r\n", ".\rx\r\n", 1, 1 },
		{ "a\r\n.\r\n", "a\r\n", "a\r\n", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows) * 2; i++) {
		const char *want =
		    i % 2 == 0 ? rows[i / 2].off : rows[i / 2].kept;
		struct sp_pop3_body b = { .at = SP_POP3_LINE_START,
			.keep_dots = i % 2 == 1 };
		struct sp_view in = sp_view_str(rows[i / 2].wire), piece;
		struct sp_buf out;

		sp_buf_init(&out, 100);
		while (sp_pop3_body(&b, &in, &piece))
			assert_int_equal(sp_buf_addv(&out, piece), SP_OK);
		assert_true(sp_view_eq_str(sp_buf_view(&out), want));
		assert_int_equal(b.dots, rows[i / 2].dots);
		assert_int_equal(b.single, rows[i / 2].single);
		sp_buf_done(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies_and_their_codes),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_a_message_is_exact_however_it_is_cut),
		cmocka_unit_test(test_dots_are_counted_and_can_be_kept),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
