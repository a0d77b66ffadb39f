/*
 * Containers of a bag (export/container.c): a folder, a .zip and a .tar.zst
 * hold the same files, appear whole or not at all, and never replace what is
 * there.
 */
#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/sha256.h"
#include "export/container.h"

#define MTIME (INT64_C(1700000000) * SP_SECOND)

static const char *const suffixes[] = { "", ".zip", ".tar.zst" };
static char root[64];

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/sp-container-XXXXXX");
	return (mkdtemp(root) == NULL ? -1 : 0);
}

static int
on_walk(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

static int
tear_down(void **state)
{
	(void)state;
	return (nftw(root, on_walk, 16, FTW_DEPTH | FTW_PHYS));
}

static char *
path_of(const char *name, const char *suffix)
{
	return (sp_xasprintf("%s/%s%s", root, name, suffix));
}

static void
fill(struct sp_container *c, size_t n)
{
	uint8_t digest[SP_SHA256_LEN], want[SP_SHA256_LEN];
	struct sp_err err;
	char *big = sp_xcalloc(n, 1);
	int fd;

	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i * 7 % 251);
	assert_int_equal(sp_container_add(c, "bagit.txt", MTIME,
			     SP_VIEW_LIT("hello\n"), &err),
	    SP_OK);
	assert_int_equal(sp_container_add(c, "data/messages/0.eml", MTIME,
			     SP_VIEW_LIT(""), &err),
	    SP_OK);
	assert_int_equal(sp_io_tmpfile(root, &fd, &err), SP_OK);
	assert_int_equal(sp_io_write(fd, big, n, &err), SP_OK);
	assert_int_equal(
	    sp_container_add_fd(c, "data/big", MTIME, fd, n, digest, &err),
	    SP_OK);
	sp_sha256_once(big, n, want);
	assert_memory_equal(digest, want, sizeof(want));
	assert_int_equal(sp_io_close(fd, &err), SP_OK);
	free(big);
}

/* Names, sizes and times in the file, read by libarchive. */
static void
look_inside(const char *path, size_t n)
{
	static const char *const names[] = { "case_7_/bagit.txt",
		"case_7_/data/messages/0.eml", "case_7_/data/big" };
	const la_int64_t sizes[] = { 6, 0, (la_int64_t)n };
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	size_t i = 0;

	assert_int_equal(archive_read_support_format_all(a), ARCHIVE_OK);
	assert_int_equal(archive_read_support_filter_all(a), ARCHIVE_OK);
	assert_int_equal(
	    archive_read_open_filename(a, path, 65536), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		assert_true(i < SP_COUNTOF(names));
		assert_string_equal(archive_entry_pathname(e), names[i]);
		if (archive_entry_size_is_set(e))
			assert_int_equal(archive_entry_size(e), sizes[i]);
		assert_int_equal(archive_entry_mtime(e), MTIME / SP_SECOND);
		assert_int_equal(archive_entry_perm(e), 0444);
		assert_int_equal(archive_read_data_skip(a), ARCHIVE_OK);
		i++;
	}
	assert_int_equal(i, SP_COUNTOF(names));
	assert_int_equal(archive_read_free(a), ARCHIVE_OK);
}

static void
test_it_has_its_name_only_when_it_is_finished(void **state)
{
	const size_t n = 3u << 20;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(suffixes); i++) {
		char *path = path_of("case 7?", suffixes[i]);
		char *partial = sp_xasprintf("%s.partial", path);
		struct sp_container *c;
		struct sp_err err;

		assert_int_equal(sp_container_check(path, &err), SP_OK);
		assert_int_equal(sp_container_open(path, 3, &c, &err), SP_OK);
		fill(c, n);
		assert_false(sp_io_exists(path));
		assert_true(sp_io_exists(partial));
		assert_int_equal(sp_container_check(path, &err), SP_EEXISTS);
		assert_int_equal(sp_container_finish(c, &err), SP_OK);
		assert_true(sp_io_exists(path));
		assert_false(sp_io_exists(partial));
		assert_int_equal(sp_container_check(path, &err), SP_EEXISTS);
		if (i > 0)
			look_inside(path, n);
		free(path);
		free(partial);
	}
}

static void
test_abort_leaves_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(suffixes); i++) {
		char *path = path_of("gone", suffixes[i]);
		char *partial = sp_xasprintf("%s.partial", path);
		struct sp_container *c;
		struct sp_err err;

		assert_int_equal(sp_container_open(path, 3, &c, &err), SP_OK);
		sp_container_abort(c);
		assert_int_equal(sp_container_open(path, 3, &c, &err), SP_OK);
		fill(c, 100000);
		sp_container_abort(c);
		assert_false(sp_io_exists(path));
		assert_false(sp_io_exists(partial));
		free(path);
		free(partial);
	}
	sp_container_abort(NULL);
}

static void
test_what_is_there_already_is_not_touched(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(suffixes); i++) {
		char *path = path_of("mine", suffixes[i]);
		char *partial = sp_xasprintf("%s.partial", path);
		struct sp_container *c;
		struct sp_err err;

		assert_int_equal(mkdir(partial, 0755), 0);
		assert_int_equal(sp_container_check(path, &err), SP_EEXISTS);
		assert_non_null(strstr(err.msg, "interrupted"));
		assert_int_not_equal(
		    sp_container_open(path, 3, &c, &err), SP_OK);
		assert_true(sp_io_exists(partial));
		assert_int_equal(rmdir(partial), 0);
		/* It appears while the export runs. */
		assert_int_equal(sp_container_open(path, 3, &c, &err), SP_OK);
		fill(c, 1000);
		assert_int_equal(mkdir(path, 0755), 0);
		assert_int_not_equal(sp_container_finish(c, &err), SP_OK);
		assert_false(sp_io_exists(partial));
		/* Still the empty folder of somebody else. */
		assert_int_equal(rmdir(path), 0);
		free(path);
		free(partial);
	}
	assert_int_equal(
	    sp_container_check("/no/such/folder/x", &(struct sp_err){ 0 }),
	    SP_EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_has_its_name_only_when_it_is_finished),
		cmocka_unit_test(test_abort_leaves_nothing),
		cmocka_unit_test(test_what_is_there_already_is_not_touched),
	};

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return (cmocka_run_group_tests(tests, set_up, tear_down));
}
