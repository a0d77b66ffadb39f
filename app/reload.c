#include "app/reload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/sockets.h"
#include "base/buf.h"
#include "base/log.h"
#include "journal/archive/layout.h"

/* The open socket of the old configuration for this address, or -1. */
static int
same_address(
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

static bool
in_use(const int *fds, size_t n, int fd)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] == fd)
			return (true);
	}
	return (false);
}

/* Sockets for ${cfg}, taking over what ${old} has open. */
static enum sp_code
open_all(const struct sp_config *cfg, const struct sp_config *old,
    const int *old_fds, int **out, struct sp_err *err)
{
	int *fds = sp_xcalloc(cfg->nlisten, sizeof(*fds));
	enum sp_code rc = SP_OK;

	for (size_t i = 0; i < cfg->nlisten; i++)
		fds[i] = -1;
	for (size_t i = 0; rc == SP_OK && i < cfg->nlisten; i++) {
		fds[i] = same_address(old, old_fds, &cfg->listen[i]);
		if (fds[i] < 0)
			rc = sp_socket_listen(&cfg->listen[i], &fds[i], err);
	}
	if (rc == SP_OK) {
		*out = fds;
		return (SP_OK);
	}
	for (size_t i = 0; i < cfg->nlisten; i++) {
		if (fds[i] >= 0 &&
		    !in_use(old_fds, old == NULL ? 0 : old->nlisten, fds[i]))
			(void)close(fds[i]);
	}
	free(fds);
	return (rc);
}

enum sp_code
sp_reload_open(struct sp_super *s, struct sp_err *err)
{
	const struct sp_config *cfg = s->app->cfg;
	enum sp_code rc;

	rc = open_all(cfg, NULL, NULL, &s->listen_fds, err);
	if (rc == SP_OK)
		rc = sp_socket_local(
		    s->app->dir, "state/door", cfg, &s->door_fd, err);
	if (rc == SP_OK)
		rc = sp_socket_local(
		    s->app->dir, "state/control", cfg, &s->control_fd, err);
	return (rc);
}

enum sp_code
sp_reload(struct sp_super *s, struct sp_err *err)
{
	struct sp_config *old = s->app->cfg, *cfg = NULL;
	int *fds = NULL;
	enum sp_code rc;

	rc = sp_config_load(old->path, &cfg, err);
	if (rc == SP_OK)
		rc = open_all(cfg, old, s->listen_fds, &fds, err);
	if (rc != SP_OK) {
		sp_config_free(cfg);
		return (rc);
	}
	for (size_t i = 0; i < old->nlisten; i++) {
		if (!in_use(fds, cfg->nlisten, s->listen_fds[i]))
			(void)close(s->listen_fds[i]);
	}
	free(s->listen_fds);
	s->listen_fds = fds;
	s->app->cfg = cfg;
	sp_log_set_level(cfg->log_level);
	sp_config_free(old);
	return (SP_OK);
}

void
sp_reload_unlisten(struct sp_super *s)
{
	for (size_t i = 0; s->listen_fds != NULL && i < s->app->cfg->nlisten;
	     i++) {
		if (s->listen_fds[i] >= 0)
			(void)close(s->listen_fds[i]);
		s->listen_fds[i] = -1;
	}
	if (s->door_fd >= 0)
		(void)close(s->door_fd);
	s->door_fd = -1;
}

void
sp_reload_close(struct sp_super *s)
{
	sp_reload_unlisten(s);
	free(s->listen_fds);
	s->listen_fds = NULL;
	if (s->control_fd >= 0)
		(void)close(s->control_fd);
}
