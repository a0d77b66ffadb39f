/*
 * Whose key counts.  Trust never comes from what is verified: it comes from the
 * key that the verifier gave (--vkey), from the guard directory of our own
 * archive, or from a checkpoint that the verifier kept (--from-checkpoint).
 * The embedded key only shows that all is consistent; without anything from
 * outside the verdict says "signer not authenticated".
 *
 *   key that counts  --vkey, else the guard's, else our own archive's key where
 *                    it has the embedded key's name, else the embedded one
 *   trust            that of the key; a kept checkpoint counts for more, unless
 *                    the key is from --vkey or from our own archive
 *
 * Called at the beginning (sp_verify_identity_init()), for each checkpoint met
 * (sp_verify_identity_check_note()), and at the end for the verdict, whose
 * sentence "rests on" is worded here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "journal/verify/verify_priv.h"

static bool
is_same_key(const struct sp_vkey *a, const struct sp_vkey *b)
{
	return (strcmp(a->name, b->name) == 0 &&
		memcmp(a->key, b->key, sizeof(a->key)) == 0);
}

/*
 * The key that lies in the archive or bag.  Its file must be one line and
 * nothing else; anything else is a finding, and then there is no embedded key.
 */
static void
load_embedded(struct sp_verify_identity *id, struct sp_view text,
    const char *where, struct sp_findings *f)
{
	struct sp_view line, rest = text;
	struct sp_err err;
	char formatted[300];

	if (text.p == NULL) {
		sp_findings_add(f, "missing", where,
		    "the log's verification key is not there");
		return;
	}
	line = sp_view_cut(&rest, '\n');
	if (sp_vkey_parse(line, &id->embedded, &err) != SP_OK) {
		sp_findings_add(f, "key", where, "%s", err.msg);
		return;
	}
	sp_vkey_format(&id->embedded, formatted);
	if (!sp_view_eq_str(line, formatted) || rest.n > 0 ||
	    line.n + 1 != text.n) {
		sp_findings_add(f, "key", where,
		    "not exactly one line with a verification key");
		return;
	}
	id->have_embedded = true;
}

/*
 * The checkpoint that the verifier kept.  It is the verifier's own file, so
 * that it cannot be read is an error; that another key signed it is a finding.
 */
static enum sp_code
load_kept(struct sp_verify_identity *id, const struct sp_verify_opts *o,
    struct sp_findings *f, struct sp_err *err)
{
	struct sp_view text;
	struct sp_err why;
	enum sp_code rc;

	rc = sp_io_read_file(
	    o->from_checkpoint, SP_NOTE_MAX, &id->kept_note, err);
	if (rc == SP_OK)
		rc = sp_checkpoint_peek(
		    sp_buf_view(&id->kept_note), &id->kept, err);
	if (rc != SP_OK) {
		(void)sp_err_prefix(
		    err, "--from-checkpoint %s", o->from_checkpoint);
		return (rc);
	}
	if (!id->have_key)
		return (SP_OK);
	rc = sp_note_verify(
	    sp_buf_view(&id->kept_note), &id->key, 1, &text, &why);
	if (rc != SP_OK) {
		sp_findings_add(f, "key", o->from_checkpoint,
		    "the checkpoint that you kept is not signed by the key in use, %s: %s",
		    id->key.name, why.msg);
		return (SP_OK);
	}
	id->have_kept = true;
	return (SP_OK);
}

/*
 * Key and checkpoint of the guard directory.  The key counts where none was
 * given; the checkpoint always does.  A directory without a checkpoint is fine:
 * `init` writes the key, and the first checkpoint may be still to come.
 */
static enum sp_code
load_guard(struct sp_verify_identity *id, const struct sp_verify_opts *o,
    struct sp_findings *f, struct sp_err *err)
{
	char *vkey = sp_layout_path(o->guard, "log.vkey");
	char *note = sp_layout_path(o->guard, "checkpoint");
	struct sp_vkey key;
	enum sp_code rc;

	rc = sp_vkey_load(vkey, &key, err);
	if (rc != SP_OK) {
		(void)sp_err_prefix(err,
		    "the guard copy cannot be read (is its disk mounted?)");
		goto out;
	}
	if (id->have_embedded && !is_same_key(&key, &id->embedded))
		sp_findings_add(f, "key", "keys/log.vkey",
		    "not the key of the guard copy %s", vkey);
	if (o->vkey == NULL) {
		id->key = key;
		id->have_key = true;
		id->trust = SP_TRUST_GUARD;
	}
	rc = sp_io_read_file(note, SP_NOTE_MAX, &id->guard_note, err);
	if (rc == SP_OK)
		id->have_guard = sp_verify_identity_check_note(id,
		    sp_buf_view(&id->guard_note), key.name, note, &id->guard,
		    f);
	if (rc == SP_ENOTFOUND)
		rc = SP_OK;
out:
	free(vkey);
	free(note);
	return (rc);
}

/*
 * Which key notes are checked with, before the guard is looked at: the one
 * given, else that of the verifier's own archive where it has the embedded
 * key's name, else the embedded one.
 */
static void
choose_key(struct sp_verify_identity *id, const struct sp_verify_opts *o,
    const char *where, struct sp_findings *f)
{
	const struct sp_vkey *outside = o->vkey;
	const char *key_source = "the key that you gave";

	if (outside == NULL && o->own_vkey != NULL && id->have_embedded &&
	    strcmp(o->own_vkey->name, id->embedded.name) == 0) {
		outside = o->own_vkey;
		key_source = "the key of your own archive of that name";
	}
	if (outside != NULL) {
		id->key = *outside;
		id->have_key = true;
		id->trust = SP_TRUST_VKEY;
		if (id->have_embedded && !is_same_key(outside, &id->embedded))
			sp_findings_add(f, "key", where,
			    "is not %s: it is of %s", key_source,
			    id->embedded.name);
	} else if (id->have_embedded) {
		id->key = id->embedded;
		id->have_key = true;
		if (o->trust_embedded)
			id->trust = SP_TRUST_EMBEDDED;
	}
}

enum sp_code
sp_verify_identity_init(struct sp_verify_identity *id,
    const struct sp_verify_opts *o, struct sp_view text, const char *where,
    struct sp_findings *f, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	memset(id, 0, sizeof(*id));
	sp_buf_init(&id->kept_note, SP_NOTE_MAX);
	sp_buf_init(&id->guard_note, SP_NOTE_MAX);
	load_embedded(id, text, where, f);
	choose_key(id, o, where, f);
	if (o->guard != NULL)
		rc = load_guard(id, o, f, err);
	if (rc == SP_OK && o->from_checkpoint != NULL)
		rc = load_kept(id, o, f, err);
	return (rc);
}

bool
sp_verify_identity_check_note(const struct sp_verify_identity *id,
    struct sp_view note, const char *origin, const char *where,
    struct sp_checkpoint *out, struct sp_findings *f)
{
	struct sp_view text;
	struct sp_err err;

	if (!id->have_key) {
		sp_findings_add(f, "checkpoint", where,
		    "cannot be checked: there is no verification key");
		return (false);
	}
	if (sp_note_verify(note, &id->key, 1, &text, &err) != SP_OK ||
	    sp_checkpoint_parse(text, out, &err) != SP_OK) {
		sp_findings_add(f, "checkpoint", where, "%s", err.msg);
		return (false);
	}
	if (strcmp(out->origin, origin) != 0) {
		sp_findings_add(f, "checkpoint", where,
		    "of another log: its origin is %s, not %s", out->origin,
		    origin);
		return (false);
	}
	return (true);
}

/*
 * A kept checkpoint is named beside the key it was signed by: it shows that the
 * log only grew since, a key alone does not.
 */
void
sp_verify_identity_verdict(const struct sp_verify_identity *id,
    const struct sp_verify_opts *o, struct sp_verdict *v)
{
	const char *rests =
	    "nothing from outside: consistent with itself; signer not authenticated (give --vkey or --from-checkpoint)";

	v->trust = id->trust;
	if (id->have_kept && v->trust != SP_TRUST_VKEY)
		v->trust = SP_TRUST_CHECKPOINT;
	if (id->have_key) {
		sp_vkey_format(&id->key, v->vkey);
		sp_vkey_fingerprint(&id->key, v->fingerprint);
	}
	switch (v->trust) {
	case SP_TRUST_NONE:
		break;
	case SP_TRUST_EMBEDDED:
		rests = "the key found inside, because you chose to trust it";
		break;
	case SP_TRUST_GUARD:
		rests =
		    id->have_guard
			? "the key and the checkpoint in the guard directory, kept outside the archive"
			: "the key in the guard directory, kept outside the archive; no checkpoint there";
		break;
	case SP_TRUST_VKEY:
		rests = o->vkey != NULL
			    ? "the verification key that you gave"
			    : "the verification key of your own archive";
		break;
	case SP_TRUST_CHECKPOINT: /* worded below, with its size */
		break;
	}
	if (v->trust == SP_TRUST_CHECKPOINT)
		(void)snprintf(v->rests_on, sizeof(v->rests_on),
		    "the checkpoint of size %" PRIu64 " that you kept (%s)",
		    id->kept.size, o->from_checkpoint);
	else if (id->have_kept)
		(void)snprintf(v->rests_on, sizeof(v->rests_on),
		    "%s, and the checkpoint of size %" PRIu64
		    " that you kept (%s)",
		    rests, id->kept.size, o->from_checkpoint);
	else
		(void)snprintf(v->rests_on, sizeof(v->rests_on), "%s", rests);
}

void
sp_verify_identity_done(struct sp_verify_identity *id)
{
	sp_buf_done(&id->kept_note);
	sp_buf_done(&id->guard_note);
}
