/*
 * Recovery of the newest intake file when a writer opens the log; the caller
 * (intake.c) holds state/receive.lock.  All batches are walked and every byte
 * is checked.  What lies behind the last whole batch is a torn tail (kept
 * beside, then cut) or damage (reported, and nothing is changed).  What is
 * whole is made durable again, and marked.  Rules: doc/format-intake.md,
 * "Recovery".
 *
 *   whole batches | not whole: a tail that a power cut tore, or damage
 *                 ^ off
 *
 * Recovery of a recovered file changes nothing, so it may be interrupted
 * anywhere.
 */
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/io.h"
#include "base/record.h"
#include "journal/log/intake_priv.h"

#define TORN_MAX  1000 /* torn tails kept beside one file */
#define FILE_MODE 0640

/* The walk over the file; at its end, where the whole batches end. */
struct recovery {
	/* the file */
	int fd;
	const uint8_t *id;
	uint64_t size; /* bytes */
	/* the next batch */
	uint64_t off;
	uint64_t number;
	uint64_t seq; /* of its first entry */
	/* what was seen: offsets and lengths, 0: none */
	uint64_t data, data_end; /* the last batch with entries */
	uint64_t first_rec, first_len; /* record of the first entry */
	uint64_t last_rec, last_len; /* record of the last one */
	uint8_t *piece; /* memory for SP_INTAKE_PIECE bytes */
};

/* Continue ${crc} over ${n} bytes at ${off}; *whole is false where the file
 * ends before them. */
static enum sp_code
crc_of(struct recovery *w, uint64_t off, uint64_t n, uint32_t *crc, bool *whole,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	*whole = true;
	while (n > 0 && rc == SP_OK && *whole) {
		size_t want = n < SP_INTAKE_PIECE ? (size_t)n : SP_INTAKE_PIECE;
		size_t got = 0;

		rc = sp_io_pread(w->fd, w->piece, want, off, &got, err);
		*whole = got == want;
		*crc = sp_crc32c(*crc, w->piece, got);
		off += want;
		n -= want;
	}
	return (rc);
}

/* Check one entry at ${off} of a batch that has ${left} bytes from there on.
 * *whole is false unless it fits and both its checksums match; ${len} gets its
 * bytes. */
static enum sp_code
check_entry(struct recovery *w, uint64_t off, uint64_t left, uint64_t *len,
    bool *whole, struct sp_err *err)
{
	uint8_t p[SP_INTAKE_FRAME_LEN];
	struct sp_intake_frame f;
	uint32_t rec_crc, msg_crc = 0;
	enum sp_code rc;
	size_t got;

	*whole = false;
	if (left < sizeof(p))
		return (SP_OK);
	rc = sp_io_pread(w->fd, p, sizeof(p), off, &got, err);
	if (rc != SP_OK || got != sizeof(p) ||
	    !sp_intake_frame_parse(p, left, &f))
		return (rc);
	off += sizeof(p);
	rec_crc = sp_intake_frame_crc(&f);
	rc = crc_of(w, off, f.record_len, &rec_crc, whole, err);
	if (rc != SP_OK || !*whole)
		return (rc);
	rc = crc_of(w, off + f.record_len, f.msg_len, &msg_crc, whole, err);
	if (rc != SP_OK || !*whole)
		return (rc);
	*whole = rec_crc == f.record_crc && msg_crc == f.msg_crc;
	*len = sizeof(p) + f.record_len + f.msg_len;
	if (*whole) {
		w->last_rec = off;
		w->last_len = f.record_len;
	}
	return (SP_OK);
}

/* Check the entries of a batch that was read into ${p} with one call; ${off} is
 * where they lie in the file.  Most batches have a few KiB, and a read for each
 * part would make a start with a full log slow. */
static bool
check_small(struct recovery *w, const uint8_t *p, uint64_t off,
    const struct sp_intake_batch *b)
{
	const uint8_t *at = p, *end = p + b->length;

	for (uint32_t i = 0; i < b->count; i++) {
		struct sp_intake_frame f;
		uint32_t crc;

		if (end - at < SP_INTAKE_FRAME_LEN ||
		    !sp_intake_frame_parse(at, (uint64_t)(end - at), &f))
			return (false);
		at += SP_INTAKE_FRAME_LEN;
		crc = sp_crc32c(sp_intake_frame_crc(&f), at, f.record_len);
		w->last_rec = off + (uint64_t)(at - p);
		w->last_len = f.record_len;
		at += f.record_len;
		if (crc != f.record_crc ||
		    sp_crc32c(0, at, (size_t)f.msg_len) != f.msg_crc)
			return (false);
		at += f.msg_len;
		if (w->first_rec == 0) {
			w->first_rec = w->last_rec;
			w->first_len = w->last_len;
		}
	}
	return (at == end);
}

/* Check the entries of a batch that is larger than SP_INTAKE_PIECE, from the
 * file. */
static enum sp_code
check_large(struct recovery *w, uint64_t off, const struct sp_intake_batch *b,
    bool *whole, struct sp_err *err)
{
	const uint64_t end = off + b->length;
	enum sp_code rc = SP_OK;

	*whole = true;
	for (uint32_t i = 0; i < b->count && rc == SP_OK && *whole; i++) {
		uint64_t len = 0;

		rc = check_entry(w, off, end - off, &len, whole, err);
		off += len;
		if (w->first_rec == 0) {
			w->first_rec = w->last_rec;
			w->first_len = w->last_len;
		}
	}
	*whole = *whole && off == end;
	return (rc);
}

/* Check all entries of the batch at w->off, whose header is ${b}.  *whole is
 * false where the file ends inside it, a checksum does not match, or entries do
 * not fill it exactly. */
static enum sp_code
check_batch(struct recovery *w, const struct sp_intake_batch *b, bool *whole,
    struct sp_err *err)
{
	const uint64_t off = w->off + SP_INTAKE_BATCH_LEN;
	enum sp_code rc;
	size_t got;

	*whole = b->length <= w->size - off;
	if (b->length == 0 || !*whole)
		return (SP_OK);
	if (b->length > SP_INTAKE_PIECE)
		return (check_large(w, off, b, whole, err));
	rc = sp_io_pread(w->fd, w->piece, (size_t)b->length, off, &got, err);
	if (rc == SP_OK)
		*whole = got == b->length && check_small(w, w->piece, off, b);
	return (rc);
}

/* SP_EFORMAT for the batch at w->off; ${what} says what is wrong with it. */
static enum sp_code
damaged(const char *name, const struct recovery *w, const char *what,
    struct sp_err *err)
{
	return (sp_err_set(err, SP_EFORMAT, 0,
	    "intake/%s is damaged in batch %" PRIu64 " at offset %" PRIu64
	    " (%s), before bytes that prove it was durable; nothing was changed: run `sealpost verify` and restore the file from a copy",
	    name, w->number, w->off, what));
}

/* Walk over all whole batches; SP_OK at the end of the file or before a torn
 * tail, SP_EFORMAT at damage.  What the walk saw is then of whole batches
 * alone. */
static enum sp_code
check_batches(struct recovery *w, const char *name, struct sp_err *err)
{
	while (w->off < w->size) {
		const uint64_t first = w->first_rec, len = w->first_len;
		const uint64_t last = w->last_rec, last_len = w->last_len;
		struct sp_intake_batch b;
		enum sp_intake_tail tail;
		uint64_t where = 0;
		bool valid, whole = false;
		enum sp_code rc;

		rc = sp_intake_probe(w->fd, w->id, w->off, &b, &valid, err);
		if (rc != SP_OK)
			return (rc);
		if (valid && (b.number != w->number || b.first != w->seq))
			return (damaged(name, w, "out of order", err));
		if (valid)
			rc = check_batch(w, &b, &whole, err);
		if (rc != SP_OK)
			return (rc);
		if (!whole) {
			w->first_rec = first;
			w->first_len = len;
			w->last_rec = last;
			w->last_len = last_len;
			rc = sp_intake_tail(w->fd, w->id, w->off, w->number,
			    valid ? &b : NULL, &tail, &where, err);
			if (rc != SP_OK || tail == SP_INTAKE_TAIL_OPEN)
				return (rc);
			return (damaged(name, w,
			    valid ? "checksum mismatch" : "no batch header",
			    err));
		}
		if (b.count > 0)
			w->data = w->off;
		w->off += SP_INTAKE_BATCH_LEN + b.length;
		if (b.count > 0)
			w->data_end = w->off;
		w->number++;
		w->seq += b.count;
	}
	return (SP_OK);
}

/* ---- the torn tail ---------------------------------------------------- */

/* Whether the file ${path} holds exactly the torn tail: then an interrupted run
 * saved it already. */
static enum sp_code
same_tail(struct recovery *w, const char *path, bool *same, struct sp_err *err)
{
	uint8_t *other = sp_xmalloc(SP_INTAKE_PIECE);
	uint64_t off = w->off, size = 0;
	enum sp_code rc;
	int fd = -1;

	rc = sp_io_open(path, O_RDONLY, 0, &fd, err);
	if (rc == SP_OK)
		rc = sp_io_size(fd, &size, err);
	*same = size == w->size - w->off;
	while (rc == SP_OK && *same && off < w->size) {
		size_t a = 0, b = 0;

		rc =
		    sp_io_pread(w->fd, w->piece, SP_INTAKE_PIECE, off, &a, err);
		if (rc == SP_OK)
			rc = sp_io_pread(
			    fd, other, SP_INTAKE_PIECE, off - w->off, &b, err);
		*same = a > 0 && a == b && memcmp(w->piece, other, a) == 0;
		off += a;
	}
	(void)sp_io_close(fd, NULL);
	free(other);
	return (rc);
}

/* Copy the bytes [from, to) of the intake file to offset ${at} of ${out}. */
static enum sp_code
copy_range(struct recovery *w, int out, uint64_t from, uint64_t to, uint64_t at,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && from < to) {
		size_t want = to - from < SP_INTAKE_PIECE ? (size_t)(to - from)
							  : SP_INTAKE_PIECE;
		size_t got = 0;

		rc = sp_io_pread(w->fd, w->piece, want, from, &got, err);
		if (rc == SP_OK && got != want)
			rc = sp_err_set(err, SP_EIO, 0,
			    "the intake file became shorter while it was read");
		if (rc == SP_OK)
			rc = sp_io_pwrite(out, w->piece, want, at, err);
		from += want;
		at += want;
	}
	return (rc);
}

/* Write the torn tail to ${path}, durably. */
static enum sp_code
write_torn(
    const char *dir, struct recovery *w, const char *path, struct sp_err *err)
{
	char *folder = sp_intake_path(dir, "");
	char *tmp = sp_xasprintf("%s.new", path);
	enum sp_code rc;
	int fd = -1;

	rc = sp_io_open(tmp, O_RDWR | O_CREAT | O_TRUNC, FILE_MODE, &fd, err);
	if (rc == SP_OK)
		rc = copy_range(w, fd, w->off, w->size, 0, err);
	if (rc == SP_OK)
		rc = sp_io_fsync(fd, err);
	if (rc == SP_OK)
		rc = sp_io_close(fd, err);
	else
		(void)sp_io_close(fd, NULL);
	if (rc == SP_OK)
		rc = sp_io_rename(tmp, path, err);
	if (rc == SP_OK)
		rc = sp_io_syncdir(folder, err);
	free(tmp);
	free(folder);
	return (rc);
}

/* Save the torn tail beside the file, durably and never over another one, and
 * say in ${found} where.  SP_ELIMIT: TORN_MAX of them lie there already. */
static enum sp_code
save_tail(const char *dir, const char *name, struct recovery *w,
    struct sp_intake_found *found, struct sp_err *err)
{
	char *path = NULL;
	enum sp_code rc = SP_OK;
	bool kept = false;

	for (int i = 0; i < TORN_MAX && rc == SP_OK && !kept; i++) {
		char torn[96];

		(void)snprintf(torn, sizeof(torn),
		    i == 0 ? "%s.torn" : "%s.torn.%d", name, i);
		free(path);
		path = sp_intake_path(dir, torn);
		if (sp_io_exists(path)) {
			rc = same_tail(w, path, &kept, err);
			continue;
		}
		rc = write_torn(dir, w, path, err);
		kept = rc == SP_OK;
	}
	if (rc == SP_OK && !kept)
		rc = sp_err_set(err, SP_ELIMIT, 0,
		    "more than %d torn tails lie beside intake/%s; look into them and move them away",
		    TORN_MAX, name);
	if (rc == SP_OK) {
		found->cut_bytes = w->size - w->off;
		(void)snprintf(
		    found->cut_path, sizeof(found->cut_path), "%s", path);
	}
	free(path);
	return (rc);
}

/* ---- what is whole ---------------------------------------------------- */

/*
 * Cut what is not whole, sync what is, and mark it; ${e} is where the file goes
 * on.  The last batch was perhaps never synced, or its sync failed and left
 * pages in memory that look clean: writing its bytes again makes the sync a
 * true one.
 */
static enum sp_code
make_durable(struct recovery *w, struct sp_intake_end *e, struct sp_err *err)
{
	/* No mark behind the last batch: nothing says that it was synced. */
	const bool unproven = w->data > 0 && w->off == w->data_end;
	enum sp_code rc = SP_OK;

	if (unproven)
		rc = copy_range(w, w->fd, w->data, w->data_end, w->data, err);
	if (rc == SP_OK && w->off < w->size)
		rc = sp_io_ftruncate(w->fd, w->off, err);
	if (rc == SP_OK)
		rc = sp_io_fsync(w->fd, err);
	e->end = w->off;
	e->number = w->number;
	/* Without the mark the file cannot go on, but the start can: the disk
	 * may be full. */
	if (rc == SP_OK && unproven &&
	    sp_intake_mark(w->fd, w->id, e, w->seq) != SP_OK)
		e->closed = true;
	return (rc);
}

/* The time of the entry whose record has ${len} bytes at ${off}; 0 if ${off} is
 * 0, as there is none.  SP_EFORMAT: it is no record. */
static enum sp_code
read_received(struct recovery *w, const char *name, uint64_t off, uint64_t len,
    int64_t *us, struct sp_err *err)
{
	struct sp_record r;
	enum sp_code rc;
	char *p;
	size_t got;

	*us = 0;
	if (off == 0)
		return (SP_OK);
	p = sp_xmalloc((size_t)len);
	rc = sp_io_pread(w->fd, p, (size_t)len, off, &got, err);
	if (rc == SP_OK)
		rc = sp_record_parse(sp_view_mem(p, got), &r, err);
	free(p);
	if (rc != SP_OK) {
		(void)sp_err_prefix(
		    err, "intake/%s at offset %" PRIu64, name, off);
		return (rc);
	}
	*us = r.received;
	sp_record_done(&r);
	return (SP_OK);
}

/* Whether the tail is the beginning of the very mark that will be written
 * there next.  It need not be saved, so that a start on a full disk needs no
 * space. */
static enum sp_code
is_part_of_mark(struct recovery *w, bool *is, struct sp_err *err)
{
	const struct sp_intake_batch mark = { .number = w->number,
		.first = w->seq };
	uint8_t p[SP_INTAKE_BATCH_LEN], q[SP_INTAKE_BATCH_LEN];
	enum sp_code rc;
	size_t got;

	*is = false;
	if (w->size - w->off >= sizeof(p))
		return (SP_OK);
	sp_intake_batch_format(&mark, w->id, p);
	rc = sp_io_pread(w->fd, q, sizeof(q), w->off, &got, err);
	*is = rc == SP_OK && memcmp(p, q, got) == 0;
	return (rc);
}

/* Nothing is changed before the whole file was checked. */
enum sp_code
sp_intake_recover(const char *dir, const char *name, int fd,
    const struct sp_intake_head *h, struct sp_intake_end *end,
    struct sp_intake_found *found, struct sp_err *err)
{
	struct recovery w = {
		.fd = fd, .id = h->id, .off = h->length, .seq = h->first
	};
	struct sp_intake_end e = { 0 };
	bool nothing = false;
	enum sp_code rc;

	w.piece = sp_xmalloc(SP_INTAKE_PIECE);
	rc = sp_io_size(fd, &w.size, err);
	if (rc == SP_OK)
		rc = check_batches(&w, name, err);
	if (rc == SP_OK)
		rc = read_received(
		    &w, name, w.first_rec, w.first_len, &e.first_received, err);
	if (rc == SP_OK)
		rc = read_received(
		    &w, name, w.last_rec, w.last_len, &e.last_received, err);
	if (rc == SP_OK)
		rc = is_part_of_mark(&w, &nothing, err);
	if (rc == SP_OK && w.off < w.size && !nothing)
		rc = save_tail(dir, name, &w, found, err);
	if (rc == SP_OK)
		rc = make_durable(&w, &e, err);
	if (rc == SP_OK) {
		e.synced = w.data > 0 ? w.data_end : h->length;
		e.next_seq = w.seq;
		*end = e;
	}
	free(w.piece);
	return (rc);
}
