/*
 * The host of a command: each function asks the running service, by state/door
 * or state/control, or calls its twin of host_local.c.  Used by every command
 * that writes, signs or needs an index that is up to date.
 */
#include "app/host/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/common/control.h"
#include "app/common/interrupt.h"
#include "app/host/host_local.h"
#include "base/enc.h"
#include "base/io.h"
#include "index/index.h"
#include "journal/door/door_client.h"
#include "journal/door/door_pipe.h"
#include "journal/log/reader.h"
#include "journal/tree/tree.h"

#define COVER_SECONDS 60
#define INDEX_SECONDS 600
/* A request that the service puts off is repeated for ten seconds. */
#define ASK_TRIES    40
#define ASK_PAUSE_US 250000

struct sp_host {
	struct sp_app *app;
	/* one of the two is not NULL */
	struct sp_door *door; /* the service */
	struct sp_host_local *local; /* the roles held here */
	/* messages through the door */
	struct sp_door_pipe *pipe; /* NULL until there is one */
	sp_host_answer *answer;
	void *answer_ctx;
	/* of the first message that could not be appended for a reason that
	 * holds for all; SP_OK: none */
	enum sp_code failure;
	struct sp_err why;
};

/* Whoever sits before the terminal is told why nothing happens. */
static void
on_waiting(void *ctx, const char *why)
{
	(void)ctx;
	(void)fprintf(stderr,
	    "sealpost: waiting for the service, half a minute at most: %s\n",
	    why);
}

/* A door that this user may not use is as none: the roles decide what the user
 * may do. */
enum sp_code
sp_host_open(struct sp_app *app, struct sp_host **out, struct sp_err *err)
{
	struct sp_host *h = sp_xcalloc(1, sizeof(*h));
	enum sp_code rc;

	h->app = app;
	rc = sp_door_open(app->dir,
	    &(struct sp_door_opts){ .waiting = on_waiting }, &h->door, err);
	if (rc == SP_ENOTFOUND || rc == SP_EPERM)
		rc = sp_host_local_new(app, &h->local, err);
	if (rc != SP_OK) {
		sp_host_close(h);
		return (rc);
	}
	*out = h;
	return (SP_OK);
}

bool
sp_host_service(const struct sp_host *h)
{
	return (h->door != NULL);
}

void
sp_host_close(struct sp_host *h)
{
	if (h == NULL)
		return;
	sp_door_pipe_close(h->pipe);
	sp_door_close(h->door);
	sp_host_local_free(h->local);
	free(h);
}

enum sp_code
sp_host_event(struct sp_host *h, const char *name, struct sp_view detail,
    uint64_t *seq, struct sp_err *err)
{
	if (h->door != NULL)
		return (sp_door_event(h->door, name, detail, seq, err));
	return (sp_host_local_event(h->local, name, detail, seq, err));
}

void
sp_host_on_answer(struct sp_host *h, sp_host_answer *answer, void *ctx)
{
	h->answer = answer;
	h->answer_ctx = ctx;
	if (h->local != NULL)
		sp_host_local_on_answer(h->local, answer, ctx);
}

/* An answer from the door.  Those behind a failure still come: what they say is
 * counted. */
static enum sp_code
on_door_answer(void *ctx, const struct sp_door_answer *a, struct sp_err *err)
{
	struct sp_host *h = ctx;

	/* Too large is this message alone; every other reason holds for all. */
	if (a->rc == SP_OK || a->rc == SP_ELIMIT)
		return (h->answer(h->answer_ctx, a->tag, a->seq,
		    a->rc == SP_OK ? NULL : a->err, err));
	if (h->failure == SP_OK) {
		h->failure = a->rc;
		h->why = *a->err;
	}
	return (SP_OK);
}

/* The pipe is opened with the first message. */
static enum sp_code
open_pipe(struct sp_host *h, struct sp_err *err)
{
	const struct sp_door_pipe_opts opts = {
		.answer = on_door_answer, .waiting = on_waiting, .ctx = h
	};

	if (h->pipe != NULL)
		return (SP_OK);
	return (sp_door_pipe_open(h->app->dir, &opts, &h->pipe, err));
}

/* ${rc} of the pipe, or the failure that an answer told. */
static enum sp_code
pipe_result(struct sp_host *h, enum sp_code rc, struct sp_err *err)
{
	if (rc != SP_OK || h->failure == SP_OK)
		return (rc);
	*err = h->why;
	return (h->failure);
}

enum sp_code
sp_host_deliver(
    struct sp_host *h, const struct sp_host_message *m, struct sp_err *err)
{
	enum sp_code rc;

	if (h->door == NULL)
		return (sp_host_local_deliver(h->local, m, err));
	rc = open_pipe(h, err);
	if (rc == SP_OK)
		rc = sp_door_pipe_begin(h->pipe, m->provenance, m->tag, err);
	if (rc == SP_OK) {
		rc = sp_door_pipe_data(h->pipe, m->msg, err);
		if (rc == SP_OK)
			rc = sp_door_pipe_end(h->pipe, err);
		else
			sp_door_pipe_abort(h->pipe);
	}
	return (pipe_result(h, rc, err));
}

enum sp_code
sp_host_flush(struct sp_host *h, struct sp_err *err)
{
	if (h->door == NULL)
		return (sp_host_local_flush(h->local, err));
	if (h->pipe == NULL)
		return (SP_OK);
	return (pipe_result(h, sp_door_pipe_flush(h->pipe, err), err));
}

/* Ask the service and try again while it says SP_EAGAIN: a worker that just
 * ended (a reload) is back in a moment.  Only for requests that may be asked
 * twice. */
static enum sp_code
ask_retrying(struct sp_host *h, const char *request, struct sp_buf *reply,
    struct sp_err *err)
{
	enum sp_code rc = SP_EAGAIN;

	for (int i = 0; rc == SP_EAGAIN && i < ASK_TRIES; i++) {
		if (i > 0)
			(void)usleep(ASK_PAUSE_US);
		sp_buf_clear(reply);
		rc = sp_control_ask(h->app->dir, request, reply, err);
	}
	return (rc);
}

/* The same where the reply's text is of no interest. */
static enum sp_code
ask(struct sp_host *h, const char *request, struct sp_err *err)
{
	struct sp_buf reply;
	enum sp_code rc;

	sp_buf_init(&reply, SP_CONTROL_MAX);
	rc = ask_retrying(h, request, &reply, err);
	sp_buf_done(&reply);
	return (rc);
}

/* The service signs each second, so it is a matter of waiting; then seal is
 * asked to keep the checkpoint. */
enum sp_code
sp_host_cover(struct sp_host *h, uint64_t seq, struct sp_err *err)
{
	struct sp_checkpoint c = { 0 };
	struct sp_buf note;
	enum sp_code rc;

	if (h->door == NULL)
		return (sp_host_local_cover(h->local, seq, err));
	sp_buf_init(&note, SP_NOTE_MAX);
	for (int i = 0; i < COVER_SECONDS * 20; i++) {
		sp_buf_clear(&note);
		rc = sp_tree_checkpoint(h->app->dir, &note, &c, err);
		if (rc == SP_OK && c.size > seq)
			break;
		if (rc != SP_OK && rc != SP_ENOTFOUND)
			break;
		(void)usleep(50000);
	}
	sp_buf_done(&note);
	if (rc != SP_OK)
		return (rc);
	if (c.size <= seq)
		return (sp_err_set(err, SP_EAGAIN, 0,
		    "no checkpoint covers entry %" PRIu64
		    " after %d s: is the seal worker well? see `sealpost status`",
		    seq, COVER_SECONDS));
	return (ask(h, "keep", err));
}

/* The service signs only for the event of an export that a checkpoint covers
 * (worker_seal.c). */
enum sp_code
sp_host_sign(struct sp_host *h, struct sp_view data, uint64_t event_seq,
    struct sp_buf *p7s, struct sp_err *err)
{
	struct sp_buf request, reply;
	enum sp_code rc = SP_OK;
	char *at;
	size_t n;

	if (h->door == NULL)
		return (sp_host_local_sign(h->local, data, p7s, err));
	sp_buf_init(&request, SP_CONTROL_MAX);
	sp_buf_init(&reply, SP_CONTROL_MAX);
	if (sp_buf_addf(&request, "sign %" PRIu64 " ", event_seq) != SP_OK ||
	    sp_b64_append(&request, data.p, data.n) != SP_OK ||
	    sp_buf_cstr(&request) == NULL)
		rc = sp_err_set(err, SP_ELIMIT, 0,
		    "the tag manifest is too large to be signed");
	if (rc == SP_OK)
		rc = ask_retrying(h, request.p, &reply, err);
	if (rc == SP_OK) {
		at = sp_buf_reserve(p7s, reply.n / 4 * 3 + 3);
		if (at == NULL ||
		    !sp_b64_decode(sp_buf_view(&reply), (uint8_t *)at, &n))
			rc = sp_err_set(err, SP_EFORMAT, 0,
			    "the service gave a signature that is not base64");
		else
			p7s->n += n;
	}
	sp_buf_done(&request);
	sp_buf_done(&reply);
	return (rc);
}

enum sp_code
sp_host_checkpoint(struct sp_host *h, struct sp_err *err)
{
	return (
	    h->door != NULL ? SP_OK : sp_host_local_checkpoint(h->local, err));
}

enum sp_code
sp_host_seal(struct sp_host *h, struct sp_buf *text, struct sp_err *err)
{
	if (h->door == NULL)
		return (sp_host_local_seal(h->local, text, err));
	return (sp_control_ask(h->app->dir, "seal", text, err));
}

enum sp_code
sp_host_index(struct sp_host *h, struct sp_err *err)
{
	return (
	    h->door != NULL ? SP_OK : sp_host_local_index(h->local, -1, err));
}

/* Whether the person at the terminal wants to end the command. */
static bool
is_interrupted(void *ctx)
{
	(void)ctx;
	return (sp_interrupt_caught());
}

/* The end of the log is read once: what comes in later is not waited for. */
enum sp_code
sp_host_index_all(struct sp_host *h, struct sp_err *err)
{
	struct sp_reader *r = NULL;
	uint64_t end = 0, cursor = 0;
	enum sp_code rc;

	if (h->door == NULL) {
		/* First, since opening the log may make a last batch readable
		 * whose writer was killed. */
		rc = sp_host_local_open(h->local, err);
		if (rc == SP_OK)
			rc = sp_host_local_index(h->local, -1, err);
		return (rc);
	}
	rc = sp_door_wait_settled(h->door, is_interrupted, NULL, err);
	if (rc == SP_OK)
		rc = sp_reader_open(h->app->dir, &r, err);
	if (rc == SP_OK)
		rc = sp_reader_end(r, &end, err);
	sp_reader_close(r);
	for (int i = 0; rc == SP_OK && i < INDEX_SECONDS * 20; i++) {
		rc = sp_index_reach(h->app->dir, &cursor, err);
		if (rc != SP_OK || cursor >= end)
			return (rc);
		if (sp_interrupt_caught())
			return (
			    sp_err_set(err, SP_EINTERRUPT, 0, "interrupted"));
		(void)usleep(50000);
	}
	if (rc != SP_OK)
		return (rc);
	return (sp_err_set(err, SP_EAGAIN, 0,
	    "the index covers %" PRIu64 " of %" PRIu64
	    " entries and does not come up within %d s; see `sealpost status` and try again",
	    cursor, end, INDEX_SECONDS));
}

enum sp_code
sp_host_reindex(struct sp_host *h, int64_t since_us, struct sp_err *err)
{
	char request[64];

	if (h->door == NULL)
		return (sp_host_local_index(h->local, since_us, err));
	(void)snprintf(request, sizeof(request), "reindex %" PRId64, since_us);
	return (ask(h, request, err));
}
