/*
 * The entries of a bag: steps 9 to 12 of doc/format-export.md section 5.
 *
 *   entries.txt     |L|e|e|e|e|e|R|   every line of the proven run
 *   records.jsonl       |r|   |r|     of given messages (--with-records: more)
 *   omitted.jsonl     |o|   |o| |     why the others are not given
 *   data/messages       |m|   |m|
 *
 * Four lists, all ascending by seq, are walked side by side, led by the entry
 * lines.  L and R are the neighbours of the run: their times show that it was
 * not cut short.  Each entry between them has either a message file, which must
 * fit record and line, or an omitted line, whose reason must hold.  What
 * belongs to no entry of the run is a finding.  At the end the hashes of all
 * lines, with the siblings of range.txt, must give the root of the checkpoint
 * (RFC 6962 section 2.1); then verify_bag_verdict.c judges what was met.
 */
#include "base/line.h"
#include "journal/verify/verify_bag_entries_priv.h"
#include "journal/tree/range_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the cursors ---- */

/*
 * Move the cursor of records.jsonl to its next record and parse it.  Lines that
 * are no records, and records out of order, are findings and passed over.
 */
static enum sp_code
next_record(struct sp_verify_bag_walk *w, struct sp_err *err)
{
	uint64_t at_least = w->have_record ? w->rec.seq + 1 : 0;
	char where[64];
	enum sp_code rc;

	if (w->have_record)
		sp_record_done(&w->rec);
	w->have_record = false;
	while (w->records.fd >= 0) {
		rc = sp_bag_text_next(&w->records, &w->record, err);
		if (rc == SP_EEND)
			return (SP_OK);
		if (rc != SP_OK)
			return (sp_findings_add_error(
			    &w->b->found, "record", SP_BAG_RECORDS, rc, err));
		(void)snprintf(where, sizeof(where), "%s: line %" PRIu64,
		    SP_BAG_RECORDS, w->records.line);
		rc = sp_record_parse(w->record, &w->rec, err);
		if (rc != SP_OK) {
			rc = sp_findings_add_error(
			    &w->b->found, "record", where, rc, err);
			if (rc != SP_OK)
				return (rc);
			continue;
		}
		if (w->rec.seq >= at_least) {
			w->have_record = true;
			return (SP_OK);
		}
		sp_findings_add(&w->b->found, "record", where,
		    "entry %" PRIu64 " is out of order or there twice",
		    w->rec.seq);
		sp_record_done(&w->rec);
	}
	return (SP_OK);
}

/*
 * Move the cursor of omitted.jsonl to its next line; lines that are not of the
 * document's form, or out of order, are findings and passed over.
 */
static enum sp_code
next_omitted(struct sp_verify_bag_walk *w, struct sp_err *err)
{
	uint64_t at_least = w->have_omitted ? w->om.seq + 1 : 0;
	struct sp_view line;
	char where[64];
	enum sp_code rc;

	w->have_omitted = false;
	while (w->omitted.fd >= 0) {
		rc = sp_bag_text_next(&w->omitted, &line, err);
		if (rc == SP_EEND)
			return (SP_OK);
		if (rc != SP_OK)
			return (sp_findings_add_error(
			    &w->b->found, "omitted", SP_BAG_OMITTED, rc, err));
		w->have_omitted =
		    sp_bag_omitted_parse(line, &w->om) && w->om.seq >= at_least;
		if (w->have_omitted)
			return (SP_OK);
		(void)snprintf(where, sizeof(where), "%s: line %" PRIu64,
		    SP_BAG_OMITTED, w->omitted.line);
		sp_findings_add(&w->b->found, "omitted", where,
		    "is not the form of the document, or out of order");
	}
	return (SP_OK);
}

/*
 * Move all cursors to ${seq}: what they pass over belongs to no entry of the
 * run and is a finding.
 */
static enum sp_code
report_extras(struct sp_verify_bag_walk *w, uint64_t seq, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	char where[96];

	while (rc == SP_OK && w->have_record && w->rec.seq < seq) {
		(void)snprintf(where, sizeof(where), "%s: entry %" PRIu64,
		    SP_BAG_RECORDS, w->rec.seq);
		sp_findings_add(&w->b->found, "extra", where,
		    "the record of an entry that is not in the run");
		rc = next_record(w, err);
	}
	while (rc == SP_OK && w->have_omitted && w->om.seq < seq) {
		(void)snprintf(where, sizeof(where), "%s: entry %" PRIu64,
		    SP_BAG_OMITTED, w->om.seq);
		sp_findings_add(
		    &w->b->found, "extra", where, "is not an entry of the run");
		rc = next_omitted(w, err);
	}
	for (; rc == SP_OK && w->next_message < w->nmessages &&
	       w->messages[w->next_message].seq < seq;
	     w->next_message++) {
		(void)snprintf(where, sizeof(where),
		    "data/messages/%012" PRIu64 ".eml",
		    w->messages[w->next_message].seq);
		sp_findings_add(
		    &w->b->found, "extra", where, "is not an entry of the run");
	}
	return (rc);
}

/* ---- one entry of the run ---- */

/*
 * Whether the proven purge event that the omitted line names destroys what the
 * line says.
 */
static bool
is_purged_by(const struct sp_verify_bag *b, const struct sp_bag_omitted *o)
{
	for (size_t i = 0; i < b->npurges; i++)
		if (b->purges[i].event == o->event)
			return (sp_seq_spans_has(o->reason == SP_BAG_ERASED
						     ? &b->purges[i].erased
						     : &b->purges[i].purged,
			    o->seq));
	return (false);
}

/*
 * Whether the entry may be omitted for the reason that its line gives; counts
 * it by that reason.
 */
static void
check_reason(
    struct sp_verify_bag_walk *w, const struct sp_line *l, const char *where)
{
	struct sp_verify_bag *b = w->b;
	const char *why = NULL;

	if ((w->om.reason == SP_BAG_EVENT) != (l->kind == SP_KIND_EVENT))
		why = l->kind == SP_KIND_EVENT
			  ? "is an event and not omitted as one"
			  : "is a message and omitted as an event";
	else if (w->om.reason == SP_BAG_FILTERED && b->request.known &&
		 !b->request.query && !b->request.by_date)
		why = "omitted as filtered, but everything was asked for";
	else if ((w->om.reason == SP_BAG_PURGED ||
		     w->om.reason == SP_BAG_ERASED) &&
		 !is_purged_by(b, &w->om))
		why = "no proven purge event names it";
	if (why != NULL)
		sp_findings_add(&b->found, "absence", where, "%s", why);
	b->v->filtered += w->om.reason == SP_BAG_FILTERED;
	b->v->purged += w->om.reason == SP_BAG_PURGED;
	b->v->erased += w->om.reason == SP_BAG_ERASED;
}

/*
 * An entry whose message file is there: its record must be there, too, and all
 * three must fit.  It must not be listed as omitted.
 */
static void
check_message_file(struct sp_verify_bag_walk *w, const struct sp_line *l,
    const struct sp_bag_message *m)
{
	struct sp_findings *f = &w->b->found;
	struct sp_record r;
	char where[96];

	(void)snprintf(
	    where, sizeof(where), "data/messages/%012" PRIu64 ".eml", m->seq);
	w->b->v->given++;
	if (w->have_omitted && w->om.seq == m->seq)
		sp_findings_add(
		    f, "omitted", where, "is there, and listed as omitted too");
	if (!w->have_record || w->rec.seq != m->seq) {
		sp_findings_add(f, "missing", where,
		    "its record is not in " SP_BAG_RECORDS);
		return;
	}
	(void)snprintf(
	    where, sizeof(where), "%s: entry %" PRIu64, SP_BAG_RECORDS, m->seq);
	if (!sp_verify_entry_record(l, w->record, where, &r, f))
		return;
	(void)snprintf(
	    where, sizeof(where), "data/messages/%012" PRIu64 ".eml", m->seq);
	(void)sp_verify_entry_message(l, &r, m->size, m->sha256, where, f);
	sp_record_done(&r);
}

/*
 * An entry without a message file: it must be listed as omitted, for a reason
 * that holds.  Its record may be there only if --with-records was asked for,
 * and must then fit the line.
 */
static void
check_absent(
    struct sp_verify_bag_walk *w, const struct sp_line *l, const char *where)
{
	struct sp_verify_bag *b = w->b;
	bool have = w->have_record && w->rec.seq == l->seq;
	struct sp_record r;
	char place[96];

	if (!w->have_omitted || w->om.seq != l->seq) {
		sp_findings_add(&b->found, "absence", where,
		    "neither given nor listed in " SP_BAG_OMITTED);
		return;
	}
	check_reason(w, l, where);
	(void)snprintf(
	    place, sizeof(place), "%s: entry %" PRIu64, SP_BAG_RECORDS, l->seq);
	if (have) {
		if (sp_verify_entry_record(l, w->record, place, &r, &b->found))
			sp_record_done(&r);
		if (b->request.known && !b->request.with_records)
			sp_findings_add(&b->found, "extra", place,
			    "a record that was not asked for");
	} else if (b->request.known && b->request.with_records &&
		   w->om.reason == SP_BAG_FILTERED) {
		sp_findings_add(&b->found, "missing", place,
		    "was asked for by --with-records");
	}
}

/*
 * An entry of the run must have been received in the range that was asked for.
 */
static void
check_time(
    struct sp_verify_bag_walk *w, const struct sp_line *l, const char *where)
{
	const struct sp_verify_request *a = &w->b->request;

	if (!a->known || a->by_date)
		return;
	if ((a->have_since && l->received < a->since) ||
	    (a->have_until && l->received >= a->until))
		sp_findings_add(&w->b->found, "range", where,
		    "was received outside the range that was asked for");
}

/*
 * One entry of the run, neighbours excluded; the cursors are behind it
 * afterwards.
 */
static enum sp_code
check_run_entry(struct sp_verify_bag_walk *w, const struct sp_line *l,
    const char *where, struct sp_err *err)
{
	enum sp_code rc = report_extras(w, l->seq, err);

	if (rc != SP_OK)
		return (rc);
	check_time(w, l, where);
	w->b->v->range_messages += l->kind == SP_KIND_MESSAGE;
	if (w->next_message < w->nmessages &&
	    w->messages[w->next_message].seq == l->seq)
		check_message_file(w, l, &w->messages[w->next_message++]);
	else
		check_absent(w, l, where);
	while (w->next_message < w->nmessages &&
	       w->messages[w->next_message].seq == l->seq)
		w->next_message++;
	if (w->have_record && w->rec.seq == l->seq)
		rc = next_record(w, err);
	if (rc == SP_OK && w->have_omitted && w->om.seq == l->seq)
		rc = next_omitted(w, err);
	return (rc);
}

/* ---- all entries ---- */

/*
 * One line of entries.txt: its hash goes into the range proof whatever it says;
 * then its form, seq and time; then, if it is no neighbour, the entry.
 */
static enum sp_code
check_entry(
    struct sp_verify_bag_walk *w, struct sp_view text, struct sp_err *err)
{
	const struct sp_bag_info *i = &w->b->info;
	struct sp_findings *f = &w->b->found;
	struct sp_hash leaf = sp_merkle_leaf(text);
	struct sp_line l;
	struct sp_err why;
	char where[96];

	sp_range_check_leaf(w->check, &leaf);
	(void)snprintf(
	    where, sizeof(where), "%s: entry %" PRIu64, SP_BAG_ENTRIES, w->seq);
	if (sp_line_parse(text, &l, &why) != SP_OK) {
		sp_findings_add(f, "line", where, "%s", why.msg);
		return (SP_OK);
	}
	if (l.seq != w->seq) {
		sp_findings_add(
		    f, "line", where, "is the line of entry %" PRIu64, l.seq);
		return (SP_OK);
	}
	if (l.received < w->previous)
		sp_findings_add(f, "order", where,
		    "was received before the entry before it");
	w->previous = l.received;
	w->b->v->entries++;
	if (l.seq < i->first) {
		w->left = l.received;
		w->have_left = true;
		return (SP_OK);
	}
	if (l.seq >= i->end) {
		w->right = l.received;
		w->have_right = true;
		return (SP_OK);
	}
	return (check_run_entry(w, &l, where, err));
}

/* All lines of entries.txt: exactly as many as the proven run has entries. */
static enum sp_code
walk_entries(struct sp_verify_bag_walk *w, struct sp_err *err)
{
	struct sp_view line;
	enum sp_code rc = SP_OK;

	for (w->seq = w->range.first; rc == SP_OK; w->seq++) {
		rc = sp_bag_text_next(&w->entries, &line, err);
		if (rc == SP_EEND)
			break;
		if (rc == SP_OK && w->seq == w->range.end) {
			sp_findings_add(&w->b->found, "range", SP_BAG_ENTRIES,
			    "has more lines than the proven run has entries");
			return (SP_OK);
		}
		if (rc != SP_OK)
			return (sp_findings_add_error(
			    &w->b->found, "line", SP_BAG_ENTRIES, rc, err));
		rc = check_entry(w, line, err);
	}
	if (rc != SP_EEND)
		return (rc);
	if (w->seq < w->range.end)
		sp_findings_add(&w->b->found, "range", SP_BAG_ENTRIES,
		    "ends before entry %" PRIu64
		    ": the proven run has entries up to %" PRIu64,
		    w->seq, w->range.end - 1);
	return (report_extras(w, UINT64_MAX, err));
}

/*
 * The lines and the siblings of range.txt must give the root of the checkpoint.
 */
static void
check_root(struct sp_verify_bag_walk *w)
{
	struct sp_hash root;

	if (!w->b->have_checkpoint)
		return;
	if (!sp_range_check_root(w->check, &root) ||
	    !sp_hash_eq(&root, &w->b->checkpoint.root))
		sp_findings_add(&w->b->found, "range", SP_BAG_ENTRIES,
		    "with " SP_BAG_RANGE
		    " these lines do not give the root of the checkpoint: a line was changed, added or left out, or the proof was");
}

/* ---- setting up ---- */

/*
 * The proven run must be the run of bag-info.txt and its neighbours: one before
 * it, unless it begins with entry 0, and one behind it.
 */
static bool
check_range_fits(struct sp_verify_bag_walk *w)
{
	const struct sp_bag_info *i = &w->b->info;
	const struct sp_bag_range *r = &w->range;
	uint64_t first = i->first == 0 ? 0 : i->first - 1;

	if (r->first == first && r->end == i->end + 1 &&
	    r->size == i->tree_size &&
	    (!w->b->have_checkpoint || r->size == w->b->checkpoint.size))
		return (true);
	sp_findings_add(&w->b->found, "range", SP_BAG_RANGE,
	    "proves the entries %" PRIu64 " to %" PRIu64 " of %" PRIu64
	    ", which is not the run of bag-info.txt with its neighbours",
	    r->first, r->end - 1, r->size);
	return (false);
}

/* Read range.txt; *have is false, after a finding, where it cannot be used. */
static enum sp_code
load_range(struct sp_verify_bag_walk *w, bool *have, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, SP_BAG_PROOF_MAX);
	rc = sp_bag_source_require(
	    w->b->src, SP_BAG_RANGE, SP_BAG_PROOF_MAX, &text, have, err);
	if (rc == SP_OK && *have) {
		rc = sp_bag_range_parse(sp_buf_view(&text), &w->range, err);
		*have = rc == SP_OK && check_range_fits(w);
		rc = sp_findings_add_error(
		    &w->b->found, "range", SP_BAG_RANGE, rc, err);
	}
	sp_buf_done(&text);
	return (rc);
}

/*
 * Open one of the lists; *have is false, after a finding, where it cannot be
 * read.
 */
static enum sp_code
open_text(struct sp_verify_bag_walk *w, const char *name, size_t max,
    struct sp_bag_text *out, bool *have, struct sp_err *err)
{
	const struct sp_bag_file *file =
	    sp_bag_source_file(w->b->src, sp_view_str(name));
	enum sp_code rc = SP_OK;

	*have = false;
	if (file == NULL)
		return (SP_OK); /* a finding already */
	rc = sp_bag_text_open(w->b->src, file, max, out, err);
	*have = rc == SP_OK;
	return (
	    sp_findings_add_error(&w->b->found, "container", name, rc, err));
}

/*
 * Open the lists, walk, and judge.  Without entry lines nothing can be judged;
 * without records or omitted lines each entry that lacks one is a finding.
 */
static enum sp_code
walk_lists(struct sp_verify_bag_walk *w, struct sp_err *err)
{
	enum sp_code rc;
	bool have, ignored;

	rc = open_text(w, SP_BAG_ENTRIES, SP_LINE_MAX, &w->entries, &have, err);
	if (rc == SP_OK)
		rc = open_text(w, SP_BAG_RECORDS, SP_RECORD_MAX, &w->records,
		    &ignored, err);
	if (rc == SP_OK)
		rc = open_text(w, SP_BAG_OMITTED, SP_BAG_TEXT_LINE, &w->omitted,
		    &ignored, err);
	if (rc == SP_OK)
		rc = next_record(w, err);
	if (rc == SP_OK)
		rc = next_omitted(w, err);
	if (rc != SP_OK || !have)
		return (rc);
	w->check = sp_range_check_new(w->range.first, w->range.end,
	    w->range.size, &w->range.left, &w->range.right);
	rc = walk_entries(w, err);
	if (rc == SP_OK) {
		check_root(w);
		sp_verify_bag_verdict(w);
	}
	return (rc);
}

enum sp_code
sp_verify_bag_entries(struct sp_verify_bag *b, struct sp_err *err)
{
	struct sp_verify_bag_walk *w = sp_xcalloc(1, sizeof(*w));
	enum sp_code rc = SP_OK;
	bool have = false;

	w->b = b;
	w->previous = INT64_MIN;
	w->entries.fd = w->records.fd = w->omitted.fd = -1;
	w->messages = sp_bag_source_messages(b->src, &w->nmessages);
	if (b->have_info)
		rc = load_range(w, &have, err);
	if (rc == SP_OK && have)
		rc = walk_lists(w, err);
	if (w->have_record)
		sp_record_done(&w->rec);
	sp_range_check_free(w->check);
	sp_bag_text_close(&w->entries);
	sp_bag_text_close(&w->records);
	sp_bag_text_close(&w->omitted);
	free(w);
	return (rc);
}
