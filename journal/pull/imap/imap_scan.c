/*
 * Tokens, numbers and sets of a whole IMAP response (imap_scan.h).  The
 * literals stand on a list beside the text, each with its place in it: the
 * text has the bytes of those that were kept, and nothing of the others.
 */
#include "journal/pull/imap/imap_scan.h"

#include <string.h>

/* The literal at this place, as a token. */
static enum sp_imap_token
literal(struct sp_imap_scan *s, struct sp_view *value)
{
	const struct sp_imap_literal *l = &s->lit[s->next++];

	*value = sp_view_mem(s->text + s->at, l->n);
	s->at += l->n;
	switch (l->kind) {
	case SP_IMAP_L_KEPT:
		return (SP_IMAP_T_STRING);
	case SP_IMAP_L_SKIPPED:
		return (SP_IMAP_T_SKIPPED);
	case SP_IMAP_L_BODY:
		return (SP_IMAP_T_BODY);
	}
	return (SP_IMAP_T_BAD);
}

static bool
at_literal(const struct sp_imap_scan *s)
{
	return (s->next < s->nlit && s->lit[s->next].at == s->at);
}

/* How far text goes before the next literal. */
static size_t
text_end(const struct sp_imap_scan *s)
{
	return (s->next < s->nlit ? s->lit[s->next].at : s->n);
}

/* A quoted string, unescaped in place.  BAD: it does not end before the text
 * or a literal does. */
static enum sp_imap_token
quoted(struct sp_imap_scan *s, struct sp_view *value)
{
	size_t end = text_end(s), from = ++s->at, to = from;

	while (s->at < end && s->text[s->at] != '"') {
		if (s->text[s->at] == '\\' && s->at + 1 < end)
			s->at++;
		s->text[to++] = s->text[s->at++];
	}
	if (s->at >= end)
		return (SP_IMAP_T_BAD);
	s->at++;
	*value = sp_view_mem(s->text + from, to - from);
	return (SP_IMAP_T_STRING);
}

/* Pass over blanks and read the next token, unless it is a word: then ATOM, and
 * s->at is where the word begins. */
static enum sp_imap_token
begin(struct sp_imap_scan *s, struct sp_view *value)
{
	while (!at_literal(s) && s->at < s->n && s->text[s->at] == ' ')
		s->at++;
	*value = (struct sp_view){ NULL, 0 };
	if (at_literal(s))
		return (literal(s, value));
	if (s->at >= s->n)
		return (SP_IMAP_T_END);
	switch (s->text[s->at]) {
	case '(':
		s->at++;
		return (SP_IMAP_T_OPEN);
	case ')':
		s->at++;
		return (SP_IMAP_T_CLOSE);
	case '"':
		return (quoted(s, value));
	default:
		return (SP_IMAP_T_ATOM);
	}
}

enum sp_imap_token
sp_imap_scan_next(struct sp_imap_scan *s, struct sp_view *value)
{
	enum sp_imap_token t = begin(s, value);
	size_t from = s->at, end = text_end(s);

	if (t != SP_IMAP_T_ATOM)
		return (t);
	while (s->at < end && strchr(" ()\"", s->text[s->at]) == NULL)
		s->at++;
	*value = sp_view_mem(s->text + from, s->at - from);
	if (value->n == 0) /* a NUL, which strchr takes for the end */
		return (SP_IMAP_T_BAD);
	return (
	    sp_view_ieq_str(*value, "NIL") ? SP_IMAP_T_NIL : SP_IMAP_T_ATOM);
}

bool
sp_imap_has_section(struct sp_view name)
{
	return (sp_view_ieq_str(name, "BODY") ||
		sp_view_ieq_str(name, "BODY.PEEK") ||
		sp_view_ieq_str(name, "BINARY") ||
		sp_view_ieq_str(name, "BINARY.SIZE"));
}

/* In a section blanks, parentheses, quoted strings and literals (names of
 * fields) belong to the item. */
enum sp_imap_token
sp_imap_scan_item(struct sp_imap_scan *s, struct sp_view *value)
{
	enum sp_imap_token t = begin(s, value);
	size_t from = s->at;
	bool section = false, in_quotes = false;

	if (t != SP_IMAP_T_ATOM)
		return (t);
	for (; s->at < s->n; s->at++) {
		char c;

		while (section && at_literal(s)) {
			struct sp_view v;

			(void)literal(s, &v);
		}
		if (s->at >= s->n || at_literal(s))
			break;
		c = s->text[s->at];
		if (c == '"' && section)
			in_quotes = !in_quotes;
		else if (in_quotes && c == '\\' && s->at + 1 < s->n)
			s->at++;
		else if (section && !in_quotes && c == ']')
			section = false;
		else if (c == '[' && !section)
			section = sp_imap_has_section(
			    sp_view_mem(s->text + from, s->at - from));
		else if (!section && (c == ' ' || c == '(' || c == ')'))
			break;
	}
	*value = sp_view_mem(s->text + from, s->at - from);
	return (section || value->n == 0 ? SP_IMAP_T_BAD : SP_IMAP_T_ATOM);
}

/* Pass over the rest of a list whose opening was passed; false: it does not
 * end. */
static bool
skip_list(struct sp_imap_scan *s)
{
	size_t depth = 1;

	while (depth > 0) {
		struct sp_view v;

		switch (sp_imap_scan_next(s, &v)) {
		case SP_IMAP_T_END:
		case SP_IMAP_T_BAD:
			return (false);
		case SP_IMAP_T_OPEN:
			depth++;
			break;
		case SP_IMAP_T_CLOSE:
			depth--;
			break;
		case SP_IMAP_T_ATOM:
		case SP_IMAP_T_STRING:
		case SP_IMAP_T_NIL:
		case SP_IMAP_T_SKIPPED:
		case SP_IMAP_T_BODY:
			break;
		}
	}
	return (true);
}

bool
sp_imap_scan_skip(struct sp_imap_scan *s)
{
	struct sp_view v;

	switch (sp_imap_scan_next(s, &v)) {
	case SP_IMAP_T_END:
	case SP_IMAP_T_BAD:
	case SP_IMAP_T_CLOSE:
		return (false);
	case SP_IMAP_T_OPEN:
		return (skip_list(s));
	case SP_IMAP_T_ATOM:
	case SP_IMAP_T_STRING:
	case SP_IMAP_T_NIL:
	case SP_IMAP_T_SKIPPED:
	case SP_IMAP_T_BODY:
		return (true);
	}
	return (false);
}

bool
sp_imap_scan_list(struct sp_imap_scan *s, struct sp_view *raw)
{
	struct sp_view v;
	size_t from;

	if (sp_imap_scan_next(s, &v) != SP_IMAP_T_OPEN)
		return (false);
	from = s->at;
	if (!skip_list(s))
		return (false);
	*raw = sp_view_mem(s->text + from, s->at - 1 - from);
	return (true);
}

bool
sp_imap_number(struct sp_view v, uint64_t *out)
{
	uint64_t n;

	if (!sp_view_u64(v, &n) || n > SP_IMAP_NUMBER_MAX)
		return (false);
	*out = n;
	return (true);
}

/* A number from 1 to 2^32-1. */
static bool
uid_of(struct sp_view v, uint32_t *out)
{
	uint64_t n;

	if (!sp_view_u64(v, &n) || n == 0 || n > UINT32_MAX)
		return (false);
	*out = (uint32_t)n;
	return (true);
}

/* A range may be written high end first; a comma behind the last one is left,
 * and so makes the set wrong. */
bool
sp_imap_set_next(struct sp_view *rest, uint32_t *low, uint32_t *high)
{
	struct sp_view high_text, low_text;
	size_t n = 0;
	uint32_t a, b;

	while (rest->n > 0 && rest->p[0] == ' ') {
		rest->p++;
		rest->n--;
	}
	while (n < rest->n && rest->p[n] != ',' && rest->p[n] != ' ')
		n++;
	high_text = sp_view_mem(rest->p, n);
	low_text = sp_view_cut(&high_text, ':');
	if (!uid_of(low_text, &a))
		return (false);
	b = a;
	if (high_text.p != NULL && !uid_of(high_text, &b))
		return (false);
	*low = a < b ? a : b;
	*high = a < b ? b : a;
	rest->p += n;
	rest->n -= n;
	if (rest->n > 1 && rest->p[0] == ',') {
		rest->p++;
		rest->n--;
	}
	return (true);
}

bool
sp_imap_set_ok(struct sp_view v)
{
	uint32_t low, high;

	while (sp_view_trim(v).n > 0) {
		if (!sp_imap_set_next(&v, &low, &high))
			return (false);
	}
	return (true);
}
