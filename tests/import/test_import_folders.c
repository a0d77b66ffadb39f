/* Folders of mail programs: what is taken, told, flagged, and never followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sha256.h"
#include "import_kit.h"

#define F    "From ann@corp.example Mon Jan  5 10:00:00 2026\n"
#define M(s) "From: ann@corp.example\nSubject: " s "\n\n" s "\n"

/* Whether the message ${text} came. */
static const struct kit_item *
came(const struct kit *k, const char *text)
{
	for (size_t i = 0; i < k->n; i++) {
		if (strcmp(k->item[i].msg, text) == 0)
			return (&k->item[i]);
	}
	return (NULL);
}

static void
test_each_mail_program_s_folder_is_read(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} t[] = {
		{ "f/Box.mbox/mbox", F M("1") "\n", M("1") },
		{ "f/tb/Inbox", "From \nX: 1\n\ny\n", NULL },
		{ "f/tb/Sub.2019", F M("3") "\n", M("3") },
		{ "f/mh/.mh_sequences", "cur: 1\n", NULL },
		{ "f/mh/1", "anything\n", "anything\n" },
		{ "f/cyrus/17.", M("4"), M("4") },
		{ "f/cyrus/cyrus.header", "x", NULL },
		{ "f/md/cur/1.c:2,S", M("5"), M("5") },
		{ "f/apple/1.emlx", "4\nA: 1<?xml?>", "A: 1" },
		{ "f/store/258-512.msg", M("6"), M("6") },
	};
	const struct kit_item *md;
	struct kit *k = kit_new();

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++)
		kit_puts(k, t[i].name, t[i].text);
	assert_int_equal(kit_import(k, "f"), SP_OK);
	assert_int_equal(k->failed, 0);
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		if (t[i].want != NULL && came(k, t[i].want) == NULL)
			fail_msg("%s: not taken", t[i].name);
	}
	assert_int_equal(k->kinds[SP_IMPORT_KIND_INDEX], 2);
	md = came(k, M("5"));
	assert_true(
	    md != NULL &&
	    strstr(md->extra, "\"maildir\":{\"folder\":\"md\"") != NULL);
	kit_free(k);
}

static void
test_a_partial_message_is_flagged_and_the_rest_named(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	kit_puts(k, "a/Messages/7.partial.emlx", "4\nA: 1<?xml?>");
	kit_puts(k, "a/Messages/7.2.emlxpart", "x");
	kit_puts(k, "a/Attachments/7/3/plan.pdf", "x");
	kit_puts(k, "a/Attachments/77/3/other.pdf", "x");
	assert_int_equal(kit_import(k, "a"), SP_OK);
	assert_int_equal(k->n, 1);
	assert_string_equal(k->item[0].msg, "A: 1");
	assert_true(k->item[0].incomplete);
	assert_int_equal(k->notes, 1);
	assert_non_null(strstr(k->last_note, "7.2.emlxpart"));
	assert_non_null(strstr(k->last_note, "Attachments/7/3/plan.pdf"));
	assert_null(strstr(k->last_note, "other.pdf"));
	kit_free(k);
}

static void
test_a_compressed_message_has_the_digest_of_both(void **state)
{
	/* gzip of "A: 1\n\nx\n", stored */
	static const uint8_t gz[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 8,
		0, 0xf7, 0xff, 'A', ':', ' ', '1', '\n', '\n', 'x', '\n', 0x54,
		0x0c, 0xf2, 0x72, 8, 0, 0, 0 };
	uint8_t copy[sizeof(gz)], want[SP_SHA256_LEN];
	struct kit *k = kit_new();

	(void)state;
	memcpy(copy, gz, sizeof(gz));
	kit_put(k, "m/cur/1.host:2,Z", copy, sizeof(copy));
	kit_put(k, "m/new", NULL, 0);
	assert_int_equal(kit_import(k, "m"), SP_OK);
	if (k->n != 1)
		fail_msg("%zu messages: %s", k->n, k->last_why);
	assert_string_equal(k->item[0].msg, "A: 1\n\nx\n");
	sp_sha256_once(copy, sizeof(copy), want);
	assert_memory_equal(k->item[0].file_sha256, want, SP_SHA256_LEN);
	assert_non_null(strstr(k->item[0].extra, "\"compression\":\"gzip\""));
	assert_non_null(strstr(k->item[0].extra, "\"name\":\"1.host:2,Z\""));
	kit_clear(k);
	/* A bit wrong: nothing of it comes. */
	copy[20] ^= 1;
	kit_put(k, "m/cur/1.host:2,Z", copy, sizeof(copy));
	assert_int_equal(kit_import(k, "m"), SP_OK);
	assert_int_equal(k->n, 0);
	assert_int_equal(k->failed, 1);
	kit_free(k);
}

static void
test_a_folder_without_mail_says_what_was_there(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	kit_puts(k, "d/Inbox.msf", "x");
	kit_puts(k, "d/picture", "x");
	kit_puts(k, "d/sub/words", "x");
	assert_int_equal(kit_import(k, "d"), SP_OK);
	assert_int_equal(k->n, 0);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_failed, "/d"));
	assert_non_null(strstr(k->last_why,
	    "1 indexes and settings of mail programs, 2 other files"));
	kit_clear(k);
	/* What was refused is told once, and counted once. */
	kit_puts(k, "d/note.msg", "\320\317\021\340\241\261\032\341");
	assert_int_equal(kit_import(k, "d"), SP_OK);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_failed, "note.msg"));
	assert_non_null(strstr(k->last_note, "no mail was taken"));
	kit_clear(k);
	kit_puts(k, "d/a.eml", "x");
	assert_int_equal(kit_import(k, "d"), SP_OK);
	assert_int_equal(k->n, 1);
	assert_int_equal(k->notes, 0);
	kit_free(k);
}

static void
test_links_and_pipes_are_counted_and_never_opened(void **state)
{
	struct kit *k = kit_new();
	char *file = kit_path(k, "m/cur/2.host"), *dir = kit_path(k, "m/sub");
	char *pipe_ = kit_path(k, "m/cur/3.host");

	(void)state;
	kit_puts(k, "m/cur/1.host", "1\n");
	kit_put(k, "m/new", NULL, 0);
	kit_puts(k, "out/secret.eml", "secret\n");
	assert_int_equal(symlink("../../out/secret.eml", file), 0);
	assert_int_equal(symlink("../out", dir), 0);
	assert_int_equal(mkfifo(pipe_, 0600), 0);
	assert_int_equal(kit_import(k, "m"), SP_OK);
	assert_int_equal(k->n, 1);
	assert_int_equal(k->kinds[SP_IMPORT_KIND_LINK], 2);
	assert_int_equal(k->kinds[SP_IMPORT_KIND_SPECIAL], 1);
	assert_int_equal(k->failed, 0);
	free(file);
	free(dir);
	free(pipe_);
	kit_free(k);
}

static void
test_a_folder_that_cannot_be_listed_does_not_end_the_walk(void **state)
{
	struct kit *k = kit_new();
	char *closed = kit_path(k, "f/m/new");

	(void)state;
	kit_puts(k, "f/m/cur/1.host", "1\n");
	kit_put(k, "f/m/new", NULL, 0);
	kit_puts(k, "f/z.eml", "2\n");
	assert_int_equal(chmod(k->root, 0755), 0);
	assert_int_equal(chmod(closed, 0), 0);
	/* Root may list anything. */
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(kit_import(k, "f"), SP_OK);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(k->n, 2);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_failed, "f/m/new"));
	assert_int_equal(chmod(closed, 0700), 0);
	free(closed);
	kit_free(k);
}

static void
test_eudora_s_lost_attachments_are_told(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	kit_puts(k, "e/In.mbx",
	    "From ???@??? Mon Jan 05 10:00:00 2026\nA: 1\n\nx\n"
	    "Attachment Converted: \"C:\\x.doc\"\n\n"
	    "From ???@??? Mon Jan 05 10:00:00 2026\nA: 2\n\ny\n\n");
	kit_puts(k, "e/attach/x.doc", "x");
	assert_int_equal(kit_import(k, "e"), SP_OK);
	assert_int_equal(k->n, 2);
	assert_true(k->item[0].incomplete);
	assert_false(k->item[1].incomplete);
	assert_int_equal(k->notes, 1);
	assert_non_null(strstr(k->last_note, "/e/attach"));
	kit_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_mail_program_s_folder_is_read),
		cmocka_unit_test(
		    test_a_partial_message_is_flagged_and_the_rest_named),
		cmocka_unit_test(
		    test_a_compressed_message_has_the_digest_of_both),
		cmocka_unit_test(
		    test_a_folder_without_mail_says_what_was_there),
		cmocka_unit_test(
		    test_links_and_pipes_are_counted_and_never_opened),
		cmocka_unit_test(
		    test_a_folder_that_cannot_be_listed_does_not_end_the_walk),
		cmocka_unit_test(test_eudora_s_lost_attachments_are_told),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
