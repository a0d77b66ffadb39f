/* From a name to a connected socket. */
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

#define TRIES	  8 /* addresses */
#define HEADSTART (SP_SECOND / 4) /* RFC 8305 */
#define HTTP_MAX  4096

struct race {
	struct pollfd fd[TRIES + 1]; /* the bell is last */
	const struct addrinfo *of[TRIES];
	size_t n; /* started */
	size_t open; /* of these, not yet failed */
	int errnum; /* the last failure */
};

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

static void
start(struct race *r, const struct addrinfo *a)
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

/* The one that is connected, or -1. */
static int
winner(struct race *r)
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

static enum sp_code
run(struct sp_stream *s, struct race *r, const struct addrinfo *list, int *won,
    struct sp_err *err)
{
	const int64_t end = sp_clock_boot() + s->o.timeout;
	const struct addrinfo *next = list;
	int64_t due = 0;

	*won = -1;
	for (;;) {
		int64_t now = sp_clock_boot(), wait;
		bool more = next != NULL && r->n < TRIES;
		enum sp_code rc;

		if (more && (now >= due || r->open == 0)) {
			start(r, next);
			next = next->ai_next;
			due = now + HEADSTART;
			continue;
		}
		if ((!more && r->open == 0) || now >= end)
			return (sp_err_set(err, SP_EAGAIN,
			    now >= end ? ETIMEDOUT : r->errnum,
			    "%s: cannot connect", s->name));
		wait = more && due < end ? due - now : end - now;
		rc = sp_stream_poll(s->o.bell, r->fd, r->n, wait, err);
		if (rc == SP_EINTERRUPT)
			return (rc);
		*won = rc == SP_OK ? winner(r) : -1;
		if (*won >= 0)
			return (SP_OK);
	}
}

static enum sp_code
connect_any(
    struct sp_stream *s, const struct addrinfo *list, struct sp_err *err)
{
	struct race r = { .n = 0 };
	int won, one = 1;
	enum sp_code rc = run(s, &r, list, &won, err);

	for (size_t i = 0; i < r.n; i++) {
		if ((int)i != won && r.fd[i].fd >= 0)
			(void)close(r.fd[i].fd);
	}
	if (rc != SP_OK) {
		sp_stream_step(&s->o, "connect", false, err->msg);
		return (rc);
	}
	s->fd = r.fd[won].fd;
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	describe(r.of[won], s->peer, sizeof(s->peer));
	sp_stream_step(&s->o, "connect", true, s->peer);
	return (SP_OK);
}

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
		sp_stream_step(&s->o, "name", false, err->msg);
		return (SP_EAGAIN);
	}
	sp_buf_init(&text, 1024);
	for (const struct addrinfo *a = *out; a != NULL; a = a->ai_next) {
		char one[72];

		describe(a, one, sizeof(one));
		(void)!sp_buf_addf(&text, "%s%s", text.n > 0 ? ", " : "", one);
	}
	sp_stream_step(&s->o, "name", true, sp_buf_cstr(&text));
	sp_buf_done(&text);
	return (SP_OK);
}

static enum sp_code
reach(
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

/* "http://HOST:PORT" */
static bool
split_proxy(const char *url, char **host, const char **port)
{
	static const char scheme[] = "http://";
	const char *from = url + sizeof(scheme) - 1, *colon;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return (false);
	colon = strrchr(from, ':');
	if (colon == NULL || colon == from || colon[1] == '\0')
		return (false);
	*port = colon + 1;
	if (*from == '[' && colon[-1] == ']')
		*host = sp_view_dup(
		    sp_view_mem(from + 1, (size_t)(colon - from) - 2));
	else
		*host = sp_view_dup(sp_view_mem(from, (size_t)(colon - from)));
	return (true);
}

/* RFC 9110 section 9.3.6: a tunnel. */
static enum sp_code
ask_proxy(struct sp_stream *s, struct sp_err *err)
{
	char *ask = sp_xasprintf(
	    "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", s->name, s->name);
	struct sp_view line, status;
	enum sp_code rc;

	rc = sp_stream_write(s, ask, strlen(ask), err);
	free(ask);
	if (rc == SP_OK)
		rc = sp_stream_line(s, HTTP_MAX, &line, err);
	if (rc != SP_OK)
		return (sp_err_prefix(err, "proxy %s", s->o.proxy));
	status = line;
	(void)sp_view_cut(&status, ' ');
	if (!sp_view_starts(line, "HTTP/1.") || !sp_view_starts(status, "2"))
		return (sp_err_set(err, SP_EAGAIN, 0,
		    "the proxy %s does not lead to %s: it said %.*s",
		    s->o.proxy, s->name, (int)line.n, line.p));
	for (int i = 0; rc == SP_OK && i < 100; i++) {
		rc = sp_stream_line(s, HTTP_MAX, &line, err);
		if (rc == SP_OK && line.n == 0)
			return (SP_OK);
	}
	return (rc != SP_OK
		    ? rc
		    : sp_err_set(err, SP_EAGAIN, 0,
			  "the proxy %s answers without end", s->o.proxy));
}

static enum sp_code
through_proxy(struct sp_stream *s, struct sp_err *err)
{
	const char *port;
	char *host;
	enum sp_code rc;

	if (!split_proxy(s->o.proxy, &host, &port))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "%s is no proxy; expected http://HOST:PORT", s->o.proxy));
	rc = reach(s, host, port, err);
	free(host);
	if (rc != SP_OK)
		return (rc);
	rc = ask_proxy(s, err);
	sp_stream_step(
	    &s->o, "proxy", rc == SP_OK, rc == SP_OK ? s->o.proxy : err->msg);
	return (rc);
}

enum sp_code
sp_stream_connect(const struct sp_stream_opts *opts, struct sp_stream **out,
    struct sp_err *err)
{
	struct sp_stream *s = sp_xcalloc(1, sizeof(*s));
	char port[16];
	enum sp_code rc;

	s->o = *opts;
	s->fd = -1;
	s->name =
	    sp_xasprintf(strchr(opts->host, ':') != NULL ? "[%s]:%u" : "%s:%u",
		opts->host, (unsigned)opts->port);
	s->raw = sp_xmalloc(64u << 10);
	sp_buf_init(&s->in, SP_STREAM_LINE_MAX + (256u << 10));
	(void)snprintf(port, sizeof(port), "%u", (unsigned)opts->port);
	rc = opts->proxy != NULL ? through_proxy(s, err)
				 : reach(s, opts->host, port, err);
	if (rc == SP_OK && opts->security == SP_STREAM_TLS)
		rc = sp_stream_tls(s, err);
	if (rc == SP_OK)
		*out = s;
	else
		sp_stream_close(s);
	return (rc);
}
