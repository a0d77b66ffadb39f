/*
 * A rebuild in progress: shared by rebuild.c (locks, stage, checkpoints,
 * exchange of the trees) and rebuild_entries.c (the entries of the new tree).
 */
#ifndef SP_VERIFY_REBUILD_PRIV_H
#define SP_VERIFY_REBUILD_PRIV_H

#include "journal/log/reader.h"
#include "journal/verify/rebuild.h"
#include "journal/segment/segment_list.h"
#include "journal/tree/tree.h"
#include "journal/verify/verify_priv.h"

struct sp_rebuild_run {
	struct sp_verify_archive a; /* directory, origin, identity, findings */
	struct sp_verify_opts o; /* the caller's, as far as they are used */
	struct sp_verdict v; /* filled on the way, not shown */
	struct sp_rebuild *out;

	/* What the new tree is compared with. */
	struct sp_verify_points checkpoints;

	/* Paths; owned. */
	char *stage; /* DIR/tree.rebuild */
	char *tree_path, *new_path; /* DIR/tree, DIR/tree.rebuild/tree */

	/* Where the entries come from, and go to. */
	struct sp_tree *tree; /* the new one */
	struct sp_segment_file *segments;
	size_t nsegments;
	struct sp_reader *reader; /* of the intake log */
	uint64_t next; /* seq of the next entry to add */
	int64_t received; /* of the last entry added */
	struct sp_buf lines, record;
};

/*
 * rebuild_entries.c: add all entries to the new tree, from entry 0 on, and
 * commit it.  The first that does not fit is a finding and ends it; nothing is
 * committed then.  Sets ${r}->out->size.
 */
SP_CHECK enum sp_code sp_rebuild_entries(
    struct sp_rebuild_run *r, struct sp_err *err);

#endif
