/*
 * The verification of an archive: who signed it, then the tree, then every byte
 * that the tree commits to, then whether what lies in the archive is what the
 * log says of itself.
 *
 *	FORMAT, keys/            open_format(), open_identity()
 *	tree/                    verify_tree.c, verify_checkpoints.c
 *	archive/, intake/        verify_segments.c, verify_intake.c
 *	keys against the log     check_logged()
 *	what is not there        check_absences(): purge events must explain it
 *
 * A running service may add entries and pack intake files meanwhile: the
 * verdict is about what was signed when the verification began.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/layout.h"
#include "journal/verify/verify_priv.h"

/* Times that segments and intake log are gone through, where the service packs
 * intake files meanwhile. */
#define PASSES_MAX 4

/* DER of an Ed25519 SubjectPublicKeyInfo up to its 32 bytes of key (RFC 8410,
 * section 4). */
static const uint8_t ed25519_spki[12] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
	0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

/*
 * Read a file below keys/, at most ${max} bytes, into ${out}.  That it is not
 * there or too long is a finding (${out} stays empty), other errors are
 * returned.
 */
static enum sp_code
read_key_file(struct sp_verify_archive *a, const char *where, size_t max,
    struct sp_buf *out, struct sp_err *err)
{
	char *path = sp_layout_path(a->dir, where);
	enum sp_code rc = sp_io_read_file(path, max, out, err);

	free(path);
	return (sp_verify_found_code(&a->found, "key", where, rc, err));
}

/*
 * Read the origin from FORMAT.  Where FORMAT is damaged, a finding, the origin
 * stays empty until open_identity() takes it from the key.
 */
static enum sp_code
open_format(struct sp_verify_archive *a, struct sp_err *err)
{
	enum sp_code rc = sp_layout_read_format(a->dir, a->origin, err);

	if (rc != SP_OK)
		a->origin[0] = '\0';
	rc = sp_verify_found_code(&a->found, "format", "FORMAT", rc, err);
	return (rc == SP_OK ? SP_OK : sp_err_prefix(err, "FORMAT"));
}

/*
 * Decide which key counts, from keys/log.vkey and what the verifier gave; the
 * origin of the archive must be the key's name.
 */
static enum sp_code
open_identity(struct sp_verify_archive *a, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, SP_VERIFY_VKEY_MAX);
	rc = read_key_file(a, "keys/log.vkey", SP_VERIFY_VKEY_MAX, &text, err);
	if (rc == SP_OK)
		rc = sp_verify_identity_init(&a->id, a->o, sp_buf_view(&text),
		    "keys/log.vkey", &a->found, err);
	sp_buf_done(&text);
	if (rc != SP_OK)
		return (rc);
	if (a->origin[0] == '\0' && a->id.have_key)
		memcpy(a->origin, a->id.key.name, sizeof(a->origin));
	if (a->id.have_key && strcmp(a->id.key.name, a->origin) != 0)
		sp_verify_found_add(&a->found, "key", "keys/log.vkey",
		    "is the key of %s, the archive is %s", a->id.key.name,
		    a->origin);
	return (SP_OK);
}

/*
 * keys/log.pub.pem must be the key that counts, in the form that stock openssl
 * reads.
 */
static enum sp_code
check_pem(struct sp_verify_archive *a, struct sp_err *err)
{
	const char *where = "keys/log.pub.pem";
	uint8_t der[sizeof(ed25519_spki) + 32];
	char b64[64], want[160];
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, SP_VERIFY_VKEY_MAX);
	rc = read_key_file(a, where, SP_VERIFY_VKEY_MAX, &text, err);
	if (rc != SP_OK || !a->id.have_key)
		goto out;
	memcpy(der, ed25519_spki, sizeof(ed25519_spki));
	memcpy(der + sizeof(ed25519_spki), a->id.key.key, 32);
	sp_b64_encode(der, sizeof(der), b64);
	(void)snprintf(want, sizeof(want),
	    "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", b64);
	if (!sp_view_eq_str(sp_buf_view(&text), want))
		sp_verify_found_add(
		    &a->found, "key", where, "is not the key of keys/log.vkey");
out:
	sp_buf_done(&text);
	return (rc);
}

/*
 * A certificate file below keys/ must hold certificates that the log names and
 * nothing else.
 */
static enum sp_code
check_certs(struct sp_verify_archive *a, const char *where, struct sp_err *err)
{
	struct sp_buf pem;
	enum sp_code rc;

	sp_buf_init(&pem, SP_VERIFY_PEM_MAX);
	rc = read_key_file(a, where, SP_VERIFY_PEM_MAX, &pem, err);
	if (rc == SP_OK)
		sp_verify_said_certs(
		    &a->logged, sp_buf_view(&pem), where, &a->found);
	sp_buf_done(&pem);
	return (rc);
}

/*
 * What lies in the archive must be what the log says of itself: origin, key and
 * sealing certificates.
 */
static enum sp_code
check_logged(struct sp_verify_archive *a, struct sp_err *err)
{
	enum sp_code rc;

	if (!a->logged.init) {
		/* Its absence or damage is a finding already, but for an
		 * archive without any entry. */
		if (a->next == 0 && a->found.total == 0)
			sp_verify_found_add(&a->found, "missing", "archive",
			    "there is no entry, not even entry 0");
		return (SP_OK);
	}
	if (strcmp(a->logged.origin, a->origin) != 0)
		sp_verify_found_add(&a->found, "format", "FORMAT",
		    "names the origin %s, entry 0 names %s", a->origin,
		    a->logged.origin);
	if (a->id.have_embedded &&
	    !sp_verify_said_vkey(&a->logged, &a->id.embedded))
		sp_verify_found_add(&a->found, "key", "keys/log.vkey",
		    "is not named by entry 0 or a key event of the log");
	rc = check_pem(a, err);
	/* Later certificates are in events that --quick does not read. */
	if (rc == SP_OK && !a->o->quick)
		rc = check_certs(a, "keys/seal-all.crt", err);
	if (rc == SP_OK && !a->o->quick)
		rc = check_certs(a, "keys/seal.crt", err);
	return (rc);
}

/*
 * Each entry of ${missing} must be in ${purges}; a finding for every one that
 * is not.  ${what}: "message" or "record".
 */
static void
check_explained(struct sp_verify_archive *a, const struct sp_seq_spans *missing,
    const struct sp_seq_spans *purges, const char *what)
{
	for (size_t i = 0; i < missing->n; i++)
		for (uint64_t s = missing->s[i].first; s < missing->s[i].end;
		     s++) {
			char where[64];

			if (sp_spans_has(purges, s))
				continue;
			(void)snprintf(
			    where, sizeof(where), "entry %" PRIu64, s);
			sp_verify_found_add(&a->found, "absence", where,
			    "its %s is not there, and no purge event of the log explains it",
			    what);
		}
}

/*
 * Every message and record that is not in its segment must be explained by a
 * purge event.  With --quick the segments were not read, so nothing is known.
 */
static void
check_absences(struct sp_verify_archive *a)
{
	if (a->o->quick)
		return;
	sp_spans_sort(&a->logged.purged);
	sp_spans_sort(&a->logged.erased);
	check_explained(a, &a->no_message, &a->logged.purged, "message");
	check_explained(a, &a->no_record, &a->logged.erased, "record");
	a->v->erased = sp_seq_spans_count(&a->no_record);
	a->v->purged = sp_seq_spans_count(&a->no_message);
}

/*
 * Check the intake log.  Where entries are missing because a file was packed
 * while it was looked for, and this is not the ${last} pass, *repeat is true,
 * and the findings and counts of the pass are undone: the next pass meets those
 * entries among the segments.
 */
static enum sp_code
check_intake(
    struct sp_verify_archive *a, bool last, bool *repeat, struct sp_err *err)
{
	struct sp_verify_found earlier = a->found;
	struct sp_verdict v = *a->v;
	uint64_t next = a->next;
	enum sp_code rc;
	bool gap = false;

	memset(&a->found, 0, sizeof(a->found));
	rc = sp_verify_intake(a, &gap, err);
	*repeat = rc == SP_OK && gap && !last;
	if (*repeat) {
		sp_verify_found_done(&a->found);
		*a->v = v;
		a->next = next;
	}
	sp_verify_found_merge(&earlier, &a->found);
	a->found = earlier;
	return (rc);
}

/*
 * Check the segments and then the intake log, again where the service packed
 * files between the two; then every entry of the tree must have been met.
 */
static enum sp_code
check_entries(struct sp_verify_archive *a, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	bool repeat = true;

	for (int i = 1; i <= PASSES_MAX && rc == SP_OK && repeat; i++) {
		rc = sp_verify_segments(a, err);
		if (rc == SP_OK)
			rc = check_intake(a, i == PASSES_MAX, &repeat, err);
	}
	if (rc != SP_OK)
		return (rc);
	if (a->have_tree && a->next < a->tree_size)
		sp_verify_found_add(&a->found, "missing",
		    a->intake[0] != '\0' ? a->intake : "intake",
		    "the entries %" PRIu64 " to %" PRIu64
		    " are in the tree, but in no segment and in no intake file",
		    a->next, a->tree_size - 1);
	a->v->entries = a->next;
	return (SP_OK);
}

/*
 * Each step runs only if the one before could look; findings do not stop it, so
 * that one report names all that is wrong.
 */
enum sp_code
sp_verify_archive(const char *dir, const struct sp_verify_opts *o,
    struct sp_verdict *out, struct sp_err *err)
{
	struct sp_verify_archive *a = sp_xcalloc(1, sizeof(*a));
	enum sp_code rc;

	a->dir = dir;
	a->o = o;
	a->v = out;
	sp_verify_run_init(&a->run, o);
	rc = open_format(a, err);
	if (rc == SP_OK)
		rc = open_identity(a, err);
	if (rc == SP_OK)
		rc = sp_verify_tree(a, err);
	if (rc == SP_OK)
		rc = check_entries(a, err);
	if (rc == SP_OK)
		rc = check_logged(a, err);
	if (rc == SP_OK) {
		check_absences(a);
		sp_verify_identity_verdict(&a->id, o, out);
		memcpy(out->origin, a->origin, sizeof(out->origin));
		out->findings = a->found.total;
		sp_verify_found_report(&a->found, o);
	}
	sp_verify_found_done(&a->found);
	sp_verify_identity_done(&a->id);
	sp_verify_said_done(&a->logged);
	sp_spans_done(&a->no_message);
	sp_spans_done(&a->no_record);
	sp_verify_run_done(&a->run);
	free(a);
	return (rc);
}
