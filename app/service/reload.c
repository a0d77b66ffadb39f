/*
 * The configuration of the running service: its listening sockets and the
 * certificates that they use.  On SIGHUP the file is loaded again and
 * everything that it needs is opened beside what is open; only when all of that
 * succeeded is the old configuration let go.  The supervisor then restarts the
 * workers, which inherit the result.
 */
#include "app/service/reload_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/service/preflight.h"
#include "app/service/socket.h"
#include "base/buf.h"
#include "base/layout.h"
#include "base/log.h"

/* The socket that ${old} has open for the address of ${l}, or -1. */
static int
find_open(
    const struct sp_config *old, const int *fds, const struct sp_listen *l)
{
	for (size_t i = 0; old != NULL && fds != NULL && i < old->nlisten;
	     i++) {
		if (old->listen[i].salen == l->salen &&
		    memcmp(&old->listen[i].sa, &l->sa, l->salen) == 0)
			return (fds[i]);
	}
	return (-1);
}

/* Whether ${fd} is among the ${n} of ${fds}. */
static bool
in_use(const int *fds, size_t n, int fd)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] == fd)
			return (true);
	}
	return (false);
}

/* Close the sockets ${fds} of ${cfg} that ${old} does not have, and free the
 * array. */
static void
close_new(const struct sp_config *cfg, int *fds, const struct sp_config *old,
    const int *old_fds)
{
	for (size_t i = 0; i < cfg->nlisten; i++) {
		if (fds[i] >= 0 &&
		    !in_use(old_fds, old == NULL ? 0 : old->nlisten, fds[i])) {
			(void)close(fds[i]);
			sp_socket_unlink(&cfg->listen[i]);
		}
	}
	free(fds);
}

/* Sockets for all listeners of ${cfg}, in their order, in malloc'ed ${out};
 * those of ${old} (NULL at the start) whose address stays are taken over as they
 * are.  On failure what was newly opened is closed again. */
static enum sp_code
open_listeners(const struct sp_app *app, const struct sp_config *cfg,
    const struct sp_config *old, const int *old_fds, int **out,
    struct sp_err *err)
{
	int *fds = sp_xcalloc(cfg->nlisten, sizeof(*fds));
	struct sp_account acct;
	enum sp_code rc = sp_account_find(app->dir, cfg, &acct, err);

	for (size_t i = 0; i < cfg->nlisten; i++)
		fds[i] = -1;
	for (size_t i = 0; rc == SP_OK && i < cfg->nlisten; i++) {
		fds[i] = find_open(old, old_fds, &cfg->listen[i]);
		if (fds[i] < 0)
			rc = sp_socket_listen(
			    &cfg->listen[i], &acct, &fds[i], err);
	}
	if (rc == SP_OK)
		*out = fds;
	else
		close_new(cfg, fds, old, old_fds);
	return (rc);
}

/* ---- certificates --------------------------------------------------- */

static void
on_warn(void *ctx, const char *text)
{
	char quoted[SP_ERR_MAX + 64];

	(void)ctx;
	sp_log(SP_LOG_WARN, "certificate", "text=%s",
	    sp_log_quote(sp_view_str(text), quoted, sizeof(quoted)));
}

/*
 * Check that every listener's certificate and key can be used.  This is done in
 * a process of its own, which ends, since the supervisor's memory, in which the
 * keys would be then, is inherited by every worker.  The child's verdict, a
 * struct sp_err, comes by a socket.
 */
static enum sp_code
check_in_child(const struct sp_listener_certs *certs,
    const struct sp_config *cfg, struct sp_err *err)
{
	struct sp_err found = { .code = SP_OK };
	int ends[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return (sp_err_set(err, SP_EIO, errno, "socketpair"));
	pid = fork();
	if (pid == 0) {
		found.code =
		    sp_listener_certs_check(certs, cfg, on_warn, NULL, &found);
		n = send(ends[1], &found, sizeof(found), MSG_NOSIGNAL);
		_exit(n == (ssize_t)sizeof(found) ? 0 : 1);
	}
	(void)close(ends[1]);
	n = pid < 0 ? -1 : recv(ends[0], &found, sizeof(found), 0);
	(void)close(ends[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(found) || status != 0)
		return (sp_err_set(err, SP_EIO, 0,
		    "%s: the certificates could not be checked", cfg->path));
	if (found.code == SP_OK)
		return (SP_OK);
	return (sp_err_set(err, found.code, 0, "%s", found.msg));
}

/* The certificate files of ${cfg}, read and checked; the caller closes
 * ${out}. */
static enum sp_code
load_certs(const struct sp_config *cfg, struct sp_listener_certs **out,
    struct sp_err *err)
{
	struct sp_listener_certs *certs = NULL;
	enum sp_code rc;

	rc = sp_listener_certs_open(cfg, &certs, err);
	if (rc == SP_OK)
		rc = check_in_child(certs, cfg, err);
	if (rc == SP_OK)
		*out = certs;
	else
		sp_listener_certs_close(certs);
	return (rc);
}

/* Keep the configuration that is in force for commands that find the file
 * broken later.  Its loss costs only that. */
static void
keep_source(const struct sp_supervisor *s)
{
	struct sp_err err;

	if (sp_app_keep_config(s->app, &err) != SP_OK)
		sp_worker_log_err(SP_LOG_WARN, "config_note", &err);
}

/* state/door and state/control stay open over a reload: give them to the
 * readers' group of the new configuration. */
static void
regroup_local(const struct sp_supervisor *s)
{
	static const char *const names[] = { "state/door", "state/control" };
	struct sp_err err;

	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		if (sp_socket_local_permit(
			s->app->dir, names[i], s->app->cfg, &err) != SP_OK)
			sp_worker_log_err(SP_LOG_WARN, "config_note", &err);
	}
}

enum sp_code
sp_reload_open(struct sp_supervisor *s, struct sp_err *err)
{
	const struct sp_config *cfg = s->app->cfg;
	enum sp_code rc;

	rc = load_certs(cfg, &s->certs, err);
	if (rc == SP_OK)
		rc = open_listeners(
		    s->app, cfg, NULL, NULL, &s->listen_fds, err);
	if (rc == SP_OK)
		rc = sp_socket_local(
		    s->app->dir, "state/door", cfg, &s->door_fd, err);
	if (rc == SP_OK)
		rc = sp_socket_local(
		    s->app->dir, "state/control", cfg, &s->control_fd, err);
	if (rc == SP_OK)
		keep_source(s);
	return (rc);
}

/* Give the sockets in the file system that stay their new owner, group and
 * mode.  If one cannot be changed, all are as they were before. */
static enum sp_code
permit_kept(const struct sp_supervisor *s, const struct sp_config *cfg,
    const int *fds, struct sp_err *err)
{
	struct sp_socket_rights *had =
	    sp_xcalloc(cfg->nlisten + 1, sizeof(*had));
	struct sp_account acct;
	enum sp_code rc = sp_account_find(s->app->dir, cfg, &acct, err);
	size_t done = 0;

	for (; rc == SP_OK && done < cfg->nlisten; done++) {
		sp_socket_rights_get(&cfg->listen[done], &had[done]);
		if (in_use(s->listen_fds, s->app->cfg->nlisten, fds[done]))
			rc = sp_socket_permit(&cfg->listen[done], &acct, err);
	}
	while (rc != SP_OK && done > 0) {
		done--;
		sp_socket_rights_set(&cfg->listen[done], &had[done]);
	}
	free(had);
	return (rc);
}

/* Everything that the configuration ${cfg} needs, beside what is open: the
 * certificates and the sockets go to ${certs} and ${fds}. */
static enum sp_code
prepare(const struct sp_supervisor *s, const struct sp_config *cfg,
    struct sp_listener_certs **certs, int **fds, struct sp_err *err)
{
	const struct sp_config *old = s->app->cfg;
	enum sp_code rc;

	rc = sp_preflight_reload(s->app->dir, cfg, err);
	if (rc == SP_OK)
		rc = load_certs(cfg, certs, err);
	if (rc == SP_OK)
		rc = open_listeners(s->app, cfg, old, s->listen_fds, fds, err);
	if (rc == SP_OK) {
		rc = permit_kept(s, cfg, *fds, err);
		if (rc != SP_OK)
			close_new(cfg, *fds, old, s->listen_fds);
	}
	return (rc);
}

/* Let the old configuration go.  None of this can fail. */
static void
commit(struct sp_supervisor *s, struct sp_config *cfg,
    struct sp_listener_certs *certs, int *fds)
{
	struct sp_config *old = s->app->cfg;

	for (size_t i = 0; i < old->nlisten; i++) {
		if (in_use(fds, cfg->nlisten, s->listen_fds[i]))
			continue;
		(void)close(s->listen_fds[i]);
		sp_socket_unlink(&old->listen[i]);
	}
	free(s->listen_fds);
	s->listen_fds = fds;
	sp_listener_certs_close(s->certs);
	s->certs = certs;
	s->app->cfg = cfg;
	sp_log_set_level(cfg->log_level);
	sp_config_free(old);
}

/* Until commit() nothing of the supervisor changes. */
enum sp_code
sp_reload(struct sp_supervisor *s, struct sp_err *err)
{
	struct sp_listener_certs *certs = NULL;
	struct sp_config *cfg = NULL;
	int *fds = NULL;
	enum sp_code rc;

	rc = sp_config_load(s->app->cfg->path, &cfg, err);
	if (rc == SP_OK)
		rc = prepare(s, cfg, &certs, &fds, err);
	if (rc != SP_OK) {
		sp_listener_certs_close(certs);
		sp_config_free(cfg);
		return (rc);
	}
	commit(s, cfg, certs, fds);
	regroup_local(s);
	keep_source(s);
	return (SP_OK);
}

void
sp_reload_unlisten(struct sp_supervisor *s)
{
	for (size_t i = 0; s->listen_fds != NULL && i < s->app->cfg->nlisten;
	     i++) {
		if (s->listen_fds[i] < 0)
			continue;
		(void)close(s->listen_fds[i]);
		s->listen_fds[i] = -1;
		sp_socket_unlink(&s->app->cfg->listen[i]);
	}
	if (s->door_fd >= 0)
		(void)close(s->door_fd);
	s->door_fd = -1;
}

void
sp_reload_close(struct sp_supervisor *s)
{
	sp_reload_unlisten(s);
	free(s->listen_fds);
	s->listen_fds = NULL;
	sp_listener_certs_close(s->certs);
	s->certs = NULL;
	if (s->control_fd >= 0)
		(void)close(s->control_fd);
}
