/*
 * `sealpost export`: the messages of a range, or a selection of them, as a bag
 * with its proof (doc/format-export.md).  The work is export/export.h; this
 * file has the options and connects it to the host: the events of the export go
 * into the log before a byte is written, and the bag is signed by whoever holds
 * the key, the service or this process.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/common/args.h"
#include "app/common/date_range.h"
#include "app/common/human.h"
#include "app/common/inside.h"
#include "app/common/options.h"
#include "app/common/progress.h"
#include "app/host/host.h"
#include "base/clock.h"
#include "base/time_text.h"
#include "export/export.h"
#include "index/mail/mail.h"

struct export_run {
	struct sp_app *app;
	struct sp_host *host;
	struct sp_progress progress;
};

/* ---- what export/export.h asks of the host ------------------------------- */

static enum sp_code
on_event(void *ctx, const char *name, struct sp_view detail, uint64_t *seq,
    struct sp_err *err)
{
	struct export_run *x = ctx;

	return (sp_host_event(x->host, name, detail, seq, err));
}

static enum sp_code
on_cover(void *ctx, uint64_t seq, struct sp_err *err)
{
	struct export_run *x = ctx;

	return (sp_host_cover(x->host, seq, err));
}

static enum sp_code
on_index(void *ctx, struct sp_err *err)
{
	struct export_run *x = ctx;

	return (sp_host_index(x->host, err));
}

static enum sp_code
on_sign(void *ctx, struct sp_view data, uint64_t event_seq, struct sp_buf *p7s,
    struct sp_err *err)
{
	struct export_run *x = ctx;

	return (sp_host_sign(x->host, data, event_seq, p7s, err));
}

static bool
on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct export_run *x = ctx;

	return (sp_progress_step(&x->progress, done, total));
}

/* ---- what is printed
 * ------------------------------------------------------ */

/* An end of the range, or what it is without one. */
static void
print_instant(const char *name, bool have, int64_t us, const char *none)
{
	char time[SP_TIME_LEN + 1];

	sp_time_format(us, time);
	printf("%-12s %s\n", name, have ? time : none);
}

/* What the bag holds, what it proves and how to check it. */
static void
print_result(const struct sp_export_opts *o, const struct sp_export_result *r)
{
	char a[32], b[32], c[32], d[32];

	printf("%-12s %s\n", "export", o->output);
	print_instant("since", o->have_since, o->since, "the first entry");
	print_instant("until", o->have_until, o->until, "now");
	printf("%-12s %s of %s messages given (%s), %s filtered, %" PRIu64
	       " purged, %" PRIu64 " erased\n",
	    "messages", sp_human_count(r->given, a),
	    sp_human_count(r->messages, b), sp_human_size(r->bytes, c),
	    sp_human_count(r->filtered, d), r->purged, r->erased);
	printf(
	    "%-12s %s entries; checkpoint over %s; its event is entry %" PRIu64
	    "\n",
	    "proof", sp_human_count(r->entries, a),
	    sp_human_count(r->tree_size, b), r->event_seq);
	printf("%-12s %s\n", "verdict",
	    r->complete
		? "COMPLETE: every message of the range is given or provably purged"
		: "SELECTION: the choice is ours and not proven");
	if (o->have_until && o->until > sp_clock_wall())
		printf(
		    "%-12s the range is not over: what is received from now on is not in it\n",
		    "note");
	if (r->imported_outside > 0)
		printf(
		    "%-12s %s imported messages are dated inside the range but were received outside it; --by date selects them\n",
		    "note", sp_human_count(r->imported_outside, a));
	printf("%-12s sealpost-verify --vkey KEY %s\n", "check it", o->output);
}

/* "csv,jsonl" of --load-file into ${o}; false, and printed, for another
 * name. */
static bool
parse_loadfile(const char *text, struct sp_export_opts *o)
{
	static const char *const names[] = { "csv", "jsonl" };
	struct sp_view rest = sp_view_str(text);

	o->csv = o->jsonl = false;
	while (rest.n > 0) {
		char *word = sp_view_dup(sp_view_cut(&rest, ','));
		int k =
		    sp_args_choice("load-file", word, names, SP_COUNTOF(names));

		free(word);
		if (k < 0)
			return (false);
		if (k == 0)
			o->csv = true;
		else
			o->jsonl = true;
	}
	return (true);
}

/* ---- the command
 * ---------------------------------------------------------- */

/* Export; an export that cannot be logged is refused (SP_EPERM). */
static enum sp_code
run(struct sp_app *app, struct sp_export_opts *o, struct sp_export_result *r,
    struct sp_err *err)
{
	struct export_run x = { .app = app };
	const struct sp_export_host host = { on_event, on_cover, on_index,
		on_sign, on_progress, &x };
	enum sp_code rc;

	rc = sp_host_open(app, &x.host, err);
	sp_progress_init(&x.progress, app, "exporting", "entries");
	if (rc == SP_OK)
		rc = sp_export(app->dir, o, &host, r, err);
	sp_progress_end(&x.progress);
	if (rc == SP_EPERM)
		(void)sp_err_prefix(err, "an export must be logged");
	sp_host_close(x.host);
	return (rc);
}

/* Refuse a place inside of the archive or of its guard, before anything is
 * written: what belongs to the archive is known by where it lies. */
static enum sp_code
check_output(const struct sp_app *app, const char *output, struct sp_err *err)
{
	const char *guard = app->cfg->guard;
	const bool inside = sp_inside(output, app->dir);

	if (!inside && (guard == NULL || !sp_inside(output, guard)))
		return (SP_OK);
	return (sp_err_set(err, SP_EUSAGE, 0,
	    "--output %s lies inside of the %s; name a place outside of %s",
	    output, inside ? "archive" : "guard copy",
	    inside ? app->dir : guard));
}

/* Everything behind the first word is the query, also words that begin with a
 * dash. */
int
sp_cmd_export(struct sp_app *app, int argc, char **argv)
{
	static const char *const bys[] = { "received", "date" };
	const char *since = NULL, *until = NULL, *by = "received";
	const char *load = "csv,jsonl";
	struct sp_export_opts o = { .tz = app->tz };
	const struct sp_option options[] = {
		{ "output", 'o', SP_OPT_TEXT, "PATH",
		    "the bag: a folder, or a file PATH.zip, PATH.tar.zst",
		    &o.output },
		{ "since", '\0', SP_OPT_TEXT, "DATE", "received on or after",
		    &since },
		{ "until", '\0', SP_OPT_TEXT, "DATE",
		    "received before; a plain date includes its day", &until },
		{ "by", '\0', SP_OPT_TEXT, "received|date",
		    "date: by the message's own date (a selection)", &by },
		{ "from-checkpoint", '\0', SP_OPT_TEXT, "FILE",
		    "a checkpoint kept earlier: prove that the log grew from it",
		    &o.from_checkpoint },
		{ "load-file", '\0', SP_OPT_TEXT, "LIST",
		    "csv, jsonl or both (both)", &load },
		{ "at", '\0', SP_OPT_COUNT, "SIZE",
		    "take the range from the log as it was at SIZE entries",
		    &o.at },
		{ "with-records", '\0', SP_OPT_FLAG, NULL,
		    "also the records of what the query left out",
		    &o.with_records },
	};
	const struct sp_usage usage = { "export",
		"--output PATH [OPTION]... [QUERY...]",
		"Write the messages of a range as a BagIt bag with the proof that none is missing\n"
		"(COMPLETE), or, with a query, a selection of them.  Options come before the first\n"
		"query word.  The export itself is an event of the log.",
		options, SP_COUNTOF(options), true };
	struct sp_export_result result = { 0 };
	struct sp_date_range range;
	struct sp_err err;
	int first, status, k;
	char *query;
	enum sp_code rc;

	status = sp_options_parse(&usage, argc, argv, &first);
	if (status >= 0)
		return (status);
	if (o.output == NULL)
		return (sp_app_usage("export: where to? write --output PATH"));
	k = sp_args_choice("by", by, bys, SP_COUNTOF(bys));
	if (k < 0 || !parse_loadfile(load, &o))
		return (2);
	sp_mail_global_init();
	query = sp_args_join(argc, argv, first);
	rc = sp_app_open_reader(app, &err);
	if (rc == SP_OK)
		rc = check_output(app, o.output, &err);
	if (rc == SP_OK)
		rc = sp_date_range_parse(app, since, until, &range, &err);
	if (rc == SP_OK) {
		o.have_since = range.have_since;
		o.have_until = range.have_until;
		o.since = range.since;
		o.until = range.until;
		o.since_text = since;
		o.until_text = until;
		o.by_date = k == 1;
		o.query = query;
		o.level = app->cfg->seal_level;
		rc = run(app, &o, &result, &err);
	}
	if (rc == SP_OK && !app->quiet)
		print_result(&o, &result);
	free(query);
	return (rc == SP_OK ? 0 : sp_app_fail(&err));
}
