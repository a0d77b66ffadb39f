#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "journal/pull/imap/imap_priv.h"
#include "journal/pull/imap/imap_name.h"
#include "journal/pull/sasl.h"

static enum sp_code
greeting(struct sp_imap *m, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && !m->greeted)
		rc = sp_imap_read(m, err);
	if (rc == SP_OK)
		sp_pull_step(m->pull, "greeting", true, "%s",
		    m->preauth ? "already logged in" : "IMAP");
	return (rc);
}

static enum sp_code
capabilities(struct sp_imap *m, bool anew, struct sp_err *err)
{
	struct sp_imap_done d;
	enum sp_code rc;

	if (m->has_caps && !anew)
		return (SP_OK);
	rc = sp_imap_do(m, &d, err, "CAPABILITY");
	if (rc == SP_OK && (d.cond != SP_IMAP_OK || !m->has_caps))
		rc = sp_imap_refused(m, "CAPABILITY", &d, err);
	return (rc);
}

static enum sp_code
starttls(struct sp_imap *m, struct sp_err *err)
{
	struct sp_imap_done d;
	enum sp_code rc;

	/* PREAUTH before TLS: whoever sits between may have said it. */
	if (m->preauth)
		return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_EPERM, err,
		    "the server logs in by itself before STARTTLS; use security = tls"));
	rc = capabilities(m, false, err);
	if (rc != SP_OK)
		return (rc);
	if ((m->caps & SP_IMAP_CAP_STARTTLS) == 0)
		return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_EPERM, err,
		    "the server does not offer STARTTLS; use security = tls, usually on port 993"));
	rc = sp_imap_do(m, &d, err, "STARTTLS");
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = sp_imap_refused(m, "STARTTLS", &d, err);
	/* The stream refuses bytes that came before the handshake. */
	if (rc == SP_OK)
		rc = sp_stream_starttls(m->s, err);
	m->by_line = false;
	m->has_caps = false;
	m->caps = 0;
	return (rc);
}

/* The failure of a login: what the engine does next depends on it. */
static enum sp_code
denied(struct sp_imap *m, const char *how, const struct sp_imap_done *d,
    enum sp_sasl_failure failure, const char *why, struct sp_err *err)
{
	enum sp_pull_trouble t = sp_imap_trouble(d->code);

	switch ((int)d->code) {
	case SP_IMAP_C_UNAVAILABLE:
	case SP_IMAP_C_SERVERBUG:
	case SP_IMAP_C_INUSE:
	case SP_IMAP_C_LIMIT:
	case SP_IMAP_C_OVERQUOTA:
	case SP_IMAP_C_PRIVACYREQUIRED:
		break;
	default:
		t = SP_PULL_AUTH;
		break;
	}
	if (t == SP_PULL_AUTH &&
	    (failure == SP_SASL_SCOPE || failure == SP_SASL_REQUEST))
		t = SP_PULL_CONFIG;
	return (sp_pull_fail(m->pull, t,
	    t == SP_PULL_AUTH || t == SP_PULL_CONFIG ? SP_EPERM : SP_EAGAIN,
	    err, "%s for %s was refused: %s%s%s", how, m->conf->user, d->text,
	    why[0] != '\0' ? "; " : "", why));
}

/* Read until the server wants more, or has answered. */
static enum sp_code
go_on(struct sp_imap *m, unsigned tag, bool *more, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	bool over = false;

	while (rc == SP_OK && !m->go_on && !over) {
		for (size_t i = 0; i < SP_IMAP_FLIGHT; i++)
			over |= m->done[i].tag == tag && m->done[i].done;
		if (!over)
			rc = sp_imap_read(m, err);
	}
	*more = m->go_on;
	m->go_on = false;
	return (rc);
}

static enum sp_code
put_line(struct sp_imap *m, struct sp_buf *b, struct sp_err *err)
{
	if (sp_buf_adds(b, "\r\n") != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the credentials are longer than %u bytes",
		    SP_IMAP_SECRET_MAX));
	return (sp_stream_write(m->s, b->p, b->n, err));
}

/* AUTHENTICATE with the initial response ${ir}; SASL-IR or not. */
static enum sp_code
authenticate(struct sp_imap *m, const char *mech, struct sp_buf *ir,
    const char *dummy, struct sp_err *err)
{
	enum sp_sasl_failure failure = SP_SASL_UNREADABLE;
	bool sent = (m->caps & SP_IMAP_CAP_SASL_IR) != 0, more = true;
	struct sp_imap_done d;
	char why[200] = "", line[8];
	enum sp_code rc;
	unsigned tag;

	rc = sp_buf_addf(&m->out, "AUTHENTICATE %s%s", mech, sent ? " " : "");
	if (rc == SP_OK && sent)
		rc = sp_buf_addv(&m->out, sp_buf_view(ir));
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0,
		    "the credentials are longer than %u bytes",
		    SP_IMAP_SECRET_MAX));
	m->go_on = false;
	rc = sp_imap_send_out(m, sent, &tag, err);
	while (rc == SP_OK && more) {
		rc = go_on(m, tag, &more, err);
		if (rc != SP_OK || !more)
			break;
		if (!sent) {
			sent = true;
			rc = put_line(m, ir, err);
			continue;
		}
		/* A challenge behind it announces the failure, with reasons. */
		failure = sp_sasl_failure(
		    sp_buf_view(&m->go_on_text), why, sizeof(why));
		(void)snprintf(line, sizeof(line), "%s\r\n", dummy);
		rc = sp_stream_write(m->s, line, strlen(line), err);
	}
	if (rc == SP_OK)
		rc = sp_imap_await(m, tag, &d, err);
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = denied(m, mech, &d, failure, why, err);
	return (rc);
}

static enum sp_code
need(struct sp_imap *m, unsigned cap, const char *mech, struct sp_err *err)
{
	char text[400];

	if ((m->caps & cap) != 0)
		return (SP_OK);
	return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_EPERM, err,
	    "the server does not offer AUTH=%s; it has %s", mech,
	    sp_imap_caps_text(m->caps, text, sizeof(text))));
}

static enum sp_code
sasl(struct sp_imap *m, enum sp_pull_auth how, struct sp_view secret,
    struct sp_err *err)
{
	struct sp_view user = sp_view_str(m->conf->user);
	struct sp_buf ir;
	enum sp_code rc = SP_EUSAGE;

	sp_buf_init(&ir, SP_IMAP_SECRET_MAX);
	switch (how) {
	case SP_PULL_PASSWORD:
	case SP_PULL_PLAIN:
		rc = need(m, SP_IMAP_CAP_PLAIN, "PLAIN", err);
		if (rc == SP_OK)
			rc = sp_sasl_plain(&ir, user, secret, err);
		if (rc == SP_OK)
			rc = authenticate(m, "PLAIN", &ir, "*", err);
		break;
	case SP_PULL_XOAUTH2:
		rc = need(m, SP_IMAP_CAP_XOAUTH2, "XOAUTH2", err);
		if (rc == SP_OK)
			rc = sp_sasl_xoauth2(&ir, user, secret, err);
		if (rc == SP_OK)
			rc = authenticate(
			    m, "XOAUTH2", &ir, SP_SASL_DUMMY_XOAUTH2, err);
		break;
	case SP_PULL_OAUTHBEARER:
		rc = need(m, SP_IMAP_CAP_OAUTHBEARER, "OAUTHBEARER", err);
		if (rc == SP_OK)
			rc = sp_sasl_oauthbearer(&ir, user, secret,
			    m->conf->server, (uint16_t)m->conf->port, err);
		if (rc == SP_OK)
			rc = authenticate(m, "OAUTHBEARER", &ir,
			    SP_SASL_DUMMY_OAUTHBEARER, err);
		break;
	}
	sp_sasl_wipe(&ir);
	return (rc);
}

/* LOGIN, where name and password can stand in quotes. */
static enum sp_code
login(struct sp_imap *m, struct sp_view secret, struct sp_err *err)
{
	struct sp_imap_done d;
	enum sp_code rc;
	unsigned tag;

	if (m->caps & SP_IMAP_CAP_NOLOGIN)
		return (sasl(m, SP_PULL_PLAIN, secret, err));
	sp_buf_clear(&m->out);
	rc = sp_buf_adds(&m->out, "LOGIN ");
	if (rc == SP_OK)
		rc = sp_imap_quote(sp_view_str(m->conf->user), false, &m->out);
	if (rc == SP_OK)
		rc = sp_buf_addc(&m->out, ' ');
	if (rc == SP_OK)
		rc = sp_imap_quote(secret, false, &m->out);
	if (rc != SP_OK) {
		sp_sasl_wipe(&m->out);
		return (sasl(m, SP_PULL_PLAIN, secret, err));
	}
	rc = sp_imap_send_out(m, true, &tag, err);
	if (rc == SP_OK)
		rc = sp_imap_await(m, tag, &d, err);
	if (rc == SP_OK && sp_sasl_repeats(sp_view_str(d.text), secret))
		(void)snprintf(d.text, sizeof(d.text), "%s",
		    "(what repeats the password)");
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = denied(m, "LOGIN", &d, SP_SASL_UNREADABLE, "", err);
	return (rc);
}

static enum sp_code
credentials(struct sp_imap *m, struct sp_err *err)
{
	struct sp_buf secret;
	enum sp_code rc;

	sp_buf_init(&secret, SP_IMAP_SECRET_MAX);
	rc = sp_pull_credential(m->pull, &secret, err);
	/* Said again once logged in, or asked for. */
	m->has_caps = false;
	if (rc == SP_OK)
		rc = m->conf->auth == SP_PULL_PASSWORD
			 ? login(m, sp_buf_view(&secret), err)
			 : sasl(m, m->conf->auth, sp_buf_view(&secret), err);
	sp_sasl_wipe(&secret);
	sp_pull_step(m->pull, "login", rc == SP_OK, "%s",
	    rc == SP_OK ? m->conf->user : err->msg);
	return (rc);
}

/* What helps, where it is offered; none of it must succeed. */
static enum sp_code
enable(struct sp_imap *m, struct sp_err *err)
{
	struct sp_imap_done d;
	enum sp_code rc = SP_OK;

	if (m->caps & SP_IMAP_CAP_ID)
		rc = sp_imap_do(m, &d, err,
		    "ID (\"name\" \"sealpost\" \"version\" \"%s\")",
		    SP_VERSION);
	if (rc == SP_OK && (m->caps & SP_IMAP_CAP_ENABLE) &&
	    (m->caps & (SP_IMAP_CAP_QRESYNC | SP_IMAP_CAP_UTF8)))
		rc = sp_imap_do(m, &d, err, "ENABLE%s%s",
		    m->caps & SP_IMAP_CAP_QRESYNC ? " QRESYNC" : "",
		    m->caps & SP_IMAP_CAP_UTF8 ? " UTF8=ACCEPT" : "");
	m->utf8 = (m->enabled & SP_IMAP_CAP_UTF8) != 0 ||
		  (m->caps & (SP_IMAP_CAP_REV1 | SP_IMAP_CAP_REV2)) ==
		      SP_IMAP_CAP_REV2;
	return (rc);
}

enum sp_code
sp_imap_login(struct sp_imap *m, struct sp_err *err)
{
	char text[400];
	enum sp_code rc;

	m->by_line = m->conf->security == SP_PULL_STARTTLS;
	rc = greeting(m, err);
	if (rc == SP_OK && m->by_line)
		rc = starttls(m, err);
	if (rc == SP_OK)
		rc = capabilities(m, false, err);
	if (rc == SP_OK && !m->preauth)
		rc = credentials(m, err);
	if (rc == SP_OK)
		rc = capabilities(m, false, err);
	if (rc == SP_OK)
		sp_pull_step(m->pull, "capabilities", true, "%s",
		    sp_imap_caps_text(m->caps, text, sizeof(text)));
	return (rc == SP_OK ? enable(m, err) : rc);
}
