/*
 * The role of sealing: opening it with all checks, and closing it (seal.h).
 * Between the two, seal_checkpoint.c and seal_pack.c do the work.
 *
 * Opening refuses an archive of which a part was set back: the tree must hold
 * what was signed, segments must lie under the signed tree, and the newest
 * entry of the tree must be the one in the intake log.
 */
#include "journal/seal/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "journal/seal/seal_priv.h"
#include "journal/segment/segment_list.h"

/* Load the log's key and the sealing key.  SP_EKEY. */
static enum sp_code
load_keys(struct sp_seal *s, struct sp_err *err)
{
	char *log = sp_layout_path(s->dir, "keys/log.key");
	char *key = sp_layout_path(s->dir, "keys/seal.key");
	char *crt = sp_layout_path(s->dir, "keys/seal.crt");
	enum sp_code rc = sp_signer_load(log, s->origin, &s->signer, err);

	if (rc == SP_OK)
		rc = sp_sealer_load(key, crt, &s->sealer, err);
	free(log);
	free(key);
	free(crt);
	return (rc);
}

/* Take state/seal.lock.  SP_ELOCKED: another process seals. */
static enum sp_code
acquire_lock(struct sp_seal *s, int wait_ms, struct sp_err *err)
{
	char *path = sp_layout_path(s->dir, "state/seal.lock");
	enum sp_code rc = sp_io_lock(path, wait_ms, &s->lock, err);

	free(path);
	return (rc);
}

/* Find out which entries are in segments.  SP_EROLLBACK unless the last
 * checkpoint covers them: nothing is packed before it is signed. */
static enum sp_code
find_packed(struct sp_seal *s, struct sp_err *err)
{
	struct sp_segment_file *files;
	size_t n;
	enum sp_code rc = sp_segment_list(s->dir, &files, &n, err);

	if (rc != SP_OK)
		return (rc);
	s->packed = n > 0 ? files[n - 1].name.last + 1 : 0;
	free(files);
	if (s->packed > s->signed_last.size &&
	    sp_tree_lost(s->dir, err) != SP_OK)
		return (SP_EFORMAT);
	if (s->packed > s->signed_last.size)
		return (sp_err_set(err, SP_EROLLBACK, 0,
		    "segments in %s/archive reach entry %" PRIu64
		    ", but the last checkpoint covers %" PRIu64
		    " entries: tree/ is older than the rest; restore the newer tree, or go on with init --continues",
		    s->dir, s->packed - 1, s->signed_last.size));
	return (SP_OK);
}

/*
 * Check that the last entry of the tree, if no segment holds it, is the one in
 * the intake log.  That it is not visible there is no fault: after a power cut
 * the mark behind it may be lost until the writer looks (and guard.h tells the
 * writer if the log ends too early).
 */
static enum sp_code
check_newest(struct sp_seal *s, struct sp_err *err)
{
	uint64_t size = sp_tree_size(s->tree);
	struct sp_record r;
	struct sp_entry e;
	enum sp_code rc;

	if (size <= s->packed)
		return (SP_OK);
	rc = sp_reader_get(s->reader, size - 1, &e, err);
	if (rc == SP_ENOTFOUND)
		return (SP_OK);
	if (rc != SP_OK)
		return (rc);
	rc = sp_seal_check_record(s->tree, size - 1, e.record, &r, err);
	if (rc == SP_EMISMATCH)
		return (sp_err_set(err, SP_EROLLBACK, 0,
		    "%s: entry %" PRIu64
		    " is not the one that is in the tree: the intake log was rolled back and written again; restore the newer one, or go on with init --continues",
		    e.where, size - 1));
	if (rc == SP_OK)
		sp_record_done(&r);
	return (rc);
}

/* Remove unfinished files that a crash left where only this role writes. */
static enum sp_code
remove_leftovers(struct sp_seal *s, struct sp_err *err)
{
	char *kept = sp_layout_path(s->dir, "tree/checkpoints");
	struct sp_err ignored;
	enum sp_code rc = SP_OK;

	if (sp_io_exists(kept))
		rc = sp_io_clean(kept, NULL, err);
	free(kept);
	/* A guard that cannot be written now must not stop sealing. */
	if (s->guard != NULL && sp_io_exists(s->guard) &&
	    sp_io_clean(s->guard, NULL, &ignored) != SP_OK)
		sp_seal_guard_state(s, &ignored);
	return (rc);
}

/* The lock comes first: nothing is checked that another process may be
 * changing. */
static enum sp_code
open_all(struct sp_seal *s, int lock_wait_ms, struct sp_err *err)
{
	enum sp_code rc = sp_layout_read_format(s->dir, s->origin, err);

	if (rc == SP_OK)
		rc = acquire_lock(s, lock_wait_ms, err);
	if (rc == SP_OK)
		rc = remove_leftovers(s, err);
	if (rc == SP_OK)
		rc = load_keys(s, err);
	if (rc == SP_OK)
		rc = sp_tree_open(s->dir, &s->tree, err);
	if (rc == SP_OK)
		rc = sp_reader_open(s->dir, &s->reader, err);
	if (rc == SP_OK)
		rc = sp_seal_check_signed(s, err);
	if (rc == SP_OK)
		rc = find_packed(s, err);
	if (rc == SP_OK)
		rc = check_newest(s, err);
	return (rc);
}

/* A refusal is reported as an alarm too, if it is about the bytes. */
enum sp_code
sp_seal_open(const char *dir, const struct sp_config *cfg, int lock_wait_ms,
    const struct sp_seal_report *report, struct sp_seal **out,
    struct sp_err *err)
{
	struct sp_seal *s = sp_xcalloc(1, sizeof(*s));
	enum sp_code rc;

	s->dir = sp_xstrdup(dir);
	s->guard = cfg->guard != NULL ? sp_xstrdup(cfg->guard) : NULL;
	s->level = cfg->seal_level;
	s->frame = cfg->seal_frame;
	s->lock = -1;
	if (report != NULL)
		s->report = *report;
	sp_buf_init(&s->note, SP_NOTE_MAX);
	rc = open_all(s, lock_wait_ms, err);
	if (rc != SP_OK) {
		sp_seal_alarm(s, err);
		sp_seal_close(s);
		return (rc);
	}
	sp_reader_seek(s->reader, sp_tree_size(s->tree));
	*out = s;
	return (SP_OK);
}

void
sp_seal_close(struct sp_seal *s)
{
	if (s == NULL)
		return;
	sp_reader_close(s->reader);
	sp_tree_close(s->tree);
	sp_sealer_free(s->sealer);
	sp_signer_free(s->signer);
	sp_buf_done(&s->note);
	/* The lock last: whoever waits for the role may write from here on. */
	(void)sp_io_close(s->lock, NULL);
	free(s->guard);
	free(s->dir);
	free(s);
}

enum sp_code
sp_seal_sign(struct sp_seal *s, struct sp_view data, struct sp_buf *p7s,
    struct sp_err *err)
{
	return (sp_cms_sign_mem(s->sealer, data, p7s, err));
}

uint64_t
sp_seal_packed_end(const struct sp_seal *s)
{
	return (s->packed);
}
