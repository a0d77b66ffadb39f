/*
 * The supervisor's loop: it starts the workers and restarts them with back-off,
 * carries requests between commands and workers, reads the configuration again
 * on SIGHUP, and ends everything on SIGTERM and SIGINT. `sealpost serve` calls
 * sp_supervisor_run(), which returns when the service is over.  The states of a
 * worker and of the end are drawn in supervisor_priv.h.
 *
 * No mail comes here: what the supervisor reads is the configuration, the
 * request lines of commands and the messages of its workers.  It is the process
 * that has to stay up, so it does as little as possible.
 */
#include "app/service/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "app/common/account.h"
#include "app/service/alarms.h"
#include "app/service/child_priv.h"
#include "app/service/clients_priv.h"
#include "app/service/reload_priv.h"
#include "app/service/supervisor_alarms_priv.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/layout.h"
#include "base/log.h"

#define STABLE (60 * SP_SECOND) /* a worker that lived so long starts at once */
#define DRAIN  (60 * SP_SECOND) /* then a worker told to end is killed */
/* An alarm of a worker that is no older says why it ended. */
#define SAID_JUST_NOW (10 * SP_SECOND)

/* The workers by the stage in which they end: those that bring mail in, and
 * those that must see all that came. */
#define INTAKE_ROLES  (1u << SP_WORKER_RECEIVE | 1u << SP_WORKER_PULL)
#define DERIVED_ROLES (1u << SP_WORKER_SEAL | 1u << SP_WORKER_INDEX)

/* ---- workers that end ---------------------------------------------------- */

/* A worker that ended by itself is started again, but somebody should look: it
 * may be a message made for that.  One that raised an alarm of its own before it
 * ended with a status has said why. */
static void
report_exit(struct sp_supervisor *s, enum sp_worker_role role, int status)
{
	const char *name = sp_worker_names[role];
	char cause[64], text[160];

	/* Why it ended it has said itself. */
	if (!WIFSIGNALED(status) && s->child[role].alarmed != 0 &&
	    sp_clock_boot() - s->child[role].alarmed < SAID_JUST_NOW)
		return;
	(void)snprintf(cause, sizeof(cause), "worker_restart:%s", name);
	if (WIFSIGNALED(status))
		(void)snprintf(text, sizeof(text),
		    "the %s worker was ended by signal %d and is started again",
		    name, WTERMSIG(status));
	else
		(void)snprintf(text, sizeof(text),
		    "the %s worker ended with status %d and is started again",
		    name, WEXITSTATUS(status));
	sp_supervisor_alarms_begin(s, cause, text);
}

/* Worker ${pid} has ended: read what it sent last, answer who waits for it, and
 * decide when it starts again.  ${status} is waitpid()'s. */
static void
on_worker_exit(struct sp_supervisor *s, pid_t pid, int status)
{
	for (enum sp_worker_role r = 0; r < SP_WORKERS; r++) {
		struct sp_child *c = &s->child[r];
		bool planned = s->stopping || c->reload;

		if (c->pid != pid)
			continue;
		sp_child_receive(s, r);
		c->pid = 0;
		if (c->channel >= 0)
			(void)close(c->channel);
		c->channel = -1;
		sp_log(planned ? SP_LOG_INFO : SP_LOG_ERROR, "worker_exit",
		    "name=%s pid=%d %s=%d", sp_worker_names[r], (int)pid,
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status)
					: WEXITSTATUS(status));
		sp_clients_fail(s, r);
		sp_supervisor_alarms_fail(s, r);
		if (!planned) {
			c->restarts++;
			report_exit(s, r, status);
		}
		if (sp_clock_boot() - c->started > STABLE || c->reload) {
			c->delay = 0;
			c->next_start = 0;
		}
		return;
	}
}

static void
reap(struct sp_supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		on_worker_exit(s, pid, status);
}

/* Send ${sig} to the workers that are up and whose bit is set in ${roles}. */
static void
signal_children(struct sp_supervisor *s, int sig, unsigned roles)
{
	for (enum sp_worker_role r = 0; r < SP_WORKERS; r++) {
		if ((roles & 1u << r) != 0 && s->child[r].pid > 0)
			(void)kill(s->child[r].pid, sig);
	}
}

/* Whether any worker of ${roles} is up. */
static bool
any_up(const struct sp_supervisor *s, unsigned roles)
{
	for (enum sp_worker_role r = 0; r < SP_WORKERS; r++) {
		if ((roles & 1u << r) != 0 && s->child[r].pid > 0)
			return (true);
	}
	return (false);
}

/* The first stage of the end: no new mail; receive and pull finish what they
 * have in hand. */
static void
begin_stopping(struct sp_supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->deadline = sp_clock_boot() + DRAIN;
	sp_log(SP_LOG_INFO, "stopping", "reason=signal");
	(void)sd_notify(0, "STOPPING=1");
	/* While our copies are open, the kernel accepts connections that nobody
	 * will serve. */
	sp_reload_unlisten(s);
	signal_children(s, SIGTERM, INTAKE_ROLES);
}

/* Kill the workers that a reload told to end and that did not (stopped, a disk
 * that hangs): they would keep their role's lock from their successor. */
static void
kill_overdue(struct sp_supervisor *s, int64_t now)
{
	for (enum sp_worker_role r = 0; r < SP_WORKERS; r++) {
		struct sp_child *c = &s->child[r];

		if (c->pid > 0 && c->reload && now >= c->deadline)
			(void)kill(c->pid, SIGKILL);
	}
}

/* The sockets stay open here, so nobody is turned away while the workers end and
 * start anew. */
enum sp_code
sp_supervisor_reload(struct sp_supervisor *s, struct sp_err *err)
{
	enum sp_code rc;

	if (s->stopping)
		return (
		    sp_err_set(err, SP_EAGAIN, 0, "the service is stopping"));
	rc = sp_reload(s, err);
	if (rc != SP_OK) {
		sp_worker_log_err(SP_LOG_ERROR, "reload_failed", err);
		sp_supervisor_alarms_begin(s, "reload_failed", err->msg);
		return (rc);
	}
	sp_supervisor_alarms_end(s, "reload_failed");
	sp_supervisor_alarms_configured(s);
	sp_log(SP_LOG_INFO, "reload", "listeners=%zu", s->app->cfg->nlisten);
	for (enum sp_worker_role r = 0; r < SP_WORKERS; r++) {
		s->child[r].reload = s->child[r].pid > 0;
		s->child[r].deadline = sp_clock_boot() + DRAIN;
	}
	signal_children(s, SIGTERM, INTAKE_ROLES | DERIVED_ROLES);
	return (SP_OK);
}

/* SIGHUP: nobody waits for the answer; the log has it. */
static void
on_hangup(struct sp_supervisor *s)
{
	struct sp_err err;

	if (sp_supervisor_reload(s, &err) != SP_OK)
		return;
}

static void
on_signals(struct sp_supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else if (info.ssi_signo == SIGHUP)
			on_hangup(s);
		else
			begin_stopping(s);
	}
}

/* Start the workers whose time has come; returns how long to wait until the
 * next may be (ms). */
static int
start_due(struct sp_supervisor *s)
{
	int64_t now = sp_clock_boot(), wait = SP_SECOND;

	kill_overdue(s, now);
	for (enum sp_worker_role r = 0; !s->stopping && r < SP_WORKERS; r++) {
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

/* The next step of the end, called again and again; true once all workers are
 * down. */
static bool
continue_stopping(struct sp_supervisor *s)
{
	if (any_up(s, INTAKE_ROLES)) {
		if (sp_clock_boot() < s->deadline)
			return (false);
		signal_children(s, SIGKILL, INTAKE_ROLES);
		return (false);
	}
	if (!s->second_stage) {
		s->second_stage = true;
		s->deadline = sp_clock_boot() + DRAIN;
		signal_children(s, SIGTERM, DERIVED_ROLES);
	} else if (sp_clock_boot() >= s->deadline) {
		signal_children(s, SIGKILL, DERIVED_ROLES);
	}
	return (!any_up(s, DERIVED_ROLES));
}

/* Wait up to ${ms} for signals, workers and commands, and handle what came. */
static void
wait_for_events(struct sp_supervisor *s, int ms)
{
	struct pollfd p[2 + SP_WORKERS + SP_CLIENTS_MAX];

	p[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = s->control_fd, .events = POLLIN };
	for (size_t i = 0; i < SP_WORKERS; i++)
		p[2 + i] = (struct pollfd){ .fd = s->child[i].channel,
			.events = POLLIN };
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++)
		p[2 + SP_WORKERS + i] =
		    (struct pollfd){ .fd = s->client[i].fd, .events = POLLIN };
	if (poll(p, SP_COUNTOF(p), ms) <= 0)
		return;
	if (p[0].revents != 0)
		on_signals(s);
	for (enum sp_worker_role r = 0; r < SP_WORKERS; r++) {
		if (p[2 + r].revents != 0 && s->child[r].channel >= 0)
			sp_child_receive(s, r);
	}
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++) {
		if (p[2 + SP_WORKERS + i].revents != 0 && s->client[i].fd >= 0)
			sp_clients_input(s, &s->client[i]);
	}
	if (p[1].revents != 0)
		sp_clients_accept(s);
}

/* Until a signal asked to end and all workers are down. */
static void
supervise(struct sp_supervisor *s)
{
	while (!s->stopping || !continue_stopping(s)) {
		int ms = s->stopping ? 50 : start_due(s);

		wait_for_events(s, ms);
		sp_supervisor_alarms_step(s);
	}
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++)
		sp_clients_drop(&s->client[i]);
	sp_log(SP_LOG_INFO, "stopped", "pid=%d", (int)getpid());
}

/* ---- the start ---------------------------------------------------------- */

/* Signals as a descriptor of the loop: they are blocked from here on, in the
 * workers too until those open their own. */
static enum sp_code
open_signals(struct sp_supervisor *s, struct sp_err *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return (sp_err_set(err, SP_EIO, errno, "signalfd"));
	return (SP_OK);
}

/* The slots of the workers, each with the eventfd that wakes it. */
static enum sp_code
open_workers(struct sp_supervisor *s, struct sp_err *err)
{
	for (size_t i = 0; i < SP_WORKERS; i++) {
		s->child[i].channel = -1;
		s->child[i].wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (s->child[i].wake < 0)
			return (sp_err_set(err, SP_EIO, errno, "eventfd"));
	}
	return (SP_OK);
}

/* state/serve.lock, made as the archive's account: one service an archive.
 * state/ itself is made again if it is missing: nothing in it matters. */
static enum sp_code
lock_archive(struct sp_supervisor *s, struct sp_err *err)
{
	char *state = sp_layout_path(s->app->dir, "state");
	char *lock = sp_layout_path(s->app->dir, "state/serve.lock");
	struct sp_account acct;
	enum sp_code rc;

	rc = sp_account_find(s->app->dir, s->app->cfg, &acct, err);
	if (rc == SP_OK) {
		sp_account_enter(&acct);
		if (!sp_io_exists(state))
			sp_log(SP_LOG_WARN, "state_made", NULL);
		rc = sp_io_mkdir(state, 0750, err);
		if (rc == SP_OK)
			rc = sp_io_lock(lock, 0, &s->lock_fd, err);
		sp_account_leave(&acct);
	}
	if (rc == SP_ELOCKED)
		(void)sp_err_prefix(
		    err, "another `sealpost serve` runs on this archive");
	free(lock);
	free(state);
	return (rc);
}

/* Alarms that a run before ours left open, and of which only a supervisor sees
 * the end: this start has read the configuration, and a worker goes on once it
 * says its first word. */
static void
take_over_alarms(struct sp_supervisor *s)
{
	sp_supervisor_alarms_end(s, "reload_failed");
	for (enum sp_worker_role r = 0; r < SP_WORKERS; r++) {
		char cause[64];

		(void)snprintf(cause, sizeof(cause), "worker_stuck:%s",
		    sp_worker_names[r]);
		s->child[r].stuck =
		    sp_alarms_find(s->alarms, sp_view_str(cause)) != NULL;
	}
}

static enum sp_code
prepare(struct sp_supervisor *s, struct sp_err *err)
{
	enum sp_code rc;

	(void)umask(0027);
	rc = lock_archive(s, err);
	if (rc == SP_OK)
		sp_supervisor_alarms_open(s);
	if (rc == SP_OK)
		rc = open_signals(s, err);
	if (rc == SP_OK)
		rc = open_workers(s, err);
	if (rc == SP_OK)
		rc = sp_reload_open(s, err);
	if (rc == SP_OK)
		take_over_alarms(s);
	return (rc);
}

/* The state is static: it is large, and a process runs one service. */
int
sp_supervisor_run(struct sp_app *app, bool accept_clock)
{
	static struct sp_supervisor s;
	struct sp_err err = { .msg = "by order" };
	int status = 2;

	s = (struct sp_supervisor){ .app = app,
		.accept_clock = accept_clock,
		.door_fd = -1,
		.control_fd = -1,
		.signals = -1,
		.lock_fd = -1 };
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++)
		s.client[i].fd = -1;
	if (prepare(&s, &err) != SP_OK) {
		(void)sp_app_fail(&err);
	} else {
		sp_log(SP_LOG_INFO, "start", "version=%s archive=%s pid=%d",
		    SP_VERSION, app->dir, (int)getpid());
		supervise(&s);
		status = 0;
	}
	sp_reload_close(&s);
	sp_supervisor_alarms_close(&s, status == 0, err.msg);
	(void)sp_io_close(s.lock_fd, NULL);
	return (status);
}
