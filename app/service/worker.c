/*
 * The worker's end of its channel to the supervisor (worker.h), and what all
 * workers do alike: waiting, replying, raising an alarm.
 */
#include "app/service/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/service/alarms.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "journal/receive/receive.h"

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

/* ---- alarms -------------------------------------------------------------- */

#define CAUSES_MAX  64 /* remembered here; others are sent each time */
#define SEND_AGAIN  (SP_SECOND / 5) /* between two reports of a cause */
#define CLEAR_AGAIN (60 * SP_SECOND) /* the supervisor may have missed it */

/* What the supervisor was told of a cause last, so that neither a failure that
 * comes again and again nor a success does fill the channel. */
struct told_cause {
	char cause[SP_ALARMS_CAUSE_MAX];
	bool raised; /* else cleared */
	int64_t at; /* boot clock, us */
	uint64_t unsent; /* reports since then */
};

/* One worker a process; its threads share them. */
static struct {
	pthread_mutex_t lock;
	struct told_cause of[CAUSES_MAX];
	size_t n;
} told = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* What was told of ${cause}; NULL where there are too many.  The lock is
 * held. */
static struct told_cause *
find_told(const char *cause)
{
	struct told_cause *t;

	for (size_t i = 0; i < told.n; i++) {
		if (strcmp(told.of[i].cause, cause) == 0)
			return (&told.of[i]);
	}
	if (told.n == CAUSES_MAX || strlen(cause) >= sizeof(t->cause))
		return (NULL);
	t = &told.of[told.n++];
	(void)snprintf(t->cause, sizeof(t->cause), "%s", cause);
	return (t);
}

/* How many reports of ${cause} the next message stands for; 0: none is to be
 * sent now. */
static uint64_t
count_report(const char *cause, bool raised)
{
	const int64_t now = sp_clock_boot();
	struct told_cause *t;
	uint64_t n = 1;

	(void)pthread_mutex_lock(&told.lock);
	t = find_told(cause);
	if (t != NULL && t->at != 0 && t->raised == raised &&
	    now - t->at < (raised ? SEND_AGAIN : CLEAR_AGAIN)) {
		t->unsent++;
		n = 0;
	} else if (t != NULL) {
		n = raised && t->raised ? t->unsent + 1 : 1;
		t->unsent = 0;
		t->raised = raised;
		t->at = now > 0 ? now : 1;
	}
	(void)pthread_mutex_unlock(&told.lock);
	return (n);
}

/* A cause is one word: bytes that would end it are replaced, as the register
 * does. */
static void
write_cause(const char *cause, char out[SP_ALARMS_CAUSE_MAX])
{
	(void)snprintf(out, SP_ALARMS_CAUSE_MAX, "%s", cause);
	for (char *p = out; *p != '\0'; p++) {
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
			*p = '_';
	}
}

void
sp_worker_alarm(struct sp_worker *w, const char *cause, const char *text)
{
	char word[SP_ALARMS_CAUSE_MAX], *line;
	uint64_t n;

	write_cause(cause, word);
	n = count_report(word, true);
	if (n == 0)
		return;
	line = sp_xasprintf("0 alarm %s %" PRIu64 " %.*s", word, n,
	    (int)(SP_CONTROL_MAX / 2), text);
	(void)send(w->channel, line, strlen(line), MSG_NOSIGNAL);
	free(line);
}

void
sp_worker_clear(struct sp_worker *w, const char *cause)
{
	sp_worker_clear_with(w, cause, "");
}

void
sp_worker_clear_with(struct sp_worker *w, const char *cause, const char *text)
{
	char word[SP_ALARMS_CAUSE_MAX], *line;

	write_cause(cause, word);
	if (count_report(word, false) == 0)
		return;
	line = sp_xasprintf(
	    "0 clear %s %.*s", word, (int)(SP_CONTROL_MAX / 2), text);
	(void)send(w->channel, line, strlen(line), MSG_NOSIGNAL);
	free(line);
}

const char *
sp_worker_cause(
    const struct sp_worker *w, const struct sp_err *err, const char *own)
{
	uint64_t bytes, inodes;

	if (err->code != SP_ENOSPC ||
	    sp_io_space(w->app->dir, &bytes, &inodes, NULL) != SP_OK)
		return (own);
	if (inodes < SP_RECEIVE_INODES_MIN)
		return ("inodes");
	return (bytes < w->app->cfg->disk_reserve ? "disk_reserve" : own);
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
