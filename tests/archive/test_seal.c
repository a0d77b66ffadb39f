/* Sealing and reading: the whole way from the intake log to a segment. */
#include <fcntl.h>
#include <inttypes.h>
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
#include "base/record.h"
#include "journal/archive/intake_read.h"
#include "journal/archive/reader.h"
#include "journal/archive/seal.h"
#include "journal/archive/segment.h"
#include "journal/archive/segment_list.h"
#include "journal/archive/tree.h"
#include "tests/lib/fixture.h"

#define MAX (64u << 20)

struct told {
	unsigned checkpoints, sealed, alarms;
	char alarm[SP_ERR_MAX];
};

static struct sp_fixture fx;
static struct told told;

#define must(call)                                           \
	do {                                                 \
		struct sp_err err_ = { 0 };                  \
		if ((call) != SP_OK)                         \
			fail_msg("%s: %s", #call, err_.msg); \
	} while (0)

static void
on_report(void *ctx, const char *what, const char *text)
{
	struct told *t = ctx;

	if (strcmp(what, "checkpoint") == 0)
		t->checkpoints++;
	else if (strcmp(what, "sealed") == 0)
		t->sealed++;
	else if (strcmp(what, "alarm") == 0) {
		t->alarms++;
		(void)snprintf(t->alarm, sizeof(t->alarm), "%s", text);
	}
}

static const struct sp_seal_report report = { on_report, &told };

static int
setup(void **state)
{
	(void)state;
	told = (struct told){ 0 };
	sp_fixture_init(&fx);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	sp_fixture_done(&fx);
	return (0);
}

static struct sp_seal *
open_seal(void)
{
	struct sp_seal *s = NULL;

	must(sp_seal_open(fx.dir, fx.cfg, 1000, &report, &s, &err_));
	return (s);
}

static uint64_t
checkpoint(struct sp_seal *s)
{
	uint64_t size = 0;

	must(sp_seal_checkpoint(s, &size, &err_));
	return (size);
}

static unsigned
pack_all(struct sp_seal *s)
{
	unsigned n = 0;
	bool did = true;

	for (;; n++) {
		must(sp_seal_pack(s, &did, &err_));
		if (!did)
			return (n);
	}
}

/* The names in a directory of the archive that end so. */
static size_t
count(const char *sub, const char *suffix)
{
	char *dir = sp_fixture_path(&fx, sub), **names;
	size_t n, k = 0;

	must(sp_io_list(dir, &names, &n, &err_));
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]);

		k += len >= strlen(suffix) &&
		     strcmp(names[i] + len - strlen(suffix), suffix) == 0;
	}
	sp_io_names_free(names, n);
	free(dir);
	return (k);
}

static size_t
segments(void)
{
	struct sp_segment_file *v;
	size_t n;

	must(sp_segment_list(fx.dir, &v, &n, &err_));
	free(v);
	return (n);
}

/* The only segment's path. */
static char *
segment_path(void)
{
	struct sp_segment_file *v;
	size_t n;
	char *path;

	must(sp_segment_list(fx.dir, &v, &n, &err_));
	assert_int_equal(n, 1);
	path = sp_fixture_path(&fx, v[0].path);
	free(v);
	return (path);
}

/* All entries are readable, fit the tree, and there are so many messages. */
static void
check_all(uint64_t messages)
{
	struct sp_reader *r;
	struct sp_tree *t;
	struct sp_entry e;
	struct sp_err err;
	struct sp_buf want;
	uint64_t end, n = 0, seed = 1;
	enum sp_code rc;

	sp_buf_init(&want, MAX);
	must(sp_tree_open(fx.dir, &t, &err_));
	must(sp_reader_open(fx.dir, &r, &err_));
	must(sp_reader_end(r, &end, &err_));
	for (uint64_t seq = 0;; seq++) {
		struct sp_record rec;
		struct sp_line line;
		struct sp_view leaf;
		char text[SP_LINE_MAX];

		rc = sp_reader_next(r, &e, &err);
		if (rc == SP_EEND) {
			assert_int_equal(seq, end);
			break;
		}
		if (rc != SP_OK)
			fail_msg("%s", err.msg);
		assert_int_equal(e.seq, seq);
		must(sp_record_parse(e.record, &rec, &err_));
		assert_int_equal(rec.seq, seq);
		assert_int_equal(rec.has_message, e.has_message);
		if (e.has_message) {
			sp_fixture_message(seed++, &want);
			assert_int_equal(e.msg.n, want.n);
			if (want.n > 0)
				assert_memory_equal(e.msg.p, want.p, want.n);
			n++;
		}
		if (seq < sp_tree_size(t)) {
			sp_line_of_record(&rec, e.record, &line);
			must(sp_tree_line(t, seq, &leaf, &err_));
			assert_true(sp_view_eq(leaf,
			    sp_view_mem(text, sp_line_format(&line, text))));
		}
		sp_record_done(&rec);
	}
	assert_int_equal(n, messages);
	/* And once more from the far end. */
	while (end-- > 0)
		must(sp_reader_get(r, end, &e, &err_));
	sp_reader_close(r);
	sp_tree_close(t);
	sp_buf_done(&want);
}

static void
test_a_checkpoint_covers_all_that_was_accepted(void **state)
{
	struct sp_seal *s;
	uint64_t size, again;

	(void)state;
	sp_fixture_add(&fx, 100, 7);
	s = open_seal();
	size = checkpoint(s);
	assert_true(size > 100);
	assert_int_equal(told.checkpoints, 1);
	/* Nothing new: nothing signed. */
	again = checkpoint(s);
	assert_int_equal(again, size);
	assert_int_equal(told.checkpoints, 1);
	/* The writer goes on beside us. */
	sp_fixture_add(&fx, 5, 1);
	assert_int_equal(checkpoint(s), size + 5);
	sp_seal_close(s);
	check_all(105);
}

static void
test_a_finished_file_becomes_a_segment_and_goes(void **state)
{
	struct sp_seal *s;
	char *path, *p7s;

	(void)state;
	sp_fixture_add(&fx, 200, 50);
	sp_fixture_rotate(&fx);
	sp_fixture_add(&fx, 10, 5);
	assert_int_equal(count("intake", ".log"), 2);
	s = open_seal();
	assert_int_equal(pack_all(s), 1);
	assert_int_equal(told.sealed, 1);
	assert_int_equal(count("intake", ".log"), 1);
	assert_true(sp_seal_packed(s) >= 201);
	path = segment_path();
	p7s = sp_xasprintf("%s.p7s", path);
	assert_true(sp_io_exists(p7s));
	/* The checkpoint over it is kept for good. */
	assert_true(count("tree/checkpoints", "") >= 1);
	sp_seal_close(s);
	check_all(210);
	/* Another start finds nothing to do. */
	s = open_seal();
	assert_int_equal(pack_all(s), 0);
	assert_int_equal(segments(), 1);
	sp_seal_close(s);
	free(path);
	free(p7s);
}

static void
test_many_files_become_many_segments_in_order(void **state)
{
	struct sp_segment_file *v;
	size_t n;

	(void)state;
	for (int i = 0; i < 5; i++) {
		sp_fixture_add(&fx, 20 + (size_t)i, 6);
		sp_fixture_rotate(&fx);
	}
	assert_int_equal(sp_fixture_seal(&fx), 5);
	must(sp_segment_list(fx.dir, &v, &n, &err_));
	assert_int_equal(n, 5);
	for (size_t i = 1; i < n; i++)
		assert_int_equal(v[i].name.first, v[i - 1].name.last + 1);
	assert_ptr_equal(sp_segment_pick(v, n, v[3].name.first), &v[3]);
	assert_ptr_equal(sp_segment_pick(v, n, v[3].name.last), &v[3]);
	assert_null(sp_segment_pick(v, n, v[4].name.last + 1));
	free(v);
	check_all(110);
}

static void
test_a_reader_follows_an_entry_from_intake_to_segment(void **state)
{
	struct sp_reader *r;
	struct sp_entry e;
	struct sp_err err;
	uint64_t end;

	(void)state;
	sp_fixture_add(&fx, 50, 10);
	must(sp_reader_open(fx.dir, &r, &err_));
	must(sp_reader_end(r, &end, &err_));
	must(sp_reader_get(r, 5, &e, &err_));
	assert_memory_equal(e.where, "intake/", 7);
	sp_fixture_rotate(&fx);
	assert_int_equal(sp_fixture_seal(&fx), 1);
	/* The open file still gives it; another one must be found anew. */
	must(sp_reader_get(r, 6, &e, &err_));
	must(sp_reader_get(r, end - 1, &e, &err_));
	sp_fixture_add(&fx, 3, 3);
	must(sp_reader_get(r, end + 1, &e, &err_));
	assert_int_equal(sp_reader_get(r, end + 100, &e, &err), SP_ENOTFOUND);
	sp_reader_close(r);
	must(sp_reader_open(fx.dir, &r, &err_));
	must(sp_reader_get(r, 5, &e, &err_));
	assert_memory_equal(e.where, "archive/", 8);
	sp_reader_close(r);
}

static void
test_a_reader_at_the_end_sees_what_comes(void **state)
{
	struct sp_reader *r;
	struct sp_entry e;
	struct sp_err err;
	uint64_t end;

	(void)state;
	sp_fixture_add(&fx, 4, 2);
	must(sp_reader_open(fx.dir, &r, &err_));
	must(sp_reader_end(r, &end, &err_));
	sp_reader_seek(r, end);
	assert_int_equal(sp_reader_next(r, &e, &err), SP_EEND);
	for (int i = 0; i < 4; i++) {
		sp_fixture_add(&fx, 1, 1);
		must(sp_reader_next(r, &e, &err_));
		assert_int_equal(e.seq, end + (uint64_t)i);
		assert_int_equal(sp_reader_next(r, &e, &err), SP_EEND);
		/* And through a rotation and a seal. */
		if (i == 1)
			sp_fixture_rotate(&fx);
		if (i == 2)
			assert_int_equal(sp_fixture_seal(&fx), 1);
	}
	sp_reader_close(r);
}

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
	assert_int_equal(told.alarms, 1);
	assert_non_null(strstr(told.alarm, "20"));
	assert_int_equal(told.checkpoints, 1);
	/* It is not repeated every second, and nothing is packed. */
	assert_int_not_equal(sp_seal_checkpoint(s, &size, &err), SP_OK);
	assert_int_equal(told.alarms, 1);
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
	assert_int_equal(told.alarms, 1);
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
	assert_int_equal(told.sealed, 0);
	assert_false(sp_io_exists(path));
	sp_seal_close(s);
	/* The same with a segment that was damaged on its way to the disk. */
	must(sp_io_replace(path, b.p, b.n, 0600, &err_));
	seg = segment_path();
	flip(seg, 3000);
	s = open_seal();
	assert_int_not_equal(sp_seal_pack(s, &did, &err), SP_OK);
	assert_int_equal(told.alarms, 1);
	assert_non_null(strstr(told.alarm, "is kept"));
	assert_true(sp_io_exists(path));
	/* The advice given works. */
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
	assert_int_equal(told.alarms, 1);
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
	assert_int_equal(told.alarms, 1);
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
	assert_int_equal(told.alarms, 0);
	sp_buf_done(&old);
	sp_buf_done(&now);
	sp_buf_done(&note);
	free(path);
}

static void
test_the_role_is_held_by_one(void **state)
{
	struct sp_seal *s = open_seal(), *other;
	struct sp_err err;

	(void)state;
	assert_int_equal(
	    sp_seal_open(fx.dir, fx.cfg, 0, NULL, &other, &err), SP_ELOCKED);
	sp_seal_close(s);
	s = open_seal();
	sp_seal_close(s);
}

static void
test_an_hour_of_the_log_keeps_a_checkpoint(void **state)
{
	struct sp_seal *s;
	size_t before;

	(void)state;
	sp_clock_set_for_test(sp_clock_wall(), 1);
	sp_fixture_add(&fx, 1, 1);
	s = open_seal();
	(void)checkpoint(s);
	before = count("tree/checkpoints", "");
	sp_clock_set_for_test(sp_clock_wall() + 3600 * SP_SECOND, 1);
	sp_fixture_close(&fx);
	sp_fixture_add(&fx, 1, 1);
	(void)checkpoint(s);
	assert_int_equal(count("tree/checkpoints", ""), before + 1);
	sp_fixture_add(&fx, 1, 1);
	(void)checkpoint(s);
	assert_int_equal(count("tree/checkpoints", ""), before + 1);
	sp_seal_close(s);
	sp_clock_set_for_test(-1, 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_checkpoint_covers_all_that_was_accepted),
		T(test_a_finished_file_becomes_a_segment_and_goes),
		T(test_many_files_become_many_segments_in_order),
		T(test_a_reader_follows_an_entry_from_intake_to_segment),
		T(test_a_reader_at_the_end_sees_what_comes),
		T(test_a_damaged_entry_alarms_and_what_is_before_is_signed),
		T(test_what_changed_after_its_checkpoint_is_not_signed_over),
		T(test_both_there_the_segment_is_checked_and_counts),
		T(test_missing_entries_are_noticed),
		T(test_an_older_tail_is_a_rollback),
		T(test_older_tail_and_checkpoint_are_a_rollback_by_the_guard),
		T(test_without_a_guard_kept_checkpoints_and_segments_tell),
		T(test_a_guard_left_behind_by_a_crash_is_brought_up),
		T(test_the_role_is_held_by_one),
		T(test_an_hour_of_the_log_keeps_a_checkpoint),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
