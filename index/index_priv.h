/*
 * Private to index*.c: the indexer's state, and what its files do for each
 * other.  index.c runs over the log, index_scan.c compares shards with the log
 * at the start, index_links.c keeps the links beside the shards.
 */
#ifndef SP_INDEX_INDEX_PRIV_H
#define SP_INDEX_INDEX_PRIV_H

#include "base/line.h"
#include "base/sha256.h"
#include "index/careful.h"
#include "index/index.h"
#include "index/links.h"
#include "index/pipe.h"
#include "index/shard.h"
#include "journal/log/reader.h"

#define SP_INDEX_ACCEPT	   "journal_accept" /* the event's name */
#define SP_INDEX_DROPS_MAX 16u /* damaged shards in one update, at most */

/* Entries [first, last] that an event accepts as journal reports. */
struct sp_index_accept_run {
	uint64_t event, first, last;
	uint8_t leaf[SP_SHA256_LEN]; /* of the event */
};

struct sp_index {
	/* the archive */
	char *dir;
	char origin[SP_ORIGIN_MAX + 1];
	int lock; /* state/index.lock */
	struct sp_reader *reader; /* of the log */
	/* how to work */
	struct sp_index_report rep;
	uint64_t batch; /* entries a commit */
	uint64_t max_text; /* bytes of text of one message */
	struct sp_careful *careful;
	/* what is there */
	struct sp_shard_info *shards; /* ascending by month */
	size_t nshards;
	uint64_t cursor; /* first entry that no shard covers */
	/* by events in shards behind the cursor */
	struct sp_index_accept_run *accepts;
	size_t naccepts;
	struct sp_shard *writer; /* open, or NULL */
	struct sp_links *links; /* open, or NULL */
	unsigned drops; /* damaged shards in this update */
};

/* Report an event to ix->rep. */
void sp_index_emit(struct sp_index *ix, const char *what, const char *fmt, ...)
    SP_PRINTF(3, 4);

/* ---- index_scan.c ---------------------------------------------------- */

/* The leaf hash of entry ${seq} by the log.  SP_ENOTFOUND if it is shorter. */
SP_CHECK enum sp_code sp_index_leaf(struct sp_index *ix, uint64_t seq,
    uint8_t leaf[SP_SHA256_LEN], struct sp_err *err);
/* The entry line and leaf hash of an erased entry, from the tree; ${ctx} is
 * the struct sp_index. */
SP_CHECK enum sp_code sp_index_erased_line(void *ctx, uint64_t seq,
    struct sp_line *line, uint8_t leaf[SP_SHA256_LEN], struct sp_err *err);
/* Find the shards, drop those that cannot be used, set the cursor. */
SP_CHECK enum sp_code sp_index_scan(struct sp_index *ix, struct sp_err *err);
/* The cursor that ${n} shards give: the end of those that follow each other
 * from entry 0 on. */
uint64_t sp_index_covered(const struct sp_shard_info *v, size_t n);
/* The place of a shard in ix->shards, or -1. */
int sp_index_find(const struct sp_index *ix, int key);
/* Write down in ix->shards, and in the cursor, what a shard covers now. */
void sp_index_set_shard(struct sp_index *ix, const struct sp_shard_info *info);
/* Remove a shard, which must not be the open writer.  ${what} (NULL: nothing)
 * is reported with ${why}. */
SP_CHECK enum sp_code sp_index_remove(struct sp_index *ix, int key,
    const char *what, const char *why, struct sp_err *err);

/* ---- index_accept.c -------------------------------------------------- */

/* Whether a document is an event that accepts entries as journal reports. */
bool sp_index_is_accept(const struct sp_doc *d);
/* Read the entries that ${event} accepts again, in their shards and the links;
 * that of the event is open, in a transaction, and so are the links. */
SP_CHECK enum sp_code sp_index_accept(
    struct sp_index *ix, const struct sp_doc *event, struct sp_err *err);
/* Read what the shards behind the cursor accept into ix->accepts. */
SP_CHECK enum sp_code sp_index_load_accepts(
    struct sp_index *ix, struct sp_err *err);
/* Whether ix->accepts has entry ${seq}, and by which event; ${ctx} is the
 * struct sp_index. */
bool sp_index_accepted(void *ctx, uint64_t seq, uint64_t *event);
/* Write down in the open shard by which event ${d} was accepted, if it was. */
SP_CHECK enum sp_code sp_index_note_accepted(
    struct sp_index *ix, const struct sp_doc *d, struct sp_err *err);
/* Write down in ${s} that the event ${event} with this leaf hash accepts
 * ${seq}. */
SP_CHECK enum sp_code sp_index_put_accepted(struct sp_shard *s, uint64_t seq,
    uint64_t event, const uint8_t leaf[SP_SHA256_LEN], struct sp_err *err);
/* Drop shards that rest on an acceptance which the log does not have. */
SP_CHECK enum sp_code sp_index_check_accepts(
    struct sp_index *ix, struct sp_err *err);

/* ---- index_links.c --------------------------------------------------- */

/* Open the links, and make them cover exactly what the shards cover; damaged
 * ones are dropped and made again once. */
SP_CHECK enum sp_code sp_index_sync_links(
    struct sp_index *ix, struct sp_err *err);
/* Report that the links are damaged, by ${why}, and drop them. */
SP_CHECK enum sp_code sp_index_drop_links(
    struct sp_index *ix, const char *why, struct sp_err *err);

#endif
