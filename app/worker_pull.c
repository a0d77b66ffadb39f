/*
 * The pull worker: the only one that may connect out.  It carries out what
 * the others leave in state/outbox; it reads no mail, no index and no keys.
 */
#include "app/outbox.h"
#include "app/worker.h"
#include "base/log.h"

#define LOOK_MS	     2000
#define RETRY_MAX_MS 300000

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
			sp_worker_reply(
			    w, rq.id, SP_EUSAGE, "the pull worker takes none");
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
		wait = RETRY_MAX_MS / 10;
	}
	return (0);
}
