/*
 * The two ends of state/control (doc/door.md): a command asks the running
 * service here, and the supervisor and the workers write their reply lines with
 * sp_control_format().  Both ends are in one file, so that a line that one
 * writes is what the other reads.
 */
#include "app/common/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "journal/door/unix_socket.h"

void
sp_control_format(struct sp_buf *out, enum sp_code code, const char *text)
{
	if (code == SP_OK)
		(void)!sp_buf_addf(out, "ok %s", text);
	else
		(void)!sp_buf_addf(out, "err %d %s", (int)code, text);
}

enum sp_code
sp_control_parse(struct sp_view line, struct sp_buf *reply, struct sp_err *err)
{
	struct sp_view rest = sp_view_trim(line);
	struct sp_view word = sp_view_cut(&rest, ' '), code;
	uint64_t v;

	sp_buf_clear(reply);
	if (sp_view_eq_str(word, "ok")) {
		if (sp_buf_addv(reply, rest) != SP_OK)
			return (sp_err_set(
			    err, SP_ELIMIT, 0, "the reply is too long"));
		return (SP_OK);
	}
	code = sp_view_cut(&rest, ' ');
	if (!sp_view_eq_str(word, "err") || !sp_view_u64(code, &v) || v == 0 ||
	    v > SP_EAGAIN)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "the service gave an answer that is none: %.*s",
		    (int)line.n, line.p));
	return (
	    sp_err_set(err, (enum sp_code)v, 0, "%.*s", (int)rest.n, rest.p));
}

/* Send the request line on the connected socket ${fd} and read into ${in} up to
 * the line end of the reply.  SP_EAGAIN: the service ended, or takes no request
 * now. */
static enum sp_code
exchange(int fd, const char *request, struct sp_buf *in, struct sp_err *err)
{
	size_t n = strlen(request);

	/* No time-out: sealing and indexing take as long as they take. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO,
	    &(struct timeval){ .tv_sec = 0 }, sizeof(struct timeval));
	if (send(fd, request, n, MSG_NOSIGNAL) != (ssize_t)n ||
	    send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
		return (sp_err_set(err, SP_EAGAIN, errno,
		    "the service does not take requests; try again"));
	for (;;) {
		char *at = sp_buf_reserve(in, 4096);
		ssize_t got;

		if (at == NULL)
			return (sp_err_set(
			    err, SP_ELIMIT, 0, "the reply is too long"));
		got = recv(fd, at, 4096, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return (
			    sp_err_set(err, SP_EIO, errno, "state/control"));
		in->n += (size_t)got;
		if (in->n > 0 && in->p[in->n - 1] == '\n')
			return (SP_OK);
		if (got == 0)
			return (sp_err_set(err, SP_EAGAIN, 0,
			    "the service ended before it answered; look at its log and try again"));
	}
}

enum sp_code
sp_control_ask(const char *dir, const char *request, struct sp_buf *reply,
    struct sp_err *err)
{
	struct sp_buf in;
	enum sp_code rc;
	int fd;

	rc = sp_local_connect(dir, "state/control", &fd, err);
	if (rc != SP_OK)
		return (rc);
	sp_buf_init(&in, SP_CONTROL_MAX);
	rc = exchange(fd, request, &in, err);
	if (rc == SP_OK)
		rc = sp_control_parse(sp_buf_view(&in), reply, err);
	(void)close(fd);
	sp_buf_done(&in);
	return (rc);
}
