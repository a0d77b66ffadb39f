/* A message whose words are all different: the index takes as much of it as
 * memory allows, and says what it left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "index/doc.h"
#include "tests/index/kit.h"

#define TEXT	((size_t)4 << 20) /* bytes; what is kept of a message */
#define MEMORY	((sqlite3_int64)110 << 20) /* bytes that SQLite may have */
#define LETTERS 20000u /* Chinese characters from U+4E00 on */

/* A message of ${n} bytes in a script without blanks; each pair of its
 * characters is one of ${pairs}. */
static char *
chinese(size_t n, uint64_t pairs, const char *first)
{
	struct sp_buf b;
	uint64_t seed = 1;

	sp_buf_init(&b, n + 4096);
	assert_int_equal(
	    sp_buf_addf(&b,
		"Subject: text\r\nContent-Type: text/plain;"
		" charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
		"%s ",
		first),
	    SP_OK);
	for (size_t at = b.n; at < n; at += 6) {
		uint64_t pair;

		seed =
		    seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		pair = (seed >> 33) % pairs;
		for (int i = 0; i < 2; i++) {
			uint32_t c =
			    0x4e00 + (uint32_t)(i == 0 ? pair / LETTERS
						       : pair % LETTERS);
			char u[3] = { (char)(0xe0 | (c >> 12)),
				(char)(0x80 | ((c >> 6) & 0x3f)),
				(char)(0x80 | (c & 0x3f)) };

			assert_int_equal(sp_buf_add(&b, u, 3), SP_OK);
		}
	}
	assert_int_equal(sp_buf_adds(&b, " lastword\r\n"), SP_OK);
	return (sp_buf_take(&b, NULL));
}

static void
test_memory_does_not_grow_with_the_words_of_a_message(void **state)
{
	char *msg =
	    chinese(TEXT - 4096, (uint64_t)LETTERS * LETTERS, "firstword");
	struct kit k;
	char want[32];
	uint64_t seq;

	(void)state;
	kit_init(&k, "2026-11-05T08:00:00Z");
	kit_clock(&k, "2026-11-05T08:00:01Z");
	seq = kit_add(&k, msg);
	(void)sqlite3_memory_highwater(1);
	kit_index(&k);
	if (sqlite3_memory_highwater(0) > MEMORY)
		fail_msg("SQLite had %lld bytes",
		    (long long)sqlite3_memory_highwater(0));
	(void)snprintf(want, sizeof(want), "%llu", (unsigned long long)seq);
	assert_string_equal(kit_ask(&k, "flag:index_cut"), want);
	assert_string_equal(kit_ask(&k, "body:firstword"), want);
	assert_string_equal(kit_ask(&k, "body:lastword"), "");
	kit_done(&k);
	free(msg);
}

/* Prose repeats its words, however long it is. */
static void
test_long_prose_is_indexed_to_its_end(void **state)
{
	char *msg = chinese(TEXT - 4096, 90000, "firstword");
	struct kit k;
	char want[32];
	uint64_t seq;

	(void)state;
	kit_init(&k, "2026-11-05T08:00:00Z");
	kit_clock(&k, "2026-11-05T08:00:01Z");
	seq = kit_add(&k, msg);
	kit_index(&k);
	(void)snprintf(want, sizeof(want), "%llu", (unsigned long long)seq);
	assert_string_equal(kit_ask(&k, "body:lastword body:firstword"), want);
	assert_string_equal(kit_ask(&k, "flag:index_cut"), "");
	kit_done(&k);
	free(msg);
}

/* People and file names are bounded too, and a cut ends behind an address. */
static void
test_people_are_bounded_behind_a_whole_address(void **state)
{
	struct sp_buf b;
	struct kit k;

	(void)state;
	sp_buf_init(&b, (size_t)64 << 20);
	assert_int_equal(sp_buf_adds(&b, "From: a@x.example\r\nTo: "), SP_OK);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(sp_buf_addf(&b,
				     "n%ua o%ub p%uc q%ud r%ue s%uf t%ug u%uh"
				     " <person%u@domain%u.example>,\r\n ",
				     i, i, i, i, i, i, i, i, i, i),
		    SP_OK);
	assert_int_equal(sp_buf_adds(&b, "z@x.example\r\n\r\ntext\r\n"), SP_OK);
	kit_init(&k, "2026-11-05T08:00:00Z");
	kit_clock(&k, "2026-11-05T08:00:01Z");
	(void)kit_add(&k, sp_buf_cstr(&b));
	(void)sqlite3_memory_highwater(1);
	kit_index(&k);
	assert_true(sqlite3_memory_highwater(0) < MEMORY);
	assert_string_not_equal(kit_ask(&k, "flag:index_cut"), "");
	assert_string_not_equal(kit_ask(&k, "to:person1@domain1.example"), "");
	assert_string_not_equal(kit_ask(&k, "body:text"), "");
	/* No address came of the cut. */
	assert_string_equal(kit_ask(&k, "to:@domain"), "");
	kit_done(&k);
	sp_buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_memory_does_not_grow_with_the_words_of_a_message),
		cmocka_unit_test(test_long_prose_is_indexed_to_its_end),
		cmocka_unit_test(
		    test_people_are_bounded_behind_a_whole_address),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
