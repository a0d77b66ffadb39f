/*
 * The header of the PROXY protocol, version 1 (a line of text) and 2 (binary),
 * as HAProxy's specification has them: what a proxy says of the connection
 * behind it.  Any bytes give a result; no I/O.
 */
#ifndef SP_RECEIVE_PROXY_H
#define SP_RECEIVE_PROXY_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/view.h"

#define SP_PROXY_MAX 4096 /* bytes of a header */

enum sp_proxy_result {
	SP_PROXY_MORE, /* not all of it is there */
	SP_PROXY_OK,
	SP_PROXY_BAD
};

struct sp_proxy {
	size_t length; /* of the header; what follows is the connection */
	/* The proxy's own connection (LOCAL, a health check) or of a kind
	 * that it has no address for: the real peer counts. */
	bool local;
	struct sockaddr_storage src, dst; /* AF_INET or AF_INET6 */
	const char *why; /* of SP_PROXY_BAD */
};

/* ${v} begins with the connection's first byte. */
enum sp_proxy_result sp_proxy_parse(struct sp_view v, struct sp_proxy *out);

#endif
