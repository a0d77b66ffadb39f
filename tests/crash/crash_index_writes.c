/*
 * A call of the indexer that changes something fails, SQLite's or our own:
 * whatever is left, the index goes on from there to the same rows, and takes
 * no failure for damage.  tests/crash/crash_index.c looks at more kinds, with
 * every run in a process of its own.
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

#include "base/fault.h"
#include "base/io.h"
#include "tests/index/kit.h"
#include "tests/lib/faultvfs.h"

#define STEPS	  24u /* calls tried of each kind, spread over all */
#define SYNCS_MAX 64u

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

	faultvfs_install();
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

/* Index everything without a fault; how many calls that takes. */
static uint64_t
count_calls(struct kit *k)
{
	uint64_t before;

	forget_all(k);
	sp_fault_arm(NULL, 0);
	before = sp_io_calls();
	kit_index(k);
	return (sp_io_calls() - before);
}

static void
same_rows(struct kit *k, const char *want, const char *when, uint64_t at)
{
	char *rows;

	kit_index(k);
	if (kit_reported(k, "damaged"))
		fail_msg("%s at %" PRIu64 ": %s", when, at, k->reported);
	rows = kit_rows(k);
	if (strcmp(rows, want) != 0)
		fail_msg("%s at %" PRIu64 ": other rows", when, at);
	free(rows);
}

/* One run in which call ${at} fails, and one without a fault; whether it
 * fired. */
static bool
fail_at(struct kit *k, const char *kind, uint64_t at, const char *want)
{
	struct sp_err err = { 0 };
	bool fired;

	forget_all(k);
	sp_fault_arm(kind, at);
	if (kit_try(k, &err) != SP_OK && err.msg[0] == '\0')
		fail_msg("%s at %" PRIu64 ": no message", kind, at);
	fired = sp_fault_fired();
	sp_fault_arm(NULL, 0);
	same_rows(k, want, kind, at);
	return (fired);
}

static void
each_point(struct kit *k, const char *kind)
{
	uint64_t n = count_calls(k), step = n / STEPS + 1;
	char *want = kit_rows(k);
	bool fired = false;

	for (uint64_t at = 1; at <= n; at += step)
		fired = fail_at(k, kind, at, want) || fired;
	assert_true(fired);
	free(want);
}

static void
test_any_call_may_fail(void **state)
{
	each_point(*state, "eio");
}

static void
test_any_call_may_be_the_first_of_many_that_fail(void **state)
{
	each_point(*state, "eio+");
}

static void
test_the_disk_may_be_full_from_any_write_on(void **state)
{
	struct kit *k = *state;
	struct sp_err err = { 0 };

	each_point(k, "enospc+");
	forget_all(k);
	sp_fault_arm("enospc+", 40);
	assert_int_equal(kit_try(k, &err), SP_ENOSPC);
	sp_fault_arm(NULL, 0);
	assert_non_null(strstr(err.msg, "free some space"));
}

static void
test_any_write_may_end_in_the_middle(void **state)
{
	each_point(*state, "enospc");
}

static void
test_any_sync_may_fail(void **state)
{
	struct kit *k = *state;
	const uint64_t *at;
	uint64_t start[SYNCS_MAX], before;
	size_t first, n;
	char *want;

	forget_all(k);
	sp_fault_arm(NULL, 0);
	first = faultvfs_syncs(&at);
	before = sp_io_calls();
	kit_index(k);
	n = faultvfs_syncs(&at) - first;
	assert_true(n > 0 && n <= SYNCS_MAX);
	for (size_t i = 0; i < n; i++)
		start[i] = at[first + i] - before;
	want = kit_rows(k);
	for (size_t i = 0; i < n; i++)
		assert_true(fail_at(k, "eio", start[i], want));
	free(want);
}

static void
test_the_indexer_may_die_at_any_call(void **state)
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
			sp_fault_arm("crash", at);
			(void)kit_try(k, &(struct sp_err){ 0 });
			_exit(0);
		}
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		same_rows(k, want, "death", at);
	}
	free(want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_call_may_fail),
		cmocka_unit_test(
		    test_any_call_may_be_the_first_of_many_that_fail),
		cmocka_unit_test(test_the_disk_may_be_full_from_any_write_on),
		cmocka_unit_test(test_any_write_may_end_in_the_middle),
		cmocka_unit_test(test_any_sync_may_fail),
		cmocka_unit_test(test_the_indexer_may_die_at_any_call),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
