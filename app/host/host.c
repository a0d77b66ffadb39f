/* The parts of a host that ask the service, or do it here. */
#include "app/host/host.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/common/control.h"
#include "app/host/host_local.h"
#include "base/enc.h"
#include "base/io.h"
#include "base/json.h"
#include "index/index.h"
#include "journal/log/reader.h"
#include "journal/tree/tree.h"
#include "journal/door/door_client.h"
#include "journal/door/door_pipe.h"

#define COVER_SECONDS 60
#define ASK_TRIES     40
#define ASK_PAUSE_US  250000
#define INDEX_SECONDS 600

struct sp_host {
	struct sp_app *app;
	struct sp_door *door; /* the service, or NULL */
	struct sp_local *local; /* the roles held here, or NULL */
	struct sp_door_pipe *pipe; /* for messages, once there is one */
	sp_host_answer *answer;
	void *answer_ctx;
	enum sp_code broken; /* the first message without a good answer */
	struct sp_err why;
};

enum sp_code
sp_host_open(struct sp_app *app, struct sp_host **out, struct sp_err *err)
{
	struct sp_host *h = sp_xcalloc(1, sizeof(*h));
	enum sp_code rc;

	h->app = app;
	rc = sp_door_open(app->dir, &h->door, err);
	if (rc == SP_ENOTFOUND || rc == SP_EPERM) {
		rc = sp_local_new(app, &h->local, err);
	}
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
	sp_local_free(h->local);
	free(h);
}

enum sp_code
sp_host_event(struct sp_host *h, const char *name, struct sp_view detail,
    uint64_t *seq, struct sp_err *err)
{
	if (h->door != NULL)
		return (sp_door_event(h->door, name, detail, seq, err));
	return (sp_local_event(h->local, name, detail, seq, err));
}

/* What XSEALPOST SOURCE takes: the same facts as sp_local_deliver writes. */
static enum sp_code
provenance(const struct sp_host_message *m, struct sp_buf *out)
{
	struct sp_json j;

	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "via", m->via == NULL ? "import" : m->via);
	sp_json_cstr(&j, "grade", m->grade == NULL ? "imported" : m->grade);
	sp_json_bool(&j, "envelope", false);
	if (m->origin_date.n > 0)
		sp_json_str(&j, "origin_date", m->origin_date);
	if (m->nflags > 0)
		sp_json_arr(&j, "flags");
	for (size_t i = 0; i < m->nflags; i++)
		sp_json_cstr(&j, NULL, m->flags[i]);
	if (m->nflags > 0)
		sp_json_arr_end(&j);
	sp_json_obj(&j, "source");
	if (m->source.n > 0)
		sp_json_raw(&j, NULL, m->source);
	sp_json_obj_end(&j);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

void
sp_host_on_answer(struct sp_host *h, sp_host_answer *answer, void *ctx)
{
	h->answer = answer;
	h->answer_ctx = ctx;
	if (h->local != NULL)
		sp_local_on_answer(h->local, answer, ctx);
}

/* What is on its way behind a fault is still counted. */
static enum sp_code
on_door_answer(void *ctx, const struct sp_door_answer *a, struct sp_err *err)
{
	struct sp_host *h = ctx;

	/* Only a message of its own can be too large; who may not hand in
	 * one may hand in none. */
	if (a->rc == SP_OK || a->rc == SP_ELIMIT)
		return (h->answer(h->answer_ctx, a->tag, a->seq,
		    a->rc == SP_OK ? NULL : a->err, err));
	if (h->broken == SP_OK) {
		h->broken = a->rc;
		h->why = *a->err;
	}
	return (SP_OK);
}

static enum sp_code
need_pipe(struct sp_host *h, struct sp_err *err)
{
	const struct sp_door_pipe_opts opts = { .answer = on_door_answer,
		.ctx = h };

	if (h->pipe != NULL)
		return (SP_OK);
	return (sp_door_pipe_open(h->app->dir, &opts, &h->pipe, err));
}

static enum sp_code
still_well(struct sp_host *h, enum sp_code rc, struct sp_err *err)
{
	if (rc != SP_OK || h->broken == SP_OK)
		return (rc);
	*err = h->why;
	return (h->broken);
}

enum sp_code
sp_host_deliver(
    struct sp_host *h, const struct sp_host_message *m, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc;

	if (h->door == NULL)
		return (sp_local_deliver(h->local, m, err));
	sp_buf_init(&b, 512u << 10);
	rc = provenance(m, &b);
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0, "the provenance is too long");
	else
		rc = need_pipe(h, err);
	if (rc == SP_OK)
		rc = sp_door_pipe_begin(h->pipe, sp_buf_view(&b), m->tag, err);
	if (rc == SP_OK) {
		rc = sp_door_pipe_data(h->pipe, m->msg, err);
		if (rc == SP_OK)
			rc = sp_door_pipe_end(h->pipe, err);
		else
			sp_door_pipe_abort(h->pipe);
	}
	sp_buf_done(&b);
	return (still_well(h, rc, err));
}

enum sp_code
sp_host_flush(struct sp_host *h, struct sp_err *err)
{
	if (h->door == NULL)
		return (sp_local_flush(h->local, err));
	if (h->pipe == NULL)
		return (SP_OK);
	return (still_well(h, sp_door_pipe_flush(h->pipe, err), err));
}

/* A worker that just ended (a reload) is back in a moment; what is asked here
 * may be asked twice. */
static enum sp_code
ask_again(struct sp_host *h, const char *request, struct sp_buf *reply,
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

static enum sp_code
ask(struct sp_host *h, const char *request, struct sp_err *err)
{
	struct sp_buf reply;
	enum sp_code rc;

	sp_buf_init(&reply, SP_CONTROL_MAX);
	rc = ask_again(h, request, &reply, err);
	sp_buf_done(&reply);
	return (rc);
}

enum sp_code
sp_host_cover(struct sp_host *h, uint64_t seq, struct sp_err *err)
{
	struct sp_checkpoint c = { 0 };
	struct sp_buf note;
	enum sp_code rc;

	if (h->door == NULL)
		return (sp_local_cover(h->local, seq, err));
	/* The service signs each second; it is only a matter of waiting. */
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

enum sp_code
sp_host_sign(struct sp_host *h, struct sp_view data, uint64_t event_seq,
    struct sp_buf *p7s, struct sp_err *err)
{
	struct sp_buf request, reply;
	enum sp_code rc = SP_OK;
	char *at;
	size_t n;

	if (h->door == NULL)
		return (sp_local_sign(h->local, data, p7s, err));
	sp_buf_init(&request, SP_CONTROL_MAX);
	sp_buf_init(&reply, SP_CONTROL_MAX);
	if (sp_buf_addf(&request, "sign %" PRIu64 " ", event_seq) != SP_OK ||
	    sp_b64_append(&request, data.p, data.n) != SP_OK ||
	    sp_buf_cstr(&request) == NULL)
		rc = sp_err_set(err, SP_ELIMIT, 0,
		    "the tag manifest is too large to be signed");
	if (rc == SP_OK)
		rc = ask_again(h, request.p, &reply, err);
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
	return (h->door != NULL ? SP_OK : sp_local_checkpoint(h->local, err));
}

enum sp_code
sp_host_seal(struct sp_host *h, struct sp_buf *text, struct sp_err *err)
{
	if (h->door == NULL)
		return (sp_local_seal(h->local, text, err));
	return (sp_control_ask(h->app->dir, "seal", text, err));
}

enum sp_code
sp_host_index(struct sp_host *h, struct sp_err *err)
{
	return (h->door != NULL ? SP_OK : sp_local_index(h->local, -1, err));
}

enum sp_code
sp_host_index_all(struct sp_host *h, struct sp_err *err)
{
	struct sp_reader *r = NULL;
	uint64_t end = 0, cursor = 0;
	enum sp_code rc;

	if (h->door == NULL) {
		/* First: opening the log may bring back a last batch that
		 * nobody could read since its writer was killed. */
		rc = sp_local_open(h->local, err);
		if (rc == SP_OK)
			rc = sp_local_index(h->local, -1, err);
		return (rc);
	}
	rc = sp_reader_open(h->app->dir, &r, err);
	if (rc == SP_OK)
		rc = sp_reader_end(r, &end, err);
	sp_reader_close(r);
	for (int i = 0; rc == SP_OK && i < INDEX_SECONDS * 20; i++) {
		rc = sp_index_reach(h->app->dir, &cursor, err);
		if (rc != SP_OK || cursor >= end)
			return (rc);
		if (sp_interrupted())
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
		return (sp_local_index(h->local, since_us, err));
	(void)snprintf(request, sizeof(request), "reindex %" PRId64, since_us);
	return (ask(h, request, err));
}
