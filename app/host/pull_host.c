/* Pulled mail into the log without a service: this process has its roles. */
#include <stdlib.h>
#include <string.h>

#include "app/host/pull_run.h"
#include "app/host/pulled.h"
#include "base/json.h"

static enum sp_code
on_answer(void *ctx, void *tag, uint64_t seq, const struct sp_err *why,
    struct sp_err *err)
{
	const struct sp_pull_answer a = {
		.rc = why == NULL ? SP_OK : why->code,
		.seq = seq,
		.why = why == NULL ? "" : why->msg,
	};

	(void)ctx;
	(void)err;
	sp_pull_answer(tag, &a);
	return (SP_OK);
}

static enum sp_code
begin(void *ctx, struct sp_view provenance, void *tag, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;

	(void)err;
	free(r->provenance);
	r->provenance = sp_view_dup(provenance);
	r->tag = tag;
	sp_buf_clear(&r->message);
	return (SP_OK);
}

static enum sp_code
data(void *ctx, struct sp_view bytes, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;
	enum sp_code rc = sp_buf_addv(&r->message, bytes);

	return (rc == SP_OK
		    ? SP_OK
		    : sp_err_set(err, rc, 0, "the message is too large"));
}

/* What the door does with the same provenance. */
static enum sp_code
end(void *ctx, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;
	json_t *j = NULL;
	char *members = NULL;
	struct sp_host_message m = { .msg = sp_buf_view(&r->message),
		.tag = r->tag };
	enum sp_code rc;

	rc = sp_json_load(sp_view_str(r->provenance), &j, err);
	if (rc != SP_OK)
		return (rc);
	m.via = json_string_value(json_object_get(j, "via"));
	m.grade = json_string_value(json_object_get(j, "grade"));
	m.origin_date =
	    sp_view_str(json_string_value(json_object_get(j, "origin_date")));
	members = json_dumps(json_object_get(j, "source"), JSON_COMPACT);
	if (members == NULL || strlen(members) < 2)
		rc = sp_err_set(err, SP_ELIMIT, 0, "no memory");
	else
		m.source = sp_view_mem(members + 1, strlen(members) - 2);
	if (rc == SP_OK)
		rc = sp_host_deliver(r->host, &m, err);
	free(members);
	json_decref(j);
	return (rc);
}

static void
give_up(void *ctx)
{
	struct sp_pull_run *r = ctx;

	sp_buf_clear(&r->message);
}

static enum sp_code
flush(void *ctx, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;

	return (sp_host_flush(r->host, err));
}

static void
reset(void *ctx)
{
	struct sp_pull_run *r = ctx;

	free(r->provenance);
	r->provenance = NULL;
}

static enum sp_code
pulled(void *ctx, uint64_t from, struct sp_buf *keys, uint64_t *next,
    bool *last, struct sp_err *err)
{
	const struct sp_pull_run *r = ctx;

	return (
	    sp_pulled_scan(r->app->dir, r->conf, from, keys, next, last, err));
}

void
sp_pull_host_sink(struct sp_pull_run *r, struct sp_pull_sink *out)
{
	sp_host_on_answer(r->host, on_answer, r);
	*out = (struct sp_pull_sink){ .begin = begin,
		.data = data,
		.end = end,
		.abort = give_up,
		.flush = flush,
		.reset = reset,
		.pulled = pulled,
		.ctx = r };
}
