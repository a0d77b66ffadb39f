/*
 * Events and rotations that the service asks for itself: "config" at a reload,
 * "alarm", "refused", "seal now".  They take their turn in the commit queue
 * with the mail, since one thread at a time may use the appender.
 */
#include <stddef.h>
#include <stdlib.h>

#include "journal/receive/receive_priv.h"

/* An event on its way; freed when its result was told. */
struct own_event {
	struct sp_commit_job job;
	struct sp_append_item item;
	struct sp_event event;
	char *name, *detail;
	void (*done)(void *ctx, enum sp_code code, uint64_t seq);
	void *ctx;
};

static void
on_event_committed(
    struct sp_commit_job *job, enum sp_code code, const struct sp_err *err)
{
	struct own_event *e =
	    (void *)((char *)job - offsetof(struct own_event, job));

	(void)err;
	if (e->done != NULL)
		e->done(e->ctx, code, e->item.seq);
	free(e->name);
	free(e->detail);
	free(e);
}

void
sp_receive_event(struct sp_receive *r, const char *name, struct sp_view detail,
    void (*done)(void *ctx, enum sp_code code, uint64_t seq), void *ctx)
{
	struct own_event *e = sp_xcalloc(1, sizeof(*e));

	e->done = done;
	e->ctx = ctx;
	e->name = sp_xstrdup(name);
	e->detail = sp_view_dup(detail);
	e->event = (struct sp_event){ .name = e->name,
		.actor = sp_view_str(r->actor),
		.detail = sp_view_str(e->detail) };
	e->item = (struct sp_append_item){ .event = &e->event, .fd = -1 };
	e->job = (struct sp_commit_job){ .item = &e->item,
		.done = on_event_committed };
	sp_commit_push(r->commit, &e->job);
}

/* A rotation on its way; freed when its result was told. */
struct rotation {
	struct sp_commit_job job;
	void (*done)(void *ctx, enum sp_code code);
	void *ctx;
};

static void
on_rotated(
    struct sp_commit_job *job, enum sp_code code, const struct sp_err *err)
{
	struct rotation *t =
	    (void *)((char *)job - offsetof(struct rotation, job));

	(void)err;
	if (t->done != NULL)
		t->done(t->ctx, code);
	free(t);
}

void
sp_receive_rotate(
    struct sp_receive *r, void (*done)(void *ctx, enum sp_code code), void *ctx)
{
	struct rotation *t = sp_xcalloc(1, sizeof(*t));

	t->done = done;
	t->ctx = ctx;
	t->job.done = on_rotated;
	sp_commit_push(r->commit, &t->job);
}

/* A client at the door who only reads could fill the disk with what it reads:
 * its events stop at the mark at which mail is put off, and come no faster than
 * the log can bear for years. */
enum sp_code
sp_receive_may_event(
    void *ctx, const struct sp_door_rights *may, uint64_t uid, uint64_t bytes)
{
	struct sp_receive *r = ctx;
	const char *why = NULL;
	enum sp_code rc;

	if (may->operates || may->service)
		return (SP_OK);
	if (bytes > SP_EVENT_RATE_LARGEST)
		return (SP_ELIMIT);
	rc = sp_receive_may_begin(r, bytes, &why);
	if (rc == SP_OK &&
	    !sp_event_rate_take(r->event_rate, uid, bytes, uv_now(r->loop)))
		rc = SP_EAGAIN;
	return (rc);
}
