/*
 * Reads the answers of token, device and revocation endpoints: see
 * journal/oauth/oauth_answer.h.
 *
 *   status 2xx with an access_token --> set_token: SP_OAUTH_TOKEN, or why not
 *   all else --> set_refusal: by "error" (RFC 6749 section 5.2), unless the
 *                status says that the server is overloaded; else by status
 */
#include "journal/oauth/oauth_answer.h"

#include <string.h>

#include <jansson.h>

#include "base/secret.h"
#include "journal/oauth/oauth_json.h"

#define SHOWN_MAX	   300u /* bytes of an error_description */
#define DEVICE_EXPIRES	   900u /* seconds of a device code; the default */
#define DEVICE_EXPIRES_MAX 3600u
#define INTERVAL	   5u /* seconds between two questions; the default */
#define INTERVAL_MAX	   300u

/* RFC 6749 section 5.2, RFC 8628 section 3.5, OpenID Connect Core 3.1.2.6, RFC
 * 7009, and what Microsoft and Google say besides.  An error that is not here
 * is SP_OAUTH_CONFIG. */
static const struct {
	const char *error;
	enum sp_oauth_verdict verdict;
} verdicts[] = {
	{ "authorization_pending", SP_OAUTH_PENDING },
	{ "slow_down", SP_OAUTH_SLOW_DOWN },
	{ "expired_token", SP_OAUTH_EXPIRED },
	{ "code_expired", SP_OAUTH_EXPIRED },
	{ "access_denied", SP_OAUTH_DENIED },
	{ "authorization_declined", SP_OAUTH_DENIED },
	{ "invalid_grant", SP_OAUTH_CONSENT },
	{ "interaction_required", SP_OAUTH_CONSENT },
	{ "consent_required", SP_OAUTH_CONSENT },
	{ "login_required", SP_OAUTH_CONSENT },
	{ "temporarily_unavailable", SP_OAUTH_BUSY },
	{ "server_error", SP_OAUTH_BUSY },
	{ "internal_failure", SP_OAUTH_BUSY },
	{ "rate_limit_exceeded", SP_OAUTH_BUSY },
};

void
sp_oauth_printable(char *out, size_t size, struct sp_view v)
{
	size_t n = v.n < size - 1 ? v.n : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = v.p[i] >= ' ' && v.p[i] <= '~' ? v.p[i] : '?';
	out[n] = '\0';
}

/* The seconds in member ${key}, at most ${max}: a number or digits in a string;
 * ${none} if neither. */
static uint64_t
seconds_of(const json_t *obj, const char *key, uint64_t none, uint64_t max)
{
	const json_t *m = json_object_get(obj, key);
	uint64_t n = 0;
	double d;

	if (json_is_string(m)) {
		struct sp_view v = sp_oauth_json_text(obj, key);

		if (v.n > 0 && strspn(v.p, "0123456789") == v.n)
			return (sp_view_u64(v, &n) && n < max ? n : max);
		return (none);
	}
	if (!json_is_number(m))
		return (none);
	d = json_number_value(m);
	if (d >= (double)max)
		return (max);
	return (d > 0 ? (uint64_t)d : 0);
}

/* Whether ${v} may be sent to a mail server as a token: printable ASCII without
 * blanks, not too long. */
static bool
is_token(struct sp_view v)
{
	if (v.n == 0 || v.n > SP_OAUTH_TOKEN_MAX)
		return (false);
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '!' || v.p[i] > '~')
			return (false);
	}
	return (true);
}

/* Copy a secret to ${out}, made here; sp_secret_done. */
static void
secret_copy(struct sp_buf *out, struct sp_view v)
{
	sp_secret_init(out, v.n + 1);
	(void)!sp_buf_addv(out, v);
}

/* The JSON object in ${body}, or NULL; to object_free.  A byte order mark
 * before it is passed over (RFC 8259 section 8.1), numbers may be of any size.
 * jansson's message quotes the text, which may be a token: it is not
 * used. */
static json_t *
object_parse(struct sp_view body)
{
	json_t *j;

	if (sp_view_starts(body, "\xef\xbb\xbf"))
		body = sp_view_mem(body.p + 3, body.n - 3);
	j = json_loadb(body.p == NULL ? "" : body.p, body.n,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);

	if (j != NULL && !json_is_object(j)) {
		json_decref(j);
		j = NULL;
	}
	return (j);
}

/* Free what object_parse gave (NULL is fine), its secrets wiped. */
static void
object_free(json_t *j)
{
	static const char *const secret[] = { "access_token", "refresh_token",
		"id_token", "device_code" };

	for (size_t i = 0; j != NULL && i < SP_COUNTOF(secret); i++)
		sp_oauth_json_wipe(j, secret[i]);
	json_decref(j);
}

static enum sp_oauth_verdict
verdict_of_error(struct sp_view error)
{
	for (size_t i = 0; i < SP_COUNTOF(verdicts); i++) {
		if (sp_view_eq_str(error, verdicts[i].error))
			return (verdicts[i].verdict);
	}
	return (SP_OAUTH_CONFIG);
}

static enum sp_oauth_verdict
verdict_of_status(unsigned status)
{
	if (status == 429 || status == 408 || status >= 500)
		return (SP_OAUTH_BUSY);
	if (status >= 300)
		return (SP_OAUTH_CONFIG);
	return (SP_OAUTH_UNREADABLE);
}

/* No token: the verdict and the reason, from the ${status} and the object ${j}
 * (NULL: there was none). */
static void
set_refusal(struct sp_oauth_answer *out, unsigned status, const json_t *j)
{
	struct sp_view error = sp_oauth_json_text(j, "error");
	struct sp_view more = sp_oauth_json_text(j, "error_description");
	char code[64], text[SHOWN_MAX];
	struct sp_buf b;

	out->verdict = verdict_of_status(status);
	/* An overloaded server's body is not its last word. */
	if (error.n > 0 && out->verdict != SP_OAUTH_BUSY)
		out->verdict = verdict_of_error(error);
	sp_oauth_printable(code, sizeof(code), error);
	sp_oauth_printable(text, sizeof(text), more);
	sp_buf_init(&b, sizeof(out->why) - 1);
	if (error.n > 0)
		(void)!sp_buf_addf(&b, "%s%s%s (HTTP status %u)", code,
		    more.n > 0 ? ": " : "", text, status);
	else if (status >= 300 && status < 400)
		(void)!sp_buf_addf(&b,
		    "HTTP status %u: the URL leads elsewhere, and secrets are not sent after it",
		    status);
	else if (j == NULL && status < 300)
		(void)!sp_buf_adds(&b, "the answer is no JSON object");
	else
		(void)!sp_buf_addf(&b, "HTTP status %u", status);
	sp_oauth_printable(out->why, sizeof(out->why), sp_buf_view(&b));
	sp_buf_done(&b);
}

/* An answer that we do not take: the verdict and the reason. */
static void
set_fault(struct sp_oauth_answer *out, enum sp_oauth_verdict v, const char *why)
{
	out->verdict = v;
	sp_oauth_printable(out->why, sizeof(out->why), sp_view_str(why));
}

/* The tokens of the object ${j}, if they are of a form that can be used. */
static void
set_token(struct sp_oauth_answer *out, const json_t *j)
{
	struct sp_view access = sp_oauth_json_text(j, "access_token");
	struct sp_view refresh = sp_oauth_json_text(j, "refresh_token");
	struct sp_view type = sp_oauth_json_text(j, "token_type");

	if (type.n > 0 && !sp_view_ieq_str(type, "bearer")) {
		set_fault(out, SP_OAUTH_CONFIG,
		    "the token's type is not Bearer, which is all that a mail server takes");
		return;
	}
	if (!is_token(access) || (refresh.n > 0 && !is_token(refresh))) {
		set_fault(out, SP_OAUTH_UNREADABLE,
		    "the token is too long or has bytes that no token has");
		return;
	}
	out->verdict = SP_OAUTH_TOKEN;
	out->expires_in = seconds_of(
	    j, "expires_in", SP_OAUTH_EXPIRES_DEFAULT, SP_OAUTH_EXPIRES_MAX);
	secret_copy(&out->access, access);
	if (refresh.n > 0)
		secret_copy(&out->refresh, refresh);
	sp_oauth_printable(
	    out->scope, sizeof(out->scope), sp_oauth_json_text(j, "scope"));
}

void
sp_oauth_answer_parse(
    unsigned status, struct sp_view body, struct sp_oauth_answer *out)
{
	json_t *j = object_parse(body);

	*out = (struct sp_oauth_answer){ 0 };
	if (status >= 200 && status < 300 &&
	    json_is_string(json_object_get(j, "access_token")))
		set_token(out, j);
	else
		set_refusal(out, status, j);
	object_free(j);
}

void
sp_oauth_answer_done(struct sp_oauth_answer *a)
{
	sp_secret_done(&a->access);
	sp_secret_done(&a->refresh);
}

/* The user code and the URI are shown to a person: both must fit, and the URI
 * must be printable. */
bool
sp_oauth_device_parse(unsigned status, struct sp_view body,
    struct sp_oauth_device *out, struct sp_oauth_answer *failure)
{
	json_t *j = object_parse(body);
	struct sp_view code = sp_oauth_json_text(j, "device_code");
	struct sp_view uri = sp_oauth_json_text(j, "verification_uri");
	struct sp_view user = sp_oauth_json_text(j, "user_code");

	*failure = (struct sp_oauth_answer){ 0 };
	if (uri.n == 0) /* Google's older name for it */
		uri = sp_oauth_json_text(j, "verification_url");
	if (status < 200 || status >= 300 || code.n == 0) {
		set_refusal(failure, status, j);
		object_free(j);
		return (false);
	}
	if (!is_token(code) || !is_token(uri) || uri.n >= sizeof(out->uri) ||
	    user.n == 0 || user.n >= sizeof(out->user_code)) {
		set_fault(failure, SP_OAUTH_UNREADABLE,
		    "the answer has no user_code or verification_uri that could be shown");
		object_free(j);
		return (false);
	}
	*out = (struct sp_oauth_device){ 0 };
	secret_copy(&out->code, code);
	sp_oauth_printable(out->user_code, sizeof(out->user_code), user);
	sp_oauth_printable(out->uri, sizeof(out->uri), uri);
	uri = sp_oauth_json_text(j, "verification_uri_complete");
	if (is_token(uri) && uri.n < sizeof(out->uri_complete))
		sp_oauth_printable(
		    out->uri_complete, sizeof(out->uri_complete), uri);
	out->expires_in =
	    seconds_of(j, "expires_in", DEVICE_EXPIRES, DEVICE_EXPIRES_MAX);
	out->interval = seconds_of(j, "interval", INTERVAL, INTERVAL_MAX);
	if (out->interval == 0)
		out->interval = 1;
	object_free(j);
	return (true);
}

void
sp_oauth_device_done(struct sp_oauth_device *d)
{
	sp_secret_done(&d->code);
}
