/*
 * The listening sockets of a server: one for each listener of the configuration
 * and one for the door, with what their sessions share: hooks, limits, users,
 * the TLS context.  A listener without a descriptor is set up and does not
 * listen.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "journal/receive/connection_priv.h"

#define BACKLOG 1024 /* connections that wait to be accepted */

/* ---- what the sessions of a listener share --------------------------- */

/* Load the users of a listener.  If their file cannot be used nobody is turned
 * away for good: AUTH, and MAIL where it is required, are answered 454. */
static void
load_users(struct sp_listener *l)
{
	const char *path = l->env.cfg->auth_users;
	struct sp_err err;

	if (l->env.door)
		return;
	if (path == NULL) {
		/* It may have had users before that could not be read. */
		sp_receive_log_users(l->r, l->env.cfg->name, NULL);
	} else if (sp_users_load(path, &l->users, &err) == SP_OK) {
		l->env.users = l->users;
		sp_receive_log_users(l->r, l->env.cfg->name, NULL);
	} else {
		l->env.users_unusable = true;
		sp_receive_log_users(l->r, l->env.cfg->name, &err);
	}
}

/* Hook may_login of a session: whether its address has not guessed too
 * often. */
static bool
may_login(void *ctx, const struct sp_session_info *i)
{
	const struct sp_receive *r = ctx;

	return (sp_logins_may_try(r->logins, i->client, uv_now(r->loop)));
}

/* Hook settled of a session at the door: whether all that clients handed over
 * who have gone is committed.  A client that is gone has closed its end; what
 * it had handed over before is read and committed all the same, and its
 * connection ends after that. */
static bool
door_settled(void *ctx)
{
	const struct sp_receive *r = ctx;

	for (const struct sp_connection *c = r->pool.open; c != NULL;
	     c = c->next) {
		struct pollfd p = { .fd = -1 };

		if (!c->l->env.door)
			continue;
		if (!c->end.handle_open || c->end.closing || c->in.eof ||
		    uv_fileno(&c->u.handle, &p.fd) != 0)
			return (false);
		if (poll(&p, 1, 0) > 0 && (p.revents & POLLHUP) != 0)
			return (false);
	}
	return (true);
}

/* What the sessions of this listener share. */
static void
fill_env(struct sp_listener *l, const struct sp_listen *cfg)
{
	l->env = (struct sp_session_env){
		.cfg = cfg,
		.door = cfg == &l->door,
		.memory = l->r->memory,
		.may_begin = sp_receive_may_begin,
		.may_event = sp_receive_may_event,
		.settled = door_settled,
		.refused = sp_receive_log_refused,
		.fault = sp_receive_log_fault,
		.protocol_error = sp_receive_log_protocol_error,
		.may_login = may_login,
		.login = sp_receive_log_login,
		.ctx = l->r,
	};
}

/* ---- sockets --------------------------------------------------------- */

/* Set what accepted connections inherit, and find out where they arrive, unless
 * the socket is bound to any address. */
static void
prepare_socket(struct sp_listener *l, int fd)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(sa);
	int on = 1;

	if (l->local) {
		if (!l->env.door)
			(void)snprintf(l->local_text, sizeof(l->local_text),
			    "%s", l->env.cfg->address);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		return;
	if (sa.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&sa;

		if (in->sin_addr.s_addr == htonl(INADDR_ANY))
			return;
	} else if (sa.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)&sa;

		if (IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
			return;
	}
	sp_peer_format((struct sockaddr *)&sa, l->local_text);
}

/* Listen on a duplicate of the descriptor ${given}.  SP_EIO names the
 * listener. */
static enum sp_code
open_listener(struct sp_listener *l, int given, struct sp_err *err)
{
	const char *name = l->env.cfg->name;
	struct sp_receive *r = l->r;
	int fd = dup(given), rc;

	if (fd < 0)
		return (sp_err_set(err, SP_EIO, errno,
		    "cannot use the socket of listener %s", name));
	prepare_socket(l, fd);
	rc = l->local ? uv_pipe_init(r->loop, &l->u.pipe, 0)
		      : uv_tcp_init(r->loop, &l->u.tcp);
	if (rc != 0) {
		(void)close(fd);
		return (sp_err_set(err, SP_EIO, -rc,
		    "cannot use the socket of listener %s", name));
	}
	l->u.handle.data = l;
	l->open = true;
	r->handles++;
	rc = l->local ? uv_pipe_open(&l->u.pipe, fd)
		      : uv_tcp_open(&l->u.tcp, fd);
	if (rc != 0)
		(void)close(fd);
	if (rc == 0)
		rc = uv_listen(&l->u.stream, BACKLOG, sp_connection_accept);
	if (rc != 0)
		return (sp_err_set(
		    err, SP_EIO, -rc, "cannot listen for listener %s", name));
	return (SP_OK);
}

/* Everything is set up for each listener before it listens; the first failure
 * ends it. */
enum sp_code
sp_receive_listen(struct sp_receive *r, struct sp_err *err)
{
	const struct sp_receive_opts *o = &r->opts;
	enum sp_code rc = SP_OK;

	r->nlisteners = o->cfg->nlisten + 1;
	r->listeners = sp_xcalloc(r->nlisteners, sizeof(*r->listeners));
	for (size_t i = 0; rc == SP_OK && i < r->nlisteners; i++) {
		struct sp_listener *l = &r->listeners[i];
		bool door = i == o->cfg->nlisten;
		int fd = door ? o->door_fd : o->fds[i];

		l->r = r;
		l->number = (unsigned)i;
		l->local = door || o->cfg->listen[i].sa.ss_family == AF_UNIX;
		if (door)
			sp_door_listen(&l->door, r->door_name, r->hostname);
		fill_env(l, door ? &l->door : &o->cfg->listen[i]);
		load_users(l);
		if (!door && o->certs != NULL)
			rc = sp_listener_certs_context(
			    o->certs, o->cfg, i, NULL, NULL, &l->tls, err);
		if (rc == SP_OK && fd >= 0)
			rc = open_listener(l, fd, err);
	}
	return (rc);
}

static void
on_listener_close(uv_handle_t *h)
{
	struct sp_listener *l = h->data;

	l->r->handles--;
	sp_receive_check_drained(l->r);
}

void
sp_receive_listen_close(struct sp_receive *r)
{
	for (size_t i = 0; i < r->nlisteners; i++) {
		if (!r->listeners[i].open)
			continue;
		r->listeners[i].open = false;
		uv_close(&r->listeners[i].u.handle, on_listener_close);
	}
}

void
sp_receive_listen_done(struct sp_receive *r)
{
	for (size_t i = 0; i < r->nlisteners; i++) {
		sp_tls_ctx_free(r->listeners[i].tls);
		sp_users_free(r->listeners[i].users);
	}
	free(r->listeners);
}
