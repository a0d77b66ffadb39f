#include <string.h>

#include "journal/pull/imap/imap_scan.h"

static const struct {
	const char *name;
	enum sp_imap_code code;
	bool number;
} codes[] = {
	{ "ALERT", SP_IMAP_C_ALERT, false },
	{ "APPENDUID", SP_IMAP_C_APPENDUID, false },
	{ "AUTHENTICATIONFAILED", SP_IMAP_C_AUTHENTICATIONFAILED, false },
	{ "AUTHORIZATIONFAILED", SP_IMAP_C_AUTHORIZATIONFAILED, false },
	{ "CAPABILITY", SP_IMAP_C_CAPABILITY, false },
	{ "CLOSED", SP_IMAP_C_CLOSED, false },
	{ "CONTACTADMIN", SP_IMAP_C_CONTACTADMIN, false },
	{ "COPYUID", SP_IMAP_C_COPYUID, false },
	{ "CORRUPTION", SP_IMAP_C_CORRUPTION, false },
	{ "EXPIRED", SP_IMAP_C_EXPIRED, false },
	{ "HIGHESTMODSEQ", SP_IMAP_C_HIGHESTMODSEQ, true },
	{ "INUSE", SP_IMAP_C_INUSE, false },
	{ "LIMIT", SP_IMAP_C_LIMIT, false },
	{ "NOMODSEQ", SP_IMAP_C_NOMODSEQ, false },
	{ "NONEXISTENT", SP_IMAP_C_NONEXISTENT, false },
	{ "NOPERM", SP_IMAP_C_NOPERM, false },
	{ "OVERQUOTA", SP_IMAP_C_OVERQUOTA, false },
	{ "PERMANENTFLAGS", SP_IMAP_C_PERMANENTFLAGS, false },
	{ "PRIVACYREQUIRED", SP_IMAP_C_PRIVACYREQUIRED, false },
	{ "READ-ONLY", SP_IMAP_C_READ_ONLY, false },
	{ "READ-WRITE", SP_IMAP_C_READ_WRITE, false },
	{ "SERVERBUG", SP_IMAP_C_SERVERBUG, false },
	{ "TRYCREATE", SP_IMAP_C_TRYCREATE, false },
	{ "UIDNEXT", SP_IMAP_C_UIDNEXT, true },
	{ "UIDNOTSTICKY", SP_IMAP_C_UIDNOTSTICKY, false },
	{ "UIDVALIDITY", SP_IMAP_C_UIDVALIDITY, true },
	{ "UNAVAILABLE", SP_IMAP_C_UNAVAILABLE, false },
	{ "UNKNOWN-CTE", SP_IMAP_C_UNKNOWN_CTE, false },
};

bool
sp_imap_cond(struct sp_view v, enum sp_imap_cond *out)
{
	static const char *const names[] = { "OK", "NO", "BAD", "BYE",
		"PREAUTH" };

	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		if (sp_view_ieq_str(v, names[i])) {
			*out = (enum sp_imap_cond)i;
			return (true);
		}
	}
	return (false);
}

/* "[NAME args]" at the front of ${v}, taken off it. */
static void
response_code(struct sp_view *v, struct sp_imap_status *st)
{
	const char *end;

	if (v->n == 0 || v->p[0] != '[')
		return;
	end = memchr(v->p, ']', v->n);
	if (end == NULL)
		return;
	st->args = sp_view_mem(v->p + 1, (size_t)(end - v->p) - 1);
	v->n -= (size_t)(end - v->p) + 1;
	v->p = end + 1;
	st->name = sp_view_cut(&st->args, ' ');
	st->code = SP_IMAP_C_UNKNOWN;
	for (size_t i = 0; i < SP_COUNTOF(codes); i++) {
		if (!sp_view_ieq_str(st->name, codes[i].name))
			continue;
		st->code = codes[i].code;
		st->has_number =
		    codes[i].number &&
		    sp_imap_number(sp_view_trim(st->args), &st->number);
		/* Without its number it tells us nothing. */
		if (codes[i].number && !st->has_number)
			st->code = SP_IMAP_C_UNKNOWN;
	}
}

static void
status_text(struct sp_view v, struct sp_imap_status *st)
{
	v = sp_view_trim(v);
	response_code(&v, st);
	st->text = sp_view_trim(v);
}

bool
sp_imap_is_body(struct sp_view v, bool *partial, uint64_t *offset)
{
	if (!sp_view_istarts(v, "BODY[]"))
		return (false);
	v.p += sizeof("BODY[]") - 1;
	v.n -= sizeof("BODY[]") - 1;
	*partial = v.n > 0;
	*offset = 0;
	return (v.n == 0 ||
		(v.n > 2 && v.p[0] == '<' && v.p[v.n - 1] == '>' &&
		    sp_imap_number(sp_view_mem(v.p + 1, v.n - 2), offset)));
}

static bool
labels(struct sp_imap_scan *s, struct sp_imap_fetch *f)
{
	struct sp_view v;
	enum sp_imap_token t = sp_imap_scan_next(s, &v);

	if (t != SP_IMAP_T_OPEN)
		return (t == SP_IMAP_T_NIL);
	for (;;) {
		t = sp_imap_scan_next(s, &v);
		if (t == SP_IMAP_T_CLOSE)
			return (true);
		if (t == SP_IMAP_T_END || t == SP_IMAP_T_BAD ||
		    t == SP_IMAP_T_OPEN || t == SP_IMAP_T_BODY)
			return (false);
		if (f->nlabels == SP_IMAP_LABELS_MAX || t == SP_IMAP_T_SKIPPED)
			f->more_labels++;
		else
			f->labels[f->nlabels++] = v;
	}
}

static bool
body_item(struct sp_imap_scan *s, struct sp_imap_fetch *f, struct sp_view *body)
{
	struct sp_view v;

	if (f->body != SP_IMAP_BODY_NONE)
		return (false);
	switch (sp_imap_scan_next(s, &v)) {
	case SP_IMAP_T_BODY:
		f->body = SP_IMAP_BODY_GIVEN;
		return (true);
	case SP_IMAP_T_STRING:
		f->body = SP_IMAP_BODY_GIVEN;
		*body = v;
		return (true);
	case SP_IMAP_T_NIL:
		f->body = SP_IMAP_BODY_NIL;
		return (true);
	case SP_IMAP_T_END:
	case SP_IMAP_T_BAD:
	case SP_IMAP_T_ATOM:
	case SP_IMAP_T_SKIPPED:
	case SP_IMAP_T_OPEN:
	case SP_IMAP_T_CLOSE:
		break;
	}
	return (false);
}

/* A digit string, or another value (passed over: not said). */
static bool
number_item(struct sp_imap_scan *s, struct sp_view *text, uint64_t *n)
{
	struct sp_imap_scan was = *s;
	uint64_t got;

	if (sp_imap_scan_next(s, text) == SP_IMAP_T_ATOM &&
	    sp_imap_number(*text, &got)) {
		*n = got;
		return (true);
	}
	*s = was;
	*text = (struct sp_view){ NULL, 0 };
	return (false);
}

static bool
uid_item(struct sp_imap_scan *s, struct sp_imap_fetch *f)
{
	struct sp_view v;
	uint64_t n = 0;

	if (!number_item(s, &v, &n) || n == 0 || n > UINT32_MAX ||
	    (f->uid != 0 && f->uid != n))
		return (false);
	f->uid = (uint32_t)n;
	return (true);
}

static bool
modseq_item(struct sp_imap_scan *s, struct sp_imap_fetch *f)
{
	struct sp_view v;

	if (!sp_imap_scan_list(s, &v))
		return (false);
	f->has_modseq = sp_imap_number(sp_view_trim(v), &f->modseq);
	return (true);
}

/* One item of a FETCH; false: it is none. */
static bool
fetch_item(struct sp_imap_scan *s, struct sp_view name, struct sp_imap_fetch *f,
    struct sp_view *body, bool *partial, uint64_t *offset)
{
	struct sp_imap_scan was = *s;
	struct sp_view v;
	uint64_t n = 0;
	bool part = false;

	if (sp_view_ieq_str(name, "UID"))
		return (uid_item(s, f));
	if (sp_imap_is_body(name, &part, &n)) {
		*partial = part;
		*offset = n;
		return (body_item(s, f, body));
	}
	if (sp_view_ieq_str(name, "RFC822.SIZE")) {
		f->has_size = number_item(s, &v, &f->size);
		return (f->has_size || sp_imap_scan_skip(s));
	}
	if (sp_view_ieq_str(name, "INTERNALDATE")) {
		if (sp_imap_scan_next(s, &v) == SP_IMAP_T_STRING) {
			f->internaldate = v;
			return (true);
		}
		*s = was;
	}
	if (sp_view_ieq_str(name, "FLAGS"))
		return (f->has_flags = sp_imap_scan_list(s, &f->flags));
	if (sp_view_ieq_str(name, "MODSEQ"))
		return (modseq_item(s, f));
	if (sp_view_ieq_str(name, "X-GM-MSGID"))
		return (
		    number_item(s, &f->gm_msgid, &n) || sp_imap_scan_skip(s));
	if (sp_view_ieq_str(name, "X-GM-THRID"))
		return (
		    number_item(s, &f->gm_thrid, &n) || sp_imap_scan_skip(s));
	if (sp_view_ieq_str(name, "X-GM-LABELS"))
		return (labels(s, f));
	return (sp_imap_scan_skip(s));
}

static enum sp_code
fetch(struct sp_imap_scan *s, struct sp_imap_response *r, struct sp_view *body,
    bool *partial, uint64_t *offset, struct sp_err *err)
{
	struct sp_view v;
	enum sp_imap_token t;

	r->kind = SP_IMAP_FETCH;
	r->fetch.msn = r->number;
	if (sp_imap_scan_next(s, &v) != SP_IMAP_T_OPEN)
		return (sp_err_set(err, SP_EFORMAT, 0, "FETCH without a list"));
	for (;;) {
		t = sp_imap_scan_item(s, &v);
		if (t != SP_IMAP_T_ATOM)
			break;
		if (!fetch_item(s, v, &r->fetch, body, partial, offset))
			return (sp_err_set(err, SP_EFORMAT, 0,
			    "a wrong value of the FETCH item %.*s",
			    (int)(v.n < 40 ? v.n : 40), v.p));
	}
	if (t != SP_IMAP_T_CLOSE || sp_imap_scan_next(s, &v) != SP_IMAP_T_END)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "the list of a FETCH is not one"));
	return (SP_OK);
}

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
		bool has = number_item(s, &v, &n);

		if (!has && !sp_imap_scan_skip(s))
			break;
		if (has)
			mailbox_number(m, word, n);
	}
	return (SP_OK);
}

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

/* ESEARCH (TAG "a5") UID ALL 1:3,5 COUNT 4 */
static enum sp_code
esearch(struct sp_imap_scan *s, struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_imap_scan was = *s;
	struct sp_view v, value;

	r->kind = SP_IMAP_SEARCH;
	if (sp_imap_scan_next(s, &v) == SP_IMAP_T_OPEN) {
		if (sp_imap_scan_next(s, &v) != SP_IMAP_T_ATOM ||
		    sp_imap_scan_next(s, &r->tag) != SP_IMAP_T_STRING ||
		    sp_imap_scan_next(s, &v) != SP_IMAP_T_CLOSE)
			goto wrong;
	} else {
		*s = was;
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

static enum sp_code
vanished(struct sp_imap_scan *s, struct sp_imap_response *r, struct sp_err *err)
{
	struct sp_imap_scan was = *s;
	struct sp_view v;

	r->kind = SP_IMAP_VANISHED;
	if (sp_imap_scan_list(s, &v))
		r->earlier = sp_view_ieq_str(v, "EARLIER");
	else
		*s = was;
	r->set = rest_of(s);
	if (r->set.n == 0 || !sp_imap_set_ok(r->set))
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "VANISHED with something not a UID"));
	return (SP_OK);
}

/* "* 12 EXISTS" and the like. */
static enum sp_code
numbered(struct sp_imap_scan *s, struct sp_imap_response *r,
    struct sp_view *body, bool *partial, uint64_t *offset, struct sp_err *err)
{
	struct sp_view v;

	if (sp_imap_scan_next(s, &v) != SP_IMAP_T_ATOM)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "a number and nothing behind it"));
	if (sp_view_ieq_str(v, "FETCH"))
		return (fetch(s, r, body, partial, offset, err));
	if (sp_view_ieq_str(v, "EXISTS"))
		r->kind = SP_IMAP_EXISTS;
	else if (sp_view_ieq_str(v, "EXPUNGE"))
		r->kind = SP_IMAP_EXPUNGE;
	return (SP_OK);
}

static enum sp_code
untagged(struct sp_imap_scan *s, struct sp_imap_response *r,
    struct sp_view *body, bool *partial, uint64_t *offset, struct sp_err *err)
{
	struct sp_view v;

	if (sp_imap_scan_next(s, &v) != SP_IMAP_T_ATOM)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "nothing known behind the star"));
	if (sp_imap_number(v, &r->number))
		return (numbered(s, r, body, partial, offset, err));
	if (sp_imap_cond(v, &r->status.cond)) {
		r->kind = SP_IMAP_STATUS;
		status_text(rest_of(s), &r->status);
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
	status_text(v, &r->status);
	return (SP_OK);
}

enum sp_code
sp_imap_response_parse(struct sp_imap_scan *s, struct sp_imap_response *r,
    struct sp_view *body, bool *partial, uint64_t *offset, struct sp_err *err)
{
	struct sp_view v = sp_view_mem(s->text, s->n);

	memset(r, 0, sizeof(*r));
	*body = (struct sp_view){ NULL, 0 };
	*partial = false;
	*offset = 0;
	if (sp_view_starts(v, "* ")) {
		s->at = 2;
		return (untagged(s, r, body, partial, offset, err));
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
	struct sp_view body;
	uint64_t offset;
	bool partial;

	/* Fails, since the list does not end; what came is in ${r}. */
	if (sp_imap_response_parse(s, r, &body, &partial, &offset, NULL) !=
	    SP_OK)
		r->kind = SP_IMAP_FETCH;
}
