/*
 * The pull worker: the only one that may connect out.  It fetches from the
 * mailboxes of the configuration, each in a thread of its own (pull_account.c),
 * and tells people of alarms (outbox.c).  It reads no log, no
 * index and no keys; mail goes to the receive worker through the door
 * (app/host/pull_door.c).  It holds state/pull.lock.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "app/service/outbox.h"
#include "app/service/pull_account.h"
#include "app/service/worker.h"
#include "base/clock.h"
#include "base/log.h"

#define LOOK_MS	   2000
#define STATUS_MAX (48u << 10) /* half of what a reply to `status` can hold */

struct pull_worker {
	struct sp_worker *w;
	struct sp_pull_account *of; /* one for each cfg->pull[i] */
	size_t n;
};

/* ---- requests ----------------------------------------------------------- */

/* `pull ACCOUNT`: visit its mailbox; answered at the end of the visit. */
static void
visit_now(struct pull_worker *p, const struct sp_request *rq)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->of[i].run.conf->name, rq->args) == 0) {
			sp_pull_account_visit_now(&p->of[i], rq->id);
			return;
		}
	}
	sp_worker_reply(p->w, rq->id, SP_ENOTFOUND,
	    "the service knows no such account; was the configuration changed without a reload (SIGHUP)?");
}

/* `alarm WAY JSON`: tell people of an alarm.  A refusal begins with what is
 * left to do. */
static void
tell(struct pull_worker *p, const struct sp_request *rq)
{
	struct sp_view alarm = sp_view_str(rq->args);
	char *way = sp_view_dup(sp_view_cut(&alarm, ' ')), *text;
	const char *left = way;
	struct sp_err err;
	enum sp_code rc;

	rc = sp_outbox_tell(p->w->app->cfg, alarm, &left, &err);
	if (rc == SP_OK) {
		sp_worker_reply(p->w, rq->id, SP_OK, "");
	} else {
		sp_worker_log_err(SP_LOG_WARN, "outbox_failed", &err);
		text = sp_xasprintf("%s %s", left, err.msg);
		sp_worker_reply(p->w, rq->id, rc, text);
		free(text);
	}
	free(way);
}

static void
answer(struct pull_worker *p, const struct sp_request *rq)
{
	if (strcmp(rq->verb, "pull") == 0) {
		visit_now(p, rq);
		return;
	}
	if (strcmp(rq->verb, "alarm") == 0)
		tell(p, rq);
	else
		sp_worker_reply(p->w, rq->id, SP_EUSAGE, "no such request");
}

/* Write the status of all accounts; SP_ELIMIT: it does not fit. */
static enum sp_code
write_status(struct pull_worker *p, struct sp_buf *b, bool brief)
{
	struct sp_json j;

	sp_buf_clear(b);
	(void)!sp_buf_adds(b, "0 pull ");
	sp_json_init(&j, b);
	sp_json_arr(&j, NULL);
	for (size_t i = 0; i < p->n; i++)
		sp_pull_account_status(&p->of[i], &j, brief);
	sp_json_arr_end(&j);
	return (sp_json_end(&j));
}

/* Send how the accounts are to the supervisor, which has it for `status`. */
static void
send_status(struct pull_worker *p)
{
	struct sp_buf b;

	if (p->n == 0)
		return;
	sp_buf_init(&b, STATUS_MAX);
	if (write_status(p, &b, false) == SP_OK ||
	    write_status(p, &b, true) == SP_OK)
		(void)send(
		    p->w->channel, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	sp_buf_done(&b);
}

/* ---- accounts ----------------------------------------------------------- */

/* Start a thread for each account; one that cannot be started is an alarm. */
static void
start_accounts(struct pull_worker *p)
{
	const struct sp_config *cfg = p->w->app->cfg;
	struct sp_err err;

	p->n = cfg->npull;
	p->of = sp_xcalloc(p->n + 1, sizeof(*p->of));
	for (size_t i = 0; i < p->n; i++) {
		struct sp_pull_account *a = &p->of[i];

		a->run.app = p->w->app;
		a->run.conf = &cfg->pull[i];
		a->run.secret = &p->w->secrets.of[i];
		if (sp_pull_account_start(a, p->w, &err) == SP_OK)
			continue;
		(void)sp_err_prefix(&err, "account %s", cfg->pull[i].name);
		sp_pull_account_alarm(a, err.msg);
	}
}

/* All are asked to end before any is waited for. */
static void
end_accounts(struct pull_worker *p)
{
	for (size_t i = 0; i < p->n; i++)
		sp_pull_account_stop(&p->of[i]);
	for (size_t i = 0; i < p->n; i++)
		sp_pull_account_end(&p->of[i]);
	/* Not freed: a thread that hangs may still use it. */
}

/* The alarms of the service come as requests. */
int
sp_worker_pull(struct sp_worker *w)
{
	static struct sp_request rq;
	struct pull_worker p = { .w = w };
	struct sp_err err;
	int lock = -1;

	if (sp_pull_run_lock(w->app->dir, &lock, &err) != SP_OK) {
		sp_worker_alarm(w, "worker_restart:pull", err.msg);
		return (1);
	}
	start_accounts(&p);
	while (!w->stop) {
		if (sp_worker_wait(w, LOOK_MS, &rq))
			answer(&p, &rq);
		if (w->stop)
			break;
		sp_worker_alive(w);
		for (size_t i = 0; i < p.n; i++)
			sp_pull_account_watch(&p.of[i]);
		send_status(&p);
	}
	end_accounts(&p);
	return (0);
}
