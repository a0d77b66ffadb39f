/* Small things over SQLite that every file of this room uses. */
#ifndef SP_INDEX_DB_H
#define SP_INDEX_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

/*
 * What SQLite's ${rc} means to us; the message names ${path}.
 * SP_EFORMAT: the file is damaged (drop it, index again).  SP_EIO, SP_ENOSPC,
 * SP_EAGAIN (locked), SP_EPERM: try again later.  ${db} may be NULL.
 */
enum sp_code sp_db_error(
    sqlite3 *db, int rc, const char *path, struct sp_err *err);

/* Run statements that give no rows; an SQLite code. */
int sp_db_exec(sqlite3 *db, const char *sql);
/* Prepare; an SQLite code. */
int sp_db_prepare(sqlite3 *db, const char *sql, bool keep, sqlite3_stmt **st);
/* Text of any bytes, borrowed until the statement is reset; p == NULL: NULL. */
int sp_db_bind_view(sqlite3_stmt *st, int i, struct sp_view v);
/* SQLite integers are signed; ours stay below 2^53. */
int sp_db_bind_u64(sqlite3_stmt *st, int i, uint64_t v);
uint64_t sp_db_u64(sqlite3_stmt *st, int i);
/* Borrowed until the next step; {NULL, 0} for NULL. */
struct sp_view sp_db_view(sqlite3_stmt *st, int i);
/* Step a statement without rows, reset it; an SQLite code. */
int sp_db_run(sqlite3_stmt *st);

#endif
