/* One message of a shard as search gives it: JSON and texts for a table. */
#ifndef SP_INDEX_ROW_H
#define SP_INDEX_ROW_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "index/search.h"
#include "index/shard.h"

struct sp_row;

/* ${s} stays open as long as the row reader. */
SP_CHECK enum sp_code sp_row_open(
    struct sp_shard *s, struct sp_row **out, struct sp_err *err);
/* Fill ${hit}; its texts are the reader's until the next call. */
SP_CHECK enum sp_code sp_row_get(
    struct sp_row *r, uint64_t seq, struct sp_hit *hit, struct sp_err *err);
void sp_row_close(struct sp_row *r); /* NULL is fine */

#endif
