/*
 * A shard: the SQLite database of one month of receipt, index/YYYY-MM.sqlite
 * (doc/format-index.md).  It covers the entries [first, next) of the log, and
 * remembers the leaf hash of the last of them, all in the transaction that put
 * their rows.  The indexer (index.c) writes shards, searches read them.
 *
 *   absent -> create -> WRITABLE -> begin .. put .. commit -> close
 *                          any error: rollback, abandon, open again
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
#include "index/db.h"

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

/* The statements of a writer. */
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

struct sp_known; /* known.h */
struct sp_traffic; /* traffic.h */

struct sp_shard {
	struct sp_db db;
	struct sp_shard_info info;
	/* of a writer */
	bool writable;
	bool
	    marked; /* info.opened of the file says that a writer has it open */
	uint64_t added; /* messages put since the last commit */
	sqlite3_stmt *st[SP_ST_COUNT];
	struct sp_known *known; /* ids of addresses and evidence lately used */
	struct sp_traffic *traffic; /* counted since the last commit */
	struct sp_buf flags, meta; /* of the message being put (put.c) */
};

/* ---- files ----------------------------------------------------------- */

/* The key of the month (UTC) of an instant in microseconds since 1970. */
int sp_shard_key(int64_t received);
/* "YYYY-MM.sqlite". */
void sp_shard_name(int key, char out[SP_SHARD_NAME]);
/* DIR/index/YYYY-MM.sqlite, malloc'ed. */
char *sp_shard_path(const char *dir, int key);
/* The keys of the shards in the archive ${dir}, ascending; free with free(). */
SP_CHECK enum sp_code sp_shard_list(
    const char *dir, int **keys, size_t *n, struct sp_err *err);
/* Remove the files of a shard that is not open here. */
SP_CHECK enum sp_code sp_shard_drop(
    const char *dir, int key, struct sp_err *err);

/* ---- connections (shard_open.c) -------------------------------------- */

/* Open to read; *out is for sp_shard_close().  SP_EFORMAT: damaged.
 * SP_EVERSION: made by another version of the schema or tokenizer.
 * SP_ENOTFOUND: an unfinished file, or none.  Else as sp_db_error(). */
SP_CHECK enum sp_code sp_shard_open(
    const char *dir, int key, struct sp_shard **out, struct sp_err *err);
/* Open to write what sp_shard_open() would open.  The caller holds
 * state/index.lock, here and below. */
SP_CHECK enum sp_code sp_shard_open_write(
    const char *dir, int key, struct sp_shard **out, struct sp_err *err);
/* Make a shard whose first entry is ${first}, and open it to write. */
SP_CHECK enum sp_code sp_shard_create(const char *dir, int key,
    const char *origin, uint64_t first, struct sp_shard **out,
    struct sp_err *err);
/* Look at every page and at the full text: slow.  SP_EFORMAT if damaged. */
SP_CHECK enum sp_code sp_shard_check(struct sp_shard *s, struct sp_err *err);
/* Whether the last writer ended without closing the shard in another run of
 * the system, so that a loss of power may have damaged it. */
bool sp_shard_suspect(const struct sp_shard_info *i);
/* Close; a writer checkpoints, and marks the shard as closed.  NULL is fine. */
void sp_shard_close(struct sp_shard *s);
/* Close without a mark, after an error.  NULL is fine. */
void sp_shard_abandon(struct sp_shard *s);

/* ---- writing --------------------------------------------------------- */

/* Begin the transaction in which sp_put_doc() puts rows. */
SP_CHECK enum sp_code sp_shard_begin(struct sp_shard *s, struct sp_err *err);
/* Commit the rows with the cursor: ${next}, and the leaf hash of the entry
 * before it.  After an error the transaction is rolled back. */
SP_CHECK enum sp_code sp_shard_commit(struct sp_shard *s, uint64_t next,
    const uint8_t leaf[SP_SHA256_LEN], struct sp_err *err);
/* Undo what was put since sp_shard_begin(). */
void sp_shard_rollback(struct sp_shard *s);

#endif
