#include "app/service/supervisor_priv.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "app/service/reload.h"
#include "base/clock.h"
#include "base/log.h"

#define LIFE  (60 * SP_SECOND)
#define DRAIN (60 * SP_SECOND)

/* A worker that crashed is started again, but somebody should look: it may
 * be a message made for that. */
static void
crashed(struct sp_super *s, enum sp_role role, int signal)
{
	char *text = sp_xasprintf(
	    "alarm the %s worker was ended by signal %d and is started again",
	    sp_role_names[role], signal);
	const char *plain = text + strlen("alarm ");

	sp_log(SP_LOG_ERROR, "alarm", "text=\"%s\"", plain);
	/* pull carries it out, as the archive's account. */
	if (!sp_child_send(s, SP_ROLE_PULL, 0, text))
		sp_log(SP_LOG_WARN, "outbox_failed",
		    "error=\"the pull worker is down\"");
	sp_child_alarm(s, sp_view_str(plain));
	free(text);
}

static void
on_exit_of(struct sp_super *s, pid_t pid, int status)
{
	for (enum sp_role r = 0; r < SP_ROLES; r++) {
		struct sp_child *c = &s->child[r];
		bool planned = s->ending || c->reload;

		if (c->pid != pid)
			continue;
		sp_child_receive(s, r);
		c->pid = 0;
		if (c->channel >= 0)
			(void)close(c->channel);
		c->channel = -1;
		sp_log(planned ? SP_LOG_INFO : SP_LOG_ERROR, "worker_exit",
		    "name=%s pid=%d %s=%d", sp_role_names[r], (int)pid,
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status)
					: WEXITSTATUS(status));
		sp_clients_fail(s, r);
		if (!planned)
			c->restarts++;
		if (!planned && WIFSIGNALED(status))
			crashed(s, r, WTERMSIG(status));
		if (sp_clock_boot() - c->started > LIFE || c->reload) {
			c->delay = 0;
			c->next_start = 0;
		}
		return;
	}
}

static void
reap(struct sp_super *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		on_exit_of(s, pid, status);
}

static void
signal_children(struct sp_super *s, int sig, unsigned roles)
{
	for (enum sp_role r = 0; r < SP_ROLES; r++) {
		if ((roles & 1u << r) != 0 && s->child[r].pid > 0)
			(void)kill(s->child[r].pid, sig);
	}
}

#define INTAKE_ROLES (1u << SP_ROLE_RECEIVE | 1u << SP_ROLE_PULL)
#define LATER_ROLES  (1u << SP_ROLE_SEAL | 1u << SP_ROLE_INDEX)

static bool
any_up(const struct sp_super *s, unsigned roles)
{
	for (enum sp_role r = 0; r < SP_ROLES; r++) {
		if ((roles & 1u << r) != 0 && s->child[r].pid > 0)
			return (true);
	}
	return (false);
}

static void
begin_end(struct sp_super *s)
{
	if (s->ending)
		return;
	s->ending = true;
	s->deadline = sp_clock_boot() + DRAIN;
	sp_log(SP_LOG_INFO, "stopping", "reason=signal");
	(void)sd_notify(0, "STOPPING=1");
	/* Ours stay open behind the worker's: who connects would wait. */
	sp_reload_unlisten(s);
	signal_children(s, SIGTERM, INTAKE_ROLES);
}

/* A worker that does not end (stopped, a disk that hangs) must not keep its
 * role from the next. */
static void
end_overdue(struct sp_super *s, int64_t now)
{
	for (enum sp_role r = 0; r < SP_ROLES; r++) {
		struct sp_child *c = &s->child[r];

		if (c->pid > 0 && c->reload && now >= c->deadline)
			(void)kill(c->pid, SIGKILL);
	}
}

/* A new configuration: check it, then let every worker end and start anew.
 * The sockets stay ours, so nobody is turned away meanwhile. */
static void
reload(struct sp_super *s)
{
	struct sp_err err;
	char quoted[SP_ERR_MAX];

	if (s->ending)
		return;
	if (sp_reload(s, &err) != SP_OK) {
		sp_log(SP_LOG_ERROR, "reload_failed", "error=%s",
		    sp_log_quote(sp_view_str(err.msg), quoted, sizeof(quoted)));
		return;
	}
	sp_log(SP_LOG_INFO, "reload", "listeners=%zu", s->app->cfg->nlisten);
	for (enum sp_role r = 0; r < SP_ROLES; r++) {
		s->child[r].reload = s->child[r].pid > 0;
		s->child[r].deadline = sp_clock_boot() + DRAIN;
	}
	signal_children(s, SIGTERM, INTAKE_ROLES | LATER_ROLES);
}

static void
on_signals(struct sp_super *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else if (info.ssi_signo == SIGHUP)
			reload(s);
		else
			begin_end(s);
	}
}

/* Start what is due; how long until the next is (ms). */
static int
keep_up(struct sp_super *s)
{
	int64_t now = sp_clock_boot(), wait = SP_SECOND;

	end_overdue(s, now);
	for (enum sp_role r = 0; !s->ending && r < SP_ROLES; r++) {
		struct sp_child *c = &s->child[r];

		if (c->pid > 0)
			continue;
		if (c->next_start <= now)
			sp_child_start(s, r);
		else if (c->next_start - now < wait)
			wait = c->next_start - now;
	}
	return ((int)(wait / 1000) + 1);
}

/* True when all is over. */
static bool
go_on_ending(struct sp_super *s)
{
	if (any_up(s, INTAKE_ROLES)) {
		if (sp_clock_boot() < s->deadline)
			return (false);
		signal_children(s, SIGKILL, INTAKE_ROLES);
		return (false);
	}
	if (!s->ending_late) {
		s->ending_late = true;
		s->deadline = sp_clock_boot() + DRAIN;
		signal_children(s, SIGTERM, LATER_ROLES);
	} else if (sp_clock_boot() >= s->deadline) {
		signal_children(s, SIGKILL, LATER_ROLES);
	}
	return (!any_up(s, LATER_ROLES));
}

static void
wait_for_something(struct sp_super *s, int ms)
{
	struct pollfd p[2 + SP_ROLES + SP_CLIENTS_MAX];

	p[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = s->control_fd, .events = POLLIN };
	for (size_t i = 0; i < SP_ROLES; i++)
		p[2 + i] = (struct pollfd){ .fd = s->child[i].channel,
			.events = POLLIN };
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++)
		p[2 + SP_ROLES + i] =
		    (struct pollfd){ .fd = s->client[i].fd, .events = POLLIN };
	if (poll(p, SP_COUNTOF(p), ms) <= 0)
		return;
	if (p[0].revents != 0)
		on_signals(s);
	for (enum sp_role r = 0; r < SP_ROLES; r++) {
		if (p[2 + r].revents != 0 && s->child[r].channel >= 0)
			sp_child_receive(s, r);
	}
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++) {
		if (p[2 + SP_ROLES + i].revents != 0 && s->client[i].fd >= 0)
			sp_clients_input(s, &s->client[i]);
	}
	if (p[1].revents != 0)
		sp_clients_accept(s);
}

int
sp_supervise(struct sp_super *s)
{
	s->since = sp_clock_wall();
	while (!s->ending || !go_on_ending(s)) {
		int ms = s->ending ? 50 : keep_up(s);

		wait_for_something(s, ms);
	}
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++)
		sp_clients_drop(&s->client[i]);
	sp_log(SP_LOG_INFO, "stopped", "pid=%d", (int)getpid());
	return (0);
}
