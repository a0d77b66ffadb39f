/*
 * One account of the configuration with all that its engine needs: secret,
 * source, and where the mail goes.
 */
#ifndef SP_APP_HOST_PULL_RUN_H
#define SP_APP_HOST_PULL_RUN_H

#include "app/common/app.h"
#include "app/host/host.h"
#include "app/host/pull_secrets.h"
#include "journal/pull/pull.h"

struct sp_door_pipe;

enum sp_pull_way {
	SP_PULL_BY_DOOR, /* the pull worker: receive takes the mail, index
			    knows the log */
	SP_PULL_BY_HOST, /* no service: this process has the roles */
	SP_PULL_LOOK /* takes no mail, reads the log */
};

struct sp_pull_run {
	struct sp_app *app;
	const struct sp_pull_conf *conf;
	const struct sp_pull_secret *secret;
	enum sp_pull_way way;
	struct sp_host *host; /* SP_PULL_BY_HOST */
	struct sp_stream_bell bell;
	struct sp_pull *pull;
	/* inside */
	struct sp_oauth_source tokens; /* oauth is NULL without a grant */
	struct sp_door_pipe *pipe;
	bool settled; /* asked the service since the last reset */
	struct sp_buf message; /* by host: being filled */
	char *provenance;
	void *tag;
};

/* ${opts}: step, note, listed and ctx are the caller's; the rest is filled in.
 * Before: app, conf, secret, way, host. */
SP_CHECK enum sp_code sp_pull_run_open(
    struct sp_pull_run *r, struct sp_pull_opts *opts, struct sp_err *err);
void sp_pull_run_close(struct sp_pull_run *r);
/* For a command: read the secrets with the rights of who called; then these
 * go: a mail server is spoken to, and the archive written, as its account. */
SP_CHECK enum sp_code sp_pull_run_prepare(
    struct sp_app *app, struct sp_pull_secrets *secrets, struct sp_err *err);
/* NULL: there is none of this name (said in ${err}). */
const struct sp_pull_conf *sp_pull_run_find(
    const struct sp_config *cfg, const char *name, struct sp_err *err);
/* "network", "auth" ... */
const char *sp_pull_run_trouble(enum sp_pull_trouble t);

/* The two sinks (pull_door.c, pull_host.c). */
void sp_pull_door_sink(struct sp_pull_run *r, struct sp_pull_sink *out);
void sp_pull_host_sink(struct sp_pull_run *r, struct sp_pull_sink *out);

#endif
