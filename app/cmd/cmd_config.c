/*
 * `sealpost config check`: load the configuration, look at the files that it
 * names (certificates, users), and print every option that is in force.  It can
 * be used before there is an archive (-c FILE) and changes nothing.
 */
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/common/options.h"
#include "journal/receive/listener_certs.h"
#include "journal/smtp/users.h"

static void
on_warn(void *ctx, const char *text)
{
	(void)ctx;
	(void)fprintf(stderr, "sealpost: warning: %s\n", text);
}

/* Load the certificates, keys and files of users that the listeners name, with
 * the rights of whoever asks. */
static enum sp_code
check_files(const struct sp_config *cfg, struct sp_err *err)
{
	struct sp_listener_certs *certs = NULL;
	enum sp_code rc;

	rc = sp_certs_open(cfg, &certs, err);
	if (rc == SP_OK)
		rc = sp_certs_check(certs, cfg, on_warn, NULL, err);
	sp_certs_close(certs);
	for (size_t i = 0; rc == SP_OK && i < cfg->nlisten; i++) {
		struct sp_users *users = NULL;

		if (cfg->listen[i].auth_users != NULL)
			rc = sp_users_load(
			    cfg->listen[i].auth_users, &users, err);
		sp_users_free(users);
	}
	return (rc);
}

/* The options on standard output, warnings and the verdict on standard
 * error. */
int
sp_cmd_config(struct sp_app *app, int argc, char **argv)
{
	const struct sp_usage usage = { "config", "check",
		"Check the configuration and print what is in force, one option a line.",
		NULL, 0, false };
	struct sp_err err;
	int first, status;

	status = sp_common_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	if (first >= argc || strcmp(argv[first], "check") != 0)
		return (sp_app_usage("write `sealpost config check`"));
	/* With -c no archive is needed. */
	if (app->config_opt != NULL) {
		if (sp_config_load(app->config_opt, &app->cfg, &err) != SP_OK)
			return (sp_app_fail(&err));
	} else if (sp_app_open(app, &err) != SP_OK) {
		return (sp_app_fail(&err));
	}
	if (check_files(app->cfg, &err) != SP_OK)
		return (sp_app_fail(&err));
	if (!app->quiet)
		printf("%s", app->cfg->text);
	(void)fprintf(stderr, "%s: no errors\n", app->cfg->path);
	return (0);
}
