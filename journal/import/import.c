/* Files and trees: what is mail, and in which form. */
#include "journal/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"

#define DEPTH_MAX 64
#define CHUNK	  (256u << 10)

bool
sp_import_ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return (n > s && strcasecmp(name + n - s, suffix) == 0);
}

void
sp_import_failed(const struct sp_import *im, const char *path,
    const char *member, const char *why)
{
	char *text = member == NULL || member[0] == '\0'
			 ? sp_xstrdup(path)
			 : sp_xasprintf("%s:%s", path, member);

	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	im->failed(im->ctx, text, why);
	free(text);
}

static bool
is_maildir(const char *path)
{
	static const char *const parts[] = { "cur", "new" };
	struct stat st;

	for (size_t i = 0; i < SP_COUNTOF(parts); i++) {
		char *sub = sp_xasprintf("%s/%s", path, parts[i]);
		bool dir = stat(sub, &st) == 0 && S_ISDIR(st.st_mode);

		free(sub);
		if (!dir)
			return (false);
	}
	return (true);
}

/* The facts beside the message, and the message. */
static enum sp_code
hand_on(const struct sp_import *im, struct sp_import_item *item, bool maildir,
    struct sp_err *err)
{
	struct sp_buf extra;
	enum sp_code rc;

	sp_buf_init(&extra, 256u << 10);
	rc = sp_import_facts(
	    item->path, maildir, im->as == SP_AS_PILER, item->msg, &extra);
	item->extra = sp_buf_view(&extra);
	if (rc == SP_OK)
		rc = im->item(im->ctx, item, err);
	else
		rc = sp_err_set(
		    err, rc, 0, "%s: its name is too long", item->path);
	sp_buf_done(&extra);
	return (rc);
}

static enum sp_code
take_eml(const struct sp_import *im, int fd, const char *path, bool maildir,
    struct sp_err *err)
{
	struct sp_import_item item = { .path = path };
	uint8_t sha256[SP_SHA256_LEN];
	struct sp_buf b;
	uint64_t off = 0;
	size_t got = 1;
	enum sp_code rc = SP_OK;

	sp_buf_init(&b, im->max_message + CHUNK);
	while (rc == SP_OK && got > 0 && b.n <= im->max_message) {
		char *at = sp_buf_reserve(&b, CHUNK);

		if (at == NULL) {
			rc = sp_err_set(err, SP_ELIMIT, 0, "no memory");
			break;
		}
		rc = sp_io_pread(fd, at, CHUNK, off, &got, err);
		if (rc == SP_OK) {
			off += got;
			b.n += got;
		}
	}
	if (rc == SP_OK && b.n > im->max_message) {
		im->failed(im->ctx, path, "larger than the message limit");
	} else if (rc != SP_OK) {
		im->failed(im->ctx, path, err->msg);
		rc = SP_OK;
	} else {
		sp_sha256_once(b.p, b.n, sha256);
		item.msg = sp_buf_view(&b);
		item.file_sha256 = sha256;
		rc = hand_on(im, &item, maildir, err);
	}
	sp_buf_done(&b);
	return (rc);
}

static enum sp_code
digest_of(int fd, uint8_t out[SP_SHA256_LEN], struct sp_err *err)
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
		rc = digest_of(fd, out, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* Whether the file is what it is taken for, and what to say if not. */
static const char *
not_that(enum sp_import_as as, struct sp_view first)
{
	struct sp_view rest = first;

	if (as == SP_AS_PST)
		return (
		    sp_view_starts(first, "!BDN")
			? NULL
			: "not an Outlook file: it does not begin with !BDN");
	return (
	    sp_view_starts(sp_view_cut(&rest, '\n'), "From ")
		? NULL
		: "not an mbox: its first line does not begin with \"From \"");
}

static bool
is_mbox(enum sp_import_as as)
{
	return (as >= SP_AS_MBOX && as <= SP_AS_MBOXCL2);
}

/* A file of many messages. */
static enum sp_code
take_many(const struct sp_import *im, int fd, const char *path, bool container,
    enum sp_import_as as, struct sp_err *err)
{
	uint8_t sha256[SP_SHA256_LEN];
	struct sp_import_item of = { .path = path, .file_sha256 = sha256 };
	const char *why = NULL;
	char first[1024];
	size_t got;
	enum sp_code rc;

	rc = sp_io_pread(fd, first, sizeof(first), 0, &got, err);
	if (rc == SP_OK)
		rc = digest_of(fd, sha256, err);
	if (rc != SP_OK) {
		im->failed(im->ctx, path, err->msg);
		return (SP_OK);
	}
	if (got == 0 && is_mbox(as))
		return (SP_OK); /* an empty mailbox */
	if (!container)
		why = not_that(as, sp_view_mem(first, got));
	if (why != NULL) {
		im->failed(im->ctx, path, why);
		return (SP_OK);
	}
	if (container)
		return (sp_import_container(im, fd, &of, err));
	if (as == SP_AS_PST)
		return (sp_import_pst(im, fd, &of, err));
	return (sp_import_mbox(im, fd, &of, as, err));
}

/* ${container}: whatever ${im} says that is in it. */
static enum sp_import_as
detect(int fd, const char *path, bool *container)
{
	char first[6];
	size_t got;

	*container = sp_import_is_container(path);
	if (*container || sp_import_ends_with(path, ".eml"))
		return (SP_AS_EML);
	if (sp_import_ends_with(path, ".mbox"))
		return (SP_AS_MBOX);
	if (sp_io_pread(fd, first, sizeof(first), 0, &got, NULL) != SP_OK)
		return (SP_AS_EML);
	if (got >= 5 && memcmp(first, "From ", 5) == 0)
		return (SP_AS_MBOX);
	if (got >= 4 && memcmp(first, "!BDN", 4) == 0)
		return (SP_AS_PST);
	*container = (got >= 4 && memcmp(first, "PK\003\004", 4) == 0) ||
		     (got >= 6 && memcmp(first, "7z\274\257\047\034", 6) == 0);
	return (SP_AS_EML);
}

static enum sp_code
take_open(const struct sp_import *im, int fd, const char *path,
    enum sp_import_as as, struct sp_err *err)
{
	bool maildir = as == SP_AS_MAILDIR, container = false;
	enum sp_import_as found;

	if (as == SP_AS_DETECT)
		as = detect(fd, path, &container);
	else if (as != SP_AS_EML && as != SP_AS_PST)
		(void)detect(fd, path, &container);
	found = container || maildir || as == SP_AS_PILER ? SP_AS_EML : as;
	if (container || found != SP_AS_EML)
		return (take_many(im, fd, path, container, found, err));
	return (take_eml(im, fd, path, maildir, err));
}

static enum sp_code
take_file(const struct sp_import *im, const char *path, enum sp_import_as as,
    struct sp_err *err)
{
	enum sp_code rc;
	int fd;

	rc = sp_io_open(path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (rc != SP_OK) {
		im->failed(im->ctx, path, err->msg);
		return (SP_OK);
	}
	rc = take_open(im, fd, path, as, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* Its name says nothing: a file of a Maildir, or a *.eml. */
static enum sp_code
take_message(const struct sp_import *im, const char *path, bool maildir,
    struct sp_err *err)
{
	enum sp_code rc;
	int fd;

	rc = sp_io_open(path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (rc != SP_OK) {
		im->failed(im->ctx, path, err->msg);
		return (SP_OK);
	}
	rc = take_eml(im, fd, path, maildir, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

static enum sp_code
take_maildir(const struct sp_import *im, const char *path, struct sp_err *err)
{
	static const char *const parts[] = { "cur", "new" };
	enum sp_code rc = SP_OK;

	for (size_t p = 0; rc == SP_OK && p < SP_COUNTOF(parts); p++) {
		char *sub = sp_xasprintf("%s/%s", path, parts[p]);
		char **names = NULL;
		size_t n = 0;

		rc = sp_io_list(sub, &names, &n, err);
		for (size_t i = 0; rc == SP_OK && i < n; i++) {
			char *file = sp_xasprintf("%s/%s", sub, names[i]);

			if (names[i][0] != '.')
				rc = take_message(im, file, true, err);
			free(file);
		}
		sp_io_names_free(names, n);
		free(sub);
	}
	return (rc);
}

static enum sp_code take_tree(const struct sp_import *im, const char *path,
    unsigned depth, struct sp_err *err);

static enum sp_code
take_member(const struct sp_import *im, const char *path, const char *name,
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
		return (take_tree(im, path, depth + 1, err));
	}
	if (S_ISREG(st.st_mode) && sp_import_ends_with(name, ".eml"))
		return (take_message(im, path, false, err));
	if (S_ISREG(st.st_mode) && sp_import_ends_with(name, ".mbox"))
		return (take_file(
		    im, path, is_mbox(im->as) ? im->as : SP_AS_MBOX, err));
	if (S_ISREG(st.st_mode) &&
	    (sp_import_is_container(name) || sp_import_is_pst(name)))
		return (take_file(im, path, SP_AS_DETECT, err));
	im->not_mail(im->ctx, path);
	return (SP_OK);
}

static enum sp_code
take_tree(const struct sp_import *im, const char *path, unsigned depth,
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
		rc = take_maildir(im, path, err);
	if (rc == SP_OK && sp_io_list(path, &names, &n, err) != SP_OK)
		im->failed(im->ctx, path, err->msg);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *sub = sp_xasprintf("%s/%s", path, names[i]);

		rc = take_member(im, sub, names[i], maildir, depth, err);
		free(sub);
	}
	sp_io_names_free(names, n);
	return (rc);
}

/* Standard input may be a pipe: spool it, so that it can be read twice. */
static enum sp_code
take_stdin(const struct sp_import *im, struct sp_err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *chunk = sp_xmalloc(CHUNK);
	enum sp_code rc;
	ssize_t got;
	int fd = -1;

	rc = sp_io_tmpfile(tmp == NULL ? "/tmp" : tmp, &fd, err);
	while (rc == SP_OK && (got = read(STDIN_FILENO, chunk, CHUNK)) != 0) {
		if (got < 0 && errno != EINTR)
			rc = sp_err_set(err, SP_EIO, errno, "standard input");
		else if (got > 0)
			rc = sp_io_write(fd, chunk, (size_t)got, err);
	}
	if (rc == SP_OK)
		rc = take_open(im, fd, "-", im->as, err);
	(void)sp_io_close(fd, NULL);
	free(chunk);
	return (rc);
}

enum sp_code
sp_import_path(const struct sp_import *im, const char *path, struct sp_err *err)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return (take_stdin(im, err));
	if (stat(path, &st) != 0) {
		im->failed(im->ctx, path, strerror(errno));
		return (SP_OK);
	}
	if (S_ISREG(st.st_mode))
		return (take_file(im, path, im->as, err));
	if (!S_ISDIR(st.st_mode)) {
		im->failed(im->ctx, path,
		    "not a regular file; - takes mail from standard input");
		return (SP_OK);
	}
	if (im->as == SP_AS_MAILDIR && !is_maildir(path)) {
		im->failed(
		    im->ctx, path, "not a Maildir: no cur and new in it");
		return (SP_OK);
	}
	if (im->as == SP_AS_MAILDIR)
		return (take_maildir(im, path, err));
	return (take_tree(im, path, 0, err));
}
