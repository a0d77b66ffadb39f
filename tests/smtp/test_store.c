/*
 * The memory budget, the store of a message that spills into a file, and the
 * arena of an envelope.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/sha256.h"
#include "journal/smtp/arena.h"
#include "journal/smtp/store.h"

#define BUDGET ((uint64_t)1 << 20)

static void
test_the_budget_is_never_passed(void **state)
{
	struct sp_memory *m = sp_memory_new(BUDGET, "/tmp");
	void *p[512];
	size_t cap[512], n = 0;

	(void)state;
	while (n < 512 && (p[n] = sp_memory_get(m, 3000, &cap[n])) != NULL) {
		assert_int_equal(cap[n], SP_MEMORY_MIN);
		n++;
		assert_true(sp_memory_used(m) <= BUDGET);
	}
	assert_int_equal(n, BUDGET / SP_MEMORY_MIN);
	sp_memory_put(m, p[0], cap[0]);
	p[0] = sp_memory_get(m, 1, &cap[0]);
	assert_non_null(p[0]);
	while (n > 0) {
		n--;
		sp_memory_put(m, p[n], cap[n]);
	}
	assert_int_equal(sp_memory_used(m), 0);
	/* What waits for reuse makes room for another size. */
	p[0] = sp_memory_get(m, 256u << 10, &cap[0]);
	assert_non_null(p[0]);
	sp_memory_put(m, p[0], cap[0]);
	sp_memory_free(m);
}

static void
test_no_single_buffer_takes_it_all(void **state)
{
	struct sp_memory *m = sp_memory_new((uint64_t)64 << 20, "/tmp");
	size_t cap;
	void *p;

	(void)state;
	assert_null(sp_memory_get(m, SP_MEMORY_MAX + 1, &cap));
	p = sp_memory_get(m, SP_MEMORY_MAX, &cap);
	assert_non_null(p);
	sp_memory_put(m, p, cap);
	sp_memory_free(m);
	m = sp_memory_new((uint64_t)32 << 20, "/tmp");
	assert_null(sp_memory_get(m, SP_MEMORY_MAX, &cap));
	sp_memory_free(m);
}

/* Write ${n} bytes in pieces of ${step}; check content and digest. */
static void
round_trip(struct sp_memory *m, size_t n, size_t step, bool want_file)
{
	uint8_t got[SP_SHA256_LEN], want[SP_SHA256_LEN];
	char *text = sp_xmalloc(n + 1), *back = sp_xmalloc(n + 1);
	struct sp_store s;
	struct sp_err err;
	size_t read;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(i * 31 + i / 251);
	sp_store_init(&s, m);
	sp_store_begin(&s, 0);
	for (size_t at = 0; at < n; at += step) {
		size_t k = n - at < step ? n - at : step;

		assert_int_equal(sp_store_add(&s, text + at, k, &err), SP_OK);
	}
	assert_int_equal(s.size, n);
	assert_int_equal(s.fd >= 0, want_file);
	sp_store_end(&s, got);
	sp_sha256_once(text, n, want);
	assert_memory_equal(got, want, sizeof(want));
	if (want_file) {
		assert_int_equal(
		    sp_io_pread(s.fd, back, n, 0, &read, &err), SP_OK);
		assert_int_equal(read, n);
		assert_memory_equal(back, text, n);
		assert_null(s.p);
	} else if (n > 0)
		assert_memory_equal(s.p, text, n);
	sp_store_done(&s);
	assert_int_equal(sp_memory_used(m), 0);
	free(text);
	free(back);
}

static void
test_large_messages_go_to_a_file(void **state)
{
	struct sp_memory *m = sp_memory_new(BUDGET, "/tmp");
	static const size_t small[] = { 0, 1, 4096, 8192, 8193, 65536, 262144 };
	static const size_t large[] = { 262145, 1000000, 3000000 };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(small); i++) {
		round_trip(m, small[i], 1000, false);
		round_trip(m, small[i], 65536, false);
	}
	for (size_t i = 0; i < SP_COUNTOF(large); i++) {
		round_trip(m, large[i], 1000, true);
		round_trip(m, large[i], 65536, true);
	}
	assert_int_equal(sp_memory_spilled(m), 2 * SP_COUNTOF(large));
	sp_memory_free(m);
}

static void
test_with_the_budget_used_up_small_messages_go_to_files_too(void **state)
{
	struct sp_memory *m = sp_memory_new(65536, "/tmp");
	uint8_t digest[SP_SHA256_LEN];
	struct sp_store s;
	struct sp_err err;
	size_t cap;
	void *p = sp_memory_get(m, 65536, &cap);

	(void)state;
	assert_non_null(p);
	sp_store_init(&s, m);
	sp_store_begin(&s, 100);
	assert_int_equal(sp_store_add(&s, "hello", 5, &err), SP_OK);
	assert_true(s.fd >= 0);
	sp_store_end(&s, digest);
	sp_store_done(&s);
	sp_memory_put(m, p, cap);
	sp_memory_free(m);
}

static void
test_a_missing_directory_is_said(void **state)
{
	struct sp_memory *m = sp_memory_new(4096, "/nowhere/at/all");
	char big[8192] = "";
	struct sp_store s;
	struct sp_err err;

	(void)state;
	sp_store_init(&s, m);
	sp_store_begin(&s, 0);
	assert_int_not_equal(sp_store_add(&s, big, sizeof(big), &err), SP_OK);
	assert_non_null(strstr(err.msg, "/nowhere/at/all"));
	sp_store_done(&s);
	sp_memory_free(m);
}

static void
test_pieces_of_an_arena_stay_where_they_are(void **state)
{
	struct sp_memory *m = sp_memory_new(BUDGET, "/tmp");
	struct sp_view v[300];
	struct sp_arena a;

	(void)state;
	sp_arena_init(&a, m);
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < SP_COUNTOF(v); i++) {
			char text[200];

			memset(text, (int)i, sizeof(text));
			v[i] = sp_arena_dup(
			    &a, sp_view_mem(text, 1 + i % sizeof(text)));
			assert_non_null(v[i].p);
		}
		for (size_t i = 0; i < SP_COUNTOF(v); i++) {
			for (size_t k = 0; k < v[i].n; k++)
				assert_int_equal(
				    (unsigned char)v[i].p[k], i & 255);
		}
		sp_arena_reset(&a);
		assert_int_equal(sp_memory_used(m), 0);
	}
	/* Beyond the budget it says no. */
	for (size_t i = 0; i < 2000; i++) {
		if (sp_arena_get(&a, 1000) == NULL)
			break;
		assert_true(i < BUDGET / 1000 + 10);
	}
	sp_arena_reset(&a);
	sp_memory_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_budget_is_never_passed),
		cmocka_unit_test(test_no_single_buffer_takes_it_all),
		cmocka_unit_test(test_large_messages_go_to_a_file),
		cmocka_unit_test(
		    test_with_the_budget_used_up_small_messages_go_to_files_too),
		cmocka_unit_test(test_a_missing_directory_is_said),
		cmocka_unit_test(test_pieces_of_an_arena_stay_where_they_are),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
