/*
 * `sealpost oauth login|status|revoke`: the tokens of pulled accounts that use
 * OAuth 2.0 (doc/oauth.md).  A login is between a person, the provider and this
 * process; what it brings is the refresh token in secrets/NAME.token, from
 * which the pull worker gets its access tokens.  No token is ever printed.
 * After a login the mailbox is tried, by `sealpost pull --check`.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "app/cmd/cmd.h"
#include "app/common/account.h"
#include "app/common/args.h"
#include "app/common/cell.h"
#include "app/common/interrupt.h"
#include "app/common/json_line.h"
#include "app/common/options.h"
#include "app/host/oauth_source.h"
#include "app/host/pull_secrets.h"
#include "base/io.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time_text.h"
#include "journal/oauth/oauth_answer.h"
#include "journal/oauth/oauth_state.h"
#include "journal/oauth/oauth_store.h"

#define INPUT_MAX 20000u /* bytes of a refresh token that is typed */

/* The account ${name} if it uses OAuth; NULL with SP_ENOTFOUND, or SP_EUSAGE
 * for one that does not. */
static const struct sp_pull_conf *
find_account(const struct sp_app *app, const char *name, struct sp_err *err)
{
	const struct sp_pull_conf *conf = NULL;

	for (size_t i = 0; i < app->cfg->npull; i++) {
		if (strcmp(app->cfg->pull[i].name, name) == 0)
			conf = &app->cfg->pull[i];
	}
	if (conf == NULL)
		(void)sp_err_set(err, SP_ENOTFOUND, 0,
		    "the configuration has no section \"pull %s\"", name);
	else if (conf->oauth.grant == SP_OAUTH_GRANT_NONE) {
		(void)sp_err_set(err, SP_EUSAGE, 0,
		    "section \"pull %s\" has no grant, so it uses no OAuth; see doc/oauth.md",
		    name);
		conf = NULL;
	}
	return (conf);
}

/* ---- login --------------------------------------------------------------- */

/* What to do with a device code (RFC 8628). */
static void
show_device(void *ctx, const struct sp_oauth_device *d)
{
	(void)ctx;
	printf("Open this page, on any machine:\n\n"
	       "    %s\n\n"
	       "and enter the code\n\n"
	       "    %s\n\n",
	    d->uri, d->user_code);
	if (d->uri_complete[0] != '\0')
		printf("(or open %s)\n\n", d->uri_complete);
	printf("Log in there as the user of the mailbox. Waiting, for %" PRIu64
	       " minutes at most ...\n",
	    (d->expires_in + 59) / 60);
	(void)fflush(stdout);
}

/* What to do with a login in a browser, whose answer comes to a port of this
 * machine or is pasted here. */
static void
show_browser(void *ctx, const char *url, const char *redirect)
{
	(void)ctx;
	printf(
	    "Open this page in a browser on this machine, and log in as the user of the\n"
	    "mailbox:\n\n"
	    "%s\n\n"
	    "If the browser is on another machine it ends at a page that it cannot open,\n"
	    "beginning with %s: paste that page's whole URL here.\n"
	    "Waiting, for ten minutes at most ...\n",
	    url, redirect);
	(void)fflush(stdout);
}

/* Read the refresh token, one line of standard input, into ${out} (initialised
 * here); the echo is off where it is typed. */
static enum sp_code
read_token(struct sp_buf *out, struct sp_err *err)
{
	struct termios old, quiet;
	const bool tty =
	    isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &old) == 0;
	ssize_t n = 1;

	sp_secret_init(out, INPUT_MAX);
	if (tty) {
		(void)fputs("Refresh token (not shown): ", stderr);
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	while (n > 0 && out->n < INPUT_MAX &&
	       (out->n == 0 || out->p[out->n - 1] != '\n')) {
		n = read(STDIN_FILENO, out->p + out->n, INPUT_MAX - out->n);
		out->n += n > 0 ? (size_t)n : 0;
	}
	if (tty) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		(void)fputs("\n", stderr);
	}
	if (sp_secret_trim("standard input", out, err) != SP_OK)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "expected the refresh token, one line, on standard input"));
	return (SP_OK);
}

/*
 * Log in as the section's grant wants: with a token that is typed, with a
 * person in a browser, or, where nobody logs in, by asking for a token to see
 * whether one comes.  Prints what is stored where, and until when the access
 * token is good.
 */
static enum sp_code
log_in(struct sp_app *app, const struct sp_pull_conf *conf, struct sp_oauth *o,
    struct sp_err *err)
{
	const struct sp_oauth_ui ui = { .device = show_device,
		.browser = show_browser,
		.input = STDIN_FILENO };
	struct sp_oauth_state s;
	struct sp_buf token;
	enum sp_code rc;
	char time[32];

	if (conf->oauth.grant == SP_OAUTH_GRANT_REFRESH) {
		rc = read_token(&token, err);
		if (rc == SP_OK)
			rc = sp_oauth_login_with(o, sp_buf_view(&token), err);
		sp_secret_done(&token);
	} else if (sp_oauth_needs_login(conf->oauth.grant)) {
		rc = sp_oauth_login(o, &ui, err);
	} else {
		/* Nobody logs in with this grant. */
		sp_secret_init(&token, SP_OAUTH_TOKEN_MAX);
		rc = sp_oauth_get(o, true, &token, err);
		sp_secret_done(&token);
	}
	if (rc != SP_OK)
		return (rc);
	sp_oauth_state_load(app->dir, conf->name, &s);
	sp_time_local(s.expires, app->tz, time);
	if (sp_oauth_needs_login(conf->oauth.grant))
		printf(
		    "Stored: the refresh token of %s, in %s/secrets/%s.token\n",
		    conf->user, app->dir, conf->name);
	else
		printf(
		    "Nothing to store: grant = %s needs no login, and the provider gives tokens\n",
		    sp_oauth_grant_name(conf->oauth.grant));
	printf("Access token: good until %s\n", time);
	(void)fflush(stdout);
	return (SP_OK);
}

/* ---- status -------------------------------------------------------------- */

/* The state of an account's tokens as a line of JSON; a time is null where
 * there is none. */
static void
status_json(const struct sp_pull_conf *conf, const struct sp_oauth_state *s,
    const struct sp_oauth_stored *t)
{
	char time[SP_TIME_LEN + 1];
	struct sp_json_line line;
	struct sp_json *j = sp_json_line_begin(&line, 1u << 16);

	sp_json_cstr(j, "account", conf->name);
	sp_json_cstr(j, "user", conf->user);
	sp_json_cstr(j, "grant", sp_oauth_grant_name(conf->oauth.grant));
	sp_json_cstr(j, "token_url", conf->oauth.token_url);
	sp_json_bool(j, "needs_login", sp_oauth_needs_login(conf->oauth.grant));
	sp_time_format(t->obtained, time);
	sp_json_cstr(j, "stored", t->refresh.n > 0 ? time : NULL);
	sp_time_format(s->asked, time);
	sp_json_cstr(j, "asked", s->asked > 0 ? time : NULL);
	sp_time_format(s->expires, time);
	sp_json_cstr(j, "expires", s->expires > 0 ? time : NULL);
	sp_json_cstr(j, "error", s->why[0] != '\0' ? s->why : NULL);
	sp_json_line_print(&line);
}

/* The same for a person; ${why} there is no refresh token. */
static void
status_text(const struct sp_app *app, const struct sp_pull_conf *conf,
    const struct sp_oauth_state *s, const struct sp_oauth_stored *t,
    const char *why)
{
	char time[32];

	printf("%s\n", conf->name);
	sp_common_field("  user", conf->user);
	sp_common_field("  grant", sp_oauth_grant_name(conf->oauth.grant));
	if (conf->oauth.token_url != NULL)
		sp_common_field("  tokens from", conf->oauth.token_url);
	sp_time_local(t->obtained, app->tz, time);
	if (t->refresh.n > 0)
		sp_common_field("  refresh token of", time);
	else if (why[0] != '\0')
		sp_common_field("  refresh token", why);
	sp_time_local(s->asked, app->tz, time);
	sp_common_field("  last request", s->asked > 0 ? time : "none yet");
	sp_time_local(s->expires, app->tz, time);
	if (s->expires > 0)
		sp_common_field("  access token until", time);
	if (s->why[0] != '\0')
		sp_common_field("  failed", s->why);
}

/* Print the state of one account.  False: it cannot get tokens as it is. */
static bool
status_one(const struct sp_app *app, const struct sp_pull_conf *conf, bool json)
{
	struct sp_oauth_stored t = { 0 };
	struct sp_oauth_state s;
	struct sp_err why = { .msg = "" };
	char *path = sp_oauth_store_path(app->dir, conf->name);
	const bool person = sp_oauth_needs_login(conf->oauth.grant);
	bool fine;

	sp_oauth_state_load(app->dir, conf->name, &s);
	if (person && sp_oauth_store_load(path, &t, &why) == SP_ENOTFOUND)
		(void)sp_err_set(&why, SP_ENOTFOUND, 0,
		    "none: run `sealpost oauth login %s`", conf->name);
	if (json)
		status_json(conf, &s, &t);
	else
		status_text(app, conf, &s, &t, why.msg);
	fine = s.why[0] == '\0' && (!person || t.refresh.n > 0);
	sp_oauth_store_done(&t);
	free(path);
	return (fine);
}

/* `status`, of one account or of all that use OAuth; the exit status. */
static int
status(struct sp_app *app, const char *name, bool json)
{
	size_t shown = 0, bad = 0;
	struct sp_err err;

	if (name != NULL && find_account(app, name, &err) == NULL)
		return (sp_app_fail(&err));
	for (size_t i = 0; i < app->cfg->npull; i++) {
		const struct sp_pull_conf *conf = &app->cfg->pull[i];

		if (conf->oauth.grant == SP_OAUTH_GRANT_NONE ||
		    (name != NULL && strcmp(conf->name, name) != 0))
			continue;
		shown++;
		bad += status_one(app, conf, json) ? 0 : 1;
	}
	if (shown == 0 && !json)
		printf("no account uses OAuth\n");
	return (bad > 0 ? 1 : 0);
}

/* ---- the command --------------------------------------------------------- */

static bool
interrupted(void *ctx)
{
	(void)ctx;
	return (sp_interrupted());
}

/* `revoke`: at the provider where it has a revocation URL, and here. */
static enum sp_code
revoke_login(
    const struct sp_pull_conf *conf, struct sp_oauth *o, struct sp_err *err)
{
	bool at_provider = false;
	enum sp_code rc = sp_oauth_revoke(o, &at_provider, err);

	if (rc == SP_ENOTFOUND)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "no refresh token is stored for %s", conf->name));
	if (rc != SP_OK)
		return (rc);
	if (at_provider)
		printf(
		    "The provider has forgotten the refresh token of %s, and so have we\n",
		    conf->name);
	else
		printf(
		    "The refresh token of %s is removed here; the section has no revocation_url,\n"
		    "so take the consent back at the provider, too\n",
		    conf->name);
	return (SP_OK);
}

/* The exit status.  As root the files of the section are read as root, and what
 * is written is written as the archive's account. */
static int
login_or_revoke(struct sp_app *app, const char *verb, const char *name)
{
	const struct sp_pull_conf *conf;
	struct sp_oauth_files files;
	struct sp_oauth_source source = { .files = &files,
		.stop = interrupted };
	struct sp_account acct;
	struct sp_err err;
	enum sp_code rc;

	conf = find_account(app, name, &err);
	if (conf == NULL ||
	    sp_account_find(app->dir, app->cfg, &acct, &err) != SP_OK)
		return (sp_app_fail(&err));
	sp_pull_secrets_guard_process();
	sp_interrupt_catch();
	sp_oauth_files_load(&files, conf);
	sp_account_enter(&acct);
	sp_oauth_source_open(&source, app->dir, conf);
	if (strcmp(verb, "login") == 0)
		rc = log_in(app, conf, source.oauth, &err);
	else
		rc = revoke_login(conf, source.oauth, &err);
	sp_oauth_source_close(&source);
	sp_account_leave(&acct);
	sp_oauth_files_done(&files);
	if (rc == SP_OK)
		return (0);
	(void)sp_app_fail(&err);
	/* SP_EPERM: the person or the provider refused. */
	return (rc == SP_EPERM ? 1 : 2);
}

/* `pull --check` of the account: whether the mailbox opens with the token. */
static int
try_mailbox(struct sp_app *app, char *name)
{
	char verb[] = "pull", option[] = "--check";
	char *argv[] = { verb, option, name, NULL };

	sp_app_close(app);
	return (sp_cmd_pull(app, 3, argv));
}

/* The verb, then its account.  The mailbox is tried only after a login that
 * succeeded. */
int
sp_cmd_oauth(struct sp_app *app, int argc, char **argv)
{
	static const char *const formats[] = { "text", "json" };
	const char *format = "text", *verb;
	bool no_check = false;
	char *name;
	const struct sp_option options[] = {
		{ "no-check", '\0', SP_OPT_FLAG, NULL,
		    "do not try the mailbox after login", &no_check },
		{ "format", '\0', SP_OPT_TEXT, "text|json",
		    "form of the output of status", &format },
	};
	const struct sp_usage usage = { "oauth",
		"login [--no-check] ACCOUNT | status [ACCOUNT] | revoke ACCOUNT",
		"Let a person log in to a mailbox that is pulled with OAuth 2.0, show how the\n"
		"accounts' tokens are (never the tokens), or take a login back.",
		options, SP_COUNTOF(options), false };
	struct sp_err err;
	int first, rc, f;

	rc = sp_common_parse_max(&usage, argc, argv, 2, &first);
	if (rc >= 0)
		return (rc);
	f = sp_common_choice("format", format, formats, 2);
	if (f < 0)
		return (2);
	verb = first < argc ? argv[first] : "";
	name = first + 1 < argc ? argv[first + 1] : NULL;
	if (strcmp(verb, "status") != 0 &&
	    ((strcmp(verb, "login") != 0 && strcmp(verb, "revoke") != 0) ||
		name == NULL))
		return (sp_app_usage(
		    "write `sealpost oauth login ACCOUNT`, `sealpost oauth status [ACCOUNT]` or `sealpost oauth revoke ACCOUNT`"));
	if (sp_app_open(app, &err) != SP_OK)
		return (sp_app_fail(&err));
	if (strcmp(verb, "status") == 0)
		return (status(app, name, f == 1));
	rc = login_or_revoke(app, verb, name);
	if (rc != 0 || no_check || strcmp(verb, "login") != 0)
		return (rc);
	return (try_mailbox(app, name));
}
