/*
 * The thread of a pulled account: visit, note how it went, pause, visit again.
 * It runs in the pull worker (worker_pull.c), which starts and stops it, has it
 * visit at once on request, and collects its status.  A visit itself is
 * journal/pull (sp_pull_visit()).
 *
 * Two threads use an account: its own, and the worker's for requests and
 * status; a->lock guards what they share.  Nothing waits for the network with
 * the lock held.
 */
#include "app/service/pull_account.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/time_text.h"

/* Pauses after failures, in seconds (doc/pull.md, "When something fails"). */
#define DELAY_FIRST 30 /* doubles with each failure */
#define DELAY_MAX   900
#define LOCKED_OUT  3600 /* after LOGINS_MAX refused logins */

#define LOGINS_MAX     3 /* refused in a row: more could lock the account */
#define ALARM_FAILURES 4 /* in a row, of other kinds */
#define LONG_WAIT      (3600 * SP_SECOND) /* asked by the server: an alarm */
#define STUCK	       (2 * 3600 * SP_SECOND) /* without a good visit, or */
#define POLLS	       4 /* so many visits of it */
#define END_SECONDS    5 /* that the end of the thread is waited for */

/* Seconds until the next visit, before the jitter, after ${failures} in a row
 * (refused logins where ${t} is SP_PULL_AUTH); at least ${asked}, what the
 * server wants, but for a locked account or a wrong configuration. */
static uint64_t
delay_after(enum sp_pull_trouble t, unsigned failures, uint64_t asked)
{
	uint64_t s = DELAY_FIRST;

	if (t == SP_PULL_AUTH && failures >= LOGINS_MAX)
		return (LOCKED_OUT);
	if (t == SP_PULL_CONFIG)
		return (DELAY_MAX);
	for (unsigned i = 1; i < failures && s < DELAY_MAX; i++)
		s *= 2;
	s = s < DELAY_MAX ? s : DELAY_MAX;
	return (s > asked ? s : asked);
}

/* ${seconds} in microseconds, a tenth more or less by chance, so that many
 * accounts do not come at once. */
static int64_t
jitter(uint64_t seconds)
{
	uint64_t us = seconds * (uint64_t)SP_SECOND, r;

	sp_random(&r, sizeof(r));
	return ((int64_t)(us - us / 10 + r % (us / 5 + 1)));
}

static const char *
quote(const char *text, char *out)
{
	return (sp_log_quote(sp_view_str(text), out, SP_ERR_MAX));
}

static void
on_note(void *ctx, const char *text)
{
	const struct sp_pull_account *a = ctx;
	char q[SP_ERR_MAX];

	sp_log(SP_LOG_WARN, "pull_note", "account=%s text=%s",
	    a->run.conf->name, quote(text, q));
}

/* The worker sends the status of all accounts to the supervisor. */
static void
wake_worker(struct sp_pull_account *a)
{
	sp_worker_wake(a->w->wake);
}

/* ---- alarms ------------------------------------------------------------- */

/* Report the cause "${what}:ACCOUNT", or, where ${text} is NULL, its end. */
static void
report(struct sp_pull_account *a, const char *what, const char *text)
{
	char *cause = sp_xasprintf("%s:%s", what, a->run.conf->name);

	if (text != NULL)
		sp_worker_alarm(a->w, cause, text);
	else
		sp_worker_clear(a->w, cause);
	free(cause);
}

void
sp_pull_account_alarm(struct sp_pull_account *a, const char *text)
{
	report(a, "pull_stuck", text);
}

/* Raise or end the alarms of messages that are not captured.  A server may
 * announce a message before it can give it: what is doubtful is an alarm only if
 * something was at the end of the visit before, too.  ${before}: how many were.
 * What is lost is lost. */
static void
report_uncaptured(
    struct sp_pull_account *a, const struct sp_pull_result *r, uint64_t before)
{
	char *text;

	if (r->lost > 0) {
		text = sp_xasprintf(
		    "account %s: %" PRIu64
		    " messages are lost uncaptured, since the server does not announce them any more: %s",
		    a->run.conf->name, r->lost, r->losses);
		report(a, "pull_lost", text);
		free(text);
	}
	if (r->doubtful == 0) {
		report(a, "pull_doubtful", NULL);
	} else if (before > 0) {
		text = sp_xasprintf("account %s: %" PRIu64
				    " messages are not captured: %s",
		    a->run.conf->name, r->doubtful, r->doubts);
		report(a, "pull_doubtful", text);
		free(text);
	}
}

/* An account that is visited on request only is not watched. */
void
sp_pull_account_watch(struct sp_pull_account *a)
{
	const int64_t poll = (int64_t)a->run.conf->poll * SP_SECOND;
	const int64_t limit = POLLS * poll > STUCK ? POLLS * poll : STUCK;
	int64_t quiet;
	char *text;

	if (!a->started || !a->run.conf->active)
		return;
	(void)pthread_mutex_lock(&a->lock);
	quiet = sp_clock_boot() - a->good_at;
	text =
	    quiet < limit
		? NULL
		: sp_xasprintf(
		      "account %s: no good visit for %" PRId64
		      " minutes%s%s; see `sealpost status`, and try `sealpost pull --check %s`",
		      a->run.conf->name, quiet / (60 * SP_SECOND),
		      a->error[0] == '\0' ? "" : ": ", a->error,
		      a->run.conf->name);
	(void)pthread_mutex_unlock(&a->lock);
	if (text != NULL && quiet / SP_SECOND % 60 < 3)
		sp_pull_account_alarm(a, text);
	free(text);
}

/* ---- after a visit ------------------------------------------------------ */

/* Answer the requests that wait for this visit; the lock is held. */
static void
answer_waiting(
    struct sp_pull_account *a, enum sp_code rc, const struct sp_pull_result *r)
{
	char *text =
	    rc == SP_OK
		? sp_xasprintf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
			       " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\t%s",
		      r->taken, r->known, r->deleted, r->skipped, r->in_mailbox,
		      r->doubtful, r->lost, r->doubts, r->losses)
		: sp_xasprintf("%s", a->error);

	for (size_t i = 0; i < a->nwaiting; i++)
		sp_worker_reply(a->w, a->waiting[i], rc, text);
	a->nwaiting = 0;
	free(text);
}

/* The visit that took ${us} microseconds went well: log it, and forget the
 * failures before it; the lock is held. */
static void
note_success(
    struct sp_pull_account *a, const struct sp_pull_result *r, int64_t us)
{
	sp_log(r->taken + r->deleted + r->skipped + r->doubtful + r->lost > 0
		   ? SP_LOG_INFO
		   : SP_LOG_DEBUG,
	    "pulled",
	    "account=%s taken=%" PRIu64 " bytes=%" PRIu64 " known=%" PRIu64
	    " deleted=%" PRIu64 " skipped=%" PRIu64 " doubtful=%" PRIu64
	    " lost=%" PRIu64 " ms=%" PRId64,
	    a->run.conf->name, r->taken, r->bytes, r->known, r->deleted,
	    r->skipped, r->doubtful, r->lost, us / 1000);
	if (a->alarmed)
		sp_log(SP_LOG_INFO, "pull_recovered", "account=%s failures=%u",
		    a->run.conf->name, a->failures);
	a->alarmed = false;
	a->good_at = sp_clock_boot();
	report(a, "pull_stuck", NULL);
	a->failures = a->logins = 0;
	a->error[0] = '\0';
	a->last_ok = sp_clock_wall();
	a->in_mailbox = r->in_mailbox;
}

/* Log a visit that failed, and raise the alarm once in a row of failures,
 * sooner for what does not pass by itself.  ${wait}: microseconds until the
 * next; the lock is held. */
static void
report_failure(struct sp_pull_account *a, enum sp_pull_trouble t,
    const struct sp_err *err, int64_t wait)
{
	char q[SP_ERR_MAX], *text;
	const unsigned when = t == SP_PULL_CONFIG ? 1
			      : t == SP_PULL_AUTH ? LOGINS_MAX
						  : ALARM_FAILURES;

	sp_log(SP_LOG_WARN, "pull_failed",
	    "account=%s reason=%s failures=%u next_s=%" PRId64 " error=%s",
	    a->run.conf->name, sp_pull_run_trouble(t), a->failures,
	    wait / SP_SECOND, quote(err->msg, q));
	/* One that has failed for longer is counted each time. */
	if (a->failures < when && wait < LONG_WAIT && !a->alarmed)
		return;
	a->alarmed = true;
	text = sp_xasprintf("account %s: %s", a->run.conf->name, err->msg);
	sp_pull_account_alarm(a, text);
	free(text);
}

/* Add the visit to what `status` shows; the lock is held. */
static void
count(struct sp_pull_account *a, const struct sp_pull_result *r)
{
	a->busy = false;
	a->visits++;
	a->taken += r->taken;
	a->bytes += r->bytes;
	a->deleted += r->deleted;
	report_uncaptured(a, r, a->doubtful);
	a->doubtful = r->doubtful;
	a->lost += r->lost;
	if (r->lost > 0)
		(void)snprintf(a->losses, sizeof(a->losses), "%s", r->losses);
	(void)snprintf(a->doubts, sizeof(a->doubts), "%s", r->doubts);
}

/* The session goes on and waits for mail (IDLE): so far it counts as a good
 * visit. */
static void
on_rested(void *ctx, const struct sp_pull_result *r)
{
	struct sp_pull_account *a = ctx;
	int64_t now = sp_clock_boot();

	(void)pthread_mutex_lock(&a->lock);
	count(a, r);
	note_success(a, r, now - a->since);
	a->since = now;
	/* A request that came after the session had looked for mail is answered
	 * by the next look. */
	if (!atomic_load(&a->run.wakeup.poke))
		answer_waiting(a, SP_OK, r);
	(void)pthread_mutex_unlock(&a->lock);
	wake_worker(a);
}

/* A visit is over: count, log and answer.  Returns how long to pause (us). */
static int64_t
note_end(struct sp_pull_account *a, enum sp_code rc,
    const struct sp_pull_result *r, const struct sp_err *err, int64_t us)
{
	int64_t wait = jitter(a->run.conf->poll);

	(void)pthread_mutex_lock(&a->lock);
	count(a, r);
	if (rc == SP_OK) {
		note_success(a, r, us);
	} else if (rc != SP_EINTERRUPT) {
		a->failures++;
		a->logins = r->trouble == SP_PULL_AUTH ? a->logins + 1 : 0;
		a->trouble = r->trouble;
		(void)snprintf(a->error, sizeof(a->error), "%s", err->msg);
		wait = jitter(delay_after(r->trouble,
		    r->trouble == SP_PULL_AUTH ? a->logins : a->failures,
		    r->wait));
		/* Jitter must not make it shorter than the server wants. */
		if (wait < (int64_t)r->wait * SP_SECOND)
			wait = (int64_t)r->wait * SP_SECOND;
		report_failure(a, r->trouble, err, wait);
	}
	answer_waiting(a, rc, r);
	(void)pthread_mutex_unlock(&a->lock);
	wake_worker(a);
	return (wait);
}

/* Pause for ${us} microseconds, or until it is woken: by a request, or for
 * the end. */
static void
pause_for(struct sp_pull_account *a, int64_t us)
{
	const int64_t end = sp_clock_boot() + us;
	struct sp_stream_wakeup *b = &a->run.wakeup;

	while (!atomic_load(&b->stop) && !atomic_exchange(&b->poke, false)) {
		struct pollfd p = { .fd = b->fd, .events = POLLIN };
		int64_t left = end - sp_clock_boot();
		eventfd_t count;

		if (left <= 0)
			return;
		(void)poll(&p, 1, (int)(left / 1000 + 1));
		if (p.revents != 0 && !atomic_load(&b->stop))
			(void)eventfd_read(b->fd, &count);
	}
}

/* The thread.  An account that is not active pauses until somebody asks for a
 * visit. */
static void *
visit_forever(void *ctx)
{
	struct sp_pull_account *a = ctx;

	/* About a second, so that a service that is stopped at once connects to
	 * nobody. */
	pause_for(a, a->run.conf->active ? jitter(1) : INT32_MAX * SP_SECOND);
	while (!atomic_load(&a->run.wakeup.stop)) {
		struct sp_pull_result r = { .taken = 0 };
		struct sp_err err = { .msg = "" };
		int64_t t0 = sp_clock_boot(), wait;
		enum sp_code rc;

		(void)pthread_mutex_lock(&a->lock);
		a->busy = true;
		a->last_try = sp_clock_wall();
		a->since = t0;
		(void)pthread_mutex_unlock(&a->lock);
		rc = sp_pull_visit(a->run.pull, SP_PULL_FETCH, &r, &err);
		wait = note_end(a, rc, &r, &err, sp_clock_boot() - a->since);
		if (!a->run.conf->active)
			wait = INT32_MAX * SP_SECOND;
		pause_for(a, wait);
	}
	return (NULL);
}

/* ---- for the worker ----------------------------------------------------- */

enum sp_code
sp_pull_account_start(
    struct sp_pull_account *a, struct sp_worker *w, struct sp_err *err)
{
	struct sp_pull_opts opts = {
		.note = on_note, .idling = on_rested, .ctx = a
	};
	enum sp_code rc;

	a->w = w;
	a->good_at = sp_clock_boot();
	a->run.way = SP_PULL_BY_DOOR;
	(void)pthread_mutex_init(&a->lock, NULL);
	rc = sp_pull_run_open(&a->run, &opts, err);
	if (rc != SP_OK) {
		(void)snprintf(a->error, sizeof(a->error), "%s", err->msg);
		a->failures = 1;
		a->trouble = SP_PULL_CONFIG;
		return (rc);
	}
	a->started = pthread_create(&a->thread, NULL, visit_forever, a) == 0;
	return (a->started ? SP_OK : sp_err_set(err, SP_EIO, 0, "no thread"));
}

void
sp_pull_account_visit_now(struct sp_pull_account *a, uint64_t id)
{
	bool full;

	if (!a->started) {
		if (id != 0)
			sp_worker_reply(a->w, id, SP_ECONFIG, a->error);
		return;
	}
	(void)pthread_mutex_lock(&a->lock);
	full = a->nwaiting == SP_PULL_ACCOUNT_WAITING;
	if (!full && id != 0)
		a->waiting[a->nwaiting++] = id;
	(void)pthread_mutex_unlock(&a->lock);
	if (full && id != 0)
		sp_worker_reply(
		    a->w, id, SP_EAGAIN, "too many wait for this account");
	atomic_store(&a->run.wakeup.poke, true);
	sp_stream_wake(&a->run.wakeup);
}

void
sp_pull_account_stop(struct sp_pull_account *a)
{
	if (!a->started)
		return;
	atomic_store(&a->run.wakeup.stop, true);
	sp_stream_wake(&a->run.wakeup);
}

void
sp_pull_account_end(struct sp_pull_account *a)
{
	/* A thread that asks a name server cannot be woken; it is not waited
	 * for longer.  The process ends, and the log has what came in. */
	for (int i = 0; a->started && i < END_SECONDS * 100; i++) {
		const struct timespec tick = { 0, 10000000 };

		if (pthread_tryjoin_np(a->thread, NULL) == 0) {
			a->started = false;
			sp_pull_run_close(&a->run);
			return;
		}
		(void)nanosleep(&tick, NULL);
	}
}

/* A time, or null for never. */
static void
write_time(struct sp_json *j, const char *key, int64_t us)
{
	char text[SP_TIME_LEN + 1];

	if (us == 0) {
		sp_json_null(j, key);
		return;
	}
	sp_time_format(us, text);
	sp_json_cstr(j, key, text);
}

/* The text of the error is cut to 300 bytes: the status of all accounts has to
 * fit one message. */
void
sp_pull_account_status(struct sp_pull_account *a, struct sp_json *j, bool brief)
{
	(void)pthread_mutex_lock(&a->lock);
	sp_json_obj(j, NULL);
	sp_json_cstr(j, "account", a->run.conf->name);
	sp_json_bool(j, "active", a->run.conf->active);
	sp_json_bool(j, "busy", a->busy);
	write_time(j, "last_try", a->last_try);
	write_time(j, "last_ok", a->last_ok);
	sp_json_u64(j, "visits", a->visits);
	sp_json_u64(j, "taken", a->taken);
	sp_json_u64(j, "bytes", a->bytes);
	sp_json_u64(j, "deleted", a->deleted);
	sp_json_u64(j, "there", a->in_mailbox);
	sp_json_u64(j, "doubtful", a->doubtful);
	if (a->doubtful > 0 && !brief)
		sp_json_cstr(j, "doubts", a->doubts);
	sp_json_u64(j, "lost", a->lost);
	if (a->lost > 0 && !brief)
		sp_json_cstr(j, "losses", a->losses);
	sp_json_u64(j, "failures", a->failures);
	if (a->failures > 0)
		sp_json_cstr(j, "reason", sp_pull_run_trouble(a->trouble));
	if (a->failures > 0 && !brief)
		sp_json_str(j, "error",
		    sp_view_mem(a->error,
			strlen(a->error) > 300 ? 300 : strlen(a->error)));
	sp_json_obj_end(j);
	(void)pthread_mutex_unlock(&a->lock);
}
