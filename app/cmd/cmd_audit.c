/*
 * `sealpost audit`: the events of the log, one line each, or their records as
 * they are (--format json).  The index says which entries are events; each is
 * then read from the log itself.  Reading events is no event of its own.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/common/args.h"
#include "app/common/cell.h"
#include "app/common/date_range.h"
#include "app/common/options.h"
#include "app/host/host.h"
#include "base/record.h"
#include "base/time_text.h"
#include "index/search.h"
#include "journal/log/reader.h"

struct audit_list {
	struct sp_app *app;
	struct sp_reader *reader;
	bool json;
	uint64_t shown; /* events printed */
};

/* A line of the table: seq, time, event, who (user, else uid), detail as JSON,
 * cut to 300 columns without --verbose. */
static void
print_row(const struct audit_list *a, const struct sp_record *r)
{
	const json_t *actor = json_object_get(r->json, "actor");
	const char *user = json_string_value(json_object_get(actor, "user"));
	char time[32], uid[32] = "";
	const json_t *id = json_object_get(actor, "uid");
	char *detail =
	    json_dumps(json_object_get(r->json, "detail"), JSON_COMPACT);

	if (user == NULL && json_is_integer(id)) {
		(void)snprintf(uid, sizeof(uid), "uid %" PRId64,
		    (int64_t)json_integer_value(id));
		user = uid;
	}
	sp_time_local(r->received, a->app->tz, time);
	printf("%12" PRIu64 "  %s  ", r->seq, time);
	sp_cell_print(r->event, 12, false);
	(void)fputs("  ", stdout);
	sp_cell_print(user == NULL ? "-" : user, 16, false);
	(void)fputs("  ", stdout);
	sp_cell_print(detail, a->app->verbose ? 0 : 300, true);
	(void)fputc('\n', stdout);
	free(detail);
}

/* Print entry ${seq}, which the index says is an event. */
static enum sp_code
on_event(void *ctx, uint64_t seq, struct sp_err *err)
{
	struct audit_list *a = ctx;
	struct sp_record r;
	struct sp_entry e;
	enum sp_code rc = sp_reader_get(a->reader, seq, &e, err);

	if (rc != SP_OK)
		return (rc);
	a->shown++;
	if (!e.has_record) {
		printf("%12" PRIu64 "  (erased)\n", seq);
		return (sp_app_output(err));
	}
	if (a->json) {
		(void)fwrite(e.record.p, 1, e.record.n, stdout);
		(void)fputc('\n', stdout);
		return (sp_app_output(err));
	}
	rc = sp_record_parse(e.record, &r, err);
	if (rc != SP_OK)
		return (sp_err_prefix(err, "entry %" PRIu64, seq));
	print_row(a, &r);
	sp_record_done(&r);
	return (sp_app_output(err));
}

/* Where this user may only read, the index is used as it is. */
static enum sp_code
run(struct audit_list *a, const struct sp_date_range *range, struct sp_err *err)
{
	struct sp_host *host = NULL;
	enum sp_code rc;

	rc = sp_host_open(a->app, &host, err);
	if (rc == SP_OK)
		rc = sp_host_index(host, err);
	if (rc == SP_EPERM)
		rc = SP_OK;
	if (rc == SP_OK)
		rc = sp_reader_open(a->app->dir, &a->reader, err);
	if (rc == SP_OK)
		rc = sp_search_events(a->app->dir,
		    range->have_since ? range->since : INT64_MIN,
		    range->have_until ? range->until : INT64_MAX, on_event, a,
		    err);
	sp_reader_close(a->reader);
	sp_host_close(host);
	return (rc);
}

/* Options, range, the list; 1 where nothing was listed. */
int
sp_cmd_audit(struct sp_app *app, int argc, char **argv)
{
	static const char *const forms[] = { "text", "json" };
	const char *since = NULL, *until = NULL, *form = "text";
	const struct sp_option options[] = {
		{ "since", '\0', SP_OPT_TEXT, "DATE", "on or after", &since },
		{ "until", '\0', SP_OPT_TEXT, "DATE",
		    "before; a plain date includes its day", &until },
		{ "format", '\0', SP_OPT_TEXT, "text|json",
		    "json: the records as they are", &form },
	};
	const struct sp_usage usage = { "audit", "[OPTION]...",
		"List the events of the log: starts, configurations, accesses, exports, alarms.",
		options, SP_COUNTOF(options), false };
	struct audit_list a = { .app = app };
	struct sp_date_range range;
	struct sp_err err;
	int first, status, f;
	enum sp_code rc;

	status = sp_options_parse_max(&usage, argc, argv, 0, &first);
	if (status >= 0)
		return (status);
	f = sp_args_choice("format", form, forms, SP_COUNTOF(forms));
	if (f < 0)
		return (2);
	a.json = f == 1;
	rc = sp_app_open_reader(app, &err);
	if (rc == SP_OK)
		rc = sp_date_range_parse(app, since, until, &range, &err);
	if (rc == SP_OK)
		rc = run(&a, &range, &err);
	if (rc != SP_OK)
		return (sp_app_fail(&err));
	return (a.shown > 0 ? 0 : 1);
}
