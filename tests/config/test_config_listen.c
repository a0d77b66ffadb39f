/* The options of a listener's socket and encryption, and what they must be
 * together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/config/config.h"

#define L "listen a { address = 127.0.0.1:1\n"
#define U "listen a { address = \"unix:/run/x\"\n"
#define P64                                \
	"00112233445566778899aabbccddeeff" \
	"00112233445566778899aabbccddeeff"

static struct sp_err err;

static void
test_sockets_and_encryption_are_read(void **state)
{
	static const char text[] =
	    U "protocol = lmtp socket_mode = 0666 socket_group = postfix }\n"
	      "listen b { address = 127.0.0.1:1 tls = starttls\n"
	      "certificate = /a\n"
	      "key = /b\n"
	      "sni_certificates = { /c, /d } require_tls = true\n"
	      "client_ca = /e client_crl = /f\n"
	      "client_fingerprints = { " P64 " }\n"
	      "require_client_cert = true proxy = { 127.0.0.2 } }\n";
	struct sp_config *c = NULL;
	const struct sp_listen *l;

	(void)state;
	if (sp_config_parse("f", sp_view_str(text), &c, &err) != SP_OK)
		fail_msg("%s", err.msg);
	l = &c->listen[0];
	assert_int_equal(l->sa.ss_family, AF_UNIX);
	assert_string_equal(
	    ((const struct sockaddr_un *)(const void *)&l->sa)->sun_path,
	    "/run/x");
	assert_int_equal(l->socket_mode, SP_SOCKET_ALL);
	assert_string_equal(l->socket_group, "postfix");
	l = &c->listen[1];
	assert_int_equal(l->tls, SP_TLS_STARTTLS);
	assert_int_equal(l->sni_certificates.n, 2);
	assert_int_equal(l->client_fingerprints.n, 1);
	assert_int_equal(l->proxy.n, 1);
	assert_int_equal(l->line.certificate, 4);
	assert_int_equal(l->line.key, 5);
	sp_config_free(c);
}

static void
test_what_does_not_go_together_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *want;
	} table[] = {
		{ L "certificate = /a }",
		    "f:2:1: an option for encryption without it" },
		{ L "require_tls = true }", "f:2:1: an option for encryption" },
		{ L "tls = implicit }",
		    "f:2:1: encryption needs a certificate" },
		{ L "tls = starttls certificate = /a\nclient_crl = /b }",
		    "f:3:1: client_crl needs the authorities" },
		{ L "tls = starttls certificate = /a\n"
		    "require_client_cert = true }",
		    "f:3:1: nothing to check a client's certificate against" },
		{ L "tls = starttls certificate = /a\n"
		    "client_fingerprints = { abc } }",
		    "f:3:25: \"abc\" is no value of option" },
		{ L "socket_group = x }",
		    "f:2:1: socket_group is of a socket" },
		{ U "allow = { 127.0.0.1 } }", "f:2:1: a socket in the file" },
		{ U "proxy = { 127.0.0.1 } }", "f:2:1: a socket in the file" },
		{ U "socket_mode = 0777 }", "f:2:15: \"0777\" is no value" },
		{ U "}\nlisten b { address = \"unix:/run/x\" }",
		    "f:3:12: address unix:/run/x is already used" },
		{ "listen a { address = \"unix:run\" }",
		    "f:1:22: \"unix:run\" is no value of option \"address\"" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(table); i++) {
		struct sp_config *c = NULL;

		if (sp_config_parse(
			"f", sp_view_str(table[i].text), &c, &err) == SP_OK)
			fail_msg("%s: accepted", table[i].text);
		if (strncmp(err.msg, table[i].want, strlen(table[i].want)) != 0)
			fail_msg("%s: got %s", table[i].text, err.msg);
	}
}

static void
test_a_path_has_its_limit(void **state)
{
	char text[200] = "listen a { address = \"unix:/";
	struct sp_config *c = NULL;
	size_t n = strlen(text);

	(void)state;
	memset(text + n, 'x', 106);
	memcpy(text + n + 106, "\" }", 4);
	assert_int_equal(
	    sp_config_parse("f", sp_view_str(text), &c, &err), SP_OK);
	sp_config_free(c);
	memcpy(text + n + 106, "x\" }", 5);
	assert_int_equal(
	    sp_config_parse("f", sp_view_str(text), &c, &err), SP_ECONFIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets_and_encryption_are_read),
		cmocka_unit_test(
		    test_what_does_not_go_together_is_refused_with_its_place),
		cmocka_unit_test(test_a_path_has_its_limit),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
