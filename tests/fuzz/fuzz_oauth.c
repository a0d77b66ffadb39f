/* What a token endpoint, a browser and a token file say: any bytes give a
 * verdict, and what may be shown is printable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "journal/oauth/oauth_answer.h"
#include "journal/oauth/oauth_redirect.h"
#include "journal/oauth/oauth_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
printable(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s < ' ' || *s > '~')
			abort();
	}
}

static void
answer(unsigned status, struct sp_view body)
{
	struct sp_oauth_answer a;
	struct sp_oauth_device d;

	sp_oauth_answer_parse(status, body, &a);
	printable(a.why);
	printable(a.scope);
	if ((a.verdict == SP_OAUTH_TOKEN) != (a.access.n > 0) ||
	    (a.verdict == SP_OAUTH_TOKEN) != (a.why[0] == '\0') ||
	    a.expires_in > SP_OAUTH_EXPIRES_MAX)
		abort();
	sp_oauth_answer_done(&a);
	if (sp_oauth_device_parse(status, body, &d, &a)) {
		printable(d.user_code);
		printable(d.uri);
		printable(d.uri_complete);
		if (d.interval < 1 || d.interval > 300 || d.code.n == 0 ||
		    d.uri[0] == '\0')
			abort();
		sp_oauth_device_done(&d);
	} else if (a.why[0] == '\0')
		abort();
	sp_oauth_answer_done(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned status[] = { 200, 201, 302, 400, 401, 429, 503 };
	struct sp_view v = sp_view_mem(data, size);
	struct sp_oauth_redirect r;
	struct sp_oauth_stored s;
	struct sp_err err;

	if (size > 0)
		answer(status[data[0] % SP_COUNTOF(status)],
		    sp_view_mem(v.p + 1, v.n - 1));
	answer(200, v);
	if (sp_oauth_redirect_parse(v, &r)) {
		printable(r.error);
		if (r.code.n == 0 && r.error[0] == '\0')
			abort();
		sp_oauth_redirect_done(&r);
	}
	if (sp_oauth_store_parse(v, &s, &err) == SP_OK) {
		if (s.refresh.n == 0)
			abort();
		sp_oauth_store_done(&s);
	} else if (memchr(err.msg, '\n', strlen(err.msg)) != NULL)
		abort();
	return (0);
}
