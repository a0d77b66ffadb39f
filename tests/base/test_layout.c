/* Names of files, and FORMAT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/layout.h"

static void
test_intake_names_are_read_and_written_one_way(void **state)
{
	static const struct {
		const char *name;
		bool ok;
		uint64_t first;
		uint32_t id;
	} cases[] = {
		{ "000000018431-9f31c0de.log", true, 18431, 0x9f31c0de },
		{ "000000000000-00000000.log", true, 0, 0 },
		{ "1234567890123-00000001.log", true, 1234567890123, 1 },
		{ "0000000018431-9f31c0de.log", false, 0, 0 },
		{ "18431-9f31c0de.log", false, 0, 0 },
		{ "000000018431-9F31C0DE.log", false, 0, 0 },
		{ "000000018431-9f31c0d.log", false, 0, 0 },
		{ "000000018431-9f31c0dee.log", false, 0, 0 },
		{ "000000018431-9f31c0de.log.torn", false, 0, 0 },
		{ "000000018431-9f31c0de.lo", false, 0, 0 },
		{ "99999999999999999999-9f31c0de.log", false, 0, 0 },
		{ ".000000018431-9f31c0de.log.01234567.tmp", false, 0, 0 },
		{ "", false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(cases); i++) {
		struct sp_intake_name n;
		char again[64];

		if (sp_layout_parse_intake(cases[i].name, &n) != cases[i].ok)
			fail_msg("%s", cases[i].name);
		if (!cases[i].ok)
			continue;
		assert_true(n.first == cases[i].first && n.id == cases[i].id);
		sp_layout_intake_name(&n, again);
		assert_string_equal(again, cases[i].name);
	}
}

static void
test_segment_names_are_read_and_written_one_way(void **state)
{
	static const struct {
		const char *name;
		bool ok;
		struct sp_segment_name want;
	} cases[] = {
		{ "000000000000-000000018430.tar.zst", true, { 0, 18430, 0 } },
		{ "000000000007-000000000007.r1.tar.zst", true, { 7, 7, 1 } },
		{ "000000000007-1000000000000.r12.tar.zst", true,
		    { 7, 1000000000000, 12 } },
		{ "000000000008-000000000007.tar.zst", false, { 0, 0, 0 } },
		{ "000000000007-000000000007.r0.tar.zst", false, { 0, 0, 0 } },
		{ "000000000007-000000000007.r01.tar.zst", false, { 0, 0, 0 } },
		{ "000000000007-000000000007.r.tar.zst", false, { 0, 0, 0 } },
		{ "000000000007-000000000007.r1", false, { 0, 0, 0 } },
		{ "000000000007-000000000007.r9999999999.tar.zst", false,
		    { 0, 0, 0 } },
		{ "000000000007-000000000007.tar.zst.p7s", false, { 0, 0, 0 } },
		{ "000000000007-7.tar.zst", false, { 0, 0, 0 } },
		{ "000000000007.tar.zst", false, { 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(cases); i++) {
		struct sp_segment_name n;
		char again[96];

		if (sp_layout_parse_segment(cases[i].name, &n) != cases[i].ok)
			fail_msg("%s", cases[i].name);
		if (!cases[i].ok)
			continue;
		assert_true(n.first == cases[i].want.first &&
			    n.last == cases[i].want.last &&
			    n.revision == cases[i].want.revision);
		sp_layout_segment_name(&n, again);
		assert_string_equal(again, cases[i].name);
	}
}

static void
test_tile_paths_are_those_of_tlog_tiles(void **state)
{
	static const struct {
		int level;
		uint64_t n;
		const char *want;
	} cases[] = {
		{ 0, 0, "tile/0/000" },
		{ 0, 999, "tile/0/999" },
		{ 0, 1000, "tile/0/x001/000" },
		{ 0, 1234067, "tile/0/x001/x234/067" },
		{ 6, 5, "tile/6/005" },
		{ -1, 70000, "tile/entries/x070/000" },
		{ -1, UINT64_C(18446744073709551615),
		    "tile/entries/x018/x446/x744/x073/x709/x551/615" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(cases); i++) {
		char path[128];

		sp_layout_tile_path(cases[i].level, cases[i].n, path);
		assert_string_equal(path, cases[i].want);
	}
}

static void
test_an_origin_is_printable_ascii_without_blank_and_plus(void **state)
{
	char longest[SP_ORIGIN_MAX + 2];

	(void)state;
	assert_true(sp_layout_origin_ok("archive1.corp.example/journal"));
	assert_true(sp_layout_origin_ok("x"));
	assert_false(sp_layout_origin_ok(""));
	assert_false(sp_layout_origin_ok("a b"));
	assert_false(sp_layout_origin_ok("a+b"));
	assert_false(sp_layout_origin_ok("a\nb"));
	assert_false(sp_layout_origin_ok("caf\xc3\xa9"));
	memset(longest, 'a', sizeof(longest));
	longest[SP_ORIGIN_MAX] = '\0';
	assert_true(sp_layout_origin_ok(longest));
	longest[SP_ORIGIN_MAX] = 'a';
	longest[SP_ORIGIN_MAX + 1] = '\0';
	assert_false(sp_layout_origin_ok(longest));
}

static void
test_format_says_what_it_is_or_why_it_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum sp_code want;
		const char *says;
	} cases[] = {
		{ "sealpost archive 1\na.example/x\n", SP_OK, "" },
		{ "sealpost archive 2\na.example/x\n", SP_EVERSION, "newer" },
		{ "sealpost archive 10\nwhatever", SP_EVERSION, "format 10" },
		{ "sealpost archive 1\n", SP_EFORMAT, "origin" },
		{ "sealpost archive 1\na.example/x", SP_EFORMAT, "origin" },
		{ "sealpost archive 1\na b\n", SP_EFORMAT, "origin" },
		{ "sealpost archive 1\na.example/x\n\n", SP_EFORMAT, "origin" },
		{ "sealpost archive 01\na.example/x\n", SP_EFORMAT, "number" },
		{ "sealpost archive \na.example/x\n", SP_EFORMAT, "number" },
		{ "something else\n", SP_EFORMAT, "does not begin" },
		{ "", SP_EFORMAT, "does not begin" },
	};
	char dir[] = "/tmp/sp-layout-XXXXXX", origin[SP_ORIGIN_MAX + 1];
	struct sp_err err;
	char *path;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = sp_layout_path(dir, "FORMAT");
	assert_int_equal(
	    SP_ENOTFOUND, sp_layout_read_format(dir, origin, &err));
	assert_non_null(strstr(err.msg, "sealpost init"));
	for (size_t i = 0; i < SP_COUNTOF(cases); i++) {
		enum sp_code rc;

		assert_int_equal(SP_OK, sp_io_replace(path, cases[i].text,
					    strlen(cases[i].text), 0600, &err));
		rc = sp_layout_read_format(dir, origin, &err);
		if (rc != cases[i].want)
			fail_msg("%s: got %s", cases[i].text, sp_err_name(rc));
		if (rc != SP_OK && strstr(err.msg, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].text, err.msg);
	}
	assert_int_equal(SP_OK, sp_io_unlink(path, &err));
	assert_int_equal(
	    SP_OK, sp_layout_write_format(dir, "b.example/y", &err));
	assert_int_equal(SP_OK, sp_layout_read_format(dir, origin, &err));
	assert_string_equal(origin, "b.example/y");
	assert_int_equal(
	    SP_EUSAGE, sp_layout_write_format(dir, "b example", &err));
	assert_int_equal(SP_OK, sp_io_unlink(path, &err));
	assert_int_equal(0, rmdir(dir));
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_intake_names_are_read_and_written_one_way),
		cmocka_unit_test(
		    test_segment_names_are_read_and_written_one_way),
		cmocka_unit_test(test_tile_paths_are_those_of_tlog_tiles),
		cmocka_unit_test(
		    test_an_origin_is_printable_ascii_without_blank_and_plus),
		cmocka_unit_test(
		    test_format_says_what_it_is_or_why_it_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
