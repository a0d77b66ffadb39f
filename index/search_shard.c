/*
 * A plan against one shard: the statement is put together from the plan's
 * pieces, its bounds are made bounds of seq, and matches are collected or
 * counted.  Called by search.c for every shard.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "index/db.h"
#include "index/schema/column.h"
#include "index/search_priv.h"

#define SQL_MAX ((size_t)2 << 20)

/* Parameters of the statement that a plan gives. */
enum plan_param {
	P_FTS = 1, /* the FTS5 expression */
	P_LO, /* bounds of seq */
	P_HI,
	P_LIMIT
	/* SP_PLAN_FIRST_MATCH ...: the expressions inside the condition */
};

/* How well a match fits, larger is better; the weights stand in column.h. */
#define RANK "-bm25(fulltext" SP_COLUMN_SQL_WEIGHTS ")"

#define NO_KEY (-1e300) /* of a message without a date: behind all others */

void
sp_founds_add(struct sp_founds *f, struct sp_found one)
{
	if (f->n == f->room) {
		f->room = f->room == 0 ? 64 : f->room * 2;
		f->v = sp_xrealloc(f->v, f->room * sizeof(*f->v));
	}
	f->v[f->n++] = one;
}

/* First seq in [lo, hi] whose message was received at or after ${us}; found by
 * bisection, since seqs and times rise together. */
static int
seq_at(struct sp_shard *s, int64_t us, uint64_t lo, uint64_t hi, uint64_t *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(&s->db,
	    "SELECT seq, received FROM messages WHERE seq >= ? ORDER BY seq LIMIT 1",
	    false, &st);

	while (rc == SQLITE_OK && lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		(void)sp_db_bind_u64(st, 1, mid);
		rc = sqlite3_step(st);
		if (rc == SQLITE_DONE ||
		    (rc == SQLITE_ROW && sqlite3_column_int64(st, 1) >= us))
			hi = mid;
		else if (rc == SQLITE_ROW)
			lo = sp_db_u64(st, 0) + 1;
		if (rc == SQLITE_DONE || rc == SQLITE_ROW)
			rc = SQLITE_OK;
		(void)sqlite3_reset(st);
	}
	(void)sqlite3_finalize(st);
	*out = lo;
	return (rc);
}

/* Bounds of time become bounds of seq, so that the statement needs no condition
 * on the time. */
enum sp_code
sp_shard_bounds(struct sp_shard *s, const struct sp_plan *p, uint64_t *lo,
    uint64_t *hi, struct sp_err *err)
{
	int rc = SQLITE_OK;

	*lo = p->lo > s->info.first ? p->lo : s->info.first;
	*hi = p->hi < s->info.next ? p->hi : s->info.next;
	/* A shard holds nothing received after its month.  Nothing before it
	 * either, except where the clock went back: so only the first can be
	 * told without looking. */
	if (p->since != INT64_MIN && *lo < *hi &&
	    sp_shard_key(p->since) > s->info.key)
		*hi = *lo;
	if (p->since != INT64_MIN && *lo < *hi)
		rc = seq_at(s, p->since, *lo, *hi, lo);
	if (rc == SQLITE_OK && p->until != INT64_MAX && *lo < *hi)
		rc = seq_at(s, p->until, *lo, *hi, hi);
	if (*hi < *lo)
		*hi = *lo;
	return (rc == SQLITE_OK ? SP_OK : sp_db_error(&s->db, rc, err));
}

/* Append FROM ... WHERE ... of a plan.  The table messages is joined only where
 * it is needed: for ${row}, for a condition, or without full text. */
static enum sp_code
from_where(const struct sp_plan *p, bool row, struct sp_buf *sql)
{
	bool text = p->fts.n > 0;
	const char *seq = text ? "fulltext.rowid" : "m.seq";
	enum sp_code rc;

	row = row || p->where.n > 0 || !text;
	rc = sp_buf_addf(sql, " FROM %s%s%s WHERE %s%s >= ?2 AND %s < ?3",
	    text ? "fulltext" : "", text && row ? " CROSS JOIN " : "",
	    !row   ? ""
	    : text ? "messages m ON m.seq = fulltext.rowid"
		   : "messages m",
	    text ? "fulltext MATCH ?1 AND " : "", seq, seq);
	if (rc == SP_OK && p->where.n > 0)
		rc = sp_buf_adds(sql, " AND ");
	if (rc == SP_OK)
		rc = sp_buf_addv(sql, sp_buf_view(&p->where));
	return (rc);
}

/* Prepare the statement and bind all but P_LIMIT; an SQLite code. */
static int
prepare(struct sp_shard *s, const struct sp_plan *p, struct sp_buf *sql,
    uint64_t lo, uint64_t hi, sqlite3_stmt **st)
{
	const char *text = sp_buf_cstr(sql);
	int rc = text == NULL ? SQLITE_TOOBIG
			      : sp_db_prepare(&s->db, text, false, st);

	if (rc != SQLITE_OK)
		return (rc);
	if (p->fts.n > 0)
		(void)sp_db_bind_view(*st, P_FTS, sp_buf_view(&p->fts));
	(void)sp_db_bind_u64(*st, P_LO, lo);
	(void)sp_db_bind_u64(*st, P_HI, hi);
	for (size_t i = 0; i < p->nmatch; i++)
		(void)sp_db_bind_view(*st, (int)i + SP_PLAN_FIRST_MATCH,
		    sp_view_str(p->match[i]));
	return (SQLITE_OK);
}

/* Append the statement that finds matches: seq and sort key, in order. */
static enum sp_code
select_sql(const struct sp_ask *a, struct sp_buf *sql)
{
	bool text = a->plan->fts.n > 0;
	const char *seq = text ? "fulltext.rowid" : "m.seq";
	enum sp_sort sort = a->sort;
	enum sp_code rc;

	if (sort == SP_SORT_RELEVANCE && !text)
		sort = SP_SORT_RECEIVED;
	rc = sp_buf_addf(sql, "SELECT %s, %s", seq,
	    sort == SP_SORT_DATE	? "m.date"
	    : sort == SP_SORT_RELEVANCE ? RANK
					: "0");
	if (rc == SP_OK)
		rc = from_where(a->plan, sort == SP_SORT_DATE, sql);
	if (rc != SP_OK)
		return (rc);
	if (sort == SP_SORT_RECEIVED)
		return (sp_buf_addf(sql, " ORDER BY %s%s LIMIT ?4", seq,
		    a->oldest_first ? "" : " DESC"));
	return (sp_buf_addf(sql, " ORDER BY 2 DESC, %s DESC LIMIT ?4", seq));
}

/* The error for a statement that SQLite does not take. */
static enum sp_code
too_large(struct sp_err *err)
{
	return (sp_err_set(
	    err, SP_EUSAGE, 0, "query: too large; search for less at once"));
}

/* A message without the key is sorted behind all others. */
enum sp_code
sp_shard_find(struct sp_shard *s, size_t number, const struct sp_ask *a,
    uint64_t lo, uint64_t hi, struct sp_founds *out, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	struct sp_buf sql;
	int rc = SQLITE_TOOBIG;

	sp_buf_init(&sql, SQL_MAX);
	if (select_sql(a, &sql) == SP_OK)
		rc = prepare(s, a->plan, &sql, lo, hi, &st);
	sp_buf_done(&sql);
	if (rc == SQLITE_TOOBIG)
		return (too_large(err));
	if (rc == SQLITE_OK) {
		(void)sqlite3_bind_int64(
		    st, P_LIMIT, a->limit == 0 ? -1 : (sqlite3_int64)a->limit);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			bool none = sqlite3_column_type(st, 1) == SQLITE_NULL;

			sp_founds_add(
			    out, (struct sp_found){ .seq = sp_db_u64(st, 0),
				     .key = none ? NO_KEY
						 : sqlite3_column_double(st, 1),
				     .shard = number });
		}
	}
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_DONE ? SP_OK : sp_db_error(&s->db, rc, err));
}

/* A shard knows how many messages it has: without any condition nothing is
 * read. */
enum sp_code
sp_shard_count(struct sp_shard *s, const struct sp_plan *p, uint64_t lo,
    uint64_t hi, uint64_t *n, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	struct sp_buf sql;
	int rc = SQLITE_TOOBIG;

	if (p->fts.n == 0 && p->where.n == 0 && lo == s->info.first &&
	    hi == s->info.next) {
		*n = s->info.messages;
		return (SP_OK);
	}
	sp_buf_init(&sql, SQL_MAX);
	if (sp_buf_adds(&sql, "SELECT count(*)") == SP_OK &&
	    from_where(p, false, &sql) == SP_OK)
		rc = prepare(s, p, &sql, lo, hi, &st);
	sp_buf_done(&sql);
	if (rc == SQLITE_TOOBIG)
		return (too_large(err));
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*n = sp_db_u64(st, 0);
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_ROW ? SP_OK : sp_db_error(&s->db, rc, err));
}
