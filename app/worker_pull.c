/*
 * The pull worker: the only one that may connect out.  It carries out what
 * the others leave in state/outbox; it reads no mail, no index and no keys.
 */
#include <string.h>

#include "app/outbox.h"
#include "app/worker.h"
#include "base/log.h"

#define LOOK_MS	 2000
#define RETRY_MS 30000

/* The supervisor's own alarms; it asks for nothing else. */
static void
answer(struct sp_worker *w, const struct sp_request *rq)
{
	char quoted[SP_ERR_MAX];
	struct sp_err err;

	if (strcmp(rq->verb, "alarm") != 0) {
		sp_worker_reply(w, rq->id, SP_EUSAGE, "no such request");
		return;
	}
	if (sp_outbox_alarm(w->app->dir, "supervisor", rq->args, &err) != SP_OK)
		sp_log(SP_LOG_WARN, "outbox_failed", "error=%s",
		    sp_log_quote(sp_view_str(err.msg), quoted, sizeof(quoted)));
}

int
sp_worker_pull(struct sp_worker *w)
{
	static struct sp_request rq;
	char quoted[SP_ERR_MAX];
	int wait = LOOK_MS;

	while (!w->stop) {
		struct sp_err err;
		size_t failed = 0;

		if (sp_worker_wait(w, wait, &rq)) {
			answer(w, &rq);
			wait = 0;
			continue;
		}
		if (w->stop)
			break;
		wait = LOOK_MS;
		if (sp_outbox_run(w->app->dir, w->app->cfg, &failed, &err) ==
		    SP_OK)
			continue;
		sp_log(SP_LOG_WARN, "outbox", "left=%zu error=%s", failed,
		    sp_log_quote(sp_view_str(err.msg), quoted, sizeof(quoted)));
		wait = RETRY_MS;
	}
	return (0);
}
