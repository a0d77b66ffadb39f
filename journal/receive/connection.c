/* One connection: bytes between a socket and its session. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "journal/receive/receive_i.h"

static void
report_lost(struct sp_connection *c)
{
	struct sp_session_info i;

	sp_machine_info(&c->machine, &i);
	sp_report_lost(c->r, &i);
}

/* ---- closing -------------------------------------------------------- */

void
sp_connection_maybe_free(struct sp_connection *c)
{
	struct sp_receive *r = c->r;

	if (c->handle_open || c->job_open || c->check_open)
		return;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		r->connections = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	sp_machine_rest(&c->machine);
	if (r->nidle < SP_IDLE_KEPT && c->out.cap <= SP_SESSION_OUT_HIGH) {
		c->next = r->idle;
		r->idle = c;
		r->nidle++;
	} else
		sp_connection_destroy(c);
	sp_receive_gone(r);
}

void
sp_connection_destroy(struct sp_connection *c)
{
	sp_machine_done(&c->machine);
	sp_buf_done(&c->out);
	sp_buf_done(&c->writing);
	free(c);
}

static void
drop_held(struct sp_connection *c)
{
	if (c->held_mine)
		free(c->held);
	else
		sp_memory_put(c->r->memory, c->held, c->held_cap);
	c->held = NULL;
	c->held_at = c->held_n = c->held_cap = 0;
	c->held_mine = false;
}

static void
on_close(uv_handle_t *h)
{
	struct sp_connection *c = h->data;

	c->handle_open = false;
	c->r->handles--;
	c->l->sessions--;
	c->r->stats.sessions--;
	sp_peers_leave(c->r->peers, c->peer);
	c->peer = NULL;
	sp_buf_done(&c->writing);
	sp_connection_maybe_free(c);
}

void
sp_connection_drop(struct sp_connection *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (sp_machine_state(&c->machine) == SP_SESSION_DATA)
		report_lost(c);
	drop_held(c);
	uv_close(&c->u.handle, on_close);
}

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status;
}

/* All is said.  After an error the peer gets time to read why: closing with
 * its bytes unread would reset the connection under our reply. */
static void
finish(struct sp_connection *c)
{
	if (sp_machine_quit(&c->machine) || c->eof || c->broken) {
		sp_connection_drop(c);
		return;
	}
	if (c->lingering)
		return;
	c->lingering = true;
	c->linger_until = uv_now(c->r->loop) + SP_LINGER_MS;
	drop_held(c);
	if (uv_shutdown(&c->shutdown, &c->u.stream, on_shutdown) != 0)
		sp_connection_drop(c);
	else
		sp_connection_go_on(c);
}

/* ---- writing -------------------------------------------------------- */

static void
on_write(uv_write_t *req, int status)
{
	struct sp_connection *c = req->data;

	c->is_writing = false;
	if (c->closing)
		return;
	sp_buf_done(&c->writing);
	if (status != 0) {
		c->broken = true;
		sp_buf_clear(&c->out);
	}
	sp_connection_go_on(c);
}

/* Give replies to the kernel, the rest to libuv. */
static void
flush(struct sp_connection *c)
{
	uv_buf_t b;
	int n;

	if (c->is_writing || c->out.n == 0)
		return;
	if (c->broken || c->lingering) {
		sp_buf_clear(&c->out);
		return;
	}
	b = uv_buf_init(c->out.p, (unsigned)c->out.n);
	n = uv_try_write(&c->u.stream, &b, 1);
	if (n == UV_EAGAIN)
		n = 0;
	if (n < 0) {
		c->broken = true;
		sp_buf_clear(&c->out);
		return;
	}
	sp_buf_consume(&c->out, (size_t)n);
	if (c->out.n == 0)
		return;
	c->writing = c->out;
	sp_buf_init(&c->out, SP_SESSION_OUT_MAX);
	b = uv_buf_init(c->writing.p, (unsigned)c->writing.n);
	c->write.data = c;
	c->write_since = uv_now(c->r->loop);
	c->is_writing = uv_write(&c->write, &c->u.stream, &b, 1, on_write) == 0;
	if (!c->is_writing)
		c->broken = true;
}

/* ---- committing ----------------------------------------------------- */

static void
report_accepted(struct sp_connection *c, const struct sp_append_item *item)
{
	struct sp_session_info i;

	sp_machine_info(&c->machine, &i);
	sp_report_accepted(c->r, &i, item);
}

static void
committed(
    struct sp_commit_job *job, enum sp_code code, const struct sp_err *err)
{
	struct sp_connection *c =
	    (void *)((char *)job - offsetof(struct sp_connection, job));

	c->job_open = false;
	(void)err;
	if (code == SP_OK)
		report_accepted(c, job->item);
	sp_machine_committed(&c->machine, code, &c->out);
	if (!c->handle_open) {
		/* The peer has gone; what was stored stays stored. */
		sp_buf_clear(&c->out);
		sp_connection_maybe_free(c);
		return;
	}
	if (c->closing)
		return;
	c->idle_since = uv_now(c->r->loop);
	sp_connection_go_on(c);
}

static void
commit(struct sp_connection *c)
{
	if (c->job_open)
		return;
	c->job_open = true;
	c->commit_since = uv_now(c->r->loop);
	c->job.item = sp_machine_item(&c->machine);
	c->job.done = committed;
	sp_commit_push(c->r->commit, &c->job);
}

/* ---- reading -------------------------------------------------------- */

static void
on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	const struct sp_connection *c = h->data;
	bool large = sp_machine_state(&c->machine) == SP_SESSION_DATA &&
		     !sp_memory_tight(c->r->memory);

	(void)suggested;
	*buf =
	    uv_buf_init(c->r->read_buf, large ? SP_READ_SIZE : SP_READ_SMALL);
}

/* Keep what the session did not take. */
static void
hold(struct sp_connection *c, const char *p, size_t n)
{
	assert(c->held == NULL);
	c->held = sp_memory_get(c->r->memory, n, &c->held_cap);
	if (c->held == NULL) {
		c->held = sp_xmalloc(n);
		c->held_mine = true;
	}
	memcpy(c->held, p, n);
	c->held_at = 0;
	c->held_n = n;
}

static void
on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct sp_connection *c = stream->data;
	size_t n = got > 0 ? (size_t)got : 0, used;

	if (got == 0 || c->closing)
		return;
	if (got < 0) {
		c->eof = true;
		c->broken = c->broken || got != UV_EOF;
		(void)uv_read_stop(stream);
		c->reading = false;
		sp_connection_go_on(c);
		return;
	}
	if (c->lingering)
		return;
	c->data_since = uv_now(c->r->loop);
	c->window_bytes += n;
	/* Reading stops while something is held or being written. */
	assert(c->held == NULL && !c->is_writing);
	used = sp_machine_input(&c->machine, buf->base, n, &c->out);
	if (used < n && sp_machine_state(&c->machine) != SP_SESSION_CLOSING)
		hold(c, buf->base + used, n - used);
	sp_connection_go_on(c);
}

/* Let the session have what was held back. */
static void
feed_held(struct sp_connection *c)
{
	size_t used;

	while (c->held != NULL && !c->is_writing) {
		used = sp_machine_input(&c->machine, c->held + c->held_at,
		    c->held_n - c->held_at, &c->out);
		c->held_at += used;
		if (c->held_at == c->held_n)
			drop_held(c);
		flush(c);
		if (used == 0)
			return;
	}
}

static void
want_read(struct sp_connection *c)
{
	bool want =
	    !c->eof && (c->lingering || (c->held == NULL && !c->is_writing));

	if (want == c->reading)
		return;
	c->reading = want;
	if (!want)
		(void)uv_read_stop(&c->u.stream);
	else if (uv_read_start(&c->u.stream, on_alloc, on_read) != 0)
		sp_connection_drop(c);
}

/* After anything happened: flush, feed, commit, close, read on. */
void
sp_connection_go_on(struct sp_connection *c)
{
	enum sp_session_state state;

	flush(c);
	feed_held(c);
	state = sp_machine_state(&c->machine);
	if (state == SP_SESSION_COMMIT)
		commit(c);
	else if (state == SP_SESSION_CHECK && !c->broken && !c->eof)
		sp_connection_check_login(c);
	else if (c->broken)
		sp_connection_drop(c);
	else if (state == SP_SESSION_CLOSING && !c->is_writing &&
		 c->out.n == 0 && !c->lingering)
		finish(c);
	else if (c->eof && c->held == NULL && !c->is_writing)
		sp_connection_drop(c);
	if (!c->closing)
		want_read(c);
}

/* ---- accepting ------------------------------------------------------ */

/* Say why and close; nothing is kept for such a peer. */
static void
turn_away(struct sp_connection *c, enum sp_reply why, const char *peer)
{
	struct sp_view v = sp_reply_text(why);
	char text[256];
	uv_buf_t b;

	if (why == SP_REPLY_DENIED)
		v = SP_VIEW_LIT("554 No service here for your address\r\n");
	assert(v.n <= sizeof(text));
	memcpy(text, v.p, v.n);
	b = uv_buf_init(text, (unsigned)v.n);
	/* To an MTA a closed filter says all that there is to say. */
	if (sp_machine_greets(&c->machine))
		(void)uv_try_write(&c->u.stream, &b, 1);
	sp_report_unwanted(c->r, c->l, peer, why);
	sp_connection_drop(c);
}

static void
name_session(struct sp_receive *r, char out[20])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t v = r->id_base + r->id_next++;

	for (size_t i = 16; i-- > 0; v >>= 4)
		out[i] = digits[v & 15];
	out[16] = '\0';
}

static enum sp_reply
limits(struct sp_connection *c, const struct sockaddr *sa)
{
	const struct sp_listen *cfg = c->l->env.cfg;
	uint64_t count;

	if (!c->l->env.door && !sp_config_allows(cfg, sa))
		return (SP_REPLY_DENIED);
	if (c->r->draining)
		return (SP_REPLY_CLOSING);
	if (c->l->sessions > cfg->max_sessions)
		return (SP_REPLY_BUSY);
	c->peer = sp_peers_enter(c->r->peers, sa, c->l->number, &count);
	return (count > cfg->max_per_peer ? SP_REPLY_PER_PEER : SP_REPLY_NONE);
}

/* Bytes before the greeting: not a mail client that follows the rules. */
static bool
early(int fd)
{
	char one;

	return (recv(fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
}

static void
begin(struct sp_connection *c, const struct sp_session_peer *p)
{
	sp_machine_begin(&c->machine, &c->l->env, p);
}

static void
welcome(struct sp_connection *c)
{
	char peer[SP_PEER_TEXT] = "", local[SP_PEER_TEXT], actor[256] = "";
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	struct sp_session_peer p = { .peer = peer, .actor = actor };
	enum sp_reply bad;
	socklen_t len = sizeof(sa);
	char id[20];
	uv_os_fd_t fd;

	if (uv_fileno(&c->u.handle, &fd) != 0)
		fd = -1;
	memcpy(local, c->l->local, sizeof(local));
	if (!c->l->env.door) {
		(void)getpeername(fd, (struct sockaddr *)&sa, &len);
		sp_peer_unmap(&sa);
		sp_peer_format((struct sockaddr *)&sa, peer);
	}
	if (local[0] == '\0' && !c->l->env.door) {
		struct sockaddr_storage me = { .ss_family = AF_UNSPEC };

		len = sizeof(me);
		(void)getsockname(fd, (struct sockaddr *)&me, &len);
		sp_peer_format((struct sockaddr *)&me, local);
	}
	name_session(c->r, id);
	p.id = id;
	p.local = local;
	p.connected = sp_clock_wall();
	bad = limits(c, (struct sockaddr *)&sa);
	if (bad == SP_REPLY_NONE && c->l->env.door &&
	    !sp_door_identify(&c->r->door, fd, &p.rights, actor, sizeof(actor)))
		bad = SP_REPLY_DENIED;
	begin(c, &p);
	if (bad != SP_REPLY_NONE) {
		turn_away(c, bad, c->l->env.door ? "local" : peer);
		return;
	}
	if (!c->l->env.door && sp_machine_greets(&c->machine) && early(fd))
		sp_machine_end(&c->machine, SP_REPLY_EARLY, &c->out);
	else
		sp_machine_greet(&c->machine, &c->out);
	sp_connection_go_on(c);
}

static struct sp_connection *
obtain(struct sp_receive *r)
{
	struct sp_connection *c = r->idle, old = { .r = r };

	if (c == NULL)
		c = sp_xcalloc(1, sizeof(*c));
	else {
		r->idle = c->next;
		r->nidle--;
		old = *c;
		memset(c, 0, sizeof(*c));
		c->machine = old.machine;
		c->out = old.out;
	}
	sp_buf_clear(&c->out);
	c->out.max = SP_SESSION_OUT_MAX;
	c->r = r;
	return (c);
}

static void
enlist(struct sp_connection *c)
{
	struct sp_receive *r = c->r;

	c->u.handle.data = c;
	c->handle_open = true;
	r->handles++;
	c->next = r->connections;
	if (c->next != NULL)
		c->next->prev = c;
	r->connections = c;
	c->l->sessions++;
	r->stats.sessions++;
	r->stats.connections++;
	c->idle_since = c->data_since = uv_now(r->loop);
}

void
sp_connection_accept(uv_stream_t *server, int status)
{
	struct sp_listener *l = server->data;
	struct sp_connection *c;
	int rc;

	if (status != 0)
		return;
	c = obtain(l->r);
	c->l = l;
	rc = l->env.door ? uv_pipe_init(l->r->loop, &c->u.pipe, 0)
			 : uv_tcp_init(l->r->loop, &c->u.tcp);
	if (rc != 0) {
		sp_connection_destroy(c);
		return;
	}
	enlist(c);
	if (uv_accept(server, &c->u.stream) != 0) {
		struct sp_session_peer p = { .id = "-" };

		begin(c, &p);
		sp_connection_drop(c);
		return;
	}
	welcome(c);
}

/* ---- time ----------------------------------------------------------- */

/* In DATA: silence, or too few bytes over a minute. */
static enum sp_reply
data_late(struct sp_connection *c, uint64_t now)
{
	const struct sp_listen *cfg = c->l->env.cfg;
	enum sp_reply late = SP_REPLY_NONE;

	if (now - c->data_since > cfg->data_timeout * 1000)
		return (SP_REPLY_IDLE);
	if (c->window_since == 0) {
		c->window_since = now;
		c->window_bytes = 0;
	} else if (now - c->window_since >= SP_RATE_MS) {
		if (c->window_bytes < cfg->min_rate * (SP_RATE_MS / 1000))
			late = SP_REPLY_SLOW;
		c->window_since = now;
		c->window_bytes = 0;
	}
	return (late);
}

void
sp_connection_sweep(struct sp_connection *c, uint64_t now)
{
	const struct sp_listen *cfg = c->l->env.cfg;
	enum sp_session_state state;
	enum sp_reply late = SP_REPLY_NONE;

	if (c->closing)
		return;
	if ((c->lingering && now >= c->linger_until) ||
	    (c->is_writing &&
		now - c->write_since > cfg->data_timeout * 1000)) {
		sp_connection_drop(c);
		return;
	}
	state = sp_machine_state(&c->machine);
	if (state == SP_SESSION_CHECK) {
		sp_connection_sweep_login(c, now);
		return;
	}
	if (c->job_open && now - c->commit_since >= SP_PROGRESS_MS) {
		c->commit_since = now;
		sp_machine_progress(&c->machine, &c->out);
		flush(c);
	}
	if (state != SP_SESSION_DATA)
		c->window_since = 0;
	if (c->commands != sp_machine_commands(&c->machine)) {
		c->commands = sp_machine_commands(&c->machine);
		c->idle_since = now;
		c->window_since = 0;
	}
	if (state == SP_SESSION_DATA)
		late = data_late(c, now);
	else if (state == SP_SESSION_COMMAND && !c->is_writing &&
		 now - c->idle_since > cfg->timeout * 1000)
		late = SP_REPLY_IDLE;
	if (late == SP_REPLY_NONE)
		return;
	if (state == SP_SESSION_DATA)
		report_lost(c);
	sp_machine_end(&c->machine, late, &c->out);
	sp_connection_go_on(c);
}

void
sp_connection_drain(struct sp_connection *c)
{
	if (c->closing || c->lingering)
		return;
	sp_machine_drain(&c->machine, &c->out);
	sp_connection_go_on(c);
}
