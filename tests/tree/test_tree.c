/*
 * The tree on disk (tree.h): added to, committed, interrupted, read, proven,
 * damaged.
 */
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/layout.h"
#include "base/line.h"
#include "journal/tree/compact.h"
#include "journal/tree/range_check.h"
#include "journal/tree/tree.h"
#include "journal/tree/tree_tail.h"

#define START INT64_C(1795451462000000) /* received of entry 0 */

static char dir[64];

/* ${err} is the caller's. */
#define must(call)                                          \
	do {                                                \
		if ((call) != SP_OK)                        \
			fail_msg("%s: %s", #call, err.msg); \
	} while (0)

static int
setup(void **state)
{
	(void)state;
	/* On a memory file system if there is one: tests sync thousands of
	 * times. */
	(void)snprintf(dir, sizeof(dir), "%s/sp-tree-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	return (mkdtemp(dir) == NULL);
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

static int
teardown(void **state)
{
	(void)state;
	return (nftw(dir, drop, 16, FTW_DEPTH | FTW_PHYS));
}

/* Three entries share each second. */
static int64_t
received(uint64_t seq)
{
	return (START + (int64_t)(seq / 3) * SP_SECOND);
}

static size_t
line_of(uint64_t seq, char out[SP_LINE_MAX])
{
	struct sp_line l = { .seq = seq,
		.kind = seq % 7 == 0 ? SP_KIND_EVENT : SP_KIND_MESSAGE,
		.received = received(seq),
		.has_message = seq % 7 != 0 };

	memset(l.record, (int)(seq & 0xff), sizeof(l.record));
	memset(l.message, (int)(seq >> 8 & 0xff), sizeof(l.message));
	return (sp_line_format(&l, out));
}

static enum sp_code
add(struct sp_tree *t, uint64_t end, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (uint64_t i = sp_tree_size(t); rc == SP_OK && i < end; i++) {
		char text[SP_LINE_MAX];
		size_t n = line_of(i, text);

		rc = sp_tree_add(t, sp_view_mem(text, n), err);
	}
	return (rc);
}

static struct sp_tree *
open_tree(void)
{
	struct sp_tree *t;
	struct sp_err err;

	must(sp_tree_open(dir, &t, &err));
	return (t);
}

/* A tree of ${size} entries, committed ${step} at a time. */
static void
fill(uint64_t size, uint64_t step)
{
	struct sp_tree *t = open_tree();
	struct sp_err err;

	while (sp_tree_size(t) < size) {
		uint64_t end = sp_tree_size(t) + step;

		must(add(t, end < size ? end : size, &err));
		must(sp_tree_commit(t, &err));
	}
	sp_tree_close(t);
}

/* Roots, lines and times of the tree are those of ${size} entries. */
static void
check(struct sp_tree *t, uint64_t size)
{
	struct sp_compact c;
	struct sp_hash h, want;
	struct sp_view v;
	struct sp_err err;

	assert_true(sp_tree_size(t) == size);
	sp_compact_init(&c);
	for (uint64_t i = 0; i < size; i++) {
		char text[SP_LINE_MAX];
		size_t n = line_of(i, text);

		must(sp_tree_line(t, i, &v, &err));
		if (!sp_view_eq(v, sp_view_mem(text, n)))
			fail_msg("line %d", (int)i);
		h = sp_merkle_leaf(v);
		sp_compact_add(&c, &h);
		if (size > 3000 && i % 997 != 0 && i + 1 < size)
			continue;
		must(sp_tree_root(t, i + 1, &h, &err));
		want = sp_compact_root(&c);
		if (!sp_hash_eq(&h, &want))
			fail_msg("root of %d", (int)i + 1);
	}
	assert_int_equal(SP_ENOTFOUND, sp_tree_line(t, size, &v, &err));
	assert_int_equal(SP_EUSAGE, sp_tree_root(t, size + 1, &h, &err));
}

static void
test_an_absent_tail_is_the_empty_tree(void **state)
{
	struct sp_tree *t = open_tree();
	struct sp_hash h, empty = sp_merkle_empty();
	uint64_t seq = 7;

	(void)state;
	assert_true(sp_tree_size(t) == 0);
	assert_int_equal(SP_OK, sp_tree_root(t, 0, &h, NULL));
	assert_true(sp_hash_eq(&h, &empty));
	assert_int_equal(SP_OK, sp_tree_find_time(t, 0, START, &seq, NULL));
	assert_true(seq == 0);
	assert_int_equal(SP_OK, sp_tree_commit(t, NULL));
	sp_tree_close(t);
}

static void
test_what_was_committed_is_read_back(void **state)
{
	static const uint64_t steps[] = { 1, 100, 255, 256, 257, 600 };

	for (size_t i = 0; i < SP_COUNTOF(steps); i++) {
		struct sp_tree *t;

		fill(600, steps[i]);
		t = open_tree();
		check(t, 600);
		sp_tree_close(t);
		assert_int_equal(0, teardown(state));
		assert_int_equal(0, setup(state));
	}
}

static void
test_a_tree_of_three_levels_is_right(void **state)
{
	struct sp_tree *t;

	(void)state;
	fill(70000, 10000);
	t = open_tree();
	check(t, 70000);
	sp_tree_close(t);
}

static void
test_what_is_pending_is_readable_but_not_durable(void **state)
{
	struct sp_tree *t = open_tree(), *other;
	struct sp_err err;

	(void)state;
	must(add(t, 300, &err));
	check(t, 300);
	other = open_tree();
	assert_true(sp_tree_size(other) == 0);
	must(sp_tree_commit(t, &err));
	must(sp_tree_refresh(other, &err));
	check(other, 300);
	must(add(t, 40000, &err)); /* more than what is held in memory */
	check(t, 40000);
	must(sp_tree_refresh(other, &err));
	check(other, 300);
	must(sp_tree_commit(t, &err));
	must(sp_tree_refresh(other, &err));
	check(other, 40000);
	sp_tree_close(other);
	sp_tree_close(t);
}

static void
test_files_are_those_of_tlog_tiles(void **state)
{
	static const struct {
		const char *name;
		size_t size; /* 0: must not be there */
	} files[] = {
		{ "tile/0/000", 8192 },
		{ "tile/0/001", 8192 },
		{ "tile/0/002", 0 },
		{ "tile/1/000", 0 },
		{ "tile/entries/001", 1 },
		{ "tile/entries/002", 0 },
	};

	(void)state;
	fill(600, 100);
	for (size_t i = 0; i < SP_COUNTOF(files); i++) {
		char path[256];
		struct stat st;
		int rc;

		(void)snprintf(
		    path, sizeof(path), "%s/tree/%s", dir, files[i].name);
		rc = stat(path, &st);
		if ((rc == 0) != (files[i].size > 0))
			fail_msg("%s", path);
		if (files[i].size > 1)
			assert_int_equal(files[i].size, st.st_size);
		if (rc == 0)
			assert_int_equal(0640, st.st_mode & 07777);
	}
}

static void
test_only_the_next_line_is_taken(void **state)
{
	struct sp_tree *t = open_tree();
	char text[SP_LINE_MAX];
	struct sp_err err;
	size_t n;

	(void)state;
	must(add(t, 5, &err));
	n = line_of(6, text);
	assert_int_equal(
	    SP_EMISMATCH, sp_tree_add(t, sp_view_mem(text, n), &err));
	n = line_of(4, text);
	assert_int_equal(
	    SP_EMISMATCH, sp_tree_add(t, sp_view_mem(text, n), &err));
	assert_int_equal(
	    SP_EFORMAT, sp_tree_add(t, SP_VIEW_LIT("no line"), &err));
	n = line_of(5, text);
	must(sp_tree_add(t, sp_view_mem(text, n), &err));
	check(t, 6);
	sp_tree_close(t);
}

static void
test_proofs_from_tiles_and_tail_verify(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 255, 256, 257, 511, 512, 513,
		600 };
	struct sp_tree *t;
	struct sp_nodes nodes;
	struct sp_hash root[601];
	struct sp_err err;

	(void)state;
	fill(600, 97);
	t = open_tree();
	nodes = sp_tree_nodes(t);
	for (uint64_t n = 0; n <= 600; n++)
		must(sp_tree_root(t, n, &root[n], &err));
	for (size_t s = 0; s < SP_COUNTOF(sizes); s++) {
		const uint64_t n = sizes[s];

		for (uint64_t m = 0; m < n; m++) {
			struct sp_hash leaf;
			struct sp_proof p;
			struct sp_view v;

			must(sp_tree_line(t, m, &v, &err));
			leaf = sp_merkle_leaf(v);
			must(sp_merkle_inclusion(&nodes, m, n, &p, &err));
			assert_true(sp_merkle_check_inclusion(
			    m, n, &leaf, &p, &root[n]));
			if (m == 0)
				continue;
			must(sp_merkle_consistency(&nodes, m, n, &p, &err));
			assert_true(sp_merkle_check_consistency(
			    m, n, &root[m], &root[n], &p));
		}
	}
	sp_tree_close(t);
}

static void
test_ranges_from_tiles_and_tail_verify(void **state)
{
	struct sp_tree *t;
	struct sp_nodes nodes;
	struct sp_hash root;
	struct sp_err err;

	(void)state;
	fill(1500, 1500);
	t = open_tree();
	nodes = sp_tree_nodes(t);
	must(sp_tree_root(t, 1500, &root, &err));
	for (uint64_t first = 0; first < 1500; first += 61) {
		for (uint64_t end = first + 1; end <= 1500; end += 83) {
			struct sp_proof l, r;
			struct sp_range_check *c;
			struct sp_hash h;

			must(sp_merkle_range(
			    &nodes, first, end, 1500, &l, &r, &err));
			c = sp_range_check_new(first, end, 1500, &l, &r);
			for (uint64_t i = first; i < end; i++) {
				struct sp_view v;

				must(sp_tree_line(t, i, &v, &err));
				h = sp_merkle_leaf(v);
				sp_range_check_leaf(c, &h);
			}
			assert_true(sp_range_check_root(c, &h));
			assert_true(sp_hash_eq(&h, &root));
			sp_range_check_free(c);
		}
	}
	sp_tree_close(t);
}

static void
test_times_are_found_by_binary_search(void **state)
{
	struct sp_tree *t;
	struct sp_err err;
	uint64_t seq;

	(void)state;
	fill(1000, 1000);
	t = open_tree();
	for (uint64_t s = 0; s < 1000; s += 3) {
		must(sp_tree_find_time(t, 1000, received(s), &seq, &err));
		assert_true(seq == s);
		must(sp_tree_find_time(t, 1000, received(s) + 1, &seq, &err));
		assert_true(seq == (s + 3 < 1000 ? s + 3 : 1000));
	}
	must(sp_tree_find_time(t, 1000, INT64_MIN, &seq, &err));
	assert_true(seq == 0);
	must(sp_tree_find_time(t, 10, INT64_MAX, &seq, &err));
	assert_true(seq == 10);
	assert_int_equal(
	    SP_EUSAGE, sp_tree_find_time(t, 1001, START, &seq, &err));
	sp_tree_close(t);
}

/* ---- damage ----------------------------------------------------------- */

static void
path_of(const char *name, char out[256])
{
	(void)snprintf(out, 256, "%s/tree/%s", dir, name);
}

static void
spoil(const char *name, long at)
{
	char path[256];
	FILE *f;
	int c;

	path_of(name, path);
	f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(0, fseek(f, at, SEEK_SET));
	c = fgetc(f);
	assert_int_equal(0, fseek(f, at, SEEK_SET));
	assert_int_not_equal(EOF, fputc(c ^ 1, f));
	assert_int_equal(0, fclose(f));
}

static void
test_a_damaged_tail_is_refused_with_its_path(void **state)
{
	struct sp_err err = { .msg = "" };
	struct sp_tree *t = NULL;

	(void)state;
	fill(300, 300);
	spoil("tail", 100);
	assert_int_equal(SP_EFORMAT, sp_tree_open(dir, &t, &err));
	assert_non_null(strstr(err.msg, "/tree/tail: "));
	assert_non_null(strstr(err.msg, "verify --rebuild-tree"));
}

static void
test_a_missing_or_short_tile_is_named(void **state)
{
	struct sp_err err = { .msg = "" };
	struct sp_tree *t;
	struct sp_hash h;
	struct sp_view v;
	char path[256];

	(void)state;
	fill(600, 600);
	path_of("tile/0/000", path);
	assert_int_equal(0, truncate(path, 8191));
	t = open_tree();
	assert_int_equal(SP_EFORMAT, sp_tree_root(t, 100, &h, &err));
	assert_non_null(strstr(err.msg, "tile/0/000 has 8191 bytes"));
	assert_int_equal(0, truncate(path, 8193));
	assert_int_equal(SP_EFORMAT, sp_tree_root(t, 100, &h, &err));
	assert_int_equal(0, unlink(path));
	assert_int_equal(SP_EFORMAT, sp_tree_root(t, 100, &h, &err));
	assert_non_null(strstr(err.msg, "tile/0/000 is missing"));
	/* The newest root does not need it. */
	must(sp_tree_root(t, 600, &h, &err));
	spoil("tile/entries/001", 1);
	assert_int_equal(SP_EFORMAT, sp_tree_line(t, 256, &v, &err));
	assert_non_null(strstr(err.msg, "tile/entries/001: entry bundle"));
	must(sp_tree_line(t, 255, &v, &err));
	sp_tree_close(t);
}

static void
test_a_leftover_tile_must_have_the_same_bytes(void **state)
{
	struct sp_err err = { .msg = "" };
	char tail[256], kept[256];
	struct sp_tree *t;

	(void)state;
	/* The tail of an earlier commit: what came after are leftovers. */
	fill(200, 200);
	path_of("tail", tail);
	path_of("kept", kept);
	assert_int_equal(0, link(tail, kept));
	fill(600, 400);
	assert_int_equal(0, rename(kept, tail));
	fill(600, 400);
	t = open_tree();
	check(t, 600);
	sp_tree_close(t);

	assert_int_equal(0, unlink(tail));
	spoil("tile/0/001", 4000);
	t = open_tree();
	must(add(t, 600, &err));
	assert_int_equal(SP_EMISMATCH, sp_tree_commit(t, &err));
	assert_non_null(strstr(err.msg, "tile/0/001"));
	/* After the failure nothing is known of what is on disk. */
	assert_int_equal(SP_EUSAGE, sp_tree_commit(t, &err));
	assert_int_equal(SP_EUSAGE, add(t, 601, &err));
	sp_tree_close(t);
	assert_false(sp_io_exists(tail));
}

/* ".NAME.XXXXXXXX.tmp", as base/io and tree_batch name what is unfinished. */
static void
test_what_an_interrupted_commit_left_half_written_goes_away(void **state)
{
	static const char *const names[] = { ".tail.0123abcd.tmp",
		"tile/0/.001.0123abcd.tmp", "tile/entries/.001.0123abcd.tmp" };
	static const char kept[] = "tile/0/note.tmp";
	struct sp_err err;
	char path[256];

	(void)state;
	fill(256, 256);
	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		path_of(names[i], path);
		must(sp_io_replace(path, "x", 1, 0600, &err));
	}
	path_of(kept, path);
	must(sp_io_replace(path, "x", 1, 0600, &err));
	fill(600, 344);
	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		path_of(names[i], path);
		if (sp_io_exists(path))
			fail_msg("%s", path);
	}
	path_of(kept, path);
	assert_true(sp_io_exists(path));
}

static void
test_a_tree_that_went_back_is_noticed(void **state)
{
	struct sp_err err = { .msg = "" };
	char tail[256], kept[256];
	struct sp_tree *t;

	(void)state;
	fill(200, 200);
	path_of("tail", tail);
	path_of("kept", kept);
	assert_int_equal(0, link(tail, kept));
	fill(600, 400);
	t = open_tree();
	assert_int_equal(0, rename(kept, tail));
	assert_int_equal(SP_EROLLBACK, sp_tree_refresh(t, &err));
	check(t, 600);
	sp_tree_close(t);
}

/* ---- cost ------------------------------------------------------------- */

static void
test_a_commit_costs_few_syncs(void **state)
{
	struct sp_tree *t = open_tree();
	struct sp_err err;
	uint64_t before;

	(void)state;
	must(add(t, 10000, &err));
	must(sp_tree_commit(t, &err));
	must(add(t, 20000, &err));
	before = sp_io_syncs();
	must(sp_tree_commit(t, &err));
	/* 39 tiles, 39 bundles, their 2 directories, the tail and its own */
	assert_true(sp_io_syncs() - before <= 39 + 39 + 2 + 2);
	must(add(t, 20001, &err));
	before = sp_io_syncs();
	must(sp_tree_commit(t, &err));
	assert_true(sp_io_syncs() - before <= 2);
	before = sp_io_calls();
	must(sp_tree_commit(t, &err)); /* nothing new */
	assert_true(sp_io_calls() == before);
	sp_tree_close(t);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_an_absent_tail_is_the_empty_tree),
		T(test_what_was_committed_is_read_back),
		T(test_a_tree_of_three_levels_is_right),
		T(test_what_is_pending_is_readable_but_not_durable),
		T(test_files_are_those_of_tlog_tiles),
		T(test_only_the_next_line_is_taken),
		T(test_proofs_from_tiles_and_tail_verify),
		T(test_ranges_from_tiles_and_tail_verify),
		T(test_times_are_found_by_binary_search),
		T(test_a_damaged_tail_is_refused_with_its_path),
		T(test_a_missing_or_short_tile_is_named),
		T(test_a_leftover_tile_must_have_the_same_bytes),
		T(test_what_an_interrupted_commit_left_half_written_goes_away),
		T(test_a_tree_that_went_back_is_noticed),
		T(test_a_commit_costs_few_syncs),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
