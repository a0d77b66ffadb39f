#include "index/db.h"

#include <errno.h>

static const struct {
	int rc;
	enum sp_code code;
	const char *what;
} codes[] = {
	{ SQLITE_FULL, SP_ENOSPC,
	    "no space left for the index; free some space" },
	{ SQLITE_IOERR, SP_EIO, "the index cannot be read or written" },
	{ SQLITE_BUSY, SP_EAGAIN, "the index is in use" },
	{ SQLITE_LOCKED, SP_EAGAIN, "the index is in use" },
	{ SQLITE_INTERRUPT, SP_EINTERRUPT, "interrupted" },
	{ SQLITE_NOMEM, SP_ELIMIT, "out of memory" },
	{ SQLITE_CANTOPEN, SP_EIO, "the index file cannot be opened" },
	{ SQLITE_READONLY, SP_EPERM, "no permission to write the index file" },
	{ SQLITE_PERM, SP_EPERM, "no permission for the index file" },
	{ SQLITE_AUTH, SP_EPERM, "no permission for the index file" },
};

enum sp_code
sp_db_error(sqlite3 *db, int rc, const char *path, struct sp_err *err)
{
	const char *why = db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db);
	int sys = db == NULL ? 0 : sqlite3_system_errno(db);

	for (size_t i = 0; i < SP_COUNTOF(codes); i++) {
		if (codes[i].rc != (rc & 0xff))
			continue;
		if (codes[i].code == SP_EIO && (sys == ENOSPC || sys == EDQUOT))
			return (sp_err_set(
			    err, SP_ENOSPC, 0, "%s: %s", path, codes[0].what));
		return (sp_err_set(err, codes[i].code, 0, "%s: %s: %s", path,
		    codes[i].what, why));
	}
	return (sp_err_set(err, SP_EFORMAT, 0,
	    "%s: the index file is damaged (%s); run `sealpost reindex`", path,
	    why));
}

int
sp_db_exec(sqlite3 *db, const char *sql)
{
	return (sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int
sp_db_prepare(sqlite3 *db, const char *sql, bool keep, sqlite3_stmt **st)
{
	return (sqlite3_prepare_v3(
	    db, sql, -1, keep ? SQLITE_PREPARE_PERSISTENT : 0, st, NULL));
}

int
sp_db_bind_view(sqlite3_stmt *st, int i, struct sp_view v)
{
	if (v.p == NULL)
		return (sqlite3_bind_null(st, i));
	return (
	    sqlite3_bind_text64(st, i, v.p, v.n, SQLITE_STATIC, SQLITE_UTF8));
}

int
sp_db_bind_u64(sqlite3_stmt *st, int i, uint64_t v)
{
	return (sqlite3_bind_int64(st, i, (sqlite3_int64)v));
}

uint64_t
sp_db_u64(sqlite3_stmt *st, int i)
{
	sqlite3_int64 v = sqlite3_column_int64(st, i);

	return (v < 0 ? 0 : (uint64_t)v);
}

struct sp_view
sp_db_view(sqlite3_stmt *st, int i)
{
	const void *p = sqlite3_column_text(st, i);
	int n = sqlite3_column_bytes(st, i);

	if (p == NULL)
		return ((struct sp_view){ NULL, 0 });
	return (sp_view_mem(p, (size_t)n));
}

int
sp_db_run(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	int again = sqlite3_reset(st);

	if (rc == SQLITE_DONE || rc == SQLITE_ROW)
		return (again);
	return (rc);
}
