/* A commit that takes long: the MTA is told every ten seconds to wait on. */
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

#define P SP_PACKET

static void
test_progress_is_told_every_ten_seconds(void **state)
{
	static const struct sp_packet all[] = { SP_PACKET_OPTIONS,
		P("M<a@b>\0"), P("R<c@d>\0"), P("N"), P("E"), { NULL, 0 } };
	struct sp_rig g;
	char got[64];
	struct sp_buf b;
	size_t n = 0;
	int fd;

	(void)state;
	sp_rig_init(&g);
	g.listen.protocol = SP_PROTO_MILTER;
	sp_rig_block(&g, true);
	sp_rig_start(&g);
	fd = sp_client(&g);
	sp_buf_init(&b, 4096);
	sp_mta_bytes(all, &b);
	assert_int_equal(send(fd, b.p, b.n, MSG_NOSIGNAL), b.n);
	sp_buf_done(&b);
	/* Options, two answers, and then only signs of life. */
	(void)poll(NULL, 0, 23000);
	n = (size_t)recv(fd, got, sizeof(got), MSG_DONTWAIT);
	assert_int_equal(n, 17 + 2 * 5 + 2 * 5);
	assert_memory_equal(got + 27, "\0\0\0\1p\0\0\0\1p", 10);
	sp_rig_block(&g, false);
	assert_int_equal(recv(fd, got, 5, MSG_WAITALL), 5);
	assert_memory_equal(got, "\0\0\0\1a", 5);
	(void)close(fd);
	sp_rig_done(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_progress_is_told_every_ten_seconds),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
