/*
 * XFORWARD and XCLIENT in a session, from configured peers only: a relay says
 * for whom it speaks.  The peer stays who it is; what it says is recorded under
 * "claimed" and decides nothing.  The attributes are understood by claim.c.
 */
#include "journal/smtp/session_priv.h"

void
sp_session_relay(struct sp_session *s, bool xforward, bool xclient)
{
	s->claims.may_xforward = xforward;
	s->claims.may_xclient = xclient;
}

/* Why such a command is refused: the listener lists nobody (${listed}), the
 * peer is not listed (${allowed}), or a transaction is open. */
static enum sp_reply
refuse_claim(const struct sp_session *s, bool listed, bool allowed)
{
	if (!listed || s->env->door)
		return (SP_REPLY_NOT_OFFERED);
	if (!allowed)
		return (SP_REPLY_DENIED);
	return (s->phase > SP_PHASE_READY ? SP_REPLY_IN_MAIL : SP_REPLY_NONE);
}

void
sp_session_xforward(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	enum sp_reply bad = refuse_claim(
	    s, s->env->cfg->xforward.n > 0, s->claims.may_xforward);

	if (bad == SP_REPLY_NONE &&
	    !sp_claim_parse(&s->claims.xforward, arg, false))
		bad = SP_REPLY_CLAIM;
	sp_session_reply(s, bad == SP_REPLY_NONE ? SP_REPLY_OK : bad, out);
}

/* The session is at its start again, as if the client that was named had just
 * connected. */
void
sp_session_xclient(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	enum sp_reply bad =
	    refuse_claim(s, s->env->cfg->xclient.n > 0, s->claims.may_xclient);

	if (bad == SP_REPLY_NONE &&
	    !sp_claim_parse(&s->claims.xclient, arg, true))
		bad = SP_REPLY_CLAIM;
	if (bad != SP_REPLY_NONE) {
		sp_session_reply(s, bad, out);
		return;
	}
	sp_session_reset(s);
	sp_session_auth_off(s);
	sp_claim_clear(&s->claims.xforward);
	s->phase = SP_PHASE_GREETED;
	s->client.extended = false;
	s->client.name_n = 0;
	sp_session_greet(s, out);
}

void
sp_session_claims_off(struct sp_session *s)
{
	sp_claim_clear(&s->claims.xforward);
	sp_claim_clear(&s->claims.xclient);
}
