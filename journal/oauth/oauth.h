/*
 * Where the bearer tokens of an account come from: OAuth 2.0 (RFC 6749) by
 * client credentials, refresh token, device code (RFC 8628), authorization
 * code with PKCE (RFC 7636, 8252), or a service account (RFC 7523).
 *
 *	            get: none, too old, or refused by the server
 *	 [no token] --------------------------------------------> asking
 *	     ^                                                      |
 *	     | older than expires_in - max(60 s, 10 %)     token    |
 *	     +---------------------- [token] <----------------------+
 *	                                                            |
 *	 [failed] <---- no token: the reason is kept, and given to -+
 *	            everybody who asks before it makes sense to ask again
 *
 * The access token is held in memory only.  A refresh token is in
 * ARCHIVE/secrets/NAME.token, and a new one is there durably before the
 * access token that came with it is handed out.  Any thread may call; one
 * request is on its way at a time.  No message holds a secret.
 *
 * app/host/pull_run.c asks for a token before each session; `sealpost oauth`
 * (app/cmd/cmd_oauth.c) logs in and out.
 */
#ifndef SP_OAUTH_OAUTH_H
#define SP_OAUTH_OAUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"
#include "base/view.h"

struct sp_oauth;

/*
 * Reads a file of the configuration (secret, key, certificate), whole, into
 * ${out}, which the callee makes with sp_secret_init in any case.  ${what} is
 * the option's name, for messages; ${where} its value.
 */
typedef enum sp_code sp_oauth_read(void *ctx, const char *what,
    const char *where, struct sp_buf *out, struct sp_err *err);

/* That, from the disk: an absolute path or credential:NAME.  Errors of
 * sp_secret_file. */
SP_CHECK enum sp_code sp_oauth_file(const char *what, const char *where,
    struct sp_buf *out, struct sp_err *err);

struct sp_oauth_opts { /* borrowed until sp_oauth_free */
	const char *dir; /* of the archive */
	const char *account; /* name of the pull section */
	const char *user; /* the mailbox */
	const struct sp_oauth_conf *conf;
	sp_oauth_read *read; /* NULL: sp_oauth_file, when it is needed */
	/* Asked about once a second while a request waits; true ends it.
	 * NULL: never. */
	bool (*stop)(void *ctx);
	void *ctx; /* of both */
};

/* Nothing is read or asked yet.  The caller frees. */
struct sp_oauth *sp_oauth_new(const struct sp_oauth_opts *opts);
void sp_oauth_free(struct sp_oauth *o); /* NULL is fine; wipes */

/*
 * Append a token that is good now to ${out} (make it with sp_secret_init);
 * blocks while one is asked for.  ${again}: the mail server refused the last
 * one, so get another.  SP_EAGAIN: not now, see sp_oauth_wait; SP_EPERM: a
 * person must log in (`sealpost oauth login`); SP_ECONFIG, SP_EKEY: the
 * configuration or a file; SP_EINTERRUPT; others: the refresh token could not
 * be read or stored, or ${out} has no room (SP_ELIMIT).
 */
SP_CHECK enum sp_code sp_oauth_get(
    struct sp_oauth *o, bool again, struct sp_buf *out, struct sp_err *err);
/* Seconds until asking again makes sense; 0: now. */
uint64_t sp_oauth_wait(struct sp_oauth *o);

/* ---- for a person -------------------------------------------------------- */

struct sp_oauth_device;

struct sp_oauth_ui { /* how a login talks to the person */
	/* Go to d->uri and enter d->user_code. */
	void (*device)(void *ctx, const struct sp_oauth_device *d);
	/* Open this in a browser; ${redirect} is where it comes back to. */
	void (*browser)(void *ctx, const char *url, const char *redirect);
	void *ctx;
	int input; /* where the person may paste the URL instead; -1: no */
};

/*
 * Log in by the account's grant, device_code or authorization_code; blocks until
 * the person is done or the code is too old.  The refresh token is stored.
 * SP_EPERM: the person said no, or nothing came in time; SP_EAGAIN: the provider
 * does not answer; SP_ECONFIG: the section, or the provider gave no refresh
 * token; SP_EUSAGE: the grant knows no login; SP_EINTERRUPT; others: the refresh
 * token could not be stored.
 */
SP_CHECK enum sp_code sp_oauth_login(
    struct sp_oauth *o, const struct sp_oauth_ui *ui, struct sp_err *err);
/* Store the refresh token ${refresh} that somebody gave us, after it was tried.
 * Errors as sp_oauth_get. */
SP_CHECK enum sp_code sp_oauth_login_with(
    struct sp_oauth *o, struct sp_view refresh, struct sp_err *err);
/* Revoke the refresh token at the provider, where it has a URL for that (RFC
 * 7009; then ${revoked} is set), and remove the file.  SP_ENOTFOUND: nothing is
 * stored.  Where the provider cannot be asked, or refuses, the file stays. */
SP_CHECK enum sp_code sp_oauth_revoke(
    struct sp_oauth *o, bool *revoked, struct sp_err *err);

/* "client_credentials" and so on: as in the configuration; static. */
const char *sp_oauth_grant_name(enum sp_oauth_grant g);
/* Whether this grant needs sp_oauth_login once. */
bool sp_oauth_needs_login(enum sp_oauth_grant g);

#endif
