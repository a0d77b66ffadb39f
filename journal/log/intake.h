/*
 * The intake log: entries accepted but not yet in a segment.  One writer,
 * which holds state/receive.lock.  An entry is accepted once
 * sp_intake_commit() returned SP_OK, and only then may a peer be told 250.
 * Format, recovery and rotation: doc/format-intake.md.
 *
 * States: OPEN -> (append)* -> commit -> OPEN.  A failed write truncates back
 * to the last batch: still OPEN, nothing of the batch happened.  A failed sync
 * or truncate: the file is closed for good, the next append starts a new file
 * whose header says up to which length this one counts.
 */
#ifndef SP_LOG_INTAKE_H
#define SP_LOG_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_intake;

/* What start-up found; reported by the caller. */
struct sp_intake_found {
	uint64_t next_seq;
	int64_t last_received; /* 0 if there is no entry */
	uint64_t cut_bytes; /* torn tail kept as .torn; 0 if none */
	char cut_path[256];
};

/*
 * Open the log in ${dir} (the archive), recover its tail (cut a torn last
 * batch, keep it as .torn, sync and mark what is whole), ready to append.
 * ${floor} is the lowest seq that may come next (one after the last sealed
 * entry); with no intake file a new one starts there.
 * Damage before a valid batch header: SP_EFORMAT, nothing changed.
 */
SP_CHECK enum sp_code sp_intake_open(const char *dir, const char *origin,
    uint64_t floor, struct sp_intake **out, struct sp_intake_found *found,
    struct sp_err *err);

/* One entry of a batch.  The message is in memory, or in ${fd} (whole file
 * of ${msg.n} bytes from offset 0, msg.p == NULL), or absent (!has_message). */
struct sp_intake_entry {
	uint64_t seq;
	struct sp_view record;
	bool has_message;
	struct sp_view msg;
	int fd; /* -1: in memory */
};

/*
 * Write ${n} entries (consecutive seqs from next_seq) as one batch, sync it,
 * mark it.  All or nothing.  SP_ENOSPC / SP_EIO: nothing happened, the log
 * goes on.  SP_ESYNC: nothing happened, a new file will be started.
 */
SP_CHECK enum sp_code sp_intake_commit(struct sp_intake *in,
    const struct sp_intake_entry *entries, size_t n, struct sp_err *err);

uint64_t sp_intake_next_seq(const struct sp_intake *in);
/* Bytes of batches in the current file, and when (wall, us) its first entry
 * was committed (0: empty). */
uint64_t sp_intake_file_bytes(const struct sp_intake *in);
int64_t sp_intake_file_since(const struct sp_intake *in);
/* Finish the current file by starting its successor.  An empty file is kept
 * and SP_OK returned: nothing to rotate. */
SP_CHECK enum sp_code sp_intake_rotate(
    struct sp_intake *in, struct sp_err *err);
void sp_intake_close(struct sp_intake *in); /* NULL is fine */

#endif
