/*
 * Reading the members of a bag, front to back: from a directory, or from a .zip
 * or .tar.zst through libarchive.  Each member goes to bag_member.c.  What is
 * no plain file (links, devices, encrypted members) and every damage is a
 * finding of the kind "container"; of a damaged container the members before
 * the damage are still checked.  Called by sp_bag_source_open() only.
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "journal/verify/bag_source_priv.h"

#define PIECE (256u << 10)

/* ---- a directory ---- */

/*
 * The bytes of one file of a directory, whose member has begun; also ends the
 * member.
 */
static enum sp_code
read_file(
    struct sp_bag_source *s, const char *path, char *piece, struct sp_err *err)
{
	uint64_t at = 0;
	enum sp_code rc;
	size_t got = 0;
	int fd = -1;

	rc = sp_io_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, err);
	while (rc == SP_OK) {
		rc = sp_io_pread(fd, piece, PIECE, at, &got, err);
		if (rc != SP_OK || got == 0)
			break;
		at += got;
		rc = sp_bag_member_data(s, piece, got, err);
		if (rc == SP_OK)
			rc = sp_verify_run_step(s->run, got, err);
		if (got < PIECE)
			break;
	}
	(void)sp_io_close(fd, NULL);
	return (rc == SP_OK ? sp_bag_member_end(s, err) : rc);
}

static enum sp_code read_folder(struct sp_bag_source *s, const char *within,
    unsigned depth, char *piece, struct sp_err *err);

/*
 * One name in a folder: ${rel} is its path in the bag, ${depth} that of its
 * folder.
 */
static enum sp_code
read_entry(struct sp_bag_source *s, const char *rel, unsigned depth,
    char *piece, struct sp_err *err)
{
	char *path = sp_layout_path(s->path, rel);
	enum sp_code rc = SP_OK;
	struct stat st;

	if (lstat(path, &st) != 0)
		rc = sp_err_set(err, SP_EIO, errno, "%s", path);
	else if (S_ISDIR(st.st_mode))
		rc = read_folder(s, rel, depth + 1, piece, err);
	else if (!S_ISREG(st.st_mode))
		sp_verify_found_add(s->found, "container", rel,
		    "is neither a plain file nor a folder; not read");
	else if (sp_bag_member_begin(s, sp_view_str(rel)))
		rc = read_file(s, path, piece, err);
	free(path);
	return (rc);
}

/*
 * All names in the folder ${within} (its path in the bag, "" for the bag
 * itself) and below it, in the order in which the system lists them.  ${piece}:
 * a buffer of PIECE bytes for all files.
 */
static enum sp_code
read_folder(struct sp_bag_source *s, const char *within, unsigned depth,
    char *piece, struct sp_err *err)
{
	char *path = *within == '\0' ? sp_xstrdup(s->path)
				     : sp_layout_path(s->path, within);
	enum sp_code rc = SP_OK;
	struct dirent *e;
	DIR *d = NULL;

	if (depth > SP_BAG_DEPTH_MAX) {
		sp_verify_found_add(s->found, "container", within,
		    "folders lie too deep in each other; not read");
		goto out;
	}
	d = opendir(path);
	if (d == NULL) {
		rc = sp_err_set(err, SP_EIO, errno, "%s", path);
		goto out;
	}
	while (rc == SP_OK && (e = readdir(d)) != NULL) {
		char *rel;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		rel = *within == '\0' ? sp_xstrdup(e->d_name)
				      : sp_layout_path(within, e->d_name);
		rc = read_entry(s, rel, depth, piece, err);
		free(rel);
	}
out:
	if (d != NULL)
		(void)closedir(d);
	free(path);
	return (rc);
}

enum sp_code
sp_bag_read_dir(struct sp_bag_source *s, struct sp_err *err)
{
	char *piece = sp_xmalloc(PIECE);
	enum sp_code rc = read_folder(s, "", 0, piece, err);

	free(piece);
	return (rc);
}

/* ---- a container ---- */

/* A container being read. */
struct bag_container {
	struct sp_bag_source *s;
	struct archive *a;
	bool top_known; /* the first file was seen */
	char top[SP_BAG_NAME_MAX + 2]; /* "case-7/", or "" */
	uint64_t reported; /* bytes of the file, as progress */
};

/*
 * Open the container for reading.  Its first bytes decide between zip and
 * tar.zst, not its name.  SP_EUSAGE: neither of them; SP_EFORMAT: libarchive
 * finds no such archive in it.
 */
static enum sp_code
open_container(struct bag_container *c, struct sp_err *err)
{
	uint8_t magic[4] = { 0 };
	enum sp_code rc;
	size_t got;
	int fd = -1;
	int r = ARCHIVE_FATAL;

	rc = sp_io_open(c->s->path, O_RDONLY, 0, &fd, err);
	if (rc == SP_OK)
		rc = sp_io_pread(fd, magic, sizeof(magic), 0, &got, err);
	(void)sp_io_close(fd, NULL);
	if (rc != SP_OK)
		return (rc);
	/* Named one by one: the "all" calls run other programs. */
	if (memcmp(magic, "PK", 2) == 0)
		r = archive_read_support_format_zip_seekable(c->a);
	else if (memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0 &&
		 archive_read_support_filter_zstd(c->a) == ARCHIVE_OK)
		r = archive_read_support_format_tar(c->a);
	else
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "%s: neither a directory nor a .zip or .tar.zst of an export",
		    c->s->path));
	if (r != ARCHIVE_OK)
		return (sp_err_set(err, SP_EIO, 0, "%s: libarchive: %s",
		    c->s->path, archive_error_string(c->a)));
	if (archive_read_open_filename(c->a, c->s->path, PIECE) != ARCHIVE_OK)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "%s", archive_error_string(c->a)));
	return (SP_OK);
}

/* Whether a bag may begin with this name, seen from inside its folder. */
static bool
is_first_name(struct sp_view v)
{
	return (sp_view_starts(v, "data/") || sp_view_eq_str(v, "data") ||
		sp_view_eq_str(v, "bagit.txt") ||
		sp_view_eq_str(v, "bag-info.txt") ||
		sp_view_eq_str(v, "manifest-sha256.txt") ||
		sp_view_eq_str(v, "tagmanifest-sha256.txt") ||
		sp_view_eq_str(v, "tagmanifest-sha256.txt.p7s"));
}

/*
 * Set the one folder that all members lie in, from the name of the first file
 * ("case-7/bagit.txt"); none where the first file lies at the top.
 */
static void
find_top(struct bag_container *c, struct sp_view name)
{
	struct sp_view rest = name, top = sp_view_cut(&rest, '/');

	c->top_known = true;
	if (rest.n == 0 || top.n == 0 || top.n > SP_BAG_NAME_MAX ||
	    !is_first_name(rest))
		return;
	memcpy(c->top, top.p, top.n);
	c->top[top.n] = '/';
	c->top[top.n + 1] = '\0';
}

/*
 * The name of a member within the bag, borrowed from ${e}; false if the member
 * is to be passed over: a folder, or, with a finding, what is no plain file or
 * lies outside the folder of the bag.
 */
static bool
name_in_bag(
    struct bag_container *c, struct archive_entry *e, struct sp_view *out)
{
	const char *name = archive_entry_pathname(e);
	struct sp_view v = sp_view_str(name == NULL ? "" : name);
	size_t n;

	if (archive_entry_filetype(e) == AE_IFDIR)
		return (false);
	if (archive_entry_filetype(e) != AE_IFREG ||
	    archive_entry_hardlink(e) != NULL ||
	    archive_entry_symlink(e) != NULL || archive_entry_is_encrypted(e)) {
		sp_verify_found_add(c->s->found, "container",
		    name == NULL ? "?" : name,
		    "is not a plain, readable file; not read");
		return (false);
	}
	if (!c->top_known)
		find_top(c, v);
	n = strlen(c->top);
	if (!sp_view_starts(v, c->top)) {
		sp_verify_found_add(c->s->found, "container",
		    name == NULL ? "?" : name,
		    "lies outside the folder %s of the bag; not read", c->top);
		return (false);
	}
	*out = (struct sp_view){ v.p + n, v.n - n };
	return (true);
}

/*
 * Add a finding with the reason of libarchive, and end the reading by SP_EEND.
 */
static enum sp_code
add_damage(struct bag_container *c, const char *where)
{
	const char *why = archive_error_string(c->a);

	sp_verify_found_add(c->s->found, "container", where, "damaged: %s",
	    why != NULL ? why : "cannot be read");
	return (SP_EEND);
}

/* Report the compressed bytes read since the last call as progress. */
static enum sp_code
report_bytes(struct bag_container *c, struct sp_err *err)
{
	la_int64_t at = archive_filter_bytes(c->a, -1);
	uint64_t new_bytes = 0;

	if (at > 0 && (uint64_t)at > c->reported) {
		new_bytes = (uint64_t)at - c->reported;
		c->reported = (uint64_t)at;
	}
	return (sp_verify_run_step(c->s->run, new_bytes, err));
}

/*
 * The bytes of one member of the container, which has begun; also ends the
 * member.  SP_EEND: damage, with a finding; the container cannot be read on.
 */
static enum sp_code
read_member(struct bag_container *c, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK) {
		la_int64_t off;
		const void *p;
		size_t n;
		int r = archive_read_data_block(c->a, &p, &n, &off);

		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return (add_damage(c, c->s->name));
		if (off < 0 || (uint64_t)off != c->s->size) {
			sp_verify_found_add(c->s->found, "container",
			    c->s->name, "has a hole; not read");
			return (SP_EEND);
		}
		if (n > 0)
			rc = sp_bag_member_data(c->s, p, n, err);
	}
	if (rc == SP_OK)
		rc = sp_bag_member_end(c->s, err);
	return (rc == SP_OK ? report_bytes(c, err) : rc);
}

/* All members of the container; SP_EEND as read_member(). */
static enum sp_code
read_members(struct bag_container *c, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK) {
		struct archive_entry *e;
		struct sp_view name;
		int r = archive_read_next_header(c->a, &e);

		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return (add_damage(c, c->s->path));
		if (name_in_bag(c, e, &name) && sp_bag_member_begin(c->s, name))
			rc = read_member(c, err);
	}
	return (rc);
}

/*
 * Damage ends the reading, not the verification: what lies before it is
 * checked.
 */
enum sp_code
sp_bag_read_container(struct sp_bag_source *s, struct sp_err *err)
{
	struct bag_container c = { .s = s, .a = archive_read_new() };
	enum sp_code rc;

	if (c.a == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0, "out of memory"));
	s->run->total += s->container;
	rc = open_container(&c, err);
	if (rc == SP_EFORMAT) {
		sp_verify_found_add(
		    s->found, "container", s->path, "damaged: %s", err->msg);
		rc = SP_OK;
		goto out;
	}
	if (rc == SP_OK)
		rc = read_members(&c, err);
	/* Damaged: what lies before the damage is still checked. */
	if (rc == SP_EEND)
		rc = SP_OK;
out:
	(void)archive_read_free(c.a);
	return (rc);
}
