/*
 * A lost or damaged tree/ made again from what it commits to: the entry lines
 * and records of the segments, and the durable part of the intake log.  Signs
 * nothing.  The new tree must agree with every checkpoint that survived, else
 * nothing is changed.  Called by `sealpost verify --rebuild-tree`; the archive
 * is verified afterwards.  doc/format-tree.md, "Rebuilding".
 */
#ifndef SP_VERIFY_REBUILD_H
#define SP_VERIFY_REBUILD_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "journal/verify/verify.h"

struct sp_rebuild {
	uint64_t findings; /* not 0: nothing was changed */
	uint64_t size; /* entries of the new tree */
	uint64_t signed_size; /* of the newest checkpoint that survived */
	uint64_t checkpoints; /* that survived, and were compared */
	uint64_t lost; /* damaged or missing ones, left behind */
	char lost_first[200]; /* the first of them, and why */
	char aside[32]; /* "tree.damaged-1", or "": there was no tree */
};

/*
 * Rebuild the tree of the archive in ${dir}.  Takes state/receive.lock and
 * state/seal.lock, each waited for up to ${lock_wait_ms}, so the service must
 * be stopped.  Of ${o}: vkey, guard, from_checkpoint, finding, ctx.
 *
 * SP_OK with findings: what is there does not fit, and nothing was changed.
 * SP_ELOCKED: a lock is held.  SP_ENOTFOUND: no checkpoint survived, so there
 * is nothing to compare with.  An interrupted call leaves the old tree, or is
 * finished by the next call.
 */
SP_CHECK enum sp_code sp_rebuild_tree(const char *dir,
    const struct sp_verify_opts *o, int lock_wait_ms, struct sp_rebuild *out,
    struct sp_err *err);

#endif
