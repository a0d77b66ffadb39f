/*
 * An archive: identity, then the tree, then every byte that it commits to.
 * A running service may add and pack meanwhile: what was signed when we began
 * is what the verdict is about.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/layout.h"
#include "journal/verify/verify_priv.h"

#define LOOKS 4 /* while files are packed under us */

/* Ed25519 SubjectPublicKeyInfo before its 32 bytes of key (RFC 8410). */
static const uint8_t spki[12] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b,
	0x65, 0x70, 0x03, 0x21, 0x00 };

static enum sp_code
read_key_file(struct sp_verify_archive *a, const char *where, size_t max,
    struct sp_buf *out, struct sp_err *err)
{
	char *path = sp_layout_path(a->dir, where);
	enum sp_code rc = sp_io_read_file(path, max, out, err);

	free(path);
	return (sp_verify_found_code(&a->found, "key", where, rc, err));
}

/* FORMAT names version and origin; where it is damaged the key does. */
static enum sp_code
open_format(struct sp_verify_archive *a, struct sp_err *err)
{
	enum sp_code rc = sp_layout_read_format(a->dir, a->origin, err);

	if (rc != SP_OK)
		a->origin[0] = '\0';
	rc = sp_verify_found_code(&a->found, "format", "FORMAT", rc, err);
	return (rc == SP_OK ? SP_OK : sp_err_prefix(err, "FORMAT"));
}

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

/* keys/log.pub.pem is the same key for stock openssl. */
static enum sp_code
check_pem(struct sp_verify_archive *a, struct sp_err *err)
{
	const char *where = "keys/log.pub.pem";
	uint8_t der[sizeof(spki) + 32];
	char b64[64], want[160];
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, SP_VERIFY_VKEY_MAX);
	rc = read_key_file(a, where, SP_VERIFY_VKEY_MAX, &text, err);
	if (rc != SP_OK || !a->id.have_key)
		goto out;
	memcpy(der, spki, sizeof(spki));
	memcpy(der + sizeof(spki), a->id.key.key, 32);
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

static enum sp_code
check_certs(struct sp_verify_archive *a, const char *where, struct sp_err *err)
{
	struct sp_buf pem;
	enum sp_code rc;

	sp_buf_init(&pem, SP_VERIFY_PEM_MAX);
	rc = read_key_file(a, where, SP_VERIFY_PEM_MAX, &pem, err);
	if (rc == SP_OK)
		sp_verify_said_certs(
		    &a->said, sp_buf_view(&pem), where, &a->found);
	sp_buf_done(&pem);
	return (rc);
}

/* Key and certificates must be those that the log itself names. */
static enum sp_code
check_said(struct sp_verify_archive *a, struct sp_err *err)
{
	enum sp_code rc;

	if (!a->said.init) {
		/* Its absence or damage is a finding already, but for an
		 * archive without any entry. */
		if (a->next == 0 && a->found.total == 0)
			sp_verify_found_add(&a->found, "missing", "archive",
			    "there is no entry, not even entry 0");
		return (SP_OK);
	}
	if (strcmp(a->said.origin, a->origin) != 0)
		sp_verify_found_add(&a->found, "format", "FORMAT",
		    "names the origin %s, entry 0 names %s", a->origin,
		    a->said.origin);
	if (a->id.have_embedded &&
	    !sp_verify_said_vkey(&a->said, &a->id.embedded))
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

static void
explain(struct sp_verify_archive *a, const struct sp_spans *gone,
    const struct sp_spans *by, const char *what)
{
	for (size_t i = 0; i < gone->n; i++)
		for (uint64_t s = gone->s[i].first; s < gone->s[i].end; s++) {
			char where[64];

			if (sp_spans_has(by, s))
				continue;
			(void)snprintf(
			    where, sizeof(where), "entry %" PRIu64, s);
			sp_verify_found_add(&a->found, "absence", where,
			    "its %s is not there, and no purge event of the log explains it",
			    what);
		}
}

static uint64_t
spans_count(const struct sp_spans *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->s[i].end - s->s[i].first;
	return (n);
}

/* Every absence must be explained by the log. */
static void
check_absence(struct sp_verify_archive *a)
{
	if (a->o->quick)
		return;
	sp_spans_sort(&a->said.purged);
	sp_spans_sort(&a->said.erased);
	explain(a, &a->absent, &a->said.purged, "message");
	explain(a, &a->lost, &a->said.erased, "record");
	a->v->erased = spans_count(&a->lost);
	a->v->purged = spans_count(&a->absent);
}

/* The intake log as if it had not been looked at before: what a packed file
 * made us miss is found among the segments the next time. */
static enum sp_code
try_intake(
    struct sp_verify_archive *a, bool last, bool *again, struct sp_err *err)
{
	struct sp_verify_found before = a->found;
	struct sp_verdict v = *a->v;
	uint64_t next = a->next;
	enum sp_code rc;
	bool gap = false;

	memset(&a->found, 0, sizeof(a->found));
	rc = sp_verify_intake(a, &gap, err);
	*again = rc == SP_OK && gap && !last;
	if (*again) {
		sp_verify_found_done(&a->found);
		*a->v = v;
		a->next = next;
	}
	sp_verify_found_merge(&before, &a->found);
	a->found = before;
	return (rc);
}

/* Segments, then intake; again where one was packed while we looked. */
static enum sp_code
check_entries(struct sp_verify_archive *a, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	bool again = true;

	for (int i = 1; i <= LOOKS && rc == SP_OK && again; i++) {
		rc = sp_verify_segments(a, err);
		if (rc == SP_OK)
			rc = try_intake(a, i == LOOKS, &again, err);
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
		rc = check_said(a, err);
	if (rc == SP_OK) {
		check_absence(a);
		sp_verify_identity_verdict(&a->id, o, out);
		memcpy(out->origin, a->origin, sizeof(out->origin));
		out->findings = a->found.total;
		sp_verify_found_report(&a->found, o);
	}
	sp_verify_found_done(&a->found);
	sp_verify_identity_done(&a->id);
	sp_verify_said_done(&a->said);
	sp_spans_done(&a->absent);
	sp_spans_done(&a->lost);
	sp_verify_run_done(&a->run);
	free(a);
	return (rc);
}
