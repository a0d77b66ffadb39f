/* Mail that kills the parser is met at most twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "index/careful.h"
#include "tests/index/kit.h"

/* An indexer that begins at entry ${cursor} and dies at ${seq}; how it would
 * have treated that entry. */
static enum sp_doc_parse
die_at(struct kit *k, uint64_t cursor, uint64_t seq)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		struct sp_careful *c = sp_careful_open(k->fx.dir, cursor);

		for (uint64_t i = cursor; i < seq; i++)
			(void)sp_careful_before(c, i);
		_exit((int)sp_careful_before(c, seq));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return ((enum sp_doc_parse)WEXITSTATUS(status));
}

static void
test_an_entry_that_killed_twice_is_skipped(void **state)
{
	struct kit k;
	struct sp_careful *c;

	(void)state;
	kit_init(&k, "2026-11-20T10:00:00Z");
	c = sp_careful_open(k.fx.dir, 0);
	assert_false(sp_careful_needed(c, 0));
	sp_careful_close(c);
	/* in fast mode nobody knows where; then twice at entry 5 */
	assert_int_equal(die_at(&k, 0, 5), SP_DOC_PARSE);
	assert_int_equal(die_at(&k, 0, 5), SP_DOC_PARSE);
	assert_int_equal(die_at(&k, 3, 5), SP_DOC_PARSE);
	assert_int_equal(die_at(&k, 3, 5), SP_DOC_SKIP);
	kit_done(&k);
}

static void
test_deaths_at_different_entries_skip_none(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k, "2026-11-20T10:00:00Z");
	for (uint64_t seq = 2; seq < 8; seq++)
		assert_int_equal(die_at(&k, 0, seq), SP_DOC_PARSE);
	kit_done(&k);
}

static void
test_care_ends_once_all_that_was_ahead_is_past(void **state)
{
	struct kit k;
	struct sp_careful *c;

	(void)state;
	kit_init(&k, "2026-11-20T10:00:00Z");
	(void)die_at(&k, 0, 1);
	c = sp_careful_open(k.fx.dir, 0);
	assert_true(sp_careful_needed(c, 0));
	assert_true(sp_careful_needed(c, SP_CAREFUL_ENTRIES - 1));
	assert_false(sp_careful_needed(c, SP_CAREFUL_ENTRIES));
	sp_careful_past(c, SP_CAREFUL_ENTRIES - 1);
	assert_true(sp_careful_needed(c, SP_CAREFUL_ENTRIES - 1));
	sp_careful_past(c, SP_CAREFUL_ENTRIES);
	assert_false(sp_careful_needed(c, SP_CAREFUL_ENTRIES - 1));
	sp_careful_close(c);
	kit_done(&k);
}

static void
test_a_skipped_message_is_found_by_its_header_and_flag(void **state)
{
	static const char line[] = "CAREFUL 8192 1 1\n";
	struct kit k;
	char *path, *rows;
	uint64_t seq;
	struct sp_err err;

	(void)state;
	kit_init(&k, "2026-11-20T10:00:00Z");
	kit_clock(&k, "2026-11-20T10:00:00Z");
	do
		seq = kit_add(&k,
		    "Subject: poison\r\nX-Odd: weird=\x01=a@b\x01\r\n\r\n"
		    "hidden text\r\n");
	while (seq < 1);
	path = sp_fixture_path(&k.fx, "state/index.running");
	sp_must(sp_io_replace(path, line, sizeof(line) - 1, 0640, &err), &err);
	kit_index(&k);
	assert_string_equal(kit_ask(&k, "flag:unparsed"), "1");
	assert_string_equal(kit_ask(&k, "poison"), "1");
	assert_string_equal(kit_ask(&k, "hidden seq:1"), "");
	assert_string_equal(
	    kit_ask(&k, "envelope-from:alice@corp.example seq:1"), "1");
	rows = kit_rows(&k);
	assert_non_null(strstr(rows, "\"subject\":null"));
	assert_false(sp_io_exists(path));
	free(rows);
	free(path);
	kit_done(&k);
}

static void
test_no_text_can_forge_an_address(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k, "2026-11-20T10:00:00Z");
	kit_clock(&k, "2026-11-20T10:00:00Z");
	(void)kit_add(&k, "From: \"\x01=eve@x.example\x01\" <a@b.example>\r\n"
			  "Subject: \x01:hattachment\x01\r\n"
			  "Content-Type: text/plain\r\n\r\n"
			  "\x01=eve@x.example\x01 \x01:hattachment\x01\r\n");
	kit_index(&k);
	assert_string_equal(kit_ask(&k, "from:eve@x.example"), "");
	assert_string_equal(kit_ask(&k, "has:attachment"), "");
	kit_done(&k);
}

/* Address and name of both messages are the same bytes one behind the other,
 * cut at another place, and too long for the short cut of put.c. */
static void
test_no_long_name_passes_for_part_of_an_address(void **state)
{
	char name[600], first[800], second[800], *rows;
	struct kit k;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(first, sizeof(first),
	    "From: \"e%s\" <eve@b.exampl>\r\n\r\nA\r\n", name);
	(void)snprintf(second, sizeof(second),
	    "From: \"%s\" <eve@b.example>\r\n\r\nB\r\n", name);
	kit_init(&k, "2026-11-20T10:00:00Z");
	kit_clock(&k, "2026-11-20T10:00:00Z");
	(void)kit_add(&k, first);
	(void)kit_add(&k, second);
	kit_index(&k);
	rows = kit_rows(&k);
	assert_non_null(strstr(rows, "\"eve@b.exampl\""));
	assert_non_null(strstr(rows, "\"eve@b.example\""));
	free(rows);
	kit_done(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_entry_that_killed_twice_is_skipped),
		cmocka_unit_test(test_deaths_at_different_entries_skip_none),
		cmocka_unit_test(
		    test_care_ends_once_all_that_was_ahead_is_past),
		cmocka_unit_test(
		    test_a_skipped_message_is_found_by_its_header_and_flag),
		cmocka_unit_test(test_no_text_can_forge_an_address),
		cmocka_unit_test(
		    test_no_long_name_passes_for_part_of_an_address),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
