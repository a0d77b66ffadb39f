/*
 * FETCH of an IMAP server (RFC 3501 section 7.4.2, RFC 9051 section 7.5.2)
 * read into struct sp_imap_fetch: the items that we ask for, and any others
 * passed over.  imap_response.c calls it for "* n FETCH".
 */
#include <string.h>

#include "journal/pull/imap/imap_scan.h"

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

/* X-GM-LABELS: a list of strings, or NIL; beyond SP_IMAP_LABELS_MAX they are
 * only counted.  False: neither. */
static bool
parse_labels(struct sp_imap_scan *s, struct sp_imap_fetch *f)
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

/* The value of BODY[]: a literal, which has gone to the caller, a quoted
 * string, or NIL.  False: another, or the second one. */
static bool
body_item(struct sp_imap_scan *s, struct sp_imap_fetch *f,
    struct sp_imap_quoted_body *body)
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
		body->bytes = v;
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

bool
sp_imap_scan_number(struct sp_imap_scan *s, struct sp_view *text, uint64_t *n)
{
	struct sp_imap_scan saved = *s;
	uint64_t got;

	if (sp_imap_scan_next(s, text) == SP_IMAP_T_ATOM &&
	    sp_imap_number(*text, &got)) {
		*n = got;
		return (true);
	}
	*s = saved;
	*text = (struct sp_view){ NULL, 0 };
	return (false);
}

/* The value of UID; false where it is none, or not the one that this FETCH
 * said before. */
static bool
uid_item(struct sp_imap_scan *s, struct sp_imap_fetch *f)
{
	struct sp_view v;
	uint64_t n = 0;

	if (!sp_imap_scan_number(s, &v, &n) || n == 0 || n > UINT32_MAX ||
	    (f->uid != 0 && f->uid != n))
		return (false);
	f->uid = (uint32_t)n;
	return (true);
}

/* The value of MODSEQ, a number in parentheses (RFC 7162). */
static bool
modseq_item(struct sp_imap_scan *s, struct sp_imap_fetch *f)
{
	struct sp_view v;

	if (!sp_imap_scan_list(s, &v))
		return (false);
	f->has_modseq = sp_imap_number(sp_view_trim(v), &f->modseq);
	return (true);
}

/* The value of the item ${name}; false: it has none, or one that it cannot
 * have.  RFC822.SIZE, INTERNALDATE and the Gmail items may have any: then it
 * is as if they were not there. */
static bool
fetch_item(struct sp_imap_scan *s, struct sp_view name, struct sp_imap_fetch *f,
    struct sp_imap_quoted_body *body)
{
	struct sp_imap_scan saved = *s;
	struct sp_view v;
	uint64_t n = 0;
	bool part = false;

	if (sp_view_ieq_str(name, "UID"))
		return (uid_item(s, f));
	if (sp_imap_is_body(name, &part, &n)) {
		body->partial = part;
		body->offset = n;
		return (body_item(s, f, body));
	}
	if (sp_view_ieq_str(name, "RFC822.SIZE")) {
		f->has_size = sp_imap_scan_number(s, &v, &f->size);
		return (f->has_size || sp_imap_scan_skip(s));
	}
	if (sp_view_ieq_str(name, "INTERNALDATE")) {
		if (sp_imap_scan_next(s, &v) == SP_IMAP_T_STRING) {
			f->internaldate = v;
			return (true);
		}
		*s = saved;
	}
	if (sp_view_ieq_str(name, "FLAGS"))
		return (f->has_flags = sp_imap_scan_list(s, &f->flags));
	if (sp_view_ieq_str(name, "MODSEQ"))
		return (modseq_item(s, f));
	if (sp_view_ieq_str(name, "X-GM-MSGID"))
		return (sp_imap_scan_number(s, &f->gm_msgid, &n) ||
			sp_imap_scan_skip(s));
	if (sp_view_ieq_str(name, "X-GM-THRID"))
		return (sp_imap_scan_number(s, &f->gm_thrid, &n) ||
			sp_imap_scan_skip(s));
	if (sp_view_ieq_str(name, "X-GM-LABELS"))
		return (parse_labels(s, f));
	return (sp_imap_scan_skip(s));
}

enum sp_code
sp_imap_fetch_parse(struct sp_imap_scan *s, struct sp_imap_response *r,
    struct sp_imap_quoted_body *body, struct sp_err *err)
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
		if (!fetch_item(s, v, &r->fetch, body))
			return (sp_err_set(err, SP_EFORMAT, 0,
			    "a wrong value of the FETCH item %.*s",
			    (int)(v.n < 40 ? v.n : 40), v.p));
	}
	if (t != SP_IMAP_T_CLOSE || sp_imap_scan_next(s, &v) != SP_IMAP_T_END)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "the list of a FETCH is not one"));
	return (SP_OK);
}
