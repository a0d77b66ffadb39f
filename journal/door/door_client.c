/*
 * Client of state/door (door_client.h): one connection, events, and what the
 * pipe (door_pipe.c) shares of it: connecting, formatting a private command,
 * finding the number in a reply.  It speaks LMTP with XSEALPOST (doc/door.md):
 *
 *	connect, 220, LHLO, 250 --> XSEALPOST EVENT, 250 seq=N --> ...
 */
#include "journal/door/door_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/json.h"
#include "journal/door/door_priv.h"
#include "journal/door/unix_socket.h"

#define SETTLE_TRIES 600 /* a minute */
#define SETTLE_US    100000
#define REPLY_MAX    8192 /* bytes of a reply */
#define WAIT_SECONDS 30 /* a reload lets sessions end, others may */
#define PAUSE_US     200000 /* between two tries */
#define TRIES	     (WAIT_SECONDS * 1000000 / PAUSE_US)
#define NOTICE_AFTER (1000000 / PAUSE_US) /* tries, before somebody is told */

/* Send all bytes. */
static enum sp_code
send_all(struct sp_door *d, const char *p, size_t n, struct sp_err *err)
{
	while (n > 0) {
		ssize_t put = send(d->fd, p, n, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return (sp_err_set(err, SP_EAGAIN, errno,
			    "the service went away; run the command again"));
		p += put;
		n -= (size_t)put;
	}
	return (SP_OK);
}

/* Read the next reply line into d->line, without its line end. */
static enum sp_code
read_line(struct sp_door *d, struct sp_err *err)
{
	for (;;) {
		char *end =
		    d->in.n == 0 ? NULL : memchr(d->in.p, '\n', d->in.n);
		char *at;
		ssize_t got;

		if (end != NULL) {
			size_t n = (size_t)(end - d->in.p) + 1;

			sp_buf_clear(&d->line);
			if (sp_buf_addv(&d->line,
				sp_view_trim(sp_view_mem(d->in.p, n))) != SP_OK)
				break;
			sp_buf_consume(&d->in, n);
			return (SP_OK);
		}
		at = sp_buf_reserve(&d->in, 1024);
		if (at == NULL)
			break;
		got = recv(d->fd, at, 1024, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (sp_err_set(err, SP_EAGAIN, got < 0 ? errno : 0,
			    "the service went away before it answered; run the command again"));
		d->in.n += (size_t)got;
	}
	return (sp_err_set(
	    err, SP_ELIMIT, 0, "the service sent an endless reply line"));
}

/* Read one whole reply, its last line in d->line.  SP_OK for 2xx and 3xx,
 * SP_EPERM for 5xx, else SP_EAGAIN. */
static enum sp_code
read_reply(struct sp_door *d, struct sp_err *err)
{
	enum sp_code rc;

	do {
		rc = read_line(d, err);
		if (rc != SP_OK)
			return (rc);
	} while (d->line.n > 3 && d->line.p[3] == '-');
	if (d->line.n >= 3 && (d->line.p[0] == '2' || d->line.p[0] == '3'))
		return (SP_OK);
	return (sp_err_set(err,
	    d->line.n > 0 && d->line.p[0] == '5' ? SP_EPERM : SP_EAGAIN, 0,
	    "the service answered: %.*s", (int)d->line.n, d->line.p));
}

enum sp_code
sp_door_reply_seq(const struct sp_door *d, uint64_t *seq, struct sp_err *err)
{
	const char *at = memmem(d->line.p, d->line.n, "seq=", strlen("seq="));
	struct sp_view rest;

	if (at != NULL) {
		at += strlen("seq=");
		rest = sp_view_mem(at, d->line.n - (size_t)(at - d->line.p));
		if (sp_view_u64(sp_view_cut(&rest, ' '), seq))
			return (SP_OK);
	}
	return (sp_err_set(err, SP_EFORMAT, 0,
	    "the service answered without a sequence number: %.*s",
	    (int)d->line.n, d->line.p));
}

/* Connect, read the greeting, and say LHLO. */
static enum sp_code
start_session(struct sp_door *d, struct sp_err *err)
{
	enum sp_code rc;

	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
	sp_buf_clear(&d->in);
	rc = sp_unix_socket_connect(d->dir, "state/door", &d->fd, err);
	if (rc == SP_OK)
		rc = read_reply(d, err);
	if (rc == SP_OK)
		rc = send_all(
		    d, "LHLO local\r\n", strlen("LHLO local\r\n"), err);
	if (rc == SP_OK)
		rc = read_reply(d, err);
	return (rc);
}

/* After try ${i} the service still says ${err}: pause, and tell whoever waits,
 * once. */
static void
pause_before_next(const struct sp_door *d, int i, const struct sp_err *err)
{
	if (i == NOTICE_AFTER && d->opts.waiting != NULL)
		d->opts.waiting(d->opts.ctx, err->msg);
	(void)usleep(PAUSE_US);
}

/* All tries were in vain: say so, with what the service said last. */
static enum sp_code
gave_up(struct sp_err *err)
{
	struct sp_err last = *err;

	return (sp_err_set(err, SP_EAGAIN, 0,
	    "gave up after %d seconds: %s; run the command again later",
	    WAIT_SECONDS, last.msg));
}

enum sp_code
sp_door_reconnect(struct sp_door *d, struct sp_err *err)
{
	enum sp_code rc = start_session(d, err);

	if (d->opts.at_once)
		return (rc);
	for (int i = 0; i < TRIES && rc == SP_EAGAIN; i++) {
		pause_before_next(d, i, err);
		rc = start_session(d, err);
	}
	return (rc == SP_EAGAIN ? gave_up(err) : rc);
}

enum sp_code
sp_door_open(const char *dir, const struct sp_door_opts *opts,
    struct sp_door **out, struct sp_err *err)
{
	struct sp_door *d = sp_xcalloc(1, sizeof(*d));
	enum sp_code rc;

	d->fd = -1;
	d->dir = sp_xstrdup(dir);
	if (opts != NULL)
		d->opts = *opts;
	sp_buf_init(&d->in, REPLY_MAX);
	sp_buf_init(&d->line, REPLY_MAX);
	rc = sp_door_reconnect(d, err);
	if (rc != SP_OK) {
		sp_door_close(d);
		return (rc);
	}
	d->opts.at_once = false;
	*out = d;
	return (SP_OK);
}

/* Read the answer to a request and its number ${seq}.  421 says that the
 * request was not accepted, so it may be sent again; the silence of a broken
 * connection says nothing, so it must not. */
static enum sp_code
read_verdict(struct sp_door *d, uint64_t *seq, struct sp_err *err)
{
	enum sp_code rc = read_reply(d, err);

	d->not_accepted = rc == SP_EAGAIN && d->line.n >= 3 &&
			  memcmp(d->line.p, "421", 3) == 0;
	return (rc == SP_OK ? sp_door_reply_seq(d, seq, err) : rc);
}

enum sp_code
sp_door_format_command(
    struct sp_buf *b, const char *what, struct sp_view json, struct sp_err *err)
{
	if (sp_buf_addf(b, "XSEALPOST %s ", what) != SP_OK ||
	    sp_b64_append(b, json.p, json.n) != SP_OK ||
	    sp_buf_adds(b, "\r\n") != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%zu bytes of detail are too many for one request",
		    json.n));
	return (SP_OK);
}

/* Send the command of an event and read the answer.  A command that did not go
 * out whole was not accepted. */
static enum sp_code
send_event(struct sp_door *d, struct sp_view command, uint64_t *seq,
    struct sp_err *err)
{
	enum sp_code rc = send_all(d, command.p, command.n, err);

	d->not_accepted = rc == SP_EAGAIN;
	return (rc == SP_OK ? read_verdict(d, seq, err) : rc);
}

/* Ask once: SP_OK, or SP_EAGAIN with the answer in d->line, if there was one. */
static enum sp_code
ask_settled(struct sp_door *d, struct sp_err *err)
{
	static const char ask[] = "XSEALPOST SETTLED\r\n";
	enum sp_code rc;

	sp_buf_clear(&d->line);
	rc = send_all(d, ask, sizeof(ask) - 1, err);
	return (rc == SP_OK ? read_reply(d, err) : rc);
}

enum sp_code
sp_door_wait_settled(struct sp_door *d, bool (*is_stopped)(void *ctx),
    void *ctx, struct sp_err *err)
{
	enum sp_code rc = SP_EAGAIN;

	for (int i = 0; rc == SP_EAGAIN && i < SETTLE_TRIES; i++) {
		if (i > 0)
			(void)usleep(SETTLE_US);
		if (is_stopped(ctx))
			return (
			    sp_err_set(err, SP_EINTERRUPT, 0, "interrupted"));
		/* Anything but 450 is the end of this connection. */
		if (i > 0 &&
		    (d->line.n < 3 || memcmp(d->line.p, "450", 3) != 0)) {
			rc = sp_door_reconnect(d, err);
			if (rc != SP_OK)
				continue;
		}
		rc = ask_settled(d, err);
	}
	return (rc);
}

/* As send_event(), again while the service has had too many events of this user
 * (450), which it then did not accept. */
static enum sp_code
send_event_patiently(struct sp_door *d, struct sp_view command, uint64_t *seq,
    struct sp_err *err)
{
	enum sp_code rc = send_event(d, command, seq, err);

	for (int i = 0; i < TRIES && rc == SP_EAGAIN && d->line.n >= 3 &&
			memcmp(d->line.p, "450", 3) == 0;
	     i++) {
		pause_before_next(d, i, err);
		sp_buf_clear(&d->line);
		rc = send_event(d, command, seq, err);
		if (rc == SP_EAGAIN && i == TRIES - 1)
			return (gave_up(err));
	}
	return (rc);
}

/* Append the command of an event, XSEALPOST EVENT, to ${command}. */
static enum sp_code
format_event(struct sp_buf *command, const char *name, struct sp_view detail,
    struct sp_err *err)
{
	struct sp_buf b;
	struct sp_json j;
	enum sp_code rc;

	sp_buf_init(&b, SP_DOOR_REQUEST_MAX);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "event", name);
	sp_json_raw(&j, "detail", detail);
	sp_json_obj_end(&j);
	rc = sp_json_end(&j);
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0, "the event is too large");
	if (rc == SP_OK)
		rc = sp_door_format_command(
		    command, "EVENT", sp_buf_view(&b), err);
	sp_buf_done(&b);
	return (rc);
}

enum sp_code
sp_door_event(struct sp_door *d, const char *name, struct sp_view detail,
    uint64_t *seq, struct sp_err *err)
{
	struct sp_buf command;
	enum sp_code rc;

	sp_buf_init(&command, SP_DOOR_REQUEST_MAX);
	rc = format_event(&command, name, detail, err);
	sp_buf_clear(&d->line);
	if (rc == SP_OK)
		rc = send_event_patiently(d, sp_buf_view(&command), seq, err);
	if (rc == SP_EAGAIN && d->not_accepted) {
		rc = sp_door_reconnect(d, err);
		if (rc == SP_OK)
			rc = send_event_patiently(
			    d, sp_buf_view(&command), seq, err);
	}
	sp_buf_done(&command);
	return (rc);
}

void
sp_door_close(struct sp_door *d)
{
	if (d == NULL)
		return;
	if (d->fd >= 0)
		(void)close(d->fd);
	sp_buf_done(&d->in);
	sp_buf_done(&d->line);
	free(d->dir);
	free(d);
}
