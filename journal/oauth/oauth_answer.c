#include "journal/oauth/oauth_answer.h"

#include <string.h>

#include <jansson.h>

#include "base/secret.h"

#define SHOWN_MAX	   300u
#define DEVICE_EXPIRES	   900u
#define DEVICE_EXPIRES_MAX 3600u
#define INTERVAL	   5u
#define INTERVAL_MAX	   300u

struct word {
	const char *error;
	enum sp_oauth_verdict verdict;
};

/* RFC 6749 5.2, RFC 8628 3.5, OpenID Connect Core 3.1.2.6, RFC 7009, and what
 * Microsoft and Google say besides. */
static const struct word words[] = {
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

/* Printable ASCII of ${v}, cut to fit. */
static void
show(char *out, size_t size, struct sp_view v)
{
	size_t n = v.n < size - 1 ? v.n : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = v.p[i] >= ' ' && v.p[i] <= '~' ? v.p[i] : '?';
	out[n] = '\0';
}

static struct sp_view
text_of(const json_t *obj, const char *key)
{
	const json_t *m = json_object_get(obj, key);

	if (!json_is_string(m))
		return ((struct sp_view){ NULL, 0 });
	return (sp_view_mem(json_string_value(m), json_string_length(m)));
}

/* Seconds: a number or digits in a string; ${none} if neither. */
static uint64_t
seconds_of(const json_t *obj, const char *key, uint64_t none, uint64_t max)
{
	const json_t *m = json_object_get(obj, key);
	uint64_t n = 0;
	double d;

	if (json_is_string(m)) {
		struct sp_view v = text_of(obj, key);

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

/* What may stand in a mail protocol's answer: no blanks, no control bytes. */
static bool
token_ok(struct sp_view v)
{
	if (v.n == 0 || v.n > SP_OAUTH_TOKEN_MAX)
		return (false);
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '!' || v.p[i] > '~')
			return (false);
	}
	return (true);
}

static void
keep(struct sp_buf *out, struct sp_view v)
{
	sp_secret_init(out, v.n + 1);
	(void)!sp_buf_addv(out, v);
}

/* jansson only frees; overwrite first.  The cast takes away a const that only
 * says that the object owns the text. */
static void
wipe(const json_t *obj, const char *key)
{
	const json_t *m = json_object_get(obj, key);
	union {
		const char *in;
		char *out;
	} u;

	if (!json_is_string(m))
		return;
	u.in = json_string_value(m);
	sp_secret_wipe(u.out, json_string_length(m));
}

/* NULL: not an object.  Numbers may be of any size.  jansson's message quotes
 * the text, which may be a token: it is not used. */
static json_t *
load(struct sp_view body)
{
	json_t *j = json_loadb(body.p == NULL ? "" : body.p, body.n,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);

	if (j != NULL && !json_is_object(j)) {
		json_decref(j);
		j = NULL;
	}
	return (j);
}

static void
unload(json_t *j)
{
	static const char *const secret[] = { "access_token", "refresh_token",
		"id_token", "device_code" };

	for (size_t i = 0; j != NULL && i < SP_COUNTOF(secret); i++)
		wipe(j, secret[i]);
	json_decref(j);
}

static enum sp_oauth_verdict
by_error(struct sp_view error)
{
	for (size_t i = 0; i < SP_COUNTOF(words); i++) {
		if (sp_view_eq_str(error, words[i].error))
			return (words[i].verdict);
	}
	return (SP_OAUTH_CONFIG);
}

static enum sp_oauth_verdict
by_status(unsigned status)
{
	if (status == 429 || status == 408 || status >= 500)
		return (SP_OAUTH_BUSY);
	if (status >= 300)
		return (SP_OAUTH_CONFIG);
	return (SP_OAUTH_UNREADABLE);
}

/* No token: why, and what follows from it. */
static void
refuse(struct sp_oauth_answer *out, unsigned status, const json_t *j)
{
	struct sp_view error = text_of(j, "error");
	struct sp_view more = text_of(j, "error_description");
	char code[64], text[SHOWN_MAX];
	struct sp_buf b;

	out->verdict = by_status(status);
	/* An overloaded server's body is not its last word. */
	if (error.n > 0 && out->verdict != SP_OAUTH_BUSY)
		out->verdict = by_error(error);
	show(code, sizeof(code), error);
	show(text, sizeof(text), more);
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
	show(out->why, sizeof(out->why), sp_buf_view(&b));
	sp_buf_done(&b);
}

static void
fault(struct sp_oauth_answer *out, enum sp_oauth_verdict v, const char *why)
{
	out->verdict = v;
	show(out->why, sizeof(out->why), sp_view_str(why));
}

static void
accept_token(struct sp_oauth_answer *out, const json_t *j)
{
	struct sp_view access = text_of(j, "access_token");
	struct sp_view refresh = text_of(j, "refresh_token");
	struct sp_view type = text_of(j, "token_type");

	if (type.n > 0 && !sp_view_ieq_str(type, "bearer")) {
		fault(out, SP_OAUTH_CONFIG,
		    "the token's type is not Bearer, which is all that a mail server takes");
		return;
	}
	if (!token_ok(access) || (refresh.n > 0 && !token_ok(refresh))) {
		fault(out, SP_OAUTH_UNREADABLE,
		    "the token is too long or has bytes that no token has");
		return;
	}
	out->verdict = SP_OAUTH_TOKEN;
	out->expires_in = seconds_of(
	    j, "expires_in", SP_OAUTH_EXPIRES_DEFAULT, SP_OAUTH_EXPIRES_MAX);
	keep(&out->access, access);
	if (refresh.n > 0)
		keep(&out->refresh, refresh);
	show(out->scope, sizeof(out->scope), text_of(j, "scope"));
}

void
sp_oauth_answer_parse(
    unsigned status, struct sp_view body, struct sp_oauth_answer *out)
{
	json_t *j = load(body);

	*out = (struct sp_oauth_answer){ 0 };
	if (status >= 200 && status < 300 &&
	    json_is_string(json_object_get(j, "access_token")))
		accept_token(out, j);
	else
		refuse(out, status, j);
	unload(j);
}

void
sp_oauth_answer_done(struct sp_oauth_answer *a)
{
	sp_secret_done(&a->access);
	sp_secret_done(&a->refresh);
}

bool
sp_oauth_device_parse(unsigned status, struct sp_view body,
    struct sp_oauth_device *out, struct sp_oauth_answer *failure)
{
	json_t *j = load(body);
	struct sp_view code = text_of(j, "device_code");
	struct sp_view uri = text_of(j, "verification_uri");
	struct sp_view user = text_of(j, "user_code");

	*failure = (struct sp_oauth_answer){ 0 };
	if (uri.n == 0) /* Google's older name for it */
		uri = text_of(j, "verification_url");
	if (status < 200 || status >= 300 || code.n == 0) {
		refuse(failure, status, j);
		unload(j);
		return (false);
	}
	if (!token_ok(code) || !token_ok(uri) || uri.n >= sizeof(out->uri) ||
	    user.n == 0 || user.n >= sizeof(out->user_code)) {
		fault(failure, SP_OAUTH_UNREADABLE,
		    "the answer has no user_code or verification_uri that could be shown");
		unload(j);
		return (false);
	}
	*out = (struct sp_oauth_device){ 0 };
	keep(&out->code, code);
	show(out->user_code, sizeof(out->user_code), user);
	show(out->uri, sizeof(out->uri), uri);
	uri = text_of(j, "verification_uri_complete");
	if (token_ok(uri) && uri.n < sizeof(out->uri_complete))
		show(out->uri_complete, sizeof(out->uri_complete), uri);
	out->expires_in =
	    seconds_of(j, "expires_in", DEVICE_EXPIRES, DEVICE_EXPIRES_MAX);
	out->interval = seconds_of(j, "interval", INTERVAL, INTERVAL_MAX);
	if (out->interval == 0)
		out->interval = 1;
	unload(j);
	return (true);
}

void
sp_oauth_device_done(struct sp_oauth_device *d)
{
	sp_secret_done(&d->code);
}
