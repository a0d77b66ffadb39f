/*
 * A connection to a mail server: reading, writing, waiting and TLS (stream.h).
 * How it is made is in stream_connect.c.  The pull engine opens it and hands
 * it to the source.
 *
 * The socket is non-blocking for us only: each call goes on until it is done,
 * the time-out has passed, or another thread says stop.  Under TLS bytes go
 * through the filter of journal/tls:
 *
 *	socket --receive--> ciphertext --sp_tls_feed, decrypt--> in --> caller
 *	caller --sp_tls_write--> sp_tls_out --flush_tls--> socket
 */
#include "journal/pull/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/pull/stream_priv.h"

void
sp_stream_wake(struct sp_stream_wakeup *wakeup)
{
	/* A full counter means that a wake-up is pending already. */
	if (wakeup->fd >= 0)
		(void)eventfd_write(wakeup->fd, 1);
}

bool
sp_stream_stopped(const struct sp_stream_wakeup *wakeup)
{
	return (wakeup != NULL && atomic_load(&wakeup->stop));
}

void
sp_stream_report_step(
    const struct sp_stream_opts *o, const char *what, bool ok, const char *text)
{
	if (o->step != NULL)
		o->step(o->ctx, what, ok, text);
}

/* The wake-up is taken in here, so that it wakes only once; the flags say what
 * it was for.  Also SP_OK where poll was interrupted by a signal: no event is
 * set then. */
enum sp_code
sp_stream_poll(struct sp_stream_wakeup *wakeup, struct pollfd *p, nfds_t n,
    int64_t us, struct sp_err *err)
{
	int got;

	p[n] = (struct pollfd){ .fd = wakeup == NULL ? -1 : wakeup->fd,
		.events = POLLIN };
	got = poll(p, n + 1, (int)((us + 999) / 1000));
	if (p[n].revents != 0) {
		eventfd_t count;

		if (sp_stream_stopped(wakeup))
			return (
			    sp_err_set(err, SP_EINTERRUPT, 0, "interrupted"));
		(void)eventfd_read(wakeup->fd, &count);
	}
	if (got == 0)
		return (SP_EEND);
	return (SP_OK);
}

/*
 * Wait until the socket is ready for ${events}; SP_EAGAIN after the time-out.
 */
static enum sp_code
wait_for(struct sp_stream *s, short events, struct sp_err *err)
{
	const int64_t end = sp_clock_boot() + s->opts.timeout;

	for (;;) {
		struct pollfd p[2] = { { .fd = s->fd, .events = events } };
		int64_t left = end - sp_clock_boot();
		enum sp_code rc;

		if (left <= 0)
			return (sp_err_set(err, SP_EAGAIN, 0,
			    "%s: no answer for %lld s", s->name,
			    (long long)(s->opts.timeout / SP_SECOND)));
		rc = sp_stream_poll(s->opts.wakeup, p, 1, left, err);
		if (rc == SP_EINTERRUPT)
			return (rc);
		if (p[0].revents != 0)
			return (SP_OK);
	}
}

/* ---- out ---------------------------------------------------------------- */

/* Write all bytes to the socket. */
static enum sp_code
send_all(struct sp_stream *s, const char *p, size_t n, struct sp_err *err)
{
	enum sp_code rc;

	while (n > 0) {
		ssize_t put = send(s->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (put >= 0) {
			p += put;
			n -= (size_t)put;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return (sp_err_set(err, SP_EAGAIN, errno,
			    "%s: the connection broke", s->name));
		rc = wait_for(s, POLLOUT, err);
		if (rc != SP_OK)
			return (rc);
	}
	return (SP_OK);
}

/* Send the ciphertext that TLS has for the server. */
static enum sp_code
flush_tls(struct sp_stream *s, struct sp_err *err)
{
	struct sp_buf *out = sp_tls_out(s->tls);
	enum sp_code rc = SP_OK;

	if (out->n > 0)
		rc = send_all(s, out->p, out->n, err);
	sp_buf_clear(out);
	return (rc);
}

/* The failure of a session that TLS ended: its reason, or that the server
 * closed it. */
static enum sp_code
tls_failed(struct sp_stream *s, struct sp_err *err)
{
	return (sp_err_set(err, SP_EAGAIN, 0, "%s: %s", s->name,
	    sp_tls_state(s->tls) == SP_TLS_FAILED
		? sp_tls_error(s->tls)
		: "the server closed the connection"));
}

enum sp_code
sp_stream_write(
    struct sp_stream *s, const void *p, size_t n, struct sp_err *err)
{
	const char *at = p;
	enum sp_code rc = SP_OK;

	if (s->tls == NULL)
		return (send_all(s, at, n, err));
	while (rc == SP_OK && n > 0) {
		size_t some = n < SP_STREAM_CHUNK ? n : SP_STREAM_CHUNK;

		if (sp_tls_state(s->tls) != SP_TLS_OPEN ||
		    sp_tls_write(s->tls, at, some) != SP_OK)
			return (tls_failed(s, err));
		at += some;
		n -= some;
		rc = flush_tls(s, err);
	}
	return (rc);
}

/* ---- in ----------------------------------------------------------------- */

/* Read bytes of the socket into ${to}, at least one; ${got} says how many. */
static enum sp_code
receive(
    struct sp_stream *s, char *to, size_t cap, size_t *got, struct sp_err *err)
{
	enum sp_code rc;
	ssize_t n;

	for (;;) {
		n = recv(s->fd, to, cap, MSG_DONTWAIT);
		if (n > 0) {
			*got = (size_t)n;
			return (SP_OK);
		}
		if (n == 0)
			return (sp_err_set(err, SP_EAGAIN, 0,
			    "%s: the server closed the connection", s->name));
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return (sp_err_set(err, SP_EAGAIN, errno,
			    "%s: the connection broke", s->name));
		rc = wait_for(s, POLLIN, err);
		if (rc != SP_OK)
			return (rc);
	}
}

/* Move what TLS has decrypted to s->in; whether that was anything. */
static bool
decrypt(struct sp_stream *s)
{
	bool any = false;

	for (;;) {
		char *at = sp_buf_reserve(&s->in, SP_TLS_PLAIN_MAX);
		size_t n;

		if (at == NULL)
			return (any);
		n = sp_tls_read(s->tls, at, SP_TLS_PLAIN_MAX);
		if (n == 0)
			return (any);
		s->in.n += n;
		any = true;
	}
}

/* Read more of the server's plain bytes into s->in, at least one.  What is
 * consumed is dropped first, when it is more than half. */
static enum sp_code
fill(struct sp_stream *s, struct sp_err *err)
{
	enum sp_code rc;
	size_t n;
	char *at;

	if (s->at == s->in.n) {
		sp_buf_clear(&s->in);
		s->at = 0;
	} else if (s->at > s->in.n / 2) {
		sp_buf_consume(&s->in, s->at);
		s->at = 0;
	}
	if (s->tls == NULL) {
		at = sp_buf_reserve(&s->in, SP_STREAM_CHUNK);
		if (at == NULL)
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "%s: a line without end", s->name));
		rc = receive(s, at, SP_STREAM_CHUNK, &n, err);
		s->in.n += rc == SP_OK ? n : 0;
		return (rc);
	}
	while (!decrypt(s)) {
		if (sp_tls_state(s->tls) != SP_TLS_OPEN) {
			(void)!flush_tls(s, NULL);
			return (tls_failed(s, err));
		}
		rc = flush_tls(s, err);
		if (rc == SP_OK)
			rc =
			    receive(s, s->ciphertext, SP_STREAM_CHUNK, &n, err);
		if (rc != SP_OK)
			return (rc);
		sp_tls_feed(s->tls, s->ciphertext, n);
	}
	return (SP_OK);
}

/* Bytes that were searched once are not searched again while the line comes
 * in. */
enum sp_code
sp_stream_read_line(
    struct sp_stream *s, size_t max, struct sp_view *line, struct sp_err *err)
{
	size_t searched = 0;
	enum sp_code rc;

	for (;;) {
		const char *from = s->in.p + s->at, *end;
		size_t avail = s->in.n - s->at;

		end = avail > searched
			  ? memchr(from + searched, '\n', avail - searched)
			  : NULL;
		if (end != NULL && (size_t)(end - from) <= max) {
			size_t n = (size_t)(end - from);

			s->at += n + 1;
			n -= n > 0 && from[n - 1] == '\r';
			*line = sp_view_mem(from, n);
			return (SP_OK);
		}
		searched = avail;
		if (end != NULL || avail > max)
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "%s: a line of more than %zu bytes", s->name, max));
		rc = fill(s, err);
		if (rc != SP_OK)
			return (rc);
	}
}

enum sp_code
sp_stream_peek(struct sp_stream *s, struct sp_view *bytes, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (s->at == s->in.n)
		rc = fill(s, err);
	if (rc == SP_OK)
		*bytes = sp_view_mem(s->in.p + s->at, s->in.n - s->at);
	return (rc);
}

void
sp_stream_consume(struct sp_stream *s, size_t n)
{
	s->at += n;
}

enum sp_code
sp_stream_read(
    struct sp_stream *s, size_t max, struct sp_view *bytes, struct sp_err *err)
{
	enum sp_code rc = sp_stream_peek(s, bytes, err);

	if (rc != SP_OK)
		return (rc);
	if (bytes->n > max)
		bytes->n = max;
	sp_stream_consume(s, bytes->n);
	return (SP_OK);
}

/* Whether something can be read without waiting for the socket. */
static bool
has_bytes(const struct sp_stream *s)
{
	return (s->in.n > s->at || (s->tls != NULL && sp_tls_pending(s->tls)));
}

enum sp_code
sp_stream_wait(struct sp_stream *s, int64_t us, struct sp_err *err)
{
	struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN } };
	enum sp_code rc;

	if (has_bytes(s))
		return (SP_OK);
	if (sp_stream_stopped(s->opts.wakeup))
		return (sp_err_set(err, SP_EINTERRUPT, 0, "interrupted"));
	rc = sp_stream_poll(s->opts.wakeup, p, 1, us, err);
	if (rc == SP_EINTERRUPT)
		return (rc);
	return (p[0].revents != 0 ? SP_OK : SP_EEND);
}

/* ---- TLS ---------------------------------------------------------------- */

/* The failure of a handshake: SP_EPERM with advice where it is the
 * certificate, which a person must look at, else SP_EAGAIN. */
static enum sp_code
certificate_refused(struct sp_stream *s, struct sp_err *err)
{
	const char *why = sp_tls_error(s->tls);

	/* Not the certificate: the two have no version or cipher in common, or
	 * the connection failed. */
	if (strstr(why, "certificate") == NULL)
		return (sp_err_set(err, SP_EAGAIN, 0, "%s: %s", s->name, why));
	return (sp_err_set(err, SP_EPERM, 0,
	    "%s: %s; no password was sent.  Have the server's certificate renewed, or name its authority with ca, or, if the fingerprint is really the server's, pin it with fingerprint",
	    s->name, why));
}

/* Send and receive until TLS is agreed on, or failed. */
static enum sp_code
handshake(struct sp_stream *s, struct sp_err *err)
{
	enum sp_code rc = flush_tls(s, err);
	size_t n;

	while (rc == SP_OK && sp_tls_state(s->tls) == SP_TLS_HANDSHAKE) {
		rc = receive(s, s->ciphertext, SP_STREAM_CHUNK, &n, err);
		if (rc != SP_OK)
			return (sp_err_prefix(err, "TLS handshake"));
		sp_tls_feed(s->tls, s->ciphertext, n);
		(void)sp_tls_read(s->tls, NULL, 0);
		rc = flush_tls(s, err);
		if (sp_tls_state(s->tls) == SP_TLS_FAILED)
			return (certificate_refused(s, err));
	}
	return (rc);
}

/* What the server is checked against: its authorities and pins as the options
 * say, read from their files now. */
static enum sp_code
tls_context(struct sp_stream *s, struct sp_tls_ctx **out, struct sp_err *err)
{
	struct sp_tls_opts t = { .system_ca =
				     s->opts.ca == NULL && s->opts.npins == 0,
		.pins = s->opts.pins,
		.npins = s->opts.npins };
	struct sp_buf ca, crl;
	enum sp_code rc = SP_OK;

	sp_buf_init(&ca, SP_TLS_PEM_MAX);
	sp_buf_init(&crl, SP_TLS_PEM_MAX);
	if (s->opts.ca != NULL)
		rc = sp_tls_pem_read(s->opts.ca, &ca, err);
	if (rc == SP_OK && s->opts.crl != NULL)
		rc = sp_tls_pem_read(s->opts.crl, &crl, err);
	t.ca = (struct sp_tls_pem){ s->opts.ca, sp_buf_view(&ca) };
	t.crl = (struct sp_tls_pem){ s->opts.crl, sp_buf_view(&crl) };
	if (rc == SP_OK)
		rc = sp_tls_ctx_new(&t, out, err);
	sp_tls_pem_done(&ca);
	sp_tls_pem_done(&crl);
	return (rc);
}

/*
 * Report the version, cipher and certificate that were agreed on, for --check.
 */
static void
report_tls(const struct sp_stream *s)
{
	struct sp_tls_info i;
	char text[256];

	sp_tls_info(s->tls, &i);
	(void)snprintf(text, sizeof(text), "%s %s, certificate %s (SHA-256 %s)",
	    i.version, i.cipher, i.verified ? "verified" : "not verified",
	    i.peer_sha256 == NULL ? "none" : i.peer_sha256);
	sp_stream_report_step(&s->opts, "tls", true, text);
}

enum sp_code
sp_stream_handshake(struct sp_stream *s, struct sp_err *err)
{
	struct sp_tls_ctx *ctx = NULL;
	struct sp_err unwanted;
	enum sp_code rc;

	if (err == NULL)
		err = &unwanted; /* the step repeats what it says */
	rc = tls_context(s, &ctx, err);
	if (rc == SP_OK)
		rc = sp_tls_connect(ctx, s->opts.host, &s->tls, err);
	sp_tls_ctx_free(ctx);
	if (rc == SP_OK)
		rc = handshake(s, err);
	if (rc == SP_OK)
		report_tls(s);
	else
		sp_stream_report_step(&s->opts, "tls", false, err->msg);
	return (rc);
}

enum sp_code
sp_stream_starttls(struct sp_stream *s, struct sp_err *err)
{
	if (s->at < s->in.n)
		return (sp_err_set(err, SP_EPERM, 0,
		    "%s: the server sent bytes before the TLS handshake that it could not have known to be wanted; somebody may be tampering with the connection",
		    s->name));
	return (sp_stream_handshake(s, err));
}

void
sp_stream_close(struct sp_stream *s)
{
	if (s == NULL)
		return;
	if (s->tls != NULL) {
		struct sp_buf *out = sp_tls_out(s->tls);

		sp_tls_close(s->tls);
		/* close_notify, if it goes without waiting. */
		if (out->n > 0)
			(void)!send(
			    s->fd, out->p, out->n, MSG_NOSIGNAL | MSG_DONTWAIT);
		sp_tls_free(s->tls);
	}
	if (s->fd >= 0)
		(void)close(s->fd);
	if (s->in.p != NULL)
		explicit_bzero(s->in.p, s->in.cap);
	sp_buf_done(&s->in);
	free(s->ciphertext);
	free(s->name);
	free(s);
}

void
sp_stream_info(const struct sp_stream *s, struct sp_stream_info *out)
{
	struct sp_tls_info i;

	memset(out, 0, sizeof(*out));
	memcpy(out->peer, s->peer, sizeof(out->peer));
	out->tls = s->tls != NULL;
	if (!out->tls)
		return;
	sp_tls_info(s->tls, &i);
	out->version = i.version;
	out->cipher = i.cipher;
	out->peer_sha256 = i.peer_sha256;
	out->verified = i.verified;
}
