/* Macros, the client, MAIL and RCPT. */
#include <string.h>

#include "base/clock.h"
#include "journal/smtp/command.h"
#include "journal/smtp/milter_priv.h"

#define ENVELOPE_MAX (1u << 20) /* bytes of recipients and parameters */
#define REFUSED_MAX  100 /* refused recipients recorded */

/* ---- macros --------------------------------------------------------- */

static struct sp_view
bare_name(struct sp_view name)
{
	if (name.n > 2 && name.p[0] == '{' && name.p[name.n - 1] == '}')
		return (sp_view_mem(name.p + 1, name.n - 2));
	return (name);
}

/* It becomes a key of the record. */
static bool
name_ok(struct sp_view name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return (false);
	}
	return (name.n > 0 && name.n <= SP_MILTER_MACRO_NAME);
}

/* Room for one more; false: out of budget. */
static bool
more_macros(struct sp_arena *a, struct sp_milter_macros *l)
{
	size_t want = l->cap == 0 ? 8 : l->cap * 2;
	struct sp_milter_macro *v;

	if (l->n < l->cap)
		return (true);
	v = sp_arena_get(a, want * sizeof(*v));
	if (v == NULL)
		return (false);
	if (l->n > 0)
		memcpy(v, l->v, l->n * sizeof(*v));
	l->v = v;
	l->cap = want;
	return (true);
}

/* SP_ELIMIT: too many; SP_EAGAIN: out of budget. */
static enum sp_code
set_macro(struct sp_arena *a, struct sp_milter_macros *l, struct sp_view name,
    struct sp_view value)
{
	struct sp_milter_macro *e = NULL;

	for (size_t i = 0; i < l->n && e == NULL; i++) {
		if (sp_view_eq(l->v[i].name, name))
			e = &l->v[i];
	}
	if (e != NULL && sp_view_eq(e->value, value))
		return (SP_OK);
	if (name.n + value.n > SP_MILTER_MACRO_SUM - l->sum ||
	    (e == NULL && l->n == SP_MILTER_MACROS_MAX))
		return (SP_ELIMIT);
	l->sum += name.n + value.n;
	value = sp_arena_dup(a, value);
	if (e == NULL) {
		name = sp_arena_dup(a, name);
		if (name.p == NULL || !more_macros(a, l))
			return (SP_EAGAIN);
		e = &l->v[l->n++];
		e->name = name;
	}
	e->value = value;
	return (value.p == NULL ? SP_EAGAIN : SP_OK);
}

/* Of the next recipient: what the MTA makes of it, or why it refused it. */
static bool
set_rcpt_macro(struct sp_milter *m, struct sp_view name, struct sp_view value)
{
	struct sp_view *at;

	if (sp_view_eq_str(name, "rcpt_mailer"))
		at = &m->rcpt_mailer;
	else if (sp_view_eq_str(name, "rcpt_host"))
		at = &m->rcpt_host;
	else if (sp_view_eq_str(name, "rcpt_addr"))
		at = &m->rcpt_addr;
	else
		return (false);
	*at = (struct sp_view){ NULL, 0 };
	/* Beyond the limit the recipient is not taken either. */
	m->envelope += value.n;
	if (m->envelope <= ENVELOPE_MAX)
		*at = sp_arena_dup(&m->arena, value);
	return (true);
}

/* Pairs of name and value; SP_EFORMAT where they are not. */
static enum sp_code
take_macros(struct sp_milter *m, char stage, struct sp_view data)
{
	bool client = stage == SP_MILTER_CONNECT || stage == SP_MILTER_HELO;
	enum sp_code rc = SP_OK;
	struct sp_view name, value;

	while (rc == SP_OK && sp_milter_text_next(&data, &name)) {
		if (!sp_milter_text_next(&data, &value))
			return (SP_EFORMAT);
		name = bare_name(name);
		if (!name_ok(name))
			return (SP_EFORMAT);
		if (stage == SP_MILTER_RCPT && set_rcpt_macro(m, name, value))
			continue;
		rc = client ? set_macro(&m->client_arena, &m->client_macros,
				  name, value)
			    : set_macro(&m->arena, &m->macros, name, value);
	}
	return (rc == SP_OK && data.n > 0 ? SP_EFORMAT : rc);
}

void
sp_milter_macro(struct sp_milter *m, struct sp_view data)
{
	enum sp_code rc;
	char stage;

	if (data.n == 0) {
		sp_milter_broken(m, "macros of no command");
		return;
	}
	stage = *data.p;
	data.p++;
	data.n--;
	/* They come before their command. */
	if (stage == SP_MILTER_MAIL && m->phase >= SP_MILTER_ENVELOPE)
		sp_milter_reset(m);
	rc = take_macros(m, stage, data);
	if (rc == SP_ELIMIT)
		sp_milter_broken(m, "more macros than we take");
	else if (rc == SP_EFORMAT)
		sp_milter_broken(m, "macros that are not pairs of texts");
	else if (rc != SP_OK)
		sp_milter_end(m, SP_REPLY_MEMORY);
}

/* ---- the client ----------------------------------------------------- */

void
sp_milter_forget(struct sp_milter *m)
{
	sp_arena_reset(&m->client_arena);
	m->client_macros = (struct sp_milter_macros){ NULL, 0, 0, 0 };
	m->helo_n = 0;
	m->has_client = false;
}

void
sp_milter_connect(struct sp_milter *m, struct sp_view data)
{
	struct sp_milter_client c;

	if (m->has_client) {
		sp_milter_broken(m, "a second client without QUIT_NC");
		return;
	}
	if (!sp_milter_client_parse(data, &c)) {
		sp_milter_broken(m, "CONNECT is not understood");
		return;
	}
	m->client = c;
	m->client.name = sp_arena_dup(&m->client_arena, c.name);
	m->client.addr = sp_arena_dup(&m->client_arena, c.addr);
	m->has_client = m->client.name.p != NULL && m->client.addr.p != NULL;
	if (!m->has_client)
		sp_milter_end(m, SP_REPLY_MEMORY);
}

/* Again after STARTTLS, and whenever a client likes: the last one counts. */
void
sp_milter_helo(struct sp_milter *m, struct sp_view data)
{
	struct sp_view name;

	if (!sp_milter_text_next(&data, &name) || data.n > 0) {
		sp_milter_broken(m, "HELO is not understood");
		return;
	}
	m->helo_n = name.n < sizeof(m->helo) ? name.n : sizeof(m->helo);
	memcpy(m->helo, name.p, m->helo_n);
}

/* ---- arguments ------------------------------------------------------ */

struct command {
	struct sp_view addr; /* without <> */
	const struct sp_view *params;
	size_t nparams;
	size_t bytes; /* of all */
};

/* The MTA has taken the address: nothing that is odd in it is a reason not to
 * record it. */
static struct sp_view
address(struct sp_view v)
{
	struct sp_mailbox box;
	struct sp_view rest;

	if (sp_mailbox_parse(v, &box, &rest) == SP_MAILBOX_OK && rest.n == 0)
		return (box.addr);
	if (v.n >= 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
		return (sp_view_mem(v.p + 1, v.n - 2));
	return (v);
}

/* SP_EFORMAT, or SP_EAGAIN: out of budget.  Copied into the arena. */
static enum sp_code
arguments(struct sp_milter *m, struct sp_view data, struct command *out)
{
	struct sp_view v[SP_MILTER_ARGS_MAX], *params;
	size_t n;

	if (!sp_milter_texts_parse(data, v, SP_COUNTOF(v), &n) || n == 0)
		return (SP_EFORMAT);
	*out = (struct command){ .addr = address(v[0]), .bytes = data.n };
	out->addr = sp_arena_dup(&m->arena, out->addr);
	if (out->addr.p == NULL)
		return (SP_EAGAIN);
	if (n == 1)
		return (SP_OK);
	params = sp_arena_get(&m->arena, (n - 1) * sizeof(*params));
	if (params == NULL)
		return (SP_EAGAIN);
	for (size_t i = 1; i < n; i++) {
		params[i - 1] = sp_arena_dup(&m->arena, v[i]);
		if (params[i - 1].p == NULL)
			return (SP_EAGAIN);
	}
	out->params = params;
	out->nparams = n - 1;
	return (SP_OK);
}

/* ---- MAIL ----------------------------------------------------------- */

/* What SIZE= says; 0 where it is not there. */
static uint64_t
declared(const struct command *c)
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

/* Whether the owner lets a message begin; answers if not. */
static bool
may_begin(struct sp_milter *m, struct sp_buf *out)
{
	const char *why = NULL;
	enum sp_code rc;

	if (m->env->may_begin == NULL)
		return (true);
	rc = m->env->may_begin(m->env->ctx, m->declared, &why);
	if (rc == SP_OK)
		return (true);
	if (why != NULL)
		sp_milter_defer(m, why, out);
	else
		sp_milter_refuse(m, sp_reply_of_code(rc), out);
	return (false);
}

void
sp_milter_mail(struct sp_milter *m, struct sp_view data, struct sp_buf *out)
{
	enum sp_code rc;
	struct command c;

	if (m->phase >= SP_MILTER_ENVELOPE)
		sp_milter_reset(m);
	if (m->draining) {
		sp_milter_end(m, SP_REPLY_CLOSING);
		return;
	}
	m->mail_at = sp_clock_wall();
	rc = arguments(m, data, &c);
	if (rc == SP_EFORMAT) {
		sp_milter_broken(m, "MAIL is not understood");
		return;
	}
	if (rc != SP_OK) {
		sp_milter_refuse(m, SP_REPLY_MEMORY, out);
		return;
	}
	m->from = c.addr;
	m->from_params = c.params;
	m->nfrom_params = c.nparams;
	m->declared = declared(&c);
	m->transaction++;
	/* Whatever we say now, what follows belongs to it. */
	m->phase = SP_MILTER_ENVELOPE;
	if (m->declared > m->env->cfg->max_message)
		sp_milter_refuse(m, SP_REPLY_TOO_BIG, out);
	else if (may_begin(m, out))
		sp_milter_answer(m, SP_MILTER_CONTINUE, out);
}

/* ---- RCPT ----------------------------------------------------------- */

/* Add one to a list that grows in the arena; false: out of budget. */
static bool
add_rcpt(struct sp_milter *m, const struct command *c, struct sp_rcpt **list,
    size_t *n, size_t *cap, struct sp_view reply)
{
	size_t want = *cap == 0 ? 4 : *cap * 2;
	struct sp_rcpt *r;

	if (*n == *cap) {
		r = sp_arena_get(&m->arena, want * sizeof(*r));
		if (r == NULL)
			return (false);
		if (*n > 0)
			memcpy(r, *list, *n * sizeof(*r));
		*list = r;
		*cap = want;
	}
	(*list)[(*n)++] = (struct sp_rcpt){ .addr = c->addr,
		.params = c->params,
		.nparams = c->nparams,
		.reply = reply };
	return (true);
}

/* Refused recipients are part of what was observed, up to a limit. */
static void
note_refused(struct sp_milter *m, const struct command *c, struct sp_view reply)
{
	if (m->nrefused < REFUSED_MAX)
		(void)add_rcpt(
		    m, c, &m->refused, &m->nrefused, &m->refused_cap, reply);
}

/* The MTA's own refusal, as its macros tell it: "5.1.1 <b@c>: unknown". */
static struct sp_view
refusal(struct sp_milter *m)
{
	size_t n = m->rcpt_host.n + 1 + m->rcpt_addr.n;
	char *p;

	p = sp_arena_get(&m->arena, n);
	if (p == NULL || n == 1)
		return (SP_VIEW_LIT("refused by the MTA"));
	memcpy(p, m->rcpt_host.n == 0 ? "" : m->rcpt_host.p, m->rcpt_host.n);
	p[m->rcpt_host.n] = ' ';
	memcpy(p + m->rcpt_host.n + 1,
	    m->rcpt_addr.n == 0 ? "" : m->rcpt_addr.p, m->rcpt_addr.n);
	return (sp_view_trim(sp_view_mem(p, n)));
}

static void
recipient(struct sp_milter *m, const struct command *c, struct sp_buf *out)
{
	bool theirs = (m->steps & SP_MILTER_RCPT_REJ) != 0 &&
		      sp_view_eq_str(m->rcpt_mailer, "error");

	m->envelope += c->bytes;
	if (theirs) {
		note_refused(m, c, refusal(m));
		sp_milter_answer(m, SP_MILTER_CONTINUE, out);
		return;
	}
	if (m->nto >= m->env->cfg->max_recipients ||
	    m->envelope > ENVELOPE_MAX) {
		note_refused(m, c, sp_view_trim(sp_reply_text(SP_REPLY_RCPTS)));
		sp_milter_refuse(m, SP_REPLY_RCPTS, out);
		return;
	}
	if (add_rcpt(
		m, c, &m->to, &m->nto, &m->to_cap, (struct sp_view){ NULL, 0 }))
		sp_milter_answer(m, SP_MILTER_CONTINUE, out);
	else
		sp_milter_refuse(m, SP_REPLY_MEMORY, out);
}

void
sp_milter_rcpt(struct sp_milter *m, struct sp_view data, struct sp_buf *out)
{
	struct command c;
	enum sp_code rc;

	if (m->phase != SP_MILTER_ENVELOPE) {
		sp_milter_broken(m, "RCPT inside a message");
		return;
	}
	/* Nothing of a recipient beyond it is kept. */
	if (m->envelope > ENVELOPE_MAX) {
		sp_milter_refuse(m, SP_REPLY_RCPTS, out);
		return;
	}
	rc = arguments(m, data, &c);
	if (rc == SP_EFORMAT)
		sp_milter_broken(m, "RCPT is not understood");
	else if (rc != SP_OK)
		sp_milter_refuse(m, SP_REPLY_MEMORY, out);
	else
		recipient(m, &c, out);
	m->rcpt_mailer = m->rcpt_host = m->rcpt_addr =
	    (struct sp_view){ NULL, 0 };
}
