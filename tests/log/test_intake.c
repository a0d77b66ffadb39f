/*
 * The intake log: what is committed is read back, by a reader beside the writer
 * too; files are rotated and follow each other; mail that imitates batches does
 * no harm.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/enc.h"
#include "base/io.h"
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

static void
test_what_was_committed_is_read_back(void **state)
{
	(void)state;
	kit_must_open(&k);
	for (size_t n = 1; n <= 20; n++)
		kit_must_commit(&k, n);
	assert_readable(210);
	kit_must_commit(&k, 1000);
	assert_readable(1210);
}

static void
test_messages_in_files_are_read_back(void **state)
{
	(void)state;
	kit_must_open(&k);
	k.in_files = true;
	for (size_t n = 1; n <= 9; n++)
		kit_must_commit(&k, n);
	assert_readable(45);
}

static void
test_a_log_goes_on_where_it_ended(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 10; i++) {
		kit_must_open(&k);
		assert_int_equal(k.found.next_seq, i * 3);
		assert_int_equal(k.found.last_received,
		    i == 0 ? 0 : KIT_TIME + (int64_t)i * 3 - 1);
		assert_int_equal(k.found.cut_bytes, 0);
		assert_int_equal(
		    sp_intake_file_since(k.in), i == 0 ? 0 : KIT_TIME);
		kit_must_commit(&k, 3);
		kit_close(&k);
		assert_readable(i * 3 + 3);
	}
}

static void
test_a_new_log_starts_at_its_floor(void **state)
{
	struct sp_intake_info *files;
	size_t n;

	(void)state;
	kit_ok(sp_intake_open(k.dir, KIT_ORIGIN, 77, &k.in, &k.found, &k.err),
	    &k.err);
	assert_int_equal(k.found.next_seq, 77);
	kit_must_commit(&k, 2);
	kit_ok(sp_intake_list(k.dir, &files, &n, &k.err), &k.err);
	assert_int_equal(n, 1);
	assert_int_equal(files[0].head.first, 77);
	free(files);
}

static void
test_a_log_below_its_floor_was_rolled_back(void **state)
{
	struct sp_intake *in;

	(void)state;
	kit_must_open(&k);
	kit_must_commit(&k, 5);
	kit_close(&k);
	assert_int_equal(
	    sp_intake_open(k.dir, KIT_ORIGIN, 6, &in, &k.found, &k.err),
	    SP_EROLLBACK);
	assert_non_null(strstr(k.err.msg, "rolled back"));
	kit_ok(sp_intake_open(k.dir, KIT_ORIGIN, 5, &k.in, &k.found, &k.err),
	    &k.err);
}

static void
test_a_log_of_another_origin_is_refused(void **state)
{
	struct sp_intake *in;

	(void)state;
	kit_must_open(&k);
	kit_must_commit(&k, 1);
	kit_close(&k);
	assert_int_equal(
	    sp_intake_open(k.dir, "other.example", 0, &in, &k.found, &k.err),
	    SP_EFORMAT);
}

static void
test_rotation_links_the_files(void **state)
{
	struct sp_intake_info *f;
	size_t n;

	(void)state;
	kit_must_open(&k);
	kit_ok(sp_intake_rotate(k.in, &k.err), &k.err);
	for (int i = 0; i < 4; i++) {
		kit_must_commit(&k, 2);
		kit_must_commit(&k, 1);
		assert_true(sp_intake_file_bytes(k.in) > 0);
		kit_ok(sp_intake_rotate(k.in, &k.err), &k.err);
		assert_int_equal(sp_intake_file_bytes(k.in), 0);
		/* Nothing to rotate. */
		kit_ok(sp_intake_rotate(k.in, &k.err), &k.err);
	}
	kit_ok(sp_intake_list(k.dir, &f, &n, &k.err), &k.err);
	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(f[i].head.first, i * 3);
		assert_string_equal(f[i].head.origin, KIT_ORIGIN);
		assert_int_equal(f[i].finished, i < 4);
		if (i > 0) {
			assert_memory_equal(
			    f[i].head.prev_id, f[i - 1].head.id, 16);
			assert_int_equal(f[i].head.prev_length, f[i - 1].limit);
			/* The mark at the end does not count. */
			assert_int_equal(f[i - 1].limit + SP_INTAKE_BATCH_LEN,
			    f[i - 1].size);
		}
	}
	assert_int_equal(f[4].limit, UINT64_MAX);
	free(f);
	assert_readable(12);
	kit_close(&k);
	kit_must_open(&k);
	assert_int_equal(k.found.next_seq, 12);
	/* From the file before: the newest is empty. */
	assert_int_equal(k.found.last_received, KIT_TIME + 11);
}

static void
test_a_reader_of_the_newest_file_goes_on_when_there_is_more(void **state)
{
	struct sp_intake_file *f = NULL;
	struct sp_intake_item item;
	uint64_t seq = 0;

	(void)state;
	kit_must_open(&k);
	kit_must_commit(&k, 1);
	kit_ok(sp_intake_file_open(kit_newest(&k), UINT64_MAX, &f, &k.err),
	    &k.err);
	for (size_t n = 1; n < 30; n++) {
		enum sp_code rc;

		while ((rc = sp_intake_file_next(f, &item, &k.err)) == SP_OK)
			assert_int_equal(item.seq, seq++);
		assert_int_equal(rc, SP_EEND);
		assert_int_equal(seq, sp_intake_next_seq(k.in));
		kit_must_commit(&k, n);
	}
	sp_intake_file_close(f);
}

static void
test_seek_finds_every_entry_in_any_order(void **state)
{
	struct sp_intake_file *f = NULL;
	struct sp_intake_item item;
	uint64_t limit[2];

	(void)state;
	kit_must_open(&k);
	for (size_t n = 1; n <= 40; n++)
		kit_must_commit(&k, n);
	limit[0] = UINT64_MAX;
	limit[1] = 0;
	for (int way = 0; way < 2; way++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "%s", kit_newest(&k));
		if (way == 1) {
			struct sp_intake_info *files;
			size_t n;

			kit_ok(sp_intake_rotate(k.in, &k.err), &k.err);
			kit_ok(
			    sp_intake_list(k.dir, &files, &n, &k.err), &k.err);
			limit[1] = files[0].limit;
			free(files);
		}
		kit_ok(
		    sp_intake_file_open(path, limit[way], &f, &k.err), &k.err);
		for (uint64_t i = 0; i < 820; i++) {
			uint64_t seq = i * 313 % 820;

			kit_ok(sp_intake_file_seek(f, seq, &k.err), &k.err);
			kit_ok(sp_intake_file_next(f, &item, &k.err), &k.err);
			assert_int_equal(item.seq, seq);
		}
		kit_ok(sp_intake_file_seek(f, 820, &k.err), &k.err);
		assert_int_equal(
		    sp_intake_file_next(f, &item, &k.err), SP_EEND);
		assert_int_equal(sp_intake_file_seek(f, 821, &k.err), SP_EEND);
		sp_intake_file_close(f);
	}
}

static void
id_of(const char *path, uint8_t id[16])
{
	struct sp_intake_file *f = NULL;

	kit_ok(sp_intake_file_open(path, UINT64_MAX, &f, &k.err), &k.err);
	memcpy(id, sp_intake_file_head(f)->id, 16);
	sp_intake_file_close(f);
}

/* A mail that holds a copy of this very file, with headers that continue it:
 * what it looks like must not matter, whole or torn. */
static void
test_batch_shaped_bytes_in_mail_are_only_mail(void **state)
{
	struct sp_intake_entry e = { .has_message = true, .fd = -1 };
	struct sp_buf copy, rec, msg, file;
	uint8_t id[16], next[SP_INTAKE_BATCH_LEN];
	char path[256];
	uint64_t n;
	size_t from;

	(void)state;
	sp_buf_init(&rec, 1 << 16);
	sp_buf_init(&msg, 1 << 16);
	kit_must_open(&k);
	kit_must_commit(&k, 3);
	kit_must_commit(&k, 3);
	(void)snprintf(path, sizeof(path), "%s", kit_newest(&k));
	kit_slurp(path, &copy);
	from = copy.n;
	/* And the header that would be next, sent by someone who knows the
	 * file's id. */
	id_of(path, id);
	sp_intake_batch_format(
	    &(struct sp_intake_batch){ .number = 9, .first = 7 }, id, next);
	assert_int_equal(sp_buf_add(&copy, next, sizeof(next)), SP_OK);
	e.seq = 6;
	(void)kit_entry(6, &rec, &msg);
	e.record = sp_buf_view(&rec);
	e.msg = sp_buf_view(&copy);
	kit_ok(sp_intake_commit(k.in, &e, 1, &k.err), &k.err);
	kit_close(&k);
	kit_slurp(path, &file);
	for (size_t cut = from; cut <= file.n; cut++) {
		struct sp_intake_file *f = NULL;
		struct sp_intake_item item;
		const bool whole = cut >= file.n - SP_INTAKE_BATCH_LEN;

		kit_restore(&k, path, &file, cut);
		kit_must_open(&k);
		assert_int_equal(k.found.next_seq, whole ? 7 : 6);
		kit_close(&k);
		kit_ok(
		    sp_intake_file_open(path, UINT64_MAX, &f, &k.err), &k.err);
		for (n = 0; sp_intake_file_next(f, &item, &k.err) == SP_OK; n++)
			assert_int_equal(item.seq, n);
		assert_int_equal(n, whole ? 7 : 6);
		sp_intake_file_close(f);
	}
	sp_buf_done(&copy);
	sp_buf_done(&file);
	sp_buf_done(&rec);
	sp_buf_done(&msg);
}

/* ---- names ------------------------------------------------------------ */

static void
test_a_file_under_another_name_is_refused(void **state)
{
	struct sp_intake_info *files;
	char path[256], other[256];
	size_t n;

	(void)state;
	kit_must_open(&k);
	kit_must_commit(&k, 1);
	kit_close(&k);
	(void)snprintf(path, sizeof(path), "%s", kit_newest(&k));
	(void)snprintf(
	    other, sizeof(other), "%s/intake/000000000000-00000000.log", k.dir);
	kit_ok(sp_io_rename(path, other, &k.err), &k.err);
	assert_int_equal(sp_intake_list(k.dir, &files, &n, &k.err), SP_EFORMAT);
	assert_non_null(strstr(k.err.msg, "000000000000-00000000.log"));
}

static void
test_a_half_made_file_is_removed(void **state)
{
	char path[256];

	(void)state;
	kit_must_open(&k);
	kit_must_commit(&k, 1);
	kit_close(&k);
	(void)snprintf(path, sizeof(path),
	    "%s/intake/000000000001-12345678."
	    "log.new",
	    k.dir);
	kit_spill(path, "SPINTAKE", 8);
	assert_readable(1);
	kit_must_open(&k);
	assert_false(sp_io_exists(path));
	kit_must_commit(&k, 1);
	assert_readable(2);
}

/* ---- a reader beside the writer --------------------------------------- */

#define RACE_ENTRIES 6000

struct race {
	_Atomic uint64_t acked; /* entries whose commit returned */
	_Atomic uint64_t seen;
	_Atomic int wrong;
};

/* Reads whatever is there, across rotations, until all has been seen. */
static void *
read_along(void *arg)
{
	struct race *r = arg;
	struct kit mine = k;
	uint64_t n = 0, before = 0;

	while (n < RACE_ENTRIES && !r->wrong) {
		struct sp_intake_info *files = NULL;
		size_t count = 0;
		uint64_t acked = r->acked;

		if (sp_intake_list(mine.dir, &files, &count, &mine.err) !=
		    SP_OK)
			r->wrong = 1;
		n = 0;
		for (size_t i = 0; i < count && !r->wrong; i++) {
			struct sp_intake_file *f = NULL;
			struct sp_intake_item item;
			struct sp_buf rec, msg;
			char path[256];
			enum sp_code rc;

			sp_buf_init(&rec, 1 << 16);
			sp_buf_init(&msg, 1 << 16);
			(void)snprintf(path, sizeof(path), "%s/intake/%s",
			    mine.dir, files[i].name);
			rc = sp_intake_file_open(
			    path, files[i].limit, &f, &mine.err);
			while (rc == SP_OK) {
				rc = sp_intake_file_next(f, &item, &mine.err);
				if (rc == SP_OK && item.seq != n++)
					r->wrong = 2;
				if (rc == SP_OK)
					rc = sp_intake_file_read(
					    f, &item, &rec, &msg, &mine.err);
			}
			if (rc != SP_EEND)
				r->wrong = 3;
			sp_intake_file_close(f);
			sp_buf_done(&rec);
			sp_buf_done(&msg);
		}
		free(files);
		/* All that was committed is seen, and stays visible. */
		if (n < acked || n < before)
			r->wrong = 4;
		before = n;
		r->seen = n;
	}
	if (r->wrong == 3)
		(void)fprintf(stderr, "%s\n", mine.err.msg);
	return (NULL);
}

static void
test_a_reader_beside_the_writer_sees_all_that_was_answered_for(void **state)
{
	struct race r = { 0 };
	pthread_t t;
	size_t n = 0, left = RACE_ENTRIES;

	(void)state;
	kit_must_open(&k);
	assert_int_equal(pthread_create(&t, NULL, read_along, &r), 0);
	while (left > 0 && !r.wrong) {
		size_t take = 1 + n++ % 40;

		if (take > left)
			take = left;
		k.in_files = n % 5 == 0;
		kit_must_commit(&k, take);
		r.acked = sp_intake_next_seq(k.in);
		if (n % 50 == 0)
			kit_ok(sp_intake_rotate(k.in, &k.err), &k.err);
		left -= take;
	}
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(r.wrong, 0);
	assert_int_equal(r.seen, RACE_ENTRIES);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_what_was_committed_is_read_back),
		T(test_messages_in_files_are_read_back),
		T(test_a_log_goes_on_where_it_ended),
		T(test_a_new_log_starts_at_its_floor),
		T(test_a_log_below_its_floor_was_rolled_back),
		T(test_a_log_of_another_origin_is_refused),
		T(test_rotation_links_the_files),
		T(test_a_reader_of_the_newest_file_goes_on_when_there_is_more),
		T(test_seek_finds_every_entry_in_any_order),
		T(test_batch_shaped_bytes_in_mail_are_only_mail),
		T(test_a_file_under_another_name_is_refused),
		T(test_a_half_made_file_is_removed),
		T(test_a_reader_beside_the_writer_sees_all_that_was_answered_for),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
