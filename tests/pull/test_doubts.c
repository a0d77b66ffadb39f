/* The table of announced messages that are not captured, and its lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "journal/pull/doubts.h"

#define SECOND ((int64_t)1000000)

static void
key_of(unsigned n, uint8_t key[SP_IDS_KEY])
{
	char uid[32];

	(void)snprintf(uid, sizeof(uid), "uid-%u", n);
	sp_ids_key(sp_view_str(""), 0, sp_view_str(uid), key);
}

static void
test_entries_are_found_by_key(void **state)
{
	struct sp_doubts *d = sp_doubts_new();
	uint8_t key[SP_IDS_KEY];

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		key_of(i, key);
		assert_null(sp_doubts_find(d, key));
		assert_non_null(sp_doubts_add(d, key, "x"));
		assert_ptr_equal(
		    sp_doubts_add(d, key, "y"), sp_doubts_find(d, key));
	}
	for (unsigned i = 0; i < 300; i += 2) {
		key_of(i, key);
		sp_doubts_drop(d, key);
		sp_doubts_drop(d, key);
		assert_null(sp_doubts_find(d, key));
	}
	assert_int_equal(sp_doubts_count(d), 150);
	sp_doubts_session(d);
	key_of(7, key);
	sp_doubts_find(d, key)->seen = true;
	sp_doubts_listing_complete(d);
	assert_int_equal(sp_doubts_count(d), 150);
	sp_doubts_drop_gone(d);
	assert_int_equal(sp_doubts_count(d), 1);
	assert_non_null(sp_doubts_find(d, key));
	sp_doubts_free(d);
}

static void
test_a_name_is_cut_between_characters(void **state)
{
	struct sp_doubts *d = sp_doubts_new();
	char name[400];

	(void)state;
	for (unsigned first = 0; first < 4; first++) {
		uint8_t key[SP_IDS_KEY];
		const struct sp_doubt *one;

		key_of(first, key);
		memset(name, 'x', first);
		for (size_t i = first; i + 2 < sizeof(name); i += 2)
			memcpy(name + i, "\xc3\xa4", 3);
		one = sp_doubts_add(d, key, name);
		assert_in_range(
		    strlen(one->name), SP_DOUBTS_NAME - 2, SP_DOUBTS_NAME - 1);
		assert_true(sp_view_is_utf8(sp_view_str(one->name)));
		key_of(100 + first, key);
		one = sp_doubts_add(d, key, "UID \x1b[31m\x7f\n");
		assert_string_equal(one->name, "UID ?[31m??");
		key_of(200 + first, key);
		one = sp_doubts_add(d, key, "UID \xc2\x9b\x31m \xff \xc3\xa4");
		assert_string_equal(one->name, "UID ??1m ? \xc3\xa4");
	}
	sp_doubts_free(d);
}

static void
test_a_name_that_the_log_did_not_know_comes_with_the_listing(void **state)
{
	struct sp_doubts *d = sp_doubts_new();
	uint8_t key[SP_IDS_KEY], content[SP_DOUBTS_CONTENT] = { 7 };
	struct sp_doubt *one;

	(void)state;
	key_of(1, key);
	one = sp_doubts_add(d, key, "");
	assert_false(sp_doubts_stored(d, content));
	one->stored = true;
	memcpy(one->content, content, sizeof(content));
	assert_true(sp_doubts_stored(d, content));
	assert_string_equal(sp_doubts_add(d, key, "UIDL 1")->name, "UIDL 1");
	assert_string_equal(sp_doubts_add(d, key, "UIDL 2")->name, "UIDL 1");
	sp_doubts_free(d);
}

static void
test_a_list_of_names_fits_its_room(void **state)
{
	struct sp_doubts *d = sp_doubts_new();
	char want[4000], got[4000];
	uint8_t key[SP_IDS_KEY];

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		key_of(i, key);
		sp_doubts_add(d, key, "UIDL x")->why = SP_DOUBT_REFUSED;
	}
	key_of(9, key);
	(void)sp_doubts_add(d, key, "");
	sp_doubts_names(d, want, sizeof(want));
	assert_non_null(strstr(want, "UIDL x (the server refuses to give it)"));
	assert_non_null(strstr(want, "a message of an earlier visit ("));
	for (size_t room = 4; room < strlen(want) + 10; room++) {
		size_t n;

		memset(got, '!', sizeof(got));
		sp_doubts_names(d, got, room);
		n = strlen(got);
		assert_in_range(n, 1, room - 1);
		if (strcmp(got, want) == 0)
			continue;
		assert_true(n >= 3 && strcmp(got + n - 3, "...") == 0);
		assert_memory_equal(got, want, n > 5 ? n - 5 : 0);
		assert_null(strstr(got, "......"));
	}
	assert_string_equal(got, want);
	sp_doubts_free(d);
}

static void
test_what_had_no_name_is_settled_by_its_size(void **state)
{
	struct sp_doubts *d = sp_doubts_new();
	uint8_t key[SP_IDS_KEY];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		key_of(i, key);
		sp_doubts_add(d, key,
		    i == 3 ? "UIDL x" : SP_DOUBTS_UNNAMED ", 7 bytes, no. 1")
		    ->announced = 7;
		sp_doubts_find(d, key)->seen = i == 0;
	}
	sp_doubts_listing_complete(d);
	sp_doubts_settle_unnamed(d, 8);
	assert_int_equal(sp_doubts_count(d), 4);
	for (unsigned i = 0; i < 3; i++)
		sp_doubts_settle_unnamed(d, 7);
	assert_int_equal(sp_doubts_count(d), 2);
	key_of(3, key);
	assert_non_null(sp_doubts_find(d, key));
	sp_doubts_free(d);
}

static void
test_the_table_has_an_end(void **state)
{
	struct sp_doubts *d = sp_doubts_new();
	uint8_t key[SP_IDS_KEY];

	(void)state;
	for (unsigned i = 0; i < SP_DOUBTS_MAX; i++) {
		key_of(i, key);
		assert_non_null(sp_doubts_add(d, key, "x"));
	}
	key_of(SP_DOUBTS_MAX, key);
	assert_null(sp_doubts_add(d, key, "x"));
	sp_doubts_free(d);
}

static void
test_the_pause_begins_at_the_second_visit_and_doubles_up_to_a_day(void **state)
{
	struct sp_doubt one = { .failures = 0 };
	int64_t now = 1000 * SECOND, want = 0;

	(void)state;
	assert_true(sp_doubts_due(&one, now));
	for (int i = 0; i < 20; i++) {
		one.tries = 1;
		sp_doubts_put_off(&one, now);
		one.tries = 2; /* once more in the same visit */
		sp_doubts_put_off(&one, now);
		assert_int_equal(one.next, now + want * SECOND);
		if (want > 0)
			assert_false(
			    sp_doubts_due(&one, now + want * SECOND - 1));
		assert_true(sp_doubts_due(&one, now + want * SECOND));
		/* The clock was set back by a year. */
		assert_true(
		    sp_doubts_due(&one, now - (int64_t)31536000 * SECOND));
		want = want == 0 ? 60 : want * 2;
		want = want < 86400 ? want : 86400;
	}
}

static void
test_lines_are_read_as_written(void **state)
{
	struct sp_doubts *d = sp_doubts_new(), *e = sp_doubts_new();
	uint8_t key[SP_IDS_KEY];
	struct sp_buf b, again;
	struct sp_doubt *one;
	struct sp_view text, line;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		key_of(i, key);
		one = sp_doubts_add(d, key, i % 3 == 0 ? "UIDL a b" : "");
		one->why = (enum sp_doubt_why)(1 + i % 8);
		one->announced = i % 2 == 0 ? SP_WHOLE_SIZE_UNKNOWN : i;
		one->past = (struct sp_whole_past){ .any = i % 4 == 0,
			.bytes = i,
			.since = i * SECOND,
			.session = i };
		one->stored = i % 5 == 0;
		one->failures = i;
		one->next = i;
	}
	sp_buf_init(&b, 1u << 20);
	sp_buf_init(&again, 1u << 20);
	assert_int_equal(sp_doubts_format(d, &b), SP_OK);
	text = sp_buf_view(&b);
	while (text.n > 0) {
		line = sp_view_cut(&text, '\n');
		assert_true(sp_view_starts(line, "doubt "));
		(void)sp_view_cut(&line, ' ');
		assert_true(sp_doubts_parse(e, line));
		/* Cut anywhere it is none, or another name: never a crash. */
		for (size_t n = 0; n < line.n; n++) {
			struct sp_doubts *cut = sp_doubts_new();

			(void)sp_doubts_parse(cut, sp_view_mem(line.p, n));
			sp_doubts_free(cut);
		}
	}
	assert_int_equal(sp_doubts_format(e, &again), SP_OK);
	assert_true(sp_view_eq(sp_buf_view(&b), sp_buf_view(&again)));
	assert_false(sp_doubts_parse(e, sp_view_str("")));
	assert_false(sp_doubts_parse(e, sp_view_str("00 1 2 3")));
	sp_buf_done(&b);
	sp_buf_done(&again);
	sp_doubts_free(d);
	sp_doubts_free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_are_found_by_key),
		cmocka_unit_test(test_a_name_is_cut_between_characters),
		cmocka_unit_test(
		    test_a_name_that_the_log_did_not_know_comes_with_the_listing),
		cmocka_unit_test(test_a_list_of_names_fits_its_room),
		cmocka_unit_test(test_what_had_no_name_is_settled_by_its_size),
		cmocka_unit_test(test_the_table_has_an_end),
		cmocka_unit_test(
		    test_the_pause_begins_at_the_second_visit_and_doubles_up_to_a_day),
		cmocka_unit_test(test_lines_are_read_as_written),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
