/* Views, buffers, encodings, errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/view.h"

static void
test_utf8_is_told_from_what_only_looks_like_it(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
		bool want;
	} rows[] = {
		{ "empty", "", 0, true },
		{ "ascii", "plain", 5, true },
		{ "two bytes", "\xc3\xa4", 2, true },
		{ "three bytes", "\xe4\xba\xac", 3, true },
		{ "four bytes", "\xf0\x9f\x93\xac", 4, true },
		{ "NUL", "a\0b", 3, false },
		{ "latin-1", "\xe4", 1, false },
		{ "cut", "\xe4\xba", 2, false },
		{ "overlong slash", "\xc0\xaf", 2, false },
		{ "overlong three", "\xe0\x80\xaf", 3, false },
		{ "surrogate", "\xed\xa0\x80", 3, false },
		{ "beyond U+10FFFF", "\xf4\x90\x80\x80", 4, false },
		{ "lone continuation", "\x80", 1, false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		if (sp_view_is_utf8(sp_view_mem(rows[i].text, rows[i].n)) !=
		    rows[i].want)
			fail_msg("%s: want %d", rows[i].name, rows[i].want);
	}
}

static void
test_numbers_are_whole_and_do_not_overflow(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t want;
	} rows[] = {
		{ "0", true, 0 },
		{ "007", true, 7 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1x", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		uint64_t got = 0;
		bool ok = sp_view_u64(sp_view_str(rows[i].text), &got);

		if (ok != rows[i].ok || (ok && got != rows[i].want))
			fail_msg("\"%s\": got %d %llu", rows[i].text, ok,
			    (unsigned long long)got);
	}
}

static void
test_cut_gives_head_and_rest(void **state)
{
	struct sp_view rest = sp_view_str("a,,b");

	(void)state;
	assert_true(sp_view_eq_str(sp_view_cut(&rest, ','), "a"));
	assert_true(sp_view_eq_str(sp_view_cut(&rest, ','), ""));
	assert_true(sp_view_eq_str(sp_view_cut(&rest, ','), "b"));
	assert_null(rest.p);
	assert_int_equal(sp_view_cut(&rest, ',').n, 0);
}

static void
test_a_buffer_holds_its_limit_and_not_one_more(void **state)
{
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(sp_buf_addc(&b, 'x'), SP_OK);
	assert_int_equal(sp_buf_addc(&b, 'x'), SP_ELIMIT);
	assert_int_equal(b.n, 100);
	assert_non_null(sp_buf_cstr(&b));
	assert_int_equal(strlen(b.p), 100);
	assert_int_equal(sp_buf_addf(&b, "%d", 1), SP_ELIMIT);
	assert_null(sp_buf_reserve(&b, SIZE_MAX));
	sp_buf_consume(&b, 99);
	assert_int_equal(b.n, 1);
	assert_int_equal(sp_buf_adds(&b, "yz"), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), "xyz");
	sp_buf_done(&b);
}

static void
test_base64_round_trips_and_takes_only_the_canonical_form(void **state)
{
	static const char *const bad[] = { "A", "AA", "AAA",
		"AB==", "AAB=", "A===", "====", "AA=A", "AAAA\n", " AAAA",
		"AA-_", "AAAA=" };
	uint8_t in[67], out[72];
	char text[100];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 37 + 11);
	for (size_t len = 0; len <= sizeof(in); len++) {
		sp_b64_encode(in, len, text);
		assert_int_equal(strlen(text), sp_b64_len(len));
		assert_true(sp_b64_decode(sp_view_str(text), out, &n));
		assert_int_equal(n, len);
		assert_memory_equal(in, out, len);
		assert_true(sp_b64_decode_exact(sp_view_str(text), out, len));
		assert_false(
		    sp_b64_decode_exact(sp_view_str(text), out, len + 1));
	}
	for (size_t i = 0; i < SP_COUNTOF(bad); i++) {
		if (sp_b64_decode(sp_view_str(bad[i]), out, &n))
			fail_msg("taken: %s", bad[i]);
	}
	/* RFC 4648 section 10 */
	sp_b64_encode("foobar", 6, text);
	assert_string_equal(text, "Zm9vYmFy");
	sp_b64_encode("fooba", 5, text);
	assert_string_equal(text, "Zm9vYmE=");
}

static void
test_integers_go_out_and_in_alike(void **state)
{
	uint8_t p[8];

	(void)state;
	sp_le64_put(p, UINT64_C(0x1122334455667788));
	assert_int_equal(p[0], 0x88);
	assert_int_equal(p[7], 0x11);
	assert_true(sp_le64_get(p) == UINT64_C(0x1122334455667788));
	sp_le32_put(p, 0xfedcba98);
	assert_true(sp_le32_get(p) == 0xfedcba98);
	sp_le16_put(p, 0xbeef);
	assert_int_equal(sp_le16_get(p), 0xbeef);
	sp_be16_put(p, 0xbeef);
	assert_int_equal(p[0], 0xbe);
	assert_int_equal(sp_be16_get(p), 0xbeef);
	sp_be32_put(p, 0xfedcba98);
	assert_int_equal(p[0], 0xfe);
	assert_true(sp_be32_get(p) == 0xfedcba98);
}

static void
test_an_error_stays_one_harmless_line(void **state)
{
	struct sp_err err;

	(void)state;
	assert_int_equal(
	    sp_err_set(&err, SP_EIO, ENOENT, "open %s", "a\x1b[2J"), SP_EIO);
	assert_string_equal(err.msg, "open a?[2J: No such file or directory");
	assert_int_equal(sp_err_prefix(&err, "segment %d", 7), SP_EIO);
	assert_string_equal(
	    err.msg, "segment 7: open a?[2J: No such file or directory");
	for (int i = 0; i < 200; i++)
		(void)sp_err_prefix(&err, "%s", "a rather long prefix");
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_non_null(strstr(err.msg, " ... "));
	(void)sp_err_set(&err, SP_EIO, ENOENT, "%0900d", 1);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_non_null(strstr(err.msg, " ... "));
	assert_int_equal(sp_err_exit_status(SP_OK), 0);
	assert_int_equal(sp_err_exit_status(SP_EMISMATCH), 1);
	assert_int_equal(sp_err_exit_status(SP_EIO), 2);
	assert_int_equal(sp_err_code_of_errno(EDQUOT), SP_ENOSPC);
}

static void
test_a_message_is_text_whatever_it_repeats(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "a\x1b[2J\x7f\t", "a?[2J??" },
		{ "\xc2\x9b[2J", "??[2J" }, /* CSI as a C1 control */
		{ "caf\xe9 \xff\xfe", "caf? ??" },
		{ "cut \xe4\xba", "cut ??" },
		{ "Stra\xc3\x9f"
		  "e \xe4\xba\xac \xf0\x9f\x93\xac",
		    "Stra\xc3\x9f"
		    "e \xe4\xba\xac \xf0\x9f\x93\xac" },
	};
	struct sp_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)sp_err_set(&err, SP_EIO, 0, "%s", rows[i].in);
		assert_string_equal(err.msg, rows[i].want);
	}
}

/* Paths of up to PATH_MAX bytes are in messages: what is wrong with them stands
 * behind. */
static void
test_a_long_path_does_not_cut_what_is_wrong(void **state)
{
	static const size_t lengths[] = { 1, 600, 740, 760, 766, 767, 768, 1000,
		4095, 20000 };
	struct sp_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *path = sp_xmalloc(lengths[i] + 1);

		/* two-byte characters, so that a cut may fall into one */
		for (size_t k = 0; k < lengths[i]; k++)
			path[k] = k + 1 == lengths[i] && k % 2 == 0 ? 'x'
				  : k % 2 == 0			    ? '\xc3'
								    : '\xa4';
		path[lengths[i]] = '\0';
		(void)sp_err_set(&err, SP_EIO, ENOENT, "cannot open %s", path);
		assert_true(strlen(err.msg) < SP_ERR_MAX);
		assert_true(sp_view_is_utf8(sp_view_str(err.msg)));
		assert_true(lengths[i] > 4095 || strchr(err.msg, '?') == NULL);
		assert_memory_equal(err.msg, "cannot open ", 12);
		if (lengths[i] <= 4095)
			assert_non_null(strstr(err.msg, ": No such file"));
		(void)sp_err_prefix(&err, "%s", path);
		assert_true(strlen(err.msg) < SP_ERR_MAX);
		if (lengths[i] <= 4095)
			assert_non_null(strstr(err.msg, ": No such file"));
		free(path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_is_text_whatever_it_repeats),
		cmocka_unit_test(test_a_long_path_does_not_cut_what_is_wrong),
		cmocka_unit_test(
		    test_utf8_is_told_from_what_only_looks_like_it),
		cmocka_unit_test(test_numbers_are_whole_and_do_not_overflow),
		cmocka_unit_test(test_cut_gives_head_and_rest),
		cmocka_unit_test(
		    test_a_buffer_holds_its_limit_and_not_one_more),
		cmocka_unit_test(
		    test_base64_round_trips_and_takes_only_the_canonical_form),
		cmocka_unit_test(test_integers_go_out_and_in_alike),
		cmocka_unit_test(test_an_error_stays_one_harmless_line),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
