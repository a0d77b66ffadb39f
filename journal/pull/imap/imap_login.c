/*
 * An IMAP session up to its authenticated state (RFC 3501 section 6.2, RFC
 * 9051 section 6.2), called once by imap.c:
 *
 *	greeting --> (CAPABILITY, STARTTLS) --> CAPABILITY --> login
 *	         --> CAPABILITY, unless the login had it --> ID, ENABLE
 *
 * With security = starttls a server that does not offer or refuses STARTTLS
 * gets no login.  The credential is the engine's; it is in buffers that are
 * wiped.
 */
#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "journal/pull/imap/imap_priv.h"
#include "journal/pull/imap/imap_name.h"
#include "journal/pull/sasl.h"

/* Read until the server has greeted. */
static enum sp_code
read_greeting(struct sp_imap *m, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && !m->server.greeted)
		rc = sp_imap_read(m, err);
	if (rc == SP_OK)
		sp_pull_step(m->pull, "greeting", true, "%s",
		    m->server.preauth ? "already logged in" : "IMAP");
	return (rc);
}

/* Ask for the capabilities, unless the server has said them by itself since
 * they were last forgotten. */
static enum sp_code
read_capabilities(struct sp_imap *m, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc;

	if (m->server.has_caps)
		return (SP_OK);
	rc = sp_imap_command(m, &d, err, "CAPABILITY");
	if (rc == SP_OK && (d.cond != SP_IMAP_OK || !m->server.has_caps))
		rc = sp_imap_refused(m, "CAPABILITY", &d, err);
	return (rc);
}

/* STARTTLS and the handshake; what the server offered before is forgotten (RFC
 * 3501 section 6.2.1). */
static enum sp_code
upgrade_to_tls(struct sp_imap *m, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc;

	/* Somebody between us and the server may have sent this PREAUTH. */
	if (m->server.preauth)
		return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_EPERM, err,
		    "the server logs in by itself before STARTTLS; use security = tls"));
	rc = read_capabilities(m, err);
	if (rc != SP_OK)
		return (rc);
	if ((m->server.caps & SP_IMAP_CAP_STARTTLS) == 0)
		return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_EPERM, err,
		    "the server does not offer STARTTLS; use security = tls, usually on port 993"));
	rc = sp_imap_command(m, &d, err, "STARTTLS");
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = sp_imap_refused(m, "STARTTLS", &d, err);
	/* The stream refuses bytes that came before the handshake. */
	if (rc == SP_OK)
		rc = sp_stream_starttls(m->s, err);
	m->channel.by_line = false;
	m->server.has_caps = false;
	m->server.caps = 0;
	return (rc);
}

/* End the session because the login was refused.  The codes say why (RFC
 * 5530); without one it is the credential (SP_PULL_AUTH), unless the
 * ${failure} of a token says that the configuration must change. */
static enum sp_code
login_refused(struct sp_imap *m, const char *how, const struct sp_imap_reply *d,
    enum sp_sasl_failure failure, const char *why, struct sp_err *err)
{
	enum sp_pull_trouble t = sp_imap_reply_trouble(m, d);

	switch (d->throttled ? SP_IMAP_C_LIMIT : (int)d->code) {
	case SP_IMAP_C_UNAVAILABLE:
	case SP_IMAP_C_SERVERBUG:
	case SP_IMAP_C_INUSE:
	case SP_IMAP_C_LIMIT:
	case SP_IMAP_C_OVERQUOTA:
	case SP_IMAP_C_THROTTLED:
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

/* Send ${b} and CRLF: the response in a continuation. */
static enum sp_code
send_line(struct sp_imap *m, struct sp_buf *b, struct sp_err *err)
{
	if (sp_buf_adds(b, "\r\n") != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the credentials are longer than %u bytes",
		    SP_IMAP_SECRET_MAX));
	return (sp_stream_write(m->s, b->p, b->n, err));
}

/* AUTHENTICATE ${mech} with the initial response ${ir}, in the command where
 * the server has SASL-IR (RFC 4959), else in the continuation.  ${dummy} is
 * what a challenge that announces a failure is answered with. */
static enum sp_code
authenticate(struct sp_imap *m, const char *mech, struct sp_buf *ir,
    const char *dummy, struct sp_err *err)
{
	enum sp_sasl_failure failure = SP_SASL_UNREADABLE;
	bool sent = (m->server.caps & SP_IMAP_CAP_SASL_IR) != 0, more = true;
	struct sp_imap_reply d;
	char why[200] = "", line[8];
	enum sp_code rc;
	unsigned tag;

	rc = sp_buf_addf(
	    &m->channel.out, "AUTHENTICATE %s%s", mech, sent ? " " : "");
	if (rc == SP_OK && sent)
		rc = sp_buf_addv(&m->channel.out, sp_buf_view(ir));
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0,
		    "the credentials are longer than %u bytes",
		    SP_IMAP_SECRET_MAX));
	m->channel.continued = false;
	rc = sp_imap_send_out(m, sent, &tag, err);
	while (rc == SP_OK && more) {
		rc = sp_imap_await_continuation(m, tag, &more, err);
		if (rc != SP_OK || !more)
			break;
		if (!sent) {
			sent = true;
			rc = send_line(m, ir, err);
			continue;
		}
		/* One more challenge announces a failure, and says why. */
		failure = sp_sasl_failure(
		    sp_buf_view(&m->channel.challenge), why, sizeof(why));
		(void)snprintf(line, sizeof(line), "%s\r\n", dummy);
		rc = sp_stream_write(m->s, line, strlen(line), err);
	}
	if (rc == SP_OK)
		rc = sp_imap_await(m, tag, &d, err);
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = login_refused(m, mech, &d, failure, why, err);
	return (rc);
}

/* Fail where the server does not offer the mechanism ${mech}. */
static enum sp_code
require_mechanism(
    struct sp_imap *m, unsigned cap, const char *mech, struct sp_err *err)
{
	char text[400];

	if ((m->server.caps & cap) != 0)
		return (SP_OK);
	return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_EPERM, err,
	    "the server does not offer AUTH=%s; it has %s", mech,
	    sp_imap_caps_text(m->server.caps, text, sizeof(text))));
}

/* Log in by the mechanism that ${how} says. */
static enum sp_code
login_sasl(struct sp_imap *m, enum sp_pull_auth how, struct sp_view secret,
    struct sp_err *err)
{
	struct sp_view user = sp_view_str(m->conf->user);
	struct sp_buf ir;
	enum sp_code rc = SP_EUSAGE;

	sp_buf_init(&ir, SP_IMAP_SECRET_MAX);
	switch (how) {
	case SP_PULL_PASSWORD:
	case SP_PULL_PLAIN:
		rc = require_mechanism(m, SP_IMAP_CAP_PLAIN, "PLAIN", err);
		if (rc == SP_OK)
			rc = sp_sasl_plain(&ir, user, secret, err);
		if (rc == SP_OK)
			rc = authenticate(m, "PLAIN", &ir, "*", err);
		break;
	case SP_PULL_XOAUTH2:
		rc = require_mechanism(m, SP_IMAP_CAP_XOAUTH2, "XOAUTH2", err);
		if (rc == SP_OK)
			rc = sp_sasl_xoauth2(&ir, user, secret, err);
		if (rc == SP_OK)
			rc = authenticate(
			    m, "XOAUTH2", &ir, SP_SASL_DUMMY_XOAUTH2, err);
		break;
	case SP_PULL_OAUTHBEARER:
		rc = require_mechanism(
		    m, SP_IMAP_CAP_OAUTHBEARER, "OAUTHBEARER", err);
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

/* Log in with LOGIN (RFC 3501 section 6.2.3), where name and password can
 * stand in quoted strings and the server allows it, else with AUTHENTICATE
 * PLAIN. */
static enum sp_code
login_plain(struct sp_imap *m, struct sp_view secret, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc;
	unsigned tag;

	if (m->server.caps & SP_IMAP_CAP_NOLOGIN)
		return (login_sasl(m, SP_PULL_PLAIN, secret, err));
	sp_buf_clear(&m->channel.out);
	rc = sp_buf_adds(&m->channel.out, "LOGIN ");
	if (rc == SP_OK)
		rc = sp_imap_quote(
		    sp_view_str(m->conf->user), false, &m->channel.out);
	if (rc == SP_OK)
		rc = sp_buf_addc(&m->channel.out, ' ');
	if (rc == SP_OK)
		rc = sp_imap_quote(secret, false, &m->channel.out);
	if (rc != SP_OK) {
		sp_sasl_wipe(&m->channel.out);
		return (login_sasl(m, SP_PULL_PLAIN, secret, err));
	}
	rc = sp_imap_send_out(m, true, &tag, err);
	if (rc == SP_OK)
		rc = sp_imap_await(m, tag, &d, err);
	if (rc == SP_OK && sp_sasl_reveals_secret(sp_view_str(d.text), secret))
		(void)snprintf(d.text, sizeof(d.text), "%s",
		    "(what repeats the password)");
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = login_refused(m, "LOGIN", &d, SP_SASL_UNREADABLE, "", err);
	return (rc);
}

/* Log in with the account's credential.  No text that repeats it is shown. */
static enum sp_code
log_in(struct sp_imap *m, struct sp_err *err)
{
	struct sp_buf secret;
	enum sp_code rc;

	sp_buf_init(&secret, SP_IMAP_SECRET_MAX);
	rc = sp_pull_credential(m->pull, &secret, err);
	/* They may be others once logged in. */
	m->server.has_caps = false;
	if (rc == SP_OK)
		rc = m->conf->auth == SP_PULL_PASSWORD
			 ? login_plain(m, sp_buf_view(&secret), err)
			 : login_sasl(
			       m, m->conf->auth, sp_buf_view(&secret), err);
	sp_sasl_wipe(&secret);
	sp_pull_step(m->pull, "login", rc == SP_OK, "%s",
	    rc == SP_OK ? m->conf->user : err->msg);
	return (rc);
}

/* Tell the server who we are (RFC 2971) and enable what helps (RFC 5161),
 * where it is offered; none of it must succeed. */
static enum sp_code
enable_extensions(struct sp_imap *m, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc = SP_OK;

	if (m->server.caps & SP_IMAP_CAP_ID)
		rc = sp_imap_command(m, &d, err,
		    "ID (\"name\" \"sealpost\" \"version\" \"%s\")",
		    SP_VERSION);
	if (rc == SP_OK && (m->server.caps & SP_IMAP_CAP_ENABLE) &&
	    (m->server.caps & (SP_IMAP_CAP_QRESYNC | SP_IMAP_CAP_UTF8)))
		rc = sp_imap_command(m, &d, err, "ENABLE%s%s",
		    m->server.caps & SP_IMAP_CAP_QRESYNC ? " QRESYNC" : "",
		    m->server.caps & SP_IMAP_CAP_UTF8 ? " UTF8=ACCEPT" : "");
	m->server.utf8_names =
	    (m->server.enabled & SP_IMAP_CAP_UTF8) != 0 ||
	    (m->server.caps & (SP_IMAP_CAP_REV1 | SP_IMAP_CAP_REV2)) ==
		SP_IMAP_CAP_REV2;
	return (rc);
}

/* After PREAUTH no login is sent. */
enum sp_code
sp_imap_login(struct sp_imap *m, struct sp_err *err)
{
	struct sp_err unwanted;
	char text[400];
	enum sp_code rc;

	if (err == NULL)
		err = &unwanted; /* steps repeat what it says */
	m->channel.by_line = m->conf->security == SP_PULL_STARTTLS;
	rc = read_greeting(m, err);
	if (rc == SP_OK && m->channel.by_line)
		rc = upgrade_to_tls(m, err);
	if (rc == SP_OK)
		rc = read_capabilities(m, err);
	if (rc == SP_OK && !m->server.preauth)
		rc = log_in(m, err);
	if (rc == SP_OK)
		rc = read_capabilities(m, err);
	if (rc == SP_OK)
		sp_pull_step(m->pull, "capabilities", true, "%s",
		    sp_imap_caps_text(m->server.caps, text, sizeof(text)));
	return (rc == SP_OK ? enable_extensions(m, err) : rc);
}
