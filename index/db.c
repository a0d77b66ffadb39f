/*
 * SQLite as the index uses it (db.h): connections, pragmas, transactions and
 * statements of a shard and of the links, and what SQLite's errors mean.
 * Files are made and removed through base/io.h; what SQLite itself writes goes
 * through its own file system layer (tests/lib/faultvfs.c makes that fail).
 */
#include "index/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"
#include "index/shm.h"

#define FILE_MODE   0640 /* the archive's group may search */
#define FOLDER_MODE 0750
#define BUSY_MS	    10000 /* how long a lock is waited for */

/* ---- errors ---------------------------------------------------------- */

static const char no_space[] = "no space left for the index; free some space";

/* Primary result codes that are not damage. */
static const struct {
	int rc;
	enum sp_code code;
	const char *what;
} codes[] = {
	{ SQLITE_FULL, SP_ENOSPC, no_space },
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

/* SQLite reports a full disk also as an I/O error with the errno behind it;
 * whatever is in no table row is taken as damage. */
enum sp_code
sp_db_error(const struct sp_db *db, int rc, struct sp_err *err)
{
	sqlite3 *h = db->handle;
	const char *why = h == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(h);
	int sys = h == NULL ? 0 : sqlite3_system_errno(h);

	for (size_t i = 0; i < SP_COUNTOF(codes); i++) {
		if (codes[i].rc != (rc & 0xff))
			continue;
		if (codes[i].code == SP_EIO && (sys == ENOSPC || sys == EDQUOT))
			return (sp_err_set(
			    err, SP_ENOSPC, 0, "%s: %s", db->path, no_space));
		if (sys == EACCES || sys == EPERM)
			return (sp_err_set(err, codes[i].code, sys, "%s: %s",
			    db->path, codes[i].what));
		return (sp_err_set(err, codes[i].code, 0, "%s: %s: %s",
		    db->path, codes[i].what, why));
	}
	return (sp_err_set(err, SP_EFORMAT, 0,
	    "%s: the index file is damaged (%s); run `sealpost reindex`",
	    db->path, why));
}

/* ---- opening and closing --------------------------------------------- */

enum sp_code
sp_db_create_file(const char *dir, const char *path, struct sp_err *err)
{
	char *folder = sp_layout_path(dir, "index");
	enum sp_code rc = sp_io_mkdir(folder, FOLDER_MODE, err);
	int fd = -1;

	free(folder);
	if (rc == SP_OK)
		rc = sp_io_open(
		    path, O_RDWR | O_CREAT | O_EXCL, FILE_MODE, &fd, err);
	if (rc != SP_OK)
		return (rc);
	/* Whatever the umask says.  If it fails the file works all the same,
	 * for its owner. */
	(void)fchmod(fd, FILE_MODE);
	return (sp_io_close(fd, err));
}

/* Open ${name}, a path or a URI, with ${flags} of sqlite3_open_v2(). */
static enum sp_code
open_with(struct sp_db *db, const char *name, int flags, struct sp_err *err)
{
	int rc = sqlite3_open_v2(
	    name, &db->handle, flags | SQLITE_OPEN_NOMUTEX, sp_shm_vfs());

	if (rc != SQLITE_OK)
		return (sp_db_error(db, rc, err));
	(void)sqlite3_extended_result_codes(db->handle, 1);
	(void)sqlite3_busy_timeout(db->handle, BUSY_MS);
	/* A forged file must not run functions through its schema. */
	(void)sqlite3_db_config(
	    db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return (SP_OK);
}

enum sp_code
sp_db_open_write(struct sp_db *db, struct sp_err *err)
{
	return (open_with(db, db->path, SQLITE_OPEN_READWRITE, err));
}

/* Open the file again, without locks; its path is escaped as a URI wants it
 * (https://sqlite.org/uri.html). */
static enum sp_code
reopen_immutable(struct sp_db *db, struct sp_err *err)
{
	static const char hex[] = "0123456789ABCDEF";
	struct sp_buf uri;
	enum sp_code rc;

	(void)sqlite3_close_v2(db->handle);
	db->handle = NULL;
	db->immutable = true;
	sp_buf_init(&uri, 3 * SP_PATH_MAX + 64);
	rc = sp_buf_adds(&uri, "file:");
	for (const char *p = db->path; rc == SP_OK && *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (strchr("%?#", c) == NULL)
			rc = sp_buf_addc(&uri, *p);
		else
			rc = sp_buf_addf(
			    &uri, "%%%c%c", hex[c >> 4], hex[c & 15]);
	}
	if (rc == SP_OK)
		rc = sp_buf_adds(&uri, "?immutable=1");
	if (rc != SP_OK || sp_buf_cstr(&uri) == NULL)
		rc = sp_err_set(
		    err, SP_ELIMIT, 0, "%s: the path is too long", db->path);
	else
		rc = open_with(
		    db, uri.p, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
	sp_buf_done(&uri);
	return (rc);
}

/* Whether the writer may have left something that the file does not hold. */
static bool
has_wal(const struct sp_db *db)
{
	char *wal = sp_xasprintf("%s-wal", db->path);
	bool there = sp_io_exists(wal);

	free(wal);
	return (there);
}

enum sp_code
sp_db_open_read(struct sp_db *db,
    enum sp_code (*check)(void *ctx, struct sp_err *err), void *ctx,
    struct sp_err *err)
{
	enum sp_code rc = open_with(db, db->path, SQLITE_OPEN_READONLY, err);

	if (rc == SP_OK)
		rc = check(ctx, err);
	if ((rc == SP_EIO || rc == SP_EPERM) && !has_wal(db)) {
		rc = reopen_immutable(db, err);
		if (rc == SP_OK)
			rc = check(ctx, err);
	}
	return (rc);
}

int
sp_db_set_pragmas(struct sp_db *db, const char *own)
{
	int rc = sp_db_exec(db, own);

	if (rc == SQLITE_OK)
		rc = sp_db_exec(db,
		    "PRAGMA mmap_size = 0;PRAGMA journal_mode = WAL;PRAGMA synchronous = NORMAL;PRAGMA cache_size = -32768;PRAGMA journal_size_limit = 67108864;PRAGMA cell_size_check = ON;");
	return (rc);
}

void
sp_db_keep_wal(struct sp_db *db)
{
	int keep = 1;

	(void)sqlite3_file_control(
	    db->handle, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
}

void
sp_db_close(struct sp_db *db)
{
	sp_db_rollback(db);
	(void)sqlite3_close_v2(db->handle);
	free(db->path);
	*db = (struct sp_db){ 0 };
}

enum sp_code
sp_db_drop(const char *path, struct sp_err *err)
{
	static const char *const suffixes[] = { "", "-wal", "-shm",
		"-journal" };
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(suffixes); i++) {
		char *file = sp_xasprintf("%s%s", path, suffixes[i]);

		rc = sp_io_unlink(file, err);
		free(file);
	}
	return (rc);
}

/* The number that a pragma gives. */
static int
read_pragma(struct sp_db *db, const char *sql, int *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(db, sql, false, &st);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int(st, 0);
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_ROW    ? SQLITE_OK
		: rc == SQLITE_DONE ? SQLITE_CORRUPT
				    : rc);
}

int
sp_db_read_stamp(struct sp_db *db, int *version, int *appid)
{
	int rc = read_pragma(db, "PRAGMA user_version", version);

	return (rc == SQLITE_OK
		    ? read_pragma(db, "PRAGMA application_id", appid)
		    : rc);
}

int
sp_db_write_stamp(struct sp_db *db, int version, int appid)
{
	char sql[96];

	(void)snprintf(sql, sizeof(sql),
	    "PRAGMA user_version = %d; PRAGMA application_id = %d", version,
	    appid);
	return (sp_db_exec(db, sql));
}

/* ---- transactions ---------------------------------------------------- */

int
sp_db_begin(struct sp_db *db)
{
	int rc;

	if (db->in_txn)
		return (SQLITE_OK);
	rc = sp_db_exec(db, "BEGIN IMMEDIATE");
	db->in_txn = rc == SQLITE_OK;
	return (rc);
}

int
sp_db_commit(struct sp_db *db)
{
	int rc = sp_db_exec(db, "COMMIT");

	if (rc == SQLITE_OK)
		db->in_txn = false;
	return (rc);
}

void
sp_db_rollback(struct sp_db *db)
{
	if (db->in_txn)
		(void)sp_db_exec(db, "ROLLBACK");
	db->in_txn = false;
}

/* ---- statements ------------------------------------------------------ */

int
sp_db_exec(struct sp_db *db, const char *sql)
{
	return (sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

int
sp_db_prepare(struct sp_db *db, const char *sql, bool keep, sqlite3_stmt **st)
{
	return (sqlite3_prepare_v3(db->handle, sql, -1,
	    keep ? SQLITE_PREPARE_PERSISTENT : 0, st, NULL));
}

int
sp_db_prepare_all(
    struct sp_db *db, const char *const sql[], size_t n, sqlite3_stmt **st)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < n; i++)
		rc = sp_db_prepare(db, sql[i], true, &st[i]);
	return (rc);
}

void
sp_db_finalize_all(sqlite3_stmt **st, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)sqlite3_finalize(st[i]);
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
sp_db_column_u64(sqlite3_stmt *st, int i)
{
	sqlite3_int64 v = sqlite3_column_int64(st, i);

	return (v < 0 ? 0 : (uint64_t)v);
}

struct sp_view
sp_db_column_view(sqlite3_stmt *st, int i)
{
	const void *p = sqlite3_column_text(st, i);
	int n = sqlite3_column_bytes(st, i);

	if (p == NULL)
		return ((struct sp_view){ NULL, 0 });
	return (sp_view_mem(p, (size_t)n));
}
