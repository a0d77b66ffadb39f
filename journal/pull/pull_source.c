/*
 * The pull engine: what a source asks for (configuration, credentials, memos)
 * and what it reports of its session (steps, notes, failures, counts).
 * Contracts are in pull.h; messages themselves go through pull_deliver.c.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "journal/pull/pull_priv.h"

#define TEXT_MAX 600 /* bytes of a step, a note, a failure */

static void format_text(char out[TEXT_MAX], const char *fmt, va_list ap)
    SP_PRINTF(2, 0);

/* Format a text for people into ${out}.  Servers' words are in it, which must do
 * nothing to a terminal. */
static void
format_text(char out[TEXT_MAX], const char *fmt, va_list ap)
{
	(void)vsnprintf(out, TEXT_MAX, fmt, ap);
	sp_err_tame(out);
}

const struct sp_pull_conf *
sp_pull_conf(const struct sp_pull *p)
{
	return (p->opts.conf);
}

enum sp_pull_mode
sp_pull_mode(const struct sp_pull *p)
{
	return (p->mode);
}

/* The next credential after a refused token must be a fresh one; the runner is
 * told so once. */
enum sp_code
sp_pull_credential(struct sp_pull *p, struct sp_buf *out, struct sp_err *err)
{
	bool fresh = p->need_fresh_token;
	struct sp_err unwanted;
	enum sp_code rc;

	if (err == NULL)
		err = &unwanted; /* the step repeats what it says */
	p->need_fresh_token = false;
	rc = p->opts.credentials.get(p->opts.credentials.ctx, fresh, out, err);
	if (rc == SP_OK)
		return (SP_OK);
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
	format_text(text, fmt, ap);
	va_end(ap);
	p->r.trouble = why;
	return (sp_err_set(err, code, 0, "%s:%" PRIu64 ": %s",
	    p->opts.conf->server, p->opts.conf->port, text));
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

	if (p->opts.step == NULL || p->mode != SP_PULL_CHECK)
		return;
	va_start(ap, fmt);
	format_text(text, fmt, ap);
	va_end(ap);
	p->opts.step(p->opts.ctx, what, ok, text);
}

void
sp_pull_note(struct sp_pull *p, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (p->opts.note == NULL)
		return;
	va_start(ap, fmt);
	format_text(text, fmt, ap);
	va_end(ap);
	p->opts.note(p->opts.ctx, text);
}

void
sp_pull_want_another_session(struct sp_pull *p)
{
	p->another_session = true;
}

bool
sp_pull_last_alone(struct sp_pull *p)
{
	p->last_waits = p->another_session = true;
	return (p->last_alone);
}

void
sp_pull_set_message_count(struct sp_pull *p, uint64_t messages)
{
	p->r.in_mailbox = messages;
}

void
sp_pull_count_archived(struct sp_pull *p, uint64_t messages)
{
	p->r.known += messages;
}

bool
sp_pull_may_idle(const struct sp_pull *p)
{
	return (p->opts.may_idle);
}

struct sp_stream_wakeup *
sp_pull_wakeup(struct sp_pull *p)
{
	return (p->opts.wakeup);
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
