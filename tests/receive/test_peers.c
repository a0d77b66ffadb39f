/* Who counts as one: an IPv4 address, an IPv6 network of 64 bits, a user. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "journal/receive/peer.h"
#include "journal/receive/peers.h"

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = 1 };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = 2 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		memcpy(&ss, &in, sizeof(in));
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		memcpy(&ss, &in6, sizeof(in6));
	else
		sp_peer_local((uid_t)text[0], &ss);
	return (ss);
}

static void
test_addresses_that_one_has_are_one_peer(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.8", false },
		{ "2001:db8::1", "2001:db8::ffff:1:2:3", true },
		{ "2001:db8::1", "2001:db8:0:0:8000::1", true },
		{ "2001:db8:0:1::1", "2001:db8::1", false },
		{ "uid", "uid", true },
		{ "uid", "other", false },
		{ "0.0.0.117", "uid", false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_memory *m = sp_memory_new(1u << 20, "/tmp");
		struct sp_peers *p = sp_peers_new(2, m);
		struct sockaddr_storage a = address(rows[i].a),
					b = address(rows[i].b);
		struct sp_peer *x = sp_peers_enter(p, (void *)&a, 0);
		struct sp_peer *y = sp_peers_enter(p, (void *)&b, 1);

		if ((x == y) != rows[i].same)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
		assert_int_equal(sp_peers_sessions_on(x, 0), 1);
		assert_int_equal(sp_peers_sessions_on(y, 1), 1);
		assert_int_equal(sp_peers_sessions(x), rows[i].same ? 2 : 1);
		/* It is there until what it holds was given back. */
		assert_true(sp_memory_charge(sp_peers_memory(x), 10));
		sp_peers_leave(x, 0);
		assert_int_equal(sp_peers_sessions_on(x, 0), 0);
		sp_memory_discharge(sp_peers_memory(x), 10);
		sp_peers_release(p, x);
		assert_int_equal(sp_peers_sessions(y), 1);
		sp_peers_leave(y, 1);
		sp_peers_release(p, y);
		sp_peers_free(p);
		sp_memory_free(m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_that_one_has_are_one_peer),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
