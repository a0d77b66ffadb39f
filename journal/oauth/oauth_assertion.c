/*
 * Makes the two assertions of RFC 7523: see journal/oauth/oauth_assertion.h.
 *
 *              client (section 2.2)        service account (section 2.1)
 *   header     alg, typ, x5t#S256          alg, typ, kid
 *   iss        client_id                   the account's address
 *   sub        client_id                   the mailbox
 *   aud        token_url                   token_url, or that of the key file
 *              jti, nbf, exp               jti, iat, exp, scope
 */
#include "journal/oauth/oauth_assertion.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/json.h"
#include "base/random.h"
#include "base/secret.h"
#include "journal/oauth/jwt.h"
#include "journal/oauth/oauth_json.h"

#define ASSERTION_LIFE 600 /* seconds */
#define CLOCK_SLACK    10 /* seconds that a provider's clock may be behind */
#define SCOPE_MAX      16384u
#define CLAIMS_MAX     32768u
#define HEADER_MAX     1024u

/* ---- one assertion ------------------------------------------------------- */

/* Header and claims, while they are written. */
struct assertion {
	struct sp_buf header, claims;
	struct sp_json h, c;
};

/* Begin one of algorithm ${alg}, whose key is named by the header's ${name} =
 * ${value} (NULL: not named).  The claims are open; needs assertion_done. */
static void
assertion_begin(
    struct assertion *a, const char *alg, const char *name, const char *value)
{
	sp_buf_init(&a->header, HEADER_MAX);
	sp_buf_init(&a->claims, CLAIMS_MAX);
	sp_json_init(&a->h, &a->header);
	sp_json_obj(&a->h, NULL);
	sp_json_cstr(&a->h, "alg", alg);
	sp_json_cstr(&a->h, "typ", "JWT");
	if (value != NULL)
		sp_json_cstr(&a->h, name, value);
	sp_json_obj_end(&a->h);
	sp_json_init(&a->c, &a->claims);
	sp_json_obj(&a->c, NULL);
}

/* A name that no other assertion has, and the times between which it counts,
 * the first as ${since}.  These end the claims. */
static void
assertion_end(struct assertion *a, const char *since)
{
	const int64_t now = sp_clock_wall() / SP_SECOND;
	uint8_t random[16];
	char hex[2 * sizeof(random) + 1];

	sp_random(random, sizeof(random));
	sp_hex_encode(random, sizeof(random), hex);
	sp_json_cstr(&a->c, "jti", hex);
	sp_json_i64(&a->c, since, now - CLOCK_SLACK);
	sp_json_i64(&a->c, "exp", now + ASSERTION_LIFE);
	sp_json_obj_end(&a->c);
}

/* Append it to ${out}, signed. */
static enum sp_code
assertion_sign(struct assertion *a, const struct sp_jwt_key *key, bool pss,
    struct sp_buf *out, struct sp_err *err)
{
	if (sp_json_end(&a->h) != SP_OK || sp_json_end(&a->c) != SP_OK)
		return (
		    sp_err_set(err, SP_ELIMIT, 0, "the assertion is too long"));
	return (sp_jwt_sign(key, pss, sp_buf_view(&a->header),
	    sp_buf_view(&a->claims), out, err));
}

static void
assertion_done(struct assertion *a)
{
	sp_buf_done(&a->header);
	sp_buf_done(&a->claims);
}

/* ---- of a client --------------------------------------------------------- */

/* RFC 7523 section 3; Microsoft wants x5t#S256 and nbf. */
static enum sp_code
client_assertion(const struct sp_oauth_conf *conf, const struct sp_jwt_key *key,
    const char *thumb, struct sp_buf *out, struct sp_err *err)
{
	const bool pss = conf->assertion_alg == SP_OAUTH_PS256;
	struct assertion a;
	enum sp_code rc;

	assertion_begin(&a, pss ? "PS256" : "RS256", "x5t#S256", thumb);
	sp_json_cstr(&a.c, "aud", conf->token_url);
	sp_json_cstr(&a.c, "iss", conf->client_id);
	sp_json_cstr(&a.c, "sub", conf->client_id);
	assertion_end(&a, "nbf");
	rc = assertion_sign(&a, key, pss, out, err);
	assertion_done(&a);
	return (rc);
}

/* That the key and the certificate belong together is checked with the
 * thumbprint. */
enum sp_code
sp_oauth_assertion_client(
    const struct sp_oauth_client *who, struct sp_buf *out, struct sp_err *err)
{
	const struct sp_oauth_conf *conf = who->conf;
	char thumb[SP_JWT_SHA256_LEN + 1];
	struct sp_jwt_key *key = NULL;
	struct sp_buf pem, cert;
	enum sp_code rc;

	rc = sp_oauth_client_file(
	    who, "client_key", conf->client_key, &pem, err);
	if (rc == SP_OK)
		rc = sp_jwt_key_new("client_key", sp_buf_view(&pem), &key, err);
	sp_secret_done(&pem);
	if (rc != SP_OK)
		return (rc);
	rc = sp_oauth_client_file(
	    who, SP_OAUTH_CERTIFICATE, conf->client_certificate, &cert, err);
	if (rc == SP_OK)
		rc = sp_jwt_thumbprint(
		    key, SP_OAUTH_CERTIFICATE, sp_buf_view(&cert), thumb, err);
	sp_secret_done(&cert);
	if (rc == SP_OK)
		rc = client_assertion(conf, key, thumb, out, err);
	sp_jwt_key_free(key);
	return (rc);
}

/* ---- of a service account ------------------------------------------------ */

/* What Google's JSON file says; a PEM file says only the key. */
struct service {
	struct sp_jwt_key *key;
	char *mail, *key_id, *url; /* NULL where not known */
};

static void
service_done(struct service *s)
{
	sp_jwt_key_free(s->key);
	free(s->mail);
	free(s->key_id);
	free(s->url);
}

/* Google's JSON key file. */
static enum sp_code
parse_service(struct sp_view text, struct service *out, struct sp_err *err)
{
	struct sp_err ignored; /* its message quotes the text */
	json_t *j = NULL;
	char *pem;
	enum sp_code rc;

	if (sp_json_load(text, &j, &ignored) != SP_OK)
		return (sp_err_set(err, SP_EKEY, 0,
		    "service_account_file is damaged: no valid JSON"));
	pem = sp_oauth_json_dup(j, "private_key");
	out->mail = sp_oauth_json_dup(j, "client_email");
	out->key_id = sp_oauth_json_dup(j, "private_key_id");
	out->url = sp_oauth_json_dup(j, "token_uri");
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

/* The service account: what its file says, and what the configuration says
 * instead.  ${out} needs service_done in any case. */
static enum sp_code
read_service(
    const struct sp_oauth_client *who, struct service *out, struct sp_err *err)
{
	const struct sp_oauth_conf *conf = who->conf;
	struct sp_buf file;
	enum sp_code rc;

	*out = (struct service){ 0 };
	rc = sp_oauth_client_file(who, "service_account_file",
	    conf->service_account_file, &file, err);
	if (rc == SP_OK &&
	    sp_view_starts(sp_view_trim(sp_buf_view(&file)), "{"))
		rc = parse_service(sp_buf_view(&file), out, err);
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

/* RFC 7523 section 3, with Google's scope and sub (the mailbox). */
static enum sp_code
service_assertion(const struct service *s, const struct sp_oauth_client *who,
    struct sp_buf *out, struct sp_err *err)
{
	struct sp_buf scope;
	struct assertion a;
	enum sp_code rc;

	sp_buf_init(&scope, SCOPE_MAX);
	assertion_begin(&a, "RS256", "kid", s->key_id);
	if (sp_oauth_client_scope(who->conf, &scope) != SP_OK)
		rc = sp_err_set(err, SP_ELIMIT, 0, "the assertion is too long");
	else {
		sp_json_cstr(&a.c, "iss", s->mail);
		sp_json_cstr(&a.c, "sub", who->user);
		sp_json_str(&a.c, "scope", sp_buf_view(&scope));
		sp_json_cstr(&a.c, "aud", s->url);
		assertion_end(&a, "iat");
		rc = assertion_sign(&a, s->key, false, out, err);
	}
	assertion_done(&a);
	sp_buf_done(&scope);
	return (rc);
}

enum sp_code
sp_oauth_assertion_service(const struct sp_oauth_client *who, char **url,
    struct sp_buf *out, struct sp_err *err)
{
	struct service s;
	enum sp_code rc = read_service(who, &s, err);

	if (rc == SP_OK)
		rc = service_assertion(&s, who, out, err);
	if (rc == SP_OK) {
		*url = s.url;
		s.url = NULL;
	}
	service_done(&s);
	return (rc);
}
