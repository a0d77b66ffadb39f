/*
 * The walk over what the operator named: which files are mail, in which form,
 * and which reader gets each of them.
 *
 *   sp_import_path
 *     "-"        read_stdin ---.
 *     a file     read_file ----+--> read_open: --as, else name and first bytes
 *     Maildir    read_maildir -|      read_eml:  one message
 *     a folder   read_tree ----'      read_many: mbox, Outlook, container
 *
 * Called by app/cmd/cmd_import.c.  A file that cannot be read is reported by
 * im->failed, and the walk goes on with the next one.
 */
#include "journal/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/sha256.h"
#include "journal/import/import_priv.h"

#define DEPTH_MAX 64 /* folders within each other */
#define CHUNK	  (256u << 10) /* bytes read at a time */

/* The folders of a Maildir whose files are messages; "tmp" has unfinished
 * ones. */
static const char *const maildir_parts[] = { "cur", "new" };

static bool
is_maildir(const char *path)
{
	struct stat st;

	for (size_t i = 0; i < SP_COUNTOF(maildir_parts); i++) {
		char *part = sp_xasprintf("%s/%s", path, maildir_parts[i]);
		bool dir = stat(part, &st) == 0 && S_ISDIR(st.st_mode);

		free(part);
		if (!dir)
			return (false);
	}
	return (true);
}

/* ---- one message in a file ----------------------------------------------- */

/* Give the message of ${item} to the callback, with the facts of its place and
 * header.  SP_ELIMIT: they are too long. */
static enum sp_code
emit(const struct sp_import *im, struct sp_import_item *item, bool maildir,
    struct sp_err *err)
{
	struct sp_buf extra;
	enum sp_code rc;

	sp_buf_init(&extra, SP_IMPORT_EXTRA_MAX);
	rc = sp_import_facts(item->path, maildir, im->as == SP_IMPORT_AS_PILER,
	    item->msg, &extra);
	item->extra = sp_buf_view(&extra);
	if (rc == SP_OK)
		rc = im->item(im->ctx, item, err);
	else
		rc = sp_err_set(
		    err, rc, 0, "%s: its name is too long", item->path);
	sp_buf_done(&extra);
	return (rc);
}

/* Append the file to ${out} until its end or until it is larger than ${max}:
 * ${out} holds ${max} and CHUNK bytes more. */
static enum sp_code
read_up_to(int fd, uint64_t max, struct sp_buf *out, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	uint64_t off = 0;
	size_t got = 1;

	while (rc == SP_OK && got > 0 && out->n <= max) {
		char *at = sp_buf_reserve(out, CHUNK);

		if (at == NULL)
			return (sp_err_set(err, SP_ELIMIT, 0, "no memory"));
		rc = sp_io_pread(fd, at, CHUNK, off, &got, err);
		if (rc == SP_OK) {
			off += got;
			out->n += got;
		}
	}
	return (rc);
}

/* Every byte of the file is one message.  One that cannot be read, or is too
 * large, is reported and is no error. */
static enum sp_code
read_eml(const struct sp_import *im, int fd, const char *path, bool maildir,
    struct sp_err *err)
{
	struct sp_import_item item = { .path = path };
	uint8_t sha256[SP_SHA256_LEN];
	enum sp_code rc = SP_OK;
	struct sp_buf b;

	sp_buf_init(&b, im->max_message + CHUNK);
	if (read_up_to(fd, im->max_message, &b, err) != SP_OK) {
		im->failed(im->ctx, path, err->msg);
	} else if (b.n > im->max_message) {
		im->failed(im->ctx, path, "larger than the message limit");
	} else {
		sp_sha256_once(b.p, b.n, sha256);
		item.msg = sp_buf_view(&b);
		item.file_sha256 = sha256;
		rc = emit(im, &item, maildir, err);
	}
	sp_buf_done(&b);
	return (rc);
}

/* ---- many messages in a file --------------------------------------------- */

static enum sp_code
digest_fd(int fd, uint8_t out[SP_SHA256_LEN], struct sp_err *err)
{
	struct sp_sha256 *s = sp_sha256_new();
	char *chunk = sp_xmalloc(CHUNK);
	uint64_t off = 0;
	size_t got = 1;
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && got > 0) {
		rc = sp_io_pread(fd, chunk, CHUNK, off, &got, err);
		if (rc == SP_OK)
			sp_sha256_add(s, chunk, got);
		off += got;
	}
	if (rc == SP_OK)
		sp_sha256_end(s, out);
	sp_sha256_free(s);
	free(chunk);
	return (rc);
}

enum sp_code
sp_import_digest(
    const char *path, uint8_t out[SP_SHA256_LEN], struct sp_err *err)
{
	int fd = -1;
	enum sp_code rc = sp_io_open(path, O_RDONLY, 0, &fd, err);

	if (rc == SP_OK)
		rc = digest_fd(fd, out, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* Why the file with these ${first} bytes is not of the form ${as}, where that
 * is Outlook's; NULL if it is.  An mbox is looked at by its reader. */
static const char *
mismatch(enum sp_import_as as, struct sp_view first)
{
	return (as != SP_IMPORT_AS_PST || sp_view_starts(first, "!BDN")
		    ? NULL
		    : "not an Outlook file: it does not begin with !BDN");
}

static bool
is_mbox(enum sp_import_as as)
{
	return (as >= SP_IMPORT_AS_MBOX && as <= SP_IMPORT_AS_MBOXCL2);
}

/* A file of many messages: a ${container}, or what ${as} says.  All of it is
 * hashed first, since each item names its digest. */
static enum sp_code
read_many(const struct sp_import *im, int fd, const char *path, bool container,
    enum sp_import_as as, struct sp_err *err)
{
	uint8_t sha256[SP_SHA256_LEN];
	struct sp_import_item source = { .path = path, .file_sha256 = sha256 };
	const char *why = NULL;
	char first[1024];
	size_t got;
	enum sp_code rc;

	rc = sp_io_pread(fd, first, sizeof(first), 0, &got, err);
	if (rc == SP_OK)
		rc = digest_fd(fd, sha256, err);
	if (rc != SP_OK) {
		im->failed(im->ctx, path, err->msg);
		return (SP_OK);
	}
	if (!container)
		why = mismatch(as, sp_view_mem(first, got));
	if (why != NULL) {
		im->failed(im->ctx, path, why);
		return (SP_OK);
	}
	if (container)
		return (sp_import_container(im, fd, &source, err));
	if (as == SP_IMPORT_AS_PST)
		return (sp_import_pst(im, fd, &source, err));
	return (sp_import_mbox(im, fd, &source, as, err));
}

/* ---- one file ------------------------------------------------------------ */

/* What the file is, by its name, else by its first bytes: one message where
 * nothing else is known.  Where it is a ${container}, im->as says what is in
 * it, and the result means nothing. */
static enum sp_import_as
detect(int fd, const char *path, bool *container)
{
	char first[1024];
	size_t got;

	*container = sp_import_is_container(path);
	if (*container || sp_import_ends_with(path, ".eml"))
		return (SP_IMPORT_AS_EML);
	if (sp_import_ends_with(path, ".mbox"))
		return (SP_IMPORT_AS_MBOX);
	if (sp_io_pread(fd, first, sizeof(first), 0, &got, NULL) != SP_OK)
		return (SP_IMPORT_AS_EML);
	if (sp_import_begins_mbox(sp_view_mem(first, got)))
		return (SP_IMPORT_AS_MBOX);
	if (got >= 4 && memcmp(first, "!BDN", 4) == 0)
		return (SP_IMPORT_AS_PST);
	*container = (got >= 4 && memcmp(first, "PK\003\004", 4) == 0) ||
		     (got >= 6 && memcmp(first, "7z\274\257\047\034", 6) == 0);
	return (SP_IMPORT_AS_EML);
}

/* The file open on ${fd} to the reader of its form.  What is in a container is
 * said by im->as, so a container is looked for whatever ${as} says, except a
 * message or an Outlook file. */
static enum sp_code
read_open(const struct sp_import *im, int fd, const char *path,
    enum sp_import_as as, struct sp_err *err)
{
	bool maildir = as == SP_IMPORT_AS_MAILDIR, container = false;
	enum sp_import_as form;

	if (as == SP_IMPORT_AS_DETECT)
		as = detect(fd, path, &container);
	else if (as != SP_IMPORT_AS_EML && as != SP_IMPORT_AS_PST)
		(void)detect(fd, path, &container);
	form = container || maildir || as == SP_IMPORT_AS_PILER
		   ? SP_IMPORT_AS_EML
		   : as;
	if (container || form != SP_IMPORT_AS_EML)
		return (read_many(im, fd, path, container, form, err));
	return (read_eml(im, fd, path, maildir, err));
}

/* Open for reading; false, and reported, where that fails.  A FIFO that came
 * in place of a file since it was looked at is not waited for. */
static bool
open_source(
    const struct sp_import *im, const char *path, int *fd, struct sp_err *err)
{
	if (sp_io_open(path, O_RDONLY | O_NONBLOCK, 0, fd, err) == SP_OK)
		return (true);
	im->failed(im->ctx, path, err->msg);
	return (false);
}

static enum sp_code
read_file(const struct sp_import *im, const char *path, enum sp_import_as as,
    struct sp_err *err)
{
	enum sp_code rc;
	int fd;

	if (!open_source(im, path, &fd, err))
		return (SP_OK);
	rc = read_open(im, fd, path, as, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* A file that is one message whatever its bytes are: one of a ${maildir}, or
 * a *.eml in a tree. */
static enum sp_code
read_message(const struct sp_import *im, const char *path, bool maildir,
    struct sp_err *err)
{
	enum sp_code rc;
	int fd;

	if (!open_source(im, path, &fd, err))
		return (SP_OK);
	rc = read_eml(im, fd, path, maildir, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* ---- folders ------------------------------------------------------------- */

/* The messages in "cur" and "new" of the Maildir at ${path}. */
static enum sp_code
read_maildir(const struct sp_import *im, const char *path, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t p = 0; rc == SP_OK && p < SP_COUNTOF(maildir_parts); p++) {
		char *part = sp_xasprintf("%s/%s", path, maildir_parts[p]);
		char **names = NULL;
		size_t n = 0;

		rc = sp_io_list(part, &names, &n, err);
		for (size_t i = 0; rc == SP_OK && i < n; i++) {
			char *file = sp_xasprintf("%s/%s", part, names[i]);

			if (names[i][0] != '.')
				rc = read_message(im, file, true, err);
			free(file);
		}
		sp_io_names_free(names, n);
		free(part);
	}
	return (rc);
}

static enum sp_code read_tree(const struct sp_import *im, const char *path,
    unsigned depth, struct sp_err *err);

/* ${name}, which lies at ${path} in a folder (${in_maildir}: in a Maildir,
 * whose own folders are read already): mail by its name, or a folder, or not
 * mail. */
static enum sp_code
read_entry(const struct sp_import *im, const char *path, const char *name,
    bool in_maildir, unsigned depth, struct sp_err *err)
{
	struct stat st;

	/* Links are not followed: a tree must not lead out of itself. */
	if (lstat(path, &st) != 0) {
		im->failed(im->ctx, path, strerror(errno));
		return (SP_OK);
	}
	if (S_ISDIR(st.st_mode)) {
		if (in_maildir &&
		    (strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 ||
			strcmp(name, "tmp") == 0))
			return (SP_OK);
		return (read_tree(im, path, depth + 1, err));
	}
	if (S_ISREG(st.st_mode) && sp_import_ends_with(name, ".eml"))
		return (read_message(im, path, false, err));
	if (S_ISREG(st.st_mode) && sp_import_ends_with(name, ".mbox"))
		return (read_file(im, path,
		    is_mbox(im->as) ? im->as : SP_IMPORT_AS_MBOX, err));
	if (S_ISREG(st.st_mode) &&
	    (sp_import_is_container(name) || sp_import_is_pst(name)))
		return (read_file(im, path, SP_IMPORT_AS_DETECT, err));
	im->not_mail(im->ctx, path);
	return (SP_OK);
}

/* A folder and all below it, in the order of the names.  A folder that cannot
 * be listed is reported. */
static enum sp_code
read_tree(const struct sp_import *im, const char *path, unsigned depth,
    struct sp_err *err)
{
	bool maildir = is_maildir(path);
	enum sp_code rc = SP_OK;
	char **names = NULL;
	size_t n = 0;

	if (depth > DEPTH_MAX) {
		im->failed(im->ctx, path, "folders nested too deep");
		return (SP_OK);
	}
	if (maildir)
		rc = read_maildir(im, path, err);
	if (rc == SP_OK && sp_io_list(path, &names, &n, err) != SP_OK)
		im->failed(im->ctx, path, err->msg);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *entry = sp_xasprintf("%s/%s", path, names[i]);

		rc = read_entry(im, entry, names[i], maildir, depth, err);
		free(entry);
	}
	sp_io_names_free(names, n);
	return (rc);
}

/* ---- all of it ----------------------------------------------------------- */

/* Standard input may be a pipe: spool it, so that it can be read twice. */
static enum sp_code
read_stdin(const struct sp_import *im, struct sp_err *err)
{
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
		rc = read_open(im, fd, "-", im->as, err);
	(void)sp_io_close(fd, NULL);
	free(chunk);
	return (rc);
}

/* Standard input, one file, one Maildir, or a tree: whatever else ${path} is
 * goes to im->failed. */
enum sp_code
sp_import_path(const struct sp_import *im, const char *path, struct sp_err *err)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return (read_stdin(im, err));
	if (stat(path, &st) != 0) {
		im->failed(im->ctx, path, strerror(errno));
		return (SP_OK);
	}
	if (S_ISREG(st.st_mode))
		return (read_file(im, path, im->as, err));
	if (!S_ISDIR(st.st_mode)) {
		im->failed(im->ctx, path,
		    "not a regular file; - takes mail from standard input");
		return (SP_OK);
	}
	if (im->as == SP_IMPORT_AS_MAILDIR && !is_maildir(path)) {
		im->failed(
		    im->ctx, path, "not a Maildir: no cur and new in it");
		return (SP_OK);
	}
	if (im->as == SP_IMPORT_AS_MAILDIR)
		return (read_maildir(im, path, err));
	return (read_tree(im, path, 0, err));
}
