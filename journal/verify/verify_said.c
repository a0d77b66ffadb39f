/* What the log's own events say: keys, certificates, purges. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/verify/verify_priv.h"

enum sp_code
sp_spans_add(
    struct sp_spans *s, uint64_t first, uint64_t end, struct sp_err *err)
{
	if (s->n > 0 && s->s[s->n - 1].end == first) {
		s->s[s->n - 1].end = end;
		return (SP_OK);
	}
	if (s->n == SP_VERIFY_SPANS_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "more than %u separate runs of entries",
		    SP_VERIFY_SPANS_MAX));
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 16 : s->cap * 2;
		s->s = sp_xrealloc(s->s, s->cap * sizeof(*s->s));
	}
	s->s[s->n++] = (struct sp_span){ first, end };
	return (SP_OK);
}

static int
by_first(const void *a, const void *b)
{
	const struct sp_span *x = a, *y = b;

	return ((x->first > y->first) - (x->first < y->first));
}

/* Sorted, and joined where they touch or overlap. */
void
sp_spans_sort(struct sp_spans *s)
{
	size_t n = 0;

	if (s->n < 2)
		return;
	qsort(s->s, s->n, sizeof(*s->s), by_first);
	for (size_t i = 1; i < s->n; i++) {
		if (s->s[i].first > s->s[n].end)
			s->s[++n] = s->s[i];
		else if (s->s[i].end > s->s[n].end)
			s->s[n].end = s->s[i].end;
	}
	s->n = n + 1;
}

bool
sp_spans_has(const struct sp_spans *s, uint64_t seq)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->s[mid].end <= seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo < s->n && s->s[lo].first <= seq);
}

void
sp_spans_done(struct sp_spans *s)
{
	free(s->s);
	memset(s, 0, sizeof(*s));
}

static struct sp_view
text_of(const json_t *obj, const char *key)
{
	const json_t *m = json_object_get(obj, key);

	if (!json_is_string(m))
		return ((struct sp_view){ NULL, 0 });
	return (sp_view_mem(json_string_value(m), json_string_length(m)));
}

static void
add_identity(struct sp_verify_said *s, const json_t *detail)
{
	struct sp_view vkey = text_of(detail, "vkey");
	struct sp_view pem = text_of(detail, "seal_crt");

	if (s->nvkeys < SP_VERIFY_CERTS_MAX && vkey.n > 0 &&
	    sp_vkey_parse(vkey, &s->vkeys[s->nvkeys], NULL) == SP_OK)
		s->nvkeys++;
	if (s->ncerts < SP_VERIFY_CERTS_MAX && pem.n > 0 &&
	    pem.n <= SP_VERIFY_PEM_MAX)
		s->certs[s->ncerts++] = sp_view_dup(pem);
}

/* "entries":[[first,last],...], all before the purge itself. */
static enum sp_code
add_purge(struct sp_verify_said *s, const struct sp_record *r,
    const json_t *detail, const char *where, struct sp_verify_found *f,
    struct sp_err *err)
{
	const json_t *list = json_object_get(detail, "entries");
	bool drop = sp_view_eq_str(text_of(detail, "drop"), "record");
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
		origin = text_of(detail, "origin");
		if (origin.n > 0 && origin.n < sizeof(s->origin)) {
			memcpy(s->origin, origin.p, origin.n);
			s->origin[origin.n] = '\0';
		}
		add_identity(s, detail);
	} else if (strcmp(r->event, "key") == 0) {
		add_identity(s, detail);
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

/* Length of the certificate named by the log with which ${v} begins, or 0. */
static size_t
cert_at(const struct sp_verify_said *s, struct sp_view v)
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

	while (at < pem.n &&
	       (n = cert_at(s, (struct sp_view){ pem.p + at, pem.n - at })) > 0)
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
