/*
 * Receives the redirect of a login in a browser (RFC 8252 section 7.3): listens
 * on this machine's loopback address, or reads the URL that a person pastes
 * because the browser runs on another machine.  oauth_login.c waits by this;
 * oauth_redirect.c reads what came.
 */
#ifndef SP_OAUTH_OAUTH_LOOPBACK_H
#define SP_OAUTH_OAUTH_LOOPBACK_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"
#include "journal/oauth/oauth_redirect.h"

struct sp_oauth_listener;

/*
 * Listen where ${redirect} says ("http://127.0.0.1:8400/x"; NULL or without a
 * port: any free one).  With another scheme than http nothing listens, and the
 * URL must be pasted.  sp_oauth_listener_close.  SP_ECONFIG: it is not on this
 * machine, or the port cannot be had.
 */
SP_CHECK enum sp_code sp_oauth_listen(
    const char *redirect, struct sp_oauth_listener **out, struct sp_err *err);
/* The redirect URL with the port that it is; borrowed. */
const char *sp_oauth_listener_url(const struct sp_oauth_listener *l);
/*
 * Wait up to ${us} for a browser that brings ${state}, or for a line on
 * ${input} (-1: none).  SP_OK: ${out} needs sp_oauth_redirect_done.  SP_EEND:
 * nothing yet.  SP_EPERM: something else was pasted; SP_EUSAGE: nothing can come
 * any more.
 */
SP_CHECK enum sp_code sp_oauth_listener_wait(struct sp_oauth_listener *l,
    int input, struct sp_view state, int64_t us, struct sp_oauth_redirect *out,
    struct sp_err *err);
void sp_oauth_listener_close(struct sp_oauth_listener *l); /* NULL is fine */

#endif
