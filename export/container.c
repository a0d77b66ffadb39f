/*
 * Containers of a bag: a directory through base/io.c, a .zip and a .tar.zst
 * through libarchive, which writes into a file of ours, so that every write is
 * checked and can be made to fail by a test.  container.h has the contract.
 * Called by bag.c; sp_container_check() by export.c before anything is logged.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/sha256.h"
#include "export/container.h"

#define PIECE (256u << 10) /* bytes copied at once */

struct sp_container {
	enum sp_container_kind kind;
	char *path, *partial;
	char *prefix; /* folder inside an archive file, with slash */
	int fd; /* of an archive file */
	struct archive *a;
	bool created; /* ${partial} was made by us */
	bool discard; /* what libarchive still writes goes nowhere */
	struct sp_err write_err; /* what the write callback met */
	char **folders; /* made in a directory, so that each is made once */
	size_t nfolders, cfolders;
};

static bool
ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return (n > m && strcmp(s + n - m, suffix) == 0);
}

enum sp_container_kind
sp_container_kind_of(const char *path)
{
	if (ends_with(path, ".zip"))
		return (SP_CONTAINER_ZIP);
	if (ends_with(path, ".tar.zst"))
		return (SP_CONTAINER_TAR);
	return (SP_CONTAINER_DIR);
}

const char *
sp_container_name(enum sp_container_kind kind)
{
	static const char *const names[] = { "dir", "zip", "tar.zst" };

	return (names[kind]);
}

/* The folder of ${path} must be there and ours to write in. */
static enum sp_code
check_parent(const char *path, struct sp_err *err)
{
	char *parent = sp_io_parent(path, NULL);
	enum sp_code rc = SP_OK;

	if (access(parent, W_OK | X_OK) != 0)
		rc = sp_err_set(err, SP_EIO, errno,
		    "cannot write %s into the folder %s", path, parent);
	free(parent);
	return (rc);
}

enum sp_code
sp_container_check(const char *path, struct sp_err *err)
{
	char *partial;
	bool leftover;

	if (sp_io_exists(path))
		return (sp_err_set(err, SP_EEXISTS, 0,
		    "%s is there already; choose another --output", path));
	partial = sp_xasprintf("%s.partial", path);
	leftover = sp_io_exists(partial);
	free(partial);
	if (!leftover)
		return (check_parent(path, err));
	return (sp_err_set(err, SP_EEXISTS, 0,
	    "%s.partial is left over from an export that was interrupted (or still runs); remove it or choose another --output",
	    path));
}

/*
 * The folder inside a container, with its slash: "case-7/" for
 * "/tmp/case-7.zip".  Free it.
 */
static char *
folder_of(const char *path, enum sp_container_kind kind)
{
	const char *base = strrchr(path, '/');
	size_t n, cut = kind == SP_CONTAINER_ZIP ? 4 : 8;
	char *name;

	base = base == NULL ? path : base + 1;
	n = strlen(base) - cut;
	name = sp_xasprintf("%.*s/", (int)n, base);
	/* A name in a bag is plain ASCII; what is not becomes '_'. */
	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_' ||
			(c == '.' && i > 0)))
			name[i] = '_';
	}
	return (name);
}

/*
 * What libarchive writes (its write callback); the first error is kept for
 * archive_failed().
 */
static la_ssize_t
on_write(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct sp_container *c = ctx;

	if (c->discard)
		return ((la_ssize_t)n);
	if (sp_io_write(c->fd, p, n, &c->write_err) != SP_OK) {
		archive_set_error(a, c->write_err.errnum, "write");
		return (-1);
	}
	return ((la_ssize_t)n);
}

/*
 * The error of a call of libarchive: that of our own write, if it was the
 * cause.
 */
static enum sp_code
archive_failed(struct sp_container *c, struct sp_err *err)
{
	if (c->write_err.code != SP_OK) {
		if (err != NULL)
			*err = c->write_err;
		return (c->write_err.code);
	}
	return (sp_err_set(
	    err, SP_EIO, 0, "%s: %s", c->partial, archive_error_string(c->a)));
}

/* Begin a .zip or .tar.zst in ${c}->partial, without padding at its end. */
static enum sp_code
open_archive(struct sp_container *c, int level, struct sp_err *err)
{
	char text[16];
	int failed = 0;
	enum sp_code rc;

	rc = sp_io_open(
	    c->partial, O_WRONLY | O_CREAT | O_EXCL, 0640, &c->fd, err);
	if (rc != SP_OK)
		return (rc);
	c->created = true;
	c->a = archive_write_new();
	if (c->a == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0, "no memory"));
	(void)snprintf(text, sizeof(text), "%d", level);
	if (c->kind == SP_CONTAINER_ZIP) {
		failed |= archive_write_set_format_zip(c->a);
	} else {
		failed |= archive_write_set_format_pax_restricted(c->a);
		failed |= archive_write_add_filter_zstd(c->a);
		failed |= archive_write_set_filter_option(
		    c->a, "zstd", "compression-level", text);
	}
	failed |= archive_write_set_bytes_per_block(c->a, 0);
	failed |= archive_write_set_bytes_in_last_block(c->a, 1);
	failed |= archive_write_open2(c->a, c, NULL, on_write, NULL, NULL);
	return (failed == ARCHIVE_OK ? SP_OK : archive_failed(c, err));
}

enum sp_code
sp_container_open(
    const char *path, int level, struct sp_container **out, struct sp_err *err)
{
	struct sp_container *c = sp_xcalloc(1, sizeof(*c));
	enum sp_code rc;

	c->fd = -1;
	c->kind = sp_container_kind_of(path);
	c->path = sp_xstrdup(path);
	c->partial = sp_xasprintf("%s.partial", path);
	if (c->kind == SP_CONTAINER_DIR) {
		rc = sp_io_mkdir_new(c->partial, 0750, err);
		c->created = rc == SP_OK;
	} else {
		c->prefix = folder_of(path, c->kind);
		rc = open_archive(c, level, err);
	}
	if (rc != SP_OK) {
		sp_container_abort(c);
		return (rc);
	}
	*out = c;
	return (SP_OK);
}

/* The header of a member of ${size} bytes: a plain file, mode 0444, owner 0. */
static enum sp_code
begin_member(struct sp_container *c, const char *name, int64_t mtime,
    uint64_t size, struct sp_err *err)
{
	struct archive_entry *e = archive_entry_new();
	char *member = sp_xasprintf("%s%s", c->prefix, name);
	int failed;

	archive_entry_set_pathname(e, member);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0444);
	archive_entry_set_size(e, (la_int64_t)size);
	archive_entry_set_mtime(
	    e, mtime / SP_SECOND, (long)(mtime % SP_SECOND) * 1000);
	failed = archive_write_header(c->a, e);
	archive_entry_free(e);
	free(member);
	return (failed == ARCHIVE_OK ? SP_OK : archive_failed(c, err));
}

/* Bytes of the member that was begun. */
static enum sp_code
write_data(struct sp_container *c, const void *p, size_t n, struct sp_err *err)
{
	if (n == 0 || archive_write_data(c->a, p, n) == (la_ssize_t)n)
		return (SP_OK);
	return (archive_failed(c, err));
}

/* Remember a folder that was made; ${path} is ours from now on. */
static void
add_folder(struct sp_container *c, char *path)
{
	if (c->nfolders == c->cfolders) {
		c->cfolders = c->cfolders == 0 ? 16 : c->cfolders * 2;
		c->folders =
		    sp_xrealloc(c->folders, c->cfolders * sizeof(*c->folders));
	}
	c->folders[c->nfolders++] = path;
}

/* Make the folders that ${name} lies in, below the bag, once each. */
static enum sp_code
make_folders(struct sp_container *c, const char *name, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (const char *p = strchr(name, '/'); rc == SP_OK && p != NULL;
	     p = strchr(p + 1, '/')) {
		char *dir =
		    sp_xasprintf("%s/%.*s", c->partial, (int)(p - name), name);
		bool known = false;

		for (size_t i = c->nfolders; i-- > 0 && !known;)
			known = strcmp(c->folders[i], dir) == 0;
		if (known) {
			free(dir);
			continue;
		}
		rc = sp_io_mkdir(dir, 0750, err);
		add_folder(c, dir);
	}
	return (rc);
}

/* Create the file ${name} of a directory, and the folders that it lies in. */
static enum sp_code
open_file(struct sp_container *c, const char *name, int *fd, struct sp_err *err)
{
	char *member = sp_xasprintf("%s/%s", c->partial, name);
	enum sp_code rc = make_folders(c, name, err);

	if (rc == SP_OK)
		rc = sp_io_open(
		    member, O_WRONLY | O_CREAT | O_EXCL, 0444, fd, err);
	free(member);
	return (rc);
}

/*
 * The time of receipt is part of what a bag shows; failing to set it is no
 * error.
 */
static void
set_mtime(int fd, int64_t mtime)
{
	struct timespec ts[2];

	ts[0].tv_sec = ts[1].tv_sec = (time_t)(mtime / SP_SECOND);
	ts[0].tv_nsec = ts[1].tv_nsec = (long)(mtime % SP_SECOND) * 1000;
	(void)futimens(fd, ts);
}

enum sp_code
sp_container_add(struct sp_container *c, const char *name, int64_t mtime,
    struct sp_view v, struct sp_err *err)
{
	enum sp_code rc;
	int fd;

	if (c->kind != SP_CONTAINER_DIR) {
		rc = begin_member(c, name, mtime, v.n, err);
		return (rc == SP_OK ? write_data(c, v.p, v.n, err) : rc);
	}
	rc = open_file(c, name, &fd, err);
	if (rc != SP_OK)
		return (rc);
	rc = sp_io_write(fd, v.p, v.n, err);
	set_mtime(fd, mtime);
	if (rc == SP_OK)
		rc = sp_io_close(fd, err);
	else
		(void)sp_io_close(fd, NULL);
	return (rc);
}

/* Copied in pieces and hashed on the way. */
enum sp_code
sp_container_add_fd(struct sp_container *c, const char *name, int64_t mtime,
    int from, uint64_t size, uint8_t digest[SP_SHA256_LEN], struct sp_err *err)
{
	struct sp_sha256 *sum = sp_sha256_new();
	char *piece = sp_xmalloc(PIECE);
	enum sp_code rc;
	int fd = -1;

	rc = c->kind == SP_CONTAINER_DIR
		 ? open_file(c, name, &fd, err)
		 : begin_member(c, name, mtime, size, err);
	for (uint64_t off = 0; rc == SP_OK && off < size;) {
		size_t want = size - off < PIECE ? (size_t)(size - off) : PIECE;
		size_t got = 0;

		rc = sp_io_pread(from, piece, want, off, &got, err);
		if (rc == SP_OK && got != want)
			rc = sp_err_set(err, SP_EIO, 0,
			    "%s: its temporary file is shorter than it was",
			    name);
		if (rc != SP_OK)
			break;
		sp_sha256_add(sum, piece, got);
		rc = fd >= 0 ? sp_io_write(fd, piece, got, err)
			     : write_data(c, piece, got, err);
		off += got;
	}
	sp_sha256_end(sum, digest);
	if (fd >= 0) {
		set_mtime(fd, mtime);
		if (rc == SP_OK)
			rc = sp_io_close(fd, err);
		else
			(void)sp_io_close(fd, NULL);
	}
	sp_sha256_free(sum);
	free(piece);
	return (rc);
}

static void
free_container(struct sp_container *c)
{
	if (c->a != NULL)
		(void)archive_write_free(c->a);
	(void)sp_io_close(c->fd, NULL);
	for (size_t i = 0; i < c->nfolders; i++)
		free(c->folders[i]);
	free(c->folders);
	free(c->prefix);
	free(c->partial);
	free(c->path);
	free(c);
}

/*
 * A directory of many files is made durable by one syncfs(2), a container by
 * one fsync; nothing relies on the bytes before the rename.
 */
enum sp_code
sp_container_finish(struct sp_container *c, struct sp_err *err)
{
	char *parent = sp_io_parent(c->path, NULL);
	enum sp_code rc = SP_OK;

	if (c->kind == SP_CONTAINER_DIR) {
		rc = sp_io_syncfs(c->partial, err);
	} else {
		if (archive_write_close(c->a) != ARCHIVE_OK)
			rc = archive_failed(c, err);
		if (rc == SP_OK)
			rc = sp_io_fsync(c->fd, err);
	}
	if (rc == SP_OK)
		rc = sp_io_rename_new(c->partial, c->path, err);
	if (rc == SP_OK)
		rc = sp_io_syncdir(parent, err);
	free(parent);
	if (rc != SP_OK)
		sp_container_abort(c);
	else
		free_container(c);
	return (rc);
}

/* Remove a directory and all below it, as far as that is possible. */
static void
remove_tree(const char *dir)
{
	char **names = NULL;
	size_t n = 0;

	if (sp_io_list(dir, &names, &n, NULL) != SP_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		char *path = sp_xasprintf("%s/%s", dir, names[i]);
		struct stat st;

		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			remove_tree(path);
		else
			(void)!sp_io_unlink(path, NULL);
		free(path);
	}
	sp_io_names_free(names, n);
	(void)!sp_io_rmdir(dir, NULL);
}

void
sp_container_abort(struct sp_container *c)
{
	if (c == NULL)
		return;
	/* archive_write_fail() would lose what libarchive holds. */
	c->discard = true;
	if (c->a != NULL)
		(void)archive_write_close(c->a);
	if (c->created && c->kind == SP_CONTAINER_DIR)
		remove_tree(c->partial);
	else if (c->created)
		(void)!sp_io_unlink(c->partial, NULL);
	free_container(c);
}
