/*
 * Room for who has little.  Where places or memory are used up, a session is
 * ended of an address that has more than the one that comes: first one that
 * does nothing, with 421; only where that address has none, one that is sending
 * a message, which nobody was told is stored.  Never one whose message is being
 * made durable.  So addresses come to equal parts, and whatever one of them
 * does, the others are served (doc/smtp.md, "Fairness").
 */
#include "journal/receive/connection_priv.h"

/* How readily a session is ended. */
enum readiness {
	NEVER, /* its message is being stored */
	SENDING, /* a message comes in, or its login is being checked */
	SHAKING, /* a TLS handshake */
	BEGUN, /* idle, a transaction has begun */
	IDLE, /* idle, also behind its last reply */
};

/* What is compared: whose address has how much, and what it does. */
struct choice {
	struct sp_connection *c; /* NULL: none yet */
	uint64_t has; /* of what there is too little of */
	enum readiness ready;
	uint64_t since; /* it does so: milliseconds of the loop's clock */
};

/* What there is too little of. */
enum scarce { PLACES_HERE, PLACES, MEMORY };

/* How much the address of ${c} has of it. */
static uint64_t
amount(const struct sp_connection *c, enum scarce what, unsigned listener)
{
	if (what == MEMORY)
		return (sp_memory_used(sp_peers_memory(c->peer)));
	return (what == PLACES ? sp_peers_sessions(c->peer)
			       : sp_peers_sessions_on(c->peer, listener));
}

/* What a session does, for whether it may be ended. */
static enum readiness
readiness(const struct sp_connection *c)
{
	struct sp_session_info i;

	if (c->end.closing || !c->end.handle_open || c->peer == NULL ||
	    c->commit.open)
		return (NEVER);
	if (c->end.lingering)
		return (IDLE);
	if (c->arrival.stage != SP_STAGE_SESSION)
		return (SHAKING);
	switch (sp_machine_state(&c->machine)) {
	case SP_SESSION_COMMIT:
		return (NEVER);
	case SP_SESSION_CHECK:
	case SP_SESSION_DATA:
		return (SENDING);
	case SP_SESSION_TLS:
		return (SHAKING);
	case SP_SESSION_COMMAND:
	case SP_SESSION_CLOSING:
		break;
	}
	sp_machine_info(&c->machine, &i);
	/* Between chunks there is content. */
	if (i.size > 0)
		return (SENDING);
	return (i.from.p != NULL ? BEGUN : IDLE);
}

/* Whether ${a} is to be ended rather than ${b}: of who has more, the one that
 * does less, for longer. */
static bool
is_better(const struct choice *a, const struct choice *b)
{
	if (b->c == NULL || a->has != b->has)
		return (b->c == NULL || a->has > b->has);
	if (a->ready != b->ready)
		return (a->ready > b->ready);
	return (a->since < b->since);
}

/* Look at ${c} as one to be ended. */
static struct choice
look_at(struct sp_connection *c, enum scarce what, unsigned listener)
{
	struct choice x = { .c = c, .ready = readiness(c) };

	if (x.ready == NEVER)
		return (x);
	x.has = amount(c, what, listener);
	x.since = x.ready == SENDING   ? c->clock.data_since
		  : x.ready == SHAKING ? c->clock.stage_since
				       : c->clock.idle_since;
	return (x);
}

/*
 * The session to end for an address that has ${own}: of those that have more.
 * An idle one is preferred to one that is sending, unless its address has less
 * than half of what the greediest has.  NULL: there is none.
 */
static struct sp_connection *
choose(struct sp_receive *r, enum scarce what, unsigned listener, uint64_t own)
{
	struct choice any = { .c = NULL }, idle = { .c = NULL };

	for (struct sp_connection *c = r->pool.open; c != NULL; c = c->next) {
		struct choice x;

		if (what == PLACES_HERE ? c->l->number != listener
					: what == PLACES && c->l->env.door)
			continue;
		x = look_at(c, what, listener);
		if (x.ready == NEVER || x.has <= own)
			continue;
		if (is_better(&x, &any))
			any = x;
		if (x.ready > SENDING && is_better(&x, &idle))
			idle = x;
	}
	return (idle.c != NULL && idle.has >= any.has / 2 ? idle.c : any.c);
}

/* End a session for somebody else.  Its place and its memory are free at once;
 * what it was told last may be lost with bytes that it had sent, as it is no
 * more waited for. */
static void
end_for_others(struct sp_connection *c)
{
	if (c->arrival.stage != SP_STAGE_SESSION) {
		c->tls.failed = true;
		sp_receive_log_tls_failed(c,
		    "TLS handshake: ended for addresses with fewer sessions");
	} else if (sp_machine_state(&c->machine) == SP_SESSION_CHECK) {
		/* Nothing can be said before the pool is done with it; a wrong
		 * login is reported all the same. */
		if (!c->login.open)
			sp_session_check_report(c->machine.smtp);
	} else if (!c->end.lingering) {
		if (sp_machine_state(&c->machine) == SP_SESSION_DATA)
			sp_connection_report_lost(c);
		sp_machine_end(&c->machine, SP_REPLY_CROWDED, &c->out.replies);
		sp_connection_flush(c);
		(void)sp_connection_tls_notify_close(c);
	}
	sp_connection_drop(c);
	sp_connection_tls_done(c);
	sp_connection_discharge(c);
}

bool
sp_connection_make_place(struct sp_connection *c)
{
	const struct sp_listener *l = c->l;
	enum scarce what = l->sessions - l->closing > l->env.cfg->max_sessions
			       ? PLACES_HERE
			       : PLACES;
	struct sp_connection *v =
	    choose(c->r, what, l->number, amount(c, what, l->number));

	if (v == NULL)
		return (false);
	end_for_others(v);
	return (true);
}

/* The hook runs inside the input of some session, which is one of ${share} and
 * is left alone: only addresses are chosen that have more. */
bool
sp_connection_relieve(void *ctx, struct sp_memory *share)
{
	struct sp_receive *r = ctx;
	struct sp_connection *v = choose(r, MEMORY, 0, sp_memory_used(share));

	if (v == NULL || sp_memory_is_modest(sp_peers_memory(v->peer), 0))
		return (false);
	end_for_others(v);
	return (true);
}
