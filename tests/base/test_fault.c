/* Fault injection itself: each kind does to the disk what doc/testing.md
 * says. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/io.h"

static char dir[64];

static const char *
in(const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return (p);
}

/* The content of a file, "-" where there is none; zeros are shown as '0'. */
static const char *
content(const char *name)
{
	static char buf[256];
	FILE *f = fopen(in(name), "rb");
	size_t n;

	if (f == NULL)
		return ("-");
	n = fread(buf, 1, sizeof(buf) - 1, f);
	(void)fclose(f);
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\0')
			buf[i] = '0';
	}
	buf[n] = '\0';
	return (buf);
}

static void
must(enum sp_code rc)
{
	if (rc != SP_OK)
		_exit(99);
}

/*
 * The work whose every call is made to fail.  Before it: "old" holds
 * "oldbytes", "gone" holds "g", both durable.
 *   1 create a     2 write a     3 sync a      4 sync the directory
 *   5 overwrite old (unsynced)   6 cut a to 2 (unsynced)
 *   7 rename old to new          8 unlink gone
 *   9 mkdir d     10 create d/f  11 write a (the last call)
 */
static void
work(void)
{
	int a, b, f;

	must(sp_io_open(in("a"), O_RDWR | O_CREAT, 0600, &a, NULL));
	must(sp_io_pwrite(a, "abcdef", 6, 0, NULL));
	must(sp_io_fdatasync(a, NULL));
	must(sp_io_syncdir(dir, NULL));
	must(sp_io_open(in("old"), O_RDWR, 0, &b, NULL));
	must(sp_io_pwrite(b, "NEW+tail", 8, 3, NULL));
	must(sp_io_ftruncate(a, 2, NULL));
	must(sp_io_rename(in("old"), in("new"), NULL));
	must(sp_io_unlink(in("gone"), NULL));
	must(sp_io_mkdir(in("d"), 0700, NULL));
	must(sp_io_open(in("d/f"), O_RDWR | O_CREAT, 0600, &f, NULL));
	must(sp_io_pwrite(a, "XYZ1", 4, 2, NULL));
}

/* Run the work with a fault in a child; its exit status. */
static int
run(const char *kind, uint64_t at)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		sp_fault_arm(kind, at);
		work();
		_exit(sp_fault_fired() ? 1 : 0);
	}
	(void)waitpid(pid, &status, 0);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(in(name), "wb");

	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/sp-fault-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (-1);
	put("old", "oldbytes");
	put("gone", "g");
	return (0);
}

static int
teardown(void **state)
{
	static const char *const names[] = { "a", "old", "new", "gone", "d/f",
		"d", "x", "y" };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(names); i++)
		(void)remove(in(names[i]));
	return (rmdir(dir));
}

static void
test_without_a_fault_all_is_done(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, 0), 0);
	assert_string_equal(content("a"), "abXYZ1");
	assert_string_equal(content("new"), "oldNEW+tail");
	assert_string_equal(content("gone"), "-");
	assert_string_equal(content("d/f"), "");
}

static void
test_crash_keeps_everything_before_the_call(void **state)
{
	(void)state;
	assert_int_equal(run("crash", 8), 137);
	assert_string_equal(content("a"), "ab");
	assert_string_equal(content("new"), "oldNEW+tail");
	assert_string_equal(content("gone"), "g");
}

static void
test_torn_writes_the_first_half(void **state)
{
	(void)state;
	assert_int_equal(run("torn", 11), 137);
	assert_string_equal(content("a"), "abXY");
}

static void
test_torn_does_not_apply_to_a_sync(void **state)
{
	(void)state;
	assert_int_equal(run("torn", 3), 0);
}

static void
test_hole_leaves_zeros_in_place_of_the_data(void **state)
{
	(void)state;
	assert_int_equal(run("hole", 5), 137);
	assert_string_equal(content("old"), "old00000000");
}

static void
test_lost_goes_on_until_the_next_sync(void **state)
{
	(void)state;
	assert_int_equal(run("lost", 2), 137);
	assert_string_equal(content("a"), "000000");
}

static void
test_power_keeps_only_what_was_synced(void **state)
{
	(void)state;
	assert_int_equal(run("power", 11), 137);
	assert_string_equal(content("a"), "abcdef");
	assert_string_equal(content("old"), "oldbytes");
	assert_string_equal(content("new"), "-");
	assert_string_equal(content("gone"), "-"); /* a removal may stay */
	assert_string_equal(content("d/f"), "-");
	assert_false(sp_io_exists(in("d")));
}

static void
test_rewind_takes_removals_back_too(void **state)
{
	(void)state;
	assert_int_equal(run("rewind", 11), 137);
	assert_string_equal(content("gone"), "g");
	assert_string_equal(content("old"), "oldbytes");
}

static void
test_power_before_the_directory_sync_drops_the_name(void **state)
{
	(void)state;
	assert_int_equal(run("power", 4), 137);
	assert_string_equal(content("a"), "-");
	assert_string_equal(content("old"), "oldbytes");
}

/* Rename over a file: both the old file and its bytes come back. */
static void
test_power_gives_a_replaced_name_its_old_file(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	put("x", "before");
	put("y", "after");
	pid = fork();
	if (pid == 0) {
		sp_fault_arm("power", 2);
		must(sp_io_rename(in("y"), in("x"), NULL));
		must(sp_io_unlink(in("nothing"), NULL));
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 137);
	assert_string_equal(content("x"), "before");
	assert_string_equal(content("y"), "after");
}

static void
test_failing_kinds_return_their_code_once(void **state)
{
	struct sp_err err;
	int fd;

	(void)state;
	assert_int_equal(
	    sp_io_open(in("a"), O_RDWR | O_CREAT, 0600, &fd, NULL), SP_OK);
	sp_fault_arm("enospc", 1);
	assert_int_equal(sp_io_pwrite(fd, "abcd", 4, 0, &err), SP_ENOSPC);
	assert_true(sp_fault_fired());
	assert_string_equal(content("a"), "ab"); /* a full disk takes a part */
	assert_int_equal(sp_io_pwrite(fd, "abcd", 4, 0, &err), SP_OK);
	sp_fault_arm("eio", 1);
	assert_int_equal(sp_io_ftruncate(fd, 0, &err), SP_EIO);
	sp_fault_arm("enospc", 1);
	assert_int_equal(sp_io_ftruncate(fd, 3, &err), SP_OK);
	assert_false(sp_fault_fired());
	sp_fault_arm("eio+", 2);
	assert_int_equal(sp_io_pwrite(fd, "abcd", 4, 0, &err), SP_OK);
	assert_int_equal(sp_io_pwrite(fd, "abcd", 4, 0, &err), SP_EIO);
	assert_int_equal(sp_io_ftruncate(fd, 0, &err), SP_EIO);
	assert_int_equal(sp_io_fdatasync(fd, &err), SP_ESYNC);
	sp_fault_arm(NULL, 0);
	assert_int_equal(sp_io_close(fd, &err), SP_OK);
}

static void
test_a_second_sync_after_a_failed_one_is_a_bug(void **state)
{
	int status, fd;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		must(sp_io_open(in("a"), O_RDWR | O_CREAT, 0600, &fd, NULL));
		sp_fault_arm("eio", 1);
		if (sp_io_fdatasync(fd, NULL) != SP_ESYNC)
			_exit(1);
		must(sp_io_fdatasync(fd, NULL));
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
}

/* A file system gives the number of a removed file to the next one (ext4 at
 * once): syncing that is no second sync. */
static void
test_a_new_file_in_place_of_one_that_failed_may_be_synced(void **state)
{
	struct sp_err err;
	int fd;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sp_io_open(in("a"), O_RDWR | O_CREAT | O_EXCL,
				     0600, &fd, &err),
		    SP_OK);
		sp_fault_arm("eio", 1);
		assert_int_equal(sp_io_fdatasync(fd, &err), SP_ESYNC);
		sp_fault_arm(NULL, 0);
		assert_int_equal(sp_io_close(fd, &err), SP_OK);
		assert_int_equal(sp_io_unlink(in("a"), &err), SP_OK);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_without_a_fault_all_is_done),
		T(test_crash_keeps_everything_before_the_call),
		T(test_torn_writes_the_first_half),
		T(test_torn_does_not_apply_to_a_sync),
		T(test_hole_leaves_zeros_in_place_of_the_data),
		T(test_lost_goes_on_until_the_next_sync),
		T(test_power_keeps_only_what_was_synced),
		T(test_rewind_takes_removals_back_too),
		T(test_power_before_the_directory_sync_drops_the_name),
		T(test_power_gives_a_replaced_name_its_old_file),
		T(test_failing_kinds_return_their_code_once),
		T(test_a_second_sync_after_a_failed_one_is_a_bug),
		T(test_a_new_file_in_place_of_one_that_failed_may_be_synced),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
