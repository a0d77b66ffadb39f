/* Entries come out of the pipe in order, however many threads make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/line.h"
#include "base/sha256.h"
#include "index/pipe.h"
#include "tests/index/kit.h"

#define MANY (3 * SP_PIPE_SLOTS)

static int
setup(void **state)
{
	struct kit *k = sp_xcalloc(1, sizeof(*k));

	kit_init(k, "2026-11-20T10:00:00Z");
	kit_clock(k, "2026-11-20T10:00:00Z");
	sp_fixture_add(&k->fx, MANY, 100);
	sp_mail_global_init();
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

static enum sp_code
no_line(void *ctx, uint64_t seq, struct sp_line *line,
    uint8_t leaf[SP_SHA256_LEN], struct sp_err *err)
{
	(void)ctx;
	(void)seq;
	(void)line;
	(void)leaf;
	return (sp_err_set(err, SP_ENOTFOUND, 0, "nothing was erased"));
}

static struct sp_pipe_opts
options(uint64_t end, unsigned threads)
{
	return ((struct sp_pipe_opts){
	    .mail = { .max_text = 1u << 20, .digests = true },
	    .end = end,
	    .threads = threads,
	    .erased_line = no_line });
}

static void
test_entries_come_in_order_from_any_number_of_threads(void **state)
{
	struct kit *k = *state;
	static uint8_t leaves[MANY][SP_SHA256_LEN];

	for (unsigned threads = 0; threads <= SP_PIPE_THREADS; threads++) {
		struct sp_pipe_opts o = options(MANY, threads);
		struct sp_reader *r = NULL;
		struct sp_pipe *p = NULL;
		const struct sp_doc *d = NULL;
		struct sp_err err;

		sp_must(sp_reader_open(k->fx.dir, &r, &err), &err);
		sp_must(sp_pipe_open(r, &o, &p, &err), &err);
		for (uint64_t seq = 0; seq < MANY; seq++) {
			sp_must(sp_pipe_next(p, &d, &err), &err);
			assert_int_equal(d->seq, seq);
			if (threads == 0)
				memcpy(leaves[seq], d->leaf, sizeof(d->leaf));
			assert_memory_equal(
			    leaves[seq], d->leaf, sizeof(d->leaf));
		}
		assert_int_equal(sp_pipe_next(p, &d, &err), SP_EEND);
		sp_pipe_close(p);
		sp_reader_close(r);
	}
}

static void
test_a_failure_comes_after_all_that_was_before_it(void **state)
{
	struct kit *k = *state;

	for (unsigned threads = 0; threads <= SP_PIPE_THREADS; threads++) {
		struct sp_pipe_opts o = options(UINT64_C(1) << 40, threads);
		struct sp_reader *r = NULL;
		struct sp_pipe *p = NULL;
		const struct sp_doc *d = NULL;
		struct sp_err err;
		uint64_t n = 0, end = 0;
		enum sp_code rc;

		sp_must(sp_reader_open(k->fx.dir, &r, &err), &err);
		sp_must(sp_reader_end(r, &end, &err), &err);
		sp_must(sp_pipe_open(r, &o, &p, &err), &err);
		while ((rc = sp_pipe_next(p, &d, &err)) == SP_OK)
			n++;
		assert_int_equal(rc, SP_EAGAIN);
		assert_int_equal(n, end);
		assert_non_null(strstr(err.msg, "cannot be read now"));
		sp_pipe_close(p);
		sp_reader_close(r);
	}
}

static void
test_a_pipe_may_be_closed_at_any_time(void **state)
{
	struct kit *k = *state;

	for (unsigned stop = 0; stop < 40; stop += 13) {
		struct sp_pipe_opts o = options(MANY, SP_PIPE_THREADS);
		struct sp_reader *r = NULL;
		struct sp_pipe *p = NULL;
		const struct sp_doc *d = NULL;
		struct sp_err err;

		sp_must(sp_reader_open(k->fx.dir, &r, &err), &err);
		sp_must(sp_pipe_open(r, &o, &p, &err), &err);
		for (unsigned i = 0; i < stop; i++)
			sp_must(sp_pipe_next(p, &d, &err), &err);
		sp_pipe_close(p);
		sp_reader_close(r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_entries_come_in_order_from_any_number_of_threads),
		cmocka_unit_test(
		    test_a_failure_comes_after_all_that_was_before_it),
		cmocka_unit_test(test_a_pipe_may_be_closed_at_any_time),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
