/*
 * The engine: visits.  What it knows of the log:
 *
 *	NOT LEARNT --(state file, then the log from there on)--> LEARNT
 *	LEARNT --(an answer is unknown, the sink failed)--> NOT LEARNT
 *
 * Only a LEARNT engine fetches, so that nothing is taken twice.
 */
#include "journal/pull/pull.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "journal/pull/pull_priv.h"

#define KEYS_MAX   (4u << 20) /* bytes of one answer */
#define SAVE_EACH  (60 * SP_SECOND)
#define TEXT_MAX   600
#define ASK_AFRESH UINT64_MAX /* "how far is the log?" */

struct sp_pull *
sp_pull_new(const struct sp_pull_opts *opts)
{
	struct sp_pull *p = sp_xcalloc(1, sizeof(*p));

	p->o = *opts;
	p->state =
	    sp_xasprintf("%s/state/pull/%s", opts->dir, opts->conf->name);
	/* Another server or user is another mailbox, with ids of its own. */
	p->whose = sp_xasprintf(
	    "%s %s %s", opts->conf->name, opts->conf->server, opts->conf->user);
	p->known = sp_ids_new();
	p->head.prev = p->head.next = &p->head;
	return (p);
}

void
sp_pull_free(struct sp_pull *p)
{
	if (p == NULL)
		return;
	sp_pull_reset(p);
	sp_ids_free(p->known);
	free(p->durable);
	free(p->state);
	free(p->whose);
	free(p);
}

/* ---- what the log has --------------------------------------------------- */

static enum sp_code
learn(struct sp_pull *p, struct sp_err *err)
{
	uint64_t at = 0, next;
	struct sp_buf keys;
	enum sp_code rc = SP_OK;
	bool end = false;

	if (!p->o.log_alone)
		sp_ids_load(p->known, p->state, p->whose, &at);
	sp_buf_init(&keys, KEYS_MAX);
	while (rc == SP_OK && !end) {
		sp_buf_clear(&keys);
		rc = p->o.sink.pulled(
		    p->o.sink.ctx, at, &keys, &next, &end, err);
		if (rc != SP_OK)
			break;
		for (size_t i = 0; i + SP_IDS_KEY <= keys.n; i += SP_IDS_KEY)
			sp_ids_add(p->known, (const uint8_t *)keys.p + i);
		at = next;
		if (sp_stream_stopped(p->o.bell))
			rc = sp_err_set(err, SP_EINTERRUPT, 0, "interrupted");
	}
	sp_buf_done(&keys);
	p->learnt = rc == SP_OK;
	p->covered = at;
	return (rc == SP_OK ? SP_OK
			    : sp_err_prefix(err, "asking what is archived"));
}

/* Nothing is in hand: whatever the log has of this account is known. */
static void
cover(struct sp_pull *p)
{
	struct sp_buf none;
	uint64_t next;
	bool end;

	sp_buf_init(&none, 1);
	if (p->o.sink.pulled(
		p->o.sink.ctx, ASK_AFRESH, &none, &next, &end, NULL) == SP_OK &&
	    next > p->covered)
		p->covered = next;
	sp_buf_done(&none);
}

static enum sp_code
save(struct sp_pull *p, struct sp_err *err)
{
	char *dir;
	enum sp_code rc;

	if (!p->learnt || p->head.next != &p->head)
		return (SP_OK);
	cover(p);
	dir = sp_io_parent(p->state, NULL);
	rc = sp_io_mkdir(dir, 0700, err);
	free(dir);
	if (rc == SP_OK)
		rc = sp_ids_save(p->known, p->state, p->whose, p->covered, err);
	p->saved = sp_clock_boot();
	return (rc);
}

static enum sp_code
save_if_changed(struct sp_pull *p, struct sp_err *err)
{
	if (!sp_ids_changed(p->known) && p->saved != 0)
		return (SP_OK);
	return (save(p, err));
}

enum sp_code
sp_pull_rest(struct sp_pull *p, struct sp_err *err)
{
	enum sp_code rc = save_if_changed(p, err);

	if (rc == SP_OK && p->o.rested != NULL) {
		p->o.rested(p->o.ctx, &p->r);
		p->r.taken = p->r.bytes = p->r.known = 0;
		p->r.deleted = p->r.skipped = 0;
	}
	return (rc);
}

/* ---- a visit ------------------------------------------------------------ */

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

static void
on_step(void *ctx, const char *what, bool ok, const char *text)
{
	sp_pull_step(ctx, what, ok, "%s", text);
}

static enum sp_code
connect_to(struct sp_pull *p, struct sp_stream **out, struct sp_err *err)
{
	const struct sp_pull_conf *c = p->o.conf;
	const struct sp_stream_opts opts = { .host = c->server,
		.port = (uint16_t)c->port,
		.proxy = c->proxy,
		.security = security_of(c),
		.ca = c->ca,
		.crl = c->crl,
		.pins = (const char *const *)c->fingerprint.v,
		.npins = c->fingerprint.n,
		.timeout = (int64_t)c->timeout * SP_SECOND,
		.bell = p->o.bell,
		.step = on_step,
		.ctx = p };
	enum sp_code rc = sp_stream_connect(&opts, out, err);

	if (rc == SP_EPERM || rc == SP_EKEY || rc == SP_EUSAGE)
		p->r.trouble = SP_PULL_CONFIG;
	return (rc);
}

static enum sp_code
session(struct sp_pull *p, struct sp_err *err)
{
	struct sp_stream *s = NULL;
	struct sp_err later = { .msg = "" };
	enum sp_code rc;

	p->r.trouble = SP_PULL_NETWORK;
	p->told = false;
	p->again = false;
	p->store.code = SP_OK;
	p->ndurable = p->durable_at = 0;
	sp_ids_begin(p->known);
	rc = connect_to(p, &s, err);
	if (rc != SP_OK)
		return (rc);
	sp_pull_link(p, s);
	rc = p->o.source(p, s, err);
	sp_stream_close(s);
	/* What came whole is good, whatever happened to the connection. */
	sp_pull_abort(p);
	if (p->mode == SP_PULL_FETCH && sp_pull_flush(p, &later) != SP_OK &&
	    rc == SP_OK) {
		*err = later;
		rc = later.code;
	}
	if (rc != SP_OK && rc != SP_EINTERRUPT && p->store.code != SP_OK)
		p->r.trouble = SP_PULL_STORE;
	return (rc);
}

static bool
uses_token(const struct sp_pull_conf *c)
{
	return (c->auth == SP_PULL_XOAUTH2 || c->auth == SP_PULL_OAUTHBEARER);
}

static enum sp_code
sessions(struct sp_pull *p, struct sp_err *err)
{
	enum sp_code rc;
	bool renewed = false;

	for (;;) {
		uint64_t before = p->r.taken + p->r.deleted;

		rc = session(p, err);
		if (rc == SP_OK)
			renewed = false;
		if (rc != SP_OK && p->r.trouble == SP_PULL_AUTH &&
		    uses_token(p->o.conf) && !renewed) {
			/* A token that has expired since: once more. */
			renewed = p->fresh_token = true;
			continue;
		}
		/* Also the fresh one: the account may not do this. */
		if (rc != SP_OK && p->r.trouble == SP_PULL_AUTH && renewed) {
			p->r.trouble = SP_PULL_CONFIG;
			return (sp_err_prefix(
			    err, "two tokens were refused, one of them fresh"));
		}
		if (rc != SP_OK || !p->again)
			return (rc);
		/* A server that never gets on would be asked for ever. */
		if (p->r.taken + p->r.deleted == before)
			return (SP_OK);
		if (sp_clock_boot() - p->saved > SAVE_EACH)
			(void)!save(p, NULL);
	}
}

enum sp_code
sp_pull_visit(struct sp_pull *p, enum sp_pull_mode mode,
    struct sp_pull_result *out, struct sp_err *err)
{
	struct sp_err late = { .msg = "" };
	enum sp_code rc = SP_OK;

	p->mode = mode;
	p->r = (struct sp_pull_result){ .trouble = SP_PULL_STORE };
	if (!p->learnt)
		rc = learn(p, err);
	if (rc == SP_OK)
		rc = sessions(p, err);
	if (mode == SP_PULL_FETCH && save_if_changed(p, &late) != SP_OK)
		sp_pull_note(p, "the state could not be saved: %s", late.msg);
	*out = p->r;
	return (rc);
}

/* ---- small things for sources ------------------------------------------- */

const struct sp_pull_conf *
sp_pull_conf(const struct sp_pull *p)
{
	return (p->o.conf);
}

enum sp_pull_mode
sp_pull_mode(const struct sp_pull *p)
{
	return (p->mode);
}

enum sp_code
sp_pull_credential(struct sp_pull *p, struct sp_buf *out, struct sp_err *err)
{
	bool again = p->fresh_token;
	enum sp_code rc;

	p->fresh_token = false;
	rc = p->o.credentials.get(p->o.credentials.ctx, again, out, err);
	if (rc == SP_OK)
		return (SP_OK);
	p->told = true;
	p->r.trouble = rc == SP_EAGAIN ? SP_PULL_NETWORK : SP_PULL_CONFIG;
	sp_pull_step(p, "credential", false, "%s", err->msg);
	return (rc);
}

enum sp_code
sp_pull_fail(struct sp_pull *p, enum sp_pull_trouble why, enum sp_code code,
    struct sp_err *err, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->told = true;
	p->r.trouble = why;
	return (sp_err_set(err, code, 0, "%s:%" PRIu64 ": %s",
	    p->o.conf->server, p->o.conf->port, text));
}

void
sp_pull_wait_at_least(struct sp_pull *p, uint64_t seconds)
{
	if (seconds > p->r.wait)
		p->r.wait = seconds;
}

void
sp_pull_step(struct sp_pull *p, const char *what, bool ok, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (p->o.step == NULL || p->mode != SP_PULL_CHECK)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->o.step(p->o.ctx, what, ok, text);
}

void
sp_pull_note(struct sp_pull *p, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (p->o.note == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->o.note(p->o.ctx, text);
}

void
sp_pull_again(struct sp_pull *p)
{
	p->again = true;
}

void
sp_pull_there(struct sp_pull *p, uint64_t messages)
{
	p->r.there = messages;
}

void
sp_pull_had(struct sp_pull *p, uint64_t messages)
{
	p->r.known += messages;
}

bool
sp_pull_may_stay(const struct sp_pull *p)
{
	return (p->o.stay);
}

struct sp_stream_bell *
sp_pull_bell(struct sp_pull *p)
{
	return (p->o.bell);
}

const char *
sp_pull_memo(const struct sp_pull *p, struct sp_view key)
{
	return (sp_ids_memo(p->known, key));
}

void
sp_pull_set_memo(struct sp_pull *p, struct sp_view key, struct sp_view text)
{
	sp_ids_set_memo(p->known, key, text);
}
