#include "index/shard.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/time_text.h"
#include "index/db.h"
#include "index/put.h"
#include "index/schema.h"
#include "index/shard_open.h"
#include "index/token.h"
#include "index/traffic.h"

#define SHARD_MODE 0640 /* the archive's group may search */

static const char *const statements[SP_ST_COUNT] = {
	[SP_ST_MESSAGE] =
	    "INSERT INTO messages VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[SP_ST_TEXT] =
	    "INSERT INTO fulltext(rowid, body, subject, hfrom, hto, hcc, hbcc, hreply, efrom, eto, mto, rfrom, rto, rcc, rbcc, rrcpt, rvia, tfrom, tto, files, attached, meta) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL,?)",
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

int
sp_shard_key(int64_t received)
{
	int year, month;

	sp_time_year_month(received, &year, &month);
	return (year * 12 + month - 1);
}

void
sp_shard_name(int key, char out[SP_SHARD_NAME])
{
	(void)snprintf(
	    out, SP_SHARD_NAME, "%04d-%02d.sqlite", key / 12, key % 12 + 1);
}

char *
sp_shard_path(const char *dir, int key)
{
	char name[SP_SHARD_NAME];

	sp_shard_name(key, name);
	return (sp_xasprintf("%s/index/%s", dir, name));
}

/* The key of a file name, or -1. */
static int
key_of(const char *name)
{
	struct sp_view v = sp_view_str(name);
	char back[SP_SHARD_NAME];
	uint64_t year, month;
	int key;

	if (v.n != strlen("2026-11.sqlite") ||
	    !sp_view_u64((struct sp_view){ v.p, 4 }, &year) ||
	    !sp_view_u64((struct sp_view){ v.p + 5, 2 }, &month) || month < 1 ||
	    month > 12)
		return (-1);
	key = (int)(year * 12 + month - 1);
	sp_shard_name(key, back);
	return (strcmp(back, name) == 0 ? key : -1);
}

enum sp_code
sp_shard_list(const char *dir, int **keys, size_t *n, struct sp_err *err)
{
	char *path = sp_layout_path(dir, "index");
	char **names = NULL;
	size_t count = 0, got = 0;
	enum sp_code rc = sp_io_list(path, &names, &count, err);
	int *v;

	free(path);
	if (rc != SP_OK)
		return (rc);
	v = sp_xcalloc(count + 1, sizeof(*v));
	for (size_t i = 0; i < count; i++) {
		int key = key_of(names[i]);

		if (key >= 0)
			v[got++] = key;
	}
	sp_io_names_free(names, count);
	*keys = v;
	*n = got;
	return (SP_OK);
}

/* Identifies this run of the system: what a killed process wrote is still in
 * the page cache as long as it is the same. */
static void
boot_id(char out[64])
{
	struct sp_buf b;

	sp_buf_init(&b, 63);
	out[0] = '\0';
	if (sp_io_read_file("/proc/sys/kernel/random/boot_id", 63, &b, NULL) ==
	    SP_OK) {
		struct sp_view v = sp_view_trim(sp_buf_view(&b));

		memcpy(out, v.p, v.n);
		out[v.n] = '\0';
	}
	if (out[0] == '\0')
		memcpy(out, "unknown", 8);
	sp_buf_done(&b);
}

bool
sp_shard_suspect(const struct sp_shard_info *i)
{
	char now[64];

	if (i->opened[0] == '\0')
		return (false);
	boot_id(now);
	return (strcmp(now, i->opened) != 0 || strcmp(now, "unknown") == 0);
}

static enum sp_code
prepare_all(struct sp_shard *s, struct sp_err *err)
{
	for (size_t i = 0; i < SP_ST_COUNT; i++) {
		int rc = sp_db_prepare(s->db, statements[i], true, &s->st[i]);

		if (rc != SQLITE_OK)
			return (sp_db_error(s->db, rc, s->path, err));
	}
	s->known = sp_known_new();
	s->traffic = sp_traffic_new();
	s->writable = true;
	return (SP_OK);
}

static const char write_pragmas[] =
    "PRAGMA journal_mode = WAL;PRAGMA synchronous = NORMAL;PRAGMA cache_size = -32768;PRAGMA temp_store = MEMORY;PRAGMA wal_autocheckpoint = 8192;PRAGMA journal_size_limit = 67108864;PRAGMA cell_size_check = ON;";

enum sp_code
sp_shard_open_write(
    const char *dir, int key, struct sp_shard **out, struct sp_err *err)
{
	struct sp_shard *s = sp_shard_alloc(dir, key);
	enum sp_code rc = sp_shard_connect(s, SQLITE_OPEN_READWRITE, err);
	int db;

	if (rc == SP_OK)
		rc = sp_shard_read_info(s, err);
	if (rc == SP_OK) {
		db = sp_db_exec(s->db, write_pragmas);
		if (db != SQLITE_OK)
			rc = sp_db_error(s->db, db, s->path, err);
	}
	if (rc == SP_OK)
		rc = prepare_all(s, err);
	if (rc != SP_OK) {
		sp_shard_abandon(s);
		return (rc);
	}
	*out = s;
	return (SP_OK);
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
		    path, O_RDWR | O_CREAT | O_EXCL, SHARD_MODE, &fd, err);
	if (rc != SP_OK)
		return (rc);
	/* Whatever the umask says; a file that cannot be shared still works. */
	(void)fchmod(fd, SHARD_MODE);
	return (sp_io_close(fd, err));
}

static int
make_schema(struct sp_shard *s, const char *origin, uint64_t first)
{
	static const uint8_t none[SP_SHA256_LEN];
	sqlite3_stmt *st = NULL;
	char pragma[80];
	int rc = sp_db_exec(s->db, "BEGIN IMMEDIATE");

	for (size_t i = 0; rc == SQLITE_OK && sp_schema_sql[i] != NULL; i++)
		rc = sp_db_exec(s->db, sp_schema_sql[i]);
	if (rc == SQLITE_OK)
		rc = sp_db_prepare(s->db,
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
	(void)snprintf(pragma, sizeof(pragma),
	    "PRAGMA user_version = %d; PRAGMA application_id = %d",
	    SP_SCHEMA_VERSION, SP_SCHEMA_APPID);
	if (rc == SQLITE_OK)
		rc = sp_db_exec(s->db, pragma);
	if (rc == SQLITE_OK)
		rc = sp_db_exec(s->db, "COMMIT");
	return (rc);
}

enum sp_code
sp_shard_create(const char *dir, int key, const char *origin, uint64_t first,
    struct sp_shard **out, struct sp_err *err)
{
	struct sp_shard *s = sp_shard_alloc(dir, key);
	enum sp_code rc = make_file(dir, s->path, err);
	int db = SQLITE_OK;

	if (rc == SP_OK)
		rc = sp_shard_connect(s, SQLITE_OPEN_READWRITE, err);
	if (rc == SP_OK) {
		db = sp_db_exec(s->db, write_pragmas);
		if (db == SQLITE_OK)
			db = make_schema(s, origin, first);
		if (db != SQLITE_OK)
			rc = sp_db_error(s->db, db, s->path, err);
	}
	if (rc == SP_OK)
		rc = sp_shard_read_info(s, err);
	if (rc == SP_OK)
		rc = prepare_all(s, err);
	if (rc != SP_OK) {
		sp_shard_abandon(s);
		return (rc);
	}
	*out = s;
	return (SP_OK);
}

enum sp_code
sp_shard_begin(struct sp_shard *s, struct sp_err *err)
{
	int rc = sp_db_exec(s->db, "BEGIN IMMEDIATE");

	if (rc != SQLITE_OK)
		return (sp_db_error(s->db, rc, s->path, err));
	s->in_txn = true;
	return (SP_OK);
}

static int
put_cursor(
    struct sp_shard *s, uint64_t next, const uint8_t *leaf, const char *opened)
{
	sqlite3_stmt *st = s->st[SP_ST_CURSOR];

	(void)sp_db_bind_u64(st, 1, next);
	(void)sqlite3_bind_blob(st, 2, leaf, SP_SHA256_LEN, SQLITE_STATIC);
	(void)sp_db_bind_u64(st, 3, s->info.messages + s->added);
	(void)sp_db_bind_view(st, 4, sp_view_str(opened));
	return (sp_db_run(st));
}

enum sp_code
sp_shard_commit(struct sp_shard *s, uint64_t next,
    const uint8_t leaf[SP_SHA256_LEN], struct sp_err *err)
{
	char boot[64];
	int rc;

	boot_id(boot);
	rc = sp_traffic_flush(s);
	if (rc == SQLITE_OK)
		rc = put_cursor(s, next, leaf, boot);
	if (rc == SQLITE_OK)
		rc = sp_db_exec(s->db, "COMMIT");
	if (rc != SQLITE_OK) {
		enum sp_code code = sp_db_error(s->db, rc, s->path, err);

		sp_shard_rollback(s);
		return (code);
	}
	s->in_txn = false;
	s->marked = true;
	s->info.next = next;
	s->info.messages += s->added;
	s->added = 0;
	memcpy(s->info.leaf, leaf, SP_SHA256_LEN);
	return (SP_OK);
}

void
sp_shard_rollback(struct sp_shard *s)
{
	if (s->in_txn)
		(void)sp_db_exec(s->db, "ROLLBACK");
	s->in_txn = false;
	s->added = 0;
	sp_known_clear(s->known);
	s->nevidence = 0;
	sp_traffic_clear(s->traffic);
}

void
sp_shard_abandon(struct sp_shard *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < SP_ST_COUNT; i++)
		(void)sqlite3_finalize(s->st[i]);
	(void)sqlite3_close_v2(s->db);
	sp_known_free(s->known);
	sp_traffic_free(s->traffic);
	sp_buf_done(&s->flags);
	sp_buf_done(&s->meta);
	free(s->path);
	free(s);
}

void
sp_shard_close(struct sp_shard *s)
{
	int keep = 1;

	if (s == NULL)
		return;
	if (s->writable && s->marked && !s->in_txn &&
	    put_cursor(s, s->info.next, s->info.leaf, "") == SQLITE_OK)
		(void)sqlite3_wal_checkpoint_v2(
		    s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	/* A reader that may not write here needs the -wal and -shm files. */
	if (s->writable)
		(void)sqlite3_file_control(
		    s->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
	sp_shard_abandon(s);
}

enum sp_code
sp_shard_drop(const char *dir, int key, struct sp_err *err)
{
	static const char *const suffixes[] = { "", "-wal", "-shm",
		"-journal" };
	char *path = sp_shard_path(dir, key);
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(suffixes); i++) {
		char *file = sp_xasprintf("%s%s", path, suffixes[i]);

		rc = sp_io_unlink(file, err);
		free(file);
	}
	free(path);
	return (rc);
}
