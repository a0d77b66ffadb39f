/*
 * Private to journal/oauth: the token source, as oauth.c (tokens without a
 * person) and oauth_login.c (with one) share it.
 */
#ifndef SP_OAUTH_OAUTH_PRIV_H
#define SP_OAUTH_OAUTH_PRIV_H

#include <pthread.h>

#include "base/sha256.h"
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
	/* the access token; times by the boot clock */
	struct sp_buf access; /* empty: none */
	int64_t renew_at, expires_at;
	/* A new refresh token that is not on the disk yet. */
	struct sp_oauth_stored unsaved; /* refresh.n == 0: none */
	bool rotated; /* the last answer had a refresh token */
	/* the last failure, which is the answer until it makes sense to ask
	 * again; by the boot clock */
	struct sp_err last; /* code SP_OK: not failed */
	int64_t not_before;
	int64_t delay; /* us; the next wait is at least as long */
	/* SHA-256 of the refresh token that the provider refused. */
	uint8_t refused[SP_SHA256_LEN];
	bool have_refused;
};

/*
 * Take the tokens of the answer ${a} into use: with ${with_refresh} a refresh
 * token first, stored durably before the access token counts.  o->lock is held,
 * and the account's lock if there is a refresh token.  Fails where that could
 * not be stored (errors of sp_oauth_store_save): both are kept in memory, and
 * sp_oauth_get hands out the access token once the other is stored.
 */
SP_CHECK enum sp_code sp_oauth_accept(struct sp_oauth *o,
    const struct sp_oauth_answer *a, bool with_refresh, struct sp_err *err);
/*
 * No token: remember why, and until when asking again makes no sense.  ${a} is
 * the answer; NULL where none came, with the reason in ${err}.  Fills ${err}
 * with what to do, returns its code: SP_EAGAIN, SP_EPERM (a person must log in),
 * SP_ECONFIG; without an answer that of ${err}.  o->lock is held.
 */
enum sp_code sp_oauth_refused(
    struct sp_oauth *o, const struct sp_oauth_answer *a, struct sp_err *err);
/* Load the stored refresh token, if it belongs to this section: a token goes
 * only to whom it came from.  ${out} needs sp_oauth_store_done if SP_OK.
 * SP_EPERM: there is none that is of use; else as sp_oauth_store_load. */
SP_CHECK enum sp_code sp_oauth_stored_for_us(
    struct sp_oauth *o, struct sp_oauth_stored *out, struct sp_err *err);
/* Get new tokens now by the refresh token ${s}, which may be worth nothing
 * afterwards.  o->lock and the account's lock are held.  Errors of
 * sp_oauth_accept and sp_oauth_refused. */
SP_CHECK enum sp_code sp_oauth_spend(
    struct sp_oauth *o, const struct sp_oauth_stored *s, struct sp_err *err);

#endif
