#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/json.h"
#include "journal/door/door_priv.h"

#define REPLY_MAX 8192
#define TRIES	  150 /* half a minute: a reload lets sessions end */
#define PAUSE_US  200000

enum sp_code
sp_local_address(
    const char *path, struct sockaddr_un *out, int *dirfd, struct sp_err *err)
{
	int n = (int)strlen(path);
	struct sp_err why;
	const char *base;
	enum sp_code rc;
	char *dir;

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*dirfd = -1;
	if ((size_t)n < sizeof(out->sun_path)) {
		memcpy(out->sun_path, path, (size_t)n + 1);
		return (SP_OK);
	}
	dir = sp_io_parent(path, &base);
	rc = sp_io_open(dir, O_PATH | O_DIRECTORY, 0, dirfd, &why);
	free(dir);
	if (rc != SP_OK)
		return (sp_err_set(err, why.errnum == EACCES ? SP_EPERM : rc,
		    why.errnum, "%s: cannot open its directory", path));
	n = snprintf(out->sun_path, sizeof(out->sun_path),
	    "/proc/self/fd/%d/%s", *dirfd, base);
	assert(n > 0 && (size_t)n < sizeof(out->sun_path));
	return (SP_OK);
}

static enum sp_code
connect_to(int s, const char *path, struct sp_err *err)
{
	struct sockaddr_un sa;
	int dirfd = -1;
	enum sp_code rc = sp_local_address(path, &sa, &dirfd, err);

	if (rc == SP_OK && connect(s, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		rc = sp_err_set(err,
		    errno == ENOENT || errno == ECONNREFUSED ? SP_ENOTFOUND
		    : errno == EACCES			     ? SP_EPERM
							     : SP_EIO,
		    errno, "%s: cannot reach the service", path);
	if (dirfd >= 0)
		(void)close(dirfd);
	return (rc);
}

enum sp_code
sp_local_connect(const char *dir, const char *name, int *fd, struct sp_err *err)
{
	char *path = sp_xasprintf("%s/%s", dir, name);
	struct timeval wait = { .tv_sec = SP_DOOR_WAIT_SECONDS };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum sp_code rc = SP_OK;

	if (s < 0) {
		rc = sp_err_set(err, SP_EIO, errno, "%s: socket", path);
	} else {
		(void)setsockopt(
		    s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		(void)setsockopt(
		    s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		rc = connect_to(s, path, err);
	}
	if (rc == SP_OK)
		*fd = s;
	else if (s >= 0)
		(void)close(s);
	free(path);
	return (rc);
}

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

/* One whole reply; SP_OK for 2xx and 3xx. */
static enum sp_code
reply(struct sp_door *d, struct sp_err *err)
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
sp_door_seq(const struct sp_door *d, uint64_t *seq, struct sp_err *err)
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

static enum sp_code
greet(struct sp_door *d, struct sp_err *err)
{
	enum sp_code rc;

	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
	sp_buf_clear(&d->in);
	rc = sp_local_connect(d->dir, "state/door", &d->fd, err);
	if (rc == SP_OK)
		rc = reply(d, err);
	if (rc == SP_OK)
		rc = send_all(
		    d, "LHLO local\r\n", strlen("LHLO local\r\n"), err);
	if (rc == SP_OK)
		rc = reply(d, err);
	return (rc);
}

enum sp_code
sp_door_knock(struct sp_door *d, struct sp_err *err)
{
	enum sp_code rc = greet(d, err);

	for (int i = 0; i < TRIES && rc == SP_EAGAIN; i++) {
		(void)usleep(PAUSE_US);
		rc = greet(d, err);
	}
	return (rc);
}

enum sp_code
sp_door_open(const char *dir, struct sp_door **out, struct sp_err *err)
{
	struct sp_door *d = sp_xcalloc(1, sizeof(*d));
	enum sp_code rc;

	d->fd = -1;
	d->dir = sp_xstrdup(dir);
	sp_buf_init(&d->in, REPLY_MAX);
	sp_buf_init(&d->line, REPLY_MAX);
	rc = sp_door_knock(d, err);
	if (rc != SP_OK) {
		sp_door_close(d);
		return (rc);
	}
	*out = d;
	return (SP_OK);
}

/* The last word to a request: 421 says that it was not taken.  Silence says
 * nothing, so it is not asked again. */
static enum sp_code
verdict(struct sp_door *d, uint64_t *seq, struct sp_err *err)
{
	enum sp_code rc = reply(d, err);

	d->shut = rc == SP_EAGAIN && d->line.n >= 3 &&
		  memcmp(d->line.p, "421", 3) == 0;
	return (rc == SP_OK ? sp_door_seq(d, seq, err) : rc);
}

enum sp_code
sp_door_private(
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

static enum sp_code
send_private(struct sp_door *d, const char *what, struct sp_view json,
    struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, SP_DOOR_REQUEST_MAX);
	rc = sp_door_private(&b, what, json, err);
	if (rc == SP_OK)
		rc = send_all(d, b.p, b.n, err);
	sp_buf_done(&b);
	return (rc);
}

static enum sp_code
event(struct sp_door *d, struct sp_view json, uint64_t *seq, struct sp_err *err)
{
	enum sp_code rc = send_private(d, "EVENT", json, err);

	d->shut = rc == SP_EAGAIN;
	return (rc == SP_OK ? verdict(d, seq, err) : rc);
}

enum sp_code
sp_door_settled(struct sp_door *d, struct sp_err *err)
{
	static const char ask[] = "XSEALPOST SETTLED\r\n";
	enum sp_code rc = send_all(d, ask, sizeof(ask) - 1, err);

	return (rc == SP_OK ? reply(d, err) : rc);
}

enum sp_code
sp_door_event(struct sp_door *d, const char *name, struct sp_view detail,
    uint64_t *seq, struct sp_err *err)
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
		rc = event(d, sp_buf_view(&b), seq, err);
	if (rc == SP_EAGAIN && d->shut) {
		rc = sp_door_knock(d, err);
		if (rc == SP_OK)
			rc = event(d, sp_buf_view(&b), seq, err);
	}
	sp_buf_done(&b);
	return (rc);
}

static enum sp_code
deliver(struct sp_door *d, struct sp_view source, struct sp_view msg,
    uint64_t *seq, struct sp_err *err)
{
	static const char mail[] = "MAIL FROM:<> BODY=BINARYMIME\r\n"
				   "RCPT TO:<import@local>\r\n";
	char *bdat = sp_xasprintf("BDAT %zu LAST\r\n", msg.n);
	enum sp_code rc;

	rc = send_private(d, "SOURCE", source, err);
	if (rc == SP_OK)
		rc = send_all(d, mail, sizeof(mail) - 1, err);
	for (int i = 0; rc == SP_OK && i < 3; i++)
		rc = reply(d, err);
	if (rc == SP_OK)
		rc = send_all(d, bdat, strlen(bdat), err);
	/* All of it must have gone out before it can be taken. */
	if (rc == SP_OK)
		rc = send_all(d, msg.p, msg.n, err);
	d->shut = rc == SP_EAGAIN;
	if (rc == SP_OK)
		rc = verdict(d, seq, err);
	free(bdat);
	return (rc);
}

enum sp_code
sp_door_message(struct sp_door *d, struct sp_view source, struct sp_view msg,
    uint64_t *seq, struct sp_err *err)
{
	enum sp_code rc = deliver(d, source, msg, seq, err);

	if (rc == SP_EAGAIN && d->shut) {
		rc = sp_door_knock(d, err);
		if (rc == SP_OK)
			rc = deliver(d, source, msg, seq, err);
	}
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
