/*
 * The archive's roles held by this process: the same appender, sealer and
 * indexer as the workers', opened as they are needed, for one command.  Called
 * by host.c where no service is running.
 *
 * Every public function begins with enter() and ends with leave(): in between
 * the process acts as the archive's account, and an alarm of the appender is
 * kept until the outcome of the call is known.
 */
#include "app/host/host_local.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/common/account.h"
#include "app/common/progress.h"
#include "app/host/host_source.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/record.h"
#include "base/sha256.h"
#include "index/index.h"
#include "journal/log/append.h"
#include "journal/log/reader.h"
#include "journal/seal/seal.h"

#define QUEUE_MAX   256 /* messages of one batch */
#define QUEUE_BYTES (8u << 20) /* of their bytes; then it is committed */
#define FLAGS_MAX   16 /* of a message, as at the door */
#define DAY_US	    (86400 * SP_SECOND)
#define IDLE_MAX    (366 * DAY_US) /* see accept_clock() */

/* A message that waits for its batch.  ${facts} points into the others. */
struct queued_message {
	char *msg;
	json_t *provenance;
	char *source; /* members of the record's "source" */
	const char *flags[FLAGS_MAX];
	struct sp_facts facts;
	void *tag;
};

struct sp_host_local {
	struct sp_app *app;
	/* the roles; NULL: not taken */
	struct sp_append *append;
	struct sp_seal *seal;
	/* the call in work */
	struct sp_account account; /* whom it acts as */
	mode_t mask; /* the caller's umask */
	char alarm[SP_ERR_MAX]; /* of the appender, or "" */
	bool idle; /* the last entry was more than a day old */
	/* messages that wait for their batch; items[i] is of queue[i] */
	struct queued_message queue[QUEUE_MAX];
	struct sp_append_item items[QUEUE_MAX];
	size_t queued;
	uint64_t bytes;
	char *operator_; /* who this process is, JSON; NULL: not asked yet */
	sp_host_answer *answer;
	void *answer_ctx;
};

/* ---- as the archive's account -------------------------------------------- */

/* Begin a call: files are made with the modes of the workers, so that the
 * readers' group is not locked out. */
static void
enter(struct sp_host_local *l)
{
	l->alarm[0] = '\0';
	l->mask = umask(0027);
	sp_account_enter(&l->account);
}

/* End a call that came to ${rc}, and return that.  An alarm of the appender is
 * printed only where the call succeeded: a failure says the same by itself. */
static enum sp_code
leave(struct sp_host_local *l, enum sp_code rc)
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

/* ---- the roles ----------------------------------------------------------- */

/* A copy of the archive that this user may only read can be read, but nothing
 * can be appended: SP_EPERM instead of a failure somewhere below. */
static enum sp_code
check_writable(const struct sp_host_local *l, struct sp_err *err)
{
	char *state = sp_xasprintf("%s/state", l->app->dir);
	int no;

	/* Nothing in it matters, so it is made again where it is missing. */
	if (!sp_io_exists(state) && sp_io_mkdir(state, 0750, NULL) == SP_OK &&
	    !l->app->quiet)
		(void)fprintf(stderr,
		    "sealpost: note: %s was missing and was made again\n",
		    state);
	no = access(state, W_OK);
	free(state);
	if (no == 0)
		return (SP_OK);
	return (sp_err_set(err, SP_EPERM, 0,
	    "%s: this user may only read the archive; the access cannot be logged",
	    l->app->dir));
}

static void
report_recovery(const struct sp_host_local *l, const struct sp_intake_found *f)
{
	if (f->cut_bytes > 0 && !l->app->quiet)
		(void)fprintf(stderr,
		    "sealpost: note: %" PRIu64
		    " bytes of an unfinished batch were cut from the intake log and kept in %s (nobody was told 250 for them)\n",
		    f->cut_bytes, f->cut_path);
}

/* Kept for leave(). */
static void
on_append_alarm(void *ctx, const char *cause SP_UNUSED, const char *text)
{
	struct sp_host_local *l = ctx;

	if (text != NULL)
		(void)snprintf(l->alarm, sizeof(l->alarm), "%s", text);
}

/*
 * After more than a day without an entry a service would wait until the clock
 * is synchronised.  Whoever works at the terminal sees the clock: the command
 * counts as its acceptance (the `clock` event names who ran it), unless it is
 * more than a year off.  ${last} is the time of the last entry, 0 for none.
 */
static void
accept_clock(struct sp_host_local *l, int64_t last)
{
	int64_t idle = sp_clock_wall() - last;

	l->idle = last > 0 && idle > DAY_US && idle <= IDLE_MAX;
	if (l->idle)
		sp_append_accept_clock(l->append);
}

/* Take the role of the writer, unless it is held. */
static enum sp_code
open_append(struct sp_host_local *l, struct sp_err *err)
{
	const struct sp_append_opts opts = { .by = sp_app_by(),
		.lock_wait_ms = SP_APP_LOCK_WAIT_MS,
		.alarm = on_append_alarm,
		.ctx = l };
	struct sp_intake_found found = { 0 };
	enum sp_code rc;

	if (l->append != NULL)
		return (SP_OK);
	rc = check_writable(l, err);
	if (rc == SP_OK)
		rc = sp_append_open(
		    l->app->dir, l->app->cfg, &opts, &l->append, &found, err);
	if (rc == SP_OK) {
		report_recovery(l, &found);
		accept_clock(l, found.last_received);
		/* Its loss costs only that a broken file locks readers out. */
		if (l->app->config_opt == NULL)
			(void)!sp_app_keep_config(l->app, NULL);
	}
	return (rc);
}

static void
on_seal_report(void *ctx, const char *what, const char *text)
{
	const struct sp_host_local *l = ctx;

	if (l->app->verbose)
		(void)fprintf(stderr, "sealpost: %s: %s\n", what, text);
}

/* The end of a cause is no news where it is the command that ends it. */
static void
on_seal_alarm(
    void *ctx SP_UNUSED, const char *cause SP_UNUSED, const char *text)
{
	if (text != NULL)
		(void)fprintf(stderr, "sealpost: ALARM: %s\n", text);
}

/* Take the role of the sealer, unless it is held. */
static enum sp_code
open_seal(struct sp_host_local *l, struct sp_err *err)
{
	const struct sp_seal_report report = { on_seal_report, on_seal_alarm,
		l };
	enum sp_code rc;

	if (l->seal != NULL)
		return (SP_OK);
	rc = check_writable(l, err);
	if (rc == SP_OK)
		rc = sp_seal_open(l->app->dir, l->app->cfg, SP_APP_LOCK_WAIT_MS,
		    &report, &l->seal, err);
	return (rc);
}

enum sp_code
sp_host_local_new(
    struct sp_app *app, struct sp_host_local **out, struct sp_err *err)
{
	struct sp_host_local *l = sp_xcalloc(1, sizeof(*l));
	enum sp_code rc;

	l->app = app;
	rc = sp_account_find(app->dir, app->cfg, &l->account, err);
	if (rc == SP_OK)
		*out = l;
	else
		free(l);
	return (rc);
}

enum sp_code
sp_host_local_open(struct sp_host_local *l, struct sp_err *err)
{
	enter(l);
	return (leave(l, open_append(l, err)));
}

/* ---- appending ----------------------------------------------------------- */

enum sp_code
sp_host_local_event(struct sp_host_local *l, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err)
{
	enum sp_code rc;

	enter(l);
	rc = open_append(l, err);
	if (rc == SP_OK)
		rc = sp_append_event(l->append, name, detail, seq, err);
	return (leave(l, rc));
}

void
sp_host_local_on_answer(
    struct sp_host_local *l, sp_host_answer *answer, void *ctx)
{
	l->answer = answer;
	l->answer_ctx = ctx;
}

static void
free_message(struct queued_message *q)
{
	free(q->msg);
	free(q->source);
	json_decref(q->provenance);
}

static void
clear_queue(struct sp_host_local *l)
{
	for (size_t i = 0; i < l->queued; i++)
		free_message(&l->queue[i]);
	l->queued = 0;
	l->bytes = 0;
}

/* Tell the caller what became of message ${i} of the queue. */
static enum sp_code
answer(struct sp_host_local *l, size_t i, const struct sp_err *why,
    struct sp_err *err)
{
	return (l->answer(
	    l->answer_ctx, l->queue[i].tag, l->items[i].seq, why, err));
}

/* Commit the messages of the queue one by one, so that one that the log cannot
 * hold does not take the others with it. */
static enum sp_code
commit_each(struct sp_host_local *l, struct sp_err *err)
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

/* Commit the queue as one batch and answer each message of it. */
static enum sp_code
commit_queue(struct sp_host_local *l, struct sp_err *err)
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
	clear_queue(l);
	if (rc == SP_OK)
		rc = sp_append_tick(l->append, err);
	return (rc);
}

/* Who this process is by the kernel's word, as JSON; "" if that is not
 * known. */
static const char *
operator_of(struct sp_host_local *l)
{
	struct sp_buf b;

	if (l->operator_ != NULL)
		return (l->operator_);
	sp_buf_init(&b, 4096);
	if (sp_append_actor(&b) != SP_OK)
		sp_buf_clear(&b);
	l->operator_ = sp_buf_take(&b, NULL);
	return (l->operator_);
}

/* The facts of ${q} from its provenance, which it keeps. */
static enum sp_code
read_provenance(struct queued_message *q, struct sp_view provenance,
    const char *operator_, struct sp_err *err)
{
	const json_t *flags;
	enum sp_code rc = sp_json_load(provenance, &q->provenance, err);

	if (rc != SP_OK)
		return (rc);
	q->source = sp_host_source_json(q->provenance, operator_);
	if (q->source == NULL)
		return (sp_err_set(
		    err, SP_ELIMIT, 0, "the provenance is too long"));
	q->facts = (struct sp_facts){ .source = sp_view_str(q->source),
		.origin_date = sp_view_str(json_string_value(
		    json_object_get(q->provenance, "origin_date"))),
		.flags = q->flags };
	flags = json_object_get(q->provenance, "flags");
	for (size_t i = 0; i < json_array_size(flags) && i < FLAGS_MAX; i++)
		q->flags[q->facts.nflags++] =
		    json_string_value(json_array_get(flags, i));
	return (SP_OK);
}

/* Copy the message to the end of the queue, where there is room for it. */
static enum sp_code
enqueue(struct sp_host_local *l, const struct sp_host_message *m,
    struct sp_err *err)
{
	struct queued_message *q = &l->queue[l->queued];
	struct sp_append_item *item = &l->items[l->queued];
	enum sp_code rc;

	*q = (struct queued_message){ .tag = m->tag };
	rc = read_provenance(q, m->provenance, operator_of(l), err);
	if (rc != SP_OK) {
		free_message(q);
		return (rc);
	}
	q->msg = sp_view_dup(m->msg);
	*item = (struct sp_append_item){ .facts = &q->facts,
		.msg = sp_view_mem(q->msg, m->msg.n),
		.fd = -1 };
	sp_sha256_once(q->msg, m->msg.n, item->sha256);
	l->queued++;
	l->bytes += m->msg.n;
	return (SP_OK);
}

enum sp_code
sp_host_local_deliver(struct sp_host_local *l, const struct sp_host_message *m,
    struct sp_err *err)
{
	enum sp_code rc;

	enter(l);
	rc = open_append(l, err);
	if (rc == SP_OK)
		rc = enqueue(l, m, err);
	if (rc == SP_OK && (l->queued == QUEUE_MAX || l->bytes >= QUEUE_BYTES))
		rc = commit_queue(l, err);
	return (leave(l, rc));
}

enum sp_code
sp_host_local_flush(struct sp_host_local *l, struct sp_err *err)
{
	enter(l);
	return (leave(l, commit_queue(l, err)));
}

/* ---- sealing ------------------------------------------------------------- */

enum sp_code
sp_host_local_checkpoint(struct sp_host_local *l, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t size;

	enter(l);
	rc = open_seal(l, err);
	if (rc == SP_OK)
		rc = sp_seal_checkpoint(l->seal, &size, err);
	return (leave(l, rc));
}

enum sp_code
sp_host_local_cover(struct sp_host_local *l, uint64_t seq, struct sp_err *err)
{
	uint64_t size = 0;
	enum sp_code rc;

	enter(l);
	rc = open_seal(l, err);
	if (rc == SP_OK)
		rc = sp_seal_checkpoint(l->seal, &size, err);
	if (rc == SP_OK && size <= seq)
		rc = sp_err_set(err, SP_EMISMATCH, 0,
		    "the checkpoint covers %" PRIu64
		    " entries, but entry %" PRIu64
		    " was just written; run `sealpost verify`",
		    size, seq);
	if (rc == SP_OK)
		rc = sp_seal_keep_checkpoint(l->seal, err);
	return (leave(l, rc));
}

enum sp_code
sp_host_local_sign(struct sp_host_local *l, struct sp_view data,
    struct sp_buf *p7s, struct sp_err *err)
{
	enum sp_code rc;

	enter(l);
	rc = open_seal(l, err);
	if (rc == SP_OK)
		rc = sp_seal_sign(l->seal, data, p7s, err);
	return (leave(l, rc));
}

/* Checkpoint and pack everything that is in a finished intake file. */
static enum sp_code
pack_all(struct sp_host_local *l, struct sp_buf *text, struct sp_err *err)
{
	uint64_t size = 0, before = sp_seal_packed_end(l->seal);
	bool packed = true;
	enum sp_code rc = sp_seal_checkpoint(l->seal, &size, err);

	while (rc == SP_OK && packed)
		rc = sp_seal_pack(l->seal, &packed, err);
	if (rc == SP_OK)
		(void)!sp_buf_addf(text, "%" PRIu64 " %" PRIu64 " %" PRIu64,
		    sp_seal_packed_end(l->seal) - before,
		    sp_seal_packed_end(l->seal), size);
	return (rc);
}

enum sp_code
sp_host_local_seal(
    struct sp_host_local *l, struct sp_buf *text, struct sp_err *err)
{
	enum sp_code rc;

	enter(l);
	rc = open_append(l, err);
	if (rc == SP_OK)
		rc = sp_append_rotate(l->append, err);
	if (rc == SP_OK)
		rc = open_seal(l, err);
	if (rc == SP_OK)
		rc = pack_all(l, text, err);
	return (leave(l, rc));
}

/* ---- indexing ------------------------------------------------------------ */

struct indexing {
	const struct sp_app *app;
	struct sp_progress progress;
};

static void
on_index_report(void *ctx, const char *what, const char *text)
{
	const struct indexing *x = ctx;

	if (strcmp(what, "indexed") != 0 || x->app->verbose)
		(void)fprintf(stderr, "sealpost: index: %s: %s\n", what, text);
}

static bool
on_index_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct indexing *x = ctx;

	return (sp_progress_step(&x->progress, done, total));
}

/* With the role of the indexer, which is given up again: the index is opened
 * for one update only. */
static enum sp_code
update_index(struct sp_host_local *l, int64_t drop_since, struct sp_err *err)
{
	struct indexing x = { .app = l->app };
	const struct sp_index_report report = { on_index_report,
		on_index_progress, &x };
	struct sp_index *index = NULL;
	uint64_t behind = 0;
	enum sp_code rc;

	rc = sp_index_open(l->app->dir, l->app->cfg, SP_APP_LOCK_WAIT_MS,
	    &report, &index, err);
	if (rc != SP_OK)
		return (rc);
	sp_progress_init(&x.progress, l->app, "indexing", "entries");
	if (drop_since >= 0)
		rc = sp_index_drop(index, drop_since, err);
	if (rc == SP_OK)
		rc = sp_index_update(index, 0, &behind, err);
	sp_progress_end(&x.progress);
	sp_index_close(index);
	return (rc);
}

enum sp_code
sp_host_local_index(
    struct sp_host_local *l, int64_t drop_since, struct sp_err *err)
{
	enum sp_code rc;

	enter(l);
	rc = check_writable(l, err);
	if (rc == SP_OK)
		rc = update_index(l, drop_since, err);
	return (leave(l, rc));
}

void
sp_host_local_free(struct sp_host_local *l)
{
	if (l == NULL)
		return;
	clear_queue(l);
	sp_account_enter(&l->account);
	sp_seal_close(l->seal);
	sp_append_close(l->append);
	sp_account_leave(&l->account);
	free(l->operator_);
	free(l);
}
