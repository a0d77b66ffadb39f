/* config check */
#include <string.h>

#include "app/commands.h"
#include "app/common.h"

int
sp_cmd_config(struct sp_app *app, int argc, char **argv)
{
	const struct sp_usage usage = { "config", "check",
		"Check the configuration and print what is in force, one "
		"option a line.",
		NULL, 0, false };
	struct sp_err err;
	int first, status;

	status = sp_common_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	if (first >= argc || strcmp(argv[first], "check") != 0)
		return (sp_app_usage("write `sealpost config check`"));
	/* A file can be checked before there is an archive. */
	if (app->config_opt != NULL) {
		if (sp_config_load(app->config_opt, &app->cfg, &err) != SP_OK)
			return (sp_app_fail(&err));
	} else if (sp_app_open(app, &err) != SP_OK) {
		return (sp_app_fail(&err));
	}
	if (!app->quiet)
		printf("%s", app->cfg->text);
	(void)fprintf(stderr, "%s: no errors\n", app->cfg->path);
	return (0);
}
