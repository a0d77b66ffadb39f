#include "journal/oauth/oauth_request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/json.h"
#include "base/random.h"
#include "journal/oauth/oauth_jwt.h"
#include "base/secret.h"

#define ASSERTION_LIFE 600 /* seconds */
#define CLOCK_SLACK    10 /* seconds that a provider's clock may be behind */
#define SCOPE_MAX      16384u
#define SECRET_MAX     2048u
#define BASIC_MAX      12000u
#define CLAIMS_MAX     32768u
#define HEADER_MAX     1024u
#define PIECE	       12u /* bytes of a secret that must not be shown */

#define CERTIFICATE "client_certificate" /* the one that is no secret */
#define JWT_BEARER  "urn:ietf:params:oauth:grant-type:jwt-bearer"
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
	sp_secret_done(&r->once);
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
	sp_secret_done(&r->once);
	sp_secret_init(&r->once, value.n + 1);
	(void)!sp_buf_addv(&r->once, value);
	return (sp_oauth_request_add(r, name, value, err));
}

static enum sp_code
add_text(struct sp_oauth_request *r, const char *name, const char *text,
    struct sp_err *err)
{
	return (sp_oauth_request_add(r, name, sp_view_str(text), err));
}

enum sp_code
sp_oauth_scope_text(const struct sp_oauth_conf *conf, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < conf->scopes.n; i++) {
		if (i > 0)
			rc = sp_buf_addc(out, ' ');
		if (rc == SP_OK)
			rc = sp_buf_adds(out, conf->scopes.v[i]);
	}
	return (rc);
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

enum sp_code
sp_oauth_file(
    const char *what, const char *where, struct sp_buf *out, struct sp_err *err)
{
	return (sp_secret_file(what, where, strcmp(what, CERTIFICATE) != 0,
	    SP_SECRET_FILE_MAX, out, err));
}

static enum sp_code
read_file(const struct sp_oauth_who *who, const char *what, const char *where,
    struct sp_buf *out, struct sp_err *err)
{
	if (who->read != NULL)
		return (who->read(who->ctx, what, where, out, err));
	return (sp_oauth_file(what, where, out, err));
}

/* ---- who we are ------------------------------------------------------------- */

/* RFC 6749 2.3.1: both are encoded as in a form, then "id:secret". */
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

static enum sp_code
add_secret(struct sp_oauth_request *r, const struct sp_oauth_who *who,
    struct sp_err *err)
{
	static const char what[] = "client_secret_file";
	const struct sp_oauth_conf *conf = who->conf;
	enum sp_code rc;

	rc = read_file(who, what, conf->client_secret_file, &r->secret, err);
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

/* A name that no other assertion has. */
static void
add_jti(struct sp_json *j)
{
	uint8_t random[16];
	char hex[2 * sizeof(random) + 1];

	sp_random(random, sizeof(random));
	sp_hex_encode(random, sizeof(random), hex);
	sp_json_cstr(j, "jti", hex);
}

static void
add_times(struct sp_json *j, bool not_before)
{
	const int64_t now = sp_clock_wall() / SP_SECOND;

	sp_json_i64(j, not_before ? "nbf" : "iat", now - CLOCK_SLACK);
	sp_json_i64(j, "exp", now + ASSERTION_LIFE);
}

/* RFC 7523 section 3; Microsoft wants x5t#S256 and nbf. */
static enum sp_code
assertion(const struct sp_oauth_conf *conf, const struct sp_jwt_key *key,
    const char *thumb, struct sp_buf *out, struct sp_err *err)
{
	const bool pss = conf->assertion_alg == SP_OAUTH_PS256;
	struct sp_buf header, claims;
	struct sp_json h, c;
	enum sp_code rc;

	sp_buf_init(&header, HEADER_MAX);
	sp_buf_init(&claims, CLAIMS_MAX);
	sp_json_init(&h, &header);
	sp_json_obj(&h, NULL);
	sp_json_cstr(&h, "alg", pss ? "PS256" : "RS256");
	sp_json_cstr(&h, "typ", "JWT");
	sp_json_cstr(&h, "x5t#S256", thumb);
	sp_json_obj_end(&h);
	sp_json_init(&c, &claims);
	sp_json_obj(&c, NULL);
	sp_json_cstr(&c, "aud", conf->token_url);
	sp_json_cstr(&c, "iss", conf->client_id);
	sp_json_cstr(&c, "sub", conf->client_id);
	add_jti(&c);
	add_times(&c, true);
	sp_json_obj_end(&c);
	if (sp_json_end(&h) != SP_OK || sp_json_end(&c) != SP_OK)
		rc = sp_err_set(err, SP_ELIMIT, 0, "the assertion is too long");
	else
		rc = sp_jwt_sign(key, pss, sp_buf_view(&header),
		    sp_buf_view(&claims), out, err);
	sp_buf_done(&header);
	sp_buf_done(&claims);
	return (rc);
}

static enum sp_code
make_assertion(
    const struct sp_oauth_who *who, struct sp_buf *out, struct sp_err *err)
{
	const struct sp_oauth_conf *conf = who->conf;
	char thumb[SP_JWT_SHA256_LEN + 1];
	struct sp_jwt_key *key = NULL;
	struct sp_buf pem, cert;
	enum sp_code rc;

	rc = read_file(who, "client_key", conf->client_key, &pem, err);
	if (rc == SP_OK)
		rc = sp_jwt_key_new("client_key", sp_buf_view(&pem), &key, err);
	sp_secret_done(&pem);
	if (rc != SP_OK)
		return (rc);
	rc = read_file(who, CERTIFICATE, conf->client_certificate, &cert, err);
	if (rc == SP_OK)
		rc = sp_jwt_thumbprint(
		    key, "client_certificate", sp_buf_view(&cert), thumb, err);
	sp_secret_done(&cert);
	if (rc == SP_OK)
		rc = assertion(conf, key, thumb, out, err);
	sp_jwt_key_free(key);
	return (rc);
}

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
	rc = make_assertion(who, &jwt, err);
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

/* ---- the grants ---------------------------------------------------------------- */

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

/* What Google's JSON file says; a PEM file says only the key. */
struct service {
	struct sp_jwt_key *key;
	char *mail, *key_id, *url;
};

static void
service_done(struct service *s)
{
	sp_jwt_key_free(s->key);
	free(s->mail);
	free(s->key_id);
	free(s->url);
}

static char *
member(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return (s == NULL ? NULL : sp_xstrdup(s));
}

static enum sp_code
read_json(struct sp_view text, struct service *out, struct sp_err *err)
{
	struct sp_err ignored; /* its message quotes the text */
	json_t *j = NULL;
	char *pem;
	enum sp_code rc;

	if (sp_json_load(text, &j, &ignored) != SP_OK)
		return (sp_err_set(err, SP_EKEY, 0,
		    "service_account_file is damaged: no valid JSON"));
	pem = member(j, "private_key");
	out->mail = member(j, "client_email");
	out->key_id = member(j, "private_key_id");
	out->url = member(j, "token_uri");
	if (pem == NULL || out->mail == NULL)
		rc = sp_err_set(err, SP_EKEY, 0,
		    "service_account_file has no private_key and client_email; expected the JSON key file of a service account, as Google's console gives it");
	else
		rc = sp_jwt_key_new("private_key of service_account_file",
		    sp_view_str(pem), &out->key, err);
	if (pem != NULL)
		sp_secret_wipe(pem, strlen(pem));
	free(pem);
	json_decref(j);
	return (rc);
}

static enum sp_code
read_service(
    const struct sp_oauth_who *who, struct service *out, struct sp_err *err)
{
	const struct sp_oauth_conf *conf = who->conf;
	struct sp_buf file;
	enum sp_code rc;

	*out = (struct service){ 0 };
	rc = read_file(who, "service_account_file", conf->service_account_file,
	    &file, err);
	if (rc == SP_OK &&
	    sp_view_starts(sp_view_trim(sp_buf_view(&file)), "{"))
		rc = read_json(sp_buf_view(&file), out, err);
	else if (rc == SP_OK)
		rc = sp_jwt_key_new(
		    "service_account_file", sp_buf_view(&file), &out->key, err);
	sp_secret_done(&file);
	if (rc != SP_OK)
		return (rc);
	if (conf->client_id != NULL) {
		free(out->mail);
		out->mail = sp_xstrdup(conf->client_id);
	}
	if (conf->token_url != NULL) {
		free(out->url);
		out->url = sp_xstrdup(conf->token_url);
	}
	if (out->mail == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "service_account_file is a PEM file, which does not name the account; expected client_id = its e-mail address"));
	if (out->url == NULL || strncmp(out->url, "https://", 8) != 0)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "no token_url with https for the service account"));
	return (SP_OK);
}

/* RFC 7523 section 2.1, with Google's scope and sub (the mailbox). */
static enum sp_code
grant_assertion(const struct service *s, const struct sp_oauth_who *who,
    struct sp_buf *out, struct sp_err *err)
{
	struct sp_buf header, claims, scope;
	struct sp_json h, c;
	enum sp_code rc;

	sp_buf_init(&header, HEADER_MAX);
	sp_buf_init(&claims, CLAIMS_MAX);
	sp_buf_init(&scope, SCOPE_MAX);
	rc = sp_oauth_scope_text(who->conf, &scope);
	sp_json_init(&h, &header);
	sp_json_obj(&h, NULL);
	sp_json_cstr(&h, "alg", "RS256");
	sp_json_cstr(&h, "typ", "JWT");
	if (s->key_id != NULL)
		sp_json_cstr(&h, "kid", s->key_id);
	sp_json_obj_end(&h);
	sp_json_init(&c, &claims);
	sp_json_obj(&c, NULL);
	sp_json_cstr(&c, "iss", s->mail);
	sp_json_cstr(&c, "sub", who->user);
	sp_json_str(&c, "scope", sp_buf_view(&scope));
	sp_json_cstr(&c, "aud", s->url);
	add_jti(&c);
	add_times(&c, false);
	sp_json_obj_end(&c);
	if (rc != SP_OK || sp_json_end(&h) != SP_OK || sp_json_end(&c) != SP_OK)
		rc = sp_err_set(err, SP_ELIMIT, 0, "the assertion is too long");
	else
		rc = sp_jwt_sign(s->key, false, sp_buf_view(&header),
		    sp_buf_view(&claims), out, err);
	sp_buf_done(&header);
	sp_buf_done(&claims);
	sp_buf_done(&scope);
	return (rc);
}

enum sp_code
sp_oauth_request_service(struct sp_oauth_request *r,
    const struct sp_oauth_who *who, struct sp_err *err)
{
	struct service s;
	struct sp_buf jwt;
	enum sp_code rc = read_service(who, &s, err);

	sp_oauth_request_init(r, rc == SP_OK ? s.url : "");
	sp_secret_init(&jwt, SP_JWT_MAX);
	if (rc == SP_OK)
		rc = grant_assertion(&s, who, &jwt, err);
	if (rc == SP_OK)
		rc = add_text(r, "grant_type", JWT_BEARER, err);
	if (rc == SP_OK)
		rc = sp_oauth_request_add_once(
		    r, "assertion", sp_buf_view(&jwt), err);
	sp_secret_done(&jwt);
	service_done(&s);
	return (rc);
}

/* ---- one exchange ---------------------------------------------------------------- */

/* Whether the text has a piece of the secret: it may be cut off or encoded. */
static bool
has(const char *text, const struct sp_buf *secret)
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

	if (has(a->why, &r->secret) || has(a->why, &r->once))
		memcpy(a->why, instead, sizeof(instead));
	if (has(a->scope, &r->secret) || has(a->scope, &r->once))
		a->scope[0] = '\0';
}

enum sp_code
sp_oauth_exchange(const struct sp_oauth_http *http,
    const struct sp_oauth_request *r, struct sp_oauth_answer *out,
    struct sp_err *err)
{
	struct sp_oauth_reply reply;
	enum sp_code rc;

	rc = sp_oauth_post(http, r->url, sp_buf_view(&r->form),
	    sp_buf_view(&r->basic), &reply, err);
	if (rc != SP_OK)
		return (rc);
	sp_oauth_answer_parse(reply.status, sp_buf_view(&reply.body), out);
	out->wait = reply.wait;
	sp_oauth_reply_done(&reply);
	sp_oauth_censor(r, out);
	return (SP_OK);
}
