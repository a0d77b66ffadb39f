/*
 * `sealpost reindex`: throw the index away, from a month on or all of it, and
 * build it again from the archive.  By the index worker where the service runs,
 * else by this process.  Nothing that matters is lost: the index is derived.
 */
#include "app/cmd/cmd.h"
#include "app/common/date_range.h"
#include "app/common/human.h"
#include "app/common/options.h"
#include "app/host/host.h"
#include "index/index.h"

/* Returns when the index covers what the log had. */
int
sp_cmd_reindex(struct sp_app *app, int argc, char **argv)
{
	const char *since = NULL;
	const struct sp_option options[] = {
		{ "since", '\0', SP_OPT_TEXT, "DATE",
		    "only from the month of this date on", &since },
	};
	const struct sp_usage usage = { "reindex", "[--since DATE]",
		"Throw the index away and build it again from the archive.",
		options, SP_COUNTOF(options), false };
	struct sp_host *host = NULL;
	struct sp_range range;
	struct sp_err err;
	uint64_t cursor = 0;
	int first, status;
	enum sp_code rc;
	char n[32];

	status = sp_common_parse_max(&usage, argc, argv, 0, &first);
	if (status >= 0)
		return (status);
	rc = sp_app_open(app, &err);
	if (rc == SP_OK)
		rc = sp_range_parse(app, since, NULL, &range, &err);
	if (rc == SP_OK)
		rc = sp_host_open(app, &host, &err);
	if (rc == SP_OK)
		rc = sp_host_reindex(
		    host, range.have_since ? range.since : 0, &err);
	if (rc == SP_OK)
		rc = sp_index_reach(app->dir, &cursor, &err);
	if (rc == SP_OK && !app->quiet)
		printf("index rebuilt; it covers %s entries\n",
		    sp_text_count(cursor, n));
	sp_host_close(host);
	return (rc == SP_OK ? 0 : sp_app_fail(&err));
}
