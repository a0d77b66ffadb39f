/*
 * The verdict of a bag, COMPLETE or SELECTION: step 13 of doc/format-export.md
 * section 5, and of step 10 whether the run was cut short.  Called once after
 * the walk over the entries (verify_bag_entries.c).  Only decided here; what a
 * user reads is worded in app/cmd/verdict_print.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time_text.h"
#include "journal/verify/verify_bag_entries_priv.h"

/*
 * The neighbours must lie outside the range that was asked for, else the run is
 * shorter than the request.  At an end that is open (no --since, no --until)
 * the run must reach entry 0, or the event of the export (--at: that size).
 */
static void
check_neighbours(struct sp_verify_walk *w)
{
	const struct sp_verify_asked *a = &w->b->request;
	const struct sp_bag_info *i = &w->b->info;
	uint64_t at = a->have_at ? a->at : i->event;

	if (!a->known || a->by_date)
		return;
	if (i->first > 0 &&
	    (!a->have_since || !w->have_left || w->left >= a->since))
		sp_verify_found_add(&w->b->found, "range", SP_BAG_ENTRIES,
		    "the entry before the run belongs to the range that was asked for: the run is cut short at its beginning");
	if (i->end > at)
		sp_verify_found_add(&w->b->found, "range", SP_BAG_ENTRIES,
		    "the run goes beyond the size %" PRIu64
		    " that was asked for",
		    at);
	if (i->end < at &&
	    (!a->have_until || !w->have_right || w->right < a->until))
		sp_verify_found_add(&w->b->found, "range", SP_BAG_ENTRIES,
		    "the entry behind the run belongs to the range that was asked for: the run is cut short at its end");
}

/*
 * The range that the verifier asks about (--since, --until) must lie inside the
 * one that is proven.
 */
static void
check_verifier_range(struct sp_verify_walk *w)
{
	const struct sp_verify_opts *o = w->b->o;
	const struct sp_verdict *v = w->b->v;
	char time[SP_TIME_LEN + 1];

	if (o->have_since && o->since < v->range_since) {
		sp_time_format(v->range_since, time);
		sp_verify_found_add(&w->b->found, "range", SP_BAG_ENTRIES,
		    "proves nothing about the time before %s, which --since includes",
		    time);
	}
	if (o->have_until && o->until > v->range_until) {
		sp_time_format(v->range_until, time);
		sp_verify_found_add(&w->b->found, "range", SP_BAG_ENTRIES,
		    "proves nothing about the time from %s on, which --until includes",
		    time);
	}
}

/*
 * COMPLETE: the run was chosen by time of receipt, and the query left nothing
 * of it out.  Else the bag is a SELECTION.
 */
void
sp_verify_walk_verdict(struct sp_verify_walk *w)
{
	struct sp_verify_bag *b = w->b;
	struct sp_verdict *v = b->v;

	v->range_first = b->info.first;
	v->range_end = b->info.end;
	v->range_since = w->have_left ? w->left + 1 : INT64_MIN;
	v->range_until = w->have_right ? w->right : INT64_MIN;
	v->messages = v->range_messages;
	v->complete =
	    v->filtered == 0 && !b->info.by_date && !b->request.by_date;
	check_neighbours(w);
	if (v->complete != b->info.complete)
		sp_verify_found_add(&b->found, "verdict", "bag-info.txt",
		    "says %s, but the bag is a %s",
		    b->info.complete ? "COMPLETE" : "SELECTION",
		    v->complete ? "complete one" : "selection");
	if (v->given != b->info.given)
		sp_verify_found_add(&b->found, "verdict", "bag-info.txt",
		    "says %" PRIu64 " messages, there are %" PRIu64,
		    b->info.given, v->given);
	check_verifier_range(w);
	if (b->o->require_complete && !v->complete)
		sp_verify_found_add(&b->found, "selection", b->path,
		    "is a selection, %" PRIu64 " of %" PRIu64
		    " messages: not complete, as --require-complete demands",
		    v->given, v->range_messages);
}
