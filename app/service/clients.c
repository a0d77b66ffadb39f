/* state/control: requests of commands, passed on to the worker concerned. */
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

#include "app/service/supervisor_priv.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time_text.h"

void
sp_clients_drop(struct sp_client *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->id = 0;
	sp_buf_done(&c->in);
}

/* root and the owner of the archive may change things. */
static bool
is_operator(const struct sp_super *s, int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0 ||
	    stat(s->app->dir, &st) != 0)
		return (false);
	return (
	    cred.uid == 0 || cred.uid == st.st_uid || cred.uid == geteuid());
}

/* A free place; else that of whoever has asked nothing for the longest time:
 * idle connections must not keep commands out. */
static struct sp_client *
find_place(struct sp_super *s)
{
	struct sp_client *idle = NULL;

	for (size_t i = 0; i < SP_CLIENTS_MAX; i++) {
		struct sp_client *c = &s->client[i];

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
sp_clients_accept(struct sp_super *s)
{
	int fd =
	    accept4(s->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct sp_client *c;

	if (fd < 0)
		return;
	c = find_place(s);
	if (c == NULL) {
		(void)close(fd);
		return;
	}
	*c = (struct sp_client){ .fd = fd,
		.since = sp_clock_boot(),
		.operator_ = is_operator(s, fd) };
	sp_buf_init(&c->in, SP_CONTROL_MAX);
}

static void
reply(struct sp_client *c, enum sp_code code, const char *text)
{
	struct sp_buf b;

	sp_buf_init(&b, SP_CONTROL_MAX + 64);
	sp_control_format(&b, code, text);
	(void)!sp_buf_addc(&b, '\n');
	(void)send(c->fd, b.p, b.n, MSG_NOSIGNAL);
	sp_buf_done(&b);
	sp_clients_drop(c);
}

static void
pass_on(struct sp_super *s, struct sp_client *c, enum sp_role role,
    const char *text)
{
	c->id = ++s->last_id;
	c->role = role;
	if (!sp_child_send(s, role, c->id, text)) {
		char *why = sp_xasprintf(
		    "the %s worker is not running just now; see the log, and try again",
		    sp_role_names[role]);

		reply(c, SP_EAGAIN, why);
		free(why);
	}
}

static void
status_text(
    const struct sp_super *s, struct sp_view receive, struct sp_buf *out)
{
	char time[SP_TIME_LEN + 1];
	struct sp_json j;

	sp_time_format(s->since, time);
	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_u64(&j, "pid", (uint64_t)getpid());
	sp_json_cstr(&j, "since", time);
	sp_json_arr(&j, "workers");
	for (size_t i = 0; i < SP_ROLES; i++) {
		sp_json_obj(&j, NULL);
		sp_json_cstr(&j, "name", sp_role_names[i]);
		sp_json_u64(&j, "pid", (uint64_t)s->child[i].pid);
		sp_json_u64(&j, "restarts", s->child[i].restarts);
		sp_json_obj_end(&j);
	}
	sp_json_arr_end(&j);
	sp_json_u64(&j, "alarms", s->alarms);
	if (s->alarms > 0)
		sp_json_cstr(&j, "last_alarm", s->last_alarm);
	if (receive.n > 0)
		sp_json_raw(&j, "receive", receive);
	if (s->pull_status != NULL)
		sp_json_raw(&j, "pull", sp_view_str(s->pull_status));
	sp_json_obj_end(&j);
	(void)!sp_json_end(&j);
}

static void
answer_status(struct sp_super *s, struct sp_client *c, struct sp_view receive)
{
	struct sp_buf b;

	sp_buf_init(&b, SP_CONTROL_MAX / 2);
	status_text(s, receive, &b);
	reply(c, SP_OK, sp_buf_cstr(&b));
	sp_buf_done(&b);
}

static void
request(struct sp_super *s, struct sp_client *c, char *line)
{
	size_t word = strcspn(line, " ");

	if (strcmp(line, "status") == 0) {
		c->is_status = true;
		c->id = ++s->last_id;
		c->role = SP_ROLE_RECEIVE;
		if (!sp_child_send(s, SP_ROLE_RECEIVE, c->id, "status"))
			answer_status(s, c, sp_view_str(NULL));
	} else if (strcmp(line, "keep") == 0 ||
		   strncmp(line, "sign ", 5) == 0) {
		pass_on(s, c, SP_ROLE_SEAL, line);
	} else if (!c->operator_) {
		reply(c, SP_EPERM,
		    "only the owner of the archive and root may ask for that");
	} else if (strcmp(line, "seal") == 0) {
		c->then_pack = true;
		pass_on(s, c, SP_ROLE_RECEIVE, "rotate");
	} else if ((word == strlen("reindex") &&
		       strncmp(line, "reindex", word) == 0) ||
		   strncmp(line, "pulled ", strlen("pulled ")) == 0) {
		pass_on(s, c, SP_ROLE_INDEX, line);
	} else if (strncmp(line, "pull ", strlen("pull ")) == 0) {
		pass_on(s, c, SP_ROLE_PULL, line);
	} else {
		reply(c, SP_EUSAGE, "no such request");
	}
}

void
sp_clients_input(struct sp_super *s, struct sp_client *c)
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
	request(s, c, c->in.p);
}

void
sp_clients_answer(struct sp_super *s, uint64_t id, struct sp_view text)
{
	struct sp_buf body;
	struct sp_err err = { .msg = "" };
	enum sp_code rc;

	for (size_t i = 0; i < SP_CLIENTS_MAX; i++) {
		struct sp_client *c = &s->client[i];

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
			pass_on(s, c, SP_ROLE_SEAL, "pack");
		} else
			reply(c, SP_OK, sp_buf_cstr(&body));
		sp_buf_done(&body);
		return;
	}
}

void
sp_clients_fail(struct sp_super *s, enum sp_role role)
{
	for (size_t i = 0; i < SP_CLIENTS_MAX; i++) {
		struct sp_client *c = &s->client[i];

		if (c->fd < 0 || c->id == 0 || c->role != role)
			continue;
		/* The rest of the status can be said without it. */
		if (c->is_status)
			answer_status(s, c, sp_view_str(NULL));
		else
			reply(c, SP_EAGAIN,
			    "a worker ended before it answered; see the log, and try again");
	}
}
