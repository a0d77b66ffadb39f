/*
 * Bytes between a socket and its session, the commit of its messages, and its
 * end.  Everything that happens to a connection ends in
 * sp_connection_advance(), which looks at what the session waits for and does
 * the next thing.
 *
 * What a peer can make us keep is limited: no input is read while replies wait
 * to be written, or while bytes wait that the session did not accept.
 */
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "journal/receive/connection_priv.h"

void
sp_connection_report_lost(struct sp_connection *c)
{
	struct sp_session_info i;

	sp_machine_info(&c->machine, &i);
	sp_receive_log_lost(c->r, &i);
}

/* ---- closing -------------------------------------------------------- */

/* A struct whose buffers stayed small is kept for the next connection. */
void
sp_connection_release(struct sp_connection *c)
{
	struct sp_receive *r = c->r;

	if (c->end.handle_open || c->commit.open || c->login.open)
		return;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		r->pool.open = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	sp_machine_release(&c->machine);
	sp_peers_release(r->peers, c->peer);
	c->peer = NULL;
	if (r->pool.nidle < SP_IDLE_KEPT &&
	    c->out.replies.cap <= SP_SESSION_OUT_HIGH) {
		c->next = r->pool.idle;
		r->pool.idle = c;
		r->pool.nidle++;
	} else
		sp_connection_destroy(c);
	sp_receive_check_drained(r);
}

void
sp_connection_destroy(struct sp_connection *c)
{
	sp_machine_done(&c->machine);
	sp_buf_done(&c->out.replies);
	sp_buf_done(&c->out.in_flight);
	free(c);
}

struct sp_memory *
sp_connection_memory(const struct sp_connection *c)
{
	return (c->peer == NULL ? c->r->memory : sp_peers_memory(c->peer));
}

bool
sp_connection_charge(struct sp_connection *c)
{
	size_t n = SP_OWN_MEMORY + (c->l->tls == NULL ? 0 : SP_TLS_MEMORY);

	if (!sp_memory_charge(sp_connection_memory(c), n))
		return (false);
	c->charged = n;
	return (true);
}

void
sp_connection_discharge(struct sp_connection *c)
{
	if (c->charged > 0)
		sp_memory_discharge(sp_connection_memory(c), c->charged);
	c->charged = 0;
}

/* Free the input that the session did not accept. */
static void
drop_waiting(struct sp_connection *c)
{
	if (c->in.beyond_budget)
		free(c->in.waiting);
	else
		sp_memory_put(
		    sp_connection_memory(c), c->in.waiting, c->in.cap);
	c->in.waiting = NULL;
	c->in.at = c->in.n = c->in.cap = 0;
	c->in.beyond_budget = false;
}

/* What libuv was writing is written, or of no use. */
static void
drop_in_flight(struct sp_connection *c)
{
	sp_buf_done(&c->out.in_flight);
	if (c->out.charged > 0)
		sp_memory_discharge(sp_connection_memory(c), c->out.charged);
	c->out.charged = 0;
}

/* The handle is closed: uncount the connection, and free what needs a
 * socket. */
static void
on_close(uv_handle_t *h)
{
	struct sp_connection *c = h->data;

	c->end.handle_open = false;
	c->r->handles--;
	c->l->sessions--;
	c->l->closing--;
	c->r->stats.sessions--;
	c->r->pool.closing--;
	sp_peers_leave(c->peer, c->l->number);
	drop_in_flight(c);
	sp_buf_done(&c->arrival.bytes);
	sp_connection_tls_done(c);
	sp_connection_discharge(c);
	sp_connection_release(c);
}

/* A message that was half sent, and a handshake that was not finished, are
 * reported. */
void
sp_connection_drop(struct sp_connection *c)
{
	if (c->end.closing)
		return;
	c->end.closing = true;
	c->l->closing++;
	c->r->pool.closing++;
	if (sp_machine_state(&c->machine) == SP_SESSION_DATA)
		sp_connection_report_lost(c);
	if (c->arrival.stage == SP_STAGE_TLS && !c->tls.failed)
		sp_receive_log_tls_failed(
		    c, "TLS handshake: the peer closed the connection");
	drop_waiting(c);
	uv_close(&c->u.handle, on_close);
}

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status;
}

/* All is said.  After an error the peer gets time to read why: closing with its
 * bytes unread would reset the connection, and our reply with it. */
static void
finish_connection(struct sp_connection *c)
{
	if (sp_connection_tls_notify_close(c))
		return; /* comes here again when that is written */
	if (sp_machine_quit(&c->machine) || c->in.eof || c->end.broken) {
		sp_connection_drop(c);
		return;
	}
	if (c->end.lingering)
		return;
	c->end.lingering = true;
	c->clock.linger_until = uv_now(c->r->loop) + SP_LINGER_MS;
	drop_waiting(c);
	if (uv_shutdown(&c->out.shutdown, &c->u.stream, on_shutdown) != 0)
		sp_connection_drop(c);
	else
		sp_connection_advance(c);
}

/* ---- writing -------------------------------------------------------- */

/* libuv wrote the rest, or failed. */
static void
on_write(uv_write_t *req, int status)
{
	struct sp_connection *c = req->data;

	c->out.writing = false;
	if (c->end.closing)
		return;
	drop_in_flight(c);
	if (status != 0) {
		c->end.broken = true;
		sp_buf_clear(&c->out.replies);
	}
	sp_connection_advance(c);
}

/* Count the replies that the peer does not read, where they are more than
 * ordinary ones.  False: there is no memory for them. */
static bool
charge_in_flight(struct sp_connection *c)
{
	if (c->out.in_flight.cap <= SP_SESSION_OUT_HIGH)
		return (true);
	if (!sp_memory_charge(sp_connection_memory(c), c->out.in_flight.cap))
		return (false);
	c->out.charged = c->out.in_flight.cap;
	return (true);
}

/* Most replies fit into the socket at once; only what does not is given to
 * libuv, and until that is written no input is read. */
void
sp_connection_flush(struct sp_connection *c)
{
	struct sp_buf *wire;
	uv_buf_t b;
	int n = 0;

	if (c->out.writing)
		return;
	wire = sp_connection_output_buffer(c);
	if (c->end.broken || c->end.lingering)
		sp_buf_clear(wire);
	if (wire->n == 0)
		return;
	b = uv_buf_init(wire->p, (unsigned)wire->n);
	n = uv_try_write(&c->u.stream, &b, 1);
	if (n < 0 && n != UV_EAGAIN) {
		c->end.broken = true;
		sp_buf_clear(wire);
		return;
	}
	sp_buf_consume(wire, n < 0 ? 0 : (size_t)n);
	if (wire->n == 0) {
		/* The buffer of replies is kept for the next ones; that of
		 * ciphertext, which TLS has besides, is freed. */
		if (c->tls.session != NULL)
			sp_buf_done(wire);
		return;
	}
	c->out.in_flight = *wire;
	sp_buf_init(wire, c->out.in_flight.max);
	if (!charge_in_flight(c)) {
		c->end.broken = true;
		sp_buf_done(&c->out.in_flight);
		return;
	}
	b = uv_buf_init(c->out.in_flight.p, (unsigned)c->out.in_flight.n);
	c->out.write.data = c;
	c->clock.write_since = uv_now(c->r->loop);
	c->out.writing =
	    uv_write(&c->out.write, &c->u.stream, &b, 1, on_write) == 0;
	if (!c->out.writing)
		c->end.broken = true;
}

/* ---- committing ----------------------------------------------------- */

static void
report_accepted(struct sp_connection *c, const struct sp_append_item *item)
{
	struct sp_session_info i;

	sp_machine_info(&c->machine, &i);
	sp_receive_log_accepted(c->r, &i, item);
}

/* A message or event is durable or has failed: answer the peer, if it is still
 * there.  What was stored stays stored without it. */
static void
on_committed(
    struct sp_commit_job *job, enum sp_code code, const struct sp_err *err)
{
	struct sp_connection *c =
	    (void *)((char *)job - offsetof(struct sp_connection, commit.job));

	c->commit.open = false;
	(void)err;
	if (code == SP_OK)
		report_accepted(c, job->item);
	sp_machine_committed(&c->machine, code, &c->out.replies);
	if (!c->end.handle_open) {
		sp_buf_clear(&c->out.replies);
		sp_connection_release(c);
		return;
	}
	if (c->end.closing)
		return;
	c->clock.idle_since = uv_now(c->r->loop);
	sp_connection_advance(c);
}

/* The session waits for a commit: put its item into the queue, once. */
static void
begin_commit(struct sp_connection *c)
{
	if (c->commit.open)
		return;
	c->commit.open = true;
	c->clock.commit_since = uv_now(c->r->loop);
	c->commit.job.item = sp_machine_item(&c->machine);
	c->commit.job.guest = true;
	c->commit.job.done = on_committed;
	sp_commit_push(c->r->commit, &c->commit.job);
}

/* ---- reading -------------------------------------------------------- */

/* Where libuv reads to: one buffer for all connections, since the session takes
 * or copies the bytes at once.  Small reads leave less to copy. */
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

/* Where the budget is used up they are malloc'ed: they were read and cannot
 * be dropped, and are one read at most, since reading stops until they are
 * used. */
void
sp_connection_defer_input(struct sp_connection *c, const char *p, size_t n)
{
	assert(c->in.waiting == NULL);
	c->in.waiting = sp_memory_get(sp_connection_memory(c), n, &c->in.cap);
	if (c->in.waiting == NULL) {
		c->in.waiting = sp_xmalloc(n);
		c->in.beyond_budget = true;
	}
	memcpy(c->in.waiting, p, n);
	c->in.at = 0;
	c->in.n = n;
}

/* Acknowledge what came, at once.  An MTA writes small packets to its filter
 * and, by Nagle's rule, waits for the kernel's ACK of each before the next;
 * most get no answer of ours that would carry it. */
static void
acknowledge_now(struct sp_connection *c)
{
	uv_os_fd_t fd;
	int on = 1;

	if (!sp_machine_greets(&c->machine) &&
	    uv_fileno(&c->u.handle, &fd) == 0)
		(void)setsockopt(
		    fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

/* Bytes came, or the end, or an error. */
static void
on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct sp_connection *c = stream->data;
	size_t n = got > 0 ? (size_t)got : 0, used;

	if (got == 0 || c->end.closing)
		return;
	if (got < 0) {
		c->in.eof = true;
		c->end.broken = c->end.broken || got != UV_EOF;
		(void)uv_read_stop(stream);
		c->in.reading = false;
		sp_connection_advance(c);
		return;
	}
	if (c->end.lingering)
		return;
	acknowledge_now(c);
	c->clock.data_since = uv_now(c->r->loop);
	c->clock.window_bytes += n;
	/* update_reading() saw to that. */
	assert(c->in.waiting == NULL && !c->out.writing);
	if (c->arrival.stage == SP_STAGE_PROXY) {
		sp_connection_proxy(c, buf->base, n);
		return;
	}
	if (c->tls.session != NULL) {
		sp_tls_feed(c->tls.session, buf->base, n);
		sp_connection_advance(c);
		return;
	}
	used = sp_machine_input(&c->machine, buf->base, n, &c->out.replies);
	if (used < n && sp_machine_state(&c->machine) != SP_SESSION_CLOSING)
		sp_connection_defer_input(c, buf->base + used, n - used);
	sp_connection_advance(c);
}

/* Give the session the input that it did not accept before. */
static void
feed_waiting(struct sp_connection *c)
{
	size_t used;

	while (c->in.waiting != NULL && !c->out.writing) {
		used = sp_machine_input(&c->machine, c->in.waiting + c->in.at,
		    c->in.n - c->in.at, &c->out.replies);
		c->in.at += used;
		if (c->in.at == c->in.n)
			drop_waiting(c);
		sp_connection_flush(c);
		if (used == 0)
			return;
	}
}

/* Read on, or stop: nothing is read while input waits for the session, or
 * replies are being written. */
static void
update_reading(struct sp_connection *c)
{
	bool want =
	    !c->in.eof &&
	    (c->end.lingering || (c->in.waiting == NULL && !c->out.writing));

	if (want == c->in.reading)
		return;
	c->in.reading = want;
	if (!want)
		(void)uv_read_stop(&c->u.stream);
	else if (uv_read_start(&c->u.stream, on_alloc, on_read) != 0)
		sp_connection_drop(c);
}

/* STARTTLS was answered: the next byte is of the handshake.  Bytes that came
 * before the answer were refused by the session, or are still in the socket and
 * are no handshake. */
static void
start_tls(struct sp_connection *c)
{
	if (c->end.broken || c->in.eof)
		sp_connection_drop(c);
	else if (c->in.waiting == NULL && !c->out.writing &&
		 c->arrival.stage != SP_STAGE_TLS)
		sp_connection_tls_start(c);
}

/* First what can go out or in; then what the session waits for; then, if the
 * connection is not closing, read on or not. */
void
sp_connection_advance(struct sp_connection *c)
{
	enum sp_session_state state;

	sp_connection_flush(c);
	feed_waiting(c);
	sp_connection_tls_pump(c);
	state = sp_machine_state(&c->machine);
	if (state == SP_SESSION_COMMIT)
		begin_commit(c);
	else if (state == SP_SESSION_CHECK)
		sp_connection_check_login(c);
	else if (state == SP_SESSION_TLS)
		start_tls(c);
	else if (!c->end.broken && state == SP_SESSION_CLOSING &&
		 !c->out.writing && c->out.replies.n == 0 && !c->end.lingering)
		finish_connection(c);
	else if (c->end.broken ||
		 (c->in.eof && c->in.waiting == NULL && !c->out.writing))
		sp_connection_drop(c);
	if (!c->end.closing)
		update_reading(c);
}

void
sp_connection_drain(struct sp_connection *c)
{
	if (c->end.closing || c->end.lingering)
		return;
	sp_machine_drain(&c->machine, &c->out.replies);
	sp_connection_advance(c);
}
