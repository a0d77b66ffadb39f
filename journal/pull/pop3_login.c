/*
 * A POP3 session up to the end of its AUTHORIZATION state (RFC 1939 section
 * 4), and below it, for all of the session, sending commands and reading
 * replies (pop3_priv.h).
 *
 *	greeting --> CAPA --> (STLS --> CAPA) --> (UTF8) --> login --> CAPA
 *
 * With security = starttls a server that refuses STLS gets no login.  What it
 * offered before TLS is forgotten (RFC 2595 section 4).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/pull/pop3_priv.h"
#include "journal/pull/sasl.h"
#include "journal/pull/throttle.h"

#define LOGIN_DELAY_SECONDS 60 /* where the server names none */
#define EMPTY_LINES_MAX	    100 /* between two replies */
#define OVERLONG_KEPT	    2000 /* bytes of a line that is too long */
#define OVERLONG_MAX	    ((size_t)16 << 20)

enum sp_code
sp_pop3_send_line(struct sp_pop3 *c, const char *line, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, 4 * SP_SASL_MAX);
	rc = sp_buf_adds(&b, line);
	if (rc == SP_OK)
		rc = sp_buf_adds(&b, "\r\n");
	rc = rc == SP_OK ? sp_stream_write(c->s, b.p, b.n, err)
			 : sp_err_set(err, rc, 0, "a command is too long");
	sp_sasl_wipe(&b);
	return (rc);
}

/* Empty lines before a reply are passed over: some servers send one behind a
 * message. */
enum sp_code
sp_pop3_read_reply(struct sp_pop3 *c, struct sp_err *err)
{
	struct sp_view line;
	enum sp_code rc;
	int empty = 0;

	do
		rc = sp_stream_read_line(c->s, SP_POP3_LINE_MAX, &line, err);
	while (rc == SP_OK && line.n == 0 && ++empty < EMPTY_LINES_MAX);
	if (rc != SP_OK)
		return (rc);
	sp_pop3_reply(line, &c->reply);
	if (c->reply.status != SP_POP3_INVALID)
		return (SP_OK);
	return (sp_pull_fail(c->p, SP_PULL_NETWORK, SP_EFORMAT, err,
	    "this is no POP3 reply: %.*s", (int)(line.n > 100 ? 100 : line.n),
	    line.n > 0 ? line.p : ""));
}

enum sp_code
sp_pop3_command(struct sp_pop3 *c, const char *line, struct sp_err *err)
{
	enum sp_code rc = sp_pop3_send_line(c, line, err);

	return (rc == SP_OK ? sp_pop3_read_reply(c, err) : rc);
}

/* A line of a listing is longer than any may be: keep its beginning in
 * ${kept} and pass over the rest, so that the others can be read. */
static enum sp_code
skip_overlong(struct sp_pop3 *c, char kept[OVERLONG_KEPT], struct sp_view *line,
    struct sp_err *err)
{
	size_t passed = 0;

	*line = sp_view_mem(kept, 0);
	while (passed < OVERLONG_MAX) {
		struct sp_view in;
		enum sp_code rc = sp_stream_peek(c->s, &in, err);
		const char *lf;
		size_t n;

		if (rc != SP_OK)
			return (rc);
		lf = memchr(in.p, '\n', in.n);
		n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;
		for (size_t i = 0; i < n && line->n < OVERLONG_KEPT; i++)
			kept[line->n++] = in.p[i];
		sp_stream_consume(c->s, n);
		if (lf != NULL)
			return (SP_OK);
		passed += n;
	}
	return (sp_err_set(
	    err, SP_ELIMIT, 0, "a line of more than %zu bytes", OVERLONG_MAX));
}

/* Lines without anything are passed over. */
enum sp_code
sp_pop3_read_lines(struct sp_pop3 *c,
    enum sp_code (*line)(void *ctx, struct sp_view text, struct sp_err *err),
    void *ctx, struct sp_err *err)
{
	char kept[OVERLONG_KEPT];
	enum sp_code rc = SP_OK;
	struct sp_view v;

	while (rc == SP_OK) {
		rc = sp_stream_read_line(c->s, SP_POP3_LINE_MAX, &v, err);
		if (rc == SP_ELIMIT)
			rc = skip_overlong(c, kept, &v, err);
		if (rc != SP_OK)
			break;
		if (sp_view_eq_str(v, "."))
			return (SP_OK);
		if (v.n > 0 && v.p[0] == '.')
			v = sp_view_mem(v.p + 1, v.n - 1);
		if (v.n > 0)
			rc = line(ctx, v, err);
	}
	return (rc);
}

bool
sp_pop3_asks_for_patience(const struct sp_pop3 *c)
{
	uint64_t seconds;

	return (c->reply.status == SP_POP3_ERR &&
		(c->reply.code == SP_POP3_IN_USE ||
		    c->reply.code == SP_POP3_LOGIN_DELAY ||
		    sp_throttle_words(c->reply.line, &seconds)));
}

/* The answer of the server is in the message, with what to do about it. */
enum sp_code
sp_pop3_refused(struct sp_pop3 *c, const char *what,
    enum sp_pull_trouble otherwise, struct sp_err *err)
{
	static const struct {
		enum sp_pop3_code code;
		enum sp_pull_trouble why;
		const char *advice;
	} known[] = {
		{ SP_POP3_IN_USE, SP_PULL_THROTTLE,
		    "somebody else has the mailbox open; nobody should but sealpost" },
		{ SP_POP3_LOGIN_DELAY, SP_PULL_THROTTLE,
		    "the server wants a longer poll interval" },
		{ SP_POP3_SYS_TEMP, SP_PULL_NETWORK,
		    "a fault of the server that will pass" },
		{ SP_POP3_SYS_PERM, SP_PULL_CONFIG,
		    "a fault of the server that its administrator must mend" },
		{ SP_POP3_AUTH, SP_PULL_AUTH, "user or password are wrong" },
	};
	const char *advice =
	    otherwise == SP_PULL_AUTH
		? "user or password may be wrong, or the mailbox may be in use"
		: "see the server's log";
	struct sp_view text = c->reply.text;
	uint64_t seconds = 0;

	if (sp_throttle_words(c->reply.line, &seconds)) {
		sp_pull_wait_at_least(c->p, seconds);
		otherwise = SP_PULL_THROTTLE;
		advice = "the server wants to be left alone for a while";
	}
	for (size_t i = 0; i < SP_COUNTOF(known); i++) {
		if (c->reply.code == known[i].code) {
			otherwise = known[i].why;
			advice = known[i].advice;
		}
	}
	if (c->reply.code == SP_POP3_LOGIN_DELAY)
		sp_pull_wait_at_least(c->p, c->caps.login_delay > 0
						? c->caps.login_delay
						: LOGIN_DELAY_SECONDS);
	return (sp_pull_fail(c->p, otherwise,
	    otherwise == SP_PULL_CONFIG || otherwise == SP_PULL_AUTH
		? SP_EPERM
		: SP_EAGAIN,
	    err, "%s: the server says: %.*s (%s)", what,
	    (int)(text.n > 300 ? 300 : text.n), text.n > 0 ? text.p : "",
	    advice));
}

/* ---- capabilities ------------------------------------------------------- */

/* A line of CAPA's answer. */
static enum sp_code
on_cap(void *ctx, struct sp_view line, struct sp_err *err)
{
	struct sp_pop3 *c = ctx;

	(void)err;
	sp_pop3_capability(line, &c->caps);
	return (SP_OK);
}

/* Ask what the server can do; what it offered before is forgotten.  A server
 * without CAPA has none.  ${when} is for the step. */
static enum sp_code
read_capabilities(struct sp_pop3 *c, const char *when, struct sp_err *err)
{
	enum sp_code rc;

	c->caps = (struct sp_pop3_caps){ .any = false };
	rc = sp_pop3_command(c, "CAPA", err);
	if (rc == SP_OK && sp_pop3_asks_for_patience(c))
		return (sp_pop3_refused(c, "CAPA", SP_PULL_THROTTLE, err));
	if (rc == SP_OK && c->reply.status == SP_POP3_OK) {
		c->caps.any = true;
		rc = sp_pop3_read_lines(c, on_cap, c, err);
	}
	if (rc == SP_OK)
		sp_pull_step(c->p, "capabilities", true, "%s:%s%s%s%s%s%s%s%s",
		    when, c->caps.any ? "" : " the server does not tell",
		    c->caps.stls ? " STLS" : "", c->caps.uidl ? " UIDL" : "",
		    c->caps.pipelining ? " PIPELINING" : "",
		    c->caps.utf8 ? " UTF8" : "", c->caps.plain ? " PLAIN" : "",
		    c->caps.xoauth2 ? " XOAUTH2" : "",
		    c->caps.oauthbearer ? " OAUTHBEARER" : "");
	return (rc);
}

/* STLS (RFC 2595 section 4) and the handshake. */
static enum sp_code
upgrade_to_tls(struct sp_pop3 *c, struct sp_err *err)
{
	enum sp_code rc = sp_pop3_command(c, "STLS", err);

	if (rc != SP_OK)
		return (rc);
	if (c->reply.status != SP_POP3_OK) {
		sp_pull_step(
		    c->p, "starttls", false, "the server refuses STLS");
		return (sp_pull_fail(c->p, SP_PULL_CONFIG, SP_EPERM, err,
		    "the server does not do STLS, and security = starttls means TLS or nothing; try security = tls"));
	}
	rc = sp_stream_starttls(c->s, err);
	if (rc == SP_EPERM || rc == SP_EKEY)
		return (sp_pull_fail(
		    c->p, SP_PULL_CONFIG, rc, err, "STLS: %s", err->msg));
	return (rc);
}

/* ---- login -------------------------------------------------------------- */

/* Whether ${v} can stand in a command line: no CR, LF or NUL. */
static bool
fits_in_line(struct sp_view v)
{
	return (memchr(v.p, '\r', v.n) == NULL &&
		memchr(v.p, '\n', v.n) == NULL &&
		memchr(v.p, '\0', v.n) == NULL);
}

/* USER and PASS (RFC 1939 section 7); the reply to PASS is in c->reply. */
static enum sp_code
login_user_pass(struct sp_pop3 *c, struct sp_view secret, struct sp_err *err)
{
	const char *user = sp_pull_conf(c->p)->user;
	struct sp_buf b;
	enum sp_code rc;

	if (!fits_in_line(secret))
		return (sp_pull_fail(c->p, SP_PULL_CONFIG, SP_ECONFIG, err,
		    "the password has a line end in it; its file must hold the password alone"));
	sp_buf_init(&b, 2 * SP_SASL_MAX);
	rc = sp_buf_addf(&b, "USER %s", user);
	if (rc == SP_OK)
		rc = sp_pop3_command(c, sp_buf_cstr(&b), err);
	if (rc == SP_OK && c->reply.status != SP_POP3_OK)
		rc = sp_pop3_refused(c, "USER", SP_PULL_AUTH, err);
	sp_buf_clear(&b);
	if (rc == SP_OK)
		rc = sp_buf_addf(&b, "PASS %.*s", (int)secret.n, secret.p);
	if (rc == SP_OK)
		rc = sp_pop3_command(c, sp_buf_cstr(&b), err);
	else if (rc == SP_ELIMIT)
		rc = sp_pull_fail(c->p, SP_PULL_CONFIG, SP_ECONFIG, err,
		    "user or password are longer than %u bytes", SP_SASL_MAX);
	sp_sasl_wipe(&b);
	return (rc);
}

/* Append the initial response of the account's mechanism, in base64. */
static enum sp_code
initial_response(struct sp_pop3 *c, struct sp_view secret, struct sp_buf *out,
    struct sp_err *err)
{
	const struct sp_pull_conf *conf = sp_pull_conf(c->p);
	struct sp_view user = sp_view_str(conf->user);

	if (conf->auth == SP_PULL_XOAUTH2)
		return (sp_sasl_xoauth2(out, user, secret, err));
	if (conf->auth == SP_PULL_OAUTHBEARER)
		return (sp_sasl_oauthbearer(out, user, secret, conf->server,
		    (uint16_t)conf->port, err));
	return (sp_sasl_plain(out, user, secret, err));
}

/* The server announced with a challenge that the token is no good (RFC 7628
 * section 3.2.3): answer it, read the final reply, and fail with what the
 * challenge said.  SP_OK, should the server accept it after all. */
static enum sp_code
token_refused(struct sp_pop3 *c, struct sp_err *err)
{
	const bool xoauth2 = sp_pull_conf(c->p)->auth == SP_PULL_XOAUTH2;
	enum sp_sasl_failure f;
	enum sp_code rc;
	char why[256];

	f = sp_sasl_failure(c->reply.text, why, sizeof(why));
	rc = sp_pop3_command(c,
	    xoauth2 ? SP_SASL_DUMMY_XOAUTH2 : SP_SASL_DUMMY_OAUTHBEARER, err);
	if (rc != SP_OK)
		return (rc);
	if (c->reply.status == SP_POP3_OK)
		return (SP_OK);
	if (f == SP_SASL_SCOPE || f == SP_SASL_REQUEST)
		return (sp_pull_fail(c->p, SP_PULL_CONFIG, SP_EPERM, err,
		    "the token is refused (%s): %s", why,
		    f == SP_SASL_SCOPE
			? "its scope does not allow POP3; see the permissions of the application"
			: "the user may be wrong"));
	return (sp_pull_fail(c->p, SP_PULL_AUTH, SP_EPERM, err,
	    "the token is refused (%s)", why));
}

/* AUTH (RFC 5034); the final reply is in c->reply.  The response always goes
 * in the continuation: a command line ends at 255 bytes, and a token is
 * longer. */
static enum sp_code
login_sasl(struct sp_pop3 *c, struct sp_view secret, struct sp_err *err)
{
	static const char *const names[] = { [SP_PULL_PASSWORD] = "",
		[SP_PULL_PLAIN] = "AUTH PLAIN",
		[SP_PULL_XOAUTH2] = "AUTH XOAUTH2",
		[SP_PULL_OAUTHBEARER] = "AUTH OAUTHBEARER" };
	const enum sp_pull_auth auth = sp_pull_conf(c->p)->auth;
	struct sp_buf b;
	enum sp_code rc;

	rc = sp_pop3_command(c, names[auth], err);
	if (rc != SP_OK)
		return (rc);
	if (c->reply.status != SP_POP3_CONTINUE)
		return (sp_pop3_refused(c, names[auth], SP_PULL_CONFIG, err));
	sp_buf_init(&b, 2 * SP_SASL_MAX);
	rc = initial_response(c, secret, &b, err);
	if (rc != SP_OK)
		rc = sp_pull_fail(
		    c->p, SP_PULL_CONFIG, SP_ECONFIG, err, "%s", err->msg);
	else
		rc = sp_pop3_command(c, sp_buf_cstr(&b), err);
	sp_sasl_wipe(&b);
	if (rc == SP_OK && c->reply.status == SP_POP3_CONTINUE &&
	    auth != SP_PULL_PLAIN)
		rc = token_refused(c, err);
	return (rc);
}

/* Log in with the account's credential.  No text that repeats it is shown. */
static enum sp_code
log_in(struct sp_pop3 *c, struct sp_err *err)
{
	const struct sp_pull_conf *conf = sp_pull_conf(c->p);
	struct sp_buf secret;
	enum sp_code rc;

	sp_buf_init(&secret, 2 * SP_SASL_MAX);
	rc = sp_pull_credential(c->p, &secret, err);
	if (rc == SP_OK)
		rc = conf->auth == SP_PULL_PASSWORD
			 ? login_user_pass(c, sp_buf_view(&secret), err)
			 : login_sasl(c, sp_buf_view(&secret), err);
	if (rc == SP_OK &&
	    sp_sasl_reveals_secret(c->reply.text, sp_buf_view(&secret)))
		c->reply.text = sp_view_str("(what repeats the password)");
	sp_sasl_wipe(&secret);
	if (rc == SP_OK && c->reply.status != SP_POP3_OK)
		rc = sp_pop3_refused(c, "login", SP_PULL_AUTH, err);
	if (rc == SP_OK)
		sp_pull_step(c->p, "login", true, "as %s", conf->user);
	else
		sp_pull_step(c->p, "login", false, "%s", err->msg);
	return (rc);
}

/* UTF8 goes before the login (RFC 6856 section 2): else mail with addresses in
 * UTF-8 may be withheld or changed.  A server that refuses it is used all the
 * same. */
enum sp_code
sp_pop3_login(struct sp_pop3 *c, struct sp_err *err)
{
	struct sp_err unwanted;
	enum sp_code rc;

	if (err == NULL)
		err = &unwanted; /* steps repeat what it says */
	rc = sp_pop3_read_reply(c, err);
	if (rc == SP_OK && c->reply.status != SP_POP3_OK)
		rc = sp_pop3_refused(c, "greeting", SP_PULL_NETWORK, err);
	if (rc == SP_OK)
		rc = read_capabilities(c, "before the login", err);
	if (rc == SP_OK && sp_pull_conf(c->p)->security == SP_PULL_STARTTLS) {
		rc = upgrade_to_tls(c, err);
		if (rc == SP_OK)
			rc = read_capabilities(c, "under TLS", err);
	}
	if (rc == SP_OK && c->caps.utf8)
		rc = sp_pop3_command(c, "UTF8", err);
	if (rc == SP_OK)
		rc = log_in(c, err);
	if (rc == SP_OK)
		rc = read_capabilities(c, "after the login", err);
	return (rc);
}
