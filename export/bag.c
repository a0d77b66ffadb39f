#include "export/bag.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/sha256.h"

#define OXUM	 "@OXUM@"
#define PIECE	 (256u << 10)
#define INFO_MAX (64u << 10)
#define MESSAGES "data/messages/"

static const char bagit[] = "BagIt-Version: 1.0\n"
			    "Tag-File-Character-Encoding: UTF-8\n";

enum sp_code
sp_bag_open(struct sp_bag *b, const char *path, int level, const char *tmp,
    struct sp_err *err)
{
	enum sp_code rc;

	*b = (struct sp_bag){ .messages = { .fd = -1 }, .tmp = tmp };
	rc = sp_spool_init(&b->messages, tmp, err);
	if (rc == SP_OK)
		rc = sp_container_open(path, level, &b->container, err);
	return (rc);
}

static void
count(struct sp_bag *b, uint64_t bytes)
{
	b->payload_bytes += bytes;
	b->payload_files++;
}

static int
manifest_line(char *out, size_t size, const uint8_t digest[SP_SHA256_LEN],
    const char *name)
{
	char hex[2 * SP_SHA256_LEN + 1];

	sp_hex_encode(digest, SP_SHA256_LEN, hex);
	return (snprintf(out, size, "%s  %s\n", hex, name));
}

enum sp_code
sp_bag_message(struct sp_bag *b, uint64_t seq, int64_t mtime,
    struct sp_view msg, const uint8_t digest[SP_SHA256_LEN], struct sp_err *err)
{
	char name[64], line[160];
	enum sp_code rc;
	int n;

	(void)snprintf(name, sizeof(name), MESSAGES "%012" PRIu64 ".eml", seq);
	n = manifest_line(line, sizeof(line), digest, name);
	rc = sp_container_add(b->container, name, mtime, msg, err);
	if (rc == SP_OK)
		rc = sp_spool_add(
		    &b->messages, sp_view_mem(line, (size_t)n), err);
	count(b, msg.n);
	return (rc);
}

static enum sp_code
note_file(struct sp_bag *b, const char *name,
    const uint8_t digest[SP_SHA256_LEN], struct sp_err *err)
{
	if (b->nfiles == SP_BAG_FILES_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "more than %d files in the bag besides messages",
		    SP_BAG_FILES_MAX));
	if (b->nfiles == b->cap) {
		b->cap = b->cap == 0 ? 32 : b->cap * 2;
		b->file = sp_xrealloc(b->file, b->cap * sizeof(*b->file));
	}
	b->file[b->nfiles].name = sp_xstrdup(name);
	memcpy(b->file[b->nfiles].digest, digest, SP_SHA256_LEN);
	b->nfiles++;
	return (SP_OK);
}

enum sp_code
sp_bag_add(struct sp_bag *b, const char *name, int64_t mtime, struct sp_view v,
    struct sp_err *err)
{
	uint8_t digest[SP_SHA256_LEN];
	enum sp_code rc;

	sp_sha256_once(v.p, v.n, digest);
	rc = sp_container_add(b->container, name, mtime, v, err);
	if (rc == SP_OK)
		rc = note_file(b, name, digest, err);
	count(b, v.n);
	return (rc);
}

enum sp_code
sp_bag_add_spool(struct sp_bag *b, const char *name, int64_t mtime,
    struct sp_spool *s, struct sp_err *err)
{
	uint8_t digest[SP_SHA256_LEN];
	enum sp_code rc = sp_spool_flush(s, err);

	if (rc == SP_OK)
		rc = sp_container_add_fd(
		    b->container, name, mtime, s->fd, s->size, digest, err);
	if (rc == SP_OK)
		rc = note_file(b, name, digest, err);
	count(b, s->size);
	return (rc);
}

static int
by_name(const void *a, const void *b)
{
	const struct sp_bag_file *x = a, *y = b;

	return (strcmp(x->name, y->name));
}

/* Lines of the files that come before, or after, data/messages. */
static enum sp_code
file_lines(const struct sp_bag *b, bool before, struct sp_spool *to,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < b->nfiles; i++) {
		char line[512];
		int n;

		if ((strcmp(b->file[i].name, MESSAGES) < 0) != before)
			continue;
		n = manifest_line(
		    line, sizeof(line), b->file[i].digest, b->file[i].name);
		rc = sp_spool_add(to, sp_view_mem(line, (size_t)n), err);
	}
	return (rc);
}

static enum sp_code
copy_lines(struct sp_spool *from, struct sp_spool *to, struct sp_err *err)
{
	char *piece = sp_xmalloc(PIECE);
	enum sp_code rc = sp_spool_flush(from, err);
	size_t got = 0;

	for (uint64_t off = 0; rc == SP_OK && off < from->size; off += got) {
		rc = sp_io_pread(from->fd, piece, PIECE, off, &got, err);
		if (rc == SP_OK)
			rc = sp_spool_add(to, sp_view_mem(piece, got), err);
	}
	free(piece);
	return (rc);
}

/* manifest-sha256.txt, sorted by path without having been in memory. */
static enum sp_code
manifest(struct sp_bag *b, int64_t mtime, uint8_t digest[SP_SHA256_LEN],
    struct sp_err *err)
{
	struct sp_spool all = { .fd = -1 };
	enum sp_code rc;

	qsort(b->file, b->nfiles, sizeof(*b->file), by_name);
	rc = sp_spool_init(&all, b->tmp, err);
	if (rc == SP_OK)
		rc = file_lines(b, true, &all, err);
	if (rc == SP_OK)
		rc = copy_lines(&b->messages, &all, err);
	if (rc == SP_OK)
		rc = file_lines(b, false, &all, err);
	if (rc == SP_OK)
		rc = sp_spool_flush(&all, err);
	if (rc == SP_OK)
		rc = sp_container_add_fd(b->container, "manifest-sha256.txt",
		    mtime, all.fd, all.size, digest, err);
	sp_spool_done(&all);
	return (rc);
}

static enum sp_code
add_tag(struct sp_bag *b, const char *name, int64_t mtime, struct sp_view v,
    struct sp_buf *tagmanifest, struct sp_err *err)
{
	uint8_t digest[SP_SHA256_LEN];
	char line[160];
	int n;

	sp_sha256_once(v.p, v.n, digest);
	n = manifest_line(line, sizeof(line), digest, name);
	if (sp_buf_add(tagmanifest, line, (size_t)n) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0, "tag manifest too long"));
	return (sp_container_add(b->container, name, mtime, v, err));
}

/* ${info} with the Payload-Oxum put in. */
static enum sp_code
fill_info(const struct sp_bag *b, struct sp_view info, struct sp_buf *out,
    struct sp_err *err)
{
	const char *at = memmem(info.p, info.n, OXUM, strlen(OXUM));
	size_t head;

	assert(at != NULL);
	head = (size_t)(at - info.p);
	if (sp_buf_add(out, info.p, head) != SP_OK ||
	    sp_buf_addf(out, "%" PRIu64 ".%" PRIu64, b->payload_bytes,
		b->payload_files) != SP_OK ||
	    sp_buf_add(out, at + strlen(OXUM), info.n - head - strlen(OXUM)) !=
		SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "bag-info.txt would be too long; use a shorter query"));
	return (SP_OK);
}

enum sp_code
sp_bag_close(struct sp_bag *b, struct sp_view info, int64_t mtime,
    struct sp_buf *tagmanifest, struct sp_err *err)
{
	uint8_t digest[SP_SHA256_LEN];
	char line[160];
	struct sp_buf full;
	enum sp_code rc;
	int n;

	sp_buf_init(&full, INFO_MAX);
	rc = fill_info(b, info, &full, err);
	if (rc == SP_OK)
		rc = add_tag(b, "bag-info.txt", mtime, sp_buf_view(&full),
		    tagmanifest, err);
	if (rc == SP_OK)
		rc = add_tag(b, "bagit.txt", mtime, sp_view_str(bagit),
		    tagmanifest, err);
	if (rc == SP_OK)
		rc = manifest(b, mtime, digest, err);
	if (rc == SP_OK) {
		n = manifest_line(
		    line, sizeof(line), digest, "manifest-sha256.txt");
		if (sp_buf_add(tagmanifest, line, (size_t)n) != SP_OK)
			rc = sp_err_set(
			    err, SP_ELIMIT, 0, "tag manifest too long");
	}
	if (rc == SP_OK)
		rc = sp_container_add(b->container, "tagmanifest-sha256.txt",
		    mtime, sp_buf_view(tagmanifest), err);
	sp_buf_done(&full);
	return (rc);
}

static void
release(struct sp_bag *b)
{
	for (size_t i = 0; i < b->nfiles; i++)
		free(b->file[i].name);
	free(b->file);
	b->file = NULL;
	b->nfiles = b->cap = 0;
	sp_spool_done(&b->messages);
}

enum sp_code
sp_bag_finish(
    struct sp_bag *b, struct sp_view p7s, int64_t mtime, struct sp_err *err)
{
	enum sp_code rc;

	rc = sp_container_add(
	    b->container, "tagmanifest-sha256.txt.p7s", mtime, p7s, err);
	if (rc == SP_OK) {
		rc = sp_container_finish(b->container, err);
		b->container = NULL;
	}
	return (rc);
}

void
sp_bag_done(struct sp_bag *b)
{
	sp_container_abort(b->container);
	b->container = NULL;
	release(b);
}
