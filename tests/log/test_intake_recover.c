/*
 * Recovery of the intake log: what a power cut may leave is cut and kept
 * beside; anything else that is not whole is reported and left alone.  Files
 * are cut at every byte and flipped at every bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "journal/log/intake_format_priv.h"
#include "tests/log/intake_kit.h"

#define ENDS_MAX 16

static struct kit k;
static struct sp_buf file; /* a whole file */
static char path[256];
static size_t ends[ENDS_MAX]; /* of its batches with entries */
static uint64_t seqs[ENDS_MAX]; /* next seq there */
static size_t nends;

/* Three batches, of one, two and three entries; ends with a mark. */
static int
setup(void **state)
{
	(void)state;
	kit_init(&k);
	kit_must_open(&k);
	nends = 0;
	for (size_t n = 1; n <= 3; n++) {
		struct sp_buf b;

		kit_must_commit(&k, n);
		kit_slurp(kit_newest(&k), &b);
		ends[nends] = b.n - SP_INTAKE_BATCH_LEN;
		seqs[nends++] = sp_intake_next_seq(k.in);
		sp_buf_done(&b);
	}
	kit_close(&k);
	(void)snprintf(path, sizeof(path), "%s", kit_newest(&k));
	kit_slurp(path, &file);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	sp_buf_done(&file);
	kit_done(&k);
	return (0);
}

/* After any recovery: everything there is read, work goes on, and a second
 * start finds nothing to do. */
static void
assert_goes_on(uint64_t have)
{
	struct sp_buf a, b;
	uint64_t n;

	kit_ok(kit_read(&k, &n), &k.err);
	assert_int_equal(n, have);
	kit_must_commit(&k, 2);
	kit_close(&k);
	kit_slurp(path, &a);
	kit_must_open(&k);
	assert_int_equal(k.found.cut_bytes, 0);
	assert_int_equal(k.found.next_seq, have + 2);
	kit_close(&k);
	kit_slurp(path, &b);
	assert_true(sp_view_eq(sp_buf_view(&a), sp_buf_view(&b)));
	kit_ok(kit_read(&k, &n), &k.err);
	assert_int_equal(n, have + 2);
	sp_buf_done(&a);
	sp_buf_done(&b);
}

/* The last end at or before ${size}. */
static size_t
whole_before(size_t size)
{
	size_t i = nends;

	while (i > 0 && ends[i - 1] > size)
		i--;
	return (i);
}

static void
test_a_file_cut_at_any_byte_keeps_all_whole_batches(void **state)
{
	const size_t head = 78 + strlen(KIT_ORIGIN);

	(void)state;
	for (size_t cut = head; cut <= file.n; cut++) {
		const size_t i = whole_before(cut);
		const uint64_t have = i == 0 ? 0 : seqs[i - 1];
		struct sp_buf torn;
		size_t keep = i == 0 ? head : ends[i - 1];

		/* A whole mark behind the batch stays too. */
		if (i > 0 && cut >= keep + SP_INTAKE_BATCH_LEN)
			keep += SP_INTAKE_BATCH_LEN;
		/* A part of a mark, or of what every header begins with, is
		 * cut without a copy. */
		else if (i > 0)
			keep = cut;
		if (cut - keep <= SP_INTAKE_BATCH_LEN - 16)
			keep = cut;
		kit_restore(&k, path, &file, cut);
		kit_must_open(&k);
		assert_int_equal(k.found.next_seq, have);
		assert_int_equal(k.found.cut_bytes, cut - keep);
		if (cut > keep) {
			kit_slurp(k.found.cut_path, &torn);
			assert_int_equal(torn.n, cut - keep);
			assert_memory_equal(torn.p, file.p + keep, torn.n);
			sp_buf_done(&torn);
		}
		assert_goes_on(have);
	}
}

static void
test_a_file_cut_in_its_header_is_refused(void **state)
{
	const size_t head = 78 + strlen(KIT_ORIGIN);

	(void)state;
	for (size_t cut = 0; cut < head; cut++) {
		kit_restore(&k, path, &file, cut);
		assert_int_equal(kit_open(&k), SP_EFORMAT);
		assert_non_null(strstr(k.err.msg, strrchr(path, '/') + 1));
	}
}

/* A hole or old bytes where the last batch should be: not durable, so cut. */
static void
test_a_last_batch_with_any_byte_wrong_is_cut(void **state)
{
	const size_t from = ends[1] + SP_INTAKE_BATCH_LEN;
	struct sp_buf bad;

	(void)state;
	sp_buf_init(&bad, 1 << 20);
	for (size_t i = from; i < ends[2]; i++) {
		sp_buf_clear(&bad);
		assert_int_equal(sp_buf_add(&bad, file.p, ends[2]), SP_OK);
		bad.p[i] ^= 0x10;
		kit_restore(&k, path, &bad, bad.n);
		kit_must_open(&k);
		assert_int_equal(k.found.next_seq, seqs[1]);
		assert_int_equal(k.found.cut_bytes, ends[2] - from);
		assert_goes_on(seqs[1]);
	}
	sp_buf_done(&bad);
}

/* The mark in front of the last batch was never synced by itself: a power cut
 * may lose it and keep a part, or all, of the batch. */
static void
test_a_lost_mark_before_an_unfinished_batch_is_a_power_cut(void **state)
{
	struct sp_buf bad;

	(void)state;
	sp_buf_init(&bad, 1 << 20);
	for (size_t cut = ends[1] + 1; cut <= ends[2]; cut++) {
		struct sp_intake_file *f = NULL;
		struct sp_intake_item item;
		uint64_t n = 0;

		sp_buf_clear(&bad);
		assert_int_equal(sp_buf_add(&bad, file.p, cut), SP_OK);
		memset(bad.p + ends[1], 0,
		    cut - ends[1] < SP_INTAKE_BATCH_LEN ? cut - ends[1]
							: SP_INTAKE_BATCH_LEN);
		kit_restore(&k, path, &bad, bad.n);
		/* A reader before the recovery sees what is proven. */
		kit_ok(
		    sp_intake_file_open(path, UINT64_MAX, &f, &k.err), &k.err);
		while (sp_intake_file_next(f, &item, &k.err) == SP_OK)
			n++;
		assert_int_equal(n, seqs[0]);
		assert_int_equal(
		    sp_intake_file_next(f, &item, &k.err), SP_EEND);
		sp_intake_file_close(f);
		kit_must_open(&k);
		assert_int_equal(k.found.next_seq, seqs[1]);
		assert_int_equal(k.found.cut_bytes, cut - ends[1]);
		assert_goes_on(seqs[1]);
	}
	sp_buf_done(&bad);
}

/* Nothing may be changed, and the error names file, batch and offset. */
static void
assert_reported(const struct sp_buf *bad)
{
	struct sp_intake_info *files = NULL;
	struct sp_buf after;
	size_t n = 0;

	assert_int_equal(kit_open(&k), SP_EFORMAT);
	assert_non_null(strstr(k.err.msg, strrchr(path, '/') + 1));
	kit_slurp(path, &after);
	assert_true(sp_view_eq(sp_buf_view(&after), sp_buf_view(bad)));
	sp_buf_done(&after);
	if (sp_intake_list(k.dir, &files, &n, &k.err) == SP_OK)
		assert_int_equal(n, 1);
	free(files);
}

/* The reader finds it too, or at least never gives a wrong entry. */
static void
assert_reader_is_not_fooled(void)
{
	uint64_t n;
	enum sp_code rc = kit_read(&k, &n);

	assert_true(rc == SP_EFORMAT || rc == SP_EVERSION);
}

static void
flip_all(int bit)
{
	const size_t head = 78 + strlen(KIT_ORIGIN);
	struct sp_buf bad;

	sp_buf_init(&bad, 1 << 20);
	assert_int_equal(sp_buf_add(&bad, file.p, file.n), SP_OK);
	for (size_t i = 0; i < ends[2]; i++) {
		bad.p[i] = (char)(bad.p[i] ^ (1 << bit));
		kit_restore(&k, path, &bad, bad.n);
		if (i >= head || i < 8 || i > 11)
			assert_reported(&bad);
		else
			assert_int_equal(kit_open(&k), SP_EVERSION);
		if (i >= head)
			assert_non_null(strstr(k.err.msg, "in batch "));
		assert_reader_is_not_fooled();
		bad.p[i] = file.p[i];
	}
	/* The mark at the end has no entries: it is cut and written again. */
	for (size_t i = ends[2]; i < file.n; i++) {
		struct sp_buf after;

		bad.p[i] = (char)(bad.p[i] ^ (1 << bit));
		kit_restore(&k, path, &bad, bad.n);
		kit_must_open(&k);
		assert_int_equal(k.found.next_seq, seqs[2]);
		assert_int_equal(k.found.cut_bytes, SP_INTAKE_BATCH_LEN);
		kit_close(&k);
		kit_slurp(path, &after);
		assert_true(
		    sp_view_eq(sp_buf_view(&after), sp_buf_view(&file)));
		sp_buf_done(&after);
		bad.p[i] = file.p[i];
	}
	sp_buf_done(&bad);
}

static void
test_a_flipped_bit_before_a_valid_header_is_reported_and_never_cut(void **state)
{
	(void)state;
	flip_all(0);
	flip_all(5);
}

/* The same in a file that its successor finished: readers find each flip. */
static void
test_a_flipped_bit_in_a_finished_file_is_found_by_readers(void **state)
{
	struct sp_buf next;
	char other[256];
	uint64_t n;

	(void)state;
	kit_must_open(&k);
	kit_ok(sp_intake_rotate(k.in, &k.err), &k.err);
	kit_close(&k);
	(void)snprintf(other, sizeof(other), "%s", kit_newest(&k));
	kit_slurp(other, &next);
	kit_restore(&k, path, &file, file.n);
	kit_spill(other, next.p, next.n);
	kit_ok(kit_read(&k, &n), &k.err);
	assert_int_equal(n, seqs[2]);
	for (size_t i = 0; i < ends[2]; i++) {
		file.p[i] ^= 2;
		kit_spill(path, file.p, file.n);
		assert_reader_is_not_fooled();
		file.p[i] ^= 2;
	}
	for (size_t cut = 0; cut < ends[2]; cut++) {
		kit_spill(path, file.p, cut);
		assert_reader_is_not_fooled();
	}
	/* What is behind the length that counts never happened. */
	kit_spill(path, file.p, ends[2]);
	kit_ok(kit_read(&k, &n), &k.err);
	assert_int_equal(n, seqs[2]);
	sp_buf_done(&next);
}

static void
test_two_torn_tails_are_both_kept(void **state)
{
	char first[256];
	struct sp_buf b;

	(void)state;
	kit_restore(&k, path, &file, ends[2] - 1);
	kit_must_open(&k);
	(void)snprintf(first, sizeof(first), "%s", k.found.cut_path);
	kit_close(&k);
	/* The same tail again is the same file; another one gets a new name. */
	kit_spill(path, file.p, ends[2] - 1);
	kit_must_open(&k);
	assert_string_equal(k.found.cut_path, first);
	kit_close(&k);
	kit_spill(path, file.p, ends[2] - 2);
	kit_must_open(&k);
	assert_string_not_equal(k.found.cut_path, first);
	kit_close(&k);
	kit_slurp(first, &b);
	assert_int_equal(b.n, ends[2] - 1 - ends[1] - SP_INTAKE_BATCH_LEN);
	sp_buf_done(&b);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_file_cut_at_any_byte_keeps_all_whole_batches),
		T(test_a_file_cut_in_its_header_is_refused),
		T(test_a_last_batch_with_any_byte_wrong_is_cut),
		T(test_a_lost_mark_before_an_unfinished_batch_is_a_power_cut),
		T(test_a_flipped_bit_before_a_valid_header_is_reported_and_never_cut),
		T(test_a_flipped_bit_in_a_finished_file_is_found_by_readers),
		T(test_two_torn_tails_are_both_kept),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
