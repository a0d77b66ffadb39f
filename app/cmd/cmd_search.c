/*
 * `sealpost search`: messages that match a query (index/search.h), newest
 * first, one line each, or as JSON, or their sequence numbers alone.  Standard
 * output has only the hits; how many there are in all and how far the index
 * reaches is said on standard error, since no answer is complete without it.
 * 1: there is no hit.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/cmd/cmd.h"
#include "app/common/args.h"
#include "app/common/cell.h"
#include "app/common/date_range.h"
#include "app/common/human.h"
#include "app/common/options.h"
#include "app/host/host.h"
#include "base/time_text.h"
#include "index/search.h"
#include "journal/log/reader.h"

#define PAGE	   50 /* hits on a terminal, without --limit */
#define FROM_WIDTH 28 /* columns */

enum search_form { FORM_TABLE, FORM_JSON, FORM_SEQ };

struct search_output {
	struct sp_app *app;
	enum search_form form;
	size_t width; /* columns for the subject; 0: all of it */
	bool head; /* the heading was printed */
};

/* Columns that are left for the subject on this terminal; 0, all of it, where
 * standard output is none. */
static size_t
subject_width(void)
{
	struct winsize ws;
	size_t used = 12 + 2 + 19 + 2 + FROM_WIDTH + 2;

	if (isatty(STDOUT_FILENO) == 0)
		return (0);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0 || ws.ws_col < used + 20)
		return (40);
	return (ws.ws_col - used);
}

/* A line of the table, and its heading before the first. */
static void
print_row(struct search_output *s, const struct sp_hit *hit)
{
	char time[32];

	if (!s->head) {
		printf("%12s  %-19s  %-*s  %s\n", "SEQ", "RECEIVED", FROM_WIDTH,
		    "FROM", "SUBJECT");
		s->head = true;
	}
	sp_time_local(hit->received, s->app->tz, time);
	printf("%12" PRIu64 "  %-19s  ", hit->seq, time);
	sp_cell_print(hit->from, FROM_WIDTH, false);
	(void)fputs("  ", stdout);
	sp_cell_print(hit->subject, s->width, true);
	(void)fputc('\n', stdout);
}

static enum sp_code
on_hit(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	struct search_output *s = ctx;

	switch (s->form) {
	case FORM_TABLE:
		print_row(s, hit);
		break;
	case FORM_JSON:
		printf("%s\n", hit->json);
		break;
	case FORM_SEQ:
		printf("%" PRIu64 "\n", hit->seq);
		break;
	}
	return (sp_app_output(err));
}

/* Open the archive; without a service the index first takes in what is new.  A
 * user who may only read searches it as it is. */
static enum sp_code
prepare(struct sp_app *app, struct sp_err *err)
{
	struct sp_host *host = NULL;
	enum sp_code rc;

	rc = sp_app_open_reader(app, err);
	if (rc == SP_OK)
		rc = sp_host_open(app, &host, err);
	if (rc == SP_OK)
		rc = sp_host_index(host, err);
	if (rc == SP_EPERM && !app->quiet)
		(void)fprintf(stderr,
		    "sealpost: note: this user may only read; the index is searched as it is\n");
	sp_host_close(host);
	return (rc == SP_EPERM ? SP_OK : rc);
}

/* How far the index reaches, of how many entries of the log. */
static void
print_reach(const struct sp_app *app, const struct sp_search_result *r)
{
	struct sp_reader *reader = NULL;
	uint64_t end = r->cursor;
	char a[32], b[32];

	if (sp_reader_open(app->dir, &reader, NULL) == SP_OK)
		(void)!sp_reader_end(reader, &end, NULL);
	sp_reader_close(reader);
	if (end < r->cursor)
		end = r->cursor;
	if (r->cursor == 0)
		(void)fprintf(stderr, "index covers none of %s entries\n",
		    sp_human_count(end, b));
	else
		(void)fprintf(stderr, "index covers entries 0..%s of %s\n",
		    sp_human_count(r->cursor - 1, a), sp_human_count(end, b));
}

/* Search and print; the exit status. */
static int
run(struct search_output *s, const struct sp_search_opts *o, struct sp_err *err)
{
	struct sp_search_result result = { 0 };
	enum sp_code rc;
	char a[32], b[32];

	rc = sp_search(s->app->dir, o, on_hit, s, &result, err);
	if (rc != SP_OK)
		return (sp_app_fail(err));
	if (o->count_only)
		printf("%" PRIu64 "\n", result.total);
	(void)fflush(stdout);
	if (!o->count_only && result.returned < result.total && !s->app->quiet)
		(void)fprintf(stderr, "%s of %s shown; --limit 0 for all\n",
		    sp_human_count(result.returned, a),
		    sp_human_count(result.total, b));
	if (!s->app->quiet)
		print_reach(s->app, &result);
	return (result.total > 0 ? 0 : 1);
}

/* Everything behind the first word is the query, also words that begin with a
 * dash. */
int
sp_cmd_search(struct sp_app *app, int argc, char **argv)
{
	static const char *const forms[] = { "table", "json", "seq" };
	static const char *const sorts[] = { "received", "date", "relevance" };
	const char *since = NULL, *until = NULL, *form = "table";
	const char *sort = "received";
	bool count = false;
	uint64_t limit = UINT64_MAX;
	const struct sp_option options[] = {
		{ "since", '\0', SP_OPT_TEXT, "DATE", "received on or after",
		    &since },
		{ "until", '\0', SP_OPT_TEXT, "DATE",
		    "received before; a plain date includes its day", &until },
		{ "limit", '\0', SP_OPT_COUNT, "N",
		    "at most N; 0 for all (50 on a terminal)", &limit },
		{ "sort", '\0', SP_OPT_TEXT, "ORDER",
		    "received, date or relevance", &sort },
		{ "count", '\0', SP_OPT_FLAG, NULL, "print the number alone",
		    &count },
		{ "format", '\0', SP_OPT_TEXT, "FORM", "table, json or seq",
		    &form },
	};
	const struct sp_usage usage = { "search", "[OPTION]... [QUERY...]",
		"Find messages, newest first.  Options come before the first query word.  The query\n"
		"language is in sealpost-query(7): from:ann@corp.example subject:\"third quarter\" -draft",
		options, SP_COUNTOF(options), true };
	struct search_output s = { .app = app };
	struct sp_search_opts o = { .tz = app->tz };
	struct sp_date_range range;
	struct sp_err err;
	int first, status, f, k;
	char *query;

	status = sp_options_parse(&usage, argc, argv, &first);
	if (status >= 0)
		return (status);
	f = sp_args_choice("format", form, forms, SP_COUNTOF(forms));
	k = sp_args_choice("sort", sort, sorts, SP_COUNTOF(sorts));
	if (f < 0 || k < 0)
		return (2);
	if (sp_date_range_parse(app, since, until, &range, &err) != SP_OK ||
	    prepare(app, &err) != SP_OK)
		return (sp_app_fail(&err));
	s.form = (enum search_form)f;
	s.width = subject_width();
	query = sp_args_join(argc, argv, first);
	o.query = query;
	o.have_since = range.have_since;
	o.have_until = range.have_until;
	o.since = range.since;
	o.until = range.until;
	o.sort = (enum sp_sort)k;
	o.limit = limit != UINT64_MAX	       ? limit
		  : isatty(STDOUT_FILENO) != 0 ? PAGE
					       : 0;
	o.count_only = count;
	o.with_rows = s.form != FORM_SEQ;
	status = run(&s, &o, &err);
	free(query);
	return (status);
}
