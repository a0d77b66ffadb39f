/*
 * audit.jsonl: who looked at what is given here; policy.json: the rules in
 * force.  On the way, the sizes of the checkpoints that went out with earlier
 * exports, so that whoever kept one can see that the log only grew.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/record.h"
#include "base/time_text.h"
#include "export/job_priv.h"
#include "index/search.h"

struct audit {
	struct sp_job *j;
	struct sp_spool out;
};

static bool
is_given(const struct sp_job *j, uint64_t seq)
{
	return (seq >= j->first && seq < j->end &&
		(j->given[(seq - j->first) / 8] >> ((seq - j->first) % 8) &
		    1) != 0);
}

/* "show" names its entries; searches and exports name a range of time. */
static bool
touches(const struct sp_job *j, const struct sp_record *r)
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

static void
given_away(struct sp_job *j, const struct sp_record *r)
{
	const json_t *detail = json_object_get(r->json, "detail");
	uint64_t size;

	if (!sp_json_get_u64(detail, "tree_size", &size))
		return;
	/* The newest count: a full table loses its oldest. */
	if (j->ngiven_away == SP_GIVEN_AWAY_MAX) {
		memmove(j->given_away, j->given_away + 1,
		    (SP_GIVEN_AWAY_MAX - 1) * sizeof(j->given_away[0]));
		j->ngiven_away--;
	}
	for (size_t i = 0; i < j->ngiven_away; i++) {
		if (j->given_away[i] == size)
			return;
	}
	j->given_away[j->ngiven_away++] = size;
}

static enum sp_code
on_event(void *ctx, uint64_t seq, struct sp_err *err)
{
	struct audit *a = ctx;
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
		given_away(a->j, &r);
	else if ((strcmp(r.event, "show") == 0 ||
		     strcmp(r.event, "search") == 0 ||
		     strcmp(r.event, "export") == 0) &&
		 touches(a->j, &r))
		rc = sp_spool_line(&a->out, e.record, err);
	sp_record_done(&r);
	return (rc);
}

enum sp_code
sp_job_audit(struct sp_job *j, struct sp_err *err)
{
	static const char policy[] =
	    "{\"v\":1,\"retention\":[],\"holds\":[]}\n";
	struct audit a = { .j = j, .out = { .fd = -1 } };
	enum sp_code rc;

	rc = sp_spool_init(&a.out, j->tmp, err);
	if (rc == SP_OK)
		rc = sp_search_events(
		    j->dir, INT64_MIN, INT64_MAX, on_event, &a, err);
	if (rc == SP_OK)
		rc = sp_bag_add_spool(
		    &j->bag, "data/audit.jsonl", j->event_time, &a.out, err);
	/* Retention rules and holds do not exist in this version: the
	 * configuration refuses the sections. */
	if (rc == SP_OK)
		rc = sp_bag_add(&j->bag, "data/policy.json", j->event_time,
		    sp_view_str(policy), err);
	sp_spool_done(&a.out);
	return (rc);
}
