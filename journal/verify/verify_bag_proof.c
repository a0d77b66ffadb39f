/* The proofs of a bag but for the range: checkpoint, kept checkpoint, events,
 * and what these say of keys and of the request. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "base/time_text.h"
#include "journal/verify/verify_bag_priv.h"

#define CHECKPOINT "data/proof/checkpoint"

static enum sp_code
open_identity(struct sp_verify_bag *b, struct sp_err *err)
{
	const char *where = "data/proof/log.vkey";
	struct sp_buf text;
	enum sp_code rc;
	bool have;

	sp_buf_init(&text, SP_VERIFY_VKEY_MAX);
	rc =
	    sp_verify_bag_read(b, where, SP_VERIFY_VKEY_MAX, &text, &have, err);
	if (rc == SP_OK)
		rc = sp_verify_identity_init(&b->id, b->o,
		    have ? sp_buf_view(&text) : (struct sp_view){ NULL, 0 },
		    where, &b->found, err);
	sp_buf_done(&text);
	return (rc);
}

static enum sp_code
open_checkpoint(struct sp_verify_bag *b, struct sp_err *err)
{
	const char *origin;
	enum sp_code rc;
	bool have;

	rc = sp_verify_bag_read(
	    b, CHECKPOINT, SP_NOTE_MAX, &b->note, &have, err);
	if (rc != SP_OK || !have)
		return (rc);
	origin = b->have_info ? b->info.origin : b->id.key.name;
	b->have_point = sp_verify_identity_note(&b->id, sp_buf_view(&b->note),
	    origin, CHECKPOINT, &b->point, &b->found);
	if (b->have_point && b->have_info && b->point.size != b->info.tree_size)
		sp_verify_found_add(&b->found, "checkpoint", CHECKPOINT,
		    "is of size %" PRIu64 ", bag-info.txt says %" PRIu64,
		    b->point.size, b->info.tree_size);
	return (SP_OK);
}

/* ---- the checkpoint that the verifier kept ---- */

static void
cannot(struct sp_verify_bag *b, const char *why)
{
	b->later = sp_err_set(&b->later_err, SP_ENOTFOUND, 0,
	    "the bag cannot be compared with the checkpoint that you kept: %s; ask for an export made with --from-checkpoint",
	    why);
}

static enum sp_code
check_consistency(struct sp_verify_bag *b, struct sp_err *err)
{
	const struct sp_checkpoint *k = &b->id.kept;
	struct sp_bag_consistency c;
	char name[96];
	struct sp_buf text;
	enum sp_code rc;
	bool have;

	(void)snprintf(name, sizeof(name),
	    "data/proof/consistency/%" PRIu64 "-%" PRIu64 ".txt", k->size,
	    b->point.size);
	if (sp_bag_source_file(b->src, sp_view_str(name)) == NULL) {
		cannot(b, "it has no consistency proof from that size");
		return (SP_OK);
	}
	sp_buf_init(&text, SP_BAG_PROOF_MAX);
	rc = sp_verify_bag_read(b, name, SP_BAG_PROOF_MAX, &text, &have, err);
	if (rc != SP_OK || !have)
		goto out;
	rc = sp_bag_consistency_parse(sp_buf_view(&text), &c, err);
	if (rc != SP_OK)
		rc = sp_verify_found_code(
		    &b->found, "consistency", name, rc, err);
	else if (c.m != k->size || c.n != b->point.size ||
		 !sp_merkle_check_consistency(
		     c.m, c.n, &k->root, &b->point.root, &c.proof))
		sp_verify_found_add(&b->found, "consistency", name,
		    "the log does not continue the one whose checkpoint you kept");
out:
	sp_buf_done(&text);
	return (rc);
}

static enum sp_code
check_kept(struct sp_verify_bag *b, struct sp_err *err)
{
	const struct sp_checkpoint *k = &b->id.kept;

	if (!b->id.have_kept || !b->have_point)
		return (SP_OK);
	if (strcmp(k->origin, b->point.origin) != 0) {
		sp_verify_found_add(&b->found, "consistency", CHECKPOINT,
		    "is of %s, the checkpoint that you kept is of %s",
		    b->point.origin, k->origin);
		return (SP_OK);
	}
	if (k->size == b->point.size) {
		if (!sp_hash_eq(&k->root, &b->point.root))
			sp_verify_found_add(&b->found, "consistency",
			    CHECKPOINT,
			    "has another root than the checkpoint of the same size that you kept");
		return (SP_OK);
	}
	if (k->size > b->point.size) {
		cannot(b, "it is newer than the bag's");
		return (SP_OK);
	}
	/* From the empty tree there is nothing to prove. */
	return (k->size == 0 ? SP_OK : check_consistency(b, err));
}

/* ---- the request, from the export's own event ---- */

static bool
member_instant(const json_t *obj, const char *key, bool *have, int64_t *out)
{
	const json_t *m = json_object_get(obj, key);

	*have = json_is_string(m);
	if (!*have)
		return (m == NULL || json_is_null(m));
	return (sp_time_parse(
	    sp_view_mem(json_string_value(m), json_string_length(m)), out));
}

static bool
parse_asked(const struct sp_record *r, struct sp_verify_asked *a)
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
	return (member_instant(range, "since", &a->have_since, &a->since) &&
		member_instant(range, "until", &a->have_until, &a->until));
}

static void
compare_asked(struct sp_verify_bag *b, const char *where)
{
	const struct sp_verify_asked *a = &b->asked;
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

static void
keep_purge(struct sp_verify_bag *b, uint64_t seq)
{
	struct sp_verify_purge *p;

	if (b->npurges == SP_VERIFY_PURGES_MAX)
		return;
	b->purges =
	    sp_xrealloc(b->purges, (b->npurges + 1) * sizeof(*b->purges));
	p = &b->purges[b->npurges++];
	p->event = seq;
	p->purged = b->said.purged;
	p->erased = b->said.erased;
	sp_spans_sort(&p->purged);
	sp_spans_sort(&p->erased);
	memset(&b->said.purged, 0, sizeof(b->said.purged));
	memset(&b->said.erased, 0, sizeof(b->said.erased));
}

/* The event is in the tree: hear what it says. */
static enum sp_code
take_event(struct sp_verify_bag *b, const struct sp_record *r,
    const char *where, struct sp_err *err)
{
	enum sp_code rc =
	    sp_verify_said_event(&b->said, r, where, &b->found, err);

	if (rc != SP_OK)
		return (rc);
	if (strcmp(r->event, "purge") == 0)
		keep_purge(b, r->seq);
	if (!b->have_info || r->seq != b->info.event)
		return (SP_OK);
	if (strcmp(r->event, "export") != 0 || !parse_asked(r, &b->asked)) {
		sp_verify_found_add(&b->found, "request", where,
		    "is not the event of an export");
		return (SP_OK);
	}
	b->asked.have = true;
	compare_asked(b, where);
	return (SP_OK);
}

static bool
included(struct sp_verify_bag *b, const struct sp_record *r,
    struct sp_view text, const struct sp_bag_inclusion *in)
{
	char line[SP_LINE_MAX];
	struct sp_line l;
	struct sp_hash leaf;

	sp_line_of_record(r, text, &l);
	leaf = sp_merkle_leaf(sp_view_mem(line, sp_line_format(&l, line)));
	return (in->index == r->seq &&
		sp_merkle_check_inclusion(
		    r->seq, b->point.size, &leaf, &in->proof, &b->point.root));
}

/* The proof beside a record; finding and false if it does not hold. */
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
	rc = sp_verify_bag_read(b, name, SP_BAG_PROOF_MAX, &proof, &have, err);
	if (rc != SP_OK || !have || !b->have_point)
		goto out;
	rc = sp_bag_inclusion_parse(sp_buf_view(&proof), &in, err);
	if (rc != SP_OK) {
		rc = sp_verify_found_code(&b->found, "event", name, rc, err);
		goto out;
	}
	if (!sp_view_eq(in.note, sp_buf_view(&b->note)))
		sp_verify_found_add(&b->found, "event", name,
		    "its checkpoint is not that of the bag");
	else if (!included(b, r, text, &in))
		sp_verify_found_add(&b->found, "event", where,
		    "is not in the log: %s does not prove it", name);
	else
		*holds = true;
out:
	sp_buf_done(&proof);
	return (rc);
}

static enum sp_code
check_event(
    struct sp_verify_bag *b, const char *name, uint64_t seq, struct sp_err *err)
{
	struct sp_buf text;
	struct sp_record r;
	enum sp_code rc;
	bool have, holds;

	sp_buf_init(&text, SP_RECORD_MAX + 1);
	rc = sp_verify_bag_read(b, name, SP_RECORD_MAX, &text, &have, err);
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
			rc = take_event(b, &r, name, err);
	}
	sp_record_done(&r);
out:
	sp_buf_done(&text);
	return (rc);
}

static enum sp_code
check_events(struct sp_verify_bag *b, struct sp_err *err)
{
	size_t n;
	const struct sp_bag_file *f = sp_bag_source_files(b->src, &n);
	bool export_there = false, init_there = false;
	enum sp_code rc = SP_OK;
	uint64_t seq;

	for (size_t i = 0; i < n && rc == SP_OK; i++) {
		if (!sp_bag_event_name(sp_view_str(f[i].path), ".json", &seq))
			continue;
		init_there = init_there || seq == 0;
		export_there =
		    export_there || (b->have_info && seq == b->info.event);
		rc = check_event(b, f[i].path, seq, err);
	}
	if (rc == SP_OK && !init_there)
		sp_verify_found_add(&b->found, "missing", "data/proof/events",
		    "entry 0 of the log is not there");
	if (rc == SP_OK && b->have_info && !export_there)
		sp_verify_found_add(&b->found, "missing", "data/proof/events",
		    "the event of the export itself, entry %" PRIu64
		    ", is not there",
		    b->info.event);
	return (rc);
}

/* Key and certificate must be those that the log names. */
static enum sp_code
check_said(struct sp_verify_bag *b, struct sp_err *err)
{
	const char *where = "data/proof/seal.crt";
	struct sp_buf pem;
	enum sp_code rc = SP_OK;
	bool have;

	if (!b->said.init)
		return (SP_OK); /* a finding already */
	if (b->have_point && strcmp(b->said.origin, b->point.origin) != 0)
		sp_verify_found_add(&b->found, "checkpoint", CHECKPOINT,
		    "is of %s, entry 0 names %s", b->point.origin,
		    b->said.origin);
	if (b->id.have_embedded &&
	    !sp_verify_said_vkey(&b->said, &b->id.embedded))
		sp_verify_found_add(&b->found, "key", "data/proof/log.vkey",
		    "is not named by entry 0 or a key event of the log");
	if (sp_bag_source_file(b->src, sp_view_str(where)) == NULL)
		return (SP_OK);
	sp_buf_init(&pem, SP_VERIFY_PEM_MAX);
	rc = sp_verify_bag_read(b, where, SP_VERIFY_PEM_MAX, &pem, &have, err);
	if (rc == SP_OK && have)
		sp_verify_said_certs(
		    &b->said, sp_buf_view(&pem), where, &b->found);
	sp_buf_done(&pem);
	return (rc);
}

enum sp_code
sp_verify_bag_proof(struct sp_verify_bag *b, struct sp_err *err)
{
	enum sp_code rc = open_identity(b, err);

	if (rc == SP_OK)
		rc = open_checkpoint(b, err);
	if (rc == SP_OK)
		rc = check_kept(b, err);
	if (rc == SP_OK)
		rc = check_events(b, err);
	if (rc == SP_OK)
		rc = check_said(b, err);
	return (rc);
}
