/*
 * Which lines of an mbox begin a message: files as programs wrote and write
 * them, and text that looks like them.  Every case also leads back to its file
 * byte for byte, and what is in doubt is marked in the record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import_kit.h"
#include "mbox_back.h"

#define DATE "Mon Jan  5 10:00:00 2026"
#define F    "From ann@corp.example " DATE "\n"
#define H                                                \
	"From: ann@corp.example\nTo: bob@corp.example\n" \
	"Message-ID: <1@corp.example>\n"
#define M   "Subject: s\n" H "\nbody\n" /* a message */
#define BOM "\357\273\277"

/* ${n} messages, ${doubt}: of how many something is in doubt. */
struct mark_case {
	const char *name;
	size_t n, doubt;
	const char *text;
};

static const struct mark_case programs[] = {
	{ "the usual", 3, 0, F M "\n" F M "\n" F M "\n" },
	{ "Thunderbird of today", 3, 0,
	    "From \nX-Mozilla-Status: 0001\n" M
	    "\nFrom \nX-Mozilla-Status: 0001\n" M "\nFrom \n" M },
	{ "Thunderbird of before", 2, 0,
	    "From - " DATE "\nX-Mozilla-Status: 0001\n" M "\nFrom - " DATE
	    "\n" M },
	{ "both of them", 3, 0,
	    "From - " DATE "\n" M "\nFrom \n" M "\nFrom -\n" M },
	{ "the sender alone", 3, 0,
	    "From ann@corp.example\n" M "\nFrom bob@corp.example\n" M
	    "\nFrom MAILER-DAEMON\n" M },
	{ "ISO date", 2, 0,
	    "From ann@corp.example 2026-01-05T10:00:00+00:00\n" M
	    "\nFrom ann@corp.example 2026-01-05 10:00:00.5 (UTC)\n" M },
	{ "zone in parentheses", 2, 0,
	    "From ann@corp.example " DATE " (+0100)\n" M
	    "\nFrom ann@corp.example " DATE " (-0800)\n" M },
	{ "a date of another country", 2, 0,
	    "From ann@corp.example lun. 5 janv. 2026 10:00\n" M
	    "\nFrom ann@corp.example lun. 5 janv. 2026 10:00\n" M },
	{ "seconds since 1970", 2, 0,
	    "From ann@corp.example 1767607200\n" M
	    "\nFrom ann@corp.example 1767607200\n" M },
	{ "no empty line before", 3, 3, F M F M F M },
	{ "no empty line and no date", 3, 3,
	    "From a@x\n" M "From a@x\n" M "From a@x\n" M },
	{ "two files put together", 3, 2, F M "\n" F M F M "\n" },
	{ "with a date, then without", 2, 2,
	    F M "\nFrom ann@corp.example\n" M },
	{ "words and no date", 2, 2,
	    "From ann archer\n" M "\nFrom bob baker\n" M },
	{ "a header that is not whole", 2, 0,
	    F M "\n" F "Subject: x\nno field\n\nbody\n" },
	{ ">From in the header", 2, 0,
	    F ">From a@x " DATE "\n" M "\n" F ">From a@x " DATE "\n" M },
	{ "byte order mark", 2, 0, BOM F M "\n" F M },
	{ "byte order marks, of files put together", 3, 3,
	    BOM F M "\n" BOM F M BOM F M },
	{ "empty lines at the beginning", 2, 0, "\n\n" F M "\n" F M },
	{ "both, with CR LF", 2, 0, BOM "\r\n\r\n" F M "\n" F M },
	{ "a From line without a message", 2, 2, F M "\n" F F M },
	{ "a From line without a message first", 1, 0, F "\n" F M },
	{ "CR LF in the first message only", 2, 0,
	    "From a@x " DATE "\r\nSubject: x\r\n\r\nbody\r\n\r\n" F M },
	{ "old Mac", 3, 0,
	    "From a@x " DATE "\rSubject: 1\r\rbody\r\rFrom a@x " DATE
	    "\rSubject: 2\r\rbody\r\rFrom a@x " DATE "\rSubject: 3\r\rbody" },
	{ "old Mac, no date", 2, 0,
	    "From a@x\rSubject: 1\r\rbody\r\rFrom a@x\rSubject: 2\r\rbody\r" },
	{ "old Mac, then others", 3, 0,
	    "From a@x " DATE "\rSubject: 1\r\rbody\r\rFrom a@x " DATE
	    "\nSubject: 2\n\nbody\n\nFrom a@x " DATE
	    "\r\nSubject: 3\r\n\r\nbody" },
	{ "others, then old Mac", 3, 2,
	    F M "\nFrom a@x " DATE "\rSubject: 2\r\rbody\r\rFrom a@x " DATE
		"\rSubject: 3\r\rbody\r" },
	{ "CR CR LF", 2, 0,
	    "From a@x " DATE "\r\r\nSubject: 1\r\r\n\r\r\nbody\r\r\n\r\r\n"
	    "From a@x " DATE "\r\r\nSubject: 2\r\r\n\r\r\nbody\r\r\n" },
	{ "a length tells what the line does not", 2, 0,
	    F "Content-Length: 5\n" M "From bob\nSubject: 2\nno field\n" },
};

static const struct mark_case texts[] = {
	{ "a sentence", 1, 0, F M "\nFrom here on it gets worse.\nx\n" },
	{ "a sentence and a word with a colon", 1, 1,
	    F M "\nFrom here on it gets worse.\nNote: we leave.\n" },
	{ "the same in the text", 1, 1,
	    F M "From here on it gets worse.\nNote: we leave.\nat 10\n" },
	{ "a name and a word with a colon", 1, 1,
	    F M "\nFrom bob:\nNote: we leave.\n\nbye\n" },
	{ "a mail as Outlook quotes it", 1, 1,
	    F M "\nFrom Bob Baker\nSent: Monday\nTo: Ann\nCc: Cid\n"
		"Subject: x\n\nhello\n" },
	{ "a quoted From line and no header", 1, 1,
	    F M "\n" F "I quoted an mbox.\n" },
	{ "the same and a word with a colon", 1, 1,
	    F M "\n" F "Note: I quoted\nan mbox.\n" },
	{ "a quoted From line within the text", 1, 1,
	    F M "He wrote:\n" F "Note: I quoted\nan mbox.\n" },
	{ "a length covers a line of little evidence", 2, 1,
	    F M "\n" F "Content-Length: 95\nSubject: 1\n\nbody\n"
		"From a@x " DATE "\nSubject: 2\nFrom: a@x\nTo: b@x\n"
		"Date: x\n\nbody\n0123456789\n01" },
	{ "a length does not cover a line of much", 2, 2,
	    F "Content-Length: 96\nSubject: 1\n\nbody\n\n"
	      "From a@x " DATE "\nSubject: 2\nFrom: a@x\nTo: b@x\n"
	      "Date: x\n\nbody\n0123456789\n01" },
	{ "CRs within a line", 1, 0, F M "10 %\rFrom 10 to 20 %\rdone\n" },
	{ "a bare From in flowed text", 1, 1,
	    F M "\nFrom \nNote: this is\nflowed text\n" },
	{ "lower case", 1, 0, F M "\nfrom a@x " DATE "\n" M },
	{ "no header at all", 1, 1, F "x\n" },
	{ "From lines and nothing else", 1, 1, F F F },
};

static enum sp_code
count_item(void *ctx, const struct sp_import_item *item, struct sp_err *err)
{
	(void)ctx;
	(void)item;
	(void)err;
	return (SP_OK);
}

/* Import ${t}, and check the way back and that no message is empty. */
static void
check_case(struct kit *k, const struct mark_case *t)
{
	struct sp_view file = sp_view_str(t->text);
	uint64_t begin = 0, end = 0, at = 0;
	size_t doubt = 0;

	kit_puts(k, "a.mbox", t->text);
	assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
	for (size_t m = 0; m < k->n; m++) {
		const struct kit_item *it = &k->item[m];
		bool marked = strstr(it->extra, "\"doubt\":[\"") != NULL;

		if (it->n == 0)
			fail_msg("%s: message %zu is empty", t->name, m);
		if (!mbox_back(file, sp_view_str(it->extra),
			sp_view_mem(it->msg, it->n), &begin, &end) ||
		    begin != at)
			fail_msg("%s: message %zu does not lead back: %s",
			    t->name, m, it->extra);
		assert_int_equal(marked, it->boundary);
		doubt += marked;
		at = end;
	}
	if (k->n != t->n || doubt != t->doubt || k->failed != 0 || at != file.n)
		fail_msg("%s: %zu messages, %zu in doubt, want %zu and %zu",
		    t->name, k->n, doubt, t->n, t->doubt);
	kit_clear(k);
}

static void
test_the_messages_of_every_program_are_told_apart(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(programs); i++)
		check_case(k, &programs[i]);
	kit_free(k);
}

static void
test_text_that_looks_like_a_from_line_stays_text(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(texts); i++)
		check_case(k, &texts[i]);
	kit_free(k);
}

static void
test_what_has_no_message_is_told(void **state)
{
	static const char *const t[] = { "\n", "\n\n\nSubject: x\n", "From ", F,
		F "\n\n", BOM, BOM "\n", "\377\376F\0r\0",
		"Subject: x\n\n" F M };
	struct kit *k = kit_new();

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		kit_puts(k, "a.mbox", t[i]);
		assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
		if (k->n != 0 || k->failed != 1 || k->last_why[0] == '\0')
			fail_msg("case %zu: %zu messages, %zu failed", i, k->n,
			    k->failed);
		kit_clear(k);
	}
	kit_free(k);
}

/* A line that begins in one read and ends in another must not be compared with
 * what the later read brought. */
static void
test_a_line_longer_than_a_read_is_text(void **state)
{
	static const size_t lengths[] = { 8191, 8192, 8193, 262143, 262144,
		262145, 600000 };
	struct kit *k = kit_new();
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 4u << 20);
	for (size_t i = 0; i < SP_COUNTOF(lengths); i++) {
		sp_buf_clear(&b);
		assert_int_equal(sp_buf_adds(&b, F M "\nx"), SP_OK);
		while (b.n < lengths[i])
			assert_int_equal(
			    sp_buf_adds(&b, "From a@x " DATE " "), SP_OK);
		assert_int_equal(sp_buf_adds(&b, "\n\n" F M), SP_OK);
		kit_put(k, "a.mbox", b.p, b.n);
		assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
		if (k->n != 2 || k->failed != 0)
			fail_msg("%zu: %zu messages", lengths[i], k->n);
		assert_string_equal(k->item[1].msg, M);
		kit_clear(k);
	}
	sp_buf_done(&b);
	kit_free(k);
}

/* Files that somebody made so that parts of them are read again and again: a
 * reader that does so takes minutes for them. */
static void
test_no_part_of_a_hostile_file_is_read_for_every_message(void **state)
{
	static const char *const t[] = {
		/* headers without an end */
		F "To: x\nCc: y\n",
		/* lengths that lead to a line that is not surely one */
		F "junk\nContent-Length: 2\n\nx\n",
		/* lengths that lead far away */
		F "Content-Length: 99999\nTo: x\n\n",
		F "Content-Length: 1999999\nTo: x\n\n",
		/* lines that may be one, and are not */
		"From \nNote: x\n",
		">From \n",
		"\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r",
	};
	struct sp_err err = { .msg = "" };
	struct kit *k = kit_new();
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 8u << 20);
	k->im.item = count_item;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		char *path = kit_path(k, "a.mbox");

		sp_buf_clear(&b);
		assert_int_equal(sp_buf_adds(&b, F "To: x\n"), SP_OK);
		while (b.n < 1u << 20)
			assert_int_equal(sp_buf_adds(&b, t[i]), SP_OK);
		kit_put(k, "a.mbox", b.p, b.n);
		for (size_t d = 0; d < 2; d++) {
			k->im.as =
			    d == 0 ? SP_IMPORT_AS_MBOX : SP_IMPORT_AS_MBOXCL2;
			assert_int_equal(
			    sp_import_path(&k->im, path, &err), SP_OK);
		}
		free(path);
	}
	sp_buf_done(&b);
	kit_free(k);
}

/* CR LF, and a CR alone, at every offset around the end of a read. */
static void
test_a_line_end_split_between_two_reads_is_one(void **state)
{
	struct kit *k = kit_new();
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 4u << 20);
	for (size_t i = 0; i < 80; i++) {
		const char *end = i % 2 == 0 ? "\r\n" : "\r";
		size_t at = (256u << 10) - 40 + i / 2;

		sp_buf_clear(&b);
		assert_int_equal(
		    sp_buf_addf(
			&b, "From a@x " DATE "%sSubject: 1%s%s", end, end, end),
		    SP_OK);
		while (b.n < at)
			assert_int_equal(sp_buf_addc(&b, 'x'), SP_OK);
		assert_int_equal(
		    sp_buf_addf(&b, "%s%sFrom a@x " DATE "%sSubject: 2%s%sb%s",
			end, end, end, end, end, end),
		    SP_OK);
		kit_put(k, "a.mbox", b.p, b.n);
		assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
		if (k->n != 2 || k->item[0].boundary || k->item[1].boundary)
			fail_msg("%zu: %zu messages", at, k->n);
		kit_clear(k);
	}
	sp_buf_done(&b);
	kit_free(k);
}

/* NULs before a From line: a hole that a crash left in the file. */
static void
test_a_from_line_behind_nuls_begins_a_doubtful_message(void **state)
{
	static const char nuls[4096];
	struct kit *k = kit_new();
	struct sp_buf b;

	(void)state;
	for (size_t n = 1; n <= sizeof(nuls); n *= 8) {
		sp_buf_init(&b, 1 << 20);
		assert_int_equal(sp_buf_adds(&b, F M "\n"), SP_OK);
		assert_int_equal(sp_buf_add(&b, nuls, n), SP_OK);
		assert_int_equal(sp_buf_adds(&b, F M), SP_OK);
		kit_put(k, "a.mbox", b.p, b.n);
		assert_int_equal(kit_import(k, "a.mbox"), SP_OK);
		if (k->n != 2 || !k->item[0].boundary || !k->item[1].boundary)
			fail_msg("%zu NULs: %zu messages", n, k->n);
		kit_clear(k);
		sp_buf_done(&b);
	}
	kit_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_the_messages_of_every_program_are_told_apart),
		cmocka_unit_test(
		    test_text_that_looks_like_a_from_line_stays_text),
		cmocka_unit_test(test_what_has_no_message_is_told),
		cmocka_unit_test(test_a_line_longer_than_a_read_is_text),
		cmocka_unit_test(
		    test_a_line_end_split_between_two_reads_is_one),
		cmocka_unit_test(
		    test_a_from_line_behind_nuls_begins_a_doubtful_message),
		cmocka_unit_test(
		    test_no_part_of_a_hostile_file_is_read_for_every_message),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
