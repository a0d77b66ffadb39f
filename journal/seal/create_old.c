/*
 * The last checkpoint of an archive that a new one continues (`init
 * --continues`), so that entry 0 can bind the old log.  An archive that was set
 * back knows less than its guard: so both are asked, and the larger one counts.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "base/io.h"
#include "journal/seal/create_priv.h"
#include "journal/tree/vkey.h"
#include "base/layout.h"

/* The archive that is continued, and the best checkpoint found of it. */
struct predecessor {
	const char *dir;
	char origin[SP_ORIGIN_MAX + 1];
	struct sp_vkey vkey;
	bool found;
	struct sp_checkpoint best;
	struct sp_buf *note; /* the bytes of best */
};

/* Read and verify the checkpoint in ${dir}, if there is one; the largest
 * counts. */
static enum sp_code
read_checkpoint(struct predecessor *o, const char *dir, struct sp_err *err)
{
	char *path = sp_layout_path(dir, "checkpoint");
	struct sp_checkpoint c;
	struct sp_view text;
	struct sp_buf note;
	enum sp_code rc;

	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_io_read_file(path, SP_NOTE_MAX, &note, err);
	if (rc == SP_ENOTFOUND) {
		rc = SP_OK;
		goto out;
	}
	if (rc == SP_OK)
		rc =
		    sp_note_verify(sp_buf_view(&note), &o->vkey, 1, &text, err);
	if (rc == SP_OK)
		rc = sp_checkpoint_parse(text, &c, err);
	if (rc == SP_OK && strcmp(c.origin, o->origin) != 0)
		rc = sp_err_set(err, SP_EMISMATCH, 0,
		    "is of the log %s, the archive is %s", c.origin, o->origin);
	if (rc != SP_OK) {
		(void)sp_err_prefix(err, "%s", path);
		goto out;
	}
	if (!o->found || c.size > o->best.size) {
		sp_buf_clear(o->note);
		rc = sp_buf_addv(o->note, sp_buf_view(&note));
		o->best = c;
		o->found = true;
	}
out:
	sp_buf_done(&note);
	free(path);
	return (rc);
}

/* Read the one in the guard directory that the old configuration names. */
static enum sp_code
read_guard(struct predecessor *o, struct sp_err *err)
{
	char *path = sp_layout_path(o->dir, "sealpost.conf");
	struct sp_config *cfg = NULL;
	enum sp_code rc = SP_OK;

	if (sp_io_exists(path))
		rc = sp_config_load(path, &cfg, err);
	if (rc == SP_OK && cfg != NULL && cfg->guard != NULL)
		rc = read_checkpoint(o, cfg->guard, err);
	sp_config_free(cfg);
	free(path);
	return (rc);
}

/* The new origin must be another: two logs of one name could not be told
 * apart. */
enum sp_code
sp_create_old(const char *old, const char *origin, struct sp_buf *note,
    struct sp_checkpoint *out, struct sp_err *err)
{
	struct predecessor o = { .dir = old, .note = note };
	char *key = sp_layout_path(old, "keys/log.vkey");
	char *tree = sp_layout_path(old, "tree");
	enum sp_code rc;

	rc = sp_layout_read_format(old, o.origin, err);
	if (rc == SP_OK && strcmp(o.origin, origin) == 0)
		rc = sp_err_set(err, SP_EUSAGE, 0,
		    "the new archive must have another origin than %s, which it continues; give one with --origin",
		    origin);
	if (rc == SP_OK)
		rc = sp_vkey_load(key, &o.vkey, err);
	if (rc == SP_OK)
		rc = read_checkpoint(&o, tree, err);
	if (rc == SP_OK)
		rc = read_guard(&o, err);
	if (rc == SP_OK && !o.found)
		rc = sp_err_set(err, SP_ENOTFOUND, 0,
		    "%s has no checkpoint, in tree/ or in its guard directory: there is nothing that a new archive could continue",
		    old);
	if (rc == SP_OK)
		*out = o.best;
	free(tree);
	free(key);
	return (rc);
}
