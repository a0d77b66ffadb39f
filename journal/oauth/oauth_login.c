/*
 * A person logs in, or takes it back: the second half of journal/oauth/oauth.h,
 * called by `sealpost oauth login` and `revoke`.  Each login ends in a refresh
 * token that is stored; from then on oauth.c renews without the person.
 *
 *   device code (RFC 8628)           authorization code with PKCE (RFC 7636)
 *     device_begin: code, URI          browser_url: where to send the browser
 *     ui->device shows them            ui->browser shows it
 *     device_round, again and again    browser_wait: the redirect brings a code
 *       until the person is done       browser_redeem: the code for tokens
 *                    '------> store_tokens <------'
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "journal/oauth/jwt.h"
#include "journal/oauth/oauth_loopback.h"
#include "journal/oauth/oauth_priv.h"

#define DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"
#define SLOWER	     5u /* seconds, by slow_down (RFC 8628 section 3.5) */
#define INTERVAL_MAX 300u /* seconds between two questions */
#define CODE_LIFE    (600 * SP_SECOND) /* that we wait for a browser */
#define LOOK_MS	     200 /* between two looks whether to stop */
#define URL_MAX	     8192u /* bytes of the URL for the browser */
#define RANDOM_BYTES 32u
#define RANDOM_TEXT  43u /* of them in base64url */

static bool
stopped(const struct sp_oauth *o)
{
	return (o->opts.stop != NULL && o->opts.stop(o->opts.ctx));
}

/* Wait for ${seconds}.  False: somebody wants to end. */
static bool
pause_for(const struct sp_oauth *o, uint64_t seconds)
{
	const int64_t until = sp_clock_boot() + (int64_t)seconds * SP_SECOND;

	while (sp_clock_boot() < until) {
		if (stopped(o))
			return (false);
		(void)poll(NULL, 0, LOOK_MS);
	}
	return (!stopped(o));
}

/* The error of a login or a revocation that the answer ${a} ends. */
static enum sp_code
login_error(const struct sp_oauth *o, const struct sp_oauth_answer *a,
    struct sp_err *err)
{
	switch (a->verdict) {
	case SP_OAUTH_DENIED:
		return (sp_err_set(err, SP_EPERM, 0,
		    "the login for %s was refused: %s", o->opts.account,
		    a->why));
	case SP_OAUTH_EXPIRED:
		return (sp_err_set(err, SP_EPERM, 0,
		    "the code was not entered in time; run the command again"));
	case SP_OAUTH_BUSY:
	case SP_OAUTH_UNREADABLE:
		return (sp_err_set(err, SP_EAGAIN, 0,
		    "the provider gives no answer now: %s", a->why));
	case SP_OAUTH_TOKEN:
	case SP_OAUTH_PENDING:
	case SP_OAUTH_SLOW_DOWN:
	case SP_OAUTH_CONSENT:
	case SP_OAUTH_CONFIG:
		break;
	}
	return (sp_err_set(err, SP_ECONFIG, 0,
	    "the provider refuses the login for %s: %s; check client_id, the secret, scopes and URLs of the section",
	    o->opts.account, a->why));
}

/* Store the tokens of a login; without a refresh token it was for nothing. */
static enum sp_code
store_tokens(
    struct sp_oauth *o, const struct sp_oauth_answer *a, struct sp_err *err)
{
	enum sp_code rc;
	int fd = -1;

	if (a->verdict != SP_OAUTH_TOKEN)
		return (login_error(o, a, err));
	if (a->refresh.n == 0)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "the provider gave no refresh token, so the login would end within the hour: add the scope offline_access (Google: the parameters access_type=offline and prompt=consent)"));
	rc = sp_oauth_store_lock(o->path, SP_OAUTH_LOCK_MS, &fd, err);
	if (rc != SP_OK)
		return (rc);
	rc = sp_oauth_accept(o, a, true, err);
	(void)close(fd);
	return (rc);
}

/* ---- device code --------------------------------------------------------- */

/* Ask for a device code (RFC 8628 section 3.1). */
static enum sp_code
device_begin(
    struct sp_oauth *o, struct sp_oauth_device *out, struct sp_err *err)
{
	struct sp_oauth_answer no = { 0 };
	struct sp_oauth_http_reply reply = { 0 };
	struct sp_oauth_request r;
	enum sp_code rc;

	sp_oauth_request_init(&r, o->opts.conf->device_url);
	rc = sp_oauth_request_client(&r, &o->who, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_scope(&r, &o->who, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_send(&o->http, &r, &reply, err);
	if (rc == SP_OK && !sp_oauth_device_parse(reply.status,
			       sp_buf_view(&reply.body), out, &no)) {
		sp_oauth_request_censor(&r, &no);
		rc = login_error(o, &no, err);
	}
	sp_oauth_answer_done(&no);
	sp_oauth_http_reply_done(&reply);
	sp_oauth_request_done(&r);
	return (rc);
}

/* Ask once whether the person is done (RFC 8628 section 3.4). */
static enum sp_code
device_ask(struct sp_oauth *o, const struct sp_oauth_device *d,
    struct sp_oauth_answer *a, struct sp_err *err)
{
	struct sp_oauth_request r;
	enum sp_code rc;

	sp_oauth_request_init(&r, o->opts.conf->token_url);
	rc = sp_oauth_request_add(
	    &r, "grant_type", sp_view_str(DEVICE_GRANT), err);
	if (rc == SP_OK)
		rc = sp_oauth_request_add_secret(
		    &r, "device_code", sp_buf_view(&d->code), err);
	if (rc == SP_OK)
		rc = sp_oauth_request_client(&r, &o->who, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_exchange(&o->http, &r, a, err);
	sp_oauth_request_done(&r);
	return (rc);
}

/* One round of polling: wait, ask, and ask more slowly where the provider wants
 * that or does not answer.  True: it is over, with the answer ${a} or an error
 * in ${rc}. */
static bool
device_round(struct sp_oauth *o, struct sp_oauth_device *d,
    struct sp_oauth_answer *a, enum sp_code *rc, struct sp_err *err)
{
	if (!pause_for(o, a->wait > d->interval ? a->wait : d->interval)) {
		*rc = sp_err_set(err, SP_EINTERRUPT, 0, "interrupted");
		return (true);
	}
	sp_oauth_answer_done(a);
	*a = (struct sp_oauth_answer){ 0 };
	*rc = device_ask(o, d, a, err);
	if (*rc == SP_OK && a->verdict == SP_OAUTH_PENDING)
		return (false);
	if (*rc == SP_OK && a->verdict == SP_OAUTH_SLOW_DOWN)
		d->interval += SLOWER;
	else if (*rc == SP_EAGAIN ||
		 (*rc == SP_OK && a->verdict == SP_OAUTH_BUSY))
		d->interval *= 2; /* RFC 8628 section 3.5 */
	else
		return (true);
	if (d->interval > INTERVAL_MAX)
		d->interval = INTERVAL_MAX;
	return (false);
}

/* Log in by a device code, which the person enters at any machine. */
static enum sp_code
login_device(
    struct sp_oauth *o, const struct sp_oauth_ui *ui, struct sp_err *err)
{
	struct sp_oauth_answer a = { 0 };
	struct sp_oauth_device d;
	enum sp_code rc = device_begin(o, &d, err);
	bool done = false;
	int64_t end;

	if (rc != SP_OK)
		return (rc);
	ui->device(ui->ctx, &d);
	end = sp_clock_boot() + (int64_t)d.expires_in * SP_SECOND;
	while (!done && sp_clock_boot() < end)
		done = device_round(o, &d, &a, &rc, err);
	if (!done) {
		a.verdict = SP_OAUTH_EXPIRED;
		rc = login_error(o, &a, err);
	} else if (rc == SP_OK)
		rc = store_tokens(o, &a, err);
	sp_oauth_answer_done(&a);
	sp_oauth_device_done(&d);
	return (rc);
}

/* ---- authorization code -------------------------------------------------- */

struct browser {
	/* of RFC 7636 section 4.1: who redeems the code is who asked for it */
	char verifier[RANDOM_TEXT + 1];
	/* what the redirect must bring back */
	char state[RANDOM_TEXT + 1];
	struct sp_oauth_loopback *listener;
};

/* 256 random bits as text. */
static void
random_text(char out[RANDOM_TEXT + 1])
{
	uint8_t bytes[RANDOM_BYTES];
	struct sp_buf b;

	sp_random(bytes, sizeof(bytes));
	sp_secret_init(&b, RANDOM_TEXT);
	if (sp_jwt_base64(&b, bytes, sizeof(bytes)) == SP_OK)
		memcpy(out, b.p, RANDOM_TEXT);
	out[RANDOM_TEXT] = '\0';
	sp_secret_done(&b);
}

/* Append to ${out} where the browser is sent: the authorization request (RFC
 * 6749 section 4.1.1, RFC 7636 section 4.3).  The verifier is secret, the
 * challenge is not. */
static enum sp_code
browser_url(struct sp_oauth *o, const struct browser *w, struct sp_buf *out,
    struct sp_err *err)
{
	const char *base = o->opts.conf->authorization_url;
	char challenge[SP_JWT_SHA256_LEN + 1];
	const char *const pairs[][2] = { { "response_type", "code" },
		{ "client_id", o->opts.conf->client_id },
		{ "redirect_uri", sp_oauth_loopback_url(w->listener) },
		{ "state", w->state }, { "code_challenge", challenge },
		{ "code_challenge_method", "S256" },
		{ "login_hint", o->opts.user } };
	struct sp_oauth_request r;
	enum sp_code rc = SP_OK;

	sp_jwt_challenge(sp_view_str(w->verifier), challenge);
	sp_oauth_request_init(&r, base);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(pairs); i++)
		rc = sp_oauth_request_add(
		    &r, pairs[i][0], sp_view_str(pairs[i][1]), err);
	if (rc == SP_OK)
		rc = sp_oauth_request_scope(&r, &o->who, err);
	if (rc == SP_OK &&
	    (sp_buf_adds(out, base) != SP_OK ||
		sp_buf_addc(out, strchr(base, '?') == NULL ? '?' : '&') !=
		    SP_OK ||
		sp_buf_addv(out, sp_buf_view(&r.form)) != SP_OK))
		rc = sp_err_set(
		    err, SP_ELIMIT, 0, "the URL of the login is too long");
	sp_oauth_request_done(&r);
	return (rc);
}

/* Wait for the redirect, with a code.  ${out} needs sp_oauth_redirect_done if
 * SP_OK. */
static enum sp_code
browser_wait(struct sp_oauth *o, const struct browser *w,
    const struct sp_oauth_ui *ui, struct sp_oauth_redirect *out,
    struct sp_err *err)
{
	const int64_t end = sp_clock_boot() + CODE_LIFE;
	enum sp_code rc = SP_EEND;

	while (rc == SP_EEND && sp_clock_boot() < end) {
		if (stopped(o))
			return (
			    sp_err_set(err, SP_EINTERRUPT, 0, "interrupted"));
		rc = sp_oauth_loopback_wait(w->listener, ui->input,
		    sp_view_str(w->state), SP_SECOND / 2, out, err);
	}
	if (rc == SP_EEND)
		return (sp_err_set(err, SP_EPERM, 0,
		    "nobody logged in within ten minutes; run the command again"));
	if (rc == SP_OK && out->error[0] != '\0') {
		rc = sp_err_set(err, SP_EPERM, 0,
		    "the login for %s was refused: %s", o->opts.account,
		    out->error);
		sp_oauth_redirect_done(out);
	}
	return (rc);
}

/* Exchange the authorization code for tokens (RFC 6749 section 4.1.3, RFC 7636
 * section 4.5), and store them. */
static enum sp_code
browser_redeem(struct sp_oauth *o, const struct browser *w, struct sp_view code,
    struct sp_err *err)
{
	struct sp_oauth_answer a = { 0 };
	struct sp_oauth_request r;
	enum sp_code rc;

	sp_oauth_request_init(&r, o->opts.conf->token_url);
	rc = sp_oauth_request_add(
	    &r, "grant_type", sp_view_str("authorization_code"), err);
	if (rc == SP_OK)
		rc = sp_oauth_request_add_secret(&r, "code", code, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_add(&r, "redirect_uri",
		    sp_view_str(sp_oauth_loopback_url(w->listener)), err);
	if (rc == SP_OK)
		rc = sp_oauth_request_add(
		    &r, "code_verifier", sp_view_str(w->verifier), err);
	if (rc == SP_OK)
		rc = sp_oauth_request_client(&r, &o->who, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_exchange(&o->http, &r, &a, err);
	if (rc == SP_OK)
		rc = store_tokens(o, &a, err);
	sp_oauth_answer_done(&a);
	sp_oauth_request_done(&r);
	return (rc);
}

/* Log in by a browser, on this machine or another one. */
static enum sp_code
login_browser(
    struct sp_oauth *o, const struct sp_oauth_ui *ui, struct sp_err *err)
{
	struct sp_oauth_redirect redirect;
	struct browser w = { .listener = NULL };
	struct sp_buf url;
	enum sp_code rc;

	random_text(w.verifier);
	random_text(w.state);
	sp_buf_init(&url, URL_MAX);
	rc = sp_oauth_loopback_open(
	    o->opts.conf->redirect_url, &w.listener, err);
	if (rc == SP_OK)
		rc = browser_url(o, &w, &url, err);
	if (rc == SP_OK) {
		ui->browser(ui->ctx, sp_buf_cstr(&url),
		    sp_oauth_loopback_url(w.listener));
		rc = browser_wait(o, &w, ui, &redirect, err);
	}
	if (rc == SP_OK) {
		rc = browser_redeem(o, &w, sp_buf_view(&redirect.code), err);
		sp_oauth_redirect_done(&redirect);
	}
	sp_buf_done(&url);
	sp_oauth_loopback_close(w.listener);
	sp_secret_wipe(&w, sizeof(w));
	return (rc);
}

/* ---- all of them --------------------------------------------------------- */

enum sp_code
sp_oauth_login(
    struct sp_oauth *o, const struct sp_oauth_ui *ui, struct sp_err *err)
{
	enum sp_code rc;

	(void)pthread_mutex_lock(&o->lock);
	if (o->opts.conf->grant == SP_OAUTH_GRANT_DEVICE)
		rc = login_device(o, ui, err);
	else if (o->opts.conf->grant == SP_OAUTH_GRANT_CODE)
		rc = login_browser(o, ui, err);
	else
		rc = sp_err_set(err, SP_EUSAGE, 0,
		    "nobody logs in with grant = %s",
		    sp_oauth_grant_name(o->opts.conf->grant));
	(void)pthread_mutex_unlock(&o->lock);
	return (rc);
}

/* The token is used once, which shows that it is good: if no new one came for
 * it, it is the one to store. */
enum sp_code
sp_oauth_login_with(
    struct sp_oauth *o, struct sp_view refresh, struct sp_err *err)
{
	struct sp_oauth_stored s = { .token_url = o->opts.conf->token_url,
		.client_id = o->opts.conf->client_id,
		.obtained = sp_clock_wall() };
	char empty[1] = "";
	enum sp_code rc;
	char *user = sp_xstrdup(o->opts.user);
	int fd = -1;

	s.user = user;
	s.scope = empty;
	sp_secret_init(&s.refresh, refresh.n + 1);
	(void)!sp_buf_addv(&s.refresh, refresh);
	(void)pthread_mutex_lock(&o->lock);
	rc = sp_oauth_store_lock(o->path, SP_OAUTH_LOCK_MS, &fd, err);
	if (rc == SP_OK)
		rc = sp_oauth_refresh(o, &s, err);
	/* It rotated: the new one is stored already.  Else this one. */
	if (rc == SP_OK && !o->rotated)
		rc = sp_oauth_store_save(o->path, &s, err);
	if (fd >= 0)
		(void)close(fd);
	(void)pthread_mutex_unlock(&o->lock);
	sp_secret_done(&s.refresh);
	free(user);
	return (rc);
}

/* Revoke ${s} at the provider (RFC 7009 section 2.1). */
static enum sp_code
revoke_at_provider(
    struct sp_oauth *o, const struct sp_oauth_stored *s, struct sp_err *err)
{
	struct sp_oauth_answer no = { 0 };
	struct sp_oauth_http_reply reply = { 0 };
	struct sp_oauth_request r;
	enum sp_code rc;

	sp_oauth_request_init(&r, o->opts.conf->revocation_url);
	rc = sp_oauth_request_add_secret(
	    &r, "token", sp_buf_view(&s->refresh), err);
	if (rc == SP_OK)
		rc = sp_oauth_request_add(
		    &r, "token_type_hint", sp_view_str("refresh_token"), err);
	if (rc == SP_OK)
		rc = sp_oauth_request_client(&r, &o->who, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_send(&o->http, &r, &reply, err);
	if (rc == SP_OK && (reply.status < 200 || reply.status >= 300)) {
		sp_oauth_answer_parse(
		    reply.status, sp_buf_view(&reply.body), &no);
		sp_oauth_request_censor(&r, &no);
		/* A token that it does not know is gone, too (Google). */
		if (strncmp(no.why, "invalid_token", 13) != 0)
			rc = login_error(o, &no, err);
	}
	sp_oauth_answer_done(&no);
	sp_oauth_http_reply_done(&reply);
	sp_oauth_request_done(&r);
	return (rc);
}

/* A token of another section's provider must not be sent to this one, so it is
 * loaded a second time where it is sent anywhere. */
enum sp_code
sp_oauth_revoke(struct sp_oauth *o, bool *revoked, struct sp_err *err)
{
	struct sp_oauth_stored s = { 0 };
	enum sp_code rc;
	int fd = -1;

	*revoked = false;
	(void)pthread_mutex_lock(&o->lock);
	rc = sp_oauth_store_lock(o->path, SP_OAUTH_LOCK_MS, &fd, err);
	if (rc == SP_OK)
		rc = sp_oauth_store_load(o->path, &s, err);
	if (rc == SP_OK && o->opts.conf->revocation_url != NULL) {
		sp_oauth_store_done(&s);
		rc = sp_oauth_load_stored(o, &s, err);
		if (rc == SP_OK)
			rc = revoke_at_provider(o, &s, err);
		*revoked = rc == SP_OK;
	}
	if (rc == SP_OK)
		rc = sp_oauth_store_remove(o->path, err);
	sp_oauth_store_done(&s);
	sp_secret_done(&o->access);
	if (fd >= 0)
		(void)close(fd);
	(void)pthread_mutex_unlock(&o->lock);
	return (rc);
}
