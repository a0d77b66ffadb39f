/*
 * One account made ready to be visited: its credentials, its token source, and
 * the sink its mail goes to, put together for the engine (journal/pull/pull.h).
 * The pull worker keeps one for each account; `sealpost pull` and `sealpost
 * reconcile` make one for a visit.
 */
#include "app/host/pull_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app/common/account.h"
#include "app/host/pulled.h"
#include "base/io.h"
#include "base/layout.h"
#include "journal/pull/doubts.h"
#include "journal/pull/ids.h"
#include "journal/pull/imap/imap.h"
#include "journal/pull/pop3.h"

/* ---- secrets ------------------------------------------------------------ */

/* A token of the account; where none can be had now, the next visit waits until
 * asking again makes sense. */
static enum sp_code
token(const struct sp_pull_run *r, bool again, struct sp_buf *out,
    struct sp_err *err)
{
	enum sp_code rc = sp_oauth_get(r->tokens.oauth, again, out, err);

	if (rc == SP_EAGAIN)
		sp_pull_wait_at_least(r->pull, sp_oauth_wait(r->tokens.oauth));
	return (rc);
}

static bool
stopped(void *ctx)
{
	const struct sp_pull_run *r = ctx;

	return (atomic_load(&r->wakeup.stop));
}

/* The password, a token of the token source, or a token that another program
 * keeps in the password file: that file is read ${again} when the server
 * refuses what it had. */
static enum sp_code
credential(void *ctx, bool again, struct sp_buf *out, struct sp_err *err)
{
	const struct sp_pull_run *r = ctx;

	if (r->tokens.oauth != NULL)
		return (token(r, again, out, err));
	if (r->conf->password_file == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "account %s has no password_file", r->conf->name));
	if (again)
		return (sp_pull_secrets_read(r->conf->password_file, out, err));
	if (r->secret->why.code != SP_OK) {
		*err = r->secret->why;
		return (err->code);
	}
	return (sp_buf_addv(out, sp_buf_view(&r->secret->password)));
}

/* ---- the sink of who only looks
 * ------------------------------------------- */

/* No message is fetched when looking; to be asked for one is a fault of
 * ours. */
static enum sp_code
refuse_begin(
    void *ctx, struct sp_view provenance, void *tag, struct sp_err *err)
{
	(void)ctx;
	(void)provenance;
	(void)tag;
	return (sp_err_set(err, SP_EPERM, 0, "only looking"));
}

static enum sp_code
refuse_data(void *ctx, struct sp_view bytes, struct sp_err *err)
{
	(void)bytes;
	return (refuse_begin(ctx, (struct sp_view){ 0 }, NULL, err));
}

static enum sp_code
refuse_end(void *ctx, struct sp_err *err)
{
	return (refuse_begin(ctx, (struct sp_view){ 0 }, NULL, err));
}

static void
do_nothing(void *ctx)
{
	(void)ctx;
}

enum sp_code
sp_pull_run_scan(void *ctx, uint64_t from, struct sp_buf *keys, uint64_t *next,
    bool *end, struct sp_err *err)
{
	const struct sp_pull_run *r = ctx;

	return (
	    sp_pulled_scan(r->app->dir, r->conf, from, keys, next, end, err));
}

static void
look_sink(struct sp_pull_run *r, struct sp_pull_sink *out)
{
	*out = (struct sp_pull_sink){ .begin = refuse_begin,
		.data = refuse_data,
		.end = refuse_end,
		.abort = do_nothing,
		.flush = refuse_end,
		.reset = do_nothing,
		.pulled = sp_pull_run_scan,
		.ctx = r };
}

/* ---- a run -------------------------------------------------------------- */

/* In the service a session may stay and wait for mail (IDLE); a command ends
 * when it has looked. */
enum sp_code
sp_pull_run_open(
    struct sp_pull_run *r, struct sp_pull_opts *opts, struct sp_err *err)
{
	atomic_init(&r->wakeup.stop, false);
	atomic_init(&r->wakeup.poke, false);
	r->wakeup.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wakeup.fd < 0)
		return (sp_err_set(err, SP_EIO, errno, "eventfd"));
	sp_buf_init(&r->message, r->conf->max_message + 1);
	opts->dir = r->app->dir;
	opts->conf = r->conf;
	opts->source =
	    r->conf->type == SP_PULL_IMAP ? sp_imap_session : sp_pop3_session;
	opts->may_idle = r->way == SP_PULL_BY_DOOR;
	opts->credentials =
	    (struct sp_pull_credentials){ .get = credential, .ctx = r };
	opts->wakeup = &r->wakeup;
	if (r->way == SP_PULL_BY_DOOR)
		sp_pull_door_sink(r, &opts->sink);
	else if (r->way == SP_PULL_BY_HOST)
		sp_pull_host_sink(r, &opts->sink);
	else
		look_sink(r, &opts->sink);
	if (r->conf->oauth.grant != SP_OAUTH_GRANT_NONE) {
		r->tokens.files = &r->secret->oauth;
		r->tokens.stop = stopped;
		r->tokens.ctx = r;
		sp_oauth_source_open(&r->tokens, r->app->dir, r->conf);
	}
	r->pull = sp_pull_new(opts);
	return (SP_OK);
}

enum sp_code
sp_pull_run_lock(const char *dir, int *fd, struct sp_err *err)
{
	char *path = sp_layout_path(dir, "state/pull.lock");
	enum sp_code rc = sp_io_lock(path, SP_APP_LOCK_WAIT_MS, fd, err);

	free(path);
	return (rc);
}

void
sp_pull_run_close(struct sp_pull_run *r)
{
	sp_pull_free(r->pull);
	r->pull = NULL;
	sp_oauth_source_close(&r->tokens);
	sp_buf_done(&r->message);
	if (r->wakeup.fd >= 0)
		(void)close(r->wakeup.fd);
	r->wakeup.fd = -1;
}

enum sp_code
sp_pull_run_prepare(
    struct sp_app *app, struct sp_pull_secrets *secrets, struct sp_err *err)
{
	struct sp_account acct;
	enum sp_code rc;

	sp_pull_secrets_guard_process();
	sp_pull_secrets_load(secrets, app->cfg);
	rc = sp_account_find(app->dir, app->cfg, &acct, err);
	if (rc == SP_OK && !sp_account_become(&acct))
		rc = sp_err_set(
		    err, SP_EPERM, 0, "cannot become account %s", acct.name);
	sp_pull_secrets_guard_process(); /* setuid() clears it */
	return (rc);
}

const struct sp_pull_conf *
sp_pull_run_find(
    const struct sp_config *cfg, const char *name, struct sp_err *err)
{
	for (size_t i = 0; i < cfg->npull; i++) {
		if (strcmp(cfg->pull[i].name, name) == 0)
			return (&cfg->pull[i]);
	}
	(void)sp_err_set(err, SP_EUSAGE, 0,
	    "there is no account %s; expected the name of a section `pull NAME { ... }` of %s",
	    name, cfg->path);
	return (NULL);
}

/* The file is named and marked as journal/pull/pull.c does it. */
uint64_t
sp_pull_run_doubts(
    const char *dir, const struct sp_pull_conf *c, char *names, size_t size)
{
	char *path = sp_xasprintf("%s/state/pull/%s", dir, c->name);
	char *id = sp_xasprintf("%s %s %s", c->name, c->server, c->user);
	struct sp_ids *ids = sp_ids_new();
	uint64_t covered, n;

	sp_ids_load(ids, path, id, &covered);
	n = sp_doubts_count(sp_ids_doubts(ids));
	sp_doubts_names(sp_ids_doubts(ids), names, size);
	sp_ids_free(ids);
	free(id);
	free(path);
	return (n);
}

const char *
sp_pull_run_trouble(enum sp_pull_trouble t)
{
	static const char *const names[] = { [SP_PULL_NETWORK] = "network",
		[SP_PULL_AUTH] = "auth",
		[SP_PULL_THROTTLE] = "throttle",
		[SP_PULL_CONFIG] = "config",
		[SP_PULL_STORE] = "store" };

	return (names[t]);
}
