/*
 * States of a parcel:
 *
 *	FILLING -> WAITING -> SENT -> ANSWERED
 *		      ^--------'  the door was shut before it was taken
 */
#include "journal/door/door_pipe.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "journal/door/door_priv.h"

#define LANES	  32
#define LANES_MAX 64
#define WINDOW	  256
#define MEMORY	  (32u << 20)
#define KEEP_MAX  (1u << 20) /* more of one message goes to a file */
#define CHUNK	  (64u << 10)
#define TRIES	  4 /* that one message is handed over */
#define REPLIES	  4 /* SOURCE, MAIL, RCPT, BDAT */

enum state { FILLING, WAITING, SENT, ANSWERED };

struct parcel {
	enum state state;
	void *tag;
	struct sp_buf head; /* the commands, BDAT last */
	struct sp_buf body; /* while small */
	int fd; /* the body in a file, or -1 */
	uint64_t size; /* of the body */
	uint64_t sent; /* of head and body */
	unsigned replies;
	unsigned tries;
	enum sp_code rc;
	bool unknown;
	uint64_t seq;
	struct sp_err err;
};

struct lane {
	struct sp_door *door;
	bool deaf; /* takes no more bytes; may still answer */
	size_t queue[WINDOW]; /* slots, in order of sending */
	size_t first, n;
};

struct sp_door_pipe {
	struct sp_door_pipe_opts o;
	char *dir;
	struct lane *lane;
	unsigned nlanes, max_lanes;
	struct parcel *ring;
	size_t first, n; /* parcels in hand, the one being filled included */
	uint64_t kept; /* bytes of bodies in memory */
	bool filling;
};

static struct parcel *
parcel(struct sp_door_pipe *p, size_t i)
{
	return (&p->ring[(p->first + i) % p->o.window]);
}

static void
parcel_done(struct sp_door_pipe *p, struct parcel *a)
{
	p->kept -= a->body.n;
	sp_buf_done(&a->head);
	sp_buf_done(&a->body);
	(void)sp_io_close(a->fd, NULL);
	a->fd = -1;
}

/* ---- a lane ------------------------------------------------------------- */

static struct parcel *
lane_parcel(struct sp_door_pipe *p, const struct lane *l, size_t i)
{
	return (&p->ring[l->queue[(l->first + i) % WINDOW]]);
}

static enum sp_code
lane_open(struct sp_door_pipe *p, struct sp_err *err)
{
	struct lane *l = &p->lane[p->nlanes];
	enum sp_code rc = sp_door_open(p->dir, &l->door, err);

	if (rc == SP_OK)
		p->nlanes++;
	return (rc);
}

/* Its parcels wait again if they cannot have been taken. */
static void
lane_shut(struct sp_door_pipe *p, struct lane *l, bool said, const char *why)
{
	for (size_t i = 0; i < l->n; i++) {
		struct parcel *a = lane_parcel(p, l, i);
		bool whole = a->sent == a->head.n + a->size;

		if (!said && whole) {
			a->state = ANSWERED;
			a->unknown = true;
			a->rc = sp_err_set(&a->err, SP_EAGAIN, 0, "%s", why);
		} else if (a->tries >= TRIES) {
			a->state = ANSWERED;
			a->rc = sp_err_set(&a->err, SP_EAGAIN, 0,
			    "the service shut the door %u times: %s", a->tries,
			    why);
		} else {
			a->state = WAITING;
			a->sent = 0;
			a->replies = 0;
			a->rc = SP_OK;
		}
	}
	l->first = l->n = 0;
	l->deaf = false;
	(void)close(l->door->fd);
	l->door->fd = -1;
	sp_buf_clear(&l->door->in);
}

/* Up to CHUNK bytes of what is to be sent of ${a}. */
static enum sp_code
next_bytes(
    const struct parcel *a, char *tmp, struct iovec iov[2], struct sp_err *err)
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
	n = a->size - at < CHUNK ? (size_t)(a->size - at) : CHUNK;
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

/* Send what the socket takes of the one parcel. */
static enum sp_code
send_some(struct lane *l, struct parcel *a, bool *full, struct sp_err *err)
{
	struct iovec iov[2];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	char tmp[CHUNK];
	ssize_t put;
	enum sp_code rc;

	*full = false;
	while (a->sent < a->head.n + a->size) {
		rc = next_bytes(a, tmp, iov, err);
		if (rc != SP_OK)
			return (rc);
		put = sendmsg(l->door->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put > 0) {
			a->sent += (uint64_t)put;
		} else if (put < 0 && errno == EINTR) {
			continue;
		} else {
			*full = true;
			l->deaf = errno != EAGAIN && errno != EWOULDBLOCK;
			return (SP_OK);
		}
	}
	return (SP_OK);
}

static enum sp_code
lane_send(struct sp_door_pipe *p, struct lane *l, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	bool full = false;

	for (size_t i = 0; rc == SP_OK && !full && !l->deaf && i < l->n; i++)
		rc = send_some(l, lane_parcel(p, l, i), &full, err);
	return (rc);
}

/* The final line of one reply. */
static void
lane_reply(struct sp_door_pipe *p, struct lane *l)
{
	struct sp_view line = sp_buf_view(&l->door->line);
	struct parcel *a = lane_parcel(p, l, 0);
	enum sp_code bad = sp_view_starts(line, "552")	    ? SP_ELIMIT
			   : line.n > 0 && line.p[0] == '5' ? SP_EPERM
							    : SP_EAGAIN;

	a->replies++;
	/* The first that is no yes is the cause of those that follow. */
	if (line.n == 0 || line.p[0] != '2') {
		if (a->rc == SP_OK)
			a->rc = sp_err_set(&a->err, bad, 0,
			    "the service answered: %.*s", (int)line.n, line.p);
	} else if (a->replies == REPLIES && a->rc == SP_OK) {
		a->rc = sp_door_seq(l->door, &a->seq, &a->err);
		a->unknown = a->rc != SP_OK;
	}
	if (a->replies < REPLIES)
		return;
	a->state = ANSWERED;
	l->first = (l->first + 1) % WINDOW;
	l->n--;
}

/* One line out of what was read; false: none is whole yet. */
static bool
lane_line(struct sp_door *d)
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

static bool
lane_lines(struct sp_door_pipe *p, struct lane *l)
{
	struct sp_door *d = l->door;

	while (lane_line(d)) {
		if (d->line.n > 3 && d->line.p[3] == '-')
			continue;
		if (sp_view_starts(sp_buf_view(&d->line), "421")) {
			char *why = sp_view_dup(sp_buf_view(&d->line));

			lane_shut(p, l, true, why);
			free(why);
			return (false);
		}
		if (l->n == 0) {
			lane_shut(p, l, true, "an answer to nothing");
			return (false);
		}
		lane_reply(p, l);
	}
	return (true);
}

static void
lane_read(struct sp_door_pipe *p, struct lane *l)
{
	for (;;) {
		char *at = sp_buf_reserve(&l->door->in, 1024);
		ssize_t got;

		if (at == NULL) {
			lane_shut(p, l, false,
			    "the service sent an endless reply line");
			return;
		}
		got = recv(l->door->fd, at, 1024, MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (got <= 0) {
			lane_shut(p, l, false,
			    "the service went away before it answered");
			return;
		}
		l->door->in.n += (size_t)got;
		if (!lane_lines(p, l))
			return;
	}
}

/* ---- all of them -------------------------------------------------------- */

/* The lane with the fewest parcels; a new one while all are busy. */
static enum sp_code
choose(struct sp_door_pipe *p, struct lane **out, struct sp_err *err)
{
	struct lane *best = NULL;
	enum sp_code rc;

	for (unsigned i = 0; i < p->nlanes; i++) {
		struct lane *l = &p->lane[i];

		if (!l->deaf && l->n < WINDOW &&
		    (best == NULL || l->n < best->n))
			best = l;
	}
	if ((best == NULL || best->n > 0) && p->nlanes < p->max_lanes) {
		if (lane_open(p, err) == SP_OK)
			best = &p->lane[p->nlanes - 1];
		else
			p->max_lanes = p->nlanes; /* it takes no more of us */
	}
	*out = best;
	if (best == NULL || best->door->fd >= 0)
		return (SP_OK);
	rc = sp_door_knock(best->door, err);
	return (rc == SP_ENOTFOUND
		    ? sp_err_set(err, SP_EAGAIN, 0,
			  "the service went away; run the command again")
		    : rc);
}

static enum sp_code
hand_over(struct sp_door_pipe *p, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < p->n; i++) {
		struct parcel *a = parcel(p, i);
		struct lane *l;

		if (a->state != WAITING)
			continue;
		rc = choose(p, &l, err);
		if (rc != SP_OK || l == NULL)
			return (rc);
		l->queue[(l->first + l->n++) % WINDOW] =
		    (p->first + i) % p->o.window;
		a->state = SENT;
		a->tries++;
		rc = lane_send(p, l, err);
	}
	return (rc);
}

static enum sp_code
collect(struct sp_door_pipe *p, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && p->n > 0 && parcel(p, 0)->state == ANSWERED) {
		struct parcel *a = parcel(p, 0);
		struct sp_door_answer answer = { .tag = a->tag,
			.rc = a->rc,
			.unknown = a->unknown,
			.seq = a->seq,
			.err = &a->err };

		parcel_done(p, a);
		p->first = (p->first + 1) % p->o.window;
		p->n--;
		rc = p->o.answer(p->o.ctx, &answer, err);
	}
	return (rc);
}

static bool
unsent(struct sp_door_pipe *p, const struct lane *l)
{
	const struct parcel *a;

	if (l->n == 0 || l->deaf)
		return (false);
	a = lane_parcel(p, l, l->n - 1);
	return (a->sent < a->head.n + a->size);
}

/* Move bytes; with ${wait} until something happened. */
static enum sp_code
turn(struct sp_door_pipe *p, bool wait, struct sp_err *err)
{
	struct pollfd fds[LANES_MAX];
	enum sp_code rc = SP_OK;
	nfds_t n = 0;
	int got;

	for (unsigned i = 0; i < p->nlanes; i++) {
		struct lane *l = &p->lane[i];

		fds[n++] = (struct pollfd){ .fd = l->door->fd,
			.events =
			    (short)(POLLIN | (unsent(p, l) ? POLLOUT : 0)) };
	}
	got = poll(fds, n, wait ? SP_DOOR_WAIT_SECONDS * 1000 : 0);
	if (got == 0 && wait)
		return (sp_err_set(err, SP_EAGAIN, 0,
		    "the service does not answer; run the command again"));
	if (got <= 0)
		return (SP_OK);
	for (unsigned i = 0; rc == SP_OK && i < p->nlanes; i++) {
		struct lane *l = &p->lane[i];

		if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
			lane_read(p, l);
		if (l->door->fd >= 0)
			rc = lane_send(p, l, err);
	}
	return (rc);
}

static enum sp_code
pump(struct sp_door_pipe *p, bool wait, struct sp_err *err)
{
	enum sp_code rc = hand_over(p, err);

	if (rc == SP_OK)
		rc = turn(p, wait, err);
	if (rc == SP_OK)
		rc = hand_over(p, err);
	return (rc == SP_OK ? collect(p, err) : rc);
}

/* ---- the caller's side -------------------------------------------------- */

enum sp_code
sp_door_pipe_open(const char *dir, const struct sp_door_pipe_opts *opts,
    struct sp_door_pipe **out, struct sp_err *err)
{
	struct sp_door_pipe *p = sp_xcalloc(1, sizeof(*p));
	enum sp_code rc;

	p->o = *opts;
	p->dir = sp_xstrdup(dir);
	if (p->o.window == 0 || p->o.window > WINDOW)
		p->o.window = WINDOW;
	if (p->o.memory == 0)
		p->o.memory = MEMORY;
	p->max_lanes = p->o.lanes == 0		? LANES
		       : p->o.lanes > LANES_MAX ? LANES_MAX
						: p->o.lanes;
	p->lane = sp_xcalloc(p->max_lanes, sizeof(*p->lane));
	p->ring = sp_xcalloc(p->o.window, sizeof(*p->ring));
	rc = lane_open(p, err);
	if (rc == SP_OK)
		*out = p;
	else
		sp_door_pipe_close(p);
	return (rc);
}

enum sp_code
sp_door_pipe_begin(struct sp_door_pipe *p, struct sp_view source, void *tag,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	struct parcel *a;

	assert(!p->filling);
	while (rc == SP_OK && (p->n == p->o.window || p->kept >= p->o.memory))
		rc = pump(p, true, err);
	if (rc != SP_OK)
		return (rc);
	a = parcel(p, p->n);
	*a = (struct parcel){ .state = FILLING, .tag = tag, .fd = -1 };
	sp_buf_init(&a->head, SP_DOOR_REQUEST_MAX + 256);
	sp_buf_init(&a->body, KEEP_MAX + CHUNK);
	rc = sp_door_private(&a->head, "SOURCE", source, err);
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

static enum sp_code
spool(struct sp_door_pipe *p, struct parcel *a, struct sp_err *err)
{
	const char *tmp = getenv("TMPDIR");
	enum sp_code rc;

	rc = sp_io_tmpfile(tmp == NULL ? "/tmp" : tmp, &a->fd, err);
	if (rc != SP_OK)
		return (rc);
	rc = sp_io_pwrite(a->fd, a->body.p, a->body.n, 0, err);
	p->kept -= a->body.n;
	sp_buf_done(&a->body);
	return (rc);
}

enum sp_code
sp_door_pipe_data(
    struct sp_door_pipe *p, struct sp_view bytes, struct sp_err *err)
{
	struct parcel *a = parcel(p, p->n - 1);
	enum sp_code rc = SP_OK;

	assert(p->filling);
	if (bytes.n == 0)
		return (SP_OK);
	if (a->fd < 0 && bytes.n > KEEP_MAX - a->body.n)
		rc = spool(p, a, err);
	if (rc == SP_OK && a->fd >= 0) {
		rc = sp_io_pwrite(a->fd, bytes.p, bytes.n, a->size, err);
	} else if (rc == SP_OK) {
		rc = sp_buf_addv(&a->body, bytes);
		p->kept += rc == SP_OK ? bytes.n : 0;
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
	struct parcel *a = parcel(p, p->n - 1);

	assert(p->filling);
	if (sp_buf_addf(&a->head,
		"MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<import@local>\r\n"
		"BDAT %llu LAST\r\n",
		(unsigned long long)a->size) != SP_OK) {
		sp_door_pipe_abort(p);
		return (sp_err_set(
		    err, SP_ELIMIT, 0, "the provenance is too long"));
	}
	a->state = WAITING;
	p->filling = false;
	return (pump(p, false, err));
}

void
sp_door_pipe_abort(struct sp_door_pipe *p)
{
	if (!p->filling)
		return;
	parcel_done(p, parcel(p, p->n - 1));
	p->filling = false;
	p->n--;
}

enum sp_code
sp_door_pipe_flush(struct sp_door_pipe *p, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	assert(!p->filling);
	while (rc == SP_OK && p->n > 0)
		rc = pump(p, parcel(p, 0)->state != ANSWERED, err);
	return (rc);
}

void
sp_door_pipe_close(struct sp_door_pipe *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		parcel_done(p, parcel(p, i));
	for (unsigned i = 0; i < p->nlanes; i++)
		sp_door_close(p->lane[i].door);
	free(p->lane);
	free(p->ring);
	free(p->dir);
	free(p);
}
