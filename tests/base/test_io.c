/* base/io.h: what is promised of files, names and locks. */
#include <errno.h>
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

#include "base/io.h"

static char dir[64];
static struct sp_err err;

static char *
in(const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return (p);
}

static void
ok(enum sp_code rc)
{
	if (rc != SP_OK)
		fail_msg("%s: %s", sp_err_name(rc), err.msg);
}

static void
assert_holds(const char *path, const char *want)
{
	struct sp_buf b;

	sp_buf_init(&b, 1 << 20);
	ok(sp_io_read_file(path, 1 << 20, &b, &err));
	assert_string_equal(sp_buf_cstr(&b), want);
	sp_buf_done(&b);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/sp-io-XXXXXX");
	return (mkdtemp(dir) == NULL ? -1 : 0);
}

static int
teardown(void **state)
{
	char **names;
	size_t n;

	(void)state;
	if (sp_io_list(dir, &names, &n, NULL) != SP_OK)
		return (-1);
	for (size_t i = 0; i < n; i++)
		(void)remove(in(names[i]));
	sp_io_names_free(names, n);
	return (rmdir(dir));
}

static void
test_open_says_what_is_missing_or_there_already(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(
	    sp_io_open(in("no"), O_RDONLY, 0, &fd, &err), SP_ENOTFOUND);
	assert_non_null(strstr(err.msg, in("no")));
	ok(sp_io_open(in("a"), O_RDWR | O_CREAT | O_EXCL, 0600, &fd, &err));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ok(sp_io_close(fd, &err));
	fd = 77;
	assert_int_equal(
	    sp_io_open(in("a"), O_RDWR | O_CREAT | O_EXCL, 0600, &fd, &err),
	    SP_EEXISTS);
	assert_int_equal(fd, 77); /* outputs only on success */
	ok(sp_io_close(-1, &err));
}

static void
test_a_vector_longer_than_the_system_limit_is_written_whole(void **state)
{
	enum { N = 3000 };
	struct iovec *iov = calloc(N, sizeof(*iov));
	char got[N + 1] = "", letters[] = "abcdefghijklmnopqrstuvwxyz";
	size_t n;
	int fd;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		iov[i].iov_base = letters + i % 26;
		iov[i].iov_len = i % 3 == 0 ? 0 : 1;
	}
	ok(sp_io_open(in("v"), O_RDWR | O_CREAT, 0600, &fd, &err));
	ok(sp_io_pwritev(fd, iov, N, 10, &err));
	ok(sp_io_pread(fd, got, N, 10, &n, &err));
	assert_int_equal(n, N / 3 * 2);
	for (size_t i = 0, k = 0; i < N; i++) {
		if (i % 3 != 0)
			assert_int_equal(got[k++], letters[i % 26]);
	}
	ok(sp_io_close(fd, &err));
	free(iov);
}

static void
test_a_read_is_short_only_at_the_end(void **state)
{
	char buf[8];
	uint64_t size;
	size_t n;
	int fd;

	(void)state;
	ok(sp_io_tmpfile(dir, &fd, &err));
	ok(sp_io_write(fd, "hello", 5, &err));
	ok(sp_io_write(fd, " you", 4, &err));
	ok(sp_io_size(fd, &size, &err));
	assert_int_equal(size, 9);
	ok(sp_io_pread(fd, buf, 8, 6, &n, &err));
	assert_int_equal(n, 3);
	assert_memory_equal(buf, "you", 3);
	ok(sp_io_pread(fd, buf, 8, 100, &n, &err));
	assert_int_equal(n, 0);
	ok(sp_io_ftruncate(fd, 2, &err));
	ok(sp_io_size(fd, &size, &err));
	assert_int_equal(size, 2);
	ok(sp_io_close(fd, &err));
}

static void
test_an_unnamed_file_leaves_no_name(void **state)
{
	char **names;
	size_t n;
	int fd;

	(void)state;
	ok(sp_io_tmpfile(dir, &fd, &err));
	ok(sp_io_list(dir, &names, &n, &err));
	assert_int_equal(n, 0);
	sp_io_names_free(names, n);
	ok(sp_io_close(fd, &err));
}

static void
test_a_failure_on_a_descriptor_names_its_path(void **state)
{
	int fd;

	(void)state;
	ok(sp_io_open(in("r"), O_RDONLY | O_CREAT, 0600, &fd, &err));
	assert_int_equal(sp_io_pwrite(fd, "x", 1, 0, &err), SP_EIO);
	assert_non_null(strstr(err.msg, in("r")));
	assert_int_equal(err.errnum, EBADF);
	ok(sp_io_close(fd, &err));
	if (access("/dev/full", W_OK) == 0) {
		ok(sp_io_open("/dev/full", O_WRONLY, 0, &fd, &err));
		assert_int_equal(sp_io_write(fd, "x", 1, &err), SP_ENOSPC);
		ok(sp_io_close(fd, &err));
	}
}

static void
test_replace_puts_new_bytes_and_mode_in_place(void **state)
{
	const mode_t old = umask(077);
	struct stat st;
	char **names;
	size_t n;

	(void)state;
	ok(sp_io_replace(in("f"), "one", 3, 0644, &err));
	assert_holds(in("f"), "one");
	ok(sp_io_replace(in("f"), "second", 6, 0640, &err));
	assert_holds(in("f"), "second");
	assert_int_equal(stat(in("f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	ok(sp_io_replace(in("f"), "", 0, 0640, &err));
	assert_holds(in("f"), "");
	ok(sp_io_list(dir, &names, &n, &err));
	assert_int_equal(n, 1);
	sp_io_names_free(names, n);
	(void)umask(old);
}

static void
test_publish_never_changes_what_is_there(void **state)
{
	(void)state;
	ok(sp_io_publish(in("p"), "abc", 3, 0444, &err));
	ok(sp_io_publish(in("p"), "abc", 3, 0444, &err));
	assert_int_equal(
	    sp_io_publish(in("p"), "abd", 3, 0444, &err), SP_EMISMATCH);
	assert_non_null(strstr(err.msg, in("p")));
	assert_int_equal(
	    sp_io_publish(in("p"), "abcd", 4, 0444, &err), SP_EMISMATCH);
	assert_int_equal(
	    sp_io_publish(in("p"), "ab", 2, 0444, &err), SP_EMISMATCH);
	assert_int_equal(
	    sp_io_publish(in("p"), "", 0, 0444, &err), SP_EMISMATCH);
	assert_holds(in("p"), "abc");
}

static void
test_only_leftovers_of_ours_are_cleaned(void **state)
{
	static const struct {
		const char *name;
		int stays;
	} rows[] = {
		{ ".tail.0123abcd.tmp", 0 },
		{ ".x.00000000.tmp", 0 },
		{ ".0123abcd.tmp", 1 },
		{ "tail.0123abcd.tmp", 1 },
		{ ".tail.0123abcX.tmp", 1 },
		{ ".tail.0123abcd.tmp2", 1 },
		{ ".tmp", 1 },
		{ "000000000000-9f31c0de.log", 1 },
	};
	size_t gone = 0;
	int fd;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		ok(sp_io_open(
		    in(rows[i].name), O_CREAT | O_WRONLY, 0600, &fd, &err));
		ok(sp_io_close(fd, &err));
	}
	ok(sp_io_clean(dir, &gone, &err));
	assert_int_equal(gone, 2);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++)
		assert_int_equal(sp_io_exists(in(rows[i].name)), rows[i].stays);
}

static void
test_read_file_keeps_its_limits(void **state)
{
	struct sp_buf b;

	(void)state;
	ok(sp_io_replace(in("l"), "12345", 5, 0600, &err));
	sp_buf_init(&b, 100);
	ok(sp_io_read_file(in("l"), 5, &b, &err));
	assert_int_equal(sp_io_read_file(in("l"), 4, &b, &err), SP_ELIMIT);
	assert_int_equal(b.n, 5); /* unchanged by the failure */
	sp_buf_done(&b);
	sp_buf_init(&b, 4);
	assert_int_equal(sp_io_read_file(in("l"), 100, &b, &err), SP_ELIMIT);
	assert_int_equal(
	    sp_io_read_file(in("none"), 100, &b, &err), SP_ENOTFOUND);
	assert_int_not_equal(sp_io_read_file(dir, 100, &b, &err), SP_OK);
	sp_buf_done(&b);
}

static void
test_directories_are_made_with_their_parents(void **state)
{
	(void)state;
	ok(sp_io_mkdirs(in("m/n/o"), 0755, &err));
	ok(sp_io_mkdirs(in("m/n/o/"), 0755, &err));
	ok(sp_io_mkdir(in("m"), 0755, &err));
	ok(sp_io_syncdir(in("m/n"), &err));
	ok(sp_io_replace(in("m/file"), "x", 1, 0600, &err));
	assert_int_not_equal(sp_io_mkdir(in("m/file"), 0755, &err), SP_OK);
	assert_int_not_equal(sp_io_mkdirs(in("m/file/sub"), 0755, &err), SP_OK);
	ok(sp_io_unlink(in("m/file"), &err));
	ok(sp_io_unlink(in("m/file"), &err));
	assert_int_equal(
	    sp_io_rename(in("m/file"), in("x"), &err), SP_ENOTFOUND);
	assert_int_not_equal(sp_io_rmdir(in("m/n"), &err), SP_OK);
	ok(sp_io_rmdir(in("m/n/o"), &err));
	ok(sp_io_rmdir(in("m/n"), &err));
	ok(sp_io_rmdir(in("m/n"), &err));
}

static void
test_a_list_is_sorted_and_a_missing_directory_gives_none(void **state)
{
	static const char *const want[] = { "10", "9", "a", "b" };
	char **names;
	size_t n;
	int fd;

	(void)state;
	for (size_t i = 4; i-- > 0;) {
		ok(sp_io_open(
		    in(want[i]), O_CREAT | O_WRONLY, 0600, &fd, &err));
		ok(sp_io_close(fd, &err));
	}
	ok(sp_io_list(dir, &names, &n, &err));
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(names[i], want[i]);
	sp_io_names_free(names, n);
	ok(sp_io_list(in("none"), &names, &n, &err));
	assert_int_equal(n, 0);
	sp_io_names_free(names, n);
}

static void
test_a_held_lock_names_its_holder(void **state)
{
	char want[32];
	int pipefd[2], status, fd, other = -1;
	pid_t child;
	char c;

	(void)state;
	assert_int_equal(pipe(pipefd), 0);
	child = fork();
	if (child == 0) {
		(void)close(pipefd[0]);
		if (sp_io_lock(in("k"), 0, &fd, NULL) != SP_OK ||
		    write(pipefd[1], "x", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(0);
	}
	(void)close(pipefd[1]);
	assert_int_equal(read(pipefd[0], &c, 1), 1);
	assert_int_equal(sp_io_lock(in("k"), 60, &other, &err), SP_ELOCKED);
	(void)snprintf(want, sizeof(want), "process %ld", (long)child);
	assert_non_null(strstr(err.msg, want));
	(void)kill(child, SIGKILL);
	(void)waitpid(child, &status, 0);
	(void)close(pipefd[0]);
	ok(sp_io_lock(in("k"), 1000, &fd, &err));
	ok(sp_io_close(fd, &err));
}

static void
test_syncs_and_calls_are_counted(void **state)
{
	uint64_t calls = sp_io_calls(), syncs = sp_io_syncs();
	uint64_t bytes, inodes;

	(void)state;
	/* create, write, fsync, rename, syncdir */
	ok(sp_io_replace(in("c"), "x", 1, 0600, &err));
	assert_int_equal(sp_io_calls() - calls, 5);
	assert_int_equal(sp_io_syncs() - syncs, 2);
	ok(sp_io_space(dir, &bytes, &inodes, &err));
	assert_true(bytes > 0 && inodes > 0);
	assert_int_equal(sp_io_calls() - calls, 5);
}

/* A FIFO that nobody writes to is told, not waited for. */
static void
test_a_fifo_in_the_place_of_a_file_is_not_waited_for(void **state)
{
	struct sp_buf b;

	(void)state;
	assert_int_equal(mkfifo(in("fifo"), 0600), 0);
	sp_buf_init(&b, 100);
	(void)alarm(60);
	assert_int_equal(sp_io_read_file(in("fifo"), 100, &b, &err), SP_EIO);
	(void)alarm(0);
	assert_non_null(strstr(err.msg, "is a pipe"));
	sp_buf_done(&b);
	assert_int_equal(unlink(in("fifo")), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_open_says_what_is_missing_or_there_already),
		T(test_a_vector_longer_than_the_system_limit_is_written_whole),
		T(test_a_read_is_short_only_at_the_end),
		T(test_an_unnamed_file_leaves_no_name),
		T(test_a_failure_on_a_descriptor_names_its_path),
		T(test_replace_puts_new_bytes_and_mode_in_place),
		T(test_publish_never_changes_what_is_there),
		T(test_only_leftovers_of_ours_are_cleaned),
		T(test_read_file_keeps_its_limits),
		T(test_a_fifo_in_the_place_of_a_file_is_not_waited_for),
		T(test_directories_are_made_with_their_parents),
		T(test_a_list_is_sorted_and_a_missing_directory_gives_none),
		T(test_a_held_lock_names_its_holder),
		T(test_syncs_and_calls_are_counted),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
