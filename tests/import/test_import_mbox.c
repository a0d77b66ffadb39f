/* mbox: where a message begins and ends, and that no byte of it is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha256.h"
#include "import_kit.h"

#define F     "From ann@corp.example Mon Jan  5 10:00:00 2026\n"
#define F_CR  "From ann@corp.example Mon Jan  5 10:00:00 2026\r\n"
#define HEAD  "Subject: x\n\n"
#define CHUNK (256u << 10) /* what the reader reads at a time */

static void
test_a_from_line_has_a_whole_date(void **state)
{
	static const struct {
		const char *name, *line;
		bool want;
	} t[] = {
		{ "RFC 4155", "From ann@corp.example Mon Jan  5 10:00:00 2026",
		    true },
		{ "two digits", "From ann@x Mon Jan 05 10:00:00 2026", true },
		{ "no seconds", "From ann@x Mon Jan 5 10:00 2026", true },
		{ "zone before the year",
		    "From ann@x Mon Jan  5 10:00:00 +0100 2026", true },
		{ "zone name before the year",
		    "From ann@x Mon Jan  5 10:00:00 CET 2026", true },
		{ "zone behind the year",
		    "From ann@x Mon Jan  5 10:00:00 2026 +0100", true },
		{ "two zones", "From ann@x Mon Jan 5 10:00 MET DST 1993",
		    true },
		{ "as in a Date header",
		    "From ann@x Mon, 5 Jan 2026 10:00:00 +0100", true },
		{ "zone in parentheses",
		    "From ann@x Mon, 5 Jan 2026 10:00:00 +0100 (CET)", true },
		{ "Thunderbird", "From - Mon Jan 05 10:00:00 2026", true },
		{ "Google",
		    "From 1779877983716551612@xxx Sun Oct 01 05:11:12 +0000 "
		    "2023",
		    true },
		{ "pipermail",
		    "From ann at corp.example  Mon Jan  5 10:00:00 2026",
		    true },
		{ "UUCP", "From ann Mon Jan  5 10:00:00 1993 remote from host",
		    true },
		{ "Eudora", "From \?\?\?@\?\?\? Mon Jan 05 10:00:00 1998",
		    true },
		{ "no sender", "From  Mon Jan  5 10:00:00 2026", true },
		{ "blanks in the sender",
		    "From \"ann archer\"@x Mon Jan  5 10:00:00 2026", true },
		{ "CR at the end", "From ann@x Mon Jan  5 10:00:00 2026\r",
		    true },
		{ "nothing else", "From ", false },
		{ "a sentence", "From here on it gets worse.", false },
		{ "a sentence with time and year",
		    "From 10:30 on in 2026 we will meet", false },
		{ "a sentence with a day",
		    "From Mon to Fri at 10:00 in 2026 the office is open",
		    false },
		{ "an itinerary",
		    "From Mon Jan 5 10:00 2026 until Tue Jan 6 we travel",
		    false },
		{ "no year", "From ann@x Mon Jan  5 10:00:00", false },
		{ "year of two digits", "From ann@x Mon Jan  5 10:00:00 26",
		    false },
		{ "no time", "From ann@x Mon Jan  5 2026", false },
		{ "no month", "From ann@x Mon 5 10:00:00 2026", false },
		{ "no day of the week", "From ann@x Jan  5 10:00:00 2026",
		    false },
		{ "two years", "From ann@x Mon Jan 5 10:00:00 2026 2027",
		    false },
		{ "lower case", "from ann@x Mon Jan  5 10:00:00 2026", false },
		{ "a header", "From: ann@x Mon Jan  5 10:00:00 2026", false },
		{ "quoted", ">From ann@x Mon Jan  5 10:00:00 2026", false },
		{ "a blank before", " From ann@x Mon Jan  5 10:00:00 2026",
		    false },
		{ "empty", "", false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		if (sp_import_is_from_line(sp_view_str(t[i].line)) != t[i].want)
			fail_msg("%s: \"%s\" should be %s", t[i].name,
			    t[i].line, t[i].want ? "one" : "none");
	}
}

static void
test_messages_end_at_the_next_from_line(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
		const char *msg[4];
		unsigned quoted; /* a bit each */
	} t[] = {
		{ "one", F "A: 1\n\nx\n", 1, { "A: 1\n\nx\n" }, 0 },
		{ "one and its empty line", F "A: 1\n\nx\n\n", 1,
		    { "A: 1\n\nx\n" }, 0 },
		{ "two", F "A: 1\n\nx\n\n" F "A: 2\n\ny\n\n", 2,
		    { "A: 1\n\nx\n", "A: 2\n\ny\n" }, 0 },
		{ "three, one without a body",
		    F "A: 1\n\nx\n\n" F "A: 2\n\n" F "A: 3\n\nz\n", 3,
		    { "A: 1\n\nx\n", "A: 2\n", "A: 3\n\nz\n" }, 0 },
		{ "CRLF", F_CR "A: 1\r\n\r\nx\r\n\r\n" F_CR "A: 2\r\n\r\ny\r\n",
		    2, { "A: 1\r\n\r\nx\r\n", "A: 2\r\n\r\ny\r\n" }, 0 },
		{ "no header behind: text", F "A: 1\n\nx\n" F "y\n", 1,
		    { "A: 1\n\nx\n" F "y\n" }, 0 },
		{ "an empty line and no date: text",
		    F "A: 1\n\nx\n\nFrom here on\n", 1,
		    { "A: 1\n\nx\n\nFrom here on\n" }, 0 },
		{ "quoted", F "A: 1\n\n>From here on\n", 1,
		    { "A: 1\n\n>From here on\n" }, 1 },
		{ "quoted twice is not undone either",
		    F "A: 1\n\n>>From here\n\n" F "A: 2\n\n>From x\n", 2,
		    { "A: 1\n\n>>From here\n", "A: 2\n\n>From x\n" }, 2 },
		{ "quoted in the first line of a message", F ">From x\n\ny\n",
		    1, { ">From x\n\ny\n" }, 1 },
		{ "empty lines at the end but one are the message's",
		    F "A: 1\n\nx\n\n\n\n" F "A: 2\n\ny\n", 2,
		    { "A: 1\n\nx\n\n\n", "A: 2\n\ny\n" }, 0 },
		{ "no line end at the end", F "A: 1\n\nx", 1, { "A: 1\n\nx" },
		    0 },
		{ "a From line at the end: text",
		    F "A: 1\n\nx\n\nFrom a@x Mon Jan  5 10:00:00 2026", 1,
		    { "A: 1\n\nx\n\nFrom a@x Mon Jan  5 10:00:00 2026" }, 0 },
	};
	struct kit *k = kit_new();

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		kit_puts(k, "a.mbox", t[i].text);
		assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
		if (k->n != t[i].n || k->failed != 0)
			fail_msg("%s: %zu messages, %zu failed, want %zu",
			    t[i].name, k->n, k->failed, t[i].n);
		for (size_t m = 0; m < k->n; m++) {
			const struct kit_item *it = &k->item[m];

			if (strcmp(it->msg, t[i].msg[m]) != 0)
				fail_msg("%s: message %zu is \"%s\", want "
					 "\"%s\"",
				    t[i].name, m, it->msg, t[i].msg[m]);
			assert_true(it->mbox);
			assert_int_equal(
			    it->quoted, (t[i].quoted >> m & 1) != 0);
			/* The record can lead back to the place. */
			assert_int_equal(
			    strncmp(t[i].text + it->offset, it->from_line,
				strlen(it->from_line)),
			    0);
		}
		kit_clear(k);
	}
	kit_free(k);
}

static void
test_the_file_and_its_digest_are_named(void **state)
{
	static const char text[] = F "A: 1\n\nx\n\n" F "A: 2\n\ny\n";
	struct kit *k = kit_new();
	uint8_t want[SP_SHA256_LEN];
	char *path = kit_path(k, "in/box.mbox");

	(void)state;
	sp_sha256_once(text, strlen(text), want);
	kit_puts(k, "in/box.mbox", text);
	assert_int_equal(kit_import(k, "in"), SP_OK);
	assert_int_equal(k->n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_memory_equal(k->item[i].file_sha256, want, sizeof(want));
		assert_string_equal(k->item[i].path, path);
		assert_string_equal(k->item[i].from_line,
		    "From ann@corp.example Mon Jan  5 10:00:00 2026");
	}
	free(path);
	kit_free(k);
}

/* A From line at every offset around the end of what is read at a time. */
static void
test_a_separator_split_between_two_reads_is_found(void **state)
{
	static const char second[] = F "A: 2\n\ny\n";
	struct kit *k = kit_new();
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 4 * CHUNK);
	for (size_t at = CHUNK - strlen(F) - 8; at <= CHUNK + 8; at++) {
		sp_buf_clear(&b);
		assert_int_equal(sp_buf_adds(&b, F "A: 1\n\n"), SP_OK);
		while (b.n + 2 < at)
			assert_int_equal(
			    sp_buf_addc(&b, b.n % 70 == 0 ? '\n' : 'x'), SP_OK);
		assert_int_equal(sp_buf_adds(&b, "\n\n"), SP_OK);
		assert_int_equal(b.n, at);
		assert_int_equal(sp_buf_adds(&b, second), SP_OK);
		kit_put(k, "a.mbox", b.p, b.n);
		assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
		if (k->n != 2 || k->item[1].offset != at ||
		    strcmp(k->item[1].msg, "A: 2\n\ny\n") != 0)
			fail_msg("separator at %zu: %zu messages", at, k->n);
		assert_int_equal(k->item[0].n, at - 1 - strlen(F));
		kit_clear(k);
	}
	sp_buf_done(&b);
	kit_free(k);
}

/* Many messages of all sizes, some larger than a read, some of one line. */
static void
test_no_byte_of_a_large_mbox_is_lost(void **state)
{
	struct kit *k = kit_new();
	struct sp_buf b, m;
	size_t sizes[300];

	(void)state;
	k->im.max_message = 4u << 20;
	sp_buf_init(&b, 64u << 20);
	sp_buf_init(&m, 4u << 20);
	for (size_t i = 0; i < SP_COUNTOF(sizes); i++) {
		sizes[i] = i % 50 == 49 ? 700000 + i : (i * 977) % 9000;
		assert_int_equal(sp_buf_adds(&b, F HEAD), SP_OK);
		for (size_t n = 0; n < sizes[i]; n++)
			/* Each 50th is one line without an end. */
			assert_int_equal(
			    sp_buf_addc(&b, n % 71 == 70 && i % 50 != 49
						? '\n'
						: (char)('a' + (i + n) % 26)),
			    SP_OK);
		assert_int_equal(sp_buf_adds(&b, "\n\n"), SP_OK);
	}
	kit_put(k, "a.mbox", b.p, b.n);
	assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
	assert_int_equal(k->n, SP_COUNTOF(sizes));
	for (size_t i = 0; i < k->n; i++) {
		const struct kit_item *it = &k->item[i];

		assert_int_equal(it->n, strlen(HEAD) + sizes[i] + 1);
		assert_memory_equal(
		    it->msg, b.p + it->offset + strlen(F), it->n);
	}
	sp_buf_done(&b);
	sp_buf_done(&m);
	kit_free(k);
}

/* Two messages around one of ${size} bytes. */
static void
with_one_of(struct kit *k, size_t size)
{
	struct sp_buf b;

	sp_buf_init(&b, 16u << 20);
	assert_int_equal(sp_buf_adds(&b, F "A: 1\n\nx\n\n" F HEAD), SP_OK);
	for (size_t n = 1 + strlen(HEAD); n < size; n++)
		assert_int_equal(
		    sp_buf_addc(&b, n % 77 == 0 ? '\n' : 'x'), SP_OK);
	assert_int_equal(sp_buf_adds(&b, "\n\n" F "A: 3\n\nz\n"), SP_OK);
	kit_put(k, "a.mbox", b.p, b.n);
	assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
	sp_buf_done(&b);
}

static void
test_a_message_of_the_limit_is_taken_and_one_byte_more_is_not(void **state)
{
	struct kit *k = kit_new();
	size_t max = k->im.max_message;
	size_t beyond[] = { max + 1, max + 2 * CHUNK, 3 * max, 3 * max + 17 };

	(void)state;
	with_one_of(k, max);
	assert_int_equal(k->n, 3);
	assert_int_equal(k->failed, 0);
	assert_int_equal(k->item[1].n, max);
	for (size_t i = 0; i < SP_COUNTOF(beyond); i++) {
		kit_clear(k);
		with_one_of(k, beyond[i]);
		if (k->n != 2 || k->failed != 1)
			fail_msg("%zu bytes: %zu taken, %zu failed", beyond[i],
			    k->n, k->failed);
		assert_string_equal(k->item[1].msg, "A: 3\n\nz\n");
		assert_non_null(strstr(k->last_why, "larger"));
		assert_non_null(strstr(k->last_why, "offset"));
	}
	kit_free(k);
}

static void
test_what_is_no_mbox_is_refused_and_an_empty_one_is_empty(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	kit_puts(k, "a.mbox", "Subject: no mbox\n\nx\n");
	assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
	assert_int_equal(k->n, 0);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_why, "not an mbox"));
	kit_clear(k);
	kit_puts(k, "b.mbox", "");
	assert_int_equal(kit_import(k, "b.mbox"), SP_OK);
	assert_int_equal(k->n + k->failed, 0);
	kit_free(k);
}

static void
test_the_callback_ends_the_walk(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	k->stop = SP_EINTERRUPT;
	k->stop_at = 1;
	kit_puts(k, "a.mbox", F "A: 1\n\n" F "A: 2\n\n" F "A: 3\n");
	assert_int_equal(kit_import(k, "a.mbox"), SP_EINTERRUPT);
	assert_int_equal(k->n, 1);
	kit_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_from_line_has_a_whole_date),
		cmocka_unit_test(test_messages_end_at_the_next_from_line),
		cmocka_unit_test(test_the_file_and_its_digest_are_named),
		cmocka_unit_test(
		    test_a_separator_split_between_two_reads_is_found),
		cmocka_unit_test(test_no_byte_of_a_large_mbox_is_lost),
		cmocka_unit_test(
		    test_a_message_of_the_limit_is_taken_and_one_byte_more_is_not),
		cmocka_unit_test(
		    test_what_is_no_mbox_is_refused_and_an_empty_one_is_empty),
		cmocka_unit_test(test_the_callback_ends_the_walk),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
