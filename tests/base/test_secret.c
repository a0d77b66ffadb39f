/* base/secret.h: which files are read, which are refused, and that no copy of a
 * secret stays behind. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/secret.h"

#define MAX 100

static char dir[] = "/tmp/sp-secret-XXXXXX";
static struct sp_err err;

/* The path of a file in the test's directory, with these bytes and this
 * mode. */
static const char *
file(const char *name, const void *p, size_t n, mode_t mode)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(sp_io_replace(path, p, n, 0600, &err), SP_OK);
	assert_int_equal(chmod(path, mode), 0);
	return (path);
}

static int
set_up(void **state)
{
	(void)state;
	return (mkdtemp(dir) == NULL);
}

static int
clean_up(void **state)
{
	char **names;
	size_t n;

	(void)state;
	assert_int_equal(sp_io_list(dir, &names, &n, &err), SP_OK);
	assert_int_equal(chdir(dir), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sp_io_unlink(names[i], &err), SP_OK);
	sp_io_names_free(names, n);
	return (sp_io_rmdir(dir, NULL) != SP_OK);
}

/* Read it; whether that went well.  What is left of a refusal is empty. */
static bool
reads(const char *path, bool secret, struct sp_buf *out)
{
	if (sp_secret_file("key", path, secret, MAX, out, &err) == SP_OK)
		return (true);
	assert_int_equal(err.code, SP_EKEY);
	assert_true(strncmp(err.msg, "key ", 4) == 0);
	assert_int_equal(out->n, 0);
	return (false);
}

static void
test_what_others_may_read_or_change_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} rows[] = {
		{ 0600, true },
		{ 0400, true },
		{ 0640, true }, /* the group is the administrator's choice */
		{ 0644, false },
		{ 0604, false },
		{ 0602, false },
		{ 0666, false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		const char *path = file("mode", "secret\n", 7, rows[i].mode);
		struct sp_buf b;

		if (reads(path, true, &b) != rows[i].good)
			fail_msg("%o: %s", (unsigned)rows[i].mode, err.msg);
		assert_int_equal(b.n, rows[i].good ? 7 : 0);
		if (!rows[i].good)
			assert_non_null(strstr(err.msg, "chmod 600"));
		sp_secret_done(&b);
		/* A certificate is no secret. */
		assert_true(reads(path, false, &b));
		sp_secret_done(&b);
	}
}

static void
test_what_is_no_regular_file_is_refused_at_once(void **state)
{
	char path[128];
	struct sp_buf b;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(reads(path, true, &b));
	assert_non_null(strstr(err.msg, "no regular file"));
	sp_secret_done(&b);
	assert_false(reads("/dev/null", false, &b));
	sp_secret_done(&b);
	assert_false(reads(dir, true, &b));
	sp_secret_done(&b);
	assert_false(reads("/nonexistent/key", true, &b));
	assert_non_null(strstr(err.msg, "/nonexistent/key"));
	sp_secret_done(&b);
}

static void
test_the_limit_holds_and_nothing_of_a_longer_file_stays(void **state)
{
	char bytes[MAX + 1];
	struct sp_buf b;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	assert_true(reads(file("limit", bytes, MAX, 0600), true, &b));
	assert_int_equal(b.n, MAX);
	sp_secret_done(&b);
	assert_false(reads(file("limit", bytes, MAX + 1, 0600), true, &b));
	for (size_t i = 0; i < b.cap; i++)
		assert_int_not_equal(b.p[i], 'x');
	sp_secret_done(&b);
}

static void
test_a_credential_comes_from_the_directory_of_systemd(void **state)
{
	struct sp_buf b;

	(void)state;
	(void)file("token", "t", 1, 0400);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_false(reads("credential:token", true, &b));
	assert_non_null(strstr(err.msg, "LoadCredential=token:"));
	sp_secret_done(&b);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	assert_true(reads("credential:token", true, &b));
	assert_true(sp_view_eq_str(sp_buf_view(&b), "t"));
	sp_secret_done(&b);
	assert_false(reads("credential:other", true, &b));
	sp_secret_done(&b);
	/* Never out of that directory, and never relative. */
	assert_false(reads("credential:../token", true, &b));
	sp_secret_done(&b);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "here", 1), 0);
	assert_false(reads("credential:token", true, &b));
	sp_secret_done(&b);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void
test_a_path_is_absolute_or_a_credential(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{ "/etc/secret", true },
		{ "credential:a", true },
		{ "credential:a.b", true },
		{ "credential:", false },
		{ "credential:.a", false },
		{ "credential:/etc/secret", false },
		{ "credential:a/b", false },
		{ "secret", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_buf b;

		if (sp_secret_path_ok(rows[i].path) != rows[i].good)
			fail_msg("%s", rows[i].path);
		if (rows[i].good)
			continue;
		assert_false(reads(rows[i].path, true, &b));
		sp_secret_done(&b);
	}
}

static void
test_a_secret_alone_on_one_line_loses_its_line_end(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *want; /* NULL: refused */
		const char *why; /* ... and this is said */
	} rows[] = {
		{ "pass word", 9, "pass word", NULL },
		{ "secret\n", 7, "secret", NULL },
		{ "secret\r\n", 8, "secret", NULL },
		{ "secret\n\n", 8, "secret", NULL },
		{ " secret \n", 9, " secret ", NULL },
		{ "", 0, NULL, "is empty" },
		{ "\r\n", 2, NULL, "is empty" },
		{ "one\ntwo\n", 8, NULL, "more than one line" },
		{ "one\0two\n", 8, NULL, "a NUL byte" },
		{ "o\0n\0e\0\n\0", 8, NULL, "a NUL byte" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		const char *path = file("line", rows[i].in, rows[i].n, 0600);
		struct sp_buf b;

		if ((sp_secret_line("password", path, &b, &err) == SP_OK) !=
		    (rows[i].want != NULL))
			fail_msg("row %zu: %s", i, err.msg);
		if (rows[i].want != NULL) {
			assert_true(
			    sp_view_eq_str(sp_buf_view(&b), rows[i].want));
		} else {
			assert_int_equal(err.code, SP_EKEY);
			assert_non_null(strstr(err.msg, path));
			assert_non_null(strstr(err.msg, rows[i].why));
			assert_null(strstr(err.msg, "two"));
			assert_int_equal(b.n, 0);
		}
		sp_secret_done(&b);
	}
}

static void
test_a_secret_never_moves(void **state)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 4096, 5000 };

	(void)state;
	for (size_t k = 0; k < SP_COUNTOF(sizes); k++) {
		struct sp_buf b;
		const char *at;

		sp_secret_init(&b, sizes[k]);
		at = b.p;
		assert_non_null(at);
		for (size_t i = 0; i < sizes[k]; i++)
			assert_int_equal(sp_buf_addc(&b, 'x'), SP_OK);
		assert_int_equal(sp_buf_addc(&b, 'x'), SP_ELIMIT);
		assert_non_null(sp_buf_cstr(&b));
		assert_ptr_equal(b.p, at);
		sp_secret_done(&b);
		assert_null(b.p);
		sp_secret_done(&b);
	}
}

static void
test_a_caller_may_do_without_the_message(void **state)
{
	struct sp_buf b;

	(void)state;
	assert_int_equal(
	    sp_secret_file("key", "/nonexistent", true, MAX, &b, NULL),
	    SP_EKEY);
	sp_secret_done(&b);
	assert_int_equal(
	    sp_secret_line("key", file("open", "x", 1, 0644), &b, NULL),
	    SP_EKEY);
	sp_secret_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_others_may_read_or_change_is_refused),
		cmocka_unit_test(
		    test_what_is_no_regular_file_is_refused_at_once),
		cmocka_unit_test(
		    test_the_limit_holds_and_nothing_of_a_longer_file_stays),
		cmocka_unit_test(
		    test_a_credential_comes_from_the_directory_of_systemd),
		cmocka_unit_test(test_a_path_is_absolute_or_a_credential),
		cmocka_unit_test(
		    test_a_secret_alone_on_one_line_loses_its_line_end),
		cmocka_unit_test(test_a_secret_never_moves),
		cmocka_unit_test(test_a_caller_may_do_without_the_message),
	};

	return (cmocka_run_group_tests(tests, set_up, clean_up));
}
