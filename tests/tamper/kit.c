/*
 * Changing an archive or bag one way at a time, and counting what a
 * verification does not find or places wrongly; kit.h has the contracts.
 */
#include "tests/tamper/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/layout.h"

#define FILE_LIMIT (64u << 20)

static void
die(const char *what)
{
	perror(what);
	abort();
}

/* ---- files ---- */

struct listing {
	struct kit_file *f;
	size_t n;
	size_t root; /* length of the directory's name */
	const char *const *skip;
};

static bool
skipped(const struct listing *l, const char *rel)
{
	for (const char *const *s = l->skip; s != NULL && *s != NULL; s++)
		if (strstr(rel, *s) != NULL)
			return (true);
	return (false);
}

static void
walk(struct listing *l, const char *dir)
{
	char **names = NULL;
	struct sp_err err;
	size_t n = 0;

	if (sp_io_list(dir, &names, &n, &err) != SP_OK)
		die(err.msg);
	for (size_t i = 0; i < n; i++) {
		char *path = sp_layout_path(dir, names[i]);
		const char *rel = path + l->root + 1;
		struct kit_file *f;
		struct stat st;

		if (lstat(path, &st) != 0)
			die(path);
		if (S_ISDIR(st.st_mode) && !skipped(l, rel))
			walk(l, path);
		if (!S_ISREG(st.st_mode) || skipped(l, rel)) {
			free(path);
			continue;
		}
		l->f = sp_xrealloc(l->f, (l->n + 1) * sizeof(*l->f));
		f = &l->f[l->n++];
		f->path = path;
		f->rel = sp_xstrdup(rel);
		sp_buf_init(&f->bytes, FILE_LIMIT);
		if (sp_io_read_file(path, FILE_LIMIT, &f->bytes, &err) != SP_OK)
			die(err.msg);
		f->counts = f->bytes.n;
	}
	sp_io_names_free(names, n);
}

size_t
kit_files(const char *dir, const char *const *skip, struct kit_file **out)
{
	struct listing l = { NULL, 0, strlen(dir), skip };

	walk(&l, dir);
	*out = l.f;
	return (l.n);
}

void
kit_files_free(struct kit_file *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(f[i].path);
		free(f[i].rel);
		sp_buf_done(&f[i].bytes);
	}
	free(f);
}

struct kit_file *
kit_file(struct kit_file *f, size_t n, const char *rel)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(f[i].rel, rel) == 0)
			return (&f[i]);
	return (NULL);
}

void
kit_write(const char *path, const void *p, size_t n)
{
	int fd;

	/* Sealed files are read-only; tests may run as any user. */
	(void)chmod(path, 0600);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n || close(fd) != 0)
		die(path);
}

void
kit_put_back(const struct kit_file *f)
{
	kit_write(f->path, f->bytes.p == NULL ? "" : f->bytes.p, f->bytes.n);
}

/* ---- verifying ---- */

static void
on_finding(void *ctx, const char *kind, const char *where, const char *why)
{
	struct kit_result *r = ctx;
	struct kit_finding *f;

	if (r->n == KIT_FINDINGS)
		return;
	f = &r->f[r->n++];
	(void)snprintf(f->kind, sizeof(f->kind), "%s", kind);
	(void)snprintf(f->where, sizeof(f->where), "%.199s", where);
	(void)snprintf(f->why, sizeof(f->why), "%.399s", why);
}

void
kit_verify(struct kit *k, struct kit_result *r)
{
	struct sp_verify_opts o = k->o;

	memset(r, 0, sizeof(*r));
	o.finding = on_finding;
	o.ctx = r;
	r->rc = sp_verify(k->dir, &o, &r->v, &r->err);
	k->runs++;
}

/* Whether the text has one of the alternatives "a|b". */
static bool
names(const char *text, const char *alternatives)
{
	struct sp_view rest = sp_view_str(alternatives);

	while (rest.n > 0) {
		char *one = sp_view_dup(sp_view_cut(&rest, '|'));
		bool has = *one != '\0' && strstr(text, one) != NULL;

		free(one);
		if (has)
			return (true);
	}
	return (false);
}

void
kit_expect(struct kit *k, const char *what, const char *place)
{
	static struct kit_result r;
	bool placed = *place == '\0';

	kit_verify(k, &r);
	if (r.rc == SP_OK && r.v.findings == 0) {
		k->undetected++;
		(void)fprintf(stderr, "UNDETECTED %s\n", what);
		return;
	}
	/* What it could not look at must be said with its place as well. */
	if (r.rc != SP_OK)
		placed = placed || names(r.err.msg, place);
	for (size_t i = 0; i < r.n; i++)
		placed = placed || names(r.f[i].where, place) ||
			 names(r.f[i].why, place);
	if (placed)
		return;
	k->misplaced++;
	(void)fprintf(stderr, "MISPLACED %s: wanted %s, got", what, place);
	if (r.rc != SP_OK)
		(void)fprintf(stderr, " error %s", r.err.msg);
	for (size_t i = 0; i < r.n; i++)
		(void)fprintf(stderr, " [%s %s: %s]", r.f[i].kind, r.f[i].where,
		    r.f[i].why);
	(void)fprintf(stderr, "\n");
}

static char *
place_of(const struct kit_file *f, const char *also)
{
	return (sp_xasprintf("%s|%s", f->rel, also));
}

void
kit_flip(
    struct kit *k, const struct kit_file *f, size_t stride, const char *also)
{
	char *place = place_of(f, also);
	char *copy = sp_xmalloc(f->bytes.n + 1);

	for (size_t i = 0; i < f->counts; i += stride) {
		char *what = sp_xasprintf(
		    "%s: bit %zu of byte %zu flipped", f->rel, i % 8, i);

		memcpy(copy, f->bytes.p, f->bytes.n);
		copy[i] = (char)(copy[i] ^ (1 << (i % 8)));
		kit_write(f->path, copy, f->bytes.n);
		kit_expect(k, what, place);
		free(what);
	}
	kit_put_back(f);
	free(copy);
	free(place);
}

void
kit_cut(
    struct kit *k, const struct kit_file *f, size_t stride, const char *also)
{
	char *place = place_of(f, also);

	for (size_t n = 0; n < f->counts; n += stride) {
		char *what = sp_xasprintf("%s: cut to %zu bytes", f->rel, n);

		kit_write(f->path, f->bytes.p, n);
		kit_expect(k, what, place);
		free(what);
	}
	kit_put_back(f);
	free(place);
}

void
kit_drop(struct kit *k, const struct kit_file *f, const char *also)
{
	char *place = place_of(f, also);
	char *what = sp_xasprintf("%s: removed", f->rel);

	if (unlink(f->path) != 0)
		die(f->path);
	kit_expect(k, what, place);
	kit_put_back(f);
	free(what);
	free(place);
}

/* ---- trees ---- */

void
kit_copy_tree(const char *from, const char *to)
{
	char **entries = NULL;
	struct sp_err err;
	size_t n = 0;

	if (mkdir(to, 0700) != 0)
		die(to);
	if (sp_io_list(from, &entries, &n, &err) != SP_OK)
		die(err.msg);
	for (size_t i = 0; i < n; i++) {
		char *a = sp_layout_path(from, entries[i]);
		char *b = sp_layout_path(to, entries[i]);
		struct sp_buf bytes;
		struct stat st;

		if (lstat(a, &st) != 0)
			die(a);
		sp_buf_init(&bytes, FILE_LIMIT);
		if (S_ISDIR(st.st_mode)) {
			kit_copy_tree(a, b);
		} else if (S_ISREG(st.st_mode)) {
			if (sp_io_read_file(a, FILE_LIMIT, &bytes, &err) !=
			    SP_OK)
				die(err.msg);
			kit_write(b, bytes.p == NULL ? "" : bytes.p, bytes.n);
		}
		sp_buf_done(&bytes);
		free(a);
		free(b);
	}
	sp_io_names_free(entries, n);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

void
kit_remove_tree(const char *dir)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
