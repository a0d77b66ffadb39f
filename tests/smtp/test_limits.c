/*
 * Limits of a session at n and n+1, the replies for faults of ours, what is
 * recorded, and what happens when the service stops.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replies.h"
#include "talk.h"

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
	sp_buf_clear(&t->replies);
}

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
		assert_true(sp_talk_holds(&t.replies, "Ok: seq=100 sha256="));
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
	assert_true(sp_talk_holds(&t.records,
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
		sp_buf_clear(&t.replies);
		sp_talk_say(&t, text, n + 3, 1000);
		if (over)
			sp_talk_expect(
			    &t, "DATA", "552 5.3.4 Message too large\n");
		else
			assert_int_equal(
			    memcmp(t.replies.p, "250 2.0.0 Ok: seq=", 18), 0);
		hello(&t);
		(void)snprintf(text, 64, ENVELOPE "BDAT %zu LAST\r\n", n);
		say(&t, text);
		memset(text, 'x', n);
		sp_buf_clear(&t.replies);
		sp_talk_say(&t, text, n, 1000);
		if (over)
			sp_talk_expect(
			    &t, "BDAT", "552 5.3.4 Message too large\n");
		else
			assert_int_equal(
			    memcmp(t.replies.p, "250 2.0.0 Ok: seq=", 18), 0);
		say(&t, "MAIL FROM:<a@b>\r\n");
		assert_true(sp_talk_holds(&t.replies, "2.1.0"));
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
test_only_listed_recipients_are_taken(void **state)
{
	static char one[] = "journal@archive.example";
	char *list[] = { one };
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.recipients.v = list;
	t.cfg.recipients.n = 1;
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
		{ "source.journal", "true" },
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
	t.cfg.journal = true;
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

/* What RFC 2920 lets a client send with the end of the data is not odd. */
static void
test_only_odd_bytes_behind_the_data_are_flagged(void **state)
{
	static const struct {
		const char *behind;
		bool odd;
	} rows[] = {
		{ "", false },
		{ "QUIT\r\n", false },
		{ "quit\r\n", false },
		{ "QU", false },
		{ "MAIL FROM:<x@y>\r\n", false },
		{ "RSET\r\nMAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\n",
		    false },
		{ "MAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nRCPT TO:<w@y>\r\nDA",
		    false },
		{ "MAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nQUIT\r\n", false },
		/* Whoever sends the content does not wait for 354. */
		{ "MAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\nSubject: x",
		    true },
		{ "QUIT\r\nMAIL FROM:<x@y>\r\n", true },
		{ "RCPT TO:<z@y>\r\n", true },
		{ "DATA\r\n", true },
		{ "EHLO me\r\n", true },
		{ "NOOP\r\n", true },
		{ "\r\n", true },
		{ "Subject: x\r\n", true },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_talk t;
		json_t *j;

		sp_talk_init(&t, false);
		hello(&t);
		say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		(void)snprintf(
		    text, sizeof(text), "x\r\n.\r\n%s", rows[i].behind);
		say(&t, text);
		j = record(&t);
		expect_member(j, "flags",
		    rows[i].odd ? "[\"pipelined_after_data\"]" : "(absent)");
		json_decref(j);
		sp_talk_done(&t);
	}
}

static void
test_draining_finishes_what_is_in_hand(void **state)
{
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	hello(&t);
	sp_session_drain(t.s, &t.replies);
	sp_talk_expect(&t, "idle",
	    "421 4.3.2 Service is stopping, try "
	    "again\n");
	assert_int_equal(sp_session_state(t.s), SP_SESSION_CLOSING);

	hello(&t);
	say(&t, ENVELOPE "DATA\r\n");
	sp_session_drain(t.s, &t.replies);
	say(&t, "hi\r\n.\r\n");
	sp_talk_without_digest(&t.replies);
	sp_talk_expect(&t, "in DATA",
	    MOK ROK GO "250 2.0.0 Ok: seq=100\n"
		       "421 4.3.2 Service is stopping, try again\n");

	hello(&t);
	say(&t, ENVELOPE "BDAT 1\r\nx");
	sp_session_drain(t.s, &t.replies);
	say(&t, "BDAT 1 LAST\r\ny");
	sp_talk_without_digest(&t.replies);
	sp_talk_expect(&t, "between chunks",
	    MOK ROK "250 2.0.0 Ok: 1 bytes\n250 2.0.0 Ok: seq=100\n"
		    "421 4.3.2 Service is stopping, try again\n");

	hello(&t);
	say(&t, ENVELOPE "BDAT 1\r\nx");
	sp_session_drain(t.s, &t.replies);
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
test_a_pattern_gives_a_thousand_true_recipients(void **state)
{
	static char pattern[] = "journal+{local}={domain}@archive.example";
	static char plain[] = "journal@archive.example";
	char *list[] = { plain, pattern };
	struct sp_talk t;
	char line[512];
	json_t *j;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.max_recipients = 1002;
	t.cfg.recipients = (struct sp_texts){ list, 2 };
	hello(&t);
	say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<journal+x@archive.example>\r\n"
		"RCPT TO:<journal@archive.example>\r\n");
	sp_talk_expect(
	    &t, "the first", MOK "550 5.1.1 Not a journal address here\n" ROK);
	/* A local part far beyond 64 bytes. */
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(line, sizeof(line),
		    "RCPT TO:<Journal+User.%0200u=Corp.example@archive.example>"
		    " NOTIFY=NEVER\r\n",
		    i);
		say(&t, line);
		sp_talk_expect(&t, "one of them", ROK);
	}
	say(&t, "BDAT 1 LAST\r\nx");
	j = record(&t);
	expect_member(j, "envelope.to.0.addr", "\"journal@archive.example\"");
	expect_member(j, "envelope.to.0.original", "(absent)");
	(void)snprintf(line, sizeof(line),
	    "\"Journal+User.%0200u=Corp.example@archive.example\"", 999u);
	expect_member(j, "envelope.to.1000.addr", line);
	(void)snprintf(
	    line, sizeof(line), "\"User.%0200u@Corp.example\"", 999u);
	expect_member(j, "envelope.to.1000.original", line);
	expect_member(j, "envelope.to.1000.params", "[\"NOTIFY=NEVER\"]");
	expect_member(
	    j, "envelope.refused.0.addr", "\"journal+x@archive.example\"");
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
		cmocka_unit_test(test_our_faults_are_answered_4xx),
		cmocka_unit_test(test_limits_hold_at_n_and_break_at_n_plus_one),
		cmocka_unit_test(test_a_message_may_be_exactly_the_maximum),
		cmocka_unit_test(test_after_a_failed_chunk_only_rset_helps),
		cmocka_unit_test(test_only_listed_recipients_are_taken),
		cmocka_unit_test(test_the_record_holds_what_was_observed),
		cmocka_unit_test(
		    test_only_odd_bytes_behind_the_data_are_flagged),
		cmocka_unit_test(test_draining_finishes_what_is_in_hand),
		cmocka_unit_test(test_a_thousand_recipients_are_recorded),
		cmocka_unit_test(
		    test_a_pattern_gives_a_thousand_true_recipients),
		cmocka_unit_test(test_a_peer_that_never_reads_is_not_fed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
