/*
 * Reading a segment by its tables: opening checks them once, reading an entry
 * then costs the frames that hold it (segment.h).  From the end of the file:
 *
 *   data frames | table of contents | seek table
 *                                       ^ read first: where the frames are
 *                 ^ then this: where each entry lies
 *     ^ then the frames of one entry
 *
 * The tables are a convenience; what proves the content are the lines in the
 * tree.
 */
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/enc.h"
#include "base/io.h"
#include "journal/segment/segment_format_priv.h"
#include "journal/segment/toc_priv.h"

#define NO_FRAME SIZE_MAX

struct sp_segment {
	char *path;
	int fd;
	struct sp_frames frames;
	struct sp_toc toc;
	ZSTD_DCtx *dctx;
	size_t cached; /* frame in data, or NO_FRAME */
	struct sp_buf data; /* a frame decompressed */
	struct sp_buf in; /* a frame as in the file */
};

/* SP_EFORMAT for this segment. */
static enum sp_code
bad(const struct sp_segment *s, struct sp_err *err, const char *why)
{
	return (sp_err_set(err, SP_EFORMAT, 0, "segment %s: %s", s->path, why));
}

/* Read ${n} bytes at ${off}; SP_EFORMAT if the file ends before. */
static enum sp_code
read_exact(const struct sp_segment *s, void *p, size_t n, uint64_t off,
    struct sp_err *err)
{
	size_t got;
	enum sp_code rc = sp_io_pread(s->fd, p, n, off, &got, err);

	if (rc == SP_OK && got != n)
		return (bad(s, err, "the file is cut off"));
	return (rc);
}

/* Read ${n} bytes at ${off} into ${b}, which is cleared first and which the
 * caller has bounded. */
static enum sp_code
read_into(const struct sp_segment *s, struct sp_buf *b, uint64_t n,
    uint64_t off, struct sp_err *err)
{
	enum sp_code rc;
	char *p;

	sp_buf_clear(b);
	p = sp_buf_reserve(b, (size_t)n);
	if (p == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "segment %s: no memory for %" PRIu64 " bytes", s->path, n));
	rc = read_exact(s, p, (size_t)n, off, err);
	if (rc == SP_OK)
		b->n = (size_t)n;
	return (rc);
}

/* Turn the ${n} items of the seek table in ${b} into offsets.  The last item is
 * the table of contents.  Together they must account for the file up to
 * ${table_at}, where the seek table begins. */
static enum sp_code
load_frames(struct sp_segment *s, const struct sp_buf *b, size_t n,
    uint64_t table_at, struct sp_err *err)
{
	struct sp_frames *f = &s->frames;
	const uint8_t *p = (const uint8_t *)b->p;

	f->n = n - 1;
	f->coff = sp_xcalloc(n + 1, sizeof(*f->coff));
	f->uoff = sp_xcalloc(n + 1, sizeof(*f->uoff));
	for (size_t i = 0; i < n; i++, p += SP_SEEK_ITEM) {
		uint32_t clen = sp_le32_get(p), ulen = sp_le32_get(p + 4);

		if (clen > table_at - f->coff[i])
			return (bad(
			    s, err, "seek table: frames lie outside the file"));
		if (i == f->n ? ulen != 0
			      : ulen == 0 || ulen > SP_SEGMENT_FRAME_MAX)
			return (
			    bad(s, err, "seek table: impossible frame length"));
		f->coff[i + 1] = f->coff[i] + clen;
		f->uoff[i + 1] = f->uoff[i] + ulen;
	}
	if (f->uoff[f->n] - f->uoff[f->n - 1] != SP_TAR_END)
		return (bad(s, err,
		    "seek table: the last frame is not the end of a tar"));
	if (f->coff[n] != table_at)
		return (bad(
		    s, err, "seek table: does not account for the whole file"));
	return (SP_OK);
}

/* Read the seek table at the end of a file of ${size} bytes. */
static enum sp_code
load_seek(struct sp_segment *s, uint64_t size, struct sp_err *err)
{
	uint8_t foot[SP_SEEK_FOOT], head[SP_SKIP_HEAD];
	struct sp_buf items;
	uint64_t n, len;
	enum sp_code rc;

	if (size < SP_SKIP_HEAD + SP_SEEK_FOOT)
		return (bad(s, err, "too short"));
	rc = read_exact(s, foot, sizeof(foot), size - sizeof(foot), err);
	if (rc != SP_OK)
		return (rc);
	if (sp_le32_get(foot + 5) != SP_SEEK_MAGIC || foot[4] != 0)
		return (bad(s, err,
		    "no seek table of ours at the end; the file is cut off or not a segment"));
	n = sp_le32_get(foot);
	len = n * SP_SEEK_ITEM + SP_SEEK_FOOT;
	if (n < 3 || len + SP_SKIP_HEAD > size)
		return (bad(s, err, "seek table: impossible number of frames"));
	rc = read_exact(s, head, sizeof(head), size - len - sizeof(head), err);
	if (rc != SP_OK)
		return (rc);
	if (sp_le32_get(head) != SP_SKIP_SEEK || sp_le32_get(head + 4) != len)
		return (bad(s, err, "seek table: no valid beginning"));
	sp_buf_init(&items, (size_t)(n * SP_SEEK_ITEM));
	rc = read_into(s, &items, n * SP_SEEK_ITEM, size - len, err);
	if (rc == SP_OK)
		rc = load_frames(
		    s, &items, (size_t)n, size - len - SP_SKIP_HEAD, err);
	sp_buf_done(&items);
	return (rc);
}

/* Read and check the table of contents, which the seek table lists last. */
static enum sp_code
load_toc(struct sp_segment *s, struct sp_err *err)
{
	const struct sp_frames *f = &s->frames;
	uint64_t at = f->coff[f->n], n = f->coff[f->n + 1] - at;
	uint8_t head[SP_SKIP_HEAD];
	enum sp_code rc;

	if (n < SP_SKIP_HEAD || n > SP_SEGMENT_TOC_MAX + SP_SKIP_HEAD)
		return (bad(s, err, "table of contents: impossible length"));
	rc = read_exact(s, head, sizeof(head), at, err);
	if (rc != SP_OK)
		return (rc);
	n -= SP_SKIP_HEAD;
	if (sp_le32_get(head) != SP_SKIP_TOC || sp_le32_get(head + 4) != n)
		return (bad(s, err,
		    "table of contents: not where the seek table says"));
	sp_buf_init(&s->toc.buf, (size_t)n);
	rc = read_into(s, &s->toc.buf, n, at + SP_SKIP_HEAD, err);
	if (rc == SP_OK) {
		rc = sp_toc_load(&s->toc, f, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(err, "segment %s", s->path);
	}
	return (rc);
}

/* Sizes that the file claims are compared with the file before memory is spent
 * on them. */
enum sp_code
sp_segment_open(const char *path, struct sp_segment **out, struct sp_err *err)
{
	struct sp_segment *s = sp_xcalloc(1, sizeof(*s));
	uint64_t size;
	enum sp_code rc;

	s->path = sp_xstrdup(path);
	s->fd = -1;
	s->cached = NO_FRAME;
	sp_buf_init(&s->data, SP_SEGMENT_FRAME_MAX);
	sp_buf_init(&s->in, ZSTD_compressBound(SP_SEGMENT_FRAME_MAX));
	rc = sp_io_open(path, O_RDONLY, 0, &s->fd, err);
	if (rc == SP_OK)
		rc = sp_io_size(s->fd, &size, err);
	if (rc == SP_OK)
		rc = load_seek(s, size, err);
	if (rc == SP_OK)
		rc = load_toc(s, err);
	if (rc == SP_OK && (s->dctx = ZSTD_createDCtx()) == NULL)
		rc = sp_err_set(
		    err, SP_ELIMIT, 0, "segment %s: no memory", path);
	if (rc != SP_OK) {
		sp_segment_close(s);
		return (rc);
	}
	*out = s;
	return (SP_OK);
}

void
sp_segment_close(struct sp_segment *s)
{
	if (s == NULL)
		return;
	(void)sp_io_close(s->fd, NULL);
	(void)ZSTD_freeDCtx(s->dctx);
	sp_toc_free(&s->toc);
	sp_buf_done(&s->data);
	sp_buf_done(&s->in);
	free(s->frames.coff);
	free(s->frames.uoff);
	free(s->path);
	free(s);
}

uint64_t
sp_segment_first(const struct sp_segment *s)
{
	return (s->toc.first);
}

uint64_t
sp_segment_last(const struct sp_segment *s)
{
	return (s->toc.last);
}

/* Where entry ${seq} lies, and its key id.  SP_ENOTFOUND: it is not in here. */
static enum sp_code
find(const struct sp_segment *s, uint64_t seq, struct sp_segment_item *out,
    uint32_t *key, struct sp_err *err)
{
	if (seq < s->toc.first || seq > s->toc.last)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "segment %s: has no entry %" PRIu64, s->path, seq));
	return (sp_toc_find(&s->toc, seq, out, key, err));
}

enum sp_code
sp_segment_item(const struct sp_segment *s, uint64_t seq,
    struct sp_segment_item *out, struct sp_err *err)
{
	uint32_t key;

	return (find(s, seq, out, &key, err));
}

/* Read and decompress frame ${i} into s->data, unless it is there. */
static enum sp_code
load_frame(struct sp_segment *s, size_t i, struct sp_err *err)
{
	const struct sp_frames *f = &s->frames;
	uint64_t clen = f->coff[i + 1] - f->coff[i];
	size_t ulen = (size_t)(f->uoff[i + 1] - f->uoff[i]), n;
	enum sp_code rc;
	char *p;

	if (s->cached == i)
		return (SP_OK);
	s->cached = NO_FRAME;
	if (clen > s->in.max)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "segment %s: frame %zu: impossible length", s->path, i));
	rc = read_into(s, &s->in, clen, f->coff[i], err);
	if (rc != SP_OK)
		return (rc);
	/* What the frame itself says, before memory is spent on its size. */
	if (ZSTD_getFrameContentSize(s->in.p, s->in.n) != ulen)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "segment %s: frame %zu: its length is not the one in the seek table",
		    s->path, i));
	sp_buf_clear(&s->data);
	p = sp_buf_reserve(&s->data, ulen);
	if (p == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "segment %s: no memory for a frame of %zu bytes", s->path,
		    ulen));
	n = ZSTD_decompressDCtx(s->dctx, p, ulen, s->in.p, s->in.n);
	if (ZSTD_isError(n) || n != ulen)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "segment %s: frame %zu is damaged: %s", s->path, i,
		    ZSTD_isError(n) ? ZSTD_getErrorName(n) : "wrong length"));
	s->data.n = ulen;
	s->cached = i;
	return (SP_OK);
}

/* The frame in which the byte ${at} of the tar lies. */
static size_t
frame_of(const struct sp_segment *s, uint64_t at)
{
	const struct sp_frames *f = &s->frames;
	size_t lo = 0, hi = f->n;

	assert(at < f->uoff[f->n]);
	if (s->cached != NO_FRAME && at >= f->uoff[s->cached] &&
	    at < f->uoff[s->cached + 1])
		return (s->cached);
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->uoff[mid] <= at)
			lo = mid;
		else
			hi = mid;
	}
	return (lo);
}

/* Append the ${len} bytes at ${at} of the tar to ${out}; sp_toc_load has
 * checked that they are inside. */
static enum sp_code
read_range(struct sp_segment *s, uint64_t at, uint64_t len, struct sp_buf *out,
    struct sp_err *err)
{
	if (len > out->max)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "segment %s: %" PRIu64 " bytes where at most %zu are taken",
		    s->path, len, out->max));
	while (len > 0) {
		size_t i = frame_of(s, at), off, n;
		enum sp_code rc = load_frame(s, i, err);

		if (rc != SP_OK)
			return (rc);
		off = (size_t)(at - s->frames.uoff[i]);
		n = s->data.n - off;
		if (n > len)
			n = (size_t)len;
		if (sp_buf_add(out, s->data.p + off, n) != SP_OK)
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "segment %s: no memory", s->path));
		at += n;
		len -= n;
	}
	return (SP_OK);
}

/* That the tar header before the payload at ${at}, in the same frame, has the
 * name of this entry: a wrong table of contents must not pass one member off as
 * another. */
static enum sp_code
check_header(struct sp_segment *s, uint64_t seq, const char *suffix,
    uint64_t at, struct sp_err *err)
{
	char name[64];
	size_t i = frame_of(s, at - 1), off;
	enum sp_code rc = load_frame(s, i, err);

	if (rc != SP_OK)
		return (rc);
	off = (size_t)(at - SP_TAR_BLOCK - s->frames.uoff[i]);
	(void)snprintf(name, sizeof(name), "%012" PRIu64 "%s", seq, suffix);
	if (memcmp(s->data.p + off, name, strlen(name) + 1) != 0 ||
	    memcmp(s->data.p + off + 257, "ustar", 5) != 0)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "segment %s: frame %zu: %s is not where the table of contents says",
		    s->path, i, name));
	return (SP_OK);
}

/* Read one payload of entry ${seq} into ${out}, which is cleared first. */
static enum sp_code
read_payload(struct sp_segment *s, uint64_t seq, const char *suffix,
    uint64_t at, uint64_t len, struct sp_buf *out, struct sp_err *err)
{
	enum sp_code rc;

	sp_buf_clear(out);
	rc = check_header(s, seq, suffix, at, err);
	return (rc == SP_OK ? read_range(s, at, len, out, err) : rc);
}

/* An encrypted entry is refused: this version knows no keys. */
enum sp_code
sp_segment_read(struct sp_segment *s, uint64_t seq, struct sp_buf *record,
    struct sp_buf *msg, struct sp_err *err)
{
	struct sp_segment_item it;
	uint32_t key;
	enum sp_code rc = find(s, seq, &it, &key, err);

	if (rc == SP_OK && key != 0)
		rc = sp_err_set(err, SP_EVERSION, 0,
		    "segment %s: entry %" PRIu64 " is encrypted (key %" PRIu32
		    "), which this program cannot read; use a newer one",
		    s->path, seq, key);
	if (rc != SP_OK)
		return (rc);
	if (record != NULL) {
		sp_buf_clear(record);
		if (it.has_record)
			rc = read_payload(s, seq, ".json", it.record_at,
			    it.record_len, record, err);
	}
	if (rc == SP_OK && msg != NULL) {
		sp_buf_clear(msg);
		if (it.has_message)
			rc = read_payload(
			    s, seq, ".eml", it.msg_at, it.msg_len, msg, err);
	}
	return (rc);
}

enum sp_code
sp_segment_lines(struct sp_segment *s, struct sp_buf *out, struct sp_err *err)
{
	sp_buf_clear(out);
	return (read_range(s, s->toc.lines_at, s->toc.lines_len, out, err));
}
