#include "export/container.h"

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

#define PIECE (256u << 10)

struct sp_container {
	enum sp_container_kind kind;
	char *path, *partial;
	char *prefix; /* folder inside an archive file, with slash */
	int fd; /* of an archive file */
	struct archive *a;
	bool ours; /* ${partial} was made by us */
	bool dropped; /* what libarchive still writes goes nowhere */
	struct sp_err write_err; /* what the write callback met */
	char **made; /* files of a directory, to be able to leave */
	size_t nmade, capmade;
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

/* That it is there and ours to write in, before anything is logged. */
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
	bool left;

	if (sp_io_exists(path))
		return (sp_err_set(err, SP_EEXISTS, 0,
		    "%s is there already; choose another --output", path));
	partial = sp_xasprintf("%s.partial", path);
	left = sp_io_exists(partial);
	free(partial);
	if (!left)
		return (check_parent(path, err));
	return (sp_err_set(err, SP_EEXISTS, 0,
	    "%s.partial is left over from an export that was interrupted (or still runs); remove it or choose another --output",
	    path));
}

/* "case-7" of "/tmp/case-7.zip" */
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

static la_ssize_t
on_write(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct sp_container *c = ctx;

	if (c->dropped)
		return ((la_ssize_t)n);
	if (sp_io_write(c->fd, p, n, &c->write_err) != SP_OK) {
		archive_set_error(a, c->write_err.errnum, "write");
		return (-1);
	}
	return ((la_ssize_t)n);
}

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

static enum sp_code
open_archive(struct sp_container *c, int level, struct sp_err *err)
{
	char text[16];
	int bad = 0;
	enum sp_code rc;

	rc = sp_io_open(
	    c->partial, O_WRONLY | O_CREAT | O_EXCL, 0640, &c->fd, err);
	if (rc != SP_OK)
		return (rc);
	c->ours = true;
	c->a = archive_write_new();
	if (c->a == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0, "no memory"));
	(void)snprintf(text, sizeof(text), "%d", level);
	if (c->kind == SP_CONTAINER_ZIP) {
		bad |= archive_write_set_format_zip(c->a);
	} else {
		bad |= archive_write_set_format_pax_restricted(c->a);
		bad |= archive_write_add_filter_zstd(c->a);
		bad |= archive_write_set_filter_option(
		    c->a, "zstd", "compression-level", text);
	}
	bad |= archive_write_set_bytes_per_block(c->a, 0);
	bad |= archive_write_set_bytes_in_last_block(c->a, 1);
	bad |= archive_write_open2(c->a, c, NULL, on_write, NULL, NULL);
	return (bad == ARCHIVE_OK ? SP_OK : archive_failed(c, err));
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
		c->ours = rc == SP_OK;
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

static enum sp_code
header(struct sp_container *c, const char *name, int64_t mtime, uint64_t size,
    struct sp_err *err)
{
	struct archive_entry *e = archive_entry_new();
	char *full = sp_xasprintf("%s%s", c->prefix, name);
	int bad;

	archive_entry_set_pathname(e, full);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0444);
	archive_entry_set_size(e, (la_int64_t)size);
	archive_entry_set_mtime(
	    e, mtime / SP_SECOND, (long)(mtime % SP_SECOND) * 1000);
	bad = archive_write_header(c->a, e);
	archive_entry_free(e);
	free(full);
	return (bad == ARCHIVE_OK ? SP_OK : archive_failed(c, err));
}

static enum sp_code
data(struct sp_container *c, const void *p, size_t n, struct sp_err *err)
{
	if (n == 0 || archive_write_data(c->a, p, n) == (la_ssize_t)n)
		return (SP_OK);
	return (archive_failed(c, err));
}

static void
remember(struct sp_container *c, char *path)
{
	if (c->nmade == c->capmade) {
		c->capmade = c->capmade == 0 ? 16 : c->capmade * 2;
		c->made = sp_xrealloc(c->made, c->capmade * sizeof(*c->made));
	}
	c->made[c->nmade++] = path;
}

/* The folders of ${name} below the bag, made once each. */
static enum sp_code
make_folders(struct sp_container *c, const char *name, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (const char *p = strchr(name, '/'); rc == SP_OK && p != NULL;
	     p = strchr(p + 1, '/')) {
		char *dir =
		    sp_xasprintf("%s/%.*s", c->partial, (int)(p - name), name);
		bool known = false;

		for (size_t i = c->nmade; i-- > 0 && !known;)
			known = strcmp(c->made[i], dir) == 0;
		if (known) {
			free(dir);
			continue;
		}
		rc = sp_io_mkdir(dir, 0750, err);
		remember(c, dir);
	}
	return (rc);
}

static enum sp_code
open_file(struct sp_container *c, const char *name, int *fd, struct sp_err *err)
{
	char *full = sp_xasprintf("%s/%s", c->partial, name);
	enum sp_code rc = make_folders(c, name, err);

	if (rc == SP_OK)
		rc = sp_io_open(
		    full, O_WRONLY | O_CREAT | O_EXCL, 0444, fd, err);
	free(full);
	return (rc);
}

/* The time of receipt is part of what the bag shows. */
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
		rc = header(c, name, mtime, v.n, err);
		return (rc == SP_OK ? data(c, v.p, v.n, err) : rc);
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

enum sp_code
sp_container_add_fd(struct sp_container *c, const char *name, int64_t mtime,
    int from, uint64_t size, uint8_t digest[SP_SHA256_LEN], struct sp_err *err)
{
	struct sp_sha256 *sum = sp_sha256_new();
	char *piece = sp_xmalloc(PIECE);
	enum sp_code rc;
	int fd = -1;

	rc = c->kind == SP_CONTAINER_DIR ? open_file(c, name, &fd, err)
					 : header(c, name, mtime, size, err);
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
			     : data(c, piece, got, err);
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
release(struct sp_container *c)
{
	if (c->a != NULL)
		(void)archive_write_free(c->a);
	(void)sp_io_close(c->fd, NULL);
	for (size_t i = 0; i < c->nmade; i++)
		free(c->made[i]);
	free(c->made);
	free(c->prefix);
	free(c->partial);
	free(c->path);
	free(c);
}

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
		release(c);
	return (rc);
}

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
	c->dropped = true;
	if (c->a != NULL)
		(void)archive_write_close(c->a);
	if (c->ours && c->kind == SP_CONTAINER_DIR)
		remove_tree(c->partial);
	else if (c->ours)
		(void)!sp_io_unlink(c->partial, NULL);
	release(c);
}
