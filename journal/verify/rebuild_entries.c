/*
 * The entries of a rebuilt tree: first the lines of the segments, then, for
 * what is not packed yet, the lines that records of the intake log give.  Every
 * entry is checked on the way, as a verifier would: seq and time of its line,
 * its record against the line, of an unsealed one also its message.  The first
 * finding ends it.  Called by rebuild.c, which compares the roots afterwards.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/layout.h"
#include "base/line.h"
#include "base/sha256.h"
#include "journal/verify/rebuild_priv.h"
#include "journal/segment/segment.h"

/*
 * Add the next line to the tree; its time must not be before that of the entry
 * before.
 */
static enum sp_code
add_line(struct sp_rebuild_run *r, struct sp_view text,
    const struct sp_line *line, const char *where, struct sp_err *err)
{
	enum sp_code rc;

	if (line->received < r->received) {
		sp_verify_found_add(&r->a.found, "time", where,
		    "its time of receipt is before that of the entry before");
		return (SP_OK);
	}
	rc = sp_tree_add(r->tree, text, err);
	if (rc != SP_OK)
		return (
		    sp_verify_found_code(&r->a.found, "line", where, rc, err));
	r->received = line->received;
	r->next++;
	return (SP_OK);
}

/*
 * The record of a sealed entry, where it was not erased, must be the one of its
 * line.
 */
static enum sp_code
check_sealed_record(struct sp_rebuild_run *r, struct sp_segment *s,
    const struct sp_line *line, const char *where, struct sp_err *err)
{
	struct sp_segment_item it;
	struct sp_record rec;
	enum sp_code rc = sp_segment_item(s, line->seq, &it, err);

	if (rc == SP_OK && it.has_record)
		rc = sp_segment_read(s, line->seq, &r->record, NULL, err);
	if (rc != SP_OK)
		return (sp_verify_found_code(
		    &r->a.found, "segment", where, rc, err));
	if (it.has_record &&
	    sp_verify_entry_record(
		line, sp_buf_view(&r->record), where, &rec, &r->a.found))
		sp_record_done(&rec);
	return (SP_OK);
}

/*
 * All lines of a segment, which are in ${r}->lines; they must be those of the
 * entries of its name.
 */
static enum sp_code
add_lines(struct sp_rebuild_run *r, struct sp_segment *s,
    const struct sp_segment_file *f, struct sp_err *err)
{
	struct sp_view rest = sp_buf_view(&r->lines);
	enum sp_code rc = SP_OK;

	while (
	    rc == SP_OK && r->a.found.total == 0 && r->next <= f->name.last) {
		struct sp_view text = sp_view_cut(&rest, '\n');
		struct sp_line line;
		char where[192];

		(void)snprintf(where, sizeof(where), "%s: entry %" PRIu64,
		    f->path, r->next);
		rc = sp_line_parse(text, &line, err);
		if (rc != SP_OK)
			return (sp_verify_found_code(
			    &r->a.found, "line", where, rc, err));
		if (line.seq != r->next) {
			sp_verify_found_add(&r->a.found, "line", where,
			    "the line is of entry %" PRIu64, line.seq);
			return (SP_OK);
		}
		rc = check_sealed_record(r, s, &line, where, err);
		if (rc == SP_OK && r->a.found.total == 0)
			rc = add_line(r, text, &line, where, err);
	}
	if (rc == SP_OK && r->a.found.total == 0 && rest.n > 0)
		sp_verify_found_add(&r->a.found, "line", f->path,
		    "more entry lines than its name says");
	return (rc);
}

/*
 * One segment: it must hold the entries that its name says, from ${r}->next on.
 */
static enum sp_code
add_segment(struct sp_rebuild_run *r, const struct sp_segment_file *f,
    struct sp_err *err)
{
	char *path = sp_layout_path(r->a.dir, f->path);
	struct sp_segment *s = NULL;
	enum sp_code rc = sp_segment_open(path, &s, err);

	free(path);
	sp_buf_clear(&r->lines);
	if (rc == SP_OK)
		rc = sp_segment_lines(s, &r->lines, err);
	if (rc != SP_OK)
		rc = sp_verify_found_code(
		    &r->a.found, "segment", f->path, rc, err);
	else if (f->name.first != r->next ||
		 sp_segment_first(s) != f->name.first ||
		 sp_segment_last(s) != f->name.last)
		sp_verify_found_add(&r->a.found, "segment", f->path,
		    "does not hold the entries of its name from %" PRIu64 " on",
		    r->next);
	else
		rc = add_lines(r, s, f, err);
	sp_segment_close(s);
	return (rc);
}

/*
 * An entry that is not packed: its line is what its record gives; the message
 * must fit.
 */
static enum sp_code
add_unsealed(
    struct sp_rebuild_run *r, const struct sp_entry *e, struct sp_err *err)
{
	uint8_t sha256[SP_SHA256_LEN];
	char text[SP_LINE_MAX], where[192];
	struct sp_record rec;
	struct sp_line line;
	enum sp_code rc;
	size_t n;

	(void)snprintf(
	    where, sizeof(where), "%s: entry %" PRIu64, e->where, e->seq);
	rc = sp_record_parse(e->record, &rec, err);
	if (rc != SP_OK)
		return (sp_verify_found_code(
		    &r->a.found, "record", where, rc, err));
	sp_line_of_record(&rec, e->record, &line);
	if (rec.seq != e->seq || rec.has_message != e->has_message)
		sp_verify_found_add(&r->a.found, "record", where,
		    "the record is of another entry than what it lies with");
	if (r->a.found.total == 0 && e->has_message) {
		sp_sha256_once(e->msg.p, e->msg.n, sha256);
		(void)sp_verify_entry_message(
		    &line, &rec, e->msg.n, sha256, where, &r->a.found);
	}
	sp_record_done(&rec);
	if (r->a.found.total > 0)
		return (SP_OK);
	n = sp_line_format(&line, text);
	return (add_line(r, sp_view_mem(text, n), &line, where, err));
}

/*
 * The next entry of the intake log.  *end: there is none.  That later ones are
 * there is a finding then.
 */
static enum sp_code
add_next_unsealed(struct sp_rebuild_run *r, bool *end, struct sp_err *err)
{
	struct sp_entry e;
	uint64_t last;
	enum sp_code rc = sp_reader_get(r->reader, r->next, &e, err);

	if (rc == SP_OK)
		return (add_unsealed(r, &e, err));
	if (rc != SP_ENOTFOUND)
		return (sp_verify_found_code(
		    &r->a.found, "intake", "intake", rc, err));
	rc = sp_reader_end(r->reader, &last, err);
	if (rc == SP_OK && last > r->next)
		sp_verify_found_add(&r->a.found, "missing", "archive",
		    "entry %" PRIu64
		    " is in no segment and in no intake file, though later ones are",
		    r->next);
	*end = true;
	return (rc);
}

enum sp_code
sp_rebuild_entries(struct sp_rebuild_run *r, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	bool end = false;

	while (rc == SP_OK && !end && r->a.found.total == 0) {
		const struct sp_segment_file *f =
		    sp_segment_pick(r->segments, r->nsegments, r->next);

		if (f != NULL)
			rc = add_segment(r, f, err);
		else
			rc = add_next_unsealed(r, &end, err);
	}
	if (rc == SP_OK && r->a.found.total == 0)
		rc = sp_tree_commit(r->tree, err);
	r->out->size = r->next;
	return (rc);
}
