/* base/pattern.h and base/xtext.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pattern.h"
#include "base/xtext.h"

#define JOURNAL "journal+{local}={domain}@archive.example"

static void
test_a_pattern_has_one_form(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ JOURNAL, true },
		{ "{local}={domain}@archive.example", true },
		{ "j-{local}=at={domain}@a.example", true },
		/* could stand in a domain */
		{ "j-{local}--at--{domain}@a.example", false },
		{ "j-{local}.{domain}@a.example", false },
		{ "j-{local}_{domain}@a.example", false },
		{ "j-{local}\xc3\xa4{domain}@a.example", false },
		{ "journal+{local}={domain}", false },
		{ "journal+{local}={domain}@", false },
		{ "journal+{local}{domain}@archive.example", false },
		{ "journal+{domain}={local}@archive.example", false },
		{ "journal+{local}@archive.example", false },
		{ "journal+{local}={domain}.x@archive.example", false },
		{ "journal+{user}={domain}@archive.example", false },
		{ "journal+{local}={domain}@{host}", false },
		{ "{local}+{local}={domain}@archive.example", false },
		{ "a@b{local}={domain}@archive.example", false },
		{ "a b{local}={domain}@archive.example", false },
		{ "journal+{local={domain}@archive.example", false },
		{ "}", false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_pattern p;

		assert_true(sp_pattern_is(rows[i].text));
		if (sp_pattern_parse(rows[i].text, &p) != rows[i].ok)
			fail_msg("%s", rows[i].text);
	}
	assert_false(sp_pattern_is("journal+bob=corp@archive.example"));
}

static const struct {
	const char *pattern, *addr, *want;
} originals[] = {
	{ JOURNAL, "journal+bob=corp.example@archive.example",
	    "bob@corp.example" },
	{ JOURNAL, "Journal+Bob.Roe+x=Corp.Example@ARCHIVE.example",
	    "Bob.Roe+x@Corp.Example" },
	/* VERP: the last one splits. */
	{ JOURNAL, "journal+list-bob=x.example=corp.example@archive.example",
	    "list-bob=x.example@corp.example" },
	{ JOURNAL, "\"journal+a b=corp.example\"@archive.example",
	    "\"a b\"@corp.example" },
	{ JOURNAL, "\"journal+a\\\"\\\\@b=corp.example\"@archive.example",
	    "\"a\\\"\\\\@b\"@corp.example" },
	/* What Postfix makes of "a b"@corp.example. */
	{ JOURNAL, "\"journal+\\\"a b\\\"=corp.example\"@archive.example",
	    "\"a b\"@corp.example" },
	{ JOURNAL, "\"journal+\\\"a\\\\\\\"=x.example\"@archive.example",
	    "\"\\\"a\\\\\\\"\"@x.example" },
	{ JOURNAL, "\"journal+bob=corp.example\"@archive.example",
	    "bob@corp.example" },
	{ JOURNAL, "journal+.bob=corp.example@archive.example",
	    "\".bob\"@corp.example" },
	{ JOURNAL, "journal+bob=[192.0.2.1]@archive.example",
	    "bob@[192.0.2.1]" },
	{ JOURNAL,
	    "journal+b\xc3\xb6"
	    "b=k\xc3\xb6ln.example@archive.example",
	    "b\xc3\xb6"
	    "b@k\xc3\xb6ln.example" },
	{ JOURNAL, "journal+bob=corp.example@other.example", NULL },
	{ JOURNAL, "journal@archive.example", NULL },
	{ JOURNAL, "journal+bob@archive.example", NULL },
	{ JOURNAL, "journal+=corp.example@archive.example", NULL },
	{ JOURNAL, "journal+bob=@archive.example", NULL },
	{ JOURNAL, "journal+=@archive.example", NULL },
	{ JOURNAL, "other+bob=corp.example@archive.example", NULL },
	{ JOURNAL, "journal+bob=corp.example", NULL },
	{ JOURNAL, "\"journal+bob=a b\"@archive.example", NULL },
	{ JOURNAL, "", NULL },
	{ "{local}={domain}@a.example", "bob=c.example@a.example",
	    "bob@c.example" },
	{ "j-{local}=={domain}@a.example", "j-bob===x==c.example@a.example",
	    "bob===x@c.example" },
	{ "j-{local}=={domain}@a.example", "j-bob=c.example@a.example", NULL },
};

static void
test_the_original_recipient_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(originals); i++) {
		const char *want = originals[i].want;
		struct sp_pattern p;
		struct sp_buf out;
		bool ok;

		sp_buf_init(&out, 4096);
		assert_true(sp_pattern_parse(originals[i].pattern, &p));
		assert_int_equal(sp_buf_adds(&out, "<"), SP_OK);
		ok =
		    sp_pattern_decode(&p, sp_view_str(originals[i].addr), &out);
		if (ok != (want != NULL) ||
		    !sp_view_eq_str(
			sp_view_mem(out.p + 1, out.n - 1), ok ? want : ""))
			fail_msg("%s: got %.*s", originals[i].addr, (int)out.n,
			    out.p);
		sp_buf_done(&out);
	}
}

static void
test_a_pattern_takes_an_address_cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(originals); i++) {
		size_t all = strlen(originals[i].addr);
		struct sp_pattern p;

		assert_true(sp_pattern_parse(originals[i].pattern, &p));
		for (size_t n = 0; n <= all; n++) {
			char *cut = sp_xmalloc(n + 1);
			struct sp_buf out;

			memcpy(cut, originals[i].addr, n);
			sp_buf_init(&out, n);
			(void)sp_pattern_decode(&p, sp_view_mem(cut, n), &out);
			sp_buf_done(&out);
			free(cut);
		}
	}
}

static void
test_xtext_is_decoded_exactly(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "bob@corp.example", "bob@corp.example" },
		{ "a+2Bb+3Dc", "a+b=c" },
		{ "+20", " " },
		{ "", "" },
		{ "a+2b", NULL },
		{ "a+2", NULL },
		{ "a=b", NULL },
		{ "a b", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_view in = sp_view_str(rows[i].in);
		char out[64];
		size_t n = 0;
		bool ok = sp_xtext_decode(in, out, &n);

		assert_int_equal(ok, rows[i].want != NULL);
		assert_int_equal(sp_xtext_ok(in), ok);
		if (ok)
			assert_true(
			    sp_view_eq_str(sp_view_mem(out, n), rows[i].want));
	}
}

static void
test_orcpt_gives_the_first_address(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "ORCPT=rfc822;bob@corp.example", "bob@corp.example" },
		{ "orcpt=RFC822;bob+2Bx@corp.example", "bob+x@corp.example" },
		{ "ORCPT=utf-8;b\\x{F6}b@k\\x{F6}ln.example",
		    "b\xc3\xb6"
		    "b@k\xc3\xb6ln.example" },
		{ "ORCPT=utf-8;b\xc3\xb6"
		  "b@x",
		    "b\xc3\xb6"
		    "b@x" },
		{ "ORCPT=utf-8;\\x{1F600}\\x{20AC}\\x{2B}@x",
		    "\xf0\x9f\x98\x80\xe2\x82\xac+@x" },
		{ "ORCPT=utf-8;a\\x{D800}", NULL },
		{ "ORCPT=utf-8;a\\x{110000}", NULL },
		{ "ORCPT=utf-8;a\\x{0}", NULL },
		{ "ORCPT=utf-8;a\\x{}", NULL },
		{ "ORCPT=utf-8;a\\x{41", NULL },
		{ "ORCPT=utf-8;a\\", NULL },
		{ "ORCPT=rfc822;", NULL },
		{ "ORCPT=rfc822", NULL },
		{ "ORCPT=rfc822;a+2", NULL },
		{ "ORCPT=x400;/C=de", NULL },
		{ "NOTIFY=NEVER", NULL },
		{ "ORCPT", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		const char *want = rows[i].want;
		struct sp_buf out;
		bool ok;

		sp_buf_init(&out, 4096);
		ok = sp_xtext_orcpt(sp_view_str(rows[i].in), &out);
		if (ok != (want != NULL) ||
		    !sp_view_eq_str(sp_buf_view(&out), ok ? want : ""))
			fail_msg("%s: got %.*s", rows[i].in, (int)out.n,
			    out.p == NULL ? "" : out.p);
		sp_buf_done(&out);
		for (size_t n = 0; n <= strlen(rows[i].in); n++) {
			char *cut = sp_xmalloc(n + 1);

			memcpy(cut, rows[i].in, n);
			sp_buf_init(&out, 8);
			(void)sp_xtext_orcpt(sp_view_mem(cut, n), &out);
			sp_buf_done(&out);
			free(cut);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pattern_has_one_form),
		cmocka_unit_test(test_the_original_recipient_is_found),
		cmocka_unit_test(
		    test_a_pattern_takes_an_address_cut_at_every_byte),
		cmocka_unit_test(test_xtext_is_decoded_exactly),
		cmocka_unit_test(test_orcpt_gives_the_first_address),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
