/*
 * A connection inside TLS: from the handshake to plain bytes and back.  The TLS
 * session (journal/tls) is a filter without a socket; here it stands between
 * what libuv reads and writes and the session.
 */
#include <assert.h>

#include "journal/receive/connection_priv.h"

void
sp_connection_tls_done(struct sp_connection *c)
{
	sp_tls_free(c->tls.session);
	c->tls.session = NULL;
}

void
sp_connection_tls_start(struct sp_connection *c)
{
	assert(c->tls.session == NULL && c->out.replies.n == 0);
	c->tls.session = sp_tls_accept(c->l->tls);
	c->arrival.stage = SP_STAGE_TLS;
	c->clock.stage_since = uv_now(c->r->loop);
}

/* TLS failed: what the session wanted to say cannot be said.  What is being
 * committed is finished all the same. */
static void
on_failed(struct sp_connection *c)
{
	enum sp_session_state state = sp_machine_state(&c->machine);

	sp_receive_log_tls_failed(c, sp_tls_error(c->tls.session));
	sp_buf_clear(&c->out.replies);
	if (state == SP_SESSION_DATA)
		sp_connection_report_lost(c);
	if (state == SP_SESSION_COMMAND || state == SP_SESSION_DATA ||
	    state == SP_SESSION_TLS)
		sp_machine_abandon(&c->machine);
	/* Nothing more can be read. */
	c->in.eof = true;
}

/* The handshake is over: the session begins anew, and has nothing of what was
 * said in plain text. */
static void
on_established(struct sp_connection *c)
{
	struct sp_session_tls_info info;
	struct sp_tls_info t;

	sp_tls_info(c->tls.session, &t);
	info = (struct sp_session_tls_info){
		.version = t.version,
		.cipher = t.cipher,
		.sni = t.sni,
		.peer_sha256 = t.peer_sha256,
		.verified = t.verified,
		.why = t.why,
	};
	sp_machine_tls(&c->machine, &info);
	c->arrival.stage = SP_STAGE_SESSION;
	c->clock.idle_since = uv_now(c->r->loop);
	c->r->stats.tls++;
	if (c->l->env.cfg->tls == SP_TLS_IMPLICIT &&
	    sp_tls_pending(c->tls.session))
		sp_machine_end(
		    &c->machine, SP_REPLY_TOO_EARLY, &c->out.replies);
	else if (c->l->env.cfg->tls == SP_TLS_IMPLICIT)
		sp_machine_greet(&c->machine, &c->out.replies);
	/* Also after STARTTLS: a silent client must not hold up the drain. */
	if (c->r->stop.draining)
		sp_machine_drain(&c->machine, &c->out.replies);
}

/* Go on with the handshake, whose bytes are to be written also while it is not
 * over. */
static void
continue_handshake(struct sp_connection *c)
{
	(void)sp_tls_read(c->tls.session, NULL, 0);
	if (sp_tls_state(c->tls.session) == SP_TLS_OPEN)
		on_established(c);
	sp_connection_flush(c);
}

/* Decrypt one piece and give it to the session; false: there is none now, or
 * the session is closing. */
static bool
read_plaintext(struct sp_connection *c)
{
	char *plain = c->r->plain_buf;
	size_t n, used;

	if (sp_machine_state(&c->machine) == SP_SESSION_CLOSING)
		return (false);
	n = sp_tls_read(c->tls.session, plain, SP_TLS_PLAIN_MAX);
	if (n == 0)
		return (false);
	used = sp_machine_input(&c->machine, plain, n, &c->out.replies);
	if (used < n && sp_machine_state(&c->machine) != SP_SESSION_CLOSING)
		sp_connection_defer_input(c, plain + used, n - used);
	sp_connection_flush(c);
	return (true);
}

void
sp_connection_tls_pump(struct sp_connection *c)
{
	if (c->tls.session == NULL || c->end.closing || c->end.lingering)
		return;
	if (c->arrival.stage == SP_STAGE_TLS && !c->out.writing)
		continue_handshake(c);
	while (c->arrival.stage == SP_STAGE_SESSION && c->in.waiting == NULL &&
	       !c->out.writing && read_plaintext(c))
		;
	if (sp_tls_state(c->tls.session) == SP_TLS_CLOSED)
		c->in.eof = true;
	else if (sp_tls_state(c->tls.session) == SP_TLS_FAILED &&
		 !c->tls.failed) {
		c->tls.failed = true;
		on_failed(c);
	}
}

/* Nothing of the session goes out before the handshake is over. */
struct sp_buf *
sp_connection_output_buffer(struct sp_connection *c)
{
	if (c->tls.session == NULL)
		return (&c->out.replies);
	if (c->arrival.stage == SP_STAGE_SESSION && c->out.replies.n > 0 &&
	    sp_tls_state(c->tls.session) != SP_TLS_FAILED &&
	    sp_tls_write(c->tls.session, c->out.replies.p, c->out.replies.n) !=
		SP_OK)
		c->end.broken = true;
	sp_buf_clear(&c->out.replies);
	return (sp_tls_out(c->tls.session));
}

bool
sp_connection_tls_notify_close(struct sp_connection *c)
{
	if (c->tls.session == NULL || c->tls.closed)
		return (false);
	c->tls.closed = true;
	sp_tls_close(c->tls.session);
	sp_connection_flush(c);
	return (c->out.writing);
}
