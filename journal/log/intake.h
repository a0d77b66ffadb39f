/*
 * The intake log: entries that are accepted but not yet in a segment.  append.h
 * is its only user for writing; intake_read.h and reader.h read it;
 * journal/seal packs its finished files into segments and removes them.
 *
 * One writer, which holds state/receive.lock.  An entry is accepted once
 * sp_intake_commit() returned SP_OK, and only then may a peer be told 250.
 * Format, recovery and rotation: doc/format-intake.md; states: intake.c.
 */
#ifndef SP_LOG_INTAKE_H
#define SP_LOG_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_intake;

/* What opening the log found, for the caller to report. */
struct sp_intake_found {
	uint64_t next_seq; /* of the entry that comes next */
	int64_t last_received; /* microseconds since 1970; 0: no entry */
	uint64_t cut_bytes; /* of a torn tail, kept as .torn; 0: none */
	char cut_path[256]; /* where they are kept */
};

/*
 * Open the log in ${dir} (the archive) for appending.  Its tail is recovered: a
 * torn last batch is cut and kept as .torn, what is whole is synced and marked.
 * ${floor} is the lowest number that may come next (one after the last entry in
 * a segment); where there is no intake file, the log begins there.
 * ${out} is the caller's.
 * SP_EFORMAT: damage before a valid batch header, or a file of another origin;
 * nothing was changed.  SP_EROLLBACK: the log ends before ${floor}.
 * SP_EVERSION, SP_EUSAGE (${origin} cannot be one), SP_EIO, SP_ENOSPC,
 * SP_ESYNC.
 */
SP_CHECK enum sp_code sp_intake_open(const char *dir, const char *origin,
    uint64_t floor, struct sp_intake **out, struct sp_intake_found *found,
    struct sp_err *err);

/* One entry of a batch, borrowed.  The message is in memory, or in ${fd} (a
 * file of ${msg.n} bytes from offset 0, msg.p == NULL), or absent
 * (!has_message). */
struct sp_intake_entry {
	uint64_t seq;
	struct sp_view record;
	bool has_message;
	struct sp_view msg;
	int fd; /* -1: in memory */
};

/*
 * Write ${n} entries (at least one, with consecutive numbers from
 * sp_intake_next_seq) as one batch, sync it, and mark it as durable.  All or
 * nothing: after every error nothing of the batch happened, and the next batch
 * takes the same numbers.
 * SP_ELIMIT: a limit of the format is exceeded.  SP_ENOSPC, SP_EIO: a write
 * failed.  SP_ESYNC: the sync failed, the next batch goes to a new file.
 */
SP_CHECK enum sp_code sp_intake_commit(struct sp_intake *in,
    const struct sp_intake_entry *entries, size_t n, struct sp_err *err);

/* The number that the next entry must have. */
uint64_t sp_intake_next_seq(const struct sp_intake *in);
/* Bytes of batches in the current file. */
uint64_t sp_intake_file_bytes(const struct sp_intake *in);
/* When the first entry of the current file was committed, in microseconds of
 * the wall clock; 0: it has none. */
int64_t sp_intake_file_since(const struct sp_intake *in);
/*
 * Finish the current file by beginning its successor, so that it can be packed.
 * An empty file stays (SP_OK): there is nothing to finish.  SP_ENOSPC, SP_EIO,
 * SP_ESYNC: the current file goes on, or, where its successor may have its name
 * already, the next batch begins another file.
 */
SP_CHECK enum sp_code sp_intake_rotate(
    struct sp_intake *in, struct sp_err *err);
/* Close the file; NULL is fine.  Nothing is lost: what was committed is
 * durable. */
void sp_intake_close(struct sp_intake *in);

#endif
