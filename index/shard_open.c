/*
 * Connections to a shard: to read it, to write it, to make a new one.  Each
 * makes sure that the file is of this version of the format, and reads what it
 * says of itself, before anything else is done with it.
 *
 *  sp_shard_open:       open -> tokenizer -> version -> info
 *  sp_shard_open_write: the same -> pragmas -> statements
 *  sp_shard_create:     file -> open -> pragmas -> tables -> info -> statements
 */
#include "index/shard.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/sha256.h"
#include "index/known.h"
#include "index/schema/column.h"
#include "index/schema/schema.h"
#include "index/schema/token.h"
#include "index/schema/token_fts.h"
#include "index/traffic.h"

/* A checkpoint each 8,192 pages of 4 KiB: fewer, larger writes. */
static const char write_pragmas[] =
    "PRAGMA temp_store = MEMORY;PRAGMA wal_autocheckpoint = 8192;";

static const char *const statements[SP_ST_COUNT] = {
	[SP_ST_MESSAGE] =
	    "INSERT INTO messages VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[SP_ST_TEXT] = "INSERT INTO fulltext(" SP_COLUMN_SQL_NAMES
		       "rowid) VALUES(" SP_COLUMN_SQL_PARAMS "?)",
	[SP_ST_PARTY] = "INSERT INTO parties VALUES(?,?,?,?)",
	[SP_ST_ADDRESS_FIND] =
	    "SELECT id, addr, name FROM addresses WHERE hash = ?",
	[SP_ST_ADDRESS_ADD] =
	    "INSERT INTO addresses(hash, addr, name) VALUES(?,?,?)",
	[SP_ST_SOURCE_FIND] =
	    "SELECT id FROM sources WHERE grade = ? AND via = ?",
	[SP_ST_SOURCE_ADD] = "INSERT INTO sources(grade, via) VALUES(?,?)",
	[SP_ST_EVIDENCE_FIND] = "SELECT id FROM evidence WHERE name = ?",
	[SP_ST_EVIDENCE_ADD] = "INSERT INTO evidence(name) VALUES(?)",
	[SP_ST_CLAIM] = "INSERT INTO claims VALUES(?,?,?,?,?,?,?,?)",
	[SP_ST_ATTACHMENT] = "INSERT INTO attachments VALUES(?,?,?,?,?,?,?)",
	[SP_ST_EVENT] = "INSERT INTO events VALUES(?,?,?,?,?)",
	[SP_ST_EVENT_SEQ] = "INSERT OR IGNORE INTO event_seqs VALUES(?,?,?)",
	[SP_ST_CURSOR] =
	    "UPDATE shard SET next = ?, leaf = ?, messages = ?, opened = ?",
	[SP_ST_TRAFFIC] =
	    "INSERT INTO traffic VALUES(?1,?2,?3,?4,?5) ON CONFLICT DO UPDATE SET n = n + ?4, last = max(last, ?5)",
};

/* A shard that is not open yet. */
static struct sp_shard *
alloc(const char *dir, int key)
{
	struct sp_shard *s = sp_xcalloc(1, sizeof(*s));

	s->db.path = sp_shard_path(dir, key);
	s->info.key = key;
	sp_buf_init(&s->flags, (size_t)64 << 10);
	sp_buf_init(&s->meta, (size_t)64 << 20);
	return (s);
}

/* SP_ENOTFOUND: the file was never finished.  SP_EVERSION: made by another
 * version. */
static enum sp_code
check_version(struct sp_shard *s, struct sp_err *err)
{
	int version = 0, app = 0;
	int rc = sp_db_read_stamp(&s->db, &version, &app);

	if (rc != SQLITE_OK)
		return (sp_db_error(&s->db, rc, err));
	if (version == 0 && app == 0)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "%s: the index file was never finished", s->db.path));
	if (version != SP_SCHEMA_VERSION || app != SP_SCHEMA_APPID)
		return (sp_err_set(err, SP_EVERSION, 0,
		    "%s: the index file was made by another version of Sealpost; run `sealpost reindex`",
		    s->db.path));
	return (SP_OK);
}

/* Column ${i} as a string, cut to ${size}. */
static void
copy_text(sqlite3_stmt *st, int i, char *out, size_t size)
{
	struct sp_view v = sp_db_column_view(st, i);

	if (v.n >= size)
		v.n = size - 1;
	if (v.n > 0)
		memcpy(out, v.p, v.n);
	out[v.n] = '\0';
}

/* What the row of table shard says, checked. */
static enum sp_code
copy_info(struct sp_shard *s, sqlite3_stmt *st, struct sp_err *err)
{
	struct sp_shard_info *i = &s->info;
	struct sp_view tok = sp_db_column_view(st, 1);

	if (!sp_view_eq_str(tok, SP_TOKEN_VERSION))
		return (sp_err_set(err, SP_EVERSION, 0,
		    "%s: the words of the index were made by another version of Sealpost; run `sealpost reindex`",
		    s->db.path));
	copy_text(st, 0, i->origin, sizeof(i->origin));
	i->first = sp_db_column_u64(st, 2);
	i->next = sp_db_column_u64(st, 3);
	if (sqlite3_column_bytes(st, 4) != SP_SHA256_LEN || i->next < i->first)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "%s: the index file is damaged (cursor); run `sealpost reindex`",
		    s->db.path));
	memcpy(i->leaf, sqlite3_column_blob(st, 4), SP_SHA256_LEN);
	copy_text(st, 5, i->opened, sizeof(i->opened));
	i->messages = sp_db_column_u64(st, 6);
	return (SP_OK);
}

/* Check the version, read the row of table shard. */
static enum sp_code
read_info(struct sp_shard *s, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	enum sp_code code = check_version(s, err);
	int rc;

	if (code != SP_OK)
		return (code);
	rc = sp_db_prepare(&s->db,
	    "SELECT origin, tokenizer, first, next, leaf, opened, messages FROM shard",
	    false, &st);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		code = copy_info(s, st, err);
	else
		code = sp_db_error(
		    &s->db, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, err);
	(void)sqlite3_finalize(st);
	return (code);
}

/* What has to be done with a connection before anything is read. */
static enum sp_code
begin_reading(void *ctx, struct sp_err *err)
{
	struct sp_shard *s = ctx;
	int rc = sp_token_register(s->db.handle);

	if (rc != SQLITE_OK)
		return (sp_db_error(&s->db, rc, err));
	return (read_info(s, err));
}

enum sp_code
sp_shard_open(
    const char *dir, int key, struct sp_shard **out, struct sp_err *err)
{
	struct sp_shard *s = alloc(dir, key);
	enum sp_code rc = sp_db_open_read(&s->db, begin_reading, s, err);

	/* It was listed, and dropped meanwhile to be built again. */
	if (rc != SP_OK && !sp_io_exists(s->db.path))
		rc = sp_err_set(err, SP_ENOTFOUND, 0,
		    "%s: the index file is gone", s->db.path);
	if (rc != SP_OK) {
		sp_shard_abandon(s);
		return (rc);
	}
	*out = s;
	return (SP_OK);
}

/* What a writer needs beside the connection. */
static enum sp_code
begin_writing(struct sp_shard *s, struct sp_err *err)
{
	int rc = sp_db_prepare_all(&s->db, statements, SP_ST_COUNT, s->st);

	if (rc != SQLITE_OK)
		return (sp_db_error(&s->db, rc, err));
	s->known = sp_known_new();
	s->traffic = sp_traffic_new();
	s->writable = true;
	return (SP_OK);
}

enum sp_code
sp_shard_open_write(
    const char *dir, int key, struct sp_shard **out, struct sp_err *err)
{
	struct sp_shard *s = alloc(dir, key);
	enum sp_code rc = sp_db_open_write(&s->db, err);
	int db;

	if (rc == SP_OK)
		rc = begin_reading(s, err);
	if (rc == SP_OK) {
		db = sp_db_set_pragmas(&s->db, write_pragmas);
		if (db != SQLITE_OK)
			rc = sp_db_error(&s->db, db, err);
	}
	if (rc == SP_OK)
		rc = begin_writing(s, err);
	if (rc != SP_OK) {
		sp_shard_abandon(s);
		return (rc);
	}
	*out = s;
	return (SP_OK);
}

/* Make the tables and the row of table shard, in one transaction with the
 * version: a file without a version was never finished. */
static int
make_schema(struct sp_shard *s, const char *origin, uint64_t first)
{
	static const uint8_t none[SP_SHA256_LEN];
	sqlite3_stmt *st = NULL;
	int rc = sp_db_begin(&s->db);

	for (size_t i = 0; rc == SQLITE_OK && sp_schema_sql[i] != NULL; i++)
		rc = sp_db_exec(&s->db, sp_schema_sql[i]);
	if (rc == SQLITE_OK)
		rc = sp_db_prepare(&s->db,
		    "INSERT INTO shard VALUES(1, ?, ?, ?, ?, ?, 0, '')", false,
		    &st);
	if (rc == SQLITE_OK) {
		(void)sp_db_bind_view(st, 1, sp_view_str(origin));
		(void)sp_db_bind_view(st, 2, sp_view_str(SP_TOKEN_VERSION));
		(void)sp_db_bind_u64(st, 3, first);
		(void)sp_db_bind_u64(st, 4, first);
		(void)sqlite3_bind_blob(
		    st, 5, none, sizeof(none), SQLITE_STATIC);
		rc = sp_db_run(st);
	}
	(void)sqlite3_finalize(st);
	if (rc == SQLITE_OK)
		rc = sp_db_write_stamp(
		    &s->db, SP_SCHEMA_VERSION, SP_SCHEMA_APPID);
	if (rc == SQLITE_OK)
		rc = sp_db_commit(&s->db);
	return (rc);
}

/* The file is made first, with its mode; an interrupted making leaves a file
 * without a version. */
enum sp_code
sp_shard_create(const char *dir, int key, const char *origin, uint64_t first,
    struct sp_shard **out, struct sp_err *err)
{
	struct sp_shard *s = alloc(dir, key);
	enum sp_code rc = sp_db_create_file(dir, s->db.path, err);
	int db;

	if (rc == SP_OK)
		rc = sp_db_open_write(&s->db, err);
	if (rc == SP_OK) {
		db = sp_token_register(s->db.handle);
		if (db == SQLITE_OK)
			db = sp_db_set_pragmas(&s->db, write_pragmas);
		if (db == SQLITE_OK)
			db = make_schema(s, origin, first);
		if (db != SQLITE_OK)
			rc = sp_db_error(&s->db, db, err);
	}
	if (rc == SP_OK)
		rc = read_info(s, err);
	if (rc == SP_OK)
		rc = begin_writing(s, err);
	if (rc != SP_OK) {
		sp_shard_abandon(s);
		return (rc);
	}
	*out = s;
	return (SP_OK);
}

/* SQLite looks at every page (quick_check), FTS5 at its own structure
 * (integrity-check). */
enum sp_code
sp_shard_check(struct sp_shard *s, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(&s->db, "PRAGMA quick_check(1)", false, &st);
	bool ok = false;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		ok = sp_view_eq_str(sp_db_column_view(st, 0), "ok");
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(st);
	if (rc == SQLITE_OK && !ok)
		rc = SQLITE_CORRUPT;
	if (rc == SQLITE_OK)
		rc = sp_db_exec(&s->db,
		    "INSERT INTO fulltext(fulltext) VALUES('integrity-check')");
	return (rc == SQLITE_OK ? SP_OK : sp_db_error(&s->db, rc, err));
}
