/*
 * The server on real sockets: group commit, limits, timeouts, drain, hold, a
 * full disk, the event of refusals.
 */
#include <poll.h>
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
#include "rig.h"

static int
greeted(const struct sp_rig *g)
{
	int fd = sp_client(g);

	sp_client_ask(fd, "", "220 ");
	sp_client_ask(fd, "EHLO me\r\n", "250 ");
	return (fd);
}

/* Up to and with the final dot; no reply is awaited for it. */
static int
sending(const struct sp_rig *g, const char *body)
{
	int fd = greeted(g);

	sp_client_ask(fd, "MAIL FROM:<a@b>\r\n", "250 2.1.0");
	sp_client_ask(fd, "RCPT TO:<c@d>\r\n", "250 2.1.5");
	sp_client_ask(fd, "DATA\r\n", "354");
	sp_client_say(fd, body);
	return (fd);
}

static void
test_250_comes_after_the_commit_and_not_before(void **state)
{
	struct sp_rig g;
	char line[512];
	int fd;

	(void)state;
	sp_rig_init(&g);
	sp_rig_block(&g, true);
	sp_rig_start(&g);
	fd = sending(&g, "hi\r\n.\r\n");
	sp_rig_wait_blocked(&g);
	assert_null(sp_client_hear(fd, line, 200));
	sp_rig_block(&g, false);
	sp_client_ask(fd, "", "250 2.0.0 Ok: seq=100 sha256=");
	assert_true(sp_rig_stored(&g, "hi\r\n<EOM>"));
	assert_true(sp_rig_logged(&g, "accepted seq=100 session="));
	assert_true(sp_rig_logged(&g, " recipients=1 size=4 sha256="));
	sp_client_ask(fd, "QUIT\r\n", "221");
	assert_string_equal(sp_client_hear(fd, line, 1000), "");
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_what_arrives_during_a_commit_shares_the_next(void **state)
{
	enum { CLIENTS = 20 };
	struct sp_rig g;
	int fd[CLIENTS];

	(void)state;
	sp_rig_init(&g);
	sp_rig_block(&g, true);
	sp_rig_start(&g);
	fd[0] = sending(&g, "first\r\n.\r\n");
	sp_rig_wait_blocked(&g);
	for (int i = 1; i < CLIENTS; i++)
		fd[i] = sending(&g, "more\r\n.\r\n");
	(void)poll(NULL, 0, 100);
	sp_rig_block(&g, false);
	for (int i = 0; i < CLIENTS; i++) {
		sp_client_ask(fd[i], "", "250 2.0.0 Ok: seq=1");
		(void)close(fd[i]);
	}
	assert_int_equal(g.fake.batches, 2);
	assert_int_equal(g.fake.largest, CLIENTS - 1);
	sp_rig_done(&g);
}

/* The alarm of a users file is open from an earlier run, and then the listener
 * has none any more. */
static void
test_a_listener_without_users_has_no_users_that_cannot_be_read(void **state)
{
	struct sp_rig g;

	(void)state;
	sp_rig_init(&g);
	sp_rig_start(&g);
	assert_true(sp_rig_logged(&g, "over users:"));
	assert_false(sp_rig_logged(&g, "users:door"));
	sp_rig_done(&g);
}

static void
test_a_failed_batch_is_answered_4xx_and_not_tried_again(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	sp_rig_init(&g);
	g.fake.code = SP_ENOSPC;
	sp_rig_start(&g);
	fd = sending(&g, "hi\r\n.\r\n");
	sp_client_ask(fd, "", "452 4.3.1");
	assert_int_equal(g.fake.batches, 1);
	assert_true(sp_rig_logged(&g, "deferred code=452"));
	assert_true(sp_rig_logged(&g, "alarm disk_full"));
	(void)pthread_mutex_lock(&g.fake.lock);
	g.fake.code = SP_OK;
	(void)pthread_mutex_unlock(&g.fake.lock);
	sp_client_ask(fd, "MAIL FROM:<a@b>\r\n", "250");
	sp_client_ask(fd, "RCPT TO:<c@d>\r\n", "250");
	sp_client_ask(fd, "BDAT 2 LAST\r\nhi", "250 2.0.0 Ok: seq=100");
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_one_that_is_too_large_does_not_hold_up_the_others(void **state)
{
	struct sp_rig g;
	int fd[4];

	(void)state;
	sp_rig_init(&g);
	sp_rig_block(&g, true);
	sp_rig_start(&g);
	fd[0] = sending(&g, "first\r\n.\r\n");
	sp_rig_wait_blocked(&g);
	fd[1] = sending(&g, "one\r\n.\r\n");
	fd[2] = sending(&g, "TOOBIG\r\n.\r\n");
	fd[3] = sending(&g, "two\r\n.\r\n");
	(void)poll(NULL, 0, 100);
	sp_rig_block(&g, false);
	sp_client_ask(fd[0], "", "250 2.0.0 Ok: seq=100");
	sp_client_ask(fd[1], "", "250 2.0.0 Ok: seq=101");
	sp_client_ask(fd[2], "", "451 4.3.0");
	sp_client_ask(fd[3], "", "250 2.0.0 Ok: seq=102");
	assert_true(sp_rig_stored(&g, "first\r\n<EOM>one\r\n<EOM>two\r\n"));
	for (int i = 0; i < 4; i++)
		(void)close(fd[i]);
	sp_rig_done(&g);
}

static void
test_who_is_not_on_the_list_is_turned_away(void **state)
{
	static struct sp_cidr ten = {
		.family = AF_INET, .addr = { 10 }, .bits = 8
	};
	struct sp_rig g;
	char line[512];
	int fd;

	(void)state;
	sp_rig_init(&g);
	g.listen.allow.v = &ten;
	g.listen.allow.n = 1;
	sp_rig_start(&g);
	fd = sp_client(&g);
	sp_client_ask(fd, "", "554 No service here");
	assert_string_equal(sp_client_hear(fd, line, 1000), "");
	(void)close(fd);
	assert_true(sp_rig_logged(&g, "refused code=550"));
	sp_rig_done(&g);
}

static void
test_session_limits_hold_at_n_and_break_at_n_plus_one(void **state)
{
	struct sp_rig g;
	char line[512];
	int fd[4];

	(void)state;
	sp_rig_init(&g);
	g.listen.max_per_peer = 2;
	sp_rig_start(&g);
	fd[0] = greeted(&g);
	fd[1] = greeted(&g);
	fd[2] = sp_client(&g);
	sp_client_ask(fd[2], "", "421 4.7.0");
	assert_string_equal(sp_client_hear(fd[2], line, 1000), "");
	sp_client_ask(fd[0], "QUIT\r\n", "221");
	assert_string_equal(sp_client_hear(fd[0], line, 1000), "");
	(void)poll(NULL, 0, 50);
	fd[3] = greeted(&g);
	for (int i = 0; i < 4; i++)
		(void)close(fd[i]);
	sp_rig_done(&g);

	sp_rig_init(&g);
	g.listen.max_sessions = 1;
	sp_rig_start(&g);
	fd[0] = greeted(&g);
	fd[1] = sp_client(&g);
	sp_client_ask(fd[1], "", "421 4.3.2");
	(void)close(fd[0]);
	(void)close(fd[1]);
	sp_rig_done(&g);
}

static void
test_the_silent_are_told_and_let_go(void **state)
{
	struct sp_rig g;
	char line[512];
	int idle, dripping, data, deaf;

	(void)state;
	sp_rig_init(&g);
	g.listen.timeout = 1;
	g.listen.data_timeout = 1;
	sp_rig_start(&g);
	idle = greeted(&g);
	/* A byte now and then is not a command. */
	dripping = greeted(&g);
	data = sending(&g, "half a mess");
	/* One that never reads: our replies pile up and it is dropped. */
	deaf = sp_client(&g);
	for (int i = 0; i < 200000; i++) {
		if (send(deaf, "NOOP\r\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	}
	for (int i = 0; i < 20; i++) {
		(void)send(dripping, "N", 1, MSG_NOSIGNAL);
		(void)poll(NULL, 0, 100);
	}
	sp_client_ask(idle, "", "421 4.4.2");
	assert_string_equal(sp_client_hear(idle, line, 3000), "");
	sp_client_ask(dripping, "", "421 4.4.2");
	sp_client_ask(data, "", "421 4.4.2");
	assert_true(sp_rig_logged(&g, "lost session="));
	(void)close(idle);
	(void)close(dripping);
	(void)close(data);
	(void)close(deaf);
	sp_rig_done(&g);
}

static void
test_an_early_talker_is_sent_away(void **state)
{
	struct sp_rig g;
	char line[512];
	int fd[8], early = 0;

	(void)state;
	sp_rig_init(&g);
	sp_rig_start(&g);
	/* Whether the bytes are there when we look is up to the kernel. */
	for (int i = 0; i < 8; i++) {
		fd[i] = sp_client(&g);
		sp_client_say(fd[i], "EHLO me\r\nMAIL FROM:<a@b>\r\n");
		while (sp_client_hear(fd[i], line, 3000) != NULL &&
		       line[0] != '\0')
			early += strncmp(line, "554 5.5.0", 9) == 0;
		(void)close(fd[i]);
	}
	assert_int_equal(early, 8);
	sp_rig_done(&g);
}

static void
test_a_drain_finishes_messages_and_turns_the_rest_away(void **state)
{
	struct sp_rig g;
	char line[512];
	int idle, busy;

	(void)state;
	sp_rig_init(&g);
	sp_rig_start(&g);
	idle = greeted(&g);
	busy = sending(&g, "first half ");
	(void)poll(NULL, 0, 50);
	sp_rig_drain(&g);
	sp_client_ask(idle, "", "421 4.3.2");
	assert_string_equal(sp_client_hear(idle, line, 3000), "");
	(void)close(idle);
	assert_false(sp_rig_drained(&g));
	sp_client_ask(busy, "second half\r\n.\r\n", "250 2.0.0 Ok: seq=100");
	sp_client_ask(busy, "", "421 4.3.2");
	(void)close(busy);
	for (int i = 0; i < 100 && !sp_rig_drained(&g); i++)
		(void)poll(NULL, 0, 20);
	assert_true(sp_rig_drained(&g));
	assert_true(sp_rig_stored(&g, "first half second half\r\n<EOM>"));
	sp_rig_done(&g);
}

static void
test_on_hold_every_mail_is_451(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	sp_rig_init(&g);
	sp_rig_start(&g);
	fd = greeted(&g);
	sp_rig_hold(&g, "the archive was rolled back");
	(void)poll(NULL, 0, 100);
	sp_client_ask(
	    fd, "MAIL FROM:<a@b>\r\n", "451 4.3.0 the archive was rolled back");
	sp_rig_hold(&g, NULL);
	(void)poll(NULL, 0, 100);
	sp_client_ask(fd, "MAIL FROM:<a@b>\r\n", "250");
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_a_full_disk_is_452_at_mail(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	sp_rig_init(&g);
	g.cfg->disk_reserve = UINT64_C(1) << 62;
	sp_rig_start(&g);
	fd = greeted(&g);
	sp_client_ask(fd, "MAIL FROM:<a@b>\r\n", "452 4.3.1");
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_a_peer_that_goes_during_the_commit_is_stored_all_the_same(void **state)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	struct sp_rig g;
	int fd, half;

	(void)state;
	sp_rig_init(&g);
	sp_rig_block(&g, true);
	sp_rig_start(&g);
	fd = sending(&g, "gone\r\n.\r\n");
	sp_rig_wait_blocked(&g);
	half = sending(&g, "half closed\r\n.\r\n");
	(void)poll(NULL, 0, 50);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
	(void)close(fd);
	assert_int_equal(shutdown(half, SHUT_WR), 0);
	(void)poll(NULL, 0, 50);
	sp_rig_block(&g, false);
	sp_client_ask(half, "", "250 2.0.0 Ok: seq=");
	assert_true(sp_rig_stored(&g, "gone\r\n<EOM>"));
	assert_true(sp_rig_stored(&g, "half closed\r\n<EOM>"));
	(void)close(half);
	sp_rig_done(&g);
}

static void
test_refusals_become_one_event_with_a_count(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	sp_rig_init(&g);
	sp_rig_start(&g);
	fd = greeted(&g);
	for (int i = 0; i < 5; i++)
		sp_client_ask(fd, "MAIL FROM:<a\r\n", "501");
	assert_true(sp_rig_event(&g, "refused {\"count\":5,\"first\":{"
				     "\"listener\":\"mta\",\"peer\":\"127."));
	assert_true(
	    sp_rig_event(&g, "\"reply\":\"501 5.5.4 Address not understood\""));
	assert_true(sp_rig_logged(&g, "refused code=501 reason=\"501 5.5.4"));
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_the_door_takes_events_and_mail(void **state)
{
	static const char source[] =
	    "{\"via\":\"import\",\"grade\":\"imported\"}";
	static const char event[] = "{\"event\":\"show\",\"detail\":{}}";
	char b64[128], line[256];
	struct sp_rig g;
	int fd;

	(void)state;
	sp_rig_init(&g);
	sp_rig_start(&g);
	fd = sp_client_door(&g);
	sp_client_ask(fd, "", "220 archive.example LMTP");
	sp_client_ask(fd, "LHLO me\r\n", "250 XSEALPOST");
	sp_b64_encode(event, sizeof(event) - 1, b64);
	(void)snprintf(line, sizeof(line), "XSEALPOST EVENT %s\r\n", b64);
	sp_client_ask(fd, line, "250 2.0.0 Ok: seq=100");
	assert_true(sp_rig_event(&g, "show {}"));
	sp_b64_encode(source, sizeof(source) - 1, b64);
	(void)snprintf(line, sizeof(line),
	    "XSEALPOST SOURCE %s\r\nMAIL FROM:<>\r\nRCPT TO:<import>\r\n"
	    "BDAT 3 LAST\r\na\nb",
	    b64);
	sp_client_ask(fd, line, "250 2.0.0 Ok");
	sp_client_ask(fd, "", "250 2.1.0");
	sp_client_ask(fd, "", "250 2.1.5");
	sp_client_ask(fd, "", "250 2.0.0 Ok: seq=101 sha256=");
	assert_true(sp_rig_stored(&g, "a\nb<EOM>"));
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_large_messages_pass_through_a_file(void **state)
{
	const size_t size = 2u << 20;
	char *text = sp_xmalloc(size + 1);
	struct sp_receive_stats st;
	struct sp_rig g;
	int fd;

	(void)state;
	for (size_t i = 0; i < size; i++)
		text[i] = i % 64 == 62	 ? '\r'
			  : i % 64 == 63 ? '\n'
					 : (char)('a' + i % 7);
	text[size] = '\0';
	sp_rig_init(&g);
	g.cfg->memory = 1u << 20;
	sp_rig_start(&g);
	fd = sending(&g, "");
	sp_client_say(fd, text);
	sp_client_ask(fd, ".\r\n", "250 2.0.0 Ok: seq=100");
	assert_int_equal(g.fake.stored.n, size + 5);
	assert_memory_equal(g.fake.stored.p, text, size);
	sp_receive_stats(g.r, &st);
	assert_int_equal(st.spilled, 1);
	(void)close(fd);
	sp_rig_done(&g);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_listener_without_users_has_no_users_that_cannot_be_read),
		cmocka_unit_test(
		    test_250_comes_after_the_commit_and_not_before),
		cmocka_unit_test(
		    test_what_arrives_during_a_commit_shares_the_next),
		cmocka_unit_test(
		    test_a_failed_batch_is_answered_4xx_and_not_tried_again),
		cmocka_unit_test(
		    test_one_that_is_too_large_does_not_hold_up_the_others),
		cmocka_unit_test(test_who_is_not_on_the_list_is_turned_away),
		cmocka_unit_test(
		    test_session_limits_hold_at_n_and_break_at_n_plus_one),
		cmocka_unit_test(test_the_silent_are_told_and_let_go),
		cmocka_unit_test(test_an_early_talker_is_sent_away),
		cmocka_unit_test(
		    test_a_drain_finishes_messages_and_turns_the_rest_away),
		cmocka_unit_test(test_on_hold_every_mail_is_451),
		cmocka_unit_test(test_a_full_disk_is_452_at_mail),
		cmocka_unit_test(
		    test_a_peer_that_goes_during_the_commit_is_stored_all_the_same),
		cmocka_unit_test(test_refusals_become_one_event_with_a_count),
		cmocka_unit_test(test_the_door_takes_events_and_mail),
		cmocka_unit_test(test_large_messages_pass_through_a_file),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
