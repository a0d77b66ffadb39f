/*
 * What a token endpoint answers (RFC 6749 section 5, RFC 8628 sections 3.2
 * and 3.5), read totally: any status and any bytes give a verdict that says
 * what to do next.  No I/O.  The texts of an answer that may be shown hold
 * printable ASCII only; tokens are secret and wiped.
 *
 * oauth_request.c reads every answer by this; oauth.c and oauth_login.c act on
 * the verdict (doc/oauth.md, "What happens then").
 */
#ifndef SP_OAUTH_OAUTH_ANSWER_H
#define SP_OAUTH_OAUTH_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"

#define SP_OAUTH_TOKEN_MAX	 16384u /* bytes of a token */
#define SP_OAUTH_EXPIRES_MAX	 86400u /* seconds a token is used at most */
#define SP_OAUTH_EXPIRES_DEFAULT 600u /* where the answer does not say */
#define SP_OAUTH_WAIT_MAX	 86400u /* seconds of Retry-After believed */

enum sp_oauth_verdict {
	SP_OAUTH_TOKEN, /* there is a token */
	SP_OAUTH_PENDING, /* the person is not done: ask again */
	SP_OAUTH_SLOW_DOWN, /* the same, and 5 s slower from now on */
	SP_OAUTH_EXPIRED, /* the device code is too old */
	SP_OAUTH_DENIED, /* the person said no */
	SP_OAUTH_CONSENT, /* a person must log in again */
	SP_OAUTH_CONFIG, /* asking again will not help */
	SP_OAUTH_BUSY, /* later */
	SP_OAUTH_UNREADABLE /* no answer that means anything: later */
};

struct sp_oauth_answer { /* init (or parse) before done */
	enum sp_oauth_verdict verdict;
	uint64_t expires_in; /* seconds, at most SP_OAUTH_EXPIRES_MAX */
	uint64_t wait; /* seconds that the server asked for; set by HTTP */
	struct sp_buf access, refresh; /* refresh is empty if none came */
	char scope[512]; /* "" if it did not say */
	char why[512]; /* "" with a token */
};

/* Read the answer of the token or revocation endpoint: its HTTP ${status} and
 * its ${body}.  ${out} is filled in any case, and needs
 * sp_oauth_answer_done. */
void sp_oauth_answer_parse(
    unsigned status, struct sp_view body, struct sp_oauth_answer *out);
void sp_oauth_answer_done(struct sp_oauth_answer *a); /* wipes */

/* The answer of the device authorization endpoint (RFC 8628 section 3.2). */
struct sp_oauth_device {
	struct sp_buf code; /* secret: what the client polls with */
	char user_code[64]; /* what the person enters at ${uri} */
	char uri[512];
	char uri_complete[512]; /* with the code in it; "" if it did not say */
	uint64_t expires_in; /* seconds; default 900, at most an hour */
	uint64_t interval; /* seconds, 1 to 300; default 5 */
};
/* True: ${out} is filled, sp_oauth_device_done later.  False: the verdict and
 * the reason are in ${failure}, which needs sp_oauth_answer_done either way. */
bool sp_oauth_device_parse(unsigned status, struct sp_view body,
    struct sp_oauth_device *out, struct sp_oauth_answer *failure);
void sp_oauth_device_done(struct sp_oauth_device *d); /* wipes */

/* Copy the printable ASCII of ${v} to ${out} of ${size} bytes, cut to fit, with
 * "?" for all else: what others wrote, fit to be shown. */
void sp_oauth_printable(char *out, size_t size, struct sp_view v);

#endif
