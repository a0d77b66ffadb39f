/*
 * An IMAP session: commands out, responses in (imap_priv.h).  Every other file
 * of the session sends through here.  While it waits for the reply to a
 * command all other responses come in here, too, and are handed to where they
 * belong:
 *
 *	tagged		the reply of a command, in m->channel.replies
 *	+		m->channel.continued, challenge
 *	OK NO BAD BYE	apply_code() for the code, m->bye
 *	CAPABILITY, ENABLED, EXISTS, EXPUNGE	noted in struct sp_imap
 *	FETCH		imap_list.c while listing, imap_body.c for content,
 *			imap_fetch.c for what did not come
 *	VANISHED, LIST	imap_mailbox.c
 *
 * A command has the tag "s" and its number.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/pull/imap/imap_priv.h"
#include "journal/pull/imap/imap_scan.h"
#include "journal/pull/sasl.h"
#include "journal/pull/throttle.h"

#define READ_MAX (256u << 10)

/* The place of the command ${tag} (0: a free one); NULL: there is none. */
static struct sp_imap_reply *
find_command(struct sp_imap *m, unsigned tag)
{
	for (size_t i = 0; i < SP_IMAP_PIPELINE_MAX; i++) {
		if (m->channel.replies[i].tag == tag)
			return (&m->channel.replies[i]);
	}
	return (NULL);
}

/* The tag is put before the command in place, so that all goes out as one
 * write, which is one TLS record. */
enum sp_code
sp_imap_send_out(
    struct sp_imap *m, bool secret, unsigned *tag, struct sp_err *err)
{
	struct sp_imap_reply *d = find_command(m, 0);
	char head[16];
	enum sp_code rc;

	if (d == NULL)
		return (sp_err_set(
		    err, SP_ELIMIT, 0, "too many commands on their way"));
	*d = (struct sp_imap_reply){ .tag = ++m->channel.last_tag };
	*tag = d->tag;
	(void)snprintf(head, sizeof(head), "s%u ", d->tag);
	if (sp_buf_reserve(&m->channel.out, sizeof(head) + 2) == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0, "a command is too long"));
	memmove(m->channel.out.p + strlen(head), m->channel.out.p,
	    m->channel.out.n);
	memcpy(m->channel.out.p, head, strlen(head));
	m->channel.out.n += strlen(head);
	memcpy(m->channel.out.p + m->channel.out.n, "\r\n", 2);
	m->channel.out.n += 2;
	rc = sp_stream_write(m->s, m->channel.out.p, m->channel.out.n, err);
	if (secret)
		sp_sasl_wipe(&m->channel.out);
	sp_buf_clear(&m->channel.out);
	return (rc);
}

/* sp_imap_send() with the arguments of its ${fmt} in ${ap}. */
SP_PRINTF(4, 0)
static enum sp_code
send_formatted(struct sp_imap *m, unsigned *tag, struct sp_err *err,
    const char *fmt, va_list ap)
{
	char *text = NULL;
	int n = vasprintf(&text, fmt, ap);
	enum sp_code rc = SP_EIO;

	if (n >= 0)
		rc = sp_buf_add(&m->channel.out, text, (size_t)n);
	free(text);
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	return (sp_imap_send_out(m, false, tag, err));
}

enum sp_code
sp_imap_send(
    struct sp_imap *m, unsigned *tag, struct sp_err *err, const char *fmt, ...)
{
	enum sp_code rc;
	va_list ap;

	va_start(ap, fmt);
	rc = send_formatted(m, tag, err, fmt, ap);
	va_end(ap);
	return (rc);
}

enum sp_code
sp_imap_command(struct sp_imap *m, struct sp_imap_reply *out,
    struct sp_err *err, const char *fmt, ...)
{
	enum sp_code rc;
	unsigned tag;
	va_list ap;

	va_start(ap, fmt);
	rc = send_formatted(m, &tag, err, fmt, ap);
	va_end(ap);
	return (rc == SP_OK ? sp_imap_await(m, tag, out, err) : rc);
}

enum sp_code
sp_imap_send_set(struct sp_imap *m, const char *tail, struct sp_imap_reply *out,
    struct sp_err *err)
{
	enum sp_code rc = sp_buf_addf(&m->channel.out, " %s", tail);
	unsigned tag;

	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	rc = sp_imap_send_out(m, false, &tag, err);
	return (rc == SP_OK ? sp_imap_await(m, tag, out, err) : rc);
}

enum sp_pull_trouble
sp_imap_trouble(enum sp_imap_code code)
{
	switch ((int)code) {
	case SP_IMAP_C_AUTHENTICATIONFAILED:
	case SP_IMAP_C_AUTHORIZATIONFAILED:
	case SP_IMAP_C_EXPIRED:
		return (SP_PULL_AUTH);
	case SP_IMAP_C_INUSE:
	case SP_IMAP_C_LIMIT:
	case SP_IMAP_C_OVERQUOTA:
	case SP_IMAP_C_THROTTLED:
		return (SP_PULL_THROTTLE);
	case SP_IMAP_C_PRIVACYREQUIRED:
	case SP_IMAP_C_NONEXISTENT:
	case SP_IMAP_C_NOPERM:
	case SP_IMAP_C_TRYCREATE:
		return (SP_PULL_CONFIG);
	default:
		return (SP_PULL_NETWORK);
	}
}

enum sp_pull_trouble
sp_imap_reply_trouble(struct sp_imap *m, const struct sp_imap_reply *d)
{
	if (!d->throttled)
		return (sp_imap_trouble(d->code));
	sp_pull_wait_at_least(m->pull, d->wait);
	return (SP_PULL_THROTTLE);
}

enum sp_code
sp_imap_refused(struct sp_imap *m, const char *what,
    const struct sp_imap_reply *d, struct sp_err *err)
{
	enum sp_pull_trouble why = sp_imap_reply_trouble(m, d);

	return (sp_pull_fail(m->pull, why,
	    why == SP_PULL_CONFIG || why == SP_PULL_AUTH ? SP_EPERM : SP_EAGAIN,
	    err, "the server refused %s: %s", what,
	    d->text[0] != '\0' ? d->text : "it did not say why"));
}

/* Keep what a reply says: its code, "[CODE] text" cut to what fits, and whether
 * it asks for patience. */
static void
keep_reply(struct sp_imap_reply *d, const struct sp_imap_status *st)
{
	d->cond = st->cond;
	d->code = st->code;
	(void)snprintf(d->text, sizeof(d->text), "%s%.*s%s%.*s",
	    st->name.n > 0 ? "[" : "", (int)(st->name.n < 40 ? st->name.n : 40),
	    st->name.n > 0 ? st->name.p : "", st->name.n > 0 ? "] " : "",
	    (int)(st->text.n < 180 ? st->text.n : 180),
	    st->text.n > 0 ? st->text.p : "");
	d->wait = 0;
	d->throttled = sp_throttle_words(sp_view_str(d->text), &d->wait) ||
		       sp_imap_trouble(st->code) == SP_PULL_THROTTLE;
}

/* Act on a response code, wherever it stands.  Codes that are not here change
 * nothing (RFC 9051 section 7.1: unknown ones are ignored). */
static void
apply_code(struct sp_imap *m, const struct sp_imap_status *st)
{
	struct sp_imap_selected *b = &m->box;

	switch ((int)st->code) {
	case SP_IMAP_C_CAPABILITY:
		m->server.caps = sp_imap_caps(st->args);
		m->server.has_caps = true;
		break;
	case SP_IMAP_C_ALERT:
		sp_pull_note(m->pull, "the server alerts: %.*s",
		    (int)(st->text.n < 400 ? st->text.n : 400), st->text.p);
		break;
	case SP_IMAP_C_UIDVALIDITY:
		/* The UIDs of the list keep the meaning that they had. */
		if (b->open && st->number != b->uidvalidity)
			m->box.renumbered = true;
		else
			b->uidvalidity = st->number;
		break;
	case SP_IMAP_C_UIDNEXT:
		b->uidnext = st->number;
		break;
	case SP_IMAP_C_HIGHESTMODSEQ:
		b->modseq = st->number;
		break;
	case SP_IMAP_C_NOMODSEQ:
		b->modseq = 0;
		break;
	case SP_IMAP_C_READ_ONLY:
		b->read_only = true;
		break;
	case SP_IMAP_C_READ_WRITE:
		b->read_only = false;
		break;
	case SP_IMAP_C_PERMANENTFLAGS:
		b->keeps_deleted = memmem(st->args.p == NULL ? "" : st->args.p,
				       st->args.n, "\\Deleted", 8) != NULL;
		break;
	default:
		break;
	}
}

/* The selected mailbox got another UIDVALIDITY: what its UIDs name is no
 * longer known, and the next session begins anew. */
static enum sp_code
check_uidvalidity(const struct sp_imap *m, struct sp_err *err)
{
	return (
	    !m->box.renumbered
		? SP_OK
		: sp_err_set(err, SP_EFORMAT, 0,
		      "the server changed UIDVALIDITY of the open mailbox"));
}

/* The reply to a command.  SP_EFORMAT: that command was not sent, or is
 * answered. */
static enum sp_code
on_tagged(
    struct sp_imap *m, const struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_imap_reply *d = NULL;
	struct sp_view v = r->tag;
	uint64_t n;

	if (v.n > 1 && v.p[0] == 's' &&
	    sp_imap_number(sp_view_mem(v.p + 1, v.n - 1), &n) && n > 0 &&
	    n <= m->channel.last_tag)
		d = find_command(m, (unsigned)n);
	if (d == NULL || d->done)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "the server answers a command that was not sent: %.*s",
		    (int)(v.n < 40 ? v.n : 40), v.p));
	d->done = true;
	m->channel.chatter = 0;
	keep_reply(d, &r->status);
	apply_code(m, &r->status);
	return (check_uidvalidity(m, err));
}

/* The greeting (RFC 3501 section 7.1): OK, PREAUTH or BYE; a server that does
 * not want us now may say NO. */
static enum sp_code
on_greeting(
    struct sp_imap *m, const struct sp_imap_status *st, struct sp_err *err)
{
	struct sp_imap_reply d = { .tag = 0 };

	m->server.preauth = st->cond == SP_IMAP_PREAUTH;
	if (st->cond == SP_IMAP_OK || m->server.preauth)
		return (SP_OK);
	keep_reply(&d, st);
	return (sp_imap_refused(m, "the connection", &d, err));
}

/* Untagged OK, NO, BAD, BYE or PREAUTH; the first is the greeting.  A warning
 * is no failure, but one that says how long to wait is heeded at once. */
static enum sp_code
on_status(
    struct sp_imap *m, const struct sp_imap_status *st, struct sp_err *err)
{
	struct sp_imap_reply d = { .tag = 0 };

	apply_code(m, st);
	if (st->cond == SP_IMAP_BYE) {
		m->bye.received = true;
		keep_reply(&m->bye.said, st);
	} else if (!m->server.greeted) {
		enum sp_code rc = on_greeting(m, st, err);

		if (rc != SP_OK)
			return (rc);
	} else if (st->cond == SP_IMAP_NO || st->cond == SP_IMAP_BAD) {
		keep_reply(&d, st);
		if (d.throttled && d.wait > 0)
			return (sp_imap_refused(m, "to go on", &d, err));
	}
	m->server.greeted = true;
	return (check_uidvalidity(m, err));
}

/* "+": keep the text behind it. */
static enum sp_code
on_continuation(
    struct sp_imap *m, const struct sp_imap_response *r, struct sp_err *err)
{
	sp_buf_clear(&m->channel.challenge);
	m->channel.continued = true;
	if (sp_buf_addv(&m->channel.challenge, r->text) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the server's challenge is longer than %zu bytes",
		    m->channel.challenge.max));
	return (SP_OK);
}

/* Event of the parser: a response is complete. */
static enum sp_code
on_response(void *ctx, const struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_imap *m = ctx;

	if (!m->server.greeted && r->kind != SP_IMAP_STATUS)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "the server does not greet"));
	switch (r->kind) {
	case SP_IMAP_TAGGED:
		return (on_tagged(m, r, err));
	case SP_IMAP_CONTINUE:
		return (on_continuation(m, r, err));
	case SP_IMAP_STATUS:
		return (on_status(m, &r->status, err));
	case SP_IMAP_CAPABILITY:
		m->server.caps = sp_imap_caps(r->text);
		m->server.has_caps = true;
		break;
	case SP_IMAP_ENABLED:
		m->server.enabled |= sp_imap_caps(r->text);
		break;
	case SP_IMAP_EXISTS:
		m->box.new_mail = true;
		m->box.exists = r->number;
		break;
	case SP_IMAP_EXPUNGE:
		if (m->box.exists > 0)
			m->box.exists--;
		sp_imap_on_expunged(m);
		break;
	case SP_IMAP_FETCH:
		if (m->phase == SP_IMAP_P_LIST)
			sp_imap_on_listed(m, &r->fetch);
		else if (m->phase == SP_IMAP_P_RECHECK)
			sp_imap_on_rechecked(m, &r->fetch);
		return (sp_imap_on_fetch_end(m, &r->fetch, err));
	case SP_IMAP_VANISHED:
		sp_imap_on_vanished(m, r->set, r->earlier);
		break;
	case SP_IMAP_LIST:
		sp_imap_on_list(m, &r->list);
		break;
	case SP_IMAP_SEARCH:
	case SP_IMAP_MAILBOX_STATUS:
	case SP_IMAP_OTHER:
		break;
	}
	return (SP_OK);
}

static enum sp_code
on_body(void *ctx, const struct sp_imap_fetch *head, bool partial,
    uint64_t offset, uint64_t size, struct sp_err *err)
{
	return (sp_imap_on_body(ctx, head, partial, offset, size, err));
}

static enum sp_code
on_data(void *ctx, const char *p, size_t n, struct sp_err *err)
{
	struct sp_imap *m = ctx;

	if (m->receiving.how != DROP)
		m->channel.chatter -=
		    n < m->channel.chatter ? n : m->channel.chatter;
	return (sp_imap_on_data(ctx, p, n, err));
}

/* Before STARTTLS: read a line, and nothing behind it, so that no byte that
 * was sent before the handshake is taken for an answer under TLS. */
static enum sp_code
read_line(struct sp_imap *m, struct sp_err *err)
{
	struct sp_view v;
	enum sp_code rc = sp_stream_read_line(m->s, SP_IMAP_LINE_MAX, &v, err);

	if (rc == SP_OK && v.n > 0)
		rc = sp_imap_parser_feed(m->channel.parser, v.p, v.n, err);
	if (rc == SP_OK)
		rc = sp_imap_parser_feed(m->channel.parser, "\r\n", 2, err);
	return (rc);
}

/* A server that goes on and on and never answers is left: it would hold the
 * session, and the account, for ever. */
static enum sp_code
count_chatter(struct sp_imap *m, size_t n, struct sp_err *err)
{
	m->channel.chatter += n;
	if (m->channel.chatter <= SP_IMAP_CHATTER_MAX)
		return (SP_OK);
	return (sp_err_set(err, SP_ELIMIT, 0,
	    "the server sent %" PRIu64
	    " bytes and no reply to the last command",
	    m->channel.chatter));
}

/* After BYE the session fails with the text of BYE, whatever else went wrong,
 * unless we asked for it. */
enum sp_code
sp_imap_read(struct sp_imap *m, struct sp_err *err)
{
	struct sp_view v;
	enum sp_code rc;

	if (m->channel.parser == NULL) {
		m->channel.events = (struct sp_imap_events){ .body = on_body,
			.data = on_data,
			.response = on_response,
			.ctx = m };
		m->channel.parser = sp_imap_parser_new(&m->channel.events);
	}
	if (m->channel.by_line) {
		rc = read_line(m, err);
	} else {
		rc = sp_stream_read(m->s, READ_MAX, &v, err);
		if (rc == SP_OK)
			rc = count_chatter(m, v.n, err);
		if (rc == SP_OK)
			rc = sp_imap_parser_feed(
			    m->channel.parser, v.p, v.n, err);
	}
	/* The text of BYE says more than that the connection was closed. */
	if (m->bye.received && !m->bye.logging_out && rc != SP_EINTERRUPT)
		return (sp_pull_fail(m->pull,
		    sp_imap_reply_trouble(m, &m->bye.said), SP_EAGAIN, err,
		    "the server ended the session: %s", m->bye.said.text));
	return (rc);
}

enum sp_code
sp_imap_await(struct sp_imap *m, unsigned tag, struct sp_imap_reply *out,
    struct sp_err *err)
{
	struct sp_imap_reply *d = find_command(m, tag);
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && !d->done)
		rc = sp_imap_read(m, err);
	if (rc != SP_OK)
		return (rc);
	*out = *d;
	*d = (struct sp_imap_reply){ .tag = 0 };
	return (SP_OK);
}

enum sp_code
sp_imap_await_continuation(
    struct sp_imap *m, unsigned tag, bool *continued, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	bool answered = false;

	while (rc == SP_OK && !m->channel.continued && !answered) {
		for (size_t i = 0; i < SP_IMAP_PIPELINE_MAX; i++)
			answered |= m->channel.replies[i].tag == tag &&
				    m->channel.replies[i].done;
		if (!answered)
			rc = sp_imap_read(m, err);
	}
	*continued = m->channel.continued;
	m->channel.continued = false;
	return (rc);
}
