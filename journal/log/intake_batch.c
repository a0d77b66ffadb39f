/*
 * Writing one batch into an intake file: its header, its entries, and the mark
 * that goes behind it once it is durable.  intake.c decides where, syncs, and
 * undoes a batch that failed.  Format: doc/format-intake.md, "Batches" and
 * "Entries".
 *
 * Records and messages that lie in memory are gathered and written with as few
 * calls as possible; a message that lies in a file is copied in pieces.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/io.h"
#include "base/record.h"
#include "journal/log/intake_priv.h"

#define KEEP_MAX 4096 /* entries whose arrays are kept between batches */

/* A batch being written.  Pieces of memory are gathered until they are written
 * with one call, at ${from}. */
struct gather {
	struct sp_intake_writer *w;
	int fd;
	size_t n; /* pieces gathered */
	uint64_t from; /* where the first of them goes */
	uint64_t to; /* where the next piece goes */
};

static void
free_arrays(struct sp_intake_writer *w)
{
	free(w->iov);
	free(w->frames);
	w->iov = NULL;
	w->frames = NULL;
	w->cap = 0;
}

void
sp_intake_writer_done(struct sp_intake_writer *w)
{
	free_arrays(w);
	free(w->piece);
	w->piece = NULL;
}

/* Make room for ${n} entries: a batch header, and header, record and message of
 * each. */
static void
make_room(struct sp_intake_writer *w, size_t n)
{
	if (n <= w->cap)
		return;
	w->iov = sp_xrealloc(w->iov, (1 + 3 * n) * sizeof(*w->iov));
	w->frames = sp_xrealloc(w->frames, n * SP_INTAKE_FRAME_LEN);
	w->cap = n;
}

/* Whether the message has to be copied from a file. */
static bool
in_file(const struct sp_intake_entry *e)
{
	return (e->has_message && e->msg.p == NULL && e->msg.n > 0);
}

/* Bytes of one entry in the file.  SP_ELIMIT: record or message is too long. */
static enum sp_code
entry_size(const struct sp_intake_entry *e, uint64_t *size, struct sp_err *err)
{
	if (e->record.n > SP_RECORD_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the record of an entry has %zu bytes, over the limit of %u",
		    e->record.n, SP_RECORD_MAX));
	if (e->msg.n > SP_INTAKE_MSG_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "a message has %zu bytes, over the limit of %" PRIu64,
		    e->msg.n, SP_INTAKE_MSG_MAX));
	*size = SP_INTAKE_FRAME_LEN + e->record.n + e->msg.n;
	return (SP_OK);
}

/* That the numbers are consecutive is the caller's duty, and asserted. */
enum sp_code
sp_intake_batch_size(uint64_t next_seq, const struct sp_intake_entry *e,
    size_t n, uint64_t *length, struct sp_err *err)
{
	uint64_t sum = 0;

	assert(n > 0);
	if (n > SP_INTAKE_COUNT_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "a batch of %zu entries is over the limit of %u", n,
		    SP_INTAKE_COUNT_MAX));
	if (next_seq > SP_SEQ_MAX - n)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the log is full: no %zu sequence numbers after %" PRIu64,
		    n, next_seq));
	for (size_t i = 0; i < n; i++) {
		uint64_t size = 0;
		enum sp_code rc;

		assert(e[i].seq == next_seq + i);
		assert(e[i].has_message || e[i].msg.n == 0);
		rc = entry_size(&e[i], &size, err);
		if (rc != SP_OK)
			return (rc);
		sum += size;
	}
	if (sum > SP_INTAKE_BATCH_BYTES_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "a batch of %" PRIu64 " bytes is over the limit", sum));
	*length = sum;
	return (SP_OK);
}

/* Add ${len} bytes at ${p}, which must stay where they are until they are
 * flushed. */
static void
gather_add(struct gather *g, const void *p, size_t len)
{
	struct iovec *iov = &g->w->iov[g->n];

	if (len == 0)
		return;
	/* iov_base is not const, but nothing is written through it. */
	memcpy(&iov->iov_base, &p, sizeof(p));
	iov->iov_len = len;
	g->n++;
	g->to += len;
}

/* Write what was gathered, to where it belongs. */
static enum sp_code
gather_flush(struct gather *g, struct sp_err *err)
{
	const size_t n = g->n;
	const uint64_t from = g->from;

	g->n = 0;
	g->from = g->to;
	if (n == 0)
		return (SP_OK);
	return (sp_io_pwritev(g->fd, g->w->iov, n, from, err));
}

/* Copy a message from its file to ${off}, in pieces; ${crc} is continued over
 * it.  SP_EIO if the file is shorter than the entry says. */
static enum sp_code
copy_message(struct gather *g, const struct sp_intake_entry *e, uint64_t off,
    uint32_t *crc, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	uint64_t done = 0;

	if (g->w->piece == NULL)
		g->w->piece = sp_xmalloc(SP_INTAKE_PIECE);
	while (rc == SP_OK && done < e->msg.n) {
		uint64_t left = e->msg.n - done;
		size_t want =
		    left < SP_INTAKE_PIECE ? (size_t)left : SP_INTAKE_PIECE;
		size_t got = 0;

		rc = sp_io_pread(e->fd, g->w->piece, want, done, &got, err);
		if (rc == SP_OK && got != want)
			rc = sp_err_set(err, SP_EIO, 0,
			    "a temporary file with a message became shorter: %" PRIu64
			    " of %zu bytes",
			    done + got, e->msg.n);
		if (rc == SP_OK)
			rc = sp_io_pwrite(
			    g->fd, g->w->piece, want, off + done, err);
		*crc = sp_crc32c(*crc, g->w->piece, got);
		done += want;
	}
	return (rc);
}

/*
 * Write or gather one entry; ${frame} is memory for its header.  A message in a
 * file goes to its place before its header does, which has its checksum.  What
 * was gathered before is written first: readers that look meanwhile shall see
 * the batch's header and know where the batch will end.
 */
static enum sp_code
write_entry(struct gather *g, const struct sp_intake_entry *e, uint8_t *frame,
    struct sp_err *err)
{
	const struct sp_intake_frame f = {
		.record_len = (uint32_t)e->record.n,
		.msg_len = e->msg.n,
		.has_message = e->has_message,
	};
	const uint64_t at = g->to + SP_INTAKE_FRAME_LEN + e->record.n;
	enum sp_code rc = SP_OK;
	uint32_t crc = 0;

	if (in_file(e)) {
		rc = gather_flush(g, err);
		if (rc == SP_OK)
			rc = copy_message(g, e, at, &crc, err);
	} else
		crc = sp_crc32c(0, e->msg.p, e->msg.n);
	sp_intake_frame_start(&f, frame);
	sp_intake_frame_finish(frame, e->record, crc);
	gather_add(g, frame, SP_INTAKE_FRAME_LEN);
	gather_add(g, e->record.p, e->record.n);
	if (!in_file(e)) {
		gather_add(g, e->msg.p, e->msg.n);
		return (rc);
	}
	if (rc == SP_OK)
		rc = gather_flush(g, err);
	g->from = g->to = at + e->msg.n;
	return (rc);
}

/* Large arrays are freed afterwards; a usual batch finds those of the one
 * before. */
enum sp_code
sp_intake_write(struct sp_intake_writer *w, int fd, const uint8_t id[16],
    const struct sp_intake_end *at, const struct sp_intake_entry *e, size_t n,
    uint64_t length, struct sp_err *err)
{
	const struct sp_intake_batch b = {
		.number = at->number,
		.first = at->next_seq,
		.count = (uint32_t)n,
		.length = length,
	};
	struct gather g = { w, fd, 0, at->end, at->end };
	uint8_t header[SP_INTAKE_BATCH_LEN];
	enum sp_code rc = SP_OK;

	make_room(w, n);
	sp_intake_batch_format(&b, id, header);
	gather_add(&g, header, sizeof(header));
	for (size_t i = 0; i < n && rc == SP_OK; i++)
		rc = write_entry(
		    &g, &e[i], w->frames + i * SP_INTAKE_FRAME_LEN, err);
	if (rc == SP_OK)
		rc = gather_flush(&g, err);
	assert(rc != SP_OK || g.to == at->end + sizeof(header) + length);
	if (w->cap > KEEP_MAX)
		free_arrays(w);
	return (rc);
}

enum sp_code
sp_intake_mark(
    int fd, const uint8_t id[16], struct sp_intake_end *e, uint64_t seq)
{
	const struct sp_intake_batch mark = { .number = e->number,
		.first = seq };
	uint8_t p[SP_INTAKE_BATCH_LEN];
	enum sp_code rc;

	sp_intake_batch_format(&mark, id, p);
	rc = sp_io_pwrite(fd, p, sizeof(p), e->end, NULL);
	if (rc == SP_OK) {
		e->end += sizeof(p);
		e->number++;
	}
	return (rc);
}
