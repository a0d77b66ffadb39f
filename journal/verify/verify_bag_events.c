/*
 * The events in a bag: steps 7 and 8 of doc/format-export.md section 5, and
 * what was asked (step 10).  Each record in data/proof/events must be proven to
 * be in the log by the inclusion proof beside it (RFC 6962 section 2.1.1, C2SP
 * tlog-proof); only then it counts.  From proven events come the keys and
 * certificates of the log (verify_logged.c), the purges that explain absent
 * messages, and the request of the export, which the entries are judged by
 * (verify_bag_entries.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "base/time_text.h"
#include "journal/verify/verify_bag_priv.h"

/* ---- the request, from the export's own event ---- */

/*
 * The time of a member, *have false where it is null or not there; false if it
 * is anything else.
 */
static bool
parse_instant(const json_t *obj, const char *key, bool *have, int64_t *out)
{
	const json_t *m = json_object_get(obj, key);

	*have = json_is_string(m);
	if (!*have)
		return (m == NULL || json_is_null(m));
	return (sp_time_parse(
	    sp_view_mem(json_string_value(m), json_string_length(m)), out));
}

/*
 * What the detail of an `export` event says was asked; false if it does not say
 * all of it in the form of the document.
 */
static bool
parse_request(const struct sp_record *r, struct sp_verify_asked *a)
{
	const json_t *detail = json_object_get(r->json, "detail");
	const json_t *range = json_object_get(detail, "range");
	const char *by = json_string_value(json_object_get(range, "by"));
	const json_t *query = json_object_get(detail, "query");
	const json_t *at = json_object_get(detail, "at");

	if (by == NULL ||
	    (strcmp(by, "received") != 0 && strcmp(by, "date") != 0))
		return (false);
	a->by_date = strcmp(by, "date") == 0;
	a->query = query != NULL && !json_is_null(query) &&
		   !(json_is_string(query) && json_string_length(query) == 0);
	a->with_records = json_is_true(json_object_get(detail, "with_records"));
	a->have_at = json_is_integer(at);
	if (a->have_at && json_integer_value(at) < 0)
		return (false);
	if (a->have_at)
		a->at = (uint64_t)json_integer_value(at);
	a->received = r->received;
	return (parse_instant(range, "since", &a->have_since, &a->since) &&
		parse_instant(range, "until", &a->have_until, &a->until));
}

/* The request that was logged must be the one that bag-info.txt states. */
static void
compare_request(struct sp_verify_bag *b, const char *where)
{
	const struct sp_verify_asked *a = &b->request;
	const struct sp_bag_info *i = &b->info;
	const char *what = NULL;

	if (a->by_date != i->by_date)
		what = "by receipt or by date";
	else if (a->have_since != i->have_since ||
		 (a->have_since && a->since != i->since))
		what = "Sealpost-Range-Since";
	else if (a->have_until != i->have_until ||
		 (a->have_until && a->until != i->until))
		what = "Sealpost-Range-Until";
	else if (a->query != (i->query.n > 0))
		what = "Sealpost-Query";
	else if (a->have_at && a->at > i->event)
		what = "a size beyond the export itself";
	if (what != NULL)
		sp_verify_found_add(&b->found, "request", where,
		    "the log has another request than bag-info.txt: %s", what);
}

/* ---- events ---- */

/*
 * Move what a proven purge event named from ${b}->logged to a list of purges,
 * since omitted.jsonl names each by its seq.  Beyond SP_VERIFY_PURGES_MAX it
 * does not count: what it would explain is a finding then.
 */
static void
store_purge(struct sp_verify_bag *b, uint64_t seq)
{
	struct sp_verify_purge *p;

	if (b->npurges == SP_VERIFY_PURGES_MAX)
		return;
	b->purges =
	    sp_xrealloc(b->purges, (b->npurges + 1) * sizeof(*b->purges));
	p = &b->purges[b->npurges++];
	p->event = seq;
	p->purged = b->logged.purged;
	p->erased = b->logged.erased;
	sp_spans_sort(&p->purged);
	sp_spans_sort(&p->erased);
	memset(&b->logged.purged, 0, sizeof(b->logged.purged));
	memset(&b->logged.erased, 0, sizeof(b->logged.erased));
}

/* A proven event counts: keys, a purge, or the request of this export. */
static enum sp_code
apply_event(struct sp_verify_bag *b, const struct sp_record *r,
    const char *where, struct sp_err *err)
{
	enum sp_code rc =
	    sp_verify_said_event(&b->logged, r, where, &b->found, err);

	if (rc != SP_OK)
		return (rc);
	if (strcmp(r->event, "purge") == 0)
		store_purge(b, r->seq);
	if (!b->have_info || r->seq != b->info.event)
		return (SP_OK);
	if (strcmp(r->event, "export") != 0 || !parse_request(r, &b->request)) {
		sp_verify_found_add(&b->found, "request", where,
		    "is not the event of an export");
		return (SP_OK);
	}
	b->request.known = true;
	compare_request(b, where);
	return (SP_OK);
}

/*
 * Whether the inclusion proof leads from the entry line, made from the record
 * ${text}, to the root of the checkpoint.
 */
static bool
is_included(struct sp_verify_bag *b, const struct sp_record *r,
    struct sp_view text, const struct sp_bag_inclusion *in)
{
	char line[SP_LINE_MAX];
	struct sp_line l;
	struct sp_hash leaf;

	sp_line_of_record(r, text, &l);
	leaf = sp_merkle_leaf(sp_view_mem(line, sp_line_format(&l, line)));
	return (in->index == r->seq &&
		sp_merkle_check_inclusion(r->seq, b->checkpoint.size, &leaf,
		    &in->proof, &b->checkpoint.root));
}

/*
 * Check the inclusion proof beside the record of an event.  *holds is true if
 * it does; else there is a finding.
 */
static enum sp_code
check_proof(struct sp_verify_bag *b, const struct sp_record *r,
    struct sp_view text, const char *where, bool *holds, struct sp_err *err)
{
	struct sp_bag_inclusion in;
	struct sp_buf proof;
	char name[96];
	enum sp_code rc;
	bool have;

	*holds = false;
	(void)snprintf(name, sizeof(name),
	    "data/proof/events/%012" PRIu64 ".tlog-proof", r->seq);
	sp_buf_init(&proof, SP_BAG_PROOF_MAX);
	rc = sp_bag_source_require(
	    b->src, name, SP_BAG_PROOF_MAX, &proof, &have, err);
	if (rc != SP_OK || !have || !b->have_checkpoint)
		goto out;
	rc = sp_bag_inclusion_parse(sp_buf_view(&proof), &in, err);
	if (rc != SP_OK) {
		rc = sp_verify_found_code(&b->found, "event", name, rc, err);
		goto out;
	}
	if (!sp_view_eq(in.note, sp_buf_view(&b->note)))
		sp_verify_found_add(&b->found, "event", name,
		    "its checkpoint is not that of the bag");
	else if (!is_included(b, r, text, &in))
		sp_verify_found_add(&b->found, "event", where,
		    "is not in the log: %s does not prove it", name);
	else
		*holds = true;
out:
	sp_buf_done(&proof);
	return (rc);
}

/*
 * One record in data/proof/events: it must be that of an event, of the seq in
 * its name, and proven; then it counts.
 */
static enum sp_code
check_event(
    struct sp_verify_bag *b, const char *name, uint64_t seq, struct sp_err *err)
{
	struct sp_buf text;
	struct sp_record r;
	enum sp_code rc;
	bool have, holds;

	sp_buf_init(&text, SP_RECORD_MAX + 1);
	rc = sp_bag_source_require(
	    b->src, name, SP_RECORD_MAX, &text, &have, err);
	if (rc != SP_OK || !have)
		goto out;
	rc = sp_record_parse(sp_buf_view(&text), &r, err);
	if (rc != SP_OK) {
		rc = sp_verify_found_code(&b->found, "event", name, rc, err);
		goto out;
	}
	if (r.kind != SP_KIND_EVENT || r.seq != seq) {
		sp_verify_found_add(&b->found, "event", name,
		    "is not the record of event %" PRIu64, seq);
	} else {
		rc = check_proof(b, &r, sp_buf_view(&text), name, &holds, err);
		if (rc == SP_OK && holds)
			rc = apply_event(b, &r, name, err);
	}
	sp_record_done(&r);
out:
	sp_buf_done(&text);
	return (rc);
}

/*
 * All records in data/proof/events; entry 0 and the event of the export itself
 * must be among them.
 */
static enum sp_code
check_events(struct sp_verify_bag *b, struct sp_err *err)
{
	size_t n;
	const struct sp_bag_file *f = sp_bag_source_files(b->src, &n);
	bool have_export = false, have_init = false;
	enum sp_code rc = SP_OK;
	uint64_t seq;

	for (size_t i = 0; i < n && rc == SP_OK; i++) {
		if (!sp_bag_event_name(sp_view_str(f[i].path), ".json", &seq))
			continue;
		have_init = have_init || seq == 0;
		have_export =
		    have_export || (b->have_info && seq == b->info.event);
		rc = check_event(b, f[i].path, seq, err);
	}
	if (rc == SP_OK && !have_init)
		sp_verify_found_add(&b->found, "missing", "data/proof/events",
		    "entry 0 of the log is not there");
	if (rc == SP_OK && b->have_info && !have_export)
		sp_verify_found_add(&b->found, "missing", "data/proof/events",
		    "the event of the export itself, entry %" PRIu64
		    ", is not there",
		    b->info.event);
	return (rc);
}

/*
 * What lies in the bag must be what the log says of itself: origin, key and
 * sealing certificate.
 */
static enum sp_code
check_logged(struct sp_verify_bag *b, struct sp_err *err)
{
	const char *where = SP_BAG_SEAL_CRT;
	struct sp_buf pem;
	enum sp_code rc = SP_OK;
	bool have;

	if (!b->logged.init)
		return (SP_OK); /* a finding already */
	if (b->have_checkpoint &&
	    strcmp(b->logged.origin, b->checkpoint.origin) != 0)
		sp_verify_found_add(&b->found, "checkpoint", SP_BAG_CHECKPOINT,
		    "is of %s, entry 0 names %s", b->checkpoint.origin,
		    b->logged.origin);
	if (b->id.have_embedded &&
	    !sp_verify_said_vkey(&b->logged, &b->id.embedded))
		sp_verify_found_add(&b->found, "key", SP_BAG_VKEY,
		    "is not named by entry 0 or a key event of the log");
	if (sp_bag_source_file(b->src, sp_view_str(where)) == NULL)
		return (SP_OK);
	sp_buf_init(&pem, SP_VERIFY_PEM_MAX);
	rc = sp_bag_source_require(
	    b->src, where, SP_VERIFY_PEM_MAX, &pem, &have, err);
	if (rc == SP_OK && have)
		sp_verify_said_certs(
		    &b->logged, sp_buf_view(&pem), where, &b->found);
	sp_buf_done(&pem);
	return (rc);
}

enum sp_code
sp_verify_bag_events(struct sp_verify_bag *b, struct sp_err *err)
{
	enum sp_code rc = check_events(b, err);

	if (rc == SP_OK)
		rc = check_logged(b, err);
	return (rc);
}
