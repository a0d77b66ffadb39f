/*
 * Whatever one address does, others are served: places, memory, proxies, a
 * milter's listener.  Addresses are those of 127.0.0.0/8.
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

#include "rig.h"
#include "tests/smtp/mta.h"

#define PLACES 10
#define GREEDY 2 /* 127.0.0.2 */
#define HONEST 3
#define CROWDED                                                             \
	"421 4.7.0 Ended for others, your address has more than its share," \
	" try again"

/* How far a greedy session goes. */
enum how { GREETED, AFTER_RCPT, IN_DATA, IN_CHUNKS, IN_COMMIT };

static void
go(int fd, enum how how)
{
	sp_client_ask(fd, "", "220 ");
	if (how == GREETED)
		return;
	sp_client_ask(fd, "EHLO me\r\n", "250 ");
	sp_client_ask(fd, "MAIL FROM:<a@b>\r\n", "250 2.1.0");
	sp_client_ask(fd, "RCPT TO:<c@d>\r\n", "250 2.1.5");
	if (how == IN_CHUNKS)
		sp_client_ask(fd, "BDAT 3\r\nabc", "250 2.0.0 Ok: 3");
	if (how == IN_DATA || how == IN_COMMIT)
		sp_client_ask(fd, "DATA\r\n", "354");
	if (how == IN_DATA)
		sp_client_say(fd, "half a mess");
	if (how == IN_COMMIT)
		sp_client_say(fd, "hi\r\n.\r\n");
}

/* Mail of somebody who behaves. */
static void
serve(const struct sp_rig *g, unsigned last)
{
	int fd = sp_client_from(g, last);

	go(fd, AFTER_RCPT);
	sp_client_ask(fd, "DATA\r\n", "354");
	sp_client_ask(fd, "hi\r\n.\r\n", "250 2.0.0 Ok: seq=");
	sp_client_ask(fd, "QUIT\r\n", "221");
	(void)close(fd);
}

/* How many of these the server has closed, each with 421 as its last word
 * where ${want} says so. */
static size_t
closed(const int *fd, size_t n, const char *want)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		char line[512], last[512] = "";
		const char *got;

		while ((got = sp_client_hear(fd[i], line, 0)) != NULL &&
		       got[0] != '\0')
			memcpy(last, line, sizeof(last));
		if (got == NULL)
			continue;
		found++;
		if (strncmp(last, want, strlen(want)) != 0)
			fail_msg("session %zu: last word \"%s\", want %s", i,
			    last, want);
	}
	return (found);
}

static void
run_places(enum how how, const char *want)
{
	int greedy[PLACES], honest[PLACES];
	struct sp_rig g;
	char line[512];

	sp_rig_init(&g);
	g.listen.max_sessions = PLACES;
	sp_rig_start(&g);
	for (size_t i = 0; i < PLACES; i++) {
		greedy[i] = sp_client_from(&g, GREEDY);
		go(greedy[i], how);
	}
	/* It gets no further one, nor does it push out its own. */
	honest[0] = sp_client_from(&g, GREEDY);
	sp_client_ask(honest[0], "", "421 4.3.2 Too many sessions");
	(void)close(honest[0]);
	for (size_t i = 0; i < PLACES / 2; i++) {
		honest[i] = sp_client_from(&g, HONEST);
		go(honest[i], AFTER_RCPT);
	}
	assert_int_equal(closed(greedy, PLACES, want), PLACES / 2);
	/* Both have as many: the next one waits. */
	honest[PLACES / 2] = sp_client_from(&g, HONEST);
	sp_client_ask(honest[PLACES / 2], "", "421 4.3.2 Too many sessions");
	/* A third address comes to its part too. */
	serve(&g, HONEST + 1);
	assert_true(sp_client_hear(honest[0], line, 0) == NULL ||
		    strncmp(line, "421 4.7.0", 9) == 0);
	if (how != GREETED)
		assert_true(sp_rig_logged(&g, "421 4.7.0 Ended for others"));
	for (size_t i = 0; i < PLACES; i++)
		(void)close(greedy[i]);
	for (size_t i = 0; i <= PLACES / 2; i++)
		(void)close(honest[i]);
	sp_rig_done(&g);
}

static void
test_places_are_shared_out_whatever_sessions_do(void **state)
{
	(void)state;
	run_places(GREETED, CROWDED);
	run_places(AFTER_RCPT, CROWDED);
	run_places(IN_DATA, CROWDED);
	run_places(IN_CHUNKS, CROWDED);
}

/* One is stored for each that is made durable, though the rest of its address
 * was ended. */
static void
test_a_message_in_the_making_is_never_ended(void **state)
{
	int fd[PLACES], late;
	struct sp_rig g;

	(void)state;
	sp_rig_init(&g);
	g.listen.max_sessions = PLACES;
	sp_rig_block(&g, true);
	sp_rig_start(&g);
	for (size_t i = 0; i < PLACES; i++) {
		fd[i] = sp_client_from(&g, GREEDY);
		go(fd[i], i < PLACES - 2 ? IN_COMMIT : AFTER_RCPT);
	}
	sp_rig_wait_blocked(&g);
	/* Those two that have nothing in work give way, and no other. */
	for (unsigned i = 0; i < 2; i++)
		go(sp_client_from(&g, HONEST + i), AFTER_RCPT);
	late = sp_client_from(&g, HONEST + 2);
	sp_client_ask(late, "", "421 4.3.2 Too many sessions");
	assert_int_equal(closed(fd, PLACES - 2, ""), 0);
	assert_int_equal(closed(fd + PLACES - 2, 2, CROWDED), 2);
	sp_rig_block(&g, false);
	for (size_t i = 0; i < PLACES - 2; i++)
		sp_client_ask(fd[i], "", "250 2.0.0 Ok: seq=");
	serve(&g, HONEST + 3);
	sp_rig_done(&g);
}

/* Envelopes fill what one address may have, and no more. */
static void
test_memory_is_shared_out(void **state)
{
	enum { HOGS = 100 };
	char rcpt[1200], line[512];
	struct sp_receive_stats st;
	size_t refused = 0, n = 0;
	struct sp_rig g;
	int fd[HOGS];

	(void)state;
	(void)snprintf(rcpt, sizeof(rcpt),
	    "RCPT TO:<%0900d@d> ORCPT=rfc822;%0200d\r\n", 1, 2);
	sp_rig_init(&g);
	g.listen.max_recipients = 10000;
	g.cfg->memory = 1u << 20;
	sp_rig_start(&g);
	for (; n < HOGS; n++) {
		fd[n] = sp_client_from(&g, GREEDY);
		/* At last there is no room for another session either. */
		assert_non_null(sp_client_hear(fd[n], line, 5000));
		if (strncmp(line, "421 4.3.2 No memory", 19) == 0)
			break;
		sp_client_ask(fd[n], "EHLO me\r\n", "250 ");
		sp_client_ask(fd[n], "MAIL FROM:<a@b>\r\n", "250 2.1.0");
		for (size_t k = 0; k < 200; k++) {
			sp_client_say(fd[n], rcpt);
			assert_non_null(sp_client_hear(fd[n], line, 5000));
			if (strncmp(line, "452 4.3.1", 9) == 0)
				refused++;
		}
	}
	assert_in_range(n, 2, HOGS - 1);
	sp_receive_stats(g.r, &st);
	assert_true(refused > 0);
	assert_in_range(st.memory, 600u << 10, (1u << 20) * 2 / 3);
	/* Two others have as much room as they need. */
	for (unsigned i = 0; i < 2; i++) {
		int honest = sp_client_from(&g, HONEST + i);

		go(honest, AFTER_RCPT);
		for (size_t k = 0; k < 40; k++)
			sp_client_ask(honest, rcpt, "250 2.1.5");
		sp_client_ask(honest, "DATA\r\n", "354");
		sp_client_ask(honest, "hi\r\n.\r\n", "250 2.0.0 Ok: seq=");
		(void)close(honest);
	}
	for (size_t i = 0; i <= n; i++)
		(void)close(fd[i]);
	sp_rig_done(&g);
}

/* By the address that the proxy names. */
static void
test_clients_of_a_proxy_are_told_apart(void **state)
{
	struct sp_cidr proxy = { .family = AF_INET, .bits = 8 };
	int fd[PLACES], honest;
	struct sp_rig g;

	(void)state;
	proxy.addr[0] = 127;
	sp_rig_init(&g);
	g.listen.proxy = (struct sp_networks){ &proxy, 1 };
	g.listen.allow = (struct sp_networks){ NULL, 0 };
	g.listen.max_sessions = PLACES;
	sp_rig_start(&g);
	for (size_t i = 0; i < PLACES; i++) {
		fd[i] = sp_client(&g);
		sp_client_say(
		    fd[i], "PROXY TCP4 127.0.9.9 127.0.0.1 1000 25\r\n");
		go(fd[i], AFTER_RCPT);
	}
	honest = sp_client(&g);
	sp_client_say(honest, "PROXY TCP4 127.0.9.8 127.0.0.1 1000 25\r\n");
	go(honest, AFTER_RCPT);
	assert_int_equal(closed(fd, PLACES, CROWDED), 1);
	for (size_t i = 0; i < PLACES; i++)
		(void)close(fd[i]);
	(void)close(honest);
	sp_rig_done(&g);
}

/* An MTA is told nothing: its connection ends. */
static void
test_a_milter_listener_is_shared_out_too(void **state)
{
	static const struct sp_packet options[] = { SP_PACKET_OPTIONS,
		{ NULL, 0 } };
	struct sp_buf b;
	struct sp_rig g;
	int fd[PLACES], honest = -1;
	char answer[32];

	(void)state;
	sp_rig_init(&g);
	g.listen.protocol = SP_PROTO_MILTER;
	g.listen.max_sessions = PLACES;
	sp_rig_start(&g);
	sp_buf_init(&b, 1u << 20);
	sp_mta_bytes(options, &b);
	for (size_t i = 0; i <= PLACES; i++) {
		int s = sp_client_from(&g, i < PLACES ? GREEDY : HONEST);

		if (i < PLACES)
			fd[i] = s;
		else
			honest = s;
		assert_int_equal(send(s, b.p, b.n, MSG_NOSIGNAL), b.n);
		assert_int_equal(recv(s, answer, 17, MSG_WAITALL), 17);
		assert_int_equal(answer[4], 'O');
	}
	assert_int_equal(closed(fd, PLACES, ""), 1);
	for (size_t i = 0; i < PLACES; i++)
		(void)close(fd[i]);
	(void)close(honest);
	sp_buf_done(&b);
	sp_rig_done(&g);
}

static void
test_the_door_says_how_many_sessions_a_user_has(void **state)
{
	enum { MOST = 150 };
	char line[512];
	struct sp_rig g;
	int fd[MOST + 1];

	(void)state;
	sp_rig_init(&g);
	sp_rig_start(&g);
	for (size_t i = 0; i < MOST; i++) {
		fd[i] = sp_client_door(&g);
		sp_client_ask(fd[i], "", "220 ");
	}
	fd[MOST] = sp_client_door(&g);
	sp_client_ask(fd[MOST], "",
	    "421 4.7.0 Too many sessions of your user, 150 are open, try again");
	assert_string_equal(sp_client_hear(fd[MOST], line, 5000), "");
	assert_true(
	    sp_rig_logged(&g, "421 4.7.0 Too many sessions of your user"));
	for (size_t i = 0; i <= MOST; i++)
		(void)close(fd[i]);
	sp_rig_done(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_places_are_shared_out_whatever_sessions_do),
		cmocka_unit_test(test_a_message_in_the_making_is_never_ended),
		cmocka_unit_test(test_memory_is_shared_out),
		cmocka_unit_test(test_clients_of_a_proxy_are_told_apart),
		cmocka_unit_test(test_a_milter_listener_is_shared_out_too),
		cmocka_unit_test(
		    test_the_door_says_how_many_sessions_a_user_has),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
