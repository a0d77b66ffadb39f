/*
 * What is in a bag: opened, read once, and then asked by the checks.  Opening
 * reads all members (bag_read.c, bag_member.c), sorts the two tables, and
 * reports names that are there twice.  After that a check asks for a message or
 * a file by name, or reads the bytes of a text file that was kept.
 * bag_source_priv.h has the contracts and the picture.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/sha256.h"
#include "journal/verify/bag_source_priv.h"

/* ---- all read: sorted, and looked at for doubles ---- */

static int
by_seq(const void *x, const void *y)
{
	const struct sp_bag_message *a = x, *b = y;

	return ((a->seq > b->seq) - (a->seq < b->seq));
}

/*
 * Map the table of messages, sort it by seq unless it is sorted already (the
 * exporter writes it so), and report entries that are there twice.
 */
static enum sp_code
map_table(struct sp_bag_source *s, struct sp_err *err)
{
	enum sp_code rc = sp_bag_member_flush(s, err);
	bool sorted = true;
	void *p;

	if (rc != SP_OK || s->nmessages == 0)
		return (rc);
	s->mapped = (size_t)s->nmessages * sizeof(*s->map);
	p = mmap(NULL, s->mapped, PROT_READ | PROT_WRITE, MAP_SHARED,
	    s->table_fd, 0);
	if (p == MAP_FAILED) {
		s->mapped = 0;
		return (sp_err_set(
		    err, SP_EIO, errno, "cannot map the table of messages"));
	}
	s->map = p;
	for (size_t i = 1; i < s->nmessages && sorted; i++)
		sorted = s->map[i - 1].seq <= s->map[i].seq;
	if (!sorted)
		qsort(s->map, (size_t)s->nmessages, sizeof(*s->map), by_seq);
	for (size_t i = 1; i < s->nmessages; i++)
		if (s->map[i - 1].seq == s->map[i].seq)
			sp_verify_found_add(s->found, "container",
			    "data/messages",
			    "the file of entry %" PRIu64 " is there twice",
			    s->map[i].seq);
	return (SP_OK);
}

static int
by_path(const void *x, const void *y)
{
	const struct sp_bag_file *a = x, *b = y;

	return (strcmp(a->path, b->path));
}

/* Sort the files by path, and report paths that are there twice. */
static void
sort_files(struct sp_bag_source *s)
{
	if (s->nfiles > 1)
		qsort(s->files, s->nfiles, sizeof(*s->files), by_path);
	for (size_t i = 1; i < s->nfiles; i++)
		if (strcmp(s->files[i - 1].path, s->files[i].path) == 0)
			sp_verify_found_add(s->found, "container",
			    s->files[i].path, "is there twice");
}

/* Read everything, then sort: afterwards the checks ask in any order. */
enum sp_code
sp_bag_source_open(const char *path, const char *tmpdir,
    struct sp_verify_run *run, struct sp_verify_found *f,
    struct sp_bag_source **out, struct sp_err *err)
{
	struct sp_bag_source *s = sp_xcalloc(1, sizeof(*s));
	enum sp_code rc;
	struct stat st;

	s->path = path;
	s->run = run;
	s->found = f;
	s->spool_fd = s->table_fd = -1;
	s->sha = sp_sha256_new();
	sp_buf_init(&s->pending, SP_BAG_PENDING_MAX);
	if (stat(path, &st) != 0) {
		rc = sp_err_set(err, SP_ENOTFOUND, errno, "%s", path);
		goto out;
	}
	s->directory = S_ISDIR(st.st_mode);
	s->container = (uint64_t)st.st_size;
	rc = sp_io_tmpfile(tmpdir, &s->table_fd, err);
	if (rc == SP_OK && !s->directory)
		rc = sp_io_tmpfile(tmpdir, &s->spool_fd, err);
	if (rc == SP_OK)
		rc = s->directory ? sp_bag_read_dir(s, err)
				  : sp_bag_read_container(s, err);
	if (rc == SP_OK)
		rc = map_table(s, err);
	if (rc == SP_OK)
		sort_files(s);
out:
	if (rc != SP_OK) {
		sp_bag_source_close(s);
		return (rc);
	}
	*out = s;
	return (SP_OK);
}

void
sp_bag_source_close(struct sp_bag_source *s)
{
	if (s == NULL)
		return;
	if (s->map != NULL)
		(void)munmap(s->map, s->mapped);
	for (size_t i = 0; i < s->nfiles; i++)
		free(s->files[i].path);
	free(s->files);
	sp_buf_done(&s->pending);
	sp_sha256_free(s->sha);
	(void)sp_io_close(s->spool_fd, NULL);
	(void)sp_io_close(s->table_fd, NULL);
	free(s);
}

/* ---- looking up ---- */

/* Binary search; ${path} need not end in NUL. */
struct sp_bag_file *
sp_bag_source_file(struct sp_bag_source *s, struct sp_view path)
{
	size_t lo = 0, hi = s->nfiles;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct sp_view p = sp_view_str(s->files[mid].path);
		size_t n = p.n < path.n ? p.n : path.n;
		int d = memcmp(p.p, path.p, n);

		if (d == 0 && p.n == path.n)
			return (&s->files[mid]);
		if (d < 0 || (d == 0 && p.n < path.n))
			lo = mid + 1;
		else
			hi = mid;
	}
	return (NULL);
}

struct sp_bag_file *
sp_bag_source_files(struct sp_bag_source *s, size_t *n)
{
	*n = s->nfiles;
	return (s->files);
}

struct sp_bag_message *
sp_bag_source_messages(struct sp_bag_source *s, size_t *n)
{
	*n = (size_t)s->nmessages;
	return (s->map);
}

struct sp_bag_message *
sp_bag_source_message(struct sp_bag_source *s, uint64_t seq)
{
	const struct sp_bag_message key = { .seq = seq };

	if (s->nmessages == 0)
		return (NULL);
	return (
	    bsearch(&key, s->map, (size_t)s->nmessages, sizeof(key), by_seq));
}

/* ---- reading again ---- */

enum sp_code
sp_bag_source_reopen(struct sp_bag_source *s, const struct sp_bag_file *file,
    int *fd, bool *own, uint64_t *at, struct sp_err *err)
{
	enum sp_code rc;
	char *path;

	*own = false;
	if (!file->readable)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "%s cannot be read", file->path));
	if (!s->directory) {
		*fd = s->spool_fd;
		*at = file->spool_offset;
		return (SP_OK);
	}
	path = sp_layout_path(s->path, file->path);
	rc = sp_io_open(path, O_RDONLY | O_NOFOLLOW, 0, fd, err);
	free(path);
	*own = rc == SP_OK;
	*at = 0;
	return (rc);
}

/*
 * All bytes of a file; ${out} is cleared first.  SP_ELIMIT: more than ${max};
 * SP_EFORMAT: they were not kept, or are fewer than when they were hashed.
 */
static enum sp_code
read_whole(struct sp_bag_source *s, const struct sp_bag_file *file, size_t max,
    struct sp_buf *out, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t at;
	bool own;
	size_t got;
	char *p;
	int fd;

	sp_buf_clear(out);
	if (file->size > max)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%" PRIu64 " bytes, at most %zu are read", file->size,
		    max));
	rc = sp_bag_source_reopen(s, file, &fd, &own, &at, err);
	if (rc != SP_OK)
		return (rc);
	p = sp_buf_reserve(out, (size_t)file->size + 1);
	if (p == NULL)
		rc =
		    sp_err_set(err, SP_ELIMIT, 0, "%s is too long", file->path);
	else
		rc = sp_io_pread(fd, p, (size_t)file->size, at, &got, err);
	if (own)
		(void)sp_io_close(fd, NULL);
	if (rc == SP_OK && got != file->size)
		rc = sp_err_set(
		    err, SP_EFORMAT, 0, "changed while it was looked at");
	if (rc == SP_OK)
		out->n = got;
	return (rc);
}

enum sp_code
sp_bag_source_require(struct sp_bag_source *s, const char *name, size_t max,
    struct sp_buf *out, bool *have, struct sp_err *err)
{
	const struct sp_bag_file *file =
	    sp_bag_source_file(s, sp_view_str(name));
	enum sp_code rc;

	*have = false;
	sp_buf_clear(out);
	if (file == NULL) {
		sp_verify_found_add(
		    s->found, "missing", name, "is not in the bag");
		return (SP_OK);
	}
	rc = read_whole(s, file, max, out, err);
	*have = rc == SP_OK;
	return (sp_verify_found_code(s->found, "container", name, rc, err));
}
