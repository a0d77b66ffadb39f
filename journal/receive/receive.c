#include "journal/receive/receive.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/layout.h"
#include "base/random.h"
#include "journal/receive/receive_priv.h"

#define BACKLOG	    1024
#define TICK_MS	    1000
#define INODES_SOFT 256 /* fewer: nothing new is begun */
#define INODES_HARD 16 /* fewer: as good as none */
#define FILES_OURS  128 /* descriptors that are not sessions' */

/* ---- may a transaction begin ---------------------------------------- */

/* Ask the file system at most once a second. */
static void
look_at_space(struct sp_receive *r)
{
	uint64_t now = uv_now(r->loop);

	if (r->space_known && now - r->space_at < TICK_MS)
		return;
	r->space_at = now;
	r->space_known =
	    sp_io_space(r->dir, &r->space, &r->inodes, NULL) == SP_OK;
}

static enum sp_code
may_begin(void *ctx, uint64_t declared, const char **why)
{
	struct sp_receive *r = ctx;
	uint64_t reserve = r->opts.cfg->disk_reserve;

	if (r->hold != NULL) {
		*why = r->hold;
		return (SP_EAGAIN);
	}
	look_at_space(r);
	/* Where nobody can say, the write itself will. */
	if (!r->space_known)
		return (SP_OK);
	if (r->inodes < INODES_SOFT || r->space < reserve ||
	    r->space - reserve < declared)
		return (SP_ENOSPC);
	return (SP_OK);
}

/* On the pool: what is in hand is finished below the soft mark, and not below
 * the hard one, where seal and index need the rest to go on. */
static enum sp_code
room(void *ctx, uint64_t bytes, struct sp_err *err)
{
	const struct sp_receive *r = ctx;
	const struct sp_config *cfg = r->opts.cfg;
	uint64_t least = cfg->disk_minimum, space, inodes;

	if (least > cfg->disk_reserve / 2)
		least = cfg->disk_reserve / 2;
	if (least == 0 || sp_io_space(r->dir, &space, &inodes, NULL) != SP_OK)
		return (SP_OK);
	if (space >= least && space - least >= bytes && inodes >= INODES_HARD)
		return (SP_OK);
	return (sp_err_set(err, SP_ENOSPC, 0,
	    "the file system of %s is at its last %" PRIu64
	    " bytes (disk_minimum): nothing is taken in until there is more",
	    r->dir, least));
}

/* ---- from the queue ------------------------------------------------- */

static void
on_committed(void *ctx, uint64_t next_seq)
{
	struct sp_receive *r = ctx;

	if (r->opts.committed != NULL)
		r->opts.committed(r->opts.ctx, next_seq);
}

static void
on_failed(void *ctx, const struct sp_err *err)
{
	sp_report_alarm(ctx, "", err);
}

static void
on_idle(void *ctx)
{
	sp_receive_gone(ctx);
}

/* ---- events of our own ---------------------------------------------- */

struct sp_own_event {
	struct sp_commit_job job;
	struct sp_append_item item;
	struct sp_event event;
	char *name, *detail;
	void (*done)(void *ctx, enum sp_code code, uint64_t seq);
	void *ctx;
	struct sp_receive *r;
};

static void
own_done(struct sp_commit_job *job, enum sp_code code, const struct sp_err *err)
{
	struct sp_own_event *e =
	    (void *)((char *)job - offsetof(struct sp_own_event, job));

	(void)err;
	if (e->done != NULL)
		e->done(e->ctx, code, e->item.seq);
	free(e->name);
	free(e->detail);
	free(e);
}

void
sp_receive_event(struct sp_receive *r, const char *name, struct sp_view detail,
    void (*done)(void *ctx, enum sp_code code, uint64_t seq), void *ctx)
{
	struct sp_own_event *e = sp_xcalloc(1, sizeof(*e));

	e->r = r;
	e->done = done;
	e->ctx = ctx;
	e->name = sp_xstrdup(name);
	e->detail = sp_view_dup(detail);
	e->event = (struct sp_event){ .name = e->name,
		.actor = sp_view_str(r->actor),
		.detail = sp_view_str(e->detail) };
	e->item = (struct sp_append_item){ .event = &e->event, .fd = -1 };
	e->job = (struct sp_commit_job){ .item = &e->item, .done = own_done };
	sp_commit_push(r->commit, &e->job);
}

struct rotation {
	struct sp_commit_job job;
	void (*done)(void *ctx, enum sp_code code);
	void *ctx;
};

static void
rotated(struct sp_commit_job *job, enum sp_code code, const struct sp_err *err)
{
	struct rotation *t =
	    (void *)((char *)job - offsetof(struct rotation, job));

	(void)err;
	if (t->done != NULL)
		t->done(t->ctx, code);
	free(t);
}

void
sp_receive_rotate(
    struct sp_receive *r, void (*done)(void *ctx, enum sp_code code), void *ctx)
{
	struct rotation *t = sp_xcalloc(1, sizeof(*t));

	t->done = done;
	t->ctx = ctx;
	t->job.done = rotated;
	sp_commit_push(r->commit, &t->job);
}

void
sp_receive_hold(struct sp_receive *r, const char *reason)
{
	free(r->hold);
	r->hold = NULL;
	if (reason == NULL)
		return;
	r->hold = sp_xstrdup(reason);
	/* It becomes part of a reply. */
	for (char *p = r->hold; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = '?';
	}
}

void
sp_receive_stats(const struct sp_receive *r, struct sp_receive_stats *out)
{
	*out = r->stats;
	out->batches = sp_commit_batches(r->commit);
	out->memory = sp_memory_used(r->memory);
	out->spilled = sp_memory_spilled(r->memory);
}

/* ---- listening ------------------------------------------------------ */

/* What connections inherit, and where they arrive. */
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

static void
on_listener_close(uv_handle_t *h)
{
	struct sp_listener *l = h->data;

	l->r->handles--;
	sp_receive_gone(l->r);
}

static void
close_listeners(struct sp_receive *r)
{
	for (size_t i = 0; i < r->nlisteners; i++) {
		if (!r->listeners[i].open)
			continue;
		r->listeners[i].open = false;
		uv_close(&r->listeners[i].u.handle, on_listener_close);
	}
}

/* ---- the second ----------------------------------------------------- */

static void
on_timer(uv_timer_t *t)
{
	struct sp_receive *r = t->data;
	uint64_t now = uv_now(r->loop);
	struct sp_connection *c, *next;

	for (c = r->connections; c != NULL; c = next) {
		next = c->next;
		sp_connection_sweep(c, now);
	}
	sp_report_tick(r);
	if (!r->drained)
		sp_commit_tick(r->commit);
}

static void
on_timer_close(uv_handle_t *h)
{
	struct sp_receive *r = h->data;

	r->handles--;
	sp_receive_gone(r);
}

/* ---- life ----------------------------------------------------------- */

/* A session may need two: its socket, and a temporary file. */
static void
raise_files(struct sp_receive *r)
{
	struct rlimit lim;
	uint64_t can;

	r->ceiling = r->opts.cfg->max_connections;
	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return;
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim) != 0 ||
	    lim.rlim_cur == RLIM_INFINITY || lim.rlim_cur < 2 * FILES_OURS)
		return;
	can = (lim.rlim_cur - FILES_OURS) / 2;
	if (can < r->ceiling)
		r->ceiling = can;
}

/* Without a file that can be used nobody is turned away for good: AUTH, and
 * MAIL where it is required, are answered 454. */
static void
load_users(struct sp_listener *l)
{
	const char *path = l->env.cfg->auth_users;
	struct sp_err err;

	if (path == NULL)
		return;
	if (sp_users_load(path, &l->users, &err) == SP_OK)
		l->env.users = l->users;
	else {
		l->env.users_bad = true;
		sp_report_users(l->r, l->env.cfg->name, &err);
	}
}

static bool
may_login(void *ctx, const struct sp_session_info *i)
{
	const struct sp_receive *r = ctx;

	return (sp_logins_may(r->logins, i->client, uv_now(r->loop)));
}

/* A client that is gone has closed its end; what it had handed over before is
 * read and committed all the same. */
static bool
settled(void *ctx)
{
	const struct sp_receive *r = ctx;

	for (const struct sp_connection *c = r->connections; c != NULL;
	     c = c->next) {
		struct pollfd p = { .fd = -1 };

		if (!c->l->env.door)
			continue;
		if (!c->handle_open || c->closing || c->eof ||
		    uv_fileno(&c->u.handle, &p.fd) != 0)
			return (false);
		if (poll(&p, 1, 0) > 0 && (p.revents & POLLHUP) != 0)
			return (false);
	}
	return (true);
}

static void
fill_env(struct sp_listener *l, const struct sp_listen *cfg)
{
	l->env = (struct sp_session_env){
		.cfg = cfg,
		.door = cfg == &l->door,
		.memory = l->r->memory,
		.may_begin = may_begin,
		.settled = settled,
		.refused = sp_report_refused,
		.fault = sp_report_fault,
		.broken = sp_report_broken,
		.may_login = may_login,
		.login = sp_report_login,
		.ctx = l->r,
	};
}

static enum sp_code
open_all(struct sp_receive *r, struct sp_err *err)
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
			rc = sp_certs_context(
			    o->certs, o->cfg, i, NULL, NULL, &l->tls, err);
		if (rc == SP_OK && fd >= 0)
			rc = open_listener(l, fd, err);
	}
	return (rc);
}

static void
fill(struct sp_receive *r)
{
	const struct sp_config *cfg = r->opts.cfg;
	const struct sp_commit_hooks hooks = {
		.committed = on_committed,
		.failed = on_failed,
		.room = room,
		.idle = on_idle,
		.ctx = r,
	};
	char host[256] = "";

	r->loop = r->opts.loop;
	r->dir = sp_xstrdup(r->opts.dir);
	r->state_dir = sp_layout_path(r->dir, "state");
	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		memcpy(host, "localhost", sizeof("localhost"));
	r->hostname =
	    sp_xstrdup(cfg->nlisten > 0 && cfg->listen[0].hostname != NULL
			   ? cfg->listen[0].hostname
			   : host);
	r->door_name = sp_xstrdup("door");
	r->memory = sp_memory_new(cfg->memory, r->state_dir);
	r->peers = sp_peers_new();
	r->logins = sp_logins_new(r->loop, on_idle, r);
	r->read_buf = sp_xmalloc(SP_READ_SIZE);
	r->plain_buf = sp_xmalloc(SP_TLS_PLAIN_MAX);
	sp_buf_init(&r->refused_first, 8192);
	sp_door_self(r->actor, sizeof(r->actor));
	sp_random(&r->id_base, sizeof(r->id_base));
	r->commit = sp_commit_new(r->loop, r->opts.append, &hooks);
}

enum sp_code
sp_receive_new(const struct sp_receive_opts *opts, struct sp_receive **out,
    struct sp_err *err)
{
	struct sp_receive *r = sp_xcalloc(1, sizeof(*r));
	enum sp_code rc;

	r->opts = *opts;
	fill(r);
	raise_files(r);
	rc = sp_door_init(&r->door, r->dir, opts->cfg->group, err);
	if (rc == SP_OK)
		rc = open_all(r, err);
	if (rc != SP_OK) {
		sp_receive_free(r);
		return (rc);
	}
	if (uv_timer_init(r->loop, &r->timer) != 0)
		abort();
	r->timer.data = r;
	r->timer_open = true;
	r->handles++;
	if (uv_timer_start(&r->timer, on_timer, TICK_MS, TICK_MS) != 0)
		abort();
	*out = r;
	return (SP_OK);
}

void
sp_receive_gone(struct sp_receive *r)
{
	if (!r->draining || r->drained || r->connections != NULL ||
	    !sp_commit_idle(r->commit) || !sp_logins_idle(r->logins))
		return;
	r->drained = true;
	if (r->drain_done != NULL)
		r->drain_done(r->drain_ctx);
}

void
sp_receive_drain(struct sp_receive *r, void (*done)(void *ctx), void *ctx)
{
	struct sp_connection *c, *next;

	if (r->draining)
		return;
	r->draining = true;
	r->drain_done = done;
	r->drain_ctx = ctx;
	close_listeners(r);
	sp_report_tick(r);
	for (c = r->connections; c != NULL; c = next) {
		next = c->next;
		sp_connection_drain(c);
	}
	sp_receive_gone(r);
}

static void
close_all(struct sp_receive *r)
{
	struct sp_connection *c, *next;

	r->drain_done = NULL;
	close_listeners(r);
	for (c = r->connections; c != NULL; c = next) {
		next = c->next;
		sp_connection_drop(c);
	}
	if (r->timer_open) {
		r->timer_open = false;
		uv_close((uv_handle_t *)&r->timer, on_timer_close);
	}
	while (r->handles > 0 || r->connections != NULL ||
	       !sp_commit_idle(r->commit) || !sp_logins_idle(r->logins))
		(void)uv_run(r->loop, UV_RUN_ONCE);
}

void
sp_receive_free(struct sp_receive *r)
{
	if (r == NULL)
		return;
	close_all(r);
	while (r->idle != NULL) {
		struct sp_connection *c = r->idle;

		r->idle = c->next;
		sp_connection_destroy(c);
	}
	for (size_t i = 0; i < r->nlisteners; i++)
		sp_tls_ctx_free(r->listeners[i].tls);
	sp_commit_free(r->commit);
	sp_peers_free(r->peers);
	sp_logins_free(r->logins);
	for (size_t i = 0; i < r->nlisteners; i++)
		sp_users_free(r->listeners[i].users);
	sp_memory_free(r->memory);
	sp_buf_done(&r->refused_first);
	free(r->listeners);
	free(r->read_buf);
	free(r->plain_buf);
	free(r->hold);
	free(r->hostname);
	free(r->door_name);
	free(r->state_dir);
	free(r->dir);
	free(r);
}
