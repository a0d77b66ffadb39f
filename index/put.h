/* Documents into the tables of a shard. */
#ifndef SP_INDEX_PUT_H
#define SP_INDEX_PUT_H

#include "base/attr.h"
#include "base/err.h"
#include "index/doc.h"
#include "index/shard.h"

/* Store ${d} and what earlier entries it belongs to; the shard is within sp_shard_begin .. commit.  After an error
 * the transaction must be rolled back. */
SP_CHECK enum sp_code sp_put_doc(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found, struct sp_err *err);

/* A small table of addresses seen lately, so that most need no query. */
struct sp_known;
struct sp_known *sp_known_new(void);
void sp_known_clear(struct sp_known *k); /* after a rollback; NULL is fine */
void sp_known_free(struct sp_known *k); /* NULL is fine */

#endif
