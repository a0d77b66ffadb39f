/* A connection inside TLS: from the handshake to plain bytes and back. */
#include <assert.h>

#include "journal/receive/receive_priv.h"

bool
sp_connection_charge(struct sp_connection *c)
{
	c->charged = sp_memory_charge(c->r->memory, SP_TLS_MEMORY);
	return (c->charged);
}

void
sp_connection_tls_done(struct sp_connection *c)
{
	sp_tls_free(c->tls);
	c->tls = NULL;
	if (c->charged)
		sp_memory_discharge(c->r->memory, SP_TLS_MEMORY);
	c->charged = false;
}

void
sp_connection_tls_start(struct sp_connection *c)
{
	assert(c->tls == NULL && c->out.n == 0);
	c->tls = sp_tls_accept(c->l->tls);
	c->stage = SP_STAGE_TLS;
	c->stage_since = uv_now(c->r->loop);
}

static void
failed(struct sp_connection *c)
{
	enum sp_session_state state = sp_machine_state(&c->machine);

	sp_report_tls(c, sp_tls_error(c->tls));
	sp_buf_clear(&c->out);
	if (state == SP_SESSION_DATA)
		sp_connection_report_lost(c);
	if (state == SP_SESSION_COMMAND || state == SP_SESSION_DATA ||
	    state == SP_SESSION_TLS)
		sp_machine_abandon(&c->machine);
	/* Nothing more can be read; what is being committed is finished. */
	c->eof = true;
}

/* Both sides are agreed; the session begins anew. */
static void
established(struct sp_connection *c)
{
	struct sp_session_tls_info info;
	struct sp_tls_info t;

	sp_tls_info(c->tls, &t);
	info = (struct sp_session_tls_info){
		.version = t.version,
		.cipher = t.cipher,
		.sni = t.sni,
		.peer_sha256 = t.peer_sha256,
		.verified = t.verified,
		.why = t.why,
	};
	sp_machine_tls(&c->machine, &info);
	c->stage = SP_STAGE_SESSION;
	c->idle_since = uv_now(c->r->loop);
	c->r->stats.tls++;
	if (c->l->env.cfg->tls == SP_TLS_IMPLICIT && sp_tls_pending(c->tls))
		sp_machine_end(&c->machine, SP_REPLY_EARLY, &c->out);
	else if (c->l->env.cfg->tls == SP_TLS_IMPLICIT)
		sp_machine_greet(&c->machine, &c->out);
	/* Also after STARTTLS: who then says nothing must not hold it up. */
	if (c->r->draining)
		sp_machine_drain(&c->machine, &c->out);
}

static void
shake(struct sp_connection *c)
{
	(void)sp_tls_read(c->tls, NULL, 0);
	if (sp_tls_state(c->tls) == SP_TLS_OPEN)
		established(c);
	sp_connection_flush(c);
}

/* One piece of plaintext for the session; false: there is none now. */
static bool
give(struct sp_connection *c)
{
	char *plain = c->r->plain_buf;
	size_t n, used;

	if (sp_machine_state(&c->machine) == SP_SESSION_CLOSING)
		return (false);
	n = sp_tls_read(c->tls, plain, SP_TLS_PLAIN_MAX);
	if (n == 0)
		return (false);
	used = sp_machine_input(&c->machine, plain, n, &c->out);
	if (used < n && sp_machine_state(&c->machine) != SP_SESSION_CLOSING)
		sp_connection_hold(c, plain + used, n - used);
	sp_connection_flush(c);
	return (true);
}

void
sp_connection_tls_pump(struct sp_connection *c)
{
	if (c->tls == NULL || c->closing || c->lingering)
		return;
	if (c->stage == SP_STAGE_TLS && !c->is_writing)
		shake(c);
	while (c->stage == SP_STAGE_SESSION && c->held == NULL &&
	       !c->is_writing && give(c))
		;
	if (sp_tls_state(c->tls) == SP_TLS_CLOSED)
		c->eof = true;
	else if (sp_tls_state(c->tls) == SP_TLS_FAILED && !c->tls_failed) {
		c->tls_failed = true;
		failed(c);
	}
}

/* What is to be written to the socket. */
struct sp_buf *
sp_connection_wire(struct sp_connection *c)
{
	if (c->tls == NULL)
		return (&c->out);
	/* Nothing of the session goes out before the handshake is over. */
	if (c->stage == SP_STAGE_SESSION && c->out.n > 0 &&
	    sp_tls_state(c->tls) != SP_TLS_FAILED &&
	    sp_tls_write(c->tls, c->out.p, c->out.n) != SP_OK)
		c->broken = true;
	sp_buf_clear(&c->out);
	return (sp_tls_out(c->tls));
}

bool
sp_connection_tls_goodbye(struct sp_connection *c)
{
	if (c->tls == NULL || c->tls_closed)
		return (false);
	c->tls_closed = true;
	sp_tls_close(c->tls);
	sp_connection_flush(c);
	return (c->is_writing);
}
