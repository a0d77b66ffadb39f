/*
 * `sealpost serve`: the service in the foreground, as systemd or a terminal
 * starts it.  This file has the options and opens the log; all the rest is
 * app/service/supervisor.c.
 */
#include "app/cmd/cmd.h"
#include "app/common/options.h"
#include "app/service/supervisor.h"
#include "base/log.h"

/* The exit status is the supervisor's.  With --verbose everything is logged,
 * whatever the configuration says. */
int
sp_cmd_serve(struct sp_app *app, int argc, char **argv)
{
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
	int first, status;

	status = sp_options_parse(&usage, argc, argv, &first);
	if (status >= 0)
		return (status);
	if (first < argc)
		return (sp_app_usage(
		    "serve takes no argument \"%s\"", argv[first]));
	if (sp_app_open(app, &err) != SP_OK)
		return (sp_app_fail(&err));
	if (sp_log_open(app->cfg->log_to,
		app->verbose ? SP_LOG_DEBUG : app->cfg->log_level, "sealpost",
		&err) != SP_OK)
		return (sp_app_fail(&err));
	return (sp_supervisor_run(app, accept_clock));
}
