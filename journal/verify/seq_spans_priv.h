/*
 * Sets of sequence numbers, kept as runs: the entries whose messages a purge
 * event names, those whose message or record is not there.  Memory grows with
 * the number of separate runs, not of entries.
 */
#ifndef SP_VERIFY_SEQ_SPANS_PRIV_H
#define SP_VERIFY_SEQ_SPANS_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define SP_SEQ_SPANS_MAX (1u << 20) /* runs in a set, at most */

struct sp_seq_span {
	uint64_t first, end; /* [first, end) */
};

/* A zeroed set is an empty one. */
struct sp_seq_spans {
	struct sp_seq_span *s; /* owned */
	size_t n, cap;
};

/*
 * Add [first, end), in any order; what begins where the last one added ends is
 * joined with it.  SP_ELIMIT beyond SP_SEQ_SPANS_MAX runs.
 */
SP_CHECK enum sp_code sp_spans_add(
    struct sp_seq_spans *s, uint64_t first, uint64_t end, struct sp_err *err);

/* Sort by seq and join what touches or overlaps. */
void sp_spans_sort(struct sp_seq_spans *s);

/* Whether ${seq} is in the set, which must be sorted. */
bool sp_spans_has(const struct sp_seq_spans *s, uint64_t seq);

/* How many sequence numbers are in the set, which must have no overlaps. */
uint64_t sp_seq_spans_count(const struct sp_seq_spans *s);

/* Free the runs; ${s} is empty then. */
void sp_spans_done(struct sp_seq_spans *s);

#endif
