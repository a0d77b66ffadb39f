/*
 * The parsers of a bag's text files (journal/verify/bag_format.c): which names,
 * labels, manifest lines, proofs and omitted lines are accepted, and which are
 * refused, in tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "journal/verify/bag_format.h"

static void
test_only_plain_names_may_occur_in_a_bag(void **state)
{
	static const struct {
		const char *name;
		bool want;
	} t[] = {
		{ "bagit.txt", true },
		{ "data/messages/000000000012.eml", true },
		{ "data/A-b_c.9/x", true },
		{ "", false },
		{ "/etc/passwd", false },
		{ "../x", false },
		{ "data/../../x", false },
		{ "data/./x", false },
		{ "data//x", false },
		{ "data/", false },
		{ ".hidden", false },
		{ "data/.hidden", false },
		{ "data/a b", false },
		{ "data/a\\b", false },
		{ "data/a:b", false },
		{ "data/a%0Ab", false },
		{ "data/a\nb", false },
		{ "data/\xc3\xa4", false },
	};
	char longest[SP_BAG_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++)
		if (sp_bag_name_ok(sp_view_str(t[i].name)) != t[i].want)
			fail_msg("\"%s\": want %d", t[i].name, t[i].want);
	memset(longest, 'a', sizeof(longest));
	assert_true(
	    sp_bag_name_ok((struct sp_view){ longest, SP_BAG_NAME_MAX }));
	assert_false(
	    sp_bag_name_ok((struct sp_view){ longest, SP_BAG_NAME_MAX + 1 }));
}

static void
test_a_message_has_one_name_only(void **state)
{
	static const struct {
		const char *name;
		bool want;
		uint64_t seq;
	} t[] = {
		{ "data/messages/000000000000.eml", true, 0 },
		{ "data/messages/000000018431.eml", true, 18431 },
		{ "data/messages/1234567890123.eml", true, 1234567890123 },
		{ "data/messages/0234567890123.eml", false, 0 },
		{ "data/messages/00000018431.eml", false, 0 },
		{ "data/messages/9007199254740992.eml", false, 0 },
		{ "data/messages/99999999999999999999.eml", false, 0 },
		{ "data/messages/00000001843x.eml", false, 0 },
		{ "data/messages/+00000018431.eml", false, 0 },
		{ "data/messages/000000018431.EML", false, 0 },
		{ "data/messages/a/000000018431.eml", false, 0 },
		{ "data/messages/.eml", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		uint64_t seq = 0;
		bool got = sp_bag_message_name(sp_view_str(t[i].name), &seq);

		if (got != t[i].want || (got && seq != t[i].seq))
			fail_msg("%s: got %d", t[i].name, got);
	}
}

static void
test_an_omitted_line_has_one_form_only(void **state)
{
	static const struct {
		const char *line;
		bool want;
		uint64_t seq, event;
	} t[] = {
		{ "{\"seq\":17,\"reason\":\"event\"}", true, 17, 0 },
		{ "{\"seq\":0,\"reason\":\"filtered\"}", true, 0, 0 },
		{ "{\"seq\":1,\"reason\":\"purged\",\"event\":9}", true, 1, 9 },
		{ "{\"seq\":1,\"reason\":\"erased\",\"event\":9}", true, 1, 9 },
		{ "{\"seq\":1,\"reason\":\"purged\"}", false, 0, 0 },
		{ "{\"seq\":1,\"reason\":\"event\",\"event\":9}", false, 0, 0 },
		{ "{\"seq\":01,\"reason\":\"event\"}", false, 0, 0 },
		{ "{\"seq\":-1,\"reason\":\"event\"}", false, 0, 0 },
		{ "{\"seq\":1.0,\"reason\":\"event\"}", false, 0, 0 },
		{ "{\"seq\":,\"reason\":\"event\"}", false, 0, 0 },
		{ "{\"seq\":1,\"reason\":\"lost\"}", false, 0, 0 },
		{ "{\"seq\":1,\"reason\":\"\"}", false, 0, 0 },
		{ "{\"reason\":\"event\",\"seq\":1}", false, 0, 0 },
		{ "{\"seq\": 1,\"reason\":\"event\"}", false, 0, 0 },
		{ "{\"seq\":1,\"reason\":\"event\"} ", false, 0, 0 },
		{ "{\"seq\":1,\"reason\":\"event\"", false, 0, 0 },
		{ "", false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		struct sp_bag_omitted o = { 0 };
		bool got = sp_bag_omitted_parse(sp_view_str(t[i].line), &o);

		if (got != t[i].want ||
		    (got && (o.seq != t[i].seq || o.event != t[i].event)))
			fail_msg("%s: got %d", t[i].line, got);
	}
}

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void
test_a_range_proof_has_one_form_only(void **state)
{
	static const char head[] = "sealpost/range-proof/v1\n";
	static const struct {
		const char *rest;
		bool want;
		size_t left, right;
	} t[] = {
		{ "0\n1\n1\n\n\n", true, 0, 0 },
		{ "3\n5\n9\n\n" HASH "\n" HASH "\n\n" HASH "\n", true, 2, 1 },
		{ "0\n1\n1\n\n", false, 0, 0 },
		{ "0\n1\n1\n\n\n\n", false, 0, 0 },
		{ "1\n1\n1\n\n\n", false, 0, 0 },
		{ "0\n2\n1\n\n\n", false, 0, 0 },
		{ "00\n1\n1\n\n\n", false, 0, 0 },
		{ "0\n1\n9007199254740992\n\n\n", false, 0, 0 },
		{ "0\n1\n1\n\n" HASH "=\n\n", false, 0, 0 },
		{ "0\n1\n1\n\n" HASH, false, 0, 0 },
		{ "0\n1\n1\n\nAAAA\n\n", false, 0, 0 },
		{ "", false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		struct sp_bag_range r;
		struct sp_err err;
		char text[512];
		bool got;

		(void)snprintf(text, sizeof(text), "%s%s", head, t[i].rest);
		got = sp_bag_range_parse(sp_view_str(text), &r, &err) == SP_OK;
		if (got != t[i].want ||
		    (got && (r.left.n != t[i].left || r.right.n != t[i].right)))
			fail_msg("%s: got %d", t[i].rest, got);
	}
}

static void
test_a_proof_has_no_more_hashes_than_a_tree_has_levels(void **state)
{
	for (size_t n = SP_PROOF_MAX; n <= SP_PROOF_MAX + 1; n++) {
		struct sp_bag_consistency c;
		struct sp_err err;
		struct sp_buf b;

		sp_buf_init(&b, 1u << 16);
		assert_int_equal(
		    sp_buf_adds(&b, "sealpost/consistency/v1\n1\n2\n\n"),
		    SP_OK);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(sp_buf_adds(&b, HASH "\n"), SP_OK);
		assert_int_equal(
		    sp_bag_consistency_parse(sp_buf_view(&b), &c, &err),
		    n <= SP_PROOF_MAX ? SP_OK : SP_EFORMAT);
		sp_buf_done(&b);
	}
	(void)state;
}

/* A good bag-info.txt with one label's line replaced. */
static enum sp_code
info(const char *label, const char *value, struct sp_bag_info *out)
{
	static const char *const good[][2] = {
		{ "Bag-Software-Agent", "sealpost 0.1.0" },
		{ "Payload-Oxum", "12.3" },
		{ "Sealpost-Bag", "1" },
		{ "Sealpost-Origin", "a.example/x" },
		{ "Sealpost-Event", "9" },
		{ "Sealpost-Tree-Size", "10" },
		{ "Sealpost-Run", "2-8" },
		{ "Sealpost-Range-By", "received" },
		{ "Sealpost-Range-Since", "2026-01-01T00:00:00.000000Z" },
		{ "Sealpost-Range-Until", "-" },
		{ "Sealpost-Query", "" },
		{ "Sealpost-Given", "5" },
		{ "Sealpost-Verdict", "COMPLETE" },
	};
	static struct sp_buf b;
	struct sp_err err;

	sp_buf_done(&b);
	sp_buf_init(&b, 1u << 16);
	for (size_t i = 0; i < SP_COUNTOF(good); i++) {
		bool hit = strcmp(label, good[i][0]) == 0;

		if (hit && value == NULL)
			continue;
		assert_int_equal(sp_buf_addf(&b, "%s: %s\n", good[i][0],
				     hit ? value : good[i][1]),
		    SP_OK);
	}
	return (sp_bag_info_parse(sp_buf_view(&b), out, &err));
}

static void
test_bag_info_says_all_or_is_refused(void **state)
{
	static const struct {
		const char *label, *value;
		enum sp_code want;
	} t[] = {
		{ "", "", SP_OK },
		{ "Bag-Software-Agent", NULL, SP_OK },
		{ "Sealpost-Query", "invoice -draft", SP_OK },
		{ "Sealpost-Run", "0-0", SP_OK },
		{ "Sealpost-Run", "9-9", SP_OK },
		{ "Sealpost-Range-By", "date", SP_OK },
		{ "Sealpost-Bag", "2", SP_EVERSION },
		{ "Sealpost-Bag", "x", SP_EFORMAT },
		{ "Sealpost-Bag", NULL, SP_EFORMAT },
		{ "Sealpost-Origin", "", SP_EFORMAT },
		{ "Sealpost-Origin", "a b", SP_EFORMAT },
		{ "Sealpost-Event", "10", SP_EFORMAT },
		{ "Sealpost-Tree-Size", "-1", SP_EFORMAT },
		{ "Sealpost-Run", "8-2", SP_EFORMAT },
		{ "Sealpost-Run", "2-10", SP_EFORMAT },
		{ "Sealpost-Run", "2", SP_EFORMAT },
		{ "Sealpost-Range-By", "size", SP_EFORMAT },
		{ "Sealpost-Range-Since", "2026", SP_EFORMAT },
		{ "Sealpost-Range-Until", "", SP_EFORMAT },
		{ "Sealpost-Verdict", "complete", SP_EFORMAT },
		{ "Payload-Oxum", "12", SP_EFORMAT },
		{ "Payload-Oxum", "1.2\nPayload-Oxum: 1.2", SP_EFORMAT },
		{ "Sealpost-Given", "5\nno label", SP_EFORMAT },
		{ "Sealpost-Given", "5\n: 5", SP_EFORMAT },
	};
	struct sp_bag_info i;

	(void)state;
	for (size_t k = 0; k < SP_COUNTOF(t); k++) {
		enum sp_code got = info(t[k].label, t[k].value, &i);

		if (got != t[k].want)
			fail_msg("%s: %s: got %s", t[k].label,
			    t[k].value == NULL ? "(none)" : t[k].value,
			    sp_err_name(got));
	}
	assert_int_equal(info("", "", &i), SP_OK);
	assert_string_equal(i.origin, "a.example/x");
	assert_true(i.have_since && !i.have_until && i.complete);
	assert_int_equal(i.first, 2);
	assert_int_equal(i.end, 8);
	assert_int_equal(i.oxum_bytes, 12);
}

static void
test_a_manifest_line_is_what_sha256sum_writes(void **state)
{
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	static const struct {
		const char *line;
		bool want;
	} t[] = {
		{ HEX "  data/x", true },
		{ HEX " data/x", false },
		{ HEX " *data/x", false },
		{ HEX "   data/x", false },
		{ HEX "  ", false },
		{ HEX, false },
		{ HEX "  ../x", false },
		{ "E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
		  "7852b855  data/x",
		    false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		uint8_t sha[SP_SHA256_LEN];
		struct sp_view path;

		if (sp_bag_manifest_line(sp_view_str(t[i].line), sha, &path) !=
		    t[i].want)
			fail_msg("\"%s\"", t[i].line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_plain_names_may_occur_in_a_bag),
		cmocka_unit_test(test_a_message_has_one_name_only),
		cmocka_unit_test(test_an_omitted_line_has_one_form_only),
		cmocka_unit_test(test_a_range_proof_has_one_form_only),
		cmocka_unit_test(
		    test_a_proof_has_no_more_hashes_than_a_tree_has_levels),
		cmocka_unit_test(test_bag_info_says_all_or_is_refused),
		cmocka_unit_test(test_a_manifest_line_is_what_sha256sum_writes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
