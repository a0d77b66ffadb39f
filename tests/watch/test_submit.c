/* journal/watch/submit.h: a password that others can read is not used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "journal/watch/submit.h"

/* Send a mail with the password in ${path}; nobody listens on the port. */
static enum sp_code
submit(const char *path, struct sp_err *err)
{
	static const char *const to[] = { "a@b.example" };
	static const char text[] = "Subject: x\r\n\r\n";
	const struct sp_submit_mail mail = {
		.to = to, .nto = 1, .text = { text, sizeof(text) - 1 }
	};
	struct sp_config *c = NULL;
	enum sp_code rc;
	char *conf;

	conf = sp_xasprintf("submit { server = \"127.0.0.1:1\" user = u\n"
			    "from = s@b.example security = tls\n"
			    "password_file = \"%s\" }",
	    path);
	assert_int_equal(
	    sp_config_parse("f", sp_view_str(conf), &c, err), SP_OK);
	rc = sp_submit(c, &mail, err);
	sp_config_free(c);
	free(conf);
	return (rc);
}

static void
test_a_password_that_others_can_read_is_not_used(void **state)
{
	char path[] = "/tmp/sp-submit-XXXXXX";
	const int fd = mkstemp(path);
	struct sp_err err;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "pw\n", 3), 3);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(submit(path, &err), SP_EKEY);
	assert_non_null(strstr(err.msg, path));
	assert_non_null(strstr(err.msg, "chmod 600"));
	/* With the mode as it should be it fails only for want of a server. */
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(submit(path, &err), SP_EAGAIN);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

static void
test_a_password_may_be_a_credential_of_systemd(void **state)
{
	struct sp_err err;

	(void)state;
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(submit("credential:mail", &err), SP_EKEY);
	assert_non_null(strstr(err.msg, "LoadCredential=mail:FILE"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_password_that_others_can_read_is_not_used),
		cmocka_unit_test(
		    test_a_password_may_be_a_credential_of_systemd),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
