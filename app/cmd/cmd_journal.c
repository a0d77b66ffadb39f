/*
 * `sealpost journal accept`: claim messages that came from a source which was
 * not trusted as the journal reports that they are (doc/journal-reports.md,
 * "Accepted later").  What is accepted is written into the log as events of at
 * most EVENT_SEQS entries each, with who did it from the kernel; the index then
 * reads these entries as if they had come from a trusted source.
 *
 *   arguments --> entries (numbers, or what a query finds)
 *             --> look at each: report, accepted already, or why not
 *             --> events, the index follows
 *
 * Nothing is accepted where one of the numbers that were given is no report.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/cmd/cmd.h"
#include "app/common/args.h"
#include "app/common/json_line.h"
#include "app/common/options.h"
#include "app/host/host.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/record.h"
#include "index/family.h"
#include "index/mail/journal.h"
#include "index/mail/mem.h"
#include "index/search.h"
#include "journal/log/reader.h"

#define EVENT_SEQS 500u /* entries that one event names, at most */
#define MANY	   20u /* more than these are asked for first */

enum accept_state {
	STATE_REPORT, /* to be accepted */
	STATE_ALREADY, /* by an event before */
	STATE_TRUSTED, /* its source was trusted */
	STATE_NO_REPORT,
	STATE_NO_MESSAGE
};

static const char *const state_names[] = { "report", "already", "trusted",
	"no_report", "no_message" };

/* One entry that was asked for. */
struct accept_item {
	uint64_t seq;
	enum accept_state state;
	const char *kind; /* of the report, else NULL */
	const char *why; /* it is none, or NULL */
	size_t rcpts;
	unsigned doubts;
	uint64_t event; /* that accepted it, or UINT64_MAX */
};

struct accept_run {
	struct sp_app *app;
	struct sp_host *host;
	/* options */
	bool dry, yes, json;
	const char *query; /* NULL: numbers were given */
	/* what was found */
	struct accept_item *v;
	size_t n;
	size_t count[STATE_NO_MESSAGE + 1];
};

/* ---- what was asked for ------------------------------------------------- */

/* Add an entry. */
static void
add_item(struct accept_run *a, uint64_t seq)
{
	/* Room for 64, 128, 256 ... of them. */
	if ((a->n & (a->n - 1)) == 0 && (a->n == 0 || a->n >= 64))
		a->v = sp_xrealloc(
		    a->v, (a->n == 0 ? 64 : 2 * a->n) * sizeof(*a->v));
	a->v[a->n++] = (struct accept_item){ .seq = seq, .event = UINT64_MAX };
}

/* Callback of the search. */
static enum sp_code
on_hit(void *ctx, const struct sp_hit *h, struct sp_err *err)
{
	(void)err;
	add_item(ctx, h->seq);
	return (SP_OK);
}

/* Whether all words are numbers of entries. */
static bool
are_numbers(int argc, char **argv, int first)
{
	uint64_t seq;

	for (int i = first; i < argc; i++)
		if (!sp_view_u64(sp_view_str(argv[i]), &seq))
			return (false);
	return (true);
}

static int
by_seq(const void *a, const void *b)
{
	const struct accept_item *x = a, *y = b;

	return (x->seq < y->seq ? -1 : x->seq > y->seq);
}

/* Fill the list, ascending and without repetitions. */
static enum sp_code
list_items(
    struct accept_run *a, int argc, char **argv, int first, struct sp_err *err)
{
	const struct sp_search_opts o = {
		.query = a->query, .tz = a->app->tz, .oldest_first = true
	};
	struct sp_search_result got;
	enum sp_code rc = SP_OK;
	uint64_t seq;
	size_t n = 0;

	if (a->query != NULL)
		rc = sp_search(a->app->dir, &o, on_hit, a, &got, err);
	for (int i = first; a->query == NULL && i < argc; i++) {
		if (!sp_view_u64(sp_view_str(argv[i]), &seq))
			return (sp_err_set(err, SP_EUSAGE, 0,
			    "%s: not a number of an entry", argv[i]));
		add_item(a, seq);
	}
	if (rc != SP_OK || a->n == 0)
		return (rc);
	qsort(a->v, a->n, sizeof(*a->v), by_seq);
	for (size_t i = 0; i < a->n; i++)
		if (n == 0 || a->v[n - 1].seq != a->v[i].seq)
			a->v[n++] = a->v[i];
	a->n = n;
	return (SP_OK);
}

/* ---- what they are ------------------------------------------------------ */

/* Whether a message is a report, as it would be read if it were accepted. */
static void
look_at_message(struct accept_item *x, struct sp_view msg)
{
	struct sp_mem *mem = sp_mem_new();
	struct sp_journal j = { .doubts = 0 };
	const char *why = NULL;
	enum sp_journal_found got = sp_journal_read(msg, true, mem, &j, &why);

	x->state = STATE_NO_REPORT;
	x->why = got == SP_JOURNAL_NONE || why == NULL
		     ? "nothing in its header says that it is one"
		     : why;
	if (got == SP_JOURNAL_GOOD || j.doubts != 0) {
		x->state = STATE_REPORT;
		x->kind = j.kind;
		x->rcpts = j.nrcpts;
		x->doubts = j.doubts;
		x->why = NULL;
	}
	sp_mem_free(mem);
}

/* Look at one entry in the log. */
static enum sp_code
look_at(struct accept_item *x, struct sp_reader *log, struct sp_err *err)
{
	struct sp_entry e = { 0 };
	struct sp_record r;
	enum sp_code rc = sp_reader_get(log, x->seq, &e, err);

	x->state = STATE_NO_MESSAGE;
	if (rc == SP_ENOTFOUND)
		x->why = "there is no such entry";
	else
		x->why = "it is no message, or was purged";
	if (rc == SP_ENOTFOUND || (rc == SP_OK && !e.has_record))
		return (SP_OK);
	if (rc == SP_OK)
		rc = sp_record_parse(e.record, &r, err);
	if (rc != SP_OK)
		return (sp_err_prefix(err, "entry %" PRIu64, x->seq));
	if (r.kind == SP_KIND_MESSAGE && r.journal)
		x->state = STATE_TRUSTED;
	else if (r.kind == SP_KIND_MESSAGE && x->event != UINT64_MAX)
		x->state = STATE_ALREADY;
	else if (r.kind == SP_KIND_MESSAGE && e.has_message)
		look_at_message(x, e.msg);
	sp_record_done(&r);
	return (SP_OK);
}

/* Look at all of them; the index knows which were accepted before. */
static enum sp_code
look_at_all(struct accept_run *a, struct sp_err *err)
{
	struct sp_reader *log = NULL;
	uint64_t *seqs = sp_xcalloc(2 * a->n + 1, sizeof(*seqs));
	enum sp_code rc = sp_reader_open(a->app->dir, &log, err);

	for (size_t i = 0; i < a->n; i++)
		seqs[i] = a->v[i].seq;
	if (rc == SP_OK)
		rc = sp_family_accepted(
		    a->app->dir, seqs, a->n, seqs + a->n, err);
	for (size_t i = 0; rc == SP_OK && i < a->n; i++) {
		a->v[i].event = seqs[a->n + i];
		rc = look_at(&a->v[i], log, err);
		a->count[a->v[i].state]++;
	}
	sp_reader_close(log);
	free(seqs);
	return (rc);
}

/* ---- what is said ------------------------------------------------------- */

/* The names of the doubts, separated by blanks. */
static void
print_doubts(unsigned doubts)
{
	for (unsigned bit = 1; bit < SP_JOURNAL_DOUBTS_END; bit <<= 1)
		if ((doubts & bit) != 0)
			printf(" %s", sp_journal_doubt_name(bit));
}

/* One entry as an object on a line. */
static void
print_json(const struct accept_item *x)
{
	struct sp_json_line line;
	struct sp_json *j = sp_json_line_begin(&line, 4096);

	sp_json_u64(j, "seq", x->seq);
	sp_json_cstr(j, "state", state_names[x->state]);
	if (x->state == STATE_REPORT) {
		sp_json_cstr(j, "kind", x->kind);
		sp_json_u64(j, "recipients", x->rcpts);
		sp_json_arr(j, "doubt");
		for (unsigned b = 1; b < SP_JOURNAL_DOUBTS_END; b <<= 1)
			if ((x->doubts & b) != 0)
				sp_json_cstr(j, NULL, sp_journal_doubt_name(b));
		sp_json_arr_end(j);
	}
	if (x->why != NULL)
		sp_json_cstr(j, "why", x->why);
	if (x->event == UINT64_MAX)
		sp_json_null(j, "event");
	else
		sp_json_u64(j, "event", x->event);
	sp_json_line_print(&line);
}

/* One entry as a line; of a query, what is no report is only counted. */
static void
print_item(const struct accept_run *a, const struct accept_item *x)
{
	if (a->json) {
		if (a->query == NULL || x->state < STATE_NO_REPORT)
			print_json(x);
		return;
	}
	if (a->query != NULL && x->state >= STATE_NO_REPORT)
		return;
	printf("%12" PRIu64 "  ", x->seq);
	if (x->state == STATE_REPORT) {
		printf("%s, %zu recipients", x->kind, x->rcpts);
		if (x->doubts != 0)
			printf("; doubtful:");
		print_doubts(x->doubts);
	} else if (x->state == STATE_ALREADY) {
		printf("accepted already, by entry %" PRIu64, x->event);
	} else if (x->state == STATE_TRUSTED) {
		printf("came from a trusted journal source");
	} else {
		printf("no journal report: %s", x->why);
	}
	(void)fputc('\n', stdout);
}

/* The numbers, on standard error where the output is JSON. */
static void
print_sum(const struct accept_run *a)
{
	FILE *to = a->json ? stderr : stdout;

	if (a->app->quiet && a->json)
		return;
	(void)fprintf(to,
	    "%zu reports %s, %zu accepted already, %zu from trusted sources, %zu no reports\n",
	    a->count[STATE_REPORT], a->dry ? "would be accepted" : "accepted",
	    a->count[STATE_ALREADY], a->count[STATE_TRUSTED],
	    a->count[STATE_NO_REPORT] + a->count[STATE_NO_MESSAGE]);
}

/* Whether to go on: --yes, few of them, or a person who says so. */
static bool
confirmed(const struct accept_run *a, struct sp_err *err)
{
	char line[16] = "";

	if (a->yes || a->count[STATE_REPORT] <= MANY)
		return (true);
	if (isatty(STDIN_FILENO) == 0) {
		(void)sp_err_set(err, SP_EUSAGE, 0,
		    "%zu entries would be accepted as journal reports; look at them with --dry-run, then write --yes",
		    a->count[STATE_REPORT]);
		return (false);
	}
	(void)fprintf(stderr, "Accept %zu entries as journal reports? [y/N] ",
	    a->count[STATE_REPORT]);
	if (fgets(line, sizeof(line), stdin) != NULL &&
	    (line[0] == 'y' || line[0] == 'Y'))
		return (true);
	(void)sp_err_set(err, SP_EINTERRUPT, 0, "nothing was accepted");
	return (false);
}

/* ---- the events --------------------------------------------------------- */

/* Append one event for the reports among a->v[from] to a->v[to - 1]. */
static enum sp_code
append_event(struct accept_run *a, size_t from, size_t to, struct sp_err *err)
{
	struct sp_buf b;
	struct sp_json j;
	uint64_t event = 0;
	enum sp_code rc;

	sp_buf_init(&b, SP_RECORD_MAX);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_arr(&j, "seqs");
	for (size_t i = from; i < to; i++)
		if (a->v[i].state == STATE_REPORT)
			sp_json_u64(&j, NULL, a->v[i].seq);
	sp_json_arr_end(&j);
	if (a->query != NULL)
		sp_json_cstr(&j, "query", a->query);
	sp_json_obj_end(&j);
	rc = sp_json_end(&j);
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0, "the query is too long");
	if (rc == SP_OK)
		rc = sp_host_event(
		    a->host, "journal_accept", sp_buf_view(&b), &event, err);
	for (size_t i = from; rc == SP_OK && i < to; i++)
		if (a->v[i].state == STATE_REPORT)
			a->v[i].event = event;
	sp_buf_done(&b);
	return (rc);
}

/* Append events for all reports, then let the index follow. */
static enum sp_code
accept_all(struct accept_run *a, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t from = 0; rc == SP_OK && from < a->n;) {
		size_t to = from, reports = 0;

		while (to < a->n && reports < EVENT_SEQS)
			reports += a->v[to++].state == STATE_REPORT;
		if (reports > 0)
			rc = append_event(a, from, to, err);
		from = to;
	}
	if (rc == SP_OK)
		rc = sp_host_checkpoint(a->host, err);
	if (rc == SP_OK)
		rc = sp_host_index_all(a->host, err);
	return (rc);
}

/* The whole of it; *status is what the command exits with where it is done. */
static enum sp_code
run(struct accept_run *a, int argc, char **argv, int first, int *status,
    struct sp_err *err)
{
	size_t bad;
	enum sp_code rc = sp_host_open(a->app, &a->host, err);

	if (rc == SP_OK)
		rc = sp_host_index_all(a->host, err);
	if (rc == SP_OK)
		rc = list_items(a, argc, argv, first, err);
	if (rc == SP_OK)
		rc = look_at_all(a, err);
	if (rc != SP_OK)
		return (rc);
	bad = a->count[STATE_NO_REPORT] + a->count[STATE_NO_MESSAGE];
	*status = (a->query == NULL ? bad > 0 : bad == a->n) ? 1 : 0;
	if (*status == 0 && !a->dry && a->count[STATE_REPORT] > 0) {
		if (!confirmed(a, err))
			return (SP_EUSAGE);
		rc = accept_all(a, err);
	}
	for (size_t i = 0; rc == SP_OK && i < a->n; i++)
		print_item(a, &a->v[i]);
	if (rc == SP_OK && *status == 0)
		print_sum(a);
	else if (rc == SP_OK)
		(void)fprintf(stderr, "sealpost: %s; nothing was accepted\n",
		    a->query == NULL ? "not all of these are journal reports"
				     : "the query finds no journal report");
	return (rc);
}

/* `accept` is the only verb. */
int
sp_cmd_journal(struct sp_app *app, int argc, char **argv)
{
	static const char *const forms[] = { "text", "json" };
	struct accept_run a = { .app = app };
	const char *form = "text";
	const struct sp_option options[] = {
		{ "dry-run", '\0', SP_OPT_FLAG, NULL,
		    "say what would be accepted, and change nothing", &a.dry },
		{ "yes", '\0', SP_OPT_FLAG, NULL,
		    "do not ask, however many there are", &a.yes },
		{ "format", '\0', SP_OPT_TEXT, "text|json",
		    "json: an object a line for each entry", &form },
	};
	const struct sp_usage usage = { "journal",
		"accept [OPTION]... SEQ... | QUERY...",
		"Accept messages that came from a source which was not trusted as the journal\n"
		"reports that they are.  Who did it, and when, is an event in the log.",
		options, SP_COUNTOF(options), false };
	struct sp_err err;
	int first, status, f;
	char *query = NULL;
	enum sp_code rc;

	status = sp_options_parse(&usage, argc, argv, &first);
	if (status >= 0)
		return (status);
	if (first + 1 >= argc || strcmp(argv[first], "accept") != 0)
		return (sp_app_usage(
		    "write `sealpost journal accept SEQ...` or `sealpost journal accept QUERY`"));
	f = sp_args_choice("format", form, forms, SP_COUNTOF(forms));
	if (f < 0)
		return (2);
	a.json = f == 1;
	if (!are_numbers(argc, argv, ++first))
		a.query = query = sp_args_join(argc, argv, first);
	status = 0;
	rc = sp_app_open(app, &err);
	if (rc == SP_OK)
		rc = run(&a, argc, argv, first, &status, &err);
	sp_host_close(a.host);
	free(a.v);
	free(query);
	return (rc == SP_OK ? status : sp_app_fail(&err));
}
