/*
 * Members of containers, read in the child process: names of any bytes, errors
 * of the callback, containers in which there is nothing, files of NULs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import_kit.h"

#define BLOCK	512u
#define TAR_MAX (1u << 20)

/* Append the file ${name} with ${text} to the tar in ${b} (POSIX ustar). */
static void
tar_add(struct sp_buf *b, const char *name, const char *text)
{
	char head[BLOCK] = { 0 };
	unsigned sum = 0;

	(void)snprintf(head, 100, "%s", name);
	memcpy(head + 100, "0000644\0000000000\0000000000\0", 24);
	(void)snprintf(head + 124, 12, "%011o", (unsigned)strlen(text));
	memcpy(head + 136, "00000000000\0        0", 21);
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)head[i];
	(void)snprintf(head + 148, 8, "%06o", sum);
	assert_int_equal(sp_buf_add(b, head, BLOCK), SP_OK);
	assert_int_equal(sp_buf_adds(b, text), SP_OK);
	while (b->n % BLOCK != 0)
		assert_int_equal(sp_buf_addc(b, '\0'), SP_OK);
}

/* Write the tar in ${b}, with its end, as ${name}, and import it. */
static enum sp_code
tar_import(struct kit *k, struct sp_buf *b, const char *name)
{
	static const char end[2 * BLOCK];

	assert_int_equal(sp_buf_add(b, end, sizeof(end)), SP_OK);
	kit_put(k, name, b->p, b->n);
	return (kit_import(k, name));
}

static void
test_a_member_with_any_name_is_taken_and_those_behind_it(void **state)
{
	static const char *const names[] = { "plain.eml", "Gr\374\337e.eml",
		"\377\376.eml", "Gr\303\274\303\237e.eml", "M/cur/\344:2,S",
		"last.eml" };
	struct kit *k = kit_new();
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, TAR_MAX);
	for (size_t i = 0; i < SP_COUNTOF(names); i++)
		tar_add(&b, names[i], names[i]);
	assert_int_equal(tar_import(k, &b, "a.tar"), SP_OK);
	if (k->n != SP_COUNTOF(names) || k->failed != 0)
		fail_msg("%zu members, %zu failed: %s", k->n, k->failed,
		    k->last_why);
	for (size_t i = 0; i < k->n; i++) {
		assert_string_equal(k->item[i].member, names[i]);
		assert_string_equal(k->item[i].msg, names[i]);
	}
	sp_buf_done(&b);
	kit_free(k);
}

/* Whatever the callback says ends the walk, also where it says "too large". */
static void
test_an_error_of_the_callback_is_not_swallowed(void **state)
{
	static const enum sp_code codes[] = { SP_ELIMIT, SP_EINTERRUPT,
		SP_ENOSPC };
	struct kit *k = kit_new();

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(codes); i++) {
		struct sp_buf b;

		sp_buf_init(&b, TAR_MAX);
		tar_add(&b, "1.eml", "1\n");
		tar_add(&b, "2.eml", "2\n");
		tar_add(&b, "3.eml", "3\n");
		k->stop = codes[i];
		k->stop_at = 1;
		assert_int_equal(tar_import(k, &b, "a.tar"), codes[i]);
		assert_int_equal(k->n, 1);
		kit_clear(k);
		sp_buf_done(&b);
	}
	kit_free(k);
}

static void
test_a_container_without_members_is_told(void **state)
{
	struct kit *k = kit_new();
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, TAR_MAX);
	assert_int_equal(tar_import(k, &b, "empty.tar"), SP_OK);
	assert_int_equal(k->n, 0);
	assert_int_equal(k->failed, 1);
	assert_non_null(strstr(k->last_why, "no member"));
	sp_buf_done(&b);
	kit_free(k);
}

/* 2,048 NULs, compressed by gzip: the end of a tar, but the name says that it
 * is a message. */
static void
test_a_compressed_message_of_nuls_is_a_message(void **state)
{
	static const uint8_t gz[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x02, 0x03, 0x63, 0x60, 0x18, 0x05, 0xa3, 0x60, 0x14,
		0x8c, 0x82, 0x51, 0x30, 0x0a, 0x46, 0xc1, 0x48, 0x03, 0x00,
		0x9e, 0xba, 0xe8, 0xf1, 0x00, 0x08, 0x00, 0x00 };
	struct kit *k = kit_new();

	(void)state;
	kit_put(k, "nul.eml.gz", gz, sizeof(gz));
	assert_int_equal(kit_import(k, "nul.eml.gz"), SP_OK);
	if (k->n != 1 || k->failed != 0 || k->item[0].n != 2048)
		fail_msg(
		    "%zu taken, %zu failed: %s", k->n, k->failed, k->last_why);
	kit_clear(k);
	/* As a container it is told. */
	kit_put(k, "nul.tar.gz", gz, sizeof(gz));
	assert_int_equal(kit_import(k, "nul.tar.gz"), SP_OK);
	assert_int_equal(k->n, 0);
	assert_int_equal(k->failed, 1);
	kit_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_member_with_any_name_is_taken_and_those_behind_it),
		cmocka_unit_test(
		    test_an_error_of_the_callback_is_not_swallowed),
		cmocka_unit_test(test_a_container_without_members_is_told),
		cmocka_unit_test(
		    test_a_compressed_message_of_nuls_is_a_message),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
