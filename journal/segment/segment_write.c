/*
 * Writing a segment (segment.h).  libarchive makes the tar; its bytes land in a
 * buffer, which is compressed as one frame when it is cut.  The table of
 * contents grows meanwhile, and is written with the seek table at the end.
 *
 *   create -> add_lines* -> add* -> finish
 *
 * The cutting rules are in doc/format-segment.md, "The frames": an entry that
 * fits into a frame is never split, and a longer one has frames of its own.
 */
#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/io.h"
#include "journal/segment/segment_format_priv.h"
#include "journal/segment/toc_priv.h"

/* What a member may take in the tar besides its data: a header, and a pax
 * header with its own header where a time or size needs one. */
#define MEMBER_HEAD (3u * SP_TAR_BLOCK)
/* Frames whose seek table fits into a skippable frame. */
#define FRAMES_MAX ((UINT32_MAX - 64u) / SP_SEEK_ITEM)

struct sp_segment_writer {
	/* the file */
	char *path;
	int fd;
	uint64_t off; /* bytes in it so far */
	/* what goes into it */
	uint64_t first, last, next; /* seq */
	uint64_t lines_left; /* bytes of lines still to come */
	int64_t first_received;
	/* the tar */
	struct archive *tar;
	struct archive_entry *entry;
	bool discard; /* being freed: bytes that still come are dropped */
	struct sp_err failed; /* what the write callback met */
	/* frames */
	size_t target; /* bytes a frame aims at */
	ZSTD_CCtx *cctx;
	struct sp_buf frame; /* tar bytes not yet compressed */
	char *out; /* a frame compressed */
	size_t out_cap;
	uint32_t frames; /* written so far */
	/* tables */
	struct sp_buf seek; /* items of the seek table */
	struct sp_toc_writer toc;
	struct sp_toc_pos end; /* of the member written last */
};

/* SP_ELIMIT: libarchive, zstd or a buffer has no memory. */
static enum sp_code
no_memory(struct sp_err *err)
{
	return (sp_err_set(err, SP_ELIMIT, 0, "segment: not enough memory"));
}

/* libarchive's write callback: bytes of the tar, into the frame that is being
 * filled. */
static la_ssize_t
collect_tar_bytes(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct sp_segment_writer *w = ctx;

	(void)a;
	if (w->discard)
		return ((la_ssize_t)n);
	if (sp_buf_add(&w->frame, p, n) != SP_OK) {
		(void)no_memory(&w->failed);
		return (-1);
	}
	return ((la_ssize_t)n);
}

/* What went wrong in libarchive: the callback's own error, or its text. */
static enum sp_code
tar_failed(struct sp_segment_writer *w, struct sp_err *err)
{
	if (w->failed.code != SP_OK) {
		*err = w->failed;
		return (err->code);
	}
	return (sp_err_set(err, SP_EIO, 0, "segment %s: libarchive: %s",
	    w->path, archive_error_string(w->tar)));
}

/* Add a frame to the seek table, with its bytes in the file and
 * decompressed. */
static enum sp_code
add_frame(struct sp_segment_writer *w, uint64_t clen, uint64_t ulen,
    struct sp_err *err)
{
	uint8_t item[SP_SEEK_ITEM];

	sp_le32_put(item, (uint32_t)clen);
	sp_le32_put(item + 4, (uint32_t)ulen);
	if (sp_buf_add(&w->seek, item, sizeof(item)) != SP_OK)
		return (no_memory(err));
	w->off += clen;
	return (SP_OK);
}

/* Compress and write the frame that is being filled; nothing if it is empty. */
static enum sp_code
end_frame(struct sp_segment_writer *w, struct sp_err *err)
{
	enum sp_code rc;
	size_t n;

	if (w->frame.n == 0)
		return (SP_OK);
	n = ZSTD_compress2(w->cctx, w->out, w->out_cap, w->frame.p, w->frame.n);
	if (ZSTD_isError(n))
		return (sp_err_set(err, SP_EIO, 0, "segment %s: zstd: %s",
		    w->path, ZSTD_getErrorName(n)));
	rc = sp_io_write(w->fd, w->out, n, err);
	if (rc == SP_OK)
		rc = add_frame(w, n, w->frame.n, err);
	w->frames++;
	sp_buf_clear(&w->frame);
	return (rc);
}

/* Bytes of ${n} bytes of data in a tar. */
static size_t
padded(uint64_t n)
{
	return ((size_t)((n + SP_TAR_BLOCK - 1) / SP_TAR_BLOCK * SP_TAR_BLOCK));
}

/* Bytes that a member with ${n} bytes of data takes in the tar at most. */
static uint64_t
member_size(uint64_t n)
{
	return (MEMBER_HEAD + padded(n));
}

/* Where the next byte of the tar will stand. */
static struct sp_toc_pos
current_pos(const struct sp_segment_writer *w)
{
	return ((struct sp_toc_pos){ w->frames, (uint32_t)w->frame.n });
}

/* Write a member's header; ${at} is where its data begins.  One that does not
 * fit into what is left of the frame begins a new one. */
static enum sp_code
begin_member(struct sp_segment_writer *w, const char *name, uint64_t size,
    int64_t received, struct sp_toc_pos *at, struct sp_err *err)
{
	struct archive_entry *e = w->entry;
	enum sp_code rc = SP_OK;

	/* The padding of the member before belongs to its frame. */
	if (archive_write_finish_entry(w->tar) != ARCHIVE_OK)
		return (tar_failed(w, err));
	if (w->frame.n + member_size(size) > w->target)
		rc = end_frame(w, err);
	if (rc != SP_OK)
		return (rc);
	archive_entry_clear(e);
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0444);
	archive_entry_set_size(e, (la_int64_t)size);
	archive_entry_set_mtime(
	    e, received > 0 ? (time_t)(received / SP_SECOND) : 0, 0);
	if (archive_write_header(w->tar, e) != ARCHIVE_OK)
		return (tar_failed(w, err));
	*at = current_pos(w);
	w->end = *at;
	return (SP_OK);
}

/* Write data of a member, and end each frame that is full. */
static enum sp_code
put_data(struct sp_segment_writer *w, struct sp_view v, struct sp_err *err)
{
	while (v.n > 0) {
		enum sp_code rc;
		size_t n;

		if (w->frame.n >= w->target) {
			rc = end_frame(w, err);
			if (rc != SP_OK)
				return (rc);
		}
		n = w->target - w->frame.n;
		if (n > v.n)
			n = v.n;
		if (archive_write_data(w->tar, v.p, n) != (la_ssize_t)n)
			return (tar_failed(w, err));
		v.p += n;
		v.n -= n;
		w->end = current_pos(w);
	}
	return (SP_OK);
}

/* After a member that has frames of its own, the next one begins a new
 * frame. */
static enum sp_code
end_member(struct sp_segment_writer *w, uint64_t size, struct sp_err *err)
{
	if (member_size(size) <= w->target)
		return (SP_OK);
	if (archive_write_finish_entry(w->tar) != ARCHIVE_OK)
		return (tar_failed(w, err));
	return (end_frame(w, err));
}

/* Write a whole member; its payload begins at ${at} and ends at ${end}. */
static enum sp_code
put_member(struct sp_segment_writer *w, const char *name, int64_t received,
    struct sp_view v, struct sp_toc_pos *at, struct sp_toc_pos *end,
    struct sp_err *err)
{
	enum sp_code rc = begin_member(w, name, v.n, received, at, err);

	if (rc == SP_OK)
		rc = put_data(w, v, err);
	*end = w->end;
	return (rc == SP_OK ? end_member(w, v.n, err) : rc);
}

/* Set up libarchive: ustar headers, pax only where needed, no padding at the
 * end. */
static enum sp_code
init_tar(struct sp_segment_writer *w, struct sp_err *err)
{
	struct archive *a = w->tar;

	if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
	    archive_write_add_filter_none(a) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a, 0) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    archive_write_open2(a, w, NULL, collect_tar_bytes, NULL, NULL) !=
		ARCHIVE_OK)
		return (tar_failed(w, err));
	return (SP_OK);
}

/* Set up zstd: each frame has a checksum and its content size. */
static enum sp_code
init_zstd(struct sp_segment_writer *w, int level, struct sp_err *err)
{
	if (ZSTD_isError(ZSTD_CCtx_setParameter(
		w->cctx, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(
		ZSTD_CCtx_setParameter(w->cctx, ZSTD_c_checksumFlag, 1)) ||
	    ZSTD_isError(
		ZSTD_CCtx_setParameter(w->cctx, ZSTD_c_contentSizeFlag, 1)))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "segment: zstd refuses compression level %d", level));
	return (SP_OK);
}

/* Free a writer at any stage; its file stays as it is. */
static void
writer_free(struct sp_segment_writer *w)
{
	if (w == NULL)
		return;
	/* Freeing closes the tar, and closing writes its end. */
	w->discard = true;
	(void)archive_write_free(w->tar);
	archive_entry_free(w->entry);
	(void)ZSTD_freeCCtx(w->cctx);
	(void)sp_io_close(w->fd, NULL);
	sp_buf_done(&w->frame);
	sp_buf_done(&w->seek);
	sp_toc_done(&w->toc);
	free(w->out);
	free(w->path);
	free(w);
}

/* A file that cannot be removed does no harm: it has a temporary name, and is
 * replaced when the work is done again. */
void
sp_segment_abort(struct sp_segment_writer *w)
{
	struct sp_err ignored;

	if (w == NULL)
		return;
	if (sp_io_unlink(w->path, &ignored) != SP_OK)
		ignored.code = SP_OK;
	writer_free(w);
}

/* Allocate a writer, all but its file; members that could not be made are
 * NULL. */
static struct sp_segment_writer *
writer_new(const char *path, uint64_t frame)
{
	struct sp_segment_writer *w = sp_xcalloc(1, sizeof(*w));

	if (frame < SP_SEGMENT_FRAME_MIN)
		frame = SP_SEGMENT_FRAME_MIN;
	if (frame > SP_SEGMENT_FRAME_MAX)
		frame = SP_SEGMENT_FRAME_MAX;
	w->path = sp_xstrdup(path);
	w->fd = -1;
	w->target = (size_t)frame;
	/* A header may go over the target before it is noticed. */
	sp_buf_init(&w->frame, w->target + MEMBER_HEAD + SP_TAR_BLOCK);
	sp_buf_init(&w->seek, (size_t)FRAMES_MAX * SP_SEEK_ITEM);
	w->out_cap = ZSTD_compressBound(w->frame.max);
	w->out = sp_xmalloc(w->out_cap);
	w->tar = archive_write_new();
	w->entry = archive_entry_new();
	w->cctx = ZSTD_createCCtx();
	return (w);
}

/* The file is created at the end, when nothing else can fail but writing. */
enum sp_code
sp_segment_create(const char *path, uint64_t first, uint64_t last,
    uint64_t lines_len, int64_t first_received, int level, uint64_t frame,
    struct sp_segment_writer **out, struct sp_err *err)
{
	const struct sp_segment_name sn = { .first = first, .last = last };
	struct sp_segment_writer *w = writer_new(path, frame);
	struct sp_toc_pos at = { 0, 0 };
	char name[96];
	enum sp_code rc;

	assert(first <= last);
	w->first = w->next = first;
	w->last = last;
	w->lines_left = lines_len;
	w->first_received = first_received;
	sp_toc_begin(&w->toc, first);
	sp_layout_segment_name(&sn, name);
	/* 000000000000-000000018430.tar.zst -> .lines */
	assert(strlen(name) > strlen(".tar.zst"));
	(void)snprintf(name + strlen(name) - strlen(".tar.zst"),
	    sizeof(".lines"), "%s", ".lines");
	rc = w->tar == NULL || w->entry == NULL || w->cctx == NULL
		 ? no_memory(err)
		 : init_tar(w, err);
	if (rc == SP_OK)
		rc = init_zstd(w, level, err);
	/* A file left by a crash may be read-only, so it is not reused. */
	if (rc == SP_OK)
		rc = sp_io_unlink(path, err);
	if (rc == SP_OK)
		rc = sp_io_open(
		    path, O_WRONLY | O_CREAT | O_EXCL, 0440, &w->fd, err);
	if (rc != SP_OK) {
		writer_free(w);
		return (rc);
	}
	rc = begin_member(w, name, lines_len, first_received, &at, err);
	if (rc != SP_OK) {
		sp_segment_abort(w);
		return (rc);
	}
	sp_toc_lines(&w->toc, at, lines_len, at);
	*out = w;
	return (SP_OK);
}

enum sp_code
sp_segment_add_lines(
    struct sp_segment_writer *w, struct sp_view piece, struct sp_err *err)
{
	enum sp_code rc;

	assert(w->next == w->first && piece.n <= w->lines_left);
	rc = put_data(w, piece, err);
	if (rc != SP_OK)
		return (rc);
	w->lines_left -= piece.n;
	w->toc.end = w->end;
	return (SP_OK);
}

/* End the frame if an entry of ${bytes} needs a new one: an entry that fits
 * into a frame is never split. */
static enum sp_code
place_entry(struct sp_segment_writer *w, uint64_t bytes, struct sp_err *err)
{
	if (archive_write_finish_entry(w->tar) != ARCHIVE_OK)
		return (tar_failed(w, err));
	/* Lines longer than a frame have frames of their own. */
	if (w->next == w->first && w->frames > 0)
		return (end_frame(w, err));
	if (bytes <= w->target && w->frame.n + bytes > w->target)
		return (end_frame(w, err));
	return (SP_OK);
}

/* The table of contents gets the entry once its members are written. */
enum sp_code
sp_segment_add(struct sp_segment_writer *w, uint64_t seq, int64_t received,
    struct sp_view record, bool has_message, struct sp_view msg,
    struct sp_err *err)
{
	struct sp_toc_entry e = { .record_len = record.n, .msg_len = msg.n };
	struct sp_toc_pos end_record = { 0, 0 }, end_msg = { 0, 0 };
	uint64_t bytes = 0;
	char name[64];
	enum sp_code rc;

	assert(seq == w->next && seq <= w->last && w->lines_left == 0);
	if (record.p != NULL)
		bytes += member_size(record.n);
	if (has_message)
		bytes += member_size(msg.n);
	rc = place_entry(w, bytes, err);
	if (rc == SP_OK && record.p != NULL) {
		e.flags |= SP_TOC_RECORD;
		(void)snprintf(name, sizeof(name), "%012" PRIu64 ".json", seq);
		rc = put_member(
		    w, name, received, record, &e.record, &end_record, err);
	}
	if (rc == SP_OK && has_message) {
		e.flags |= SP_TOC_MESSAGE;
		(void)snprintf(name, sizeof(name), "%012" PRIu64 ".eml", seq);
		rc = put_member(w, name, received, msg, &e.msg, &end_msg, err);
	}
	if (rc == SP_OK)
		rc = sp_toc_add(&w->toc, &e, end_record, end_msg, err);
	w->next++;
	return (rc);
}

/* Write the two zero blocks that end a tar, as a frame of their own. */
static enum sp_code
end_tar(struct sp_segment_writer *w, struct sp_err *err)
{
	enum sp_code rc;

	if (archive_write_finish_entry(w->tar) != ARCHIVE_OK)
		return (tar_failed(w, err));
	rc = end_frame(w, err);
	if (rc != SP_OK)
		return (rc);
	if (archive_write_close(w->tar) != ARCHIVE_OK)
		return (tar_failed(w, err));
	return (end_frame(w, err));
}

/* Write a skippable frame (RFC 8878 section 3.1.2) with ${v} in it. */
static enum sp_code
put_skippable(struct sp_segment_writer *w, uint32_t magic, struct sp_view v,
    struct sp_err *err)
{
	uint8_t head[SP_SKIP_HEAD];
	enum sp_code rc;

	sp_le32_put(head, magic);
	sp_le32_put(head + 4, (uint32_t)v.n);
	rc = sp_io_write(w->fd, head, sizeof(head), err);
	if (rc == SP_OK)
		rc = sp_io_write(w->fd, v.p, v.n, err);
	return (rc);
}

/* Write the table of contents and, as the last bytes, the seek table. */
static enum sp_code
put_tables(struct sp_segment_writer *w, struct sp_err *err)
{
	uint8_t foot[SP_SEEK_FOOT];
	struct sp_view toc;
	enum sp_code rc = sp_toc_end(&w->toc, w->frames, err);

	if (rc != SP_OK)
		return (rc);
	toc = sp_buf_view(&w->toc.buf);
	rc = put_skippable(w, SP_SKIP_TOC, toc, err);
	/* The seek table lists it too, as a frame without data. */
	if (rc == SP_OK)
		rc = add_frame(w, SP_SKIP_HEAD + toc.n, 0, err);
	if (rc != SP_OK)
		return (rc);
	sp_le32_put(foot, w->frames + 1);
	foot[4] = 0;
	sp_le32_put(foot + 5, SP_SEEK_MAGIC);
	if (sp_buf_add(&w->seek, foot, sizeof(foot)) != SP_OK)
		return (no_memory(err));
	w->off += SP_SKIP_HEAD + w->seek.n;
	return (put_skippable(w, SP_SKIP_SEEK, sp_buf_view(&w->seek), err));
}

/* The signature and the final name are the caller's work. */
enum sp_code
sp_segment_finish(
    struct sp_segment_writer *w, uint64_t *size, struct sp_err *err)
{
	enum sp_code rc;

	assert(w->next == w->last + 1);
	rc = end_tar(w, err);
	if (rc == SP_OK)
		rc = put_tables(w, err);
	if (rc == SP_OK)
		rc = sp_io_fsync(w->fd, err);
	if (rc != SP_OK) {
		sp_segment_abort(w);
		return (rc);
	}
	rc = sp_io_close(w->fd, err);
	w->fd = -1;
	if (rc != SP_OK) {
		sp_segment_abort(w);
		return (rc);
	}
	*size = w->off;
	writer_free(w);
	return (SP_OK);
}
