#include "index/links.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"
#include "index/db.h"
#include "base/layout.h"

#define LINKS_VERSION 1
#define LINKS_APPID   0x5350696c /* "SPil" */
#define LINKS_MODE    0640
#define BUSY_MS	      10000

enum stmt {
	ST_GROUP, /* any row of family and original */
	ST_SAME, /* the first with these bytes */
	ST_ADD,
	ST_FIRST, /* an earlier one turned up */
	ST_ID,
	ST_ID_ADD,
	ST_ID_SET,
	ST_NEXT,
	ST_COUNT
};

static const char *const statements[ST_COUNT] = {
	[ST_GROUP] =
	    "SELECT ifnull(first, seq) FROM family WHERE k = ?1 AND x = ?2 LIMIT 1",
	[ST_SAME] =
	    "SELECT seq FROM family WHERE k = ?1 AND x = ?2 AND r = ?3 AND seq < ?4 ORDER BY seq LIMIT 1",
	[ST_ADD] = "INSERT OR IGNORE INTO family VALUES(?1, ?2, ?3, ?4, ?5)",
	[ST_FIRST] = "UPDATE family SET first = ?3 WHERE k = ?1 AND x = ?2",
	[ST_ID] = "SELECT seq, stable FROM msgids WHERE k = ?1",
	[ST_ID_ADD] = "INSERT OR IGNORE INTO msgids VALUES(?1, ?2, ?3)",
	[ST_ID_SET] = "UPDATE msgids SET stable = ?2, seq = ?3 WHERE k = ?1",
	[ST_NEXT] = "UPDATE links SET next = ?1",
};

/* Keys are digests, so that every row goes to another page: small pages. */
static const char pragmas[] =
    "PRAGMA page_size = 1024;PRAGMA journal_mode = WAL;PRAGMA synchronous = NORMAL;PRAGMA cache_size = -32768;PRAGMA wal_autocheckpoint = 32768;PRAGMA journal_size_limit = 67108864;PRAGMA cell_size_check = ON;";

static const char schema[] =
    "CREATE TABLE links(one INTEGER PRIMARY KEY CHECK(one = 1), origin TEXT NOT NULL, next INTEGER NOT NULL);CREATE TABLE family(k BLOB NOT NULL, x BLOB NOT NULL, r BLOB NOT NULL, seq INTEGER NOT NULL, first INTEGER, PRIMARY KEY(k, x, r, seq)) WITHOUT ROWID;CREATE TABLE msgids(k BLOB PRIMARY KEY, stable BLOB NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;";

struct sp_links {
	sqlite3 *db;
	char *path;
	bool in_txn;
	uint64_t next;
	sqlite3_stmt *st[ST_COUNT];
};

/* ---- ids --------------------------------------------------------------- */

void
sp_links_family_of(const char *msgid, const char *const *from, size_t nfrom,
    const uint8_t body[SP_SHA256_LEN], uint8_t out[SP_LINK_ID])
{
	struct sp_sha256 *s = sp_sha256_new();
	uint8_t digest[SP_SHA256_LEN];

	sp_sha256_add(s, "sealpost/family/v1", 19);
	sp_sha256_add(s, msgid, strlen(msgid) + 1);
	for (size_t i = 0; i < nfrom; i++)
		sp_sha256_add(s, from[i], strlen(from[i]) + 1);
	sp_sha256_add(s, "", 1);
	sp_sha256_add(s, body, SP_SHA256_LEN);
	sp_sha256_end(s, digest);
	sp_sha256_free(s);
	memcpy(out, digest, SP_LINK_ID);
}

void
sp_links_family_bytes(
    const uint8_t inner[SP_SHA256_LEN], uint8_t out[SP_LINK_ID])
{
	static const char tag[] = "sealpost/bytes/v1";
	uint8_t digest[SP_SHA256_LEN], both[sizeof(tag) + SP_SHA256_LEN];

	memcpy(both, tag, sizeof(tag));
	memcpy(both + sizeof(tag), inner, SP_SHA256_LEN);
	sp_sha256_once(both, sizeof(both), digest);
	memcpy(out, digest, SP_LINK_ID);
}

void
sp_links_msgid(struct sp_view msgid, uint8_t out[SP_LINK_ID])
{
	uint8_t digest[SP_SHA256_LEN];

	sp_sha256_once(msgid.n == 0 ? "" : msgid.p, msgid.n, digest);
	memcpy(out, digest, SP_LINK_ID);
}

/* ---- the file ---------------------------------------------------------- */

static enum sp_code
failed(struct sp_links *l, int rc, struct sp_err *err)
{
	return (sp_db_error(l->db, rc, l->path, err));
}

static struct sp_links *
alloc(const char *dir)
{
	struct sp_links *l = sp_xcalloc(1, sizeof(*l));

	l->path = sp_layout_path(dir, "index/links.sqlite");
	return (l);
}

void
sp_links_close(struct sp_links *l)
{
	int keep = 1;

	if (l == NULL)
		return;
	for (size_t i = 0; i < ST_COUNT; i++)
		(void)sqlite3_finalize(l->st[i]);
	if (l->in_txn)
		(void)sp_db_exec(l->db, "ROLLBACK");
	/* A reader that may not write here needs the -wal and -shm files. */
	if (l->db != NULL && !sqlite3_db_readonly(l->db, "main"))
		(void)sqlite3_file_control(
		    l->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
	(void)sqlite3_close_v2(l->db);
	free(l->path);
	free(l);
}

static enum sp_code
connect_to(struct sp_links *l, const char *name, int flags, struct sp_err *err)
{
	int rc =
	    sqlite3_open_v2(name, &l->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK) {
		(void)sqlite3_extended_result_codes(l->db, 1);
		(void)sqlite3_busy_timeout(l->db, BUSY_MS);
		(void)sqlite3_db_config(
		    l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	}
	return (rc == SQLITE_OK ? SP_OK : failed(l, rc, err));
}

static int
one_u64(struct sp_links *l, const char *sql, uint64_t *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(l->db, sql, false, &st);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sp_db_u64(st, 0);
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_ROW    ? SQLITE_OK
		: rc == SQLITE_DONE ? SQLITE_CORRUPT
				    : rc);
}

/* SP_EVERSION: another version, another archive, or never finished. */
static enum sp_code
look(struct sp_links *l, const char *origin, struct sp_err *err)
{
	uint64_t version = 0, app = 0, mine = 0;
	sqlite3_stmt *st = NULL;
	int rc = one_u64(l, "PRAGMA user_version", &version);

	if (rc == SQLITE_OK)
		rc = one_u64(l, "PRAGMA application_id", &app);
	if (rc == SQLITE_OK && version == LINKS_VERSION && app == LINKS_APPID) {
		rc = sp_db_prepare(l->db,
		    "SELECT next FROM links WHERE origin = ?", false, &st);
		if (rc == SQLITE_OK) {
			(void)sp_db_bind_view(st, 1, sp_view_str(origin));
			rc = sqlite3_step(st);
		}
		mine = rc == SQLITE_ROW;
		if (rc == SQLITE_ROW)
			l->next = sp_db_u64(st, 0);
		(void)sqlite3_finalize(st);
		rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
	}
	if (rc != SQLITE_OK)
		return (failed(l, rc, err));
	if (!mine)
		return (sp_err_set(err, SP_EVERSION, 0,
		    "%s: the file was made by another version of Sealpost or for another archive",
		    l->path));
	return (SP_OK);
}

static enum sp_code
make(struct sp_links *l, const char *origin, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	char tail[96];
	int rc = sp_db_exec(l->db, "BEGIN IMMEDIATE");

	if (rc == SQLITE_OK)
		rc = sp_db_exec(l->db, schema);
	if (rc == SQLITE_OK)
		rc = sp_db_prepare(
		    l->db, "INSERT INTO links VALUES(1, ?, 0)", false, &st);
	if (rc == SQLITE_OK) {
		(void)sp_db_bind_view(st, 1, sp_view_str(origin));
		rc = sp_db_run(st);
	}
	(void)sqlite3_finalize(st);
	(void)snprintf(tail, sizeof(tail),
	    "PRAGMA user_version = %d; PRAGMA application_id = %d",
	    LINKS_VERSION, LINKS_APPID);
	if (rc == SQLITE_OK)
		rc = sp_db_exec(l->db, tail);
	if (rc == SQLITE_OK)
		rc = sp_db_exec(l->db, "COMMIT");
	return (rc == SQLITE_OK ? SP_OK : failed(l, rc, err));
}

/* An empty file with the right mode, before SQLite makes its own. */
static enum sp_code
make_file(const char *dir, const char *path, struct sp_err *err)
{
	char *folder = sp_layout_path(dir, "index");
	enum sp_code rc = sp_io_mkdir(folder, 0750, err);
	int fd = -1;

	free(folder);
	if (rc == SP_OK)
		rc = sp_io_open(
		    path, O_RDWR | O_CREAT | O_EXCL, LINKS_MODE, &fd, err);
	if (rc != SP_OK)
		return (rc);
	/* Whatever the umask says; a file that cannot be shared still works. */
	(void)fchmod(fd, LINKS_MODE);
	return (sp_io_close(fd, err));
}

enum sp_code
sp_links_open(const char *dir, const char *origin, struct sp_links **out,
    struct sp_err *err)
{
	struct sp_links *l = alloc(dir);
	bool fresh = !sp_io_exists(l->path);
	enum sp_code rc = fresh ? make_file(dir, l->path, err) : SP_OK;
	int db = SQLITE_OK;

	if (rc == SP_OK)
		rc = connect_to(l, l->path, SQLITE_OPEN_READWRITE, err);
	if (rc == SP_OK) {
		db = sp_db_exec(l->db, pragmas);
		if (db != SQLITE_OK)
			rc = failed(l, db, err);
	}
	if (rc == SP_OK && fresh)
		rc = make(l, origin, err);
	if (rc == SP_OK)
		rc = look(l, origin, err);
	for (size_t i = 0; rc == SP_OK && i < ST_COUNT; i++) {
		db = sp_db_prepare(l->db, statements[i], true, &l->st[i]);
		if (db != SQLITE_OK)
			rc = failed(l, db, err);
	}
	if (rc != SP_OK) {
		sp_links_close(l);
		return (rc);
	}
	*out = l;
	return (SP_OK);
}

enum sp_code
sp_links_open_read(const char *dir, const char *origin, struct sp_links **out,
    struct sp_err *err)
{
	struct sp_links *l = alloc(dir);
	enum sp_code rc;
	char *uri;

	if (!sp_io_exists(l->path)) {
		rc = sp_err_set(
		    err, SP_ENOTFOUND, 0, "%s: there is none", l->path);
		sp_links_close(l);
		return (rc);
	}
	rc = connect_to(l, l->path, SQLITE_OPEN_READONLY, err);
	if (rc == SP_OK)
		rc = look(l, origin, err);
	if ((rc == SP_EIO || rc == SP_EPERM) &&
	    strpbrk(l->path, "%?#") == NULL) {
		/* A copy without -wal, where nothing can be written. */
		(void)sqlite3_close_v2(l->db);
		l->db = NULL;
		uri = sp_xasprintf("file:%s?immutable=1", l->path);
		rc = connect_to(
		    l, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
		free(uri);
		if (rc == SP_OK)
			rc = look(l, origin, err);
	}
	if (rc == SP_EVERSION || rc == SP_EFORMAT)
		rc = SP_ENOTFOUND;
	if (rc != SP_OK) {
		sp_links_close(l);
		return (rc);
	}
	*out = l;
	return (SP_OK);
}

enum sp_code
sp_links_drop(const char *dir, struct sp_err *err)
{
	static const char *const suffixes[] = { "", "-wal", "-shm",
		"-journal" };
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(suffixes); i++) {
		char *base = sp_layout_path(dir, "index/links.sqlite");
		char *path = sp_xasprintf("%s%s", base, suffixes[i]);

		rc = sp_io_unlink(path, err);
		free(path);
		free(base);
	}
	return (rc);
}

uint64_t
sp_links_next(const struct sp_links *l)
{
	return (l->next);
}

/* ---- writing ----------------------------------------------------------- */

static int
begin(struct sp_links *l)
{
	int rc;

	if (l->in_txn)
		return (SQLITE_OK);
	rc = sp_db_exec(l->db, "BEGIN IMMEDIATE");
	l->in_txn = rc == SQLITE_OK;
	return (rc);
}

static void
bind_id(sqlite3_stmt *st, int i, const uint8_t id[SP_LINK_ID])
{
	(void)sqlite3_bind_blob(st, i, id, SP_LINK_ID, SQLITE_STATIC);
}

/* Empty where the original is all that was received. */
static void
bind_raw(sqlite3_stmt *st, int i, const struct sp_link_ids *e)
{
	int n = memcmp(e->raw, e->inner, SP_LINK_ID) == 0 ? 0 : SP_LINK_ID;

	(void)sqlite3_bind_blob(st, i, e->raw, n, SQLITE_STATIC);
}

/* Step a query of one row: its first column, or SP_LINK_NONE. */
static int
ask(sqlite3_stmt *st, uint64_t *out)
{
	int rc = sqlite3_step(st);

	*out = rc == SQLITE_ROW ? sp_db_u64(st, 0) : SP_LINK_NONE;
	(void)sqlite3_reset(st);
	return (rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc);
}

static int
put_family(struct sp_links *l, const struct sp_link_ids *e,
    struct sp_link_found *found)
{
	sqlite3_stmt *st = l->st[ST_GROUP];
	uint64_t first;
	int rc;

	bind_id(st, 1, e->family);
	bind_id(st, 2, e->inner);
	rc = ask(st, &first);
	if (rc == SQLITE_OK && first != SP_LINK_NONE && first > e->seq) {
		st = l->st[ST_FIRST];
		bind_id(st, 1, e->family);
		bind_id(st, 2, e->inner);
		(void)sp_db_bind_u64(st, 3, e->seq);
		rc = sp_db_run(st);
		first = SP_LINK_NONE;
	} else if (rc == SQLITE_OK && first < e->seq) {
		found->same_as = first;
		st = l->st[ST_SAME];
		bind_id(st, 1, e->family);
		bind_id(st, 2, e->inner);
		bind_raw(st, 3, e);
		(void)sp_db_bind_u64(st, 4, e->seq);
		rc = ask(st, &found->duplicate_of);
	}
	if (rc != SQLITE_OK)
		return (rc);
	st = l->st[ST_ADD];
	bind_id(st, 1, e->family);
	bind_id(st, 2, e->inner);
	bind_raw(st, 3, e);
	(void)sp_db_bind_u64(st, 4, e->seq);
	if (first == SP_LINK_NONE || first == e->seq)
		(void)sqlite3_bind_null(st, 5);
	else
		(void)sp_db_bind_u64(st, 5, first);
	return (sp_db_run(st));
}

static int
put_msgid(struct sp_links *l, const struct sp_link_ids *e,
    struct sp_link_found *found)
{
	sqlite3_stmt *st = l->st[ST_ID_ADD];
	uint64_t first = SP_LINK_NONE;
	bool same = true;
	int rc;

	bind_id(st, 1, e->msgid);
	bind_id(st, 2, e->stable);
	(void)sp_db_bind_u64(st, 3, e->seq);
	rc = sp_db_run(st);
	if (rc != SQLITE_OK || sqlite3_changes(l->db) > 0)
		return (rc);
	st = l->st[ST_ID];
	bind_id(st, 1, e->msgid);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		first = sp_db_u64(st, 0);
		same = sqlite3_column_bytes(st, 1) == SP_LINK_ID &&
		       memcmp(sqlite3_column_blob(st, 1), e->stable,
			   SP_LINK_ID) == 0;
	}
	(void)sqlite3_reset(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return (rc);
	if (first <= e->seq) {
		if (first < e->seq && !same)
			found->conflict_with = first;
		return (SQLITE_OK);
	}
	st = l->st[ST_ID_SET];
	bind_id(st, 1, e->msgid);
	bind_id(st, 2, e->stable);
	(void)sp_db_bind_u64(st, 3, e->seq);
	return (sp_db_run(st));
}

enum sp_code
sp_links_put(struct sp_links *l, const struct sp_link_ids *ids,
    struct sp_link_found *found, struct sp_err *err)
{
	int rc;

	*found =
	    (struct sp_link_found){ SP_LINK_NONE, SP_LINK_NONE, SP_LINK_NONE };
	if (!ids->has)
		return (SP_OK);
	rc = begin(l);
	if (rc == SQLITE_OK)
		rc = put_family(l, ids, found);
	if (rc == SQLITE_OK && ids->has_msgid)
		rc = put_msgid(l, ids, found);
	return (rc == SQLITE_OK ? SP_OK : failed(l, rc, err));
}

enum sp_code
sp_links_commit(struct sp_links *l, uint64_t next, struct sp_err *err)
{
	int rc = SQLITE_OK;

	if (next > l->next) {
		rc = begin(l);
		if (rc == SQLITE_OK) {
			(void)sp_db_bind_u64(l->st[ST_NEXT], 1, next);
			rc = sp_db_run(l->st[ST_NEXT]);
		}
	}
	if (rc == SQLITE_OK && l->in_txn)
		rc = sp_db_exec(l->db, "COMMIT");
	if (rc != SQLITE_OK)
		return (failed(l, rc, err));
	l->in_txn = false;
	if (next > l->next)
		l->next = next;
	return (SP_OK);
}

enum sp_code
sp_links_cut(struct sp_links *l, uint64_t next, struct sp_err *err)
{
	char sql[256];
	int rc;

	if (next >= l->next)
		return (SP_OK);
	rc = begin(l);
	(void)snprintf(sql, sizeof(sql),
	    "DELETE FROM family WHERE seq >= %llu;DELETE FROM msgids WHERE seq >= %llu;UPDATE links SET next = %llu",
	    (unsigned long long)next, (unsigned long long)next,
	    (unsigned long long)next);
	if (rc == SQLITE_OK)
		rc = sp_db_exec(l->db, sql);
	if (rc == SQLITE_OK)
		rc = sp_db_exec(l->db, "COMMIT");
	if (rc != SQLITE_OK)
		return (failed(l, rc, err));
	l->in_txn = false;
	l->next = next;
	return (SP_OK);
}

/* ---- reading ----------------------------------------------------------- */

enum sp_code
sp_links_members(struct sp_links *l, const uint8_t family[SP_LINK_ID],
    uint64_t **seqs, size_t *n, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	uint64_t *v = NULL;
	size_t got = 0, room = 0;
	int rc = sp_db_prepare(l->db,
	    "SELECT seq FROM family WHERE k = ? ORDER BY seq LIMIT ?", false,
	    &st);

	if (rc == SQLITE_OK) {
		bind_id(st, 1, family);
		(void)sqlite3_bind_int64(st, 2, SP_LINKS_MEMBERS);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			if (got == room) {
				room = room == 0 ? 16 : 2 * room;
				v = sp_xrealloc(v, room * sizeof(*v));
			}
			v[got++] = sp_db_u64(st, 0);
		}
	}
	(void)sqlite3_finalize(st);
	if (rc != SQLITE_DONE) {
		free(v);
		return (failed(l, rc, err));
	}
	*seqs = v;
	*n = got;
	return (SP_OK);
}
