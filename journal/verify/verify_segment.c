/*
 * One segment: its signature, its tables, and the whole tar read as a stranger
 * would (sp_segment_walk(), doc/format-segment.md).  Each record is checked
 * against its entry line, each line against the tree, each message against its
 * record and line, and the table of contents against what is really there.
 * Runs in a thread of verify_segments.c; results go to the job, so that they
 * can be merged in order.
 */
#include "journal/verify/verify_segment_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/line.h"
#include "base/sha256.h"

#define P7S_MAX	  (1u << 20)
#define WHERE_MAX 320

/* The kinds of members of a segment. */
enum member { NONE, LINES, RECORD, MESSAGE };

/*
 * One segment being checked.  Its tar has the members
 *
 *	FIRST-LAST.lines   SEQ.json [SEQ.eml]   SEQ.json [SEQ.eml] ...
 *
 * An event and a purged message have no .eml; an erased entry has neither part,
 * only its line.
 */
struct segment_check {
	struct sp_verify_worker *w;
	struct sp_verify_job *job;
	struct sp_segment *tables; /* NULL where they are damaged */

	/* The walk through the tar. */
	enum member member; /* whose data comes */
	uint64_t members; /* met so far */
	size_t line_at; /* offset of the next line in w->lines */
	uint64_t next; /* seq of the next line */
	uint64_t reported; /* bytes of the file, as progress */

	/* The entry whose members come. */
	bool in_entry; /* there is one */
	struct sp_line line;
	bool have_record, have_message;
	uint64_t record_len, msg_len;
	bool record_ok; /* the record is the logged one, and rec is filled */
	struct sp_record rec;
};

/* "archive/2026/11/...: entry 12", as findings name it. */
static const char *
name_entry(const struct segment_check *k, uint64_t seq, char out[WHERE_MAX])
{
	(void)snprintf(
	    out, WHERE_MAX, "%s: entry %" PRIu64, k->job->where, seq);
	return (out);
}

/*
 * The line in the segment must be the one in the tree, if a tree could be
 * opened.
 */
static void
check_line(struct segment_check *k, struct sp_view text, const char *where)
{
	struct sp_verify_worker *w = k->w;
	struct sp_view in_tree;
	struct sp_err err;

	if (w->tree == NULL)
		return;
	if (sp_tree_line(w->tree, k->line.seq, &in_tree, &err) != SP_OK)
		sp_verify_found_add(&k->job->found, "line", where,
		    "cannot be compared with the tree: %s", err.msg);
	else if (!sp_view_eq(in_tree, text))
		sp_verify_found_add(&k->job->found, "line", where,
		    "the segment's line is not the one in the tree");
}

/*
 * Read the next entry line of the .lines member into ${k}->line, and compare it
 * with the tree; false, with a finding, if it is not that of entry ${k}->next.
 */
static bool
next_line(struct segment_check *k)
{
	struct sp_view rest = sp_buf_view(&k->w->lines), text;
	struct sp_err err;
	char where[WHERE_MAX];

	(void)name_entry(k, k->next, where);
	if (k->line_at >= rest.n) {
		sp_verify_found_add(&k->job->found, "line", where,
		    "there is no line of it in the segment");
		return (false);
	}
	rest.p += k->line_at;
	rest.n -= k->line_at;
	text = sp_view_cut(&rest, '\n');
	k->line_at += text.n + 1;
	if (sp_line_parse(text, &k->line, &err) != SP_OK) {
		sp_verify_found_add(
		    &k->job->found, "line", where, "%s", err.msg);
		return (false);
	}
	if (k->line.seq != k->next) {
		sp_verify_found_add(&k->job->found, "line", where,
		    "the segment has the line of entry %" PRIu64 " here",
		    k->line.seq);
		return (false);
	}
	check_line(k, text, where);
	return (true);
}

/* The table of contents must describe the entry as its members are. */
static void
check_table(struct segment_check *k, const char *where)
{
	struct sp_segment_item it;
	struct sp_err err;

	if (k->tables == NULL)
		return;
	if (sp_segment_item(k->tables, k->line.seq, &it, &err) != SP_OK ||
	    it.has_record != k->have_record ||
	    it.has_message != k->have_message ||
	    (it.has_record && it.record_len != k->record_len) ||
	    (it.has_message && it.msg_len != k->msg_len))
		sp_verify_found_add(&k->job->found, "table", where,
		    "the table of contents does not describe it rightly");
}

/*
 * All members of the current entry were met: compare it with the table, and
 * note what is not there (later, purge events must explain it).
 */
static enum sp_code
end_entry(struct segment_check *k, struct sp_err *err)
{
	struct sp_verify_job *job = k->job;
	char where[WHERE_MAX];
	uint64_t seq = k->line.seq;
	enum sp_code rc = SP_OK;

	if (!k->in_entry)
		return (SP_OK);
	check_table(k, name_entry(k, seq, where));
	if (k->line.kind == SP_KIND_MESSAGE && k->w->a->have_tree &&
	    seq >= k->w->a->tree_size)
		job->after_tree++;
	if (!k->have_record)
		rc = sp_spans_add(&job->no_record, seq, seq + 1, err);
	if (rc == SP_OK && k->line.has_message && !k->have_message)
		rc = sp_spans_add(&job->no_message, seq, seq + 1, err);
	if (k->record_ok)
		sp_record_done(&k->rec);
	k->in_entry = k->record_ok = false;
	return (rc);
}

/* The line of the next entry was read; its members, if it has any, come now. */
static void
begin_entry(struct segment_check *k)
{
	k->in_entry = true;
	k->have_record = k->have_message = k->record_ok = false;
	k->record_len = k->msg_len = 0;
	k->next++;
}

/*
 * Make ${seq} the current entry; those between have a line and neither record
 * nor message.  SP_EEND: a line does not fit, a finding; the walk cannot go on.
 */
static enum sp_code
advance_to(struct segment_check *k, uint64_t seq, struct sp_err *err)
{
	enum sp_code rc = end_entry(k, err);

	while (rc == SP_OK && k->next < seq) {
		if (!next_line(k))
			return (SP_EEND);
		begin_entry(k);
		rc = end_entry(k, err);
	}
	if (rc != SP_OK)
		return (rc);
	if (!next_line(k))
		return (SP_EEND);
	begin_entry(k);
	return (SP_OK);
}

/* A finding about the current member; ends the walk by SP_EEND. */
static enum sp_code
refuse_member(struct segment_check *k, const char *name, const char *why)
{
	sp_verify_found_add(&k->job->found, "segment", k->job->where,
	    "member %" PRIu64 " (%s) %s", k->members, name, why);
	return (SP_EEND);
}

/*
 * "000000000012.json" or ".eml": the seq and which part; NONE for another name.
 */
static enum member
parse_name(const char *name, uint64_t *seq)
{
	struct sp_view rest = sp_view_str(name), stem;
	enum member m = NONE;

	stem = sp_view_cut(&rest, '.');
	if (stem.n < 12 || !sp_view_u64(stem, seq) ||
	    (stem.n > 12 && stem.p[0] == '0'))
		return (NONE);
	if (sp_view_eq_str(rest, "json"))
		m = RECORD;
	else if (sp_view_eq_str(rest, "eml"))
		m = MESSAGE;
	return (m);
}

/* The first member must hold the entry lines, and be called so. */
static enum sp_code
begin_lines(struct segment_check *k, const char *name, uint64_t size)
{
	struct sp_segment_name n = k->job->name;
	char want[96];

	(void)snprintf(want, sizeof(want),
	    "%012" PRIu64 "-%012" PRIu64 ".lines", n.first, n.last);
	if (strcmp(name, want) != 0)
		return (refuse_member(k, name, "should be the entry lines"));
	if (size > SP_VERIFY_LINES_MAX ||
	    size > (n.last - n.first + 1) * SP_LINE_MAX)
		return (refuse_member(k, name, "is too long"));
	k->member = LINES;
	return (SP_OK);
}

/*
 * A record, which begins the entry of its seq, or a message, which must follow
 * its record.
 */
static enum sp_code
begin_part(struct segment_check *k, const char *name, uint64_t size,
    struct sp_err *err)
{
	uint64_t seq = 0;
	enum member m = parse_name(name, &seq);

	if (m == NONE)
		return (
		    refuse_member(k, name, "does not belong into a segment"));
	k->member = m;
	if (m == RECORD) {
		if (seq < k->next || seq > k->job->name.last)
			return (refuse_member(k, name, "is out of order"));
		if (size > SP_RECORD_MAX)
			return (refuse_member(k, name, "is too long"));
		sp_buf_clear(&k->w->record);
		return (advance_to(k, seq, err));
	}
	if (!k->in_entry || k->line.seq != seq || !k->have_record ||
	    k->have_message)
		return (refuse_member(k, name, "does not follow its record"));
	sp_sha256_reset(k->w->sha);
	return (SP_OK);
}

/* A member begins (callback of sp_segment_walk()). */
static enum sp_code
on_member(void *ctx, const char *name, uint64_t size, int64_t mtime,
    struct sp_err *err)
{
	struct segment_check *k = ctx;

	(void)mtime;
	k->members++;
	return (k->members == 1 ? begin_lines(k, name, size)
				: begin_part(k, name, size, err));
}

/*
 * The record is whole: compare it with its line.  A record of an event that
 * names keys or purges is kept for verify_segments.c, which merges them in
 * order.
 */
static enum sp_code
end_record(struct segment_check *k, struct sp_err *err)
{
	struct sp_view text = sp_buf_view(&k->w->record);
	struct sp_verify_job *job = k->job;
	char where[WHERE_MAX];
	uint8_t head[12];

	k->have_record = true;
	k->record_len = text.n;
	k->record_ok = sp_verify_entry_record(&k->line, text,
	    name_entry(k, k->line.seq, where), &k->rec, &job->found);
	if (!k->record_ok || k->rec.kind != SP_KIND_EVENT ||
	    !sp_verify_said_wants(&k->rec))
		return (SP_OK);
	sp_le64_put(head, k->rec.seq);
	sp_le32_put(head + 8, (uint32_t)text.n);
	if (sp_buf_add(&job->events, head, sizeof(head)) != SP_OK ||
	    sp_buf_addv(&job->events, text) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%s: more than %u bytes of key and purge events",
		    job->where, SP_VERIFY_EVENTS_MAX));
	return (SP_OK);
}

/* The message is whole: compare it with record and line. */
static void
end_message(struct segment_check *k)
{
	uint8_t digest[SP_SHA256_LEN];
	char where[WHERE_MAX];

	sp_sha256_end(k->w->sha, digest);
	k->have_message = true;
	k->job->message_bytes += k->msg_len;
	if (k->record_ok)
		(void)sp_verify_entry_message(&k->line, &k->rec, k->msg_len,
		    digest, name_entry(k, k->line.seq, where), &k->job->found);
}

/*
 * Report progress: the share of the file that the entries so far make, at steps
 * of 256 KiB.
 */
static enum sp_code
report_bytes(struct segment_check *k, struct sp_err *err)
{
	const struct sp_segment_name *n = &k->job->name;
	uint64_t entries = n->last - n->first + 1;
	double part = (double)(k->next - n->first) / (double)entries;
	uint64_t at = (uint64_t)(part * (double)k->job->size);
	uint64_t more;

	if (at < k->reported + (256u << 10))
		return (SP_OK);
	if (at > k->job->size)
		at = k->job->size;
	more = at - k->reported;
	k->reported = at;
	return (sp_verify_run_step(&k->w->a->run, more, err));
}

static enum sp_code
end_member(struct segment_check *k, struct sp_err *err)
{
	enum member m = k->member;
	enum sp_code rc = SP_OK;

	k->member = NONE;
	if (m == RECORD)
		rc = end_record(k, err);
	else if (m == MESSAGE)
		end_message(k);
	return (rc == SP_OK ? report_bytes(k, err) : rc);
}

/*
 * Data of the current member in pieces, 0 bytes at its end (callback of
 * sp_segment_walk()).  Lines and record are collected, a message is hashed.
 */
static enum sp_code
on_data(void *ctx, const void *p, size_t n, struct sp_err *err)
{
	struct segment_check *k = ctx;
	enum sp_code rc = SP_OK;

	if (n == 0)
		return (end_member(k, err));
	switch (k->member) {
	case LINES:
		rc = sp_buf_add(&k->w->lines, p, n);
		break;
	case RECORD:
		rc = sp_buf_add(&k->w->record, p, n);
		break;
	case MESSAGE:
		sp_sha256_add(k->w->sha, p, n);
		k->msg_len += n;
		break;
	case NONE:
		break;
	}
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0,
		    "%s: a member is longer than it says", k->job->where));
	return (SP_OK);
}

/*
 * The detached signature beside the segment must be one over its bytes, by a
 * certificate of keys/seal-all.crt, in the one form that our signer writes.
 * Where no certificate could be read, a finding already, it only must be there.
 */
static enum sp_code
check_signature(struct sp_verify_worker *w, struct sp_verify_job *job,
    const char *path, struct sp_err *err)
{
	char *beside = sp_xasprintf("%s.p7s", path);
	char *where = sp_xasprintf("%s.p7s", job->where);
	struct sp_buf p7s;
	enum sp_code rc;

	sp_buf_init(&p7s, P7S_MAX);
	rc = sp_io_read_file(beside, P7S_MAX, &p7s, err);
	if (rc == SP_OK && w->certs != NULL) {
		rc = sp_cms_verify_file(sp_buf_view(&p7s), path, w->certs, err);
		if (rc == SP_OK)
			rc = sp_cms_form(sp_buf_view(&p7s), err);
	}
	rc = sp_verify_found_code(&job->found, "signature", where, rc, err);
	sp_buf_done(&p7s);
	free(where);
	free(beside);
	return (rc);
}

/*
 * Walk the tar; then each entry of the segment's name must have had its line,
 * and no line may be left over.
 */
static enum sp_code
check_tar(struct segment_check *k, const char *path, struct sp_err *err)
{
	const struct sp_segment_walk cb = { on_member, on_data, k, NULL };
	const struct sp_segment_name *n = &k->job->name;
	enum sp_code rc;

	sp_buf_clear(&k->w->lines);
	k->next = n->first;
	rc = sp_segment_walk(path, &cb, err);
	if (rc == SP_OK)
		rc = end_entry(k, err);
	while (rc == SP_OK && k->next <= n->last)
		rc = advance_to(k, k->next, err);
	if (rc == SP_OK)
		rc = end_entry(k, err);
	if (rc == SP_OK && k->line_at != k->w->lines.n)
		sp_verify_found_add(&k->job->found, "line", k->job->where,
		    "has more lines than entries");
	if (k->record_ok)
		sp_record_done(&k->rec);
	/* SP_EEND is that of advance_to() and refuse_member(). */
	return (rc == SP_EEND ? SP_OK : rc);
}

/*
 * --quick: nothing is decompressed but entry 0, for the keys that it names; its
 * record is compared with the line in the tree.
 */
static enum sp_code
read_entry_0(struct segment_check *k, struct sp_err *err)
{
	enum sp_code rc;
	struct sp_view text;

	if (k->tables == NULL || k->job->name.first != 0)
		return (SP_OK);
	sp_buf_clear(&k->w->record);
	rc = sp_segment_read(k->tables, 0, &k->w->record, NULL, err);
	if (rc != SP_OK || k->w->tree == NULL)
		return (rc);
	rc = sp_tree_line(k->w->tree, 0, &text, err);
	if (rc == SP_OK)
		rc = sp_line_parse(text, &k->line, err);
	if (rc == SP_OK)
		rc = end_record(k, err);
	if (k->record_ok)
		sp_record_done(&k->rec);
	return (rc);
}

/*
 * The tables are not needed for the walk, so a segment with damaged tables is
 * still checked entry by entry.
 */
void
sp_verify_segment_run(struct sp_verify_worker *w, struct sp_verify_job *job)
{
	struct segment_check k = { .w = w, .job = job };
	char *path = sp_layout_path(w->a->dir, job->where);
	struct sp_err *err = &job->err;
	enum sp_code rc;

	rc = check_signature(w, job, path, err);
	if (rc != SP_OK)
		goto out;
	rc = sp_segment_open(path, &k.tables, err);
	if (rc == SP_OK && (sp_segment_first(k.tables) != job->name.first ||
			       sp_segment_last(k.tables) != job->name.last))
		sp_verify_found_add(&job->found, "segment", job->where,
		    "holds the entries %" PRIu64 " to %" PRIu64
		    ", its name says others",
		    sp_segment_first(k.tables), sp_segment_last(k.tables));
	rc = sp_verify_found_code(&job->found, "segment", job->where, rc, err);
	if (rc == SP_OK && w->a->o->quick)
		rc = read_entry_0(&k, err);
	else if (rc == SP_OK)
		rc = check_tar(&k, path, err);
	rc = sp_verify_found_code(&job->found, "segment", job->where, rc, err);
	sp_segment_close(k.tables);
	if (rc == SP_OK)
		rc =
		    sp_verify_run_step(&w->a->run, job->size - k.reported, err);
out:
	job->rc = rc;
	free(path);
}
