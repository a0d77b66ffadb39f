/*
 * What a browser brings back to the redirect URL after a login (RFC 6749
 * sections 4.1.2 and 4.1.2.1).  No I/O; oauth_loopback.c receives it.
 */
#ifndef SP_OAUTH_OAUTH_REDIRECT_H
#define SP_OAUTH_OAUTH_REDIRECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

struct sp_oauth_redirect {
	struct sp_buf code, state; /* decoded; code is secret */
	char error[512]; /* printable; "" if none */
};

/* Read ${target}: the target of the request line, or the whole URL as a person
 * pastes it.  True: ${out} is filled and needs sp_oauth_redirect_done.  False:
 * it has neither a code nor an error; nothing to free. */
bool sp_oauth_redirect_parse(
    struct sp_view target, struct sp_oauth_redirect *out);
void sp_oauth_redirect_done(struct sp_oauth_redirect *r); /* wipes */

#endif
