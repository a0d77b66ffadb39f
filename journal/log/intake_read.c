/*
 * A reader of one intake file that needs no lock: it sees only entries that are
 * proven durable, also while the writer goes on in the file
 * (doc/format-intake.md, "Reading").
 *
 * In a finished file the proof is the length that the successor states.  In the
 * newest file it is a valid batch header behind the batch:
 *
 *   batch header, entries | batch header (or a mark)
 *         ^ read again            ^ seen first
 *
 * A batch that failed may be replaced by another in the same place, so the
 * batch's own header is read once more after the one behind it was seen.
 */
#include "journal/log/intake_read.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/record.h"
#include "journal/log/intake_priv.h"

#define POINT_BYTES (1u << 20) /* file bytes between two places to seek from */

/* Where a batch begins: offset, number of the batch, seq of its first entry. */
struct batch_pos {
	uint64_t off, number, seq;
};

/*
 * Bytes are read into the window only after a header behind them proved them
 * durable: before that the writer may cut them off and write others.
 */
struct sp_intake_file {
	int fd;
	char *name; /* intake/NAME, for messages */
	struct sp_intake_head head;
	uint64_t limit;
	uint64_t covered; /* entries that a tree proves durable */
	/* the current batch */
	uint64_t pos, end; /* of the next entry; of the batch */
	uint32_t left; /* entries in [pos, end) */
	struct batch_pos next; /* the batch behind it */
	/* window: bytes of the file, for small reads */
	uint8_t *win;
	uint64_t win_off;
	size_t win_len;
	/* places to seek from, ascending */
	struct batch_pos *points;
	size_t npoints, points_cap;
};

/* ---- opening ---------------------------------------------------------- */

/* The file's name for messages, below the archive.  The caller frees it. */
static char *
short_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (sp_xasprintf("intake/%s", slash == NULL ? path : slash + 1));
}

/* A limit inside the file header would mean a header that was never whole,
 * which no writer leaves. */
enum sp_code
sp_intake_file_open(const char *path, uint64_t limit,
    struct sp_intake_file **out, struct sp_err *err)
{
	struct sp_intake_file *f = sp_xcalloc(1, sizeof(*f));
	enum sp_code rc;

	f->fd = -1;
	f->limit = limit;
	f->name = short_name(path);
	f->win = sp_xmalloc(SP_INTAKE_PIECE);
	rc = sp_io_open(path, O_RDONLY, 0, &f->fd, err);
	if (rc != SP_OK)
		goto out;
	rc = sp_intake_head_read(f->fd, &f->head, err);
	if (rc == SP_OK && limit < f->head.length)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "its successor counts %" PRIu64
		    " bytes of it, less than its header",
		    limit);
	if (rc != SP_OK) {
		(void)sp_err_prefix(err, "%s", f->name);
		goto out;
	}
	f->next.off = f->head.length;
	f->next.seq = f->head.first;
out:
	if (rc == SP_OK)
		*out = f;
	else
		sp_intake_file_close(f);
	return (rc);
}

const struct sp_intake_head *
sp_intake_file_head(const struct sp_intake_file *f)
{
	return (&f->head);
}

void
sp_intake_file_cover(struct sp_intake_file *f, uint64_t entries)
{
	f->covered = entries;
}

void
sp_intake_file_close(struct sp_intake_file *f)
{
	if (f == NULL)
		return;
	(void)sp_io_close(f->fd, NULL);
	free(f->points);
	free(f->win);
	free(f->name);
	free(f);
}

/* SP_EFORMAT for batch ${number}, with what is wrong at ${off}. */
static enum sp_code
damaged(const struct sp_intake_file *f, uint64_t number, uint64_t off,
    const char *what, struct sp_err *err)
{
	return (sp_err_set(err, SP_EFORMAT, 0,
	    "%s is damaged in batch %" PRIu64 " at offset %" PRIu64 ": %s",
	    f->name, number, off, what));
}

/* ---- proven bytes ----------------------------------------------------- */

/* Read ${n} bytes at ${off}, all of them before ${end}, up to which the file
 * is proven.  Small reads go through the window.  SP_EFORMAT: the file is
 * shorter. */
static enum sp_code
read_proven(struct sp_intake_file *f, void *p, size_t n, uint64_t off,
    uint64_t end, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	size_t got = n;

	assert(off + n <= end);
	if (n > SP_INTAKE_PIECE / 2) {
		rc = sp_io_pread(f->fd, p, n, off, &got, err);
	} else {
		if (off < f->win_off || off + n > f->win_off + f->win_len) {
			size_t want = end - off < SP_INTAKE_PIECE
					  ? (size_t)(end - off)
					  : SP_INTAKE_PIECE;

			f->win_len = 0;
			rc = sp_io_pread(f->fd, f->win, want, off, &got, err);
			if (rc == SP_OK) {
				f->win_off = off;
				f->win_len = got;
			}
		}
		if (rc == SP_OK && got >= n)
			memcpy(p, f->win + (off - f->win_off), n);
	}
	if (rc == SP_OK && got < n)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s ends at %" PRIu64 ", in the middle of an entry",
		    f->name, off + got);
	return (rc);
}

/* ---- batches ---------------------------------------------------------- */

/* Whether a header has the number and seq that follow from the batches
 * before. */
static bool
expected(const struct sp_intake_batch *b, const struct batch_pos *at)
{
	return (b->number == at->number && b->first == at->seq);
}

/* Whether two headers read from one place are the same. */
static bool
same_batch(const struct sp_intake_batch *a, const struct sp_intake_batch *b)
{
	return (a->number == b->number && a->first == b->first &&
		a->count == b->count && a->length == b->length);
}

/* Where the batch behind ${b}, which lies at ${at}, begins. */
static struct batch_pos
pos_after(const struct batch_pos *at, const struct sp_intake_batch *b)
{
	return ((struct batch_pos){
	    .off = at->off + SP_INTAKE_BATCH_LEN + b->length,
	    .number = at->number + 1,
	    .seq = at->seq + b->count,
	});
}

/* There is no valid header at ${at} in the newest file: SP_EEND if that is its
 * end for now, SP_EFORMAT if it is damage. */
static enum sp_code
no_header(
    struct sp_intake_file *f, const struct batch_pos *at, struct sp_err *err)
{
	enum sp_intake_tail tail;
	struct sp_intake_batch b;
	uint64_t where, size;
	enum sp_code rc;
	bool valid;

	rc = sp_io_size(f->fd, &size, err);
	if (rc != SP_OK)
		return (rc);
	if (size < at->off + SP_INTAKE_BATCH_LEN)
		return (SP_EEND);
	rc = sp_intake_tail(
	    f->fd, f->head.id, at->off, at->number, NULL, &tail, &where, err);
	if (rc != SP_OK)
		return (rc);
	if (tail == SP_INTAKE_TAIL_OPEN)
		return (SP_EEND);
	/* The writer may have gone on while we scanned: look once more. */
	rc = sp_intake_probe(f->fd, f->head.id, at->off, &b, &valid, err);
	if (rc != SP_OK)
		return (rc);
	if (valid)
		return (SP_EEND);
	return (damaged(f, at->number, at->off, "no batch header", err));
}

/* SP_OK if the file has all bytes before ${then}; else there is no such batch
 * (SP_EEND). */
static enum sp_code
whole(
    struct sp_intake_file *f, const struct batch_pos *then, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t size;

	rc = sp_io_size(f->fd, &size, err);
	if (rc != SP_OK)
		return (rc);
	return (size >= then->off ? SP_OK : SP_EEND);
}

/* SP_OK if a header behind ${b}, the batch at f->next of the newest file,
 * proves it durable; SP_EEND if none does yet. */
static enum sp_code
check_proven(struct sp_intake_file *f, const struct sp_intake_batch *b,
    struct sp_err *err)
{
	const struct batch_pos then = pos_after(&f->next, b);
	struct sp_intake_batch behind, again;
	enum sp_code rc;
	bool valid;

	rc = sp_intake_probe(f->fd, f->head.id, then.off, &behind, &valid, err);
	if (rc != SP_OK)
		return (rc);
	if (!valid && then.seq <= f->covered)
		return (whole(f, &then, err));
	if (!valid)
		return (no_header(f, &then, err));
	/* Another batch may be in the place of one that failed. */
	rc = sp_intake_probe(
	    f->fd, f->head.id, f->next.off, &again, &valid, err);
	if (rc != SP_OK)
		return (rc);
	if (!valid || !same_batch(b, &again))
		return (SP_EEND);
	if (!expected(&behind, &then))
		return (damaged(f, then.number, then.off, "out of order", err));
	return (SP_OK);
}

/* Keep ${at} as a place to seek from, unless one is near. */
static void
remember_pos(struct sp_intake_file *f, const struct batch_pos *at)
{
	if (f->npoints > 0 &&
	    at->off < f->points[f->npoints - 1].off + POINT_BYTES)
		return;
	if (f->npoints == f->points_cap) {
		f->points_cap = f->points_cap == 0 ? 16 : f->points_cap * 2;
		f->points =
		    sp_xrealloc(f->points, f->points_cap * sizeof(*f->points));
	}
	f->points[f->npoints++] = *at;
}

/* Read the header of the next batch.  SP_EEND: there is none (yet). */
static enum sp_code
next_header(
    struct sp_intake_file *f, struct sp_intake_batch *b, struct sp_err *err)
{
	uint8_t p[SP_INTAKE_BATCH_LEN];
	enum sp_code rc;
	bool valid;

	if (f->limit == UINT64_MAX) {
		rc = sp_intake_probe(
		    f->fd, f->head.id, f->next.off, b, &valid, err);
		if (rc == SP_OK && !valid)
			rc = no_header(f, &f->next, err);
		if (rc != SP_OK)
			return (rc);
	} else {
		if (f->next.off >= f->limit)
			return (SP_EEND);
		if (f->limit - f->next.off < sizeof(p))
			return (damaged(f, f->next.number, f->next.off,
			    "no batch ends where the successor says", err));
		rc = read_proven(f, p, sizeof(p), f->next.off, f->limit, err);
		if (rc != SP_OK)
			return (rc);
		if (!sp_intake_batch_parse(p, f->head.id, b))
			return (damaged(f, f->next.number, f->next.off,
			    "no batch header", err));
	}
	if (!expected(b, &f->next))
		return (damaged(
		    f, f->next.number, f->next.off, "out of order", err));
	return (SP_OK);
}

/* Step to the next batch that has entries.  SP_EEND: there is none (yet). */
static enum sp_code
next_batch(
    struct sp_intake_file *f, struct sp_intake_batch *b, struct sp_err *err)
{
	for (;;) {
		enum sp_code rc = next_header(f, b, err);
		struct batch_pos then;

		if (rc != SP_OK)
			return (rc);
		then = pos_after(&f->next, b);
		if (f->limit != UINT64_MAX && then.off > f->limit)
			return (damaged(f, f->next.number, f->next.off,
			    "goes beyond what the successor says", err));
		if (f->limit == UINT64_MAX && b->count > 0)
			rc = check_proven(f, b, err);
		if (rc != SP_OK)
			return (rc);
		if (b->count > 0) {
			remember_pos(f, &f->next);
			f->pos = f->next.off + SP_INTAKE_BATCH_LEN;
			f->end = then.off;
			f->left = b->count;
			f->next = then;
			return (SP_OK);
		}
		f->next = then;
	}
}

/* ---- entries ---------------------------------------------------------- */

/* The entry header is all that is read; f->left counts down in the batch. */
enum sp_code
sp_intake_file_next(
    struct sp_intake_file *f, struct sp_intake_item *item, struct sp_err *err)
{
	uint8_t p[SP_INTAKE_FRAME_LEN];
	struct sp_intake_frame fr;
	struct sp_intake_batch b;
	enum sp_code rc = SP_OK;
	uint64_t len;

	if (f->left == 0)
		rc = next_batch(f, &b, err);
	if (rc != SP_OK)
		return (rc);
	if (f->end - f->pos < sizeof(p))
		return (damaged(f, f->next.number - 1, f->pos,
		    "entries are longer than their batch", err));
	rc = read_proven(f, p, sizeof(p), f->pos, f->end, err);
	if (rc != SP_OK)
		return (rc);
	if (!sp_intake_frame_parse(p, f->end - f->pos, &fr))
		return (damaged(
		    f, f->next.number - 1, f->pos, "bad entry header", err));
	len = sizeof(p) + fr.record_len + fr.msg_len;
	if (f->left == 1 && f->pos + len != f->end)
		return (damaged(f, f->next.number - 1, f->pos,
		    "entries are shorter than their batch", err));
	*item = (struct sp_intake_item){
		.seq = f->next.seq - f->left,
		.batch = f->next.number - 1,
		.record_off = f->pos + sizeof(p),
		.record_len = fr.record_len,
		.has_message = fr.has_message,
		.msg_off = f->pos + sizeof(p) + fr.record_len,
		.msg_len = fr.msg_len,
		.record_crc = fr.record_crc,
		.msg_crc = fr.msg_crc,
	};
	f->pos += len;
	f->left--;
	return (SP_OK);
}

/* Read ${n} bytes at ${off}, which are proven, into ${b}, which is cleared
 * first. */
static enum sp_code
read_range(struct sp_intake_file *f, struct sp_buf *b, uint64_t off, uint64_t n,
    const char *what, uint64_t seq, struct sp_err *err)
{
	enum sp_code rc;
	char *p;

	sp_buf_clear(b);
	if (n == 0)
		return (SP_OK);
	p = n > SIZE_MAX ? NULL : sp_buf_reserve(b, (size_t)n);
	if (p == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%s: the %s of entry %" PRIu64 " has %" PRIu64
		    " bytes, more than can be held here",
		    f->name, what, seq, n));
	rc = read_proven(f, p, (size_t)n, off, off + n, err);
	if (rc == SP_OK)
		b->n = (size_t)n;
	return (rc);
}

/* SP_EFORMAT for a checksum: ${what} is "record" or "message". */
static enum sp_code
bad_bytes(const struct sp_intake_file *f, const struct sp_intake_item *item,
    const char *what, uint64_t off, struct sp_err *err)
{
	return (sp_err_set(err, SP_EFORMAT, 0,
	    "%s is damaged in batch %" PRIu64 " at offset %" PRIu64
	    ": the %s of entry %" PRIu64 " does not match its checksum",
	    f->name, item->batch, off, what, item->seq));
}

/* The record's checksum begins with the entry header, so that also the header
 * is the one that was written. */
enum sp_code
sp_intake_file_read(struct sp_intake_file *f, const struct sp_intake_item *item,
    struct sp_buf *record, struct sp_buf *msg, struct sp_err *err)
{
	const struct sp_intake_frame fr = {
		.record_len = (uint32_t)item->record_len,
		.msg_len = item->msg_len,
		.has_message = item->has_message,
	};
	uint32_t crc = sp_intake_frame_crc(&fr);
	enum sp_code rc;

	rc = read_range(f, record, item->record_off, item->record_len, "record",
	    item->seq, err);
	if (rc != SP_OK)
		return (rc);
	if (sp_crc32c(crc, record->p, record->n) != item->record_crc)
		return (bad_bytes(f, item, "record",
		    item->record_off - SP_INTAKE_FRAME_LEN, err));
	if (msg == NULL)
		return (SP_OK);
	rc = read_range(
	    f, msg, item->msg_off, item->msg_len, "message", item->seq, err);
	if (rc != SP_OK)
		return (rc);
	if (sp_crc32c(0, msg->p, msg->n) != item->msg_crc)
		return (bad_bytes(f, item, "message", item->msg_off, err));
	return (SP_OK);
}

/* ---- seeking ---------------------------------------------------------- */

/* The last place known at which a batch begins at or before ${seq}. */
static struct batch_pos
nearest(const struct sp_intake_file *f, uint64_t seq)
{
	struct batch_pos at = { .off = f->head.length, .seq = f->head.first };
	size_t lo = 0, hi = f->npoints;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->points[mid].seq <= seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo > 0)
		at = f->points[lo - 1];
	if (f->next.seq <= seq && f->next.off > at.off)
		at = f->next;
	return (at);
}

/* Batches are stepped over until the one with ${seq} is the current one; then
 * entries. */
enum sp_code
sp_intake_file_seek(struct sp_intake_file *f, uint64_t seq, struct sp_err *err)
{
	struct sp_intake_item item;
	struct sp_intake_batch b;
	enum sp_code rc;

	if (seq < f->head.first)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "entry %" PRIu64 " lies before %s", seq, f->name));
	f->next = nearest(f, seq);
	f->left = 0;
	while (f->next.seq <= seq) {
		if (f->next.seq == seq)
			return (SP_OK);
		rc = next_batch(f, &b, err);
		if (rc != SP_OK)
			return (rc);
		if (f->next.seq <= seq)
			f->left = 0;
	}
	/* Inside this batch. */
	while (f->next.seq - f->left < seq) {
		rc = sp_intake_file_next(f, &item, err);
		if (rc != SP_OK)
			return (rc);
	}
	return (SP_OK);
}

/* All entry headers are walked: which entry is the last, only the end tells. */
enum sp_code
sp_intake_last_received(const char *dir, const struct sp_intake_info *i,
    int64_t *us, struct sp_err *err)
{
	char *path = sp_intake_path(dir, i->name);
	struct sp_intake_item item, last;
	struct sp_intake_file *f = NULL;
	struct sp_record r;
	struct sp_buf record;
	enum sp_code rc;
	bool any = false;

	sp_buf_init(&record, SP_RECORD_MAX);
	rc = sp_intake_file_open(path, i->limit, &f, err);
	while (rc == SP_OK) {
		rc = sp_intake_file_next(f, &item, err);
		if (rc == SP_OK) {
			last = item;
			any = true;
		}
	}
	if (rc != SP_EEND)
		goto out;
	rc = SP_OK;
	if (!any)
		goto out;
	rc = sp_intake_file_read(f, &last, &record, NULL, err);
	if (rc == SP_OK)
		rc = sp_record_parse(sp_buf_view(&record), &r, err);
	if (rc == SP_OK) {
		*us = r.received;
		sp_record_done(&r);
	}
out:
	sp_buf_done(&record);
	sp_intake_file_close(f);
	free(path);
	return (rc);
}
