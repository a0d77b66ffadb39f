/*
 * EHLO, MAIL and RCPT: the envelope of a message.  A command is first checked
 * against the phase of the session, then parsed (command.c), then against the
 * limits of the listener; what is accepted goes into the envelope of the
 * transaction, and so does a recipient that was refused.  DATA or BDAT is next
 * (session_data.c).
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/pattern.h"
#include "journal/smtp/session_priv.h"

/* ---- EHLO ----------------------------------------------------------- */

/* The answer to EHLO: what this listener, this peer and this state of
 * encryption allow (doc/smtp.md, "What is offered"). */
static void
offer_extensions(struct sp_session *s, struct sp_buf *out)
{
	const struct sp_listen *l = s->env->cfg;

	sp_session_reply_format(s, out, "250-%s", l->hostname);
	sp_session_reply_format(s, out, "250-PIPELINING");
	sp_session_reply_format(s, out, "250-SIZE %" PRIu64, l->max_message);
	sp_session_reply_format(s, out, "250-8BITMIME");
	sp_session_reply_format(s, out, "250-SMTPUTF8");
	sp_session_reply_format(s, out, "250-ENHANCEDSTATUSCODES");
	sp_session_reply_format(s, out, "250-DSN");
	sp_session_reply_format(s, out, "250-CHUNKING");
	sp_session_reply_format(s, out, "250-BINARYMIME");
	if (sp_session_auth_offered(s))
		sp_session_reply_format(
		    s, out, "250-AUTH SCRAM-SHA-256 PLAIN LOGIN");
	if (s->env->door) {
		sp_session_reply_format(
		    s, out, "250 XSEALPOST EVENT SETTLED SOURCE");
		return;
	}
	if (sp_session_tls_offered(s))
		sp_session_reply_format(s, out, "250-STARTTLS");
	if (s->tls.on)
		sp_session_reply_format(s, out, "250-REQUIRETLS");
	if (s->claims.may_xforward)
		sp_session_reply_format(s, out, "250-" SP_CLAIM_XFORWARD);
	if (s->claims.may_xclient)
		sp_session_reply_format(s, out, "250-" SP_CLAIM_XCLIENT);
	sp_session_reply_format(
	    s, out, "250-LIMITS RCPTMAX=%" PRIu64, l->max_recipients);
	sp_session_reply_format(s, out, "250 HELP");
}

/* EHLO in the middle of a session also ends the transaction, as RSET does (RFC
 * 5321 section 4.1.4). */
void
sp_session_helo(struct sp_session *s, enum sp_verb verb, struct sp_view arg,
    struct sp_buf *out)
{
	bool lmtp = sp_session_lmtp(s);

	if (lmtp != (verb == SP_VERB_LHLO)) {
		sp_session_reply(
		    s, lmtp ? SP_REPLY_USE_LHLO : SP_REPLY_NOT_LMTP, out);
		return;
	}
	if (arg.n == 0) {
		sp_session_reply(s, SP_REPLY_HELO_ARG, out);
		return;
	}
	if (s->phase != SP_PHASE_GREETED)
		s->count.junk++;
	sp_session_reset(s);
	sp_claim_clear(&s->claims.xforward);
	s->phase = SP_PHASE_READY;
	s->client.extended = verb != SP_VERB_HELO;
	s->client.name_n =
	    arg.n < sizeof(s->client.name) ? arg.n : sizeof(s->client.name);
	memcpy(s->client.name, arg.p, s->client.name_n);
	if (s->client.extended)
		offer_extensions(s, out);
	else
		sp_session_reply_format(
		    s, out, "250 %s", s->env->cfg->hostname);
}

/* ---- what MAIL and RCPT share --------------------------------------- */

/* The reply for what the parser found wrong with a MAIL or RCPT command. */
static enum sp_reply
reply_of_path(enum sp_path_result rc)
{
	switch (rc) {
	case SP_PATH_OK:
		break;
	case SP_PATH_SYNTAX:
		return (SP_REPLY_PATH);
	case SP_PATH_LONG:
		return (SP_REPLY_PATH_LONG);
	case SP_PATH_RAW8:
		return (SP_REPLY_NOT_UTF8);
	case SP_PATH_PARAM:
		return (SP_REPLY_PARAM);
	case SP_PATH_VALUE:
		return (SP_REPLY_VALUE);
	}
	return (SP_REPLY_NONE);
}

/* ---- MAIL ----------------------------------------------------------- */

/* Why MAIL is out of order or not allowed now; SP_REPLY_NONE: it is in
 * order. */
static enum sp_reply
mail_sequence(const struct sp_session *s)
{
	if (s->phase == SP_PHASE_CHUNK_FAILED)
		return (SP_REPLY_CHUNK_FAILED);
	if (s->phase == SP_PHASE_BDAT)
		return (SP_REPLY_IN_BDAT);
	if (s->phase == SP_PHASE_GREETED)
		return (SP_REPLY_NEED_HELO);
	if (s->phase != SP_PHASE_READY)
		return (SP_REPLY_NESTED);
	if (s->env->cfg->require_auth && s->login.name[0] == '\0') {
		if (s->env->users_unusable)
			return (SP_REPLY_AUTH_LATER);
		return (s->tls.on ? SP_REPLY_NEED_AUTH : SP_REPLY_NEED_TLS);
	}
	if (s->env->door && !s->door.rights.operates && !s->door.rights.service)
		return (SP_REPLY_DENIED);
	if (s->env->door && !s->door.provenance.set)
		return (SP_REPLY_NEED_SOURCE);
	return (SP_REPLY_NONE);
}

/* Parse MAIL into ${c}, and look for what is not offered in this state. 
 * Returns the refusal, or SP_REPLY_NONE. */
static enum sp_reply
check_mail(struct sp_session *s, struct sp_view arg, struct sp_path_command *c)
{
	enum sp_path_result rc;

	rc = sp_command_mail(arg, s->client.extended, c);
	if (rc != SP_PATH_OK)
		return (reply_of_path(rc));
	if (c->auth && !sp_session_auth_offered(s))
		return (SP_REPLY_PARAM);
	if (c->path.utf8 && !c->smtputf8)
		return (SP_REPLY_NEED_UTF8);
	/* RFC 8689: it is offered inside TLS only. */
	if (c->requiretls && !s->tls.on)
		return (SP_REPLY_PARAM);
	if (c->size > s->env->cfg->max_message)
		return (SP_REPLY_TOO_BIG);
	return (SP_REPLY_NONE);
}

/* Whether the owner lets a transaction begin (disk, clock, hold); answers if
 * not. */
static bool
may_begin(struct sp_session *s, uint64_t declared, struct sp_buf *out)
{
	const char *why = NULL;
	enum sp_code rc;

	if (s->env->may_begin == NULL)
		return (true);
	rc = s->env->may_begin(s->env->ctx, declared, &why);
	if (rc == SP_OK)
		return (true);
	if (why != NULL)
		sp_session_reply_format(s, out, "451 4.3.0 %s", why);
	else
		sp_session_reply(s, sp_reply_of_failure(rc), out);
	return (false);
}

/* What a refusal of MAIL or RCPT is told to be about: the address of the
 * command, or all of a command that has none. */
static struct sp_view
address_of(
    struct sp_view arg, enum sp_path_result rc, const struct sp_path_command *c)
{
	return (
	    rc == SP_PATH_OK && c->path.addr.p != NULL ? c->path.addr : arg);
}

/* Check the command, then put the sender and its parameters into the
 * envelope. */
static void
handle_mail(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	struct sp_envelope *envelope = &s->mail.envelope;
	enum sp_reply bad = mail_sequence(s);
	struct sp_path_command c;

	s->about_from =
	    address_of(arg, sp_command_mail(arg, s->client.extended, &c), &c);
	if (bad == SP_REPLY_NONE)
		bad = check_mail(s, arg, &c);
	if (bad != SP_REPLY_NONE) {
		sp_session_reply(s, bad, out);
		return;
	}
	if (!may_begin(s, c.size, out))
		return;
	envelope->from = sp_arena_dup(&s->mail.arena, c.path.addr);
	if (envelope->from.p == NULL ||
	    !sp_envelope_copy_params(
		&s->mail.arena, c.params, c.nparams, &envelope->from_params)) {
		sp_session_reset(s);
		sp_session_reply(s, SP_REPLY_MEMORY, out);
		return;
	}
	envelope->nfrom_params = c.nparams;
	s->mail.declared = c.size;
	s->mail.body = c.body;
	s->mail.smtputf8 = c.smtputf8;
	s->mail.mail_at = sp_clock_wall();
	s->count.transactions++;
	s->phase = SP_PHASE_MAIL;
	sp_session_reply(s, SP_REPLY_MAIL_OK, out);
}

void
sp_session_mail(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	handle_mail(s, arg, out);
	s->about_from = (struct sp_view){ NULL, 0 };
}

/* ---- RCPT ----------------------------------------------------------- */

/* Copy the recipient of ${c}, with its parameters, to the end of ${list}; what
 * the record says beyond the command comes from ${more} (original, reply).
 * False: the memory budget is used up. */
static bool
record_rcpt(struct sp_session *s, const struct sp_path_command *c,
    struct sp_recipients *list, struct sp_rcpt more)
{
	struct sp_arena *a = &s->mail.arena;
	struct sp_rcpt r = { .nparams = c->nparams, .reply = more.reply };

	s->mail.envelope.bytes += c->path.addr.n + more.original.n;
	for (size_t i = 0; i < c->nparams; i++)
		s->mail.envelope.bytes += c->params[i].n;
	r.addr = sp_arena_dup(a, c->path.addr);
	if (r.addr.p == NULL ||
	    !sp_envelope_copy_params(a, c->params, c->nparams, &r.params))
		return (false);
	if (more.original.n > 0) {
		r.original = sp_arena_dup(a, more.original);
		if (r.original.p == NULL)
			return (false);
	}
	return (sp_envelope_add(a, list, &r));
}

/* Refuse a recipient.  It is part of what was observed, so the first of them
 * are recorded with our reply. */
static void
refuse_rcpt(struct sp_session *s, const struct sp_path_command *c,
    enum sp_reply why, struct sp_buf *out)
{
	struct sp_recipients *list = &s->mail.envelope.refused;

	if (list->n < SP_ENVELOPE_REFUSED)
		(void)record_rcpt(s, c, list,
		    (struct sp_rcpt){
			.reply = sp_view_trim(sp_reply_text(why)) });
	sp_session_reply(s, why, out);
}

/* Why RCPT is out of order; SP_REPLY_NONE: it is in order. */
static enum sp_reply
rcpt_sequence(const struct sp_session *s)
{
	if (s->phase == SP_PHASE_CHUNK_FAILED)
		return (SP_REPLY_CHUNK_FAILED);
	if (s->phase == SP_PHASE_BDAT)
		return (SP_REPLY_IN_BDAT);
	if (s->phase < SP_PHASE_MAIL)
		return (SP_REPLY_NEED_MAIL);
	return (SP_REPLY_NONE);
}

/* Whether the listener accepts this recipient.  If a pattern of its
 * `recipients` says for whom the copy was made, that address goes to
 * ${original} (doc/smtp.md, "Recipients"). */
static bool
is_listed(
    const struct sp_listen *l, struct sp_view addr, struct sp_buf *original)
{
	struct sp_pattern p;

	for (size_t i = 0; i < l->recipients.n; i++) {
		if (sp_pattern_is(l->recipients.v[i]) &&
		    sp_pattern_parse(l->recipients.v[i], &p) &&
		    sp_pattern_decode(&p, addr, original))
			return (true);
	}
	return (l->recipients.n == 0 ||
		sp_mailbox_listed(addr, l->recipients.v, l->recipients.n));
}

/* Put a recipient into the envelope if the listener accepts it, and answer. */
static void
accept_rcpt(
    struct sp_session *s, const struct sp_path_command *c, struct sp_buf *out)
{
	const struct sp_listen *l = s->env->cfg;
	struct sp_buf original;

	/* Taking quotes off and putting others on at most doubles it. */
	sp_buf_init(&original, 2 * SP_MAILBOX_MAX + 2);
	if (!is_listed(l, c->path.addr, &original))
		refuse_rcpt(s, c, SP_REPLY_NO_SUCH_RCPT, out);
	else if (!record_rcpt(s, c, &s->mail.envelope.to,
		     (struct sp_rcpt){ .original = sp_buf_view(&original) }))
		sp_session_reply(s, SP_REPLY_MEMORY, out);
	else {
		s->phase = SP_PHASE_RCPT;
		sp_session_reply(s, SP_REPLY_RCPT_OK, out);
	}
	sp_buf_done(&original);
}

/* Check the command, then accept or refuse its recipient. */
static void
handle_rcpt(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	const struct sp_listen *l = s->env->cfg;
	enum sp_reply bad = rcpt_sequence(s);
	struct sp_path_command c;
	enum sp_path_result rc = sp_command_rcpt(arg, s->client.extended, &c);

	s->about_rcpt = address_of(arg, rc, &c);
	if (bad != SP_REPLY_NONE) {
		sp_session_reply(s, bad, out);
		return;
	}
	s->mail.rcpt_tried++;
	if (rc != SP_PATH_OK)
		sp_session_reply(s, reply_of_path(rc), out);
	else if (c.path.utf8 && !s->mail.smtputf8)
		refuse_rcpt(s, &c, SP_REPLY_NEED_UTF8, out);
	else if (s->mail.envelope.to.n >= l->max_recipients ||
		 s->mail.envelope.bytes > SP_ENVELOPE_MAX)
		refuse_rcpt(s, &c, SP_REPLY_TOO_MANY_RCPTS, out);
	else
		accept_rcpt(s, &c, out);
}

void
sp_session_rcpt(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	handle_rcpt(s, arg, out);
	s->about_rcpt = (struct sp_view){ NULL, 0 };
}
