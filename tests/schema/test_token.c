/* Text to tokens: what is stored, what is searched for, and limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/schema/token.h"

static int
collect(void *ctx, const char *p, size_t n, bool same)
{
	char *out = ctx;
	size_t at = strlen(out);

	(void)snprintf(out + at, 4096 - at, "%s%.*s",
	    at == 0 ? ""
	    : same  ? "+"
		    : " ",
	    (int)n, p);
	return (0);
}

static const char *
tokens(struct sp_view v, bool query)
{
	static char out[4096];

	out[0] = '\0';
	(void)sp_token_each(v, query, (struct sp_token_sink){ collect, out });
	return (out);
}

static const struct {
	const char *name, *input, *want, *want_query;
} table[] = {
	{ "words of ASCII", "Hello, World! 2026", "hello world 2026", NULL },
	{ "an address", "bob@Corp.Example", "bob corp example", NULL },
	{ "an apostrophe", "don't", "don t", NULL },
	{ "nothing", " -- !! ", "", NULL },
	{ "Latin diacritics", "M\xc3\xbcller na\xc3\xafve", "muller naive",
	    NULL },
	{ "a combining mark", "Mu\xcc\x88ller", "muller", NULL },
	{ "sharp s",
	    "Stra\xc3\x9f"
	    "e",
	    "strasse", NULL },
	{ "Greek", "\xce\x91\xce\xb8\xce\xae\xce\xbd\xce\xb1",
	    "\xce\xb1\xce\xb8\xce\xb7\xce\xbd\xce\xb1", NULL },
	{ "Cyrillic keeps its letters", "\xd0\x99\xd0\xbe\xd0\xb4",
	    "\xd0\xb9\xd0\xbe\xd0\xb4", NULL },
	{ "full-width letters", "\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\xa3", "abc",
	    NULL },
	{ "a soft hyphen", "in\xc2\xadvoice", "invoice", NULL },
	{ "a zero-width space", "in\xe2\x80\x8bvoice", "invoice", NULL },
	{ "a dash between words",
	    "a\xe2\x80\x94"
	    "b",
	    "a b", NULL },
	{ "two ideographs", "\xe4\xba\xac\xe9\x83\xbd",
	    "\xe4\xba\xac\xe9\x83\xbd+\xe9\x83\xbd",
	    "\xe4\xba\xac\xe9\x83\xbd" },
	{ "three ideographs", "\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd",
	    "\xe6\x9d\xb1\xe4\xba\xac \xe4\xba\xac\xe9\x83\xbd+\xe9\x83\xbd",
	    "\xe6\x9d\xb1\xe4\xba\xac \xe4\xba\xac\xe9\x83\xbd" },
	{ "one ideograph", "\xe4\xba\xac", "\xe4\xba\xac", "\xe4\xba\xac" },
	{ "Latin before ideographs", "X\xe7\xb7\x9a\xe6\xa4\x9c",
	    "x \xe7\xb7\x9a\xe6\xa4\x9c+\xe6\xa4\x9c",
	    "x \xe7\xb7\x9a\xe6\xa4\x9c" },
	{ "Hangul", "\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4",
	    "\xed\x95\x9c\xea\xb5\xad \xea\xb5\xad\xec\x96\xb4+\xec\x96\xb4",
	    NULL },
	{ "bytes that are not UTF-8",
	    "ab\xff\xfe"
	    "cd\xc3",
	    "ab cd", NULL },
	{ "a verbatim token",
	    "\x01=a@b.c\x01"
	    "Ann A",
	    "=a@b.c ann a", NULL },
	{ "a verbatim token without end", "x \x01=a@b.c", "x =a@b.c", NULL },
};

static void
test_text_becomes_these_tokens(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(table); i++) {
		struct sp_view v = sp_view_str(table[i].input);
		const char *got = tokens(v, false);

		if (strcmp(got, table[i].want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", table[i].name,
			    got, table[i].want);
		if (table[i].want_query == NULL)
			continue;
		got = tokens(v, true);
		if (strcmp(got, table[i].want_query) != 0)
			fail_msg("%s, to search: got \"%s\", want \"%s\"",
			    table[i].name, got, table[i].want_query);
	}
}

struct counter {
	size_t n, longest;
};

static int
count(void *ctx, const char *p, size_t n, bool same)
{
	struct counter *c = ctx;

	(void)p;
	if (!same)
		c->n++;
	if (n > c->longest)
		c->longest = n;
	return (0);
}

static void
test_a_run_without_blanks_of_any_length_is_taken_whole(void **state)
{
	static const size_t sizes[] = { 1, 127, 128, 129, 255, 256, 257, 1000,
		100000 };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(sizes); i++) {
		struct counter c = { 0, 0 };
		char *p = malloc(sizes[i] * 3);

		assert_non_null(p);
		for (size_t k = 0; k < sizes[i]; k++)
			memcpy(p + 3 * k, "\xe6\x9d\xb1", 3);
		(void)sp_token_each(sp_view_mem(p, sizes[i] * 3), false,
		    (struct sp_token_sink){ count, &c });
		assert_int_equal(c.n, sizes[i] == 1 ? 1 : sizes[i] - 1);
		free(p);
	}
}

static void
test_a_token_is_cut_at_its_limit(void **state)
{
	char word[SP_TOKEN_MAX + 1];
	struct counter c = { 0, 0 };

	(void)state;
	memset(word, 'a', sizeof(word));
	(void)sp_token_each(sp_view_mem(word, SP_TOKEN_MAX), false,
	    (struct sp_token_sink){ count, &c });
	assert_int_equal(c.longest, SP_TOKEN_MAX);
	(void)sp_token_each(sp_view_mem(word, SP_TOKEN_MAX + 1), false,
	    (struct sp_token_sink){ count, &c });
	assert_int_equal(c.longest, SP_TOKEN_MAX);
	assert_int_equal(c.n, 2);
}

static void
test_the_mark_is_cleaned_from_what_comes_from_outside(void **state)
{
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 100);
	assert_true(sp_token_dirty(SP_VIEW_LIT("a\x01=b\x01")));
	assert_int_equal(
	    sp_token_clean(sp_view_mem("a\x01=b\0c", 6), &b), SP_OK);
	assert_memory_equal(b.p, "a =b c", 6);
	sp_buf_done(&b);
}

static void
test_an_address_is_folded_without_being_split(void **state)
{
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 100);
	assert_int_equal(
	    sp_token_fold(SP_VIEW_LIT("Bob.B@CORP.example"), &b), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), "bob.b@corp.example");
	sp_buf_clear(&b);
	assert_int_equal(
	    sp_token_fold(SP_VIEW_LIT("J\xc3\x96RG@X.de"), &b), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), "j\xc3\xb6rg@x.de");
	sp_buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_becomes_these_tokens),
		cmocka_unit_test(
		    test_a_run_without_blanks_of_any_length_is_taken_whole),
		cmocka_unit_test(test_a_token_is_cut_at_its_limit),
		cmocka_unit_test(
		    test_the_mark_is_cleaned_from_what_comes_from_outside),
		cmocka_unit_test(test_an_address_is_folded_without_being_split),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
