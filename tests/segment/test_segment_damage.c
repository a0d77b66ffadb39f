/*
 * Segments: damage is named with its frame or table, or does no harm; no file
 * makes a reader run on or take memory without end.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/enc.h"
#include "base/io.h"
#include "tests/segment/segment_kit.h"

/* ---- damage ---------------------------------------------------------- */

/* Without a sync: it is called thousands of times. */
static void
store(const char *p, size_t n)
{
	FILE *f;

	(void)unlink(kit_path());
	f = fopen(kit_path(), "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Read all of a file, whatever it is: this must end, with bounded memory. */
static enum sp_code
read_all(uint64_t *good)
{
	struct sp_segment *s;
	struct sp_buf rec, msg;
	struct sp_err err;
	enum sp_code rc = sp_segment_open(kit_path(), &s, &err), first = SP_OK;

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
	kit_write(8, FRAME);
	kit_load(&b);
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
	kit_write(6, FRAME);
	kit_load(&b);
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
	kit_write(31, FRAME);
	kit_load(&b);
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
	kit_write(8, FRAME);
	kit_load(&b);
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
#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_file_cut_anywhere_is_refused),
		T(test_every_flipped_byte_is_noticed),
		T(test_a_hostile_table_with_a_right_checksum_is_harmless),
		T(test_a_hostile_seek_table_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
