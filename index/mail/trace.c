/*
 * Header fields of the way (doc/journal-reports.md, "Header fields of the
 * way"): what servers and mail programs noted there of the envelope.  A table
 * says for each field whose address it has and in which form.  Called by
 * mail.c for each field of a message's own header, from the top; the results
 * are claims of whoever wrote the field, never facts.
 */
#include "index/mail/trace.h"

#include <string.h>

#include "index/mail/address.h"
#include "index/mail/limits.h"

enum trace_form {
	LIST, /* addresses */
	LOOSE, /* the same, also names without an address (Domino) */
	ID, /* List-Id */
	FOR, /* Received: ... for <addr> */
	NOTES /* X-Notes-Item: value; ...; name=$JournalRecipients */
};

#define TOPMOST 1 /* of several only the first counts */
#define PREFIX	2 /* the name goes on */

static const struct trace_field {
	const char *name;
	enum sp_trace_kind kind;
	enum trace_form form;
	unsigned flags; /* TOPMOST, PREFIX */
} fields[] = {
	{ "Return-Path", SP_TRACE_SENDER, LIST, TOPMOST },
	{ "X-Envelope-From", SP_TRACE_SENDER, LIST, 0 },
	{ "Resent-From", SP_TRACE_SENDER, LIST, 0 },
	{ "X-Envelope-To", SP_TRACE_RCPT, LIST, 0 },
	{ "X-Piler-Envelope-To", SP_TRACE_RCPT, LIST, 0 },
	{ "Envelope-To", SP_TRACE_RCPT, LIST, 0 },
	{ "Delivered-To", SP_TRACE_RCPT, LIST, 0 },
	{ "X-Delivered-To", SP_TRACE_RCPT, LIST, 0 },
	{ "X-Original-To", SP_TRACE_RCPT, LIST, 0 },
	{ "X-Gm-Original-To", SP_TRACE_RCPT, LIST, 0 },
	{ "X-RCPT-TO", SP_TRACE_RCPT, LIST, 0 },
	{ "X-Forwarded-To", SP_TRACE_RCPT, LIST, 0 },
	{ "X-Forwarded-For", SP_TRACE_RCPT, LIST, 0 },
	{ "Apparently-To", SP_TRACE_RCPT, LIST, 0 },
	{ "Resent-To", SP_TRACE_RCPT, LIST, 0 },
	{ "Resent-Cc", SP_TRACE_RCPT, LIST, 0 },
	{ "Resent-Bcc", SP_TRACE_RCPT, LIST, 0 },
	{ "X-MS-Exchange-Organization-BCC", SP_TRACE_RCPT, LIST, 0 },
	{ "X-MS-Exchange-Organization-OriginalEnvelopeRecipients",
	    SP_TRACE_RCPT, LIST, 0 },
	{ "$JournalRecipients", SP_TRACE_RCPT, LOOSE, PREFIX },
	{ "X-JournalRecipients", SP_TRACE_RCPT, LOOSE, PREFIX },
	{ "X-Notes-Item", SP_TRACE_RCPT, NOTES, 0 },
	{ "List-Id", SP_TRACE_LIST, ID, TOPMOST },
	{ "Received", SP_TRACE_RCPT, FOR, TOPMOST },
};

/*
 * Add a claim, unless it is among the first ones already or there are
 * SP_TRACE_MAX.
 */
static void
add_trace(struct sp_traces *t, struct sp_mem *mem, const struct trace_field *f,
    const char *addr, const char *name)
{
	if (t->n >= SP_TRACE_MAX)
		return;
	for (size_t i = 0; i < t->n && i < 32; i++)
		if (t->v[i].field == f->name && strcmp(t->v[i].addr, addr) == 0)
			return;
	t->v = sp_mem_more(mem, t->v, t->n, sizeof(*t->v));
	t->v[t->n++] = (struct sp_trace){ f->kind, f->name, addr, name };
}

/*
 * Add the addresses of a list; ${loose}: also names without an '@'. "<>" is
 * the null path and gives an empty address.
 */
static void
add_list(struct sp_traces *t, struct sp_mem *mem, const struct trace_field *f,
    struct sp_view value, bool loose)
{
	struct sp_mail_addrs list = { 0 };

	/* The null path. */
	if (sp_view_eq_str(sp_view_trim(value), "<>")) {
		add_trace(t, mem, f, "", "");
		return;
	}
	(void)sp_address_parse(value, sp_view_str(NULL), mem, &list);
	for (size_t i = 0; i < list.n && t->n < SP_TRACE_MAX; i++) {
		if (strchr(list.v[i].addr, '@') != NULL ||
		    (loose && list.v[i].addr[0] != '\0'))
			add_trace(t, mem, f, list.v[i].addr, list.v[i].name);
		else if (loose && list.v[i].name[0] != '\0')
			add_trace(t, mem, f, list.v[i].name, "");
	}
}

/*
 * What follows "for" in Received: from A by B with C id D for <addr>; date.
 * Comments may stand anywhere.  Empty if there is none.
 */
static struct sp_view
received_for(struct sp_view v)
{
	unsigned depth = 0;

	for (size_t i = 0; i < v.n; i++) {
		struct sp_view rest = sp_view_mem(v.p + i, v.n - i);
		size_t n;

		if (v.p[i] == '(')
			depth++;
		else if (v.p[i] == ')' && depth > 0)
			depth--;
		if (depth > 0 || i == 0 || !sp_view_istarts(rest, "for") ||
		    rest.n < 5 || (unsigned char)v.p[i - 1] > ' ' ||
		    (unsigned char)rest.p[3] > ' ')
			continue;
		rest = sp_view_trim(sp_view_mem(rest.p + 4, rest.n - 4));
		for (n = 0; n < rest.n && rest.p[n] != ';'; n++)
			if ((unsigned char)rest.p[n] <= ' ')
				break;
		return (sp_view_mem(rest.p, n));
	}
	return (sp_view_str(NULL));
}

/*
 * Add the List-Id, "Maven Developers List" <dev.maven.apache.org>, or one
 * without angles (RFC 2919).
 */
static void
add_list_id(struct sp_traces *t, struct sp_mem *mem,
    const struct trace_field *f, struct sp_view v)
{
	const char *open = NULL;
	char *name;

	v = sp_view_trim(v);
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '<')
			open = v.p + i;
	if (open == NULL || v.p[v.n - 1] != '>') {
		if (v.n > 0)
			add_trace(t, mem, f, sp_mem_dup(mem, v), "");
		return;
	}
	name = sp_mem_dup(
	    mem, sp_view_trim(sp_view_mem(v.p, (size_t)(open - v.p))));
	if (name[0] == '"' && strlen(name) > 1) {
		name[strlen(name) - 1] = '\0';
		name++;
	}
	add_trace(t, mem, f,
	    sp_mem_dup(
		mem, sp_view_mem(open + 1, (size_t)(v.p + v.n - open - 2))),
	    name);
}

/*
 * Add the recipients of an X-Notes-Item that carries $JournalRecipients; other
 * items are left alone.
 */
static void
add_notes_item(struct sp_traces *t, struct sp_mem *mem,
    const struct trace_field *f, struct sp_view v)
{
	static const char key[] = "name=$JournalRecipients";
	const char *p = memmem(v.p, v.n, key, sizeof(key) - 1);

	if (p != NULL)
		add_list(t, mem, f, sp_view_cut(&v, ';'), true);
}

/* The table's line for a field, or NULL. */
static const struct trace_field *
find_field(struct sp_view name)
{
	for (size_t i = 0; i < SP_COUNTOF(fields); i++) {
		const struct trace_field *f = &fields[i];

		if ((f->name[0] | 0x20) != (name.p[0] | 0x20))
			continue;
		if (sp_view_ieq_str(name, f->name) ||
		    ((f->flags & PREFIX) && sp_view_istarts(name, f->name)))
			return (f);
	}
	return (NULL);
}

/*
 * Read one field by its form.  Of a TOPMOST field only the first counts; a
 * Received without "for" leaves the place to the next one.
 */
void
sp_trace_field(
    struct sp_traces *t, struct sp_mem *mem, const struct sp_field *f)
{
	const struct trace_field *k = find_field(f->name);
	struct sp_buf b;
	struct sp_view v;
	unsigned bit;

	if (k == NULL || t->n >= SP_TRACE_MAX)
		return;
	bit = 1u << (unsigned)(k - fields);
	if ((k->flags & TOPMOST) && (t->seen & bit))
		return;
	v = f->value;
	if (k->form == FOR) {
		v = received_for(v);
		if (v.n == 0)
			return;
	}
	t->seen |= bit;
	sp_buf_init(&b, SP_MAIL_MAX_VALUE);
	sp_header_unfold(v, &b);
	v = sp_buf_view(&b);
	if (k->form == ID)
		add_list_id(t, mem, k, v);
	else if (k->form == NOTES)
		add_notes_item(t, mem, k, v);
	else
		add_list(t, mem, k, v, k->form == LOOSE);
	sp_buf_done(&b);
}
