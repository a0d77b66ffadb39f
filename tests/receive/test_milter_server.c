/* The milter on real sockets: commits, limits, timeouts, the end. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/smtp/mta.h"
#include "rig.h"

#define CLOSED	'0' /* the server closed */
#define NOTHING '-' /* no answer in time */
#define P	SP_PACKET

static void
start(struct sp_rig *g)
{
	sp_rig_init(g);
	g->listen.protocol = SP_PROTO_MILTER;
}

static void
say(int fd, const struct sp_packet *v)
{
	struct sp_buf b;

	sp_buf_init(&b, 1u << 20);
	sp_mta_bytes(v, &b);
	assert_int_equal(send(fd, b.p, b.n, MSG_NOSIGNAL), b.n);
	sp_buf_done(&b);
}

/* The next answer's command, or CLOSED, or NOTHING after ${ms}. */
static char
hear(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char data[600];
	size_t n;

	if (poll(&p, 1, ms) != 1)
		return (NOTHING);
	if (recv(fd, data, 4, MSG_WAITALL) != 4)
		return (CLOSED);
	n = (uint8_t)data[2] * 256u + (uint8_t)data[3];
	assert_true(data[0] == 0 && data[1] == 0 && n < sizeof(data));
	assert_int_equal(recv(fd, data, n, MSG_WAITALL), n);
	return (data[0]);
}

static int
negotiated(const struct sp_rig *g)
{
	static const struct sp_packet options[] = { SP_PACKET_OPTIONS,
		{ NULL, 0 } };
	int fd = sp_client(g);

	say(fd, options);
	assert_int_equal(hear(fd, 5000), 'O');
	return (fd);
}

/* Up to the end of the body, or just before it. */
static int
sending(const struct sp_rig *g, bool whole)
{
	static const struct sp_packet envelope[] = { P("M<a@b>\0"),
		P("R<c@d>\0"), { NULL, 0 } };
	static const struct sp_packet content[] = { P("N"), P("Bhi\r\n"),
		{ NULL, 0 } };
	static const struct sp_packet end[] = { P("E"), { NULL, 0 } };
	int fd = negotiated(g);

	say(fd, envelope);
	assert_int_equal(hear(fd, 5000), 'c');
	assert_int_equal(hear(fd, 5000), 'c');
	say(fd, content);
	if (whole)
		say(fd, end);
	return (fd);
}

static void
test_accept_comes_after_the_commit_and_not_before(void **state)
{
	static const struct sp_packet quit[] = { P("Q"), { NULL, 0 } };
	struct sp_rig g;
	int fd;

	(void)state;
	start(&g);
	sp_rig_block(&g, true);
	sp_rig_start(&g);
	fd = sending(&g, true);
	sp_rig_wait_blocked(&g);
	assert_int_equal(hear(fd, 200), NOTHING);
	sp_rig_block(&g, false);
	assert_int_equal(hear(fd, 5000), 'a');
	assert_true(sp_rig_stored(&g, "\r\nhi\r\n<EOM>"));
	assert_true(sp_rig_logged(&g, "accepted seq=100 session="));
	assert_true(sp_rig_logged(&g, " recipients=1 size=6 sha256="));
	say(fd, quit);
	assert_int_equal(hear(fd, 5000), CLOSED);
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_a_failed_commit_is_tempfail(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	start(&g);
	g.fake.code = SP_ESYNC;
	sp_rig_start(&g);
	fd = sending(&g, true);
	assert_int_equal(hear(fd, 5000), 't');
	assert_true(sp_rig_logged(&g, "deferred code=451"));
	assert_true(sp_rig_logged(&g, "alarm intake"));
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_an_mta_that_goes_during_the_commit_is_stored_all_the_same(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	start(&g);
	sp_rig_block(&g, true);
	sp_rig_start(&g);
	fd = sending(&g, true);
	sp_rig_wait_blocked(&g);
	(void)close(fd);
	(void)poll(NULL, 0, 50);
	sp_rig_block(&g, false);
	assert_true(sp_rig_stored(&g, "\r\nhi\r\n<EOM>"));
	sp_rig_done(&g);
}

static void
test_who_may_not_connect_is_closed_without_a_word(void **state)
{
	static struct sp_cidr ten = {
		.family = AF_INET, .addr = { 10 }, .bits = 8
	};
	struct sp_rig g;
	int fd[2];

	(void)state;
	start(&g);
	g.listen.allow.v = &ten;
	g.listen.allow.n = 1;
	sp_rig_start(&g);
	fd[0] = sp_client(&g);
	assert_int_equal(hear(fd[0], 5000), CLOSED);
	assert_true(sp_rig_logged(&g, "refused code=550"));
	(void)close(fd[0]);
	sp_rig_done(&g);

	start(&g);
	g.listen.max_per_peer = 1;
	sp_rig_start(&g);
	fd[0] = negotiated(&g);
	fd[1] = sp_client(&g);
	assert_int_equal(hear(fd[1], 5000), CLOSED);
	assert_true(sp_rig_logged(&g, "deferred code=421"));
	(void)close(fd[0]);
	(void)close(fd[1]);
	sp_rig_done(&g);
}

static void
test_the_silent_are_let_go(void **state)
{
	struct sp_rig g;
	int idle, half;

	(void)state;
	start(&g);
	g.listen.timeout = 1;
	g.listen.data_timeout = 1;
	sp_rig_start(&g);
	idle = negotiated(&g);
	half = sending(&g, false);
	assert_int_equal(hear(idle, 5000), CLOSED);
	assert_int_equal(hear(half, 5000), CLOSED);
	assert_true(sp_rig_logged(&g, "deferred code=421"));
	assert_true(sp_rig_logged(&g, "lost session="));
	(void)close(idle);
	(void)close(half);
	sp_rig_done(&g);
}

static void
test_garbage_is_one_line_in_the_log(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	start(&g);
	sp_rig_start(&g);
	fd = sp_client(&g);
	sp_client_say(fd, "EHLO me\r\nMAIL FROM:<a@b>\r\n");
	assert_int_equal(hear(fd, 5000), CLOSED);
	assert_true(sp_rig_logged(&g, "broken session="));
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_a_drain_finishes_messages_and_closes_the_rest(void **state)
{
	static const struct sp_packet end[] = { P("E"), { NULL, 0 } };
	struct sp_rig g;
	int idle, busy;

	(void)state;
	start(&g);
	sp_rig_start(&g);
	idle = negotiated(&g);
	busy = sending(&g, false);
	(void)poll(NULL, 0, 50);
	sp_rig_drain(&g);
	assert_int_equal(hear(idle, 5000), CLOSED);
	(void)close(idle);
	assert_false(sp_rig_drained(&g));
	say(busy, end);
	assert_int_equal(hear(busy, 5000), 'a');
	assert_int_equal(hear(busy, 5000), CLOSED);
	(void)close(busy);
	for (int i = 0; i < 100 && !sp_rig_drained(&g); i++)
		(void)poll(NULL, 0, 20);
	assert_true(sp_rig_drained(&g));
	sp_rig_done(&g);
}

static void
test_connections_are_used_again_for_either_protocol(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	start(&g);
	sp_rig_start(&g);
	for (int i = 0; i < 20; i++) {
		fd = sending(&g, true);
		assert_int_equal(hear(fd, 5000), 'a');
		(void)close(fd);
		fd = sp_client_door(&g);
		sp_client_ask(fd, "", "220 ");
		sp_client_ask(fd, "QUIT\r\n", "221");
		(void)close(fd);
	}
	sp_rig_done(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_accept_comes_after_the_commit_and_not_before),
		cmocka_unit_test(test_a_failed_commit_is_tempfail),
		cmocka_unit_test(
		    test_an_mta_that_goes_during_the_commit_is_stored_all_the_same),
		cmocka_unit_test(
		    test_who_may_not_connect_is_closed_without_a_word),
		cmocka_unit_test(test_the_silent_are_let_go),
		cmocka_unit_test(test_garbage_is_one_line_in_the_log),
		cmocka_unit_test(
		    test_a_drain_finishes_messages_and_closes_the_rest),
		cmocka_unit_test(
		    test_connections_are_used_again_for_either_protocol),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
