/*
 * Queries as tokens: words, phrases, NAME: of a field, parentheses, AND, OR and
 * NOT.  The parser asks for one token at a time, and for the value behind a
 * NAME: by a function of its own, since a value may hold a colon.  No I/O and
 * no memory: tokens borrow the query.
 */
#include <string.h>

#include "index/query/query_priv.h"

/* The length of the blank at ${at}, or 0.  U+00A0 and U+3000 are typed as
 * blanks too. */
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

/* "..." with the opening quotation mark at l->at; a '*' may follow. */
static enum sp_code
read_phrase(struct sp_lex *l, struct sp_tok *t, struct sp_err *err)
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
read_word(struct sp_lex *l, struct sp_tok *t, struct sp_err *err)
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
field_name_length(struct sp_view v)
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

/* Whether something that can be negated begins at ${at}. */
static bool
starts_term(struct sp_view q, size_t at)
{
	return (at < q.n && blank_at(q, at) == 0 && q.p[at] != ')');
}

/* NAME: of a field, one of the words AND, OR and NOT in capitals, or a word.
 * Whether such a field exists is the parser's question. */
static enum sp_code
read_word_or_field(struct sp_lex *l, struct sp_tok *t, struct sp_err *err)
{
	struct sp_view rest = { l->query.p + l->at, l->query.n - l->at };
	size_t n = field_name_length(rest);
	enum sp_code rc;

	/* "https://..." is a word, not a field. */
	if (n > 0 && !(rest.n - n > 2 && memcmp(rest.p + n, "://", 3) == 0)) {
		t->kind = SP_TOK_FIELD;
		t->text = (struct sp_view){ rest.p, n };
		l->at += n + 1;
		return (SP_OK);
	}
	rc = read_word(l, t, err);
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

/* A '-' is NOT only where a term begins right behind it; elsewhere it belongs
 * to a word. */
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
		return (read_phrase(l, t, err));
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
	return (read_word_or_field(l, t, err));
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
		return (read_phrase(l, t, err));
	if (q.p[l->at] == '(') {
		t->kind = SP_TOK_OPEN;
		l->at++;
		return (SP_OK);
	}
	return (read_word(l, t, err));
}
