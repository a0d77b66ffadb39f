/*
 * Writing a BagIt bag (RFC 8493); bag.h has the contract and the order of
 * calls.  Payload files go straight into the container, and their digests into
 * memory or, for messages, as ready lines into a spool, since there may be many
 * millions of them.  At the end the manifest is put together, sorted by path:
 * messages came in ascending order and sort between the other files.  Called by
 * the bag_*.c files of this room and by export.c.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/sha256.h"
#include "export/bag.h"
#include "export/bag_layout.h"

#define PIECE	 (256u << 10) /* bytes copied at once */
#define INFO_MAX (64u << 10) /* bytes of bag-info.txt */

/* The whole of bagit.txt (RFC 8493, section 2.1.1). */
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

/* Count one payload file of ${bytes} for Payload-Oxum. */
static void
count_payload(struct sp_bag *b, uint64_t bytes)
{
	b->payload_bytes += bytes;
	b->payload_files++;
}

/*
 * One line of a manifest, LF included, as sha256sum takes it; returns its
 * length.
 */
static int
format_line(char *out, size_t size, const uint8_t digest[SP_SHA256_LEN],
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

	(void)snprintf(name, sizeof(name), SP_BAG_PATH_MESSAGE, seq);
	n = format_line(line, sizeof(line), digest, name);
	rc = sp_container_add(b->container, name, mtime, msg, err);
	if (rc == SP_OK)
		rc = sp_spool_add(
		    &b->messages, sp_view_mem(line, (size_t)n), err);
	count_payload(b, msg.n);
	return (rc);
}

/* Remember name and digest of a payload file for the manifest. */
static enum sp_code
list_file(struct sp_bag *b, const char *name,
    const uint8_t digest[SP_SHA256_LEN], struct sp_err *err)
{
	if (b->nfiles == SP_BAG_LISTED_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "more than %d files in the bag besides messages",
		    SP_BAG_LISTED_MAX));
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
		rc = list_file(b, name, digest, err);
	count_payload(b, v.n);
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
		rc = list_file(b, name, digest, err);
	count_payload(b, s->size);
	return (rc);
}

static int
by_name(const void *a, const void *b)
{
	const struct sp_bag_listed *x = a, *y = b;

	return (strcmp(x->name, y->name));
}

/* Add the lines of the files that sort before, or after, data/messages. */
static enum sp_code
add_file_lines(const struct sp_bag *b, bool before, struct sp_spool *to,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < b->nfiles; i++) {
		char line[512];
		int n;

		if ((strcmp(b->file[i].name, SP_BAG_PATH_MESSAGES) < 0) !=
		    before)
			continue;
		n = format_line(
		    line, sizeof(line), b->file[i].digest, b->file[i].name);
		rc = sp_spool_add(to, sp_view_mem(line, (size_t)n), err);
	}
	return (rc);
}

/* Append all of ${from} to ${to}; ${from} is flushed. */
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

/*
 * Write manifest-sha256.txt, sorted by path without having been in memory; its
 * SHA-256 goes to ${digest}.
 */
static enum sp_code
write_manifest(struct sp_bag *b, int64_t mtime, uint8_t digest[SP_SHA256_LEN],
    struct sp_err *err)
{
	struct sp_spool all = { .fd = -1 };
	enum sp_code rc;

	qsort(b->file, b->nfiles, sizeof(*b->file), by_name);
	rc = sp_spool_init(&all, b->tmp, err);
	if (rc == SP_OK)
		rc = add_file_lines(b, true, &all, err);
	if (rc == SP_OK)
		rc = copy_lines(&b->messages, &all, err);
	if (rc == SP_OK)
		rc = add_file_lines(b, false, &all, err);
	if (rc == SP_OK)
		rc = sp_spool_flush(&all, err);
	if (rc == SP_OK)
		rc = sp_container_add_fd(b->container, SP_BAG_PATH_MANIFEST,
		    mtime, all.fd, all.size, digest, err);
	sp_spool_done(&all);
	return (rc);
}

/* Write a tag file and add its line to the tag manifest. */
static enum sp_code
write_tag_file(struct sp_bag *b, const char *name, int64_t mtime,
    struct sp_view v, struct sp_buf *tagmanifest, struct sp_err *err)
{
	uint8_t digest[SP_SHA256_LEN];
	char line[160];
	int n;

	sp_sha256_once(v.p, v.n, digest);
	n = format_line(line, sizeof(line), digest, name);
	if (sp_buf_add(tagmanifest, line, (size_t)n) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0, "tag manifest too long"));
	return (sp_container_add(b->container, name, mtime, v, err));
}

/*
 * ${info} with the Payload-Oxum in the place of its mark; SP_ELIMIT: too long.
 */
static enum sp_code
fill_info(const struct sp_bag *b, struct sp_view info, struct sp_buf *out,
    struct sp_err *err)
{
	const char *at =
	    memmem(info.p, info.n, SP_BAG_OXUM_MARK, strlen(SP_BAG_OXUM_MARK));
	size_t head;

	assert(at != NULL);
	head = (size_t)(at - info.p);
	if (sp_buf_add(out, info.p, head) != SP_OK ||
	    sp_buf_addf(out, "%" PRIu64 ".%" PRIu64, b->payload_bytes,
		b->payload_files) != SP_OK ||
	    sp_buf_add(out, at + strlen(SP_BAG_OXUM_MARK),
		info.n - head - strlen(SP_BAG_OXUM_MARK)) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "bag-info.txt would be too long; use a shorter query"));
	return (SP_OK);
}

/*
 * The tag manifest lists the tag files in the order of their names and is
 * written last, since the signature over it covers all.
 */
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
		rc = write_tag_file(b, SP_BAG_PATH_INFO, mtime,
		    sp_buf_view(&full), tagmanifest, err);
	if (rc == SP_OK)
		rc = write_tag_file(b, SP_BAG_PATH_BAGIT, mtime,
		    sp_view_str(bagit), tagmanifest, err);
	if (rc == SP_OK)
		rc = write_manifest(b, mtime, digest, err);
	if (rc == SP_OK) {
		n = format_line(
		    line, sizeof(line), digest, SP_BAG_PATH_MANIFEST);
		if (sp_buf_add(tagmanifest, line, (size_t)n) != SP_OK)
			rc = sp_err_set(
			    err, SP_ELIMIT, 0, "tag manifest too long");
	}
	if (rc == SP_OK)
		rc = sp_container_add(b->container, SP_BAG_PATH_TAGMANIFEST,
		    mtime, sp_buf_view(tagmanifest), err);
	sp_buf_done(&full);
	return (rc);
}

static void
free_files(struct sp_bag *b)
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
	    b->container, SP_BAG_PATH_TAGMANIFEST_P7S, mtime, p7s, err);
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
	free_files(b);
}
