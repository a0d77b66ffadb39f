/*
 * `sealpost reconcile`: name every message that the archive should have and has
 * not (doc/watch.md), by the log of a mail server (reconcile_maillog.c) or by
 * what lies in the mailbox of a pulled account (reconcile_account.c).  It
 * changes nothing; exit status 1 says that something is missing.
 */
#include "app/cmd/cmd.h"
#include "app/cmd/reconcile.h"
#include "app/common/args.h"
#include "app/common/options.h"
#include "app/host/host.h"

/* A message of a mail server's log is looked up by its Message-ID, so the index
 * must reach the end of the log. */
static enum sp_code
index_all(struct sp_app *app, struct sp_err *err)
{
	struct sp_host *host = NULL;
	enum sp_code rc = sp_host_open(app, &host, err);

	if (rc == SP_OK)
		rc = sp_host_index_all(host, err);
	sp_host_close(host);
	return (rc);
}

/* One source at a time: --maillog or an account. */
int
sp_cmd_reconcile(struct sp_app *app, int argc, char **argv)
{
	static const char *const forms[] = { "text", "json" };
	const char *maillog = NULL, *relay = NULL, *form = "text";
	const struct sp_option options[] = {
		{ "maillog", '\0', SP_OPT_TEXT, "FILE",
		    "the log of a Postfix or Exim that sends to the archive; - is standard input",
		    &maillog },
		{ "relay", '\0', SP_OPT_TEXT, "TEXT",
		    "what the log calls the archive (host, address or recipient), where it never answered",
		    &relay },
		{ "format", '\0', SP_OPT_TEXT, "text|json",
		    "json: a line of JSON a finding", &form },
	};
	const struct sp_usage usage = { "reconcile", "--maillog FILE | ACCOUNT",
		"Name every message that a mail server delivered to the archive, or should have,\n"
		"or that lies in the mailbox of an account, and that the archive does not have.\n"
		"Exit status 1 if there is any.",
		options, SP_COUNTOF(options), false };
	struct sp_reconcile r = { .app = app };
	uint64_t missing = 0;
	struct sp_err err;
	int first, status, f;
	enum sp_code rc;

	status = sp_common_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	f = sp_common_choice("format", form, forms, SP_COUNTOF(forms));
	if (f < 0)
		return (2);
	if ((maillog == NULL) == (first == argc))
		return (sp_app_usage(
		    "reconcile: with what? write `sealpost reconcile --maillog FILE` or `sealpost reconcile ACCOUNT`"));
	r.json = f == 1;
	r.relay = relay;
	rc = sp_app_open(app, &err);
	if (rc == SP_OK && maillog == NULL)
		rc = sp_reconcile_account(&r, argv[first], &missing, &err);
	if (rc == SP_OK && maillog != NULL)
		rc = index_all(app, &err);
	if (rc == SP_OK && maillog != NULL)
		rc = sp_reconcile_maillog(&r, maillog, &missing, &err);
	if (rc != SP_OK)
		return (sp_app_fail(&err));
	return (missing > 0 ? 1 : 0);
}
