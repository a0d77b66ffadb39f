/*
 * Sets of sequence numbers as an array of runs; seq_spans_priv.h has the
 * contract.  Filled during a verification, sorted once, then only asked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "journal/verify/seq_spans_priv.h"

enum sp_code
sp_spans_add(
    struct sp_seq_spans *s, uint64_t first, uint64_t end, struct sp_err *err)
{
	if (s->n > 0 && s->s[s->n - 1].end == first) {
		s->s[s->n - 1].end = end;
		return (SP_OK);
	}
	if (s->n == SP_SEQ_SPANS_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "more than %u separate runs of entries", SP_SEQ_SPANS_MAX));
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 16 : s->cap * 2;
		s->s = sp_xrealloc(s->s, s->cap * sizeof(*s->s));
	}
	s->s[s->n++] = (struct sp_seq_span){ first, end };
	return (SP_OK);
}

static int
by_first(const void *a, const void *b)
{
	const struct sp_seq_span *x = a, *y = b;

	return ((x->first > y->first) - (x->first < y->first));
}

void
sp_spans_sort(struct sp_seq_spans *s)
{
	size_t n = 0;

	if (s->n < 2)
		return;
	qsort(s->s, s->n, sizeof(*s->s), by_first);
	for (size_t i = 1; i < s->n; i++) {
		if (s->s[i].first > s->s[n].end)
			s->s[++n] = s->s[i];
		else if (s->s[i].end > s->s[n].end)
			s->s[n].end = s->s[i].end;
	}
	s->n = n + 1;
}

bool
sp_spans_has(const struct sp_seq_spans *s, uint64_t seq)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->s[mid].end <= seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo < s->n && s->s[lo].first <= seq);
}

uint64_t
sp_seq_spans_count(const struct sp_seq_spans *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->s[i].end - s->s[i].first;
	return (n);
}

void
sp_spans_done(struct sp_seq_spans *s)
{
	free(s->s);
	memset(s, 0, sizeof(*s));
}
