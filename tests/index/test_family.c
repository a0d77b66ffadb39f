/*
 * Copies of one message, duplicates and conflicting Message-IDs, over three
 * months; and that the answers are the same whatever is dropped and made
 * again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/io.h"
#include "index/family.h"
#include "index/links.h"
#include "tests/index/kit.h"

#define SMTP	"\"via\":\"smtp\",\"grade\":\"witnessed\""
#define TRUSTED SMTP ",\"journal\":true"

#define BODY                                                           \
	"From: Alice <alice@corp.example>\r\nTo: bob@corp.example\r\n" \
	"Subject: Q3\r\nMessage-ID: <orig-1@corp.example>\r\n"         \
	"Date: Tue, 06 Jan 2026 09:15:02 +0000\r\n\r\nSee there.\r\n"
#define REPORT(id, rcpts)                                                \
	"From: <exchange@corp.example>\r\nX-MS-Journal-Report:\r\n"      \
	"Message-ID: <" id "@corp.example>\r\n"                          \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"       \
	"Content-Type: text/plain\r\n\r\nSender: alice@corp.example\r\n" \
	"Subject: Q3\r\nMessage-ID: <orig-1@corp.example>\r\n" rcpts     \
	"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" BODY "\r\n--b--\r\n"

static const struct {
	const char *time, *to, *source, *text;
} mails[] = {
	/* a: a blind copy */
	{ "2026-10-30T10:00:00Z", "journal@archive.example", SMTP,
	    "Received: by mx1\r\nDelivered-To: dora@corp.example\r\n" BODY },
	/* b: the report for some */
	{ "2026-10-30T10:00:01Z", "journal@archive.example", TRUSTED,
	    REPORT("r1",
		"To: bob@corp.example\r\n"
		"Bcc: carol@corp.example, Expanded: dl@corp.example\r\n") },
	/* c: and for others, a month later */
	{ "2026-11-02T10:00:00Z", "journal@archive.example", TRUSTED,
	    REPORT("r2", "Recipient: Erin@corp.example\r\n"
			 "To: BOB@corp.example\r\n") },
	/* d: b once more, byte for byte */
	{ "2026-11-02T10:00:01Z", "journal@archive.example", TRUSTED,
	    REPORT("r1",
		"To: bob@corp.example\r\n"
		"Bcc: carol@corp.example, Expanded: dl@corp.example\r\n") },
	/* e: another message under the same Message-ID */
	{ "2026-12-01T10:00:00Z", "journal@archive.example", SMTP,
	    "From: Alice <alice@corp.example>\r\nTo: bob@corp.example\r\n"
	    "Subject: Q3\r\nMessage-ID: <orig-1@corp.example>\r\n"
	    "Date: Tue, 06 Jan 2026 09:15:02 +0000\r\n\r\n"
	    "See elsewhere.\r\n" },
	/* f: nobody vouches for this one */
	{ "2026-12-01T10:00:01Z", "journal@archive.example", SMTP,
	    REPORT("r3", "Bcc: mallory@evil.example\r\n") },
	/* g: a without a trace, with a longer way and folded otherwise */
	{ "2026-12-01T10:00:02Z",
	    "journal+gina=corp.example@archive.example>gina@corp.example", SMTP,
	    "Received: by mx9\r\nReceived: from x by mx8 (for no <one@x>)\r\n"
	    " with ESMTP id 7 for <hans@corp.example>; Tue, 6 Jan 2026\r\n"
	    "From: Alice\r\n <alice@corp.example>\r\nTo: bob@corp.example\r\n"
	    "Subject: Q3\r\nMessage-ID: <orig-1@corp.example>\r\n"
	    "Date: Tue, 06 Jan 2026 09:15:02 +0000\r\n\r\nSee there.\r\n" },
	/* h: and i: the same bytes without a Message-ID */
	{ "2026-12-01T10:00:03Z", "journal@archive.example", SMTP,
	    "From: cron@corp.example\r\n\r\nok\r\n" },
	{ "2026-12-01T10:00:04Z", "journal@archive.example", SMTP,
	    "From: cron@corp.example\r\n\r\nok\r\n" },
};

static uint64_t seq_of[SP_COUNTOF(mails)];

static int
setup(void **state)
{
	struct kit *k = sp_xcalloc(1, sizeof(*k));

	kit_init(k, mails[0].time);
	for (size_t i = 0; i < SP_COUNTOF(mails); i++) {
		kit_clock(k, mails[i].time);
		seq_of[i] = kit_add_with(k, mails[i].text, "alice@corp.example",
		    mails[i].to, mails[i].source, NULL);
	}
	kit_index(k);
	*state = k;
	return (0);
}

static int
teardown(void **state)
{
	kit_done(*state);
	free(*state);
	return (0);
}

/* "cba" for the seqs that a query gives, newest first. */
static const char *
ask(struct kit *k, const char *query)
{
	static char out[SP_COUNTOF(mails) + 1];
	const char *p = kit_ask(k, query);
	struct sp_view rest = sp_view_str(p);
	size_t n = 0;

	if (*p == '!')
		return (p);
	while (rest.n > 0) {
		uint64_t seq = 0;

		assert_true(sp_view_u64(sp_view_cut(&rest, ' '), &seq));
		for (size_t i = 0; i < SP_COUNTOF(mails); i++)
			if (seq_of[i] == seq)
				out[n++] = (char)('a' + i);
	}
	out[n] = '\0';
	return (out);
}

static void
want(struct kit *k, const char *query, const char *expected)
{
	const char *got = ask(k, query);

	if (strcmp(got, expected) != 0)
		fail_msg("%s\n got: %s\nwant: %s", query, got, expected);
}

static void
check_answers(struct kit *k)
{
	static const char letters[] = "abcdefghi";
	char query[64];

	/* All that is needed from any of them. */
	for (size_t i = 0; i < SP_COUNTOF(mails); i++) {
		(void)snprintf(query, sizeof(query), "family:%llu",
		    (unsigned long long)seq_of[i]);
		want(k, query,
		    strchr("abcdg", letters[i]) != NULL ? "gdcba"
		    : strchr("hi", letters[i]) != NULL	? "ih"
		    : letters[i] == 'e'			? "e"
							: "f");
	}
	want(k, "flag:duplicate", "id");
	want(k, "flag:same_message", "c");
	want(k, "flag:msgid_conflict", "e");
	want(k, "family:999999", "");
	want(k, "rcpt:carol@corp.example", "db");
	want(k, "bcc:carol@corp.example", "db");
	want(k, "rcpt:dl@corp.example", "db");
	want(k, "redirected:dl@corp.example", "db");
	want(k, "rcpt:erin@corp.example", "c");
	want(k, "reported:erin@corp.example", "c");
	want(k, "to:erin@corp.example", "");
	want(k, "traced:dora@corp.example", "a");
	want(k, "rcpt:dora@corp.example", "a");
	want(k, "traced:hans@corp.example", "g");
	want(k, "traced:one@x", "");
	want(k, "envelope-to:carol@corp.example", "");
	want(k, "from:alice@corp.example", "gedcba");
	want(k, "flag:journal", "dcb");
	want(k, "flag:journal_untrusted", "f");
	/* What a report of a stranger says is text. */
	want(k, "rcpt:mallory@evil.example", "");
	want(k, "reported:mallory@evil.example", "");
	want(k, "mallory", "f");
	/* By the report's id and the original's. */
	want(k, "msgid:r1@corp.example", "db");
	want(k, "msgid:orig-1@corp.example", "gedcba");
	want(k, "family:0 AND (rcpt:bob OR rcpt:dora)", "");
}

static void
test_copies_are_found_from_any_of_them(void **state)
{
	check_answers(*state);
}

static size_t
facts_of(const struct sp_family *f, const char *key, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < f->nfacts; i++) {
		const struct sp_family_fact *x = &f->facts[i];
		size_t at = strlen(out), who = 0;

		if (strcmp(x->key, key) != 0)
			continue;
		while (seq_of[who] != x->seq)
			who++;
		(void)snprintf(out + at, size - at, "%s%c %s%s%s%s%s%s%s",
		    n++ == 0 ? "" : "; ", (char)('a' + (int)who), x->evidence,
		    x->role == NULL ? "" : " ", x->role == NULL ? "" : x->role,
		    x->presumed == NULL ? "" : " ",
		    x->presumed == NULL ? "" : x->presumed,
		    x->via == NULL ? "" : " via ",
		    x->via == NULL ? "" : x->via);
	}
	return (n);
}

static void
test_a_family_knows_all_recipients_and_why(void **state)
{
	static const struct {
		const char *key, *want;
	} rows[] = {
		{ "bob@corp.example", "b report to; c report to; d report to" },
		{ "carol@corp.example", "b report bcc via dl@corp.example; "
					"d report bcc via dl@corp.example" },
		{ "erin@corp.example", "c report recipient unlisted" },
		{ "dora@corp.example", "a header:Delivered-To recipient" },
		{ "hans@corp.example", "g header:Received recipient" },
		{ "gina@corp.example", "g original" },
		{ "journal@archive.example", "a smtp" },
		{ "mallory@evil.example", "" },
	};
	struct kit *k = *state;
	struct sp_family f;
	struct sp_err err;
	char got[1024];

	sp_must(sp_family_read(k->fx.dir, seq_of[2], &f, &err), &err);
	assert_true(f.indexed);
	assert_int_equal(f.nseqs, 5);
	assert_int_equal(f.nrcpts, 7);
	assert_true(f.same_as == seq_of[1]);
	assert_true(f.duplicate_of == SP_LINK_NONE);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		(void)facts_of(&f, rows[i].key, got, sizeof(got));
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s\n got: %s\nwant: %s", rows[i].key, got,
			    rows[i].want);
	}
	sp_family_done(&f);
	sp_must(sp_family_read(k->fx.dir, seq_of[3], &f, &err), &err);
	assert_true(f.duplicate_of == seq_of[1] && f.same_as == seq_of[1]);
	sp_family_done(&f);
	sp_must(sp_family_read(k->fx.dir, seq_of[4], &f, &err), &err);
	assert_true(f.conflict_with == seq_of[0]);
	sp_family_done(&f);
	sp_must(sp_family_read(k->fx.dir, 1u << 20, &f, &err), &err);
	assert_false(f.indexed);
	sp_family_done(&f);
}

/* ---- what is dropped is made again, the same ---------------------------- */

static void
remove_file(struct kit *k, const char *name)
{
	char *path = kit_shard(k, name);
	char *wal = sp_xasprintf("%s-wal", path);

	assert_int_equal(unlink(path), 0);
	(void)unlink(wal);
	free(wal);
	free(path);
}

static void
no_links(struct kit *k)
{
	remove_file(k, "links.sqlite");
}

static void
no_middle(struct kit *k)
{
	remove_file(k, "2026-11.sqlite");
}

static void
no_last(struct kit *k)
{
	remove_file(k, "2026-12.sqlite");
}

static void
no_first_and_no_links(struct kit *k)
{
	remove_file(k, "2026-10.sqlite");
	remove_file(k, "links.sqlite");
}

static void
nothing(struct kit *k)
{
	remove_file(k, "2026-10.sqlite");
	remove_file(k, "2026-11.sqlite");
	remove_file(k, "2026-12.sqlite");
	remove_file(k, "links.sqlite");
}

static void
links_run(struct kit *k, const char *text)
{
	char *path = kit_shard(k, "links.sqlite");
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	free(path);
}

static void
links_behind(struct kit *k)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "DELETE FROM family WHERE seq >= %llu;"
	    "DELETE FROM msgids WHERE seq >= %llu; UPDATE links SET next = "
	    "%llu",
	    (unsigned long long)seq_of[2], (unsigned long long)seq_of[2],
	    (unsigned long long)seq_of[2]);
	links_run(k, text);
}

/* As after a death between the commits: they speak of what is not there. */
static void
links_ahead(struct kit *k)
{
	remove_file(k, "2026-12.sqlite");
	links_run(k, "INSERT INTO family SELECT k, x, r, 1000000, first"
		     " FROM family LIMIT 1; UPDATE links SET next = 1000001");
}

static void
links_of_another(struct kit *k)
{
	links_run(k, "UPDATE links SET origin = 'other.example/x'");
}

static void
links_of_another_version(struct kit *k)
{
	links_run(k, "PRAGMA user_version = 99");
}

static void
links_cut_short(struct kit *k)
{
	char *path = kit_shard(k, "links.sqlite");

	links_run(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(truncate(path, 3000), 0);
	free(path);
}

static void
links_are_junk(struct kit *k)
{
	char *path = kit_shard(k, "links.sqlite");
	FILE *f;

	remove_file(k, "links.sqlite");
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_true(fputs("this is no database at all, but it is long enough"
			  " to look at, and then some more of it follows",
			f) >= 0);
	assert_int_equal(fclose(f), 0);
	free(path);
}

static void
test_what_is_dropped_is_made_again_the_same(void **state)
{
	static const struct {
		const char *name;
		void (*spoil)(struct kit *k);
	} rows[] = { { "no links", no_links }, { "no middle", no_middle },
		{ "no last", no_last },
		{ "no first and no links", no_first_and_no_links },
		{ "nothing", nothing }, { "links behind", links_behind },
		{ "links ahead", links_ahead },
		{ "links of another archive", links_of_another },
		{ "links of another version", links_of_another_version },
		{ "links cut short", links_cut_short },
		{ "links are junk", links_are_junk } };
	struct kit *k = *state;
	char *before = kit_rows(k);

	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		char *after;

		rows[i].spoil(k);
		kit_index(k);
		after = kit_rows(k);
		if (strcmp(before, after) != 0)
			fail_msg("%s\nbefore: %s\n after: %s", rows[i].name,
			    before, after);
		check_answers(k);
		free(after);
	}
	free(before);
}

/* Thousands of copies cost as much each as the first few. */
static void
test_many_copies_stay_cheap(void **state)
{
	struct kit k = { .reported = "" };
	struct sp_family f;
	struct sp_err err;
	char text[512];
	uint64_t first = 0;

	(void)state;
	kit_init(&k, "2026-11-01T00:00:00Z");
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t seq;

		(void)snprintf(text, sizeof(text),
		    "Received: by mx%u\r\nDelivered-To: u%u@x.example\r\n" BODY,
		    i % 1500, i % 1500);
		seq = kit_add(&k, text);
		if (i == 0)
			first = seq;
	}
	kit_index(&k);
	sp_must(sp_family_read(k.fx.dir, first, &f, &err), &err);
	assert_int_equal(f.nseqs, 3000);
	assert_int_equal(f.nread, SP_FAMILY_READ);
	sp_family_done(&f);
	assert_int_equal(strlen(kit_ask(&k, "flag:msgid_conflict")), 0);
	kit_done(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_copies_are_found_from_any_of_them, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_family_knows_all_recipients_and_why, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_is_dropped_is_made_again_the_same, setup,
		    teardown),
		cmocka_unit_test(test_many_copies_stay_cheap),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
