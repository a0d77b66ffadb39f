/* serve: the service in the foreground. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/common/account.h"
#include "app/cmd/commands.h"
#include "app/common/options.h"
#include "app/service/reload.h"
#include "app/service/supervisor_priv.h"
#include "base/io.h"
#include "base/log.h"
#include "base/layout.h"

static enum sp_code
take_signals(struct sp_super *s, struct sp_err *err)
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
	for (size_t i = 0; i < SP_ROLES; i++) {
		s->child[i].channel = -1;
		s->child[i].wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (s->child[i].wake < 0)
			return (sp_err_set(err, SP_EIO, errno, "eventfd"));
	}
	return (SP_OK);
}

static enum sp_code
prepare(struct sp_super *s, struct sp_err *err)
{
	char *lock = sp_layout_path(s->app->dir, "state/serve.lock");
	struct sp_account acct;
	enum sp_code rc;

	(void)umask(0027);
	rc = sp_account_find(s->app->dir, s->app->cfg, &acct, err);
	if (rc == SP_OK) {
		sp_account_enter(&acct);
		rc = sp_io_lock(lock, 0, &s->lock_fd, err);
		sp_account_leave(&acct);
	}
	if (rc == SP_ELOCKED)
		(void)sp_err_prefix(
		    err, "another `sealpost serve` runs on this archive");
	free(lock);
	if (rc == SP_OK)
		rc = take_signals(s, err);
	if (rc == SP_OK)
		rc = sp_reload_open(s, err);
	return (rc);
}

int
sp_cmd_serve(struct sp_app *app, int argc, char **argv)
{
	static struct sp_super s;
	bool accept_clock = false;
	const struct sp_option options[] = {
		{ "accept-clock", '\0', SP_OPT_FLAG, NULL,
		    "the clock is right although it leapt (logged)",
		    &accept_clock },
	};
	const struct sp_usage usage = { "serve", "[OPTION]...",
		"Run the service in the foreground: receive, seal, index.  SIGTERM ends it\n"
		"cleanly, SIGHUP reads the configuration again.",
		options, SP_COUNTOF(options), false };
	struct sp_err err;
	int first, status = 2;

	switch (sp_options_parse(&usage, argc, argv, &first)) {
	case SP_PARSED_HELP:
		return (0);
	case SP_PARSED_BAD:
		return (2);
	case SP_PARSED_GO:
		break;
	}
	if (first < argc)
		return (sp_app_usage(
		    "serve takes no argument \"%s\"", argv[first]));
	if (sp_app_open(app, &err) != SP_OK)
		return (sp_app_fail(&err));
	if (sp_log_open(app->cfg->log_to,
		app->verbose ? SP_LOG_DEBUG : app->cfg->log_level, "sealpost",
		&err) != SP_OK)
		return (sp_app_fail(&err));
	s = (struct sp_super){ .app = app,
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
		status = sp_supervise(&s);
	}
	sp_reload_close(&s);
	(void)sp_io_close(s.lock_fd, NULL);
	return (status);
}
