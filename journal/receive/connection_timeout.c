/*
 * Timeouts, once a second for each connection (the timer of receive.c): a
 * header or handshake that does not end, a peer that is silent, data that comes
 * too slowly, writes that are not read, and the progress of a commit that takes
 * long.  The limits are options of the listener (doc/smtp.md, "Limits").
 */
#include "journal/receive/connection_priv.h"

/* In DATA: the reply for silence, or for too few bytes over a minute. */
static enum sp_reply
check_data(struct sp_connection *c, uint64_t now)
{
	const struct sp_listen *cfg = c->l->env.cfg;
	enum sp_reply late = SP_REPLY_NONE;

	if (now - c->clock.data_since > cfg->data_timeout * 1000)
		return (SP_REPLY_IDLE);
	if (c->clock.window_since == 0) {
		c->clock.window_since = now;
		c->clock.window_bytes = 0;
	} else if (now - c->clock.window_since >= SP_RATE_MS) {
		if (c->clock.window_bytes < cfg->min_rate * (SP_RATE_MS / 1000))
			late = SP_REPLY_SLOW;
		c->clock.window_since = now;
		c->clock.window_bytes = 0;
	}
	return (late);
}

/* How long to wait for a peer, in milliseconds: a tenth of ${seconds} when
 * places become few, so that those who say nothing do not keep out those who
 * would. */
static uint64_t
patience_ms(const struct sp_connection *c, uint64_t seconds)
{
	const uint64_t most = c->l->env.cfg->max_sessions;
	bool few =
	    c->l->sessions > most - most / 4 ||
	    c->r->stats.sessions > c->r->pool.ceiling - c->r->pool.ceiling / 4;

	if (!few || c->l->env.door || seconds <= SP_PATIENCE_MIN)
		return (seconds * 1000);
	return (
	    (seconds / 10 > SP_PATIENCE_MIN ? seconds / 10 : SP_PATIENCE_MIN) *
	    1000);
}

/* Close a connection whose PROXY header or handshake takes too long.  True: it
 * was. */
static bool
end_late_stage(struct sp_connection *c, uint64_t now)
{
	const struct sp_listen *cfg = c->l->env.cfg;

	if (c->arrival.stage == SP_STAGE_SESSION ||
	    now - c->clock.stage_since <= patience_ms(c, cfg->tls_timeout))
		return (false);
	if (c->arrival.stage == SP_STAGE_PROXY)
		sp_report_proxy(c, "it did not come in time");
	else {
		c->tls.failed = true;
		sp_report_tls(c, "TLS handshake: it did not end in time");
	}
	sp_connection_drop(c);
	return (true);
}

/* A timeout of the session ends it with 421; one of the socket, of a handshake
 * or of a header closes the connection. */
void
sp_connection_sweep(struct sp_connection *c, uint64_t now)
{
	const struct sp_listen *cfg = c->l->env.cfg;
	enum sp_session_state state;
	enum sp_reply late = SP_REPLY_NONE;

	if (c->end.closing)
		return;
	if ((c->end.lingering && now >= c->clock.linger_until) ||
	    (c->out.writing &&
		now - c->clock.write_since > cfg->data_timeout * 1000)) {
		sp_connection_drop(c);
		return;
	}
	if (end_late_stage(c, now))
		return;
	state = sp_machine_state(&c->machine);
	if (state == SP_SESSION_CHECK) {
		sp_connection_sweep_login(c, now);
		return;
	}
	if (c->commit.open && now - c->clock.commit_since >= SP_PROGRESS_MS) {
		c->clock.commit_since = now;
		sp_machine_progress(&c->machine, &c->out.replies);
		sp_connection_flush(c);
	}
	if (state != SP_SESSION_DATA)
		c->clock.window_since = 0;
	if (c->clock.commands != sp_machine_commands(&c->machine)) {
		c->clock.commands = sp_machine_commands(&c->machine);
		c->clock.idle_since = now;
		c->clock.window_since = 0;
	}
	if (state == SP_SESSION_DATA)
		late = check_data(c, now);
	else if (state == SP_SESSION_COMMAND && !c->out.writing &&
		 c->arrival.stage == SP_STAGE_SESSION &&
		 now - c->clock.idle_since > patience_ms(c, cfg->timeout))
		late = SP_REPLY_IDLE;
	if (late == SP_REPLY_NONE)
		return;
	if (state == SP_SESSION_DATA)
		sp_connection_report_lost(c);
	sp_machine_end(&c->machine, late, &c->out.replies);
	sp_connection_go_on(c);
}
