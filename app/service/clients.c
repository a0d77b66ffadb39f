/*
 * The requests of commands on state/control (doc/door.md,
 * app/common/control.h).  The supervisor reads a line, checks who asks, and
 * passes it on to the worker that can do it, with an ID; the worker's reply
 * comes back through sp_clients_answer().
 *
 *   ACCEPTED -(line)-> IN WORK (id != 0) -(reply, or the worker ends)-> closed
 *
 * Everybody who may connect may ask for `status` and `alarms`, have a checkpoint kept and an
 * export signed; only the operators, root and the owner of the archive, may ask
 * for the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/service/child_priv.h"
#include "app/service/clients_priv.h"
#include "app/service/supervisor_alarms_priv.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time_text.h"

void
sp_clients_drop(struct sp_control_client *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->id = 0;
	sp_buf_done(&c->in);
}

/* Whether the peer is root, the owner of the archive, or the account that the
 * service runs as (by the kernel's word); ${uid} is who it is. */
static bool
is_operator(const struct sp_supervisor *s, int fd, uid_t *uid)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0 ||
	    stat(s->app->dir, &st) != 0)
		return (false);
	*uid = cred.uid;
	return (
	    cred.uid == 0 || cred.uid == st.st_uid || cred.uid == geteuid());
}

/* A free slot; else that of whoever has asked nothing for the longest time,
 * which is closed: idle connections must not keep commands out.  NULL: all of
 * them have a request in work. */
static struct sp_control_client *
find_slot(struct sp_supervisor *s)
{
	struct sp_control_client *idle = NULL;

	for (size_t i = 0; i < SP_CLIENTS_MAX; i++) {
		struct sp_control_client *c = &s->client[i];

		if (c->fd < 0)
			return (c);
		if (c->id == 0 && (idle == NULL || c->since < idle->since))
			idle = c;
	}
	if (idle != NULL)
		sp_clients_drop(idle);
	return (idle);
}

void
sp_clients_accept(struct sp_supervisor *s)
{
	int fd =
	    accept4(s->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct sp_control_client *c;

	if (fd < 0)
		return;
	c = find_slot(s);
	if (c == NULL) {
		(void)close(fd);
		return;
	}
	*c = (struct sp_control_client){
		.fd = fd, .since = sp_clock_boot(), .uid = (uid_t)-1
	};
	c->operator_ = is_operator(s, fd, &c->uid);
	sp_buf_init(&c->in, SP_CONTROL_MAX);
}

/* Answer the client and close its connection. */
static void
reply(struct sp_control_client *c, enum sp_code code, const char *text)
{
	struct sp_buf b;

	sp_buf_init(&b, SP_CONTROL_MAX + 64);
	sp_control_format(&b, code, text);
	(void)!sp_buf_addc(&b, '\n');
	(void)send(c->fd, b.p, b.n, MSG_NOSIGNAL);
	sp_buf_done(&b);
	sp_clients_drop(c);
}

/* Send ${text} to the worker of ${role}, whose reply is the client's. */
static void
forward(struct sp_supervisor *s, struct sp_control_client *c,
    enum sp_worker_role role, const char *text)
{
	c->id = ++s->last_id;
	c->role = role;
	if (!sp_child_send(s, role, c->id, text)) {
		char *why = sp_xasprintf(
		    "the %s worker is not running just now; see the log, and try again",
		    sp_worker_names[role]);

		reply(c, SP_EAGAIN, why);
		free(why);
	}
}

/* The JSON that `status` gets: the supervisor's part, with ${receive}, the
 * reply of that worker, and what the pull worker told last, where there is
 * any. */
static void
status_text(
    const struct sp_supervisor *s, struct sp_view receive, struct sp_buf *out)
{
	char time[SP_TIME_LEN + 1];
	struct sp_json j;

	sp_time_format(s->since, time);
	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_u64(&j, "pid", (uint64_t)getpid());
	sp_json_cstr(&j, "since", time);
	sp_json_arr(&j, "workers");
	for (size_t i = 0; i < SP_WORKERS; i++) {
		sp_json_obj(&j, NULL);
		sp_json_cstr(&j, "name", sp_worker_names[i]);
		sp_json_u64(&j, "pid", (uint64_t)s->child[i].pid);
		sp_json_u64(&j, "restarts", s->child[i].restarts);
		sp_json_obj_end(&j);
	}
	sp_json_arr_end(&j);
	sp_json_u64(&j, "alarms_begun", s->alarms->begun);
	if (receive.n > 0)
		sp_json_raw(&j, "receive", receive);
	if (s->pull_status != NULL)
		sp_json_raw(&j, "pull", sp_view_str(s->pull_status));
	sp_json_obj_end(&j);
	(void)!sp_json_end(&j);
}

static void
answer_status(struct sp_supervisor *s, struct sp_control_client *c,
    struct sp_view receive)
{
	struct sp_buf b;

	sp_buf_init(&b, SP_CONTROL_MAX / 2);
	status_text(s, receive, &b);
	reply(c, SP_OK, sp_buf_cstr(&b));
	sp_buf_done(&b);
}

/* Reload now; the client waits for the verdict. */
static void
answer_reload(struct sp_supervisor *s, struct sp_control_client *c)
{
	struct sp_err err;
	enum sp_code rc = sp_supervisor_reload(s, &err);

	reply(c, rc, rc == SP_OK ? "" : err.msg);
}

/* `canary TEXT`: a canary did not come back; without a text: it did. */
static void
on_canary(
    struct sp_supervisor *s, struct sp_control_client *c, const char *text)
{
	if (*text == '\0')
		sp_supervisor_alarms_end(s, "canary");
	else
		sp_supervisor_alarms_raise(
		    s, "canary", sp_view_str("canary"), 1, sp_view_str(text));
	reply(c, SP_OK, "");
}

/* The requests about alarms, which the supervisor answers itself; false: it is
 * none. */
static bool
on_alarm_request(
    struct sp_supervisor *s, struct sp_control_client *c, const char *line)
{
	struct sp_err err = { .msg = "" };
	struct sp_buf b;
	enum sp_code rc;

	if (strcmp(line, "alarms") == 0) {
		sp_buf_init(&b, SP_CONTROL_MAX - 64);
		sp_supervisor_alarms_list(s, &b);
		reply(c, SP_OK, sp_buf_cstr(&b));
		sp_buf_done(&b);
	} else if (!c->operator_) {
		return (false);
	} else if (strncmp(line, "acknowledge ", 12) == 0) {
		rc = sp_supervisor_alarms_acknowledge(
		    s, line + 12, c->uid, &err);
		reply(c, rc, rc == SP_OK ? "" : err.msg);
	} else if (strcmp(line, "canary") == 0 ||
		   strncmp(line, "canary ", 7) == 0) {
		on_canary(s, c, line[6] == '\0' ? "" : line + 7);
	} else {
		return (false);
	}
	return (true);
}

/* Who works on the request ${line}, and whether the client may ask for it. */
static void
on_request(struct sp_supervisor *s, struct sp_control_client *c, char *line)
{
	size_t word = strcspn(line, " ");

	if (on_alarm_request(s, c, line))
		return;
	if (strcmp(line, "status") == 0) {
		c->is_status = true;
		c->id = ++s->last_id;
		c->role = SP_WORKER_RECEIVE;
		if (!sp_child_send(s, SP_WORKER_RECEIVE, c->id, "status"))
			answer_status(s, c, sp_view_str(NULL));
	} else if (strcmp(line, "keep") == 0 ||
		   strncmp(line, "sign ", 5) == 0) {
		forward(s, c, SP_WORKER_SEAL, line);
	} else if (!c->operator_) {
		reply(c, SP_EPERM,
		    "only the owner of the archive and root may ask for that");
	} else if (strcmp(line, "reload") == 0) {
		answer_reload(s, c);
	} else if (strcmp(line, "seal") == 0) {
		c->then_pack = true;
		forward(s, c, SP_WORKER_RECEIVE, "rotate");
	} else if ((word == strlen("reindex") &&
		       strncmp(line, "reindex", word) == 0) ||
		   strncmp(line, "pulled ", strlen("pulled ")) == 0) {
		forward(s, c, SP_WORKER_INDEX, line);
	} else if (strncmp(line, "pull ", strlen("pull ")) == 0) {
		forward(s, c, SP_WORKER_PULL, line);
	} else {
		reply(c, SP_EUSAGE, "no such request");
	}
}

void
sp_clients_input(struct sp_supervisor *s, struct sp_control_client *c)
{
	char *at = sp_buf_reserve(&c->in, 4096), *end;
	ssize_t n;

	if (at == NULL) {
		reply(c, SP_ELIMIT, "the request is too long");
		return;
	}
	n = recv(c->fd, at, 4096, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		sp_clients_drop(c);
		return;
	}
	c->in.n += (size_t)n;
	end = memchr(c->in.p, '\n', c->in.n);
	if (end == NULL || c->id != 0)
		return;
	*end = '\0';
	on_request(s, c, c->in.p);
}

/* A `seal` is two requests: receive has rotated the intake log, now seal
 * packs. */
void
sp_clients_answer(struct sp_supervisor *s, uint64_t id, struct sp_view text)
{
	struct sp_buf body;
	struct sp_err err = { .msg = "" };
	enum sp_code rc;

	for (size_t i = 0; i < SP_CLIENTS_MAX; i++) {
		struct sp_control_client *c = &s->client[i];

		if (c->fd < 0 || c->id != id)
			continue;
		sp_buf_init(&body, SP_CONTROL_MAX);
		rc = sp_control_parse(text, &body, &err);
		if (rc != SP_OK)
			reply(c, rc, err.msg);
		else if (c->is_status)
			answer_status(s, c, sp_buf_view(&body));
		else if (c->then_pack) {
			c->then_pack = false;
			forward(s, c, SP_WORKER_SEAL, "pack");
		} else
			reply(c, SP_OK, sp_buf_cstr(&body));
		sp_buf_done(&body);
		return;
	}
}

void
sp_clients_fail(struct sp_supervisor *s, enum sp_worker_role role)
{
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++) {
		struct sp_control_client *c = &s->client[i];

		if (c->fd < 0 || c->id == 0 || c->role != role)
			continue;
		/* The supervisor's part of the status needs no worker. */
		if (c->is_status)
			answer_status(s, c, sp_view_str(NULL));
		else
			reply(c, SP_EAGAIN,
			    "a worker ended before it answered; see the log, and try again");
	}
}
