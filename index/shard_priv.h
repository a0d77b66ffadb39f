/* Private to shard*.c: connections. */
#ifndef SP_INDEX_SHARD_PRIV_H
#define SP_INDEX_SHARD_PRIV_H

#include "index/shard.h"

struct sp_shard *sp_shard_alloc(const char *dir, int key);
/* Open s->path; ${flags} as for sqlite3_open_v2. */
SP_CHECK enum sp_code sp_shard_connect(
    struct sp_shard *s, int flags, struct sp_err *err);
/* Check the versions, read the row of table shard. */
SP_CHECK enum sp_code sp_shard_read_info(
    struct sp_shard *s, struct sp_err *err);

#endif
