/* Transfer encodings and uuencoded files in text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/sha256.h"
#include "index/mail/leaf.h"
#include "index/mail/transfer.h"

static void
put(void *ctx, const char *p, size_t n)
{
	assert_int_equal(sp_buf_add(ctx, p, n), SP_OK);
}

static void
test_bodies_are_decoded_whatever_was_done_to_them(void **state)
{
	static const struct {
		const char *name;
		enum sp_transfer t;
		const char *in, *want;
		bool ok;
	} rows[] = {
		{ "base64", SP_TRANSFER_BASE64, "SGVsbG8=", "Hello", true },
		{ "in lines", SP_TRANSFER_BASE64, "SGVs\r\nbG8=\r\n", "Hello",
		    true },
		{ "several padded pieces", SP_TRANSFER_BASE64,
		    "SGVsbG8=\r\nV29ybGQ=\r\nISEh\r\n", "HelloWorld!!!", true },
		{ "pieces on one line", SP_TRANSFER_BASE64,
		    "SGVsbG8=V29ybGQ=", "HelloWorld", true },
		{ "no padding", SP_TRANSFER_BASE64, "SGVsbG8", "Hello", false },
		{ "junk between", SP_TRANSFER_BASE64, "SGV!s*bG8=", "Hello",
		    false },
		{ "one digit left over", SP_TRANSFER_BASE64, "SGVsA", "Hel",
		    false },
		{ "footer of a list", SP_TRANSFER_BASE64,
		    "SGVsbG8=\n\n-- \nlist footer\nunsubscribe\n", "Hello",
		    false },
		{ "footer, no padding before", SP_TRANSFER_BASE64,
		    "SGVs\n\n____\nSome list here\n", "Hel", false },
		{ "an empty line inside", SP_TRANSFER_BASE64, "SGVs\n\nbG8=\n",
		    "Hello", true },
		{ "padding only", SP_TRANSFER_BASE64, "====", "", false },
		{ "nothing", SP_TRANSFER_BASE64, "", "", true },
		{ "qp", SP_TRANSFER_QP, "a=3Db=c3=A4", "a=b\xc3\xa4", true },
		{ "soft break", SP_TRANSFER_QP, "a=\r\nb=\nc= \t\r\nd", "abcd",
		    true },
		{ "soft break at the end", SP_TRANSFER_QP, "a=", "a", true },
		{ "blanks before a line end", SP_TRANSFER_QP, "a  \r\nb\t\nc ",
		    "a\r\nb\nc", true },
		{ "blanks inside", SP_TRANSFER_QP, "a  b =20\n", "a  b  \n",
		    true },
		{ "raw =", SP_TRANSFER_QP, "a=b =zz =4", "a=b =zz =4", false },
		{ "uuencode", SP_TRANSFER_UU,
		    "begin 644 a\n#0V%T\n`\nend\nmore\n", "Cat", true },
		{ "uuencode without begin", SP_TRANSFER_UU, "#0V%T\n`\nend\n",
		    "Cat", true },
		{ "uuencode, blanks lost", SP_TRANSFER_UU, "$0V%T\n", "Cat\0",
		    true },
		{ "as it is", SP_TRANSFER_PLAIN, "a=3D\r\n", "a=3D\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_buf b;
		bool ok;

		sp_buf_init(&b, 1000);
		ok = sp_transfer_decode(rows[i].t, sp_view_str(rows[i].in),
		    &(struct sp_sink){ put, &b });
		if (strcmp(sp_buf_cstr(&b), rows[i].want) != 0 ||
		    ok != rows[i].ok)
			fail_msg("%s: got \"%s\" %d, want \"%s\" %d",
			    rows[i].name, sp_buf_cstr(&b), ok, rows[i].want,
			    rows[i].ok);
		sp_buf_done(&b);
	}
}

static void
test_base64_of_every_length_round_trips_in_every_line_length(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
				     "opqrstuvwxyz0123456789+/";
	uint8_t data[200];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + i / 7);
	for (size_t n = 0; n <= sizeof(data); n++) {
		struct sp_buf in, out;
		size_t width = n % 19 + 1, col = 0;

		sp_buf_init(&in, 2000);
		sp_buf_init(&out, 1000);
		for (size_t bit = 0; bit < n * 8; bit += 6) {
			unsigned x = (unsigned)data[bit / 8] << 8;

			if (bit / 8 + 1 < n)
				x |= data[bit / 8 + 1];
			x = x >> (10 - bit % 8) & 63;
			assert_int_equal(sp_buf_addc(&in, digits[x]), SP_OK);
			if (++col % width == 0)
				assert_int_equal(
				    sp_buf_adds(&in, "\r\n"), SP_OK);
		}
		while (col++ % 4 != 0)
			assert_int_equal(sp_buf_addc(&in, '='), SP_OK);
		assert_true(sp_transfer_decode(SP_TRANSFER_BASE64,
		    sp_buf_view(&in), &(struct sp_sink){ put, &out }));
		assert_int_equal(out.n, n);
		if (n > 0)
			assert_memory_equal(out.p, data, n);
		sp_buf_done(&in);
		sp_buf_done(&out);
	}
}

static void
test_encodings_have_many_names(void **state)
{
	static const struct {
		const char *in;
		enum sp_transfer want;
		bool known;
	} rows[] = {
		{ "base64", SP_TRANSFER_BASE64, true },
		{ " BASE64 ", SP_TRANSFER_BASE64, true },
		{ "\"base64\"", SP_TRANSFER_BASE64, true },
		{ "base64;", SP_TRANSFER_BASE64, true },
		{ "Quoted-Printable (c)", SP_TRANSFER_QP, true },
		{ "x-uuencode", SP_TRANSFER_UU, true },
		{ "8BIT", SP_TRANSFER_PLAIN, true },
		{ "x-unknown", SP_TRANSFER_PLAIN, false },
		{ "", SP_TRANSFER_PLAIN, false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		bool known;

		assert_int_equal(
		    sp_transfer_by_name(sp_view_str(rows[i].in), &known),
		    rows[i].want);
		assert_int_equal(known, rows[i].known);
	}
}

static void
test_uuencoded_files_are_found_in_text(void **state)
{
	static const struct {
		const char *name, *in, *file; /* NULL: none */
		size_t begin, end;
	} rows[] = {
		{ "at the start", "begin 644 a.txt\n#0V%T\n`\nend\nx", "a.txt",
		    0, 28 },
		{ "behind text", "hi\r\nbegin 600 a b\r\n#0V%T\r\nend\r\n",
		    "a b", 4, 31 },
		{ "end missing", "begin 644 a\n#0V%T\n", "a", 0, 18 },
		{ "prose", "begin 644 times\nand nothing else\n", NULL, 0, 0 },
		{ "not at a line start", "x begin 644 a\n#0V%T\nend\n", NULL, 0,
		    0 },
		{ "no mode", "begin now\n#0V%T\nend\n", NULL, 0, 0 },
		{ "empty", "", NULL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_uu uu;
		bool ok = sp_uu_find(sp_view_str(rows[i].in), 0, &uu);

		if (ok != (rows[i].file != NULL) ||
		    (ok && (!sp_view_eq_str(uu.name, rows[i].file) ||
			       uu.begin != rows[i].begin ||
			       uu.end != rows[i].end)))
			fail_msg("%s: found %d, %zu to %zu", rows[i].name, ok,
			    ok ? uu.begin : 0, ok ? uu.end : 0);
	}
}

/* The two digests of a leaf against the definition, for every way that lines
 * can end, at every place where a chunk may end. */
static void
test_text_digests_do_not_depend_on_line_ends(void **state)
{
	static const struct {
		const char *in, *norm;
	} rows[] = {
		{ "", "" },
		{ "a", "a" },
		{ "a\r\nb\r\n", "a\nb" },
		{ "a\nb\n\n\n", "a\nb" },
		{ "a\r\n\r\n\r\n", "a" },
		{ "a\rb\r", "a\rb\r" },
		{ "a\r\r\nb", "a\r\nb" },
		{ "\r\n\n\r\n", "" },
		{ "\n\na", "\n\na" },
		{ "a\n\r\n\n\rb\n", "a\n\n\n\rb" },
		{ "\r", "\r" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_leaf l = { .size = 0 };
		uint8_t sha[32], tsha[32], want[32];

		l.sha = sp_sha256_new();
		l.tsha = sp_sha256_new();
		assert_true(sp_leaf_read(&l, SP_TRANSFER_PLAIN,
		    sp_view_str(rows[i].in), 4, sha, tsha));
		sp_sha256_once(rows[i].in, strlen(rows[i].in), want);
		assert_memory_equal(sha, want, 32);
		sp_sha256_once(rows[i].norm, strlen(rows[i].norm), want);
		if (memcmp(tsha, want, 32) != 0)
			fail_msg("row %zu: the text digest is wrong", i);
		assert_int_equal(l.size, strlen(rows[i].in));
		sp_buf_done(&l.kept);
		sp_sha256_free(l.sha);
		sp_sha256_free(l.tsha);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_bodies_are_decoded_whatever_was_done_to_them),
		cmocka_unit_test(
		    test_base64_of_every_length_round_trips_in_every_line_length),
		cmocka_unit_test(test_encodings_have_many_names),
		cmocka_unit_test(test_uuencoded_files_are_found_in_text),
		cmocka_unit_test(test_text_digests_do_not_depend_on_line_ends),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
