/*
 * Plans: the query tree as an FTS5 expression, an SQL condition and bounds.
 *
 *   tree --all text---> emit_text   --> plan.fts, or MATCH ?N in plan.where
 *        --ranges-----> apply_bound --> plan.lo, hi, since, until
 *        --the rest---> emit_sql    --> plan.where
 *
 * As much as possible goes into the one FTS5 expression: a query that is all
 * text needs no row of messages.  Every value that a user typed is either
 * inside an FTS5 string or a number.
 */
#include "index/query/plan.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "index/schema/column.h"
#include "index/schema/token.h"

#define FTS_MAX	  ((size_t)1 << 20)
#define WHERE_MAX ((size_t)1 << 20)

/* The plan being made; after the first failure nothing more is added. */
struct plan_builder {
	struct sp_plan *p;
	enum sp_code rc;
};

/* Whether full text alone answers ${n}. */
static bool
all_text(const struct sp_node *n)
{
	if (n->kind == SP_NODE_TEXT)
		return (true);
	if (n->kind != SP_NODE_AND && n->kind != SP_NODE_OR &&
	    n->kind != SP_NODE_NOT)
		return (false);
	for (size_t i = 0; i < n->nkids; i++)
		if (!all_text(n->kid[i]))
			return (false);
	return (true);
}

/* Append ${s} to ${b}. */
static void
add(struct plan_builder *m, struct sp_buf *b, const char *s)
{
	if (m->rc == SP_OK)
		m->rc = sp_buf_adds(b, s);
}

/* An expression that every message matches, since FTS5 has no NOT without
 * something to take away from: each message has one grade. */
static void
emit_every(struct plan_builder *m, struct sp_buf *b)
{
	if (m->rc == SP_OK)
		m->rc = sp_buf_addf(b, "{%s} : (", sp_col_name[SP_COL_META]);
	for (size_t i = 0; m->rc == SP_OK && i < SP_GRADE_COUNT; i++)
		m->rc = sp_buf_addf(b, "%s\"%c%s%s%c\"", i > 0 ? " OR " : "",
		    SP_TOKEN_MARK, SP_META_GRADE, sp_grade_name[i],
		    SP_TOKEN_MARK);
	add(m, b, ")");
}

static void emit_text(
    struct plan_builder *m, struct sp_buf *b, const struct sp_node *n);

/* Append those of ${kids} that are all text and negated (or are not, by
 * ${negated}), joined by ${op}; their number.  What is under a NOT is appended
 * without it. */
static size_t
emit_kids(struct plan_builder *m, struct sp_buf *b, struct sp_node *const *kids,
    size_t n, bool negated, const char *op)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++) {
		if (!all_text(kids[i]) ||
		    (kids[i]->kind == SP_NODE_NOT) != negated)
			continue;
		if (done++ > 0)
			add(m, b, op);
		emit_text(m, b, negated ? kids[i]->kid[0] : kids[i]);
	}
	return (done);
}

/* Whether a kid that is all text is a NOT. */
static bool
any_negated(struct sp_node *const *kids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all_text(kids[i]) && kids[i]->kind == SP_NODE_NOT)
			return (true);
	return (false);
}

/* Append the text kids of an AND as ((a AND b) NOT (c OR d)). */
static void
emit_and(struct plan_builder *m, struct sp_buf *b, struct sp_node *const *kids,
    size_t n)
{
	bool negated = any_negated(kids, n);

	if (negated)
		add(m, b, "(");
	add(m, b, "(");
	if (emit_kids(m, b, kids, n, false, " AND ") == 0)
		emit_every(m, b);
	add(m, b, ")");
	if (!negated)
		return;
	add(m, b, " NOT (");
	(void)emit_kids(m, b, kids, n, true, " OR ");
	add(m, b, "))");
}

/* Append ${n}, which is all text, as an FTS5 expression. */
static void
emit_text(struct plan_builder *m, struct sp_buf *b, const struct sp_node *n)
{
	switch (n->kind) {
	case SP_NODE_TEXT:
		add(m, b, n->fts);
		return;
	case SP_NODE_AND:
		emit_and(m, b, n->kid, n->nkids);
		return;
	case SP_NODE_OR:
		add(m, b, "(");
		for (size_t i = 0; i < n->nkids; i++) {
			if (i > 0)
				add(m, b, " OR ");
			emit_text(m, b, n->kid[i]);
		}
		add(m, b, ")");
		return;
	case SP_NODE_NOT:
		add(m, b, "(");
		emit_every(m, b);
		add(m, b, " NOT (");
		emit_text(m, b, n->kid[0]);
		add(m, b, "))");
		return;
	case SP_NODE_SIZE:
	case SP_NODE_DATE:
	case SP_NODE_RECEIVED:
	case SP_NODE_SEQ:
	case SP_NODE_FAMILY:
		break; /* never under a node that is all text */
	}
}

/* Append the condition that a column of messages is in [lo, hi) to ${where}.
 * It is false rather than NULL for a row without a value, so that NOT of it is
 * true. */
static void
emit_range(struct plan_builder *m, const char *column, int64_t lo, int64_t hi)
{
	struct sp_buf *b = &m->p->where;

	if (m->rc == SP_OK)
		m->rc = sp_buf_addf(b, "(m.%s IS NOT NULL", column);
	if (m->rc == SP_OK && lo != INT64_MIN)
		m->rc = sp_buf_addf(b, " AND m.%s >= %" PRId64, column, lo);
	if (m->rc == SP_OK && hi != INT64_MAX)
		m->rc = sp_buf_addf(b, " AND m.%s < %" PRId64, column, hi);
	add(m, b, ")");
}

/* Append the condition seq IN (1, 2, 3). */
static void
emit_seqs(struct plan_builder *m, const struct sp_node *n)
{
	struct sp_buf *b = &m->p->where;

	add(m, b, "m.seq IN (");
	for (size_t i = 0; i < n->nseqs && m->rc == SP_OK; i++)
		m->rc =
		    sp_buf_addf(b, "%s%" PRIu64, i == 0 ? "" : ",", n->seqs[i]);
	add(m, b, ")");
}

/* Microseconds as seconds, rounded up: an instant within a second is after that
 * second has begun.  Open ends stay open. */
static int64_t
seconds_up(int64_t us)
{
	if (us == INT64_MIN || us == INT64_MAX)
		return (us);
	return (us / SP_SECOND + (us % SP_SECOND > 0));
}

/* Append a condition with a parameter that takes the expression in ${b}; its
 * text moves to the plan. */
static void
emit_match(struct plan_builder *m, struct sp_buf *b)
{
	struct sp_plan *p = m->p;

	if (m->rc == SP_OK && p->nmatch >= SP_PLAN_MATCHES)
		m->rc = SP_ELIMIT;
	if (m->rc != SP_OK)
		return;
	if (sp_buf_cstr(b) == NULL) {
		m->rc = SP_ELIMIT;
		return;
	}
	p->match = sp_xrealloc(p->match, (p->nmatch + 1) * sizeof(*p->match));
	p->match[p->nmatch] = sp_buf_take(b, NULL);
	m->rc = sp_buf_addf(&p->where,
	    "m.seq IN (SELECT rowid FROM fulltext WHERE fulltext MATCH ?%zu)",
	    p->nmatch + SP_PLAN_FIRST_MATCH);
	p->nmatch++;
}

static void emit_sql(struct plan_builder *m, const struct sp_node *n);

/* Append an AND or OR of which not all is text: the text kids as one
 * expression, the others as SQL. */
static void
emit_mixed(struct plan_builder *m, const struct sp_node *n)
{
	const char *op = n->kind == SP_NODE_AND ? " AND " : " OR ";
	struct sp_buf text;
	size_t done = 0;

	sp_buf_init(&text, FTS_MAX);
	add(m, &m->p->where, "(");
	for (size_t i = 0; i < n->nkids; i++) {
		if (all_text(n->kid[i])) {
			if (n->kind == SP_NODE_OR && text.n > 0)
				add(m, &text, " OR ");
			if (n->kind == SP_NODE_OR)
				emit_text(m, &text, n->kid[i]);
			else if (text.n == 0)
				emit_and(m, &text, n->kid, n->nkids);
			continue;
		}
		if (done++ > 0)
			add(m, &m->p->where, op);
		emit_sql(m, n->kid[i]);
	}
	if (text.n > 0) {
		if (done > 0)
			add(m, &m->p->where, op);
		emit_match(m, &text);
	}
	add(m, &m->p->where, ")");
	sp_buf_done(&text);
}

/* Append ${n} as a condition on rows. */
static void
emit_sql(struct plan_builder *m, const struct sp_node *n)
{
	struct sp_buf text;

	if (all_text(n)) {
		sp_buf_init(&text, FTS_MAX);
		emit_text(m, &text, n);
		emit_match(m, &text);
		sp_buf_done(&text);
		return;
	}
	switch (n->kind) {
	case SP_NODE_AND:
	case SP_NODE_OR:
		emit_mixed(m, n);
		return;
	case SP_NODE_NOT:
		add(m, &m->p->where, "NOT ");
		emit_sql(m, n->kid[0]);
		return;
	case SP_NODE_SIZE:
		emit_range(m, "size", n->lo, n->hi);
		return;
	case SP_NODE_DATE:
		emit_range(m, "date", seconds_up(n->lo), seconds_up(n->hi));
		return;
	case SP_NODE_RECEIVED:
		emit_range(m, "received", n->lo, n->hi);
		return;
	case SP_NODE_SEQ:
		emit_range(m, "seq", n->lo, n->hi);
		return;
	case SP_NODE_FAMILY:
		emit_seqs(m, n);
		return;
	case SP_NODE_TEXT:
		return; /* never here: it is all text */
	}
}

/* Narrow the bounds of the plan by ${n}, which all of the query is subject to.
 * Whether they say all that ${n} says, so that no condition is needed. */
static bool
apply_bound(struct sp_plan *p, const struct sp_node *n)
{
	if (n->kind == SP_NODE_SEQ) {
		if ((uint64_t)n->lo > p->lo)
			p->lo = (uint64_t)n->lo;
		if ((uint64_t)n->hi < p->hi)
			p->hi = (uint64_t)n->hi;
		return (true);
	}
	/* Bounds spare shards; the condition is needed as well. */
	if (n->kind == SP_NODE_FAMILY && n->nseqs > 0) {
		if (n->seqs[0] > p->lo)
			p->lo = n->seqs[0];
		if (n->seqs[n->nseqs - 1] + 1 < p->hi)
			p->hi = n->seqs[n->nseqs - 1] + 1;
		return (false);
	}
	if (n->kind == SP_NODE_RECEIVED) {
		if (n->lo > p->since)
			p->since = n->lo;
		if (n->hi < p->until)
			p->until = n->hi;
		return (true);
	}
	return (false);
}

/* Plan the query ${n}.  Its root is taken as an AND: each operand becomes a
 * bound, a part of the one FTS5 expression, or a condition. */
static void
build(struct plan_builder *m, const struct sp_node *n)
{
	struct sp_node *alone = NULL;
	struct sp_node *const *kids = n->kid;
	size_t count = n->nkids, text = 0;

	if (n->kind != SP_NODE_AND) {
		/* An AND of one; the copy of the pointer only drops its const. */
		memcpy(&alone, &n, sizeof(n));
		kids = &alone;
		count = 1;
	}
	for (size_t i = 0; i < count; i++) {
		if (all_text(kids[i])) {
			text++;
			continue;
		}
		if (apply_bound(m->p, kids[i]))
			continue;
		if (m->p->where.n > 0)
			add(m, &m->p->where, " AND ");
		emit_sql(m, kids[i]);
	}
	if (text > 0)
		emit_and(m, &m->p->fts, kids, count);
}

enum sp_code
sp_plan_make(const struct sp_node *n, struct sp_plan *out, struct sp_err *err)
{
	struct plan_builder m = { .p = out };

	*out = (struct sp_plan){ .lo = 0,
		.hi = UINT64_MAX,
		.since = INT64_MIN,
		.until = INT64_MAX };
	sp_buf_init(&out->fts, FTS_MAX);
	sp_buf_init(&out->where, WHERE_MAX);
	if (n != NULL)
		build(&m, n);
	if (m.rc == SP_OK && (sp_buf_cstr(&out->fts) == NULL ||
				 sp_buf_cstr(&out->where) == NULL))
		m.rc = SP_ELIMIT;
	if (m.rc != SP_OK) {
		sp_plan_done(out);
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "query: too large; search for less at once"));
	}
	return (SP_OK);
}

void
sp_plan_done(struct sp_plan *p)
{
	sp_buf_done(&p->fts);
	sp_buf_done(&p->where);
	for (size_t i = 0; i < p->nmatch; i++)
		free(p->match[i]);
	free(p->match);
	*p = (struct sp_plan){ 0 };
}
