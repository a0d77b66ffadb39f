/*
 * Where pulled mail goes without a service: into the log, by this process,
 * which holds the roles (host_local.c).  The other sink is pull_door.c.
 * `sealpost pull` uses it; journal/pull hands over each message in chunks,
 * which are put together here.
 */
#include <stdlib.h>

#include "app/host/pull_run.h"

/* What became of a message, to the engine; a refusal of one message does not
 * end the visit. */
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

/* ${provenance} is kept until the message ends. */
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

static enum sp_code
end(void *ctx, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;
	const struct sp_host_message m = { .msg = sp_buf_view(&r->message),
		.provenance = sp_view_str(r->provenance),
		.tag = r->tag };

	return (sp_host_deliver(r->host, &m, err));
}

static void
abort_message(void *ctx)
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

void
sp_pull_host_sink(struct sp_pull_run *r, struct sp_pull_sink *out)
{
	sp_host_on_answer(r->host, on_answer, r);
	*out = (struct sp_pull_sink){ .begin = begin,
		.data = data,
		.end = end,
		.abort = abort_message,
		.flush = flush,
		.reset = reset,
		.pulled = sp_pull_run_scan,
		.ctx = r };
}
