/*
 * Worker processes, seen from the supervisor: forking one with no more than it
 * needs, and the messages over its channel.  A worker closes what is not its
 * own, becomes the archive's account, gives up gaining rights, and runs its
 * sp_worker_NAME(), which does not return to the supervisor's code.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "app/common/account.h"
#include "app/service/child_priv.h"
#include "app/service/clients_priv.h"
#include "app/service/supervisor_alarms_priv.h"
#include "base/clock.h"
#include "base/log.h"

#define DELAY_MIN (SP_SECOND / 10)
#define DELAY_MAX (30 * SP_SECOND)

/* What each role runs. */
static int (*const worker_main[SP_WORKERS])(struct sp_worker *) = {
	sp_worker_receive, sp_worker_pull, sp_worker_seal, sp_worker_index
};

/* Where the service was started as root, become the archive's account for good.
 * False, and logged, if that fails. */
static bool
drop_rights(const struct sp_app *app)
{
	char quoted[SP_ERR_MAX];
	struct sp_account acct;
	struct sp_err err;

	if (sp_account_find(app->dir, app->cfg, &acct, &err) != SP_OK) {
		sp_log(SP_LOG_ERROR, "worker_failed", "reason=%s",
		    sp_log_quote(sp_view_str(err.msg), quoted, sizeof(quoted)));
		return (false);
	}
	if (sp_account_become(&acct))
		return (true);
	sp_log(SP_LOG_ERROR, "worker_failed",
	    "reason=\"cannot become account %s\"", acct.name);
	return (false);
}

/* The worker's signals: SIGTERM comes by the descriptor returned (-1: failed);
 * SIGINT and SIGHUP, which a terminal sends to the whole group, are for the
 * supervisor alone. */
static int
open_signals(void)
{
	sigset_t all, term;

	(void)sigemptyset(&all);
	(void)sigaddset(&all, SIGTERM);
	(void)sigaddset(&all, SIGINT);
	(void)sigaddset(&all, SIGHUP);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	return (signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK));
}

/* Close what the worker of ${role} is not to have: the channels of the others,
 * the connections of commands, the service's lock; and, but for receive, the
 * sockets that mail comes in by and the certificates with their keys. */
static void
close_others(struct sp_supervisor *s, enum sp_worker_role role, int channel)
{
	for (size_t i = 0; i < SP_WORKERS; i++) {
		if (s->child[i].channel >= 0 && s->child[i].channel != channel)
			(void)close(s->child[i].channel);
	}
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++) {
		if (s->client[i].fd >= 0)
			(void)close(s->client[i].fd);
	}
	(void)close(s->control_fd);
	(void)close(s->signals);
	(void)close(s->lock_fd);
	if (role == SP_WORKER_RECEIVE)
		return;
	(void)close(s->door_fd);
	sp_listener_certs_close(s->certs);
	s->certs = NULL;
	for (size_t i = 0; i < s->app->cfg->nlisten; i++)
		(void)close(s->listen_fds[i]);
}

/*
 * The child's life behind fork(): drop what is not its own, become the account,
 * run the role.  Returns the exit status.  ${parent} is the supervisor's pid:
 * the kernel kills the worker with it, which is set twice since setuid() clears
 * it, and checked each time since the supervisor may have ended before.
 */
static int
run_worker(struct sp_supervisor *s, enum sp_worker_role role, int channel,
    pid_t parent)
{
	struct sp_worker w = { .role = role,
		.app = s->app,
		.channel = channel,
		.wake = s->child[role].wake,
		.wake_index = s->child[SP_WORKER_INDEX].wake,
		.listen_fds = s->listen_fds,
		.door_fd = s->door_fd,
		.accept_clock = s->accept_clock };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return (1);
	(void)umask(0027);
	sp_log_set_worker(sp_worker_names[role]);
	(void)prctl(PR_SET_NAME, sp_worker_names[role]);
	close_others(s, role, channel);
	w.certs = s->certs;
	w.signals = open_signals();
	/* The files of passwords may be root's: they are read before the rights
	 * are dropped, by the only worker that needs them. */
	if (role == SP_WORKER_PULL) {
		sp_pull_secrets_guard_process();
		sp_pull_secrets_load(&w.secrets, s->app->cfg);
	}
	if (w.signals < 0 || !drop_rights(s->app) ||
	    !sp_account_drop_capabilities())
		return (1);
	if (role == SP_WORKER_PULL)
		sp_pull_secrets_guard_process(); /* setuid() clears it too */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return (1);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (worker_main[role](&w));
}

/* A worker that could not even be started: by ${call}, which failed. */
static void
report_start_failure(
    struct sp_supervisor *s, enum sp_worker_role role, const char *call)
{
	char cause[64], text[160];

	sp_log(SP_LOG_ERROR, "worker_failed", "worker=%s reason=%s",
	    sp_worker_names[role], call);
	(void)snprintf(
	    cause, sizeof(cause), "worker_restart:%s", sp_worker_names[role]);
	(void)snprintf(text, sizeof(text),
	    "the %s worker cannot be started (%s: %s); it is tried again",
	    sp_worker_names[role], call, strerrordesc_np(errno));
	sp_supervisor_alarms_begin(s, cause, text);
}

/* The delay is set and doubled before the fork, so that it also holds where the
 * fork fails.  The channel's buffers take two messages of the largest size, so
 * that a request is not refused for its length. */
void
sp_child_start(struct sp_supervisor *s, enum sp_worker_role role)
{
	struct sp_child *c = &s->child[role];
	pid_t parent = getpid();
	int ends[2], size = 2 * (int)SP_CONTROL_MAX;

	c->started = sp_clock_boot();
	c->alarmed = 0;
	/* stuck stays: the first word of the new one ends that alarm. */
	c->alive = c->started;
	if (c->delay < DELAY_MIN)
		c->delay = DELAY_MIN;
	c->next_start = c->started + c->delay;
	c->delay = c->delay * 2 > DELAY_MAX ? DELAY_MAX : c->delay * 2;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		report_start_failure(s, role, "socketpair");
		return;
	}
	for (size_t i = 0; i < 2; i++)
		(void)setsockopt(
		    ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	c->pid = fork();
	if (c->pid == 0) {
		(void)close(ends[0]);
		_exit(run_worker(s, role, ends[1], parent));
	}
	(void)close(ends[1]);
	if (c->pid < 0) {
		report_start_failure(s, role, "fork");
		c->pid = 0;
		(void)close(ends[0]);
		return;
	}
	c->channel = ends[0];
	c->reload = false;
	sp_log(SP_LOG_INFO, "worker_start", "name=%s pid=%d",
	    sp_worker_names[role], (int)c->pid);
}

bool
sp_child_send(struct sp_supervisor *s, enum sp_worker_role role, uint64_t id,
    const char *text)
{
	struct sp_child *c = &s->child[role];
	char *line;
	bool sent;

	if (c->channel < 0)
		return (false);
	line = sp_xasprintf("%" PRIu64 " %s", id, text);
	sent = send(c->channel, line, strlen(line),
		   MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
	free(line);
	return (sent);
}

/* "alarm CAUSE N TEXT", or "clear CAUSE TEXT" where ${ends}. */
static void
on_alarm(struct sp_supervisor *s, enum sp_worker_role role, bool ends,
    struct sp_view text)
{
	struct sp_view cause = sp_view_cut(&text, ' ');
	uint64_t n;

	if (ends) {
		sp_alarms_clear(s->alarms, cause, text, sp_clock_boot());
		return;
	}
	if (!sp_view_u64(sp_view_cut(&text, ' '), &n))
		n = 1;
	s->child[role].alarmed = sp_clock_boot();
	sp_supervisor_alarms_raise(s, sp_worker_names[role], cause, n, text);
}

/* What a worker says of itself: "ready", "pull JSON", "alive",
 * "alarm CAUSE N TEXT",
 * "clear CAUSE TEXT". */
static void
on_notice(
    struct sp_supervisor *s, enum sp_worker_role role, struct sp_view text)
{
	struct sp_view word = sp_view_cut(&text, ' ');

	if (sp_view_eq_str(word, "ready")) {
		/* --accept-clock is for the clock of the start, not for a leap
		 * that a later start finds. */
		s->accept_clock = false;
		if (s->ready)
			return;
		s->ready = true;
		sp_log(SP_LOG_INFO, "ready", "listeners=%zu",
		    s->app->cfg->nlisten);
		(void)sd_notify(0, "READY=1");
	} else if (sp_view_eq_str(word, "pull")) {
		free(s->pull_status);
		s->pull_status = sp_view_dup(text);
	} else if (sp_view_eq_str(word, "alive")) {
		sp_supervisor_alarms_alive(s, role);
	} else if (sp_view_eq_str(word, "alarm") ||
		   sp_view_eq_str(word, "clear")) {
		on_alarm(s, role, word.p[0] == 'c', text);
	}
}

/* One message at a time into one static buffer: the supervisor is
 * single-threaded. */
void
sp_child_receive(struct sp_supervisor *s, enum sp_worker_role role)
{
	static char text[SP_CONTROL_MAX];
	struct sp_child *c = &s->child[role];

	while (c->channel >= 0) {
		ssize_t n = recv(c->channel, text, sizeof(text), MSG_DONTWAIT);
		struct sp_view rest;
		uint64_t id;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			(void)close(c->channel);
			c->channel = -1;
			return;
		}
		rest = sp_view_mem(text, (size_t)n);
		if (!sp_view_u64(sp_view_cut(&rest, ' '), &id))
			continue;
		if (id == 0)
			on_notice(s, role, rest);
		else if (!sp_supervisor_alarms_answer(s, id, rest))
			sp_clients_answer(s, id, rest);
	}
}
