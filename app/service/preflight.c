/*
 * Preflight: accounts, groups and what belongs together, and the process that
 * looks at the rest.  That one becomes the archive's account, since root can
 * read what the workers cannot, and has keys in its memory then, which the
 * caller's must never have; what it finds comes back by a socket, one message
 * for each line.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/service/preflight_priv.h"
#include "base/buf.h"
#include "journal/receive/listener_certs.h"

/* A finding on its way from the child. */
struct preflight_message {
	enum sp_preflight_grade grade;
	char text[SP_ERR_MAX];
};

void
sp_preflight_say(const struct sp_preflight_look *p,
    enum sp_preflight_grade grade, const char *section, const char *title,
    const char *option, const char *fmt, ...)
{
	const unsigned line = sp_config_line(p->cfg, section, title, option);
	struct sp_err text;
	char what[SP_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	/* for its care with bytes and long paths */
	if (line > 0)
		(void)sp_err_set(&text, SP_ECONFIG, 0, "%s:%u: %s",
		    p->cfg->path, line, what);
	else
		(void)sp_err_set(
		    &text, SP_ECONFIG, 0, "%s: %s", p->cfg->path, what);
	p->report(p->ctx, grade, text.msg);
}

/* ---- accounts and groups ------------------------------------------------- */

/* The account exists and owns the archive; false: nothing can be looked at with
 * its rights. */
static bool
look_at_user(struct sp_preflight_look *p)
{
	struct sp_err err;
	struct stat st;
	struct passwd *pw =
	    p->cfg->user != NULL && (geteuid() == 0 || p->dir != NULL)
		? getpwnam(p->cfg->user)
		: getpwuid(geteuid());

	p->account = (struct sp_account){ .uid = geteuid(), .gid = getegid() };
	if (pw == NULL && p->cfg->user != NULL &&
	    getpwnam(p->cfg->user) == NULL) {
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "", "", "user",
		    "there is no user \"%s\" on this host; make it (adduser --system --group %s) or change `user`",
		    p->cfg->user, p->cfg->user);
		return (false);
	}
	if (p->dir == NULL) {
		if (pw != NULL) {
			(void)snprintf(p->account.name, sizeof(p->account.name),
			    "%s", pw->pw_name);
			p->account.uid = pw->pw_uid;
			p->account.gid = pw->pw_gid;
			p->account.other = geteuid() == 0 && pw->pw_uid != 0;
		}
		return (true);
	}
	if (sp_account_find(p->dir, p->cfg, &p->account, &err) != SP_OK) {
		p->report(p->ctx, SP_PREFLIGHT_STOPS, err.msg);
		return (false);
	}
	p->stranger = geteuid() != 0 && geteuid() != p->account.uid;
	if (p->cfg->user != NULL && stat(p->dir, &st) == 0 &&
	    st.st_uid != p->account.uid) {
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "", "", "user",
		    "the archive %s does not belong to user \"%s\", which could not write to it; change `user`, or give it the archive (chown -R %s)",
		    p->dir, p->cfg->user, p->cfg->user);
		return (false);
	}
	return (true);
}

/* Whether this process could give a file to the group. */
static bool
may_give_to(gid_t gid)
{
	gid_t groups[256];
	int n;

	if (geteuid() == 0 || getegid() == gid)
		return (true);
	n = getgroups((int)SP_COUNTOF(groups), groups);
	for (int i = 0; i < n; i++) {
		if (groups[i] == gid)
			return (true);
	}
	return (n < 0);
}

/* A group that sockets are given to: it exists, and we may. */
static void
look_at_group(const struct sp_preflight_look *p, const char *name,
    const char *section, const char *title, const char *option)
{
	const struct group *gr = name == NULL ? NULL : getgrnam(name);

	if (name != NULL && gr == NULL)
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, section, title, option,
		    "there is no group \"%s\" on this host; make it (addgroup --system %s) or change `%s`",
		    name, name, option);
	else if (gr != NULL && !p->stranger && !may_give_to(gr->gr_gid))
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, section, title, option,
		    "user %s is no member of group \"%s\" and cannot give a socket to it; add it (adduser %s %s) and restart, or name the group in SupplementaryGroups= of the unit",
		    p->account.name, name, p->account.name, name);
}

static void
look_at_groups(const struct sp_preflight_look *p)
{
	look_at_group(p, p->cfg->group, "", "", "group");
	for (size_t i = 0; i < p->cfg->nlisten; i++) {
		const struct sp_listen *l = &p->cfg->listen[i];

		look_at_group(
		    p, l->socket_group, "listen", l->name, "socket_group");
	}
}

/* What options promise that others must keep. */
static void
look_at_sections(const struct sp_preflight_look *p)
{
	const struct sp_config *c = p->cfg;
	struct statvfs fs;

	if (c->canary_address != NULL && c->submit_server == NULL)
		sp_preflight_say(p, SP_PREFLIGHT_LATER, "canary", "", "address",
		    "a canary needs a server to send by; expected submit { server = \"HOST:PORT\" from = ADDRESS }");
	if (p->dir == NULL || statvfs(p->dir, &fs) != 0)
		return;
	if ((uint64_t)fs.f_bavail * fs.f_frsize < c->disk_reserve)
		sp_preflight_say(p, SP_PREFLIGHT_NOTE, "", "", "disk_reserve",
		    "less space is free than disk_reserve says: mail is put off (452) until there is more");
}

/* ---- with the rights of the account ---------------------------------------- */

static void
on_certificate_note(void *ctx, const char *text)
{
	const struct sp_preflight_look *p = ctx;

	p->report(p->ctx, SP_PREFLIGHT_NOTE, text);
}

/* The certificates and keys of all listeners, as a start would load them. */
static void
look_at_certificates(struct sp_preflight_look *p)
{
	struct sp_listener_certs *certs = NULL;
	struct sp_err err;
	enum sp_code rc;

	rc = sp_listener_certs_open(p->cfg, &certs, &err);
	if (rc == SP_OK)
		rc = sp_listener_certs_check(
		    certs, p->cfg, on_certificate_note, p, &err);
	/* What systemd gives to the service's main process alone cannot be
	 * looked at by ExecReload=; the service itself will. */
	if (rc != SP_OK)
		p->report(p->ctx,
		    geteuid() != 0 && strstr(err.msg, "/run/credentials/")
			? SP_PREFLIGHT_NOTE
			: SP_PREFLIGHT_STOPS,
		    err.msg);
	sp_listener_certs_close(certs);
}

/* Send what is found to the parent, which waits for it. */
static void
send_finding(void *ctx, enum sp_preflight_grade grade, const char *text)
{
	struct preflight_message m = { .grade = grade };
	const int *fd = ctx;

	(void)snprintf(m.text, sizeof(m.text), "%s", text);
	if (send(*fd, &m, sizeof(m), MSG_NOSIGNAL) < 0)
		_exit(1);
}

/* The child: never returns. */
static void
look_from_child(struct sp_preflight_look *p, bool start, int fd)
{
	p->report = send_finding;
	p->ctx = &fd;
	if (start) {
		look_at_certificates(p);
		sp_preflight_bind(p);
	}
	sp_preflight_secrets(p);
	if (!sp_account_become(&p->account))
		_exit(1);
	sp_preflight_files(p);
	_exit(0);
}

/* Pass on what the child finds; it is over when the child is. */
static void
look_in_child(struct sp_preflight_look *p, bool start)
{
	struct preflight_message m;
	int ends[2], status = -1;
	pid_t pid;

	(void)fflush(NULL);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		p->report(p->ctx, SP_PREFLIGHT_STOPS,
		    "cannot look at the files (socketpair)");
		return;
	}
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		look_from_child(p, start, ends[1]);
	}
	(void)close(ends[1]);
	while (pid > 0) {
		ssize_t n = recv(ends[0], &m, sizeof(m), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(m))
			break;
		m.text[sizeof(m.text) - 1] = '\0';
		p->report(p->ctx, m.grade, m.text);
	}
	(void)close(ends[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		p->report(p->ctx, SP_PREFLIGHT_STOPS,
		    "the files that the configuration names could not be looked at");
}

void
sp_preflight(const char *dir, const struct sp_config *cfg, bool start,
    const struct sp_config *running, sp_preflight_report *report, void *ctx)
{
	struct sp_preflight_look p = { .dir = dir,
		.cfg = cfg,
		.running = running,
		.report = report,
		.ctx = ctx };
	const bool known = look_at_user(&p);

	look_at_groups(&p);
	look_at_sections(&p);
	sp_preflight_clash(&p);
	if (known)
		look_in_child(&p, start);
}

/* ---- a reload -------------------------------------------------------------- */

/* Keep the first that stops the service. */
static void
keep_first(void *ctx, enum sp_preflight_grade grade, const char *text)
{
	struct sp_err *first = ctx;

	if (grade == SP_PREFLIGHT_STOPS && first->code == SP_OK)
		(void)sp_err_set(first, SP_ECONFIG, 0, "%s", text);
}

enum sp_code
sp_preflight_reload(
    const char *dir, const struct sp_config *cfg, struct sp_err *err)
{
	struct sp_err first = { .code = SP_OK };

	sp_preflight(dir, cfg, false, NULL, keep_first, &first);
	if (first.code == SP_OK)
		return (SP_OK);
	return (sp_err_set(err, first.code, 0, "%s", first.msg));
}
