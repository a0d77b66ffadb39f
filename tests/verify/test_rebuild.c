/*
 * Rebuilding the tree (journal/verify/rebuild.c) from segments and intake log:
 * it gives the same tree, changes nothing where anything does not fit, and an
 * interrupted rebuild is finished or undone by the next.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/io.h"
#include "journal/log/intake_read.h"
#include "journal/verify/rebuild.h"
#include "journal/verify/verify.h"
#include "journal/tree/tree.h"
#include "tests/seal/seal_kit.h"

static char finding[1024]; /* the last one */
static uint64_t signed_size; /* by prepare() */

#define MARK 56 /* bytes of a batch header without entries */

static void
on_finding(void *ctx, const char *kind, const char *where, const char *why)
{
	(void)ctx;
	(void)snprintf(
	    finding, sizeof(finding), "%s: %s: %s", kind, where, why);
}

/* 600 messages sealed in two segments, 40 signed and not sealed; some tiles
 * and bundles are full. */
static void
prepare(void)
{
	struct sp_seal *s;

	sp_fixture_add(&fx, 300, 50);
	sp_fixture_rotate(&fx);
	(void)sp_fixture_seal(&fx);
	sp_fixture_add(&fx, 300, 50);
	sp_fixture_rotate(&fx);
	(void)sp_fixture_seal(&fx);
	sp_fixture_add(&fx, 40, 10);
	s = open_seal();
	signed_size = checkpoint(s);
	sp_seal_close(s);
	sp_fixture_close(&fx);
	finding[0] = '\0';
}

static enum sp_code
try(bool guard, struct sp_rebuild *out, struct sp_err *err)
{
	const struct sp_verify_opts o = {
		.guard = guard ? fx.guard : NULL,
		.finding = on_finding,
	};

	return (sp_rebuild_tree(fx.dir, &o, 0, out, err));
}

static void
rebuild(bool guard, struct sp_rebuild *out)
{
	struct sp_err err;

	if (try(guard, out, &err) != SP_OK)
		fail_msg("%s", err.msg);
}

/* Whether ${name} is in the archive. */
static bool
exists(const char *name)
{
	char *path = sp_fixture_path(&fx, name);
	bool is = sp_io_exists(path);

	free(path);
	return (is);
}

static void
move(const char *from, const char *to)
{
	char *a = sp_fixture_path(&fx, from), *b = sp_fixture_path(&fx, to);

	assert_int_equal(rename(a, b), 0);
	free(a);
	free(b);
}

static void
flip(const char *name, off_t at)
{
	char *path = sp_fixture_path(&fx, name), c;
	int fd;

	assert_int_equal(chmod(path, 0600), 0);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c = (char)(c ^ 1);
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	assert_int_equal(close(fd), 0);
	free(path);
}

/* Every file of the directory is the same in both. */
static void
assert_same(const char *a, const char *b)
{
	char *cmd[] = { (char *)(uintptr_t) "diff", (char *)(uintptr_t) "-r",
		sp_fixture_path(&fx, a), sp_fixture_path(&fx, b), NULL };
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		(void)execvp(cmd[0], cmd);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(cmd[2]);
	free(cmd[3]);
}

/* The archive verifies, and sealing goes on. */
static void
goes_on(void)
{
	const struct sp_verify_opts o = { .guard = fx.guard,
		.finding = on_finding };
	struct sp_verdict v;
	struct sp_seal *s;

	must(sp_verify(fx.dir, &o, &v, &err_));
	if (v.findings > 0)
		fail_msg("%s", finding);
	sp_fixture_add(&fx, 3, 1);
	s = open_seal();
	assert_true(checkpoint(s) >= signed_size + 3);
	sp_seal_close(s);
	check_all(643);
}

static void
test_a_lost_tree_comes_back_by_the_guard_copy(void **state)
{
	struct sp_rebuild out;

	(void)state;
	prepare();
	move("tree", "kept-by-the-test");
	rebuild(true, &out);
	assert_int_equal(out.findings, 0);
	assert_int_equal(out.size, signed_size);
	assert_int_equal(out.checkpoints, 1);
	assert_string_equal(out.aside, "");
	assert_false(exists("tree.rebuild"));
	assert_same("tree/tile", "kept-by-the-test/tile");
	assert_same("tree/tail", "kept-by-the-test/tail");
	assert_same("tree/checkpoint", "kept-by-the-test/checkpoint");
	goes_on();
}

static void
test_a_damaged_tree_is_moved_aside_and_its_checkpoints_kept(void **state)
{
	static const char *const files[] = { "tree/tail", "tree/tile/0/000",
		"tree/tile/entries/001" };
	struct sp_rebuild out;
	char name[64];

	(void)state;
	prepare();
	for (size_t i = 0; i < SP_COUNTOF(files); i++) {
		flip(files[i], 40);
		rebuild(true, &out);
		assert_int_equal(out.findings, 0);
		assert_int_equal(out.lost, 0);
		assert_true(out.checkpoints >= 4);
		(void)snprintf(name, sizeof(name), "tree.damaged-%zu", i + 1);
		assert_string_equal(out.aside, name);
		assert_true(exists(name));
		(void)snprintf(
		    name, sizeof(name), "tree.damaged-%zu/checkpoints", i + 1);
		assert_same("tree/checkpoints", name);
	}
	goes_on();
}

static void
test_without_a_guard_the_kept_checkpoints_do(void **state)
{
	struct sp_rebuild out;

	(void)state;
	prepare();
	flip("tree/checkpoint", 60);
	flip("tree/tail", 40);
	rebuild(false, &out);
	assert_int_equal(out.findings, 0);
	assert_int_equal(out.lost, 1);
	assert_non_null(strstr(out.lost_first, "tree/checkpoint"));
	assert_true(out.signed_size < out.size);
	assert_int_equal(out.size, signed_size);
	/* The guard copy is newer, so sealing notices; nothing was signed. */
	assert_true(exists("tree/checkpoint"));
	rebuild(true, &out);
	assert_int_equal(out.signed_size, signed_size);
	goes_on();
}

static void
test_with_no_checkpoint_left_it_refuses(void **state)
{
	struct sp_rebuild out;
	struct sp_err err;

	(void)state;
	prepare();
	move("tree", "kept-by-the-test");
	assert_int_equal(try(false, &out, &err), SP_ENOTFOUND);
	assert_non_null(strstr(err.msg, "--from-checkpoint"));
	assert_false(exists("tree"));
	assert_false(exists("tree.rebuild"));
}

static void
test_a_changed_entry_is_a_finding_and_changes_nothing(void **state)
{
	struct sp_intake_info *v;
	struct sp_intake_file *f;
	struct sp_intake_item it;
	struct sp_rebuild out;
	char *rel, *path;
	size_t n;

	(void)state;
	prepare();
	must(sp_intake_list(fx.dir, &v, &n, &err_));
	rel = sp_xasprintf("intake/%s", v[n - 1].name);
	path = sp_fixture_path(&fx, rel);
	must(sp_intake_file_open(path, v[n - 1].limit, &f, &err_));
	must(sp_intake_file_next(f, &it, &err_));
	sp_intake_file_close(f);
	flip(rel, (off_t)it.record_off + 30);
	flip("tree/tail", 40);
	rebuild(true, &out);
	assert_int_not_equal(out.findings, 0);
	assert_non_null(strstr(finding, "intake"));
	assert_false(exists("tree.damaged-1"));
	assert_false(exists("tree.rebuild"));
	free(path);
	free(rel);
	free(v);
}

static void
test_a_missing_end_is_a_finding_and_changes_nothing(void **state)
{
	struct sp_intake_info *v;
	struct sp_rebuild out;
	char *rel;
	size_t n;

	(void)state;
	prepare();
	must(sp_intake_list(fx.dir, &v, &n, &err_));
	rel = sp_xasprintf("intake/%s", v[n - 1].name);
	move(rel, "taken-away");
	move("tree", "kept-by-the-test");
	rebuild(true, &out);
	assert_int_equal(out.findings, 1);
	assert_non_null(strstr(finding, "missing: the guard copy"));
	assert_false(exists("tree"));
	move("taken-away", rel);
	rebuild(true, &out);
	assert_int_equal(out.findings, 0);
	goes_on();
	free(rel);
	free(v);
}

/* A power cut takes the mark behind the last batch, which nobody synced; the
 * tree covers the batch, and nothing is missing.  Without one of its bytes it
 * is. */
static void
test_a_mark_that_a_power_cut_took_is_no_finding(void **state)
{
	const struct sp_verify_opts o = { .guard = fx.guard,
		.finding = on_finding };
	struct sp_intake_info *v;
	struct sp_verdict out;
	char *rel, *path;
	struct stat st;
	size_t n;

	(void)state;
	prepare();
	must(sp_intake_list(fx.dir, &v, &n, &err_));
	rel = sp_xasprintf("intake/%s", v[n - 1].name);
	path = sp_fixture_path(&fx, rel);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - MARK), 0);
	must(sp_verify(fx.dir, &o, &out, &err_));
	assert_string_equal(finding, "");
	assert_int_equal(out.entries, signed_size);
	assert_int_equal(truncate(path, st.st_size - MARK - 1), 0);
	must(sp_verify(fx.dir, &o, &out, &err_));
	assert_non_null(strstr(finding, "missing"));
	free(path);
	free(rel);
	free(v);
}

static void
test_a_missing_segment_is_a_finding(void **state)
{
	struct sp_rebuild out;
	char *dir, **names, *rel;
	size_t n;

	(void)state;
	prepare();
	dir = segments() == 2 ? sp_fixture_path(&fx, "archive") : NULL;
	assert_non_null(dir);
	must(sp_io_list(dir, &names, &n, &err_));
	assert_int_equal(n, 1);
	rel = sp_xasprintf("archive/%s", names[0]);
	move(rel, "taken-away");
	rebuild(true, &out);
	assert_int_not_equal(out.findings, 0);
	assert_non_null(strstr(finding, "entry 0 is in no segment"));
	assert_false(exists("tree.damaged-1"));
	sp_io_names_free(names, n);
	free(rel);
	free(dir);
}

static void
test_the_role_must_be_free(void **state)
{
	struct sp_rebuild out;
	struct sp_seal *s;
	struct sp_err err;

	(void)state;
	prepare();
	s = open_seal();
	assert_int_equal(try(true, &out, &err), SP_ELOCKED);
	assert_non_null(strstr(err.msg, "stop the service"));
	sp_seal_close(s);
	sp_fixture_open(&fx);
	assert_int_equal(try(true, &out, &err), SP_ELOCKED);
	sp_fixture_close(&fx);
	assert_false(exists("tree.damaged-1"));
}

#ifdef SP_FAULTS
static void
test_interrupted_anywhere_it_can_be_called_again(void **state)
{
	struct sp_rebuild out;
	struct sp_err err;
	const char *all = getenv("SP_LONG");
	uint64_t calls, step = all != NULL && *all == '1' ? 1 : 4;
	bool fired = true;

	(void)state;
	prepare();
	flip("tree/tail", 40);
	for (calls = 1; fired; calls += step) {
		/* The disk stays bad, so nothing can be put back. */
		sp_fault_arm("eio+", calls);
		(void)try(true, &out, &err);
		fired = sp_fault_fired();
		sp_fault_arm(NULL, 0);
		if (!fired)
			break;
		rebuild(true, &out);
		assert_int_equal(out.findings, 0);
		assert_int_equal(out.lost, 0);
		assert_true(out.checkpoints >= 4);
		assert_false(exists("tree.rebuild"));
	}
	assert_true(calls > 20);
	goes_on();
}
#endif

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_lost_tree_comes_back_by_the_guard_copy),
		T(test_a_damaged_tree_is_moved_aside_and_its_checkpoints_kept),
		T(test_without_a_guard_the_kept_checkpoints_do),
		T(test_with_no_checkpoint_left_it_refuses),
		T(test_a_changed_entry_is_a_finding_and_changes_nothing),
		T(test_a_missing_end_is_a_finding_and_changes_nothing),
		T(test_a_mark_that_a_power_cut_took_is_no_finding),
		T(test_a_missing_segment_is_a_finding),
		T(test_the_role_must_be_free),
#ifdef SP_FAULTS
		T(test_interrupted_anywhere_it_can_be_called_again),
#endif
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
