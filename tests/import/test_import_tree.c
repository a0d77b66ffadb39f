/* Files, folders, Maildirs, standard input: what is taken, and every byte. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sha256.h"
#include "import_kit.h"

#define F "From ann@corp.example Mon Jan  5 10:00:00 2026\n"

/* Whether the message ${text} came from ROOT/name. */
static bool
came(const struct kit *k, const char *name, const char *text)
{
	char *path = kit_path(k, name);
	bool found = false;

	for (size_t i = 0; i < k->n; i++)
		found |= strcmp(k->item[i].path, path) == 0 &&
			 strcmp(k->item[i].msg, text) == 0;
	free(path);
	return (found);
}

static void
test_an_eml_file_is_one_message_and_every_byte_of_it(void **state)
{
	const struct {
		const char *name, *p;
		size_t n;
	} t[] = {
		{ "ordinary", "A: 1\r\n\r\nx\r\n", 11 },
		{ "empty", "", 0 },
		{ "NUL", "a\0b\0", 4 },
		{ "begins with From", F "A: 1\n\nx\n\n" F "A: 2\n",
		    2 * strlen(F) + 14 },
		{ "ends in empty lines", "A: 1\n\n\n\n", 8 },
	};
	struct kit *k = kit_new();
	uint8_t want[SP_SHA256_LEN];

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		kit_put(k, "a.eml", t[i].p, t[i].n);
		assert_int_equal(kit_import(k, "a.eml"), SP_OK);
		assert_int_equal(k->n, 1);
		assert_int_equal(k->item[0].n, t[i].n);
		assert_memory_equal(k->item[0].msg, t[i].p, t[i].n);
		assert_false(k->item[0].mbox);
		sp_sha256_once(t[i].p, t[i].n, want);
		assert_memory_equal(
		    k->item[0].file_sha256, want, SP_SHA256_LEN);
		kit_clear(k);
	}
	kit_free(k);
}

static void
test_an_eml_file_of_the_limit_is_taken_and_one_byte_more_is_not(void **state)
{
	struct kit *k = kit_new();
	size_t max = k->im.max_message;
	char *p = sp_xcalloc(max + 1, 1);

	(void)state;
	kit_put(k, "a.eml", p, max);
	assert_int_equal(kit_import(k, "a.eml"), SP_OK);
	assert_int_equal(k->n, 1);
	assert_int_equal(k->item[0].n, max);
	kit_clear(k);
	kit_put(k, "a.eml", p, max + 1);
	assert_int_equal(kit_import(k, "a.eml"), SP_OK);
	assert_int_equal(k->n, 0);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_why, "larger"));
	free(p);
	kit_free(k);
}

static void
test_a_tree_gives_what_is_mail_and_counts_the_rest(void **state)
{
	struct kit *k = kit_new();
	char *link_ = kit_path(k, "t/link.eml"), *dir = kit_path(k, "t/loop");
	char *fifo = kit_path(k, "t/fifo.eml");

	(void)state;
	kit_puts(k, "t/one.eml", "1\n");
	kit_puts(k, "t/deep/er/TWO.EML", "2\n");
	kit_puts(k, "t/box.mbox", F "A: 3\n\n" F "A: 4\n");
	kit_puts(k, "t/notes.txt", "no mail\n");
	kit_puts(k, "t/mail", F "no mail by its name\n");
	kit_puts(k, "t/.eml", "hidden\n");
	kit_puts(k, "elsewhere.eml", "not in the tree\n");
	kit_puts(k, "t/md/cur/1.host:2,S", "5\n");
	kit_puts(k, "t/md/new/2.host", "6\n");
	kit_puts(k, "t/md/tmp/3.host", "unfinished\n");
	kit_puts(k, "t/md/.Sent/cur/4.host", "7\n");
	kit_put(k, "t/md/.Sent/new", NULL, 0);
	kit_puts(k, "t/md/cur/.hidden", "no\n");
	kit_puts(k, "t/md/dovecot.index", "no\n");
	assert_int_equal(symlink("../elsewhere.eml", link_), 0);
	assert_int_equal(symlink("..", dir), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(kit_import(k, "t"), SP_OK);
	assert_int_equal(k->failed, 0);
	assert_int_equal(k->n, 7);
	assert_true(came(k, "t/one.eml", "1\n"));
	assert_true(came(k, "t/deep/er/TWO.EML", "2\n"));
	assert_true(came(k, "t/box.mbox", "A: 3\n"));
	assert_true(came(k, "t/box.mbox", "A: 4\n"));
	assert_true(came(k, "t/md/cur/1.host:2,S", "5\n"));
	assert_true(came(k, "t/md/new/2.host", "6\n"));
	assert_true(came(k, "t/md/.Sent/cur/4.host", "7\n"));
	/* notes, mail, .eml, index, two links, the pipe */
	assert_int_equal(k->not_mail, 7);
	free(link_);
	free(dir);
	free(fifo);
	kit_free(k);
}

static void
test_a_file_is_detected_by_name_then_by_its_first_bytes(void **state)
{
	static const struct {
		const char *name;
		enum sp_import_as as;
		size_t want;
	} t[] = {
		{ "x.eml", SP_IMPORT_AS_DETECT, 1 },
		{ "x.mbox", SP_IMPORT_AS_DETECT, 2 },
		{ "x", SP_IMPORT_AS_DETECT, 2 },
		{ "x", SP_IMPORT_AS_EML, 1 },
		{ "x.eml", SP_IMPORT_AS_MBOX, 2 },
	};
	struct kit *k = kit_new();

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		kit_puts(k, t[i].name, F "A: 1\n\n" F "A: 2\n");
		k->im.as = t[i].as;
		assert_int_equal(kit_import(k, t[i].name), SP_OK);
		if (k->n != t[i].want)
			fail_msg("%s as %d: %zu messages, want %zu", t[i].name,
			    (int)t[i].as, k->n, t[i].want);
		kit_clear(k);
	}
	k->im.as = SP_IMPORT_AS_DETECT;
	kit_puts(k, "y", "Subject: x\n\ny\n");
	assert_int_equal(kit_import(k, "y"), SP_OK);
	assert_int_equal(k->n, 1);
	kit_free(k);
}

static void
test_what_cannot_be_read_is_named_and_the_rest_goes_on(void **state)
{
	struct kit *k = kit_new();
	char *fifo = kit_path(k, "fifo");

	(void)state;
	assert_int_equal(kit_import(k, "missing"), SP_OK);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_failed, "missing"));
	assert_non_null(strstr(k->last_why, "No such file"));
	kit_clear(k);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(kit_import(k, "fifo"), SP_OK);
	assert_int_equal(k->failed, 1);
	assert_int_equal(k->n, 0);
	kit_clear(k);
	kit_put(k, "plain", NULL, 0);
	k->im.as = SP_IMPORT_AS_MAILDIR;
	assert_int_equal(kit_import(k, "plain"), SP_OK);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_why, "not a Maildir"));
	kit_clear(k);
	/* An empty folder is no good import. */
	k->im.as = SP_IMPORT_AS_DETECT;
	assert_int_equal(kit_import(k, "plain"), SP_OK);
	assert_int_equal(k->n, 0);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_why, "it is empty"));
	free(fifo);
	kit_free(k);
}

static void
test_folders_nested_without_end_are_given_up(void **state)
{
	struct kit *k = kit_new();
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 8192);
	for (int i = 0; i < 70; i++)
		assert_int_equal(sp_buf_adds(&b, "d/"), SP_OK);
	assert_int_equal(sp_buf_adds(&b, "deep.eml"), SP_OK);
	kit_puts(k, sp_buf_cstr(&b), "1\n");
	kit_puts(k, "d/near.eml", "2\n");
	assert_int_equal(kit_import(k, "d"), SP_OK);
	assert_int_equal(k->n, 1);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_why, "too deep"));
	sp_buf_done(&b);
	kit_free(k);
}

/* Import ${text} from a pipe as standard input. */
static enum sp_code
from_pipe(struct kit *k, const char *text)
{
	int ends[2], saved = dup(STDIN_FILENO);
	struct sp_err err;
	enum sp_code rc;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(
	    write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	(void)close(ends[1]);
	assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
	rc = sp_import_path(&k->im, "-", &err);
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	(void)close(ends[0]);
	(void)close(saved);
	return (rc);
}

static void
test_standard_input_is_a_message_or_an_mbox(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	assert_int_equal(from_pipe(k, "Subject: x\n\ny\n"), SP_OK);
	assert_int_equal(k->n, 1);
	assert_string_equal(k->item[0].msg, "Subject: x\n\ny\n");
	assert_string_equal(k->item[0].path, "-");
	kit_clear(k);
	assert_int_equal(from_pipe(k, F "A: 1\n\n" F "A: 2\n"), SP_OK);
	assert_int_equal(k->n, 2);
	kit_clear(k);
	k->im.as = SP_IMPORT_AS_EML;
	assert_int_equal(from_pipe(k, F "A: 1\n\n" F "A: 2\n"), SP_OK);
	assert_int_equal(k->n, 1);
	kit_clear(k);
	assert_int_equal(from_pipe(k, ""), SP_OK);
	assert_int_equal(k->n, 1);
	assert_int_equal(k->item[0].n, 0);
	kit_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_an_eml_file_is_one_message_and_every_byte_of_it),
		cmocka_unit_test(
		    test_an_eml_file_of_the_limit_is_taken_and_one_byte_more_is_not),
		cmocka_unit_test(
		    test_a_tree_gives_what_is_mail_and_counts_the_rest),
		cmocka_unit_test(
		    test_a_file_is_detected_by_name_then_by_its_first_bytes),
		cmocka_unit_test(
		    test_what_cannot_be_read_is_named_and_the_rest_goes_on),
		cmocka_unit_test(test_folders_nested_without_end_are_given_up),
		cmocka_unit_test(test_standard_input_is_a_message_or_an_mbox),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
