/*
 * Rollback detection (guard.h).  Sizes are compared first: nothing may have
 * fewer entries than a checkpoint that was signed.  Then the root at that size:
 * an archive that was set back and went on has the entries, but not the same
 * ones.
 */
#include "journal/tree/guard.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"
#include "journal/tree/note.h"
#include "journal/tree/tree.h"

#define CHECKPOINT "checkpoint"
#define VKEY	   "log.vkey"
#define FILE_MODE  0644

/* SP_EROLLBACK: ${what} (a subject and its verb) ends after ${have} entries,
 * but ${signed_what} covers ${need}. */
static enum sp_code
rolled_back(const char *dir, const char *what, uint64_t have,
    const char *signed_what, uint64_t need, struct sp_err *err)
{
	return (sp_err_set(err, SP_EROLLBACK, 0,
	    "archive was rolled back: %s %" PRIu64 " entries but %s %" PRIu64
	    "; restore the newer copy of %s, or continue as a new log with `sealpost init --continues %s`",
	    what, have, signed_what, need, dir, dir));
}

/* Read the guard's checkpoint and verify it with the guard's own key; *have is
 * false if it has none yet. */
static enum sp_code
read_guard(const char *guard, struct sp_checkpoint *out, bool *have,
    struct sp_err *err)
{
	char *path = sp_layout_path(guard, CHECKPOINT);
	char *key = sp_layout_path(guard, VKEY);
	struct sp_vkey vkey;
	struct sp_view text;
	struct sp_buf note;
	enum sp_code rc;

	sp_buf_init(&note, SP_NOTE_MAX);
	*have = false;
	rc = sp_io_read_file(path, SP_NOTE_MAX, &note, err);
	if (rc == SP_ENOTFOUND) {
		rc = SP_OK;
		goto out;
	}
	if (rc == SP_OK)
		rc = sp_vkey_load(key, &vkey, err);
	if (rc == SP_OK)
		rc = sp_note_verify(sp_buf_view(&note), &vkey, 1, &text, err);
	if (rc == SP_OK)
		rc = sp_checkpoint_parse(text, out, err);
	*have = rc == SP_OK;
	if (rc != SP_OK)
		(void)sp_err_prefix(err, "guard copy %s", path);
out:
	sp_buf_done(&note);
	free(key);
	free(path);
	return (rc);
}

/* That the tree has at the size of ${c} the root that was signed; ${where} says
 * for the message where ${c} is. */
static enum sp_code
check_root(const char *dir, struct sp_tree *t, const struct sp_checkpoint *c,
    const char *where, struct sp_err *err)
{
	struct sp_hash root;
	enum sp_code rc;

	if (c->size == 0)
		return (SP_OK);
	rc = sp_tree_root(t, c->size, &root, err);
	if (rc != SP_OK || sp_hash_eq(&root, &c->root))
		return (rc);
	return (sp_err_set(err, SP_EROLLBACK, 0,
	    "archive was rolled back and went on: its first %" PRIu64
	    " entries are not those that were signed (%s this many); restore the copy that was signed, or continue as a new log with `sealpost init --continues %s`",
	    c->size, where, dir));
}

/* That intake log and tree reach as far as ${c}, and that it is their past. */
static enum sp_code
check_size(const char *dir, struct sp_tree *t, uint64_t next_seq,
    const struct sp_checkpoint *c, const char *where, struct sp_err *err)
{
	if (c->size > next_seq)
		return (rolled_back(dir, "the intake log ends after", next_seq,
		    where, c->size, err));
	if (c->size > sp_tree_size(t) && sp_tree_lost(dir, err) != SP_OK)
		return (SP_EFORMAT);
	if (c->size > sp_tree_size(t))
		return (rolled_back(dir, "tree/tail covers", sp_tree_size(t),
		    where, c->size, err));
	return (check_root(dir, t, c, where, err));
}

/* journal/seal writes tail, checkpoint, guard in this order and may be doing so
 * now; reading in the opposite order never sees a later one without an earlier
 * one. */
enum sp_code
sp_guard_check(
    const char *dir, const char *guard, uint64_t next_seq, struct sp_err *err)
{
	struct sp_checkpoint outside, inside;
	struct sp_tree *t = NULL;
	struct sp_buf note;
	bool have_outside = false, have_inside;
	enum sp_code rc = SP_OK;

	sp_buf_init(&note, SP_NOTE_MAX);
	if (guard != NULL)
		rc = read_guard(guard, &outside, &have_outside, err);
	if (rc != SP_OK)
		goto out;
	rc = sp_tree_checkpoint(dir, &note, &inside, err);
	have_inside = rc == SP_OK;
	if (rc == SP_OK || rc == SP_ENOTFOUND)
		rc = sp_tree_open(dir, &t, err);
	if (rc != SP_OK)
		goto out;
	if (have_outside && have_inside &&
	    strcmp(outside.origin, inside.origin) != 0) {
		rc = sp_err_set(err, SP_EMISMATCH, 0,
		    "the guard directory %s belongs to the log %s, this archive is %s; give each archive a guard of its own",
		    guard, outside.origin, inside.origin);
		goto out;
	}
	if (have_outside)
		rc = check_size(dir, t, next_seq, &outside,
		    "the guard directory has a checkpoint for", err);
	if (rc == SP_OK && have_inside)
		rc = check_size(
		    dir, t, next_seq, &inside, "tree/checkpoint is for", err);
	if (rc == SP_OK && sp_tree_size(t) > next_seq)
		rc = rolled_back(dir, "the intake log ends after", next_seq,
		    "tree/tail covers", sp_tree_size(t), err);
out:
	sp_tree_close(t);
	sp_buf_done(&note);
	return (rc);
}

enum sp_code
sp_guard_put(const char *guard, struct sp_view note, struct sp_err *err)
{
	char *path = sp_layout_path(guard, CHECKPOINT);
	enum sp_code rc;

	rc = sp_io_replace(path, note.p, note.n, FILE_MODE, err);
	if (rc != SP_OK)
		(void)sp_err_prefix(err, "guard copy");
	free(path);
	return (rc);
}
