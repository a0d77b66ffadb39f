/* Header fields, encoded words, character sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "index/mail/decode/charset.h"
#include "index/mail/header.h"
#include "index/mail/decode/words.h"

static const struct {
	const char *name, *in, *want;
} words[] = {
	{ "plain", "Quarterly plan", "Quarterly plan" },
	{ "q", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
	    "Gr\xc3\xbc\xc3\x9f"
	    "e" },
	{ "underscore", "=?utf-8?q?a_b?=", "a b" },
	{ "lower-case hex", "=?utf-8?q?=c3=a4?=", "\xc3\xa4" },
	{ "b", "=?UTF-8?B?4pyT?=", "\xe2\x9c\x93" },
	{ "blanks between words vanish", "=?utf-8?q?a?= =?utf-8?q?b?=", "ab" },
	{ "blanks beside text stay", "x =?utf-8?q?a?= y", "x a y" },
	{ "a character split over two words",
	    "=?utf-8?B?4pw=?= =?utf-8?B?kw==?=", "\xe2\x9c\x93" },
	{ "a quantum split over two words",
	    "=?utf-8?B?4py?= =?utf-8?B?T?=", "\xe2\x9c\x93" },
	{ "split over two words in q",
	    "=?utf-8?q?=C3?=\t=?UTF-8?q?=A4?=", "\xc3\xa4" },
	{ "language", "=?utf-8*de?q?=C3=A4?=", "\xc3\xa4" },
	{ "blanks inside", "=?utf-8?q?a b?=", "a b" },
	{ "never closed", "Re: =?utf-8?q?abc", "Re: abc" },
	{ "closed by the next word", "=?utf-8?q?ab =?utf-8?q?cd?=", "abcd" },
	{ "glued to text", "x=?utf-8?q?a?=y", "xay" },
	{ "question mark inside", "=?utf-8?q?why?=20now?=", "why? now" },
	{ "not a word", "1 =? 2 ?= 3", "1 =? 2 ?= 3" },
	{ "broken q", "=?utf-8?q?100=%?=", "100=%" },
	{ "unknown charset", "=?x-none?q?=C3=A4?=", "\xc3\xa4" },
	{ "empty",
	    "a =?utf-8?q?"
	    "?= b",
	    "a  b" },
	{ "control characters", "=?utf-8?q?a=0D=0Ab=1B?=", "a  b " },
	{ "iso-2022-jp",
	    "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac" },
	{ "gb2312", "=?gb2312?B?1tDOxA==?=", "\xe4\xb8\xad\xe6\x96\x87" },
	{ "koi8-r", "=?koi8-r?Q?=F0?=", "\xd0\x9f" },
	{ "big5", "=?big5?B?pKSk5Q==?=", "\xe4\xb8\xad\xe6\x96\x87" },
	{ "ks_c_5601-1987",
	    "=?ks_c_5601-1987?B?x9GxuQ==?=", "\xed\x95\x9c\xea\xb5\xad" },
	{ "shift_jis", "=?shift_jis?B?k/qWew==?=", "\xe6\x97\xa5\xe6\x9c\xac" },
	{ "euc-jp", "=?euc-jp?B?xvzL3A==?=", "\xe6\x97\xa5\xe6\x9c\xac" },
	{ "windows-1255", "=?windows-1255?Q?=F9?=", "\xd7\xa9" },
	{ "iso-8859-8-i", "=?iso-8859-8-i?Q?=F9?=", "\xd7\xa9" },
	{ "iso-8859-1 is windows-1252",
	    "=?iso-8859-1?Q?=80?=", "\xe2\x82\xac" },
	{ "windows-1251", "=?windows-1251?Q?=CF?=", "\xd0\x9f" },
	{ "utf-7", "=?utf-7?Q?+AOk-?=", "\xc3\xa9" },
	{ "claims utf-8 and is not", "=?utf-8?Q?Caf=E9?=", "Caf\xc3\xa9" },
	{ "raw utf-8",
	    "Gr\xc3\xbc\xc3\x9f"
	    "e",
	    "Gr\xc3\xbc\xc3\x9f"
	    "e" },
	{ "raw latin-1", "Caf\xe9 \x80", "Caf\xc3\xa9 \xe2\x82\xac" },
	{ "raw beside a word", "\xe9 =?utf-8?q?a?=", "\xc3\xa9 a" },
	{ "raw euc-jp", "\xc6\xfc\xcb\xdc\xa4\xce\xa5\xc6\xa5\xb9",
	    "\xe6\x97\xa5\xe6\x9c\xac\xe3\x81\xae\xe3\x83\x86\xe3\x82"
	    "\xb9" },
	{ "raw windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2",
	    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
	{ "raw koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4",
	    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
	{ "raw iso-2022-jp", "\x1b$BF|K\\\x1b(B", "\xe6\x97\xa5\xe6\x9c\xac" },
};

static void
test_encoded_words_are_read_as_they_were_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(words); i++) {
		struct sp_buf b;

		sp_buf_init(&b, 1000);
		(void)sp_words_decode(
		    sp_view_str(words[i].in), sp_view_str(NULL), &b);
		if (strcmp(b.n == 0 ? "" : sp_buf_cstr(&b), words[i].want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", words[i].name,
			    sp_buf_cstr(&b), words[i].want);
		sp_buf_done(&b);
	}
}

static void
test_raw_bytes_are_read_in_the_charset_of_the_body(void **state)
{
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 100);
	(void)sp_words_decode(
	    SP_VIEW_LIT("\xf9"), SP_VIEW_LIT("windows-1255"), &b);
	assert_string_equal(sp_buf_cstr(&b), "\xd7\xa9");
	sp_buf_done(&b);
}

static void
test_text_is_cut_between_characters(void **state)
{
	struct sp_buf b;

	(void)state;
	for (size_t max = 0; max < 8; max++) {
		sp_buf_init(&b, max);
		(void)sp_charset_decode(SP_VIEW_LIT("a\xe4\xe4\xe4\xe4"),
		    SP_VIEW_LIT("iso-8859-15"), sp_view_str(NULL), &b);
		assert_int_equal(b.n, max == 0 ? 0 : max - (max + 1) % 2);
		sp_buf_done(&b);
	}
}

static void
test_only_listed_charsets_reach_iconv(void **state)
{
	(void)state;
	assert_true(sp_charset_known(SP_VIEW_LIT("UTF_8")));
	assert_true(sp_charset_known(SP_VIEW_LIT("\"iso-8859-15\"")));
	assert_false(sp_charset_known(SP_VIEW_LIT("ISO-2022-CN-EXT")));
	assert_false(sp_charset_known(SP_VIEW_LIT("UTF-8//TRANSLIT")));
	assert_false(sp_charset_known(SP_VIEW_LIT("")));
}

/* "name=value|name=value|body" */
static void
flatten(struct sp_view msg, struct sp_buf *b)
{
	struct sp_header fs;
	struct sp_field f;

	sp_header_init(&fs, msg, true);
	while (sp_header_next(&fs, &f)) {
		assert_int_equal(sp_buf_addv(b, f.name), SP_OK);
		assert_int_equal(sp_buf_addc(b, '='), SP_OK);
		sp_header_unfold(f.value, b);
		assert_int_equal(sp_buf_addc(b, '|'), SP_OK);
	}
	assert_int_equal(sp_buf_add(b, msg.p + fs.pos, msg.n - fs.pos), SP_OK);
}

static void
test_the_header_ends_where_readers_see_its_end(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} rows[] = {
		{ "crlf", "A: 1\r\nB: 2\r\n\r\nx", "A=1|B=2|x" },
		{ "lf", "A: 1\nB: 2\n\nx", "A=1|B=2|x" },
		{ "cr cr lf", "A: 1\r\r\nB: 2\r\r\n\r\r\nx", "A=1|B=2|x" },
		{ "cr only", "A: 1\rB: 2\r\rx", "A=1|B=2|x" },
		{ "a bare cr ends a line", "A: 1\rB: 2\n\nx", "A=1|B=2|x" },
		{ "but two of them are no empty line", "A: 1\r\rB: 2\n\nx",
		    "A=1|B=2|x" },
		{ "folded", "A: 1\r\n 2\r\n\t3\r\n\r\n", "A=1 2 3|" },
		{ "a line of blanks", "A: 1\r\n  \r\nB: 2\r\n\r\nx",
		    "A=1|B=2|x" },
		{ "a line of blanks before text", "A: 1\n \nHello\n\nx",
		    "A=1|Hello\n\nx" },
		{ "blank before the colon", "A : 1\n\nx", "A=1|x" },
		{ "no value", "A:\nB:\n\nx", "A=|B=|x" },
		{ "a lost fold", "A: 1\nlost words\nB: 2\n\nx",
		    "A=1 lost words|B=2|x" },
		{ "no empty line", "A: 1\nHello there\nmore",
		    "A=1|Hello there\nmore" },
		{ "a delimiter ends it", "A: 1\n--b: x\nB: 2\n",
		    "A=1|--b: x\nB: 2\n" },
		{ "mbox", "From x Mon\nA: 1\n\nx", "A=1|x" },
		{ "empty lines first", "\n\r\nSubject: 1\n\nx", "Subject=1|x" },
		{ "an empty line and text", "\nNote: 1\n\nx", "Note: 1\n\nx" },
		{ "byte order mark",
		    "\xef\xbb\xbf"
		    "From: 1\n\nx",
		    "From=1|x" },
		{ "half a field first", " rest\nTo: 1\n\nx", "To=1|x" },
		{ "text", "Hello\nworld", "Hello\nworld" },
		{ "empty", "", "" },
		{ "header only", "A: 1", "A=1|" },
		{ "colon only", ": 1\n\nx", ": 1\n\nx" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_buf b;

		sp_buf_init(&b, 1000);
		flatten(sp_view_str(rows[i].in), &b);
		if (strcmp(sp_buf_cstr(&b), rows[i].want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].name,
			    sp_buf_cstr(&b), rows[i].want);
		sp_buf_done(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_encoded_words_are_read_as_they_were_meant),
		cmocka_unit_test(
		    test_raw_bytes_are_read_in_the_charset_of_the_body),
		cmocka_unit_test(test_text_is_cut_between_characters),
		cmocka_unit_test(test_only_listed_charsets_reach_iconv),
		cmocka_unit_test(
		    test_the_header_ends_where_readers_see_its_end),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
