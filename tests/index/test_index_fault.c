/*
 * Every write, truncation and sync of SQLite fails once: whatever is left,
 * the index goes on from there to the same rows.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/index/faultvfs.h"
#include "tests/index/kit.h"

#define STEPS 40u /* points looked at of each kind, spread over all */

static void
forget_all(struct kit *k)
{
	struct sp_index *ix = NULL;
	struct sp_err err;

	sp_must(sp_index_open(k->fx.dir, k->fx.cfg, 0, NULL, &ix, &err), &err);
	sp_must(sp_index_drop(ix, 0, &err), &err);
	sp_index_close(ix);
}

static int
setup(void **state)
{
	struct kit *k = sp_xcalloc(1, sizeof(*k));

	faultvfs_register();
	kit_init(k, "2026-11-30T10:00:00Z");
	kit_clock(k, "2026-11-30T10:00:00Z");
	k->fx.cfg->index_batch = 10;
	sp_fixture_add(&k->fx, 45, 9);
	kit_clock(k, "2026-12-01T10:00:00Z");
	sp_fixture_add(&k->fx, 25, 9);
	*state = k;
	return (0);
}

static int
teardown(void **state)
{
	kit_done(*state);
	free(*state);
	return (0);
}

static uint64_t
count_calls(struct kit *k)
{
	forget_all(k);
	faultvfs_arm(FAULT_NONE, 0);
	kit_index(k);
	return (faultvfs_calls());
}

static void
same_rows(struct kit *k, const char *want, const char *when, uint64_t at)
{
	char *rows;

	kit_index(k);
	if (kit_said(k, "damaged"))
		fail_msg("%s at %" PRIu64 ": %s", when, at, k->said);
	rows = kit_rows(k);
	if (strcmp(rows, want) != 0)
		fail_msg("%s at %" PRIu64 ": other rows", when, at);
	free(rows);
}

static void
each_point(struct kit *k, enum fault_kind kind, const char *name)
{
	uint64_t n = count_calls(k), step = n / STEPS + 1, fired = 0;
	char *want = kit_rows(k);

	for (uint64_t at = 1; at <= n; at += step) {
		struct sp_err err = { 0 };

		forget_all(k);
		faultvfs_arm(kind, at);
		if (kit_try(k, &err) != SP_OK && err.msg[0] == '\0')
			fail_msg("%s at %" PRIu64 ": no message", name, at);
		fired += faultvfs_fired();
		faultvfs_arm(FAULT_NONE, 0);
		same_rows(k, want, name, at);
	}
	assert_true(fired > 0);
	free(want);
}

static void
test_any_write_may_fail(void **state)
{
	each_point(*state, FAULT_EIO, "write");
}

static void
test_the_disk_may_be_full_from_any_write_on(void **state)
{
	struct kit *k = *state;
	struct sp_err err = { 0 };

	each_point(k, FAULT_FULL, "full disk");
	forget_all(k);
	faultvfs_arm(FAULT_FULL, 40);
	assert_int_equal(kit_try(k, &err), SP_ENOSPC);
	faultvfs_arm(FAULT_NONE, 0);
	assert_non_null(strstr(err.msg, "free some space"));
}

static void
test_any_write_may_end_in_the_middle(void **state)
{
	each_point(*state, FAULT_SHORT, "short write");
}

static void
test_any_sync_may_fail(void **state)
{
	each_point(*state, FAULT_SYNC, "sync");
}

static void
test_the_indexer_may_die_at_any_write(void **state)
{
	struct kit *k = *state;
	uint64_t n = count_calls(k), step = n / STEPS + 1;
	char *want = kit_rows(k);

	for (uint64_t at = 1; at <= n; at += step) {
		int status = -1;
		pid_t pid;

		forget_all(k);
		pid = fork();
		if (pid == 0) {
			faultvfs_arm(FAULT_DIE, at);
			(void)kit_try(k, &(struct sp_err){ 0 });
			_exit(0);
		}
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		same_rows(k, want, "death", at);
	}
	free(want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_write_may_fail),
		cmocka_unit_test(test_the_disk_may_be_full_from_any_write_on),
		cmocka_unit_test(test_any_write_may_end_in_the_middle),
		cmocka_unit_test(test_any_sync_may_fail),
		cmocka_unit_test(test_the_indexer_may_die_at_any_write),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
