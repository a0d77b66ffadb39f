/*
 * From the name of a mail server to a connected stream (stream.h): resolve it,
 * try its addresses one after the other and in parallel, pass through an HTTP
 * proxy, begin TLS. sp_stream_connect() is called by the pull engine for each
 * session.
 *
 * Addresses race (RFC 8305, "Happy Eyeballs"): each next attempt begins 250 ms
 * after the last, or at once when none is open any more; the first that is
 * connected wins and the others are closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/pull/stream_priv.h"

#define ADDRESSES_MAX  8 /* of a name that are tried */
#define ATTEMPT_DELAY  (SP_SECOND / 4) /* RFC 8305 section 5 */
#define HTTP_LINE_MAX  4096
#define HTTP_LINES_MAX 100 /* of the proxy's answer */

struct race {
	struct pollfd fd[ADDRESSES_MAX + 1]; /* room for the wake-up behind */
	const struct addrinfo *of[ADDRESSES_MAX]; /* their addresses */
	size_t n; /* attempts begun */
	size_t open; /* of these, not yet failed */
	int errnum; /* the last failure */
};

/* An address as "ADDRESS:PORT", "[ADDRESS]:PORT" or "?", for messages. */
static void
describe(const struct addrinfo *a, char *out, size_t size)
{
	char host[INET6_ADDRSTRLEN + 16], port[16];

	if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		(void)snprintf(out, size, "?");
	else
		(void)snprintf(out, size,
		    a->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* Begin to connect to ${a}; a failure is kept in r->errnum. */
static void
start_attempt(struct race *r, const struct addrinfo *a)
{
	int fd = socket(a->ai_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0 &&
	    errno != EINPROGRESS) {
		r->errnum = errno;
		(void)close(fd);
		fd = -1;
	} else if (fd < 0) {
		r->errnum = errno;
	}
	r->fd[r->n] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	r->of[r->n++] = a;
	r->open += fd >= 0;
}

/* The attempt that is connected, or -1; those that failed are closed. */
static int
find_winner(struct race *r)
{
	for (size_t i = 0; i < r->n; i++) {
		socklen_t len = sizeof(int);
		int e = 0;

		if (r->fd[i].fd < 0 || r->fd[i].revents == 0)
			continue;
		if (getsockopt(r->fd[i].fd, SOL_SOCKET, SO_ERROR, &e, &len) !=
		    0)
			e = errno;
		if (e == 0)
			return ((int)i);
		r->errnum = e;
		(void)close(r->fd[i].fd);
		r->fd[i].fd = -1;
		r->open--;
	}
	return (-1);
}

/* Connect to the addresses of ${list}, at most ADDRESSES_MAX, until one of
 * them answers; ${won} is the attempt.  SP_EAGAIN with errno of the last
 * failure, or ETIMEDOUT; SP_EINTERRUPT. */
static enum sp_code
race_addresses(struct sp_stream *s, struct race *r, const struct addrinfo *list,
    int *won, struct sp_err *err)
{
	const int64_t end = sp_clock_boot() + s->opts.timeout;
	const struct addrinfo *next = list;
	int64_t due = 0;

	*won = -1;
	for (;;) {
		int64_t now = sp_clock_boot(), wait;
		bool more = next != NULL && r->n < ADDRESSES_MAX;
		enum sp_code rc;

		if (more && (now >= due || r->open == 0)) {
			start_attempt(r, next);
			next = next->ai_next;
			due = now + ATTEMPT_DELAY;
			continue;
		}
		if ((!more && r->open == 0) || now >= end)
			return (sp_err_set(err, SP_EAGAIN,
			    now >= end ? ETIMEDOUT : r->errnum,
			    "%s: cannot connect", s->name));
		wait = more && due < end ? due - now : end - now;
		rc = sp_stream_poll(s->opts.wakeup, r->fd, r->n, wait, err);
		if (rc == SP_EINTERRUPT)
			return (rc);
		*won = rc == SP_OK ? find_winner(r) : -1;
		if (*won >= 0)
			return (SP_OK);
	}
}

/* Connect s->fd to one of the addresses, and close the other attempts. */
static enum sp_code
connect_any(
    struct sp_stream *s, const struct addrinfo *list, struct sp_err *err)
{
	struct race r = { .n = 0 };
	int won, one = 1;
	enum sp_code rc = race_addresses(s, &r, list, &won, err);

	for (size_t i = 0; i < r.n; i++) {
		if ((int)i != won && r.fd[i].fd >= 0)
			(void)close(r.fd[i].fd);
	}
	if (rc != SP_OK) {
		sp_stream_report_step(&s->opts, "connect", false, err->msg);
		return (rc);
	}
	s->fd = r.fd[won].fd;
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	describe(r.of[won], s->peer, sizeof(s->peer));
	sp_stream_report_step(&s->opts, "connect", true, s->peer);
	return (SP_OK);
}

/* The addresses of ${host}, for freeaddrinfo(3); reported for --check.
 * SP_EAGAIN: the name was not resolved. */
static enum sp_code
resolve(struct sp_stream *s, const char *host, const char *port,
    struct addrinfo **out, struct sp_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	struct sp_buf text;
	int e = getaddrinfo(host, port, &hints, out);

	if (e != 0) {
		(void)sp_err_set(err, SP_EAGAIN, e == EAI_SYSTEM ? errno : 0,
		    "%s: name not resolved: %s", host, gai_strerror(e));
		sp_stream_report_step(&s->opts, "name", false, err->msg);
		return (SP_EAGAIN);
	}
	sp_buf_init(&text, 1024);
	for (const struct addrinfo *a = *out; a != NULL; a = a->ai_next) {
		char one[72];

		describe(a, one, sizeof(one));
		(void)!sp_buf_addf(&text, "%s%s", text.n > 0 ? ", " : "", one);
	}
	sp_stream_report_step(&s->opts, "name", true, sp_buf_cstr(&text));
	sp_buf_done(&text);
	return (SP_OK);
}

/* Resolve ${host} and connect to one of its addresses. */
static enum sp_code
connect_host(
    struct sp_stream *s, const char *host, const char *port, struct sp_err *err)
{
	struct addrinfo *list = NULL;
	enum sp_code rc = resolve(s, host, port, &list, err);

	if (rc == SP_OK)
		rc = connect_any(s, list, err);
	if (list != NULL)
		freeaddrinfo(list);
	return (rc);
}

/* Split "http://HOST:PORT"; ${host}, without brackets, is the caller's,
 * ${port} points into ${url}.  False: it is no such URL. */
static bool
split_proxy(const char *url, char **host, const char **port)
{
	static const char scheme[] = "http://";
	const char *authority = url + sizeof(scheme) - 1, *colon;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return (false);
	colon = strrchr(authority, ':');
	if (colon == NULL || colon == authority || colon[1] == '\0')
		return (false);
	*port = colon + 1;
	if (*authority == '[' && colon[-1] == ']')
		*host = sp_view_dup(sp_view_mem(
		    authority + 1, (size_t)(colon - authority) - 2));
	else
		*host = sp_view_dup(
		    sp_view_mem(authority, (size_t)(colon - authority)));
	return (true);
}

/* Ask the proxy for a tunnel to the server and read its answer up to the empty
 * line (RFC 9110 section 9.3.6). */
static enum sp_code
request_tunnel(struct sp_stream *s, struct sp_err *err)
{
	char *request = sp_xasprintf(
	    "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", s->name, s->name);
	struct sp_view line, status;
	enum sp_code rc;

	rc = sp_stream_write(s, request, strlen(request), err);
	free(request);
	if (rc == SP_OK)
		rc = sp_stream_read_line(s, HTTP_LINE_MAX, &line, err);
	if (rc != SP_OK)
		return (sp_err_prefix(err, "proxy %s", s->opts.proxy));
	status = line;
	(void)sp_view_cut(&status, ' ');
	if (!sp_view_starts(line, "HTTP/1.") || !sp_view_starts(status, "2"))
		return (sp_err_set(err, SP_EAGAIN, 0,
		    "the proxy %s does not lead to %s: it said %.*s",
		    s->opts.proxy, s->name, (int)line.n, line.p));
	for (int i = 0; rc == SP_OK && i < HTTP_LINES_MAX; i++) {
		rc = sp_stream_read_line(s, HTTP_LINE_MAX, &line, err);
		if (rc == SP_OK && line.n == 0)
			return (SP_OK);
	}
	return (rc != SP_OK
		    ? rc
		    : sp_err_set(err, SP_EAGAIN, 0,
			  "the proxy %s answers without end", s->opts.proxy));
}

/* Connect to the proxy, and through it to the server. */
static enum sp_code
through_proxy(struct sp_stream *s, struct sp_err *err)
{
	const char *port;
	char *host;
	enum sp_code rc;

	if (!split_proxy(s->opts.proxy, &host, &port))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "%s is no proxy; expected http://HOST:PORT",
		    s->opts.proxy));
	rc = connect_host(s, host, port, err);
	free(host);
	if (rc != SP_OK)
		return (rc);
	rc = request_tunnel(s, err);
	sp_stream_report_step(&s->opts, "proxy", rc == SP_OK,
	    rc == SP_OK ? s->opts.proxy : err->msg);
	return (rc);
}

/* Through the proxy or directly, then TLS where it is implicit; whatever
 * fails, nothing stays open. */
enum sp_code
sp_stream_connect(const struct sp_stream_opts *opts, struct sp_stream **out,
    struct sp_err *err)
{
	struct sp_stream *s = sp_xcalloc(1, sizeof(*s));
	struct sp_err unwanted;
	char port[16];
	enum sp_code rc;

	if (err == NULL)
		err = &unwanted; /* steps repeat what it says */
	s->opts = *opts;
	s->fd = -1;
	s->name =
	    sp_xasprintf(strchr(opts->host, ':') != NULL ? "[%s]:%u" : "%s:%u",
		opts->host, (unsigned)opts->port);
	s->ciphertext = sp_xmalloc(SP_STREAM_CHUNK);
	sp_buf_init(&s->in, SP_STREAM_LINE_MAX + (256u << 10));
	(void)snprintf(port, sizeof(port), "%u", (unsigned)opts->port);
	rc = opts->proxy != NULL ? through_proxy(s, err)
				 : connect_host(s, opts->host, port, err);
	if (rc == SP_OK && opts->security == SP_STREAM_TLS)
		rc = sp_stream_handshake(s, err);
	if (rc == SP_OK)
		*out = s;
	else
		sp_stream_close(s);
	return (rc);
}
