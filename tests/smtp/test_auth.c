/* AUTH in a session (RFC 4954). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/enc.h"
#include "replies.h"
#include "journal/smtp/users.h"
#include "scram_client.h"
#include "script.h"

#define LINE 12288 /* RFC 4954 section 4 */

#define AUTH_KEYWORDS                          \
	"250-archive.example\n"                \
	"250-PIPELINING\n"                     \
	"250-SIZE 100000\n"                    \
	"250-8BITMIME\n"                       \
	"250-SMTPUTF8\n"                       \
	"250-ENHANCEDSTATUSCODES\n"            \
	"250-DSN\n"                            \
	"250-CHUNKING\n"                       \
	"250-BINARYMIME\n"                     \
	"250-AUTH SCRAM-SHA-256 PLAIN LOGIN\n" \
	"250-REQUIRETLS\n"                     \
	"250-LIMITS RCPTMAX=3\n"               \
	"250 HELP\n"
#define NO_AUTH_KEYWORDS            \
	"250-archive.example\n"     \
	"250-PIPELINING\n"          \
	"250-SIZE 100000\n"         \
	"250-8BITMIME\n"            \
	"250-SMTPUTF8\n"            \
	"250-ENHANCEDSTATUSCODES\n" \
	"250-DSN\n"                 \
	"250-CHUNKING\n"            \
	"250-BINARYMIME\n"          \
	"250-REQUIRETLS\n"          \
	"250-LIMITS RCPTMAX=3\n"    \
	"250 HELP\n"
#define SAFE  GREETING AUTH_KEYWORDS
#define IN    "235 2.7.0 Authentication successful\n"
#define WRONG "535 5.7.8 Authentication failed\n"
#define ODD   "501 5.5.2 Response not understood\n"
#define NAME  "334 VXNlcm5hbWU6\n"
#define PASS  "334 UGFzc3dvcmQ6\n"

/* mx1 / "secret pass" */
#define PLAIN_OK   "AG14MQBzZWNyZXQgcGFzcw==" /* \0mx1\0secret pass */
#define PLAIN_SELF "bXgxAG14MQBzZWNyZXQgcGFzcw==" /* mx1\0mx1\0... */
#define PLAIN_ROOT "cm9vdABteDEAc2VjcmV0IHBhc3M=" /* root\0mx1\0... */
#define PLAIN_BAD  "AG14MQBndWVzcw==" /* \0mx1\0guess */
#define PLAIN_WHO  "AHdobwBzZWNyZXQgcGFzcw==" /* \0who\0secret pass */
#define B64_MX1	   "bXgx"
#define B64_SECRET "c2VjcmV0IHBhc3M="

static struct sp_users *
users(void)
{
	struct sp_scram_verifier v;
	struct sp_users *u = NULL;
	struct sp_buf text;
	struct sp_err err;
	bool had;

	sp_scram_make(SP_VIEW_LIT("secret pass"), 4096, &v);
	sp_buf_init(&text, 4096);
	assert_int_equal(
	    sp_users_edit((struct sp_view){ NULL, 0 }, "mx1", &v, &text, &had),
	    SP_OK);
	assert_int_equal(
	    sp_users_parse("f", sp_buf_view(&text), &u, &err), SP_OK);
	sp_buf_done(&text);
	return (u);
}

static void
start(struct sp_talk *t)
{
	sp_talk_init(t, false);
	t->tls = true;
	t->env.users = users();
}

static void
done(struct sp_talk *t)
{
	struct sp_users *u = t->env.users;

	sp_talk_done(t);
	sp_users_free(u);
}

static void
test_who_knows_the_password_is_let_in(void **state)
{
	static const struct sp_script rows[] = {
		{ "PLAIN at once",
		    { "EHLO me\r\n", "AUTH PLAIN " PLAIN_OK "\r\n",
			"MAIL FROM:<a@b> AUTH=<>\r\nRCPT TO:<c@d>\r\n"
			"BDAT 1 LAST\r\nx",
			"QUIT\r\n" },
		    SAFE IN MOK ROK "250 2.0.0 Ok: seq=100\n" BYE, "x<EOM>",
		    "\"proto\":\"ESMTPSA\",\"tls\":{\"version\":\"TLSv1.3\","
		    "\"cipher\":\"X\"},\"auth\":\"mx1\",\"auth_mechanism\":"
		    "\"PLAIN\"," },
		{ "PLAIN after the challenge",
		    { "EHLO me\r\n", "auth plain\r\n", PLAIN_SELF "\r\n",
			"NOOP\r\n" },
		    SAFE "334 \n" IN OK, NULL, NULL },
		{ "LOGIN",
		    { "EHLO me\r\n", "AUTH LOGIN\r\n", B64_MX1 "\r\n",
			B64_SECRET "\r\n",
			"MAIL FROM:<\xc3\xa4@b> SMTPUTF8\r\n"
			"RCPT TO:<c@d>\r\nBDAT 1 LAST\r\nx" },
		    SAFE NAME PASS IN MOK ROK "250 2.0.0 Ok: seq=100\n", NULL,
		    "\"proto\":\"UTF8SMTPSA\"" },
		{ "LOGIN with the name at once",
		    { "EHLO me\r\n", "AUTH LOGIN " B64_MX1 "\r\n",
			B64_SECRET "\r\n" },
		    SAFE PASS IN, NULL, NULL },
		{ "a second try is right",
		    { "EHLO me\r\n", "AUTH PLAIN " PLAIN_BAD "\r\n",
			"AUTH PLAIN " PLAIN_OK "\r\n" },
		    SAFE WRONG IN, NULL, NULL },
	};
	struct sp_talk t;

	(void)state;
	start(&t);
	t.cfg.require_auth = true;
	sp_script_run(&t, rows, SP_COUNTOF(rows));
	assert_string_equal(
	    sp_buf_cstr(&t.logins), "mx1 PLAIN wrong\nmx1 PLAIN ok\n");
	done(&t);
}

static void
test_who_does_not_is_not(void **state)
{
	static const struct sp_script rows[] = {
		{ "a wrong password, an unknown name, another's name",
		    { "EHLO me\r\n", "AUTH PLAIN " PLAIN_BAD "\r\n",
			"AUTH PLAIN " PLAIN_WHO "\r\n", "MAIL FROM:<a@b>\r\n",
			"AUTH PLAIN " PLAIN_ROOT "\r\n", "NOOP\r\n" },
		    SAFE WRONG WRONG "530 5.7.0 Authentication required\n" WRONG
				     "421 4.7.0 Too many errors\n",
		    "", NULL },
		{ "cancelled",
		    { "EHLO me\r\n", "AUTH LOGIN\r\n", "*\r\n", "NOOP\r\n",
			"AUTH LOGIN " B64_MX1 "\r\n", "*\r\n" },
		    SAFE NAME "501 5.7.0 Authentication cancelled\n" OK PASS
			      "501 5.7.0 Authentication cancelled\n",
		    NULL, NULL },
		{ "not base64, not PLAIN",
		    { "EHLO me\r\n", "AUTH PLAIN x\r\n", "AUTH PLAIN =\r\n",
			"AUTH PLAIN AAA=\r\n", "AUTH PLAIN\r\n", "\r\n",
			"AUTH PLAIN\r\n", "!!!!\r\n",
			"AUTH SCRAM-SHA-256 AAAA\r\n", "NOOP\r\n" },
		    SAFE ODD ODD ODD "334 \n" ODD "334 \n" ODD ODD OK, NULL,
		    NULL },
		{ "lines that are none",
		    { "EHLO me\r\n", "AUTH PLAIN\r\n", PLAIN_OK "\n",
			"AUTH PLAIN\r\n", "A\rA\r\n", "NOOP\r\n" },
		    SAFE "334 \n500 5.5.2 Lines must end with CR LF\n"
			 "334 \n500 5.5.2 CR inside a command\n" OK,
		    NULL, NULL },
		{ "no such mechanism",
		    { "EHLO me\r\n", "AUTH CRAM-MD5\r\n", "AUTH\r\n",
			"AUTH SCRAM-SHA-256-PLUS x\r\n" },
		    SAFE "504 5.5.4 Mechanism not offered\n"
			 "504 5.5.4 Mechanism not offered\n"
			 "504 5.5.4 Mechanism not offered\n",
		    NULL, NULL },
		{ "not now",
		    { "AUTH PLAIN " PLAIN_OK "\r\n", "HELO me\r\n",
			"AUTH PLAIN " PLAIN_OK "\r\n", "EHLO me\r\n",
			"AUTH PLAIN " PLAIN_OK "\r\n",
			"AUTH PLAIN " PLAIN_OK "\r\n", "MAIL FROM:<a@b>\r\n",
			"AUTH PLAIN " PLAIN_OK "\r\n" },
		    GREETING
		    "503 5.5.1 Introduce yourself first\n"
		    "250 archive.example\n"
		    "503 5.5.1 Introduce yourself first\n" AUTH_KEYWORDS IN
		    "503 5.5.1 Already authenticated\n" MOK
		    "503 5.5.1 Not inside a transaction\n",
		    NULL, NULL },
	};
	struct sp_talk t;

	(void)state;
	start(&t);
	t.cfg.require_auth = true;
	sp_script_run(&t, rows, SP_COUNTOF(rows));
	done(&t);
}

static void
test_nothing_is_offered_in_the_clear(void **state)
{
	static const struct sp_script rows[] = {
		{ "without TLS",
		    { "EHLO me\r\n", "AUTH PLAIN " PLAIN_OK "\r\n",
			"AUTH FOO\r\n", "MAIL FROM:<a@b> AUTH=<>\r\n",
			"MAIL FROM:<a@b>\r\n" },
		    HELLO "538 5.7.11 Encryption required for authentication\n"
			  "538 5.7.11 Encryption required for authentication\n"
			  "530 5.7.0 Must issue a STARTTLS command first\n"
			  "530 5.7.0 Must issue a STARTTLS command first\n",
		    "", NULL },
	};
	static const struct sp_script not_required[] = {
		{ "a parameter that was not offered",
		    { "EHLO me\r\n", "MAIL FROM:<a@b> AUTH=<>\r\n",
			"MAIL FROM:<a@b>\r\n" },
		    HELLO "555 5.5.4 Parameter not recognized\n" MOK, "",
		    NULL },
	};
	struct sp_talk t;

	(void)state;
	start(&t);
	t.tls = false;
	t.cfg.require_auth = true;
	sp_script_run(&t, rows, SP_COUNTOF(rows));
	assert_int_equal(t.logins.n, 0);
	t.cfg.require_auth = false;
	sp_script_run(&t, not_required, SP_COUNTOF(not_required));
	done(&t);
}

static void
test_a_fault_of_ours_turns_nobody_away_for_good(void **state)
{
	static const struct sp_script broken[] = {
		{ "no file of users",
		    { "EHLO me\r\n", "AUTH PLAIN " PLAIN_OK "\r\n",
			"MAIL FROM:<a@b>\r\n" },
		    GREETING NO_AUTH_KEYWORDS
		    "454 4.7.0 Authentication not possible for now, try "
		    "again\n"
		    "454 4.7.0 Authentication not possible for now, try "
		    "again\n",
		    "", NULL },
	};
	static const struct sp_script blocked[] = {
		{ "too many wrong ones from there",
		    { "EHLO me\r\n", "AUTH PLAIN " PLAIN_OK "\r\n" },
		    SAFE "454 4.7.0 Too many wrong logins from your address, "
			 "try later\n",
		    "", NULL },
	};
	struct sp_users *u;
	struct sp_talk t;

	(void)state;
	start(&t);
	t.cfg.require_auth = true;
	t.blocked = true;
	sp_script_run(&t, blocked, 1);
	u = t.env.users;
	t.env.users = NULL;
	t.env.users_unusable = true;
	sp_script_run(&t, broken, 1);
	t.env.users = u;
	done(&t);
}

static void
say(struct sp_talk *t, const char *text)
{
	sp_talk_say(t, text, strlen(text), SIZE_MAX);
}

static void
test_who_does_not_wait_for_the_challenge_is_sent_away(void **state)
{
	struct sp_talk t;

	(void)state;
	start(&t);
	sp_talk_start(&t);
	say(&t, "EHLO me\r\n");
	sp_buf_clear(&t.replies);
	say(&t, "AUTH PLAIN " PLAIN_OK "\r\nMAIL FROM:<a@b>\r\n");
	sp_talk_expect(&t, "behind AUTH",
	    "554 5.5.0 Synchronization error: wait for the reply\n");
	sp_talk_start(&t);
	say(&t, "EHLO me\r\n");
	say(&t, "AUTH PLAIN\r\n");
	sp_buf_clear(&t.replies);
	say(&t, PLAIN_OK "\r\nMAIL FROM:<a@b>\r\n");
	sp_talk_expect(&t, "behind the response",
	    "554 5.5.0 Synchronization error: wait for the reply\n");
	done(&t);
}

static void
test_a_response_has_its_limit(void **state)
{
	struct sp_talk t;
	char *line;

	(void)state;
	start(&t);
	t.cfg.max_line = 1000;
	line = sp_xmalloc(LINE + 1);
	for (size_t over = 0; over < 2; over++) {
		size_t n = LINE + over;

		memset(line, 'A', n);
		memcpy(line + n - 2, "\r\n", 2);
		for (size_t step = 100; step <= n; step += n - 100) {
			sp_talk_start(&t);
			say(&t, "EHLO me\r\n");
			say(&t, "AUTH PLAIN\r\n");
			sp_buf_clear(&t.replies);
			sp_talk_say(&t, line, n, step);
			sp_talk_expect(&t, "response",
			    over ? "500 5.5.6 Response too long\n" : ODD);
			say(&t, "NOOP\r\n");
			sp_talk_expect(&t, "after it", OK);
		}
	}
	free(line);
	done(&t);
}

/* The text of the last "334 ...". */
static void
challenge(struct sp_talk *t, struct sp_buf *out)
{
	struct sp_view v = sp_view_trim(sp_buf_view(&t->replies));
	uint8_t raw[1024];
	size_t n;

	assert_true(sp_view_starts(v, "334 "));
	assert_true(sp_b64_decode(sp_view_mem(v.p + 4, v.n - 4), raw, &n));
	sp_buf_clear(out);
	assert_int_equal(sp_buf_add(out, raw, n), SP_OK);
	sp_buf_clear(&t->replies);
}

static void
say_b64(struct sp_talk *t, const char *lead, struct sp_view v)
{
	struct sp_buf b;

	sp_buf_init(&b, 4096);
	assert_int_equal(sp_buf_adds(&b, lead), SP_OK);
	assert_int_equal(sp_b64_append(&b, v.p, v.n), SP_OK);
	assert_int_equal(sp_buf_adds(&b, "\r\n"), SP_OK);
	say(t, sp_buf_cstr(&b));
	sp_buf_done(&b);
}

static void
scram(
    struct sp_talk *t, const char *name, const char *password, const char *want)
{
	struct sp_buf reply, final;
	char first[100];

	(void)snprintf(first, sizeof(first), "n,,n=%s,r=abcdef", name);
	sp_buf_init(&reply, 4096);
	sp_buf_init(&final, 4096);
	sp_talk_start(t);
	say(t, "EHLO me\r\n");
	sp_buf_clear(&t->replies);
	say_b64(t, "AUTH SCRAM-SHA-256 ", sp_view_str(first));
	challenge(t, &reply);
	scram_client_final(first, sp_buf_cstr(&reply), password, &final);
	say_b64(t, "", sp_buf_view(&final));
	if (want[0] == '2') {
		challenge(t, &reply);
		assert_true(sp_view_starts(sp_buf_view(&reply), "v="));
		say(t, "\r\n");
	}
	sp_talk_expect(t, name, want);
	sp_buf_done(&reply);
	sp_buf_done(&final);
}

static void
test_scram_tells_no_password_to_anyone(void **state)
{
	struct sp_talk t;

	(void)state;
	start(&t);
	scram(&t, "mx1", "secret pass", IN);
	assert_string_equal(sp_buf_cstr(&t.logins), "mx1 SCRAM-SHA-256 ok\n");
	say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1 LAST\r\nx");
	assert_true(
	    sp_talk_holds(&t.records, "\"auth_mechanism\":\"SCRAM-SHA-256\""));
	/* A TLS handshake forgets who was there; so does the next session. */
	sp_buf_clear(&t.replies);
	sp_session_tls(t.s,
	    &(struct sp_session_tls_info){ .version = "v", .cipher = "c" });
	say(&t, "EHLO me\r\n");
	sp_buf_clear(&t.records);
	say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1 LAST\r\nx");
	assert_false(sp_talk_holds(&t.records, "\"auth\""));
	scram(&t, "mx1", "secret", WRONG);
	scram(&t, "who", "secret pass", WRONG);
	assert_string_equal(
	    sp_buf_cstr(&t.logins), "who SCRAM-SHA-256 wrong\n");
	done(&t);
}

static void
test_draining_ends_an_exchange(void **state)
{
	struct sp_talk t;

	(void)state;
	start(&t);
	sp_talk_start(&t);
	say(&t, "EHLO me\r\n");
	say(&t, "AUTH LOGIN\r\n");
	sp_buf_clear(&t.replies);
	sp_session_drain(t.s, &t.replies);
	sp_talk_expect(&t, "drained",
	    "421 4.3.2 Service is stopping, try "
	    "again\n");
	assert_int_equal(sp_session_state(t.s), SP_SESSION_CLOSING);
	done(&t);
}

/* Whether all ${n} bytes are zeros. */
static bool
is_wiped(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\0')
			return (false);
	}
	return (true);
}

static void
test_a_line_with_a_password_is_wiped_wherever_it_is_cut(void **state)
{
	static const char line[] = "auth PLAIN " PLAIN_OK "\r\n";
	struct sp_talk t;

	(void)state;
	for (size_t cut = 1; cut < sizeof(line) - 1; cut++) {
		char one[sizeof(line)], two[sizeof(line)];
		const size_t rest = sizeof(line) - 1 - cut;
		struct sp_buf out;

		start(&t);
		sp_talk_start(&t);
		sp_buf_init(&out, 1u << 16);
		sp_talk_say(&t, "EHLO me\r\n", 9, 9);
		/* A line without one stays as it is. */
		memcpy(one, "NOOP\r\n", 6);
		assert_int_equal(sp_session_input(t.s, one, 6, &out), 6);
		assert_memory_equal(one, "NOOP\r\n", 6);
		memcpy(one, line, cut);
		memcpy(two, line + cut, rest);
		assert_int_equal(sp_session_input(t.s, one, cut, &out), cut);
		assert_int_equal(sp_session_input(t.s, two, rest, &out), rest);
		if (!is_wiped(one, cut) || !is_wiped(two, rest))
			fail_msg(
			    "cut at %zu: the password is still there", cut);
		sp_buf_done(&out);
		done(&t);
	}
}

static void
test_a_refused_line_is_wiped_to_its_end(void **state)
{
	char piece[8192];
	struct sp_buf out;
	struct sp_talk t;

	(void)state;
	start(&t);
	sp_talk_start(&t);
	sp_buf_init(&out, 1u << 16);
	sp_talk_say(&t, "EHLO me\r\n", 9, 9);
	for (int i = 0; i < 10; i++) {
		memset(piece, 'x', sizeof(piece));
		if (i == 0)
			memcpy(piece, "AUTH PLAIN ", 11);
		assert_int_equal(
		    sp_session_input(t.s, piece, sizeof(piece), &out),
		    sizeof(piece));
		assert_true(is_wiped(piece, sizeof(piece)));
	}
	sp_buf_done(&out);
	done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_knows_the_password_is_let_in),
		cmocka_unit_test(test_who_does_not_is_not),
		cmocka_unit_test(test_nothing_is_offered_in_the_clear),
		cmocka_unit_test(
		    test_a_fault_of_ours_turns_nobody_away_for_good),
		cmocka_unit_test(
		    test_who_does_not_wait_for_the_challenge_is_sent_away),
		cmocka_unit_test(test_a_response_has_its_limit),
		cmocka_unit_test(test_scram_tells_no_password_to_anyone),
		cmocka_unit_test(test_draining_ends_an_exchange),
		cmocka_unit_test(
		    test_a_line_with_a_password_is_wiped_wherever_it_is_cut),
		cmocka_unit_test(test_a_refused_line_is_wiped_to_its_end),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
