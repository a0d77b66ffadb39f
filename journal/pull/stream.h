/*
 * A connection to a mail server: a blocking stream of bytes with time-outs,
 * plain or under TLS, that another thread can interrupt.  The pull engine
 * opens one for each session and hands it to the source (POP3, IMAP), which
 * reads and writes.  One thread.
 *
 *	connect -> (starttls) -> read, line, write -> close
 *
 * Names are resolved by the system; addresses are tried in its order, each
 * next one 250 ms after the last (RFC 8305), through an HTTP proxy (CONNECT)
 * where one is given.
 *
 * Every function that waits for the server can fail with
 *	SP_EAGAIN	nothing came for ${timeout}, or the connection broke
 *	SP_EINTERRUPT	another thread said stop
 */
#ifndef SP_PULL_STREAM_H
#define SP_PULL_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

#define SP_STREAM_LINE_MAX (16u << 20) /* bytes of a line, at most */

struct sp_stream;

/* How other threads interrupt the one that works: they set a flag, then call
 * sp_stream_wake(). */
struct sp_stream_wakeup {
	_Atomic bool stop; /* for good: every call returns SP_EINTERRUPT */
	_Atomic bool
	    poke; /* sp_stream_wait returns; who acts on it clears it */
	int fd; /* eventfd, non-blocking, the owner's; -1: none */
};
/* Wake the thread that waits; any thread.  Set one of the two flags first. */
void sp_stream_wake(struct sp_stream_wakeup *wakeup);
/* Whether somebody said stop.  NULL: nobody can. */
bool sp_stream_stopped(const struct sp_stream_wakeup *wakeup);

enum sp_stream_security {
	SP_STREAM_TLS, /* from the first byte */
	SP_STREAM_STARTTLS, /* plain, until sp_stream_starttls */
	SP_STREAM_NONE
};

struct sp_stream_opts { /* borrowed while the stream is open */
	/* Where to. */
	const char *host; /* name or address */
	uint16_t port;
	const char *proxy; /* "http://HOST:PORT", or NULL */

	/* What the server must prove.  With a fingerprint and no ca: the pinned
	 * certificate alone.  Without either: the system's authorities. */
	enum sp_stream_security security;
	const char *ca, *crl; /* PEM files, or NULL */
	const char *const *pins; /* SHA-256 of certificates */
	size_t npins;

	/* When to give up. */
	/* microseconds of each wait: `timeout` of the account (pull.c) */
	int64_t timeout;
	struct sp_stream_wakeup *wakeup; /* NULL: it cannot be interrupted */

	/* For --check: what was done, whether it went well, details.  NULL: not
	 * wanted. */
	void (*step)(void *ctx, const char *what, bool ok, const char *text);
	void *ctx;
};

/* Connect, and do the handshake where the security is SP_STREAM_TLS; ${out} is
 * the caller's.  Besides the errors above: SP_EPERM: the certificate is not
 * good (the message says why and what to do); SP_EKEY: a PEM file of ours;
 * SP_EUSAGE: the proxy or the host is none. */
SP_CHECK enum sp_code sp_stream_connect(const struct sp_stream_opts *opts,
    struct sp_stream **out, struct sp_err *err);
/* The handshake, after the server agreed to it; errors as those of
 * sp_stream_connect.  SP_EPERM also where bytes came before it: an attack or a
 * fault of the server. */
SP_CHECK enum sp_code sp_stream_starttls(
    struct sp_stream *s, struct sp_err *err);
void sp_stream_close(struct sp_stream *s); /* NULL is fine */

/* Read a line, without its CRLF or LF, borrowed until the next call.
 * SP_ELIMIT: longer than ${max} bytes. */
SP_CHECK enum sp_code sp_stream_read_line(
    struct sp_stream *s, size_t max, struct sp_view *line, struct sp_err *err);
/* Read what is there, at least one byte, at most ${max}; borrowed until the
 * next call. */
SP_CHECK enum sp_code sp_stream_read(
    struct sp_stream *s, size_t max, struct sp_view *bytes, struct sp_err *err);
/* Wait for at least one byte and show all that is there, without consuming it;
 * borrowed until the next call. */
SP_CHECK enum sp_code sp_stream_peek(
    struct sp_stream *s, struct sp_view *bytes, struct sp_err *err);
/* Consume the first ${n} bytes of what sp_stream_peek showed. */
void sp_stream_consume(struct sp_stream *s, size_t n);
/* Write all ${n} bytes. */
SP_CHECK enum sp_code sp_stream_write(
    struct sp_stream *s, const void *p, size_t n, struct sp_err *err);
/* Wait up to ${us} microseconds for bytes: SP_OK: there are some; SP_EEND:
 * none, or another thread woke this one (look at its flags). */
SP_CHECK enum sp_code sp_stream_wait(
    struct sp_stream *s, int64_t us, struct sp_err *err);

struct sp_stream_info { /* text is borrowed from the stream */
	char peer[72]; /* "192.0.2.7:995" */
	bool tls; /* what follows is valid */
	const char *version, *cipher;
	const char *peer_sha256; /* of the certificate, hex; NULL: none */
	bool verified;
};
/* How the stream is connected; any time while it is open. */
void sp_stream_info(const struct sp_stream *s, struct sp_stream_info *out);

#endif
