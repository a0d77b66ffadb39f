/*
 * Which entries are in the run (doc/format-export.md, section 3): by time of
 * receipt from the tree alone, with --by date from the index.  Called by
 * export.c once the checkpoint is known; bag_entries.c and bag_proofs.c then
 * write the run.
 */
#include <inttypes.h>

#include "export/export_priv.h"

/*
 * Entries received in [since, until), which are one run since the time of
 * receipt never decreases.
 */
static enum sp_code
by_received(struct sp_job *j, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	j->first = 0;
	j->end = j->at;
	if (j->o->have_since)
		rc = sp_tree_find_time(
		    j->tree, j->cp.size, j->o->since, &j->first, err);
	if (rc == SP_OK && j->o->have_until)
		rc = sp_tree_find_time(
		    j->tree, j->cp.size, j->o->until, &j->end, err);
	if (rc != SP_OK)
		return (rc);
	if (j->end > j->at)
		j->end = j->at;
	if (j->first > j->end)
		j->first = j->end;
	return (SP_OK);
}

/* The smallest run that holds every selected message; empty where none is. */
static enum sp_code
by_date(struct sp_job *j, struct sp_err *err)
{
	uint64_t last = 0;
	bool any = false;
	enum sp_code rc;

	rc = sp_job_extent(j, &j->first, &last, &any, err);
	if (rc != SP_OK)
		return (rc);
	if (any)
		j->end = last + 1;
	else
		j->first = j->end = j->at;
	return (SP_OK);
}

enum sp_code
sp_job_range(struct sp_job *j, struct sp_err *err)
{
	enum sp_code rc = j->o->by_date ? by_date(j, err) : by_received(j, err);

	if (rc != SP_OK)
		return (rc);
	j->pfirst = j->first == 0 ? 0 : j->first - 1;
	j->pend = j->end + 1;
	j->result->first = j->first;
	j->result->end = j->end;
	j->result->entries = j->end - j->first;
	return (SP_OK);
}
