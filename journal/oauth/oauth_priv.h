/* Private to journal/pull/oauth*.c: the token source. */
#ifndef SP_OAUTH_OAUTH_PRIV_H
#define SP_OAUTH_OAUTH_PRIV_H

#include <pthread.h>

#include "journal/oauth/oauth.h"
#include "journal/oauth/oauth_request.h"
#include "journal/oauth/oauth_store.h"

#define SP_OAUTH_LOCK_MS 90000 /* longer than one request of another process */

struct sp_oauth {
	struct sp_oauth_opts opts;
	struct sp_oauth_who who;
	struct sp_oauth_http http;
	char *path; /* of the token file */
	pthread_mutex_t lock; /* all below; held while a request waits */
	struct sp_buf access; /* empty: none */
	int64_t renew_at, expires_at; /* of it, by the boot clock */
	/* A new refresh token that is not on the disk yet. */
	struct sp_oauth_stored unsaved; /* refresh.n == 0: none */
	/* Failed: this is the answer until then. */
	int64_t not_before; /* boot clock */
	int64_t delay; /* the next one is at least as long */
	struct sp_err last; /* code SP_OK: not failed */
	/* SHA-256 of the refresh token that the provider refused. */
	uint8_t refused[32];
	bool have_refused;
	bool rotated; /* the last answer had a refresh token */
};

/* Take over a token that came: the refresh token first.  The lock and the
 * account's lock are held. */
SP_CHECK enum sp_code sp_oauth_accept(struct sp_oauth *o,
    const struct sp_oauth_answer *a, bool with_refresh, struct sp_err *err);
/* An answer without a token, or no answer (${a} NULL, ${err} filled): remember
 * it, say what to do.  Fills ${err}, returns its code. */
enum sp_code sp_oauth_refused(
    struct sp_oauth *o, const struct sp_oauth_answer *a, struct sp_err *err);
/* The stored token; SP_EPERM where there is none that is of use. */
SP_CHECK enum sp_code sp_oauth_stored_for_us(
    struct sp_oauth *o, struct sp_oauth_stored *out, struct sp_err *err);
/* Renew now by refresh token ${s}; the account's lock is held. */
SP_CHECK enum sp_code sp_oauth_spend(
    struct sp_oauth *o, const struct sp_oauth_stored *s, struct sp_err *err);

/* ---- oauth_loopback.c: the redirect of a browser ---------------------------- */

struct sp_oauth_listener;

/* Listen where ${redirect} says ("http://127.0.0.1:8400/x"; NULL or without a
 * port: any free one).  sp_oauth_listener_url: with the port that it is. */
SP_CHECK enum sp_code sp_oauth_listen(
    const char *redirect, struct sp_oauth_listener **out, struct sp_err *err);
const char *sp_oauth_listener_url(const struct sp_oauth_listener *l);
/*
 * Wait up to ${us} for a browser, or for a line on ${input} (-1: none).
 * SP_OK: ${out} needs sp_oauth_redirect_done.  SP_EEND: nothing yet.
 */
SP_CHECK enum sp_code sp_oauth_listener_wait(struct sp_oauth_listener *l,
    int input, struct sp_view state, int64_t us, struct sp_oauth_redirect *out,
    struct sp_err *err);
void sp_oauth_listener_close(struct sp_oauth_listener *l); /* NULL is fine */

#endif
