/*
 * The life of the receiving server: start, the timer, drain, the end.  What it
 * does in between lies in the files that receive_priv.h lists.
 *
 *	new --> listening --(drain)--> draining --(nothing in work)--> drained
 *	                                                  done() is called once
 */
#include "journal/receive/receive.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/layout.h"
#include "base/random.h"
#include "journal/receive/connection_priv.h"

#define FILES_OURS 128 /* descriptors that are not those of sessions */

/* ---- from the queue ------------------------------------------------- */

/* More is durable: seal and index are to be woken. */
static void
on_committed(void *ctx, uint64_t next_seq)
{
	struct sp_receive *r = ctx;

	sp_receive_log_well(r);
	if (r->opts.committed != NULL)
		r->opts.committed(r->opts.ctx, next_seq);
}

/* A batch or housekeeping failed. */
static void
on_failed(void *ctx, const struct sp_err *err)
{
	sp_receive_log_alarm(ctx, "", err);
}

/* The queue or the pool has run empty. */
static void
on_idle(void *ctx)
{
	sp_receive_check_drained(ctx);
}

/* ---- events of our own ---------------------------------------------- */

/* The reason becomes part of a reply: bytes that cannot stand there are
 * replaced. */
void
sp_receive_hold(struct sp_receive *r, const char *reason)
{
	free(r->hold);
	r->hold = NULL;
	if (reason == NULL)
		return;
	r->hold = sp_xstrdup(reason);
	for (char *p = r->hold; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = '?';
	}
}

void
sp_receive_stats(const struct sp_receive *r, struct sp_receive_stats *out)
{
	*out = r->stats;
	out->batches = sp_commit_batches(r->commit);
	out->memory = sp_memory_used(r->memory);
	out->spilled = sp_memory_spilled(r->memory);
}

/* ---- listening ------------------------------------------------------ */

/* ---- the second ----------------------------------------------------- */

/* Once a second: timeouts, the event of refusals, housekeeping of the log. */
static void
on_timer(uv_timer_t *t)
{
	struct sp_receive *r = t->data;
	uint64_t now = uv_now(r->loop);
	struct sp_connection *c, *next;

	for (c = r->pool.open; c != NULL; c = next) {
		next = c->next;
		sp_connection_check_timeouts(c, now);
	}
	sp_receive_log_tick(r);
	sp_receive_watch_disk(r);
	if (!r->stop.drained)
		sp_commit_tick(r->commit);
}

static void
on_timer_close(uv_handle_t *h)
{
	struct sp_receive *r = h->data;

	r->handles--;
	sp_receive_check_drained(r);
}

/* ---- life ----------------------------------------------------------- */

/* Raise the soft limit of open files, and take from it how many connections
 * there may be: a session may need two, its socket and a temporary file. */
static void
raise_file_limit(struct sp_receive *r)
{
	struct rlimit lim;
	uint64_t can;

	r->pool.ceiling = r->opts.cfg->max_connections;
	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return;
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim) != 0 ||
	    lim.rlim_cur == RLIM_INFINITY || lim.rlim_cur < 2 * FILES_OURS)
		return;
	can = (lim.rlim_cur - FILES_OURS) / 2;
	if (can < r->pool.ceiling)
		r->pool.ceiling = can;
}

/* Make all parts of the server that need no socket. */
static void
init_parts(struct sp_receive *r)
{
	const struct sp_config *cfg = r->opts.cfg;
	const struct sp_commit_hooks hooks = {
		.committed = on_committed,
		.failed = on_failed,
		.room = sp_receive_has_room,
		.idle = on_idle,
		.ctx = r,
	};
	char host[256] = "";

	r->loop = r->opts.loop;
	r->dir = sp_xstrdup(r->opts.dir);
	r->state_dir = sp_layout_path(r->dir, "state");
	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		memcpy(host, "localhost", sizeof("localhost"));
	r->hostname =
	    sp_xstrdup(cfg->nlisten > 0 && cfg->listen[0].hostname != NULL
			   ? cfg->listen[0].hostname
			   : host);
	r->door_name = sp_xstrdup("door");
	r->memory = sp_memory_new(cfg->memory, r->state_dir);
	sp_memory_on_short(r->memory, sp_connection_relieve, r);
	r->peers = sp_peers_new(cfg->nlisten + 1, r->memory);
	r->event_rate = sp_event_rate_new();
	r->logins = sp_logins_new(r->loop, on_idle, r);
	r->read_buf = sp_xmalloc(SP_READ_SIZE);
	r->plain_buf = sp_xmalloc(SP_TLS_PLAIN_MAX);
	sp_buf_init(&r->refusals.first, 8192);
	sp_door_self(r->actor, sizeof(r->actor));
	sp_random(&r->pool.id_base, sizeof(r->pool.id_base));
	r->commit = sp_commit_new(r->loop, r->opts.append, &hooks);
}

/* Whatever is there when something fails is freed as at the end. */
enum sp_code
sp_receive_new(const struct sp_receive_opts *opts, struct sp_receive **out,
    struct sp_err *err)
{
	struct sp_receive *r = sp_xcalloc(1, sizeof(*r));
	enum sp_code rc;

	r->opts = *opts;
	init_parts(r);
	raise_file_limit(r);
	rc = sp_door_init(&r->door, r->dir, opts->cfg->group, err);
	if (rc == SP_OK)
		rc = sp_receive_listen(r, err);
	if (rc != SP_OK) {
		sp_receive_free(r);
		return (rc);
	}
	if (uv_timer_init(r->loop, &r->timer) != 0)
		abort();
	r->timer.data = r;
	r->timer_open = true;
	r->handles++;
	if (uv_timer_start(&r->timer, on_timer, SP_TICK_MS, SP_TICK_MS) != 0)
		abort();
	*out = r;
	return (SP_OK);
}

/* Drain is over once there is no connection, no commit and no login. */
void
sp_receive_check_drained(struct sp_receive *r)
{
	if (!r->stop.draining || r->stop.drained || r->pool.open != NULL ||
	    !sp_commit_idle(r->commit) || !sp_logins_idle(r->logins))
		return;
	r->stop.drained = true;
	if (r->stop.done != NULL)
		r->stop.done(r->stop.ctx);
}

void
sp_receive_drain(struct sp_receive *r, void (*done)(void *ctx), void *ctx)
{
	struct sp_connection *c, *next;

	if (r->stop.draining)
		return;
	r->stop.draining = true;
	r->stop.done = done;
	r->stop.ctx = ctx;
	sp_receive_listen_close(r);
	sp_receive_log_tick(r);
	for (c = r->pool.open; c != NULL; c = next) {
		next = c->next;
		sp_connection_drain(c);
	}
	sp_receive_check_drained(r);
}

/* Close every handle and wait until the loop has done so; commits in flight are
 * finished, their peers are gone. */
static void
close_all(struct sp_receive *r)
{
	struct sp_connection *c, *next;

	r->stop.done = NULL;
	sp_receive_listen_close(r);
	for (c = r->pool.open; c != NULL; c = next) {
		next = c->next;
		sp_connection_drop(c);
	}
	if (r->timer_open) {
		r->timer_open = false;
		uv_close((uv_handle_t *)&r->timer, on_timer_close);
	}
	while (r->handles > 0 || r->pool.open != NULL ||
	       !sp_commit_idle(r->commit) || !sp_logins_idle(r->logins))
		(void)uv_run(r->loop, UV_RUN_ONCE);
}

/* The order matters: connections before what they share. */
void
sp_receive_free(struct sp_receive *r)
{
	if (r == NULL)
		return;
	close_all(r);
	while (r->pool.idle != NULL) {
		struct sp_connection *c = r->pool.idle;

		r->pool.idle = c->next;
		sp_connection_destroy(c);
	}
	sp_commit_free(r->commit);
	sp_peers_free(r->peers);
	sp_event_rate_free(r->event_rate);
	sp_logins_free(r->logins);
	sp_receive_listen_done(r);
	sp_memory_free(r->memory);
	sp_buf_done(&r->refusals.first);
	free(r->read_buf);
	free(r->plain_buf);
	free(r->hold);
	free(r->hostname);
	free(r->door_name);
	free(r->state_dir);
	free(r->dir);
	free(r);
}
