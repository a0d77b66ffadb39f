/*
 * Leaves that columns of the table "messages" answer: size, dates and numbers
 * of entries.  Each becomes a node with a range [lo, hi) or, for "family:",
 * the entry whose copies search.c looks up.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/config/config.h"
#include "base/record.h"
#include "base/time_text.h"
#include "index/query/query_leaf_priv.h"

/* ---- size ------------------------------------------------------------- */

/* Bytes such as 200K or 10M. */
static enum sp_code
parse_size(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, int64_t *bytes, struct sp_err *err)
{
	char *text = sp_view_dup(value->text);
	uint64_t n = 0;
	bool ok = !value->prefix && sp_config_size(text, &n) && n <= SP_SEQ_MAX;

	free(text);
	if (!ok)
		return (sp_query_error(err, q->query, value->at,
		    "expected a size such as 200K or 10M after \"%s:\"",
		    f->name));
	*bytes = (int64_t)n;
	return (SP_OK);
}

enum sp_code
sp_query_leaf_larger(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, struct sp_query_node **out,
    struct sp_err *err)
{
	int64_t bytes = 0;
	enum sp_code rc = parse_size(q, f, value, &bytes, err);

	if (rc != SP_OK)
		return (rc);
	*out = sp_query_node_new(SP_NODE_SIZE);
	(*out)->lo = bytes + 1;
	return (SP_OK);
}

enum sp_code
sp_query_leaf_smaller(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, struct sp_query_node **out,
    struct sp_err *err)
{
	int64_t bytes = 0;
	enum sp_code rc = parse_size(q, f, value, &bytes, err);

	if (rc != SP_OK)
		return (rc);
	*out = sp_query_node_new(SP_NODE_SIZE);
	(*out)->hi = bytes;
	return (SP_OK);
}

/* ---- entries ---------------------------------------------------------- */

/* Split A..B; without "..", both are all of it. */
static bool
split_range(struct sp_view v, struct sp_view *a, struct sp_view *b)
{
	for (size_t i = 0; i + 1 < v.n; i++)
		if (v.p[i] == '.' && v.p[i + 1] == '.') {
			*a = (struct sp_view){ v.p, i };
			*b = (struct sp_view){ v.p + i + 2, v.n - i - 2 };
			return (true);
		}
	*a = *b = v;
	return (false);
}

/* N, N..M, N.. or ..M; both ends belong to the range. */
enum sp_code
sp_query_leaf_seq(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, struct sp_query_node **out,
    struct sp_err *err)
{
	struct sp_view a, b;
	uint64_t first = 0, last = SP_SEQ_MAX;
	struct sp_query_node *n;
	bool range = split_range(value->text, &a, &b), ok = !value->prefix;

	(void)f;
	if (a.n > 0 || !range)
		ok = ok && sp_view_u64(a, &first) && first <= SP_SEQ_MAX;
	if (b.n > 0 || !range)
		ok = ok && sp_view_u64(b, &last) && last <= SP_SEQ_MAX;
	if (!ok || (range && a.n == 0 && b.n == 0) || last < first)
		return (sp_query_error(err, q->query, value->at,
		    "expected a number, or a range such as 100..200, after \"seq:\""));
	n = sp_query_node_new(SP_NODE_SEQ);
	n->lo = (int64_t)first;
	n->hi = (int64_t)last + 1;
	*out = n;
	return (SP_OK);
}

enum sp_code
sp_query_leaf_family(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, struct sp_query_node **out,
    struct sp_err *err)
{
	uint64_t seq;

	(void)f;
	if (value->prefix || !sp_view_u64(value->text, &seq) ||
	    seq > SP_SEQ_MAX)
		return (sp_query_error(err, q->query, value->at,
		    "expected the number of an entry after \"family:\""));
	*out = sp_query_node_new(SP_NODE_FAMILY);
	(*out)->lo = (int64_t)seq;
	return (SP_OK);
}

/* ---- dates ------------------------------------------------------------ */

/* What one date means, [from, end) in microseconds: all of a year, month or
 * day; an instant has *end == *from.  ${at} is its place in the query. */
static enum sp_code
parse_date(struct sp_query_ctx *q, struct sp_view text, size_t at,
    int64_t *from, int64_t *end, struct sp_err *err)
{
	char *copy = sp_view_dup(text);
	struct sp_err why = { 0 };
	enum sp_code rc =
	    sp_time_parse_human(copy, q->tz, q->now, from, end, &why);

	free(copy);
	if (rc != SP_OK)
		return (sp_query_error(err, q->query, at, "%s", why.msg));
	return (SP_OK);
}

/* An instant without a fraction means its whole second. */
static void
widen_instant(int64_t from, int64_t *end)
{
	if (*end <= from)
		*end = from % SP_SECOND == 0 ? from + SP_SECOND : from + 1;
}

/* Set n->lo and n->hi by DATE, DATE..DATE, DATE.. or ..DATE, both ends
 * included. */
static enum sp_code
parse_date_range(struct sp_query_ctx *q, const struct sp_query_token *value,
    struct sp_query_node *n, struct sp_err *err)
{
	struct sp_view a, b;
	int64_t from, end;
	bool range = split_range(value->text, &a, &b);
	enum sp_code rc = SP_OK;

	if (range && a.n == 0 && b.n == 0)
		return (sp_query_error(err, q->query, value->at,
		    "expected a date on one side of \"..\" at least"));
	if (a.n > 0 || !range) {
		rc = parse_date(q, a, value->at, &from, &end, err);
		if (rc != SP_OK)
			return (rc);
		n->lo = from;
		if (!range) {
			widen_instant(from, &end);
			n->hi = end;
		}
	}
	if (range && b.n > 0) {
		size_t at = (size_t)(b.p - q->query.p);

		rc = parse_date(q, b, at, &from, &end, err);
		if (rc == SP_OK && end < n->lo)
			rc = sp_query_error(err, q->query, at,
			    "this is before the beginning of the range");
		if (rc == SP_OK)
			n->hi = end;
	}
	return (rc);
}

static enum sp_code
no_prefix(struct sp_query_ctx *q, const struct sp_query_token *value,
    struct sp_err *err)
{
	if (!value->prefix)
		return (SP_OK);
	return (sp_query_error(
	    err, q->query, value->at, "expected a date without a '*'"));
}

/* A leaf of ${kind} with the range that ${value} means. */
static enum sp_code
date_range_leaf(struct sp_query_ctx *q, const struct sp_query_token *value,
    enum sp_query_node_kind kind, struct sp_query_node **out,
    struct sp_err *err)
{
	struct sp_query_node *n = sp_query_node_new(kind);
	enum sp_code rc = no_prefix(q, value, err);

	if (rc == SP_OK)
		rc = parse_date_range(q, value, n, err);
	if (rc != SP_OK) {
		sp_query_node_free(n);
		return (rc);
	}
	*out = n;
	return (SP_OK);
}

enum sp_code
sp_query_leaf_date(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, struct sp_query_node **out,
    struct sp_err *err)
{
	(void)f;
	return (date_range_leaf(q, value, SP_NODE_DATE, out, err));
}

enum sp_code
sp_query_leaf_received(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, struct sp_query_node **out,
    struct sp_err *err)
{
	(void)f;
	return (date_range_leaf(q, value, SP_NODE_RECEIVED, out, err));
}

/* Where the one date ${value} begins. */
static enum sp_code
parse_begin(struct sp_query_ctx *q, const struct sp_query_token *value,
    int64_t *from, struct sp_err *err)
{
	enum sp_code rc = no_prefix(q, value, err);
	int64_t end;

	if (rc == SP_OK)
		rc = parse_date(q, value->text, value->at, from, &end, err);
	return (rc);
}

enum sp_code
sp_query_leaf_after(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, struct sp_query_node **out,
    struct sp_err *err)
{
	int64_t from;
	enum sp_code rc = parse_begin(q, value, &from, err);

	(void)f;
	if (rc != SP_OK)
		return (rc);
	*out = sp_query_node_new(SP_NODE_DATE);
	(*out)->lo = from;
	return (SP_OK);
}

enum sp_code
sp_query_leaf_before(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, struct sp_query_node **out,
    struct sp_err *err)
{
	int64_t from;
	enum sp_code rc = parse_begin(q, value, &from, err);

	(void)f;
	if (rc != SP_OK)
		return (rc);
	*out = sp_query_node_new(SP_NODE_DATE);
	(*out)->hi = from;
	return (SP_OK);
}
