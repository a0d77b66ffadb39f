/*
 * Private to query_*.c: tokens of a query, fields by name, and the errors that
 * show their place.
 */
#ifndef SP_INDEX_QUERY_QUERY_PRIV_H
#define SP_INDEX_QUERY_QUERY_PRIV_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"
#include "index/query/query.h"

/* ---- errors ---------------------------------------------------------- */

/*
 * Set ${err} to "query: MESSAGE", behind it a line with the query around byte
 * ${at} and a line with a caret under that place.  Returns SP_EUSAGE.
 */
enum sp_code sp_query_error(struct sp_err *err, struct sp_view query, size_t at,
    const char *fmt, ...) SP_PRINTF(4, 5);

/* ---- tokens ---------------------------------------------------------- */

enum sp_tok_kind {
	SP_TOK_END,
	SP_TOK_OPEN, /* "(" */
	SP_TOK_CLOSE, /* ")" */
	SP_TOK_AND,
	SP_TOK_OR,
	SP_TOK_NOT, /* NOT, and '-' before a term */
	SP_TOK_FIELD, /* NAME: with the colon; text is NAME */
	SP_TOK_WORD,
	SP_TOK_PHRASE /* "..."; text without the quotes */
};

struct sp_tok {
	enum sp_tok_kind kind;
	struct sp_view text; /* borrowed from the query */
	bool prefix; /* a '*' follows */
	size_t at; /* the byte of the query where it begins */
};

/* Where reading has come to. */
struct sp_lex {
	struct sp_view query;
	size_t at;
};

/* The next token, SP_TOK_END at the end.  SP_EUSAGE for a quotation mark that
 * is never closed, a '*' or "--" where none can be. */
SP_CHECK enum sp_code sp_lex_next(
    struct sp_lex *l, struct sp_tok *t, struct sp_err *err);
/* The value right behind ${field}: a phrase, an opening parenthesis, or all up
 * to a blank or parenthesis, as SP_TOK_WORD.  SP_EUSAGE if there is none. */
SP_CHECK enum sp_code sp_lex_value(struct sp_lex *l, const struct sp_tok *field,
    struct sp_tok *t, struct sp_err *err);

/* ---- fields ---------------------------------------------------------- */

/* What is known while a query is parsed. */
struct sp_query_ctx {
	struct sp_view query;
	const char *tz;
	int64_t now;
	size_t terms; /* leaves so far */
};

struct sp_query_field;

/* The field ${name}, in any case of letters, or NULL. */
const struct sp_query_field *sp_field_find(struct sp_view name);
/* Whether NAME:(...) makes sense. */
bool sp_field_takes_group(const struct sp_query_field *f);
/* Append all names, separated by blanks, for messages.  SP_ELIMIT beyond the
 * limit of ${out}. */
SP_CHECK enum sp_code sp_field_names(struct sp_buf *out);
/* The leaf that ${value} of ${f} (NULL: a bare word or phrase) means; *out is
 * the caller's.  SP_EUSAGE for a value that the field does not take, and for
 * more than SP_QUERY_TERMS leaves. */
SP_CHECK enum sp_code sp_field_leaf(struct sp_query_ctx *q,
    const struct sp_query_field *f, const struct sp_tok *value,
    struct sp_node **out, struct sp_err *err);

#endif
