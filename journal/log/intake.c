/*
 * The writer of the intake log: the file that is written now, batches into it,
 * and the step to a new file.  append.c calls it.  It promises that after SP_OK
 * a batch is durable, and after any error it never happened
 * (doc/format-intake.md, "Writing a batch").
 *
 *   NO FILE -- first batch --> OPEN <--> (batch)
 *                               |  ^
 *        failed sync, truncate  |  | new file, whose header says how many
 *        or mark                v  | bytes of the old one count
 *                              CLOSED
 *
 * NO FILE is an empty log.  In CLOSED nothing is ever written to the file
 * again: after a failed sync the kernel may call pages clean that never reached
 * the disk, so a second sync would prove nothing.
 */
#include "journal/log/intake.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "journal/log/intake_priv.h"

struct sp_intake {
	char *dir; /* the archive's */
	char origin[SP_ORIGIN_MAX + 1];
	/* the current file */
	bool no_file; /* there is none yet; what follows is not set */
	int fd; /* -1 without a file, perhaps in CLOSED */
	char name[64]; /* in intake/ */
	struct sp_intake_head head;
	struct sp_intake_end at; /* next_seq in it is set in any case */
	int64_t since; /* wall time of the first entry; 0: empty */
	/* memory for one batch */
	struct sp_intake_writer writer;
};

/* ---- opening ---------------------------------------------------------- */

/* Go on in the newest file: recover its end, and take over its times.
 * SP_EFORMAT: it is damaged, or belongs to another log. */
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
		    "intake/%s belongs to the log %s, this archive is %s; move it away",
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

/* Where the newest file has no entries, find the time of the last one in the
 * ${n} files before it.  0 remains if none of them has entries or is still
 * there. */
static enum sp_code
find_last_received(struct sp_intake *in, const struct sp_intake_info *f,
    size_t n, int64_t *us, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && *us == 0 && n-- > 0)
		rc = sp_intake_last_received(in->dir, &f[n], us, err);
	/* Packed and removed since it was listed: the tree knows its time. */
	return (rc == SP_ENOTFOUND ? SP_OK : rc);
}

/* SP_EROLLBACK if the log ends before ${floor}, where the segments end. */
static enum sp_code
check_floor(const struct sp_intake *in, uint64_t floor, struct sp_err *err)
{
	if (in->at.next_seq >= floor)
		return (SP_OK);
	return (sp_err_set(err, SP_EROLLBACK, 0,
	    "archive was rolled back: the intake log ends before entry %" PRIu64
	    " but segments hold entries up to %" PRIu64
	    "; restore the newer copy of %s/intake, or continue as a new log with `sealpost init --continues %s`",
	    in->at.next_seq, floor - 1, in->dir, in->dir));
}

/* Leftovers of unfinished files are removed last, once nothing is refused. */
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
		in->no_file = true;
		in->at.next_seq = floor;
	} else {
		rc = open_newest(in, &files[n - 1], &got, err);
		if (rc == SP_OK)
			rc = find_last_received(
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

/* Begin the successor of the current file, or the first file.  Its header says
 * how many bytes of the old one count, so from then on the old one is finished;
 * that holds also after a failure in which the new name may exist. */
static enum sp_code
start_file(struct sp_intake *in, struct sp_err *err)
{
	struct sp_intake_head h = { .first = in->at.next_seq };
	char name[64];
	enum sp_code rc;
	bool named;
	int fd = -1;

	memcpy(h.origin, in->origin, sizeof(h.origin));
	if (!in->no_file) {
		memcpy(h.prev_id, in->head.id, sizeof(h.prev_id));
		h.prev_length = in->at.synced;
	}
	rc = sp_intake_create(in->dir, &h, name, &fd, &named, err);
	if (!named)
		return (rc);
	/* The new name may exist: the old file is finished in any case. */
	(void)sp_io_close(in->fd, NULL);
	in->fd = fd;
	in->no_file = false;
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
	if (in->no_file || in->at.synced == in->head.length)
		return (SP_OK);
	return (start_file(in, err));
}

/* ---- one batch -------------------------------------------------------- */

/* Account for a batch that is durable, and mark it.  A mark that cannot be
 * written takes nothing back: the next batch goes to a new file, whose header
 * says how far this one counts. */
static void
batch_committed(struct sp_intake *in, size_t n, uint64_t length)
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

/*
 * Never write to the current file again, and say so on disk at once, by
 * beginning its successor.  If that fails too, the next batch tries it again.
 */
static void
abandon_file(struct sp_intake *in)
{
	in->at.closed = true;
	(void)!start_file(in, NULL);
}

/* Write, sync, mark: the order in doc/format-intake.md, "Writing a batch". */
enum sp_code
sp_intake_commit(struct sp_intake *in, const struct sp_intake_entry *entries,
    size_t n, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t length = 0;

	rc = sp_intake_batch_size(in->at.next_seq, entries, n, &length, err);
	if (rc == SP_OK && (in->no_file || in->at.closed))
		rc = start_file(in, err);
	if (rc != SP_OK)
		return (rc);
	rc = sp_intake_write(
	    &in->writer, in->fd, in->head.id, &in->at, entries, n, length, err);
	if (rc != SP_OK) {
		if (sp_io_ftruncate(in->fd, in->at.end, NULL) != SP_OK)
			abandon_file(in);
		return (rc);
	}
	rc = sp_io_fdatasync(in->fd, err);
	if (rc != SP_OK) {
		abandon_file(in);
		return (rc);
	}
	batch_committed(in, n, length);
	return (SP_OK);
}

/* ---- state ------------------------------------------------------------ */

uint64_t
sp_intake_next_seq(const struct sp_intake *in)
{
	return (in->at.next_seq);
}

uint64_t
sp_intake_file_bytes(const struct sp_intake *in)
{
	return (in->no_file ? 0 : in->at.synced - in->head.length);
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
	sp_intake_writer_done(&in->writer);
	free(in->dir);
	free(in);
}
