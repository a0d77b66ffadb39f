/*
 * The walk over the folders of mail programs: all files in the order of their
 * names, each as what it is (import_file.c).  What a folder is only matters for
 * files whose names and bytes do not say enough:
 *
 *	cur, new in one, with two of cur, new, tmp   a whole Maildir: each file
 *	cur or new alone                             what looks like a message
 *	.mh_sequences, cyrus.header ... in it        MH, Cyrus: 17 and 17.
 *
 * Links are not followed, pipes and devices are not opened, a folder that
 * cannot be listed is reported, and the rest is read.  Called by import.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "journal/import/import_priv.h"

#define DEPTH_MAX 64 /* folders within each other */

/* What is known of a folder when its files are read. */
struct folder {
	const char *path;
	unsigned depth; /* below what the operator named */
	bool part; /* it is "cur" or "new" */
	bool whole; /* and its Maildir is a whole one */
	bool has_parts; /* it is a Maildir itself */
	bool parts_whole; /* a whole one */
	bool spool; /* of MH or Cyrus */
};

static enum sp_code read_folder(
    const struct sp_import *im, const struct folder *f, struct sp_err *err);

bool
sp_import_walk_open(
    const struct sp_import *im, const char *path, bool follow, int *fd)
{
	struct sp_err err;
	struct stat st;
	int flags =
	    O_RDONLY | O_NONBLOCK | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);

	/* A pipe that came in place of a file is not waited for. */
	if (sp_io_open(path, flags, 0, fd, &err) != SP_OK) {
		im->failed(im->ctx, path, err.msg);
		return (false);
	}
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
		return (true);
	(void)sp_io_close(*fd, NULL);
	im->failed(im->ctx, path, "not a regular file");
	return (false);
}

/* Whether PATH/${name} is a folder; links are none. */
static bool
has_folder(const char *path, const char *name)
{
	char *sub = sp_xasprintf("%s/%s", path, name);
	struct stat st;
	bool yes = lstat(sub, &st) == 0 && S_ISDIR(st.st_mode);

	free(sub);
	return (yes);
}

/* Whether the folder is a Maildir ("cur" or "new" in it), and a whole one. */
static void
look_for_parts(struct folder *f)
{
	bool cur = has_folder(f->path, "cur"), new = has_folder(f->path, "new");

	f->has_parts = cur || new;
	f->parts_whole =
	    (cur && new) || (f->has_parts && has_folder(f->path, "tmp"));
}

/* Whether one of the ${names} says that MH or Cyrus keeps this folder. */
static bool
is_spool(char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], ".mh_sequences") == 0 ||
		    strcmp(names[i], ".xmhcache") == 0 ||
		    strcmp(names[i], ".overview") == 0 ||
		    strncmp(names[i], "cyrus.", 6) == 0)
			return (true);
	}
	return (false);
}

/* The regular file ${name} of the folder. */
static enum sp_code
read_regular(const struct sp_import *im, const struct folder *f,
    const char *path, const char *name, struct sp_err *err)
{
	char *index = sp_xasprintf("%s.msf", path);
	const struct sp_import_place place = { .path = path,
		.part = f->part,
		.maildir = f->whole,
		.spool = f->spool,
		.indexed = access(index, F_OK) == 0 };
	enum sp_code rc;
	int fd = -1;

	free(index);

	/* An index that may not be read is no mail that is missing. */
	if (access(path, R_OK) != 0 && errno == EACCES &&
	    sp_import_kind_is_index(name)) {
		im->not_mail(
		    im->ctx, path, sp_import_kind_name(SP_IMPORT_KIND_INDEX));
		return (SP_OK);
	}
	if (!sp_import_walk_open(im, path, false, &fd))
		return (SP_OK);
	rc = sp_import_file(im, fd, &place, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* The folder ${name} in ${f}. */
static enum sp_code
read_below(const struct sp_import *im, const struct folder *f, const char *path,
    const char *name, struct sp_err *err)
{
	struct folder sub = { .path = path, .depth = f->depth + 1 };

	if (f->has_parts && strcmp(name, "tmp") == 0)
		return (SP_OK); /* unfinished deliveries */
	sub.part = f->has_parts &&
		   (strcmp(name, "cur") == 0 || strcmp(name, "new") == 0);
	sub.whole = sub.part && f->parts_whole;
	return (read_folder(im, &sub, err));
}

/* ${name}, which lies at ${path} in the folder ${f}. */
static enum sp_code
read_entry(const struct sp_import *im, const struct folder *f, const char *path,
    const char *name, struct sp_err *err)
{
	struct stat st;

	if (f->whole && name[0] == '.')
		return (SP_OK); /* not a message by the rules of Maildir */
	/* Links are not followed: a folder must not lead out of itself. */
	if (lstat(path, &st) != 0)
		im->failed(im->ctx, path, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		return (read_below(im, f, path, name, err));
	else if (S_ISREG(st.st_mode))
		return (read_regular(im, f, path, name, err));
	else
		im->not_mail(im->ctx, path,
		    sp_import_kind_name(S_ISLNK(st.st_mode)
					    ? SP_IMPORT_KIND_LINK
					    : SP_IMPORT_KIND_SPECIAL));
	return (SP_OK);
}

/* A folder and all below it.  One that cannot be listed, or lies too deep, is
 * reported. */
static enum sp_code
read_folder(
    const struct sp_import *im, const struct folder *given, struct sp_err *err)
{
	struct folder f = *given;
	enum sp_code rc = SP_OK;
	char **names = NULL;
	size_t n = 0;

	if (f.depth > DEPTH_MAX) {
		im->failed(im->ctx, f.path, "folders nested too deep");
		return (SP_OK);
	}
	if (sp_io_list(f.path, &names, &n, err) != SP_OK) {
		im->failed(im->ctx, f.path, err->msg);
		return (SP_OK);
	}
	look_for_parts(&f);
	f.spool = is_spool(names, n);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *entry = sp_xasprintf("%s/%s", f.path, names[i]);

		rc = read_entry(im, &f, entry, names[i], err);
		free(entry);
	}
	sp_io_names_free(names, n);
	return (rc);
}

/* "cur" and "new" of the Maildir ${f}, and nothing else of it. */
static enum sp_code
read_maildir(
    const struct sp_import *im, const struct folder *f, struct sp_err *err)
{
	static const char *const parts[] = { "cur", "new" };
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(parts); i++) {
		char *part = sp_xasprintf("%s/%s", f->path, parts[i]);

		if (has_folder(f->path, parts[i]))
			rc = read_below(im, f, part, parts[i], err);
		free(part);
	}
	return (rc);
}

enum sp_code
sp_import_walk(const struct sp_import *im, const char *path, struct sp_err *err)
{
	struct folder f = { .path = path };

	if (im->as != SP_IMPORT_AS_MAILDIR)
		return (read_folder(im, &f, err));
	look_for_parts(&f);
	/* The operator says that all files there are messages. */
	f.parts_whole = f.has_parts;
	if (f.has_parts)
		return (read_maildir(im, &f, err));
	im->failed(im->ctx, path, "not a Maildir: no cur and new in it");
	return (SP_OK);
}
