/*
 * Where pulled mail goes while the service runs: through its door (state/door),
 * over a few connections with many messages in flight
 * (journal/door/door_pipe.h).  The other sink is pull_host.c.  The pull worker
 * uses it, with one pipe for each account; since it may not read the log, it
 * asks the index worker which messages the log has.
 */
#include <unistd.h>

#include "app/host/pull_run.h"
#include "app/host/pulled.h"
#include "journal/door/door_client.h"
#include "journal/door/door_pipe.h"

#define LANES 4 /* connections of an account */

/* What became of a message, to the engine; a refusal of one message does not
 * end the visit. */
static enum sp_code
on_answer(void *ctx, const struct sp_door_answer *a, struct sp_err *err)
{
	const struct sp_pull_answer one = { .rc = a->rc,
		.unknown = a->unknown,
		.seq = a->seq,
		.why = a->rc == SP_OK ? "" : a->err->msg };

	(void)ctx;
	(void)err;
	sp_pull_answer(a->tag, &one);
	return (SP_OK);
}

/* The pipe is opened with the first message. */
static enum sp_code
begin(void *ctx, struct sp_view provenance, void *tag, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;
	const struct sp_door_pipe_opts opts = {
		.connections = LANES, .answer = on_answer, .ctx = r
	};
	enum sp_code rc = SP_OK;

	if (r->pipe == NULL)
		rc = sp_door_pipe_open(r->app->dir, &opts, &r->pipe, err);
	return (rc == SP_OK ? sp_door_pipe_begin(r->pipe, provenance, tag, err)
			    : rc);
}

static enum sp_code
data(void *ctx, struct sp_view bytes, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;

	return (sp_door_pipe_data(r->pipe, bytes, err));
}

static enum sp_code
end(void *ctx, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;

	return (sp_door_pipe_end(r->pipe, err));
}

static void
abort_message(void *ctx)
{
	struct sp_pull_run *r = ctx;

	sp_door_pipe_abort(r->pipe);
}

static enum sp_code
flush(void *ctx, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;

	return (r->pipe == NULL ? SP_OK : sp_door_pipe_flush(r->pipe, err));
}

/* Give up the pipe: what was in it may be in the log or not. */
static void
reset(void *ctx)
{
	struct sp_pull_run *r = ctx;

	sp_door_pipe_close(r->pipe);
	r->pipe = NULL;
	r->settled = false;
}

/* Whether the account is to end. */
static bool
is_stopped(void *ctx)
{
	struct sp_pull_run *r = ctx;

	return (sp_stream_stopped(&r->wakeup));
}

/*
 * Wait until nothing is on its way into the log any more that a puller which
 * was killed, or a pipe that was given up, had handed over (doc/door.md,
 * XSEALPOST SETTLED): only then the log's answer is complete.  SP_EAGAIN: it
 * did not settle in a minute, or there is no service.
 */
static enum sp_code
settle(struct sp_pull_run *r, struct sp_err *err)
{
	struct sp_door *d = NULL;
	enum sp_code rc = sp_door_open(r->app->dir, NULL, &d, err);

	if (rc != SP_OK)
		return (rc == SP_ENOTFOUND ? SP_EAGAIN : rc);
	rc = sp_door_wait_settled(d, is_stopped, r, err);
	sp_door_close(d);
	r->settled = rc == SP_OK;
	return (rc);
}

/* Which messages the log has; once settled, the door is not asked again until
 * the pipe is given up. */
static enum sp_code
pulled(void *ctx, uint64_t from, struct sp_buf *keys, uint64_t *next,
    bool *last, struct sp_err *err)
{
	struct sp_pull_run *r = ctx;
	enum sp_code rc = SP_OK;

	if (!r->settled)
		rc = settle(r, err);
	if (rc == SP_OK)
		rc = sp_pulled_ask(
		    r->app->dir, r->conf, from, keys, next, last, err);
	return (rc);
}

void
sp_pull_door_sink(struct sp_pull_run *r, struct sp_pull_sink *out)
{
	*out = (struct sp_pull_sink){ .begin = begin,
		.data = data,
		.end = end,
		.abort = abort_message,
		.flush = flush,
		.reset = reset,
		.pulled = pulled,
		.ctx = r };
}
