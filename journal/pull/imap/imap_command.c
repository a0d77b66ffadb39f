#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/pull/imap/imap_priv.h"
#include "journal/pull/imap/imap_scan.h"
#include "journal/pull/sasl.h"

#define READ_MAX (256u << 10)

static struct sp_imap_done *
slot(struct sp_imap *m, unsigned tag)
{
	for (size_t i = 0; i < SP_IMAP_FLIGHT; i++) {
		if (m->done[i].tag == tag)
			return (&m->done[i]);
	}
	return (NULL);
}

enum sp_code
sp_imap_send_out(
    struct sp_imap *m, bool secret, unsigned *tag, struct sp_err *err)
{
	struct sp_imap_done *d = slot(m, 0);
	char head[16];
	enum sp_code rc;

	if (d == NULL)
		return (sp_err_set(
		    err, SP_ELIMIT, 0, "too many commands on their way"));
	*d = (struct sp_imap_done){ .tag = ++m->tags };
	*tag = d->tag;
	(void)snprintf(head, sizeof(head), "s%u ", d->tag);
	/* One write, so that it is one TLS record. */
	if (sp_buf_reserve(&m->out, sizeof(head) + 2) == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0, "a command is too long"));
	memmove(m->out.p + strlen(head), m->out.p, m->out.n);
	memcpy(m->out.p, head, strlen(head));
	m->out.n += strlen(head);
	memcpy(m->out.p + m->out.n, "\r\n", 2);
	m->out.n += 2;
	rc = sp_stream_write(m->s, m->out.p, m->out.n, err);
	if (secret)
		sp_sasl_wipe(&m->out);
	sp_buf_clear(&m->out);
	return (rc);
}

SP_PRINTF(4, 0)
static enum sp_code
vsend(struct sp_imap *m, unsigned *tag, struct sp_err *err, const char *fmt,
    va_list ap)
{
	char *text = NULL;
	int n = vasprintf(&text, fmt, ap);
	enum sp_code rc = SP_EIO;

	if (n >= 0)
		rc = sp_buf_add(&m->out, text, (size_t)n);
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
	rc = vsend(m, tag, err, fmt, ap);
	va_end(ap);
	return (rc);
}

enum sp_code
sp_imap_do(struct sp_imap *m, struct sp_imap_done *out, struct sp_err *err,
    const char *fmt, ...)
{
	enum sp_code rc;
	unsigned tag;
	va_list ap;

	va_start(ap, fmt);
	rc = vsend(m, &tag, err, fmt, ap);
	va_end(ap);
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

enum sp_code
sp_imap_refused(struct sp_imap *m, const char *what,
    const struct sp_imap_done *d, struct sp_err *err)
{
	enum sp_pull_trouble why = sp_imap_trouble(d->code);

	return (sp_pull_fail(m->pull, why,
	    why == SP_PULL_CONFIG || why == SP_PULL_AUTH ? SP_EPERM : SP_EAGAIN,
	    err, "the server refused %s: %s", what,
	    d->text[0] != '\0' ? d->text : "it did not say why"));
}

static void
keep_text(char *to, size_t size, const struct sp_imap_status *st)
{
	(void)snprintf(to, size, "%s%.*s%s%.*s", st->name.n > 0 ? "[" : "",
	    (int)(st->name.n < 40 ? st->name.n : 40),
	    st->name.n > 0 ? st->name.p : "", st->name.n > 0 ? "] " : "",
	    (int)(st->text.n < 180 ? st->text.n : 180),
	    st->text.n > 0 ? st->text.p : "");
}

/* A code, wherever it stands. */
static void
heed_code(struct sp_imap *m, const struct sp_imap_status *st)
{
	struct sp_imap_box *b = &m->box;

	switch ((int)st->code) {
	case SP_IMAP_C_CAPABILITY:
		m->caps = sp_imap_caps(st->args);
		m->has_caps = true;
		break;
	case SP_IMAP_C_ALERT:
		sp_pull_note(m->pull, "the server alerts: %.*s",
		    (int)(st->text.n < 400 ? st->text.n : 400), st->text.p);
		break;
	case SP_IMAP_C_UIDVALIDITY:
		/* UIDs that are in hand keep the meaning they had. */
		if (b->open && st->number != b->uidvalidity)
			m->renumbered = true;
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

/* The mailbox was made anew under our hands: the next session begins again. */
static enum sp_code
same_numbers(const struct sp_imap *m, struct sp_err *err)
{
	return (
	    !m->renumbered
		? SP_OK
		: sp_err_set(err, SP_EFORMAT, 0,
		      "the server changed UIDVALIDITY of the open mailbox"));
}

static enum sp_code
tagged(struct sp_imap *m, const struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_imap_done *d = NULL;
	struct sp_view v = r->tag;
	uint64_t n;

	if (v.n > 1 && v.p[0] == 's' &&
	    sp_imap_number(sp_view_mem(v.p + 1, v.n - 1), &n) && n > 0 &&
	    n <= m->tags)
		d = slot(m, (unsigned)n);
	if (d == NULL || d->done)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "the server answers a command that was not sent: %.*s",
		    (int)(v.n < 40 ? v.n : 40), v.p));
	d->done = true;
	d->cond = r->status.cond;
	d->code = r->status.code;
	keep_text(d->text, sizeof(d->text), &r->status);
	heed_code(m, &r->status);
	return (same_numbers(m, err));
}

static enum sp_code
status(struct sp_imap *m, const struct sp_imap_status *st, struct sp_err *err)
{
	heed_code(m, st);
	if (st->cond == SP_IMAP_BYE) {
		m->bye = true;
		m->bye_code = st->code;
		keep_text(m->bye_text, sizeof(m->bye_text), st);
	} else if (!m->greeted) {
		m->preauth = st->cond == SP_IMAP_PREAUTH;
		if (st->cond != SP_IMAP_OK && !m->preauth)
			return (sp_err_set(err, SP_EFORMAT, 0,
			    "the server's greeting is none"));
	}
	m->greeted = true;
	return (same_numbers(m, err));
}

static enum sp_code
continuation(
    struct sp_imap *m, const struct sp_imap_response *r, struct sp_err *err)
{
	sp_buf_clear(&m->go_on_text);
	m->go_on = true;
	if (sp_buf_addv(&m->go_on_text, r->text) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the server's challenge is longer than %zu bytes",
		    m->go_on_text.max));
	return (SP_OK);
}

static void
searched(struct sp_imap *m, struct sp_view set)
{
	uint32_t low, high;

	while (m->search_uid != 0 && sp_imap_set_next(&set, &low, &high))
		m->search_hit |= low <= m->search_uid && m->search_uid <= high;
}

static enum sp_code
on_response(void *ctx, const struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_imap *m = ctx;

	if (!m->greeted && r->kind != SP_IMAP_STATUS)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "the server does not greet"));
	switch (r->kind) {
	case SP_IMAP_TAGGED:
		return (tagged(m, r, err));
	case SP_IMAP_CONTINUE:
		return (continuation(m, r, err));
	case SP_IMAP_STATUS:
		return (status(m, &r->status, err));
	case SP_IMAP_CAPABILITY:
		m->caps = sp_imap_caps(r->text);
		m->has_caps = true;
		break;
	case SP_IMAP_ENABLED:
		m->enabled |= sp_imap_caps(r->text);
		break;
	case SP_IMAP_EXISTS:
		m->news = true;
		m->box.exists = r->number;
		break;
	case SP_IMAP_EXPUNGE:
		if (m->box.exists > 0)
			m->box.exists--;
		break;
	case SP_IMAP_FETCH:
		if (m->phase == SP_IMAP_P_LIST)
			sp_imap_listed(m, &r->fetch);
		return (sp_imap_take_end(m, &r->fetch, err));
	case SP_IMAP_VANISHED:
		sp_imap_vanished(m, r->set, r->earlier);
		break;
	case SP_IMAP_LIST:
		sp_imap_found(m, &r->list);
		break;
	case SP_IMAP_SEARCH:
		searched(m, r->set);
		break;
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
	return (sp_imap_take_body(ctx, head, partial, offset, size, err));
}

static enum sp_code
on_data(void *ctx, const char *p, size_t n, struct sp_err *err)
{
	return (sp_imap_take_data(ctx, p, n, err));
}

/* Before STARTTLS: a line, and nothing that stands behind it. */
static enum sp_code
read_line(struct sp_imap *m, struct sp_err *err)
{
	struct sp_view v;
	enum sp_code rc = sp_stream_line(m->s, SP_IMAP_LINE_MAX, &v, err);

	if (rc == SP_OK && v.n > 0)
		rc = sp_imap_parser_feed(m->parser, v.p, v.n, err);
	if (rc == SP_OK)
		rc = sp_imap_parser_feed(m->parser, "\r\n", 2, err);
	return (rc);
}

enum sp_code
sp_imap_read(struct sp_imap *m, struct sp_err *err)
{
	struct sp_view v;
	enum sp_code rc;

	if (m->parser == NULL) {
		m->ev = (struct sp_imap_events){ .body = on_body,
			.data = on_data,
			.response = on_response,
			.ctx = m };
		m->parser = sp_imap_parser_new(&m->ev);
	}
	if (m->by_line) {
		rc = read_line(m, err);
	} else {
		rc = sp_stream_some(m->s, READ_MAX, &v, err);
		if (rc == SP_OK)
			rc = sp_imap_parser_feed(m->parser, v.p, v.n, err);
	}
	/* What it said before it went tells more than that it went. */
	if (m->bye && !m->leaving && rc != SP_EINTERRUPT)
		return (sp_pull_fail(m->pull, sp_imap_trouble(m->bye_code),
		    SP_EAGAIN, err, "the server ended the session: %s",
		    m->bye_text));
	return (rc);
}

enum sp_code
sp_imap_await(struct sp_imap *m, unsigned tag, struct sp_imap_done *out,
    struct sp_err *err)
{
	struct sp_imap_done *d = slot(m, tag);
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && !d->done)
		rc = sp_imap_read(m, err);
	if (rc != SP_OK)
		return (rc);
	*out = *d;
	*d = (struct sp_imap_done){ .tag = 0 };
	return (SP_OK);
}
