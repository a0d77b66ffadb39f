/*
 * Noticing that an archive was set back, by a restored backup or on purpose:
 * the intake log, tree/tail, tree/checkpoint and the copy of the checkpoint in
 * the guard directory, outside of the archive, must not contradict each other
 * (doc/format-tree.md, "The guard directory").  Needs no private key, and takes
 * no key from the archive.
 *
 * The writer of the log (journal/log) asks before it accepts anything;
 * journal/seal replaces the copy after each checkpoint.
 */
#ifndef SP_TREE_GUARD_H
#define SP_TREE_GUARD_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

/*
 * Check the archive in ${dir}.  ${guard}: the guard directory (files
 * `checkpoint` and `log.vkey`), or NULL.  ${next_seq}: where the intake log
 * ends.  SP_EROLLBACK says what is older than what, and what to do.
 * SP_EMISMATCH: the guard is another archive's, or its copy is not signed by
 * its key; SP_EFORMAT, SP_EKEY, SP_EIO: one of the files.
 */
SP_CHECK enum sp_code sp_guard_check(
    const char *dir, const char *guard, uint64_t next_seq, struct sp_err *err);
/* Replace the guard's copy of the checkpoint by ${note}, durably.  SP_EIO,
 * SP_ENOSPC, SP_ESYNC. */
SP_CHECK enum sp_code sp_guard_put(
    const char *guard, struct sp_view note, struct sp_err *err);

#endif
