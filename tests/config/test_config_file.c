/* base/config/config.h: what is in the place of the file, and in which encoding
 * it is. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/config/config.h"
#include "base/config/config_priv.h"

static struct sp_err err;
static char dir[] = "/tmp/sp-config-XXXXXX";
static char path[4096];

static const char *
in_dir(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return (path);
}

static void
put(const char *name, const char *bytes, size_t n)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Loading must come back at once: a FIFO that nobody writes to would keep it
 * for ever, and the alarm would end the test. */
static void
test_only_a_regular_file_is_a_configuration(void **state)
{
	static const char *const names[] = { "fifo", "dir", "/dev/null",
		"/dev/zero", "missing" };
	static const char *const want[] = { "is a pipe (FIFO)",
		"is a directory", "is a device", "is a device",
		"No such file" };

	(void)state;
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(mkdir(in_dir("dir"), 0700), 0);
	(void)alarm(60);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct sp_config *c = NULL;
		const char *p =
		    names[i][0] == '/' ? names[i] : in_dir(names[i]);

		for (int given = 0; given < 2; given++) {
			enum sp_code rc =
			    given ? sp_config_load_given(p, &c, &err)
				  : sp_config_load(p, &c, &err);

			assert_int_not_equal(rc, SP_OK);
			assert_null(c);
			if (strstr(err.msg, want[i]) == NULL)
				fail_msg("%s: %s", p, err.msg);
		}
	}
	(void)alarm(0);
}

static void
test_a_pipe_of_the_shell_is_read_once(void **state)
{
	struct sp_config *c = NULL;
	char fd[64];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	(void)snprintf(fd, sizeof(fd), "/dev/fd/%d", ends[0]);
	assert_int_equal(write(ends[1], "memory = 2M\n", 12), 12);
	(void)close(ends[1]);
	/* the service must not: a reload would find it empty */
	assert_int_equal(sp_config_load(fd, &c, &err), SP_ECONFIG);
	assert_int_equal(sp_config_load_given(fd, &c, &err), SP_OK);
	assert_int_equal(c->memory, 2 << 20);
	sp_config_free(c);
	c = NULL;
	assert_int_equal(sp_config_load_given(fd, &c, &err), SP_ECONFIG);
	assert_non_null(strstr(err.msg, "gives nothing"));
	(void)close(ends[0]);
}

static void
test_a_byte_order_mark_is_no_part_of_the_text(void **state)
{
	static const char text[] = "\xef\xbb\xbfmemory = 2M\r\n";
	struct sp_config *c = NULL;

	(void)state;
	put("bom", text, sizeof(text) - 1);
	assert_int_equal(sp_config_load(in_dir("bom"), &c, &err), SP_OK);
	assert_int_equal(c->memory, 2 << 20);
	/* what is kept is what was in the file */
	assert_int_equal(c->source_n, sizeof(text) - 1);
	assert_memory_equal(c->source, text, c->source_n);
	sp_config_free(c);
}

static void
test_utf16_is_named_in_each_of_its_forms(void **state)
{
	static const char ascii[] = "# x\nmemory = 2M\n";

	(void)state;
	for (int mark = 0; mark < 2; mark++) {
		for (int high = 0; high < 2; high++) {
			char b[64] = { 0 };
			struct sp_config *c = NULL;
			size_t n = 0;

			if (mark) {
				memcpy(b, high ? "\xfe\xff" : "\xff\xfe", 2);
				n = 2;
			}
			for (size_t i = 0; i < sizeof(ascii) - 1; i++, n += 2)
				b[n + (size_t)high] = ascii[i];
			put("utf16", b, n);
			assert_int_equal(
			    sp_config_load(in_dir("utf16"), &c, &err),
			    SP_ECONFIG);
			assert_non_null(strstr(err.msg, "UTF-16"));
			assert_non_null(strstr(err.msg, ":1:1: "));
		}
	}
}

/* Cut by a full disk or an editor: with the defaults alone no mail would come. */
static void
test_an_empty_file_is_refused(void **state)
{
	static const char *const texts[] = { "", "\n", " \r\n\t\n" };
	struct sp_config *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put("empty", texts[i], strlen(texts[i]));
		assert_int_equal(
		    sp_config_load(in_dir("empty"), &c, &err), SP_ECONFIG);
		assert_non_null(strstr(err.msg, "is empty"));
		assert_null(c);
	}
	put("empty", "# import only\n", 14);
	assert_int_equal(sp_config_load(in_dir("empty"), &c, &err), SP_OK);
	sp_config_free(c);
}

static void
test_a_file_as_large_as_allowed_is_read_and_no_larger(void **state)
{
	char *big = sp_xmalloc(SP_CONFIG_FILE_MAX + 1);
	struct sp_config *c = NULL;

	(void)state;
	memset(big, ' ', SP_CONFIG_FILE_MAX + 1);
	big[0] = '#';
	put("big", big, SP_CONFIG_FILE_MAX);
	assert_int_equal(sp_config_load(in_dir("big"), &c, &err), SP_OK);
	sp_config_free(c);
	put("big", big, SP_CONFIG_FILE_MAX + 1);
	assert_int_equal(sp_config_load(in_dir("big"), &c, &err), SP_ELIMIT);
	free(big);
}

static void
test_the_line_of_an_option_is_known_after_loading(void **state)
{
	static const char text[] = "memory = 1M\nlisten a {\n"
				   " address = 127.0.0.1:1\n}\nseal {\n}\n";
	struct sp_config *c = NULL;

	(void)state;
	assert_int_equal(
	    sp_config_parse("f", sp_view_str(text), &c, &err), SP_OK);
	assert_int_equal(sp_config_line(c, "", "", "memory"), 1);
	assert_int_equal(sp_config_line(c, "", "", "guard"), 0);
	assert_int_equal(sp_config_line(c, "listen", "a", "address"), 3);
	assert_int_equal(sp_config_line(c, "listen", "a", "key"), 2);
	assert_int_equal(sp_config_line(c, "listen", "b", "key"), 0);
	assert_int_equal(sp_config_line(c, "seal", "", "size"), 5);
	sp_config_free(c);
}

static const struct {
	const char *name, *in, *want;
} slips[] = {
	{ "no equals sign", "user = x\nmemory 64M\n",
	    "f:2:1: the \"=\" is missing behind option \"memory\"; expected memory = 64M" },
	{ "a colon for it", "memory: 64M\n",
	    "f:1:1: the \"=\" is missing behind option \"memory\"; expected memory = 64M" },
	{ "no equals sign in a section", "seal {\n age 1d\n}",
	    "f:2:2: the \"=\" is missing behind option \"age\"; expected age = 1d" },
	{ "a colon in a section", "seal {\n age: \"1d\"\n}",
	    "f:2:2: the \"=\" is missing behind option \"age\"; expected age = 1d" },
	{ "only a section's name", "\nlisten\n",
	    "f:2:1: section \"listen\" has no beginning; expected listen NAME { ... }" },
	{ "only the name of another section", "seal",
	    "f:1:1: section \"seal\" has no beginning; expected seal { ... }" },
	{ "a section's name in a section", "seal {\nlisten\n}",
	    "f:2:1: section \"listen\" cannot stand inside another; expected listen NAME { ... } behind its \"}\"" },
	{ "an option of a section at top level", "address = 127.0.0.1:25",
	    "f:1:1: unknown option \"address\"; it belongs into a section, listen NAME { address = ... }" },
	{ "a mistake behind a byte order mark", "\xef\xbb\xbfspeed = 1",
	    "f:1:1: unknown option \"speed\"" },
	{ "UTF-16 with its mark", "\xff\xfeu",
	    "f:1:1: the file is UTF-16, not UTF-8; save it as plain text in UTF-8 (iconv -f UTF-16 -t UTF-8)" },
	{ "UTF-16, most significant byte first", "\xfe\xff",
	    "f:1:1: the file is UTF-16, not UTF-8; save it as plain text in UTF-8 (iconv -f UTF-16 -t UTF-8)" },
	{ "bytes that are no text",
	    "spe\xe9\x9b"
	    "d = 1",
	    "f:1:1: unknown option \"spe??d\"" },
	{ "bytes of a value that are no text", "memory = \xff\xfe",
	    "f:1:10: \"??\" is no value of option \"memory\"; expected a size from 1M to 64G, in bytes or with K, M or G directly behind the number" },
};

static void
test_a_slip_is_told_in_words_that_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
		struct sp_config *c = NULL;

		assert_int_equal(
		    sp_config_parse("f", sp_view_str(slips[i].in), &c, &err),
		    SP_ECONFIG);
		if (strcmp(err.msg, slips[i].want) != 0)
			fail_msg("%s: got %s, want %s", slips[i].name, err.msg,
			    slips[i].want);
	}
}

static int
setup(void **state)
{
	(void)state;
	return (mkdtemp(dir) == NULL);
}

static int
teardown(void **state)
{
	static const char *const names[] = { "fifo", "bom", "utf16", "empty",
		"big" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(in_dir(names[i]));
	(void)rmdir(in_dir("dir"));
	return (rmdir(dir));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_a_regular_file_is_a_configuration),
		cmocka_unit_test(test_a_pipe_of_the_shell_is_read_once),
		cmocka_unit_test(test_a_byte_order_mark_is_no_part_of_the_text),
		cmocka_unit_test(test_utf16_is_named_in_each_of_its_forms),
		cmocka_unit_test(test_an_empty_file_is_refused),
		cmocka_unit_test(
		    test_a_file_as_large_as_allowed_is_read_and_no_larger),
		cmocka_unit_test(test_a_slip_is_told_in_words_that_help),
		cmocka_unit_test(
		    test_the_line_of_an_option_is_known_after_loading),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
