/*
 * One message of a shard as a search shows it: a JSON object and texts for a
 * table.  search.c opens a reader for each shard that has hits.
 */
#ifndef SP_INDEX_ROW_H
#define SP_INDEX_ROW_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "index/search.h"
#include "index/shard.h"

struct sp_row;

/* A reader of ${s}, which stays open as long; *out is for sp_row_close().
 * Errors as of sp_db_error(). */
SP_CHECK enum sp_code sp_row_open(
    struct sp_shard *s, struct sp_row **out, struct sp_err *err);
/* Fill ${hit}; its texts are the reader's until the next call.  SP_EFORMAT if
 * the message has no row, SP_ELIMIT if it is too large to be shown. */
SP_CHECK enum sp_code sp_row_get(
    struct sp_row *r, uint64_t seq, struct sp_hit *hit, struct sp_err *err);
void sp_row_close(struct sp_row *r); /* NULL is fine */

#endif
