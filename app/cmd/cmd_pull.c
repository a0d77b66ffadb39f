/*
 * `sealpost pull`: visit the mailboxes of the configuration now (doc/pull.md).
 * With the service running its pull worker is asked, over state/control, and
 * only reports; without it this process takes the roles and does the same work.
 * `--check` tries an account step by step and fetches nothing.
 *
 * An account that fails does not keep the others from being visited; the exit
 * status is 1 then.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/common/args.h"
#include "app/common/cell.h"
#include "app/common/control.h"
#include "app/common/human.h"
#include "app/common/json_line.h"
#include "app/common/options.h"
#include "app/host/pull_run.h"
#include "base/io.h"
#include "base/json.h"
#include "base/layout.h"

struct pull_command {
	struct sp_app *app;
	struct sp_pull_secrets secrets;
	struct sp_host *host; /* NULL: with the service */
	int lock; /* state/pull.lock, or -1 */
	bool json;
	bool failed; /* an account, or something of it was not taken */
};

/* ---- what is printed ---------------------------------------------------- */

static void
print_json(const char *name, const struct sp_pull_result *r, const char *error)
{
	struct sp_json_line line;
	struct sp_json *j = sp_json_line_begin(&line, 1u << 16);

	sp_json_cstr(j, "account", name);
	sp_json_cstr(j, "error", error);
	sp_json_u64(j, "taken", r->taken);
	sp_json_u64(j, "known", r->known);
	sp_json_u64(j, "deleted", r->deleted);
	sp_json_u64(j, "skipped", r->skipped);
	sp_json_u64(j, "there", r->in_mailbox);
	sp_json_u64(j, "doubtful", r->doubtful);
	sp_json_cstr(j, "doubts", r->doubts);
	sp_json_u64(j, "lost", r->lost);
	sp_json_cstr(j, "losses", r->losses);
	sp_json_line_print(&line);
}

/* How the visit of account ${name} went; ${error} is NULL for a good one. */
static void
print_result(const struct pull_command *p, const char *name,
    const struct sp_pull_result *r, const char *error)
{
	char n[32];

	if (p->json) {
		print_json(name, r, error);
		return;
	}
	if (error != NULL) {
		(void)fflush(stdout);
		(void)fprintf(stderr, "sealpost: %s: %s\n", name, error);
		return;
	}
	if (p->app->quiet)
		return;
	printf("%s: %s messages taken", name, sp_human_count(r->taken, n));
	printf(", %s were there already", sp_human_count(r->known, n));
	if (r->deleted > 0)
		printf(", %s deleted", sp_human_count(r->deleted, n));
	if (r->skipped > 0)
		printf(", %s NOT TAKEN", sp_human_count(r->skipped, n));
	if (r->doubtful > 0) {
		printf(", %s NOT CAPTURED: ", sp_human_count(r->doubtful, n));
		sp_cell_print(r->doubts, 0, true);
	}
	if (r->lost > 0) {
		printf(", %s LOST UNCAPTURED: ", sp_human_count(r->lost, n));
		sp_cell_print(r->losses, 0, true);
	}
	printf("\n");
}

static void
on_note(void *ctx, const char *text)
{
	(void)ctx;
	(void)fprintf(stderr, "sealpost: note: %s\n", text);
}

/* ---- with the service --------------------------------------------------- */

/* Whether something of a visit is not in the archive. */
static bool
not_all(const struct sp_pull_result *r)
{
	return (r->skipped > 0 || r->doubtful > 0 || r->lost > 0);
}

/* Have the service visit the account; its reply is "TAKEN KNOWN DELETED SKIPPED
 * THERE DOUBTFUL LOST NAMES TAB NAMES", of what is doubtful and what is lost.  A
 * failure is the account's. */
static enum sp_code
ask_service(
    struct pull_command *p, const struct sp_pull_conf *c, struct sp_err *err)
{
	char *request = sp_xasprintf("pull %s", c->name);
	struct sp_pull_result r = { .taken = 0 };
	struct sp_view rest, names;
	struct sp_buf reply;
	uint64_t *const to[] = { &r.taken, &r.known, &r.deleted, &r.skipped,
		&r.in_mailbox, &r.doubtful, &r.lost };
	enum sp_code rc;

	sp_buf_init(&reply, SP_CONTROL_MAX);
	rc = sp_control_ask(p->app->dir, request, &reply, err);
	rest = sp_buf_view(&reply);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(to); i++)
		(void)sp_view_u64(sp_view_cut(&rest, ' '), to[i]);
	if (rc == SP_OK) {
		names = sp_view_cut(&rest, '\t');
		(void)snprintf(r.doubts, sizeof(r.doubts), "%.*s", (int)names.n,
		    names.n > 0 ? names.p : "");
		(void)snprintf(r.losses, sizeof(r.losses), "%.*s", (int)rest.n,
		    rest.n > 0 ? rest.p : "");
	}
	print_result(p, c->name, &r, rc == SP_OK ? NULL : err->msg);
	sp_buf_done(&reply);
	free(request);
	p->failed |= rc != SP_OK || not_all(&r);
	return (SP_OK);
}

/* ---- without it --------------------------------------------------------- */

/* The place of the account in the configuration. */
static size_t
index_of(const struct pull_command *p, const struct sp_pull_conf *c)
{
	return ((size_t)(c - p->app->cfg->pull));
}

/* Visit the account in this process, and append its mail to the log. */
static enum sp_code
fetch_here(
    struct pull_command *p, const struct sp_pull_conf *c, struct sp_err *err)
{
	struct sp_pull_opts opts = { .note = on_note };
	struct sp_pull_result r = { .taken = 0 };
	struct sp_pull_run run = { .app = p->app,
		.conf = c,
		.secret = &p->secrets.of[index_of(p, c)],
		.way = SP_PULL_BY_HOST,
		.host = p->host };
	enum sp_code rc = sp_pull_run_open(&run, &opts, err);

	if (rc == SP_OK) {
		rc = sp_pull_visit(run.pull, SP_PULL_FETCH, &r, err);
		sp_pull_run_close(&run);
	}
	print_result(p, c->name, &r, rc == SP_OK ? NULL : err->msg);
	p->failed |= rc != SP_OK || not_all(&r);
	return (rc == SP_EINTERRUPT ? rc : SP_OK);
}

/* ---- check -------------------------------------------------------------- */

/* A step of --check, printed at once: the next one may wait for the network. */
static void
on_step(void *ctx, const char *what, bool ok, const char *text)
{
	const struct pull_command *p = ctx;
	struct sp_json_line line;
	struct sp_json *j;

	if (!p->json) {
		printf("%-4s %-13s", ok ? "ok" : "FAIL", what);
		sp_cell_print(text, 0, true);
		printf("\n");
		(void)fflush(stdout);
		return;
	}
	j = sp_json_line_begin(&line, 1u << 16);
	sp_json_cstr(j, "step", what);
	sp_json_bool(j, "ok", ok);
	sp_json_str(j, "text", sp_view_str(text));
	sp_json_line_print(&line);
}

/* Try the account: connect, log in, list; nothing is fetched or changed. */
static enum sp_code
check(struct pull_command *p, const struct sp_pull_conf *c, struct sp_err *err)
{
	struct sp_pull_opts opts = {
		.step = on_step, .note = on_note, .ctx = p
	};
	struct sp_pull_result r = { .taken = 0 };
	struct sp_pull_run run = { .app = p->app,
		.conf = c,
		.secret = &p->secrets.of[index_of(p, c)],
		.way = SP_PULL_LOOK };
	enum sp_code rc = sp_pull_run_open(&run, &opts, err);

	if (rc == SP_OK) {
		rc = sp_pull_visit(run.pull, SP_PULL_CHECK, &r, err);
		sp_pull_run_close(&run);
	}
	on_step(p, "all", rc == SP_OK, rc == SP_OK ? "works" : err->msg);
	p->failed |= rc != SP_OK;
	return (rc == SP_EINTERRUPT ? rc : SP_OK);
}

/* ---- the command -------------------------------------------------------- */

/* Call ${one} for the accounts that are named, or for all that are active. */
static enum sp_code
for_each_account(struct pull_command *p, int argc, char **argv, int first,
    enum sp_code (*one)(struct pull_command *p, const struct sp_pull_conf *c,
	struct sp_err *err),
    struct sp_err *err)
{
	const struct sp_config *cfg = p->app->cfg;
	enum sp_code rc = SP_OK;

	for (int i = first; rc == SP_OK && i < argc; i++) {
		const struct sp_pull_conf *c =
		    sp_pull_run_find(cfg, argv[i], err);

		rc = c != NULL ? one(p, c, err) : SP_EUSAGE;
	}
	for (size_t i = 0; rc == SP_OK && first == argc && i < cfg->npull;
	     i++) {
		if (cfg->pull[i].active)
			rc = one(p, &cfg->pull[i], err);
	}
	return (rc);
}

/* Visit the accounts by the service or, without one, here. */
static enum sp_code
fetch(struct pull_command *p, int argc, char **argv, int first,
    struct sp_err *err)
{
	struct sp_host *host = NULL;
	enum sp_code rc = sp_host_open(p->app, &host, err);
	bool service = rc == SP_OK && sp_host_service(host);

	sp_host_close(host);
	if (rc != SP_OK || service)
		return (rc != SP_OK ? rc
				    : for_each_account(p, argc, argv, first,
					  ask_service, err));
	rc = sp_pull_run_prepare(p->app, &p->secrets, err);
	if (rc == SP_OK)
		rc = sp_pull_run_lock(p->app->dir, &p->lock, err);
	if (rc == SP_OK)
		rc = sp_host_open(p->app, &p->host, err);
	if (rc == SP_OK)
		rc = for_each_account(p, argc, argv, first, fetch_here, err);
	if (p->host != NULL && rc == SP_OK)
		rc = sp_host_checkpoint(p->host, err);
	sp_host_close(p->host);
	return (rc);
}

/* --once is accepted and changes nothing: one visit is what the command makes
 * anyway. */
int
sp_cmd_pull(struct sp_app *app, int argc, char **argv)
{
	static const char *const forms[] = { "text", "json" };
	const char *form = "text";
	bool once = false, only_check = false;
	const struct sp_option options[] = {
		{ "once", '\0', SP_OPT_FLAG, NULL,
		    "visit each mailbox once (the default)", &once },
		{ "check", '\0', SP_OPT_FLAG, NULL,
		    "only try the account: say step by step what works and what does not; nothing is fetched or changed",
		    &only_check },
		{ "format", '\0', SP_OPT_TEXT, "text|json",
		    "json: a line of JSON an account or step", &form },
	};
	const struct sp_usage usage = { "pull", "[--check] [ACCOUNT...]",
		"Fetch new mail from the accounts of the configuration now; without a name from all\n"
		"that are active.  Exit status 1 if something was not taken.",
		options, SP_COUNTOF(options), false };
	struct pull_command p = { .app = app, .lock = -1 };
	struct sp_err err = { .msg = "" };
	int first, status, f;
	enum sp_code rc;

	status = sp_options_parse(&usage, argc, argv, &first);
	if (status >= 0)
		return (status);
	f = sp_args_choice("format", form, forms, SP_COUNTOF(forms));
	if (f < 0)
		return (2);
	p.json = f == 1;
	if (only_check && first == argc)
		return (sp_app_usage(
		    "pull: check what? write `sealpost pull --check ACCOUNT`"));
	rc = sp_app_open(app, &err);
	if (rc == SP_OK && app->cfg->npull == 0)
		rc = sp_err_set(&err, SP_ECONFIG, 0,
		    "%s has no section `pull NAME { ... }`; see sealpost.conf(5)",
		    app->cfg->path);
	if (rc == SP_OK && only_check) {
		rc = sp_pull_run_prepare(app, &p.secrets, &err);
		if (rc == SP_OK)
			rc = for_each_account(
			    &p, argc, argv, first, check, &err);
	} else if (rc == SP_OK) {
		rc = fetch(&p, argc, argv, first, &err);
	}
	sp_pull_secrets_done(&p.secrets);
	(void)sp_io_close(p.lock, NULL);
	if (rc != SP_OK)
		return (sp_app_fail(&err));
	return (p.failed ? 1 : 0);
}
