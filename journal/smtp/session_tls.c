/*
 * STARTTLS (RFC 3207), and what a listener demands of TLS before it takes mail.
 * The handshake is the owner's (journal/receive/connection_tls.c); here the
 * session is told of it, and records it.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "journal/smtp/session_priv.h"

#define FACTS_MAX 4096 /* bytes; a name of 255 escaped, and the rest */

/* The member "tls" of the record, as a JSON object that the caller frees. */
static char *
write_facts(const struct sp_session_tls_info *t)
{
	struct sp_buf b;
	struct sp_json j;

	sp_buf_init(&b, FACTS_MAX);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "version", t->version);
	sp_json_cstr(&j, "cipher", t->cipher);
	if (t->sni != NULL)
		sp_json_cstr(&j, "sni", t->sni);
	if (t->peer_sha256 != NULL) {
		sp_json_cstr(&j, "peer_sha256", t->peer_sha256);
		sp_json_bool(&j, "verified", t->verified);
		if (!t->verified && t->why != NULL)
			sp_json_cstr(&j, "why", t->why);
	}
	sp_json_obj_end(&j);
	if (sp_json_end(&j) != SP_OK || sp_buf_cstr(&b) == NULL)
		abort(); /* every text in it has a limit far below */
	return (sp_buf_take(&b, NULL));
}

void
sp_session_tls(struct sp_session *s, const struct sp_session_tls_info *info)
{
	sp_session_rest(s);
	s->phase = SP_PHASE_GREETED;
	s->client.extended = false;
	s->client.name_n = 0;
	s->mode = SP_MODE_COMMAND;
	s->tls.on = true;
	s->tls.verified = info->verified;
	s->tls.facts = write_facts(info);
	if (info->peer_sha256 != NULL && !info->verified && info->why != NULL)
		s->tls.why = sp_xstrdup(info->why);
}

void
sp_session_tls_off(struct sp_session *s)
{
	free(s->tls.facts);
	free(s->tls.why);
	s->tls.facts = s->tls.why = NULL;
	s->tls.on = s->tls.verified = false;
}

bool
sp_session_tls_offered(const struct sp_session *s)
{
	return (
	    !s->env->door && !s->tls.on && s->env->cfg->tls == SP_TLS_STARTTLS);
}

/* Every reply but 220 leaves the session as it is. */
void
sp_session_starttls(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	if (arg.n > 0)
		sp_session_reply(s, SP_REPLY_ARGUMENT, out);
	else if (s->tls.on)
		sp_session_reply(s, SP_REPLY_TLS_ACTIVE, out);
	else if (!sp_session_tls_offered(s))
		sp_session_reply(s, SP_REPLY_NOT_OFFERED, out);
	else if (s->phase == SP_PHASE_GREETED)
		sp_session_reply(s, SP_REPLY_NEED_HELO, out);
	else {
		sp_session_reset(s);
		sp_session_reply(s, SP_REPLY_TLS_GO, out);
		s->mode = SP_MODE_TLS;
	}
}

/* Whether a command may be given before TLS where TLS is required: EHLO, NOOP,
 * STARTTLS and QUIT (RFC 3207 section 4), and what is refused anyway. */
static bool
allowed_before_tls(enum sp_verb verb)
{
	return (verb == SP_VERB_EHLO || verb == SP_VERB_LHLO ||
		verb == SP_VERB_STARTTLS || verb == SP_VERB_NOOP ||
		verb == SP_VERB_QUIT || verb == SP_VERB_KNOWN ||
		verb == SP_VERB_UNKNOWN || verb == SP_VERB_HTTP);
}

/* A missing or bad certificate is 454, not 5xx: one that expired must not make
 * mail bounce. */
bool
sp_session_tls_lacks(
    struct sp_session *s, enum sp_verb verb, struct sp_buf *out)
{
	const struct sp_listen *l = s->env->cfg;

	if ((l->require_tls || l->require_client_cert) && !s->tls.on &&
	    !allowed_before_tls(verb)) {
		sp_session_reply(s, SP_REPLY_NEED_TLS, out);
		return (true);
	}
	if (!l->require_client_cert || s->tls.verified || verb != SP_VERB_MAIL)
		return (false);
	if (s->tls.why == NULL)
		sp_session_say(
		    s, out, "454 4.7.0 A client certificate is required");
	else
		sp_session_say(s, out,
		    "454 4.7.0 Client certificate not accepted: %s",
		    s->tls.why);
	return (true);
}

void
sp_session_abandon(struct sp_session *s)
{
	assert(s->mode != SP_MODE_COMMIT);
	sp_session_reset(s);
	s->mode = SP_MODE_CLOSED;
}
