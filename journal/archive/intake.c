#include "journal/archive/intake.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/record.h"
#include "journal/archive/intake_priv.h"

#define KEEP_MAX 4096 /* entries whose arrays are kept between batches */

/*
 *   NONE -- first batch --> OPEN <--> (batch)
 *                            |  ^
 *     failed sync, truncate  |  | new file, which says how much of the old
 *     or mark                v  | one counts
 *                           CLOSED
 *
 * NONE is an empty log.  In CLOSED nothing is ever written to the file again.
 */
struct sp_intake {
	char *dir;
	char origin[SP_ORIGIN_MAX + 1];
	bool none;
	int fd; /* -1 in NONE, perhaps in CLOSED */
	char name[64];
	struct sp_intake_head head;
	struct sp_intake_end at;
	int64_t since; /* wall time of the first entry; 0: empty */
	/* arrays of one batch, kept for the next */
	struct iovec *iov;
	uint8_t *frames;
	size_t cap; /* entries they hold */
	uint8_t *piece; /* copies of messages in files; NULL until used */
};

/* ---- opening ---------------------------------------------------------- */

static enum sp_code
open_newest(struct sp_intake *in, const struct sp_intake_info *i,
    struct sp_intake_found *found, struct sp_err *err)
{
	char *path = sp_intake_path(in->dir, i->name);
	enum sp_code rc;

	memcpy(in->name, i->name, sizeof(in->name));
	in->head = i->head;
	if (strcmp(i->head.origin, in->origin) != 0) {
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "intake/%s belongs to the log %s, this archive is %s; "
		    "move it away",
		    i->name, i->head.origin, in->origin);
		goto out;
	}
	rc = sp_io_open(path, O_RDWR, 0, &in->fd, err);
	if (rc == SP_OK)
		rc = sp_intake_recover(
		    in->dir, in->name, in->fd, &in->head, &in->at, found, err);
	if (rc == SP_OK) {
		in->since = in->at.first_received;
		found->last_received = in->at.last_received;
	}
out:
	free(path);
	return (rc);
}

/* The time of the last entry where the newest file has none: in the one
 * before, if that is still there. */
static enum sp_code
look_back(struct sp_intake *in, const struct sp_intake_info *f, size_t n,
    int64_t *us, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && *us == 0 && n-- > 0)
		rc = sp_intake_last_received(in->dir, &f[n], us, err);
	/* Packed and removed meanwhile. */
	return (rc == SP_ENOTFOUND ? SP_OK : rc);
}

static enum sp_code
check_floor(const struct sp_intake *in, uint64_t floor, struct sp_err *err)
{
	if (in->at.next_seq >= floor)
		return (SP_OK);
	return (sp_err_set(err, SP_EROLLBACK, 0,
	    "archive was rolled back: the intake log ends before entry %" PRIu64
	    " but segments hold entries up to %" PRIu64
	    "; restore the newer copy of %s/intake, or continue as a new log "
	    "with `sealpost init --continues %s`",
	    in->at.next_seq, floor - 1, in->dir, in->dir));
}

enum sp_code
sp_intake_open(const char *dir, const char *origin, uint64_t floor,
    struct sp_intake **out, struct sp_intake_found *found, struct sp_err *err)
{
	struct sp_intake *in = sp_xcalloc(1, sizeof(*in));
	struct sp_intake_found got = { 0 };
	struct sp_intake_info *files = NULL;
	enum sp_code rc;
	size_t n = 0;

	in->fd = -1;
	in->dir = sp_xstrdup(dir);
	if (!sp_layout_origin_ok(origin)) {
		rc = sp_err_set(
		    err, SP_EUSAGE, 0, "bad origin for an intake log");
		goto out;
	}
	memcpy(in->origin, origin, strlen(origin) + 1);
	rc = sp_intake_list(dir, &files, &n, err);
	if (rc != SP_OK)
		goto out;
	if (n == 0) {
		in->none = true;
		in->at.next_seq = floor;
	} else {
		rc = open_newest(in, &files[n - 1], &got, err);
		if (rc == SP_OK)
			rc = look_back(
			    in, files, n - 1, &got.last_received, err);
		if (rc == SP_OK)
			rc = check_floor(in, floor, err);
	}
	if (rc == SP_OK)
		rc = sp_intake_sweep(dir, err);
out:
	if (rc == SP_OK) {
		got.next_seq = in->at.next_seq;
		*found = got;
		*out = in;
	} else
		sp_intake_close(in);
	free(files);
	return (rc);
}

/* ---- files ------------------------------------------------------------ */

/* Start the successor of the present file (or the first one). */
static enum sp_code
start_file(struct sp_intake *in, struct sp_err *err)
{
	struct sp_intake_head h = { .first = in->at.next_seq };
	char name[64];
	enum sp_code rc;
	bool named;
	int fd = -1;

	memcpy(h.origin, in->origin, sizeof(h.origin));
	if (!in->none) {
		memcpy(h.prev_id, in->head.id, sizeof(h.prev_id));
		h.prev_length = in->at.synced;
	}
	rc = sp_intake_create(in->dir, &h, name, &fd, &named, err);
	if (!named)
		return (rc);
	/* It may have its name: the old file is finished in any case. */
	(void)sp_io_close(in->fd, NULL);
	in->fd = fd;
	in->none = false;
	in->head = h;
	memcpy(in->name, name, sizeof(in->name));
	in->at.end = in->at.synced = h.length;
	in->at.number = 0;
	in->at.closed = rc != SP_OK;
	in->since = 0;
	return (rc);
}

enum sp_code
sp_intake_rotate(struct sp_intake *in, struct sp_err *err)
{
	if (in->none || in->at.synced == in->head.length)
		return (SP_OK);
	return (start_file(in, err));
}

/* ---- one batch -------------------------------------------------------- */

/* Whether message ${e} has to be copied from a file. */
static bool
in_file(const struct sp_intake_entry *e)
{
	return (e->has_message && e->msg.p == NULL && e->msg.n > 0);
}

static enum sp_code
check_limits(const struct sp_intake *in, const struct sp_intake_entry *e,
    size_t n, uint64_t *length, struct sp_err *err)
{
	uint64_t sum = 0;

	assert(n > 0);
	if (n > SP_INTAKE_COUNT_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "a batch of %zu entries is over the limit of %u", n,
		    SP_INTAKE_COUNT_MAX));
	if (in->at.next_seq > SP_SEQ_MAX - n)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the log is full: no sequence number after %" PRIu64,
		    in->at.next_seq));
	for (size_t i = 0; i < n; i++) {
		assert(e[i].seq == in->at.next_seq + i);
		assert(e[i].has_message || e[i].msg.n == 0);
		if (e[i].record.n > SP_RECORD_MAX)
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "the record of an entry has %zu bytes, over the "
			    "limit of %u",
			    e[i].record.n, SP_RECORD_MAX));
		if (e[i].msg.n > SP_INTAKE_MSG_MAX)
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "a message has %zu bytes, over the limit of "
			    "%" PRIu64,
			    e[i].msg.n, SP_INTAKE_MSG_MAX));
		sum += SP_INTAKE_FRAME_LEN + e[i].record.n + e[i].msg.n;
	}
	if (sum > SP_INTAKE_BATCH_BYTES_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "a batch of %" PRIu64 " bytes is over the limit", sum));
	*length = sum;
	return (SP_OK);
}

static void
make_room(struct sp_intake *in, size_t n)
{
	if (n <= in->cap)
		return;
	in->iov = sp_xrealloc(in->iov, (1 + 3 * n) * sizeof(*in->iov));
	in->frames = sp_xrealloc(in->frames, n * SP_INTAKE_FRAME_LEN);
	in->cap = n;
}

static void
drop_room(struct sp_intake *in)
{
	if (in->cap <= KEEP_MAX)
		return;
	free(in->iov);
	free(in->frames);
	in->iov = NULL;
	in->frames = NULL;
	in->cap = 0;
}

/* An iovec is not const; nothing is written through it. */
static void
add(struct iovec *iov, size_t *n, const void *p, size_t len)
{
	if (len == 0)
		return;
	memcpy(&iov[*n].iov_base, &p, sizeof(p));
	iov[*n].iov_len = len;
	(*n)++;
}

/* Copy a message from its file to ${off}, in pieces. */
static enum sp_code
copy_message(struct sp_intake *in, const struct sp_intake_entry *e,
    uint64_t off, uint32_t *crc, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	uint64_t done = 0;

	if (in->piece == NULL)
		in->piece = sp_xmalloc(SP_INTAKE_PIECE);
	*crc = 0;
	while (rc == SP_OK && done < e->msg.n) {
		size_t want = e->msg.n - done < SP_INTAKE_PIECE
				  ? (size_t)(e->msg.n - done)
				  : SP_INTAKE_PIECE;
		size_t got = 0;

		rc = sp_io_pread(e->fd, in->piece, want, done, &got, err);
		if (rc == SP_OK && got != want)
			rc = sp_err_set(err, SP_EIO, 0,
			    "a temporary file with a message became shorter: "
			    "%" PRIu64 " of %zu bytes",
			    done + got, e->msg.n);
		if (rc == SP_OK)
			rc = sp_io_pwrite(
			    in->fd, in->piece, want, off + done, err);
		*crc = sp_crc32c(*crc, in->piece, got);
		done += want;
	}
	return (rc);
}

/*
 * Header and entries.  Pieces in memory are gathered into as few writes as
 * possible; a message in a file is copied to its place first, since its frame
 * has its checksum.  The header is in the first write, so that readers who
 * look meanwhile know where the batch will end.
 */
static enum sp_code
write_batch(struct sp_intake *in, const struct sp_intake_entry *e, size_t n,
    uint64_t length, struct sp_err *err)
{
	const struct sp_intake_batch b = {
		.number = in->at.number,
		.first = in->at.next_seq,
		.count = (uint32_t)n,
		.length = length,
	};
	uint8_t header[SP_INTAKE_BATCH_LEN];
	uint64_t from = in->at.end, to = from + sizeof(header);
	enum sp_code rc = SP_OK;
	size_t iovs = 0;

	make_room(in, n);
	sp_intake_batch_format(&b, in->head.id, header);
	add(in->iov, &iovs, header, sizeof(header));
	for (size_t i = 0; i < n && rc == SP_OK; i++) {
		uint8_t *frame = in->frames + i * SP_INTAKE_FRAME_LEN;
		const struct sp_intake_frame f = {
			.record_len = (uint32_t)e[i].record.n,
			.msg_len = e[i].msg.n,
			.has_message = e[i].has_message,
		};
		const uint64_t msg_at =
		    to + SP_INTAKE_FRAME_LEN + e[i].record.n;
		uint32_t crc = 0;

		if (in_file(&e[i])) {
			if (iovs > 0)
				rc = sp_io_pwritev(
				    in->fd, in->iov, iovs, from, err);
			iovs = 0;
			from = to;
			if (rc == SP_OK)
				rc = copy_message(in, &e[i], msg_at, &crc, err);
		} else
			crc = sp_crc32c(0, e[i].msg.p, e[i].msg.n);
		sp_intake_frame_start(&f, frame);
		sp_intake_frame_finish(frame, e[i].record, crc);
		add(in->iov, &iovs, frame, SP_INTAKE_FRAME_LEN);
		add(in->iov, &iovs, e[i].record.p, e[i].record.n);
		to = msg_at + e[i].msg.n;
		if (!in_file(&e[i])) {
			add(in->iov, &iovs, e[i].msg.p, e[i].msg.n);
			continue;
		}
		if (rc == SP_OK)
			rc = sp_io_pwritev(in->fd, in->iov, iovs, from, err);
		iovs = 0;
		from = to;
	}
	if (rc == SP_OK && iovs > 0)
		rc = sp_io_pwritev(in->fd, in->iov, iovs, from, err);
	assert(rc != SP_OK || to == in->at.end + sizeof(header) + length);
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

/* The batch is durable.  A mark that cannot be written takes nothing back:
 * the next batch goes to a new file, whose header says how far this counts. */
static void
done(struct sp_intake *in, size_t n, uint64_t length)
{
	in->at.end += SP_INTAKE_BATCH_LEN + length;
	in->at.synced = in->at.end;
	in->at.number++;
	in->at.next_seq += n;
	if (in->since == 0)
		in->since = sp_clock_wall();
	if (sp_intake_mark(in->fd, in->head.id, &in->at, in->at.next_seq) !=
	    SP_OK)
		in->at.closed = true;
}

/* Where the file cannot go on, say so on disk at once: if that fails too, the
 * next batch tries again. */
static void
give_up(struct sp_intake *in)
{
	in->at.closed = true;
	(void)!start_file(in, NULL);
}

enum sp_code
sp_intake_commit(struct sp_intake *in, const struct sp_intake_entry *entries,
    size_t n, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t length = 0;

	rc = check_limits(in, entries, n, &length, err);
	if (rc == SP_OK && (in->none || in->at.closed))
		rc = start_file(in, err);
	if (rc != SP_OK)
		return (rc);
	rc = write_batch(in, entries, n, length, err);
	drop_room(in);
	if (rc != SP_OK) {
		if (sp_io_ftruncate(in->fd, in->at.end, NULL) != SP_OK)
			give_up(in);
		return (rc);
	}
	rc = sp_io_fdatasync(in->fd, err);
	if (rc != SP_OK) {
		give_up(in);
		return (rc);
	}
	done(in, n, length);
	return (SP_OK);
}

/* ---- the rest --------------------------------------------------------- */

uint64_t
sp_intake_next_seq(const struct sp_intake *in)
{
	return (in->at.next_seq);
}

uint64_t
sp_intake_file_bytes(const struct sp_intake *in)
{
	return (in->none ? 0 : in->at.synced - in->head.length);
}

int64_t
sp_intake_file_since(const struct sp_intake *in)
{
	return (in->since);
}

void
sp_intake_close(struct sp_intake *in)
{
	if (in == NULL)
		return;
	(void)sp_io_close(in->fd, NULL);
	free(in->iov);
	free(in->frames);
	free(in->piece);
	free(in->dir);
	free(in);
}
