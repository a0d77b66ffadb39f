/*
 * `sealpost reconcile ACCOUNT`: a mailbox against the log.  The mailbox is
 * listed as for a pull, but nothing is fetched; each message whose identity
 * (UIDL, or mailbox, UIDVALIDITY and UID) no entry of the log names is printed.
 * The log itself is read, not what the puller remembers of it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/reconcile.h"
#include "app/common/app.h"
#include "app/common/cell.h"
#include "app/common/human.h"
#include "app/common/json_line.h"
#include "app/host/pull_run.h"
#include "base/json.h"

/* What was listed of the mailbox so far. */
struct listing {
	const struct sp_reconcile *r;
	const char *name;
	uint64_t listed, missing; /* messages */
};

static void
missing_json(
    const struct listing *l, const struct sp_pull_meta *m, const char *doubt)
{
	struct sp_json_line line;
	struct sp_json *j = sp_json_line_begin(&line, 1u << 20);

	sp_json_bool(j, "missing", true);
	sp_json_cstr(j, "account", l->name);
	if (m->id.mailbox.n == 0) {
		sp_json_str(j, "uidl", m->id.uid);
	} else {
		sp_json_str(j, "mailbox", m->id.mailbox);
		sp_json_u64(j, "uidvalidity", m->id.uidvalidity);
		sp_json_str(j, "uid", m->id.uid);
	}
	if (m->size != SP_PULL_SIZE_UNKNOWN)
		sp_json_u64(j, "size", m->size);
	if (doubt != NULL)
		sp_json_cstr(j, "doubt", doubt);
	sp_json_line_print(&line);
}

/* A message of the mailbox, and whether the log has it: one that it has not, or
 * of which it has only a doubtful copy, is printed. */
static enum sp_code
on_listed(void *ctx, const struct sp_pull_meta *m, bool known,
    const char *doubt, struct sp_err *err)
{
	struct listing *l = ctx;
	char *text;

	(void)err;
	l->listed++;
	if (known)
		return (SP_OK);
	l->missing++;
	if (l->r->json) {
		missing_json(l, m, doubt);
		return (SP_OK);
	}
	text = sp_xasprintf("missing: %s %.*s%s%.*s", l->name,
	    (int)m->id.mailbox.n, m->id.mailbox.n > 0 ? m->id.mailbox.p : "",
	    m->id.mailbox.n > 0 ? " UID " : "UIDL ", (int)m->id.uid.n,
	    m->id.uid.p);
	sp_cell_print(text, 0, true);
	if (m->size != SP_PULL_SIZE_UNKNOWN)
		printf(", %" PRIu64 " bytes", m->size);
	if (doubt != NULL)
		printf("; what the archive has of it is no capture: %s", doubt);
	printf("\n");
	free(text);
	return (SP_OK);
}

/* The verdict over the whole mailbox. */
static void
print_end(const struct listing *l)
{
	struct sp_json_line line;
	struct sp_json *j;
	char n[32], m[32];

	if (!l->r->json) {
		printf("%s: %s messages in the mailbox, ", l->name,
		    sp_human_count(l->listed, n));
		if (l->missing == 0)
			printf("all of them archived: complete\n");
		else
			printf(
			    "%s NOT ARCHIVED\n", sp_human_count(l->missing, m));
		return;
	}
	j = sp_json_line_begin(&line, 4096);
	sp_json_cstr(j, "account", l->name);
	sp_json_u64(j, "there", l->listed);
	sp_json_u64(j, "not_archived", l->missing);
	sp_json_line_print(&line);
}

/* The secrets are read and the archive's account is entered as for a pull. */
enum sp_code
sp_reconcile_account(const struct sp_reconcile *r, const char *name,
    uint64_t *missing, struct sp_err *err)
{
	struct listing l = { .r = r, .name = name };
	struct sp_pull_opts opts = {
		.ignore_state_file = true, .listed = on_listed, .ctx = &l
	};
	struct sp_pull_run run = { .app = r->app, .way = SP_PULL_LOOK };
	struct sp_pull_secrets secrets = { .n = 0 };
	struct sp_pull_result result;
	enum sp_code rc;

	run.conf = sp_pull_run_find(r->app->cfg, name, err);
	if (run.conf == NULL)
		return (SP_EUSAGE);
	rc = sp_pull_run_prepare(r->app, &secrets, err);
	if (rc == SP_OK) {
		run.secret = &secrets.of[run.conf - r->app->cfg->pull];
		rc = sp_pull_run_open(&run, &opts, err);
	}
	if (rc == SP_OK) {
		rc = sp_pull_visit(run.pull, SP_PULL_LIST, &result, err);
		sp_pull_run_close(&run);
	}
	/* A message without an identity of its own cannot be compared. */
	if (rc == SP_OK && l.listed < result.in_mailbox)
		rc = sp_err_set(err, SP_EAGAIN, 0,
		    "the server has no UIDL of its own for %" PRIu64
		    " of its messages; only `sealpost pull` can compare them",
		    result.in_mailbox - l.listed);
	if (rc == SP_OK)
		print_end(&l);
	sp_pull_secrets_done(&secrets);
	*missing = l.missing;
	return (rc);
}
