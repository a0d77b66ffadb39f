/*
 * `sealpost config check`: load the configuration, look at everything that it
 * needs (app/service/preflight.h), and with --show print every option that is
 * in force.  It can be used before there is an archive (-c FILE) and changes
 * nothing.  `sealpost config reload`: have the running service read it again,
 * and tell how that ended.
 */
#include <stdlib.h>
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/common/control.h"
#include "app/common/options.h"
#include "app/service/preflight.h"
#include "base/layout.h"

/* Print a finding and count what would fail. */
static void
on_finding(void *ctx, enum sp_preflight_grade grade, const char *text)
{
	size_t *count = ctx;

	if (grade != SP_PREFLIGHT_NOTE)
		(*count)++;
	(void)fprintf(stderr, "sealpost: %s%s\n",
	    grade == SP_PREFLIGHT_NOTE ? "warning: " : "", text);
}

/* The archive and its configuration, or with -c that file alone: no archive is
 * needed then. */
static enum sp_code
load(struct sp_app *app, struct sp_err *err)
{
	if (app->config_opt == NULL)
		return (sp_app_open(app, err));
	/* Where there is an archive, its rights are looked at, too. */
	if (sp_app_find(app, err) != SP_OK && app->archive_opt != NULL)
		return (err->code);
	return (sp_config_load_given(app->config_opt, &app->cfg, err));
}

/* The configuration that a service of the archive has in force, or NULL. */
static struct sp_config *
load_running(const struct sp_app *app)
{
	char *path = app->dir == NULL
			 ? NULL
			 : sp_layout_path(app->dir, SP_APP_LAST_GOOD);
	struct sp_config *running = NULL;
	struct sp_buf reply;

	sp_buf_init(&reply, SP_CONTROL_MAX);
	if (path != NULL &&
	    (sp_control_ask(app->dir, "status", &reply, NULL) != SP_OK ||
		sp_config_load(path, &running, NULL) != SP_OK))
		running = NULL;
	sp_buf_done(&reply);
	free(path);
	return (running);
}

static int
check(struct sp_app *app, bool show)
{
	struct sp_config *running;
	struct sp_err err;
	size_t found = 0;
	char *text;

	if (load(app, &err) != SP_OK)
		return (sp_app_fail(&err));
	running = load_running(app);
	sp_preflight(app->dir, app->cfg, true, running, on_finding, &found);
	sp_config_free(running);
	if (show) {
		text = sp_config_show(app->cfg);
		printf("%s", text == NULL ? "" : text);
		free(text);
	}
	if (found == 0 && !show && !app->quiet)
		printf("%s: no errors\n", app->cfg->path);
	return (found == 0 ? 0 : 1);
}

/* The service answers when the new configuration is in force or was refused. */
static int
reload(struct sp_app *app)
{
	struct sp_buf reply;
	struct sp_err err;
	enum sp_code rc;

	rc = sp_app_find(app, &err);
	sp_buf_init(&reply, SP_CONTROL_MAX);
	if (rc == SP_OK)
		rc = sp_control_ask(app->dir, "reload", &reply, &err);
	sp_buf_done(&reply);
	if (rc == SP_ENOTFOUND && app->dir != NULL)
		rc = sp_err_set(&err, SP_ENOTFOUND, 0,
		    "no service runs on the archive %s, so there is nothing to reload",
		    app->dir);
	else if (rc == SP_ECONFIG)
		(void)sp_err_prefix(
		    &err, "the old configuration stays in force");
	if (rc == SP_OK && !app->quiet)
		printf("the service has the new configuration\n");
	return (rc == SP_OK ? 0 : sp_app_fail(&err));
}

/* One verb, and --show only with `check`. */
int
sp_cmd_config(struct sp_app *app, int argc, char **argv)
{
	bool show = false;
	const struct sp_option options[] = {
		{ "show", '\0', SP_OPT_FLAG, NULL,
		    "check: print what is in force, one option a line", &show },
	};
	const struct sp_usage usage = { "config", "check [--show] | reload",
		"check: read the configuration, look at everything that it needs, and name what\n"
		"would fail.  reload: have the running service read it again; one that it cannot\n"
		"use is refused, and the old one stays in force.",
		options, SP_COUNTOF(options), false };
	int first, status;

	status = sp_options_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	if (first < argc && strcmp(argv[first], "check") == 0)
		return (check(app, show));
	if (first < argc && strcmp(argv[first], "reload") == 0 && !show)
		return (reload(app));
	return (sp_app_usage(
	    "write `sealpost config check [--show]` or `sealpost config reload`"));
}
