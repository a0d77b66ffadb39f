/* Queries: what they mean, and where they are wrong. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "index/query/plan.h"
#include "index/query/query.h"

#define TEXT 8192

/* 2026-11-23T16:31:02Z */
#define NOW (INT64_C(1795451462) * SP_SECOND)

/* The tree as text: words as they stand in their quotes, ranges in seconds. */
static void
show(const struct sp_node *n, char *out)
{
	static const char *const names[] = { "AND", "OR", "NOT", "", "size",
		"date", "received", "seq", "family" };
	size_t at = strlen(out);

	if (n->kind == SP_NODE_TEXT) {
		(void)snprintf(out + at, TEXT - at, "%s", n->fts);
		return;
	}
	(void)snprintf(out + at, TEXT - at, "%s(", names[n->kind]);
	for (size_t i = 0; i < n->nkids; i++) {
		if (i > 0)
			(void)strncat(out, ", ", TEXT - strlen(out) - 1);
		show(n->kid[i], out);
	}
	at = strlen(out);
	if (n->nkids == 0) {
		int64_t unit =
		    n->kind == SP_NODE_DATE || n->kind == SP_NODE_RECEIVED
			? SP_SECOND
			: 1;

		if (n->lo != INT64_MIN)
			(void)snprintf(
			    out + at, TEXT - at, "%" PRId64, n->lo / unit);
		(void)strncat(out, "..", TEXT - strlen(out) - 1);
		at = strlen(out);
		if (n->hi != INT64_MAX)
			(void)snprintf(
			    out + at, TEXT - at, "%" PRId64, n->hi / unit);
	}
	(void)strncat(out, ")", TEXT - strlen(out) - 1);
}

static const char *
parsed(const char *query)
{
	static char out[TEXT];
	struct sp_node *n = NULL;
	struct sp_err err;

	out[0] = '\0';
	if (sp_query_parse(query, NULL, NOW, &n, &err) != SP_OK)
		(void)snprintf(out, TEXT, "!%s", err.msg);
	else if (n == NULL)
		(void)snprintf(out, TEXT, "everything");
	else
		show(n, out);
	sp_node_free(n);
	return (out);
}

static const struct {
	const char *query, *want;
} good[] = {
	{ "", "everything" },
	{ "  \t ", "everything" },
	{ "invoice", "\"invoice\"" },
	{ "two words", "AND(\"two\", \"words\")" },
	{ "two AND words", "AND(\"two\", \"words\")" },
	{ "a b c", "AND(\"a\", \"b\", \"c\")" },
	{ "a b OR c", "OR(AND(\"a\", \"b\"), \"c\")" },
	{ "a (b OR c)", "AND(\"a\", OR(\"b\", \"c\"))" },
	{ "a OR (b OR c)", "OR(\"a\", \"b\", \"c\")" },
	{ "a -b", "AND(\"a\", NOT(\"b\"))" },
	{ "a NOT b", "AND(\"a\", NOT(\"b\"))" },
	{ "NOT NOT a", "\"a\"" },
	{ "-(a OR b)", "NOT(OR(\"a\", \"b\"))" },
	{ "-(-a)", "\"a\"" },
	{ "a AND -b OR c", "OR(AND(\"a\", NOT(\"b\")), \"c\")" },
	{ "and or not", "AND(\"and\", \"or\", \"not\")" },
	{ "\"third quarter\"", "\"third quarter\"" },
	{ "\"third quart\"*", "\"third quart\" *" },
	{ "inv*", "\"inv\" *" },
	{ "semi-annual", "\"semi-annual\"" },
	{ "12:30", "\"12:30\"" },
	{ "https://x.example/a", "\"https://x.example/a\"" },
	{ "a\xe3\x80\x80"
	  "b",
	    "AND(\"a\", \"b\")" },
	{ "\xe4\xba\xac", "\"\xe4\xba\xac\" *" },
	{ "\xe4\xba\xac\xe9\x83\xbd", "\"\xe4\xba\xac\xe9\x83\xbd\"" },
	{ "from:alice", "{hfrom rfrom} : \"alice\"" },
	{ "FROM:alice", "{hfrom rfrom} : \"alice\"" },
	{ "from:\"Alice Smith\"", "{hfrom rfrom} : \"Alice Smith\"" },
	{ "from:Alice@Corp.example",
	    "{hfrom rfrom} : \"\x01=alice@corp.example\x01\"" },
	{ "from:<Alice@Corp.example>",
	    "{hfrom rfrom} : \"\x01=alice@corp.example\x01\"" },
	{ "from:@corp.example", "{hfrom rfrom} : \"\x01@corp.example\x01\"" },
	{ "to:alice@corp*", "{hto rto} : \"\x01=alice@corp\x01\" *" },
	{ "envelope-from:<>", "{efrom} : \"\x01=\x01\"" },
	{ "family:17", "family(17..)" },
	{ "sender:a", "{hfrom efrom rfrom tfrom} : \"a\"" },
	{ "reported:a", "{rto rcc rbcc rrcpt} : \"a\"" },
	{ "redirected:a", "{rvia} : \"a\"" },
	{ "traced:a", "{tfrom tto} : \"a\"" },
	{ "rcpt:bob",
	    "{hto hcc hbcc eto mto rto rcc rbcc rrcpt rvia tto} : \"bob\"" },
	{ "from:(a OR b) c",
	    "AND(OR({hfrom rfrom} : \"a\", {hfrom rfrom} : \"b\"), \"c\")" },
	{ "subject:(a from:b)",
	    "AND({subject} : \"a\", {hfrom rfrom} : \"b\")" },
	{ "filename:q3.xls", "{files} : \"q3.xls\"" },
	{ "has:attachment", "{meta} : \"\x01:hattachment\x01\"" },
	{ "type:PDF", "{meta} : \"\x01:tpdf\x01\"" },
	{ "type:image*", "{meta} : \"\x01:timage\x01\" *" },
	{ "grade:pulled", "{meta} : \"\x01:gpulled\x01\"" },
	{ "via:smtp", "{meta} : \"\x01:vsmtp\x01\"" },
	{ "flag:bare_lf", "{meta} : \"\x01:fbare_lf\x01\"" },
	{ "sha256:0123ABCD", "{meta} : \"\x01:s0123abcd\x01\" *" },
	{ "larger:10K", "size(10241..)" },
	{ "smaller:1M", "size(..1048576)" },
	{ "seq:7", "seq(7..8)" },
	{ "seq:7..9", "seq(7..10)" },
	{ "seq:..9", "seq(0..10)" },
	{ "date:2026-01-02", "date(1767312000..1767398400)" },
	{ "date:2026-01..2026-03", "date(1767225600..1775001600)" },
	{ "date:2026..", "date(1767225600..)" },
	{ "date:..2026-01-01", "date(..1767312000)" },
	{ "after:2026-01", "date(1767225600..)" },
	{ "before:2026-01", "date(..1767225600)" },
	{ "received:2026-01-01", "received(1767225600..1767312000)" },
	{ "received:2026-01-01T10:00:00Z", "received(1767261600..1767261601)" },
	{ "say \"it \x01 now\"", "AND(\"say\", \"it   now\")" },
};

static void
test_a_query_means_this_tree(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(good); i++) {
		const char *got = parsed(good[i].query);

		if (strcmp(got, good[i].want) != 0)
			fail_msg("%s\n got: %s\nwant: %s", good[i].query, got,
			    good[i].want);
	}
}

static const struct {
	const char *query, *want; /* what the message holds */
} bad[] = {
	{ "from:", "query: expected a value right after \"from:\"\n"
		   "  from:\n"
		   "       ^" },
	{ "from: alice", "\n  from: alice\n       ^" },
	{ "form:alice", "\"form:\" is not a field" },
	{ "form:alice", "in quotation marks)\n" },
	{ "form:alice", "\n  form:alice\n  ^" },
	{ "header:X=y", "\"header:\" is not a field" },
	{ "a \"b c", "this quotation mark is never closed\n"
		     "  a \"b c\n"
		     "    ^" },
	{ "(a OR b", "this parenthesis is never closed" },
	{ "a) b", "this parenthesis was never opened\n  a) b\n   ^" },
	{ ")", "this parenthesis was never opened" },
	{ "()", "expected something between the parentheses" },
	{ "a AND", "expected a word, a phrase, a field or a parenthesis" },
	{ "OR a", "expected a word" },
	{ "a OR OR b", "expected a word" },
	{ "NOT", "expected a word" },
	{ "!!", "there is no letter or digit to search for" },
	{ "a & b", "there is no letter or digit" },
	{ "*", "a '*' alone stands for nothing" },
	{ "in*voice", "a '*' can only end a word\n  in*voice\n    ^" },
	{ "invoice --limit 5", "options come before the query" },
	{ "has:stuff", "expected attachment after \"has:\"" },
	{ "grade:good", "expected witnessed, pulled or imported" },
	{ "larger:ten", "expected a size such as" },
	{ "seq:9..7", "expected a number, or a range" },
	{ "seq:..", "expected a number, or a range" },
	{ "sha256:xyz", "expected the 64 hex digits" },
	{ "date:2026-02-30", "query: " },
	{ "date:2026-03..2026-01", "before the beginning of the range" },
	{ "date:..", "expected a date on one side" },
	{ "date:(2026 OR 2025)", "takes one value, no parentheses" },
	{ "\xe4\xba\xac\xe9\x83\xbd )",
	    "\n  \xe4\xba\xac\xe9\x83\xbd )\n       ^" },
};

static void
test_a_wrong_query_is_told_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(bad); i++) {
		const char *got = parsed(bad[i].query);

		if (got[0] != '!' || strstr(got, bad[i].want) == NULL)
			fail_msg("%s\n got: %s\nwant: %s", bad[i].query, got,
			    bad[i].want);
	}
}

static void
test_a_long_query_shows_only_what_is_around_the_place(void **state)
{
	char query[2000];
	const char *got;

	(void)state;
	memset(query, 'a', sizeof(query));
	for (size_t i = 10; i < sizeof(query); i += 10)
		query[i] = ' ';
	memcpy(query + 1000, "form:x ", 7);
	query[sizeof(query) - 1] = '\0';
	got = parsed(query);
	assert_true(got[0] == '!');
	assert_non_null(strstr(got, "form:x"));
	assert_true(strlen(got) < SP_ERR_MAX);
	assert_true(got[strlen(got) - 1] == '^');
}

static char *
repeat(const char *what, size_t n, const char *middle, const char *end)
{
	size_t w = strlen(what), e = strlen(end);
	char *p = malloc(n * (w + e) + strlen(middle) + 1), *at = p;

	assert_non_null(p);
	for (size_t i = 0; i < n; i++, at += w)
		memcpy(at, what, w);
	memcpy(at, middle, strlen(middle));
	at += strlen(middle);
	for (size_t i = 0; i < n; i++, at += e)
		memcpy(at, end, e);
	*at = '\0';
	return (p);
}

static bool
parses(const char *what, size_t n, const char *middle, const char *end)
{
	char *q = repeat(what, n, middle, end);
	bool ok = parsed(q)[0] != '!';

	free(q);
	return (ok);
}

static void
test_limits_hold_at_n_and_one_more(void **state)
{
	(void)state;
	assert_true(parses("(", SP_QUERY_NEST, "a", ")"));
	assert_false(parses("(", SP_QUERY_NEST + 1, "a", ")"));
	assert_true(parses("a ", SP_QUERY_TERMS, "", ""));
	assert_false(parses("a ", SP_QUERY_TERMS + 1, "", ""));
	/* two levels each, and the word itself */
	assert_true(parses("(a OR (b ", (SP_QUERY_DEPTH - 2) / 2, "c", "))"));
	assert_false(parses("(a OR (b ", SP_QUERY_DEPTH, "c", "))"));
	assert_true(parses("a", SP_QUERY_MAX, "", ""));
	assert_false(parses("a", SP_QUERY_MAX + 1, "", ""));
}

static const struct {
	const char *query, *fts, *where;
	uint64_t lo, hi;
} plans[] = {
	{ "a b", "(\"a\" AND \"b\")", "", 0, UINT64_MAX },
	{ "a -b", "((\"a\") NOT (\"b\"))", "", 0, UINT64_MAX },
	{ "a seq:5..6", "(\"a\")", "", 5, 7 },
	{ "a larger:9", "(\"a\")", "(m.size IS NOT NULL AND m.size >= 10)", 0,
	    UINT64_MAX },
	{ "a OR larger:9", "",
	    "((m.size IS NOT NULL AND m.size >= 10) OR m.seq IN (SELECT rowid"
	    " FROM fulltext WHERE fulltext MATCH ?10))",
	    0, UINT64_MAX },
	{ "-seq:5", "", "NOT (m.seq IS NOT NULL AND m.seq >= 5 AND m.seq < 6)",
	    0, UINT64_MAX },
};

static void
test_a_tree_becomes_this_plan(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(plans); i++) {
		struct sp_node *n = NULL;
		struct sp_plan p;

		assert_int_equal(
		    sp_query_parse(plans[i].query, NULL, NOW, &n, NULL), SP_OK);
		assert_int_equal(sp_plan_make(n, &p, NULL), SP_OK);
		assert_string_equal(p.fts.p, plans[i].fts);
		assert_string_equal(p.where.p, plans[i].where);
		assert_int_equal(p.lo, plans[i].lo);
		assert_int_equal(p.hi, plans[i].hi);
		sp_plan_done(&p);
		sp_node_free(n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_query_means_this_tree),
		cmocka_unit_test(test_a_wrong_query_is_told_its_place),
		cmocka_unit_test(
		    test_a_long_query_shows_only_what_is_around_the_place),
		cmocka_unit_test(test_limits_hold_at_n_and_one_more),
		cmocka_unit_test(test_a_tree_becomes_this_plan),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
