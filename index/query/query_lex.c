/* Queries as tokens. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "index/query/query_priv.h"

#define AROUND 60 /* bytes of the query shown on each side of an error */

/* U+00A0 and U+3000 are typed as blanks too. */
static size_t
blank_at(struct sp_view q, size_t at)
{
	if (at >= q.n)
		return (0);
	if (strchr(" \t\r\n\f\v", q.p[at]) != NULL)
		return (1);
	if (q.n - at >= 2 && memcmp(q.p + at, "\xc2\xa0", 2) == 0)
		return (2);
	if (q.n - at >= 3 && memcmp(q.p + at, "\xe3\x80\x80", 3) == 0)
		return (3);
	return (0);
}

/* Where a character begins at or before ${at}: at most 3 bytes before. */
static size_t
char_start(struct sp_view q, size_t at)
{
	for (size_t i = 0; i < 3 && at > 0 && at < q.n &&
			   ((unsigned char)q.p[at] & 0xc0) == 0x80;
	     i++)
		at--;
	return (at);
}

/* Columns of a terminal that text takes, about: ideographs take two. */
static size_t
columns(struct sp_view v)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if ((c & 0xc0) == 0x80)
			continue;
		n += c >= 0xe3 && c <= 0xed ? 2 : 1;
	}
	return (n);
}

enum sp_code
sp_query_error(
    struct sp_err *err, struct sp_view q, size_t at, const char *fmt, ...)
{
	char what[400], line[2 * AROUND + 8];
	size_t from, to;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (at > q.n)
		at = q.n;
	from = char_start(q, at > AROUND ? at - AROUND : 0);
	to = q.n - at > AROUND ? char_start(q, at + AROUND) : q.n;
	memcpy(line, q.p + from, to - from);
	line[to - from] = '\0';
	for (char *p = line; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	return (sp_err_set(err, SP_EUSAGE, 0, "query: %s\n  %s\n  %*s^", what,
	    line, (int)columns((struct sp_view){ q.p + from, at - from }), ""));
}

static enum sp_code
phrase(struct sp_lex *l, struct sp_tok *t, struct sp_err *err)
{
	struct sp_view q = l->query;
	const char *end = memchr(q.p + l->at + 1, '"', q.n - l->at - 1);
	size_t stop;

	if (end == NULL)
		return (sp_query_error(
		    err, q, l->at, "this quotation mark is never closed"));
	stop = (size_t)(end - q.p);
	t->kind = SP_TOK_PHRASE;
	t->text = (struct sp_view){ q.p + l->at + 1, stop - l->at - 1 };
	l->at = stop + 1;
	if (l->at < q.n && q.p[l->at] == '*') {
		t->prefix = true;
		l->at++;
	}
	return (SP_OK);
}

/* Up to a blank, parenthesis or quotation mark; a '*' may end it. */
static enum sp_code
word(struct sp_lex *l, struct sp_tok *t, struct sp_err *err)
{
	struct sp_view q = l->query;
	size_t from = l->at, n;

	while (l->at < q.n && blank_at(q, l->at) == 0 &&
	       strchr("()\"", q.p[l->at]) == NULL)
		l->at++;
	n = l->at - from;
	t->kind = SP_TOK_WORD;
	if (n > 0 && q.p[l->at - 1] == '*') {
		t->prefix = true;
		n--;
	}
	t->text = (struct sp_view){ q.p + from, n };
	if (n == 0)
		return (sp_query_error(
		    err, q, from, "a '*' alone stands for nothing"));
	if (memchr(t->text.p, '*', n) != NULL)
		return (sp_query_error(err, q,
		    (size_t)((const char *)memchr(t->text.p, '*', n) - q.p),
		    "a '*' can only end a word"));
	return (SP_OK);
}

/* The length of NAME in NAME:..., or 0. */
static size_t
field_name(struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == ':')
			return (i);
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c == '-' && i > 0) && !(c >= '0' && c <= '9' && i > 0))
			return (0);
	}
	return (0);
}

static bool
starts_term(struct sp_view q, size_t at)
{
	return (at < q.n && blank_at(q, at) == 0 && q.p[at] != ')');
}

static enum sp_code
word_or_field(struct sp_lex *l, struct sp_tok *t, struct sp_err *err)
{
	struct sp_view rest = { l->query.p + l->at, l->query.n - l->at };
	size_t n = field_name(rest);
	enum sp_code rc;

	/* An address of a web page is no field. */
	if (n > 0 && !(rest.n - n > 2 && memcmp(rest.p + n, "://", 3) == 0)) {
		t->kind = SP_TOK_FIELD;
		t->text = (struct sp_view){ rest.p, n };
		l->at += n + 1;
		return (SP_OK);
	}
	rc = word(l, t, err);
	if (rc != SP_OK || t->prefix)
		return (rc);
	if (sp_view_eq_str(t->text, "AND"))
		t->kind = SP_TOK_AND;
	else if (sp_view_eq_str(t->text, "OR"))
		t->kind = SP_TOK_OR;
	else if (sp_view_eq_str(t->text, "NOT"))
		t->kind = SP_TOK_NOT;
	return (SP_OK);
}

enum sp_code
sp_lex_next(struct sp_lex *l, struct sp_tok *t, struct sp_err *err)
{
	struct sp_view q = l->query;
	size_t n;

	while ((n = blank_at(q, l->at)) > 0)
		l->at += n;
	*t = (struct sp_tok){ .kind = SP_TOK_END, .at = l->at };
	if (l->at >= q.n)
		return (SP_OK);
	switch (q.p[l->at]) {
	case '(':
		t->kind = SP_TOK_OPEN;
		l->at++;
		return (SP_OK);
	case ')':
		t->kind = SP_TOK_CLOSE;
		l->at++;
		return (SP_OK);
	case '"':
		return (phrase(l, t, err));
	case '-':
		if (l->at + 1 < q.n && q.p[l->at + 1] == '-')
			return (sp_query_error(err, q, l->at,
			    "a word cannot begin with \"--\"; options come before the query"));
		if (!starts_term(q, l->at + 1))
			break;
		t->kind = SP_TOK_NOT;
		l->at++;
		return (SP_OK);
	default:
		break;
	}
	return (word_or_field(l, t, err));
}

enum sp_code
sp_lex_value(struct sp_lex *l, const struct sp_tok *field, struct sp_tok *t,
    struct sp_err *err)
{
	struct sp_view q = l->query;

	*t = (struct sp_tok){ .kind = SP_TOK_END, .at = l->at };
	if (l->at >= q.n || blank_at(q, l->at) > 0 || q.p[l->at] == ')')
		return (sp_query_error(err, q, l->at,
		    "expected a value right after \"%.*s:\"",
		    (int)field->text.n, field->text.p));
	if (q.p[l->at] == '"')
		return (phrase(l, t, err));
	if (q.p[l->at] == '(') {
		t->kind = SP_TOK_OPEN;
		l->at++;
		return (SP_OK);
	}
	return (word(l, t, err));
}
