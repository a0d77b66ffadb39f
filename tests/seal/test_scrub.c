/* The scrub: whatever file of a sealed archive is gone, empty or short is told,
 * with its name; a whole archive is quiet; a small step ends where a large one
 * does. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/layout.h"
#include "journal/seal/scrub.h"
#include "journal/segment/segment_list.h"
#include "tests/seal/seal_kit.h"

static struct {
	char missing[256], text[1024]; /* causes, and the last text */
	unsigned told, gone;
} heard;

static void
tell(void *ctx, const char *cause, const char *text)
{
	(void)ctx;
	heard.told++;
	if (text == NULL) {
		heard.gone++;
		return;
	}
	(void)snprintf(heard.missing + strlen(heard.missing),
	    sizeof(heard.missing) - strlen(heard.missing), "%s ", cause);
	(void)snprintf(heard.text, sizeof(heard.text), "%s", text);
}

/* A pass in steps of ${files}; the causes that are there. */
static const char *
pass(size_t files)
{
	struct sp_scrub *s = sp_scrub_new(fx.dir);

	memset(&heard, 0, sizeof(heard));
	while (!sp_scrub_step(s, files, tell, NULL))
		;
	sp_scrub_free(s);
	assert_int_equal(heard.told, 3);
	return (heard.missing);
}

/* Two segments, 700 entries, some of them in the intake log. */
static void
make(void)
{
	struct sp_seal *s;

	sp_fixture_add(&fx, 300, 50);
	sp_fixture_rotate(&fx);
	sp_fixture_add(&fx, 300, 50);
	sp_fixture_rotate(&fx);
	sp_fixture_add(&fx, 99, 50);
	s = open_seal();
	assert_int_equal(pack_all(s), 2);
	sp_seal_close(s);
}

static void
test_a_whole_archive_is_quiet(void **state)
{
	(void)state;
	assert_string_equal(pass(SIZE_MAX), "");
	make();
	assert_string_equal(pass(SIZE_MAX), "");
	assert_string_equal(pass(1), "");
	assert_int_equal(heard.gone, 3);
}

/* Move the file ${name} away, empty it, cut it: each is told as ${cause}. */
static void
expect_told(const char *name, const char *cause, bool any_size)
{
	char *path = sp_layout_path(fx.dir, name);
	char *away = sp_layout_path(fx.dir, "away"), want[64];
	int fd;

	(void)snprintf(want, sizeof(want), "%s ", cause);
	assert_int_equal(rename(path, away), 0);
	assert_string_equal(pass(SIZE_MAX), want);
	assert_string_equal(pass(1), want);
	fd = open(path, O_CREAT | O_WRONLY, 0640);
	assert_true(fd >= 0);
	assert_string_equal(pass(SIZE_MAX), want);
	assert_non_null(strstr(heard.text, name));
	if (strcmp(cause, "checkpoint_missing") != 0)
		assert_non_null(strstr(heard.text, "it is empty"));
	assert_int_equal(write(fd, "x", 1), 1);
	if (!any_size)
		assert_string_equal(pass(SIZE_MAX), want);
	(void)close(fd);
	assert_int_equal(rename(away, path), 0);
	assert_string_equal(pass(SIZE_MAX), "");
	free(away);
	free(path);
}

static void
test_each_file_that_is_missing_is_told(void **state)
{
	char *sig;

	(void)state;
	make();
	expect_told("tree/tile/0/000", "tile_missing", false);
	expect_told("tree/tile/0/001", "tile_missing", false);
	expect_told("tree/tile/entries/001", "tile_missing", true);
	expect_told("tree/checkpoint", "checkpoint_missing", false);
	for (unsigned i = 0; i < 2; i++) {
		struct sp_segment_file *files = NULL;
		struct sp_err err;
		size_t n = 0;

		assert_int_equal(
		    sp_segment_list(fx.dir, &files, &n, &err), SP_OK);
		assert_int_equal(n, 2);
		sig = sp_xasprintf("%s.p7s", files[i].path);
		expect_told(sig, "segment_missing", true);
		/* An empty one in its place is found by its size. */
		expect_told(files[i].path, "segment_missing", true);
		free(sig);
		free(files);
	}
}

/* The last segment is noticed by the hole before the intake log. */
static void
test_a_hole_names_its_entries(void **state)
{
	struct sp_segment_file *files = NULL;
	struct sp_err err;
	char *path, *away, want[80];
	size_t n = 0;

	(void)state;
	make();
	assert_int_equal(sp_segment_list(fx.dir, &files, &n, &err), SP_OK);
	path = sp_layout_path(fx.dir, files[1].path);
	away = sp_layout_path(fx.dir, "away");
	assert_int_equal(rename(path, away), 0);
	assert_string_equal(pass(SIZE_MAX), "segment_missing ");
	(void)snprintf(want, sizeof(want), "entries %u to %u",
	    (unsigned)files[1].name.first, (unsigned)files[1].name.last);
	assert_non_null(strstr(heard.text, want));
	free(files);
	free(away);
	free(path);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_whole_archive_is_quiet),
		T(test_each_file_that_is_missing_is_told),
		T(test_a_hole_names_its_entries),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
