/*
 * One request to an endpoint of a provider: a form sent by HTTPS POST, an
 * answer of bounded size in bounded time.  Certificates are verified, redirects
 * are not followed (secrets would go after them), http is not spoken.  Proxies
 * come from the environment (https_proxy, no_proxy).  Blocking; any thread.
 *
 * oauth_request.c sends its forms here and has the answer read by
 * oauth_answer.c.
 */
#ifndef SP_OAUTH_OAUTH_HTTP_H
#define SP_OAUTH_OAUTH_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_OAUTH_BODY_MAX 65536u /* bytes of an answer */

struct sp_oauth_http { /* borrowed for the call */
	const char *ca; /* PEM file of authorities; NULL: the system's */
	uint64_t timeout; /* seconds for all of it */
	/* Asked about once a second; true ends the request (SP_EINTERRUPT).
	 * NULL: never. */
	bool (*stop)(void *ctx);
	void *ctx;
};

struct sp_oauth_reply {
	unsigned status; /* HTTP */
	uint64_t wait; /* Retry-After in seconds (RFC 9110 10.2.3); 0: none */
	struct sp_buf body; /* secret */
};

/*
 * POST ${form} to ${url}.  ${basic}: "user:password" in base64 for the
 * Authorization field, empty for none.  SP_OK whatever the status is; the
 * reply needs sp_oauth_reply_done.  SP_EAGAIN: no answer came (network);
 * SP_ECONFIG: certificate, URL or CA file; SP_ELIMIT: an answer too long;
 * SP_EINTERRUPT.
 */
SP_CHECK enum sp_code sp_oauth_post(const struct sp_oauth_http *http,
    const char *url, struct sp_view form, struct sp_view basic,
    struct sp_oauth_reply *out, struct sp_err *err);
void sp_oauth_reply_done(struct sp_oauth_reply *r); /* wipes */

#endif
