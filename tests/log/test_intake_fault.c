/*
 * The intake log when a call fails: after a full disk, a failed sync or a
 * failed truncate nothing of the batch happened, and the log goes on.  Single
 * cases with their calls counted; every fault at every call is tried in
 * tests/crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/io.h"
#include "journal/log/intake_format_priv.h"
#include "tests/log/intake_kit.h"

static struct kit k;

/* A log with five entries. */
static int
setup(void **state)
{
	(void)state;
	kit_init(&k);
	kit_must_open(&k);
	kit_must_commit(&k, 5);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	sp_fault_arm(NULL, 0);
	kit_done(&k);
	return (0);
}

static void
assert_readable(uint64_t want)
{
	uint64_t n;

	kit_ok(kit_read(&k, &n), &k.err);
	assert_int_equal(n, want);
}

static size_t
count_files(void)
{
	struct sp_intake_info *files;
	size_t n;

	kit_ok(sp_intake_list(k.dir, &files, &n, &k.err), &k.err);
	free(files);
	return (n);
}

/* The log takes more, also after a start. */
static void
assert_goes_on(uint64_t have)
{
	sp_fault_arm(NULL, 0);
	assert_int_equal(sp_intake_next_seq(k.in), have);
	kit_must_commit(&k, 2);
	assert_readable(have + 2);
	kit_close(&k);
	kit_must_open(&k);
	assert_int_equal(k.found.next_seq, have + 2);
	assert_int_equal(k.found.cut_bytes, 0);
	kit_must_commit(&k, 3);
	assert_readable(have + 5);
}

static void
test_a_full_disk_takes_nothing_and_the_file_goes_on(void **state)
{
	struct sp_buf before, after;

	(void)state;
	kit_slurp(kit_newest(&k), &before);
	sp_fault_arm("enospc", 1);
	assert_int_equal(kit_commit(&k, 3), SP_ENOSPC);
	assert_true(sp_fault_fired());
	kit_slurp(kit_newest(&k), &after);
	assert_true(sp_view_eq(sp_buf_view(&before), sp_buf_view(&after)));
	assert_int_equal(count_files(), 1);
	sp_buf_done(&before);
	sp_buf_done(&after);
	assert_goes_on(5);
	assert_int_equal(count_files(), 1);
}

static void
test_a_disk_that_stays_full_costs_no_entry(void **state)
{
	(void)state;
	sp_fault_arm("enospc+", 1);
	for (int i = 0; i < 10; i++)
		assert_int_equal(kit_commit(&k, 3), SP_ENOSPC);
	assert_readable(5);
	assert_goes_on(5);
}

static void
test_a_full_disk_with_messages_in_files_takes_nothing(void **state)
{
	uint64_t have = 5;

	(void)state;
	k.in_files = true;
	for (uint64_t at = 1; at < 20; at++) {
		enum sp_code rc;

		k.fault = "enospc";
		k.at = at;
		rc = kit_commit(&k, 6);
		if (rc == SP_OK) {
			/* The mark, or nothing any more. */
			assert_true(at > 8);
			have += 6;
			if (!sp_fault_fired())
				break;
		} else
			assert_true(rc == SP_ENOSPC || rc == SP_ESYNC);
		sp_fault_arm(NULL, 0);
	}
	assert_true(have > 5);
	assert_goes_on(have);
}

static void
test_after_a_failed_sync_a_new_file_says_what_counts(void **state)
{
	struct sp_intake_info *f;
	struct sp_buf old;
	size_t n;

	(void)state;
	kit_slurp(kit_newest(&k), &old);
	/* write, sync */
	sp_fault_arm("eio", 2);
	assert_int_equal(kit_commit(&k, 3), SP_ESYNC);
	assert_true(sp_fault_fired());
	kit_ok(sp_intake_list(k.dir, &f, &n, &k.err), &k.err);
	assert_int_equal(n, 2);
	assert_int_equal(f[0].limit, old.n - SP_INTAKE_BATCH_LEN);
	assert_true(f[0].size > old.n);
	assert_int_equal(f[1].head.first, 5);
	free(f);
	sp_buf_done(&old);
	assert_readable(5);
	assert_goes_on(5);
}

static void
test_syncs_that_keep_failing_cost_no_entry(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		sp_fault_arm("eio", 2);
		assert_int_equal(kit_commit(&k, 1), SP_ESYNC);
	}
	/* Empty files between, in their order by what they say. */
	assert_int_equal(count_files(), 5);
	assert_readable(5);
	assert_goes_on(5);
}

static void
test_a_disk_that_fails_for_good_and_recovers_costs_no_entry(void **state)
{
	(void)state;
	sp_fault_arm("eio+", 2);
	assert_int_equal(kit_commit(&k, 1), SP_ESYNC);
	for (int i = 0; i < 5; i++)
		assert_int_equal(kit_commit(&k, 1), SP_EIO);
	sp_fault_arm(NULL, 0);
	assert_readable(5);
	assert_goes_on(5);
}

static void
test_a_failed_truncate_closes_the_file_for_good(void **state)
{
	(void)state;
	/* write fails, truncate fails; the new file is made */
	sp_fault_arm("eio+", 1);
	assert_int_equal(kit_commit(&k, 3), SP_EIO);
	sp_fault_arm(NULL, 0);
	assert_goes_on(5);
	assert_int_equal(count_files(), 2);
}

static void
test_a_mark_that_cannot_be_written_takes_nothing_back(void **state)
{
	uint64_t n;

	(void)state;
	/* write, sync, mark */
	sp_fault_arm("enospc", 3);
	kit_must_commit(&k, 3);
	assert_true(sp_fault_fired());
	sp_fault_arm(NULL, 0);
	/* Readers see it once something proves it. */
	kit_ok(kit_read(&k, &n), &k.err);
	assert_int_equal(n, 5);
	kit_must_commit(&k, 1);
	assert_readable(9);
	assert_int_equal(count_files(), 2);
	assert_goes_on(9);
}

static void
test_a_start_after_a_lost_mark_keeps_the_batch(void **state)
{
	(void)state;
	sp_fault_arm("enospc", 3);
	kit_must_commit(&k, 3);
	sp_fault_arm(NULL, 0);
	kit_close(&k);
	kit_must_open(&k);
	assert_int_equal(k.found.next_seq, 8);
	assert_readable(8);
	assert_int_equal(count_files(), 1);
	assert_goes_on(8);
}

static void
test_a_start_on_a_full_disk_works_without_the_mark(void **state)
{
	(void)state;
	sp_fault_arm("enospc", 3);
	kit_must_commit(&k, 3);
	kit_close(&k);
	/* rewrite of the last batch, truncate, sync, mark */
	sp_fault_arm("enospc+", 4);
	kit_must_open(&k);
	assert_int_equal(kit_commit(&k, 1), SP_ENOSPC);
	assert_goes_on(8);
}

static void
test_a_rotation_that_fails_anywhere_costs_no_entry(void **state)
{
	static const char *const kinds[] = { "enospc", "eio", "eio+" };
	uint64_t have = 5;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(kinds); i++) {
		for (uint64_t at = 1; at < 20; at++) {
			enum sp_code rc;

			sp_fault_arm(kinds[i], at);
			rc = sp_intake_rotate(k.in, &k.err);
			if (!sp_fault_fired()) {
				assert_int_equal(rc, SP_OK);
				sp_fault_arm(NULL, 0);
				kit_must_commit(&k, 1);
				have++;
				break;
			}
			assert_int_not_equal(rc, SP_OK);
			sp_fault_arm(NULL, 0);
			assert_readable(have);
			kit_must_commit(&k, 1);
			assert_readable(++have);
		}
	}
	assert_goes_on(have);
}

static void
test_small_batches_cost_one_write_one_sync_and_one_mark(void **state)
{
	uint64_t calls, syncs;

	(void)state;
	calls = sp_io_calls();
	syncs = sp_io_syncs();
	kit_must_commit(&k, 50);
	assert_int_equal(sp_io_calls() - calls, 3);
	assert_int_equal(sp_io_syncs() - syncs, 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_full_disk_takes_nothing_and_the_file_goes_on),
		T(test_a_disk_that_stays_full_costs_no_entry),
		T(test_a_full_disk_with_messages_in_files_takes_nothing),
		T(test_after_a_failed_sync_a_new_file_says_what_counts),
		T(test_syncs_that_keep_failing_cost_no_entry),
		T(test_a_disk_that_fails_for_good_and_recovers_costs_no_entry),
		T(test_a_failed_truncate_closes_the_file_for_good),
		T(test_a_mark_that_cannot_be_written_takes_nothing_back),
		T(test_a_start_after_a_lost_mark_keeps_the_batch),
		T(test_a_start_on_a_full_disk_works_without_the_mark),
		T(test_a_rotation_that_fails_anywhere_costs_no_entry),
		T(test_small_batches_cost_one_write_one_sync_and_one_mark),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
