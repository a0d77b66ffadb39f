/* The index worker: parses mail, writes the index.  No network, no keys. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/host/pulled.h"
#include "app/service/silence_watch.h"
#include "app/service/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "index/index.h"

#define LOOK_MS 1000
#define ROUND	1000 /* entries between looks at the channel */
#define REST_MS \
	250 /* pause between rounds: mail that trickles in is
		     * taken together, and leaves the disk to receive */

struct state {
	struct sp_worker *w;
	struct sp_index *index;
	struct sp_silence_watch *silence;
};

static void
on_report(void *ctx, const char *what, const char *text)
{
	struct state *s = ctx;

	if (strcmp(what, "indexed") == 0)
		sp_log(SP_LOG_DEBUG, what, "%s", text);
	else if (strcmp(what, "shard_damaged") == 0)
		sp_worker_alarm(s->w, text);
	else
		sp_log(SP_LOG_WARN, what, "%s", text);
}

/* The end of a gap belongs into the log as much as its beginning. */
static void
on_silence(void *ctx, const char *text)
{
	const struct state *s = ctx;

	sp_worker_alarm(s->w, text);
}

/* Only what the whole log says is a silence. */
static void
look_for_silence(struct state *s, uint64_t behind)
{
	char quoted[SP_ERR_MAX];
	struct sp_err err;

	if (behind == 0 &&
	    sp_silence_watch_look(s->silence, sp_clock_wall(), &err) != SP_OK)
		sp_log(SP_LOG_WARN, "silence_unknown", "error=%s",
		    sp_log_quote(sp_view_str(err.msg), quoted, sizeof(quoted)));
}

/* Which messages of an account the log has, for the pull worker, which may not
 * read it. */
static void
pulled(struct state *s, const struct sp_request *rq)
{
	struct sp_buf text;
	struct sp_err err;
	enum sp_code rc;

	sp_buf_init(&text, SP_CONTROL_MAX - 64);
	rc = sp_pulled_answer(s->w->app->dir, rq->args, &text, &err);
	sp_worker_reply(
	    s->w, rq->id, rc, rc == SP_OK ? sp_buf_cstr(&text) : err.msg);
	sp_buf_done(&text);
}

/* A reindex can take hours; the pull worker must not wait for it. */
static void
between_rounds(struct state *s)
{
	static struct sp_request rq;

	while (sp_worker_request(s->w, &rq)) {
		if (strcmp(rq.verb, "pulled") == 0)
			pulled(s, &rq);
		else
			sp_worker_reply(s->w, rq.id, SP_EAGAIN,
			    "the index is being built again; try later");
	}
}

static enum sp_code
reindex(struct state *s, const char *args, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t since, behind = 1;

	if (!sp_view_u64(sp_view_str(args), &since))
		return (sp_err_set(err, SP_EUSAGE, 0, "reindex SINCE_US"));
	rc = sp_index_drop(s->index, (int64_t)since, err);
	while (rc == SP_OK && behind > 0 && !s->w->stop) {
		rc = sp_index_update(s->index, ROUND, &behind, err);
		between_rounds(s);
	}
	return (rc);
}

/* Sleep; only a request ends it, not new mail. */
static bool
rest(struct sp_worker *w, struct sp_request *rq)
{
	const int wake = w->wake;
	bool asked;

	w->wake = -1;
	asked = sp_worker_wait(w, REST_MS, rq);
	w->wake = wake;
	return (asked);
}

/* A request, or false: look for mail again. */
static bool
wait(struct sp_worker *w, bool worked, uint64_t behind, struct sp_request *rq)
{
	if (behind > 0)
		return (sp_worker_wait(w, 0, rq));
	if (worked && rest(w, rq))
		return (true);
	return (!w->stop && sp_worker_wait(w, LOOK_MS, rq));
}

static bool
round_of_work(struct state *s, uint64_t *behind)
{
	struct sp_err err;
	char *text;

	if (sp_index_update(s->index, ROUND, behind, &err) == SP_OK)
		return (true);
	text = sp_xasprintf("index: %s", err.msg);
	sp_worker_alarm(s->w, text);
	free(text);
	return (false);
}

static void
answer(struct state *s, const struct sp_request *rq)
{
	struct sp_err err;
	enum sp_code rc;

	if (strcmp(rq->verb, "pulled") == 0) {
		pulled(s, rq);
		return;
	}
	if (strcmp(rq->verb, "reindex") != 0) {
		sp_worker_reply(s->w, rq->id, SP_EUSAGE, "no such request");
		return;
	}
	rc = reindex(s, rq->args, &err);
	sp_worker_reply(s->w, rq->id, rc, rc == SP_OK ? "" : err.msg);
}

int
sp_worker_index(struct sp_worker *w)
{
	static struct sp_request rq;
	struct state s = { .w = w };
	const struct sp_index_report report = { on_report, NULL, &s };
	struct sp_err err = { .msg = "" };
	uint64_t behind = 0, before;
	bool well = true;

	/* Finding can wait a moment where receiving cannot. */
	(void)setpriority(PRIO_PROCESS, 0, 15);
	if (sp_index_open(w->app->dir, w->app->cfg, 10000, &report, &s.index,
		&err) != SP_OK) {
		sp_worker_alarm(w, err.msg);
		return (1);
	}
	s.silence =
	    sp_silence_watch_new(w->app, sp_clock_wall(), on_silence, &s);
	while (well && !w->stop) {
		before = sp_index_cursor(s.index);
		well = round_of_work(&s, &behind);
		if (well)
			look_for_silence(&s, behind);
		if (!well ||
		    !wait(w, sp_index_cursor(s.index) > before, behind, &rq))
			continue;
		answer(&s, &rq);
	}
	sp_silence_watch_free(s.silence);
	sp_index_close(s.index);
	return (well ? 0 : 1);
}
