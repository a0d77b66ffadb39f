/*
 * A search (search.h) asks shard by shard, newest first, and stops reading rows
 * when the page is full; what is left is only counted.  Within a shard first
 * the seqs are collected, then the rows read: no statement is open while the
 * caller works, so a slow caller holds nothing of the index.
 *
 *   query --sp_query_parse--> tree --sp_plan_make--> plan
 *   plan  --search_by_receipt or search_by_key--> matches --emit--> hits
 */
#include "index/search.h"

#include <stdlib.h>

#include "base/clock.h"
#include "index/family.h"
#include "index/query/query.h"
#include "index/row.h"
#include "index/search_priv.h"

struct search_run {
	const struct sp_search_opts *o;
	struct sp_plan plan;
	struct sp_shards shards;
	struct sp_row *row; /* reads rows of shard ${row_of}; or NULL */
	size_t row_of;
	enum sp_code (*hit)(void *, const struct sp_hit *, struct sp_err *);
	void *ctx;
	struct sp_search_result result;
};

/* Call the caller back with one match, with its row where it wants that. */
static enum sp_code
emit(struct search_run *s, const struct sp_found *f, struct sp_err *err)
{
	struct sp_hit hit = { .seq = f->seq };
	enum sp_code rc = SP_OK;

	if (s->o->with_rows && (s->row == NULL || s->row_of != f->shard)) {
		sp_row_close(s->row);
		s->row = NULL;
		rc = sp_row_open(s->shards.v[f->shard], &s->row, err);
		s->row_of = f->shard;
	}
	if (rc == SP_OK && s->o->with_rows)
		rc = sp_row_get(s->row, f->seq, &hit, err);
	if (rc != SP_OK)
		return (rc);
	s->result.returned++;
	return (s->hit == NULL ? SP_OK : s->hit(s->ctx, &hit, err));
}

/* The same for each of them, in order. */
static enum sp_code
emit_all(struct search_run *s, const struct sp_founds *f, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < f->n; i++)
		rc = emit(s, &f->v[i], err);
	return (rc);
}

/* One shard in order of receipt: find what the page still takes, and count the
 * rest where the total is wanted. */
static enum sp_code
search_shard(struct search_run *s, size_t number, struct sp_err *err)
{
	struct sp_shard *sh = s->shards.v[number];
	bool limited = s->o->limit > 0, full;
	struct sp_ask ask = { .plan = &s->plan,
		.oldest_first = s->o->oldest_first,
		.limit = limited ? s->o->limit - s->result.returned : 0 };
	struct sp_founds found = { 0 };
	uint64_t lo, hi, n = 0;
	enum sp_code rc = sp_shard_bounds(sh, &s->plan, &lo, &hi, err);

	if (rc != SP_OK || lo >= hi)
		return (rc);
	full = s->o->count_only || (limited && ask.limit == 0);
	if (full && s->o->no_total && !s->o->count_only)
		return (SP_OK);
	if (!full)
		rc = sp_shard_find(sh, number, &ask, lo, hi, &found, err);
	n = found.n;
	if (rc == SP_OK &&
	    (full || (limited && n == ask.limit && !s->o->no_total)))
		rc = sp_shard_count(sh, &s->plan, lo, hi, &n, err);
	s->result.total += n;
	if (rc == SP_OK)
		rc = emit_all(s, &found, err);
	free(found.v);
	return (rc);
}

/* All shards in order of receipt, which is the order of their months. */
static enum sp_code
search_by_receipt(struct search_run *s, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	size_t n = s->shards.n;

	for (size_t i = 0; rc == SP_OK && i < n; i++)
		rc = search_shard(s, s->o->oldest_first ? i : n - 1 - i, err);
	return (rc);
}

/* Order of matches: larger keys first, then newer entries. */
static int
larger_first(const void *a, const void *b)
{
	const struct sp_found *x = a, *y = b;

	if (x->key < y->key || x->key > y->key)
		return (x->key > y->key ? -1 : 1);
	return (x->seq > y->seq ? -1 : x->seq < y->seq);
}

/* By date or relevance: the best of every shard, then the best of those. */
static enum sp_code
search_by_key(struct search_run *s, struct sp_err *err)
{
	struct sp_ask ask = {
		.plan = &s->plan, .sort = s->o->sort, .limit = s->o->limit
	};
	struct sp_founds all = { 0 };
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < s->shards.n; i++) {
		size_t before = all.n;
		uint64_t lo, hi, n;

		rc = sp_shard_bounds(s->shards.v[i], &s->plan, &lo, &hi, err);
		if (rc != SP_OK || lo >= hi)
			continue;
		rc = sp_shard_find(s->shards.v[i], i, &ask, lo, hi, &all, err);
		n = all.n - before;
		if (rc == SP_OK && ask.limit > 0 && n == ask.limit &&
		    !s->o->no_total)
			rc = sp_shard_count(
			    s->shards.v[i], &s->plan, lo, hi, &n, err);
		s->result.total += n;
	}
	if (rc == SP_OK && all.n > 0) {
		qsort(all.v, all.n, sizeof(*all.v), larger_first);
		if (ask.limit > 0 && all.n > ask.limit)
			all.n = ask.limit;
		rc = emit_all(s, &all, err);
	}
	free(all.v);
	return (rc);
}

/* Look up which entries each "family:" of the tree means. */
static enum sp_code
resolve_families(const char *dir, struct sp_node *n, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (n == NULL)
		return (SP_OK);
	if (n->kind == SP_NODE_FAMILY)
		return (sp_family_seqs(
		    dir, (uint64_t)n->lo, &n->seqs, &n->nseqs, err));
	for (size_t i = 0; rc == SP_OK && i < n->nkids; i++)
		rc = resolve_families(dir, n->kid[i], err);
	return (rc);
}

/* Narrow the bounds of the plan by the options. */
static void
apply_options(struct sp_plan *p, const struct sp_search_opts *o)
{
	if (o->have_since && o->since > p->since)
		p->since = o->since;
	if (o->have_until && o->until < p->until)
		p->until = o->until;
	if (o->max_seq > 0 && o->max_seq < p->hi)
		p->hi = o->max_seq;
}

/* Counting needs no order, and neither does relevance without words. */
enum sp_code
sp_search(const char *dir, const struct sp_search_opts *o,
    enum sp_code (*hit)(void *ctx, const struct sp_hit *h, struct sp_err *err),
    void *ctx, struct sp_search_result *out, struct sp_err *err)
{
	struct search_run s = { .o = o, .hit = hit, .ctx = ctx };
	struct sp_node *tree = NULL;
	enum sp_code rc;

	rc = sp_query_parse(o->query, o->tz, sp_clock_wall(), &tree, err);
	if (rc != SP_OK)
		return (rc);
	rc = resolve_families(dir, tree, err);
	if (rc == SP_OK)
		rc = sp_plan_make(tree, &s.plan, err);
	sp_node_free(tree);
	if (rc != SP_OK)
		return (rc);
	apply_options(&s.plan, o);
	rc = sp_shards_open(dir, &s.shards, err);
	if (rc == SP_OK) {
		bool receipt =
		    o->sort == SP_SORT_RECEIVED || o->count_only ||
		    (o->sort == SP_SORT_RELEVANCE && s.plan.fts.n == 0);

		s.result.cursor = s.shards.cursor;
		rc = receipt ? search_by_receipt(&s, err)
			     : search_by_key(&s, err);
	}
	if (rc == SP_EEND)
		rc = SP_OK;
	if (rc == SP_OK)
		rc = sp_shards_still(&s.shards, err);
	sp_row_close(s.row);
	sp_shards_close(&s.shards);
	sp_plan_done(&s.plan);
	if (rc == SP_OK)
		*out = s.result;
	return (rc);
}
