/*
 * The requests of each grant, and one exchange with the token endpoint: see
 * journal/oauth/oauth_request.h.
 *
 *	sp_oauth_request_credentials, _refresh, _service; oauth_login.c's own
 *	  --> a form, by which the client says who it is
 *	sp_oauth_exchange
 *	  --> oauth_http.c sends it, oauth_answer.c reads the answer
 *	sp_oauth_censor
 *	  --> an answer that repeats a secret of the form is not shown
 */
#include "journal/oauth/oauth_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/secret.h"
#include "journal/oauth/jwt.h"
#include "journal/oauth/oauth_assertion.h"
#include "journal/oauth/oauth_form.h"

#define SCOPE_MAX  16384u
#define SECRET_MAX 2048u /* bytes of a client secret */
#define BASIC_MAX  12000u
#define PIECE	   12u /* bytes of a secret that must not be shown */

#define JWT_BEARER "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define CLIENT_ASSERTION \
	"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

void
sp_oauth_request_init(struct sp_oauth_request *r, const char *url)
{
	*r = (struct sp_oauth_request){ .url = sp_xstrdup(url) };
	sp_secret_init(&r->form, SP_OAUTH_FORM_MAX);
	sp_secret_init(&r->basic, BASIC_MAX);
}

void
sp_oauth_request_done(struct sp_oauth_request *r)
{
	free(r->url);
	r->url = NULL;
	sp_secret_done(&r->form);
	sp_secret_done(&r->basic);
	sp_secret_done(&r->secret);
	sp_secret_done(&r->grant_secret);
}

enum sp_code
sp_oauth_request_add(struct sp_oauth_request *r, const char *name,
    struct sp_view value, struct sp_err *err)
{
	enum sp_code rc = sp_oauth_form_add(&r->form, name, value);

	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0,
		    "the request is longer than %u bytes at %s",
		    SP_OAUTH_FORM_MAX, name);
	return (rc);
}

enum sp_code
sp_oauth_request_add_once(struct sp_oauth_request *r, const char *name,
    struct sp_view value, struct sp_err *err)
{
	sp_secret_done(&r->grant_secret);
	sp_secret_init(&r->grant_secret, value.n + 1);
	(void)!sp_buf_addv(&r->grant_secret, value);
	return (sp_oauth_request_add(r, name, value, err));
}

static enum sp_code
add_text(struct sp_oauth_request *r, const char *name, const char *text,
    struct sp_err *err)
{
	return (sp_oauth_request_add(r, name, sp_view_str(text), err));
}

enum sp_code
sp_oauth_request_scope(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err)
{
	const struct sp_texts *more = &who->conf->parameters;
	enum sp_code rc = SP_OK;
	struct sp_buf scope;

	sp_buf_init(&scope, SCOPE_MAX);
	if (sp_oauth_scope_text(who->conf, &scope) != SP_OK)
		rc = sp_err_set(err, SP_ECONFIG, 0, "the scopes are too long");
	else if (scope.n > 0)
		rc = sp_oauth_request_add(r, "scope", sp_buf_view(&scope), err);
	sp_buf_done(&scope);
	for (size_t i = 0; rc == SP_OK && i < more->n; i++) {
		struct sp_view value = sp_view_str(more->v[i]);
		char *name = sp_view_dup(sp_view_cut(&value, '='));

		rc = sp_oauth_request_add(r, name, value, err);
		free(name);
	}
	return (rc);
}

/* ---- who we are ---------------------------------------------------------- */

/* The Authorization field: both are encoded as in a form, then "id:secret" (RFC
 * 6749 section 2.3.1). */
static enum sp_code
add_basic(struct sp_oauth_request *r, const char *id, struct sp_err *err)
{
	struct sp_buf plain;
	enum sp_code rc;

	sp_secret_init(&plain, BASIC_MAX / 2);
	rc = sp_oauth_escape(&plain, sp_view_str(id));
	if (rc == SP_OK)
		rc = sp_buf_addc(&plain, ':');
	if (rc == SP_OK)
		rc = sp_oauth_escape(&plain, sp_buf_view(&r->secret));
	if (rc == SP_OK)
		rc = sp_b64_append(&r->basic, plain.p, plain.n);
	sp_secret_done(&plain);
	if (rc != SP_OK)
		rc = sp_err_set(err, SP_EKEY, 0,
		    "client_id and client secret are too long for client_auth = basic");
	return (rc);
}

/* The client secret, in the form or in the Authorization field, as the
 * configuration says. */
static enum sp_code
add_secret(struct sp_oauth_request *r, const struct sp_oauth_who *who,
    struct sp_err *err)
{
	static const char what[] = "client_secret_file";
	const struct sp_oauth_conf *conf = who->conf;
	enum sp_code rc;

	rc = sp_oauth_client_file(
	    who, what, conf->client_secret_file, &r->secret, err);
	if (rc == SP_OK)
		rc = sp_secret_trim(what, &r->secret, err);
	if (rc != SP_OK)
		return (rc);
	if (r->secret.n > SECRET_MAX)
		return (sp_err_set(err, SP_EKEY, 0,
		    "client_secret_file %s holds more than %u bytes",
		    conf->client_secret_file, SECRET_MAX));
	if (conf->client_auth == SP_OAUTH_BASIC)
		return (add_basic(r, conf->client_id, err));
	rc = add_text(r, "client_id", conf->client_id, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_add(
		    r, "client_secret", sp_buf_view(&r->secret), err);
	return (rc);
}

/* A secret if one is configured, an assertion if a certificate is, else only
 * the name: a public client (RFC 6749 section 2.1). */
enum sp_code
sp_oauth_request_client(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err)
{
	const struct sp_oauth_conf *conf = who->conf;
	struct sp_buf jwt;
	enum sp_code rc;

	if (conf->client_secret_file != NULL)
		return (add_secret(r, who, err));
	rc = add_text(r, "client_id", conf->client_id, err);
	if (rc != SP_OK || conf->client_certificate == NULL)
		return (rc);
	sp_secret_init(&jwt, SP_JWT_MAX);
	rc = sp_oauth_assertion_client(who, &jwt, err);
	if (rc == SP_OK)
		rc =
		    add_text(r, "client_assertion_type", CLIENT_ASSERTION, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_add(
		    r, "client_assertion", sp_buf_view(&jwt), err);
	/* A message must not repeat it: it is good for ten minutes. */
	sp_secret_done(&r->secret);
	r->secret = jwt;
	return (rc);
}

/* ---- the grants ---------------------------------------------------------- */

enum sp_code
sp_oauth_request_credentials(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err)
{
	enum sp_code rc;

	sp_oauth_request_init(r, who->conf->token_url);
	rc = add_text(r, "grant_type", "client_credentials", err);
	if (rc == SP_OK)
		rc = sp_oauth_request_client(r, who, err);
	return (rc == SP_OK ? sp_oauth_request_scope(r, who, err) : rc);
}

enum sp_code
sp_oauth_request_refresh(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_view refresh, struct sp_err *err)
{
	enum sp_code rc;

	sp_oauth_request_init(r, who->conf->token_url);
	rc = add_text(r, "grant_type", "refresh_token", err);
	if (rc == SP_OK)
		rc =
		    sp_oauth_request_add_once(r, "refresh_token", refresh, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_client(r, who, err);
	return (rc == SP_OK ? sp_oauth_request_scope(r, who, err) : rc);
}

enum sp_code
sp_oauth_request_service(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err)
{
	char *url = NULL;
	struct sp_buf jwt;
	enum sp_code rc;

	sp_secret_init(&jwt, SP_JWT_MAX);
	rc = sp_oauth_assertion_service(who, &url, &jwt, err);
	sp_oauth_request_init(r, url == NULL ? "" : url);
	if (rc == SP_OK)
		rc = add_text(r, "grant_type", JWT_BEARER, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_add_once(
		    r, "assertion", sp_buf_view(&jwt), err);
	sp_secret_done(&jwt);
	free(url);
	return (rc);
}

/* ---- one exchange -------------------------------------------------------- */

/* Whether ${text} has a piece of ${secret}, of PIECE bytes: an echo may be cut
 * off or encoded in part. */
static bool
repeats(const char *text, const struct sp_buf *secret)
{
	const size_t len = strlen(text);
	const size_t piece = secret->n < PIECE ? secret->n : PIECE;

	for (size_t i = 0; piece > 0 && i + piece <= secret->n; i++) {
		if (memmem(text, len, secret->p + i, piece) != NULL)
			return (true);
	}
	return (false);
}

void
sp_oauth_censor(const struct sp_oauth_request *r, struct sp_oauth_answer *a)
{
	static const char instead[] =
	    "the answer repeats a secret of ours and is not shown";

	if (repeats(a->why, &r->secret) || repeats(a->why, &r->grant_secret))
		memcpy(a->why, instead, sizeof(instead));
	if (repeats(a->scope, &r->secret) ||
	    repeats(a->scope, &r->grant_secret))
		a->scope[0] = '\0';
}

enum sp_code
sp_oauth_request_send(const struct sp_oauth_http *http,
    const struct sp_oauth_request *r, struct sp_oauth_reply *out,
    struct sp_err *err)
{
	return (sp_oauth_post(http, r->url, sp_buf_view(&r->form),
	    sp_buf_view(&r->basic), out, err));
}

enum sp_code
sp_oauth_exchange(const struct sp_oauth_http *http,
    const struct sp_oauth_request *r, struct sp_oauth_answer *out,
    struct sp_err *err)
{
	struct sp_oauth_reply reply;
	enum sp_code rc = sp_oauth_request_send(http, r, &reply, err);

	if (rc != SP_OK)
		return (rc);
	sp_oauth_answer_parse(reply.status, sp_buf_view(&reply.body), out);
	out->wait = reply.wait;
	sp_oauth_reply_done(&reply);
	sp_oauth_censor(r, out);
	return (SP_OK);
}
