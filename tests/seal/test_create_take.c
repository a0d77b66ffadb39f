/*
 * What sp_create takes along of the archive that is continued: files as they
 * are, links as links, and nothing that is an archive's own.
 */
#include <ftw.h>
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
#include "base/fault.h"
#include "base/io.h"
#include "base/layout.h"
#include "journal/seal/create.h"
#include "journal/seal/seal.h"

#define ORIGIN "test.example/take"

static char root[64];
static char *dir, *guard;

/* ${err} is the caller's. */
#define must(call)                                          \
	do {                                                \
		if ((call) != SP_OK)                        \
			fail_msg("%s: %s", #call, err.msg); \
	} while (0)

static int
setup(void **state)
{
	(void)state;
	(void)umask(022);
	/* On a memory file system if there is one: tests sync thousands of
	 * times. */
	(void)snprintf(root, sizeof(root), "%s/sp-take-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(root));
	dir = sp_layout_path(root, "archive");
	guard = sp_layout_path(root, "guard");
	return (0);
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

static int
teardown(void **state)
{
	(void)state;
	sp_fault_arm(NULL, 0);
	free(dir);
	free(guard);
	return (nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS));
}

static struct sp_create
plan(void)
{
	return ((struct sp_create){ .dir = dir,
	    .origin = ORIGIN,
	    .config = SP_VIEW_LIT("# nothing\n"),
	    .guard = guard,
	    .by = "sealpost test" });
}

/* The text of a file in the archive; the caller frees it. */
static char *
text_of(const char *base, const char *name)
{
	char *path = sp_layout_path(base, name);
	struct sp_buf b;
	struct sp_err err;

	sp_buf_init(&b, 1 << 20);
	must(sp_io_read_file(path, 1 << 20, &b, &err));
	free(path);
	return (sp_buf_take(&b, NULL));
}

static void
refused(struct sp_create *c, enum sp_code want, const char *says)
{
	struct sp_err err = { .msg = "" };
	enum sp_code rc = sp_create(c, &err);

	if (rc != want || strstr(err.msg, says) == NULL)
		fail_msg("got %s: %s", sp_err_name(rc), err.msg);
}

/* Sign a checkpoint over what is there. */
static void
seal(const char *archive, const char *outside)
{
	struct sp_config *cfg = sp_config_default();
	struct sp_seal *s = NULL;
	struct sp_err err;
	uint64_t size;

	cfg->guard = outside == NULL ? NULL : sp_xstrdup(outside);
	must(sp_seal_open(archive, cfg, 1000, NULL, &s, &err));
	must(sp_seal_checkpoint(s, &size, &err));
	assert_true(size == 1);
	sp_seal_close(s);
	sp_config_free(cfg);
}

/* Write the file ${name} of the archive ${base}, with its folder. */
static void
write_file(const char *base, const char *name, const char *text, mode_t mode)
{
	char *path = sp_layout_path(base, name);
	char *parent = sp_io_parent(path, NULL);
	struct sp_err err;

	must(sp_io_mkdirs(parent, 0700, &err));
	must(sp_io_replace(path, text, strlen(text), mode, &err));
	free(parent);
	free(path);
}

/* Make a symbolic link ${name} of the archive ${base}. */
static void
write_link(const char *base, const char *name, const char *target)
{
	char *path = sp_layout_path(base, name);

	assert_int_equal(symlink(target, path), 0);
	free(path);
}

/* Check that ${name} of the new archive is a link to ${want}. */
static void
is_link(const char *name, const char *want)
{
	char *path = sp_layout_path(dir, name), target[256] = "";

	if (readlink(path, target, sizeof(target) - 1) < 0)
		fail_msg("%s is no link", name);
	assert_string_equal(target, want);
	free(path);
}

/* Check that ${name} of the new archive is a file with this text and mode. */
static void
is_file(const char *name, const char *want, mode_t mode)
{
	char *path = sp_layout_path(dir, name), *text = text_of(dir, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, mode);
	assert_string_equal(text, want);
	free(text);
	free(path);
}

/*
 * What is taken along is copied as it is.  The old archive is its account's,
 * and init is root's: a link is never followed, or the account would get to
 * read what root can.
 */
static void
test_files_are_taken_along_as_they_are(void **state)
{
	static const char *const names[] = { "secrets/password",
		"secrets/tls.key", "secrets/here", "secrets/old",
		"secrets/a..b", "secrets/gone", "shadow", "linked/inner/key",
		"certs/live.pem", "keys/seal.key", "tree/checkpoint",
		"keys/tls.pem", "./keys//log.key" };
	char *take[SP_COUNTOF(names)];
	char *old = sp_layout_path(root, "old");
	char *outside = sp_layout_path(root, "outside");
	char *up, *theirs, *ours, *real;
	struct sp_create c = plan();
	struct sp_err err;

	(void)state;
	c.dir = old;
	c.guard = NULL;
	must(sp_create(&c, &err));
	seal(old, NULL);
	write_file(root, "outside", "root's alone", 0600);
	write_file(root, "elsewhere/inner/key", "root's alone", 0600);
	write_file(old, "secrets/password", "pw", 0600);
	write_file(old, "secrets/old/2025", "pw before", 0640);
	write_file(old, "secrets/a..b", "dots", 0400);
	write_file(old, "certs/live-7.pem", "certificate", 0644);
	write_file(old, "keys/tls.pem", "tls", 0600);
	write_link(old, "secrets/tls.key", outside);
	write_link(old, "secrets/here", "password");
	write_link(old, "shadow", "../outside");
	write_link(old, "certs/live.pem", "live-7.pem");
	up = sp_layout_path(root, "elsewhere");
	write_link(old, "linked", up);
	c = plan();
	c.origin = "test.example/next";
	c.continues = old;
	for (size_t i = 0; i < SP_COUNTOF(names); i++)
		take[i] = sp_xstrdup(names[i]);
	c.take = take;
	c.ntake = SP_COUNTOF(take);
	must(sp_create(&c, &err));
	is_file("secrets/password", "pw", 0600);
	is_file("secrets/old/2025", "pw before", 0640);
	is_file("secrets/a..b", "dots", 0400);
	is_file("keys/tls.pem", "tls", 0600);
	is_link("secrets/tls.key", outside);
	is_link("secrets/here", "password");
	is_link("linked", up);
	/* One that leads out of its folder leads to the same file as before. */
	real = realpath(old, NULL);
	free(up);
	up = sp_xasprintf("%s/../outside", real);
	is_link("shadow", up);
	/* What a link of the same folder leads to comes too. */
	is_link("certs/live.pem", "live-7.pem");
	is_file("certs/live-7.pem", "certificate", 0644);
	/* An archive's own parts are never another's. */
	for (size_t i = 0; i < 2; i++) {
		const char *name = i == 0 ? "keys/seal.key" : "keys/log.key";

		theirs = text_of(old, name);
		ours = text_of(dir, name);
		assert_string_not_equal(theirs, ours);
		free(ours);
		free(theirs);
	}
	for (size_t i = 0; i < SP_COUNTOF(names); i++)
		free(take[i]);
	free(real);
	free(up);
	free(outside);
	free(old);
}

/* A path that leads out of the old archive, and what is no file. */
static void
test_what_cannot_be_taken_along_is_refused(void **state)
{
	char out[] = "secrets/../../outside", pipe_[] = "secrets/pipe",
	     password[] = "secrets/password", *take[] = { out };
	char *old = sp_layout_path(root, "old"), *fifo;
	struct sp_create c = plan();
	struct sp_err err;

	(void)state;
	c.dir = old;
	c.guard = NULL;
	must(sp_create(&c, &err));
	seal(old, NULL);
	write_file(old, "secrets/password", "pw", 0600);
	write_file(root, "outside", "root's alone", 0600);
	c = plan();
	c.origin = "test.example/next";
	c.continues = old;
	c.take = take;
	c.ntake = 1;
	refused(&c, SP_EUSAGE, "a path with .. cannot be taken along");
	fifo = sp_layout_path(old, "secrets/pipe");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	take[0] = pipe_;
	refused(&c, SP_EUSAGE, "no regular file");
	take[0] = password;
	refused(&c, SP_OK, "");
	free(fifo);
	free(old);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_files_are_taken_along_as_they_are),
		T(test_what_cannot_be_taken_along_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
