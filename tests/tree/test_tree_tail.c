/*
 * The bytes of tree/tail (tree_tail.h): what is formatted is parsed, and every
 * damage is refused with a reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/enc.h"
#include "base/line.h"
#include "journal/tree/merkle.h"
#include "journal/tree/tree_tail.h"

static struct sp_tail tail, parsed;

/* A tail with ${n} lines, on top of full tiles whose hashes are made up. */
static void
make(uint64_t size, struct sp_buf *out)
{
	sp_tail_init(&tail);
	tail.size = size;
	for (unsigned l = 1; l < SP_TREE_LEVELS; l++) {
		for (size_t i = 0; i < sp_tail_width(&tail, l); i++)
			memset(tail.tile[l][i].b, (int)(16 * l + i), 32);
	}
	for (size_t i = 0; i < sp_tail_width(&tail, 0); i++) {
		struct sp_line line = { .seq = size - size % 256 + i,
			.kind = SP_KIND_EVENT };
		char text[SP_LINE_MAX];
		size_t n = sp_line_format(&line, text);

		sp_be16_put((uint8_t *)tail.bundle + tail.nbundle, (uint16_t)n);
		memcpy(tail.bundle + tail.nbundle + 2, text, n);
		tail.tile[0][i] = sp_merkle_leaf(sp_view_mem(text, n));
		tail.at[i] = (uint32_t)tail.nbundle;
		tail.nbundle += 2 + n;
	}
	sp_buf_init(out, SP_TAIL_MAX);
	assert_int_equal(SP_OK, sp_tail_format(&tail, out));
}

/* Give changed bytes a checksum that fits. */
static void
seal(struct sp_buf *b)
{
	sp_le32_put((uint8_t *)b->p + b->n - 4, sp_crc32c(0, b->p, b->n - 4));
}

static enum sp_code
parse(const struct sp_buf *b, struct sp_err *err)
{
	return (sp_tail_parse(sp_buf_view(b), &parsed, err));
}

static const uint64_t sizes[] = { 0, 1, 3, 255, 256, 257, 65535, 65536, 65537,
	70000, UINT64_C(0x123456789a03), (UINT64_C(1) << 53) };

static void
test_a_tail_is_read_as_it_was_written(void **state)
{
	(void)state;
	for (size_t s = 0; s < SP_COUNTOF(sizes); s++) {
		struct sp_buf b, again;
		struct sp_err err;

		make(sizes[s], &b);
		if (parse(&b, &err) != SP_OK)
			fail_msg("size %d: %s", (int)sizes[s], err.msg);
		assert_true(parsed.size == sizes[s]);
		sp_buf_init(&again, SP_TAIL_MAX);
		assert_int_equal(SP_OK, sp_tail_format(&parsed, &again));
		assert_true(sp_view_eq(sp_buf_view(&b), sp_buf_view(&again)));
		for (size_t i = 0; i < sp_tail_width(&parsed, 0); i++)
			assert_true(sp_view_eq(
			    sp_tail_line(&tail, i), sp_tail_line(&parsed, i)));
		sp_buf_done(&again);
		sp_buf_done(&b);
	}
}

/* Damage, not a newer version: the checksum is looked at first. */
static void
refused(const struct sp_buf *b, const char *what, size_t where)
{
	struct sp_err err = { .msg = "" };
	enum sp_code rc = parse(b, &err);

	if (rc != SP_EFORMAT)
		fail_msg("%s at %d: %s", what, (int)where, sp_err_name(rc));
	if (strstr(err.msg, "--rebuild-tree") == NULL)
		fail_msg("%s at %d: says only %s", what, (int)where, err.msg);
}

static void
test_a_tail_cut_at_any_byte_is_refused(void **state)
{
	struct sp_buf b;
	size_t n;

	(void)state;
	make(65536 + 256 + 5, &b);
	n = b.n;
	for (b.n = 0; b.n < n; b.n++)
		refused(&b, "cut", b.n);
	sp_buf_done(&b);
}

static void
test_a_tail_with_any_bit_flipped_is_refused(void **state)
{
	struct sp_buf b;

	(void)state;
	make(65536 + 256 + 5, &b);
	for (size_t i = 0; i < 8 * b.n; i++) {
		b.p[i / 8] = (char)(b.p[i / 8] ^ (1 << (i % 8)));
		refused(&b, "flipped", i / 8);
		b.p[i / 8] = (char)(b.p[i / 8] ^ (1 << (i % 8)));
	}
	assert_int_equal(SP_OK, parse(&b, NULL));
	assert_int_equal(SP_OK, sp_buf_addc(&b, '\0'));
	refused(&b, "longer", b.n);
	sp_buf_done(&b);
}

/* The checksum fits, the content does not: made by hand, or by a bug. */
static void
test_a_tail_that_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t flip;
		enum sp_code want;
	} cases[] = {
		{ "newer version", 8, 3, SP_EVERSION },
		{ "version 0", 8, 1, SP_EVERSION },
		{ "bundle length", 12, 1, SP_EFORMAT },
		{ "bundle length, high", 15, 0x80, SP_EFORMAT },
		{ "size", 16, 1, SP_EFORMAT },
		{ "size, next level", 17, 1, SP_EFORMAT },
		{ "size, high", 23, 0x80, SP_EFORMAT },
		{ "hash of the first line", 24, 1, SP_EFORMAT },
		{ "length of the first line", 24 + 7 * 32, 1, SP_EFORMAT },
		{ "length of a line, low", 24 + 7 * 32 + 1, 1, SP_EFORMAT },
		{ "first line", 24 + 7 * 32 + 2, 1, SP_EFORMAT },
	};
	struct sp_buf b;

	(void)state;
	/* 5 hashes at level 0, 1 at level 1, 1 at level 2 */
	make(65536 + 256 + 5, &b);
	for (size_t i = 0; i < SP_COUNTOF(cases); i++) {
		struct sp_err err = { .msg = "" };
		enum sp_code rc;

		b.p[cases[i].at] ^= (char)cases[i].flip;
		seal(&b);
		rc = parse(&b, &err);
		if (rc != cases[i].want || err.msg[0] == '\0')
			fail_msg("%s: got %s (%s)", cases[i].name,
			    sp_err_name(rc), err.msg);
		b.p[cases[i].at] ^= (char)cases[i].flip;
		seal(&b);
	}
	/* Of a level above the first nothing below can be checked here. */
	b.p[24 + 5 * 32] ^= 1;
	seal(&b);
	assert_int_equal(SP_OK, parse(&b, NULL));
	sp_buf_done(&b);
}

static void
test_a_bundle_has_exactly_its_lines(void **state)
{
	static const struct {
		const char *name, *p;
		size_t n, want;
		enum sp_code code;
	} cases[] = {
		{ "one", "\0\003abc", 5, 1, SP_OK },
		{ "two", "\0\003abc\0\001d", 8, 2, SP_OK },
		{ "none", "", 0, 0, SP_OK },
		{ "bytes after", "\0\003abcd", 6, 1, SP_EFORMAT },
		{ "too few", "\0\003abc", 5, 2, SP_EFORMAT },
		{ "cut length", "\0\003abc\0", 6, 2, SP_EFORMAT },
		{ "cut line", "\0\003ab", 4, 1, SP_EFORMAT },
		{ "empty line", "\0\0", 2, 1, SP_EFORMAT },
	};
	char longest[2 + SP_LINE_MAX];
	struct sp_bundle b;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(cases); i++) {
		enum sp_code rc;

		rc = sp_bundle_parse(sp_view_mem(cases[i].p, cases[i].n),
		    cases[i].want, &b, NULL);
		if (rc != cases[i].code)
			fail_msg("%s: %s", cases[i].name, sp_err_name(rc));
	}
	memset(longest, 'x', sizeof(longest));
	sp_be16_put((uint8_t *)longest, SP_LINE_MAX - 1);
	assert_int_equal(
	    SP_OK, sp_bundle_parse(
		       sp_view_mem(longest, 2 + SP_LINE_MAX - 1), 1, &b, NULL));
	sp_be16_put((uint8_t *)longest, SP_LINE_MAX);
	assert_int_equal(
	    SP_EFORMAT, sp_bundle_parse(sp_view_mem(longest, 2 + SP_LINE_MAX),
			    1, &b, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tail_is_read_as_it_was_written),
		cmocka_unit_test(test_a_tail_cut_at_any_byte_is_refused),
		cmocka_unit_test(test_a_tail_with_any_bit_flipped_is_refused),
		cmocka_unit_test(test_a_tail_that_makes_no_sense_is_refused),
		cmocka_unit_test(test_a_bundle_has_exactly_its_lines),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
