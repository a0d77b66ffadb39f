/* import: mail from files, through the same door as all mail. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/commands.h"
#include "app/common/common.h"
#include "app/host/host.h"
#include "app/cmd/import_bag.h"
#include "app/cmd/import_report.h"
#include "app/cmd/import_seen.h"
#include "app/cmd/import_size.h"
#include "app/cmd/verdict_print.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/sha256.h"
#include "journal/import/import.h"

#define LISTED_MAX  20 /* failures named one by one */
#define DEFAULT_MAX ((uint64_t)150 << 20)

struct import {
	struct sp_app *app;
	struct sp_host *host;
	struct sp_seen *seen;
	struct sp_report *report;
	struct sp_progress progress;
	const char *source, *report_path;
	bool journal;
	const char *vkey_text;
	struct sp_vkey vkey;
	struct sp_bag_trust trust;
	struct ticket *tickets; /* not answered yet */
	uint64_t taken, there, not_mail, failed, quoted, bytes;
	uint64_t handled, total; /* bytes, for the percentage */
};

/* A message on its way. */
struct ticket {
	struct ticket *prev, *next;
	char *path, *member;
	uint64_t offset;
	size_t size;
	uint8_t sha256[SP_SHA256_LEN];
};

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

/* The members of "source": where the bytes lay, as the operator named it. */
static enum sp_code
source_of(const struct import *im, const struct sp_import_item *item,
    struct sp_buf *out)
{
	struct sp_json j;

	sp_json_init(&j, out);
	if (im->source != NULL)
		sp_json_cstr(&j, "name", im->source);
	sp_json_str(&j, "file", sp_view_str(item->path));
	sp_json_hex(&j, "file_sha256", item->file_sha256, SP_SHA256_LEN);
	if (item->member != NULL)
		sp_json_str(&j, "member", sp_view_str(item->member));
	if (item->extra.n > 0)
		sp_json_raw(&j, NULL, item->extra);
	if (im->journal)
		sp_json_bool(&j, "journal", true);
	return (sp_json_end(&j));
}

/* ---- what is met --------------------------------------------------------- */

static void
where(struct sp_json *j, const char *member, uint64_t offset)
{
	if (member != NULL)
		sp_json_str(j, "member", sp_view_str(member));
	if (offset > 0)
		sp_json_u64(j, "offset", offset);
}

/* A name or a reason as it came from a file, fit for a terminal. */
static void
say(const char *path, const char *why)
{
	char *text = sp_xasprintf("%s: %s", path, why);

	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	(void)fprintf(stderr, "sealpost: %s\n", text);
	free(text);
}

static void
on_failed(void *ctx, const char *path, const char *why)
{
	struct import *im = ctx;
	struct sp_json *j;
	char *text;

	if (im->failed++ < LISTED_MAX) {
		text = sp_xasprintf("%s; not taken", why);
		say(path, text);
		free(text);
	}
	j = sp_report_begin(im->report, "failed", path);
	if (j != NULL)
		sp_json_cstr(j, "why", why);
	sp_report_end(im->report);
}

static void
on_not_mail(void *ctx, const char *path)
{
	struct import *im = ctx;

	im->not_mail++;
	if (im->app->verbose)
		say(path, "not mail");
	(void)sp_report_begin(im->report, "not_mail", path);
	sp_report_end(im->report);
}

static void
on_there(struct import *im, const struct sp_import_item *item)
{
	struct sp_json *j;

	im->there++;
	j = sp_report_begin(im->report, "there", item->path);
	if (j != NULL)
		where(j, item->member, item->offset);
	sp_report_end(im->report);
}

static void
note_taken(struct import *im, const struct ticket *t, uint64_t seq)
{
	struct sp_json *j = sp_report_begin(im->report, "taken", t->path);

	if (j == NULL)
		return;
	where(j, t->member, t->offset);
	sp_json_u64(j, "seq", seq);
	sp_json_u64(j, "size", t->size);
	sp_json_hex(j, "sha256", t->sha256, SP_SHA256_LEN);
	sp_report_end(im->report);
}

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
		note_taken(im, t, seq);
	} else {
		on_failed(im, t->path, why->msg);
	}
	ticket_free(im, t);
	return (SP_OK);
}

static enum sp_code
hand_over(
    struct import *im, const struct sp_import_item *item, struct sp_err *err)
{
	struct sp_host_message m = { .msg = item->msg,
		.origin_date = item->origin_date,
		.nflags = item->nflags };
	struct sp_buf source;
	enum sp_code rc;

	for (size_t i = 0; i < item->nflags; i++)
		m.flags[i] = item->flags[i];
	sp_buf_init(&source, 384u << 10);
	rc = source_of(im, item, &source);
	m.source = sp_buf_view(&source);
	if (rc == SP_OK) {
		m.tag = ticket_new(im, item);
		rc = sp_host_deliver(im->host, &m, err);
	} else {
		on_failed(im, item->path,
		    "what is known of it is too long for a record");
		rc = SP_OK;
	}
	sp_buf_done(&source);
	return (rc);
}

static enum sp_code
on_item(void *ctx, const struct sp_import_item *item, struct sp_err *err)
{
	struct import *im = ctx;

	im->handled += item->msg.n;
	if (!sp_progress_step(&im->progress,
		im->handled < im->total ? im->handled : im->total, im->total))
		return (sp_err_set(err, SP_EINTERRUPT, 0,
		    "interrupted; what was taken is in, run it again for the rest"));
	if (sp_seen_take(im->seen, item)) {
		on_there(im, item);
		return (SP_OK);
	}
	if (item->quoted)
		im->quoted++;
	return (hand_over(im, item, err));
}

/* ---- the end ------------------------------------------------------------- */

static void
print_summary(const struct import *im)
{
	char a[32], b[32], c[32], d[32], e[32];
	struct sp_json *j;

	printf(
	    "%s messages taken (%s), %s already there, %s files not mail, %s failed\n",
	    sp_text_count(im->taken, a), sp_text_size(im->bytes, b),
	    sp_text_count(im->there, c), sp_text_count(im->not_mail, d),
	    sp_text_count(im->failed, e));
	if (im->failed > LISTED_MAX)
		(void)fprintf(stderr,
		    "sealpost: %s failures in all, the first %d are listed%s\n",
		    e, LISTED_MAX,
		    im->report == NULL ? "; --report FILE names all" : "");
	if (im->quoted > 0 && !im->app->quiet)
		(void)fprintf(stderr,
		    "sealpost: note: %s messages have lines that begin with \">From \", kept as they are (flag:mbox_quoted); if the program that wrote the mbox is known to use mboxrd, say so with --as mboxrd\n",
		    sp_text_count(im->quoted, a));
	j = sp_report_begin(im->report, "summary", NULL);
	if (j == NULL)
		return;
	sp_json_u64(j, "taken", im->taken);
	sp_json_u64(j, "bytes", im->bytes);
	sp_json_u64(j, "there", im->there);
	sp_json_u64(j, "not_mail", im->not_mail);
	sp_json_u64(j, "failed", im->failed);
	sp_report_end(im->report);
}

static enum sp_code
finish(struct import *im, enum sp_code rc, struct sp_err *err)
{
	struct sp_err late;
	struct sp_err *e = rc == SP_OK ? err : &late;
	enum sp_code flushed = sp_host_flush(im->host, e);

	sp_progress_end(&im->progress);
	if (flushed == SP_OK && im->taken > 0)
		flushed = sp_host_checkpoint(im->host, e);
	/* Interrupted, but all that was taken is durable: say how much. */
	print_summary(im);
	if (sp_report_close(im->report, e) != SP_OK && flushed == SP_OK)
		flushed = e->code;
	im->report = NULL;
	return (rc != SP_OK ? rc : flushed);
}

/* An export is known as a folder; in a container it must be said. */
static enum sp_code
take(const struct import *im, const struct sp_import *walk, const char *path,
    struct sp_err *err)
{
	if (walk->as == SP_AS_EXPORT ||
	    (walk->as == SP_AS_DETECT && sp_import_bag_is(path)))
		return (sp_import_bag(walk, path, &im->trust, err));
	return (sp_import_path(walk, path, err));
}

static enum sp_code
run(struct import *im, enum sp_import_as as, int argc, char **argv, int first,
    struct sp_err *err)
{
	const struct sp_config *cfg = im->app->cfg;
	struct sp_import walk = { .as = as,
		.max_message = DEFAULT_MAX,
		.item = on_item,
		.failed = on_failed,
		.not_mail = on_not_mail,
		.ctx = im };
	enum sp_code rc = SP_OK;

	/* As large as anything that may come in by itself. */
	for (size_t i = 0; i < cfg->nlisten; i++) {
		if (cfg->listen[i].max_message > walk.max_message)
			walk.max_message = cfg->listen[i].max_message;
	}
	sp_interrupt_catch();
	sp_host_on_answer(im->host, on_answer, im);
	if (im->report_path != NULL)
		rc = sp_report_open(im->report_path, &im->report, err);
	/* What an earlier import took is found by the index. */
	if (rc == SP_OK)
		rc = sp_host_index_all(im->host, err);
	if (rc == SP_OK)
		rc = sp_seen_load(im->app, &im->seen, err);
	if (rc != SP_OK) {
		(void)!sp_report_close(im->report, &(struct sp_err){ 0 });
		return (rc);
	}
	im->total = sp_import_size(argc - first, argv + first);
	sp_progress_init(&im->progress, im->app, "importing", "bytes");
	for (int i = first; rc == SP_OK && i < argc; i++)
		rc = take(im, &walk, argv[i], err);
	return (finish(im, rc, err));
}

static const char *const kinds[] = { "eml", "mbox", "mboxo", "mboxrd", "mboxcl",
	"mboxcl2", "maildir", "pst", "piler", "export" };
static const enum sp_import_as as_of[] = { SP_AS_EML, SP_AS_MBOX, SP_AS_MBOXO,
	SP_AS_MBOXRD, SP_AS_MBOXCL, SP_AS_MBOXCL2, SP_AS_MAILDIR, SP_AS_PST,
	SP_AS_PILER, SP_AS_EXPORT };

static int
start(struct import *im, int k, int argc, char **argv, int first)
{
	struct sp_err err;
	enum sp_code rc = SP_OK;

	if (im->vkey_text != NULL) {
		rc = sp_verify_print_vkey(im->vkey_text, &im->vkey, &err);
		im->trust.vkey = &im->vkey;
	}
	if (rc == SP_OK)
		rc = sp_app_open(im->app, &err);

	if (rc == SP_OK)
		rc = sp_host_open(im->app, &im->host, &err);
	if (rc == SP_OK)
		rc = run(im, k < 0 ? SP_AS_DETECT : as_of[k], argc, argv, first,
		    &err);
	sp_host_close(im->host);
	/* Nobody answered for these: nothing of them is in, or a run that
	 * comes again finds it. */
	for (struct ticket *t = im->tickets, *next; t != NULL; t = next) {
		next = t->next;
		ticket_free(im, t);
	}
	sp_seen_free(im->seen);
	if (rc != SP_OK)
		return (sp_app_fail(&err));
	return (im->failed > 0 ? 1 : 0);
}

int
sp_cmd_import(struct sp_app *app, int argc, char **argv)
{
	struct import im = { .app = app };
	const char *kind = NULL;
	const struct sp_option options[] = {
		{ "source", '\0', SP_OPT_TEXT, "NAME",
		    "where the mail comes from (kept in the record)",
		    &im.source },
		{ "journal", '\0', SP_OPT_FLAG, NULL,
		    "it comes from a trusted journal source: unwrap journal reports",
		    &im.journal },
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
		"byte of it.  A message that an earlier import took from the same place is not taken again.",
		options, SP_COUNTOF(options), false };
	int first, status, k = -1;

	status = sp_common_parse(&usage, argc, argv, &first);
	if (status >= 0)
		return (status);
	if (first >= argc)
		return (sp_app_usage(
		    "import: what? write `sealpost import PATH...`"));
	if (kind != NULL &&
	    (k = sp_common_choice("as", kind, kinds, SP_COUNTOF(kinds))) < 0)
		return (2);
	return (start(&im, k, argc, argv, first));
}
