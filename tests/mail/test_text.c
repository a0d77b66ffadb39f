/* HTML to text, and which bytes are text at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "index/mail/decode/html.h"
#include "index/mail/text.h"

static void
test_html_gives_the_text_that_people_see(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} rows[] = {
		{ "tags", "<p>Hello <b>Bob</b></p>", "Hello Bob\n" },
		{ "blanks run together", "a \n\t b", "a b" },
		{ "blocks", "<div>a</div><div>b</div>c<br>d", "a\nb\nc\nd" },
		{ "cells", "<tr><td>a</td><td>b</td></tr>", "a b\n" },
		{ "inline tags do not split words", "ex<b>am</b>ple",
		    "example" },
		{ "entities", "&lt;&amp;&gt; &uuml; &#252; &#xfc; &euro;",
		    "<&> \xc3\xbc \xc3\xbc \xc3\xbc \xe2\x82\xac" },
		{ "entity without semicolon", "&uuml x", "\xc3\xbc x" },
		{ "windows number", "&#128;", "\xe2\x82\xac" },
		{ "no entity", "AT&T & co &bogus; &#; &#x;",
		    "AT&T & co &bogus; &#; &#x;" },
		{ "impossible number", "&#99999999;&#xd800;&#0;",
		    "&#99999999;\xef\xbf\xbd\xef\xbf\xbd" },
		{ "soft hyphens", "ex&shy;am&#8203;ple", "example" },
		{ "script and style",
		    "a<script>if (x<y) "
		    "alert('</b>')</script><style>p{}</style>b",
		    "ab" },
		{ "comment", "a<!-- no -->b", "ab" },
		{ "comment never closed", "a<!-- shown", "a shown" },
		{ "doctype", "<!DOCTYPE html><?xml?>a", "a" },
		{ "not a tag", "1 < 2 <3 a<", "1 < 2 <3 a<" },
		{ "tag never closed", "a <b title", "a <b title" },
		{ "alternative text", "<img alt='a pic' src=x>", "a pic " },
		{ "link", "<a href=\"https://e.example/p?id=1#f\">go</a>",
		    "https://e.example/p go" },
		{ "data link", "<a href=\"data:text/plain,x\">go</a>", "go" },
		{ "greater-than in a value", "<a title=\"1>0\">x</a>",
		    "1>0 x" },
		{ "title", "<title>T</title><body>b", "T\nb" },
		{ "upper case", "<SCRIPT>x</SCRIPT><P>a", "a" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_buf b;

		sp_buf_init(&b, 1000);
		assert_true(sp_html_text(sp_view_str(rows[i].in), &b));
		if (strcmp(sp_buf_cstr(&b), rows[i].want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].name,
			    sp_buf_cstr(&b), rows[i].want);
		sp_buf_done(&b);
	}
}

static void
test_hostile_html_is_read_in_one_pass(void **state)
{
	static const char *const shapes[] = { "<", "<!--", "<a b=\"", "<a b='",
		"&", "&amp", "<script>", "</", "<!", "<div>", "<a a a ",
		"<script></", "&#1", "<a href=http://x>" };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(shapes); i++) {
		struct sp_buf in, out;

		sp_buf_init(&in, 2u << 20);
		sp_buf_init(&out, 1u << 20);
		while (sp_buf_adds(&in, shapes[i]) == SP_OK)
			;
		(void)sp_html_text(sp_buf_view(&in), &out);
		sp_buf_done(&in);
		sp_buf_done(&out);
	}
}

static void
test_parts_become_text(void **state)
{
	static const struct {
		const char *name, *type, *charset, *in;
		size_t n;
		const char *want;
	} rows[] = {
		{ "plain", "text/plain", "", "caf\xe9", 4, "caf\xc3\xa9\n" },
		{ "koi8-r", "text/plain", "koi8-r", "\xf0", 1, "\xd0\x9f\n" },
		{ "utf-16", "text/plain", "utf-16", "\xff\xfeh\0i\0", 6,
		    "hi\n" },
		{ "byte order mark", "text/plain", "iso-8859-1",
		    "\xef\xbb\xbf\xc3\xa4", 5, "\xc3\xa4\n" },
		{ "a few NULs", "text/plain", "", "a\0b", 3, "ab\n" },
		{ "binary", "text/plain", "",
		    "\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1", 24,
		    "" },
		{ "html", "text/html", "", "<p>a</p>", 8, "a\n" },
		{ "charset of the page", "text/html", "",
		    "<meta charset=koi8-r>\xf0", 22, "\xd0\x9f\n" },
		{ "hz", "text/plain", "hz-gb-2312", "~{VPND~}~~", 10,
		    "\xe4\xb8\xad\xe6\x96\x87~\n" },
		{ "nothing", "text/plain", "", "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_buf b;

		sp_buf_init(&b, 1000);
		(void)sp_text_part(sp_view_mem(rows[i].in, rows[i].n),
		    rows[i].type, sp_view_str(rows[i].charset), &b);
		if (strcmp(sp_buf_cstr(&b), rows[i].want) != 0)
			fail_msg(
			    "%s: got \"%s\"", rows[i].name, sp_buf_cstr(&b));
		sp_buf_done(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html_gives_the_text_that_people_see),
		cmocka_unit_test(test_hostile_html_is_read_in_one_pass),
		cmocka_unit_test(test_parts_become_text),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
