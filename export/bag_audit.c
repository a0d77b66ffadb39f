/*
 * data/audit.jsonl: who looked at what is given here, from the events of the
 * log; data/policy.json: the rules in force.  The same pass over the events
 * collects the tree sizes of checkpoints that went out with earlier exports:
 * bag_proofs.c adds a consistency proof from each, so that whoever kept one
 * sees that the log only grew.  Called by export.c after the entries, which say
 * what is given.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/time_text.h"
#include "export/export_priv.h"
#include "index/search.h"

/* The pass over the events of the log. */
struct audit_pass {
	struct sp_job *j;
	struct sp_spool out;
};

/* Whether the message of entry ${seq} is in the bag. */
static bool
is_given(const struct sp_job *j, uint64_t seq)
{
	return (seq >= j->first && seq < j->end &&
		(j->given[(seq - j->first) / 8] >> ((seq - j->first) % 8) &
		    1) != 0);
}

/*
 * Whether the event may have shown a message that is in the bag: `show` names
 * its entries; `search` and `export` name a range of time, which must not lie
 * outside the one that was asked for.
 */
static bool
is_access(const struct sp_job *j, const struct sp_record *r)
{
	const json_t *detail = json_object_get(r->json, "detail"), *seq;
	const json_t *range = json_object_get(detail, "range");
	const char *text;
	int64_t us;
	size_t i;

	json_array_foreach(json_object_get(detail, "seqs"), i, seq)
	{
		if (json_is_integer(seq) &&
		    is_given(j, (uint64_t)json_integer_value(seq)))
			return (true);
	}
	if (!json_is_object(range) || j->result->given == 0)
		return (false);
	text = json_string_value(json_object_get(range, "since"));
	if (text != NULL && j->o->have_until &&
	    sp_time_parse(sp_view_str(text), &us) && us >= j->o->until)
		return (false);
	text = json_string_value(json_object_get(range, "until"));
	if (text != NULL && j->o->have_since &&
	    sp_time_parse(sp_view_str(text), &us) && us <= j->o->since)
		return (false);
	return (true);
}

/* Note the tree size of an earlier export; of a full table the oldest goes. */
static void
add_exported_size(struct sp_job *j, const struct sp_record *r)
{
	const json_t *detail = json_object_get(r->json, "detail");
	uint64_t size;

	if (!sp_json_get_u64(detail, "tree_size", &size))
		return;
	/* The newest count: a full table loses its oldest. */
	if (j->nexported_sizes == SP_EXPORTED_SIZES_MAX) {
		memmove(j->exported_sizes, j->exported_sizes + 1,
		    (SP_EXPORTED_SIZES_MAX - 1) * sizeof(j->exported_sizes[0]));
		j->nexported_sizes--;
	}
	for (size_t i = 0; i < j->nexported_sizes; i++) {
		if (j->exported_sizes[i] == size)
			return;
	}
	j->exported_sizes[j->nexported_sizes++] = size;
}

/*
 * An event of the log (callback of sp_search_events()): an access goes to
 * audit.jsonl, an `exported` gives a tree size.  Those after this export's own
 * event are left out.
 */
static enum sp_code
on_event(void *ctx, uint64_t seq, struct sp_err *err)
{
	struct audit_pass *a = ctx;
	struct sp_record r;
	struct sp_entry e;
	enum sp_code rc;

	if (seq >= a->j->event)
		return (SP_OK);
	rc = sp_reader_get(a->j->reader, seq, &e, err);
	if (rc != SP_OK || !e.has_record)
		return (rc);
	rc = sp_record_parse(e.record, &r, err);
	if (rc != SP_OK)
		return (rc);
	if (strcmp(r.event, "exported") == 0)
		add_exported_size(a->j, &r);
	else if ((strcmp(r.event, "show") == 0 ||
		     strcmp(r.event, "search") == 0 ||
		     strcmp(r.event, "export") == 0) &&
		 is_access(a->j, &r))
		rc = sp_spool_line(&a->out, e.record, err);
	sp_record_done(&r);
	return (rc);
}

enum sp_code
sp_job_audit(struct sp_job *j, struct sp_err *err)
{
	static const char policy[] =
	    "{\"v\":1,\"retention\":[],\"holds\":[]}\n";
	struct audit_pass a = { .j = j, .out = { .fd = -1 } };
	enum sp_code rc;

	rc = sp_spool_init(&a.out, j->tmp, err);
	if (rc == SP_OK)
		rc = sp_search_events(
		    j->dir, INT64_MIN, INT64_MAX, on_event, &a, err);
	if (rc == SP_OK)
		rc = sp_bag_add_spool(
		    &j->bag, SP_BAG_PATH_AUDIT, j->event_time, &a.out, err);
	/* Retention rules and holds do not exist in this version: the
	 * configuration refuses the sections. */
	if (rc == SP_OK)
		rc = sp_bag_add(&j->bag, SP_BAG_PATH_POLICY, j->event_time,
		    sp_view_str(policy), err);
	sp_spool_done(&a.out);
	return (rc);
}
