/*
 * The intake log: every named limit at n and n + 1, and the checks of the file
 * header.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/record.h"
#include "journal/log/intake_format_priv.h"
#include "tests/log/intake_kit.h"

static struct kit k;

static int
setup(void **state)
{
	(void)state;
	kit_init(&k);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
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

/* ---- limits ----------------------------------------------------------- */

static void
test_a_batch_takes_so_many_entries_and_no_more(void **state)
{
	struct sp_intake_entry *e =
	    sp_xcalloc(SP_INTAKE_COUNT_MAX + 1, sizeof(*e));
	struct sp_buf rec, msg;

	(void)state;
	sp_buf_init(&rec, 1 << 16);
	sp_buf_init(&msg, 1 << 16);
	(void)kit_entry(0, &rec, &msg);
	kit_must_open(&k);
	for (size_t i = 0; i <= SP_INTAKE_COUNT_MAX; i++) {
		e[i].seq = i;
		e[i].fd = -1;
		e[i].record = sp_buf_view(&rec);
	}
	assert_int_equal(
	    sp_intake_commit(k.in, e, SP_INTAKE_COUNT_MAX + 1, &k.err),
	    SP_ELIMIT);
	assert_int_equal(sp_intake_next_seq(k.in), 0);
	kit_ok(sp_intake_commit(k.in, e, SP_INTAKE_COUNT_MAX, &k.err), &k.err);
	kit_close(&k);
	kit_must_open(&k);
	assert_int_equal(k.found.next_seq, SP_INTAKE_COUNT_MAX);
	free(e);
	sp_buf_done(&rec);
	sp_buf_done(&msg);
}

static void
test_a_record_may_be_so_long_and_no_longer(void **state)
{
	struct sp_intake_entry e = { .fd = -1 };
	char *p = sp_xmalloc(SP_RECORD_MAX + 1);
	struct sp_intake_file *f = NULL;
	struct sp_intake_item item;
	struct sp_buf rec;

	(void)state;
	memset(p, 'x', SP_RECORD_MAX + 1);
	kit_must_open(&k);
	e.record = sp_view_mem(p, SP_RECORD_MAX + 1);
	assert_int_equal(sp_intake_commit(k.in, &e, 1, &k.err), SP_ELIMIT);
	e.record.n--;
	kit_ok(sp_intake_commit(k.in, &e, 1, &k.err), &k.err);
	kit_ok(sp_intake_file_open(kit_newest(&k), UINT64_MAX, &f, &k.err),
	    &k.err);
	kit_ok(sp_intake_file_next(f, &item, &k.err), &k.err);
	/* A reader's buffer has its limit too. */
	sp_buf_init(&rec, SP_RECORD_MAX - 1);
	assert_int_equal(
	    sp_intake_file_read(f, &item, &rec, NULL, &k.err), SP_ELIMIT);
	sp_buf_done(&rec);
	sp_buf_init(&rec, SP_RECORD_MAX);
	kit_ok(sp_intake_file_read(f, &item, &rec, NULL, &k.err), &k.err);
	assert_int_equal(rec.n, SP_RECORD_MAX);
	sp_buf_done(&rec);
	sp_intake_file_close(f);
	free(p);
}

static void
test_a_message_may_be_so_long_and_no_longer(void **state)
{
	struct sp_intake_entry e = { .has_message = true };
	struct sp_intake_frame f = { .has_message = true }, back;
	uint8_t p[SP_INTAKE_FRAME_LEN];
	struct sp_buf rec, msg;

	(void)state;
	sp_buf_init(&rec, 1 << 16);
	sp_buf_init(&msg, 1 << 16);
	(void)kit_entry(0, &rec, &msg);
	kit_must_open(&k);
	e.record = sp_buf_view(&rec);
	e.msg.n = SP_INTAKE_MSG_MAX + 1;
	e.fd = 0;
	assert_int_equal(sp_intake_commit(k.in, &e, 1, &k.err), SP_ELIMIT);
	f.msg_len = SP_INTAKE_MSG_MAX;
	sp_intake_frame_start(&f, p);
	sp_intake_frame_finish(p, (struct sp_view){ NULL, 0 }, 0);
	assert_true(sp_intake_frame_parse(p, UINT64_MAX, &back));
	f.msg_len++;
	sp_intake_frame_start(&f, p);
	sp_intake_frame_finish(p, (struct sp_view){ NULL, 0 }, 0);
	assert_false(sp_intake_frame_parse(p, UINT64_MAX, &back));
	sp_buf_done(&rec);
	sp_buf_done(&msg);
}

static void
test_the_last_sequence_number_is_used_and_none_after(void **state)
{
	struct sp_intake_entry e = { .fd = -1, .seq = SP_SEQ_MAX - 1 };
	struct sp_buf rec, msg;

	(void)state;
	sp_buf_init(&rec, 1 << 16);
	sp_buf_init(&msg, 1 << 16);
	(void)kit_entry(0, &rec, &msg);
	e.record = sp_buf_view(&rec);
	kit_ok(sp_intake_open(
		   k.dir, KIT_ORIGIN, SP_SEQ_MAX - 1, &k.in, &k.found, &k.err),
	    &k.err);
	kit_ok(sp_intake_commit(k.in, &e, 1, &k.err), &k.err);
	e.seq++;
	assert_int_equal(sp_intake_commit(k.in, &e, 1, &k.err), SP_ELIMIT);
	sp_buf_done(&rec);
	sp_buf_done(&msg);
}

static void
test_a_temporary_file_that_is_too_short_takes_nothing(void **state)
{
	struct sp_intake_entry e = { .has_message = true };
	struct sp_buf rec, msg;

	(void)state;
	sp_buf_init(&rec, 1 << 16);
	sp_buf_init(&msg, 1 << 16);
	(void)kit_entry(0, &rec, &msg);
	kit_must_open(&k);
	kit_must_commit(&k, 1);
	kit_ok(sp_io_tmpfile(k.dir, &e.fd, &k.err), &k.err);
	kit_ok(sp_io_write(e.fd, "abc", 3, &k.err), &k.err);
	e.seq = 1;
	e.record = sp_buf_view(&rec);
	e.msg.n = 4;
	assert_int_equal(sp_intake_commit(k.in, &e, 1, &k.err), SP_EIO);
	(void)sp_io_close(e.fd, NULL);
	kit_must_commit(&k, 1);
	assert_readable(2);
	sp_buf_done(&rec);
	sp_buf_done(&msg);
}

/* ---- the file header -------------------------------------------------- */

static void
test_file_headers_come_back_as_written(void **state)
{
	struct sp_intake_head h = {
		.first = 18431, .prev_length = 99, .created = KIT_TIME
	};
	uint8_t p[SP_INTAKE_HEAD_MAX];

	(void)state;
	for (size_t n = 1; n <= SP_ORIGIN_MAX; n++) {
		struct sp_intake_head back;
		struct sp_err err;
		size_t len;

		memset(h.origin, 'a', n);
		len = sp_intake_head_format(&h, p);
		assert_int_equal(len, 78 + n);
		kit_ok(sp_intake_head_parse(sp_view_mem(p, len), &back, &err),
		    &err);
		assert_string_equal(back.origin, h.origin);
		assert_int_equal(back.first, h.first);
		assert_int_equal(back.prev_length, 99);
		assert_int_equal(back.created, KIT_TIME);
		assert_int_equal(back.length, len);
		for (size_t i = 0; i < len; i++) {
			enum sp_code rc;

			assert_int_equal(sp_intake_head_parse(
					     sp_view_mem(p, i), &back, &err),
			    SP_EFORMAT);
			p[i] ^= 4;
			rc = sp_intake_head_parse(
			    sp_view_mem(p, len), &back, &err);
			assert_true(rc == SP_EFORMAT || rc == SP_EVERSION);
			p[i] ^= 4;
		}
	}
}

static void
test_a_newer_version_is_refused_by_name(void **state)
{
	struct sp_intake_head h = { .origin = "a" }, back;
	uint8_t p[SP_INTAKE_HEAD_MAX];
	struct sp_err err;
	size_t n;

	(void)state;
	n = sp_intake_head_format(&h, p);
	sp_le32_put(p + 8, 2);
	assert_int_equal(
	    sp_intake_head_parse(sp_view_mem(p, n), &back, &err), SP_EVERSION);
	assert_non_null(strstr(err.msg, "version 2"));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_batch_takes_so_many_entries_and_no_more),
		T(test_a_record_may_be_so_long_and_no_longer),
		T(test_a_message_may_be_so_long_and_no_longer),
		T(test_the_last_sequence_number_is_used_and_none_after),
		T(test_a_temporary_file_that_is_too_short_takes_nothing),
		T(test_file_headers_come_back_as_written),
		T(test_a_newer_version_is_refused_by_name),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
