/*
 * The grammar of queries, by recursive descent over the tokens of query_lex.c,
 * to the tree of query_node.h:
 *
 *   or    = and { "OR" and }
 *   and   = not { ["AND"] not }
 *   not   = { "NOT" | "-" } term
 *   term  = "(" or ")" | FIELD value | FIELD "(" or ")" | word | phrase
 *
 * Operands of the same operator lie side by side in one node, and NOT NOT
 * cancels out, so that the depth of a tree is the number of alternations.
 */
#include <stdlib.h>
#include <string.h>

#include "index/query/query_priv.h"

struct query_parser {
	struct sp_query_ctx q;
	struct sp_lex lex;
	struct sp_tok tok; /* the next one, not yet consumed */
	/* whose NAME:( ... ) the parser is in, or NULL */
	const struct sp_query_field *field;
	unsigned nest; /* parentheses that are open */
	struct sp_err *err;
};

static enum sp_code parse_or(struct query_parser *p, struct sp_node **out);

/* Add ${kid} to ${n}, which owns it from then on.  Of a kid of the same kind
 * only its own kids are added. */
static void
add_kid(struct sp_node *n, struct sp_node *kid)
{
	size_t more = kid->kind == n->kind ? kid->nkids : 1;

	n->kid =
	    sp_xrealloc(n->kid, (n->nkids + more) * sizeof(struct sp_node *));
	if (kid->kind != n->kind) {
		n->kid[n->nkids++] = kid;
		return;
	}
	memcpy(&n->kid[n->nkids], kid->kid, more * sizeof(struct sp_node *));
	n->nkids += more;
	kid->nkids = 0;
	sp_node_free(kid);
}

/* Read the next token into p->tok. */
static enum sp_code
advance(struct query_parser *p)
{
	return (sp_lex_next(&p->lex, &p->tok, p->err));
}

/* The error that ${what} should stand at the next token. */
static enum sp_code
expected(struct query_parser *p, const char *what)
{
	return (
	    sp_query_error(p->err, p->q.query, p->tok.at, "expected %s", what));
}

/* or ")" behind an opening parenthesis, which stands at ${open}. */
static enum sp_code
parse_group(struct query_parser *p, size_t open, struct sp_node **out)
{
	struct sp_node *n = NULL;
	enum sp_code rc = advance(p);

	if (rc != SP_OK)
		return (rc);
	if (++p->nest > SP_QUERY_NEST)
		return (sp_query_error(p->err, p->q.query, open,
		    "more than %u parentheses in each other", SP_QUERY_NEST));
	if (p->tok.kind == SP_TOK_CLOSE)
		return (expected(p, "something between the parentheses"));
	rc = parse_or(p, &n);
	if (rc == SP_OK && p->tok.kind != SP_TOK_CLOSE)
		rc = sp_query_error(p->err, p->q.query, open,
		    "this parenthesis is never closed");
	if (rc == SP_OK)
		rc = advance(p);
	if (rc != SP_OK) {
		sp_node_free(n);
		return (rc);
	}
	p->nest--;
	*out = n;
	return (SP_OK);
}

/* The error for NAME: where there is no such field. */
static enum sp_code
no_such_field(struct query_parser *p, const struct sp_tok *name)
{
	struct sp_buf all;
	enum sp_code rc;

	sp_buf_init(&all, 1024);
	if (sp_field_names(&all) != SP_OK)
		sp_buf_clear(&all);
	rc = sp_query_error(p->err, p->q.query, name->at,
	    "\"%.*s:\" is not a field; there are %s (put text that has a colon in quotation marks)",
	    (int)name->text.n, name->text.p, sp_buf_cstr(&all));
	sp_buf_done(&all);
	return (rc);
}

/* The leaf of ${value}, and the token behind it. */
static enum sp_code
parse_leaf(struct query_parser *p, const struct sp_query_field *f,
    const struct sp_tok *value, struct sp_node **out)
{
	struct sp_node *n = NULL;
	enum sp_code rc = sp_field_leaf(&p->q, f, value, &n, p->err);

	if (rc == SP_OK)
		rc = advance(p);
	if (rc != SP_OK) {
		sp_node_free(n);
		return (rc);
	}
	*out = n;
	return (SP_OK);
}

/* FIELD value or FIELD "(" or ")". */
static enum sp_code
parse_field(struct query_parser *p, struct sp_node **out)
{
	struct sp_tok name = p->tok, value;
	const struct sp_query_field *outer = p->field;
	const struct sp_query_field *f = sp_field_find(name.text);
	enum sp_code rc;

	if (f == NULL)
		return (no_such_field(p, &name));
	rc = sp_lex_value(&p->lex, &name, &value, p->err);
	if (rc != SP_OK)
		return (rc);
	if (value.kind != SP_TOK_OPEN)
		return (parse_leaf(p, f, &value, out));
	if (!sp_field_takes_group(f))
		return (sp_query_error(p->err, p->q.query, value.at,
		    "\"%.*s:\" takes one value, no parentheses",
		    (int)name.text.n, name.text.p));
	p->field = f;
	rc = parse_group(p, value.at, out);
	p->field = outer;
	return (rc);
}

/* A bare word or phrase belongs to the field of the group around it, if any. */
static enum sp_code
parse_term(struct query_parser *p, struct sp_node **out)
{
	switch (p->tok.kind) {
	case SP_TOK_OPEN:
		return (parse_group(p, p->tok.at, out));
	case SP_TOK_FIELD:
		return (parse_field(p, out));
	case SP_TOK_WORD:
	case SP_TOK_PHRASE:
		return (parse_leaf(p, p->field, &p->tok, out));
	case SP_TOK_CLOSE:
		if (p->nest == 0)
			return (sp_query_error(p->err, p->q.query, p->tok.at,
			    "this parenthesis was never opened"));
		break;
	case SP_TOK_END:
	case SP_TOK_AND:
	case SP_TOK_OR:
	case SP_TOK_NOT:
		break;
	}
	return (expected(p, "a word, a phrase, a field or a parenthesis"));
}

/* Any number of negations before a term. */
static enum sp_code
parse_not(struct query_parser *p, struct sp_node **out)
{
	struct sp_node *n = NULL, *inverse;
	bool negate = false;
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && p->tok.kind == SP_TOK_NOT) {
		negate = !negate;
		rc = advance(p);
	}
	if (rc == SP_OK)
		rc = parse_term(p, &n);
	if (rc != SP_OK)
		return (rc);
	if (negate && n->kind == SP_NODE_NOT) {
		*out = n->kid[0];
		n->nkids = 0;
		sp_node_free(n);
	} else if (negate) {
		inverse = sp_node_new(SP_NODE_NOT);
		add_kid(inverse, n);
		*out = inverse;
	} else {
		*out = n;
	}
	return (SP_OK);
}

/* Whether the next token goes on with an AND, written or not. */
static bool
term_ahead(const struct query_parser *p)
{
	return (p->tok.kind != SP_TOK_END && p->tok.kind != SP_TOK_CLOSE &&
		p->tok.kind != SP_TOK_OR);
}

/* Add ${n} to what was parsed so far: *all becomes a node of ${kind} once there
 * are two operands. */
static void
add_operand(struct sp_node **all, struct sp_node *n, enum sp_node_kind kind)
{
	struct sp_node *both;

	if (*all == NULL) {
		*all = n;
		return;
	}
	if ((*all)->kind == kind && (*all)->nkids > 0) {
		add_kid(*all, n);
		return;
	}
	both = sp_node_new(kind);
	add_kid(both, *all);
	add_kid(both, n);
	*all = both;
}

static enum sp_code
parse_and(struct query_parser *p, struct sp_node **out)
{
	struct sp_node *all = NULL, *n = NULL;
	enum sp_code rc = parse_not(p, &all);

	while (rc == SP_OK && term_ahead(p)) {
		if (p->tok.kind == SP_TOK_AND)
			rc = advance(p);
		if (rc == SP_OK)
			rc = parse_not(p, &n);
		if (rc == SP_OK)
			add_operand(&all, n, SP_NODE_AND);
	}
	if (rc != SP_OK) {
		sp_node_free(all);
		return (rc);
	}
	*out = all;
	return (SP_OK);
}

static enum sp_code
parse_or(struct query_parser *p, struct sp_node **out)
{
	struct sp_node *all = NULL, *n = NULL;
	enum sp_code rc = parse_and(p, &all);

	while (rc == SP_OK && p->tok.kind == SP_TOK_OR) {
		rc = advance(p);
		if (rc == SP_OK)
			rc = parse_and(p, &n);
		if (rc == SP_OK)
			add_operand(&all, n, SP_NODE_OR);
	}
	if (rc != SP_OK) {
		sp_node_free(all);
		return (rc);
	}
	*out = all;
	return (SP_OK);
}

/* Nodes on the longest way down from ${n}. */
static unsigned
depth_of(const struct sp_node *n)
{
	unsigned most = 0;

	for (size_t i = 0; i < n->nkids; i++) {
		unsigned d = depth_of(n->kid[i]);

		if (d > most)
			most = d;
	}
	return (most + 1);
}

static enum sp_code
parse_all(struct query_parser *p, struct sp_node **out)
{
	enum sp_code rc = advance(p);

	if (rc != SP_OK || p->tok.kind == SP_TOK_END)
		return (rc);
	rc = parse_or(p, out);
	if (rc != SP_OK)
		return (rc);
	if (p->tok.kind == SP_TOK_CLOSE)
		return (sp_query_error(p->err, p->q.query, p->tok.at,
		    "this parenthesis was never opened"));
	if (depth_of(*out) > SP_QUERY_DEPTH)
		return (sp_query_error(p->err, p->q.query, 0,
		    "AND, OR and NOT alternate more than %u deep",
		    SP_QUERY_DEPTH));
	return (SP_OK);
}

enum sp_code
sp_query_parse(const char *text, const char *tz, int64_t now,
    struct sp_node **out, struct sp_err *err)
{
	struct query_parser p = {
		.q = { .query = sp_view_str(text), .tz = tz, .now = now },
		.err = err
	};
	struct sp_node *n = NULL;
	enum sp_code rc;

	if (p.q.query.p == NULL)
		p.q.query = SP_VIEW_LIT("");
	if (p.q.query.n > SP_QUERY_MAX)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "query: longer than %zu bytes", SP_QUERY_MAX));
	p.lex.query = p.q.query;
	rc = parse_all(&p, &n);
	if (rc != SP_OK) {
		sp_node_free(n);
		return (rc);
	}
	*out = n;
	return (SP_OK);
}
