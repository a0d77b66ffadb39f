/*
 * One connection of the pipe (door_pipe_priv.h): the messages that it carries
 * are sent one behind the other without waiting for replies, and the replies,
 * four for each message, come in the same order.  door_pipe.c decides which
 * messages those are, and looks after the connection when poll(2) says so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/io.h"
#include "journal/door/door_pipe_priv.h"

#define TRIES_MAX 4 /* that one message is given to a connection */
#define REPLIES	  4 /* to SOURCE, MAIL, RCPT, BDAT */

struct sp_door_pipe_message *
sp_door_pipe_conn_message(
    struct sp_door_pipe *p, const struct sp_door_pipe_conn *c, size_t i)
{
	return (&p->ring[c->queue[(c->first + i) % SP_DOOR_PIPE_WINDOW]]);
}

enum sp_code
sp_door_pipe_conn_open(struct sp_door_pipe *p, struct sp_err *err)
{
	struct sp_door_pipe_conn *c = &p->conns[p->nconns];
	/* The first one is needed; without a further one it goes slower. */
	const struct sp_door_opts opts = { .at_once = p->nconns > 0,
		.waiting = p->opts.waiting,
		.ctx = p->opts.ctx };
	enum sp_code rc = sp_door_open(p->dir, &opts, &c->door, err);

	if (rc == SP_OK)
		p->nconns++;
	return (rc);
}

/*
 * The connection is over: close it.  Its messages wait again if the service
 * cannot have accepted them: ${refused} (421 says so), or it did not get all
 * of their bytes; after TRIES_MAX tries they are answered SP_EAGAIN instead.
 * A message that it got whole, without a word, is answered as well: nobody
 * knows.
 */
static void
conn_ended(struct sp_door_pipe *p, struct sp_door_pipe_conn *c, bool refused,
    const char *why)
{
	for (size_t i = 0; i < c->n; i++) {
		struct sp_door_pipe_message *a =
		    sp_door_pipe_conn_message(p, c, i);
		bool whole = a->sent == a->head.n + a->size;

		if (!refused && whole) {
			a->state = SP_DOOR_PIPE_ANSWERED;
			a->unknown = true;
			a->rc = sp_err_set(&a->err, SP_EAGAIN, 0, "%s", why);
		} else if (a->tries >= TRIES_MAX) {
			a->state = SP_DOOR_PIPE_ANSWERED;
			a->rc = sp_err_set(&a->err, SP_EAGAIN, 0,
			    "the service shut the door %u times: %s", a->tries,
			    why);
		} else {
			a->state = SP_DOOR_PIPE_WAITING;
			a->sent = 0;
			a->replies = 0;
			a->rc = SP_OK;
		}
	}
	c->first = c->n = 0;
	c->broken = false;
	(void)close(c->door->fd);
	c->door->fd = -1;
	sp_buf_clear(&c->door->in);
}

/* What is to be sent next of ${a}, up to a chunk, as ${iov}; ${tmp} has room
 * for it where it comes from a file. */
static enum sp_code
next_bytes(const struct sp_door_pipe_message *a, char *tmp, struct iovec iov[2],
    struct sp_err *err)
{
	uint64_t at = a->sent;
	enum sp_code rc = SP_OK;
	size_t n;

	iov[0] = iov[1] = (struct iovec){ NULL, 0 };
	if (at < a->head.n) {
		iov[0].iov_base = a->head.p + at;
		iov[0].iov_len = a->head.n - (size_t)at;
		at = a->head.n;
	}
	at -= a->head.n;
	n = a->size - at < SP_DOOR_PIPE_CHUNK ? (size_t)(a->size - at)
					      : SP_DOOR_PIPE_CHUNK;
	if (n == 0)
		return (SP_OK);
	if (a->fd < 0) {
		iov[1].iov_base = a->body.p + at;
	} else {
		rc = sp_io_pread(a->fd, tmp, n, at, &n, err);
		iov[1].iov_base = tmp;
		if (rc == SP_OK && n == 0)
			rc = sp_err_set(
			    err, SP_EIO, 0, "the temporary file lost bytes");
	}
	iov[1].iov_len = n;
	return (rc);
}

/* Send what the socket takes of one message; ${full}: it takes no more now. */
static enum sp_code
send_message(struct sp_door_pipe_conn *c, struct sp_door_pipe_message *a,
    bool *full, struct sp_err *err)
{
	struct iovec iov[2];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	char tmp[SP_DOOR_PIPE_CHUNK];
	ssize_t put;
	enum sp_code rc;

	*full = false;
	while (a->sent < a->head.n + a->size) {
		rc = next_bytes(a, tmp, iov, err);
		if (rc != SP_OK)
			return (rc);
		put = sendmsg(c->door->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put > 0) {
			a->sent += (uint64_t)put;
		} else if (put < 0 && errno == EINTR) {
			continue;
		} else {
			*full = true;
			c->broken = errno != EAGAIN && errno != EWOULDBLOCK;
			return (SP_OK);
		}
	}
	return (SP_OK);
}

enum sp_code
sp_door_pipe_conn_send(
    struct sp_door_pipe *p, struct sp_door_pipe_conn *c, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	bool full = false;

	for (size_t i = 0; rc == SP_OK && !full && !c->broken && i < c->n; i++)
		rc = send_message(
		    c, sp_door_pipe_conn_message(p, c, i), &full, err);
	return (rc);
}

/* Match the final line of a reply with the oldest message.  The first that is
 * no success is the cause of those that follow; the last of a success has the
 * number of the entry. */
static void
on_reply(struct sp_door_pipe *p, struct sp_door_pipe_conn *c)
{
	struct sp_view line = sp_buf_view(&c->door->line);
	struct sp_door_pipe_message *a = sp_door_pipe_conn_message(p, c, 0);
	enum sp_code bad = sp_view_starts(line, "552")	    ? SP_ELIMIT
			   : line.n > 0 && line.p[0] == '5' ? SP_EPERM
							    : SP_EAGAIN;

	a->replies++;
	if (line.n == 0 || line.p[0] != '2') {
		if (a->rc == SP_OK)
			a->rc = sp_err_set(&a->err, bad, 0,
			    "the service answered: %.*s", (int)line.n, line.p);
	} else if (a->replies == REPLIES && a->rc == SP_OK) {
		a->rc = sp_door_reply_seq(c->door, &a->seq, &a->err);
		a->unknown = a->rc != SP_OK;
	}
	if (a->replies < REPLIES)
		return;
	a->state = SP_DOOR_PIPE_ANSWERED;
	c->first = (c->first + 1) % SP_DOOR_PIPE_WINDOW;
	c->n--;
}

/*
 * Cut a whole line off what was read, into d->line; false: there is none yet.
 */
static bool
next_line(struct sp_door *d)
{
	char *end = d->in.n == 0 ? NULL : memchr(d->in.p, '\n', d->in.n);
	size_t n;

	if (end == NULL)
		return (false);
	n = (size_t)(end - d->in.p) + 1;
	sp_buf_clear(&d->line);
	if (sp_buf_addv(&d->line, sp_view_trim(sp_view_mem(d->in.p, n))) !=
	    SP_OK)
		return (false);
	sp_buf_consume(&d->in, n);
	return (true);
}

/* Handle all whole lines that were read; false: the connection is over. */
static bool
read_replies(struct sp_door_pipe *p, struct sp_door_pipe_conn *c)
{
	struct sp_door *d = c->door;

	while (next_line(d)) {
		if (d->line.n > 3 && d->line.p[3] == '-')
			continue;
		if (sp_view_starts(sp_buf_view(&d->line), "421")) {
			char *why = sp_view_dup(sp_buf_view(&d->line));

			conn_ended(p, c, true, why);
			free(why);
			return (false);
		}
		if (c->n == 0) {
			conn_ended(p, c, true, "an answer to nothing");
			return (false);
		}
		on_reply(p, c);
	}
	return (true);
}

/* An endless line ends the connection like a broken one. */
void
sp_door_pipe_conn_read(struct sp_door_pipe *p, struct sp_door_pipe_conn *c)
{
	for (;;) {
		char *at = sp_buf_reserve(&c->door->in, 1024);
		ssize_t got;

		if (at == NULL) {
			conn_ended(p, c, false,
			    "the service sent an endless reply line");
			return;
		}
		got = recv(c->door->fd, at, 1024, MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (got <= 0) {
			conn_ended(p, c, false,
			    "the service went away before it answered");
			return;
		}
		c->door->in.n += (size_t)got;
		if (!read_replies(p, c))
			return;
	}
}
