/*
 * The envelope as the MTA tells it: its client (CONNECT, HELO), the sender and
 * each recipient.  The MTA has judged all of them already; here they are
 * recorded, and refused only where we could not store the message.  Headers and
 * body are next (milter_data.c).
 */
#include <string.h>

#include "base/clock.h"
#include "journal/smtp/command.h"
#include "journal/smtp/milter_priv.h"

/* ---- the client ----------------------------------------------------- */

void
sp_milter_forget(struct sp_milter *m)
{
	sp_arena_reset(&m->client.arena);
	m->client.macros = (struct sp_milter_macros){ NULL, 0, 0, 0 };
	m->client.helo_n = 0;
	m->client.known = false;
}

void
sp_milter_connect(struct sp_milter *m, struct sp_view data)
{
	struct sp_milter_client c;

	if (m->client.known) {
		sp_milter_broken(m, "a second client without QUIT_NC");
		return;
	}
	if (!sp_milter_client_parse(data, &c)) {
		sp_milter_broken(m, "CONNECT is not understood");
		return;
	}
	m->client.connect = c;
	m->client.connect.name = sp_arena_dup(&m->client.arena, c.name);
	m->client.connect.addr = sp_arena_dup(&m->client.arena, c.addr);
	m->client.known = m->client.connect.name.p != NULL &&
			  m->client.connect.addr.p != NULL;
	if (!m->client.known)
		sp_milter_end(m, SP_REPLY_MEMORY);
}

/* HELO comes again after STARTTLS, and whenever the client likes; the last one
 * counts. */
void
sp_milter_helo(struct sp_milter *m, struct sp_view data)
{
	struct sp_view name;

	if (!sp_milter_text_next(&data, &name) || data.n > 0) {
		sp_milter_broken(m, "HELO is not understood");
		return;
	}
	m->client.helo_n =
	    name.n < sizeof(m->client.helo) ? name.n : sizeof(m->client.helo);
	memcpy(m->client.helo, name.p, m->client.helo_n);
}

/* ---- arguments ------------------------------------------------------ */

/* The arguments of MAIL or RCPT, copied into the arena. */
struct milter_arguments {
	struct sp_view addr; /* without <> */
	const struct sp_view *params;
	size_t nparams;
	size_t bytes; /* of all */
};

/* The address without its brackets.  The MTA has accepted it: nothing that is
 * odd in it is a reason not to record it. */
static struct sp_view
bare_address(struct sp_view v)
{
	struct sp_mailbox box;
	struct sp_view rest;

	if (sp_mailbox_parse(v, &box, &rest) == SP_MAILBOX_OK && rest.n == 0)
		return (box.addr);
	if (v.n >= 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
		return (sp_view_mem(v.p + 1, v.n - 2));
	return (v);
}

/* Parse and copy the arguments of MAIL or RCPT.  SP_EFORMAT: they are none;
 * SP_EAGAIN: the memory budget is used up. */
static enum sp_code
parse_arguments(
    struct sp_milter *m, struct sp_view data, struct milter_arguments *out)
{
	struct sp_view v[SP_MILTER_ARGS_MAX];
	size_t n;

	if (!sp_milter_texts_parse(data, v, SP_COUNTOF(v), &n) || n == 0)
		return (SP_EFORMAT);
	*out = (struct milter_arguments){ .bytes = data.n, .nparams = n - 1 };
	out->addr = sp_arena_dup(&m->mail.arena, bare_address(v[0]));
	if (out->addr.p == NULL || !sp_envelope_copy_params(&m->mail.arena,
				       v + 1, n - 1, &out->params))
		return (SP_EAGAIN);
	return (SP_OK);
}

/* ---- MAIL ----------------------------------------------------------- */

/* The bytes that SIZE= declares (RFC 1870); 0 where there is none. */
static uint64_t
declared_size(const struct milter_arguments *c)
{
	uint64_t n;

	for (size_t i = 0; i < c->nparams; i++) {
		struct sp_view v = c->params[i];

		if (sp_view_istarts(v, "SIZE=") &&
		    sp_view_u64(sp_view_mem(v.p + 5, v.n - 5), &n))
			return (n);
	}
	return (0);
}

/* Whether the owner lets a message begin (disk, clock, hold); answers if
 * not. */
static bool
may_begin(struct sp_milter *m, struct sp_buf *out)
{
	const char *why = NULL;
	enum sp_code rc;

	if (m->env->may_begin == NULL)
		return (true);
	rc = m->env->may_begin(m->env->ctx, m->mail.declared, &why);
	if (rc == SP_OK)
		return (true);
	if (why != NULL)
		sp_milter_defer(m, why, out);
	else
		sp_milter_refuse(m, sp_reply_of_code(rc), out);
	return (false);
}

/* Whatever is answered, the packets that follow belong to this transaction. */
void
sp_milter_mail(struct sp_milter *m, struct sp_view data, struct sp_buf *out)
{
	enum sp_code rc;
	struct milter_arguments c;

	if (m->phase >= SP_MILTER_ENVELOPE)
		sp_milter_reset(m);
	if (m->draining) {
		sp_milter_end(m, SP_REPLY_CLOSING);
		return;
	}
	m->mail.mail_at = sp_clock_wall();
	rc = parse_arguments(m, data, &c);
	if (rc == SP_EFORMAT) {
		sp_milter_broken(m, "MAIL is not understood");
		return;
	}
	if (rc != SP_OK) {
		sp_milter_refuse(m, SP_REPLY_MEMORY, out);
		return;
	}
	m->mail.envelope.from = c.addr;
	m->mail.envelope.from_params = c.params;
	m->mail.envelope.nfrom_params = c.nparams;
	m->mail.declared = declared_size(&c);
	m->transactions++;
	m->phase = SP_MILTER_ENVELOPE;
	if (m->mail.declared > m->env->cfg->max_message)
		sp_milter_refuse(m, SP_REPLY_TOO_BIG, out);
	else if (may_begin(m, out))
		sp_milter_answer(m, SP_MILTER_CONTINUE, out);
}

/* ---- RCPT ----------------------------------------------------------- */

/* Put a recipient at the end of ${list}; false: the memory budget is used
 * up. */
static bool
record_rcpt(struct sp_milter *m, struct sp_recipients *list,
    const struct milter_arguments *c, struct sp_view reply)
{
	const struct sp_rcpt r = { .addr = c->addr,
		.params = c->params,
		.nparams = c->nparams,
		.reply = reply };

	return (sp_envelope_add(&m->mail.arena, list, &r));
}

/* A recipient that was refused, by the MTA or by us, is part of what was
 * observed; the first of them are recorded. */
static void
record_refused(
    struct sp_milter *m, const struct milter_arguments *c, struct sp_view reply)
{
	struct sp_recipients *list = &m->mail.envelope.refused;

	if (list->n < SP_ENVELOPE_REFUSED)
		(void)record_rcpt(m, list, c, reply);
}

/* The MTA's own refusal, as its macros tell it: "5.1.1 <b@c>: unknown". */
static struct sp_view
refusal_of_mta(struct sp_milter *m)
{
	size_t n = m->mail.rcpt_host.n + 1 + m->mail.rcpt_addr.n;
	char *p;

	p = sp_arena_get(&m->mail.arena, n);
	if (p == NULL || n == 1)
		return (SP_VIEW_LIT("refused by the MTA"));
	memcpy(p, m->mail.rcpt_host.n == 0 ? "" : m->mail.rcpt_host.p,
	    m->mail.rcpt_host.n);
	p[m->mail.rcpt_host.n] = ' ';
	memcpy(p + m->mail.rcpt_host.n + 1,
	    m->mail.rcpt_addr.n == 0 ? "" : m->mail.rcpt_addr.p,
	    m->mail.rcpt_addr.n);
	return (sp_view_trim(sp_view_mem(p, n)));
}

/* Record a recipient, and refuse what is beyond the limits.  With RCPT_REJ the
 * MTA also sends those that it refused itself: its mailer is "error". */
static void
accept_rcpt(
    struct sp_milter *m, const struct milter_arguments *c, struct sp_buf *out)
{
	bool theirs = (m->steps & SP_MILTER_RCPT_REJ) != 0 &&
		      sp_view_eq_str(m->mail.rcpt_mailer, "error");

	m->mail.envelope.bytes += c->bytes;
	if (theirs) {
		record_refused(m, c, refusal_of_mta(m));
		sp_milter_answer(m, SP_MILTER_CONTINUE, out);
		return;
	}
	if (m->mail.envelope.to.n >= m->env->cfg->max_recipients ||
	    m->mail.envelope.bytes > SP_ENVELOPE_MAX) {
		record_refused(
		    m, c, sp_view_trim(sp_reply_text(SP_REPLY_RCPTS)));
		sp_milter_refuse(m, SP_REPLY_RCPTS, out);
		return;
	}
	if (record_rcpt(
		m, &m->mail.envelope.to, c, (struct sp_view){ NULL, 0 }))
		sp_milter_answer(m, SP_MILTER_CONTINUE, out);
	else
		sp_milter_refuse(m, SP_REPLY_MEMORY, out);
}

/* Parse the packet, then record its recipient. */
void
sp_milter_rcpt(struct sp_milter *m, struct sp_view data, struct sp_buf *out)
{
	struct milter_arguments c;
	enum sp_code rc;

	if (m->phase != SP_MILTER_ENVELOPE) {
		sp_milter_broken(m, "RCPT inside a message");
		return;
	}
	/* Nothing of a recipient beyond the limit is copied. */
	if (m->mail.envelope.bytes > SP_ENVELOPE_MAX) {
		sp_milter_refuse(m, SP_REPLY_RCPTS, out);
		return;
	}
	rc = parse_arguments(m, data, &c);
	if (rc == SP_EFORMAT)
		sp_milter_broken(m, "RCPT is not understood");
	else if (rc != SP_OK)
		sp_milter_refuse(m, SP_REPLY_MEMORY, out);
	else
		accept_rcpt(m, &c, out);
	m->mail.rcpt_mailer = m->mail.rcpt_host = m->mail.rcpt_addr =
	    (struct sp_view){ NULL, 0 };
}
