/* Private to index*.c. */
#ifndef SP_INDEX_INDEX_PRIV_H
#define SP_INDEX_INDEX_PRIV_H

#include "base/line.h"
#include "index/careful.h"
#include "index/index.h"
#include "index/links.h"
#include "index/pipe.h"
#include "index/shard.h"
#include "journal/log/reader.h"

#define SP_INDEX_DROPS_MAX 16u /* damaged shards in one update, at most */

struct sp_index {
	char *dir;
	char origin[SP_ORIGIN_MAX + 1];
	int lock;
	struct sp_reader *reader;
	struct sp_index_report rep;
	uint64_t batch, max_text;
	struct sp_shard_info *shards; /* ascending */
	size_t nshards;
	uint64_t cursor; /* first entry that no shard covers */
	struct sp_shard *writer; /* open, or NULL */
	struct sp_links *links; /* open, or NULL */
	struct sp_careful *careful;
	unsigned drops; /* in this update */
};

void sp_index_say(struct sp_index *ix, const char *what, const char *fmt, ...)
    SP_PRINTF(3, 4);
/* What the log has at ${seq}.  SP_ENOTFOUND if it is shorter. */
SP_CHECK enum sp_code sp_index_leaf(struct sp_index *ix, uint64_t seq,
    uint8_t leaf[SP_SHA256_LEN], struct sp_err *err);
/* The line of an erased entry, from the tree. */
SP_CHECK enum sp_code sp_index_line(void *ctx, uint64_t seq,
    struct sp_line *line, uint8_t leaf[SP_SHA256_LEN], struct sp_err *err);
/* Find the shards, drop those that cannot be used, set the cursor. */
SP_CHECK enum sp_code sp_index_scan(struct sp_index *ix, struct sp_err *err);
/* The cursor that the shards give. */
uint64_t sp_index_covered(const struct sp_shard_info *v, size_t n);
/* Index into ix->shards, or -1. */
int sp_index_find(const struct sp_index *ix, int key);
/* Remember what a shard covers now. */
void sp_index_note(struct sp_index *ix, const struct sp_shard_info *info);
/* Remove a shard and say so; it must not be the open writer. */
SP_CHECK enum sp_code sp_index_remove(struct sp_index *ix, int key,
    const char *what, const char *why, struct sp_err *err);

/* Open the links, and make them cover what the shards cover. */
SP_CHECK enum sp_code sp_index_links(struct sp_index *ix, struct sp_err *err);
/* They failed as only damage fails: they are made again. */
SP_CHECK enum sp_code sp_index_links_bad(
    struct sp_index *ix, const char *why, struct sp_err *err);

#endif
