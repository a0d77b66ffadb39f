/*
 * The header of the PROXY protocol, version 1 (a line of text) and 2 (binary),
 * as HAProxy's proxy-protocol.txt has them: what a proxy says of the connection
 * behind it (doc/smtp.md, "PROXY").  Any bytes give a result; no I/O.
 */
#ifndef SP_RECEIVE_PROXY_H
#define SP_RECEIVE_PROXY_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/view.h"

#define SP_PROXY_MAX 4096 /* bytes of a header */

enum sp_proxy_result {
	SP_PROXY_MORE, /* it is not whole yet */
	SP_PROXY_OK,
	SP_PROXY_BAD
};

struct sp_proxy {
	size_t length; /* of the header; what follows is the connection */
	/* It is the proxy's own connection (LOCAL: a health check), or of a
	 * kind that has no address: src and dst are not set. */
	bool local;
	struct sockaddr_storage src, dst; /* AF_INET or AF_INET6 */
	const char *why; /* SP_PROXY_BAD: what is wrong, for the log */
};

/* Parse the header; ${v} is all bytes of the connection so far. */
enum sp_proxy_result sp_proxy_parse(struct sp_view v, struct sp_proxy *out);

#endif
