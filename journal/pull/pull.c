/*
 * The pull engine: visits and sessions of one account (pull.h).  It connects,
 * runs the source (POP3 or IMAP), decides whether another session follows, and
 * keeps the table of what the log has.  sp_pull_visit() is called by whoever
 * runs the account (app/host); what a source calls is in pull_source.c and
 * pull_deliver.c.
 *
 * What it knows of the log:
 *
 *	NOT COMPLETE --(state file, then the log from there on)--> COMPLETE
 *	COMPLETE --(an answer is unknown, the sink failed)--> NOT COMPLETE
 *
 * It fetches only while that is complete (known_complete), so that nothing is
 * taken twice.
 */
#include "journal/pull/pull.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "journal/pull/pull_priv.h"

#define KEYS_MAX    (4u << 20) /* bytes of one answer of the log */
#define SAVE_EVERY  (60 * SP_SECOND) /* in a long row of sessions */
#define ASK_LOG_END UINT64_MAX /* sink.pulled: how far does it reach? */

struct sp_pull *
sp_pull_new(const struct sp_pull_opts *opts)
{
	struct sp_pull *p = sp_xcalloc(1, sizeof(*p));

	p->opts = *opts;
	p->state_path =
	    sp_xasprintf("%s/state/pull/%s", opts->dir, opts->conf->name);
	/* Another server or user is another mailbox, where the same UIDL or
	 * UID names another message. */
	p->mailbox_id = sp_xasprintf(
	    "%s %s %s", opts->conf->name, opts->conf->server, opts->conf->user);
	p->known = sp_ids_new();
	p->scan = sp_whole_scan_new();
	sp_pull_hold_init(p);
	p->pending.prev = p->pending.next = &p->pending;
	return (p);
}

void
sp_pull_free(struct sp_pull *p)
{
	if (p == NULL)
		return;
	sp_pull_reset(p);
	sp_pull_hold_done(p);
	sp_whole_scan_free(p->scan);
	sp_ids_free(p->known);
	free(p->durable.tags);
	free(p->state_path);
	free(p->mailbox_id);
	free(p);
}

/* ---- what the log has --------------------------------------------------- */

/* Add a message of the log to the table.  Evidence of a bad copy is no capture;
 * it is only not to be stored again. */
static void
add_entry(struct sp_pull *p, const struct sp_pull_entry *e)
{
	struct sp_doubts *doubts = sp_ids_doubts(p->known);
	struct sp_doubt *d;

	if (!e->doubtful) {
		sp_ids_add_content(p->known, e->key, e->content);
		sp_doubts_drop(doubts, e->key);
		return;
	}
	if (sp_ids_count(p->known, e->key) > 0)
		return;
	d = sp_doubts_add(doubts, e->key, "");
	if (d == NULL)
		return;
	d->stored = true;
	memcpy(d->content, e->content, sizeof(d->content));
}

/* Fill the table of what the archive has: from the state file, unless the
 * runner does not trust it, and from the log behind what the file covers.
 * Stops with SP_EINTERRUPT where it is asked to. */
static enum sp_code
read_known_from_log(struct sp_pull *p, struct sp_err *err)
{
	uint64_t at = 0, next;
	struct sp_pull_entry e;
	struct sp_buf keys;
	enum sp_code rc = SP_OK;
	bool end = false;

	if (!p->opts.ignore_state_file)
		sp_ids_load(p->known, p->state_path, p->mailbox_id, &at);
	sp_buf_init(&keys, KEYS_MAX);
	while (rc == SP_OK && !end) {
		sp_buf_clear(&keys);
		rc = p->opts.sink.pulled(
		    p->opts.sink.ctx, at, &keys, &next, &end, err);
		if (rc != SP_OK)
			break;
		for (size_t i = 0; i + sizeof(e) <= keys.n; i += sizeof(e)) {
			memcpy(&e, keys.p + i, sizeof(e));
			add_entry(p, &e);
		}
		at = next;
		if (sp_stream_stopped(p->opts.wakeup))
			rc = sp_err_set(err, SP_EINTERRUPT, 0, "interrupted");
	}
	sp_buf_done(&keys);
	p->known_complete = rc == SP_OK;
	p->covered = at;
	return (rc == SP_OK ? SP_OK
			    : sp_err_prefix(err, "asking what is archived"));
}

/* Note how far the log reaches now.  Nothing is on its way, so whatever the
 * log has of this account is in the table.  Where the log cannot be asked the
 * old mark stays, which is only less. */
static void
advance_covered(struct sp_pull *p)
{
	struct sp_buf none;
	uint64_t next;
	bool end;

	sp_buf_init(&none, 1);
	if (p->opts.sink.pulled(p->opts.sink.ctx, ASK_LOG_END, &none, &next,
		&end, NULL) == SP_OK &&
	    next > p->covered)
		p->covered = next;
	sp_buf_done(&none);
}

/* Write the table to the state file.  Not while messages are on their way: the
 * file says that it holds all that the log has. */
static enum sp_code
save(struct sp_pull *p, struct sp_err *err)
{
	char *dir;
	enum sp_code rc;

	if (!p->known_complete || p->pending.next != &p->pending)
		return (SP_OK);
	advance_covered(p);
	dir = sp_io_parent(p->state_path, NULL);
	rc = sp_io_mkdir(dir, 0700, err);
	free(dir);
	if (rc == SP_OK)
		rc = sp_ids_save(
		    p->known, p->state_path, p->mailbox_id, p->covered, err);
	p->saved_at = sp_clock_boot();
	return (rc);
}

/* Write the state file if it misses something, or none was written yet. */
static enum sp_code
save_if_changed(struct sp_pull *p, struct sp_err *err)
{
	if (!sp_ids_changed(p->known) && p->saved_at != 0)
		return (SP_OK);
	return (save(p, err));
}

enum sp_code
sp_pull_begin_idle(struct sp_pull *p, struct sp_err *err)
{
	enum sp_code rc = save_if_changed(p, err);

	if (rc == SP_OK && p->opts.idling != NULL) {
		sp_pull_sum_doubts(p);
		p->opts.idling(p->opts.ctx, &p->r);
		sp_doubts_visit(sp_ids_doubts(p->known));
		p->r.renamed = p->r.taken = p->r.bytes = p->r.known = 0;
		p->r.deleted = p->r.skipped = p->r.lost = 0;
	}
	return (rc);
}

/* ---- a session ---------------------------------------------------------- */

static enum sp_stream_security
security_of(const struct sp_pull_conf *c)
{
	switch (c->security) {
	case SP_PULL_TLS:
		return (SP_STREAM_TLS);
	case SP_PULL_STARTTLS:
		return (SP_STREAM_STARTTLS);
	case SP_PULL_CLEAR:
		break;
	}
	return (SP_STREAM_NONE);
}

/* The POP3 and IMAP time-out: how long each wait for the server may take,
 * microseconds.  `timeout` of the section; its default is
 * SP_CONFIG_PULL_TIMEOUT. */
static int64_t
server_timeout(const struct sp_pull_conf *c)
{
	return ((int64_t)c->timeout * SP_SECOND);
}

static void
report_step(void *ctx, const char *what, bool ok, const char *text)
{
	sp_pull_step(ctx, what, ok, "%s", text);
}

/* Connect to the server of the account, as its section says.  A certificate,
 * file or proxy that is no good is the configuration's fault, anything else
 * the network's. */
static enum sp_code
connect_server(struct sp_pull *p, struct sp_stream **out, struct sp_err *err)
{
	const struct sp_pull_conf *c = p->opts.conf;
	const struct sp_stream_opts opts = { .host = c->server,
		.port = (uint16_t)c->port,
		.proxy = c->proxy,
		.security = security_of(c),
		.ca = c->ca,
		.crl = c->crl,
		.pins = (const char *const *)c->fingerprint.v,
		.npins = c->fingerprint.n,
		.timeout = server_timeout(c),
		.wakeup = p->opts.wakeup,
		.step = report_step,
		.ctx = p };
	enum sp_code rc = sp_stream_connect(&opts, out, err);

	if (rc == SP_EPERM || rc == SP_EKEY || rc == SP_EUSAGE)
		p->r.trouble = SP_PULL_CONFIG;
	return (rc);
}

/* Connect once, let the source work, and wait for the archive's answers.  The
 * reason of a failure is in p->r.trouble. */
static enum sp_code
run_session(struct sp_pull *p, struct sp_err *err)
{
	struct sp_stream *s = NULL;
	struct sp_err flush_err = { .msg = "" };
	enum sp_code rc;

	p->r.trouble = SP_PULL_NETWORK;
	p->another_session = p->listing_complete = p->asked.any = false;
	p->last_waits = false;
	p->session = sp_clock_wall();
	p->sink_error.code = SP_OK;
	p->durable.n = p->durable.next = 0;
	sp_ids_listing_begin(p->known);
	sp_doubts_session(sp_ids_doubts(p->known));
	rc = connect_server(p, &s, err);
	if (rc != SP_OK)
		return (rc);
	sp_pull_remember_link(p, s);
	rc = p->opts.source(p, s, err);
	sp_stream_close(s);
	/* What came whole is archived, whatever happened to the connection. */
	sp_pull_abort(p);
	if (p->mode == SP_PULL_FETCH && sp_pull_flush(p, &flush_err) != SP_OK &&
	    rc == SP_OK) {
		*err = flush_err;
		rc = flush_err.code;
	}
	if (rc != SP_OK && rc != SP_EINTERRUPT && p->sink_error.code != SP_OK)
		p->r.trouble = SP_PULL_STORE;
	return (rc);
}

static bool
uses_token(const struct sp_pull_conf *c)
{
	return (c->auth == SP_PULL_XOAUTH2 || c->auth == SP_PULL_OAUTHBEARER);
}

/* Sessions until the source wants no more, one of them fails otherwise than at
 * a message, or one of them gets nothing done. */
static enum sp_code
run_sessions(struct sp_pull *p, struct sp_err *err)
{
	enum sp_code rc;
	bool renewed = false;

	for (;;) {
		uint64_t before = p->r.taken + p->r.deleted + p->fetches;

		rc = run_session(p, err);
		if (rc == SP_OK)
			renewed = false;
		if (rc != SP_OK && p->r.trouble == SP_PULL_AUTH &&
		    uses_token(p->opts.conf) && !renewed) {
			/* The token may have expired since: once more. */
			renewed = p->need_fresh_token = true;
			continue;
		}
		/* The fresh one, too: the account may not do this. */
		if (rc != SP_OK && p->r.trouble == SP_PULL_AUTH && renewed) {
			p->r.trouble = SP_PULL_CONFIG;
			return (sp_err_prefix(
			    err, "two tokens were refused, one of them fresh"));
		}
		/* Everything else can still come. */
		if (rc != SP_OK && rc != SP_EINTERRUPT &&
		    p->mode == SP_PULL_FETCH && sp_pull_session_broke(p, err))
			continue;
		if (rc != SP_OK || !p->another_session)
			return (rc);
		/* Else a server that makes no progress would be asked for
		 * ever. */
		if (p->r.taken + p->r.deleted + p->fetches == before) {
			if (!p->last_waits || p->last_alone)
				return (SP_OK);
			p->last_alone = true;
		}
		if (sp_clock_boot() - p->saved_at > SAVE_EVERY)
			(void)!save(p, NULL);
	}
}

/* ---- a visit ------------------------------------------------------------ */

/* What is doubtful is summed up, and the table saved, however it ended. */
enum sp_code
sp_pull_visit(struct sp_pull *p, enum sp_pull_mode mode,
    struct sp_pull_result *out, struct sp_err *err)
{
	struct sp_err unwanted, save_err = { .msg = "" };
	enum sp_code rc = SP_OK;

	/* Sources and sinks fill it, and steps repeat what it says. */
	if (err == NULL)
		err = &unwanted;
	p->mode = mode;
	p->r = (struct sp_pull_result){ .trouble = SP_PULL_STORE };
	if (!p->known_complete)
		rc = read_known_from_log(p, err);
	sp_doubts_visit(sp_ids_doubts(p->known));
	p->fetches = p->breaks = 0;
	p->unnamed_done = p->renames = p->last_alone = false;
	if (rc == SP_OK)
		rc = run_sessions(p, err);
	if (p->r.renamed > 0)
		sp_pull_note(p,
		    "%" PRIu64
		    " messages are in the archive under names that the server does not use any more; they were known by their content and not archived again: does the server give new names (%s) in every session?",
		    p->r.renamed,
		    p->opts.conf->type == SP_PULL_POP3 ? "UIDL"
						       : "UIDVALIDITY");
	sp_pull_sum_doubts(p);
	if (mode == SP_PULL_FETCH && save_if_changed(p, &save_err) != SP_OK)
		sp_pull_note(
		    p, "the state could not be saved: %s", save_err.msg);
	*out = p->r;
	return (rc);
}
