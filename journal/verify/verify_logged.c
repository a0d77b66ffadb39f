/*
 * What the log says of itself: keys, certificates and purges that its events
 * name.  The checks of an archive and of a bag add each event of these kinds as
 * they meet it; at the end the keys and certificates that lie in the archive or
 * bag must be among those named, and each missing message must be explained by
 * a purge.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/verify/verify_priv.h"

/* A string member, borrowed; {NULL, 0} if it is not there or no string. */
static struct sp_view
text_member(const json_t *obj, const char *key)
{
	const json_t *m = json_object_get(obj, key);

	if (!json_is_string(m))
		return ((struct sp_view){ NULL, 0 });
	return (sp_view_mem(json_string_value(m), json_string_length(m)));
}

/*
 * The verification key and the sealing certificate of an init or key event;
 * beyond SP_VERIFY_CERTS_MAX they are not counted.
 */
static void
add_keys(struct sp_verify_said *s, const json_t *detail)
{
	struct sp_view vkey = text_member(detail, "vkey");
	struct sp_view pem = text_member(detail, "seal_crt");

	if (s->nvkeys < SP_VERIFY_CERTS_MAX && vkey.n > 0 &&
	    sp_vkey_parse(vkey, &s->vkeys[s->nvkeys], NULL) == SP_OK)
		s->nvkeys++;
	if (s->ncerts < SP_VERIFY_CERTS_MAX && pem.n > 0 &&
	    pem.n <= SP_VERIFY_PEM_MAX)
		s->certs[s->ncerts++] = sp_view_dup(pem);
}

/*
 * The entries of a purge event: "entries":[[first,last],...], both inclusive
 * and all before the purge itself; with "drop":"record" the records are
 * destroyed too (doc/format-export.md, omitted.jsonl).  A pair that is not so
 * is a finding, and the rest of the event counts for nothing.
 */
static enum sp_code
add_purge(struct sp_verify_said *s, const struct sp_record *r,
    const json_t *detail, const char *where, struct sp_verify_found *f,
    struct sp_err *err)
{
	const json_t *list = json_object_get(detail, "entries");
	bool drop = sp_view_eq_str(text_member(detail, "drop"), "record");
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++) {
		const json_t *pair = json_array_get(list, i);
		json_int_t a = json_integer_value(json_array_get(pair, 0));
		json_int_t b = json_integer_value(json_array_get(pair, 1));
		enum sp_code rc;

		if (json_array_size(pair) != 2 || a < 0 || b < a ||
		    (uint64_t)b >= r->seq) {
			sp_verify_found_add(f, "absence", where,
			    "purge event names entries that it cannot: pair %zu of its list",
			    i + 1);
			return (SP_OK);
		}
		rc =
		    sp_spans_add(&s->purged, (uint64_t)a, (uint64_t)b + 1, err);
		if (rc == SP_OK && drop)
			rc = sp_spans_add(
			    &s->erased, (uint64_t)a, (uint64_t)b + 1, err);
		if (rc != SP_OK)
			return (rc);
	}
	return (SP_OK);
}

bool
sp_verify_said_wants(const struct sp_record *r)
{
	return (r->seq == 0 || strcmp(r->event, "init") == 0 ||
		strcmp(r->event, "key") == 0 || strcmp(r->event, "purge") == 0);
}

enum sp_code
sp_verify_said_event(struct sp_verify_said *s, const struct sp_record *r,
    const char *where, struct sp_verify_found *f, struct sp_err *err)
{
	const json_t *detail = json_object_get(r->json, "detail");
	struct sp_view origin;

	if (r->seq == 0 && strcmp(r->event, "init") != 0)
		sp_verify_found_add(f, "record", where,
		    "entry 0 is not the event init but %s", r->event);
	if (strcmp(r->event, "purge") == 0)
		return (add_purge(s, r, detail, where, f, err));
	if (strcmp(r->event, "init") == 0 && r->seq == 0) {
		s->init = true;
		origin = text_member(detail, "origin");
		if (origin.n > 0 && origin.n < sizeof(s->origin)) {
			memcpy(s->origin, origin.p, origin.n);
			s->origin[origin.n] = '\0';
		}
		add_keys(s, detail);
	} else if (strcmp(r->event, "key") == 0) {
		add_keys(s, detail);
	}
	return (SP_OK);
}

bool
sp_verify_said_vkey(const struct sp_verify_said *s, const struct sp_vkey *k)
{
	for (size_t i = 0; i < s->nvkeys; i++)
		if (strcmp(s->vkeys[i].name, k->name) == 0 &&
		    memcmp(s->vkeys[i].key, k->key, sizeof(k->key)) == 0)
			return (true);
	return (false);
}

/* Length of the logged certificate that ${v} begins with; 0 for none. */
static size_t
length_of_cert(const struct sp_verify_said *s, struct sp_view v)
{
	for (size_t i = 0; i < s->ncerts; i++) {
		size_t n = strlen(s->certs[i]);

		if (v.n >= n && memcmp(v.p, s->certs[i], n) == 0)
			return (n);
	}
	return (0);
}

void
sp_verify_said_certs(const struct sp_verify_said *s, struct sp_view pem,
    const char *where, struct sp_verify_found *f)
{
	size_t at = 0, n;

	while (
	    at < pem.n && (n = length_of_cert(s,
			       (struct sp_view){ pem.p + at, pem.n - at })) > 0)
		at += n;
	if (pem.n == 0)
		sp_verify_found_add(
		    f, "key", where, "there is no certificate in it");
	else if (at < pem.n)
		sp_verify_found_add(f, "key", where,
		    "from byte %zu on it holds something else than the certificates that entry 0 and the key events of the log name: signatures made with it do not count",
		    at);
}

void
sp_verify_said_done(struct sp_verify_said *s)
{
	for (size_t i = 0; i < s->ncerts; i++)
		free(s->certs[i]);
	s->ncerts = 0;
	sp_spans_done(&s->purged);
	sp_spans_done(&s->erased);
}
