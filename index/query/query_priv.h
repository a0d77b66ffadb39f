/* Private to query_*.c. */
#ifndef SP_INDEX_QUERY_QUERY_PRIV_H
#define SP_INDEX_QUERY_QUERY_PRIV_H

#include "index/query/query.h"

/* ---- places ---------------------------------------------------------- */

/* SP_EUSAGE: "query: MESSAGE", the query around ${at}, a caret under it. */
enum sp_code sp_query_error(struct sp_err *err, struct sp_view query, size_t at,
    const char *fmt, ...) SP_PRINTF(4, 5);

/* ---- tokens ---------------------------------------------------------- */

enum sp_tok_kind {
	SP_TOK_END,
	SP_TOK_OPEN,
	SP_TOK_CLOSE,
	SP_TOK_AND,
	SP_TOK_OR,
	SP_TOK_NOT, /* NOT, and '-' before a term */
	SP_TOK_FIELD, /* NAME: with the colon; text is NAME */
	SP_TOK_WORD,
	SP_TOK_PHRASE /* "..."; text without the quotes */
};

struct sp_tok {
	enum sp_tok_kind kind;
	struct sp_view text;
	bool prefix; /* a '*' follows */
	size_t at; /* where it begins in the query */
};

struct sp_lex {
	struct sp_view query;
	size_t at;
};

/* The next token. */
SP_CHECK enum sp_code sp_lex_next(
    struct sp_lex *l, struct sp_tok *t, struct sp_err *err);
/* The value that follows a field: a phrase, an opening parenthesis, or all up
 * to a blank or parenthesis, as SP_TOK_WORD. */
SP_CHECK enum sp_code sp_lex_value(struct sp_lex *l, const struct sp_tok *field,
    struct sp_tok *t, struct sp_err *err);

/* ---- fields ---------------------------------------------------------- */

struct sp_field;

struct sp_query_ctx {
	struct sp_view query;
	const char *tz;
	int64_t now;
	size_t terms;
};

/* NULL if there is no such field. */
const struct sp_field *sp_field_find(struct sp_view name);
/* Whether NAME:(...) makes sense. */
bool sp_field_takes_group(const struct sp_field *f);
/* All names, for messages. */
const char *sp_field_names(void);
/* The leaf that a value of ${f} (NULL: a bare word or phrase) means. */
SP_CHECK enum sp_code sp_field_leaf(struct sp_query_ctx *q,
    const struct sp_field *f, const struct sp_tok *value, struct sp_node **out,
    struct sp_err *err);

struct sp_node *sp_node_new(enum sp_node_kind kind);

#endif
