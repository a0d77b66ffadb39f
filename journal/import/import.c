/*
 * What the operator named: standard input, one file, or a folder.  Each goes to
 * its reader, and what comes of it is counted here on the way to the caller's
 * callbacks: a folder, a container or a compressed file that gave no mail at
 * all is reported with what was in it, so that no empty import passes for a
 * good one.
 *
 *	sp_import_path --> tally --> read_stdin, read_named -> import_file.c
 *	                        '--> sp_import_walk (import_walk.c)
 *
 * Called by app/cmd/cmd_import.c.
 */
#include "journal/import/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "journal/import/import_priv.h"

#define CHUNK (256u << 10) /* bytes read at a time */

/* ---- what comes of one path ---------------------------------------------- */

struct tally {
	const struct sp_import *im; /* the caller's callbacks */
	uint64_t messages, failed;
	uint64_t others[SP_IMPORT_KINDS]; /* no mail, by kind */
};

static enum sp_code
tally_item(void *ctx, const struct sp_import_item *item, struct sp_err *err)
{
	struct tally *t = ctx;

	t->messages++;
	return (t->im->item(t->im->ctx, item, err));
}

static void
tally_failed(void *ctx, const char *path, const char *why)
{
	struct tally *t = ctx;

	t->failed++;
	t->im->failed(t->im->ctx, path, why);
}

static void
tally_not_mail(void *ctx, const char *path, const char *kind)
{
	struct tally *t = ctx;

	t->others[sp_import_kind_named(kind)]++;
	t->im->not_mail(t->im->ctx, path, kind);
}

static void
tally_note(void *ctx, const char *path, const char *what)
{
	const struct tally *t = ctx;

	sp_import_note(t->im, path, NULL, what);
}

static enum sp_code
tally_file(void *ctx, int fd, struct sp_err *err)
{
	const struct tally *t = ctx;

	return (t->im->file(t->im->ctx, fd, err));
}

/* Report that ${path} gave no mail, and what was in it: a failure, but no
 * second one where files of it were reported already. */
static void
report_nothing(const struct tally *t, const char *path)
{
	char *list = sp_import_kind_list(t->others), *why;

	if (t->failed > 0 && list[0] != '\0')
		why = sp_xasprintf("no mail was taken from it: %" PRIu64
				   " failed (named above); beside them %s",
		    t->failed, list);
	else if (t->failed > 0)
		why = sp_xasprintf("no mail was taken from it: %" PRIu64
				   " failed (named above)",
		    t->failed);
	else
		why = sp_xasprintf("no mail was found in it: %s",
		    list[0] == '\0' ? "it is empty" : list);
	if (t->failed > 0)
		sp_import_note(t->im, path, NULL, why);
	else
		t->im->failed(t->im->ctx, path, why);
	free(why);
	free(list);
}

/* ---- files --------------------------------------------------------------- */

/* Standard input may be a pipe: spool it, so that it can be read twice. */
static enum sp_code
read_stdin(const struct sp_import *im, struct sp_err *err)
{
	const struct sp_import_place place = { .path = "-", .named = true };
	char *chunk = sp_xmalloc(CHUNK);
	enum sp_code rc;
	ssize_t got;
	int fd = -1;

	rc = sp_import_tmpfile(&fd, err);
	while (rc == SP_OK && (got = read(STDIN_FILENO, chunk, CHUNK)) != 0) {
		if (got < 0 && errno != EINTR)
			rc = sp_err_set(err, SP_EIO, errno, "standard input");
		else if (got > 0)
			rc = sp_io_write(fd, chunk, (size_t)got, err);
	}
	if (rc == SP_OK)
		rc = sp_import_file(im, fd, &place, err);
	(void)sp_io_close(fd, NULL);
	free(chunk);
	return (rc);
}

/* One file. */
static enum sp_code
read_named(const struct sp_import *im, const char *path, struct sp_err *err)
{
	const struct sp_import_place place = { .path = path, .named = true };
	enum sp_code rc;
	int fd = -1;

	if (!sp_import_walk_open(im, path, true, &fd))
		return (SP_OK);
	rc = sp_import_file(im, fd, &place, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* Whether things that are no mail were met. */
static bool
met_others(const struct tally *t)
{
	for (size_t i = 0; i < SP_IMPORT_KINDS; i++) {
		if (t->others[i] > 0 && i != SP_IMPORT_KIND_EMPTY)
			return (true);
	}
	return (false);
}

/* Standard input, one file, or a folder: whatever else ${path} is goes to
 * im->failed. */
enum sp_code
sp_import_path(const struct sp_import *im, const char *path, struct sp_err *err)
{
	struct tally t = { .im = im };
	struct sp_import sub = *im;
	enum sp_code rc = SP_OK;
	struct stat st;

	sub.item = tally_item;
	sub.failed = tally_failed;
	sub.not_mail = tally_not_mail;
	sub.note = tally_note;
	sub.file = im->file == NULL ? NULL : tally_file;
	sub.ctx = &t;
	if (strcmp(path, "-") == 0) {
		rc = read_stdin(&sub, err);
		st.st_mode = S_IFREG;
	} else if (stat(path, &st) != 0) {
		im->failed(im->ctx, path, strerror(errno));
		return (SP_OK);
	} else if (S_ISREG(st.st_mode)) {
		rc = read_named(&sub, path, err);
	} else if (S_ISDIR(st.st_mode)) {
		rc = sp_import_walk(&sub, path, err);
	} else {
		im->failed(im->ctx, path,
		    "not a regular file; - takes mail from standard input");
		return (SP_OK);
	}
	/* An empty file of any name is an empty mailbox; so is an empty mbox,
	 * of which nothing is met.  A file that failed was named. */
	if (rc == SP_OK && t.messages == 0 &&
	    (S_ISDIR(st.st_mode) || (t.failed == 0 && met_others(&t))))
		report_nothing(&t, path);
	return (rc);
}
