/* The walk over the run of a bag; shared by verify_bag_run.c and _verdict.c. */
#ifndef SP_VERIFY_VERIFY_BAG_RUN_PRIV_H
#define SP_VERIFY_VERIFY_BAG_RUN_PRIV_H

#include "journal/verify/verify_bag_priv.h"

#define SP_BAG_ENTRIES "data/proof/entries.txt"
#define SP_BAG_RANGE   "data/proof/range.txt"
#define SP_BAG_RECORDS "data/records.jsonl"
#define SP_BAG_OMITTED "data/proof/omitted.jsonl"

struct sp_verify_walk {
	struct sp_verify_bag *b;
	struct sp_bag_range range;
	struct sp_range_check *check;
	struct sp_bag_text entries, records, omitted;
	/* what lies at the cursors */
	bool have_record, have_omitted;
	struct sp_view record; /* a line of records.jsonl */
	struct sp_record rec; /* the same, parsed */
	struct sp_bag_omitted om;
	const struct sp_bag_message *m;
	size_t at, n; /* messages */
	uint64_t seq; /* of the entry in hand */
	int64_t last; /* received of the entry before */
	int64_t left, right; /* times of the neighbours */
	bool have_left, have_right;
};

/* After the walk: the neighbours, the verdict, the verifier's own range. */
void sp_verify_walk_verdict(struct sp_verify_walk *w);

#endif
