/*
 * A connection to a mail server: a blocking stream of bytes with timeouts,
 * plain or under TLS, that another thread can interrupt.  One thread.
 *
 *	connect -> (starttls) -> read, line, write -> close
 *
 * Names are resolved by the system; addresses are tried in its order, each
 * next one 250 ms after the last (RFC 8305), through an HTTP proxy (CONNECT)
 * where one is given.  Every wait ends after the timeout with SP_EAGAIN.
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

/* How another thread speaks to the one that works. */
struct sp_stream_bell {
	_Atomic bool stop; /* end: every call returns SP_EINTERRUPT */
	_Atomic bool poke; /* sp_stream_wait returns; who heeds it clears it */
	int fd; /* eventfd, non-blocking; -1: none */
};
/* Set one of the two flags first. */
void sp_stream_ring(struct sp_stream_bell *b);
/* Whether it says stop.  NULL: no bell. */
bool sp_stream_stopped(const struct sp_stream_bell *b);

enum sp_stream_security {
	SP_STREAM_TLS, /* from the first byte */
	SP_STREAM_STARTTLS, /* plain, until sp_stream_starttls */
	SP_STREAM_NONE
};

struct sp_stream_opts { /* borrowed while the stream is open */
	const char *host; /* name or address */
	uint16_t port;
	const char *proxy; /* "http://HOST:PORT", or NULL */
	enum sp_stream_security security;
	/* With a fingerprint and no ca: the pinned certificate alone.  Without
	 * either: the system's authorities. */
	const char *ca, *crl; /* PEM files, or NULL */
	const char *const *pins; /* SHA-256 of certificates */
	size_t npins;
	int64_t timeout; /* microseconds, of each wait */
	struct sp_stream_bell *bell; /* NULL: none */
	/* For --check: what was done, what came of it.  NULL: not wanted. */
	void (*step)(void *ctx, const char *what, bool ok, const char *text);
	void *ctx;
};

/* SP_EAGAIN: the network; SP_EPERM: the certificate is not good (the message
 * says why and what to do); SP_EKEY: a file of ours. */
SP_CHECK enum sp_code sp_stream_connect(const struct sp_stream_opts *opts,
    struct sp_stream **out, struct sp_err *err);
/* The handshake, after the server agreed to it.  Bytes that came before it
 * are an attack or a fault: SP_EPERM. */
SP_CHECK enum sp_code sp_stream_starttls(
    struct sp_stream *s, struct sp_err *err);
void sp_stream_close(struct sp_stream *s); /* NULL is fine */

/* A line without its CRLF or LF, borrowed until the next call.  SP_ELIMIT:
 * longer than ${max} bytes. */
SP_CHECK enum sp_code sp_stream_line(
    struct sp_stream *s, size_t max, struct sp_view *line, struct sp_err *err);
/* What is there, at least one byte, at most ${max}; borrowed until the next
 * call, and taken. */
SP_CHECK enum sp_code sp_stream_some(
    struct sp_stream *s, size_t max, struct sp_view *bytes, struct sp_err *err);
/* The same, but it is not taken: that is sp_stream_take's. */
SP_CHECK enum sp_code sp_stream_peek(
    struct sp_stream *s, struct sp_view *bytes, struct sp_err *err);
void sp_stream_take(struct sp_stream *s, size_t n);
SP_CHECK enum sp_code sp_stream_write(
    struct sp_stream *s, const void *p, size_t n, struct sp_err *err);
/* Wait up to ${us} for bytes: SP_OK there are some; SP_EEND none, or somebody
 * rang (look at the bell). */
SP_CHECK enum sp_code sp_stream_wait(
    struct sp_stream *s, int64_t us, struct sp_err *err);
/* Whether bytes are there that can be read without waiting. */
bool sp_stream_ready(const struct sp_stream *s);

struct sp_stream_info { /* text is borrowed from the stream */
	char peer[72]; /* "192.0.2.7:995" */
	bool tls;
	const char *version, *cipher;
	const char *peer_sha256; /* of the certificate */
	bool verified;
};
void sp_stream_info(const struct sp_stream *s, struct sp_stream_info *out);

#endif
