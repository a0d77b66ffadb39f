/*
 * Macros of the milter protocol: what the MTA says of its client and of the
 * message (queue id, TLS, who logged in, ...), by name.  They come in packets
 * of their own before the command that they are for, and are recorded as
 * claimed (milter_item.c).  Those of single recipients are used by
 * milter_mail.c alone.
 */
#include <string.h>

#include "journal/smtp/milter_priv.h"

/* Long names come in braces: "{auth_authen}". */
static struct sp_view
strip_braces(struct sp_view name)
{
	if (name.n > 2 && name.p[0] == '{' && name.p[name.n - 1] == '}')
		return (sp_view_mem(name.p + 1, name.n - 2));
	return (name);
}

/* Whether the name can be a key of the record: printable ASCII without blanks,
 * not too long. */
static bool
is_macro_name(struct sp_view name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return (false);
	}
	return (name.n > 0 && name.n <= SP_MILTER_MACRO_NAME);
}

/* Make room for one more macro; false: the memory budget is used up. */
static bool
make_room(struct sp_arena *a, struct sp_milter_macros *l)
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

/* Set a macro, or change its value.  SP_ELIMIT: too many, or too many bytes;
 * SP_EAGAIN: the memory budget is used up. */
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
		if (name.p == NULL || !make_room(a, l))
			return (SP_EAGAIN);
		e = &l->v[l->n++];
		e->name = name;
	}
	e->value = value;
	return (value.p == NULL ? SP_EAGAIN : SP_OK);
}

/* Keep a macro of the next recipient; false: it is none that is used.  Its
 * bytes count as those of the envelope, and beyond that limit it is not kept:
 * nor is the recipient then. */
static bool
set_rcpt_macro(struct sp_milter *m, struct sp_view name, struct sp_view value)
{
	struct sp_view *at;

	if (sp_view_eq_str(name, "rcpt_mailer"))
		at = &m->mail.rcpt_mailer;
	else if (sp_view_eq_str(name, "rcpt_host"))
		at = &m->mail.rcpt_host;
	else if (sp_view_eq_str(name, "rcpt_addr"))
		at = &m->mail.rcpt_addr;
	else
		return (false);
	*at = (struct sp_view){ NULL, 0 };
	m->mail.envelope.bytes += value.n;
	if (m->mail.envelope.bytes <= SP_ENVELOPE_MAX)
		*at = sp_arena_dup(&m->mail.arena, value);
	return (true);
}

/* Understand names and values in turn, for the command ${stage}.  SP_EFORMAT
 * where they are not pairs of texts; else as set_macro(). */
static enum sp_code
parse_macros(struct sp_milter *m, char stage, struct sp_view data)
{
	bool client = stage == SP_MILTER_CONNECT || stage == SP_MILTER_HELO;
	enum sp_code rc = SP_OK;
	struct sp_view name, value;

	while (rc == SP_OK && sp_milter_text_next(&data, &name)) {
		if (!sp_milter_text_next(&data, &value))
			return (SP_EFORMAT);
		name = strip_braces(name);
		if (!is_macro_name(name))
			return (SP_EFORMAT);
		if (stage == SP_MILTER_RCPT && set_rcpt_macro(m, name, value))
			continue;
		rc = client ? set_macro(&m->client.arena, &m->client.macros,
				  name, value)
			    : set_macro(
				  &m->mail.arena, &m->mail.macros, name, value);
	}
	return (rc == SP_OK && data.n > 0 ? SP_EFORMAT : rc);
}

/* The macros of MAIL come before it: with them the message before is over. */
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
	if (stage == SP_MILTER_MAIL && m->phase >= SP_MILTER_ENVELOPE)
		sp_milter_reset(m);
	rc = parse_macros(m, stage, data);
	if (rc == SP_ELIMIT)
		sp_milter_broken(m, "more macros than we take");
	else if (rc == SP_EFORMAT)
		sp_milter_broken(m, "macros that are not pairs of texts");
	else if (rc != SP_OK)
		sp_milter_end(m, SP_REPLY_MEMORY);
}
