/* File names and other parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "index/mail/param.h"

static const struct {
	const char *name, *in, *want; /* NULL: none */
} names[] = {
	{ "quoted", "attachment; filename=\"a b.txt\"", "a b.txt" },
	{ "token", "attachment; filename=a.txt; size=3", "a.txt" },
	{ "blanks without quotes", "attachment; filename=a b.txt", "a b.txt" },
	{ "escapes", "attachment; filename=\"a\\\"b\\\\c.txt\"",
	    "a\"b\\c.txt" },
	{ "windows path", "attachment; filename=\"C:\\dir\\f.doc\"",
	    "C:\\dir\\f.doc" },
	{ "quotes inside", "x; filename=\"a \"b\" c.txt\"; y=1",
	    "a \"b\" c.txt" },
	{ "quote not closed", "x; filename=\"a.txt; size=1", "a.txt" },
	{ "semicolon inside", "x; filename=\"a;b.txt\"", "a;b.txt" },
	{ "semicolon lost", "x; filename=\"a.txt\" size=1", "a.txt" },
	{ "blanks around =", "x; filename = \"a.txt\"", "a.txt" },
	{ "folded", "x;\r\n\tfilename=\"a\r\n b.txt\"", "a b.txt" },
	{ "comments", "x; (c) filename=a.txt (d", "a.txt (d" },
	{ "case", "x; FileName=a.txt", "a.txt" },
	{ "first of two", "x; filename=a.txt; filename=b.exe", "a.txt" },
	{ "rfc 2231", "x; filename*=utf-8''%e2%82%ac%20x.txt",
	    "\xe2\x82\xac x.txt" },
	{ "rfc 2231, latin-1", "x; filename*=iso-8859-1'en'%A3.txt",
	    "\xc2\xa3.txt" },
	{ "rfc 2231 before plain",
	    "x; filename=a.txt; filename*=utf-8''%c3%a4.txt", "\xc3\xa4.txt" },
	{ "in sections", "x; filename*0=\"long \"; filename*1=\"name\"",
	    "long name" },
	{ "sections out of order",
	    "x; filename*1=b; filename*0=a; filename*2=c", "abc" },
	{ "section ten after nine",
	    "x; filename*10=k; filename*9=j; filename*0=a", "ajk" },
	{ "extended sections",
	    "x; filename*0*=utf-8''%e2%82; filename*1*=%ac; "
	    "filename*2=\"%41\"",
	    "\xe2\x82\xac%41" },
	{ "a repeated section", "x; filename*0=a; filename*0=b", "a" },
	{ "a missing section", "x; filename*0=a; filename*2=c", "ac" },
	{ "quotes around an extended value", "x; filename*=\"utf-8''%c3%a4\"",
	    "\xc3\xa4" },
	{ "no charset", "x; filename*=''%c3%a4", "\xc3\xa4" },
	{ "no quotes in it", "x; filename*=a%20b", "a b" },
	{ "star forgotten", "x; filename=\"UTF-8''na%20me\"", "na me" },
	{ "an apostrophe is no charset", "x; filename=\"it's''%41\"",
	    "it's''%41" },
	{ "broken percent", "x; filename*=utf-8''100%.%zz", "100%.%zz" },
	{ "encoded word", "x; filename=\"=?utf-8?B?w6QudHh0?=\"",
	    "\xc3\xa4.txt" },
	{ "encoded words in sections",
	    "x; filename*0=\"=?utf-8?Q?=C3=A4?=\"; filename*1=\".txt\"",
	    "\xc3\xa4.txt" },
	{ "encoded word without quotes",
	    "x; filename==?utf-8?Q?=C3=A4?=", "\xc3\xa4" },
	{ "raw utf-8", "x; filename=\"\xc3\xa4.txt\"", "\xc3\xa4.txt" },
	{ "raw latin-1", "x; filename=\"\xe4.txt\"", "\xc3\xa4.txt" },
	{ "path and bidi are kept", "x; filename=\"../a\xe2\x80\xae\"",
	    "../a\xe2\x80\xae" },
	{ "control characters", "x; filename*=utf-8''a%0Ab%1b", "a b" },
	{ "empty", "x; filename=\"\"", NULL },
	{ "empty, then one", "x; filename=\"\"; filename=a", "a" },
	{ "none", "attachment", NULL },
	{ "nothing", "", NULL },
};

static void
test_file_names_are_what_the_sender_saw(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		struct sp_mem *mem = sp_mem_new();
		struct sp_params p;
		struct sp_buf b;
		bool ok;

		sp_buf_init(&b, 1000);
		sp_param_parse(sp_view_str(names[i].in), mem, &p);
		ok = sp_param_text(&p, "filename", sp_view_str(NULL), &b);
		if (ok != (names[i].want != NULL) ||
		    (ok && strcmp(sp_buf_cstr(&b), names[i].want) != 0))
			fail_msg("%s: got \"%s\", want \"%s\"", names[i].name,
			    ok ? sp_buf_cstr(&b) : "(none)",
			    names[i].want == NULL ? "(none)" : names[i].want);
		sp_buf_done(&b);
		sp_mem_free(mem);
	}
}

static void
test_type_and_boundary_survive_sloppy_senders(void **state)
{
	static const struct {
		const char *in, *type, *boundary;
	} rows[] = {
		{ "Multipart/Mixed; boundary=\"a b\"", "multipart/mixed", "a" },
		{ "multipart/mixed; boundary=x", "multipart/mixed", "x" },
		{ "multipart/mixed;boundary=x y=z", "multipart/mixed", "x" },
		{ "multipart/mixed (c) ; BOUNDARY = \"x\"", "multipart/mixed",
		    "x" },
		{ "\"multipart/mixed\"; boundary=x", "multipart/mixed", "x" },
		{ "multipart/mixed, boundary=x", "multipart/mixed,", "x" },
		{ "multipart/mixed boundary=x", "multipart/mixed", "x" },
		{ "multipart/mixed; boundary*0=x", "multipart/mixed", "x" },
		{ "boundary=x", "", "x" },
		{ "; boundary=x", "", "x" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_mem *mem = sp_mem_new();
		struct sp_params p;
		struct sp_view b;

		sp_param_parse(sp_view_str(rows[i].in), mem, &p);
		b = sp_param_word(&p, "boundary");
		if (strcmp(p.token, rows[i].type) != 0 ||
		    !sp_view_eq_str(b, rows[i].boundary))
			fail_msg("%s: got %s, %.*s", rows[i].in, p.token,
			    (int)b.n, b.p);
		sp_mem_free(mem);
	}
}

static void
test_many_parameters_are_read_in_one_pass(void **state)
{
	static const char *const shapes[] = { "a=\"x;", "a=\"\"(", "a=1;",
		"filename*1*=a;", "(", "\\", "\"", "=", "a=\"b\" " };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(shapes); i++) {
		struct sp_mem *mem = sp_mem_new();
		struct sp_params p;
		struct sp_buf b, name;

		sp_buf_init(&b, 1u << 20);
		sp_buf_init(&name, 1u << 20);
		assert_int_equal(sp_buf_adds(&b, "text/plain;"), SP_OK);
		while (sp_buf_adds(&b, shapes[i]) == SP_OK)
			;
		sp_param_parse(sp_buf_view(&b), mem, &p);
		(void)sp_param_text(&p, "filename", sp_view_str(NULL), &name);
		sp_buf_done(&name);
		sp_buf_done(&b);
		sp_mem_free(mem);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_names_are_what_the_sender_saw),
		cmocka_unit_test(test_type_and_boundary_survive_sloppy_senders),
		cmocka_unit_test(test_many_parameters_are_read_in_one_pass),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
