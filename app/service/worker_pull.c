/*
 * The pull worker: the only one that may connect out.  It fetches from the
 * mailboxes of the configuration, each in a thread of its own, and carries out
 * what the others leave in state/outbox; it reads no log, no index, no keys.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "app/service/outbox.h"
#include "app/service/pull_account.h"
#include "app/service/worker.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/layout.h"

#define LOOK_MS	     2000
#define RETRY	     (30 * SP_SECOND)
#define STATUS_MAX   (48u << 10)
#define LOCK_WAIT_MS 10000

struct puller {
	struct sp_worker *w;
	struct sp_pull_account *of; /* of cfg->pull[i] */
	size_t n;
};

/* ---- requests ----------------------------------------------------------- */

static void
pull_now(struct puller *p, const struct sp_request *rq)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->of[i].run.conf->name, rq->args) == 0) {
			sp_pull_account_poke(&p->of[i], rq->id);
			return;
		}
	}
	sp_worker_reply(p->w, rq->id, SP_ENOTFOUND,
	    "the service knows no such account; was the configuration changed without a reload (SIGHUP)?");
}

static void
answer(struct puller *p, const struct sp_request *rq)
{
	char quoted[SP_ERR_MAX];
	struct sp_err err;

	if (strcmp(rq->verb, "pull") == 0) {
		pull_now(p, rq);
		return;
	}
	/* The supervisor's own alarms; it asks for nothing else. */
	if (strcmp(rq->verb, "alarm") != 0) {
		sp_worker_reply(p->w, rq->id, SP_EUSAGE, "no such request");
		return;
	}
	if (sp_outbox_alarm(p->w->app->dir, "supervisor", rq->args, &err) !=
	    SP_OK)
		sp_log(SP_LOG_WARN, "outbox_failed", "error=%s",
		    sp_log_quote(sp_view_str(err.msg), quoted, sizeof(quoted)));
}

/* How the accounts are, to the supervisor, who tells `status`. */
static void
tell(struct puller *p)
{
	struct sp_json j;
	struct sp_buf b;

	if (p->n == 0)
		return;
	sp_buf_init(&b, STATUS_MAX);
	(void)!sp_buf_adds(&b, "0 pull ");
	sp_json_init(&j, &b);
	sp_json_arr(&j, NULL);
	for (size_t i = 0; i < p->n; i++)
		sp_pull_account_status(&p->of[i], &j);
	sp_json_arr_end(&j);
	if (sp_json_end(&j) == SP_OK)
		(void)send(
		    p->w->channel, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	sp_buf_done(&b);
}

/* ---- accounts ----------------------------------------------------------- */

static void
start(struct puller *p)
{
	const struct sp_config *cfg = p->w->app->cfg;
	struct sp_err err;

	p->n = cfg->npull;
	p->of = sp_xcalloc(p->n + 1, sizeof(*p->of));
	for (size_t i = 0; i < p->n; i++) {
		struct sp_pull_account *a = &p->of[i];
		char *text;

		a->run.app = p->w->app;
		a->run.conf = &cfg->pull[i];
		a->run.secret = &p->w->secrets.of[i];
		if (sp_pull_account_start(a, p->w, &err) == SP_OK)
			continue;
		text =
		    sp_xasprintf("account %s: %s", cfg->pull[i].name, err.msg);
		sp_worker_alarm(p->w, text);
		free(text);
	}
}

static void
end(struct puller *p)
{
	for (size_t i = 0; i < p->n; i++)
		sp_pull_account_stop(&p->of[i]);
	for (size_t i = 0; i < p->n; i++)
		sp_pull_account_end(&p->of[i]);
	/* Not freed: a thread that could not be woken may still look. */
}

/* The outbox; when to look again (boot clock). */
static int64_t
outbox(struct sp_worker *w)
{
	char quoted[SP_ERR_MAX];
	size_t failed = 0;
	struct sp_err err;

	if (sp_outbox_run(w->app->dir, w->app->cfg, &failed, &err) == SP_OK)
		return (0);
	sp_log(SP_LOG_WARN, "outbox", "left=%zu error=%s", failed,
	    sp_log_quote(sp_view_str(err.msg), quoted, sizeof(quoted)));
	return (sp_clock_boot() + RETRY);
}

/* One puller at a time: `sealpost pull` without the service holds it too. */
static bool
take_role(struct sp_worker *w, int *fd)
{
	char *path = sp_layout_path(w->app->dir, "state/pull.lock");
	struct sp_err err;
	enum sp_code rc = sp_io_lock(path, LOCK_WAIT_MS, fd, &err);

	free(path);
	if (rc != SP_OK)
		sp_worker_alarm(w, err.msg);
	return (rc == SP_OK);
}

int
sp_worker_pull(struct sp_worker *w)
{
	static struct sp_request rq;
	struct puller p = { .w = w };
	int64_t due = 0;
	int lock = -1;

	if (!take_role(w, &lock))
		return (1);
	start(&p);
	while (!w->stop) {
		if (sp_worker_wait(w, LOOK_MS, &rq)) {
			answer(&p, &rq);
			due = 0;
		}
		if (w->stop)
			break;
		tell(&p);
		if (sp_clock_boot() >= due)
			due = outbox(w);
	}
	end(&p);
	return (0);
}
