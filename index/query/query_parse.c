/*
 * Recursive descent:
 *
 *   or    = and { "OR" and }
 *   and   = not { ["AND"] not }
 *   not   = { "NOT" | "-" } term
 *   term  = "(" or ")" | FIELD value | FIELD "(" or ")" | word | phrase
 */
#include <stdlib.h>
#include <string.h>

#include "index/query/query_priv.h"

struct parser {
	struct sp_query_ctx q;
	struct sp_lex lex;
	struct sp_tok tok; /* the one ahead */
	const struct sp_field *field; /* inside NAME:( ... ) */
	unsigned nest;
	struct sp_err *err;
};

static enum sp_code parse_or(struct parser *p, struct sp_node **out);

struct sp_node *
sp_node_new(enum sp_node_kind kind)
{
	struct sp_node *n = sp_xcalloc(1, sizeof(*n));

	n->kind = kind;
	n->lo = INT64_MIN;
	n->hi = INT64_MAX;
	return (n);
}

void
sp_node_free(struct sp_node *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->nkids; i++)
		sp_node_free(n->kid[i]);
	free(n->kid);
	free(n->fts);
	free(n->seqs);
	free(n);
}

/* Add ${kid}; a kid of the same kind gives its own kids. */
static void
adopt(struct sp_node *n, struct sp_node *kid)
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

static enum sp_code
advance(struct parser *p)
{
	return (sp_lex_next(&p->lex, &p->tok, p->err));
}

static enum sp_code
expected(struct parser *p, const char *what)
{
	return (
	    sp_query_error(p->err, p->q.query, p->tok.at, "expected %s", what));
}

/* After an opening parenthesis. */
static enum sp_code
parse_group(struct parser *p, size_t open, struct sp_node **out)
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

static enum sp_code
parse_field(struct parser *p, struct sp_node **out)
{
	struct sp_tok name = p->tok, value;
	const struct sp_field *outer = p->field;
	const struct sp_field *f = sp_field_find(name.text);
	enum sp_code rc;

	if (f == NULL)
		return (sp_query_error(p->err, p->q.query, name.at,
		    "\"%.*s:\" is not a field; there are %s (put text that has a colon in quotation marks)",
		    (int)name.text.n, name.text.p, sp_field_names()));
	rc = sp_lex_value(&p->lex, &name, &value, p->err);
	if (rc != SP_OK)
		return (rc);
	if (value.kind != SP_TOK_OPEN) {
		rc = sp_field_leaf(&p->q, f, &value, out, p->err);
		if (rc != SP_OK)
			return (rc);
		rc = advance(p);
		if (rc != SP_OK) {
			sp_node_free(*out);
			*out = NULL;
		}
		return (rc);
	}
	if (!sp_field_takes_group(f))
		return (sp_query_error(p->err, p->q.query, value.at,
		    "\"%.*s:\" takes one value, no parentheses",
		    (int)name.text.n, name.text.p));
	p->field = f;
	rc = parse_group(p, value.at, out);
	p->field = outer;
	return (rc);
}

static enum sp_code
parse_term(struct parser *p, struct sp_node **out)
{
	enum sp_code rc;

	switch (p->tok.kind) {
	case SP_TOK_OPEN:
		return (parse_group(p, p->tok.at, out));
	case SP_TOK_FIELD:
		return (parse_field(p, out));
	case SP_TOK_WORD:
	case SP_TOK_PHRASE:
		rc = sp_field_leaf(&p->q, p->field, &p->tok, out, p->err);
		if (rc != SP_OK)
			return (rc);
		rc = advance(p);
		if (rc != SP_OK) {
			sp_node_free(*out);
			*out = NULL;
		}
		return (rc);
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

static enum sp_code
parse_not(struct parser *p, struct sp_node **out)
{
	struct sp_node *n = NULL, *not ;
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
		not = sp_node_new(SP_NODE_NOT);
		adopt(not, n);
		*out = not ;
	} else {
		*out = n;
	}
	return (SP_OK);
}

static bool
term_ahead(const struct parser *p)
{
	return (p->tok.kind != SP_TOK_END && p->tok.kind != SP_TOK_CLOSE &&
		p->tok.kind != SP_TOK_OR);
}

/* More of the same: collected under a node of ${kind} once there are two. */
static void
join(struct sp_node **all, struct sp_node *n, enum sp_node_kind kind)
{
	struct sp_node *both;

	if (*all == NULL) {
		*all = n;
		return;
	}
	if ((*all)->kind == kind && (*all)->nkids > 0) {
		adopt(*all, n);
		return;
	}
	both = sp_node_new(kind);
	adopt(both, *all);
	adopt(both, n);
	*all = both;
}

static enum sp_code
parse_and(struct parser *p, struct sp_node **out)
{
	struct sp_node *all = NULL, *n = NULL;
	enum sp_code rc = parse_not(p, &all);

	while (rc == SP_OK && term_ahead(p)) {
		if (p->tok.kind == SP_TOK_AND)
			rc = advance(p);
		if (rc == SP_OK)
			rc = parse_not(p, &n);
		if (rc == SP_OK)
			join(&all, n, SP_NODE_AND);
	}
	if (rc != SP_OK) {
		sp_node_free(all);
		return (rc);
	}
	*out = all;
	return (SP_OK);
}

static enum sp_code
parse_or(struct parser *p, struct sp_node **out)
{
	struct sp_node *all = NULL, *n = NULL;
	enum sp_code rc = parse_and(p, &all);

	while (rc == SP_OK && p->tok.kind == SP_TOK_OR) {
		rc = advance(p);
		if (rc == SP_OK)
			rc = parse_and(p, &n);
		if (rc == SP_OK)
			join(&all, n, SP_NODE_OR);
	}
	if (rc != SP_OK) {
		sp_node_free(all);
		return (rc);
	}
	*out = all;
	return (SP_OK);
}

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
parse_all(struct parser *p, struct sp_node **out)
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
	struct parser p = {
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
