/*
 * The index worker: reads the log, parses mail, writes the index
 * (index/index.h) until it has everything, and then waits for more.  It also
 * looks for unusual silence, since it knows the traffic, and answers what the
 * pull worker, which may not read the log, wants to know (app/host/pulled.h).
 * It has no network and no keys; it holds state/index.lock.
 *
 * A round takes at most 1,000 entries, so that requests are answered in
 * between.  The process has a low priority: finding mail may be late where
 * receiving it may not.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "app/host/pulled.h"
#include "app/service/silence_watch.h"
#include "app/service/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "index/index.h"

#define LOOK_MS 1000
#define ROUND	1000 /* entries between looks at the channel */
/* Pause after a round that found something: mail that trickles in is indexed
 * together, and the disk is left to receive meanwhile. */
#define REST_MS 250
/* A round that takes longer is an alarm; looked at so often. */
#define ROUND_MAX     (30 * 60 * SP_SECOND)
#define WATCH_SECONDS 30

struct index_worker {
	struct sp_worker *w;
	struct sp_index *index;
	struct sp_silence_watch *silence;
	_Atomic int64_t round_since; /* boot clock, us; 0: no round is on */
};

/* What index/index.h reports; a damaged shard is built again by itself, but
 * somebody should know. */
static void
on_report(void *ctx, const char *what, const char *text)
{
	struct index_worker *s = ctx;

	if (strcmp(what, "indexed") == 0)
		sp_log(SP_LOG_DEBUG, what, "%s", text);
	else if (strcmp(what, "shard_damaged") == 0)
		sp_worker_alarm(s->w, "index_damaged", text);
	else
		sp_log(SP_LOG_WARN, what, "%s", text);
}

/* A source fell silent, or is no longer. */
static void
on_silence(void *ctx, const char *cause, bool begins, const char *text)
{
	const struct index_worker *s = ctx;

	if (begins)
		sp_worker_alarm(s->w, cause, text);
	else
		sp_worker_clear_with(s->w, cause, text == NULL ? "" : text);
}

/* Look, once the index has reached the end of the log: entries still to come
 * could end a silence. */
static void
look_for_silence(struct index_worker *s, uint64_t behind)
{
	struct sp_err err;

	if (behind == 0 &&
	    sp_silence_watch_look(s->silence, sp_clock_wall(), &err) != SP_OK)
		sp_worker_log_err(SP_LOG_WARN, "silence_unknown", &err);
}

/* `pulled ACCOUNT FROM HOST USER`: which messages of an account the log has. */
static void
answer_pulled(struct index_worker *s, const struct sp_request *rq)
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

/* A reindex can take hours, and the pull worker must not wait for it; other
 * requests are put off. */
static void
answer_between_rounds(struct index_worker *s)
{
	static struct sp_request rq;

	while (sp_worker_request(s->w, &rq)) {
		if (strcmp(rq.verb, "pulled") == 0)
			answer_pulled(s, &rq);
		else
			sp_worker_reply(s->w, rq.id, SP_EAGAIN,
			    "the index is being built again; try later");
	}
}

/* `reindex SINCE_US`: forget the index from that month on and build it again; a
 * request to end leaves the rest to the next start. */
static enum sp_code
reindex(struct index_worker *s, const char *args, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t since, behind = 1;

	if (!sp_view_u64(sp_view_str(args), &since))
		return (sp_err_set(err, SP_EUSAGE, 0, "reindex SINCE_US"));
	rc = sp_index_drop(s->index, (int64_t)since, err);
	while (rc == SP_OK && behind > 0 && !s->w->stop) {
		rc = sp_index_update(s->index, ROUND, &behind, err);
		answer_between_rounds(s);
	}
	return (rc);
}

/* Pause for REST_MS; only a request (true, in ${rq}) or the end makes it
 * shorter, new mail does not. */
static bool
pause_after_work(struct sp_worker *w, struct sp_request *rq)
{
	const int wake = w->wake;
	bool asked;

	w->wake = -1;
	asked = sp_worker_wait(w, REST_MS, rq);
	w->wake = wake;
	return (asked);
}

/* Wait until there may be new mail, not at all while the index is ${behind},
 * and longer after a round that found some (${worked}).  True: a request is in
 * ${rq}. */
static bool
wait_for_work(
    struct sp_worker *w, bool worked, uint64_t behind, struct sp_request *rq)
{
	if (behind > 0)
		return (sp_worker_wait(w, 0, rq));
	if (worked && pause_after_work(w, rq))
		return (true);
	return (!w->stop && sp_worker_wait(w, LOOK_MS, rq));
}

/* The failure of a round, or of the opening. */
static void
report_failure(struct index_worker *s, struct sp_err *err)
{
	(void)sp_err_prefix(err, "index");
	sp_worker_alarm(
	    s->w, sp_worker_cause(s->w, err, "index_stuck"), err->msg);
}

/* Index up to ROUND entries; false after a failure, which was an alarm. */
static bool
index_round(struct index_worker *s, uint64_t *behind)
{
	struct sp_err err;
	enum sp_code rc;

	atomic_store(&s->round_since, sp_clock_boot());
	rc = sp_index_update(s->index, ROUND, behind, &err);
	atomic_store(&s->round_since, 0);
	if (rc == SP_OK) {
		sp_worker_clear(s->w, "index_stuck");
		return (true);
	}
	report_failure(s, &err);
	return (false);
}

/* A thread beside the indexer: a round that does not end is an alarm, since
 * then nobody else here could tell. */
static void *
watch_rounds(void *ctx)
{
	struct index_worker *s = ctx;
	const struct timespec pause = { .tv_sec = WATCH_SECONDS };
	char text[200];

	for (;;) {
		int64_t since;

		(void)nanosleep(&pause, NULL);
		since = atomic_load(&s->round_since);
		if (since == 0 || sp_clock_boot() - since < ROUND_MAX)
			continue;
		(void)snprintf(text, sizeof(text),
		    "the index has not moved for %" PRId64
		    " minutes: something in the next %d entries holds it up; mail is received and kept, searches lack it",
		    (sp_clock_boot() - since) / (60 * SP_SECOND), ROUND);
		sp_worker_alarm(s->w, "index_stuck", text);
	}
	return (NULL);
}

/* The thread is not joined: the process ends under it. */
static void
start_watching(struct index_worker *s)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, watch_rounds, s) == 0)
		(void)pthread_detach(thread);
}

static void
answer(struct index_worker *s, const struct sp_request *rq)
{
	struct sp_err err;
	enum sp_code rc;

	if (strcmp(rq->verb, "pulled") == 0) {
		answer_pulled(s, rq);
		return;
	}
	if (strcmp(rq->verb, "reindex") != 0) {
		sp_worker_reply(s->w, rq->id, SP_EUSAGE, "no such request");
		return;
	}
	rc = reindex(s, rq->args, &err);
	sp_worker_reply(s->w, rq->id, rc, rc == SP_OK ? "" : err.msg);
}

/* A failure ends the worker: the supervisor starts it again, with the index
 * opened and checked anew. */
int
sp_worker_index(struct sp_worker *w)
{
	static struct sp_request rq;
	static struct index_worker s;
	const struct sp_index_report report = { on_report, NULL, &s };
	struct sp_err err = { .msg = "" };
	uint64_t behind = 0, before;
	bool healthy = true;

	s.w = w;
	(void)setpriority(PRIO_PROCESS, 0, 15);
	if (sp_index_open(w->app->dir, w->app->cfg, SP_APP_LOCK_WAIT_MS,
		&report, &s.index, &err) != SP_OK) {
		report_failure(&s, &err);
		return (1);
	}
	start_watching(&s);
	s.silence =
	    sp_silence_watch_new(w->app, sp_clock_wall(), on_silence, &s);
	while (healthy && !w->stop) {
		before = sp_index_cursor(s.index);
		healthy = index_round(&s, &behind);
		if (healthy)
			look_for_silence(&s, behind);
		if (!healthy ||
		    !wait_for_work(
			w, sp_index_cursor(s.index) > before, behind, &rq))
			continue;
		answer(&s, &rq);
	}
	sp_silence_watch_free(s.silence);
	sp_index_close(s.index);
	return (healthy ? 0 : 1);
}
