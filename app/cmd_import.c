/* import: mail from files, through the same door as all mail. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/common.h"
#include "app/host.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/json.h"
#include "index/search.h"
#include "journal/archive/reader.h"
#include "journal/pull/import.h"

#define LISTED_MAX 20 /* failures named one by one */

struct import {
	struct sp_app *app;
	struct sp_host *host;
	struct sp_reader *reader;
	struct sp_progress progress;
	const char *source;
	bool journal;
	uint64_t taken, there, not_mail, failed, bytes;
	bool again; /* earlier imports may have had this mail */
};

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
	if (item->mbox) {
		sp_json_u64(&j, "offset", item->offset);
		sp_json_str(&j, "mbox_from", item->from_line);
	}
	if (im->journal)
		sp_json_bool(&j, "journal", true);
	return (sp_json_end(&j));
}

struct twin {
	struct import *im;
	const struct sp_import_item *item;
	bool found;
};

/* The same bytes from the same place of the same file? */
static enum sp_code
compare(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	struct twin *t = ctx;
	struct sp_record r;
	struct sp_entry e;
	const json_t *source;
	char hex[2 * SP_SHA256_LEN + 1];
	const char *sha;
	uint64_t offset = 0;

	if (sp_reader_get(t->im->reader, hit->seq, &e, err) != SP_OK ||
	    !e.has_record || sp_record_parse(e.record, &r, err) != SP_OK)
		return (SP_OK);
	source = json_object_get(r.json, "source");
	sha = json_string_value(json_object_get(source, "file_sha256"));
	(void)sp_json_get_u64(source, "offset", &offset);
	sp_hex_encode(t->item->file_sha256, SP_SHA256_LEN, hex);
	if (sha != NULL && strcmp(sha, hex) == 0 && offset == t->item->offset)
		t->found = true;
	sp_record_done(&r);
	return (t->found ? SP_EEND : SP_OK);
}

/* Whether an earlier run took this message already. */
static bool
is_there(struct import *im, const struct sp_import_item *item)
{
	char query[2 * SP_SHA256_LEN + 64], hex[2 * SP_SHA256_LEN + 1];
	struct sp_search_opts o = { .query = query };
	struct sp_search_result result;
	struct twin t = { im, item, false };
	uint8_t digest[SP_SHA256_LEN];
	struct sp_err err;

	sp_sha256_once(item->msg.p, item->msg.n, digest);
	sp_hex_encode(digest, sizeof(digest), hex);
	(void)snprintf(query, sizeof(query), "sha256:%s grade:imported", hex);
	(void)!sp_search(im->app->dir, &o, compare, &t, &result, &err);
	return (t.found);
}

/* A message on its way. */
struct ticket {
	char *path;
	size_t size;
};

static struct ticket *
ticket_new(const struct sp_import_item *item)
{
	struct ticket *t = sp_xmalloc(sizeof(*t));

	t->path = sp_xstrdup(item->path);
	t->size = item->msg.n;
	return (t);
}

static enum sp_code
on_item(void *ctx, const struct sp_import_item *item, struct sp_err *err)
{
	struct import *im = ctx;
	struct sp_host_message m = { .msg = item->msg,
		.flags = { "mbox_quoted" },
		.nflags = item->quoted ? 1 : 0 };
	struct sp_buf source;
	enum sp_code rc;

	if (!sp_progress_step(
		&im->progress, im->taken + im->there, im->taken + im->there))
		return (sp_err_set(err, SP_EINTERRUPT, 0,
		    "interrupted; what was taken is in, run it again for the "
		    "rest"));
	if (im->again && is_there(im, item)) {
		im->there++;
		return (SP_OK);
	}
	sp_buf_init(&source, 32u << 10);
	rc = source_of(im, item, &source);
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0, "%s: path too long", item->path);
	m.source = sp_buf_view(&source);
	if (rc == SP_OK) {
		m.tag = ticket_new(item);
		rc = sp_host_deliver(im->host, &m, err);
	}
	sp_buf_done(&source);
	return (rc);
}

static void on_failed(void *ctx, const char *path, const char *why);

static enum sp_code
on_answer(void *ctx, void *tag, uint64_t seq, const struct sp_err *why,
    struct sp_err *err)
{
	struct import *im = ctx;
	struct ticket *t = tag;

	(void)seq;
	(void)err;
	if (why == NULL) {
		im->taken++;
		im->bytes += t->size;
	} else {
		on_failed(im, t->path, why->msg);
	}
	free(t->path);
	free(t);
	return (SP_OK);
}

static void
on_failed(void *ctx, const char *path, const char *why)
{
	struct import *im = ctx;

	if (im->failed++ < LISTED_MAX)
		(void)fprintf(
		    stderr, "sealpost: %s: %s; not taken\n", path, why);
}

static void
on_not_mail(void *ctx, const char *path)
{
	struct import *im = ctx;

	im->not_mail++;
	if (im->app->verbose)
		(void)fprintf(stderr, "sealpost: %s: not mail\n", path);
}

static void
print_summary(const struct import *im)
{
	char a[32], b[32], c[32], d[32], e[32];

	printf("%s messages taken (%s), %s already there, %s files not mail, "
	       "%s failed\n",
	    sp_text_count(im->taken, a), sp_text_size(im->bytes, b),
	    sp_text_count(im->there, c), sp_text_count(im->not_mail, d),
	    sp_text_count(im->failed, e));
	if (im->failed > LISTED_MAX)
		(void)fprintf(stderr,
		    "sealpost: %s failures in all, the first %d are listed\n",
		    e, LISTED_MAX);
}

/* Looking for each message costs; only an archive that imports have fed needs
 * it. */
static enum sp_code
look_for_earlier(struct import *im, struct sp_err *err)
{
	const struct sp_search_opts o = { .query = "grade:imported",
		.count_only = true };
	struct sp_search_result result = { 0 };
	enum sp_code rc;

	rc = sp_search(im->app->dir, &o, NULL, NULL, &result, err);
	im->again = result.total > 0;
	return (rc);
}

static enum sp_code
run(struct import *im, enum sp_import_as as, int argc, char **argv, int first,
    struct sp_err *err)
{
	struct sp_import walk = { .as = as,
		.max_message = im->app->cfg->nlisten > 0
				   ? im->app->cfg->listen[0].max_message
				   : 150u << 20,
		.item = on_item,
		.failed = on_failed,
		.not_mail = on_not_mail,
		.ctx = im };
	struct sp_err late;
	enum sp_code rc, flushed;

	/* What an earlier import took is found by the index. */
	sp_interrupt_catch();
	sp_host_on_answer(im->host, on_answer, im);
	rc = sp_host_index_all(im->host, err);
	if (rc == SP_OK)
		rc = look_for_earlier(im, err);
	if (rc == SP_OK)
		rc = sp_reader_open(im->app->dir, &im->reader, err);
	sp_progress_init(&im->progress, im->app, "importing", "messages");
	for (int i = first; rc == SP_OK && i < argc; i++)
		rc = sp_import_path(&walk, argv[i], err);
	flushed = sp_host_flush(im->host, rc == SP_OK ? err : &late);
	sp_progress_end(&im->progress);
	sp_reader_close(im->reader);
	if (flushed == SP_OK && im->taken > 0)
		flushed =
		    sp_host_checkpoint(im->host, rc == SP_OK ? err : &late);
	/* Interrupted, but all that was taken is durable: say how much. */
	if (flushed == SP_OK && (rc == SP_OK || rc == SP_EINTERRUPT))
		print_summary(im);
	return (rc != SP_OK ? rc : flushed);
}

int
sp_cmd_import(struct sp_app *app, int argc, char **argv)
{
	static const char *const kinds[] = { "eml", "mbox", "maildir" };
	static const enum sp_import_as as[] = { SP_AS_EML, SP_AS_MBOX,
		SP_AS_MAILDIR };
	struct import im = { .app = app };
	const char *kind = NULL;
	const struct sp_option options[] = {
		{ "source", '\0', SP_OPT_TEXT, "NAME",
		    "where the mail comes from (kept in the record)",
		    &im.source },
		{ "journal", '\0', SP_OPT_FLAG, NULL,
		    "it comes from a trusted journal source: unwrap "
		    "journal reports",
		    &im.journal },
		{ "as", '\0', SP_OPT_TEXT, "eml|mbox|maildir",
		    "what the paths are; else found out", &kind },
	};
	const struct sp_usage usage = { "import", "[OPTION]... PATH...",
		"Take in mail from files.  A .eml file is one message, every "
		"byte of it; in folders\n*.eml, Maildirs and *.mbox are taken; "
		"- is standard input.  A message that an earlier\nimport took "
		"from the same place is not taken again.",
		options, SP_COUNTOF(options), false };
	struct sp_err err;
	int first, status, k = -1;
	enum sp_code rc;

	status = sp_common_parse(&usage, argc, argv, &first);
	if (status >= 0)
		return (status);
	if (first >= argc)
		return (sp_app_usage("import: what? write `sealpost import "
				     "PATH...`"));
	if (kind != NULL &&
	    (k = sp_common_choice("as", kind, kinds, SP_COUNTOF(kinds))) < 0)
		return (2);
	rc = sp_app_open(app, &err);
	if (rc == SP_OK)
		rc = sp_host_open(app, &im.host, &err);
	if (rc == SP_OK)
		rc = run(
		    &im, k < 0 ? SP_AS_DETECT : as[k], argc, argv, first, &err);
	sp_host_close(im.host);
	if (rc != SP_OK)
		return (sp_app_fail(&err));
	return (im.failed > 0 ? 1 : 0);
}
