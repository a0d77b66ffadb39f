/*
 * `sealpost import`: mail from files into the log, through the same acceptance
 * as all mail (doc/import.md). journal/import/import.h walks the files and
 * calls back with each message and the place where it lay; here it is looked up
 * whether an earlier import took it from there, its provenance is written, and
 * it is delivered (app/host/host.h).
 *
 *	walk -> known? -> deliver -> answer: taken (durable) or failed
 *
 * Everything is counted, and with --report written as a line of JSON.
 *
 * What is in when the command is interrupted or killed stays in; the same
 * command run again takes the rest.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/cmd/import_bag.h"
#include "app/cmd/import_lock.h"
#include "app/cmd/import_met.h"
#include "app/cmd/import_report.h"
#include "app/cmd/import_seen.h"
#include "app/cmd/import_size.h"
#include "app/cmd/verdict_print.h"
#include "app/common/args.h"
#include "app/common/human.h"
#include "app/common/interrupt.h"
#include "app/common/options.h"
#include "app/common/progress.h"
#include "app/host/host.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/sha256.h"
#include "journal/import/import.h"
#include "journal/import/import_kind.h"

#define LISTED_MAX     20 /* failures that are printed; --report has all */
#define MESSAGE_MAX    ((uint64_t)150 << 20) /* bytes, or a listener's */
#define PROVENANCE_MAX (512u << 10) /* bytes */

struct import {
	struct sp_app *app;
	/* options */
	struct sp_import_statement statement; /* --source, --journal */
	const char *report_path; /* --report */
	const char *vkey_text; /* --vkey */
	struct sp_vkey vkey;
	struct sp_bag_trust trust;
	/* the work */
	int lock; /* against another import of this source; -1: none */
	struct sp_host *host;
	struct sp_import_seen *seen; /* what earlier imports took */
	struct sp_import_met *met; /* what this one met; NULL: nothing twice */
	struct sp_import_report *report; /* NULL without --report */
	struct ticket *tickets; /* delivered, not answered yet */
	/* counted; messages but for not_mail, which are files */
	uint64_t taken, known, not_mail, failed, quoted, boundary;
	uint64_t kinds[SP_IMPORT_KINDS]; /* what is not mail, by kind */
	uint64_t notes; /* words on mail that was taken */
	uint64_t elsewhere; /* taken, and there from another source or trust */
	uint64_t bytes; /* of those taken */
	struct sp_progress progress;
	uint64_t handled, total; /* bytes, for the percentage */
};

/* A message on its way into the log: what its answer needs.  In a list. */
struct ticket {
	struct ticket *prev, *next;
	char *path, *member;
	uint64_t offset;
	size_t size;
	uint8_t sha256[SP_SHA256_LEN]; /* only for the report */
};

/* A ticket for ${item}, put into the list; all of it is copied. */
static struct ticket *
ticket_new(struct import *im, const struct sp_import_item *item)
{
	struct ticket *t = sp_xcalloc(1, sizeof(*t));

	t->path = sp_xstrdup(item->path);
	t->member = item->member == NULL ? NULL : sp_xstrdup(item->member);
	t->offset = item->offset;
	t->size = item->msg.n;
	if (im->report != NULL)
		sp_sha256_once(item->msg.p, item->msg.n, t->sha256);
	t->next = im->tickets;
	if (t->next != NULL)
		t->next->prev = t;
	im->tickets = t;
	return (t);
}

static void
ticket_free(struct import *im, struct ticket *t)
{
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		im->tickets = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	free(t->path);
	free(t->member);
	free(t);
}

/* The provenance of a message (doc/door.md, XSEALPOST SOURCE): no envelope, and
 * where its bytes lay as the operator named it.  SP_ELIMIT: too long. */
static enum sp_code
write_provenance(const struct import *im, const struct sp_import_item *item,
    struct sp_buf *out)
{
	struct sp_json j;

	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "via", "import");
	sp_json_cstr(&j, "grade", "imported");
	sp_json_bool(&j, "envelope", false);
	if (item->origin_date.n > 0)
		sp_json_str(&j, "origin_date", item->origin_date);
	if (item->nflags > 0)
		sp_json_arr(&j, "flags");
	for (size_t i = 0; i < item->nflags; i++)
		sp_json_cstr(&j, NULL, item->flags[i]);
	if (item->nflags > 0)
		sp_json_arr_end(&j);
	sp_json_obj(&j, "source");
	if (im->statement.source != NULL)
		sp_json_cstr(&j, "name", im->statement.source);
	sp_json_str(&j, "file", sp_view_str(item->path));
	sp_json_hex(&j, "file_sha256", item->file_sha256, SP_SHA256_LEN);
	if (item->member != NULL)
		sp_json_str(&j, "member", sp_view_str(item->member));
	if (item->extra.n > 0)
		sp_json_raw(&j, NULL, item->extra);
	if (im->statement.journal)
		sp_json_bool(&j, "journal", true);
	sp_json_obj_end(&j);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

/* ---- what is met --------------------------------------------------------- */

/* Where in a file a message lay, into a line of the report. */
static void
write_place(struct sp_json *j, const char *member, uint64_t offset)
{
	if (member != NULL)
		sp_json_str(j, "member", sp_view_str(member));
	if (offset > 0)
		sp_json_u64(j, "offset", offset);
}

/* Print a name or a reason as it came from a file, with control bytes made
 * harmless for a terminal. */
static void
print_escaped(const char *path, const char *why)
{
	char *text = sp_xasprintf("%s: %s", path, why);

	sp_err_tame(text);
	(void)fprintf(stderr, "sealpost: %s\n", text);
	free(text);
}

/* Mail that could not be read or appended, and why. */
static void
on_failed(void *ctx, const char *path, const char *why)
{
	struct import *im = ctx;
	struct sp_json *j;
	char *text;

	if (im->failed++ < LISTED_MAX) {
		text = sp_xasprintf("%s; not taken", why);
		print_escaped(path, text);
		free(text);
	}
	j = sp_import_report_begin(im->report, "failed", path);
	if (j != NULL)
		sp_json_cstr(j, "why", why);
	sp_import_report_end(im->report);
}

static void
on_not_mail(void *ctx, const char *path, const char *kind)
{
	struct import *im = ctx;
	struct sp_json *j;

	im->not_mail++;
	im->kinds[sp_import_kind_named(kind)]++;
	if (im->app->verbose)
		print_escaped(path, "not mail");
	j = sp_import_report_begin(im->report, "not_mail", path);
	if (j != NULL)
		sp_json_cstr(j, "kind", kind);
	sp_import_report_end(im->report);
}

/* A word on mail that was taken: it is not whole, for instance. */
static void
on_note(void *ctx, const char *path, const char *what)
{
	struct import *im = ctx;
	struct sp_json *j;

	if (im->notes++ < LISTED_MAX)
		print_escaped(path, what);
	j = sp_import_report_begin(im->report, "note", path);
	if (j != NULL)
		sp_json_cstr(j, "why", what);
	sp_import_report_end(im->report);
}

static void
on_known(struct import *im, const struct sp_import_item *item)
{
	struct sp_json *j;

	im->known++;
	j = sp_import_report_begin(im->report, "there", item->path);
	if (j != NULL)
		write_place(j, item->member, item->offset);
	sp_import_report_end(im->report);
}

/* A message that is durable as entry ${seq}, into the report. */
static void
report_taken(struct import *im, const struct ticket *t, uint64_t seq)
{
	struct sp_json *j =
	    sp_import_report_begin(im->report, "taken", t->path);

	if (j == NULL)
		return;
	write_place(j, t->member, t->offset);
	sp_json_u64(j, "seq", seq);
	sp_json_u64(j, "size", t->size);
	sp_json_hex(j, "sha256", t->sha256, SP_SHA256_LEN);
	sp_import_report_end(im->report);
}

/* What became of a message; the ticket's life ends here. */
static enum sp_code
on_answer(void *ctx, void *tag, uint64_t seq, const struct sp_err *why,
    struct sp_err *err)
{
	struct import *im = ctx;
	struct ticket *t = tag;

	(void)err;
	if (why == NULL) {
		im->taken++;
		im->bytes += t->size;
		report_taken(im, t, seq);
	} else {
		on_failed(im, t->path, why->msg);
	}
	ticket_free(im, t);
	return (SP_OK);
}

/* Hand the message to the host; its answer comes later. */
static enum sp_code
deliver(
    struct import *im, const struct sp_import_item *item, struct sp_err *err)
{
	struct sp_host_message m = { .msg = item->msg };
	struct sp_buf provenance;
	enum sp_code rc;

	sp_buf_init(&provenance, PROVENANCE_MAX);
	rc = write_provenance(im, item, &provenance);
	m.provenance = sp_buf_view(&provenance);
	if (rc == SP_OK) {
		m.tag = ticket_new(im, item);
		rc = sp_host_deliver(im->host, &m, err);
	} else {
		on_failed(im, item->path,
		    "what is known of it is too long for a record");
		rc = SP_OK;
	}
	sp_buf_done(&provenance);
	return (rc);
}

/* A message of the walk. */
static enum sp_code
on_item(void *ctx, const struct sp_import_item *item, struct sp_err *err)
{
	struct import *im = ctx;

	im->handled += item->msg.n;
	if (!sp_progress_step(&im->progress,
		im->handled < im->total ? im->handled : im->total, im->total))
		return (sp_err_set(err, SP_EINTERRUPT, 0,
		    "interrupted; what was taken is in, run it again for the rest"));
	if (sp_import_met_before(im->met, item) ||
	    sp_import_seen_match(im->seen, item, &im->statement)) {
		on_known(im, item);
		return (SP_OK);
	}
	if (sp_import_seen_elsewhere(im->seen, item))
		im->elsewhere++;
	if (item->quoted)
		im->quoted++;
	if (item->boundary)
		im->boundary++;
	return (deliver(im, item, err));
}

/* The second line of the summary: what the files were that are not mail. */
static void
print_kinds(const struct import *im)
{
	char *list;

	if (im->not_mail == 0 || im->app->quiet)
		return;
	list = sp_import_kind_list(im->kinds);
	printf("not mail: %s\n", list);
	free(list);
}

/* ---- the end ------------------------------------------------------------- */

/* What was taken and what not, on standard output, advice on standard error,
 * and the last line of the report. */
static void
print_summary(const struct import *im)
{
	char a[32], b[32], c[32], d[32], e[32];
	struct sp_json *j;

	printf(
	    "%s messages taken (%s), %s already there, %s files not mail, %s failed",
	    sp_human_count(im->taken, a), sp_human_size(im->bytes, b),
	    sp_human_count(im->known, c), sp_human_count(im->not_mail, d),
	    sp_human_count(im->failed, e));
	if (im->boundary > 0)
		printf(", %s of the messages in doubt",
		    sp_human_count(im->boundary, a));
	printf("\n");
	print_kinds(im);
	if (im->failed > LISTED_MAX)
		(void)fprintf(stderr,
		    "sealpost: %s failures in all, the first %d are listed%s\n",
		    e, LISTED_MAX,
		    im->report == NULL ? "; --report FILE names all" : "");
	if (im->quoted > 0 && !im->app->quiet)
		(void)fprintf(stderr,
		    "sealpost: note: %s messages have lines that begin with \">From \", kept as they are (flag:mbox_quoted); if the program that wrote the mbox is known to use mboxrd, say so with --as mboxrd\n",
		    sp_human_count(im->quoted, a));
	if (im->boundary > 0 && !im->app->quiet)
		(void)fprintf(stderr,
		    "sealpost: note: of %s messages it is in doubt whether they begin or end at the right line of their mbox; look at them with `sealpost search flag:mbox_boundary`\n",
		    sp_human_count(im->boundary, a));
	if (im->elsewhere > 0 && !im->app->quiet)
		(void)fprintf(stderr,
		    "sealpost: note: %s messages were there already from another source or with another trust (--source, --journal); each is now an arrival of its own as well\n",
		    sp_human_count(im->elsewhere, a));
	j = sp_import_report_begin(im->report, "summary", NULL);
	if (j == NULL)
		return;
	sp_json_u64(j, "taken", im->taken);
	sp_json_u64(j, "bytes", im->bytes);
	sp_json_u64(j, "there", im->known);
	sp_json_u64(j, "not_mail", im->not_mail);
	sp_json_u64(j, "failed", im->failed);
	sp_json_u64(j, "in_doubt", im->boundary);
	sp_import_report_end(im->report);
}

/* The end of the walk, which came to ${rc}: wait for the answers, sign, print,
 * close the report.  The first error of all. */
static enum sp_code
finish(struct import *im, enum sp_code rc, struct sp_err *err)
{
	struct sp_err other;
	struct sp_err *e = rc == SP_OK ? err : &other;
	enum sp_code flushed = sp_host_flush(im->host, e);

	sp_progress_end(&im->progress);
	if (flushed == SP_OK && im->taken > 0)
		flushed = sp_host_checkpoint(im->host, e);
	/* Also after an error: what was taken is durable. */
	print_summary(im);
	if (sp_import_report_close(im->report, e) != SP_OK && flushed == SP_OK)
		flushed = e->code;
	im->report = NULL;
	return (rc != SP_OK ? rc : flushed);
}

/* One path of the command line.  The folder of an export is recognised; an
 * export in a container must be named as one (--as export). */
static enum sp_code
import_one(struct import *im, const struct sp_import *walk, const char *path,
    struct sp_err *err)
{
	sp_import_met_next_path(im->met);
	if (walk->as == SP_IMPORT_AS_EXPORT ||
	    (walk->as == SP_IMPORT_AS_DETECT && sp_import_bag_is(path)))
		return (sp_import_bag(walk, path, &im->trust, err));
	return (sp_import_path(walk, path, err));
}

/* Prepare, walk all paths, finish.  The index must reach the end of the log
 * first: by it is found what earlier imports took. */
static enum sp_code
import_all(struct import *im, enum sp_import_as as, int argc, char **argv,
    int first, struct sp_err *err)
{
	const struct sp_config *cfg = im->app->cfg;
	struct sp_import walk = { .as = as,
		.max_message = MESSAGE_MAX,
		.item = on_item,
		.failed = on_failed,
		.not_mail = on_not_mail,
		.note = on_note,
		.ctx = im };
	enum sp_code rc = SP_OK;

	/* At least as large as what a listener takes. */
	for (size_t i = 0; i < cfg->nlisten; i++) {
		if (cfg->listen[i].max_message > walk.max_message)
			walk.max_message = cfg->listen[i].max_message;
	}
	sp_interrupt_catch();
	sp_host_on_answer(im->host, on_answer, im);
	if (im->report_path != NULL)
		rc = sp_import_report_open(im->report_path, &im->report, err);
	if (rc == SP_OK)
		rc = sp_import_lock(im->app, &im->statement, &im->lock, err);
	if (rc == SP_OK)
		rc = sp_host_index_all(im->host, err);
	if (rc == SP_OK)
		rc = sp_import_seen_load(im->app, &im->seen, err);
	if (rc != SP_OK) {
		(void)!sp_import_report_close(
		    im->report, &(struct sp_err){ 0 });
		return (rc);
	}
	im->met = sp_import_met_new(argc - first, argv + first);
	im->total = sp_import_size(argc - first, argv + first);
	sp_progress_init(&im->progress, im->app, "importing", "bytes");
	for (int i = first; rc == SP_OK && i < argc; i++)
		rc = import_one(im, &walk, argv[i], err);
	return (finish(im, rc, err));
}

/* The values of --as, and what they mean. */
static const char *const kinds[] = { "eml", "mbox", "mboxo", "mboxrd", "mboxcl",
	"mboxcl2", "maildir", "pst", "piler", "export" };
static const enum sp_import_as as_of[] = { SP_IMPORT_AS_EML, SP_IMPORT_AS_MBOX,
	SP_IMPORT_AS_MBOXO, SP_IMPORT_AS_MBOXRD, SP_IMPORT_AS_MBOXCL,
	SP_IMPORT_AS_MBOXCL2, SP_IMPORT_AS_MAILDIR, SP_IMPORT_AS_PST,
	SP_IMPORT_AS_PILER, SP_IMPORT_AS_EXPORT };

/* Open what the import needs, run it, and free what is left; the exit status.
 * ${k}: the place in ${kinds}, -1 without --as. */
static int
open_and_run(struct import *im, int k, int argc, char **argv, int first)
{
	struct sp_err err;
	enum sp_code rc = SP_OK;

	if (im->vkey_text != NULL) {
		rc = sp_verdict_parse_vkey(im->vkey_text, &im->vkey, &err);
		im->trust.vkey = &im->vkey;
	}
	if (rc == SP_OK)
		rc = sp_app_open(im->app, &err);
	if (rc == SP_OK)
		rc = sp_host_open(im->app, &im->host, &err);
	if (rc == SP_OK)
		rc = import_all(im, k < 0 ? SP_IMPORT_AS_DETECT : as_of[k],
		    argc, argv, first, &err);
	sp_host_close(im->host);
	/* Without an answer: they are not in the log, or the next run finds
	 * them there. */
	for (struct ticket *t = im->tickets, *next; t != NULL; t = next) {
		next = t->next;
		ticket_free(im, t);
	}
	sp_import_seen_free(im->seen);
	sp_import_met_free(im->met);
	(void)sp_io_close(im->lock, NULL);
	if (rc != SP_OK)
		return (sp_app_fail(&err));
	return (im->failed > 0 ? 1 : 0);
}

/* 1 where some mail could not be taken; that is listed. */
int
sp_cmd_import(struct sp_app *app, int argc, char **argv)
{
	struct import im = { .app = app, .lock = -1 };
	const char *kind = NULL;
	const struct sp_option options[] = {
		{ "source", '\0', SP_OPT_TEXT, "NAME",
		    "where the mail comes from (kept in the record)",
		    &im.statement.source },
		{ "journal", '\0', SP_OPT_FLAG, NULL,
		    "it comes from a trusted journal source: unwrap journal reports",
		    &im.statement.journal },
		{ "as", '\0', SP_OPT_TEXT,
		    "eml|mbox|mboxo|mboxrd|mboxcl|mboxcl2|maildir|pst|piler|export",
		    "what the paths are; else found out", &kind },
		{ "vkey", '\0', SP_OPT_TEXT, "KEY",
		    "exports: verification key that you trust, or a file with it",
		    &im.vkey_text },
		{ "trust-embedded-key", '\0', SP_OPT_FLAG, NULL,
		    "exports: take the key found inside", &im.trust.embedded },
		{ "report", '\0', SP_OPT_TEXT, "FILE",
		    "write each thing met, JSON Lines, to a new file",
		    &im.report_path },
	};
	const struct sp_usage usage = { "import", "[OPTION]... PATH...",
		"Take in mail from files: .eml, mbox, Maildir, Outlook .pst and .ost, folders and\n"
		".zip, .tar.*, .7z of them, and exports of other archives; - is standard input.  A .eml file is one message, every\n"
		"byte of it.  A message that an earlier import of the same source took from the same place is not taken again.",
		options, SP_COUNTOF(options), false };
	int first, status, k = -1;

	status = sp_options_parse(&usage, argc, argv, &first);
	if (status >= 0)
		return (status);
	if (first >= argc)
		return (sp_app_usage(
		    "import: what? write `sealpost import PATH...`"));
	if (kind != NULL &&
	    (k = sp_args_choice("as", kind, kinds, SP_COUNTOF(kinds))) < 0)
		return (2);
	return (open_and_run(&im, k, argc, argv, first));
}
