/*
 * The inside of a stream (stream.h), shared by its files only:
 *
 *	stream.c		reading, writing, waiting, TLS
 *	stream_connect.c	from a name to a connected socket
 */
#ifndef SP_PULL_STREAM_PRIV_H
#define SP_PULL_STREAM_PRIV_H

#include <poll.h>

#include "base/buf.h"
#include "journal/pull/stream.h"
#include "journal/tls/tls.h"

#define SP_STREAM_CHUNK (64u << 10) /* bytes read or encrypted at a time */

struct sp_stream {
	/* Who it is connected to. */
	struct sp_stream_opts opts;
	char *name; /* "HOST:PORT", for messages */
	char peer[72]; /* "ADDRESS:PORT" */
	int fd; /* -1: not connected */

	/* Bytes of the server. */
	struct sp_tls *tls; /* NULL: plain */
	struct sp_buf in; /* plain bytes; ... */
	size_t at; /* ... those before it are consumed */
	char *ciphertext; /* SP_STREAM_CHUNK, where it is received */
};

/* Report a step of --check, if the caller wants to know. */
void sp_stream_report_step(const struct sp_stream_opts *o, const char *what,
    bool ok, const char *text);
/* Wait up to ${us} microseconds for one of the ${n} events of ${p}, or for
 * another thread to wake this one, for which there must be room behind them.
 * SP_OK: look at the events; SP_EEND: nothing happened; SP_EINTERRUPT. */
SP_CHECK enum sp_code sp_stream_poll(struct sp_stream_wakeup *wakeup,
    struct pollfd *p, nfds_t n, int64_t us, struct sp_err *err);
/* The TLS handshake, with the server's certificate checked; errors as those of
 * sp_stream_connect. */
SP_CHECK enum sp_code sp_stream_handshake(
    struct sp_stream *s, struct sp_err *err);

#endif
