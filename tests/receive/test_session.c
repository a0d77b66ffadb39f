#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

#define GREETING "220 archive.example ESMTP Sealpost\n"
#define KEYWORDS                    \
	"250-archive.example\n"     \
	"250-PIPELINING\n"          \
	"250-SIZE 100000\n"         \
	"250-8BITMIME\n"            \
	"250-SMTPUTF8\n"            \
	"250-ENHANCEDSTATUSCODES\n" \
	"250-DSN\n"                 \
	"250-CHUNKING\n"            \
	"250-BINARYMIME\n"          \
	"250-LIMITS RCPTMAX=3\n"    \
	"250 HELP\n"
#define HELLO GREETING KEYWORDS
#define GO    "354 End data with <CR><LF>.<CR><LF>\n"
#define OK    "250 2.0.0 Ok\n"
#define MOK   "250 2.1.0 Ok\n"
#define ROK   "250 2.1.5 Ok\n"
#define BYE   "221 2.0.0 Bye\n"

/*
 * A conversation: what the client says before each wait, and all it hears.
 * Every piece is said in steps of every size, so each split is seen.
 */
struct script {
	const char *name;
	const char *say[10];
	const char *want;
	const char *stored;
};

static bool
holds(struct sp_buf *b, const char *text)
{
	return (strstr(sp_buf_cstr(b), text) != NULL);
}

/* sha256=... is cut from the replies: the harness has checked the digest. */
static void
without_digest(struct sp_buf *b)
{
	char *at;

	while ((at = memmem(b->p, b->n, " sha256=", 8)) != NULL) {
		size_t i = (size_t)(at - b->p), n = 8 + 64;

		assert_true(i + n <= b->n);
		memmove(at, at + n, b->n - i - n);
		b->n -= n;
	}
}

static void
run(struct sp_talk *t, const struct script *r)
{
	size_t longest = 1;

	for (size_t i = 0; i < SP_COUNTOF(r->say) && r->say[i] != NULL; i++) {
		if (strlen(r->say[i]) > longest)
			longest = strlen(r->say[i]);
	}
	for (size_t step = 1; step <= longest; step++) {
		sp_talk_start(t);
		for (size_t i = 0; i < SP_COUNTOF(r->say) && r->say[i] != NULL;
		     i++)
			sp_talk_say(t, r->say[i], strlen(r->say[i]), step);
		without_digest(&t->heard);
		sp_talk_expect(t, r->name, r->want);
		if (r->stored != NULL &&
		    !sp_view_eq_str(sp_buf_view(&t->stored), r->stored))
			fail_msg("%s: stored \"%.*s\"", r->name,
			    (int)t->stored.n, t->stored.p);
	}
}

static void
run_all(const struct script *rows, size_t n)
{
	struct sp_talk t;

	sp_talk_init(&t, false);
	for (size_t i = 0; i < n; i++)
		run(&t, &rows[i]);
	sp_talk_done(&t);
}

static void
test_mail_is_taken_at_every_split(void **state)
{
	static const struct script rows[] = {
		{ "one by one",
		    { "EHLO me\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n",
			"DATA\r\n", "hi\r\n.\r\n", "QUIT\r\n" },
		    HELLO MOK ROK GO "250 2.0.0 Ok: seq=100\n" BYE,
		    "hi\r\n<EOM>" },
		{ "HELO",
		    { "HELO me\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n",
			"DATA\r\n", "hi\r\n.\r\n", "QUIT\r\n" },
		    GREETING "250 archive.example\n" MOK ROK GO
			     "250 2.0.0 Ok: seq=100\n" BYE,
		    "hi\r\n<EOM>" },
		{ "pipelined, with the next message behind the data",
		    { "EHLO me\r\n",
			"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
			"..\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<e@f>\r\nDATA\r\n",
			".\r\nQUIT\r\n" },
		    HELLO MOK ROK GO "250 2.0.0 Ok: seq=100\n" MOK ROK GO
				     "250 2.0.0 Ok: seq=101\n" BYE,
		    ".\r\n<EOM><EOM>" },
		{ "BDAT in chunks, all at once",
		    { "EHLO me\r\n",
			"MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n"
			"BDAT 5\r\n.\r\n..BDAT 0\r\nBDAT 3 LAST\r\nx\ryNOOP\r\n"
			"MAIL FROM:<x@y>\r\nRCPT TO:<c@d>\r\n"
			"BDAT 0 LAST\r\nQUIT\r\n" },
		    HELLO MOK ROK "250 2.0.0 Ok: 5 bytes\n"
				  "250 2.0.0 Ok: 0 bytes\n"
				  "250 2.0.0 Ok: seq=100\n" OK MOK ROK
				  "250 2.0.0 Ok: seq=101\n" BYE,
		    ".\r\n..x\ry<EOM><EOM>" },
		{ "smuggled end of data stays content",
		    { "EHLO me\r\n",
			"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
			"x\n.\nMAIL FROM:<evil@x>\n\r\n.\r\n", "QUIT\r\n" },
		    HELLO MOK ROK GO "250 2.0.0 Ok: seq=100\n" BYE,
		    "x\n.\nMAIL FROM:<evil@x>\n\r\n<EOM>" },
	};

	(void)state;
	run_all(rows, SP_COUNTOF(rows));
}

static void
test_sequence_is_enforced(void **state)
{
	static const struct script rows[] = {
		{ "nothing before EHLO",
		    { "MAIL FROM:<a@b>\r\n", "RCPT TO:<a@b>\r\n", "DATA\r\n",
			"BDAT 3\r\nabc", "RSET\r\n", "NOOP\r\n", "VRFY x\r\n" },
		    GREETING "503 5.5.1 Introduce yourself first\n"
			     "503 5.5.1 Need MAIL first\n"
			     "503 5.5.1 Introduce yourself first\n"
			     "503 5.5.1 Introduce yourself first\n" OK OK
			     "252 2.0.0 Send mail and it will be tried\n",
		    "" },
		{ "RCPT and DATA want MAIL",
		    { "EHLO me\r\n", "RCPT TO:<a@b>\r\nDATA\r\n",
			"BDAT 4 LAST\r\nabcd" },
		    HELLO "503 5.5.1 Need MAIL first\n"
			  "503 5.5.1 Need MAIL first\n"
			  "503 5.5.1 Need MAIL first\n",
		    "" },
		{ "DATA wants a recipient",
		    { "EHLO me\r\n", "MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n",
			"DATA\r\n", "RCPT TO:<>\r\nDATA\r\n",
			"BDAT 1 LAST\r\nx", "EHLO me\r\n" },
		    HELLO MOK "503 5.5.1 Nested MAIL\n"
			      "503 5.5.1 Need RCPT first\n"
			      "501 5.5.4 Address not understood\n"
			      "554 5.5.1 No valid recipients\n"
			      "554 5.5.1 No valid recipients\n" KEYWORDS,
		    "" },
		{ "between chunks only chunks",
		    { "EHLO me\r\n",
			"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\nx"
			"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
			"BDAT 1 LAST\r\nyDATA\r\n" },
		    HELLO MOK ROK "250 2.0.0 Ok: 1 bytes\n"
				  "503 5.5.1 Not between chunks\n"
				  "503 5.5.1 Not between chunks\n"
				  "503 5.5.1 Not between chunks\n"
				  "250 2.0.0 Ok: seq=100\n"
				  "503 5.5.1 Need MAIL first\n",
		    "xy<EOM>" },
		{ "BINARYMIME is not for DATA",
		    { "EHLO me\r\n", "MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT "
				     "TO:<c@d>\r\nDATA\r\n" },
		    HELLO MOK ROK "503 5.5.1 BINARYMIME needs BDAT\n", "" },
		{ "a failed chunk wants RSET",
		    { "EHLO me\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
			"BDAT 200000\r\n", NULL },
		    HELLO MOK ROK, "" },
		{ "what is for later is not offered",
		    { "EHLO me\r\n", "STARTTLS\r\n", "AUTH PLAIN x\r\n",
			"XFORWARD A=b\r\n", "EXPN x\r\n", "LHLO x\r\n",
			"XSEALPOST EVENT x\r\n", "FOO\r\n", "HELP\r\n" },
		    HELLO "502 5.5.1 Command not offered here\n"
			  "502 5.5.1 Command not offered here\n"
			  "502 5.5.1 Command not offered here\n"
			  "502 5.5.1 Command not offered here\n"
			  "502 5.5.1 This is SMTP: use EHLO\n"
			  "500 5.5.2 Command not recognized\n"
			  "500 5.5.2 Command not recognized\n"
			  "214 2.0.0 A journal archive; see RFC 5321\n",
		    "" },
	};

	(void)state;
	run_all(rows, SP_COUNTOF(rows));
}

static void
test_bad_lines_are_refused_whole(void **state)
{
	static const struct script rows[] = {
		{ "LF alone", { "EHLO me\n", "NOOP\r\n" },
		    GREETING "500 5.5.2 Lines must end with CR LF\n" OK, "" },
		{ "CR inside", { "NO\rOP\r\n", "NOOP\r\r\n", "NOOP\r\n" },
		    GREETING "500 5.5.2 CR inside a command\n"
			     "500 5.5.2 CR inside a command\n" OK,
		    "" },
		{ "a web browser", { "GET / HTTP/1.1\r\nHost: x\r\n\r\n" },
		    GREETING "554 5.5.0 This is not a web server\n", "" },
		{ "a chunk of unknown size",
		    { "EHLO me\r\n", "BDAT 12x\r\nMAIL FROM:<a@b>\r\n" },
		    HELLO "501 5.5.4 Chunk size not understood\n", "" },
		{ "addresses",
		    { "EHLO me\r\n", "MAIL FROM:<\xc3\xa4@b>\r\n",
			"MAIL FROM:<\xe4@b> SMTPUTF8\r\n",
			"MAIL FROM:<a@b> FOO=1\r\n",
			"MAIL FROM:<a@b> SIZE=100001\r\n",
			"MAIL FROM:<\xc3\xa4@b> SMTPUTF8\r\n",
			"RCPT TO:<\xc3\xb6@d>\r\n" },
		    HELLO "553 5.6.7 Must declare SMTPUTF8\n"
			  "553 5.6.7 Address is not UTF-8\n"
			  "555 5.5.4 Parameter not recognized\n"
			  "552 5.3.4 Message too large\n" MOK ROK,
		    "" },
	};
	struct sp_talk t;

	(void)state;
	run_all(rows, SP_COUNTOF(rows));
	sp_talk_init(&t, false);
	sp_talk_start(&t);
	sp_talk_say(&t, "NO\0OP\r\n", 7, 3);
	sp_talk_expect(&t, "NUL", GREETING "501 5.5.2 NUL inside a command\n");
	sp_talk_done(&t);
}

static void
test_who_does_not_wait_is_sent_away(void **state)
{
	static const struct {
		const char *name, *first, *say, *want;
	} rows[] = {
		{ "behind EHLO", "", "EHLO me\r\nMAIL FROM:<a@b>\r\n",
		    GREETING },
		{ "behind DATA",
		    "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
		    "DATA\r\nhi\r\n.\r\n", HELLO MOK ROK },
		{ "without EHLO", "HELO me\r\n",
		    "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
		    GREETING "250 archive.example\n" },
		{ "without EHLO, behind the data",
		    "HELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
		    "hi\r\n.\r\nMAIL FROM:<evil@x>\r\n",
		    GREETING "250 archive.example\n" MOK ROK GO },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		const char *p = rows[i].first;
		struct sp_buf want;

		sp_talk_start(&t);
		/* A well-behaved client says one line at a time. */
		while (*p != '\0') {
			size_t n = (size_t)(strchr(p, '\n') - p) + 1;

			sp_talk_say(&t, p, n, n);
			p += n;
		}
		sp_talk_say(&t, rows[i].say, strlen(rows[i].say), SIZE_MAX);
		sp_buf_init(&want, 4096);
		assert_int_equal(sp_buf_adds(&want, rows[i].want), SP_OK);
		assert_int_equal(
		    sp_buf_adds(&want, "554 5.5.0 Synchronization error: wait "
				       "for the reply\n"),
		    SP_OK);
		sp_talk_expect(&t, rows[i].name, sp_buf_cstr(&want));
		assert_int_equal(sp_session_state(t.s), SP_SESSION_CLOSING);
		assert_int_equal(t.stored.n, 0);
		sp_buf_done(&want);
	}
	sp_talk_done(&t);
}

static void
say(struct sp_talk *t, const char *text)
{
	sp_talk_say(t, text, strlen(text), SIZE_MAX);
}

static void
hello(struct sp_talk *t)
{
	sp_talk_start(t);
	say(t, "EHLO me\r\n");
	sp_buf_clear(&t->heard);
}

#define ENVELOPE "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"

static void
test_our_faults_are_answered_4xx(void **state)
{
	static const struct {
		enum sp_code code;
		const char *want;
	} rows[] = {
		{ SP_ENOSPC, "452 4.3.1 Insufficient system storage\n" },
		{ SP_EIO, "451 4.3.0 Not stored, try again\n" },
		{ SP_ESYNC, "451 4.3.0 Not stored, try again\n" },
		{ SP_ECLOCK,
		    "451 4.3.0 Not stored, the archive's clock is off, try "
		    "again\n" },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		hello(&t);
		t.commit = rows[i].code;
		say(&t, ENVELOPE "DATA\r\n");
		sp_talk_expect(&t, "envelope", MOK ROK GO);
		say(&t, "hi\r\n.\r\n");
		sp_talk_expect(&t, "commit", rows[i].want);
		/* The session goes on as if nothing had been said. */
		t.commit = SP_OK;
		say(&t, "RCPT TO:<c@d>\r\n");
		sp_talk_expect(&t, "after", "503 5.5.1 Need MAIL first\n");
		say(&t, ENVELOPE "BDAT 2 LAST\r\nhi");
		assert_true(holds(&t.heard, "Ok: seq=100 sha256="));
	}
	hello(&t);
	t.begin = SP_ENOSPC;
	say(&t, "MAIL FROM:<a@b>\r\n");
	sp_talk_expect(
	    &t, "watermark", "452 4.3.1 Insufficient system storage\n");
	t.begin = SP_EAGAIN;
	say(&t, "MAIL FROM:<a@b>\r\n");
	sp_talk_expect(
	    &t, "hold", "451 4.3.0 the archive is being looked after\n");
	sp_talk_done(&t);
}

static void
test_limits_hold_at_n_and_break_at_n_plus_one(void **state)
{
	struct sp_talk t;
	char line[4096];

	(void)state;
	sp_talk_init(&t, false);
	/* Recipients. */
	hello(&t);
	say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\n"
		"RCPT TO:<3@d>\r\nRCPT TO:<4@d>\r\nDATA\r\n");
	sp_talk_expect(&t, "recipients",
	    MOK ROK ROK ROK "452 4.5.3 Too many recipients\n" GO);
	say(&t, "x\r\n.\r\n");
	assert_true(holds(&t.records,
	    "\"refused\":[{\"addr\":\"4@d\",\"reply\":\"452 4.5.3 Too many "
	    "recipients\"}]"));
	/* The command line, with its line end, in one piece and in two. */
	for (size_t over = 0; over < 2; over++) {
		for (size_t step = 1000; step <= 4000; step += 3000) {
			size_t n = t.cfg.max_line + over;

			memset(line, 'x', n);
			memcpy(line, "NOOP ", 5);
			memcpy(line + n - 2, "\r\n", 2);
			hello(&t);
			sp_talk_say(&t, line, n, step);
			sp_talk_expect(&t, "line",
			    over ? "500 5.5.2 Line too long\n" : OK);
			say(&t, "NOOP\r\n");
			sp_talk_expect(&t, "after it", OK);
		}
	}
	/* Errors and junk. */
	hello(&t);
	for (size_t i = 0; i < t.cfg.max_errors; i++) {
		say(&t, "FOO\r\n");
		sp_talk_expect(
		    &t, "error", "500 5.5.2 Command not recognized\n");
	}
	say(&t, "FOO\r\n");
	sp_talk_expect(&t, "last error",
	    "500 5.5.2 Command not recognized\n421 4.7.0 Too many errors\n");
	hello(&t);
	for (size_t i = 0; i < t.cfg.max_junk; i++) {
		say(&t, "RSET\r\n");
		sp_talk_expect(&t, "junk", OK);
	}
	say(&t, "NOOP\r\n");
	sp_talk_expect(&t, "last junk", OK "421 4.7.0 Too many errors\n");
	sp_talk_done(&t);
}

static void
test_a_message_may_be_exactly_the_maximum(void **state)
{
	struct sp_talk t;
	char *text;
	size_t n;

	(void)state;
	sp_talk_init(&t, false);
	text = sp_xmalloc(t.cfg.max_message + 10);
	for (size_t over = 0; over < 2; over++) {
		n = t.cfg.max_message + over;
		memset(text, 'x', n);
		memcpy(text + n - 2, "\r\n.\r\n", 5);
		hello(&t);
		say(&t, ENVELOPE "DATA\r\n");
		sp_buf_clear(&t.heard);
		sp_talk_say(&t, text, n + 3, 1000);
		if (over)
			sp_talk_expect(
			    &t, "DATA", "552 5.3.4 Message too large\n");
		else
			assert_int_equal(
			    memcmp(t.heard.p, "250 2.0.0 Ok: seq=", 18), 0);
		hello(&t);
		(void)snprintf(text, 64, ENVELOPE "BDAT %zu LAST\r\n", n);
		say(&t, text);
		memset(text, 'x', n);
		sp_buf_clear(&t.heard);
		sp_talk_say(&t, text, n, 1000);
		if (over)
			sp_talk_expect(
			    &t, "BDAT", "552 5.3.4 Message too large\n");
		else
			assert_int_equal(
			    memcmp(t.heard.p, "250 2.0.0 Ok: seq=", 18), 0);
		say(&t, "MAIL FROM:<a@b>\r\n");
		assert_true(holds(&t.heard, "2.1.0"));
	}
	free(text);
	sp_talk_done(&t);
}

static void
test_after_a_failed_chunk_only_rset_helps(void **state)
{
	struct sp_talk t;
	char *big = sp_xmalloc(100001);

	(void)state;
	memset(big, 'x', 100001);
	sp_talk_init(&t, false);
	hello(&t);
	say(&t, ENVELOPE "BDAT 100001\r\n");
	sp_talk_say(&t, big, 100001, 999);
	sp_talk_expect(&t, "chunk", MOK ROK "552 5.3.4 Message too large\n");
	say(&t, "BDAT 3\r\nabcBDAT 2 LAST\r\nxyMAIL FROM:<a@b>\r\n"
		"RCPT TO:<a@b>\r\nDATA\r\n");
	sp_talk_expect(&t, "broken",
	    "503 5.5.1 A chunk failed: RSET first\n"
	    "503 5.5.1 A chunk failed: RSET first\n"
	    "503 5.5.1 A chunk failed: RSET first\n"
	    "503 5.5.1 A chunk failed: RSET first\n"
	    "503 5.5.1 A chunk failed: RSET first\n");
	say(&t, "RSET\r\nMAIL FROM:<a@b>\r\n");
	sp_talk_expect(&t, "RSET", OK MOK);
	free(big);
	sp_talk_done(&t);
}

static void
test_bare_lf_can_be_refused(void **state)
{
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.bare_newline = SP_BARE_REJECT;
	hello(&t);
	say(&t, ENVELOPE "DATA\r\n");
	say(&t, "a\nb\r\n.\r\n");
	sp_talk_expect(&t, "DATA",
	    MOK ROK GO "521 5.5.2 Message has lines without CR LF\n");
	assert_int_equal(sp_session_state(t.s), SP_SESSION_CLOSING);
	hello(&t);
	say(&t, "MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n"
		"BDAT 3 LAST\r\na\nb");
	assert_true(holds(&t.heard, "seq=100"));
	sp_talk_done(&t);
}

static void
test_only_listed_recipients_are_taken(void **state)
{
	static char one[] = "journal@archive.example";
	char *list[] = { one };
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.recipients = list;
	t.cfg.nrecipients = 1;
	hello(&t);
	say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<x@archive.example>\r\n"
		"RCPT TO:<journal@archive.example>\r\n"
		"RCPT TO:<postmaster>\r\n");
	sp_talk_expect(&t, "recipients",
	    MOK "550 5.1.1 Not a journal address here\n" ROK ROK);
	assert_string_equal(
	    sp_buf_cstr(&t.refused), "550 5.1.1 Not a journal address here\n");
	sp_talk_done(&t);
}

/* The record of the only message. */
static json_t *
record(struct sp_talk *t)
{
	struct sp_err err;
	json_t *j = NULL;

	if (sp_json_load(sp_view_trim(sp_buf_view(&t->records)), &j, &err) !=
	    SP_OK)
		fail_msg("%s: %.*s", err.msg, (int)t->records.n, t->records.p);
	return (j);
}

static void
expect_member(json_t *j, const char *path, const char *want)
{
	struct sp_view rest = sp_view_str(path);
	const json_t *at = j;
	char *text;

	while (rest.p != NULL && at != NULL) {
		struct sp_view k = sp_view_cut(&rest, '.');
		char key[64];
		uint64_t i;

		(void)snprintf(key, sizeof(key), "%.*s", (int)k.n, k.p);
		at = sp_view_u64(k, &i) ? json_array_get(at, i)
					: json_object_get(at, key);
	}
	text = at == NULL ? sp_xstrdup("(absent)")
			  : json_dumps(at, JSON_COMPACT | JSON_ENCODE_ANY);
	if (strcmp(text, want) != 0)
		fail_msg("%s: got %s, want %s", path, text, want);
	free(text);
}

static void
test_the_record_holds_what_was_observed(void **state)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "envelope.from", "\"a@b\"" },
		{ "envelope.from_params", "[\"SIZE=20\",\"BODY=8BITMIME\"]" },
		{ "envelope.to.0.addr", "\"c@d\"" },
		{ "envelope.to.0.params",
		    "[\"NOTIFY=NEVER\",\"ORCPT=rfc822;bob@corp\"]" },
		{ "envelope.to.1.params", "(absent)" },
		{ "source.via", "\"smtp\"" },
		{ "source.grade", "\"witnessed\"" },
		{ "source.listener", "\"mta\"" },
		{ "source.peer", "\"192.0.2.7:51234\"" },
		{ "source.local", "\"192.0.2.1:25\"" },
		{ "source.helo", "\"me\"" },
		{ "source.proto", "\"ESMTP\"" },
		{ "source.session", "\"0123456789abcdef\"" },
		{ "source.transaction", "1" },
		{ "source.connected", "\"1970-01-01T00:00:00.000000Z\"" },
		{ "source.wire_bytes", "13" },
		{ "source.lines",
		    "{\"bare_lf\":1,\"bare_cr\":1,\"nul\":1,\"longest\":9}" },
		{ "flags", "[\"bare_lf\",\"bare_cr\",\"nul\","
			   "\"pipelined_after_data\"]" },
		{ "message.size", "9" },
	};
	struct sp_talk t;
	json_t *j;

	(void)state;
	sp_talk_init(&t, false);
	hello(&t);
	say(&t, "MAIL FROM:<a@b> SIZE=20 BODY=8BITMIME\r\n"
		"RCPT TO:<c@d> NOTIFY=NEVER ORCPT=rfc822;bob@corp\r\n"
		"RCPT TO:<e@f>\r\nDATA\r\n");
	sp_talk_say(&t, "..a\nb\rc\0\r\n.\r\nNOOP\r\n", 19, SIZE_MAX);
	j = record(&t);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++)
		expect_member(j, rows[i].path, rows[i].want);
	json_decref(j);
	/* With SMTPUTF8 the protocol is named so, and bytes are kept. */
	hello(&t);
	say(&t, "MAIL FROM:<\xc3\xa4@b> SMTPUTF8\r\nRCPT TO:<c@d>\r\n"
		"BDAT 1 LAST\r\nx");
	j = record(&t);
	expect_member(j, "source.proto", "\"UTF8SMTP\"");
	expect_member(j, "envelope.from", "\"\xc3\xa4@b\"");
	expect_member(j, "flags", "(absent)");
	expect_member(j, "source.lines", "(absent)");
	json_decref(j);
	sp_talk_done(&t);
}

static void
test_draining_finishes_what_is_in_hand(void **state)
{
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	hello(&t);
	sp_session_drain(t.s, &t.heard);
	sp_talk_expect(&t, "idle",
	    "421 4.3.2 Service is stopping, try "
	    "again\n");
	assert_int_equal(sp_session_state(t.s), SP_SESSION_CLOSING);

	hello(&t);
	say(&t, ENVELOPE "DATA\r\n");
	sp_session_drain(t.s, &t.heard);
	say(&t, "hi\r\n.\r\n");
	without_digest(&t.heard);
	sp_talk_expect(&t, "in DATA",
	    MOK ROK GO "250 2.0.0 Ok: seq=100\n"
		       "421 4.3.2 Service is stopping, try again\n");

	hello(&t);
	say(&t, ENVELOPE "BDAT 1\r\nx");
	sp_session_drain(t.s, &t.heard);
	say(&t, "BDAT 1 LAST\r\ny");
	without_digest(&t.heard);
	sp_talk_expect(&t, "between chunks",
	    MOK ROK "250 2.0.0 Ok: 1 bytes\n250 2.0.0 Ok: seq=100\n"
		    "421 4.3.2 Service is stopping, try again\n");

	hello(&t);
	say(&t, ENVELOPE "BDAT 1\r\nx");
	sp_session_drain(t.s, &t.heard);
	say(&t, "NOOP\r\n");
	sp_talk_expect(&t, "no chunk follows",
	    MOK ROK "250 2.0.0 Ok: 1 bytes\n"
		    "421 4.3.2 Service is stopping, try again\n");
	sp_talk_done(&t);
}

static void
test_a_thousand_recipients_are_recorded(void **state)
{
	struct sp_talk t;
	char line[64];
	json_t *j;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.max_recipients = 1000;
	hello(&t);
	say(&t, "MAIL FROM:<a@b>\r\n");
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(
		    line, sizeof(line), "RCPT TO:<user%u@d.example>\r\n", i);
		say(&t, line);
	}
	say(&t, "BDAT 1 LAST\r\nx");
	j = record(&t);
	expect_member(j, "envelope.to.0.addr", "\"user0@d.example\"");
	expect_member(j, "envelope.to.999.addr", "\"user999@d.example\"");
	assert_int_equal(json_array_size(json_object_get(
			     json_object_get(j, "envelope"), "to")),
	    1000);
	json_decref(j);
	sp_talk_done(&t);
}

static void
test_a_peer_that_never_reads_is_not_fed(void **state)
{
	struct sp_talk t;
	struct sp_buf out;
	char lines[6000];
	size_t used;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.max_junk = 100000;
	hello(&t);
	for (size_t i = 0; i + 6 <= sizeof(lines); i += 6)
		memcpy(lines + i, "NOOP\r\n", 6);
	sp_buf_init(&out, SP_SESSION_OUT_MAX);
	used = sp_session_input(t.s, lines, sizeof(lines), &out);
	assert_true(used < sizeof(lines));
	assert_in_range(out.n, SP_SESSION_OUT_HIGH, SP_SESSION_OUT_HIGH + 600);
	assert_int_equal(
	    sp_session_input(t.s, lines, sizeof(lines) - used, &out), 0);
	sp_buf_clear(&out);
	assert_true(sp_session_input(
			t.s, lines + used, sizeof(lines) - used, &out) > 0);
	sp_buf_done(&out);
	sp_talk_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_is_taken_at_every_split),
		cmocka_unit_test(test_sequence_is_enforced),
		cmocka_unit_test(test_bad_lines_are_refused_whole),
		cmocka_unit_test(test_who_does_not_wait_is_sent_away),
		cmocka_unit_test(test_our_faults_are_answered_4xx),
		cmocka_unit_test(test_limits_hold_at_n_and_break_at_n_plus_one),
		cmocka_unit_test(test_a_message_may_be_exactly_the_maximum),
		cmocka_unit_test(test_after_a_failed_chunk_only_rset_helps),
		cmocka_unit_test(test_bare_lf_can_be_refused),
		cmocka_unit_test(test_only_listed_recipients_are_taken),
		cmocka_unit_test(test_the_record_holds_what_was_observed),
		cmocka_unit_test(test_draining_finishes_what_is_in_hand),
		cmocka_unit_test(test_a_thousand_recipients_are_recorded),
		cmocka_unit_test(test_a_peer_that_never_reads_is_not_fed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
