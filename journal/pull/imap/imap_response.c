/*
 * One whole IMAP response, read into struct sp_imap_response (imap_scan.h):
 * which response it is, and its data.  imap_parse.c calls it for each one.
 * FETCH is in imap_response_fetch.c, the text of OK, NO and the like in
 * imap_status.c.  Responses that we do not use are SP_IMAP_OTHER, whatever
 * they say.
 */
#include <string.h>

#include "journal/pull/imap/imap_scan.h"

/* The special uses (RFC 6154) in the attributes of a LIST; \AllMail is what
 * Gmail's server said before that RFC. */
static unsigned
use_of(struct sp_view attrs)
{
	static const struct {
		const char *name;
		unsigned bit;
	} rows[] = {
		{ "\\All", SP_IMAP_USE_ALL },
		{ "\\AllMail", SP_IMAP_USE_ALL },
		{ "\\Archive", SP_IMAP_USE_ARCHIVE },
		{ "\\Drafts", SP_IMAP_USE_DRAFTS },
		{ "\\Flagged", SP_IMAP_USE_FLAGGED },
		{ "\\Junk", SP_IMAP_USE_JUNK },
		{ "\\Sent", SP_IMAP_USE_SENT },
		{ "\\Trash", SP_IMAP_USE_TRASH },
		{ "\\Noselect", SP_IMAP_USE_NOSELECT },
		{ "\\NonExistent", SP_IMAP_USE_NOSELECT },
	};
	unsigned use = 0;

	while (attrs.p != NULL) {
		struct sp_view word = sp_view_cut(&attrs, ' ');

		for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
			if (sp_view_ieq_str(word, rows[i].name))
				use |= rows[i].bit;
		}
	}
	return (use);
}

/* LIST (attributes) "delimiter" name */
static enum sp_code
list(struct sp_imap_scan *s, struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_view attrs, v;
	enum sp_imap_token t;

	if (!sp_imap_scan_list(s, &attrs))
		return (
		    sp_err_set(err, SP_EFORMAT, 0, "LIST without attributes"));
	r->list.use = use_of(attrs);
	t = sp_imap_scan_next(s, &v);
	if (t == SP_IMAP_T_STRING && v.n == 1)
		r->list.delim = v.p[0];
	else if (t != SP_IMAP_T_NIL)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "LIST with a wrong delimiter"));
	t = sp_imap_scan_next(s, &v);
	if (t == SP_IMAP_T_SKIPPED)
		return (SP_OK); /* longer than any name that we use */
	if (t != SP_IMAP_T_ATOM && t != SP_IMAP_T_STRING && t != SP_IMAP_T_NIL)
		return (sp_err_set(err, SP_EFORMAT, 0, "LIST without a name"));
	r->kind = SP_IMAP_LIST;
	/* NIL here is a mailbox of that name. */
	r->list.name = t == SP_IMAP_T_NIL ? SP_VIEW_LIT("NIL") : v;
	return (SP_OK);
}

/* An item of STATUS. */
static void
mailbox_number(struct sp_imap_mailbox *m, struct sp_view word, uint64_t n)
{
	if (sp_view_ieq_str(word, "MESSAGES")) {
		m->messages = n;
		m->has_messages = true;
	} else if (sp_view_ieq_str(word, "UIDNEXT")) {
		m->uidnext = n;
		m->has_uidnext = true;
	} else if (sp_view_ieq_str(word, "UIDVALIDITY")) {
		m->uidvalidity = n;
		m->has_uidvalidity = true;
	} else if (sp_view_ieq_str(word, "HIGHESTMODSEQ")) {
		m->modseq = n;
		m->has_modseq = true;
	}
}

/* STATUS name (ITEM number ...) */
static enum sp_code
mailbox_status(
    struct sp_imap_scan *s, struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_imap_mailbox *m = &r->mailbox;
	struct sp_view v, word;
	enum sp_imap_token t = sp_imap_scan_next(s, &m->name);

	if ((t != SP_IMAP_T_ATOM && t != SP_IMAP_T_STRING &&
		t != SP_IMAP_T_SKIPPED) ||
	    sp_imap_scan_next(s, &v) != SP_IMAP_T_OPEN)
		return (sp_err_set(err, SP_EFORMAT, 0, "STATUS is not one"));
	r->kind =
	    t == SP_IMAP_T_SKIPPED ? SP_IMAP_OTHER : SP_IMAP_MAILBOX_STATUS;
	while (sp_imap_scan_next(s, &word) == SP_IMAP_T_ATOM) {
		uint64_t n = 0;
		bool has = sp_imap_scan_number(s, &v, &n);

		if (!has && !sp_imap_scan_skip(s))
			break;
		if (has)
			mailbox_number(m, word, n);
	}
	return (SP_OK);
}

/* What follows, without blanks around it. */
static struct sp_view
rest_of(const struct sp_imap_scan *s)
{
	return (sp_view_trim(sp_view_mem(s->text + s->at, s->n - s->at)));
}

/* SEARCH 2 5 6 (MODSEQ 9) */
static enum sp_code
search(struct sp_imap_scan *s, struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_view v = rest_of(s), rest = v;

	r->kind = SP_IMAP_SEARCH;
	r->set = sp_view_trim(sp_view_cut(&rest, '('));
	if (!sp_imap_set_ok(r->set))
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "SEARCH with something not a number"));
	return (SP_OK);
}

/* ESEARCH (TAG "a5") UID ALL 1:3,5 COUNT 4 (RFC 4731) */
static enum sp_code
esearch(struct sp_imap_scan *s, struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_imap_scan saved = *s;
	struct sp_view v, value;

	r->kind = SP_IMAP_SEARCH;
	if (sp_imap_scan_next(s, &v) == SP_IMAP_T_OPEN) {
		if (sp_imap_scan_next(s, &v) != SP_IMAP_T_ATOM ||
		    sp_imap_scan_next(s, &r->tag) != SP_IMAP_T_STRING ||
		    sp_imap_scan_next(s, &v) != SP_IMAP_T_CLOSE)
			goto wrong;
	} else {
		*s = saved;
	}
	for (;;) {
		enum sp_imap_token t = sp_imap_scan_next(s, &v);

		if (t == SP_IMAP_T_END)
			return (SP_OK);
		if (t != SP_IMAP_T_ATOM)
			goto wrong;
		if (sp_view_ieq_str(v, "UID"))
			continue;
		if (!sp_view_ieq_str(v, "ALL")) {
			if (!sp_imap_scan_skip(s))
				goto wrong;
			continue;
		}
		if (sp_imap_scan_next(s, &value) != SP_IMAP_T_ATOM ||
		    !sp_imap_set_ok(value))
			goto wrong;
		r->set = value;
	}
wrong:
	return (sp_err_set(err, SP_EFORMAT, 0, "ESEARCH is not one"));
}

/* VANISHED (EARLIER) 41,43:116 (RFC 7162 section 3.2.10) */
static enum sp_code
vanished(struct sp_imap_scan *s, struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_imap_scan saved = *s;
	struct sp_view v;

	r->kind = SP_IMAP_VANISHED;
	if (sp_imap_scan_list(s, &v))
		r->earlier = sp_view_ieq_str(v, "EARLIER");
	else
		*s = saved;
	r->set = rest_of(s);
	if (r->set.n == 0 || !sp_imap_set_ok(r->set))
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "VANISHED with something not a UID"));
	return (SP_OK);
}

/* "* 12 EXISTS", "* 3 EXPUNGE", "* 1 FETCH (...)". */
static enum sp_code
numbered(struct sp_imap_scan *s, struct sp_imap_response *r,
    struct sp_imap_quoted_body *body, struct sp_err *err)
{
	struct sp_view v;

	if (sp_imap_scan_next(s, &v) != SP_IMAP_T_ATOM)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "a number and nothing behind it"));
	if (sp_view_ieq_str(v, "FETCH"))
		return (sp_imap_fetch_parse(s, r, body, err));
	if (sp_view_ieq_str(v, "EXISTS"))
		r->kind = SP_IMAP_EXISTS;
	else if (sp_view_ieq_str(v, "EXPUNGE"))
		r->kind = SP_IMAP_EXPUNGE;
	return (SP_OK);
}

/* What follows "* ". */
static enum sp_code
untagged(struct sp_imap_scan *s, struct sp_imap_response *r,
    struct sp_imap_quoted_body *body, struct sp_err *err)
{
	struct sp_view v;

	if (sp_imap_scan_next(s, &v) != SP_IMAP_T_ATOM)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "nothing known behind the star"));
	if (sp_imap_number(v, &r->number))
		return (numbered(s, r, body, err));
	if (sp_imap_cond(v, &r->status.cond)) {
		r->kind = SP_IMAP_STATUS;
		sp_imap_status_parse(rest_of(s), &r->status);
	} else if (sp_view_ieq_str(v, "CAPABILITY")) {
		r->kind = SP_IMAP_CAPABILITY;
		r->text = rest_of(s);
	} else if (sp_view_ieq_str(v, "ENABLED")) {
		r->kind = SP_IMAP_ENABLED;
		r->text = rest_of(s);
	} else if (sp_view_ieq_str(v, "LIST")) {
		return (list(s, r, err));
	} else if (sp_view_ieq_str(v, "STATUS")) {
		return (mailbox_status(s, r, err));
	} else if (sp_view_ieq_str(v, "SEARCH")) {
		return (search(s, r, err));
	} else if (sp_view_ieq_str(v, "ESEARCH")) {
		return (esearch(s, r, err));
	} else if (sp_view_ieq_str(v, "VANISHED")) {
		return (vanished(s, r, err));
	}
	return (SP_OK);
}

/* "TAG OK text": the reply to a command. */
static enum sp_code
tagged(struct sp_view v, struct sp_imap_response *r, struct sp_err *err)
{
	r->kind = SP_IMAP_TAGGED;
	r->tag = sp_view_cut(&v, ' ');
	if (r->tag.n == 0 ||
	    !sp_imap_cond(sp_view_cut(&v, ' '), &r->status.cond) ||
	    r->status.cond > SP_IMAP_BAD)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "neither data nor the end of a command"));
	sp_imap_status_parse(v, &r->status);
	return (SP_OK);
}

/* The first bytes decide: "* ", "+", or the tag of a command. */
enum sp_code
sp_imap_response_parse(struct sp_imap_scan *s, struct sp_imap_response *r,
    struct sp_imap_quoted_body *body, struct sp_err *err)
{
	struct sp_view v = sp_view_mem(s->text, s->n);

	memset(r, 0, sizeof(*r));
	*body = (struct sp_imap_quoted_body){ .partial = false };
	if (sp_view_starts(v, "* ")) {
		s->at = 2;
		return (untagged(s, r, body, err));
	}
	if (sp_view_starts(v, "+")) {
		r->kind = SP_IMAP_CONTINUE;
		r->text = sp_view_trim(sp_view_mem(v.p + 1, v.n - 1));
		return (SP_OK);
	}
	return (tagged(v, r, err));
}

void
sp_imap_fetch_head(struct sp_imap_scan *s, struct sp_imap_response *r)
{
	struct sp_imap_quoted_body body;

	/* Fails, since the list does not end; what came is in ${r}. */
	if (sp_imap_response_parse(s, r, &body, NULL) != SP_OK)
		r->kind = SP_IMAP_FETCH;
}
