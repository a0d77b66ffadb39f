/* A rebuild at work: shared by rebuild.c and rebuild_entries.c. */
#ifndef SP_VERIFY_REBUILD_PRIV_H
#define SP_VERIFY_REBUILD_PRIV_H

#include "journal/log/reader.h"
#include "journal/verify/rebuild.h"
#include "journal/segment/segment_list.h"
#include "journal/tree/tree.h"
#include "journal/verify/verify_priv.h"

struct sp_rebuild_run {
	struct sp_verify_archive a; /* identity and findings */
	struct sp_verify_opts o;
	struct sp_verdict v;
	struct sp_verify_points points;
	struct sp_rebuild *out;
	char *stage;
	char *tree_path, *new_path; /* DIR/tree, DIR/tree.rebuild/tree */
	struct sp_tree *tree;
	struct sp_segment_file *segments;
	size_t nsegments;
	struct sp_reader *reader; /* of the intake log */
	int64_t received; /* of the last entry added */
	uint64_t next;
	struct sp_buf lines, record;
};

/* Add all entries to the new tree and commit it; what does not fit is a
 * finding and ends it. */
SP_CHECK enum sp_code sp_rebuild_entries(
    struct sp_rebuild_run *r, struct sp_err *err);

#endif
