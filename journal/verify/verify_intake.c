/*
 * The intake log of an archive: entries that are in no segment yet, as the
 * batch headers prove them durable (doc/format-intake.md,
 * journal/log/intake_read.h).  Each is checked like an entry of a segment:
 * record against line, message against both.  Where the tree has no line for it
 * yet, its own record gives one.
 *
 * The service may pack and remove a file between the listing and the reading:
 * that shows as a gap, and verify_archive.c then looks at the segments again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/line.h"
#include "base/sha256.h"
#include "journal/log/intake_read.h"
#include "journal/verify/verify_priv.h"

#define MESSAGE_MAX SP_INTAKE_MSG_MAX

/* The intake log being checked. */
struct intake_check {
	struct sp_verify_archive *a;
	struct sp_tree *tree; /* NULL: none could be opened */
	struct sp_buf record, msg;
	const char *where; /* "intake/...", the file being read */
	int64_t previous; /* time of receipt of the entry before */
	bool gap; /* entries are missing before one that was met */
};

/*
 * The line of an entry: from the tree, or, for what lies beyond the tree that
 * was verified, from its own record; then its seq and time are checked here and
 * the message is counted.  False: there is none, which is a finding (or was one
 * in the check of the tree).
 */
static bool
find_line(struct intake_check *w, uint64_t seq, struct sp_view record,
    const char *where, struct sp_line *out)
{
	struct sp_view text;
	struct sp_record r;
	struct sp_err err;

	if (w->tree != NULL && seq < w->a->tree_size) {
		/* What is wrong with the tree's line is a finding already. */
		return (sp_tree_line(w->tree, seq, &text, &err) == SP_OK &&
			sp_line_parse(text, out, &err) == SP_OK);
	}
	if (sp_record_parse(record, &r, &err) != SP_OK) {
		sp_findings_add(&w->a->found, "record", where, "%s", err.msg);
		return (false);
	}
	sp_line_of_record(&r, record, out);
	sp_record_done(&r);
	if (out->seq != seq) {
		sp_findings_add(&w->a->found, "record", where,
		    "record says it is entry %" PRIu64, out->seq);
		return (false);
	}
	if (out->received < w->previous)
		sp_findings_add(&w->a->found, "order", where,
		    "was received before the entry before it");
	w->previous = out->received;
	w->a->v->time = out->received;
	if (out->kind == SP_KIND_MESSAGE)
		w->a->v->messages++;
	return (true);
}

/*
 * One entry, whose record and message are in ${w}: against its line, and what
 * it says of keys and purges if no segment said so already.
 */
static enum sp_code
check_entry(
    struct intake_check *w, const struct sp_intake_item *it, struct sp_err *err)
{
	struct sp_findings *f = &w->a->found;
	struct sp_view record = sp_buf_view(&w->record);
	uint8_t digest[SP_SHA256_LEN];
	struct sp_record r;
	struct sp_line l;
	char where[160];
	enum sp_code rc = SP_OK;

	(void)snprintf(
	    where, sizeof(where), "%s: entry %" PRIu64, w->where, it->seq);
	if (!find_line(w, it->seq, record, where, &l) ||
	    !sp_verify_entry_record(&l, record, where, &r, f))
		return (SP_OK);
	if (it->has_message != l.has_message) {
		sp_findings_add(f, "message", where,
		    it->has_message ? "has a message, its line has none"
				    : "its message is not there");
	} else if (it->has_message) {
		sp_sha256_once(w->msg.p, w->msg.n, digest);
		(void)sp_verify_entry_message(
		    &l, &r, w->msg.n, digest, where, f);
	}
	if (sp_verify_logged_wanted(&r) && it->seq >= w->a->next)
		rc = sp_verify_logged_add(&w->a->logged, &r, where, f, err);
	sp_record_done(&r);
	return (rc);
}

/*
 * Count an entry, unless a segment holds it already, and advance the archive's
 * next over it.
 */
static void
count_entry(struct intake_check *w, const struct sp_intake_item *it)
{
	struct sp_verify_archive *a = w->a;

	if (it->seq < a->next)
		return;
	w->gap = w->gap || it->seq > a->next;
	if (it->seq > a->next)
		sp_findings_add(&a->found, "missing", w->where,
		    "the entries %" PRIu64 " to %" PRIu64
		    " before it are in no segment and in no intake file",
		    a->next, it->seq - 1);
	a->next = it->seq + 1;
	a->v->unsealed++;
	a->v->bytes += it->msg_len;
}

/* All durable entries of one file. */
static enum sp_code
walk_file(
    struct intake_check *w, struct sp_intake_file *file, struct sp_err *err)
{
	struct sp_intake_item it;
	enum sp_code rc;

	for (;;) {
		rc = sp_intake_file_next(file, &it, err);
		if (rc != SP_OK)
			break;
		rc = sp_intake_file_read(file, &it, &w->record, &w->msg, err);
		if (rc == SP_OK)
			rc = check_entry(w, &it, err);
		if (rc == SP_OK)
			rc = sp_verify_progress_step(
			    &w->a->run, it.record_len + it.msg_len, err);
		if (rc != SP_OK)
			break;
		count_entry(w, &it);
	}
	return (rc == SP_EEND ? SP_OK : rc);
}

/*
 * One file of the log.  That it cannot be read, or is damaged before a valid
 * batch header, is a finding.
 */
static enum sp_code
check_file(struct intake_check *w, const struct sp_intake_info *info,
    struct sp_err *err)
{
	char *where = sp_layout_path("intake", info->name);
	char *path = sp_layout_path(w->a->dir, where);
	struct sp_intake_file *file = NULL;
	enum sp_code rc;

	w->where = where;
	(void)snprintf(w->a->intake, sizeof(w->a->intake), "%.79s", where);
	if (strcmp(info->head.origin, w->a->origin) != 0)
		sp_findings_add(&w->a->found, "intake", where,
		    "belongs to another log: its origin is %s",
		    info->head.origin);
	rc = sp_intake_file_open(path, info->limit, &file, err);
	/* SP_ENOTFOUND: packed and removed since the listing. */
	if (rc == SP_OK && w->tree != NULL)
		sp_intake_file_cover(file, w->a->tree_size);
	if (rc == SP_OK)
		rc = walk_file(w, file, err);
	rc = sp_findings_add_error(&w->a->found, "intake", where, rc, err);
	sp_intake_file_close(file);
	free(path);
	free(where);
	return (rc);
}

/* All files, in the order of their entries. */
static enum sp_code
check_files(struct intake_check *w, struct sp_intake_info *f, size_t n,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; i < n; i++)
		w->a->run.total += f[i].size;
	for (size_t i = 0; i < n && rc == SP_OK; i++)
		rc = check_file(w, &f[i], err);
	return (rc);
}

/*
 * Where no tree can be opened, each entry is checked by its own record alone.
 */
enum sp_code
sp_verify_intake(struct sp_verify_archive *a, bool *gap, struct sp_err *err)
{
	struct intake_check w = { .a = a, .previous = a->v->time };
	struct sp_intake_info *f = NULL;
	size_t n = 0;
	enum sp_code rc;

	sp_buf_init(&w.record, SP_RECORD_MAX);
	sp_buf_init(&w.msg, MESSAGE_MAX);
	rc = sp_intake_list(a->dir, &f, &n, err);
	if (rc != SP_OK) {
		rc = sp_findings_add_error(
		    &a->found, "intake", "intake", rc, err);
		goto out;
	}
	if (a->have_tree && sp_tree_open(a->dir, &w.tree, NULL) != SP_OK)
		w.tree = NULL;
	rc = check_files(&w, f, n, err);
out:
	*gap = w.gap || (a->have_tree && a->next < a->tree_size);
	sp_tree_close(w.tree);
	sp_buf_done(&w.record);
	sp_buf_done(&w.msg);
	free(f);
	return (rc);
}
