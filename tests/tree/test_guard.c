/*
 * Rollback detection (guard.h): an archive that is older than what was signed,
 * or has another past, accepts nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/line.h"
#include "journal/log/append.h"
#include "journal/tree/guard.h"
#include "journal/log/intake_read.h"
#include "base/layout.h"
#include "journal/tree/note.h"
#include "journal/tree/tree.h"
#include "tests/log/append_kit.h"

/* Tree and checkpoint over the first ${n} entries; the note to ${out}. */
static void
sign(uint64_t n, char tag, struct sp_buf *out)
{
	static const uint8_t seed[32] = { 7 };
	struct sp_checkpoint c = { .origin = AK_ORIGIN, .size = n };
	struct sp_signer *s = NULL;
	struct sp_tree *t = NULL;
	struct sp_buf text;
	char vkey[300], *path = sp_layout_path(ak_dir, "tree/checkpoint");
	char *key = sp_layout_path(ak_guard, "log.vkey");

	ak_ok(sp_tree_open(ak_dir, &t, &ak_err));
	for (uint64_t i = sp_tree_size(t); i < n; i++) {
		struct sp_line l = { .seq = i, .received = AK_NOW };
		char line[SP_LINE_MAX];
		size_t len;

		l.record[0] = (uint8_t)tag;
		len = sp_line_format(&l, line);
		ak_ok(sp_tree_add(t, sp_view_mem(line, len), &ak_err));
	}
	ak_ok(sp_tree_commit(t, &ak_err));
	ak_ok(sp_tree_root(t, n, &c.root, &ak_err));
	sp_tree_close(t);
	ak_ok(sp_signer_new(AK_ORIGIN, seed, &s, &ak_err));
	sp_buf_init(&text, SP_NOTE_MAX);
	assert_int_equal(sp_checkpoint_format(&c, &text), SP_OK);
	sp_buf_clear(out);
	ak_ok(sp_note_sign(sp_buf_view(&text), s, out, &ak_err));
	sp_vkey_format(sp_signer_vkey(s), vkey);
	ak_ok(sp_io_replace(key, vkey, strlen(vkey), 0644, &ak_err));
	ak_ok(sp_io_replace(path, out->p, out->n, 0644, &ak_err));
	sp_signer_free(s);
	sp_buf_done(&text);
	free(path);
	free(key);
}

static void
forget_tree(void)
{
	char *tail = sp_layout_path(ak_dir, "tree/tail");
	char *checkpoint = sp_layout_path(ak_dir, "tree/checkpoint");

	ak_ok(sp_io_unlink(tail, &ak_err));
	ak_ok(sp_io_unlink(checkpoint, &ak_err));
	free(tail);
	free(checkpoint);
}

static void
assert_rolled_back(uint64_t next, enum sp_code want, const char *words)
{
	assert_int_equal(sp_guard_check(ak_dir, ak_guard, next, &ak_err), want);
	if (want == SP_OK)
		return;
	if (strstr(ak_err.msg, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", ak_err.msg, words);
	if (want == SP_EROLLBACK)
		assert_non_null(strstr(ak_err.msg, "init --continues"));
}

static void
test_an_archive_without_checkpoints_was_not_rolled_back(void **state)
{
	(void)state;
	assert_rolled_back(0, SP_OK, "");
	assert_rolled_back(9, SP_OK, "");
}

static void
test_an_intake_log_shorter_than_what_was_signed_is_a_rollback(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	sign(5, 'a', &note);
	assert_rolled_back(4, SP_EROLLBACK, "intake log ends after 4 entries");
	assert_rolled_back(5, SP_OK, "");
	assert_rolled_back(6, SP_OK, "");
	sp_buf_done(&note);
}

static void
test_a_tree_older_than_the_guard_is_a_rollback(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	sign(5, 'a', &note);
	ak_ok(sp_guard_put(ak_guard, sp_buf_view(&note), &ak_err));
	assert_rolled_back(5, SP_OK, "");
	forget_tree();
	sign(3, 'a', &note);
	assert_rolled_back(5, SP_EROLLBACK, "tree/tail covers 3 entries");
	assert_rolled_back(3, SP_EROLLBACK, "guard directory");
	sp_buf_done(&note);
}

static void
test_another_history_than_the_guards_is_a_rollback(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	sign(5, 'a', &note);
	ak_ok(sp_guard_put(ak_guard, sp_buf_view(&note), &ak_err));
	forget_tree();
	sign(9, 'b', &note);
	assert_rolled_back(9, SP_EROLLBACK, "not those that were signed");
	sp_buf_done(&note);
}

static void
test_a_guard_that_nobody_signed_is_refused(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	sign(5, 'a', &note);
	note.p[note.n - 9] ^= 1;
	ak_ok(sp_guard_put(ak_guard, sp_buf_view(&note), &ak_err));
	assert_int_not_equal(
	    sp_guard_check(ak_dir, ak_guard, 5, &ak_err), SP_OK);
	assert_non_null(strstr(ak_err.msg, "guard"));
	sp_buf_done(&note);
}

static void
test_a_rolled_back_archive_takes_nothing(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	ak_cfg->guard = sp_xstrdup(ak_guard);
	ak_start();
	for (int i = 0; i < 5; i++)
		ak_ok(ak_put("x"));
	ak_stop();
	sign(5, 'a', &note);
	ak_ok(sp_guard_put(ak_guard, sp_buf_view(&note), &ak_err));
	ak_start();
	ak_stop();
	sign(6, 'a', &note);
	ak_ok(sp_guard_put(ak_guard, sp_buf_view(&note), &ak_err));
	assert_int_equal(
	    sp_append_open(ak_dir, ak_cfg, &ak_opts, &ak, &ak_found, &ak_err),
	    SP_EROLLBACK);
	sp_buf_done(&note);
}

/* The intake log holds no entry any more: time comes from the tree. */
static void
test_time_goes_on_after_everything_was_packed(void **state)
{
	struct sp_intake_info *files;
	struct sp_buf note;
	char path[256];
	size_t n;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	ak_start();
	ak_ok(ak_put("x"));
	ak_ok(sp_append_rotate(ak, &ak_err));
	ak_stop();
	sign(1, 'a', &note);
	ak_ok(sp_intake_list(ak_dir, &files, &n, &ak_err));
	assert_int_equal(n, 2);
	(void)snprintf(
	    path, sizeof(path), "%s/intake/%s", ak_dir, files[0].name);
	free(files);
	ak_ok(sp_io_unlink(path, &ak_err));
	sp_clock_set_for_test(AK_NOW - 10 * SP_SECOND, 0);
	ak_start();
	assert_int_equal(ak_found.last_received, AK_NOW);
	assert_int_equal(ak_found.next_seq, 1);
	ak_ok(ak_put("y"));
	ak_assert_received(1, AK_NOW);
	sp_buf_done(&note);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, ak_setup, ak_teardown)
	const struct CMUnitTest tests[] = {
		T(test_an_archive_without_checkpoints_was_not_rolled_back),
		T(test_an_intake_log_shorter_than_what_was_signed_is_a_rollback),
		T(test_a_tree_older_than_the_guard_is_a_rollback),
		T(test_another_history_than_the_guards_is_a_rollback),
		T(test_a_guard_that_nobody_signed_is_refused),
		T(test_a_rolled_back_archive_takes_nothing),
		T(test_time_goes_on_after_everything_was_packed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
