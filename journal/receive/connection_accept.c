/*
 * From a new connection to its greeting: which addresses it has, whether a
 * PROXY header must come, whether the limits let it in.  What is turned away is
 * told why where it would understand, and is reported.
 *
 *	accept --> PROXY header --> admit --> TLS handshake --> greeting
 *	               (if wanted)   '--(with starttls or none)---^
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "journal/receive/proxy.h"
#include "journal/receive/connection_priv.h"

/* Say why and close: nothing more is kept for such a peer. */
static void
turn_away(struct sp_connection *c, enum sp_reply why)
{
	struct sp_view v = sp_reply_text(why);
	struct sp_session_info i;
	char text[256];
	uv_buf_t b;

	if (why == SP_REPLY_DENIED)
		v = SP_VIEW_LIT("554 No service here for your address\r\n");
	assert(v.n <= sizeof(text));
	memcpy(text, v.p, v.n);
	/* A person waits there: the number tells what to look for. */
	if (why == SP_REPLY_PER_USER)
		v.n = (size_t)snprintf(text, sizeof(text),
		    "421 4.7.0 Too many sessions of your user, %" PRIu64
		    " are open, try again\r\n",
		    sp_peers_sessions_on(c->peer, c->l->number) - 1);
	else if (why == SP_REPLY_BUSY && c->l->local)
		v.n = (size_t)snprintf(text, sizeof(text),
		    "421 4.3.2 Too many sessions, %" PRIu64
		    " are open, try again\r\n",
		    c->l->sessions - c->l->closing - 1);
	b = uv_buf_init(text, (unsigned)v.n);
	/* Neither an MTA that speaks to its filter nor a client that waits for
	 * a TLS handshake would understand a reply. */
	if (sp_machine_greets(&c->machine) &&
	    c->l->env.cfg->tls != SP_TLS_IMPLICIT)
		(void)uv_try_write(&c->u.stream, &b, 1);
	sp_machine_info(&c->machine, &i);
	sp_receive_log_turned_away(
	    c->r, c->l, i.peer[0] == '\0' ? "local" : i.peer, why);
	sp_connection_drop(c);
}

/* A session id of 16 hex digits that differs for all sessions of a server, and,
 * as its start is random, from those of other servers. */
static void
name_session(struct sp_receive *r, char out[20])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t v = r->pool.id_base + r->pool.id_next++;

	for (size_t i = 16; i-- > 0; v >>= 4)
		out[i] = digits[v & 15];
	out[16] = '\0';
}

/* Whether the listener and the server have a place for one more, which is
 * counted already.  Those that are closed hold theirs for a moment only. */
static bool
has_place(const struct sp_connection *c)
{
	const struct sp_listener *l = c->l;
	const struct sp_receive *r = c->r;

	return (l->sessions - l->closing <= l->env.cfg->max_sessions &&
		(l->env.door ||
		    r->stats.sessions - r->pool.closing <= r->pool.ceiling));
}

/* Whether an address may have a session more, which counts it; ${sa} is whom we
 * serve: the peer, or whom a proxy serves.  Returns the refusal, or
 * SP_REPLY_NONE. */
static enum sp_reply
check_limits(struct sp_connection *c, const struct sockaddr *sa)
{
	const struct sp_listen *cfg = c->l->env.cfg;

	/* A socket in the file system has its permissions instead. */
	if (!c->l->local && !sp_config_allows(cfg, sa))
		return (SP_REPLY_DENIED);
	if (c->r->stop.draining)
		return (SP_REPLY_CLOSING);
	c->peer = sp_peers_enter(c->r->peers, sa, c->l->number);
	sp_machine_charge_to(&c->machine, sp_connection_memory(c));
	if (sp_peers_sessions_on(c->peer, c->l->number) >
	    (c->arrival.reader ? SP_DOOR_PER_READER : cfg->max_per_peer))
		return (c->l->local ? SP_REPLY_PER_USER : SP_REPLY_PER_PEER);
	if (!has_place(c) && !sp_connection_make_place(c))
		return (SP_REPLY_BUSY);
	return (sp_connection_charge(c) ? SP_REPLY_NONE : SP_REPLY_NO_MEMORY);
}

/* Whether there are bytes before the greeting: not a mail client that follows
 * the rules. */
static bool
has_spoken(const struct sp_connection *c)
{
	uv_os_fd_t fd;
	char one;

	if (c->arrival.bytes.n > 0)
		return (true);
	return (uv_fileno(&c->u.handle, &fd) == 0 &&
		recv(fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
}

/* It is known whom we serve: begin TLS or the session, or turn it away. */
static void
admit(struct sp_connection *c, const struct sockaddr *sa)
{
	enum sp_reply bad = check_limits(c, sa);

	c->arrival.stage = SP_STAGE_SESSION;
	if (c->machine.smtp != NULL)
		sp_session_allow_claims(c->machine.smtp,
		    sp_config_in_networks(&c->l->env.cfg->xforward, sa),
		    sp_config_in_networks(&c->l->env.cfg->xclient, sa));
	if (bad != SP_REPLY_NONE) {
		turn_away(c, bad);
		return;
	}
	if (c->l->env.cfg->tls == SP_TLS_IMPLICIT) {
		sp_connection_tls_start(c);
		sp_tls_feed(
		    c->tls.session, c->arrival.bytes.p, c->arrival.bytes.n);
		sp_buf_done(&c->arrival.bytes);
	} else if (!c->l->env.door && sp_machine_greets(&c->machine) &&
		   has_spoken(c))
		sp_machine_end(
		    &c->machine, SP_REPLY_TOO_EARLY, &c->out.replies);
	else
		sp_machine_greet(&c->machine, &c->out.replies);
	sp_connection_advance(c);
}

/* ---- PROXY ---------------------------------------------------------- */

/* Tell the session what the proxy said. */
static void
record_claim(struct sp_connection *c, const struct sp_proxy *h)
{
	char src[SP_PEER_TEXT], dst[SP_PEER_TEXT];

	sp_peer_format((const struct sockaddr *)&h->src, src);
	sp_peer_format((const struct sockaddr *)&h->dst, dst);
	sp_machine_proxied(&c->machine, src, dst);
}

/* The header may come in pieces, and with bytes of the session behind it. */
void
sp_connection_proxy(struct sp_connection *c, const char *p, size_t n)
{
	struct sockaddr_storage sa = c->arrival.address;
	enum sp_proxy_result rc;
	struct sp_proxy h;

	if (sp_buf_add(&c->arrival.bytes, p, n) != SP_OK)
		abort(); /* reads are smaller than its room */
	rc = sp_proxy_parse(sp_buf_view(&c->arrival.bytes), &h);
	if (rc == SP_PROXY_MORE) {
		sp_connection_advance(c);
		return;
	}
	if (rc == SP_PROXY_BAD) {
		sp_receive_log_proxy_failed(c, h.why);
		sp_connection_drop(c);
		return;
	}
	sp_buf_consume(&c->arrival.bytes, h.length);
	if (!h.local) {
		record_claim(c, &h);
		sa = h.src;
		sp_peer_unmap(&sa);
	}
	admit(c, (struct sockaddr *)&sa);
}

/* ---- accepting ------------------------------------------------------ */

/* The peer of a socket in the file system, by what the kernel says of it. */
static void
local_peer(int fd, char peer[SP_PEER_TEXT], struct sockaddr_storage *sa)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	(void)snprintf(
	    peer, SP_PEER_TEXT, "unix:uid=%lu", (unsigned long)cred.uid);
	sp_peer_local(cred.uid, sa);
}

/* Write the addresses of both ends for the record: ${peer} is "" at the door,
 * where users are counted all the same. */
static void
find_addresses(struct sp_connection *c, int fd, char peer[SP_PEER_TEXT],
    char local[SP_PEER_TEXT])
{
	struct sockaddr_storage me = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(c->arrival.address);

	memcpy(local, c->l->local_text, SP_PEER_TEXT);
	peer[0] = '\0';
	if (c->l->local) {
		local_peer(fd, peer, &c->arrival.address);
		if (c->l->env.door)
			peer[0] = '\0';
		return;
	}
	(void)getpeername(fd, (struct sockaddr *)&c->arrival.address, &len);
	sp_peer_unmap(&c->arrival.address);
	sp_peer_format((struct sockaddr *)&c->arrival.address, peer);
	if (local[0] != '\0')
		return;
	len = sizeof(me);
	(void)getsockname(fd, (struct sockaddr *)&me, &len);
	sp_peer_format((struct sockaddr *)&me, local);
}

/* Give the connection a session, then see whether it may have it. */
static void
begin_session(struct sp_connection *c)
{
	char peer[SP_PEER_TEXT], local[SP_PEER_TEXT], actor[256] = "";
	const struct sp_listen *cfg = c->l->env.cfg;
	struct sp_session_peer p = { .peer = peer, .actor = actor };
	bool known = true;
	char id[20];
	uv_os_fd_t fd;

	if (uv_fileno(&c->u.handle, &fd) != 0)
		fd = -1;
	find_addresses(c, fd, peer, local);
	name_session(c->r, id);
	p.id = id;
	p.local = local;
	p.connected = sp_clock_wall();
	if (c->l->env.door)
		known = sp_door_identify(
		    &c->r->door, fd, &p.rights, actor, sizeof(actor));
	if (c->l->env.door)
		p.uid = sp_peer_uid(&c->arrival.address);
	c->arrival.reader =
	    c->l->env.door && !p.rights.operates && !p.rights.service;
	sp_machine_begin(&c->machine, &c->l->env, &p);
	if (!known ||
	    (cfg->proxy.n > 0 && !sp_config_in_networks(&cfg->proxy,
				     (struct sockaddr *)&c->arrival.address)))
		turn_away(c, SP_REPLY_DENIED);
	else if (cfg->proxy.n > 0) {
		c->arrival.stage = SP_STAGE_PROXY;
		c->clock.stage_since = uv_now(c->r->loop);
		sp_connection_advance(c);
	} else
		admit(c, (struct sockaddr *)&c->arrival.address);
}

/* A zeroed struct, new or used before; a used one keeps its session and
 * buffer. */
static struct sp_connection *
get_connection(struct sp_receive *r)
{
	struct sp_connection *c = r->pool.idle, old;

	if (c == NULL)
		c = sp_xcalloc(1, sizeof(*c));
	else {
		r->pool.idle = c->next;
		r->pool.nidle--;
		old = *c;
		memset(c, 0, sizeof(*c));
		c->machine = old.machine;
		c->out.replies = old.out.replies;
	}
	sp_buf_clear(&c->out.replies);
	c->out.replies.max = SP_SESSION_OUT_MAX;
	sp_buf_init(&c->arrival.bytes, SP_PROXY_MAX + SP_READ_SIZE);
	c->arrival.stage = SP_STAGE_SESSION;
	c->r = r;
	return (c);
}

/* Count the connection and put it into the list of the server. */
static void
add_connection(struct sp_connection *c)
{
	struct sp_receive *r = c->r;

	c->u.handle.data = c;
	c->end.handle_open = true;
	r->handles++;
	c->next = r->pool.open;
	if (c->next != NULL)
		c->next->prev = c;
	r->pool.open = c;
	c->l->sessions++;
	r->stats.sessions++;
	r->stats.connections++;
	c->clock.idle_since = c->clock.data_since = uv_now(r->loop);
}

/* Even a connection that libuv cannot accept is given a session, so that all
 * have one when they are closed. */
void
sp_connection_accept(uv_stream_t *server, int status)
{
	struct sp_listener *l = server->data;
	struct sp_connection *c;
	int rc;

	if (status != 0)
		return;
	c = get_connection(l->r);
	c->l = l;
	rc = l->local ? uv_pipe_init(l->r->loop, &c->u.pipe, 0)
		      : uv_tcp_init(l->r->loop, &c->u.tcp);
	if (rc != 0) {
		sp_connection_destroy(c);
		return;
	}
	add_connection(c);
	if (uv_accept(server, &c->u.stream) != 0) {
		struct sp_session_peer p = { .id = "-" };

		sp_machine_begin(&c->machine, &c->l->env, &p);
		sp_connection_drop(c);
		return;
	}
	begin_session(c);
}
