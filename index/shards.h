/*
 * All shards of an archive that can be read, opened at once: for a search, a
 * family, or the question how far the index reaches.  Readers take no lock of
 * ours; a shard that is missing, damaged or of another version is left out, as
 * the indexer makes it again.
 */
#ifndef SP_INDEX_SHARDS_H
#define SP_INDEX_SHARDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "index/shard.h"

struct sp_shards {
	struct sp_shard **v; /* ascending by month */
	size_t n;
	uint64_t cursor; /* they cover the entries [0, cursor) without a gap */
};

/* Open the shards of the archive ${dir}; *out is for sp_shards_close().
 * Errors are those of the archive's FORMAT file, and of a shard as of
 * sp_shard_open() where it may be read later. */
SP_CHECK enum sp_code sp_shards_open(
    const char *dir, struct sp_shards *out, struct sp_err *err);
/* Called when all is read: SP_EAGAIN if a shard that was read without locks
 * was written meanwhile, so that what was read may be wrong. */
SP_CHECK enum sp_code sp_shards_still(
    const struct sp_shards *s, struct sp_err *err);
void sp_shards_close(struct sp_shards *s);

#endif
