/*
 * Private to journal/pull/oauth*.c: the requests of each grant, and one
 * exchange with the token endpoint.
 */
#ifndef SP_OAUTH_OAUTH_REQUEST_H
#define SP_OAUTH_OAUTH_REQUEST_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"
#include "journal/oauth/oauth_answer.h"
#include "journal/oauth/oauth.h"
#include "journal/oauth/oauth_http.h"

struct sp_oauth_request {
	char *url;
	struct sp_buf form; /* secret */
	struct sp_buf basic; /* secret; empty: none */
	struct sp_buf secret; /* of the client; never to be shown */
	struct sp_buf once; /* refresh token, code: never to be shown */
};

/* Whose request it is. */
struct sp_oauth_who {
	const struct sp_oauth_conf *conf;
	const char *user;
	sp_oauth_read *read; /* NULL: sp_oauth_file */
	void *ctx; /* of read */
};

/* Empty, to ${url}; done in any case. */
void sp_oauth_request_init(struct sp_oauth_request *r, const char *url);
void sp_oauth_request_done(struct sp_oauth_request *r); /* wipes */
SP_CHECK enum sp_code sp_oauth_request_add(struct sp_oauth_request *r,
    const char *name, struct sp_view value, struct sp_err *err);
/* The same, for a value that must never be shown. */
SP_CHECK enum sp_code sp_oauth_request_add_once(struct sp_oauth_request *r,
    const char *name, struct sp_view value, struct sp_err *err);
/* Who we are: client_id, and secret or assertion where there is one. */
SP_CHECK enum sp_code sp_oauth_request_client(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err);
/* scope (if any is configured) and the configured parameters. */
SP_CHECK enum sp_code sp_oauth_request_scope(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err);
/* Scopes, blanks between; appended to ${out}. */
SP_CHECK enum sp_code sp_oauth_scope_text(
    const struct sp_oauth_conf *conf, struct sp_buf *out);

/* Whole requests to the token endpoint (initialised here). */
SP_CHECK enum sp_code sp_oauth_request_credentials(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err);
SP_CHECK enum sp_code sp_oauth_request_refresh(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_view refresh, struct sp_err *err);
SP_CHECK enum sp_code sp_oauth_request_service(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err);

/* Send it.  SP_OK: ${out} has a verdict, of whatever kind, and its texts hold
 * none of the request's secrets.  Else no answer came, or the certificate is
 * not good (SP_EAGAIN, SP_ECONFIG, SP_EINTERRUPT). */
SP_CHECK enum sp_code sp_oauth_exchange(const struct sp_oauth_http *http,
    const struct sp_oauth_request *r, struct sp_oauth_answer *out,
    struct sp_err *err);
/* Take out of ${a} what repeats a secret of the request. */
void sp_oauth_censor(
    const struct sp_oauth_request *r, struct sp_oauth_answer *a);

#endif
