/* The members of a bag, hashed, and the texts among them. */
#include "journal/verify/bag_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/sha256.h"

#define ROWS_PENDING (64u << 10) /* bytes of table written at once */
#define TEXT_PIECE   (64u << 10) /* bytes of text read at once */

/* ---- members ---- */

/* Whether the proof needs the bytes and not only the digest. */
static bool
needed(struct sp_view name)
{
	return (!sp_view_starts(name, "data/") ||
		sp_view_starts(name, "data/proof/") ||
		sp_view_eq_str(name, "data/records.jsonl"));
}

bool
sp_bag_member_begin(struct sp_bag_source *s, struct sp_view name)
{
	if (!sp_bag_name_ok(name)) {
		char *shown = sp_view_dup(name);

		sp_verify_found_add(s->found, "container", shown,
		    "a bag has no such name; not read");
		free(shown);
		return (false);
	}
	memcpy(s->name, name.p, name.n);
	s->name[name.n] = '\0';
	s->size = 0;
	s->over = false;
	s->keep = !s->directory && needed(name);
	sp_sha256_reset(s->sha);
	return (true);
}

static uint64_t
spool_max(const struct sp_bag_source *s)
{
	uint64_t x = s->container * SP_BAG_SPOOL_X;

	return (x > SP_BAG_SPOOL_MIN ? x : SP_BAG_SPOOL_MIN);
}

enum sp_code
sp_bag_member_data(
    struct sp_bag_source *s, const void *p, size_t n, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	sp_sha256_add(s->sha, p, n);
	if (s->keep && !s->over) {
		s->over = n > spool_max(s) - s->spooled - s->size;
		if (!s->over)
			rc = sp_io_pwrite(
			    s->spool, p, n, s->spooled + s->size, err);
	}
	s->size += n;
	return (rc);
}

static enum sp_code
flush_rows(struct sp_bag_source *s, struct sp_err *err)
{
	enum sp_code rc;

	if (s->pending.n == 0)
		return (SP_OK);
	rc = sp_io_write(s->table, s->pending.p, s->pending.n, err);
	sp_buf_clear(&s->pending);
	return (rc);
}

static enum sp_code
add_message(struct sp_bag_source *s, uint64_t seq, struct sp_err *err)
{
	struct sp_bag_message m = { .seq = seq, .size = s->size };

	sp_sha256_end(s->sha, m.sha256);
	s->nmessages++;
	if (s->pending.n + sizeof(m) > ROWS_PENDING) {
		enum sp_code rc = flush_rows(s, err);

		if (rc != SP_OK)
			return (rc);
	}
	return (sp_buf_add(&s->pending, &m, sizeof(m)));
}

static enum sp_code
add_file(struct sp_bag_source *s, struct sp_err *err)
{
	struct sp_bag_file *x;

	if (s->nfiles == SP_BAG_FILES_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%s holds more than %u files besides its messages", s->path,
		    SP_BAG_FILES_MAX));
	if (s->nfiles == s->cfiles) {
		s->cfiles = s->cfiles == 0 ? 64 : s->cfiles * 2;
		s->files = sp_xrealloc(s->files, s->cfiles * sizeof(*s->files));
	}
	x = &s->files[s->nfiles++];
	memset(x, 0, sizeof(*x));
	x->path = sp_xstrdup(s->name);
	x->size = s->size;
	sp_sha256_end(s->sha, x->sha256);
	x->kept = s->directory || (s->keep && !s->over);
	x->spool = s->spooled;
	if (s->keep && !s->over)
		s->spooled += s->size;
	if (s->over)
		sp_verify_found_add(s->found, "container", s->name,
		    "expands to more than %u times the container; not read",
		    SP_BAG_SPOOL_X);
	return (SP_OK);
}

enum sp_code
sp_bag_member_end(struct sp_bag_source *s, struct sp_err *err)
{
	uint64_t seq;

	if (sp_bag_message_name(sp_view_str(s->name), &seq))
		return (add_message(s, seq, err));
	return (add_file(s, err));
}

/* ---- all read: sorted, and looked at for doubles ---- */

static int
by_seq(const void *x, const void *y)
{
	const struct sp_bag_message *a = x, *b = y;

	return ((a->seq > b->seq) - (a->seq < b->seq));
}

static enum sp_code
map_table(struct sp_bag_source *s, struct sp_err *err)
{
	enum sp_code rc = flush_rows(s, err);
	bool sorted = true;
	void *p;

	if (rc != SP_OK || s->nmessages == 0)
		return (rc);
	s->mapped = (size_t)s->nmessages * sizeof(*s->map);
	p = mmap(
	    NULL, s->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, s->table, 0);
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
	s->spool = s->table = -1;
	s->sha = sp_sha256_new();
	sp_buf_init(&s->pending, ROWS_PENDING);
	if (stat(path, &st) != 0) {
		rc = sp_err_set(err, SP_ENOTFOUND, errno, "%s", path);
		goto out;
	}
	s->directory = S_ISDIR(st.st_mode);
	s->container = (uint64_t)st.st_size;
	rc = sp_io_tmpfile(tmpdir, &s->table, err);
	if (rc == SP_OK && !s->directory)
		rc = sp_io_tmpfile(tmpdir, &s->spool, err);
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
	(void)sp_io_close(s->spool, NULL);
	(void)sp_io_close(s->table, NULL);
	free(s);
}

/* ---- looking up ---- */

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

static enum sp_code
open_again(struct sp_bag_source *s, const struct sp_bag_file *file, int *fd,
    bool *own, uint64_t *at, struct sp_err *err)
{
	enum sp_code rc;
	char *path;

	*own = false;
	if (!file->kept)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "%s cannot be read", file->path));
	if (!s->directory) {
		*fd = s->spool;
		*at = file->spool;
		return (SP_OK);
	}
	path = sp_layout_path(s->path, file->path);
	rc = sp_io_open(path, O_RDONLY | O_NOFOLLOW, 0, fd, err);
	free(path);
	*own = rc == SP_OK;
	*at = 0;
	return (rc);
}

enum sp_code
sp_bag_source_read(struct sp_bag_source *s, const struct sp_bag_file *file,
    size_t max, struct sp_buf *out, struct sp_err *err)
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
	rc = open_again(s, file, &fd, &own, &at, err);
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
sp_bag_text_open(struct sp_bag_source *s, const struct sp_bag_file *file,
    size_t max, struct sp_bag_text *out, struct sp_err *err)
{
	enum sp_code rc;

	memset(out, 0, sizeof(*out));
	sp_buf_init(&out->buf, max + 2 * TEXT_PIECE);
	out->fd = -1;
	out->max = max;
	rc = open_again(s, file, &out->fd, &out->own, &out->at, err);
	if (rc == SP_OK)
		out->end = out->at + file->size;
	return (rc);
}

/* More bytes behind those not yet handed out. */
static enum sp_code
fill(struct sp_bag_text *t, struct sp_err *err)
{
	uint64_t left = t->end - t->at;
	size_t want = left < TEXT_PIECE ? (size_t)left : TEXT_PIECE, got;
	enum sp_code rc;
	char *p;

	sp_buf_consume(&t->buf, t->taken);
	t->taken = 0;
	if (want == 0)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "line %" PRIu64 " has no line end", t->line + 1));
	p = sp_buf_reserve(&t->buf, want);
	if (p == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "line %" PRIu64 " is longer than %zu bytes", t->line + 1,
		    t->max));
	rc = sp_io_pread(t->fd, p, want, t->at, &got, err);
	if (rc != SP_OK)
		return (rc);
	if (got != want)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "changed while it was looked at"));
	t->buf.n += got;
	t->at += got;
	return (SP_OK);
}

enum sp_code
sp_bag_text_next(
    struct sp_bag_text *t, struct sp_view *line, struct sp_err *err)
{
	size_t looked = 0;

	for (;;) {
		size_t n = t->buf.n - t->taken;
		const char *p = n > 0 ? t->buf.p + t->taken : NULL;
		const char *lf =
		    n > looked ? memchr(p + looked, '\n', n - looked) : NULL;
		enum sp_code rc;

		if (lf != NULL) {
			*line = (struct sp_view){ p, (size_t)(lf - p) };
			t->taken += line->n + 1;
			t->line++;
			return (SP_OK);
		}
		if (n == 0 && t->at == t->end)
			return (SP_EEND);
		if (n > t->max)
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "line %" PRIu64 " is longer than %zu bytes",
			    t->line + 1, t->max));
		looked = n;
		rc = fill(t, err);
		if (rc != SP_OK)
			return (rc);
	}
}

void
sp_bag_text_close(struct sp_bag_text *t)
{
	if (t->own)
		(void)sp_io_close(t->fd, NULL);
	t->own = false;
	sp_buf_done(&t->buf);
}
