/* The options of a listener that say who may log in. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/config/config.h"

static struct sp_err err;

static void
test_a_listener_may_want_a_login(void **state)
{
	static const char text[] =
	    "listen wide { address = 0.0.0.0:587\n"
	    "  tls = starttls certificate = /etc/a.pem\n"
	    "  auth_users = /etc/users require_auth = true }\n"
	    "listen mta { address = 127.0.0.1:1 auth_users = /etc/users\n"
	    "  tls = implicit certificate = /etc/a.pem }\n";
	struct sockaddr_in far = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0xc0000201) };
	struct sp_config *c = NULL;

	(void)state;
	assert_int_equal(
	    sp_config_parse("f", sp_view_str(text), &c, &err), SP_OK);
	assert_string_equal(c->listen[0].auth_users, "/etc/users");
	assert_true(c->listen[0].require_auth);
	assert_false(c->listen[1].require_auth);
	/* A login stands for the list. */
	assert_true(sp_config_allows(&c->listen[0], (void *)&far));
	assert_false(sp_config_allows(&c->listen[1], (void *)&far));
	assert_non_null(strstr(c->text, "\nlisten.wide.require_auth = true\n"));
	sp_config_free(c);
}

static void
test_a_list_holds_for_those_who_log_in_too(void **state)
{
	static const char text[] =
	    "listen wide { address = 0.0.0.0:587 allow = { 198.51.100.0/24 }\n"
	    "  tls = implicit certificate = /etc/a.pem\n"
	    "  auth_users = /etc/users require_auth = true }\n";
	struct sockaddr_in far = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0xc0000201) };
	struct sp_config *c = NULL;

	(void)state;
	assert_int_equal(
	    sp_config_parse("f", sp_view_str(text), &c, &err), SP_OK);
	assert_false(sp_config_allows(&c->listen[0], (void *)&far));
	sp_config_free(c);
}

static void
test_somebody_must_be_able_to(void **state)
{
	struct sp_config *c = NULL;

	(void)state;
	assert_int_equal(sp_config_parse("f",
			     SP_VIEW_LIT("listen a { address = 127.0.0.1:1\n"
					 "require_auth = yes }"),
			     &c, &err),
	    SP_ECONFIG);
	assert_string_equal(err.msg,
	    "f:2:1: require_auth needs to know who may log in; expected "
	    "auth_users = /FILE in this section");
	assert_int_equal(sp_config_parse("f",
			     SP_VIEW_LIT("listen a { address = 127.0.0.1:1\n"
					 "auth_users = /etc/users }"),
			     &c, &err),
	    SP_ECONFIG);
	assert_string_equal(err.msg,
	    "f:2:1: a login is taken inside TLS only; expected tls = starttls "
	    "or tls = implicit in this section");
}

static void
test_relays_are_networks(void **state)
{
	static const char text[] =
	    "listen a { address = 127.0.0.1:1\n"
	    "  xforward = { 192.0.2.0/25, 2001:db8::1 } xclient = { 192.0.2.1 "
	    "} }\n";
	struct sockaddr_in near = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0xc0000201) };
	struct sp_config *c = NULL;

	(void)state;
	assert_int_equal(
	    sp_config_parse("f", sp_view_str(text), &c, &err), SP_OK);
	assert_int_equal(c->listen[0].xforward.n, 2);
	assert_int_equal(c->listen[0].xclient.n, 1);
	assert_true(
	    sp_config_in_networks(&c->listen[0].xforward, (void *)&near));
	near.sin_addr.s_addr = htonl(0xc0000202);
	assert_false(
	    sp_config_in_networks(&c->listen[0].xclient, (void *)&near));
	/* Who may claim may not send for that. */
	assert_false(sp_config_allows(&c->listen[0], (void *)&near));
	sp_config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_listener_may_want_a_login),
		cmocka_unit_test(test_a_list_holds_for_those_who_log_in_too),
		cmocka_unit_test(test_somebody_must_be_able_to),
		cmocka_unit_test(test_relays_are_networks),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
