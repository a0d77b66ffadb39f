/* sp_config_moved: the configuration of the archive that continues another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/config/config.h"

/* What ${text} of /old becomes in /new; the caller frees it. */
static char *
moved(const char *text, const struct sp_config_move *m, enum sp_code want,
    struct sp_texts *files, struct sp_err *err)
{
	struct sp_buf out;
	enum sp_code rc;

	sp_buf_init(&out, 1 << 20);
	rc = sp_config_moved(
	    &out, "/old/sealpost.conf", sp_view_str(text), m, files, err);
	if (rc != want)
		fail_msg("%d %s", rc, err->msg);
	if (rc != SP_OK)
		assert_int_equal(out.n, 0);
	return (sp_buf_take(&out, NULL));
}

static void
test_only_what_must_change_changes(void **state)
{
	static const char text[] =
	    "# mine\nguard = /old.guard # why\n"
	    "user = 'sealpost'\n"
	    "listen a {\n\taddress = \"127.0.0.1:25\"\n\tauth_users = /old/users\n"
	    "\t/* kept */ tls = starttls certificate = /old/tls/a.pem\n"
	    "\tsni_certificates = { /etc/b.pem, \"/old/tls/c.pem\" }\n}\n";
	const struct sp_config_move m = { .old = "/old",
		.dir = "/new",
		.guard = "/new.guard",
		.group = "audit" };
	struct sp_texts files;
	struct sp_err err;
	char *got = moved(text, &m, SP_OK, &files, &err);

	(void)state;
	assert_string_equal(got,
	    "group = \"audit\"\n# mine\nguard = \"/new.guard\" # why\n"
	    "user = 'sealpost'\n"
	    "listen a {\n\taddress = \"127.0.0.1:25\"\n\tauth_users = \"/new/users\"\n"
	    "\t/* kept */ tls = starttls certificate = \"/new/tls/a.pem\"\n"
	    "\tsni_certificates = { /etc/b.pem, \"/new/tls/c.pem\" }\n}\n");
	assert_int_equal(files.n, 3);
	assert_string_equal(files.v[0], "users");
	assert_string_equal(files.v[1], "tls/a.pem");
	assert_string_equal(files.v[2], "tls/c.pem");
	sp_config_texts_free(&files);
	free(got);
}

/* An archive that was moved away names its files where it stood, which is where
 * the new one stands. */
static void
test_an_archive_that_was_moved_away(void **state)
{
	const struct sp_config_move m = { .old = "/old", .dir = "/new" };
	struct sp_texts files;
	struct sp_err err;
	char *got = moved(
	    "listen a { address = 'unix:/new/s' max_line = 4K }\n"
	    "alarm { command = /newer/page }\n"
	    "submit { ca = '/new/u' server = 'a:1' from = 'a@b.example' }\n",
	    &m, SP_OK, &files, &err);

	(void)state;
	assert_string_equal(got,
	    "listen a { address = \"unix:/new/s\" max_line = 4K }\n"
	    "alarm { command = /newer/page }\n"
	    "submit { ca = \"/new/u\" server = 'a:1' from = 'a@b.example' }\n");
	assert_int_equal(files.n, 1);
	assert_string_equal(files.v[0], "u");
	sp_config_texts_free(&files);
	free(got);
}

static void
test_a_listener_is_set_where_there_is_one(void **state)
{
	const struct sp_config_move m = { .old = "/old",
		.dir = "/new",
		.guard = "/g\"$\\{",
		.listen = "127.0.0.1:2600" };
	struct sp_texts files;
	struct sp_err err;
	char *got = moved(
	    "listen a { address = 127.0.0.1:25 }\n", &m, SP_OK, &files, &err);

	(void)state;
	assert_string_equal(got,
	    "guard = \"/g\\\"$\\\\{\"\nlisten a { address = \"127.0.0.1:2600\" }\n");
	sp_config_texts_free(&files);
	free(got);
	free(moved("listen a { address = 127.0.0.1:25 }\n"
		   "listen b { address = 127.0.0.1:26 }\n",
	    &m, SP_EUSAGE, &files, &err));
	assert_non_null(strstr(err.msg, "2 listeners"));
	free(moved("listen a {", &m, SP_ECONFIG, &files, &err));
	assert_non_null(strstr(err.msg, "/old/sealpost.conf:1:1: "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_must_change_changes),
		cmocka_unit_test(test_an_archive_that_was_moved_away),
		cmocka_unit_test(test_a_listener_is_set_where_there_is_one),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
