/* One connection: bytes between a socket and its session. */
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "journal/receive/receive_priv.h"

void
sp_connection_report_lost(struct sp_connection *c)
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
	sp_buf_done(&c->pre);
	sp_connection_tls_done(c);
	sp_connection_maybe_free(c);
}

void
sp_connection_drop(struct sp_connection *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (sp_machine_state(&c->machine) == SP_SESSION_DATA)
		sp_connection_report_lost(c);
	if (c->stage == SP_STAGE_TLS && !c->tls_failed)
		sp_report_tls(
		    c, "TLS handshake: the peer closed the connection");
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
	if (sp_connection_tls_goodbye(c))
		return; /* again when it is written */
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

/* Give what is to be said to the kernel, the rest to libuv. */
void
sp_connection_flush(struct sp_connection *c)
{
	struct sp_buf *wire;
	uv_buf_t b;
	int n = 0;

	if (c->is_writing)
		return;
	wire = sp_connection_wire(c);
	if (c->broken || c->lingering)
		sp_buf_clear(wire);
	if (wire->n == 0)
		return;
	b = uv_buf_init(wire->p, (unsigned)wire->n);
	n = uv_try_write(&c->u.stream, &b, 1);
	if (n < 0 && n != UV_EAGAIN) {
		c->broken = true;
		sp_buf_clear(wire);
		return;
	}
	sp_buf_consume(wire, n < 0 ? 0 : (size_t)n);
	if (wire->n == 0) {
		/* Replies come again and again, ciphertext holds no place. */
		if (c->tls != NULL)
			sp_buf_done(wire);
		return;
	}
	c->writing = *wire;
	sp_buf_init(wire, c->writing.max);
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
void
sp_connection_hold(struct sp_connection *c, const char *p, size_t n)
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

/* An MTA writes small packets and, by Nagle's rule, waits for the kernel's ACK
 * of each before the next; most get no answer of ours that would carry it. */
static void
acknowledge(struct sp_connection *c)
{
	uv_os_fd_t fd;
	int on = 1;

	if (!sp_machine_greets(&c->machine) &&
	    uv_fileno(&c->u.handle, &fd) == 0)
		(void)setsockopt(
		    fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
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
	acknowledge(c);
	c->data_since = uv_now(c->r->loop);
	c->window_bytes += n;
	/* Reading stops while something is held or being written. */
	assert(c->held == NULL && !c->is_writing);
	if (c->stage == SP_STAGE_PROXY) {
		sp_connection_proxy(c, buf->base, n);
		return;
	}
	if (c->tls != NULL) {
		sp_tls_feed(c->tls, buf->base, n);
		sp_connection_go_on(c);
		return;
	}
	used = sp_machine_input(&c->machine, buf->base, n, &c->out);
	if (used < n && sp_machine_state(&c->machine) != SP_SESSION_CLOSING)
		sp_connection_hold(c, buf->base + used, n - used);
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
		sp_connection_flush(c);
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

/* STARTTLS was answered: the next byte is the handshake's.  Bytes that came
 * before the answer were refused by the session, or are still in the socket
 * and no handshake. */
static void
start_tls(struct sp_connection *c)
{
	if (c->broken || c->eof)
		sp_connection_drop(c);
	else if (c->held == NULL && !c->is_writing && c->stage != SP_STAGE_TLS)
		sp_connection_tls_start(c);
}

/* After anything happened: flush, feed, commit, close, read on. */
void
sp_connection_go_on(struct sp_connection *c)
{
	enum sp_session_state state;

	sp_connection_flush(c);
	feed_held(c);
	sp_connection_tls_pump(c);
	state = sp_machine_state(&c->machine);
	if (state == SP_SESSION_COMMIT)
		commit(c);
	else if (state == SP_SESSION_CHECK)
		sp_connection_check_login(c);
	else if (state == SP_SESSION_TLS)
		start_tls(c);
	else if (!c->broken && state == SP_SESSION_CLOSING && !c->is_writing &&
		 c->out.n == 0 && !c->lingering)
		finish(c);
	else if (c->broken || (c->eof && c->held == NULL && !c->is_writing))
		sp_connection_drop(c);
	if (!c->closing)
		want_read(c);
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

/* How long to wait for a peer: a tenth when places become few, so that those
 * who say nothing do not keep out those who would. */
static uint64_t
patience(const struct sp_connection *c, uint64_t seconds)
{
	const uint64_t most = c->l->env.cfg->max_sessions;
	bool few = c->l->sessions > most - most / 4 ||
		   c->r->stats.sessions > c->r->ceiling - c->r->ceiling / 4;

	if (!few || c->l->env.door || seconds <= SP_PATIENCE_MIN)
		return (seconds * 1000);
	return (
	    (seconds / 10 > SP_PATIENCE_MIN ? seconds / 10 : SP_PATIENCE_MIN) *
	    1000);
}

/* Before there is a session: a header or handshake that does not end. */
static bool
stage_late(struct sp_connection *c, uint64_t now)
{
	const struct sp_listen *cfg = c->l->env.cfg;

	if (c->stage == SP_STAGE_SESSION ||
	    now - c->stage_since <= patience(c, cfg->tls_timeout))
		return (false);
	if (c->stage == SP_STAGE_PROXY)
		sp_report_proxy(c, "it did not come in time");
	else {
		c->tls_failed = true;
		sp_report_tls(c, "TLS handshake: it did not end in time");
	}
	sp_connection_drop(c);
	return (true);
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
	if (stage_late(c, now))
		return;
	state = sp_machine_state(&c->machine);
	if (state == SP_SESSION_CHECK) {
		sp_connection_sweep_login(c, now);
		return;
	}
	if (c->job_open && now - c->commit_since >= SP_PROGRESS_MS) {
		c->commit_since = now;
		sp_machine_progress(&c->machine, &c->out);
		sp_connection_flush(c);
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
		 c->stage == SP_STAGE_SESSION &&
		 now - c->idle_since > patience(c, cfg->timeout))
		late = SP_REPLY_IDLE;
	if (late == SP_REPLY_NONE)
		return;
	if (state == SP_SESSION_DATA)
		sp_connection_report_lost(c);
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
