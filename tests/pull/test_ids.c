/* The table of what the log has of an account, and its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "journal/pull/doubts.h"
#include "journal/pull/ids.h"

static void
key_of(unsigned n, uint8_t key[SP_IDS_KEY])
{
	char uid[32];

	(void)snprintf(uid, sizeof(uid), "uid-%u", n);
	sp_ids_key(sp_view_str(""), 0, sp_view_str(uid), key);
}

static void
test_a_key_is_of_all_three(void **state)
{
	uint8_t a[SP_IDS_KEY], b[SP_IDS_KEY];
	static const struct {
		const char *box;
		uint64_t validity;
		const char *uid;
	} rows[] = { { "INBOX", 1, "1" }, { "INBOX", 1, "2" },
		{ "INBOX", 11, "" }, { "INBOX1", 1, "1" }, { "", 0, "1" },
		{ "INBOX", 2, "1" } };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		for (size_t k = 0; k < SP_COUNTOF(rows); k++) {
			sp_ids_key(sp_view_str(rows[i].box), rows[i].validity,
			    sp_view_str(rows[i].uid), a);
			sp_ids_key(sp_view_str(rows[k].box), rows[k].validity,
			    sp_view_str(rows[k].uid), b);
			assert_int_equal(memcmp(a, b, sizeof(a)) == 0, i == k);
		}
	}
}

static void
test_the_same_uidl_twice_is_two_messages(void **state)
{
	struct sp_ids *k = sp_ids_new();
	uint8_t a[SP_IDS_KEY];

	(void)state;
	key_of(1, a);
	sp_ids_listing_begin(k);
	assert_false(sp_ids_match_listed(k, a));
	assert_false(sp_ids_match_listed(k, a));
	sp_ids_add(k, a);
	/* Interrupted here: the second one is still to be had. */
	sp_ids_listing_begin(k);
	assert_true(sp_ids_match_listed(k, a));
	assert_false(sp_ids_match_listed(k, a));
	sp_ids_add(k, a);
	sp_ids_listing_begin(k);
	assert_true(sp_ids_match_listed(k, a));
	assert_true(sp_ids_match_listed(k, a));
	assert_false(sp_ids_match_listed(k, a));
	sp_ids_drop(k, a);
	sp_ids_drop(k, a);
	sp_ids_drop(k, a);
	assert_int_equal(sp_ids_count(k, a), 0);
	sp_ids_free(k);
}

static void
test_what_stays_away_is_forgotten(void **state)
{
	struct sp_ids *k = sp_ids_new();
	uint8_t a[SP_IDS_KEY], b[SP_IDS_KEY];

	(void)state;
	key_of(1, a);
	key_of(2, b);
	sp_ids_add(k, a);
	sp_ids_add(k, b);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sp_ids_count(k, a), 1);
		sp_ids_listing_begin(k);
		assert_true(sp_ids_match_listed(k, b));
		sp_ids_listing_complete(k);
	}
	assert_int_equal(sp_ids_count(k, a), 0);
	assert_int_equal(sp_ids_count(k, b), 1);
	sp_ids_free(k);
}

static void
test_a_large_table_survives_its_file(void **state)
{
	char dir[] = "/tmp/sp-ids-XXXXXX";
	struct sp_ids *k = sp_ids_new();
	uint8_t key[SP_IDS_KEY];
	uint64_t covered = 0;
	struct sp_err err;
	char *path;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = sp_xasprintf("%s/a", dir);
	for (unsigned i = 0; i < 5000; i++) {
		key_of(i, key);
		sp_ids_add(k, key);
		if (i % 3 == 0)
			sp_ids_add(k, key);
	}
	sp_ids_set_memo(k, sp_view_str("IN BOX"), sp_view_str("7 12\n"));
	assert_true(sp_ids_changed(k));
	assert_int_equal(sp_ids_save(k, path, "acc", 77, &err), SP_OK);
	assert_false(sp_ids_changed(k));
	sp_ids_load(k, path, "acc", &covered);
	assert_int_equal(covered, 77);
	assert_int_equal(sp_ids_size(k), 5000 + 1667);
	for (unsigned i = 0; i < 5000; i++) {
		key_of(i, key);
		assert_int_equal(sp_ids_count(k, key), i % 3 == 0 ? 2 : 1);
	}
	assert_string_equal(sp_ids_memo(k, sp_view_str("IN BOX")), "7 12\n");
	/* Another account's file is none. */
	sp_ids_load(k, path, "other", &covered);
	assert_int_equal(covered, 0);
	assert_int_equal(sp_ids_size(k), 0);
	sp_ids_load(k, "/nonexistent/x", "acc", &covered);
	assert_int_equal(covered, 0);
	assert_int_equal(sp_io_unlink(path, &err), SP_OK);
	assert_int_equal(rmdir(dir), 0);
	free(path);
	sp_ids_free(k);
}

static void
test_a_file_cut_anywhere_is_none(void **state)
{
	static const char text[] =
	    "sealpost/pull/2 acc\ncovered 12\nmemo YQ== Yg==\n"
	    "000102030405060708090a0b0c0d0e0f 3 "
	    "ff0102030405060708090a0b0c0d0e0f\n"
	    "doubt 000102030405060708090a0b0c0d0e0f short 1 0 179 0 - 0 0 - "
	    "YQ==\nend\n";
	static const char *const bad[] = {
		"sealpost/pull/1 acc\ncovered 12\nend\n",
		"sealpost/pull/2 acc\ncovered x\nend\n",
		"sealpost/pull/2 acc\ncovered 1\nend\nmore",
		"sealpost/pull/2 acc\ncovered 1\n00 1\nend\n",
		("sealpost/pull/2 acc\ncovered 1\n"
		 "000102030405060708090a0b0c0d0e0f 0 "
		 "000102030405060708090a0b0c0d0e0f\nend\n"),
		("sealpost/pull/2 acc\ncovered 1\n"
		 "000102030405060708090a0b0c0d0e0f 1\nend\n"),
		"sealpost/pull/2 acc\ncovered 1\ndoubt x\nend\n",
		"sealpost/pull/2 acc\ncovered 1\nmemo ? ?\nend\n",
	};
	struct sp_ids *k = sp_ids_new();
	uint64_t covered;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		assert_false(
		    sp_ids_parse(k, sp_view_mem(text, n), "acc", &covered));
		assert_int_equal(covered, 0);
		assert_int_equal(sp_ids_size(k), 0);
	}
	assert_true(sp_ids_parse(k, sp_view_str(text), "acc", &covered));
	assert_int_equal(covered, 12);
	assert_int_equal(sp_ids_size(k), 3);
	assert_int_equal(sp_doubts_count(sp_ids_doubts(k)), 1);
	for (size_t i = 0; i < SP_COUNTOF(bad); i++)
		assert_false(
		    sp_ids_parse(k, sp_view_str(bad[i]), "acc", &covered));
	sp_ids_free(k);
}

static void
test_a_new_name_for_the_same_content(void **state)
{
	static const uint8_t one[SP_IDS_CONTENT] = { 1 },
			     two[SP_IDS_CONTENT] = { 2 };
	struct sp_ids *k = sp_ids_new();
	uint8_t key[6][SP_IDS_KEY];

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		key_of(i, key[i]);
	sp_ids_add_content(k, key[0], one);
	sp_ids_add_content(k, key[1], one);
	sp_ids_add_content(k, key[2], two);
	sp_ids_add(k, key[5]); /* of unknown content */
	sp_ids_listing_begin(k);
	assert_true(sp_ids_match_listed(k, key[2]));
	assert_false(sp_ids_match_listed(k, key[3]));
	sp_ids_listing_complete(k);
	/* What is listed under its old name is another message. */
	assert_false(sp_ids_rename(k, key[3], two));
	/* Two copies were there: two new names, and no third. */
	assert_true(sp_ids_rename(k, key[3], one));
	assert_true(sp_ids_rename(k, key[4], one));
	assert_false(sp_ids_rename(k, key[5], one));
	assert_int_equal(sp_ids_size(k), 4);
	assert_int_equal(sp_ids_count(k, key[3]), 1);
	assert_int_equal(sp_ids_count(k, key[0]) + sp_ids_count(k, key[1]), 0);
	/* And again in the next session. */
	sp_ids_listing_begin(k);
	assert_true(sp_ids_match_listed(k, key[4]));
	assert_false(sp_ids_match_listed(k, key[0]));
	assert_true(sp_ids_rename(k, key[0], one));
	assert_int_equal(sp_ids_count(k, key[3]), 0);
	sp_ids_free(k);
}

static void
test_names_that_were_given_away_are_known_by_content(void **state)
{
	static const uint8_t one[SP_IDS_CONTENT] = { 1 },
			     two[SP_IDS_CONTENT] = { 2 },
			     three[SP_IDS_CONTENT] = { 3 };
	struct sp_ids *k = sp_ids_new();
	uint8_t key[5][SP_IDS_KEY];

	(void)state;
	for (unsigned i = 0; i < SP_COUNTOF(key); i++)
		key_of(i, key[i]);
	sp_ids_add_content(k, key[0], one);
	sp_ids_add_content(k, key[1], two);
	sp_ids_add(k, key[2]); /* of unknown content */
	sp_ids_listing_begin(k);
	assert_true(sp_ids_rebind(k, key[0], one));
	/* What the log does not have is new, whatever its name. */
	assert_false(sp_ids_rebind(k, key[0], three));
	assert_false(sp_ids_rebind(k, key[2], three));
	assert_false(sp_ids_rebind(k, key[3], three));
	/* Swapped; a name that was not known is new. */
	assert_true(sp_ids_rebind(k, key[0], two));
	assert_true(sp_ids_rebind(k, key[1], one));
	assert_false(sp_ids_rebind(k, key[3], one));
	assert_int_equal(sp_ids_count(k, key[0]), 1);
	assert_int_equal(sp_ids_count(k, key[3]), 0);
	assert_int_equal(sp_ids_size(k), 3);
	assert_true(sp_ids_changed(k));
	sp_ids_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_is_of_all_three),
		cmocka_unit_test(test_the_same_uidl_twice_is_two_messages),
		cmocka_unit_test(test_what_stays_away_is_forgotten),
		cmocka_unit_test(test_a_large_table_survives_its_file),
		cmocka_unit_test(test_a_file_cut_anywhere_is_none),
		cmocka_unit_test(test_a_new_name_for_the_same_content),
		cmocka_unit_test(
		    test_names_that_were_given_away_are_known_by_content),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
