/* What stands before a session: proxies, ceilings, the last bytes of a disk. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

static struct sp_cidr loopback = {
	.family = AF_INET, .addr = { 127 }, .bits = 8
};
static struct sp_cidr elsewhere = {
	.family = AF_INET, .addr = { 192, 0, 2 }, .bits = 24
};

static void
send_one(int fd, const char *body)
{
	char text[200];

	sp_client_ask(fd, "EHLO me\r\n", "250");
	sp_client_ask(fd, "MAIL FROM:<a@b>\r\n", "250");
	sp_client_ask(fd, "RCPT TO:<c@d>\r\n", "250");
	sp_client_ask(fd, "DATA\r\n", "354");
	(void)snprintf(text, sizeof(text), "%s\r\n.\r\n", body);
	sp_client_ask(fd, text, "250 2.0.0 Ok: seq=");
}

static void
closed(int fd)
{
	char line[512];
	const char *got;

	do {
		got = sp_client_hear(fd, line, 5000);
		assert_non_null(got);
	} while (*got != '\0');
	(void)close(fd);
}

static void
test_a_proxy_names_its_client(void **state)
{
	struct sp_rig g;
	int fd, more;

	(void)state;
	sp_rig_init(&g);
	g.listen.proxy = (struct sp_networks){ &loopback, 1 };
	g.listen.allow = (struct sp_networks){ &elsewhere, 1 };
	g.listen.max_per_peer = 1;
	sp_rig_start(&g);
	fd = sp_client(&g);
	/* Nothing is said before the header is whole. */
	sp_client_say(fd, "PROXY TCP4 192.0.2.7 198.51.100.1 1");
	assert_null(sp_client_hear(fd, (char[512]){ 0 }, 200));
	sp_client_ask(fd, "0 25\r\n", "220 ");
	send_one(fd, "claimed");
	/* Its address is what counts: for the limit, and for who may. */
	more = sp_client(&g);
	sp_client_ask(
	    more, "PROXY TCP4 192.0.2.7 198.51.100.1 11 25\r\n", "421 4.7.0");
	closed(more);
	more = sp_client(&g);
	sp_client_ask(
	    more, "PROXY TCP4 192.0.2.8 198.51.100.1 11 25\r\n", "220 ");
	(void)close(more);
	more = sp_client(&g);
	sp_client_ask(
	    more, "PROXY TCP4 203.0.113.1 198.51.100.1 11 25\r\n", "554 ");
	closed(more);
	/* Its own connections are its own. */
	more = sp_client(&g);
	sp_client_ask(more, "PROXY UNKNOWN\r\n", "554 ");
	closed(more);
	(void)close(fd);
	sp_rig_done(&g);
}

static void
test_without_a_header_nothing_is_served(void **state)
{
	static const char *const first[] = { "EHLO me\r\n",
		"PROXY TCP4 nonsense\r\n", "\r\n\r\n" };
	struct sp_rig g;
	int fd;

	(void)state;
	sp_rig_init(&g);
	g.listen.proxy = (struct sp_networks){ &loopback, 1 };
	g.listen.tls_timeout = 1;
	sp_rig_start(&g);
	for (size_t i = 0; i < SP_COUNTOF(first); i++) {
		fd = sp_client(&g);
		sp_client_say(fd, first[i]);
		closed(fd);
	}
	assert_true(sp_rig_logged(&g, "proxy_failed"));
	assert_true(sp_rig_logged(&g, "reason=\"there is none\""));
	/* The last had only begun. */
	assert_true(sp_rig_logged(&g, "reason=\"it did not come in time\""));
	/* Commands behind the header do not wait for the greeting. */
	fd = sp_client(&g);
	sp_client_ask(fd, "PROXY UNKNOWN\r\nEHLO me\r\n", "554 5.5.0");
	closed(fd);
	sp_rig_done(&g);
}

static void
test_only_the_proxies_may_connect(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	sp_rig_init(&g);
	g.listen.proxy = (struct sp_networks){ &elsewhere, 1 };
	sp_rig_start(&g);
	fd = sp_client(&g);
	sp_client_ask(fd, "", "554 ");
	closed(fd);
	sp_rig_done(&g);
}

static void
test_there_is_a_ceiling_over_all_listeners(void **state)
{
	struct sp_rig g;
	int fd[3];

	(void)state;
	sp_rig_init(&g);
	g.cfg->max_connections = 2;
	sp_rig_start(&g);
	for (size_t i = 0; i < 3; i++) {
		fd[i] = sp_client(&g);
		sp_client_ask(fd[i], "", i < 2 ? "220 " : "421 4.3.2");
	}
	closed(fd[2]);
	/* The door is not counted: who looks after the service gets in. */
	fd[2] = sp_client_door(&g);
	sp_client_ask(fd[2], "", "220 ");
	for (size_t i = 0; i < 3; i++)
		(void)close(fd[i]);
	sp_rig_done(&g);
}

static void
test_the_silent_go_when_places_become_few(void **state)
{
	struct sp_rig g;
	int fd[4];

	(void)state;
	sp_rig_init(&g);
	g.listen.max_sessions = 4;
	g.listen.timeout = 11; /* a tenth, but ten seconds at least */
	sp_rig_start(&g);
	for (size_t i = 0; i < 4; i++) {
		fd[i] = sp_client(&g);
		sp_client_ask(fd[i], "", "220 ");
	}
	(void)poll(NULL, 0, 7000);
	sp_client_ask(fd[0], "", "421 4.4.2");
	for (size_t i = 0; i < 4; i++)
		(void)close(fd[i]);
	sp_rig_done(&g);
}

static void
test_the_last_bytes_of_the_disk_are_not_for_mail(void **state)
{
	struct sp_rig g;
	int fd;

	(void)state;
	sp_rig_init(&g);
	sp_rig_start(&g);
	fd = sp_client(&g);
	sp_client_ask(fd, "", "220 ");
	send_one(fd, "before");
	sp_client_ask(fd, "MAIL FROM:<a@b>\r\n", "250");
	sp_client_ask(fd, "RCPT TO:<c@d>\r\n", "250");
	sp_client_ask(fd, "DATA\r\n", "354");
	/* As if the disk had filled meanwhile, below the soft mark only. */
	g.cfg->disk_reserve = UINT64_C(1) << 62;
	g.cfg->disk_minimum = 1;
	sp_client_ask(fd, "in hand\r\n.\r\n", "250 2.0.0 Ok: seq=");
	(void)poll(NULL, 0, 1100);
	sp_client_ask(fd, "MAIL FROM:<a@b>\r\n", "452 4.3.1");
	g.cfg->disk_reserve = 0;
	(void)poll(NULL, 0, 1100);
	sp_client_ask(fd, "MAIL FROM:<a@b>\r\n", "250");
	sp_client_ask(fd, "RCPT TO:<c@d>\r\n", "250");
	sp_client_ask(fd, "DATA\r\n", "354");
	/* And below the hard one. */
	g.cfg->disk_reserve = UINT64_C(1) << 62;
	g.cfg->disk_minimum = UINT64_C(1) << 61;
	sp_client_ask(fd, "never written\r\n.\r\n", "452 4.3.1");
	assert_true(sp_rig_logged(&g, "disk_minimum"));
	assert_true(sp_rig_stored(&g, "in hand\r\n<EOM>"));
	g.cfg->disk_reserve = 0;
	(void)poll(NULL, 0, 1100);
	send_one(fd, "after");
	assert_true(sp_rig_stored(&g, "after\r\n<EOM>"));
	assert_null(strstr(sp_buf_cstr(&g.fake.stored), "never"));
	(void)close(fd);
	sp_rig_done(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_proxy_names_its_client),
		cmocka_unit_test(test_without_a_header_nothing_is_served),
		cmocka_unit_test(test_only_the_proxies_may_connect),
		cmocka_unit_test(test_there_is_a_ceiling_over_all_listeners),
		cmocka_unit_test(test_the_silent_go_when_places_become_few),
		cmocka_unit_test(
		    test_the_last_bytes_of_the_disk_are_not_for_mail),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
