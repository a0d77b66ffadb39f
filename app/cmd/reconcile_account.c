/* reconcile ACCOUNT: a mailbox against the log. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/common/common.h"
#include "app/host/pull_run.h"
#include "app/cmd/reconcile.h"
#include "base/json.h"

struct listing {
	const struct sp_reconcile *r;
	const char *name;
	uint64_t there, missing;
};

static void
print_line(struct sp_buf *b, struct sp_json *j)
{
	if (sp_json_end(j) == SP_OK)
		printf("%s\n", sp_buf_cstr(b));
	sp_buf_done(b);
}

static void
missing_json(const struct listing *l, const struct sp_pull_meta *m)
{
	struct sp_json j;
	struct sp_buf b;

	sp_buf_init(&b, 1u << 20);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_bool(&j, "missing", true);
	sp_json_cstr(&j, "account", l->name);
	if (m->id.mailbox.n == 0) {
		sp_json_str(&j, "uidl", m->id.uid);
	} else {
		sp_json_str(&j, "mailbox", m->id.mailbox);
		sp_json_u64(&j, "uidvalidity", m->id.uidvalidity);
		sp_json_str(&j, "uid", m->id.uid);
	}
	if (m->size != SP_PULL_SIZE_UNKNOWN)
		sp_json_u64(&j, "size", m->size);
	sp_json_obj_end(&j);
	print_line(&b, &j);
}

static enum sp_code
on_listed(
    void *ctx, const struct sp_pull_meta *m, bool known, struct sp_err *err)
{
	struct listing *l = ctx;
	char *text;

	(void)err;
	l->there++;
	if (known)
		return (SP_OK);
	l->missing++;
	if (l->r->json) {
		missing_json(l, m);
		return (SP_OK);
	}
	text = sp_xasprintf("missing: %s %.*s%s%.*s", l->name,
	    (int)m->id.mailbox.n, m->id.mailbox.n > 0 ? m->id.mailbox.p : "",
	    m->id.mailbox.n > 0 ? " UID " : "UIDL ", (int)m->id.uid.n,
	    m->id.uid.p);
	sp_common_cell(text, 0, true);
	if (m->size != SP_PULL_SIZE_UNKNOWN)
		printf(", %" PRIu64 " bytes", m->size);
	printf("\n");
	free(text);
	return (SP_OK);
}

static void
print_end(const struct listing *l)
{
	struct sp_json j;
	struct sp_buf b;
	char n[32], m[32];

	if (!l->r->json) {
		printf("%s: %s messages in the mailbox, ", l->name,
		    sp_text_count(l->there, n));
		if (l->missing == 0)
			printf("all of them archived: complete\n");
		else
			printf(
			    "%s NOT ARCHIVED\n", sp_text_count(l->missing, m));
		return;
	}
	sp_buf_init(&b, 4096);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "account", l->name);
	sp_json_u64(&j, "there", l->there);
	sp_json_u64(&j, "not_archived", l->missing);
	sp_json_obj_end(&j);
	print_line(&b, &j);
}

enum sp_code
sp_reconcile_account(const struct sp_reconcile *r, const char *name,
    uint64_t *missing, struct sp_err *err)
{
	struct listing l = { .r = r, .name = name };
	struct sp_pull_opts opts = {
		.ignore_state_file = true, .listed = on_listed, .ctx = &l
	};
	struct sp_pull_run run = { .app = r->app, .way = SP_PULL_LOOK };
	struct sp_secrets secrets = { .n = 0 };
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
	/* What has no name cannot be compared. */
	if (rc == SP_OK && l.there < result.in_mailbox)
		rc = sp_err_set(err, SP_EAGAIN, 0,
		    "the server has no UIDL of its own for %" PRIu64
		    " of its messages; only `sealpost pull` can compare them",
		    result.in_mailbox - l.there);
	if (rc == SP_OK)
		print_end(&l);
	sp_secrets_done(&secrets);
	*missing = l.missing;
	return (rc);
}
