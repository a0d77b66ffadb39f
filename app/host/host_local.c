#include "app/host/host_local.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/common/account.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/sha256.h"
#include "index/index.h"
#include "journal/log/append.h"
#include "journal/log/reader.h"
#include "journal/seal/seal.h"

#define LOCK_WAIT_MS 10000
#define QUEUE_MAX    256 /* messages of one batch */
#define QUEUE_BYTES  (8u << 20)
#define DAY	     (86400 * SP_SECOND)
#define SILENCE_MAX  (366 * DAY)

struct queued {
	char *msg, *source, *origin_date;
	const char *flags[SP_HOST_FLAGS];
	void *tag;
	struct sp_facts facts;
};

struct sp_local {
	struct sp_app *app;
	struct sp_account account;
	mode_t mask; /* of who called */
	bool idle; /* nothing was entered for a day or more */
	char alarm[SP_ERR_MAX]; /* of the call in work, or "" */
	struct sp_append *append;
	struct sp_seal *seal;
	struct sp_index *index;
	struct queued queue[QUEUE_MAX];
	struct sp_append_item items[QUEUE_MAX];
	size_t queued;
	uint64_t bytes;
	sp_host_answer *answer;
	void *answer_ctx;
};

enum sp_code
sp_local_new(struct sp_app *app, struct sp_local **out, struct sp_err *err)
{
	struct sp_local *l = sp_xcalloc(1, sizeof(*l));
	enum sp_code rc;

	l->app = app;
	rc = sp_account_find(app->dir, app->cfg, &l->account, err);
	if (rc == SP_OK)
		*out = l;
	else
		free(l);
	return (rc);
}

static void
forget_queue(struct sp_local *l)
{
	for (size_t i = 0; i < l->queued; i++) {
		free(l->queue[i].msg);
		free(l->queue[i].source);
		free(l->queue[i].origin_date);
	}
	l->queued = 0;
	l->bytes = 0;
}

void
sp_local_free(struct sp_local *l)
{
	if (l == NULL)
		return;
	forget_queue(l);
	sp_account_enter(&l->account);
	sp_index_close(l->index);
	sp_seal_close(l->seal);
	sp_append_close(l->append);
	sp_account_leave(&l->account);
	free(l);
}

/* A copy that one may only read is served, but cannot log the access. */
static enum sp_code
may_write(const struct sp_local *l, struct sp_err *err)
{
	char *state = sp_xasprintf("%s/state", l->app->dir);
	int no = access(state, W_OK);

	free(state);
	if (no == 0)
		return (SP_OK);
	return (sp_err_set(err, SP_EPERM, 0,
	    "%s: this user may only read the archive; the access cannot be logged",
	    l->app->dir));
}

static void
report_recovery(const struct sp_local *l, const struct sp_intake_found *f)
{
	if (f->cut_bytes > 0 && !l->app->quiet)
		(void)fprintf(stderr,
		    "sealpost: note: %" PRIu64
		    " bytes of an unfinished batch were cut from the intake log and kept in %s (nobody was told 250 for them)\n",
		    f->cut_bytes, f->cut_path);
}

/* Kept until the call is over: a failure says the same by itself. */
static void
on_append_alarm(void *ctx, const char *text)
{
	struct sp_local *l = ctx;

	(void)snprintf(l->alarm, sizeof(l->alarm), "%s", text);
}

/*
 * After a long silence a service would wait for a synchronised clock.  Who
 * works at the terminal sees the clock: his command counts as its acceptance
 * (the `clock` event names him), unless it is more than a year off.
 */
static void
accept_clock(struct sp_local *l, int64_t last)
{
	int64_t silence = sp_clock_wall() - last;

	l->idle = last > 0 && silence > DAY && silence <= SILENCE_MAX;
	if (l->idle)
		sp_append_accept_clock(l->append);
}

static enum sp_code
need_append(struct sp_local *l, struct sp_err *err)
{
	const struct sp_append_opts opts = { .by = sp_app_by(),
		.lock_wait_ms = LOCK_WAIT_MS,
		.alarm = on_append_alarm,
		.ctx = l };
	struct sp_intake_found found = { 0 };
	enum sp_code rc;

	if (l->append != NULL)
		return (SP_OK);
	rc = may_write(l, err);
	if (rc == SP_OK)
		rc = sp_append_open(
		    l->app->dir, l->app->cfg, &opts, &l->append, &found, err);
	if (rc == SP_OK) {
		report_recovery(l, &found);
		accept_clock(l, found.last_received);
	}
	return (rc);
}

static void
on_seal_report(void *ctx, const char *what, const char *text)
{
	const struct sp_local *l = ctx;

	if (strcmp(what, "alarm") == 0)
		(void)fprintf(stderr, "sealpost: ALARM: %s\n", text);
	else if (l->app->verbose)
		(void)fprintf(stderr, "sealpost: %s: %s\n", what, text);
}

static enum sp_code
need_seal(struct sp_local *l, struct sp_err *err)
{
	const struct sp_seal_report report = { on_seal_report, l };
	enum sp_code rc;

	if (l->seal != NULL)
		return (SP_OK);
	rc = may_write(l, err);
	if (rc == SP_OK)
		rc = sp_seal_open(l->app->dir, l->app->cfg, LOCK_WAIT_MS,
		    &report, &l->seal, err);
	return (rc);
}

static enum sp_code
append_event(struct sp_local *l, const char *name, struct sp_view detail,
    uint64_t *seq, struct sp_err *err)
{
	enum sp_code rc = need_append(l, err);

	if (rc != SP_OK)
		return (rc);
	return (sp_append_event(l->append, name, detail, seq, err));
}

static enum sp_code
answer(
    struct sp_local *l, size_t i, const struct sp_err *why, struct sp_err *err)
{
	return (l->answer(
	    l->answer_ctx, l->queue[i].tag, l->items[i].seq, why, err));
}

/* One that the log cannot hold must not take the others with it. */
static enum sp_code
commit_each(struct sp_local *l, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	struct sp_err why;

	for (size_t i = 0; rc == SP_OK && i < l->queued; i++) {
		rc = sp_append_commit(l->append, &l->items[i], 1, &why);
		if (rc == SP_OK || rc == SP_ELIMIT)
			rc = answer(l, i, rc == SP_OK ? NULL : &why, err);
		else
			*err = why;
	}
	return (rc);
}

static enum sp_code
flush(struct sp_local *l, struct sp_err *err)
{
	enum sp_code rc;

	if (l->queued == 0)
		return (SP_OK);
	rc = sp_append_commit(l->append, l->items, l->queued, err);
	if (rc == SP_ELIMIT)
		rc = commit_each(l, err);
	else
		for (size_t i = 0; rc == SP_OK && i < l->queued; i++)
			rc = answer(l, i, NULL, err);
	forget_queue(l);
	if (rc == SP_OK)
		rc = sp_append_tick(l->append, err);
	return (rc);
}

/* What the door writes for the same import: provenance, and who imported. */
static char *
full_source(const struct sp_host_message *m)
{
	const struct sp_view members = m->source;
	struct sp_buf actor;
	char *text;

	sp_buf_init(&actor, 4096);
	if (sp_append_self(&actor) != SP_OK)
		sp_buf_clear(&actor);
	text = sp_xasprintf("\"via\":\"%s\",\"grade\":\"%s\"%s%.*s%s%.*s",
	    m->via == NULL ? "import" : m->via,
	    m->grade == NULL ? "imported" : m->grade, members.n > 0 ? "," : "",
	    (int)members.n, members.n > 0 ? members.p : "",
	    actor.n > 0 ? ",\"operator\":" : "", (int)actor.n,
	    actor.n > 0 ? actor.p : "");
	sp_buf_done(&actor);
	return (text);
}

static enum sp_code
deliver(struct sp_local *l, const struct sp_host_message *m, struct sp_err *err)
{
	struct queued *q;
	struct sp_append_item *item;
	enum sp_code rc = need_append(l, err);

	if (rc != SP_OK)
		return (rc);
	q = &l->queue[l->queued];
	item = &l->items[l->queued];
	*q = (struct queued){ .msg = sp_view_dup(m->msg),
		.source = full_source(m),
		.origin_date = sp_view_dup(m->origin_date),
		.tag = m->tag };
	memcpy(q->flags, m->flags, sizeof(q->flags));
	q->facts = (struct sp_facts){ .source = sp_view_str(q->source),
		.origin_date = sp_view_str(q->origin_date),
		.flags = q->flags,
		.nflags = m->nflags };
	*item = (struct sp_append_item){ .facts = &q->facts,
		.msg = sp_view_mem(q->msg, m->msg.n),
		.fd = -1 };
	sp_sha256_once(q->msg, m->msg.n, item->sha256);
	l->queued++;
	l->bytes += m->msg.n;
	if (l->queued == QUEUE_MAX || l->bytes >= QUEUE_BYTES)
		return (flush(l, err));
	return (SP_OK);
}

static enum sp_code
cover(struct sp_local *l, uint64_t seq, struct sp_err *err)
{
	enum sp_code rc = need_seal(l, err);
	uint64_t size = 0;

	if (rc == SP_OK)
		rc = sp_seal_checkpoint(l->seal, &size, err);
	if (rc == SP_OK && size <= seq)
		rc = sp_err_set(err, SP_EMISMATCH, 0,
		    "the checkpoint covers %" PRIu64
		    " entries, but entry %" PRIu64
		    " was just written; run `sealpost verify`",
		    size, seq);
	if (rc == SP_OK)
		rc = sp_seal_keep(l->seal, err);
	return (rc);
}

static enum sp_code
sign(struct sp_local *l, struct sp_view data, struct sp_buf *p7s,
    struct sp_err *err)
{
	enum sp_code rc = need_seal(l, err);

	return (rc == SP_OK ? sp_seal_sign(l->seal, data, p7s, err) : rc);
}

static enum sp_code
seal_all(struct sp_local *l, struct sp_buf *text, struct sp_err *err)
{
	uint64_t size = 0, before;
	bool did = true;
	enum sp_code rc;

	rc = need_append(l, err);
	if (rc == SP_OK)
		rc = sp_append_rotate(l->append, err);
	if (rc == SP_OK)
		rc = need_seal(l, err);
	if (rc != SP_OK)
		return (rc);
	before = sp_seal_packed(l->seal);
	rc = sp_seal_checkpoint(l->seal, &size, err);
	while (rc == SP_OK && did)
		rc = sp_seal_pack(l->seal, &did, err);
	if (rc == SP_OK)
		(void)!sp_buf_addf(text, "%" PRIu64 " %" PRIu64 " %" PRIu64,
		    sp_seal_packed(l->seal) - before, sp_seal_packed(l->seal),
		    size);
	return (rc);
}

struct index_ctx {
	struct sp_local *l;
	struct sp_progress progress;
};

static void
on_index_report(void *ctx, const char *what, const char *text)
{
	const struct index_ctx *c = ctx;

	if (strcmp(what, "indexed") != 0 || c->l->app->verbose)
		(void)fprintf(stderr, "sealpost: index: %s: %s\n", what, text);
}

static bool
on_index_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct index_ctx *c = ctx;

	return (sp_progress_step(&c->progress, done, total));
}

static enum sp_code
update_index(struct sp_local *l, int64_t drop_since, struct sp_err *err)
{
	struct index_ctx ctx = { .l = l };
	const struct sp_index_report report = { on_index_report,
		on_index_progress, &ctx };
	uint64_t behind = 0;
	enum sp_code rc;

	rc = may_write(l, err);
	if (rc == SP_OK)
		rc = sp_index_open(l->app->dir, l->app->cfg, LOCK_WAIT_MS,
		    &report, &l->index, err);
	if (rc != SP_OK)
		return (rc);
	sp_progress_init(&ctx.progress, l->app, "indexing", "entries");
	if (drop_since >= 0)
		rc = sp_index_drop(l->index, drop_since, err);
	if (rc == SP_OK)
		rc = sp_index_update(l->index, 0, &behind, err);
	sp_progress_end(&ctx.progress);
	sp_index_close(l->index);
	l->index = NULL;
	return (rc);
}

/* ---- each of them as the archive's account ------------------------------ */

static void
enter(struct sp_local *l)
{
	l->alarm[0] = '\0';
	l->mask =
	    umask(0027); /* as the workers: readers must not be locked out */
	sp_account_enter(&l->account);
}

static enum sp_code
leave(struct sp_local *l, enum sp_code rc)
{
	sp_account_leave(&l->account);
	(void)umask(l->mask);
	if (rc != SP_OK || l->alarm[0] == '\0')
		return (rc);
	if (!l->idle)
		(void)fprintf(stderr, "sealpost: ALARM: %s\n", l->alarm);
	else if (!l->app->quiet)
		(void)fprintf(stderr,
		    "sealpost: note: the last entry is more than a day old; the clock of this host is taken as it is, which is logged\n");
	return (rc);
}

enum sp_code
sp_local_open(struct sp_local *l, struct sp_err *err)
{
	enter(l);
	return (leave(l, need_append(l, err)));
}

enum sp_code
sp_local_event(struct sp_local *l, const char *name, struct sp_view detail,
    uint64_t *seq, struct sp_err *err)
{
	enter(l);
	return (leave(l, append_event(l, name, detail, seq, err)));
}

void
sp_local_on_answer(struct sp_local *l, sp_host_answer *tell, void *ctx)
{
	l->answer = tell;
	l->answer_ctx = ctx;
}

enum sp_code
sp_local_deliver(
    struct sp_local *l, const struct sp_host_message *m, struct sp_err *err)
{
	enter(l);
	return (leave(l, deliver(l, m, err)));
}

enum sp_code
sp_local_flush(struct sp_local *l, struct sp_err *err)
{
	enter(l);
	return (leave(l, flush(l, err)));
}

static enum sp_code
checkpoint(struct sp_local *l, struct sp_err *err)
{
	enum sp_code rc = need_seal(l, err);
	uint64_t size;

	return (rc == SP_OK ? sp_seal_checkpoint(l->seal, &size, err) : rc);
}

enum sp_code
sp_local_checkpoint(struct sp_local *l, struct sp_err *err)
{
	enter(l);
	return (leave(l, checkpoint(l, err)));
}

enum sp_code
sp_local_cover(struct sp_local *l, uint64_t seq, struct sp_err *err)
{
	enter(l);
	return (leave(l, cover(l, seq, err)));
}

enum sp_code
sp_local_sign(struct sp_local *l, struct sp_view data, struct sp_buf *p7s,
    struct sp_err *err)
{
	enter(l);
	return (leave(l, sign(l, data, p7s, err)));
}

enum sp_code
sp_local_seal(struct sp_local *l, struct sp_buf *text, struct sp_err *err)
{
	enter(l);
	return (leave(l, seal_all(l, text, err)));
}

enum sp_code
sp_local_index(struct sp_local *l, int64_t drop_since, struct sp_err *err)
{
	enter(l);
	return (leave(l, update_index(l, drop_since, err)));
}
