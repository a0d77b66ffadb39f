/*
 * Checkpoints: new entries into the tree, the tree's root signed.  The order is
 * tree (durable), tree/checkpoint, guard; so of these three none is ever ahead
 * of the one before, and a start can tell a crash from a rollback.
 *
 *   intake log --> check --> tree --> durable --> sign --> tree/checkpoint
 *                                                               |
 *                              tree/checkpoints (hourly) <------+--> guard
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/line.h"
#include "base/sha256.h"
#include "journal/tree/guard.h"
#include "journal/seal/seal_priv.h"

/* Entries that a commit of the tree takes at most: it bounds what is held in
 * memory, and how long a backlog goes unsigned. */
#define BATCH 16384u
#define HOUR  (3600 * SP_SECOND)

/* ---- what was signed before ----------------------------------------- */

/* SP_EROLLBACK: ${what}, which was signed, covers ${size} entries, and there
 * are only ${have}. */
static enum sp_code
rolled_back(struct sp_seal *s, const char *what, uint64_t size, uint64_t have,
    struct sp_err *err)
{
	return (sp_err_set(err, SP_EROLLBACK, 0,
	    "%s covers %" PRIu64 " entries, %s only %" PRIu64
	    ": the archive was rolled back to an older state; restore the newer one, or go on with init --continues",
	    what, size, s->dir, have));
}

/* Check that ${cp} is of this log and that the tree, of which ${have} entries
 * count, has it as its past: the same root at its size. */
static enum sp_code
check_past(struct sp_seal *s, const char *what, const struct sp_checkpoint *cp,
    uint64_t have, struct sp_err *err)
{
	struct sp_hash root;
	enum sp_code rc;

	if (strcmp(cp->origin, s->origin) != 0)
		return (sp_err_set(err, SP_EROLLBACK, 0,
		    "%s is of the log %s, this archive is %s", what, cp->origin,
		    s->origin));
	if (cp->size > have && sp_tree_lost(s->dir, err) != SP_OK)
		return (SP_EFORMAT);
	if (cp->size > have)
		return (rolled_back(s, what, cp->size, have, err));
	rc = sp_tree_root(s->tree, cp->size, &root, err);
	if (rc == SP_OK && !sp_hash_eq(&root, &cp->root))
		rc = sp_err_set(err, SP_EROLLBACK, 0,
		    "%s has another root at %" PRIu64
		    " entries than the tree in %s: what was signed has been changed; run verify, and restore what is missing",
		    what, cp->size, s->dir);
	return (rc);
}

/* Verify a note as signed by our key, and parse its checkpoint; ${what} names
 * it. */
static enum sp_code
verify_own_note(struct sp_seal *s, const char *what, struct sp_view note,
    struct sp_checkpoint *cp, struct sp_err *err)
{
	struct sp_view text;
	enum sp_code rc =
	    sp_note_verify(note, sp_signer_vkey(s->signer), 1, &text, err);

	if (rc == SP_OK)
		rc = sp_checkpoint_parse(text, cp, err);
	if (rc != SP_OK)
		(void)sp_err_prefix(err, "%s", what);
	return (rc);
}

/* Check tree/checkpoint against the tree, and take it over as the latest. */
static enum sp_code
check_latest(struct sp_seal *s, struct sp_err *err)
{
	struct sp_checkpoint cp;
	enum sp_code rc;

	sp_buf_clear(&s->note);
	rc = sp_tree_checkpoint(s->dir, &s->note, &cp, err);
	if (rc == SP_ENOTFOUND) {
		s->signed_last = (struct sp_checkpoint){ 0 };
		return (SP_OK);
	}
	if (rc == SP_OK)
		rc = verify_own_note(
		    s, "tree/checkpoint", sp_buf_view(&s->note), &cp, err);
	if (rc == SP_OK)
		rc = check_past(
		    s, "tree/checkpoint", &cp, sp_tree_size(s->tree), err);
	if (rc == SP_OK)
		s->signed_last = cp;
	return (rc);
}

/* Check the checkpoint in the file ${path} against the one that was signed
 * last. */
static enum sp_code
check_copy(struct sp_seal *s, const char *path, struct sp_checkpoint *cp,
    struct sp_err *err)
{
	struct sp_buf note;
	enum sp_code rc;

	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_io_read_file(path, SP_NOTE_MAX, &note, err);
	if (rc == SP_OK)
		rc = verify_own_note(s, path, sp_buf_view(&note), cp, err);
	if (rc == SP_OK)
		rc = check_past(s, path, cp, s->signed_last.size, err);
	sp_buf_done(&note);
	return (rc);
}

/* Check the newest checkpoint that was kept: it was given away, so it can never
 * be taken back.  Also finds out when it was kept, for the hourly ones. */
static enum sp_code
check_kept(struct sp_seal *s, struct sp_err *err)
{
	char *dir = sp_layout_path(s->dir, "tree/checkpoints"), **names, *path;
	uint64_t newest = 0, size;
	struct sp_checkpoint cp;
	struct sp_line line;
	size_t n;
	enum sp_code rc = sp_io_list(dir, &names, &n, err);

	if (rc == SP_OK) {
		for (size_t i = 0; i < n; i++)
			if (sp_view_u64(sp_view_str(names[i]), &size) &&
			    size > newest)
				newest = size;
		sp_io_names_free(names, n);
	}
	if (rc == SP_OK && newest > 0) {
		path = sp_xasprintf("%s/%" PRIu64, dir, newest);
		rc = check_copy(s, path, &cp, err);
		free(path);
		if (rc == SP_OK)
			rc = sp_seal_line(s->tree, newest - 1, &line, err);
		if (rc == SP_OK)
			s->kept_received = line.received;
	}
	free(dir);
	return (rc);
}

/* Replace the guard's copy by the latest checkpoint.  A guard that cannot be
 * written raises an alarm, and does not stop sealing. */
static void
update_guard(struct sp_seal *s)
{
	struct sp_err err;

	if (s->guard == NULL || s->note.n == 0)
		return;
	sp_seal_guard_state(
	    s, sp_guard_put(s->guard, sp_buf_view(&s->note), &err) == SP_OK
		   ? NULL
		   : &err);
}

/* Check the guard's copy; one that is missing or older is replaced. */
static enum sp_code
check_guard(struct sp_seal *s, struct sp_err *err)
{
	struct sp_checkpoint cp = { 0 };
	char *path;
	enum sp_code rc;

	if (s->guard == NULL) {
		/* One that was configured before may have been unwritable. */
		sp_seal_guard_state(s, NULL);
		return (SP_OK);
	}
	path = sp_layout_path(s->guard, "checkpoint");
	rc = check_copy(s, path, &cp, err);
	free(path);
	/* There is none yet, or a crash came before it was replaced. */
	if (rc == SP_ENOTFOUND ||
	    (rc == SP_OK && cp.size < s->signed_last.size)) {
		update_guard(s);
		rc = SP_OK;
	}
	return (rc);
}

enum sp_code
sp_seal_check_signed(struct sp_seal *s, struct sp_err *err)
{
	uint64_t size = sp_tree_size(s->tree);
	struct sp_line line;
	enum sp_code rc = check_latest(s, err);

	if (rc == SP_OK)
		rc = check_kept(s, err);
	if (rc == SP_OK)
		rc = check_guard(s, err);
	if (rc == SP_OK && size > 0) {
		rc = sp_seal_line(s->tree, size - 1, &line, err);
		s->tree_received = line.received;
	}
	return (rc);
}

/* ---- new entries ---------------------------------------------------- */

/* Check that record and message of an entry fit each other and what came
 * before. */
static enum sp_code
check_entry(struct sp_seal *s, const struct sp_entry *e,
    const struct sp_record *r, struct sp_err *err)
{
	uint8_t sha256[SP_SHA256_LEN] = { 0 };

	if (r->seq != e->seq)
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    "its record has the number %" PRIu64, r->seq));
	if (r->received < s->tree_received)
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    "its time of receipt is before that of the entry before"));
	if (e->has_message)
		sp_sha256_once(e->msg.p, e->msg.n, sha256);
	return (
	    sp_seal_check_message(r, e->has_message, e->msg.n, sha256, err));
}

/* Check an entry and add its line to the tree.  An error names the entry; where
 * the tree itself failed, it has to be opened again. */
static enum sp_code
add_entry(struct sp_seal *s, const struct sp_entry *e, struct sp_err *err)
{
	char text[SP_LINE_MAX];
	struct sp_record r;
	struct sp_line line;
	size_t n;
	enum sp_code rc = sp_record_parse(e->record, &r, err);

	if (rc == SP_OK) {
		rc = check_entry(s, e, &r, err);
		if (rc == SP_OK) {
			sp_line_of_record(&r, e->record, &line);
			n = sp_line_format(&line, text);
			rc = sp_tree_add(s->tree, sp_view_mem(text, n), err);
			s->tree_stale = rc != SP_OK;
		}
		sp_record_done(&r);
	}
	if (rc != SP_OK)
		return (
		    sp_err_prefix(err, "%s: entry %" PRIu64, e->where, e->seq));
	s->tree_received = line.received;
	return (SP_OK);
}

/* Add up to BATCH new entries and make them durable in the tree.  SP_EEND:
 * there are no more. */
static enum sp_code
extend_tree(struct sp_seal *s, struct sp_err *err)
{
	enum sp_code rc = SP_OK, crc = SP_OK;
	struct sp_err commit;
	struct sp_entry e;
	size_t n = 0;

	for (; n < BATCH && rc == SP_OK; n++) {
		rc = sp_reader_next(s->reader, &e, err);
		if (rc == SP_OK)
			rc = add_entry(s, &e, err);
		if (rc != SP_OK)
			break;
	}
	/* What is good before a damaged entry is made durable all the same. */
	if (n > 0 && !s->tree_stale)
		crc = sp_tree_commit(s->tree, &commit);
	if (crc != SP_OK) {
		s->tree_stale = true;
		*err = commit;
		return (crc);
	}
	return (rc);
}

/* ---- signing -------------------------------------------------------- */

/* A kept checkpoint is immutable: keeping it again changes nothing. */
enum sp_code
sp_seal_keep_checkpoint(struct sp_seal *s, struct sp_err *err)
{
	char *dir, *path;
	struct sp_line line;
	enum sp_code rc;

	if (s->signed_last.size == 0)
		return (SP_OK);
	dir = sp_layout_path(s->dir, "tree/checkpoints");
	path = sp_xasprintf("%s/%" PRIu64, dir, s->signed_last.size);
	rc = sp_io_mkdirs(dir, 0750, err);
	if (rc == SP_OK)
		rc = sp_io_publish(path, s->note.p, s->note.n, 0440, err);
	if (rc == SP_OK)
		rc = sp_seal_line(s->tree, s->signed_last.size - 1, &line, err);
	if (rc == SP_OK)
		s->kept_received = line.received;
	free(path);
	free(dir);
	return (rc);
}

/* Make the signed note of ${cp}. */
static enum sp_code
make_note(struct sp_seal *s, const struct sp_checkpoint *cp,
    struct sp_buf *note, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, SP_NOTE_MAX);
	rc = sp_checkpoint_format(cp, &text);
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0, "checkpoint: text too long");
	else
		rc = sp_note_sign(sp_buf_view(&text), s->signer, note, err);
	sp_buf_done(&text);
	return (rc);
}

/* Sign the root of the tree as it is on disk, if it has more entries than the
 * latest checkpoint; then update the guard, and keep one checkpoint an hour. */
static enum sp_code
sign_root(struct sp_seal *s, struct sp_err *err)
{
	struct sp_checkpoint cp = { .size = sp_tree_size(s->tree) };
	char *path, text[32];
	struct sp_buf note;
	enum sp_code rc = SP_OK;

	if (cp.size <= s->signed_last.size)
		return (SP_OK);
	(void)snprintf(cp.origin, sizeof(cp.origin), "%s", s->origin);
	/* The past is computed from the tiles again, not remembered: what was
	 * signed must still be what the tree has. */
	if (s->signed_last.size > 0)
		rc = check_past(
		    s, "the last checkpoint", &s->signed_last, cp.size, err);
	if (rc == SP_OK)
		rc = sp_tree_root(s->tree, cp.size, &cp.root, err);
	if (rc != SP_OK)
		return (rc);
	sp_buf_init(&note, SP_NOTE_MAX);
	path = sp_layout_path(s->dir, "tree/checkpoint");
	rc = make_note(s, &cp, &note, err);
	if (rc == SP_OK)
		rc = sp_io_replace(path, note.p, note.n, 0640, err);
	free(path);
	if (rc != SP_OK) {
		sp_buf_done(&note);
		return (rc);
	}
	sp_buf_done(&s->note);
	s->note = note;
	s->signed_last = cp;
	update_guard(s);
	(void)snprintf(text, sizeof(text), "%" PRIu64, cp.size);
	sp_seal_emit(s, "checkpoint", text);
	/* The hour is one of the log's own time, so that a restart changes
	 * nothing. */
	return (s->tree_received / HOUR > s->kept_received / HOUR
		    ? sp_seal_keep_checkpoint(s, err)
		    : SP_OK);
}

/* What was added and not committed is read from the intake log again. */
enum sp_code
sp_seal_reopen_tree(struct sp_seal *s, struct sp_err *err)
{
	struct sp_line line;
	uint64_t size;
	enum sp_code rc;

	if (!s->tree_stale && s->tree != NULL)
		return (SP_OK);
	sp_tree_close(s->tree);
	s->tree = NULL;
	rc = sp_tree_open(s->dir, &s->tree, err);
	if (rc != SP_OK)
		return (rc);
	size = sp_tree_size(s->tree);
	s->tree_received = 0;
	if (size > 0) {
		rc = sp_seal_line(s->tree, size - 1, &line, err);
		if (rc != SP_OK)
			return (rc);
		s->tree_received = line.received;
	}
	s->tree_stale = false;
	return (SP_OK);
}

/* A long backlog is taken in batches, each signed before the next is read. */
enum sp_code
sp_seal_checkpoint(struct sp_seal *s, uint64_t *size, struct sp_err *err)
{
	enum sp_code rc = sp_seal_reopen_tree(s, err), src = SP_OK;
	struct sp_err serr;

	while (rc == SP_OK && src == SP_OK) {
		sp_reader_seek(s->reader, sp_tree_size(s->tree));
		rc = extend_tree(s, err);
		if (!s->tree_stale)
			src = sign_root(s, &serr);
	}
	if (src != SP_OK) {
		*err = serr;
		rc = src;
	}
	if (rc != SP_OK && rc != SP_EEND) {
		sp_seal_alarm(s, err);
		return (rc);
	}
	/* Nothing new need come for a guard that can be written again. */
	if (s->guard_failed)
		update_guard(s);
	*size = s->signed_last.size;
	return (SP_OK);
}
