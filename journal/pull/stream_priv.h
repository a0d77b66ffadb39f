/* Between stream.c and stream_connect.c. */
#ifndef SP_PULL_STREAM_PRIV_H
#define SP_PULL_STREAM_PRIV_H

#include <poll.h>

#include "base/buf.h"
#include "journal/pull/stream.h"
#include "journal/tls/tls.h"

struct sp_stream {
	struct sp_stream_opts o;
	char *name; /* "HOST:PORT", for messages */
	char peer[72];
	int fd;
	struct sp_tls *tls;
	struct sp_buf in; /* plain bytes from ${at} on are not yet taken */
	size_t at;
	char *raw; /* where ciphertext is received */
};

void sp_stream_step(const struct sp_stream_opts *o, const char *what, bool ok,
    const char *text);
/* poll(2) on ${n} and the bell, which needs a place behind them.  SP_EEND:
 * nothing happened. */
SP_CHECK enum sp_code sp_stream_poll(struct sp_stream_bell *bell,
    struct pollfd *p, nfds_t n, int64_t us, struct sp_err *err);
/* The handshake. */
SP_CHECK enum sp_code sp_stream_tls(struct sp_stream *s, struct sp_err *err);

#endif
