/*
 * `sealpost verify`: check the archive at hand, another archive, or an export
 * (journal/verify/verify.h does it, verdict_print.c prints findings and
 * verdict).  This file chooses what is verified and which keys count.  For the
 * archive at hand its own key and guard copy do; for anything else only the key
 * that the person gives and, to compare with, the key of the archive at hand.
 * --rebuild-tree first makes a lost tree/ again.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/cmd/cmd.h"
#include "app/cmd/verdict_print.h"
#include "app/common/account.h"
#include "app/common/args.h"
#include "app/common/date_range.h"
#include "app/common/json_line.h"
#include "app/common/options.h"
#include "app/host/verified.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/layout.h"
#include "base/time_text.h"
#include "journal/verify/rebuild.h"

struct verify_job {
	const char *path; /* what is verified */
	struct sp_verify_opts o;
	struct sp_vkey given; /* of --vkey */
	struct sp_vkey own; /* of the archive at hand */
	bool is_own; /* what is verified is the archive at hand */
	bool rebuild_tree;
};

/* Whether the two paths are the same directory. */
static bool
same_directory(const char *a, const char *b)
{
	char *x = realpath(a, NULL), *y = realpath(b, NULL);
	bool is = x != NULL && y != NULL && strcmp(x, y) == 0;

	free(x);
	free(y);
	return (is);
}

/* What is verified, and which key and guard copy of ours count for it. */
static enum sp_code
choose_target(struct sp_app *app, struct verify_job *j, struct sp_err *err)
{
	enum sp_code rc = sp_app_find(app, err);
	char *path;

	if (rc == SP_OK &&
	    (j->path == NULL || same_directory(j->path, app->dir))) {
		j->is_own = true;
		j->path = app->dir;
		rc = sp_app_open_reader(app, err);
		if (rc == SP_OK)
			j->o.guard = app->cfg->guard;
		return (rc);
	}
	if (j->path == NULL) {
		/* Named, but its FORMAT is damaged: that is a finding. */
		j->path = app->archive_opt;
		return (rc == SP_EFORMAT && j->path != NULL ? SP_OK : rc);
	}
	/* No archive at hand: only what was given counts. */
	if (rc != SP_OK)
		return (SP_OK);
	path = sp_layout_path(app->dir, "keys/log.vkey");
	if (sp_vkey_load(path, &j->own, NULL) == SP_OK)
		j->o.own_vkey = &j->own;
	free(path);
	return (SP_OK);
}

static void
print_rebuilt(const struct sp_rebuild *r)
{
	(void)printf("rebuilt   the tree of %" PRIu64
		     " entries; it fits %" PRIu64 " checkpoint%s\n",
	    r->size, r->checkpoints, r->checkpoints == 1 ? "" : "s");
	if (r->aside[0] != '\0')
		(void)printf("aside     the old tree is now %s\n", r->aside);
	if (r->lost > 0)
		(void)printf("lost      %" PRIu64
			     " checkpoint%s could not be used: %s\n",
		    r->lost, r->lost == 1 ? "" : "s", r->lost_first);
	if (r->signed_size < r->size)
		(void)printf("note      entries from %" PRIu64
			     " on are in no checkpoint that survived\n",
		    r->signed_size);
}

static void
print_rebuilt_json(const struct sp_rebuild *r)
{
	struct sp_json_line line;
	struct sp_json *j = sp_json_line_begin(&line, 8192);

	sp_json_bool(j, "rebuilt", r->findings == 0);
	sp_json_u64(j, "size", r->size);
	sp_json_u64(j, "signed", r->signed_size);
	sp_json_u64(j, "checkpoints", r->checkpoints);
	sp_json_u64(j, "lost", r->lost);
	sp_json_cstr(j, "aside", r->aside);
	sp_json_line_print(&line);
}

/* Make tree/ again, as the archive's account.  -1: it is there again, and may
 * be verified; else the exit status. */
static int
rebuild(struct sp_app *app, struct verify_job *j, bool json)
{
	struct sp_account account;
	struct sp_rebuild r;
	struct sp_err err;
	enum sp_code rc;

	if (!j->is_own)
		return (sp_app_usage(
		    "--rebuild-tree works on the archive at hand (-A DIR), not on PATH"));
	rc = sp_account_find(app->dir, app->cfg, &account, &err);
	if (rc == SP_OK) {
		sp_account_enter(&account);
		rc = sp_rebuild_tree(
		    app->dir, &j->o, SP_APP_LOCK_WAIT_MS, &r, &err);
		sp_account_leave(&account);
	}
	if (rc != SP_OK) {
		(void)sp_app_fail(&err);
		return (2); /* it could not look */
	}
	if (json)
		print_rebuilt_json(&r);
	else if (r.findings > 0)
		(void)printf("FAILED    %" PRIu64
			     " finding%s; nothing was changed\n",
		    r.findings, r.findings == 1 ? "" : "s");
	else if (!app->quiet)
		print_rebuilt(&r);
	return (r.findings > 0 ? 1 : -1);
}

/* The verdict over the whole archive in a few words, for `status` and alarms. */
static void
say_verdict(
    const struct sp_verdict *v, const char *failure, char out[SP_ERR_MAX + 64])
{
	if (v == NULL)
		(void)snprintf(
		    out, SP_ERR_MAX + 64, "could not look: %s", failure);
	else if (v->findings > 0)
		(void)snprintf(out, SP_ERR_MAX + 64,
		    "FAILED: %" PRIu64 " finding%s; see sealpost verify",
		    v->findings, v->findings == 1 ? "" : "s");
	else
		(void)snprintf(out, SP_ERR_MAX + 64,
		    "OK: %" PRIu64 " entries verified", v->entries);
}

/* Keep the result for `status` and alarms. */
static void
keep_result(const struct sp_app *app, int status, const struct sp_verdict *v,
    const char *failure)
{
	char verdict[SP_ERR_MAX + 64];

	say_verdict(v, failure, verdict);
	sp_verified_write(app, status, verdict);
}

/* Rebuild where asked, verify, print; the exit status. */
static int
run(struct sp_app *app, struct verify_job *j, bool json)
{
	struct sp_verdict_print p;
	struct sp_verdict v;
	struct sp_err err;
	enum sp_code rc;
	int status;

	j->o.tmpdir = getenv("TMPDIR");
	sp_verdict_print_init(&p, "sealpost verify", json, app->quiet);
	p.own = j->is_own;
	sp_verdict_print_hook(&p, &j->o);
	status = j->rebuild_tree ? rebuild(app, j, json) : -1;
	if (status >= 0)
		return (status);
	rc = sp_verify(j->path, &j->o, &v, &err);
	if (rc != SP_OK)
		sp_app_explain(&err);
	status = sp_verdict_print_result(&p, &j->o, &v, rc, &err);
	if (j->is_own && !j->o.quick && !j->o.have_since && !j->o.have_until &&
	    app->cfg != NULL && rc != SP_EINTERRUPT)
		keep_result(app, status, rc == SP_OK ? &v : NULL, err.msg);
	return (status);
}

/* The range is only asked of an export; an archive is verified as a whole. */
int
sp_cmd_verify(struct sp_app *app, int argc, char **argv)
{
	static const char *const formats[] = { "text", "json" };
	const char *vkey = NULL, *since = NULL, *until = NULL, *format = "text";
	struct verify_job j = { 0 };
	const struct sp_option options[] = {
		{ "quick", '\0', SP_OPT_FLAG, NULL,
		    "do not decompress segments", &j.o.quick },
		{ "rebuild-tree", '\0', SP_OPT_FLAG, NULL,
		    "first make a lost or damaged tree/ again (service stopped)",
		    &j.rebuild_tree },
		{ "vkey", '\0', SP_OPT_TEXT, "KEY",
		    "verification key that you trust, or a file with it",
		    &vkey },
		{ "from-checkpoint", '\0', SP_OPT_TEXT, "FILE",
		    "a checkpoint of this log that you kept",
		    &j.o.from_checkpoint },
		{ "trust-embedded-key", '\0', SP_OPT_FLAG, NULL,
		    "take the key found inside", &j.o.trust_embedded },
		{ "since", '\0', SP_OPT_TEXT, "D",
		    "exports: the range that you ask about", &since },
		{ "until", '\0', SP_OPT_TEXT, "D",
		    "exports: its end; a plain date includes that day",
		    &until },
		{ "require-complete", '\0', SP_OPT_FLAG, NULL,
		    "exports: a selection is a finding",
		    &j.o.require_complete },
		{ "format", '\0', SP_OPT_TEXT, "text|json",
		    "json: one line per finding, then the verdict", &format },
	};
	const struct sp_usage usage = { "verify", "[OPTION]... [PATH]",
		"Check the archive, or PATH: an export (directory, .zip, .tar.zst) or another\n"
		"archive.  Exit status: 0 everything fits, 1 a finding, 2 it could not look or\n"
		"knows no trusted key.",
		options, SP_COUNTOF(options), false };
	struct sp_date_range range;
	struct sp_err err;
	int first, status, json;
	enum sp_code rc;

	status = sp_options_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	json = sp_args_choice("--format", format, formats, 2);
	if (json < 0)
		return (2);
	j.path = first < argc ? argv[first] : NULL;
	rc = sp_date_range_parse(app, since, until, &range, &err);
	if (rc == SP_OK && vkey != NULL) {
		rc = sp_verdict_parse_vkey(vkey, &j.given, &err);
		j.o.vkey = &j.given;
	}
	if (rc == SP_OK)
		rc = choose_target(app, &j, &err);
	if (rc != SP_OK)
		return (sp_app_fail(&err));
	j.o.have_since = range.have_since;
	j.o.have_until = range.have_until;
	j.o.since = range.since;
	j.o.until = range.until;
	return (run(app, &j, json == 1));
}
