/*
 * Rollback detection without keys: the intake log, tree/tail, tree/checkpoint
 * and the guard copy must not contradict each other (DESIGN section 5).
 */
#ifndef SP_TREE_GUARD_H
#define SP_TREE_GUARD_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

/*
 * ${guard}: the guard directory (files `checkpoint` and `log.vkey`), or NULL.
 * ${next_seq}: the next seq of the intake log.  SP_EROLLBACK says what is
 * older than what, and what to do (`init --continues`).
 */
SP_CHECK enum sp_code sp_guard_check(
    const char *dir, const char *guard, uint64_t next_seq, struct sp_err *err);
/* Replace the guard's copy of the checkpoint. */
SP_CHECK enum sp_code sp_guard_put(
    const char *guard, struct sp_view note, struct sp_err *err);

#endif
