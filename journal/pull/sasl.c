/*
 * Client side of SASL (sasl.h): PLAIN, XOAUTH2 and OAUTHBEARER put together
 * and base64-encoded, and the failure challenge of the last two read.  Secrets
 * stand only in buffers that are wiped before they are freed.
 */
#include "journal/pull/sasl.h"

#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/json.h"

#define CHALLENGE_MAX (16u << 10) /* bytes of base64 */
#define WHY_MAX	      200

void
sp_sasl_wipe(struct sp_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	sp_buf_done(b);
}

/* Whether ${v} is at least one byte, and none of them is one of the ${n} in
 * ${bytes}. */
static bool
has_none_of(struct sp_view v, const char *bytes, size_t n)
{
	for (size_t i = 0; i < v.n; i++) {
		if (memchr(bytes, v.p[i], n) != NULL)
			return (false);
	}
	return (v.n > 0);
}

/* The failure for a name or secret that cannot be sent; neither is shown. */
static enum sp_code
refuse(struct sp_err *err, const char *what)
{
	return (sp_err_set(err, SP_EUSAGE, 0,
	    "the %s is empty, too long, or has a byte that cannot be sent",
	    what));
}

/* Append base64 of ${raw} to ${out}, if ${rc} says that it was put together;
 * ${raw} is wiped in any case. */
static enum sp_code
append_base64(
    struct sp_buf *raw, enum sp_code rc, struct sp_buf *out, struct sp_err *err)
{
	if (rc == SP_OK)
		rc = sp_b64_append(out, raw->p, raw->n);
	sp_sasl_wipe(raw);
	return (rc == SP_OK ? SP_OK : refuse(err, "name or secret"));
}

/* RFC 4616 section 2: NUL authcid NUL passwd, without an authzid. */
enum sp_code
sp_sasl_plain(struct sp_buf *out, struct sp_view user, struct sp_view password,
    struct sp_err *err)
{
	struct sp_buf raw;
	enum sp_code rc;

	if (!has_none_of(user, "", 1))
		return (refuse(err, "user"));
	if (!has_none_of(password, "", 1))
		return (refuse(err, "password"));
	sp_buf_init(&raw, SP_SASL_MAX);
	rc = sp_buf_addc(&raw, '\0');
	if (rc == SP_OK)
		rc = sp_buf_addv(&raw, user);
	if (rc == SP_OK)
		rc = sp_buf_addc(&raw, '\0');
	if (rc == SP_OK)
		rc = sp_buf_addv(&raw, password);
	return (append_base64(&raw, rc, out, err));
}

/* RFC 6750 section 2.1: a token is of printable ASCII without blanks. (Which
 * of these it may have is left to the server.) */
static bool
token_ok(struct sp_view t)
{
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] <= 0x20 || t.p[i] >= 0x7f)
			return (false);
	}
	return (t.n > 0);
}

/* "user=" name ^A "auth=Bearer " token ^A ^A. */
enum sp_code
sp_sasl_xoauth2(struct sp_buf *out, struct sp_view user, struct sp_view token,
    struct sp_err *err)
{
	struct sp_buf raw;
	enum sp_code rc;

	if (!has_none_of(user, "\0\1", 2))
		return (refuse(err, "user"));
	if (!token_ok(token))
		return (refuse(err, "token"));
	sp_buf_init(&raw, SP_SASL_MAX);
	rc = sp_buf_addf(&raw, "user=%.*s\1auth=Bearer %.*s\1\1", (int)user.n,
	    user.p, (int)token.n, token.p);
	return (append_base64(&raw, rc, out, err));
}

/* Append the name as a GS2 header has it (RFC 5801 section 4): "," and "=" are
 * written =2C and =3D. */
static enum sp_code
add_authzid(struct sp_buf *out, struct sp_view name)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < name.n; i++) {
		if (name.p[i] == ',')
			rc = sp_buf_adds(out, "=2C");
		else if (name.p[i] == '=')
			rc = sp_buf_adds(out, "=3D");
		else
			rc = sp_buf_addc(out, name.p[i]);
	}
	return (rc);
}

/* RFC 7628 section 3.1: GS2 header, then key=value pairs, each ended by ^A. */
enum sp_code
sp_sasl_oauthbearer(struct sp_buf *out, struct sp_view user,
    struct sp_view token, const char *host, uint16_t port, struct sp_err *err)
{
	struct sp_buf raw;
	enum sp_code rc;

	if (!has_none_of(user, "\0\1", 2))
		return (refuse(err, "user"));
	if (!token_ok(token))
		return (refuse(err, "token"));
	sp_buf_init(&raw, SP_SASL_MAX);
	rc = sp_buf_adds(&raw, "n,a=");
	if (rc == SP_OK)
		rc = add_authzid(&raw, user);
	if (rc == SP_OK)
		rc = sp_buf_addf(&raw, ",\1host=%s\1", host);
	if (rc == SP_OK && port != 0)
		rc = sp_buf_addf(&raw, "port=%u\1", (unsigned)port);
	if (rc == SP_OK)
		rc = sp_buf_addf(
		    &raw, "auth=Bearer %.*s\1\1", (int)token.n, token.p);
	return (append_base64(&raw, rc, out, err));
}

/* What the status of a challenge means: a number of HTTP as Google's and
 * Dovecot's XOAUTH2 has it, or an error code of RFC 6750 section 3.1. */
static enum sp_sasl_failure
failure_of(struct sp_view status)
{
	if (sp_view_eq_str(status, "401") ||
	    sp_view_ieq_str(status, "invalid_token"))
		return (SP_SASL_TOKEN);
	if (sp_view_eq_str(status, "403") ||
	    sp_view_ieq_str(status, "insufficient_scope"))
		return (SP_SASL_SCOPE);
	if (sp_view_eq_str(status, "400") ||
	    sp_view_ieq_str(status, "invalid_request"))
		return (SP_SASL_REQUEST);
	return (SP_SASL_OTHER);
}

/* Status and scope of a challenge for a message.  The server wrote them, and
 * they go to logs and terminals: control characters become '?'. */
static void
describe_failure(
    struct sp_view status, struct sp_view scope, char *why, size_t size)
{
	(void)snprintf(why, size, "status %.*s%s%.*s", (int)status.n,
	    status.n > 0 ? status.p : "", scope.n > 0 ? ", scope " : "",
	    (int)(scope.n > WHY_MAX ? WHY_MAX : scope.n),
	    scope.n > 0 ? scope.p : "");
	for (; *why != '\0'; why++) {
		if (*why < 0x20 || *why == 0x7f)
			*why = '?';
	}
}

/* The challenge is base64 of a JSON object; without a status it is none. */
enum sp_sasl_failure
sp_sasl_failure(struct sp_view base64, char *why, size_t size)
{
	enum sp_sasl_failure f = SP_SASL_UNREADABLE;
	struct sp_view status = { 0 }, scope = { 0 };
	struct sp_buf raw, tmp, tmp2;
	json_t *j = NULL;
	char *at;
	size_t n;

	sp_buf_init(&raw, CHALLENGE_MAX);
	sp_buf_init(&tmp, CHALLENGE_MAX);
	sp_buf_init(&tmp2, CHALLENGE_MAX);
	if (why != NULL)
		*why = '\0';
	at = base64.n == 0 ? NULL : sp_buf_reserve(&raw, base64.n / 4 * 3 + 3);
	if (at != NULL && sp_b64_decode(base64, (uint8_t *)at, &n) &&
	    sp_json_load(sp_view_mem(at, n), &j, NULL) == SP_OK &&
	    json_is_object(j) && sp_json_get_str(j, "status", &tmp, &status)) {
		(void)sp_json_get_str(j, "scope", &tmp2, &scope);
		f = failure_of(status);
		status.n = status.n > WHY_MAX ? WHY_MAX : status.n;
		if (why != NULL)
			describe_failure(status, scope, why, size);
	}
	json_decref(j);
	sp_buf_done(&raw);
	sp_buf_done(&tmp);
	sp_buf_done(&tmp2);
	return (f);
}

bool
sp_sasl_reveals_secret(struct sp_view text, struct sp_view secret)
{
	return (secret.n > 0 && text.n >= secret.n &&
		memmem(text.p, text.n, secret.p, secret.n) != NULL);
}
