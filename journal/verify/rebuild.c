/*
 * Rebuilding the tree of an archive (doc/format-tree.md, "Rebuilding").
 *
 *	finish_interrupted()   what an earlier call left
 *	load_checkpoints()     which checkpoints survived
 *	sp_rebuild_entries()   the new tree grows in tree.rebuild/tree
 *	compare_roots()        it must give the root of every checkpoint
 *	copy_checkpoints()     it gets copies of them
 *	exchange_trees()       tree -> tree.damaged-N, tree.rebuild/tree -> tree
 *
 * Every step before the last leaves tree/ as it is, so that a finding, an error
 * or a crash changes nothing.  A crash between the two renames of the last
 * leaves no tree/ and a stage: the next call first puts the old tree back, so
 * that its checkpoints are compared again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/layout.h"
#include "journal/verify/rebuild_priv.h"
#include "journal/verify/verify_segment_priv.h"

#define STAGE	  "tree.rebuild"
#define ASIDE_MAX 10000u /* trees that were moved aside, at most */
#define DEPTH_MAX 16u /* folders within folders of a stage */
#define DIR_MODE  0750

/* ---- the stage ------------------------------------------------------ */

/*
 * Remove ${path} and all below it, at most ${depth} folders deep; what is not
 * there is fine.  SP_ELIMIT: deeper, which no rebuild made.
 */
static enum sp_code
remove_all(const char *path, unsigned depth, struct sp_err *err)
{
	struct stat st;
	char **names = NULL;
	size_t n = 0;
	enum sp_code rc;

	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return (sp_io_unlink(path, err));
	if (depth == 0)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%s: too many folders in one another; remove " STAGE
		    " by hand",
		    path));
	rc = sp_io_list(path, &names, &n, err);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *sub = sp_layout_path(path, names[i]);

		rc = remove_all(sub, depth - 1, err);
		free(sub);
	}
	sp_io_names_free(names, n);
	return (rc == SP_OK ? sp_io_rmdir(path, err) : rc);
}

/* The ${n}th name of a tree moved aside; the caller's to free. */
static char *
aside_path(const struct sp_rebuild_run *r, unsigned n)
{
	return (sp_xasprintf("%s/tree.damaged-%u", r->a.dir, n));
}

/* The number of the first such name that is not taken; SP_ELIMIT if all are. */
static enum sp_code
unused_aside(const struct sp_rebuild_run *r, unsigned *out, struct sp_err *err)
{
	for (unsigned n = 1; n <= ASIDE_MAX; n++) {
		char *path = aside_path(r, n);
		bool taken = sp_io_exists(path);

		free(path);
		if (!taken) {
			*out = n;
			return (SP_OK);
		}
	}
	return (sp_err_set(err, SP_ELIMIT, 0,
	    "%s has %u trees that were moved aside; remove some", r->a.dir,
	    ASIDE_MAX));
}

/*
 * Undo what an interrupted call left: put the old tree back where it was moved
 * aside and the new one not yet in its place, and remove the stage.
 */
static enum sp_code
finish_interrupted(struct sp_rebuild_run *r, struct sp_err *err)
{
	unsigned n = 0;
	char *last;
	enum sp_code rc = SP_OK;

	if (!sp_io_exists(r->stage))
		return (SP_OK);
	if (!sp_io_exists(r->tree_path)) {
		rc = unused_aside(r, &n, err);
		if (rc == SP_OK && n > 1) {
			last = aside_path(r, n - 1);
			rc = sp_io_rename(last, r->tree_path, err);
			free(last);
			if (rc == SP_OK)
				rc = sp_io_syncdir(r->a.dir, err);
		}
	}
	return (rc == SP_OK ? remove_all(r->stage, DEPTH_MAX, err) : rc);
}

/* ---- checkpoints ---------------------------------------------------- */

/*
 * Which checkpoints survived.  A damaged one is no finding here, since it may
 * be what the rebuild is for: it is counted as lost.  SP_ENOTFOUND: none
 * survived.
 */
static enum sp_code
load_checkpoints(struct sp_rebuild_run *r, struct sp_err *err)
{
	struct sp_findings earlier = r->a.found, lost;
	enum sp_code rc;

	memset(&r->a.found, 0, sizeof(r->a.found));
	rc = sp_verify_checkpoints_load(&r->a, &r->checkpoints, err);
	lost = r->a.found;
	r->a.found = earlier;
	for (size_t i = 0; i < lost.n; i++)
		if (strcmp(lost.kinds[i].kind, "rollback") != 0) {
			r->out->lost += lost.kinds[i].count;
			if (r->out->lost_first[0] == '\0')
				(void)snprintf(r->out->lost_first,
				    sizeof(r->out->lost_first), "%s: %s",
				    lost.kinds[i].where, lost.kinds[i].why);
		}
	sp_findings_done(&lost);
	if (rc != SP_OK)
		return (rc);
	r->out->checkpoints = r->checkpoints.n;
	if (r->checkpoints.n == 0)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "%s: no checkpoint survived (tree/checkpoint, tree/checkpoints, the guard copy), so a rebuilt tree could not be compared with anything; restore one of them, or name one with --from-checkpoint",
		    r->a.dir));
	r->out->signed_size = r->checkpoints.p[r->checkpoints.n - 1].c.size;
	return (SP_OK);
}

/*
 * The new tree must have at least the size of every checkpoint and, at that
 * size, its root; each that differs is a finding.
 */
static enum sp_code
compare_roots(struct sp_rebuild_run *r, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < r->checkpoints.n; i++) {
		const struct sp_verify_checkpoint *p = &r->checkpoints.p[i];
		struct sp_hash root;

		if (p->c.size > r->next) {
			sp_findings_add(&r->a.found, "missing", p->where,
			    "covers %" PRIu64
			    " entries, but segments and intake log have only %" PRIu64,
			    p->c.size, r->next);
			continue;
		}
		rc = sp_tree_root(r->tree, p->c.size, &root, err);
		if (rc == SP_OK && !sp_hash_eq(&root, &p->c.root))
			sp_findings_add(&r->a.found, "root", p->where,
			    "the tree of the first %" PRIu64
			    " entries as they are now has another root: an entry was changed",
			    p->c.size);
	}
	return (rc);
}

/* Copy one file below tree/ into the new tree, durably, if it is there. */
static enum sp_code
copy_file(struct sp_rebuild_run *r, const char *name, struct sp_err *err)
{
	char *from = sp_layout_path(r->a.dir, name);
	char *to = sp_layout_path(r->stage, name);
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, SP_NOTE_MAX);
	rc = sp_io_read_file(from, SP_NOTE_MAX, &b, err);
	if (rc == SP_OK)
		rc = sp_io_publish(to, b.p, b.n, 0440, err);
	else if (rc == SP_ENOTFOUND)
		rc = SP_OK;
	sp_buf_done(&b);
	free(from);
	free(to);
	return (rc);
}

/* Copy a kept checkpoint and the time-stamp and cosignatures beside it. */
static enum sp_code
copy_kept(struct sp_rebuild_run *r, const char *where, struct sp_err *err)
{
	static const char *const suffix[] = { "", ".tsr", ".cosig" };
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(suffix); i++) {
		char *name = sp_xasprintf("%s%s", where, suffix[i]);

		rc = copy_file(r, name, err);
		free(name);
	}
	return (rc);
}

/*
 * The bytes of the newest checkpoint, from the file, the guard or the verifier:
 * whichever holds it.
 */
static enum sp_code
newest_note(
    const struct sp_rebuild_run *r, struct sp_buf *out, struct sp_err *err)
{
	const struct sp_verify_checkpoint *p =
	    &r->checkpoints.p[r->checkpoints.n - 1];
	const struct sp_verify_identity *id = &r->a.id;
	enum sp_code rc;
	char *path;

	if (id->have_guard && id->guard.size == p->c.size)
		rc = sp_buf_addv(out, sp_buf_view(&id->guard_note));
	else if (id->have_kept && id->kept.size == p->c.size)
		rc = sp_buf_addv(out, sp_buf_view(&id->kept_note));
	else {
		path = sp_layout_path(r->a.dir, p->where);
		rc = sp_io_read_file(path, SP_NOTE_MAX, out, err);
		free(path);
		return (rc);
	}
	return (rc == SP_OK ? SP_OK
			    : sp_err_set(err, rc, 0, "checkpoint: too long"));
}

/*
 * Give the new tree all that survived: tree/checkpoints/, and the newest as
 * tree/checkpoint.
 */
static enum sp_code
copy_checkpoints(struct sp_rebuild_run *r, struct sp_err *err)
{
	char *kept = sp_layout_path(r->stage, "tree/checkpoints");
	char *last = sp_layout_path(r->stage, "tree/checkpoint");
	struct sp_buf note;
	enum sp_code rc = sp_io_mkdirs(kept, DIR_MODE, err);

	sp_buf_init(&note, SP_NOTE_MAX);
	for (size_t i = 0; rc == SP_OK && i < r->checkpoints.n; i++)
		if (sp_view_starts(sp_view_str(r->checkpoints.p[i].where),
			"tree/checkpoints/"))
			rc = copy_kept(r, r->checkpoints.p[i].where, err);
	if (rc == SP_OK)
		rc = newest_note(r, &note, err);
	if (rc == SP_OK)
		rc = sp_io_replace(last, note.p, note.n, 0640, err);
	sp_buf_done(&note);
	free(kept);
	free(last);
	return (rc);
}

/* ---- all of it ------------------------------------------------------ */

/*
 * Move the old tree aside and the new one into its place, each rename synced,
 * and remove the stage.
 */
static enum sp_code
exchange_trees(struct sp_rebuild_run *r, struct sp_err *err)
{
	char *aside = NULL;
	unsigned n = 0;
	enum sp_code rc = SP_OK;

	if (sp_io_exists(r->tree_path)) {
		rc = unused_aside(r, &n, err);
		if (rc != SP_OK)
			return (rc);
		aside = aside_path(r, n);
		rc = sp_io_rename(r->tree_path, aside, err);
		if (rc == SP_OK) {
			(void)snprintf(r->out->aside, sizeof(r->out->aside),
			    "tree.damaged-%u", n);
			rc = sp_io_syncdir(r->a.dir, err);
		}
		free(aside);
	}
	if (rc == SP_OK)
		rc = sp_io_rename(r->new_path, r->tree_path, err);
	if (rc == SP_OK)
		rc = sp_io_syncdir(r->a.dir, err);
	return (rc == SP_OK ? remove_all(r->stage, DEPTH_MAX, err) : rc);
}

/*
 * Decide which key counts.  FORMAT must be whole; keys/log.vkey may be missing
 * if a key came from outside.
 */
static enum sp_code
open_identity(struct sp_rebuild_run *r, struct sp_err *err)
{
	char *path = sp_layout_path(r->a.dir, "keys/log.vkey");
	struct sp_buf text;
	enum sp_code rc = sp_layout_read_format(r->a.dir, r->a.origin, err);

	sp_buf_init(&text, SP_VERIFY_VKEY_MAX);
	if (rc == SP_OK) {
		rc = sp_io_read_file(path, SP_VERIFY_VKEY_MAX, &text, err);
		if (rc == SP_ENOTFOUND)
			rc = SP_OK; /* a key from outside will do */
	}
	if (rc == SP_OK)
		rc = sp_verify_identity_init(&r->a.id, &r->o,
		    sp_buf_view(&text), "keys/log.vkey", &r->a.found, err);
	sp_buf_done(&text);
	free(path);
	return (rc);
}

/* Everything that is read, and the empty new tree. */
static enum sp_code
open_all(struct sp_rebuild_run *r, struct sp_err *err)
{
	enum sp_code rc = finish_interrupted(r, err);

	if (rc == SP_OK)
		rc = open_identity(r, err);
	if (rc == SP_OK)
		rc = load_checkpoints(r, err);
	if (rc == SP_OK)
		rc =
		    sp_segment_list(r->a.dir, &r->segments, &r->nsegments, err);
	if (rc == SP_OK)
		rc = sp_reader_open(r->a.dir, &r->reader, err);
	if (rc == SP_OK)
		rc = sp_io_mkdirs(r->stage, DIR_MODE, err);
	if (rc == SP_OK)
		rc = sp_tree_open(r->stage, &r->tree, err);
	return (rc);
}

/*
 * All steps.  With a finding or an error the stage is removed, as far as that
 * is possible, and tree/ stays as it is.
 */
static enum sp_code
rebuild(struct sp_rebuild_run *r, struct sp_err *err)
{
	struct sp_err ignored;
	enum sp_code rc = open_all(r, err);

	if (rc == SP_OK && r->a.found.total == 0)
		rc = sp_rebuild_entries(r, err);
	if (rc == SP_OK && r->a.found.total == 0)
		rc = compare_roots(r, err);
	if (rc == SP_OK && r->a.found.total == 0) {
		rc = copy_checkpoints(r, err);
		if (rc == SP_OK)
			return (exchange_trees(r, err));
	}
	/* What cannot be removed is removed by the next call. */
	(void)remove_all(r->stage, DEPTH_MAX, &ignored);
	return (rc);
}

/*
 * Take the lock of a role; SP_ELOCKED, with the advice to stop the service, if
 * it is not free within ${wait_ms}.
 */
static enum sp_code
take_lock(const struct sp_rebuild_run *r, const char *name, int wait_ms,
    int *fd, struct sp_err *err)
{
	char *path = sp_layout_path(r->a.dir, name);
	enum sp_code rc = sp_io_lock(path, wait_ms, fd, err);

	free(path);
	if (rc == SP_ELOCKED)
		(void)sp_err_prefix(err, "stop the service first");
	return (rc);
}

static void
free_run(struct sp_rebuild_run *r)
{
	sp_findings_done(&r->a.found);
	sp_verify_identity_done(&r->a.id);
	sp_verify_checkpoints_done(&r->checkpoints);
	sp_reader_close(r->reader);
	sp_tree_close(r->tree);
	sp_buf_done(&r->lines);
	sp_buf_done(&r->record);
	free(r->segments);
	free(r->stage);
	free(r->tree_path);
	free(r->new_path);
	free(r);
}

/*
 * A guard directory that is lost as well is left out: it is one witness less,
 * not a reason to refuse.
 */
static void
skip_lost_guard(struct sp_rebuild_run *r)
{
	char *key;

	if (r->o.guard == NULL)
		return;
	key = sp_layout_path(r->o.guard, "log.vkey");
	if (!sp_io_exists(key))
		r->o.guard = NULL;
	free(key);
}

/*
 * Both locks are held to the end, so that no process appends to the archive or
 * seals it meanwhile.
 */
enum sp_code
sp_rebuild_tree(const char *dir, const struct sp_verify_opts *o,
    int lock_wait_ms, struct sp_rebuild *out, struct sp_err *err)
{
	struct sp_rebuild_run *r = sp_xcalloc(1, sizeof(*r));
	int receive = -1, seal = -1;
	enum sp_code rc;

	*out = (struct sp_rebuild){ 0 };
	r->o = *o;
	r->a.dir = dir;
	r->a.o = &r->o;
	r->a.v = &r->v;
	r->out = out;
	r->stage = sp_layout_path(dir, STAGE);
	r->tree_path = sp_layout_path(dir, "tree");
	r->new_path = sp_layout_path(r->stage, "tree");
	r->received = INT64_MIN;
	sp_buf_init(&r->lines, SP_VERIFY_LINES_MAX);
	sp_buf_init(&r->record, SP_RECORD_MAX);
	skip_lost_guard(r);
	rc = take_lock(r, "state/receive.lock", lock_wait_ms, &receive, err);
	if (rc == SP_OK)
		rc = take_lock(r, "state/seal.lock", lock_wait_ms, &seal, err);
	if (rc == SP_OK)
		rc = rebuild(r, err);
	if (rc == SP_OK) {
		out->findings = r->a.found.total;
		sp_findings_report(&r->a.found, o);
	}
	free_run(r);
	(void)sp_io_close(seal, NULL);
	(void)sp_io_close(receive, NULL);
	return (rc);
}
