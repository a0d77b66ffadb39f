/*
 * HTTPS POST through libcurl, and nothing else of it: see
 * journal/oauth/oauth_http.h.  The Authorization field and the body of the
 * answer may hold secrets: both are wiped.
 */
#include "journal/oauth/oauth_http.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "journal/oauth/oauth_answer.h"
#include "base/secret.h"

#define CONNECT_TIMEOUT 15L /* seconds */
#define FIELD_MAX	4096u /* bytes of the Authorization field */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
start(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

/* ---- libcurl's callbacks ------------------------------------------------- */

struct http_call {
	const struct sp_oauth_http *http;
	struct sp_buf *body; /* of the answer */
	bool stopped; /* http->stop said so */
	bool too_long; /* the answer */
};

static size_t
on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;

	if (sp_buf_add(c->body, p, size * n) == SP_OK)
		return (size * n);
	c->too_long = true;
	return (0);
}

static int
on_progress(
    void *ctx, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	struct http_call *c = ctx;

	(void)dt;
	(void)dn;
	(void)ut;
	(void)un;
	if (c->http->stop != NULL && c->http->stop(c->http->ctx))
		c->stopped = true;
	return (c->stopped ? 1 : 0);
}

/* ---- one request --------------------------------------------------------- */

/* Set all options of one request; false where libcurl lacks one.  ${why}
 * (CURL_ERROR_SIZE bytes) is for its error text. */
static bool
set_options(CURL *h, struct http_call *c, const char *url, struct sp_view form,
    struct curl_slist *fields, char *why)
{
	const struct sp_oauth_http *http = c->http;
	bool ok = true;

#define SET(opt, value) ok = ok && curl_easy_setopt(h, opt, value) == CURLE_OK
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE, (long)form.n);
	SET(CURLOPT_POSTFIELDS, form.p);
	SET(CURLOPT_HTTPHEADER, fields);
	SET(CURLOPT_USERAGENT, "sealpost/" SP_VERSION);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT, (long)http->timeout);
	SET(CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT);
	SET(CURLOPT_ERRORBUFFER, why);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, c);
	if (http->ca != NULL) {
		SET(CURLOPT_CAINFO, http->ca);
		SET(CURLOPT_CAPATH, NULL);
	}
#undef SET
	return (ok);
}

/* The name in the URL, for messages. */
static struct sp_view
host_of(const char *url)
{
	const char *at = strstr(url, "://");
	struct sp_view v = sp_view_str(at == NULL ? url : at + 3);

	return (sp_view_cut(&v, '/'));
}

/* The error of a request that got no answer. */
static enum sp_code
transfer_error(const struct http_call *c, const char *url, CURLcode code,
    const char *why, struct sp_err *err)
{
	const struct sp_view host = host_of(url);
	const int n = host.n > 200 ? 200 : (int)host.n;
	enum sp_code rc = SP_EAGAIN;

	if (why[0] == '\0')
		why = curl_easy_strerror(code);
	if (c->stopped)
		return (sp_err_set(err, SP_EINTERRUPT, 0, "interrupted"));
	if (c->too_long)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%.*s answered more than %u bytes, which no token answer has: is the URL right?",
		    n, host.p, SP_OAUTH_BODY_MAX));
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "the certificate of %.*s is not good, so nothing was sent: %s",
		    n, host.p, why));
	if (code == CURLE_SSL_CACERT_BADFILE ||
	    code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
		rc = SP_ECONFIG;
	return (
	    sp_err_set(err, rc, 0, "no answer from %.*s: %s", n, host.p, why));
}

/* The header fields: Accept and, where there is one, Authorization.  NULL: no
 * memory.  To fields_free, which wipes them. */
static struct curl_slist *
fields_new(struct sp_view basic)
{
	struct curl_slist *list = curl_slist_append(
			      NULL, "Accept: application/json"),
			  *more;
	struct sp_buf line;

	if (list == NULL || basic.n == 0)
		return (list);
	sp_secret_init(&line, FIELD_MAX);
	if (sp_buf_adds(&line, "Authorization: Basic ") != SP_OK ||
	    sp_buf_addv(&line, basic) != SP_OK) {
		sp_secret_done(&line);
		curl_slist_free_all(list);
		return (NULL);
	}
	more = curl_slist_append(list, sp_buf_cstr(&line));
	sp_secret_done(&line);
	if (more == NULL)
		curl_slist_free_all(list);
	return (more);
}

static void
fields_free(struct curl_slist *list)
{
	for (struct curl_slist *f = list; f != NULL; f = f->next)
		sp_secret_wipe(f->data, strlen(f->data));
	curl_slist_free_all(list);
}

/* Without memory for libcurl's handle or the fields the process ends, as with
 * any small allocation. */
enum sp_code
sp_oauth_post(const struct sp_oauth_http *http, const char *url,
    struct sp_view form, struct sp_view basic, struct sp_oauth_reply *out,
    struct sp_err *err)
{
	struct http_call c = { .http = http, .body = &out->body };
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *fields;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	curl_off_t wait = 0;
	long status = 0;
	CURL *h;

	(void)pthread_once(&once, start);
	*out = (struct sp_oauth_reply){ 0 };
	sp_secret_init(&out->body, SP_OAUTH_BODY_MAX);
	fields = fields_new(basic);
	h = curl_easy_init();
	if (h == NULL || fields == NULL)
		abort();
	if (set_options(h, &c, url, form, fields, why))
		code = curl_easy_perform(h);
	if (code == CURLE_OK) {
		(void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
		(void)curl_easy_getinfo(h, CURLINFO_RETRY_AFTER, &wait);
	}
	curl_easy_cleanup(h);
	fields_free(fields);
	if (code != CURLE_OK) {
		sp_oauth_reply_done(out);
		return (transfer_error(&c, url, code, why, err));
	}
	out->status = (unsigned)status;
	out->wait = wait <= 0				   ? 0
		    : wait > (curl_off_t)SP_OAUTH_WAIT_MAX ? SP_OAUTH_WAIT_MAX
							   : (uint64_t)wait;
	return (SP_OK);
}

void
sp_oauth_reply_done(struct sp_oauth_reply *r)
{
	sp_secret_done(&r->body);
}
