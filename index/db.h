/*
 * An SQLite database of the index, from opening to closing: shard.c has one
 * for each month, links.c one for the links between entries.  Both files live
 * the same life, so that what is promised about it stands here once:
 *
 *   absent -> sp_db_create_file -> sp_db_open_write -> sp_db_set_pragmas
 *          -> sp_db_begin .. sp_db_commit, or sp_db_rollback -> sp_db_close
 *   there  -> sp_db_open_read -> statements -> sp_db_close
 *
 * Functions that return int return an SQLite result code, for sp_db_error();
 * a connection serves one thread at a time.
 */
#ifndef SP_INDEX_DB_H
#define SP_INDEX_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_db { /* embed; {0} is a database that is not open */
	sqlite3 *handle;
	char *path; /* owned */
	bool immutable; /* read without locks: believed that nobody writes */
	bool in_txn;
};

/* ---- errors ---------------------------------------------------------- */

/*
 * What SQLite's ${rc} means to us; the message names the file.
 * SP_EFORMAT: the file is damaged (drop it, index again).  SP_EIO, SP_ENOSPC,
 * SP_EAGAIN (locked), SP_EPERM: try again later.  SP_EINTERRUPT, SP_ELIMIT
 * (memory).
 */
enum sp_code sp_db_error(const struct sp_db *db, int rc, struct sp_err *err);

/* ---- opening and closing --------------------------------------------- */

/* Make an empty file ${path} (and DIR/index) that the archive's group may
 * read, before SQLite would make its own.  SP_EEXISTS if it is there. */
SP_CHECK enum sp_code sp_db_create_file(
    const char *dir, const char *path, struct sp_err *err);
/* Open db->path, which must be there, to read and write. */
SP_CHECK enum sp_code sp_db_open_write(struct sp_db *db, struct sp_err *err);
/*
 * Open db->path to read, then call ${check} on it.  A reader that may not
 * write in the folder relies on the -wal and -shm files that the writer leaves
 * behind.  Where the file cannot be used with them, and there is no -wal (a
 * copy, a read-only medium), it is opened again as immutable and checked again.
 */
SP_CHECK enum sp_code sp_db_open_read(struct sp_db *db,
    enum sp_code (*check)(void *ctx, struct sp_err *err), void *ctx,
    struct sp_err *err);
/* How a writer works: ${own} pragmas of this kind of file, then those of all:
 * a write-ahead log, synced at checkpoints only (the index can be made again),
 * 32 MiB of cache. */
int sp_db_set_pragmas(struct sp_db *db, const char *own);
/* Leave -wal and -shm in place when the last connection closes: a reader that
 * may not write in the folder needs them. */
void sp_db_keep_wal(struct sp_db *db);
/* Close, undoing an open transaction; its statements must be finalized. */
void sp_db_close(struct sp_db *db);
/* Remove the file ${path}, which is not open here, with -wal, -shm and
 * -journal.  Missing files are fine. */
SP_CHECK enum sp_code sp_db_drop(const char *path, struct sp_err *err);

/* Numbers in the head of a file that say what it is: PRAGMA user_version and
 * application_id.  Both are 0 in a file whose making was interrupted. */
int sp_db_read_stamp(struct sp_db *db, int *version, int *appid);
int sp_db_write_stamp(struct sp_db *db, int version, int appid);

/* ---- transactions ---------------------------------------------------- */

/* Begin to write, unless a transaction is open. */
int sp_db_begin(struct sp_db *db);
/* Commit; after an error the transaction is still open. */
int sp_db_commit(struct sp_db *db);
/* Undo the open transaction, if there is one. */
void sp_db_rollback(struct sp_db *db);

/* ---- statements ------------------------------------------------------ */

/* Run statements that give no rows. */
int sp_db_exec(struct sp_db *db, const char *sql);
/* Prepare; ${keep}: it will be used many times.  *st is for
 * sqlite3_finalize(). */
int sp_db_prepare(
    struct sp_db *db, const char *sql, bool keep, sqlite3_stmt **st);
/* Prepare ${n} statements to be used many times. */
int sp_db_prepare_all(
    struct sp_db *db, const char *const sql[], size_t n, sqlite3_stmt **st);
void sp_db_finalize_all(sqlite3_stmt **st, size_t n);
/* Step a statement without rows, and reset it. */
int sp_db_run(sqlite3_stmt *st);

/* Bind parameter ${i} (from 1) to text of any bytes, borrowed until the
 * statement is reset; p == NULL: NULL. */
int sp_db_bind_view(sqlite3_stmt *st, int i, struct sp_view v);
/* Bind an unsigned number; SQLite's are signed, ours stay below 2^53. */
int sp_db_bind_u64(sqlite3_stmt *st, int i, uint64_t v);
/* Column ${i} (from 0) of the row; 0 for a negative number. */
uint64_t sp_db_column_u64(sqlite3_stmt *st, int i);
/* Column ${i} as text, borrowed until the next step; {NULL, 0} for NULL. */
struct sp_view sp_db_column_view(sqlite3_stmt *st, int i);

#endif
