/*
 * A shard: the SQLite database of one month of receipt, index/YYYY-MM.sqlite.
 * It covers the entries [first, next) of the log, and remembers the leaf hash
 * of the last of them, all in the transaction that put their rows.
 *
 *   absent -> create -> WRITABLE -> begin .. put .. commit -> close
 *                          any error: rollback, close, open again
 */
#ifndef SP_INDEX_SHARD_H
#define SP_INDEX_SHARD_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/layout.h"
#include "base/sha256.h"

#define SP_SHARD_NAME 24

/* What a shard says of itself. */
struct sp_shard_info {
	int key; /* year * 12 + month - 1 */
	uint64_t first, next;
	uint8_t leaf[SP_SHA256_LEN]; /* of entry next - 1; zeros if none */
	uint64_t messages; /* rows of messages */
	char origin[SP_ORIGIN_MAX + 1];
	char opened[64]; /* boot id of a writer that did not close it, or "" */
};

enum sp_shard_stmt {
	SP_ST_MESSAGE,
	SP_ST_TEXT,
	SP_ST_PARTY,
	SP_ST_ADDRESS_FIND,
	SP_ST_ADDRESS_ADD,
	SP_ST_SOURCE_FIND,
	SP_ST_SOURCE_ADD,
	SP_ST_EVIDENCE_FIND,
	SP_ST_EVIDENCE_ADD,
	SP_ST_CLAIM,
	SP_ST_ATTACHMENT,
	SP_ST_EVENT,
	SP_ST_EVENT_SEQ,
	SP_ST_CURSOR,
	SP_ST_TRAFFIC,
	SP_ST_COUNT
};

struct sp_known; /* addresses seen lately (put.c) */
struct sp_traffic; /* counted since the last commit (traffic.c) */

struct sp_shard {
	sqlite3 *db;
	char *path;
	bool immutable; /* read without locks: nobody can write it, we hope */
	bool writable, in_txn, marked;
	struct sp_shard_info info;
	uint64_t added; /* messages put since the last commit */
	sqlite3_stmt *st[SP_ST_COUNT];
	struct sp_known *known;
	struct sp_traffic *traffic;
	struct {
		const char *header;
		sqlite3_int64 id;
	} evidence[32]; /* seen lately (put.c) */
	size_t nevidence;
	struct sp_buf flags, meta; /* of the message being put (put.c) */
};

int sp_shard_key(int64_t received); /* of an instant */
void sp_shard_name(int key, char out[SP_SHARD_NAME]);
/* DIR/index/YYYY-MM.sqlite, malloc'ed. */
char *sp_shard_path(const char *dir, int key);
/* The keys of the shards in ${dir}, ascending; free with free(). */
SP_CHECK enum sp_code sp_shard_list(
    const char *dir, int **keys, size_t *n, struct sp_err *err);

/* Open to read.  SP_EFORMAT: damaged.  SP_EVERSION: made by another version
 * of the schema or tokenizer.  SP_ENOTFOUND: an unfinished file. */
SP_CHECK enum sp_code sp_shard_open(
    const char *dir, int key, struct sp_shard **out, struct sp_err *err);
/* Open to write, what sp_shard_open would open. */
SP_CHECK enum sp_code sp_shard_open_write(
    const char *dir, int key, struct sp_shard **out, struct sp_err *err);
/* Make a shard whose first entry is ${first}. */
SP_CHECK enum sp_code sp_shard_create(const char *dir, int key,
    const char *origin, uint64_t first, struct sp_shard **out,
    struct sp_err *err);
/* Look at every page and at the full text: slow.  SP_EFORMAT if damaged. */
SP_CHECK enum sp_code sp_shard_check(struct sp_shard *s, struct sp_err *err);
/* Whether a writer ended without closing it in another run of the system. */
bool sp_shard_suspect(const struct sp_shard_info *i);

SP_CHECK enum sp_code sp_shard_begin(struct sp_shard *s, struct sp_err *err);
/* Commit the rows with the cursor: ${next}, and the leaf hash before it. */
SP_CHECK enum sp_code sp_shard_commit(struct sp_shard *s, uint64_t next,
    const uint8_t leaf[SP_SHA256_LEN], struct sp_err *err);
void sp_shard_rollback(struct sp_shard *s);
/* Close; a writer checkpoints, and marks the shard as closed.  NULL is fine. */
void sp_shard_close(struct sp_shard *s);
/* Close without a mark, after an error. */
void sp_shard_abandon(struct sp_shard *s);
/* Remove the files of a shard that is not open here. */
SP_CHECK enum sp_code sp_shard_drop(
    const char *dir, int key, struct sp_err *err);

#endif
