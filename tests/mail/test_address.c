/* Address lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "index/mail/address.h"

/* "name<addr>|name<addr>" */
static void
flatten(const char *in, struct sp_buf *b)
{
	struct sp_mem *mem = sp_mem_new();
	struct sp_mail_addrs l = { .n = 0 };

	(void)sp_address_parse(sp_view_str(in), sp_view_str(NULL), mem, &l);
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(sp_buf_addf(b, "%s%s<%s>", i == 0 ? "" : "|",
				     l.v[i].name, l.v[i].addr),
		    SP_OK);
	sp_mem_free(mem);
}

static const struct {
	const char *name, *in, *want;
} lists[] = {
	{ "bare", "a@b.c", "<a@b.c>" },
	{ "angle", "Joe Doe <j@x>", "Joe Doe<j@x>" },
	{ "quoted", "\"Doe, Joe\" <j@x>", "Doe, Joe<j@x>" },
	{ "escaped quote", "\"a \\\"b\\\" c\" <j@x>", "a \"b\" c<j@x>" },
	{ "comment as name", "j@x (Joe Doe)", "Joe Doe<j@x>" },
	{ "comment beside a name", "Joe (sales) <j@x>", "Joe (sales)<j@x>" },
	{ "nested comment", "j@x (a (b) c)", "a (b) c<j@x>" },
	{ "list", "a@b, c@d,e@f", "<a@b>|<c@d>|<e@f>" },
	{ "empty entries", ", a@b,, c@d,", "<a@b>|<c@d>" },
	{ "semicolons", "a@b; Joe <c@d>;", "<a@b>|Joe<c@d>" },
	{ "folded", "a@b,\r\n\tJoe\r\n <c@d>", "<a@b>|Joe<c@d>" },
	{ "group", "team: a@b, Joe <c@d>; e@f", "<a@b>|Joe<c@d>|<e@f>" },
	{ "empty group", "undisclosed-recipients:;",
	    "undisclosed-recipients<>" },
	{ "groups in groups", "g: h: a@b;; c@d", "g<>|<a@b>|<c@d>" },
	{ "null", "<>", "" },
	{ "nothing", "", "" },
	{ "route", "<@a,@b:u@c>", "<u@c>" },
	{ "brackets too many", "<<<u@x>>>", "<u@x>" },
	{ "bracket not closed", "Joe <j@x", "Joe<j@x>" },
	{ "bracket not closed, more follow", "<j@x, Bob <b@y>",
	    "<j@x>|Bob<b@y>" },
	{ "comma lost", "a@b c@d", "<a@b>|<c@d>" },
	{ "comma lost after angle", "A <a@b> C <c@d>", "A<a@b>|C<c@d>" },
	{ "quote not closed", "\"Joe <j@x>", "Joe<j@x>" },
	{ "quote closed by the next entry's", "\"Joe <j@x>, \"Bob\" <b@y>",
	    "Joe<j@x>|Bob<b@y>" },
	{ "comment not closed", "(Joe <j@x>", "Joe<j@x>" },
	{ "stray brackets", "a@b), >c@d", "<a@b>|<c@d>" },
	{ "address as name", "\"j@x\" <e@y>", "j@x<e@y>" },
	{ "name without quotes, with at", "Mikel@L <m@x>", "Mikel@L<m@x>" },
	{ "name before a bare address", "Big Bug b@c", "Big Bug<b@c>" },
	{ "name inside the angle", "<Joe j@x>", "Joe<j@x>" },
	{ "address in quotes", "\"j@x\"", "<j@x>" },
	{ "entry in quotes", "\"Joe <j@x>\"", "Joe<j@x>" },
	{ "entry in an encoded word", "=?utf-8?B?Sm9lIDxqQHg+?=", "Joe<j@x>" },
	{ "comma in an encoded word", "=?utf-8?Q?Doe,_J?= <j@x>",
	    "Doe, J<j@x>" },
	{ "encoded words", "=?utf-8?Q?J=C3=B6?= =?utf-8?Q?e?= <j@x>",
	    "J\xc3\xb6"
	    "e<j@x>" },
	{ "encoded word in quotes", "\"=?utf-8?Q?J=C3=B6?=\" <j@x>",
	    "J\xc3\xb6<j@x>" },
	{ "local part only", "root", "<root>" },
	{ "name only", "Drew Fossum", "Drew Fossum<>" },
	{ "quoted name only", "\"Drew\"", "Drew<>" },
	{ "blanks around the at", "joe @ x . org", "<joe@x.org>" },
	{ "quoted local part", "\"joe doe\"@x", "<\"joe doe\"@x>" },
	{ "quoted local part in angle", "J <\"joe doe\"@x>",
	    "J<\"joe doe\"@x>" },
	{ "domain literal", "joe@[192.0.2.1]", "<joe@[192.0.2.1]>" },
	{ "ipv6 literal", "joe@[IPv6:2001:db8::1]",
	    "<joe@[IPv6:2001:db8::1]>" },
	{ "mailto", "Joe <mailto:j@x>, mailto:k@x", "Joe<j@x>|<k@x>" },
	{ "in square brackets", "Joe [j@x]", "Joe<j@x>" },
	{ "raw utf-8", "J\xc3\xb6 <j\xc3\xb6@x>", "J\xc3\xb6<j\xc3\xb6@x>" },
	{ "raw latin-1", "J\xf6 <j@x>", "J\xc3\xb6<j@x>" },
	{ "single quotes", "'Joe' <j@x>", "'Joe'<j@x>" },
	{ "not an address in angle", "<Saved by a browser>",
	    "Saved by a browser<>" },
};

static void
test_no_address_is_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(lists); i++) {
		struct sp_buf b;

		sp_buf_init(&b, 1000);
		flatten(lists[i].in, &b);
		if (strcmp(sp_buf_cstr(&b), lists[i].want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", lists[i].name,
			    sp_buf_cstr(&b), lists[i].want);
		sp_buf_done(&b);
	}
}

/* Shapes that make careless parsers quadratic or recurse. */
static void
test_a_hostile_list_is_read_in_one_pass(void **state)
{
	static const char *const shapes[] = { "(", "\"", "<", "g:", "=?a?Q?",
		",", "@", "@[", "a@b,", "<a@b", "\\", ";", "\"a@b,<", "a@",
		"=?utf-8?B?YQ==?=", ">", " . " };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(shapes); i++) {
		struct sp_mem *mem = sp_mem_new();
		struct sp_mail_addrs l = { .n = 0 };
		struct sp_buf b;

		sp_buf_init(&b, 1u << 20);
		while (sp_buf_adds(&b, shapes[i]) == SP_OK)
			;
		(void)sp_address_parse(
		    sp_buf_view(&b), sp_view_str(NULL), mem, &l);
		assert_true(l.n <= b.n);
		sp_buf_done(&b);
		sp_mem_free(mem);
	}
}

static void
test_a_hundred_thousand_recipients_are_all_there(void **state)
{
	struct sp_mem *mem = sp_mem_new();
	struct sp_mail_addrs l = { .n = 0 };
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 8u << 20);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(
		    sp_buf_addf(&b, "U%u <u%u@x.example>,\r\n ", i, i), SP_OK);
	assert_true(
	    sp_address_parse(sp_buf_view(&b), sp_view_str(NULL), mem, &l));
	assert_int_equal(l.n, 100000);
	assert_string_equal(l.v[99999].addr, "u99999@x.example");
	sp_buf_done(&b);
	sp_mem_free(mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_address_is_lost),
		cmocka_unit_test(test_a_hostile_list_is_read_in_one_pass),
		cmocka_unit_test(
		    test_a_hundred_thousand_recipients_are_all_there),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
