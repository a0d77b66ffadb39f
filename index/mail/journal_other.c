/*
 * Captures of other systems, from trusted sources only, since nothing in their
 * header is a mark of its own: the delivery status form (RFC 3464) of the
 * Oracle (Sun) Messaging Server, and Zimbra's legal intercept.  Called by
 * journal.c; what has not their form is SP_JOURNAL_NONE, an ordinary message.
 */
#include <string.h>

#include "index/mail/journal_priv.h"

/*
 * The next field of a delivery status, whose groups of fields have an empty
 * line between them; *rest is then behind it.
 */
static bool
next_field(struct sp_view *rest, struct sp_field *f)
{
	struct sp_header fs;

	/* Groups of fields, an empty line between two. */
	while (rest->n > 0 && (rest->p[0] == '\r' || rest->p[0] == '\n'))
		*rest = sp_view_mem(rest->p + 1, rest->n - 1);
	sp_header_init(&fs, *rest, false);
	if (!sp_header_next(&fs, f))
		return (false);
	*rest = sp_view_mem(rest->p + fs.pos, rest->n - fs.pos);
	return (true);
}

/* The address of "rfc822; alice@corp.example". */
static const char *
typed_address(struct sp_mem *mem, struct sp_view v)
{
	const char *addr, *name;
	struct sp_view rest = sp_view_trim(v);

	(void)sp_view_cut(&rest, ';');
	sp_journal_path(mem, sp_view_trim(rest.n > 0 ? rest : v), &addr, &name);
	return (addr);
}

/*
 * Add the recipients of a delivery status, each with its original one.  False
 * if there is none, or too many.
 */
static bool
status_rcpts(struct sp_mem *mem, struct sp_view text, struct sp_journal *out)
{
	struct sp_journal_rcpt *r = NULL;
	const char *original = NULL;
	struct sp_field f;

	while (next_field(&text, &f)) {
		if (sp_view_ieq_str(f.name, "Original-Recipient")) {
			original = typed_address(mem, f.value);
		} else if (sp_view_ieq_str(f.name, "Final-Recipient")) {
			r = sp_journal_add(mem, out, SP_JOURNAL_RCPT);
			if (r == NULL)
				return (false);
			r->addr = typed_address(mem, f.value);
		}
		if (r == NULL || original == NULL)
			continue;
		if (strcmp(original, r->addr) != 0)
			r->via[r->nvia++] =
			    (struct sp_journal_via){ SP_JOURNAL_ORIGINAL,
				    original };
		r = NULL;
		original = NULL;
	}
	return (out->nrcpts > 0);
}

/* Whether ${word} occurs in ${text}, in any case. */
static bool
mentions(struct sp_view text, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= text.n; i++)
		if (sp_view_ieq_str(sp_view_mem(text.p + i, n), word))
			return (true);
	return (false);
}

/* Text, delivery status and original, where the text says "captured". */
enum sp_journal_found
sp_journal_dsn(
    const struct sp_journal_shape *s, struct sp_journal *out, const char **why)
{
	struct sp_view text;

	if (s->n != 3 || strcmp(s->part[0].type, "text/plain") != 0 ||
	    strcmp(s->part[1].type, "message/delivery-status") != 0 ||
	    strcmp(s->part[2].type, "message/rfc822") != 0)
		return (SP_JOURNAL_NONE);
	text = sp_journal_utf8(s->mem, &s->part[0]);
	if (text.n > 64u << 10 || !mentions(text, "captured"))
		return (SP_JOURNAL_NONE);
	*why = "it is a capture without a recipient or an original";
	if (!sp_journal_bytes(s->mem, &s->part[2], &out->inner) ||
	    !status_rcpts(s->mem, sp_journal_utf8(s->mem, &s->part[1]), out))
		return (SP_JOURNAL_BAD);
	out->inner_path = s->path[2];
	out->kind = "dsn-capture";
	out->message_id = sp_journal_field(s->mem, out->inner, "Message-ID");
	*why = NULL;
	return (SP_JOURNAL_GOOD);
}

/* Cut "Intercept[ed] message for " off; false if it does not begin so. */
static bool
cut_intercept(struct sp_view *v)
{
	static const char *const leads[] = { "Intercept message for ",
		"Intercepted message for " };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(leads[i]);

		if (!sp_view_istarts(*v, leads[i]))
			continue;
		*v = sp_view_trim(sp_view_mem(v->p + n, v->n - n));
		return (v->n > 0);
	}
	return (false);
}

/*
 * Read "Intercept message for ACCOUNT." and "Operation=..., folder=...", and
 * accept no other line.
 */
static bool
zimbra_lines(struct sp_view text, struct sp_view *account)
{
	bool operation = false;

	*account = sp_view_mem("", 0);
	while (text.n > 0) {
		struct sp_view line = sp_view_trim(sp_view_cut(&text, '\n'));
		struct sp_view v = line;

		if (line.n == 0)
			continue;
		if (account->n == 0 && cut_intercept(&v))
			*account = v;
		else if (sp_view_istarts(line, "Operation=") && !operation)
			operation = true;
		else
			return (false);
	}
	if (account->n > 0 && account->p[account->n - 1] == '.')
		account->n--;
	return (account->n > 0 && operation);
}

/* Text and original, where subject and text are Zimbra's own. */
enum sp_journal_found
sp_journal_zimbra(
    const struct sp_journal_shape *s, struct sp_journal *out, const char **why)
{
	struct sp_view account, subject = sp_view_trim(s->subject);

	if (!cut_intercept(&subject) || s->n != 2 ||
	    strcmp(s->part[0].type, "text/plain") != 0 ||
	    strcmp(s->part[1].type, "message/rfc822") != 0 ||
	    (s->tree & (SP_TREE_NO_BOUNDARY | SP_TREE_AMBIGUOUS)) != 0)
		return (SP_JOURNAL_NONE);
	if (!zimbra_lines(sp_journal_utf8(s->mem, &s->part[0]), &account) ||
	    !sp_journal_bytes(s->mem, &s->part[1], &out->inner)) {
		*why = "it is an intercept message with other text than "
		       "Zimbra's own";
		return (SP_JOURNAL_BAD);
	}
	out->kind = "zimbra-intercept";
	out->mailbox = sp_mem_dup(s->mem, account);
	out->inner_path = s->path[1];
	out->message_id = sp_journal_field(s->mem, out->inner, "Message-ID");
	return (SP_JOURNAL_GOOD);
}
