/*
 * Segments: what is written is read back, by the tables and by a walk; frames
 * are cut by the rules of doc/format-segment.md.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/io.h"
#include "base/sha256.h"
#include "tests/segment/segment_kit.h"

static void
check_entry(struct sp_segment *s, uint64_t seq)
{
	struct sp_buf rec, msg, want;
	struct sp_segment_item it;
	long m = kit_msg_size(seq);

	sp_buf_init(&rec, MAX);
	sp_buf_init(&msg, MAX);
	sp_buf_init(&want, MAX);
	must(sp_segment_item(s, seq, &it, &err_));
	assert_true(it.has_record);
	assert_int_equal(it.has_message, m >= 0);
	must(sp_segment_read(s, seq, &rec, &msg, &err_));
	kit_make(&want, seq, 0, kit_record_size(seq));
	assert_int_equal(rec.n, want.n);
	assert_memory_equal(rec.p, want.p, want.n);
	kit_make(&want, seq, 1, m < 0 ? 0 : (size_t)m);
	assert_int_equal(msg.n, want.n);
	if (want.n > 0)
		assert_memory_equal(msg.p, want.p, want.n);
	sp_buf_done(&rec);
	sp_buf_done(&msg);
	sp_buf_done(&want);
}

static void
test_what_is_written_is_read_in_any_order(void **state)
{
	static const uint64_t frames[] = { 0, FRAME, 64u << 10, 1u << 20 };
	static const uint64_t counts[] = { 1, 2, 31, 64, 65, 200 };

	(void)state;
	for (size_t f = 0; f < SP_COUNTOF(frames); f++)
		for (size_t c = 0; c < SP_COUNTOF(counts); c++) {
			uint64_t n = counts[c];
			struct sp_buf got, want;
			struct sp_segment *s;

			kit_write(n, frames[f]);
			must(sp_segment_open(kit_path(), &s, &err_));
			assert_int_equal(sp_segment_first(s), FIRST);
			assert_int_equal(sp_segment_last(s), FIRST + n - 1);
			for (uint64_t i = 0; i < n; i++)
				check_entry(s, FIRST + i);
			for (uint64_t i = 0; i < n; i++)
				check_entry(s, FIRST + i * 37 % n);
			sp_buf_init(&got, MAX);
			sp_buf_init(&want, MAX);
			kit_lines(&want, n);
			must(sp_segment_lines(s, &got, &err_));
			assert_int_equal(got.n, want.n);
			assert_memory_equal(got.p, want.p, got.n);
			sp_buf_done(&got);
			sp_buf_done(&want);
			sp_segment_close(s);
		}
}

static void
test_what_is_not_there_is_not_found(void **state)
{
	struct sp_segment *s;
	struct sp_segment_item it;
	struct sp_err err;

	(void)state;
	kit_write(10, FRAME);
	must(sp_segment_open(kit_path(), &s, &err_));
	assert_int_equal(
	    sp_segment_read(s, FIRST - 1, NULL, NULL, &err), SP_ENOTFOUND);
	assert_int_equal(
	    sp_segment_item(s, FIRST + 10, &it, &err), SP_ENOTFOUND);
	sp_segment_close(s);
}

static void
test_a_buffer_limit_holds(void **state)
{
	struct sp_segment *s;
	struct sp_buf at, below;
	struct sp_err err;

	(void)state;
	kit_write(31, FRAME);
	must(sp_segment_open(kit_path(), &s, &err_));
	sp_buf_init(&at, 40000);
	sp_buf_init(&below, 39999);
	assert_int_equal(kit_msg_size(FIRST + 17), 40000);
	must(sp_segment_read(s, FIRST + 17, NULL, &at, &err_));
	assert_int_equal(
	    sp_segment_read(s, FIRST + 17, NULL, &below, &err), SP_ELIMIT);
	sp_buf_done(&at);
	sp_buf_done(&below);
	sp_segment_close(s);
}

/* ---- frames --------------------------------------------------------- */

struct frame_table {
	size_t n;
	uint64_t at[4096]; /* in the tar */
};

static void
frame_table(struct frame_table *t)
{
	struct sp_buf b;
	const uint8_t *p;
	uint32_t n;

	kit_load(&b);
	p = (const uint8_t *)b.p + b.n - SP_SEEK_FOOT;
	assert_int_equal(sp_le32_get(p + 5), SP_SEEK_MAGIC);
	n = sp_le32_get(p);
	assert_in_range(n, 2, SP_COUNTOF(t->at) - 1);
	p -= n * SP_SEEK_ITEM;
	t->n = n - 1;
	t->at[0] = 0;
	for (size_t i = 0; i < t->n; i++, p += SP_SEEK_ITEM)
		t->at[i + 1] = t->at[i] + sp_le32_get(p + 4);
	sp_buf_done(&b);
}

static size_t
frame_of(const struct frame_table *t, uint64_t at)
{
	size_t i = 0;

	while (t->at[i + 1] <= at)
		i++;
	return (i);
}

static void
test_a_small_entry_is_never_split(void **state)
{
	static struct frame_table t;
	struct sp_segment *s;
	const uint64_t n = 200;

	(void)state;
	kit_write(n, FRAME);
	frame_table(&t);
	must(sp_segment_open(kit_path(), &s, &err_));
	for (uint64_t seq = FIRST; seq < FIRST + n; seq++) {
		struct sp_segment_item it;
		uint64_t last;
		size_t from, to;

		must(sp_segment_item(s, seq, &it, &err_));
		last = it.has_message && it.msg_len > 0
			   ? it.msg_at + it.msg_len - 1
			   : it.record_at + it.record_len - 1;
		from = frame_of(&t, it.record_at - SP_TAR_BLOCK);
		to = frame_of(&t, last);
		if (it.record_len + it.msg_len + 4096 <= FRAME)
			assert_int_equal(from, to);
		/* A longer message begins a frame, and ends with one. */
		if (it.has_message && it.msg_len > FRAME) {
			size_t i = frame_of(&t, it.msg_at);

			assert_int_equal(t.at[i], it.msg_at - SP_TAR_BLOCK);
			assert_true(to > i);
			assert_true(t.at[to + 1] - last <= SP_TAR_BLOCK);
		}
	}
	for (size_t i = 0; i < t.n; i++)
		assert_true(t.at[i + 1] - t.at[i] <= FRAME);
	/* The end of the tar is a frame of its own. */
	assert_int_equal(t.at[t.n] - t.at[t.n - 1], SP_TAR_END);
	sp_segment_close(s);
}

static void
test_the_same_entries_give_the_same_bytes(void **state)
{
	struct sp_buf a, b;

	(void)state;
	kit_write(65, FRAME);
	kit_load(&a);
	kit_write(65, FRAME);
	kit_load(&b);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	sp_buf_done(&a);
	sp_buf_done(&b);
}

static void
test_the_table_costs_few_bytes(void **state)
{
	struct sp_buf b;
	struct sp_segment *s;
	const uint8_t *p;
	const uint64_t n = 2000;
	uint32_t frames, len;

	(void)state;
	kit_write(n, 1u << 20);
	kit_load(&b);
	p = (const uint8_t *)b.p + b.n - SP_SEEK_FOOT;
	frames = sp_le32_get(p);
	len = sp_le32_get(p - SP_SEEK_ITEM);
	assert_true(frames > 2);
	assert_true(len < n * 8);
	must(sp_segment_open(kit_path(), &s, &err_));
	check_entry(s, FIRST + n - 1);
	sp_segment_close(s);
	sp_buf_done(&b);
}

/* ---- what is erased -------------------------------------------------- */

static void
test_an_erased_entry_has_no_bytes(void **state)
{
	const struct sp_view none = { NULL, 0 }, rec = SP_VIEW_LIT("{}"),
			     line = SP_VIEW_LIT("l\n");
	struct sp_segment_writer *w;
	struct sp_segment_item it;
	struct sp_segment *s;
	struct sp_buf b;
	uint64_t size;

	(void)state;
	sp_buf_init(&b, MAX);
	must(sp_segment_create(kit_path(), 0, 2, 6, TIME, 3, FRAME, &w, &err_));
	for (int i = 0; i < 3; i++)
		must(sp_segment_add_lines(w, line, &err_));
	must(sp_segment_add(w, 0, TIME, rec, true, line, &err_));
	must(sp_segment_add(w, 1, TIME, none, false, none, &err_));
	must(sp_segment_add(w, 2, TIME, rec, false, none, &err_));
	must(sp_segment_finish(w, &size, &err_));
	must(sp_segment_open(kit_path(), &s, &err_));
	must(sp_segment_item(s, 1, &it, &err_));
	assert_false(it.has_record || it.has_message);
	must(sp_segment_read(s, 1, &b, NULL, &err_));
	assert_int_equal(b.n, 0);
	must(sp_segment_read(s, 2, &b, NULL, &err_));
	assert_int_equal(b.n, 2);
	sp_segment_close(s);
	sp_buf_done(&b);
}

static void
test_an_abandoned_segment_leaves_no_file(void **state)
{
	struct sp_segment_writer *w;

	(void)state;
	must(sp_segment_create(kit_path(), 0, 0, 2, TIME, 3, FRAME, &w, &err_));
	must(sp_segment_add_lines(w, SP_VIEW_LIT("l\n"), &err_));
	sp_segment_abort(w);
	assert_false(sp_io_exists(kit_path()));
}

/* ---- walking -------------------------------------------------------- */

struct seen {
	uint64_t members, next, bytes, at;
	struct sp_segment *s;
	int64_t mtime;
	struct sp_sha256 *sha;
};

static enum sp_code
on_member(void *ctx, const char *name, uint64_t size, int64_t mtime,
    struct sp_err *err)
{
	struct seen *v = ctx;
	struct sp_segment_item it;
	char want[64];

	if (v->members == 0) {
		assert_string_equal(name, "000000000041-000000000071.lines");
		v->next = FIRST;
	} else {
		must(sp_segment_item(v->s, v->next, &it, &err_));
		if (strstr(name, ".json") != NULL) {
			(void)snprintf(
			    want, sizeof(want), "%012" PRIu64 ".json", v->next);
			assert_int_equal(it.record_at, v->at);
			assert_int_equal(size, kit_record_size(v->next));
			if (!it.has_message)
				v->next++;
		} else {
			(void)snprintf(
			    want, sizeof(want), "%012" PRIu64 ".eml", v->next);
			assert_int_equal(it.msg_at, v->at);
			assert_int_equal(size, kit_msg_size(v->next));
			v->next++;
		}
		assert_string_equal(name, want);
		assert_in_range(
		    mtime, TIME / SP_SECOND, TIME / SP_SECOND + FIRST + 31);
	}
	v->members++;
	(void)err;
	return (SP_OK);
}

static enum sp_code
on_data(void *ctx, const void *p, size_t n, struct sp_err *err)
{
	struct seen *v = ctx;

	(void)p;
	(void)err;
	v->bytes += n;
	return (SP_OK);
}

static void
test_a_stranger_walks_all_members_in_order(void **state)
{
	struct seen v = { 0 };
	const struct sp_segment_walk cb = {
		.member = on_member, .data = on_data, .ctx = &v, .at = &v.at
	};

	(void)state;
	kit_write(31, FRAME);
	must(sp_segment_open(kit_path(), &v.s, &err_));
	must(sp_segment_walk(kit_path(), &cb, &err_));
	assert_int_equal(v.next, FIRST + 31);
	sp_segment_close(v.s);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_what_is_written_is_read_in_any_order),
		T(test_what_is_not_there_is_not_found),
		T(test_a_buffer_limit_holds),
		T(test_a_small_entry_is_never_split),
		T(test_the_same_entries_give_the_same_bytes),
		T(test_the_table_costs_few_bytes),
		T(test_an_erased_entry_has_no_bytes),
		T(test_an_abandoned_segment_leaves_no_file),
		T(test_a_stranger_walks_all_members_in_order),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
