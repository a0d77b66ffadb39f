/*
 * The local door: XSEALPOST, rights, provenance, events, and whom the kernel
 * says is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/enc.h"
#include "journal/receive/door.h"
#include "tests/smtp/talk.h"

#define OK     "250 2.0.0 Ok\n"
#define ARG    "501 5.5.4 Argument not as doc/door.md says\n"
#define DENIED "550 5.7.1 Not allowed\n"

static void
say(struct sp_talk *t, const char *text)
{
	sp_talk_say(t, text, strlen(text), SIZE_MAX);
}

static void
xsealpost(struct sp_talk *t, const char *what, const char *json)
{
	size_t n = sp_b64_len(strlen(json));
	char *b64 = sp_xmalloc(n + 1), *line;

	sp_b64_encode(json, strlen(json), b64);
	line = sp_xasprintf("XSEALPOST %s %s\r\n", what, b64);
	say(t, line);
	free(line);
	free(b64);
}

static void
hello(struct sp_talk *t)
{
	sp_talk_start(t);
	say(t, "LHLO me\r\n");
	sp_buf_clear(&t->replies);
}

static bool
recorded(struct sp_talk *t, const char *text)
{
	return (strstr(sp_buf_cstr(&t->records), text) != NULL);
}

static void
test_the_door_speaks_lmtp_with_bdat_only(void **state)
{
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, true);
	sp_talk_start(&t);
	say(&t, "EHLO me\r\n");
	say(&t, "LHLO me\r\nDATA\r\n");
	sp_talk_expect(&t, "hello",
	    "220 archive.example LMTP Sealpost door\n"
	    "502 5.5.1 This is LMTP: use LHLO\n"
	    "250-archive.example\n250-PIPELINING\n250-SIZE 100000\n"
	    "250-8BITMIME\n250-SMTPUTF8\n250-ENHANCEDSTATUSCODES\n250-DSN\n"
	    "250-CHUNKING\n250-BINARYMIME\n250 XSEALPOST EVENT SETTLED SOURCE\n"
	    "502 5.5.1 Use BDAT here\n");
	say(&t, "MAIL FROM:<a@b>\r\n");
	sp_talk_expect(&t, "MAIL", "503 5.5.1 Need XSEALPOST SOURCE first\n");
	sp_talk_done(&t);
}

static void
test_each_recipient_gets_the_same_answer(void **state)
{
	struct sp_talk t;
	const char *second;

	(void)state;
	sp_talk_init(&t, true);
	hello(&t);
	xsealpost(&t, "SOURCE", "{\"via\":\"import\",\"grade\":\"imported\"}");
	sp_talk_expect(&t, "SOURCE", OK);
	say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<>\r\n"
		"RCPT TO:<2@d>\r\nBDAT 3\r\na\nbBDAT 1 LAST\r\nc");
	second = strstr(sp_buf_cstr(&t.replies), "250 2.0.0 Ok: seq=100");
	assert_non_null(second);
	second = strstr(second + 1, "250 2.0.0 Ok: seq=100 sha256=");
	assert_non_null(second);
	assert_null(strstr(second + 1, "250 2.0.0 Ok: seq="));
	assert_string_equal(sp_buf_cstr(&t.stored), "a\nbc<EOM>");
	assert_true(recorded(&t, "\"via\":\"import\",\"grade\":\"imported\""));
	assert_true(recorded(&t, "\"operator\":{\"uid\":0,\"pid\":1}"));
	/* A fault is said to each of them too. */
	xsealpost(&t, "SOURCE", "{\"via\":\"import\",\"grade\":\"imported\"}");
	sp_buf_clear(&t.replies);
	t.commit = SP_EIO;
	say(&t, "MAIL FROM:<>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\n"
		"BDAT 1 LAST\r\nx");
	sp_talk_expect(&t, "fault",
	    "250 2.1.0 Ok\n250 2.1.5 Ok\n250 2.1.5 Ok\n"
	    "451 4.3.0 Not stored, try again\n"
	    "451 4.3.0 Not stored, try again\n");
	sp_talk_done(&t);
}

static void
test_provenance_holds_for_one_transaction(void **state)
{
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, true);
	hello(&t);
	xsealpost(&t, "SOURCE",
	    "{\"via\":\"imap\",\"grade\":\"pulled\",\"flags\":[\"seen\","
	    "\"bare_lf\"],\"origin_date\":\"2026-01-02T03:04:05Z\","
	    "\"envelope\":false,\"source\":{\"account\":\"a\",\"uid\":7}}");
	say(&t, "MAIL FROM:<>\r\nRCPT TO:<import>\r\nBDAT 2 LAST\r\nx\n");
	assert_true(recorded(&t, "\"account\":\"a\",\"uid\":7"));
	assert_true(recorded(&t, "\"flags\":[\"seen\",\"bare_lf\"]"));
	assert_true(recorded(&t, "\"origin_date\":\"2026-01-02T03:04:05Z\""));
	assert_false(recorded(&t, "\"envelope\""));
	sp_buf_clear(&t.replies);
	say(&t, "MAIL FROM:<>\r\n");
	sp_talk_expect(&t, "next", "503 5.5.1 Need XSEALPOST SOURCE first\n");
	xsealpost(&t, "SOURCE", "{\"via\":\"import\",\"grade\":\"imported\"}");
	say(&t, "RSET\r\nMAIL FROM:<>\r\n");
	sp_talk_expect(
	    &t, "RSET", OK OK "503 5.5.1 Need XSEALPOST SOURCE first\n");
	sp_talk_done(&t);
}

static void
test_provenance_is_checked(void **state)
{
	static const struct {
		const char *json;
		struct sp_door_rights may;
		const char *want;
	} rows[] = {
		{ "{\"via\":\"import\",\"grade\":\"imported\"}",
		    { true, false, true }, OK },
		{ "{\"via\":\"import\",\"grade\":\"imported\"}",
		    { false, true, true }, DENIED },
		{ "{\"via\":\"import\",\"grade\":\"imported\"}",
		    { false, false, true }, DENIED },
		{ "{\"via\":\"imap\",\"grade\":\"pulled\"}",
		    { true, false, true }, DENIED },
		{ "{\"via\":\"imap\",\"grade\":\"pulled\"}",
		    { false, true, true }, OK },
		{ "{\"via\":\"x\",\"grade\":\"witnessed\"}",
		    { true, true, true }, DENIED },
		{ "{\"via\":\"smtp\",\"grade\":\"imported\"}",
		    { true, true, true }, ARG },
		{ "{\"via\":\"x\",\"grade\":\"gold\"}", { true, true, true },
		    ARG },
		{ "{\"via\":\"x\"}", { true, true, true }, ARG },
		{ "{\"grade\":\"imported\"}", { true, true, true }, ARG },
		{ "{\"via\":\"X\",\"grade\":\"imported\"}",
		    { true, true, true }, ARG },
		{ "{\"via\":\"x\",\"grade\":\"imported\",\"more\":1}",
		    { true, true, true }, ARG },
		{ "{\"via\":\"x\",\"grade\":\"imported\",\"flags\":[1]}",
		    { true, true, true }, ARG },
		{ "{\"via\":\"x\",\"grade\":\"imported\",\"source\":{"
		  "\"peer\":\"1.2.3.4\"}}",
		    { true, true, true }, ARG },
		{ "{\"via\":\"x\",\"grade\":\"imported\",\"source\":{"
		  "\"grade\":\"witnessed\"}}",
		    { true, true, true }, ARG },
		{ "{\"via\":\"x\",\"grade\":\"imported\",\"origin_date\":1}",
		    { true, true, true }, ARG },
		{ "[]", { true, true, true }, ARG },
		{ "{", { true, true, true }, ARG },
		{ "", { true, true, true }, ARG },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, true);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		t.peer.rights = rows[i].may;
		hello(&t);
		xsealpost(&t, "SOURCE", rows[i].json);
		sp_talk_expect(&t, rows[i].json, rows[i].want);
	}
	say(&t, "XSEALPOST SOURCE !!!\r\nXSEALPOST\r\nXSEALPOST FOO x\r\n");
	sp_talk_expect(&t, "not base64", ARG ARG ARG);
	sp_talk_done(&t);
}

static void
test_events_go_in_for_those_who_may(void **state)
{
#define EVENT(name) "{\"event\":\"" name "\",\"detail\":{\"q\":\"x\"}}"
#define DONE	    "250 2.0.0 Ok: seq=100\n"
	static const struct {
		const char *json;
		struct sp_door_rights may;
		const char *want;
	} rows[] = {
		{ EVENT("export"), { true, false, true }, DONE },
		{ EVENT("hold"), { true, false, true }, DONE },
		{ EVENT("timestamp"), { false, true, true }, DONE },
		{ EVENT("search"), { false, false, true }, DONE },
		{ EVENT("show"), { false, false, true }, DONE },
		{ EVENT("export"), { false, false, true }, DONE },
		{ EVENT("exported"), { false, false, true }, DONE },
		{ EVENT("hold"), { false, false, true }, DENIED },
		{ EVENT("purge"), { false, false, true }, DENIED },
		{ EVENT("refused"), { true, true, true }, DENIED },
		{ EVENT("init"), { true, true, true }, DENIED },
		{ EVENT("heartbeat"), { true, true, true }, DENIED },
		{ EVENT("alarm"), { true, true, true }, DENIED },
		{ EVENT("clock"), { true, true, true }, DENIED },
		{ EVENT("Export"), { true, true, true }, ARG },
		{ EVENT(""), { true, true, true }, ARG },
		{ EVENT("a234567890123456789012345678901"),
		    { true, true, true }, DONE },
		{ EVENT("a2345678901234567890123456789012"),
		    { true, true, true }, ARG },
		{ "{\"event\":\"export\"}", { true, true, true }, ARG },
		{ "{\"event\":\"export\",\"detail\":[]}", { true, true, true },
		    ARG },
		{ "{\"event\":\"export\",\"detail\":{},\"actor\":{}}",
		    { true, true, true }, ARG },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, true);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		t.peer.rights = rows[i].may;
		hello(&t);
		xsealpost(&t, "EVENT", rows[i].json);
		sp_talk_expect(&t, rows[i].json, rows[i].want);
		assert_int_equal(
		    t.records.n > 0, strcmp(rows[i].want, DONE) == 0);
	}
	t.peer.rights = (struct sp_door_rights){ false, false, true };
	hello(&t);
	xsealpost(&t, "EVENT",
	    "{\"event\":\"search\",\"detail\":{\"claimed\":{\"name\":\"A\"}}}");
	assert_true(recorded(&t,
	    "\"actor\":{\"uid\":0,\"pid\":1},\"detail\":{\"claimed\":{"
	    "\"name\":\"A\"}}"));
	/* And mail is not for readers. */
	sp_buf_clear(&t.replies);
	say(&t, "MAIL FROM:<>\r\n");
	sp_talk_expect(&t, "MAIL", DENIED);
	/* A fault of ours: again later.  On hold: not at all. */
	t.commit = SP_EIO;
	xsealpost(&t, "EVENT", EVENT("show"));
	sp_talk_expect(&t, "fault", "451 4.3.0 Not stored, try again\n");
	t.begin = SP_EAGAIN;
	xsealpost(&t, "EVENT", EVENT("show"));
	sp_talk_expect(
	    &t, "hold", "451 4.3.0 the archive is being looked after\n");
	sp_talk_done(&t);
}

/* As the appender of the test would say. */
static enum sp_code
may_event(
    void *ctx, const struct sp_door_rights *may, uint64_t uid, uint64_t bytes)
{
	struct sp_talk *t = ctx;

	assert_false(may->operates);
	assert_int_equal(uid, 4711);
	/* {"q":"x"} */
	assert_int_equal(bytes, 9);
	return (t->commit);
}

static void
test_an_event_waits_for_room_and_for_its_turn(void **state)
{
	static const struct {
		enum sp_code code;
		const char *want;
	} rows[] = {
		{ SP_OK, DONE },
		{ SP_ENOSPC,
		    "452 4.3.1 The disk is below disk_reserve: reads cannot be entered into the log and are refused until there is space\n" },
		{ SP_EAGAIN,
		    "450 4.7.1 Too many events of your user for now, try again\n" },
		{ SP_ELIMIT,
		    "552 5.3.4 The event is larger than yours may be\n" },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, true);
	t.env.may_event = may_event;
	t.peer.rights = (struct sp_door_rights){ false, false, true };
	t.peer.uid = 4711;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		t.commit = rows[i].code;
		hello(&t);
		xsealpost(&t, "EVENT", EVENT("show"));
		sp_talk_expect(&t, rows[i].want, rows[i].want);
		assert_int_equal(t.records.n > 0, rows[i].code == SP_OK);
		/* The session goes on. */
		t.commit = SP_OK;
		xsealpost(&t, "EVENT", EVENT("show"));
		assert_true(sp_talk_holds(&t.replies, "250 2.0.0 Ok: seq="));
	}
	sp_talk_done(&t);
}

static void
test_an_event_may_not_sit_inside_a_transaction(void **state)
{
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, true);
	sp_talk_start(&t);
	sp_buf_clear(&t.replies);
	xsealpost(&t, "EVENT", EVENT("show"));
	sp_talk_expect(&t, "before", "503 5.5.1 Introduce yourself first\n");
	hello(&t);
	xsealpost(&t, "SOURCE", "{\"via\":\"import\",\"grade\":\"imported\"}");
	say(&t, "MAIL FROM:<>\r\n");
	sp_buf_clear(&t.replies);
	xsealpost(&t, "EVENT", EVENT("show"));
	xsealpost(&t, "SOURCE", "{\"via\":\"import\",\"grade\":\"imported\"}");
	sp_talk_expect(&t, "inside",
	    "503 5.5.1 Not inside a transaction\n"
	    "503 5.5.1 Not inside a transaction\n");
	sp_talk_done(&t);
}

static void
test_the_kernel_says_who_is_there(void **state)
{
	struct sp_doorkeeper d;
	struct sp_door_rights may;
	char actor[256], want[64];
	struct sp_err err;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(sp_door_init(&d, "/tmp", NULL, &err), SP_OK);
	assert_true(sp_door_identify(&d, fd[0], &may, actor, sizeof(actor)));
	assert_true(may.service);
	assert_int_equal(may.operates, geteuid() == 0 || geteuid() == d.owner);
	(void)snprintf(
	    want, sizeof(want), "{\"uid\":%lu", (unsigned long)geteuid());
	assert_memory_equal(actor, want, strlen(want));
	(void)snprintf(want, sizeof(want), "\"pid\":%ld}", (long)getpid());
	assert_non_null(strstr(actor, want));
	(void)close(fd[0]);
	(void)close(fd[1]);
	assert_int_equal(
	    sp_door_init(&d, "/tmp", "no-such-group-here", &err), SP_ECONFIG);
	assert_non_null(strstr(err.msg, "no-such-group-here"));
}

/* Who accepts journal reports is an operator, and says which. */
static void
test_an_acceptance_is_an_operators_and_bounded(void **state)
{
#define ACCEPT(seqs) \
	"{\"event\":\"journal_accept\",\"detail\":{\"seqs\":" seqs "}}"
	static const struct {
		const char *json;
		struct sp_door_rights may;
		const char *want;
	} rows[] = {
		{ ACCEPT("[7,[9,12]]"), { true, false, false }, DONE },
		{ ACCEPT("[[1,500]]"), { true, true, false }, DONE },
		{ ACCEPT("[7]"), { false, true, true }, DENIED },
		{ ACCEPT("[7]"), { false, false, true }, DENIED },
		{ ACCEPT("[]"), { true, true, true }, ARG },
		{ ACCEPT("7"), { true, true, true }, ARG },
		{ ACCEPT("[-1]"), { true, true, true }, ARG },
		{ ACCEPT("[\"7\"]"), { true, true, true }, ARG },
		{ ACCEPT("[[9,7]]"), { true, true, true }, ARG },
		{ ACCEPT("[[7,8,9]]"), { true, true, true }, ARG },
		{ ACCEPT("[[0,9223372036854775807]]"), { true, true, true },
		    ARG },
		{ ACCEPT("[[1,500],501]"), { true, true, true }, ARG },
		{ EVENT("journal_accept"), { true, true, true }, ARG },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, true);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		t.peer.rights = rows[i].may;
		hello(&t);
		xsealpost(&t, "EVENT", rows[i].json);
		sp_talk_expect(&t, rows[i].json, rows[i].want);
		assert_int_equal(
		    t.records.n > 0, strcmp(rows[i].want, DONE) == 0);
	}
	sp_talk_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_door_speaks_lmtp_with_bdat_only),
		cmocka_unit_test(test_each_recipient_gets_the_same_answer),
		cmocka_unit_test(test_provenance_holds_for_one_transaction),
		cmocka_unit_test(test_provenance_is_checked),
		cmocka_unit_test(test_events_go_in_for_those_who_may),
		cmocka_unit_test(
		    test_an_acceptance_is_an_operators_and_bounded),
		cmocka_unit_test(test_an_event_waits_for_room_and_for_its_turn),
		cmocka_unit_test(
		    test_an_event_may_not_sit_inside_a_transaction),
		cmocka_unit_test(test_the_kernel_says_who_is_there),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
