/*
 * The answers of the milter, what it reports of refusals, and the end of its
 * transaction: what the files of the milter need of one another, so that none
 * of them calls back into milter.c.  All that the machine says goes through
 * sp_milter_send().
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "journal/smtp/milter_priv.h"
#include "journal/smtp/source.h"

void
sp_milter_info(const struct sp_milter *m, struct sp_session_info *out)
{
	*out = (struct sp_session_info){
		.listener = m->env->cfg->name,
		.peer = m->link.peer,
		.client = m->link.peer,
		.id = m->link.id,
		.helo = { m->client.helo, m->client.helo_n },
		.from = m->mail.envelope.from,
		.rcpt =
		    m->mail.envelope.to.n > 0
			? m->mail.envelope.to.v[m->mail.envelope.to.n - 1].addr
		    : m->mail.envelope.refused.n > 0
			? m->mail.envelope.refused
			      .v[m->mail.envelope.refused.n - 1]
			      .addr
			: (struct sp_view){ NULL, 0 },
		.recipients = m->mail.envelope.to.n,
		.size = m->message.store.size,
		.mail_at = m->mail.mail_at,
		.transaction = m->transactions,
	};
}

/* ---- answers -------------------------------------------------------- */

/* Input stops far below the limit of the output, so that it is reached only by
 * an MTA that reads nothing; then the connection is closed. */
void
sp_milter_send(
    struct sp_milter *m, char answer, struct sp_view data, struct sp_buf *out)
{
	char head[SP_MILTER_HEAD] = { 0, 0, 0, 0, answer };
	uint32_t n = (uint32_t)data.n + 1;

	for (size_t i = 4; i-- > 0; n >>= 8)
		head[i] = (char)(n & 0xff);
	if (sp_buf_add(out, head, sizeof(head)) != SP_OK ||
	    sp_buf_addv(out, data) != SP_OK)
		m->phase = SP_MILTER_CLOSED;
}

void
sp_milter_answer(struct sp_milter *m, char answer, struct sp_buf *out)
{
	sp_milter_send(m, answer, (struct sp_view){ NULL, 0 }, out);
}

/* ---- reports -------------------------------------------------------- */

/* Report to the owner that ${line} would have been the reply of SMTP. */
static void
report_refusal(struct sp_milter *m, struct sp_view line)
{
	struct sp_session_info i;

	if (m->env->refused == NULL)
		return;
	sp_milter_info(m, &i);
	m->env->refused(m->env->ctx, &i, line);
}

void
sp_milter_defer(struct sp_milter *m, const char *why, struct sp_buf *out)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "451 4.3.0 %s", why);
	report_refusal(m, sp_view_str(line));
	sp_milter_answer(m, SP_MILTER_TEMPFAIL, out);
}

/* Too many recipients is a 4xx that the MTA's client must hear, so that it
 * sends the rest in a transaction of its own; every other 4xx is our fault, and
 * the MTA words it. */
void
sp_milter_refuse(struct sp_milter *m, enum sp_reply r, struct sp_buf *out)
{
	struct sp_view line = sp_view_trim(sp_reply_text(r));
	char text[256];

	report_refusal(m, line);
	if (sp_reply_class(r) == 4 && r != SP_REPLY_TOO_MANY_RCPTS) {
		sp_milter_answer(m, SP_MILTER_TEMPFAIL, out);
		return;
	}
	assert(line.n < sizeof(text));
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	sp_milter_send(m, SP_MILTER_REPLY, sp_view_mem(text, line.n + 1), out);
}

void
sp_milter_fault(struct sp_milter *m, const struct sp_err *err)
{
	struct sp_session_info i;

	if (m->env->fault == NULL)
		return;
	sp_milter_info(m, &i);
	m->env->fault(m->env->ctx, &i, err);
}

/* ---- the end of a transaction ---------------------------------------- */

void
sp_milter_reset(struct sp_milter *m)
{
	if (m->phase > SP_MILTER_READY && m->phase < SP_MILTER_CLOSED)
		m->phase = SP_MILTER_READY;
	sp_arena_reset(&m->mail.arena);
	sp_store_reset(&m->message.store);
	sp_source_done(m->memory, &m->entry.source, &m->entry.charged);
	m->mail.macros = (struct sp_milter_macros){ NULL, 0, 0, 0 };
	m->mail.rcpt_mailer = m->mail.rcpt_host = m->mail.rcpt_addr =
	    (struct sp_view){ NULL, 0 };
	sp_envelope_reset(&m->mail.envelope);
	m->mail.declared = m->message.wire_bytes = 0;
	m->message.refusal = SP_REPLY_NONE;
}

void
sp_milter_close(struct sp_milter *m)
{
	sp_milter_reset(m);
	m->phase = SP_MILTER_CLOSED;
}

void
sp_milter_protocol_error(struct sp_milter *m, const char *why)
{
	struct sp_session_info i;

	if (m->phase == SP_MILTER_CLOSED)
		return;
	sp_milter_info(m, &i);
	if (m->env->protocol_error != NULL)
		m->env->protocol_error(m->env->ctx, &i, why);
	sp_milter_close(m);
}

void
sp_milter_end(struct sp_milter *m, enum sp_reply r)
{
	assert(m->phase != SP_MILTER_COMMITTING);
	if (m->phase == SP_MILTER_CLOSED)
		return;
	report_refusal(m, sp_view_trim(sp_reply_text(r)));
	sp_milter_close(m);
}
