/*
 * FETCH of an IMAP server (RFC 3501 section 7.4.2, RFC 9051 section 7.5.2)
 * read into struct sp_imap_fetch: the items that we ask for, and any others
 * passed over.  imap_response.c calls it for "* n FETCH".
 */
#include <string.h>

#include "journal/pull/imap/imap_scan.h"

bool
sp_imap_is_rfc822(struct sp_view v)
{
	return (
	    sp_view_ieq_str(v, "RFC822") || sp_view_ieq_str(v, "RFC822.PEEK"));
}

/* Behind the name nothing may stand but <offset> or <offset.length>. */
bool
sp_imap_is_body(struct sp_view v, bool *partial, uint64_t *offset)
{
	static const char *const names[] = { "BODY[]", "BODY.PEEK[]" };
	struct sp_view digits;
	size_t n = 0;

	*partial = false;
	*offset = 0;
	if (sp_imap_is_rfc822(v))
		return (true);
	for (size_t i = 0; i < SP_COUNTOF(names) && n == 0; i++) {
		if (sp_view_istarts(v, names[i]))
			n = strlen(names[i]);
	}
	if (n == 0 || v.n == n)
		return (n > 0);
	if (v.n < n + 3 || v.p[n] != '<' || v.p[v.n - 1] != '>')
		return (false);
	v = sp_view_mem(v.p + n + 1, v.n - n - 2);
	digits = sp_view_cut(&v, '.');
	*partial = true;
	return (sp_imap_number(digits, offset) &&
		(v.p == NULL || sp_imap_number(v, &(uint64_t){ 0 })));
}

/* Pass over a value of whatever kind; that there is none is fine as well. */
static bool
skip_value(struct sp_imap_scan *s)
{
	struct sp_imap_scan saved = *s;
	struct sp_view v;

	if (sp_imap_scan_skip(s))
		return (true);
	*s = saved;
	if (sp_imap_scan_next(s, &v) != SP_IMAP_T_CLOSE)
		return (false);
	*s = saved;
	return (true);
}

/* X-GM-LABELS: a list of strings; beyond SP_IMAP_LABELS_MAX they are only
 * counted.  Another value is passed over.  False: the list does not end. */
static bool
parse_labels(struct sp_imap_scan *s, struct sp_imap_fetch *f)
{
	struct sp_imap_scan saved = *s;
	struct sp_view v;
	enum sp_imap_token t = sp_imap_scan_next(s, &v);

	if (t != SP_IMAP_T_OPEN) {
		*s = saved;
		return (skip_value(s));
	}
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

/* The value of BODY[] or RFC822 (${name}): a literal, which has gone to the
 * caller, a quoted string, or anything else, which is as NIL: not the message.
 * RFC822 beside a BODY[] that has the message is passed over, and the other way
 * round.  False: the second one by the same name. */
static bool
body_item(struct sp_imap_scan *s, struct sp_view name, struct sp_imap_fetch *f,
    struct sp_imap_quoted_body *body)
{
	bool partial = false, rfc822 = sp_imap_is_rfc822(name);
	struct sp_imap_scan saved = *s;
	uint64_t offset = 0;
	struct sp_view v;

	if (f->body != SP_IMAP_BODY_NONE && rfc822 == f->rfc822)
		return (false);
	if (f->body == SP_IMAP_BODY_GIVEN)
		return (skip_value(s));
	f->rfc822 = rfc822;
	(void)sp_imap_is_body(name, &partial, &offset);
	body->partial = partial;
	body->offset = offset;
	switch (sp_imap_scan_next(s, &v)) {
	case SP_IMAP_T_BODY:
		f->body = SP_IMAP_BODY_GIVEN;
		return (true);
	case SP_IMAP_T_STRING:
		f->body = SP_IMAP_BODY_GIVEN;
		body->bytes = v;
		return (true);
	case SP_IMAP_T_NIL:
	case SP_IMAP_T_END:
	case SP_IMAP_T_BAD:
	case SP_IMAP_T_ATOM:
	case SP_IMAP_T_SKIPPED:
	case SP_IMAP_T_OPEN:
	case SP_IMAP_T_CLOSE:
		break;
	}
	f->body = SP_IMAP_BODY_NIL;
	*s = saved;
	return (skip_value(s));
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

/* The value of UID.  One that no message can have (0, NIL) is as none.  False:
 * not the UID that this FETCH said before. */
static bool
uid_item(struct sp_imap_scan *s, struct sp_imap_fetch *f)
{
	struct sp_view v;
	uint64_t n = 0;

	if (!sp_imap_scan_number(s, &v, &n))
		return (skip_value(s));
	if (n == 0 || n > UINT32_MAX)
		return (true);
	if (f->uid != 0 && f->uid != n)
		return (false);
	f->uid = (uint32_t)n;
	return (true);
}

/* The value of MODSEQ, a number in parentheses (RFC 7162). */
static bool
modseq_item(struct sp_imap_scan *s, struct sp_imap_fetch *f)
{
	struct sp_imap_scan saved = *s;
	struct sp_view v;

	if (sp_imap_scan_list(s, &v)) {
		f->has_modseq = sp_imap_number(sp_view_trim(v), &f->modseq);
		return (true);
	}
	*s = saved;
	return (skip_value(s));
}

/* The value of FLAGS, a list. */
static bool
flags_item(struct sp_imap_scan *s, struct sp_imap_fetch *f)
{
	struct sp_imap_scan saved = *s;

	f->has_flags = sp_imap_scan_list(s, &f->flags);
	if (f->has_flags)
		return (true);
	*s = saved;
	return (skip_value(s));
}

/* The value of the item ${name}.  One that it cannot have is as if the item
 * were not there, so that one odd message does not end the session; false:
 * what comes is no value at all, or contradicts what came before. */
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
	if (sp_imap_is_body(name, &part, &n))
		return (body_item(s, name, f, body));
	if (sp_view_ieq_str(name, "RFC822.SIZE")) {
		f->has_size = sp_imap_scan_number(s, &v, &f->size);
		return (f->has_size || skip_value(s));
	}
	if (sp_view_ieq_str(name, "INTERNALDATE")) {
		if (sp_imap_scan_next(s, &v) == SP_IMAP_T_STRING) {
			f->internaldate = v;
			return (true);
		}
		*s = saved;
	}
	if (sp_view_ieq_str(name, "FLAGS"))
		return (flags_item(s, f));
	if (sp_view_ieq_str(name, "MODSEQ"))
		return (modseq_item(s, f));
	if (sp_view_ieq_str(name, "X-GM-MSGID"))
		return (
		    sp_imap_scan_number(s, &f->gm_msgid, &n) || skip_value(s));
	if (sp_view_ieq_str(name, "X-GM-THRID"))
		return (
		    sp_imap_scan_number(s, &f->gm_thrid, &n) || skip_value(s));
	if (sp_view_ieq_str(name, "X-GM-LABELS"))
		return (parse_labels(s, f));
	return (skip_value(s));
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
