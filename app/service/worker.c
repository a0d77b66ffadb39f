/*
 * The worker's end of its channel to the supervisor (worker.h), and what all
 * workers do alike: waiting, replying, raising an alarm.
 */
#include "app/service/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/service/outbox.h"
#include "base/log.h"

const char *const sp_worker_names[SP_WORKERS] = { "receive", "pull", "seal",
	"index" };

/* One message of the channel, cut into ID, verb and arguments in place. */
bool
sp_worker_request(struct sp_worker *w, struct sp_request *rq)
{
	ssize_t n =
	    recv(w->channel, rq->text, sizeof(rq->text) - 1, MSG_DONTWAIT);
	struct sp_view rest, id;
	char *space;

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		w->stop = true; /* the supervisor has ended */
	if (n <= 0)
		return (false);
	rq->text[n] = '\0';
	rest = sp_view_mem(rq->text, (size_t)n);
	id = sp_view_cut(&rest, ' ');
	if (!sp_view_u64(id, &rq->id))
		return (false);
	rq->verb = rq->text + id.n + 1;
	space = strchr(rq->verb, ' ');
	rq->args = space == NULL ? rq->text + n : space + 1;
	if (space != NULL)
		*space = '\0';
	return (true);
}

bool
sp_worker_wait(struct sp_worker *w, int ms, struct sp_request *rq)
{
	struct pollfd p[3] = { { .fd = w->channel, .events = POLLIN },
		{ .fd = w->signals, .events = POLLIN },
		{ .fd = w->wake, .events = POLLIN } };
	struct signalfd_siginfo info;
	uint64_t count;

	if (poll(p, SP_COUNTOF(p), ms) <= 0)
		return (false);
	if (p[1].revents != 0 &&
	    read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		w->stop = true;
	if (p[2].revents != 0 && read(w->wake, &count, sizeof(count)) < 0)
		return (false);
	return (p[0].revents != 0 && sp_worker_request(w, rq));
}

void
sp_worker_reply(
    struct sp_worker *w, uint64_t id, enum sp_code code, const char *text)
{
	struct sp_buf b;

	sp_buf_init(&b, SP_CONTROL_MAX);
	(void)!sp_buf_addf(&b, "%" PRIu64 " ", id);
	sp_control_format(&b, code, text);
	(void)send(w->channel, b.p, b.n, MSG_NOSIGNAL);
	sp_buf_done(&b);
}

void
sp_worker_ready(struct sp_worker *w)
{
	(void)send(w->channel, "0 ready", strlen("0 ready"), MSG_NOSIGNAL);
}

void
sp_worker_alarm(struct sp_worker *w, const char *text)
{
	char quoted[SP_ERR_MAX + 64];
	char *line;
	struct sp_err err;

	sp_log(SP_LOG_ERROR, "alarm", "text=%s",
	    sp_log_quote(sp_view_str(text), quoted, sizeof(quoted)));
	line = sp_xasprintf("0 alarm %s", text);
	(void)send(w->channel, line, strlen(line), MSG_NOSIGNAL);
	free(line);
	if (sp_outbox_alarm(
		w->app->dir, sp_worker_names[w->role], text, &err) != SP_OK)
		sp_worker_log_err(SP_LOG_WARN, "outbox_failed", &err);
}

void
sp_worker_log_err(
    enum sp_log_level level, const char *event, const struct sp_err *err)
{
	char quoted[SP_ERR_MAX + 64];

	sp_log(level, event, "error=%s",
	    sp_log_quote(sp_view_str(err->msg), quoted, sizeof(quoted)));
}

void
sp_worker_wake(int eventfd)
{
	uint64_t one = 1;

	/* A full counter means that it is awake already. */
	if (write(eventfd, &one, sizeof(one)) < 0)
		return;
}
