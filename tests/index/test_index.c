/* The index against the log: months, damage, versions, rewinding. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/io.h"
#include "base/time_text.h"
#include "tests/index/kit.h"

#define SMTP "\"via\":\"smtp\",\"grade\":\"witnessed\""

/* Three months, a few dozen messages each, some events. */
static void
fill(struct kit *k)
{
	static const char *const times[] = { "2026-10-20T10:00:00Z",
		"2026-11-20T10:00:00Z", "2026-12-20T10:00:00Z" };

	kit_init(k, times[0]);
	for (size_t i = 0; i < SP_COUNTOF(times); i++) {
		kit_clock(k, times[i]);
		sp_fixture_add(&k->fx, 40, 8);
		(void)sp_fixture_add_event(
		    &k->fx, "show", "{\"seqs\":[1,[3,5]]}");
	}
}

static uint64_t
reach(struct kit *k)
{
	struct sp_err err;
	uint64_t n = 0;

	sp_must(sp_index_reach(k->fx.dir, &n, &err), &err);
	return (n);
}

static uint64_t
log_end(struct kit *k)
{
	struct sp_append *a = k->fx.append;

	return (sp_append_next_seq(a));
}

static bool
there(struct kit *k, const char *name)
{
	char *path = kit_shard(k, name);
	bool yes = sp_io_exists(path);

	free(path);
	return (yes);
}

static void
sql(struct kit *k, const char *name, const char *text)
{
	char *path = kit_shard(k, name);
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	free(path);
}

static void
test_each_month_has_its_shard(void **state)
{
	struct kit k;

	(void)state;
	fill(&k);
	kit_index(&k);
	assert_true(there(&k, "2026-10.sqlite"));
	assert_true(there(&k, "2026-11.sqlite"));
	assert_true(there(&k, "2026-12.sqlite"));
	assert_int_equal(reach(&k), log_end(&k));
	assert_true(kit_reported(&k, "indexed: first=0 "));
	kit_done(&k);
}

static void
test_an_entry_belongs_to_the_month_of_its_receipt_to_the_second(void **state)
{
	struct kit k;
	uint64_t a, b;
	char want[64];

	(void)state;
	kit_init(&k, "2026-11-30T23:59:30Z");
	kit_clock(&k, "2026-11-30T23:59:59Z");
	a = kit_add(&k, "Subject: last\r\n\r\nx\r\n");
	kit_clock(&k, "2026-12-01T00:00:00Z");
	b = kit_add(&k, "Subject: first\r\n\r\nx\r\n");
	kit_index(&k);
	(void)snprintf(want, sizeof(want), "%" PRIu64, a);
	assert_string_equal(kit_ask(&k, "received:2026-11 subject:last"), want);
	assert_string_equal(kit_ask(&k, "received:2026-12 subject:last"), "");
	(void)snprintf(want, sizeof(want), "%" PRIu64, b);
	assert_string_equal(kit_ask(&k, "received:2026-12"), want);
	(void)snprintf(want, sizeof(want), "%" PRIu64 " %" PRIu64, b, a);
	assert_string_equal(kit_ask(&k, ""), want);
	kit_done(&k);
}

static void
test_a_rebuilt_index_gives_the_same_rows(void **state)
{
	struct kit k;
	struct sp_index *ix = NULL;
	struct sp_err err;
	uint64_t behind;
	char *first, *again;

	(void)state;
	fill(&k);
	kit_index(&k);
	first = kit_rows(&k);
	sp_must(sp_index_open(k.fx.dir, k.fx.cfg, 0, NULL, &ix, &err), &err);
	sp_must(sp_index_drop(ix, 0, &err), &err);
	assert_int_equal(sp_index_cursor(ix), 0);
	assert_false(there(&k, "2026-10.sqlite"));
	sp_must(sp_index_update(ix, 0, &behind, &err), &err);
	assert_int_equal(behind, 0);
	sp_index_close(ix);
	again = kit_rows(&k);
	assert_string_equal(first, again);
	free(first);
	free(again);
	kit_done(&k);
}

static void
test_dropping_from_a_month_on_keeps_the_months_before(void **state)
{
	struct kit k;
	struct sp_index *ix = NULL;
	struct sp_err err;
	int64_t from, end;

	(void)state;
	fill(&k);
	kit_index(&k);
	sp_must(sp_time_parse_human("2026-11-25", NULL, 0, &from, &end, &err),
	    &err);
	sp_must(sp_index_open(k.fx.dir, k.fx.cfg, 0, NULL, &ix, &err), &err);
	sp_must(sp_index_drop(ix, from, &err), &err);
	assert_true(there(&k, "2026-10.sqlite"));
	assert_false(there(&k, "2026-11.sqlite"));
	assert_false(there(&k, "2026-12.sqlite"));
	sp_index_close(ix);
	kit_done(&k);
}

static void
test_small_steps_give_the_same_as_one(void **state)
{
	struct kit k;
	struct sp_index *ix = NULL;
	struct sp_err err;
	uint64_t behind = 1, steps = 0;
	char *first, *again;

	(void)state;
	fill(&k);
	kit_index(&k);
	first = kit_rows(&k);
	sp_must(sp_index_open(k.fx.dir, k.fx.cfg, 0, NULL, &ix, &err), &err);
	sp_must(sp_index_drop(ix, 0, &err), &err);
	for (; behind > 0; steps++)
		sp_must(sp_index_update(ix, 7, &behind, &err), &err);
	assert_true(steps >= log_end(&k) / 7);
	sp_index_close(ix);
	again = kit_rows(&k);
	assert_string_equal(first, again);
	free(first);
	free(again);
	kit_done(&k);
}

static void
break_header(struct kit *k)
{
	char *path = kit_shard(k, "2026-11.sqlite");
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "garbage garbage!", 16, 0), 16);
	(void)close(fd);
	free(path);
}

static void
cut_short(struct kit *k)
{
	char *path = kit_shard(k, "2026-11.sqlite");

	assert_int_equal(truncate(path, 5000), 0);
	free(path);
}

static void
remove_shard(struct kit *k)
{
	char *path = kit_shard(k, "2026-11.sqlite");

	assert_int_equal(unlink(path), 0);
	free(path);
}

static void
other_schema(struct kit *k)
{
	sql(k, "2026-11.sqlite", "PRAGMA user_version = 9999");
}

static void
other_tokenizer(struct kit *k)
{
	sql(k, "2026-11.sqlite", "UPDATE shard SET tokenizer = 'old'");
}

static void
other_archive(struct kit *k)
{
	sql(k, "2026-11.sqlite", "UPDATE shard SET origin = 'other.example/x'");
}

static void
overlapping(struct kit *k)
{
	sql(k, "2026-11.sqlite", "UPDATE shard SET first = first - 1");
}

static void
unfinished(struct kit *k)
{
	char *path = kit_shard(k, "2026-11.sqlite");

	assert_int_equal(truncate(path, 0), 0);
	free(path);
}

static const struct {
	const char *name, *reported;
	void (*harm)(struct kit *k);
} harms[] = {
	{ "a broken header", "shard_damaged: index/2026-11.sqlite",
	    break_header },
	{ "a file cut short", "shard_damaged: index/2026-11.sqlite",
	    cut_short },
	{ "a missing file", "indexed: ", remove_shard },
	{ "a file never finished", "indexed: ", unfinished },
	{ "another schema", "rewound: index/2026-11.sqlite", other_schema },
	{ "another tokenizer", "rewound: index/2026-11.sqlite",
	    other_tokenizer },
	{ "another archive", "rewound: index/2026-11.sqlite", other_archive },
	{ "an overlap", "rewound: index/2026-11.sqlite", overlapping },
};

static void
test_a_shard_that_cannot_be_used_is_indexed_again(void **state)
{
	struct kit k;
	char *first, *again;

	(void)state;
	fill(&k);
	kit_index(&k);
	first = kit_rows(&k);
	for (size_t i = 0; i < SP_COUNTOF(harms); i++) {
		harms[i].harm(&k);
		if (reach(&k) >= log_end(&k))
			fail_msg("%s: not noticed by readers", harms[i].name);
		kit_index(&k);
		if (!kit_reported(&k, harms[i].reported))
			fail_msg("%s: said \"%s\"", harms[i].name, k.reported);
		assert_int_equal(reach(&k), log_end(&k));
		again = kit_rows(&k);
		if (strcmp(first, again) != 0)
			fail_msg("%s: other rows than before", harms[i].name);
		free(again);
		/* and nothing is left to do */
		kit_index(&k);
		assert_string_equal(k.reported, "");
	}
	free(first);
	kit_done(&k);
}

/* Overwrite every page but the first. */
static void
break_pages(struct kit *k, const char *name)
{
	char *path = kit_shard(k, name), junk[4096];
	struct stat st;
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	memset(junk, 0xa5, sizeof(junk));
	for (off_t at = 4096; at < st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, junk, 4096, at), 4096);
	(void)close(fd);
	free(path);
}

static void
test_damage_found_after_a_power_cut_is_repaired(void **state)
{
	struct kit k;
	char *first, *again;
	const char *broken = "shard_damaged: index/2026-10.sqlite";

	(void)state;
	fill(&k);
	kit_index(&k);
	first = kit_rows(&k);
	/* Left open by a writer in another run of the system, and half of
	 * the tables hold other pages: readable, but wrong. */
	sql(&k, "2026-10.sqlite",
	    "UPDATE shard SET opened = 'some other boot';"
	    "PRAGMA writable_schema = ON;"
	    "UPDATE sqlite_schema SET rootpage ="
	    " (SELECT rootpage FROM sqlite_schema WHERE name = 'parties')"
	    " WHERE name = 'attachments'");
	kit_index(&k);
	if (!kit_reported(&k, broken))
		fail_msg("said \"%s\"", k.reported);
	again = kit_rows(&k);
	assert_string_equal(first, again);
	free(first);
	free(again);
	/* One that is whole is only looked at. */
	sql(&k, "2026-11.sqlite", "UPDATE shard SET opened = 'other boot'");
	kit_index(&k);
	assert_string_equal(k.reported, "");
	kit_done(&k);
}

static void
test_damage_met_while_writing_is_repaired(void **state)
{
	struct kit k;

	(void)state;
	fill(&k);
	kit_index(&k);
	break_pages(&k, "2026-12.sqlite");
	sp_fixture_add(&k.fx, 10, 5);
	kit_index(&k);
	assert_true(kit_reported(&k, "shard_damaged: index/2026-12.sqlite"));
	assert_int_equal(reach(&k), log_end(&k));
	kit_done(&k);
}

static void
test_a_search_in_a_damaged_shard_fails_and_says_what_to_do(void **state)
{
	struct kit k;

	(void)state;
	fill(&k);
	kit_index(&k);
	sql(&k, "2026-11.sqlite",
	    "PRAGMA writable_schema = ON;"
	    "UPDATE sqlite_schema SET rootpage ="
	    " (SELECT rootpage FROM sqlite_schema WHERE name = 'parties')"
	    " WHERE name = 'messages'");
	assert_non_null(strstr(kit_ask(&k, "larger:1"), "reindex"));
	kit_done(&k);
}

static void
test_an_index_of_another_log_is_rewound(void **state)
{
	struct kit k, other;
	char *from, *to;

	(void)state;
	fill(&k);
	kit_index(&k);
	fill(&other);
	kit_index(&other);
	/* The same origin and the same messages, but other salts. */
	for (int m = 10; m <= 12; m++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "2026-%d.sqlite", m);
		from = kit_shard(&other, name);
		to = kit_shard(&k, name);
		assert_int_equal(rename(from, to), 0);
		free(from);
		free(to);
	}
	kit_index(&k);
	assert_true(kit_reported(&k, "rewound: index/2026-12.sqlite"));
	assert_true(kit_reported(&k, "rewound: index/2026-10.sqlite"));
	assert_true(kit_reported(&k, "another one in the log"));
	assert_int_equal(reach(&k), log_end(&k));
	kit_done(&other);
	kit_done(&k);
}

static void
test_a_log_shorter_than_the_index_rewinds_it(void **state)
{
	struct kit k, other;
	char *from, *to;

	(void)state;
	fill(&k);
	sp_fixture_add(&k.fx, 10, 5);
	kit_index(&k);
	kit_init(&other, "2026-12-20T10:00:00Z");
	kit_clock(&other, "2026-12-20T10:00:00Z");
	sp_fixture_add(&other.fx, 3, 3);
	kit_index(&other);
	from = kit_shard(&k, "2026-10.sqlite");
	to = kit_shard(&other, "2026-10.sqlite");
	assert_int_equal(rename(from, to), 0);
	free(from);
	free(to);
	kit_index(&other);
	assert_true(kit_reported(&other, "rewound"));
	assert_int_equal(reach(&other), log_end(&other));
	kit_done(&other);
	kit_done(&k);
}

static enum sp_code
on_event(void *ctx, uint64_t seq, struct sp_err *err)
{
	uint64_t *sum = ctx;

	(void)err;
	*sum += seq;
	return (SP_OK);
}

static void
test_events_are_listed_and_no_search_finds_them(void **state)
{
	struct kit k;
	uint64_t seq, sum = 0;
	struct sp_err err;

	(void)state;
	kit_init(&k, "2026-11-20T10:00:00Z");
	kit_clock(&k, "2026-11-20T10:00:00Z");
	seq = sp_fixture_add_event(&k.fx, "show", "{\"seqs\":[0]}");
	kit_index(&k);
	sp_must(sp_search_events(
		    k.fx.dir, INT64_MIN, INT64_MAX, on_event, &sum, &err),
	    &err);
	assert_int_equal(sum, seq);
	assert_string_equal(kit_ask(&k, ""), "");
	kit_done(&k);
}

static void
test_sealed_and_unsealed_entries_are_indexed_alike(void **state)
{
	struct kit k;
	char *first, *again;
	struct sp_index *ix = NULL;
	struct sp_err err;

	(void)state;
	fill(&k);
	kit_index(&k);
	first = kit_rows(&k);
	sp_fixture_rotate(&k.fx);
	(void)sp_fixture_seal(&k.fx);
	sp_must(sp_index_open(k.fx.dir, k.fx.cfg, 0, NULL, &ix, &err), &err);
	sp_must(sp_index_drop(ix, 0, &err), &err);
	sp_index_close(ix);
	kit_index(&k);
	again = kit_rows(&k);
	assert_string_equal(first, again);
	free(first);
	free(again);
	kit_done(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_month_has_its_shard),
		cmocka_unit_test(
		    test_an_entry_belongs_to_the_month_of_its_receipt_to_the_second),
		cmocka_unit_test(test_a_rebuilt_index_gives_the_same_rows),
		cmocka_unit_test(
		    test_dropping_from_a_month_on_keeps_the_months_before),
		cmocka_unit_test(test_small_steps_give_the_same_as_one),
		cmocka_unit_test(
		    test_a_shard_that_cannot_be_used_is_indexed_again),
		cmocka_unit_test(
		    test_damage_found_after_a_power_cut_is_repaired),
		cmocka_unit_test(test_damage_met_while_writing_is_repaired),
		cmocka_unit_test(
		    test_a_search_in_a_damaged_shard_fails_and_says_what_to_do),
		cmocka_unit_test(test_an_index_of_another_log_is_rewound),
		cmocka_unit_test(test_a_log_shorter_than_the_index_rewinds_it),
		cmocka_unit_test(
		    test_events_are_listed_and_no_search_finds_them),
		cmocka_unit_test(
		    test_sealed_and_unsealed_entries_are_indexed_alike),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
