/*
 * One way for connections (journal/receive) to drive either machine: each
 * function passes the call on to the session or the milter that was begun.
 */
#include "journal/smtp/machine.h"

#include <assert.h>

/* A struct that is used again keeps its machine if that is of the kind that the
 * listener speaks. */
void
sp_machine_begin(struct sp_machine *m, const struct sp_session_env *env,
    const struct sp_session_peer *peer)
{
	bool milter = !env->door && env->cfg->protocol == SP_PROTO_MILTER;

	if (milter != (m->milter != NULL))
		sp_machine_done(m);
	if (m->milter != NULL)
		sp_milter_reuse(m->milter, env, peer);
	else if (milter)
		m->milter = sp_milter_new(env, peer);
	else if (m->smtp != NULL)
		sp_session_reuse(m->smtp, env, peer);
	else
		m->smtp = sp_session_new(env, peer);
}

void
sp_machine_charge_to(struct sp_machine *m, struct sp_memory *memory)
{
	if (m->milter != NULL)
		sp_milter_charge_to(m->milter, memory);
	else
		sp_session_charge_to(m->smtp, memory);
}

void
sp_machine_release(struct sp_machine *m)
{
	if (m->milter != NULL)
		sp_milter_release(m->milter);
	else
		sp_session_release(m->smtp);
}

void
sp_machine_done(struct sp_machine *m)
{
	sp_milter_free(m->milter);
	sp_session_free(m->smtp);
	*m = (struct sp_machine){ NULL, NULL };
}

bool
sp_machine_greets(const struct sp_machine *m)
{
	return (m->milter == NULL);
}

void
sp_machine_greet(struct sp_machine *m, struct sp_buf *out)
{
	if (m->milter == NULL)
		sp_session_greet(m->smtp, out);
}

size_t
sp_machine_input(struct sp_machine *m, char *p, size_t n, struct sp_buf *out)
{
	return (m->milter != NULL ? sp_milter_input(m->milter, p, n, out)
				  : sp_session_input(m->smtp, p, n, out));
}

enum sp_session_state
sp_machine_state(const struct sp_machine *m)
{
	return (m->milter != NULL ? sp_milter_state(m->milter)
				  : sp_session_state(m->smtp));
}

struct sp_append_item *
sp_machine_item(struct sp_machine *m)
{
	return (m->milter != NULL ? sp_milter_item(m->milter)
				  : sp_session_item(m->smtp));
}

void
sp_machine_committed(
    struct sp_machine *m, enum sp_code code, struct sp_buf *out)
{
	if (m->milter != NULL)
		sp_milter_committed(m->milter, code, out);
	else
		sp_session_committed(m->smtp, code, out);
}

void
sp_machine_progress(struct sp_machine *m, struct sp_buf *out)
{
	if (m->milter != NULL)
		sp_milter_progress(m->milter, out);
}

void
sp_machine_end(struct sp_machine *m, enum sp_reply r, struct sp_buf *out)
{
	if (m->milter != NULL)
		sp_milter_end(m->milter, r);
	else
		sp_session_end(m->smtp, r, out);
}

void
sp_machine_drain(struct sp_machine *m, struct sp_buf *out)
{
	if (m->milter != NULL)
		sp_milter_drain(m->milter);
	else
		sp_session_drain(m->smtp, out);
}

/* The configuration lets a milter listener have neither TLS nor a proxy, so
 * this and the two below are for sessions only. */
void
sp_machine_tls(struct sp_machine *m, const struct sp_session_tls_info *info)
{
	assert(m->smtp != NULL && m->milter == NULL);
	sp_session_tls(m->smtp, info);
}

void
sp_machine_proxied(struct sp_machine *m, const char *src, const char *dst)
{
	assert(m->smtp != NULL && m->milter == NULL);
	sp_session_proxied(m->smtp, src, dst);
}

void
sp_machine_abandon(struct sp_machine *m)
{
	assert(m->smtp != NULL && m->milter == NULL);
	sp_session_abandon(m->smtp);
}

bool
sp_machine_quit(const struct sp_machine *m)
{
	return (m->milter != NULL ? sp_milter_quit(m->milter)
				  : sp_session_quit(m->smtp));
}

uint64_t
sp_machine_commands(const struct sp_machine *m)
{
	return (m->milter != NULL ? sp_milter_packets(m->milter)
				  : sp_session_commands(m->smtp));
}

void
sp_machine_info(const struct sp_machine *m, struct sp_session_info *out)
{
	if (m->milter != NULL)
		sp_milter_info(m->milter, out);
	else
		sp_session_info(m->smtp, out);
}
