/*
 * The receive worker: runs the receiving server (journal/receive/receive.h) on
 * a libuv loop, on the listening sockets that the supervisor opened, and is the
 * one writer of the intake log (state/receive.lock).  It has no signing keys
 * and reads no segments.  Beside mail it appends the events of the service: a
 * changed configuration, the alarms of all workers.
 *
 *	SERVING -(SIGTERM)-> DRAINING -(no session left, or 20 s)-> end
 *
 * Where the log must not go on (damage, a restored backup) it serves all the
 * same and answers 451 to every message, so that senders keep their mail until
 * somebody has looked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "app/service/worker.h"
#include "base/enc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sha256.h"
#include "journal/receive/receive.h"

#define CONFIG_MAX	(1u << 20) /* bytes of the event `config` */
#define CONFIG_RETRY_MS 5000
/* While sessions end nobody new is served, so a slow sender must not hold up a
 * reload for longer; it sends its message again. */
#define DRAIN_MS 20000
/* What a peer gets as the reason of 451; the alarm has the real one. */
#define HOLD "the archive needs its administrator"

struct receive_worker {
	struct sp_worker *w;
	struct sp_append *append; /* NULL: the log must not go on */
	struct sp_receive *receive;
	/* the loop */
	uv_loop_t loop;
	uv_poll_t channel, signals;
	uv_timer_t config_timer, drain_timer;
	struct sp_request rq; /* the request in hand: too large for the stack */
	/* the event of the configuration */
	bool config_due; /* it is not in the log yet */
	bool config_busy; /* it is on its way */
	/* the end */
	bool draining, done;
};

/* A log line of the server. */
static void
on_log(void *ctx SP_UNUSED, enum sp_log_level level, const char *event,
    const char *text)
{
	sp_log(level, event, "%s", text);
}

/* The server reports that ${cause} is there, or gone (${text} is NULL). */
static void
on_alarm(void *ctx, const char *cause, const char *text)
{
	const struct receive_worker *s = ctx;

	if (text != NULL)
		sp_worker_alarm(s->w, cause, text);
	else
		sp_worker_clear(s->w, cause);
}

static void
on_committed(void *ctx, uint64_t next_seq SP_UNUSED)
{
	struct receive_worker *s = ctx;

	/* seal looks by the clock; only the index waits to be woken. */
	sp_worker_wake(s->w->wake_index);
}

static void
on_drained(void *ctx)
{
	struct receive_worker *s = ctx;

	s->done = true;
	uv_stop(&s->loop);
}

/* The server listens on duplicates: while ours are open, the kernel accepts
 * connections that nobody will serve. */
static void
close_listeners(const struct sp_worker *w)
{
	for (size_t i = 0; i < w->app->cfg->nlisten; i++)
		(void)close(w->listen_fds[i]);
	(void)close(w->door_fd);
}

/* The time is over: who is still connected is cut off.  What is being committed
 * is not (sp_receive_free()). */
static void
on_drain_timer(uv_timer_t *t)
{
	struct receive_worker *s = t->data;
	struct sp_receive_stats st;

	sp_receive_stats(s->receive, &st);
	sp_log(SP_LOG_WARN, "drain_cut", "sessions=%" PRIu64 " seconds=%d",
	    st.sessions, DRAIN_MS / 1000);
	on_drained(s);
}

/* Stop serving, once: sessions without a message in hand end now. */
static void
drain(struct receive_worker *s)
{
	if (s->draining)
		return;
	s->draining = true;
	close_listeners(s->w);
	(void)uv_timer_start(&s->drain_timer, on_drain_timer, DRAIN_MS, 0);
	sp_receive_drain(s->receive, on_drained, s);
}

/* A request to rotate the intake log that waits for its turn. */
struct rotate_request {
	struct receive_worker *s;
	uint64_t id;
};

static void
on_rotated(void *ctx, enum sp_code code)
{
	struct rotate_request *p = ctx;

	sp_worker_reply(p->s->w, p->id, code,
	    code == SP_OK ? ""
	    : p->s->append == NULL
		? HOLD "; see `sealpost status`"
		: "the intake log could not be rotated; see the log of the service");
	free(p);
}

/* The receive worker's part of `status`: what happened since its start. */
static void
reply_status(struct receive_worker *s, uint64_t id)
{
	struct sp_receive_stats st;
	struct sp_json j;
	struct sp_buf b;

	sp_receive_stats(s->receive, &st);
	sp_buf_init(&b, 4096);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_u64(&j, "sessions", st.sessions);
	sp_json_u64(&j, "connections", st.connections);
	sp_json_u64(&j, "accepted", st.accepted);
	sp_json_u64(&j, "accepted_bytes", st.accepted_bytes);
	sp_json_u64(&j, "refused", st.refused);
	sp_json_u64(&j, "deferred", st.deferred);
	sp_json_u64(&j, "batches", st.batches);
	sp_json_u64(&j, "memory", st.memory);
	sp_json_u64(&j, "spilled", st.spilled);
	sp_json_u64(&j, "tls", st.tls);
	sp_json_obj_end(&j);
	sp_worker_reply(s->w, id, SP_OK, sp_buf_cstr(&b));
	sp_buf_done(&b);
}

/* A request for the entry of an alarm that waits for its turn. */
struct alarm_request {
	struct receive_worker *s;
	uint64_t id;
};

static void
on_alarm_entered(void *ctx, enum sp_code code, uint64_t seq)
{
	struct alarm_request *p = ctx;
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRIu64, seq);
	sp_worker_reply(p->s->w, p->id, code,
	    code == SP_OK ? text : "the log did not take it");
	free(p);
}

/* "alarm DETAIL" of the supervisor, the only one who asks for it: an entry of
 * the log. */
static void
append_alarm(struct receive_worker *s, const struct sp_request *rq)
{
	struct alarm_request *p;

	if (s->append == NULL || s->draining) {
		sp_worker_reply(s->w, rq->id, SP_EAGAIN, HOLD);
		return;
	}
	p = sp_xmalloc(sizeof(*p));
	*p = (struct alarm_request){ s, rq->id };
	sp_receive_event(
	    s->receive, "alarm", sp_view_str(rq->args), on_alarm_entered, p);
}

/* Requests of the supervisor; its end is a request to end. */
static void
on_channel(uv_poll_t *h, int uv_status SP_UNUSED, int events SP_UNUSED)
{
	struct receive_worker *s = h->data;
	struct rotate_request *p;

	while (sp_worker_request(s->w, &s->rq)) {
		if (strcmp(s->rq.verb, "rotate") == 0) {
			p = sp_xmalloc(sizeof(*p));
			*p = (struct rotate_request){ s, s->rq.id };
			sp_receive_rotate(s->receive, on_rotated, p);
		} else if (strcmp(s->rq.verb, "status") == 0) {
			reply_status(s, s->rq.id);
		} else if (strcmp(s->rq.verb, "alarm") == 0) {
			append_alarm(s, &s->rq);
		} else {
			sp_worker_reply(
			    s->w, s->rq.id, SP_EUSAGE, "no such request");
		}
	}
	if (s->w->stop)
		drain(s);
}

static void
on_signal(uv_poll_t *h, int uv_status SP_UNUSED, int events SP_UNUSED)
{
	struct receive_worker *s = h->data;

	(void)uv_poll_stop(h);
	s->w->stop = true;
	drain(s);
}

/* ---- the event of a changed effective configuration ------------------- */

/* The file that has the digest of the configuration that the log has last. */
static char *
config_path(const struct receive_worker *s)
{
	return (sp_xasprintf("%s/state/config.sha256", s->w->app->dir));
}

/* The SHA-256, in hex, of the effective configuration less secrets. */
static void
config_digest(const struct receive_worker *s, char out[2 * SP_SHA256_LEN + 1])
{
	const char *text = s->w->app->cfg->text;
	uint8_t digest[SP_SHA256_LEN];

	sp_sha256_once(text, strlen(text), digest);
	sp_hex_encode(digest, sizeof(digest), out);
}

/* Whether the log has this configuration already. */
static bool
config_in_log(const struct receive_worker *s)
{
	char now[2 * SP_SHA256_LEN + 1];
	char *path = config_path(s);
	struct sp_buf old;
	bool known;

	config_digest(s, now);
	sp_buf_init(&old, 128);
	known = sp_io_read_file(path, 128, &old, NULL) == SP_OK &&
		sp_view_eq_str(sp_buf_view(&old), now);
	sp_buf_done(&old);
	free(path);
	return (known);
}

/* Remember that the log has the configuration.  If that fails, the next start
 * appends the event again. */
static void
note_config(struct receive_worker *s)
{
	char now[2 * SP_SHA256_LEN + 1];
	char *path = config_path(s);

	s->config_due = false;
	config_digest(s, now);
	if (sp_io_replace(path, now, strlen(now), 0640, NULL) != SP_OK)
		sp_log(SP_LOG_WARN, "config_note",
		    "error=\"state/config.sha256 not written\"");
	free(path);
}

/* The detail of the event `config`: the full text of the effective
 * configuration less secrets, and its digest. */
static enum sp_code
config_detail(const struct receive_worker *s, struct sp_buf *out)
{
	char now[2 * SP_SHA256_LEN + 1];
	struct sp_json j;

	config_digest(s, now);
	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "sha256", now);
	sp_json_cstr(&j, "text", s->w->app->cfg->text);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

/* Append a changed configuration before anything is received under it.  Where
 * it cannot be appended now, the timer tries again. */
static void
append_config(struct receive_worker *s)
{
	struct sp_buf b;

	s->config_due = !config_in_log(s);
	if (!s->config_due)
		return;
	sp_buf_init(&b, CONFIG_MAX);
	if (config_detail(s, &b) == SP_OK &&
	    sp_append_event(s->append, "config", sp_buf_view(&b), NULL, NULL) ==
		SP_OK)
		note_config(s);
	sp_buf_done(&b);
}

static void
on_config_entered(void *ctx, enum sp_code code, uint64_t seq SP_UNUSED)
{
	struct receive_worker *s = ctx;

	s->config_busy = false;
	if (code == SP_OK)
		note_config(s);
}

/* Append the event that was refused at the start (a full disk, a clock that
 * leapt), in turn with the mail: when the log takes that again, it takes
 * this. */
static void
on_config_timer(uv_timer_t *t)
{
	struct receive_worker *s = t->data;
	struct sp_buf b;

	if (!s->config_due || s->config_busy || s->draining)
		return;
	sp_buf_init(&b, CONFIG_MAX);
	if (config_detail(s, &b) == SP_OK) {
		s->config_busy = true;
		sp_receive_event(s->receive, "config", sp_buf_view(&b),
		    on_config_entered, s);
	}
	sp_buf_done(&b);
}

/* ---- start ------------------------------------------------------------- */

/* Also called on the thread that commits: nothing of the loop may be touched
 * here. */
static void
on_append_alarm(void *ctx, const char *cause, const char *text)
{
	on_alarm(ctx, cause, text);
}

/*
 * Open the intake log, taking the role's lock.  False, with an alarm: it cannot
 * be opened now; the next start may do better.  ${held}, also with an alarm:
 * the log must not go on (damage, a restored backup), s->append stays NULL, and
 * every MAIL is to be answered 451.
 */
static bool
open_log(struct receive_worker *s, bool *held)
{
	const struct sp_append_opts opts = { .by = sp_app_by(),
		.accept_clock = s->w->accept_clock,
		.lock_wait_ms = SP_APP_LOCK_WAIT_MS,
		.alarm = on_append_alarm,
		.ctx = s };
	struct sp_intake_found found = { 0 };
	struct sp_err err;
	enum sp_code rc;

	rc = sp_append_open(
	    s->w->app->dir, s->w->app->cfg, &opts, &s->append, &found, &err);
	if (rc == SP_OK && found.cut_bytes > 0)
		sp_log(SP_LOG_WARN, "recovered",
		    "cut_bytes=%" PRIu64 " kept_in=%s next_seq=%" PRIu64,
		    found.cut_bytes, found.cut_path, found.next_seq);
	if (rc == SP_OK) {
		sp_worker_clear(s->w, "log_held");
		return (true);
	}
	*held = rc == SP_EROLLBACK || rc == SP_EFORMAT || rc == SP_EMISMATCH;
	sp_worker_alarm(s->w,
	    *held ? "log_held"
		  : sp_worker_cause(s->w, &err, "worker_restart:receive"),
	    err.msg);
	return (*held);
}

/* Start the server and put it, the channel, the signals and the timers on the
 * loop.  False: it does not run; an alarm says why where the server is the
 * reason. */
static bool
start_loop(struct receive_worker *s)
{
	const struct sp_receive_opts opts = { .loop = &s->loop,
		.cfg = s->w->app->cfg,
		.append = s->append,
		.dir = s->w->app->dir,
		.fds = s->w->listen_fds,
		.door_fd = s->w->door_fd,
		.certs = s->w->certs,
		.log = on_log,
		.alarm = on_alarm,
		.committed = on_committed,
		.ctx = s };
	struct sp_err err;

	if (sp_receive_new(&opts, &s->receive, &err) != SP_OK) {
		sp_worker_alarm(s->w, "worker_restart:receive", err.msg);
		return (false);
	}
	s->channel.data = s;
	s->signals.data = s;
	s->config_timer.data = s;
	s->drain_timer.data = s;
	return (uv_timer_init(&s->loop, &s->drain_timer) == 0 &&
		uv_timer_init(&s->loop, &s->config_timer) == 0 &&
		uv_timer_start(&s->config_timer, on_config_timer,
		    CONFIG_RETRY_MS, CONFIG_RETRY_MS) == 0 &&
		uv_poll_init(&s->loop, &s->channel, s->w->channel) == 0 &&
		uv_poll_start(&s->channel, UV_READABLE, on_channel) == 0 &&
		uv_poll_init(&s->loop, &s->signals, s->w->signals) == 0 &&
		uv_poll_start(&s->signals, UV_READABLE, on_signal) == 0);
}

/* The cause of a failure of the housekeeping. */
static const char *
cause_of_tick(const struct sp_worker *w, const struct sp_err *err)
{
	return (err->code == SP_ECLOCK ? "clock_leap"
				       : sp_worker_cause(w, err, "intake"));
}

/* Before it is ready the events of a changed configuration and of an accepted
 * clock are appended, where the log takes them. */
int
sp_worker_receive(struct sp_worker *w)
{
	static struct receive_worker s;
	struct sp_err err;
	bool held = false;
	int status;

	s.w = w;
	if (!open_log(&s, &held))
		return (1);
	/* A log that is held is looked at again by the next start. */
	status = held ? 1 : 0;
	if (s.append != NULL) {
		append_config(&s);
		if (sp_append_tick(s.append, &err) != SP_OK)
			sp_worker_alarm(w, cause_of_tick(w, &err), err.msg);
	}
	if (uv_loop_init(&s.loop) != 0)
		return (1);
	if (!start_loop(&s)) {
		status = 1;
	} else {
		if (held)
			sp_receive_hold(s.receive, HOLD);
		sp_worker_ready(w);
		while (!s.done && uv_run(&s.loop, UV_RUN_DEFAULT) != 0)
			;
		uv_close((uv_handle_t *)&s.channel, NULL);
		uv_close((uv_handle_t *)&s.signals, NULL);
		uv_close((uv_handle_t *)&s.config_timer, NULL);
		uv_close((uv_handle_t *)&s.drain_timer, NULL);
	}
	sp_receive_free(s.receive);
	(void)uv_run(&s.loop, UV_RUN_NOWAIT);
	sp_append_close(s.append);
	return (status);
}
