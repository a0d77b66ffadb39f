/*
 * Sealing and reading: the whole way of entries from the intake log through
 * tree and checkpoint to a segment, with readers and the writer beside.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "journal/log/reader.h"
#include "journal/segment/segment_list.h"
#include "tests/seal/seal_kit.h"

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
	assert_int_equal(reported.checkpoints, 1);
	/* Nothing new: nothing signed. */
	again = checkpoint(s);
	assert_int_equal(again, size);
	assert_int_equal(reported.checkpoints, 1);
	/* The writer goes on while the sealer is open. */
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
	assert_int_equal(reported.sealed, 1);
	assert_int_equal(count("intake", ".log"), 1);
	assert_true(sp_seal_packed_end(s) >= 201);
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

/* The alarm of a guard is open from an earlier run, and then the configuration
 * has none any more. */
static void
test_without_a_guard_none_is_unwritable(void **state)
{
	struct sp_seal *s;

	(void)state;
	free(fx.cfg->guard);
	fx.cfg->guard = NULL;
	s = open_seal();
	assert_int_equal(reported.ended, 1);
	assert_int_equal(reported.alarms, 0);
	sp_seal_close(s);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_checkpoint_covers_all_that_was_accepted),
		T(test_a_finished_file_becomes_a_segment_and_goes),
		T(test_many_files_become_many_segments_in_order),
		T(test_a_reader_follows_an_entry_from_intake_to_segment),
		T(test_a_reader_at_the_end_sees_what_comes),
		T(test_the_role_is_held_by_one),
		T(test_an_hour_of_the_log_keeps_a_checkpoint),
		T(test_without_a_guard_none_is_unwritable),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
