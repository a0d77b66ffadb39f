/*
 * Private to journal/oauth: the requests of each grant, and one exchange with
 * the token endpoint.  A request is built pair by pair, sent once, and wiped.
 * It remembers the secrets in it, so that no text of an answer that repeats one
 * of them is ever shown.
 *
 * oauth.c makes the requests that need nobody, oauth_login.c those of a login.
 */
#ifndef SP_OAUTH_OAUTH_REQUEST_H
#define SP_OAUTH_OAUTH_REQUEST_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "journal/oauth/oauth_answer.h"
#include "journal/oauth/oauth_client.h"
#include "journal/oauth/oauth_http.h"

struct sp_oauth_request {
	/* what is sent */
	char *url;
	struct sp_buf form; /* secret */
	struct sp_buf basic; /* secret; empty: none */
	/* what must not be shown */
	struct sp_buf secret; /* of the client, or its assertion */
	struct sp_buf grant_secret; /* refresh token, code, assertion */
};

/* Empty, to ${url} (copied); sp_oauth_request_done in any case. */
void sp_oauth_request_init(struct sp_oauth_request *r, const char *url);
void sp_oauth_request_done(struct sp_oauth_request *r); /* wipes */

/* Add "name=value" to the form.  SP_ELIMIT. */
SP_CHECK enum sp_code sp_oauth_request_add(struct sp_oauth_request *r,
    const char *name, struct sp_view value, struct sp_err *err);
/* The same, for the secret of the grant (one a request): it must never be
 * shown. */
SP_CHECK enum sp_code sp_oauth_request_add_once(struct sp_oauth_request *r,
    const char *name, struct sp_view value, struct sp_err *err);
/* Add who we are: client_id, and the secret or an assertion where there is one.
 * SP_EKEY, SP_ELIMIT, or the error of reading a file. */
SP_CHECK enum sp_code sp_oauth_request_client(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err);
/* Add scope (if any is configured) and the configured parameters.  SP_ECONFIG:
 * the scopes are too long; SP_ELIMIT. */
SP_CHECK enum sp_code sp_oauth_request_scope(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err);

/*
 * Whole requests to the token endpoint, initialised here in any case: by client
 * credentials (RFC 6749 section 4.4), by a refresh token (section 6), for a
 * service account (RFC 7523 section 2.1).  Errors of the functions above;
 * SP_ECONFIG also where a service account is not described.
 */
SP_CHECK enum sp_code sp_oauth_request_credentials(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err);
SP_CHECK enum sp_code sp_oauth_request_refresh(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_view refresh, struct sp_err *err);
SP_CHECK enum sp_code sp_oauth_request_service(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err);

/* Send it and give the bare reply: see sp_oauth_post. */
SP_CHECK enum sp_code sp_oauth_request_send(const struct sp_oauth_http *http,
    const struct sp_oauth_request *r, struct sp_oauth_reply *out,
    struct sp_err *err);
/* Send it and read the answer of a token endpoint.  SP_OK: ${out} has a
 * verdict, of whatever kind, its texts hold none of the request's secrets, and
 * it needs sp_oauth_answer_done.  Else no answer came, or the certificate is
 * not good: see sp_oauth_post. */
SP_CHECK enum sp_code sp_oauth_exchange(const struct sp_oauth_http *http,
    const struct sp_oauth_request *r, struct sp_oauth_answer *out,
    struct sp_err *err);
/* Take the texts out of ${a} that repeat a secret of the request ${r}. */
void sp_oauth_censor(
    const struct sp_oauth_request *r, struct sp_oauth_answer *a);

#endif
