/*
 * A connection whose login is being checked (the session is in CHECK).
 *
 *	CHECK --> (a password to hash: pool) --> right: answered at once
 *	                                     '-> wrong: answered by the sweep,
 *	                                         SP_LOGIN_DELAY_MS later
 *
 * A wrong login is reported and counted before its answer, so that a peer that
 * hangs up at once does not guess for free.
 */
#include <stddef.h>

#include "journal/receive/connection_priv.h"

/* Answer the login, and let the connection go on. */
static void
answer_login(struct sp_connection *c)
{
	c->login.answer_at = 0;
	sp_session_checked(c->machine.smtp, &c->out.replies);
	c->clock.idle_since = uv_now(c->r->loop);
	sp_connection_advance(c);
}

/* The login is known: answer a right one, let a wrong one wait for the
 * sweep. */
static void
answer_or_delay(struct sp_connection *c)
{
	if (sp_session_check_ok(c->machine.smtp))
		answer_login(c);
	else
		c->login.answer_at = uv_now(c->r->loop) + SP_LOGIN_DELAY_MS;
}

/* The pool is done.  The connection may have gone meanwhile. */
static void
on_checked(struct sp_login_job *job)
{
	struct sp_connection *c =
	    (void *)((char *)job - offsetof(struct sp_connection, login.job));

	c->login.open = false;
	sp_session_check_report(c->machine.smtp);
	if (!c->end.handle_open)
		sp_connection_release(c);
	else if (!c->end.closing)
		answer_or_delay(c);
}

/* Have the password hashed on the pool. */
static void
begin_check(struct sp_connection *c)
{
	c->login.open = true;
	c->login.job = (struct sp_login_job){
		.session = c->machine.smtp, .who = c->peer, .done = on_checked
	};
	sp_logins_push(c->r->logins, &c->login.job);
}

/* A peer that has gone is dropped, but a wrong login of its own is reported. */
void
sp_connection_check_login(struct sp_connection *c)
{
	bool gone = c->end.broken || c->in.eof;
	bool due = !c->login.open && c->login.answer_at == 0 &&
		   sp_session_check_due(c->machine.smtp);

	if (!c->login.open && !due)
		sp_session_check_report(c->machine.smtp);
	if (gone)
		sp_connection_drop(c);
	else if (due)
		begin_check(c);
	else if (!c->login.open && c->login.answer_at == 0)
		answer_or_delay(c);
}

void
sp_connection_answer_late_login(struct sp_connection *c, uint64_t now)
{
	if (c->login.answer_at != 0 && now >= c->login.answer_at)
		answer_login(c);
}
