/*
 * The walk over the entries of a bag: shared by verify_bag_entries.c, which
 * walks, and verify_bag_verdict.c, which judges what was met.
 */
#ifndef SP_VERIFY_VERIFY_BAG_ENTRIES_PRIV_H
#define SP_VERIFY_VERIFY_BAG_ENTRIES_PRIV_H

#include "journal/verify/verify_bag_priv.h"

/*
 * Four lists, all ascending by seq, walked side by side: the entry lines lead,
 * and a cursor in each of the others waits at its next seq.
 */
struct sp_verify_walk {
	struct sp_verify_bag *b;
	struct sp_bag_range range; /* range.txt */
	struct sp_range_check *check; /* root from the leaves; owned */
	struct sp_bag_text entries, records, omitted;

	/* What lies at the cursors. */
	bool have_record;
	struct sp_view record; /* a line of records.jsonl, borrowed */
	struct sp_record rec; /* the same, parsed; owned if have_record */
	bool have_omitted;
	struct sp_bag_omitted om;
	const struct sp_bag_message *messages; /* borrowed */
	size_t next_message, nmessages;

	/* The entry of the current line. */
	uint64_t seq;
	int64_t previous; /* time of receipt of the line before */

	/* Times of receipt of the neighbours of the run. */
	bool have_left, have_right;
	int64_t left, right;
};

/*
 * After the walk: fill the verdict, and check that the neighbours enclose what
 * was asked for, that bag-info.txt says the same verdict, and that the range
 * which the verifier asks about is covered.
 */
void sp_verify_walk_verdict(struct sp_verify_walk *w);

#endif
