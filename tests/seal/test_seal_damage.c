/*
 * Sealing: damaged entries, segments and trees raise an alarm and are never
 * signed over, nothing is removed, and a rollback is noticed at the start.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "journal/log/intake_read.h"
#include "tests/seal/seal_kit.h"

/* ---- damage ---------------------------------------------------------- */

static void
flip(const char *path, off_t at)
{
	char c;
	int fd;

	assert_int_equal(chmod(path, 0600), 0);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	if (at < 0)
		at += lseek(fd, 0, SEEK_END);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c = (char)(c ^ 1);
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	assert_int_equal(close(fd), 0);
}

/* The path of the oldest intake file, and where its entry ${seq} lies. */
static char *
intake_path(uint64_t seq, struct sp_intake_item *it)
{
	struct sp_intake_info *v;
	struct sp_intake_file *f;
	char *rel, *path;
	size_t n;

	must(sp_intake_list(fx.dir, &v, &n, &err_));
	rel = sp_xasprintf("intake/%s", v[0].name);
	path = sp_fixture_path(&fx, rel);
	must(sp_intake_file_open(path, v[0].limit, &f, &err_));
	do
		must(sp_intake_file_next(f, it, &err_));
	while (it->seq != seq);
	sp_intake_file_close(f);
	free(rel);
	free(v);
	return (path);
}

static void
test_a_damaged_entry_alarms_and_what_is_before_is_signed(void **state)
{
	struct sp_intake_item it;
	struct sp_seal *s;
	struct sp_err err;
	uint64_t size;
	char *path;
	bool did;

	(void)state;
	sp_fixture_add(&fx, 30, 1);
	sp_fixture_rotate(&fx);
	path = intake_path(20, &it);
	flip(path, (off_t)it.msg_off);
	s = open_seal();
	assert_int_not_equal(sp_seal_checkpoint(s, &size, &err), SP_OK);
	assert_int_equal(reported.alarms, 1);
	assert_non_null(strstr(reported.alarm, "20"));
	assert_int_equal(reported.checkpoints, 1);
	/* It is not repeated every second, and nothing is packed. */
	assert_int_not_equal(sp_seal_checkpoint(s, &size, &err), SP_OK);
	assert_int_equal(reported.alarms, 1);
	assert_int_not_equal(sp_seal_pack(s, &did, &err), SP_OK);
	assert_int_equal(segments(), 0);
	/* Restored, it goes on. */
	flip(path, (off_t)it.msg_off);
	assert_true(checkpoint(s) > 30);
	assert_int_equal(pack_all(s), 1);
	sp_seal_close(s);
	free(path);
	check_all(30);
}

static void
test_what_changed_after_its_checkpoint_is_not_signed_over(void **state)
{
	struct sp_intake_item it;
	struct sp_seal *s;
	struct sp_err err;
	char *path;
	bool did;

	(void)state;
	sp_fixture_add(&fx, 30, 10);
	sp_fixture_rotate(&fx);
	s = open_seal();
	(void)checkpoint(s);
	path = intake_path(12, &it);
	flip(path, (off_t)it.record_off + 20);
	assert_int_not_equal(sp_seal_pack(s, &did, &err), SP_OK);
	assert_int_equal(reported.alarms, 1);
	assert_int_equal(segments(), 0);
	assert_true(sp_io_exists(path));
	sp_seal_close(s);
	free(path);
}

/* Put the finished intake file back beside its segment. */
static void
test_both_there_the_segment_is_checked_and_counts(void **state)
{
	struct sp_intake_info *v;
	struct sp_seal *s;
	struct sp_err err;
	struct sp_buf b;
	char *rel, *path, *seg;
	size_t n;
	bool did;

	(void)state;
	sp_fixture_add(&fx, 40, 10);
	sp_fixture_rotate(&fx);
	must(sp_intake_list(fx.dir, &v, &n, &err_));
	rel = sp_xasprintf("intake/%s", v[0].name);
	path = sp_fixture_path(&fx, rel);
	sp_buf_init(&b, MAX);
	must(sp_io_read_file(path, MAX, &b, &err_));
	assert_int_equal(sp_fixture_seal(&fx), 1);
	assert_false(sp_io_exists(path));
	must(sp_io_replace(path, b.p, b.n, 0600, &err_));
	s = open_seal();
	assert_int_equal(pack_all(s), 1);
	assert_int_equal(reported.sealed, 0);
	assert_false(sp_io_exists(path));
	sp_seal_close(s);
	/* The same with a segment that was damaged on its way to the disk. */
	must(sp_io_replace(path, b.p, b.n, 0600, &err_));
	seg = segment_path();
	flip(seg, 3000);
	s = open_seal();
	assert_int_not_equal(sp_seal_pack(s, &did, &err), SP_OK);
	assert_int_equal(reported.alarms, 1);
	assert_non_null(strstr(reported.alarm, "is kept"));
	assert_true(sp_io_exists(path));
	/* What the error advises works. */
	assert_int_equal(unlink(seg), 0);
	assert_int_equal(pack_all(s), 1);
	sp_seal_close(s);
	check_all(40);
	sp_buf_done(&b);
	free(v);
	free(rel);
	free(path);
	free(seg);
}

static void
test_missing_entries_are_noticed(void **state)
{
	struct sp_intake_item it;
	struct sp_seal *s;
	struct sp_err err;
	char *path;
	bool did;

	(void)state;
	sp_fixture_add(&fx, 10, 10);
	sp_fixture_rotate(&fx);
	sp_fixture_add(&fx, 10, 10);
	sp_fixture_rotate(&fx);
	s = open_seal();
	(void)checkpoint(s);
	path = intake_path(1, &it);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sp_seal_pack(s, &did, &err), SP_EMISMATCH);
	assert_int_equal(reported.alarms, 1);
	sp_seal_close(s);
	free(path);
}

/* ---- rollback --------------------------------------------------------- */

static void
expect_rollback(void)
{
	struct sp_seal *s;
	struct sp_err err;

	assert_int_equal(sp_seal_open(fx.dir, fx.cfg, 1000, &report, &s, &err),
	    SP_EROLLBACK);
	assert_non_null(strstr(err.msg, "--continues"));
	assert_int_equal(reported.alarms, 1);
}

/* Keep a copy of a small file, put it back. */
static void
save(const char *sub, struct sp_buf *b)
{
	char *path = sp_fixture_path(&fx, sub);

	sp_buf_init(b, MAX);
	must(sp_io_read_file(path, MAX, b, &err_));
	free(path);
}

static void
restore(const char *sub, struct sp_buf *b)
{
	char *path = sp_fixture_path(&fx, sub);

	must(sp_io_replace(path, b->p, b->n, 0644, &err_));
	sp_buf_done(b);
	free(path);
}

static void
seal_once(void)
{
	struct sp_seal *s = open_seal();

	(void)checkpoint(s);
	sp_seal_close(s);
}

static void
test_an_older_tail_is_a_rollback(void **state)
{
	struct sp_buf tail;

	(void)state;
	sp_fixture_add(&fx, 10, 5);
	seal_once();
	save("tree/tail", &tail);
	sp_fixture_add(&fx, 10, 5);
	seal_once();
	restore("tree/tail", &tail);
	expect_rollback();
}

static void
test_older_tail_and_checkpoint_are_a_rollback_by_the_guard(void **state)
{
	struct sp_buf tail, note;

	(void)state;
	sp_fixture_add(&fx, 10, 5);
	seal_once();
	save("tree/tail", &tail);
	save("tree/checkpoint", &note);
	sp_fixture_add(&fx, 10, 5);
	seal_once();
	restore("tree/tail", &tail);
	restore("tree/checkpoint", &note);
	expect_rollback();
}

static void
test_without_a_guard_kept_checkpoints_and_segments_tell(void **state)
{
	struct sp_buf tail, note;

	(void)state;
	free(fx.cfg->guard);
	fx.cfg->guard = NULL;
	sp_fixture_add(&fx, 10, 5);
	seal_once();
	save("tree/tail", &tail);
	save("tree/checkpoint", &note);
	sp_fixture_add(&fx, 10, 5);
	sp_fixture_rotate(&fx);
	assert_int_equal(sp_fixture_seal(&fx), 1);
	restore("tree/tail", &tail);
	restore("tree/checkpoint", &note);
	expect_rollback();
}

static void
test_a_guard_left_behind_by_a_crash_is_brought_up(void **state)
{
	char *path = sp_xasprintf("%s/checkpoint", fx.guard);
	struct sp_buf old, now, note;

	(void)state;
	sp_fixture_add(&fx, 10, 5);
	seal_once();
	sp_buf_init(&old, MAX);
	must(sp_io_read_file(path, MAX, &old, &err_));
	sp_fixture_add(&fx, 10, 5);
	seal_once();
	must(sp_io_replace(path, old.p, old.n, 0644, &err_));
	seal_once();
	save("tree/checkpoint", &note);
	sp_buf_init(&now, MAX);
	must(sp_io_read_file(path, MAX, &now, &err_));
	assert_true(sp_view_eq(sp_buf_view(&now), sp_buf_view(&note)));
	assert_int_equal(reported.alarms, 0);
	sp_buf_done(&old);
	sp_buf_done(&now);
	sp_buf_done(&note);
	free(path);
}

/* Another history of the same entries beside ours, as a copy put back over a
 * log that went on brings it: neither file follows the other. */
static void
test_two_files_that_begin_alike_are_both_kept(void **state)
{
	const struct sp_intake_entry e = {
		.seq = 0, .record = SP_VIEW_LIT("{}"), .fd = -1
	};
	char *other = sp_xasprintf("%s/other", fx.root);
	char *folder = sp_xasprintf("%s/intake", other);
	char *from, *to, **names;
	struct sp_intake_found found;
	struct sp_intake *in;
	struct sp_seal *s;
	struct sp_err err;
	uint64_t size;
	bool did;
	size_t n;

	(void)state;
	sp_fixture_add(&fx, 3, 1);
	sp_fixture_close(&fx);
	must(sp_io_mkdirs(folder, 0700, &err_));
	must(sp_intake_open(other, SP_FIXTURE_ORIGIN, 0, &in, &found, &err_));
	must(sp_intake_commit(in, &e, 1, &err_));
	sp_intake_close(in);
	must(sp_io_list(folder, &names, &n, &err_));
	assert_int_equal(n, 1);
	from = sp_xasprintf("%s/%s", folder, names[0]);
	to = sp_xasprintf("%s/intake/%s", fx.dir, names[0]);
	must(sp_io_rename(from, to, &err_));
	assert_int_equal(count("intake", ".log"), 2);
	if (sp_seal_open(fx.dir, fx.cfg, 1000, &report, &s, &err) == SP_OK) {
		(void)!sp_seal_checkpoint(s, &size, &err);
		assert_int_not_equal(sp_seal_pack(s, &did, &err), SP_OK);
		assert_non_null(strstr(err.msg, "intake/"));
		sp_seal_close(s);
	}
	assert_int_equal(count("intake", ".log"), 2);
	sp_io_names_free(names, n);
	free(from);
	free(to);
	free(folder);
	free(other);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_damaged_entry_alarms_and_what_is_before_is_signed),
		T(test_what_changed_after_its_checkpoint_is_not_signed_over),
		T(test_both_there_the_segment_is_checked_and_counts),
		T(test_missing_entries_are_noticed),
		T(test_two_files_that_begin_alike_are_both_kept),
		T(test_an_older_tail_is_a_rollback),
		T(test_older_tail_and_checkpoint_are_a_rollback_by_the_guard),
		T(test_without_a_guard_kept_checkpoints_and_segments_tell),
		T(test_a_guard_left_behind_by_a_crash_is_brought_up),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
