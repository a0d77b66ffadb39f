/*
 * The token source: hands out access tokens that are good, gets new ones before
 * they end, and keeps the reason of a failure until asking again makes sense:
 * the states are drawn in journal/oauth/oauth.h.  Logins are oauth_login.c's.
 *
 *   sp_oauth_get            called before each session by app/host/pull_run.c
 *     renew                 unless a failure still counts
 *       refresh             by the stored refresh token, under the account's
 *         sp_oauth_refresh    lock
 *       ask                 by client credentials, or for a service account
 *         exchange          one request; then
 *           sp_oauth_accept   the tokens that came, or
 *           sp_oauth_no_token  the reason why none did
 */
#include "journal/oauth/oauth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/secret.h"
#include "base/sha256.h"
#include "journal/oauth/oauth_priv.h"
#include "journal/oauth/oauth_state.h"

#define HTTP_TIMEOUT 30u /* seconds */
#define MARGIN	     (60 * SP_SECOND) /* a token is renewed before its end */
#define DELAY_MIN    (10 * SP_SECOND) /* after a failure */
#define DELAY_MAX    (900 * SP_SECOND)

static const struct {
	const char *name;
	bool person; /* who must log in once */
} grants[] = {
	[SP_OAUTH_GRANT_NONE] = { "none", false },
	[SP_OAUTH_GRANT_CLIENT] = { "client_credentials", false },
	[SP_OAUTH_GRANT_REFRESH] = { "refresh_token", true },
	[SP_OAUTH_GRANT_DEVICE] = { "device_code", true },
	[SP_OAUTH_GRANT_CODE] = { "authorization_code", true },
	[SP_OAUTH_GRANT_SERVICE] = { "service_account", false },
};

const char *
sp_oauth_grant_name(enum sp_oauth_grant g)
{
	return (grants[g].name);
}

bool
sp_oauth_needs_login(enum sp_oauth_grant g)
{
	return (grants[g].person);
}

struct sp_oauth *
sp_oauth_new(const struct sp_oauth_opts *opts)
{
	struct sp_oauth *o = sp_xcalloc(1, sizeof(*o));

	o->opts = *opts;
	o->who = (struct sp_oauth_client){ .conf = opts->conf,
		.user = opts->user,
		.read = opts->read,
		.ctx = opts->ctx };
	o->http = (struct sp_oauth_http){ .ca = opts->conf->ca,
		.timeout = HTTP_TIMEOUT,
		.stop = opts->stop,
		.ctx = opts->ctx };
	o->path = sp_oauth_store_path(opts->dir, opts->account);
	if (pthread_mutex_init(&o->lock, NULL) != 0)
		abort();
	return (o);
}

void
sp_oauth_free(struct sp_oauth *o)
{
	if (o == NULL)
		return;
	sp_secret_done(&o->access);
	sp_oauth_store_done(&o->unsaved);
	(void)pthread_mutex_destroy(&o->lock);
	free(o->path);
	free(o);
}

/* ---- what an answer means ------------------------------------------------ */

/* Write down what the last request came to, for `sealpost oauth status`. */
static void
save_state(const struct sp_oauth *o, uint64_t expires_in, const char *why)
{
	struct sp_oauth_state s = { .asked = sp_clock_wall() };

	if (expires_in > 0)
		s.expires = s.asked + (int64_t)expires_in * SP_SECOND;
	(void)snprintf(s.why, sizeof(s.why), "%.590s", why);
	sp_oauth_state_save(o->opts.dir, o->opts.account, &s);
}

/* Keep ${err} as the answer for ${wait} us.  Each failure makes the next wait
 * twice as long, up to a quarter of an hour; what the provider asks for may be
 * longer. */
static void
record_failure(struct sp_oauth *o, int64_t wait, const struct sp_err *err)
{
	if (wait < o->delay)
		wait = o->delay;
	o->not_before = sp_clock_boot() + wait;
	o->delay = wait > DELAY_MAX / 2 ? DELAY_MAX : wait * 2;
	o->last = *err;
	save_state(o, 0, err->msg);
}

/* What the operator can do about verdict ${v} where nobody can log in. */
static const char *
advice(enum sp_oauth_grant g, enum sp_oauth_verdict v)
{
	if (v == SP_OAUTH_CONFIG)
		return (
		    "check client_id, the secret or certificate, scopes and URLs of the section");
	if (g == SP_OAUTH_GRANT_SERVICE)
		return (
		    "check that the service account may act for this user with this scope (domain-wide delegation), and the clock of this machine");
	return (
	    "check the grants of this client at the provider, and the clock of this machine");
}

/* Whether a person can help depends on the grant: doc/oauth.md, "What happens
 * then". */
enum sp_code
sp_oauth_no_token(
    struct sp_oauth *o, const struct sp_oauth_answer *a, struct sp_err *err)
{
	const enum sp_oauth_grant g = o->opts.conf->grant;
	const bool person = sp_oauth_needs_login(g);
	int64_t wait = DELAY_MIN;

	if (a == NULL) {
		if (err->code == SP_EINTERRUPT)
			return (err->code);
		if (err->code != SP_EAGAIN)
			wait = DELAY_MAX;
		record_failure(o, wait, err);
		return (err->code);
	}
	if (a->verdict == SP_OAUTH_BUSY || a->verdict == SP_OAUTH_UNREADABLE) {
		(void)sp_err_set(err, SP_EAGAIN, 0, "no token for %s now: %s",
		    o->opts.account, a->why);
		wait = (int64_t)a->wait * SP_SECOND;
	} else if (person && a->verdict != SP_OAUTH_CONFIG) {
		(void)sp_err_set(err, SP_EPERM, 0,
		    "no token for %s: %s; a person must log in again: `sealpost oauth login %s`",
		    o->opts.account, a->why, o->opts.account);
		wait = DELAY_MAX;
	} else {
		(void)sp_err_set(err, SP_ECONFIG, 0, "no token for %s: %s; %s",
		    o->opts.account, a->why, advice(g, a->verdict));
		wait = DELAY_MAX;
	}
	record_failure(o, wait < DELAY_MIN ? DELAY_MIN : wait, err);
	return (err->code);
}

/* ---- a new token --------------------------------------------------------- */

/* Store the new refresh token; it stays unsaved where that fails. */
static enum sp_code
save_refresh(struct sp_oauth *o, struct sp_err *err)
{
	enum sp_code rc = sp_oauth_store_save(o->path, &o->unsaved, err);

	if (rc == SP_OK)
		sp_oauth_store_done(&o->unsaved);
	return (rc);
}

/* The access token of ${a} is the one to hand out, until a tenth of its life or
 * a minute before its end, whichever is more.  Failures are over. */
static void
set_access(struct sp_oauth *o, const struct sp_oauth_answer *a)
{
	const int64_t life = (int64_t)a->expires_in * SP_SECOND;
	const int64_t margin = life / 10 > MARGIN ? life / 10 : MARGIN;
	const int64_t now = sp_clock_boot();

	sp_secret_done(&o->access);
	sp_secret_init(&o->access, a->access.n + 1);
	(void)!sp_buf_addv(&o->access, sp_buf_view(&a->access));
	o->expires_at = now + life;
	o->renew_at = o->expires_at - margin;
	o->last = (struct sp_err){ 0 };
	o->not_before = o->delay = 0;
	save_state(o, a->expires_in, "");
}

enum sp_code
sp_oauth_accept(struct sp_oauth *o, const struct sp_oauth_answer *a,
    bool with_refresh, struct sp_err *err)
{
	const struct sp_oauth_conf *conf = o->opts.conf;
	enum sp_code rc = SP_OK;

	o->rotated = with_refresh && a->refresh.n > 0;
	if (o->rotated) {
		struct sp_oauth_stored *s = &o->unsaved;

		/* From here on it is kept, whatever happens to the disk. */
		sp_oauth_store_done(s);
		sp_secret_init(&s->refresh, a->refresh.n + 1);
		(void)!sp_buf_addv(&s->refresh, sp_buf_view(&a->refresh));
		s->token_url = sp_xstrdup(conf->token_url);
		s->client_id = sp_xstrdup(conf->client_id);
		s->user = sp_xstrdup(o->opts.user);
		s->scope = sp_xstrdup(a->scope);
		s->obtained = sp_clock_wall();
		rc = save_refresh(o, err);
	}
	set_access(o, a);
	return (rc);
}

/* ---- refresh tokens ------------------------------------------------------ */

/* SP_EPERM, with ${why} and what to do. */
static enum sp_code
needs_login(struct sp_oauth *o, const char *why, struct sp_err *err)
{
	return (sp_err_set(err, SP_EPERM, 0,
	    "%s for %s: log in with `sealpost oauth login %s`", why,
	    o->opts.account, o->opts.account));
}

/* It belongs to the token_url, client_id and user that it came for. */
enum sp_code
sp_oauth_load_stored(
    struct sp_oauth *o, struct sp_oauth_stored *out, struct sp_err *err)
{
	const struct sp_oauth_conf *conf = o->opts.conf;
	enum sp_code rc = sp_oauth_store_load(o->path, out, err);

	if (rc == SP_ENOTFOUND)
		return (needs_login(o, "no refresh token is stored", err));
	if (rc != SP_OK)
		return (rc);
	if (strcmp(out->token_url, conf->token_url) == 0 &&
	    strcmp(out->client_id, conf->client_id) == 0 &&
	    strcmp(out->user, o->opts.user) == 0)
		return (SP_OK);
	sp_oauth_store_done(out);
	return (needs_login(o,
	    "the refresh token that is stored belongs to another token_url, client_id or user than the section names,",
	    err));
}

/* Whether ${s} is the token that the provider refused: it is not asked
 * again. */
static bool
was_refused(const struct sp_oauth *o, const struct sp_oauth_stored *s)
{
	uint8_t digest[SP_SHA256_LEN];

	sp_sha256_once(s->refresh.p, s->refresh.n, digest);
	return (
	    o->have_refused && memcmp(digest, o->refused, sizeof(digest)) == 0);
}

/* Send ${r}, unless making it failed already (${rc}, ${err}), and accept the
 * tokens that come, or record the failure.  ${r} is done. */
static enum sp_code
exchange(struct sp_oauth *o, struct sp_oauth_request *r, bool with_refresh,
    enum sp_code rc, struct sp_err *err)
{
	struct sp_oauth_answer a = { 0 };

	if (rc == SP_OK)
		rc = sp_oauth_request_exchange(&o->http, r, &a, err);
	if (rc != SP_OK)
		rc = sp_oauth_no_token(o, NULL, err);
	else if (a.verdict == SP_OAUTH_TOKEN)
		rc = sp_oauth_accept(o, &a, with_refresh, err);
	else
		rc = sp_oauth_no_token(o, &a, err);
	sp_oauth_answer_done(&a);
	sp_oauth_request_done(r);
	return (rc);
}

enum sp_code
sp_oauth_refresh(
    struct sp_oauth *o, const struct sp_oauth_stored *s, struct sp_err *err)
{
	struct sp_oauth_request r;
	enum sp_code rc;

	rc = sp_oauth_request_refresh(
	    &r, &o->who, sp_buf_view(&s->refresh), err);
	rc = exchange(o, &r, true, rc, err);
	if (rc == SP_EPERM) {
		sp_sha256_once(s->refresh.p, s->refresh.n, o->refused);
		o->have_refused = true;
	}
	return (rc);
}

/* Renew by the stored refresh token, under the account's lock. */
static enum sp_code
refresh(struct sp_oauth *o, struct sp_err *err)
{
	struct sp_oauth_stored s = { 0 };
	enum sp_code rc;
	int fd = -1;

	rc = sp_oauth_store_lock(o->path, SP_OAUTH_LOCK_MS, &fd, err);
	if (rc != SP_OK)
		return (rc);
	rc = sp_oauth_load_stored(o, &s, err);
	if (rc == SP_OK && was_refused(o, &s)) {
		*err = o->last;
		rc = o->last.code;
	} else if (rc == SP_OK) {
		/* The answer may hold a new one, and make this one worthless:
		 * do not ask where it could not be kept. */
		rc = sp_oauth_store_save(o->path, &s, err);
		if (rc == SP_OK)
			rc = sp_oauth_refresh(o, &s, err);
	}
	sp_oauth_store_done(&s);
	(void)close(fd);
	return (rc);
}

/* Store the refresh token that could not be stored when it came; it is dropped
 * where somebody has logged in since. */
static enum sp_code
save_unsaved(struct sp_oauth *o, struct sp_err *err)
{
	struct sp_oauth_stored stored = { 0 };
	struct sp_err ignored;
	enum sp_code rc;
	int fd = -1;

	rc = sp_oauth_store_lock(o->path, SP_OAUTH_LOCK_MS, &fd, err);
	if (rc != SP_OK)
		return (rc);
	if (sp_oauth_store_load(o->path, &stored, &ignored) == SP_OK &&
	    stored.obtained > o->unsaved.obtained)
		sp_oauth_store_done(&o->unsaved);
	else
		rc = save_refresh(o, err);
	sp_oauth_store_done(&stored);
	(void)close(fd);
	return (rc);
}

/* ---- handing out --------------------------------------------------------- */

/* The grants that need nothing but what is configured. */
static enum sp_code
ask(struct sp_oauth *o, struct sp_err *err)
{
	struct sp_oauth_request r;
	enum sp_code rc;

	rc = o->opts.conf->grant == SP_OAUTH_GRANT_SERVICE
		 ? sp_oauth_request_service(&r, &o->who, err)
		 : sp_oauth_request_credentials(&r, &o->who, err);
	return (exchange(o, &r, false, rc, err));
}

/* Whether somebody has logged in since a person was asked for: then waiting is
 * over. */
static bool
logged_in_since(struct sp_oauth *o)
{
	struct sp_oauth_stored s = { 0 };
	struct sp_err ignored;
	bool is;

	if (o->last.code != SP_EPERM ||
	    sp_oauth_load_stored(o, &s, &ignored) != SP_OK)
		return (false);
	is = !was_refused(o, &s);
	sp_oauth_store_done(&s);
	return (is);
}

/* A new access token, unless it makes no sense to ask yet: then the failure is
 * the answer. */
static enum sp_code
renew(struct sp_oauth *o, struct sp_err *err)
{
	const int64_t now = sp_clock_boot();

	if (o->last.code != SP_OK && now < o->not_before &&
	    !logged_in_since(o)) {
		*err = o->last;
		return (err->code);
	}
	if (sp_oauth_needs_login(o->opts.conf->grant))
		return (refresh(o, err));
	return (ask(o, err));
}

/* A refresh token that is not stored yet comes first: nothing else is done with
 * the account before it is safe. */
enum sp_code
sp_oauth_get(
    struct sp_oauth *o, bool again, struct sp_buf *out, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	int64_t now;

	(void)pthread_mutex_lock(&o->lock);
	now = sp_clock_boot();
	if (o->unsaved.refresh.n > 0)
		rc = save_unsaved(o, err);
	if (rc == SP_OK && again)
		sp_secret_done(&o->access);
	if (rc == SP_OK && (o->access.n == 0 || now >= o->renew_at)) {
		rc = renew(o, err);
		/* The one that we have is good for a while yet. */
		if (rc != SP_OK && o->unsaved.refresh.n == 0 &&
		    o->access.n > 0 && now < o->expires_at)
			rc = SP_OK;
	}
	if (rc == SP_OK && sp_buf_addv(out, sp_buf_view(&o->access)) != SP_OK)
		rc = sp_err_set(err, SP_ELIMIT, 0,
		    "the token is longer than %zu bytes", out->max);
	(void)pthread_mutex_unlock(&o->lock);
	return (rc);
}

uint64_t
sp_oauth_wait(struct sp_oauth *o)
{
	uint64_t seconds = 0;
	int64_t left;

	(void)pthread_mutex_lock(&o->lock);
	left = o->not_before - sp_clock_boot();
	if (o->last.code != SP_OK && left > 0)
		seconds = (uint64_t)((left + SP_SECOND - 1) / SP_SECOND);
	(void)pthread_mutex_unlock(&o->lock);
	return (seconds);
}
