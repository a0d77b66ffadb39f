/*
 * The folder of the intake log: its files in order, and new ones.  Writer,
 * readers and packing begin here; which file follows which, and how many bytes
 * of a finished one count, is known from the headers (doc/format-intake.md,
 * "Names", "Rotation").
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/io.h"
#include "base/random.h"
#include "journal/log/intake_priv.h"

#define NEW_SUFFIX ".new"
#define TRIES_MAX  32 /* listings, while files come and go */
#define FILES_MAX  (1u << 20) /* files of one log */
#define FILE_MODE  0640

char *
sp_intake_path(const char *dir, const char *name)
{
	return (
	    sp_xasprintf("%s/intake%s%s", dir, *name == '\0' ? "" : "/", name));
}

enum sp_code
sp_intake_head_read(int fd, struct sp_intake_head *h, struct sp_err *err)
{
	char p[SP_INTAKE_HEAD_MAX];
	enum sp_code rc;
	size_t got;

	rc = sp_io_pread(fd, p, sizeof(p), 0, &got, err);
	if (rc != SP_OK)
		return (rc);
	return (sp_intake_head_parse(sp_view_mem(p, got), h, err));
}

/* ---- listing ---------------------------------------------------------- */

/* Read what the header of file ${name} says; ${parsed} is what its name says.
 * SP_EFORMAT: damage, or the two disagree.  SP_ENOTFOUND: it was removed. */
static enum sp_code
read_info(const char *dir, const char *name,
    const struct sp_intake_name *parsed, struct sp_intake_info *out,
    struct sp_err *err)
{
	struct sp_intake_info i = { .limit = UINT64_MAX };
	char *path = sp_intake_path(dir, name);
	enum sp_code rc;
	int fd = -1;

	rc = sp_io_open(path, O_RDONLY, 0, &fd, err);
	if (rc != SP_OK)
		goto out;
	rc = sp_intake_head_read(fd, &i.head, err);
	if (rc == SP_OK)
		rc = sp_io_size(fd, &i.size, err);
	if (rc == SP_OK && (i.head.first != parsed->first ||
			       sp_be32_get(i.head.id) != parsed->id))
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "the header belongs to another file: it was renamed or copied; give it its own name back");
	if (rc != SP_OK) {
		(void)sp_err_prefix(err, "intake/%s", name);
		goto out;
	}
	memcpy(i.name, name, strlen(name) + 1);
	*out = i;
out:
	(void)sp_io_close(fd, NULL);
	free(path);
	return (rc);
}

/* Whether ${b} names ${a} as its predecessor. */
static bool
follows(const struct sp_intake_info *a, const struct sp_intake_info *b)
{
	return (memcmp(b->head.prev_id, a->head.id, SP_INTAKE_ID_LEN) == 0);
}

static int
by_first(const void *pa, const void *pb)
{
	const struct sp_intake_info *a = pa, *b = pb;

	if (a->head.first != b->head.first)
		return (a->head.first < b->head.first ? -1 : 1);
	return (memcmp(a->head.id, b->head.id, SP_INTAKE_ID_LEN));
}

static void
swap(struct sp_intake_info *a, struct sp_intake_info *b)
{
	struct sp_intake_info tmp = *a;

	*a = *b;
	*b = tmp;
}

/* Order ${n} files with the same first number (all but the last have no
 * entries) by predecessor: first the one that follows none of them. */
static void
order_same_first(struct sp_intake_info *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool follower = false;

		for (size_t k = 0; k < n && !follower; k++)
			follower = follows(&f[k], &f[i]);
		if (follower)
			continue;
		swap(&f[0], &f[i]);
		break;
	}
	for (size_t i = 0; i + 1 < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			if (!follows(&f[i], &f[j]))
				continue;
			swap(&f[i + 1], &f[j]);
			break;
		}
	}
}

/* Order the files of the log, and fill in which are finished and how many bytes
 * of them count. */
static void
order_files(struct sp_intake_info *f, size_t n)
{
	size_t from = 0;

	if (n == 0)
		return;
	qsort(f, n, sizeof(*f), by_first);
	for (size_t i = 1; i <= n; i++) {
		if (i < n && f[i].head.first == f[from].head.first)
			continue;
		order_same_first(f + from, i - from);
		from = i;
	}
	for (size_t i = 0; i + 1 < n; i++) {
		/* Where the next file names another predecessor (a file was
		 * lost), there is no limit: its own batch headers decide. */
		f[i].finished = true;
		if (follows(&f[i], &f[i + 1]))
			f[i].limit = f[i + 1].head.prev_length;
	}
}

/* List once; SP_ENOTFOUND if a file was removed between its name and its
 * header. */
static enum sp_code
list_once(
    const char *dir, struct sp_intake_info **out, size_t *n, struct sp_err *err)
{
	char *path = sp_intake_path(dir, "");
	struct sp_intake_info *f = NULL;
	char **names = NULL;
	size_t count = 0, have = 0;
	enum sp_code rc;

	rc = sp_io_list(path, &names, &count, err);
	if (rc != SP_OK)
		goto out;
	if (count > FILES_MAX) {
		rc = sp_err_set(err, SP_ELIMIT, 0,
		    "%s holds more than %u files", path, FILES_MAX);
		goto out;
	}
	f = sp_xcalloc(count + 1, sizeof(*f));
	for (size_t i = 0; i < count && rc == SP_OK; i++) {
		struct sp_intake_name parsed;

		if (!sp_layout_parse_intake(names[i], &parsed) ||
		    strlen(names[i]) >= sizeof(f->name))
			continue;
		rc = read_info(dir, names[i], &parsed, &f[have], err);
		have += rc == SP_OK;
	}
out:
	if (rc == SP_OK) {
		order_files(f, have);
		*out = f;
		*n = have;
	} else
		free(f);
	sp_io_names_free(names, count);
	free(path);
	return (rc);
}

enum sp_code
sp_intake_list(
    const char *dir, struct sp_intake_info **out, size_t *n, struct sp_err *err)
{
	enum sp_code rc = SP_ENOTFOUND;

	/* journal/seal removes packed files meanwhile. */
	for (int i = 0; i < TRIES_MAX && rc == SP_ENOTFOUND; i++)
		rc = list_once(dir, out, n, err);
	return (rc);
}

/* ---- new files -------------------------------------------------------- */

/* Create the file ${tmp} with its header, synced; ${fd} is the caller's also
 * after an error. */
static enum sp_code
write_new(const char *tmp, const uint8_t *head, size_t len, int *fd,
    struct sp_err *err)
{
	enum sp_code rc;

	rc = sp_io_open(tmp, O_RDWR | O_CREAT | O_TRUNC, FILE_MODE, fd, err);
	if (rc == SP_OK)
		rc = sp_io_pwrite(*fd, head, len, 0, err);
	if (rc == SP_OK)
		rc = sp_io_fsync(*fd, err);
	return (rc);
}

/* A file has its name only once its header is durable: so a file that has a
 * name and no whole header is damaged, never half made. */
enum sp_code
sp_intake_create(const char *dir, struct sp_intake_head *h, char name[64],
    int *fd, bool *named, struct sp_err *err)
{
	uint8_t head[SP_INTAKE_HEAD_MAX];
	struct sp_intake_name parsed;
	char *folder = sp_intake_path(dir, "");
	char *path = NULL, *tmp = NULL;
	enum sp_code rc;
	int f = -1;

	*named = false;
	sp_random(h->id, sizeof(h->id));
	h->created = sp_clock_wall();
	h->length = (uint32_t)sp_intake_head_format(h, head);
	parsed.first = h->first;
	parsed.id = sp_be32_get(h->id);
	sp_layout_intake_name(&parsed, name);
	path = sp_intake_path(dir, name);
	tmp = sp_xasprintf("%s" NEW_SUFFIX, path);
	rc = write_new(tmp, head, h->length, &f, err);
	if (rc == SP_OK) {
		/* The name may exist even where the call reports a failure. */
		*named = true;
		rc = sp_io_rename(tmp, path, err);
		if (rc != SP_OK && !sp_io_exists(path))
			*named = false;
	}
	if (rc == SP_OK)
		rc = sp_io_syncdir(folder, err);
	if (rc == SP_OK) {
		*fd = f;
		f = -1;
	} else if (!*named)
		(void)!sp_io_unlink(tmp, NULL);
	(void)sp_io_close(f, NULL);
	free(tmp);
	free(path);
	free(folder);
	return (rc);
}

enum sp_code
sp_intake_sweep(const char *dir, struct sp_err *err)
{
	char *path = sp_intake_path(dir, "");
	char **names = NULL;
	size_t count = 0;
	enum sp_code rc;

	rc = sp_io_list(path, &names, &count, err);
	for (size_t i = 0; i < count && rc == SP_OK; i++) {
		size_t len = strlen(names[i]), cut = sizeof(NEW_SUFFIX) - 1;
		char *file;

		if (len <= cut || strcmp(names[i] + len - cut, NEW_SUFFIX) != 0)
			continue;
		file = sp_intake_path(dir, names[i]);
		rc = sp_io_unlink(file, err);
		free(file);
	}
	sp_io_names_free(names, count);
	free(path);
	return (rc);
}
