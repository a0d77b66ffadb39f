/* Segments: what is written is read back, and damage is named. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/enc.h"
#include "base/io.h"
#include "journal/archive/segment_format.h"

#define FIRST 41u
#define TIME  INT64_C(1795451462123456)
#define FRAME 8192u
#define MAX   (8u << 20)

static char dir[64], path[128];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/sp-segment-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/segment.tar.zst", dir);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return (rmdir(dir));
}

#define must(call)                                           \
	do {                                                 \
		struct sp_err err_ = { 0 };                  \
		if ((call) != SP_OK)                         \
			fail_msg("%s: %s", #call, err_.msg); \
	} while (0)

/* Sizes of messages; -1 is none.  Around the frame, its half, and a block. */
static const long sizes[] = { 0, 1, 511, 512, 513, -1, 4000, 3000, 8191, 8192,
	8193, 7168, 6656, 6655, 6657, 100, -1, 40000, 16384, 10, 20, 30, 5120,
	2560, 2048, 70001, -1, 0, 0, 65536, 1 };
/* Sizes of records. */
static const size_t records[] = { 2, 700, 511, 512, 513, 9000, 8192, 300 };

/* Bytes that depend on seq, kind and place, and compress a little. */
static void
make(struct sp_buf *b, uint64_t seq, int kind, size_t n)
{
	sp_buf_clear(b);
	assert_non_null(sp_buf_reserve(b, n + 1));
	for (size_t i = 0; i < n; i++)
		b->p[i] =
		    (char)('a' +
			   (char)((seq * 7 + (uint64_t)kind * 3 + i * i / 5) %
				  26));
	b->n = n;
}

static size_t
record_size(uint64_t seq)
{
	return (records[seq % SP_COUNTOF(records)]);
}

static long
msg_size(uint64_t seq)
{
	return (sizes[(seq - FIRST) % SP_COUNTOF(sizes)]);
}

static void
make_lines(struct sp_buf *b, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(
		    sp_buf_addf(b, "line of entry %" PRIu64 "\n", FIRST + i),
		    SP_OK);
}

static void
write_segment(uint64_t n, uint64_t frame)
{
	struct sp_segment_writer *w;
	struct sp_buf lines, rec, msg;
	uint64_t size, real;
	int fd;

	sp_buf_init(&lines, MAX);
	sp_buf_init(&rec, MAX);
	sp_buf_init(&msg, MAX);
	make_lines(&lines, n);
	must(sp_segment_create(
	    path, FIRST, FIRST + n - 1, lines.n, TIME, 3, frame, &w, &err_));
	/* In two pieces, as the sealer gives them in many. */
	must(sp_segment_add_lines(w, sp_view_mem(lines.p, lines.n / 2), &err_));
	must(sp_segment_add_lines(w,
	    sp_view_mem(lines.p + lines.n / 2, lines.n - lines.n / 2), &err_));
	for (uint64_t seq = FIRST; seq < FIRST + n; seq++) {
		long m = msg_size(seq);

		make(&rec, seq, 0, record_size(seq));
		make(&msg, seq, 1, m < 0 ? 0 : (size_t)m);
		must(sp_segment_add(w, seq, TIME + (int64_t)seq * SP_SECOND,
		    sp_buf_view(&rec), m >= 0, sp_buf_view(&msg), &err_));
	}
	must(sp_segment_finish(w, &size, &err_));
	must(sp_io_open(path, O_RDONLY, 0, &fd, &err_));
	must(sp_io_size(fd, &real, &err_));
	assert_int_equal(real, size);
	must(sp_io_close(fd, &err_));
	sp_buf_done(&lines);
	sp_buf_done(&rec);
	sp_buf_done(&msg);
}

static void
check_entry(struct sp_segment *s, uint64_t seq)
{
	struct sp_buf rec, msg, want;
	struct sp_segment_item it;
	long m = msg_size(seq);

	sp_buf_init(&rec, MAX);
	sp_buf_init(&msg, MAX);
	sp_buf_init(&want, MAX);
	must(sp_segment_item(s, seq, &it, &err_));
	assert_true(it.has_record);
	assert_int_equal(it.has_message, m >= 0);
	must(sp_segment_read(s, seq, &rec, &msg, &err_));
	make(&want, seq, 0, record_size(seq));
	assert_int_equal(rec.n, want.n);
	assert_memory_equal(rec.p, want.p, want.n);
	make(&want, seq, 1, m < 0 ? 0 : (size_t)m);
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

			write_segment(n, frames[f]);
			must(sp_segment_open(path, &s, &err_));
			assert_int_equal(sp_segment_first(s), FIRST);
			assert_int_equal(sp_segment_last(s), FIRST + n - 1);
			for (uint64_t i = 0; i < n; i++)
				check_entry(s, FIRST + i);
			for (uint64_t i = 0; i < n; i++)
				check_entry(s, FIRST + i * 37 % n);
			sp_buf_init(&got, MAX);
			sp_buf_init(&want, MAX);
			make_lines(&want, n);
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
	write_segment(10, FRAME);
	must(sp_segment_open(path, &s, &err_));
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
	write_segment(31, FRAME);
	must(sp_segment_open(path, &s, &err_));
	sp_buf_init(&at, 40000);
	sp_buf_init(&below, 39999);
	assert_int_equal(msg_size(FIRST + 17), 40000);
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
load(struct sp_buf *b)
{
	sp_buf_init(b, MAX);
	must(sp_io_read_file(path, MAX, b, &err_));
}

static void
frame_table(struct frame_table *t)
{
	struct sp_buf b;
	const uint8_t *p;
	uint32_t n;

	load(&b);
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
	write_segment(n, FRAME);
	frame_table(&t);
	must(sp_segment_open(path, &s, &err_));
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
	write_segment(65, FRAME);
	load(&a);
	write_segment(65, FRAME);
	load(&b);
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
	write_segment(n, 1u << 20);
	load(&b);
	p = (const uint8_t *)b.p + b.n - SP_SEEK_FOOT;
	frames = sp_le32_get(p);
	len = sp_le32_get(p - SP_SEEK_ITEM);
	assert_true(frames > 2);
	assert_true(len < n * 8);
	must(sp_segment_open(path, &s, &err_));
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
	must(sp_segment_create(path, 0, 2, 6, TIME, 3, FRAME, &w, &err_));
	for (int i = 0; i < 3; i++)
		must(sp_segment_add_lines(w, line, &err_));
	must(sp_segment_add(w, 0, TIME, rec, true, line, &err_));
	must(sp_segment_add(w, 1, TIME, none, false, none, &err_));
	must(sp_segment_add(w, 2, TIME, rec, false, none, &err_));
	must(sp_segment_finish(w, &size, &err_));
	must(sp_segment_open(path, &s, &err_));
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
	must(sp_segment_create(path, 0, 0, 2, TIME, 3, FRAME, &w, &err_));
	must(sp_segment_add_lines(w, SP_VIEW_LIT("l\n"), &err_));
	sp_segment_abort(w);
	assert_false(sp_io_exists(path));
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
			assert_int_equal(size, record_size(v->next));
			if (!it.has_message)
				v->next++;
		} else {
			(void)snprintf(
			    want, sizeof(want), "%012" PRIu64 ".eml", v->next);
			assert_int_equal(it.msg_at, v->at);
			assert_int_equal(size, msg_size(v->next));
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
	write_segment(31, FRAME);
	must(sp_segment_open(path, &v.s, &err_));
	must(sp_segment_walk(path, &cb, &err_));
	assert_int_equal(v.next, FIRST + 31);
	sp_segment_close(v.s);
}

/* ---- damage ---------------------------------------------------------- */

static void
store(const char *p, size_t n)
{
	(void)unlink(path);
	must(sp_io_replace(path, p, n, 0600, &err_));
}

/* Whatever the file, this ends, and within its memory. */
static enum sp_code
read_all(uint64_t *good)
{
	struct sp_segment *s;
	struct sp_buf rec, msg;
	struct sp_err err;
	enum sp_code rc = sp_segment_open(path, &s, &err), first = SP_OK;

	*good = 0;
	if (rc != SP_OK) {
		assert_true(strlen(err.msg) > 0);
		return (rc);
	}
	sp_buf_init(&rec, MAX);
	sp_buf_init(&msg, MAX);
	for (uint64_t q = sp_segment_first(s); q <= sp_segment_last(s); q++) {
		rc = sp_segment_read(s, q, &rec, &msg, &err);
		if (rc == SP_OK)
			(*good)++;
		else if (first == SP_OK)
			first = rc;
	}
	sp_buf_done(&rec);
	sp_buf_done(&msg);
	sp_segment_close(s);
	return (first);
}

static void
test_a_file_cut_anywhere_is_refused(void **state)
{
	struct sp_buf b;
	uint64_t good;

	(void)state;
	write_segment(8, FRAME);
	load(&b);
	for (size_t n = 0; n < b.n; n += n < b.n - 400 ? 97 : 1) {
		store(b.p, n);
		assert_int_equal(read_all(&good), SP_EFORMAT);
	}
	sp_buf_done(&b);
}

static void
test_every_flipped_byte_is_noticed(void **state)
{
	struct sp_buf b;
	uint64_t good;

	(void)state;
	write_segment(6, FRAME);
	load(&b);
	for (size_t i = 0; i < b.n; i++) {
		enum sp_code rc;

		b.p[i] = (char)(b.p[i] ^ 0x10);
		store(b.p, b.n);
		rc = read_all(&good);
		/* The lines and the end of the tar are read by nobody here. */
		if (rc == SP_OK)
			assert_int_equal(good, 6);
		else
			assert_true(rc == SP_EFORMAT || rc == SP_EVERSION);
		b.p[i] = (char)(b.p[i] ^ 0x10);
	}
	sp_buf_done(&b);
}

/* The table of contents of the file in ${b}. */
static char *
toc_of(struct sp_buf *b, size_t *n)
{
	const uint8_t *foot = (const uint8_t *)b->p + b->n - SP_SEEK_FOOT;
	uint32_t frames = sp_le32_get(foot);
	size_t len = sp_le32_get(foot - SP_SEEK_ITEM);

	*n = len - SP_SKIP_HEAD;
	return (b->p + b->n - SP_SEEK_FOOT - frames * SP_SEEK_ITEM -
		SP_SKIP_HEAD - *n);
}

static void
test_a_hostile_table_with_a_right_checksum_is_harmless(void **state)
{
	struct sp_buf b;
	uint64_t good;
	size_t n;
	char *toc;

	(void)state;
	write_segment(31, FRAME);
	load(&b);
	toc = toc_of(&b, &n);
	assert_memory_equal(toc, SP_TOC_MAGIC, 8);
	for (size_t i = 0; i < n - SP_TOC_FOOT; i++) {
		static const uint8_t xors[] = { 1, 0x80, 0xff, 0x1f };

		for (size_t x = 0; x < SP_COUNTOF(xors); x++) {
			enum sp_code rc;
			uint8_t crc[4];

			toc[i] = (char)((uint8_t)toc[i] ^ xors[x]);
			sp_le32_put(crc, sp_crc32c(0, toc, n - SP_TOC_FOOT));
			memcpy(toc + n - SP_TOC_FOOT, crc, 4);
			store(b.p, b.n);
			rc = read_all(&good);
			/* A wrong length of a record's data is for the
			 * digests to find. */
			assert_true(rc == SP_OK || rc == SP_EFORMAT ||
				    rc == SP_EVERSION);
			toc[i] = (char)((uint8_t)toc[i] ^ xors[x]);
		}
	}
	sp_buf_done(&b);
}

static const struct {
	const char *name;
	size_t from_end; /* of the seek table's four bytes */
	uint32_t value;
} hostile[] = {
	{ "no frames", SP_SEEK_FOOT, 0 },
	{ "one frame", SP_SEEK_FOOT, 1 },
	{ "too many frames", SP_SEEK_FOOT, UINT32_MAX },
	{ "more frames than bytes", SP_SEEK_FOOT, 1u << 20 },
	{ "a frame of 4 GiB", SP_SEEK_FOOT + 2 * SP_SEEK_ITEM - 4, UINT32_MAX },
	{ "a frame of nothing", SP_SEEK_FOOT + 2 * SP_SEEK_ITEM - 4, 0 },
	{ "a frame just too long", SP_SEEK_FOOT + 2 * SP_SEEK_ITEM - 4,
	    SP_SEGMENT_FRAME_MAX + 1 },
	{ "a frame of another length", SP_SEEK_FOOT + 2 * SP_SEEK_ITEM - 4,
	    SP_SEGMENT_FRAME_MAX },
	{ "a data frame of another length", SP_SEEK_FOOT + 3 * SP_SEEK_ITEM - 4,
	    SP_SEGMENT_FRAME_MAX },
	{ "two frames", SP_SEEK_FOOT, 2 },
	{ "compressed beyond the file", SP_SEEK_FOOT + 2 * SP_SEEK_ITEM,
	    UINT32_MAX },
	{ "data in the table of contents", SP_SEEK_FOOT + 4, 1 },
};

static void
test_a_hostile_seek_table_is_refused(void **state)
{
	struct sp_buf b;
	uint64_t good;

	(void)state;
	write_segment(8, FRAME);
	load(&b);
	for (size_t i = 0; i < SP_COUNTOF(hostile); i++) {
		char old[4], *at = b.p + b.n - hostile[i].from_end;
		uint8_t v[4];

		memcpy(old, at, 4);
		sp_le32_put(v, hostile[i].value);
		memcpy(at, v, 4);
		store(b.p, b.n);
		if (read_all(&good) != SP_EFORMAT)
			fail_msg("%s: not refused", hostile[i].name);
		memcpy(at, old, 4);
	}
	sp_buf_done(&b);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
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
		T(test_a_file_cut_anywhere_is_refused),
		T(test_every_flipped_byte_is_noticed),
		T(test_a_hostile_table_with_a_right_checksum_is_harmless),
		T(test_a_hostile_seek_table_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
