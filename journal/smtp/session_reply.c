/*
 * The replies of a session and the end of its transaction: what the files of
 * the session need of one another, so that none of them calls back into
 * session.c.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/smtp/session_priv.h"
#include "journal/smtp/source.h"

bool
sp_session_lmtp(const struct sp_session *s)
{
	return (s->env->door || s->env->cfg->protocol == SP_PROTO_LMTP);
}

/* The recipient of the command in hand; else the last one of the transaction,
 * accepted if there is one. */
static struct sp_view
last_rcpt(const struct sp_session *s)
{
	const struct sp_recipients *to = &s->mail.envelope.to;
	const struct sp_recipients *refused = &s->mail.envelope.refused;

	if (s->about_rcpt.p != NULL)
		return (s->about_rcpt);
	if (to->n > 0)
		return (to->v[to->n - 1].addr);
	if (refused->n > 0)
		return (refused->v[refused->n - 1].addr);
	return ((struct sp_view){ NULL, 0 });
}

/* The client is whom a proxy serves, if there is one, for what is limited or
 * counted by address. */
void
sp_session_info(const struct sp_session *s, struct sp_session_info *out)
{
	*out = (struct sp_session_info){
		.listener = s->env->cfg->name,
		.peer = s->link.peer,
		.client = s->link.proxy_src[0] == '\0' ? s->link.peer
						       : s->link.proxy_src,
		.id = s->link.id,
		.helo = { s->client.name, s->client.name_n },
		.from = s->about_from.p != NULL ? s->about_from
						: s->mail.envelope.from,
		.rcpt = last_rcpt(s),
		.recipients = s->mail.envelope.to.n,
		.size = s->message.store.size,
		.mail_at = s->mail.mail_at,
		.event =
		    s->door.event_detail != NULL ? s->door.event_name : NULL,
		.transaction = s->count.transactions,
		.auth = s->login.name,
		.xclient_addr = sp_claim_get(&s->claims.xclient, SP_CLAIM_ADDR),
		.xforward_addr =
		    sp_claim_get(&s->claims.xforward, SP_CLAIM_ADDR),
		.xforward_ident =
		    sp_claim_get(&s->claims.xforward, SP_CLAIM_IDENT),
	};
}

/* ---- replies -------------------------------------------------------- */

/* Append a reply to the output.  Input stops far below the limit of the output,
 * so that it is reached only by a peer that reads nothing; then the session is
 * closed. */
static void
add_line(struct sp_session *s, struct sp_buf *out, struct sp_view v)
{
	if (sp_buf_addv(out, v) != SP_OK)
		s->mode = SP_MODE_CLOSED;
}

/* Count an error reply and report it to the owner; anything but 4xx and 5xx is
 * neither. */
static void
report_refusal(struct sp_session *s, struct sp_view line)
{
	char class = line.n > 0 ? line.p[0] : '2';
	struct sp_session_info i;

	if (class != '4' && class != '5')
		return;
	if (class == '5')
		s->count.errors++;
	if (s->env->refused == NULL)
		return;
	sp_session_info(s, &i);
	s->env->refused(s->env->ctx, &i, sp_view_trim(line));
}

void
sp_session_fault(struct sp_session *s, const struct sp_err *err)
{
	struct sp_session_info i;

	if (s->env->fault == NULL)
		return;
	sp_session_info(s, &i);
	s->env->fault(s->env->ctx, &i, err);
}

void
sp_session_reply(struct sp_session *s, enum sp_reply r, struct sp_buf *out)
{
	struct sp_view line = sp_reply_text(r);

	add_line(s, out, line);
	report_refusal(s, line);
}

void
sp_session_reply_all(struct sp_session *s, enum sp_reply r, struct sp_buf *out)
{
	sp_session_reply(s, r, out);
	for (size_t i = 1; sp_session_lmtp(s) && i < s->mail.envelope.to.n; i++)
		add_line(s, out, sp_reply_text(r));
}

void
sp_session_reply_format(
    struct sp_session *s, struct sp_buf *out, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 2, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	if ((size_t)n > sizeof(text) - 3)
		n = sizeof(text) - 3;
	memcpy(text + n, "\r\n", 2);
	add_line(s, out, sp_view_mem(text, (size_t)n + 2));
	report_refusal(s, sp_view_mem(text, (size_t)n));
}

void
sp_session_challenge(struct sp_session *s, const char *text, struct sp_buf *out)
{
	add_line(s, out, SP_VIEW_LIT("334 "));
	add_line(s, out, sp_view_str(text));
	add_line(s, out, SP_VIEW_LIT("\r\n"));
}

void
sp_session_greet(struct sp_session *s, struct sp_buf *out)
{
	sp_session_reply_format(s, out, "220 %s %s Sealpost%s",
	    s->env->cfg->hostname, sp_session_lmtp(s) ? "LMTP" : "ESMTP",
	    s->env->door ? " door" : "");
}

/* ---- the end of a transaction ---------------------------------------- */

void
sp_session_provenance_done(struct sp_provenance *p)
{
	free(p->members);
	free(p->origin_date);
	p->members = p->origin_date = NULL;
	p->set = false;
	p->nflags = 0;
}

void
sp_session_reset(struct sp_session *s)
{
	if (s->phase > SP_PHASE_READY)
		s->phase = SP_PHASE_READY;
	sp_arena_reset(&s->mail.arena);
	sp_store_reset(&s->message.store);
	sp_source_done(s->memory, &s->entry.source, &s->entry.charged);
	sp_session_provenance_done(&s->door.provenance);
	free(s->door.event_detail);
	s->door.event_detail = NULL;
	sp_envelope_reset(&s->mail.envelope);
	s->mail.rcpt_tried = s->mail.declared = 0;
	s->mail.body = SP_BODY_NONE;
	s->mail.smtputf8 = false;
	s->message.started = false;
	s->message.wire_bytes = 0;
	s->message.refusal = s->chunk.refusal = SP_REPLY_NONE;
}

void
sp_session_close(struct sp_session *s, enum sp_reply r, struct sp_buf *out)
{
	sp_session_reply(s, r, out);
	sp_session_reset(s);
	s->mode = SP_MODE_CLOSED;
}

void
sp_session_count_errors(struct sp_session *s, struct sp_buf *out)
{
	if (s->count.errors > s->env->cfg->max_errors ||
	    s->count.junk > s->env->cfg->max_junk)
		sp_session_close(s, SP_REPLY_ERRORS, out);
}
