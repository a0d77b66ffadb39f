/*
 * What an export asks the index: the user's query, with --by date together with
 * the range, and how many imported messages the range by receipt leaves out.
 * The service indexes within seconds, so an export waits for the index rather
 * than leave something out.  Called by export.c and range.c; bag_entries.c does
 * the search over the run itself.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/export_priv.h"
#include "index/index.h"
#include "index/search.h"

#define INDEX_LOOKS 1200 /* times that the index is looked at: a minute */
#define LOOK_EVERY  50000 /* microseconds between two looks */

/* Whether a query is nothing but blanks. */
static bool
is_empty(const char *query)
{
	return (query == NULL || query[strspn(query, " \t\r\n")] == '\0');
}

/* "date:A..B" of the range as it was typed; NULL without a range.  Free it. */
static char *
date_term(const struct sp_export_opts *o)
{
	if (!o->have_since && !o->have_until)
		return (NULL);
	return (sp_xasprintf("date:%s..%s",
	    o->since_text == NULL ? "" : o->since_text,
	    o->until_text == NULL ? "" : o->until_text));
}

static enum sp_code
ignore_hit(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	(void)ctx;
	(void)hit;
	(void)err;
	return (SP_OK);
}

/*
 * How many messages match; ${in_range}: of those received in the range that was
 * asked for.
 */
static enum sp_code
count_hits(const struct sp_job *j, const char *query, bool in_range,
    uint64_t *total, struct sp_err *err)
{
	struct sp_search_opts o = {
		.query = query, .tz = j->o->tz, .count_only = true
	};
	struct sp_search_result r = { 0 };
	enum sp_code rc;

	if (in_range) {
		o.have_since = j->o->have_since;
		o.have_until = j->o->have_until;
		o.since = j->o->since;
		o.until = j->o->until;
	}
	rc = sp_search(j->dir, &o, ignore_hit, NULL, &r, err);
	*total = r.total;
	return (rc);
}

enum sp_code
sp_job_query(struct sp_job *j, struct sp_err *err)
{
	bool plain = is_empty(j->o->query);
	char *date = j->o->by_date ? date_term(j->o) : NULL;
	enum sp_code rc = SP_OK;
	uint64_t n;

	/* Alone first, so that an error points into what the user wrote. */
	if (!plain)
		rc = count_hits(j, j->o->query, false, &n, err);
	if (date != NULL && !plain)
		j->query = sp_xasprintf("%s (%s)", date, j->o->query);
	else if (date != NULL)
		j->query = sp_xstrdup(date);
	else
		j->query = sp_xstrdup(plain ? "" : j->o->query);
	if (rc == SP_OK && date != NULL)
		rc = count_hits(j, date, false, &n, err);
	free(date);
	return (rc);
}

/* The seq of the only hit (callback of sp_search()). */
static enum sp_code
store_seq(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	(void)err;
	*(uint64_t *)ctx = hit->seq;
	return (SP_OK);
}

enum sp_code
sp_job_behind(uint64_t cursor, uint64_t need, struct sp_err *err)
{
	return (sp_err_set(err, SP_EAGAIN, 0,
	    "the index covers %" PRIu64 " entries, the export needs %" PRIu64
	    "; wait until `sealpost status` shows it up to date",
	    cursor, need));
}

enum sp_code
sp_job_wait_index(const struct sp_job *j, uint64_t need, struct sp_err *err)
{
	uint64_t cursor = 0;
	enum sp_code rc = SP_OK;

	for (int i = 0; rc == SP_OK && i < INDEX_LOOKS; i++) {
		rc = sp_index_reach(j->dir, &cursor, err);
		if (rc != SP_OK || cursor >= need)
			return (rc);
		if (j->host->progress != NULL &&
		    !j->host->progress(j->host->ctx, 0, need))
			break;
		(void)usleep(LOOK_EVERY);
	}
	return (sp_job_behind(cursor, need, err));
}

enum sp_code
sp_job_extent(struct sp_job *j, uint64_t *first, uint64_t *last, bool *any,
    struct sp_err *err)
{
	struct sp_search_opts o = {
		.query = j->query, .tz = j->o->tz, .limit = 1, .max_seq = j->at
	};
	struct sp_search_result r = { 0 };
	enum sp_code rc;

	/* Where it ends only the whole index knows. */
	rc = sp_job_wait_index(j, j->at, err);
	if (rc == SP_OK)
		rc = sp_search(j->dir, &o, store_seq, last, &r, err);
	*any = r.returned > 0;
	o.oldest_first = true;
	if (rc == SP_OK && *any && r.cursor >= j->at)
		rc = sp_search(j->dir, &o, store_seq, first, &r, err);
	if (rc == SP_OK && r.cursor < j->at)
		rc = sp_job_behind(r.cursor, j->at, err);
	return (rc);
}

enum sp_code
sp_job_outside(struct sp_job *j, struct sp_err *err)
{
	char *date = j->o->by_date ? NULL : date_term(j->o);
	char *query;
	uint64_t all = 0, inside = 0;
	enum sp_code rc;

	if (date == NULL)
		return (SP_OK);
	query = sp_xasprintf("%s grade:imported", date);
	rc = count_hits(j, query, false, &all, err);
	if (rc == SP_OK)
		rc = count_hits(j, query, true, &inside, err);
	if (rc == SP_OK && all > inside)
		j->result->imported_outside = all - inside;
	free(query);
	free(date);
	return (rc);
}
