/*
 * The redirect of an authorization: see journal/oauth/oauth_loopback.h.  Speaks
 * as much HTTP as one request line needs: GET with the right state gets a page
 * that says so, anything else gets a 404, and the waiting goes on.
 */
#include "journal/oauth/oauth_loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"

#define REQUEST_MAX  8192u /* bytes of a request line, or a pasted one */
#define REQUEST_TIME (5 * SP_SECOND) /* that a browser has to ask */

struct sp_oauth_loopback {
	char *url; /* the redirect URL */
	int fd; /* -1: only what is pasted */
	/* what a person pastes; secret */
	struct sp_buf line; /* of the input, so far */
	bool closed; /* the input is at its end */
};

static const char done_page[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    "Sealpost has the answer. You can close this page; the terminal says how it went on.\n";
static const char other_page[] =
    "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Connection: close\r\n\r\n"
    "This is not the answer to the login that is waiting.\n";

/* Split "http://HOST[:PORT][/PATH]": ${six} for ::1, ${port} 0 where there is
 * none, ${path} "/" likewise.  False: HOST is not this machine. */
static bool
split_url(const char *url, bool *six, uint16_t *port, const char **path)
{
	struct sp_view rest = sp_view_str(url + strlen("http://")), host;
	uint64_t n = 0;

	*path = strchr(rest.p, '/');
	if (*path == NULL)
		*path = "/";
	host = sp_view_cut(&rest, '/');
	*six = sp_view_starts(host, "[::1]");
	if (*six) {
		host.p += 5;
		host.n -= 5;
	} else {
		struct sp_view name = sp_view_cut(&host, ':');

		if (!sp_view_eq_str(name, "127.0.0.1") &&
		    !sp_view_ieq_str(name, "localhost"))
			return (false);
	}
	if (*six && host.n > 0 && host.p[0] == ':') {
		host.p++;
		host.n--;
	}
	if (host.n > 0 && (!sp_view_u64(host, &n) || n > UINT16_MAX))
		return (false);
	*port = (uint16_t)n;
	return (true);
}

/* Listen on the loopback address, only: nobody else can connect.  ${port} is
 * the wanted one (0: any) and becomes the one that it is. */
static enum sp_code
bind_loopback(
    struct sp_oauth_loopback *l, bool six, uint16_t *port, struct sp_err *err)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(*port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr *sa = six ? (void *)&a6 : (void *)&a4;
	socklen_t len = six ? sizeof(a6) : sizeof(a4);
	const int one = 1;

	l->fd = socket(
	    sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 ||
	    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) !=
		0 ||
	    bind(l->fd, sa, len) != 0 || listen(l->fd, 8) != 0 ||
	    getsockname(l->fd, sa, &len) != 0)
		return (sp_err_set(err, SP_ECONFIG, errno,
		    "cannot listen on port %u of this machine for the answer of the browser (redirect_url)",
		    (unsigned)*port));
	*port = ntohs(six ? a6.sin6_port : a4.sin_port);
	return (SP_OK);
}

/* A host name is not looked up: "localhost" is 127.0.0.1. */
enum sp_code
sp_oauth_loopback_open(
    const char *redirect, struct sp_oauth_loopback **out, struct sp_err *err)
{
	struct sp_oauth_loopback *l = sp_xcalloc(1, sizeof(*l));
	const char *path;
	enum sp_code rc;
	uint16_t port = 0;
	bool six;

	l->fd = -1;
	sp_secret_init(&l->line, REQUEST_MAX);
	if (redirect == NULL)
		redirect = "http://127.0.0.1/";
	if (strncmp(redirect, "http://", 7) != 0) {
		l->url = sp_xstrdup(redirect);
		*out = l;
		return (SP_OK);
	}
	if (!split_url(redirect, &six, &port, &path))
		rc = sp_err_set(err, SP_ECONFIG, 0,
		    "redirect_url is not on this machine; expected http://127.0.0.1:PORT/, or an https URL from which you paste the answer");
	else
		rc = bind_loopback(l, six, &port, err);
	if (rc != SP_OK) {
		sp_oauth_loopback_close(l);
		return (rc);
	}
	/* The host as it is registered: some providers compare it. */
	l->url = sp_xasprintf("http://%s:%u%s",
	    six					 ? "[::1]"
	    : strncmp(redirect + 7, "l", 1) == 0 ? "localhost"
						 : "127.0.0.1",
	    (unsigned)port, path);
	*out = l;
	return (SP_OK);
}

const char *
sp_oauth_loopback_url(const struct sp_oauth_loopback *l)
{
	return (l->url);
}

void
sp_oauth_loopback_close(struct sp_oauth_loopback *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		(void)close(l->fd);
	sp_secret_done(&l->line);
	free(l->url);
	free(l);
}

/* The first line of a request on ${fd}, in ${in}; empty if none came in
 * time. */
static struct sp_view
request_line(int fd, struct sp_buf *in)
{
	const int64_t end = sp_clock_boot() + REQUEST_TIME;
	const char *nl = NULL;

	while (nl == NULL && in->n < REQUEST_MAX) {
		const int64_t left = end - sp_clock_boot();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)(left / 1000)) <= 0)
			break;
		n = recv(fd, in->p + in->n, REQUEST_MAX - in->n, 0);
		if (n <= 0)
			break;
		in->n += (size_t)n;
		nl = memchr(in->p, '\n', in->n);
	}
	return (nl == NULL ? sp_view_mem(in->p, 0)
			   : sp_view_mem(in->p, (size_t)(nl - in->p)));
}

/* Whether ${v} is the answer that is waited for, by its state (RFC 6749 section
 * 10.12: anybody could send the browser here with a code of his). */
static bool
is_awaited(
    struct sp_view v, struct sp_view state, struct sp_oauth_redirect *out)
{
	if (!sp_oauth_redirect_parse(v, out))
		return (false);
	if (sp_view_eq(sp_buf_view(&out->state), state))
		return (true);
	sp_oauth_redirect_done(out);
	return (false);
}

/* Answer one connection and close it; true if it brought the answer. */
static bool
serve_browser(int fd, struct sp_view state, struct sp_oauth_redirect *out)
{
	struct sp_view line, target;
	const char *page = other_page;
	struct sp_buf in;
	bool awaited;

	sp_secret_init(&in, REQUEST_MAX);
	line = request_line(fd, &in);
	target = line;
	awaited = sp_view_eq_str(sp_view_cut(&target, ' '), "GET") &&
		  is_awaited(sp_view_cut(&target, ' '), state, out);
	if (awaited)
		page = done_page;
	(void)send(fd, page, strlen(page), MSG_NOSIGNAL);
	/* What is left of the request would make the close a reset. */
	(void)shutdown(fd, SHUT_WR);
	while (recv(fd, in.p, REQUEST_MAX, MSG_DONTWAIT) > 0)
		;
	(void)close(fd);
	sp_secret_done(&in);
	return (awaited);
}

/* Read what there is of ${input}.  SP_OK: the line is the answer; SP_EEND: no
 * line yet, or an empty one; SP_EPERM: it is something else. */
static enum sp_code
read_pasted(struct sp_oauth_loopback *l, int input, struct sp_view state,
    struct sp_oauth_redirect *out, struct sp_err *err)
{
	ssize_t n = read(input, l->line.p + l->line.n, REQUEST_MAX - l->line.n);
	const char *nl;
	bool awaited;

	if (n <= 0) {
		l->closed = true;
		return (SP_EEND);
	}
	l->line.n += (size_t)n;
	nl = memchr(l->line.p, '\n', l->line.n);
	if (nl == NULL && l->line.n < REQUEST_MAX)
		return (SP_EEND);
	awaited = is_awaited(sp_view_trim(sp_buf_view(&l->line)), state, out);
	n = (ssize_t)sp_view_trim(sp_buf_view(&l->line)).n;
	sp_secret_wipe(l->line.p, l->line.n);
	l->line.n = 0;
	if (awaited)
		return (SP_OK);
	if (n == 0)
		return (SP_EEND);
	return (sp_err_set(err, SP_EPERM, 0,
	    "what was pasted is not the answer to this login; expected the whole URL that the browser shows after it, with code= and state="));
}

enum sp_code
sp_oauth_loopback_wait(struct sp_oauth_loopback *l, int input,
    struct sp_view state, int64_t us, struct sp_oauth_redirect *out,
    struct sp_err *err)
{
	struct pollfd p[2] = { { .fd = l->fd, .events = POLLIN },
		{ .fd = l->closed ? -1 : input, .events = POLLIN } };
	int fd;

	if (l->fd < 0 && p[1].fd < 0)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "redirect_url is not on this machine, and standard input ended before the answer was pasted"));
	if (poll(p, 2, (int)(us / 1000)) <= 0)
		return (SP_EEND);
	if (p[0].revents != 0) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0 && serve_browser(fd, state, out))
			return (SP_OK);
	}
	if (p[1].revents != 0)
		return (read_pasted(l, input, state, out, err));
	return (SP_EEND);
}
