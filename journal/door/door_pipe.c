/*
 * Many messages at once through state/door (door_pipe.h): the messages in
 * hand, which connection carries which, and their answers in order.  Bytes
 * move in door_pipe_conn.c.  The states of a message are in door_pipe_priv.h;
 * in one round (advance) they go:
 *
 *	assign_waiting	WAITING messages to the connection with the least to do
 *	transfer	bytes out, replies in; what was not accepted waits again
 *	report_answers	ANSWERED ones, as long as the oldest is one
 *
 * The messages in hand are a ring in the order of begin.
 */
#include "journal/door/door_pipe.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>

#include "base/io.h"
#include "journal/door/door_pipe_priv.h"
#include "journal/door/unix_socket.h"

#define CONNECTIONS	32 /* unless the caller says otherwise */
#define CONNECTIONS_MAX 64
#define MEMORY		(32u << 20) /* the same: bytes of bodies */
#define SPOOL_AT	(1u << 20) /* a longer body goes to a file */

/* The ${i}-th message in hand, the oldest first. */
static struct sp_door_pipe_message *
message_at(struct sp_door_pipe *p, size_t i)
{
	return (&p->ring[(p->first + i) % p->opts.window]);
}

/* Free what a message holds. */
static void
message_done(struct sp_door_pipe *p, struct sp_door_pipe_message *a)
{
	p->memory -= a->body.n;
	sp_buf_done(&a->head);
	sp_buf_done(&a->body);
	(void)sp_io_close(a->fd, NULL);
	a->fd = -1;
}

/* ---- a round ------------------------------------------------------------ */

/* The connection with the fewest messages, a new one while all are busy;
 * connected anew where it was closed.  NULL, with SP_OK: all are full. */
static enum sp_code
choose_conn(
    struct sp_door_pipe *p, struct sp_door_pipe_conn **out, struct sp_err *err)
{
	struct sp_door_pipe_conn *best = NULL;
	enum sp_code rc;

	for (unsigned i = 0; i < p->nconns; i++) {
		struct sp_door_pipe_conn *c = &p->conns[i];

		if (!c->broken && c->n < SP_DOOR_PIPE_WINDOW &&
		    (best == NULL || c->n < best->n))
			best = c;
	}
	if ((best == NULL || best->n > 0) && p->nconns < p->max_conns) {
		if (sp_door_pipe_conn_open(p, err) == SP_OK)
			best = &p->conns[p->nconns - 1];
		else
			p->max_conns = p->nconns; /* we get no more of them */
	}
	*out = best;
	if (best == NULL || best->door->fd >= 0)
		return (SP_OK);
	rc = sp_door_reconnect(best->door, err);
	return (rc == SP_ENOTFOUND
		    ? sp_err_set(err, SP_EAGAIN, 0,
			  "the service went away; run the command again")
		    : rc);
}

/* Give the messages that wait to connections, and send what goes. */
static enum sp_code
assign_waiting(struct sp_door_pipe *p, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < p->n; i++) {
		struct sp_door_pipe_message *a = message_at(p, i);
		struct sp_door_pipe_conn *c;

		if (a->state != SP_DOOR_PIPE_WAITING)
			continue;
		rc = choose_conn(p, &c, err);
		if (rc != SP_OK || c == NULL)
			return (rc);
		c->queue[(c->first + c->n++) % SP_DOOR_PIPE_WINDOW] =
		    (p->first + i) % p->opts.window;
		a->state = SP_DOOR_PIPE_SENT;
		a->tries++;
		rc = sp_door_pipe_conn_send(p, c, err);
	}
	return (rc);
}

/* Report answers in order: the oldest message first, while it has one. */
static enum sp_code
report_answers(struct sp_door_pipe *p, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && p->n > 0 &&
	       message_at(p, 0)->state == SP_DOOR_PIPE_ANSWERED) {
		struct sp_door_pipe_message *a = message_at(p, 0);
		struct sp_door_answer answer = { .tag = a->tag,
			.rc = a->rc,
			.unknown = a->unknown,
			.seq = a->seq,
			.err = &a->err };

		message_done(p, a);
		p->first = (p->first + 1) % p->opts.window;
		p->n--;
		rc = p->opts.answer(p->opts.ctx, &answer, err);
	}
	return (rc);
}

/* Whether the connection has bytes that wait for the socket. */
static bool
has_unsent(struct sp_door_pipe *p, const struct sp_door_pipe_conn *c)
{
	const struct sp_door_pipe_message *a;

	if (c->n == 0 || c->broken)
		return (false);
	a = sp_door_pipe_conn_message(p, c, c->n - 1);
	return (a->sent < a->head.n + a->size);
}

/* Move bytes of all connections; with ${wait} not before something can be
 * moved. */
static enum sp_code
transfer(struct sp_door_pipe *p, bool wait, struct sp_err *err)
{
	struct pollfd fds[CONNECTIONS_MAX];
	enum sp_code rc = SP_OK;
	nfds_t n = 0;
	int got;

	for (unsigned i = 0; i < p->nconns; i++) {
		struct sp_door_pipe_conn *c = &p->conns[i];

		fds[n++] = (struct pollfd){ .fd = c->door->fd,
			.events = (short)(POLLIN |
					  (has_unsent(p, c) ? POLLOUT : 0)) };
	}
	got = poll(fds, n, wait ? SP_UNIX_SOCKET_SECONDS * 1000 : 0);
	if (got == 0 && wait)
		return (sp_err_set(err, SP_EAGAIN, 0,
		    "the service does not answer; run the command again"));
	if (got <= 0)
		return (SP_OK);
	for (unsigned i = 0; rc == SP_OK && i < p->nconns; i++) {
		struct sp_door_pipe_conn *c = &p->conns[i];

		if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
			sp_door_pipe_conn_read(p, c);
		if (c->door->fd >= 0)
			rc = sp_door_pipe_conn_send(p, c, err);
	}
	return (rc);
}

/* One round; with ${wait} it waits for the service. */
static enum sp_code
advance(struct sp_door_pipe *p, bool wait, struct sp_err *err)
{
	enum sp_code rc = assign_waiting(p, err);

	if (rc == SP_OK)
		rc = transfer(p, wait, err);
	if (rc == SP_OK)
		rc = assign_waiting(p, err);
	return (rc == SP_OK ? report_answers(p, err) : rc);
}

/* ---- the caller's side -------------------------------------------------- */

/* The first connection is opened at once, so that a service that is not there
 * is known before the first message. */
enum sp_code
sp_door_pipe_open(const char *dir, const struct sp_door_pipe_opts *opts,
    struct sp_door_pipe **out, struct sp_err *err)
{
	struct sp_door_pipe *p = sp_xcalloc(1, sizeof(*p));
	enum sp_code rc;

	p->opts = *opts;
	p->dir = sp_xstrdup(dir);
	if (p->opts.window == 0 || p->opts.window > SP_DOOR_PIPE_WINDOW)
		p->opts.window = SP_DOOR_PIPE_WINDOW;
	if (p->opts.memory == 0)
		p->opts.memory = MEMORY;
	p->max_conns = p->opts.connections == 0 ? CONNECTIONS
		       : p->opts.connections > CONNECTIONS_MAX
			   ? CONNECTIONS_MAX
			   : p->opts.connections;
	p->conns = sp_xcalloc(p->max_conns, sizeof(*p->conns));
	p->ring = sp_xcalloc(p->opts.window, sizeof(*p->ring));
	rc = sp_door_pipe_conn_open(p, err);
	if (rc == SP_OK)
		*out = p;
	else
		sp_door_pipe_close(p);
	return (rc);
}

/* Waits for answers while the window is full or bodies fill the memory. */
enum sp_code
sp_door_pipe_begin(struct sp_door_pipe *p, struct sp_view source, void *tag,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	struct sp_door_pipe_message *a;

	assert(!p->filling);
	while (rc == SP_OK &&
	       (p->n == p->opts.window || p->memory >= p->opts.memory))
		rc = advance(p, true, err);
	if (rc != SP_OK)
		return (rc);
	a = message_at(p, p->n);
	*a = (struct sp_door_pipe_message){
		.state = SP_DOOR_PIPE_FILLING, .tag = tag, .fd = -1
	};
	sp_buf_init(&a->head, SP_DOOR_REQUEST_MAX + 256);
	sp_buf_init(&a->body, SPOOL_AT + SP_DOOR_PIPE_CHUNK);
	rc = sp_door_format_command(&a->head, "SOURCE", source, err);
	if (rc == SP_OK && a->head.n > SP_DOOR_REQUEST_MAX)
		rc =
		    sp_err_set(err, SP_ELIMIT, 0, "the provenance is too long");
	if (rc != SP_OK) {
		sp_buf_done(&a->head);
		return (rc);
	}
	p->n++;
	p->filling = true;
	return (SP_OK);
}

/* Move the body from memory to an unnamed temporary file. */
static enum sp_code
spool(
    struct sp_door_pipe *p, struct sp_door_pipe_message *a, struct sp_err *err)
{
	const char *tmp = getenv("TMPDIR");
	enum sp_code rc;

	rc = sp_io_tmpfile(tmp == NULL ? "/tmp" : tmp, &a->fd, err);
	if (rc != SP_OK)
		return (rc);
	rc = sp_io_pwrite(a->fd, a->body.p, a->body.n, 0, err);
	p->memory -= a->body.n;
	sp_buf_done(&a->body);
	return (rc);
}

enum sp_code
sp_door_pipe_data(
    struct sp_door_pipe *p, struct sp_view bytes, struct sp_err *err)
{
	struct sp_door_pipe_message *a = message_at(p, p->n - 1);
	enum sp_code rc = SP_OK;

	assert(p->filling);
	if (bytes.n == 0)
		return (SP_OK);
	if (a->fd < 0 && bytes.n > SPOOL_AT - a->body.n)
		rc = spool(p, a, err);
	if (rc == SP_OK && a->fd >= 0) {
		rc = sp_io_pwrite(a->fd, bytes.p, bytes.n, a->size, err);
	} else if (rc == SP_OK) {
		rc = sp_buf_addv(&a->body, bytes);
		p->memory += rc == SP_OK ? bytes.n : 0;
		if (rc != SP_OK)
			rc = sp_err_set(err, rc, 0, "no memory");
	}
	if (rc == SP_OK)
		a->size += bytes.n;
	return (rc);
}

enum sp_code
sp_door_pipe_end(struct sp_door_pipe *p, struct sp_err *err)
{
	struct sp_door_pipe_message *a = message_at(p, p->n - 1);

	assert(p->filling);
	if (sp_buf_addf(&a->head,
		"MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<import@local>\r\n"
		"BDAT %llu LAST\r\n",
		(unsigned long long)a->size) != SP_OK) {
		sp_door_pipe_abort(p);
		return (sp_err_set(
		    err, SP_ELIMIT, 0, "the provenance is too long"));
	}
	a->state = SP_DOOR_PIPE_WAITING;
	p->filling = false;
	return (advance(p, false, err));
}

void
sp_door_pipe_abort(struct sp_door_pipe *p)
{
	if (!p->filling)
		return;
	message_done(p, message_at(p, p->n - 1));
	p->filling = false;
	p->n--;
}

enum sp_code
sp_door_pipe_flush(struct sp_door_pipe *p, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	assert(!p->filling);
	while (rc == SP_OK && p->n > 0)
		rc = advance(
		    p, message_at(p, 0)->state != SP_DOOR_PIPE_ANSWERED, err);
	return (rc);
}

void
sp_door_pipe_close(struct sp_door_pipe *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		message_done(p, message_at(p, i));
	for (unsigned i = 0; i < p->nconns; i++)
		sp_door_close(p->conns[i].door);
	free(p->conns);
	free(p->ring);
	free(p->dir);
	free(p);
}
