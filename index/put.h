/*
 * Documents into the tables of a shard: the last step of the indexer.  index.c
 * takes a document from the pipe, asks the links for earlier entries that it
 * repeats, puts it here, and commits the shard now and then.
 */
#ifndef SP_INDEX_PUT_H
#define SP_INDEX_PUT_H

#include "base/attr.h"
#include "base/err.h"
#include "index/doc.h"
#include "index/shard.h"

/*
 * Store ${d} and the links to earlier entries ${found}, between
 * sp_shard_begin() and sp_shard_commit(); of an erased entry nothing is
 * stored.  Errors as sp_db_error(); the transaction must then be rolled back.
 */
SP_CHECK enum sp_code sp_put_doc(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found, struct sp_err *err);

/* Take the rows and words of a message out again: ${d} and ${found} are what
 * was put. */
SP_CHECK enum sp_code sp_put_remove(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found, struct sp_err *err);
/* Put a message in the place of one that was taken out; it is not counted once
 * more. */
SP_CHECK enum sp_code sp_put_again(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found, struct sp_err *err);
#endif
