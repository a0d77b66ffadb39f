/* Journal reports that an event accepts after they came: the index is what it
 * would be had it known that, at once and when it is made again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "index/family.h"
#include "index/shard.h"
#include "tests/index/kit.h"

#define REPORT(n)                                                           \
	"From: <MicrosoftExchange329e@corp.example>\r\nTo: j@a.example\r\n" \
	"Subject: outside\r\nX-MS-Journal-Report:\r\n"                      \
	"Message-ID: <rep-" n "@corp.example>\r\nMIME-Version: 1.0\r\n"     \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"      \
	"Sender: ann@corp.example\r\nSubject: deal\r\n"                     \
	"Message-ID: <deal@corp.example>\r\nBcc: eve@partner.example\r\n"   \
	"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" DEAL "--b--\r\n"
#define DEAL                                                \
	"From: Ann <ann@corp.example>\r\nSubject: deal\r\n" \
	"Message-ID: <deal@corp.example>\r\n\r\nsecret\r\n"

/* Two reports in October, the original and an event in November. */
static void
fill(struct kit *k, uint64_t *a, uint64_t *b, uint64_t *c)
{
	kit_init(k, "2026-10-05T08:00:00Z");
	kit_clock(k, "2026-10-05T08:00:01Z");
	*a = kit_add(k, REPORT("1"));
	*b = kit_add(k, REPORT("2"));
	kit_clock(k, "2026-11-05T08:00:01Z");
	*c = kit_add(k, DEAL);
}

static uint64_t
add_accept(struct kit *k, const char *seqs)
{
	char detail[128];

	(void)snprintf(detail, sizeof(detail), "{\"seqs\":%s}", seqs);
	return (sp_fixture_add_event(&k->fx, "journal_accept", detail));
}

/* Ask, and compare with seqs as text. */
static void
asks(struct kit *k, const char *query, const char *want)
{
	const char *got = kit_ask(k, query);

	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, want %s", query, got, want);
}

/* What is so after the first report was accepted. */
static void
check_accepted(
    struct kit *k, uint64_t a, uint64_t b, uint64_t c, uint64_t event)
{
	char one[32], two[32], all[64], want[64], *rows = kit_rows(k);
	struct sp_family f;
	struct sp_err err;

	(void)snprintf(one, sizeof(one), "%llu", (unsigned long long)a);
	(void)snprintf(two, sizeof(two), "%llu", (unsigned long long)b);
	(void)snprintf(all, sizeof(all), "%llu %llu", (unsigned long long)c,
	    (unsigned long long)a);
	asks(k, "bcc:eve@partner.example", one);
	asks(k, "reported:eve@partner.example", one);
	asks(k, "flag:journal_accepted", one);
	asks(k, "flag:journal_untrusted", two);
	/* The words of before are gone. */
	asks(k, "subject:outside", two);
	asks(k, "from:@corp.example subject:outside", two);
	asks(k, "subject:deal", all);
	asks(k, "msgid:deal@corp.example", all);
	(void)snprintf(want, sizeof(want), "\"accepted-report:%llu\"",
	    (unsigned long long)event);
	assert_non_null(strstr(rows, want));
	free(rows);
	sp_must(sp_family_read(k->fx.dir, c, &f, &err), &err);
	assert_int_equal(f.nseqs, 2);
	assert_int_equal(f.seqs[0], a);
	assert_int_equal(f.accepted_by, UINT64_MAX);
	sp_family_done(&f);
	sp_must(sp_family_read(k->fx.dir, b, &f, &err), &err);
	assert_int_equal(f.nseqs, 1);
	sp_family_done(&f);
	sp_must(sp_family_read(k->fx.dir, a, &f, &err), &err);
	assert_int_equal(f.accepted_by, event);
	sp_family_done(&f);
}

/* The full text of a shard agrees with itself. */
static void
check_shard(struct kit *k, int64_t received)
{
	struct sp_shard *s = NULL;
	struct sp_err err;

	sp_must(
	    sp_shard_open_write(k->fx.dir, sp_shard_key(received), &s, &err),
	    &err);
	sp_must(sp_shard_check(s, &err), &err);
	sp_shard_close(s);
}

static void
test_an_accepted_report_is_one(void **state)
{
	struct kit k;
	uint64_t a, b, c, event;
	char seqs[64];

	(void)state;
	fill(&k, &a, &b, &c);
	kit_index(&k);
	asks(&k, "bcc:eve@partner.example", "");
	(void)snprintf(seqs, sizeof(seqs), "[%llu]", (unsigned long long)a);
	event = add_accept(&k, seqs);
	kit_index(&k);
	check_accepted(&k, a, b, c, event);
	check_shard(&k, INT64_C(1791187200000000));
	/* Once more changes nothing. */
	(void)add_accept(&k, seqs);
	kit_index(&k);
	check_accepted(&k, a, b, c, event);
	kit_done(&k);
}

/* Made again in whole, from one run over the log, and by its months. */
static void
test_an_index_that_is_made_again_knows_it_too(void **state)
{
	static const char *const months[] = { "2026-10.sqlite",
		"2026-11.sqlite" };
	struct kit k;
	struct sp_index *ix = NULL;
	struct sp_err err;
	uint64_t a, b, c, event, behind;
	char seqs[64], *before, *after;

	(void)state;
	fill(&k, &a, &b, &c);
	(void)snprintf(seqs, sizeof(seqs), "[[%llu,%llu]]",
	    (unsigned long long)a, (unsigned long long)a);
	event = add_accept(&k, seqs);
	kit_index(&k);
	check_accepted(&k, a, b, c, event);
	before = kit_rows(&k);
	sp_must(sp_index_open(k.fx.dir, k.fx.cfg, 0, NULL, &ix, &err), &err);
	sp_must(sp_index_drop(ix, 0, &err), &err);
	sp_must(sp_index_update(ix, 0, &behind, &err), &err);
	sp_index_close(ix);
	check_accepted(&k, a, b, c, event);
	for (size_t i = 0; i < 2; i++) {
		char *path = kit_shard(&k, months[i]);

		sp_must(sp_io_unlink(path, &err), &err);
		free(path);
		kit_index(&k);
		check_accepted(&k, a, b, c, event);
	}
	after = kit_rows(&k);
	assert_string_equal(after, before);
	free(before);
	free(after);
	kit_done(&k);
}

/* What is no report, no message, or later than the event, stays as it is. */
static void
test_only_reports_before_the_event_are_accepted(void **state)
{
	struct kit k;
	uint64_t a, b, c;
	char *before, *after;

	(void)state;
	fill(&k, &a, &b, &c);
	kit_index(&k);
	before = kit_rows(&k);
	(void)add_accept(&k, "[0,1000000,[900,100000000]]");
	(void)add_accept(&k, "\"all\"");
	(void)sp_fixture_add_event(&k.fx, "show", "{\"seqs\":[[0,100]]}");
	kit_index(&k);
	after = kit_rows(&k);
	assert_string_equal(after, before);
	asks(&k, "flag:journal_accepted", "");
	free(before);
	free(after);
	kit_done(&k);
}

/* Many at once, in two months, some of them the newest. */
static void
test_many_reports_of_several_months_are_accepted(void **state)
{
	struct kit k;
	struct sp_search_opts o = { .query = "bcc:eve@partner.example",
		.count_only = true };
	struct sp_search_result got;
	struct sp_err err;

	(void)state;
	kit_init(&k, "2026-10-05T08:00:00Z");
	for (unsigned i = 0; i < 120; i++) {
		if (i % 60 == 0)
			kit_clock(&k, i == 0 ? "2026-10-06T08:00:00Z"
					     : "2026-11-06T08:00:00Z");
		(void)kit_add(&k, i % 3 == 0 ? DEAL : REPORT("7"));
	}
	(void)add_accept(&k, "[[0,500]]");
	(void)add_accept(&k, "[[0,500]]");
	kit_index(&k);
	sp_must(sp_search(k.fx.dir, &o, NULL, NULL, &got, &err), &err);
	assert_int_equal(got.total, 80);
	check_shard(&k, INT64_C(1791187200000000));
	check_shard(&k, INT64_C(1793865600000000));
	kit_done(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_accepted_report_is_one),
		cmocka_unit_test(test_an_index_that_is_made_again_knows_it_too),
		cmocka_unit_test(
		    test_only_reports_before_the_event_are_accepted),
		cmocka_unit_test(
		    test_many_reports_of_several_months_are_accepted),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
