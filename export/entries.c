/*
 * The pass over the run: each entry is given (message, record, load file row)
 * or omitted with its reason.  What is given is decided by the log alone where
 * there is no query; the index only adds the rows.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/record.h"
#include "base/sha256.h"
#include "export/job_priv.h"
#include "index/search.h"

static enum sp_code
omit(struct sp_job *j, uint64_t seq, const char *reason, struct sp_err *err)
{
	char line[96];
	int n = snprintf(line, sizeof(line),
	    "{\"seq\":%" PRIu64 ",\"reason\":\"%s\"}", seq, reason);

	return (sp_spool_line(&j->omitted, sp_view_mem(line, (size_t)n), err));
}

static enum sp_code
give(struct sp_job *j, const struct sp_entry *e, const struct sp_record *r,
    const char *json, struct sp_err *err)
{
	uint8_t digest[SP_SHA256_LEN];
	struct sp_buf row;
	enum sp_code rc;

	sp_sha256_once(e->msg.p, e->msg.n, digest);
	if (memcmp(digest, r->sha256, sizeof(digest)) != 0)
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    "%s: entry %" PRIu64
		    ": the message is not the one that was received; run `sealpost verify`",
		    e->where, e->seq));
	rc = sp_bag_message(&j->bag, e->seq, r->received, e->msg, digest, err);
	if (rc == SP_OK)
		rc = sp_spool_line(&j->records, e->record, err);
	if (rc == SP_OK && j->o->jsonl && json != NULL)
		rc = sp_spool_line(&j->jsonl, sp_view_str(json), err);
	if (rc == SP_OK && j->o->csv && json != NULL) {
		sp_buf_init(&row, 16u << 20);
		rc = sp_loadfile_row(json, e->seq, &row, err);
		if (rc == SP_OK)
			rc = sp_spool_add(&j->csv, sp_buf_view(&row), err);
		sp_buf_done(&row);
	}
	j->given[(e->seq - j->first) / 8] |=
	    (uint8_t)(1u << ((e->seq - j->first) % 8));
	j->result->given++;
	j->result->bytes += e->msg.n;
	return (rc);
}

/* The next entry of the run; ${wanted}: it is to be given if it is a message. */
static enum sp_code
entry(struct sp_job *j, uint64_t seq, bool wanted, const char *json,
    struct sp_err *err)
{
	struct sp_record r;
	struct sp_entry e;
	enum sp_code rc;

	rc = sp_reader_next(j->reader, &e, err);
	if (rc == SP_EEND || (rc == SP_OK && e.seq != seq))
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "entry %" PRIu64
		    " is missing from the archive; run `sealpost verify`",
		    seq));
	if (rc != SP_OK)
		return (rc);
	if (!e.has_record)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "%s: entry %" PRIu64
		    " has no record and no purge event explains it; run `sealpost verify`",
		    e.where, seq));
	rc = sp_record_parse(e.record, &r, err);
	if (rc != SP_OK)
		return (sp_err_prefix(err, "%s: entry %" PRIu64, e.where, seq));
	if (r.kind == SP_KIND_EVENT) {
		j->result->events++;
		rc = omit(j, seq, "event", err);
	} else if (!e.has_message) {
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s: the message of entry %" PRIu64
		    " is missing and no purge event explains it; run `sealpost verify`",
		    e.where, seq);
	} else if (wanted) {
		j->result->messages++;
		rc = give(j, &e, &r, json, err);
	} else {
		j->result->messages++;
		j->result->filtered++;
		rc = omit(j, seq, "filtered", err);
		if (rc == SP_OK && j->o->with_records)
			rc = sp_spool_line(&j->records, e.record, err);
	}
	sp_record_done(&r);
	return (rc);
}

struct pass {
	struct sp_job *j;
	uint64_t next; /* the first entry not yet dealt with */
	bool all; /* no query: hits only bring rows */
};

static enum sp_code
step(struct pass *p, bool wanted, const char *json, struct sp_err *err)
{
	struct sp_job *j = p->j;
	enum sp_code rc = entry(j, p->next, wanted, json, err);

	if (rc != SP_OK)
		return (rc);
	p->next++;
	if (j->host->progress == NULL ||
	    j->host->progress(
		j->host->ctx, p->next - j->first, j->end - j->first))
		return (SP_OK);
	return (sp_err_set(err, SP_EINTERRUPT, 0,
	    "interrupted; nothing was written, the event of the export (entry %" PRIu64
	    ") stays in the log",
	    j->event));
}

/* Entries that no hit names, up to ${until}. */
static enum sp_code
without_hit(struct pass *p, uint64_t until, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && p->next < until)
		rc = step(p, p->all, NULL, err);
	return (rc);
}

static enum sp_code
on_hit(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	struct pass *p = ctx;
	enum sp_code rc;

	if (hit->seq < p->next || hit->seq >= p->j->end)
		return (SP_OK);
	rc = without_hit(p, hit->seq, err);
	return (rc == SP_OK ? step(p, true, hit->json, err) : rc);
}

static enum sp_code
heads(struct sp_job *j, struct sp_err *err)
{
	struct sp_buf head;
	enum sp_code rc = SP_OK;

	if (!j->o->csv)
		return (SP_OK);
	sp_buf_init(&head, 4096);
	if (sp_loadfile_head(&head) == SP_OK)
		rc = sp_spool_add(&j->csv, sp_buf_view(&head), err);
	sp_buf_done(&head);
	return (rc);
}

static enum sp_code
run(struct sp_job *j, struct sp_err *err)
{
	struct pass p = {
		.j = j, .next = j->first, .all = j->query[0] == '\0'
	};
	bool rows = j->o->csv || j->o->jsonl;
	char *query =
	    sp_xasprintf("seq:%" PRIu64 "..%" PRIu64 "%s%s%s", j->first,
		j->end - 1, p.all ? "" : " (", j->query, p.all ? "" : ")");
	const struct sp_search_opts o = { .query = query,
		.tz = j->o->tz,
		.oldest_first = true,
		.with_rows = rows,
		.max_seq = j->end };
	struct sp_search_result r = { 0 };
	enum sp_code rc = SP_OK;

	if (!p.all || rows) {
		rc = sp_job_wait_index(j, j->end, err);
		if (rc == SP_OK)
			rc = sp_search(j->dir, &o, on_hit, &p, &r, err);
		/* Dropped since we looked, to be made again. */
		if (rc == SP_OK && r.cursor < j->end)
			rc = sp_job_behind(r.cursor, j->end, err);
	}
	if (rc == SP_OK)
		rc = without_hit(&p, j->end, err);
	free(query);
	return (rc);
}

enum sp_code
sp_job_entries(struct sp_job *j, struct sp_err *err)
{
	enum sp_code rc;

	j->given = sp_xcalloc((j->end - j->first) / 8 + 1, 1);
	rc = heads(j, err);
	sp_reader_seek(j->reader, j->first);
	if (rc == SP_OK && j->end > j->first)
		rc = run(j, err);
	if (rc == SP_OK)
		rc = sp_bag_add_spool(&j->bag, "data/records.jsonl",
		    j->event_time, &j->records, err);
	if (rc == SP_OK)
		rc = sp_bag_add_spool(&j->bag, "data/proof/omitted.jsonl",
		    j->event_time, &j->omitted, err);
	if (rc == SP_OK && j->o->csv)
		rc = sp_bag_add_spool(&j->bag, "data/loadfile/messages.csv",
		    j->event_time, &j->csv, err);
	if (rc == SP_OK && j->o->jsonl)
		rc = sp_bag_add_spool(&j->bag, "data/loadfile/messages.jsonl",
		    j->event_time, &j->jsonl, err);
	j->result->complete = !j->o->by_date && j->result->filtered == 0;
	return (rc);
}
