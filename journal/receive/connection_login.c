/* A connection whose login is being checked. */
#include <stddef.h>

#include "journal/receive/receive_priv.h"

static void
answer_login(struct sp_connection *c)
{
	c->check_until = 0;
	sp_session_checked(c->machine.smtp, &c->out);
	c->idle_since = uv_now(c->r->loop);
	sp_connection_go_on(c);
}

/* A wrong one waits for the sweep. */
static void
login_known(struct sp_connection *c)
{
	if (sp_session_check_ok(c->machine.smtp))
		answer_login(c);
	else
		c->check_until = uv_now(c->r->loop) + SP_LOGIN_DELAY_MS;
}

static void
login_checked(struct sp_login_job *job)
{
	struct sp_connection *c =
	    (void *)((char *)job - offsetof(struct sp_connection, check));

	c->check_open = false;
	sp_session_check_tell(c->machine.smtp);
	if (!c->handle_open)
		sp_connection_maybe_free(c);
	else if (!c->closing)
		login_known(c);
}

static void
begin_check(struct sp_connection *c)
{
	c->check_open = true;
	c->check = (struct sp_login_job){ .session = c->machine.smtp,
		.done = login_checked };
	sp_logins_push(c->r->logins, &c->check);
}

void
sp_connection_check_login(struct sp_connection *c)
{
	bool gone = c->broken || c->eof;
	bool due = !c->check_open && c->check_until == 0 &&
		   sp_session_check_due(c->machine.smtp);

	/* Also one that was gone at once has guessed. */
	if (!c->check_open && !due)
		sp_session_check_tell(c->machine.smtp);
	if (gone)
		sp_connection_drop(c);
	else if (due)
		begin_check(c);
	else if (!c->check_open && c->check_until == 0)
		login_known(c);
}

void
sp_connection_sweep_login(struct sp_connection *c, uint64_t now)
{
	if (c->check_until != 0 && now >= c->check_until)
		answer_login(c);
}
