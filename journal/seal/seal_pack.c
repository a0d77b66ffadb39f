/*
 * Packing a finished intake file into a segment.
 *
 *   temporary file, synced -> signature durable -> rename (the commit) ->
 *   folder synced -> read back -> intake file removed
 *
 * A crash before the rename leaves nothing that counts, and the work is done
 * again; after it the segment is there, and what is left is to read it back and
 * remove the intake file.  Names and signature: doc/format-segment.md.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/line.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "journal/seal/seal_priv.h"
#include "journal/segment/segment.h"
#include "journal/segment/segment_list.h"

/* A finished intake file, and the segment that it becomes. */
struct pack_job {
	/* the intake file */
	char *intake; /* path */
	char rel[64]; /* "intake/..." */
	uint64_t limit; /* bytes of it that count */
	uint64_t first, last; /* seq */
	int64_t received; /* of the first entry */
	/* the segment */
	char folder[32]; /* "archive/2026/11" */
	char name[96]; /* in the folder */
	char *dir; /* path of the folder */
	char *path, *tmp; /* paths of the segment, final and temporary */
	char *p7s; /* path of its signature */
};

static void
job_done(struct pack_job *j)
{
	free(j->intake);
	free(j->dir);
	free(j->path);
	free(j->tmp);
	free(j->p7s);
}

/* Remove the intake file, durably. */
static enum sp_code
remove_intake(struct sp_seal *s, const struct pack_job *j, struct sp_err *err)
{
	char *dir = sp_layout_path(s->dir, "intake");
	enum sp_code rc = sp_io_unlink(j->intake, err);

	if (rc == SP_OK)
		rc = sp_io_syncdir(dir, err);
	free(dir);
	return (rc);
}

/* Fill in where the segment goes: the month of its first entry. */
static enum sp_code
choose_paths(struct sp_seal *s, struct pack_job *j, struct sp_err *err)
{
	const struct sp_segment_name sn = { .first = j->first,
		.last = j->last };
	struct sp_line line;
	int year, month;
	enum sp_code rc = sp_seal_line(s->tree, j->first, &line, err);

	if (rc != SP_OK)
		return (rc);
	j->received = line.received;
	sp_time_year_month(line.received, &year, &month);
	(void)snprintf(
	    j->folder, sizeof(j->folder), "archive/%04d/%02d", year, month);
	sp_layout_segment_name(&sn, j->name);
	j->dir = sp_layout_path(s->dir, j->folder);
	j->path = sp_layout_path(j->dir, j->name);
	j->tmp = sp_xasprintf("%s.tmp", j->path);
	j->p7s = sp_xasprintf("%s.p7s", j->path);
	return (SP_OK);
}

/* Write all entry lines to ${w}, each with its LF; ${len} gets their bytes.
 * With ${w} NULL they are only measured: the tar needs the length first. */
static enum sp_code
write_lines(struct sp_seal *s, const struct pack_job *j,
    struct sp_segment_writer *w, uint64_t *len, struct sp_err *err)
{
	char text[SP_LINE_MAX];
	enum sp_code rc = SP_OK;

	*len = 0;
	for (uint64_t seq = j->first; rc == SP_OK && seq <= j->last; seq++) {
		struct sp_view v;

		rc = sp_tree_line(s->tree, seq, &v, err);
		if (rc != SP_OK)
			return (rc);
		if (v.n >= sizeof(text))
			return (sp_err_set(err, SP_EFORMAT, 0,
			    "tree: the line of entry %" PRIu64 " is too long",
			    seq));
		*len += v.n + 1;
		if (w == NULL)
			continue;
		memcpy(text, v.p, v.n);
		text[v.n] = '\n';
		rc = sp_segment_add_lines(w, sp_view_mem(text, v.n + 1), err);
	}
	return (rc);
}

/* Compare one entry with the tree, then write it. */
static enum sp_code
add_entry(struct sp_seal *s, struct sp_segment_writer *w, uint64_t seq,
    const struct sp_intake_item *it, const struct sp_buf *record,
    const struct sp_buf *msg, struct sp_err *err)
{
	uint8_t sha256[SP_SHA256_LEN] = { 0 };
	struct sp_record r;
	enum sp_code rc;

	if (it->seq != seq)
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    "entry %" PRIu64 " is in its place", it->seq));
	rc = sp_seal_check_record(s->tree, seq, sp_buf_view(record), &r, err);
	if (rc != SP_OK)
		return (rc);
	if (it->has_message)
		sp_sha256_once(msg->p, msg->n, sha256);
	rc = sp_seal_check_message(&r, it->has_message, msg->n, sha256, err);
	if (rc == SP_OK)
		rc = sp_segment_add(w, seq, r.received, sp_buf_view(record),
		    it->has_message, sp_buf_view(msg), err);
	sp_record_done(&r);
	return (rc);
}

/* Write all entries of the intake file ${f}; an error names file and entry. */
static enum sp_code
copy_entries(struct sp_seal *s, const struct pack_job *j,
    struct sp_segment_writer *w, struct sp_intake_file *f, struct sp_err *err)
{
	struct sp_buf record, msg;
	struct sp_intake_item it;
	enum sp_code rc = SP_OK;

	sp_buf_init(&record, SP_RECORD_MAX);
	sp_buf_init(&msg, SP_INTAKE_MSG_MAX);
	for (uint64_t seq = j->first; rc == SP_OK && seq <= j->last; seq++) {
		rc = sp_intake_file_next(f, &it, err);
		if (rc == SP_EEND)
			rc = sp_err_set(
			    err, SP_EMISMATCH, 0, "the file ends too early");
		if (rc == SP_OK)
			rc = sp_intake_file_read(f, &it, &record, &msg, err);
		if (rc == SP_OK)
			rc = add_entry(s, w, seq, &it, &record, &msg, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(
			    err, "%s: entry %" PRIu64, j->rel, seq);
	}
	sp_buf_done(&record);
	sp_buf_done(&msg);
	return (rc);
}

/* Write the segment under its temporary name, synced; ${size} gets its
 * bytes. */
static enum sp_code
write_segment(struct sp_seal *s, const struct pack_job *j, uint64_t *size,
    struct sp_err *err)
{
	struct sp_segment_writer *w = NULL;
	struct sp_intake_file *f = NULL;
	uint64_t len;
	enum sp_code rc = write_lines(s, j, NULL, &len, err);

	if (rc == SP_OK)
		rc = sp_intake_file_open(j->intake, j->limit, &f, err);
	if (rc == SP_OK)
		rc = sp_segment_create(j->tmp, j->first, j->last, len,
		    j->received, s->level, s->frame, &w, err);
	if (rc == SP_OK)
		rc = write_lines(s, j, w, &len, err);
	if (rc == SP_OK)
		rc = copy_entries(s, j, w, f, err);
	sp_intake_file_close(f);
	if (rc == SP_OK)
		return (sp_segment_finish(w, size, err));
	sp_segment_abort(w);
	return (rc);
}

/* Sign what was written, and give it its name.  The signature is durable
 * before: a segment that has its name has its signature. */
static enum sp_code
commit_segment(struct sp_seal *s, const struct pack_job *j, struct sp_err *err)
{
	struct sp_buf der;
	enum sp_code rc;

	sp_buf_init(&der, 1u << 20);
	rc = sp_cms_sign_file(s->sealer, j->tmp, &der, err);
	/* One that a crash left is replaced: it is the signature of nothing
	 * yet, and ECDSA never gives the same twice. */
	if (rc == SP_OK)
		rc = sp_io_replace(j->p7s, der.p, der.n, 0440, err);
	sp_buf_done(&der);
	if (rc == SP_OK)
		rc = sp_io_rename(j->tmp, j->path, err);
	if (rc == SP_OK)
		rc = sp_io_syncdir(j->dir, err);
	return (rc);
}

/* Read the segment back and compare it, then remove the intake file.  If it is
 * not as it should be, the file is kept and the error says what to do. */
static enum sp_code
release_intake(struct sp_seal *s, const struct pack_job *j, struct sp_err *err)
{
	enum sp_code rc =
	    sp_seal_read_back(s->tree, j->path, j->first, j->last, err);

	if (rc == SP_EMISMATCH || rc == SP_EFORMAT) {
		(void)sp_err_prefix(err,
		    "read-back failed and %s is kept (check the disk, move the segment away, seal again)",
		    j->rel);
		return (rc);
	}
	return (rc == SP_OK ? remove_intake(s, j, err) : rc);
}

/* Report the segment to whoever listens. */
static void
report_sealed(struct sp_seal *s, const struct pack_job *j, uint64_t size)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "path=%s/%s first=%" PRIu64 " last=%" PRIu64 " bytes=%" PRIu64,
	    j->folder, j->name, j->first, j->last, size);
	sp_seal_tell(s, "sealed", text);
}

/* All steps for a file that holds entries; if the segment is there already,
 * those that are left. */
static enum sp_code
pack(struct sp_seal *s, struct pack_job *j, struct sp_err *err)
{
	uint64_t size = 0;
	bool fresh;
	enum sp_code rc = choose_paths(s, j, err);

	if (rc != SP_OK)
		return (rc);
	fresh = !sp_io_exists(j->path);
	if (fresh) {
		rc = sp_io_mkdirs(j->dir, 0750, err);
		if (rc == SP_OK)
			rc = sp_io_clean(j->dir, NULL, err);
		if (rc == SP_OK)
			rc = write_segment(s, j, &size, err);
		if (rc == SP_OK)
			rc = commit_segment(s, j, err);
	} else {
		/* A crash came between rename and its sync. */
		rc = sp_io_syncdir(j->dir, err);
	}
	/* A checkpoint is kept for each segment (doc/format-tree.md). */
	if (rc == SP_OK)
		rc = sp_seal_keep(s, err);
	if (rc == SP_OK)
		rc = release_intake(s, j, err);
	if (rc != SP_OK)
		return (rc);
	if (s->packed <= j->last)
		s->packed = j->last + 1;
	if (fresh)
		report_sealed(s, j, size);
	return (SP_OK);
}

/* Check that what the file holds follows what is packed, and is signed; a
 * checkpoint is made if need be. */
static enum sp_code
check_run(struct sp_seal *s, const struct pack_job *j, struct sp_err *err)
{
	uint64_t signed_size = s->signed_last.size;
	enum sp_code rc;

	if (j->first > s->packed)
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    "%s begins at entry %" PRIu64
		    ", but segments end before %" PRIu64
		    ": entries are missing; restore them before anything is sealed",
		    j->rel, j->first, s->packed));
	if (j->last < signed_size)
		return (SP_OK);
	rc = sp_seal_checkpoint(s, &signed_size, err);
	if (rc == SP_OK && j->last >= signed_size)
		rc = sp_err_set(err, SP_EAGAIN, 0,
		    "%s is not covered by a checkpoint yet", j->rel);
	return (rc);
}

/* Find the oldest intake file, if it is finished; its successor tells where it
 * ends.  *empty: it holds no entries.  SP_EFORMAT: the two contradict each
 * other. */
static enum sp_code
find_oldest(struct sp_seal *s, struct pack_job *j, bool *empty, bool *found,
    struct sp_err *err)
{
	struct sp_intake_info *v;
	size_t n;
	enum sp_code rc = sp_intake_list(s->dir, &v, &n, err);

	if (rc != SP_OK)
		return (rc);
	*found = n >= 2 && v[0].finished;
	if (*found) {
		(void)snprintf(
		    j->rel, sizeof(j->rel), "intake/%.56s", v[0].name);
		j->intake = sp_layout_path(s->dir, j->rel);
		j->limit = v[0].limit;
		j->first = v[0].head.first;
		*empty = v[1].head.first == j->first;
		j->last = v[1].head.first - 1;
		if (v[1].head.first < j->first)
			rc = sp_err_set(err, SP_EFORMAT, 0,
			    "%s begins behind its successor", j->rel);
		/* Only its successor can say that it is empty: a file of
		 * another history holds entries that were accepted. */
		if (*empty && v[0].limit != v[0].head.length)
			rc = sp_err_set(err, SP_EFORMAT, 0,
			    "%s and intake/%.56s begin at the same entry, and neither continues the other: they are of two histories of this archive; nothing is removed, move the one away that does not belong here",
			    j->rel, v[1].name);
	}
	free(v);
	return (rc);
}

/* Pack the oldest file, if it is finished.  An empty one is removed, and *again
 * says to go on with the next. */
static enum sp_code
pack_oldest(struct sp_seal *s, bool *again, bool *did, struct sp_err *err)
{
	struct pack_job j = { 0 };
	bool empty = false, found = false;
	enum sp_code rc = find_oldest(s, &j, &empty, &found, err);

	*again = false;
	if (rc == SP_OK && found && empty) {
		/* Its first sync failed: nothing in it was accepted. */
		rc = remove_intake(s, &j, err);
		*again = true;
	} else if (rc == SP_OK && found) {
		rc = check_run(s, &j, err);
		if (rc == SP_OK)
			rc = pack(s, &j, err);
		*did = rc == SP_OK;
	}
	job_done(&j);
	return (rc);
}

/* Files are packed one by one, so that the caller can sign and answer in
 * between. */
enum sp_code
sp_seal_pack(struct sp_seal *s, bool *did, struct sp_err *err)
{
	bool again = true, packed = false;
	enum sp_code rc = sp_seal_ready(s, err);

	while (rc == SP_OK && again)
		rc = pack_oldest(s, &again, &packed, err);
	if (rc != SP_OK) {
		sp_seal_alarm(s, err);
		return (rc);
	}
	*did = packed;
	return (SP_OK);
}
