/*
 * Connections to a shard.  A reader that may not write the folder relies on
 * the -wal and -shm files that the writer leaves behind; where they are
 * missing (a copy, a read-only medium) the file is read as immutable.
 */
#include "index/shard_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "index/db.h"
#include "index/schema/schema.h"
#include "index/schema/token.h"

#define BUSY_MS 10000

struct sp_shard *
sp_shard_alloc(const char *dir, int key)
{
	struct sp_shard *s = sp_xcalloc(1, sizeof(*s));

	s->path = sp_shard_path(dir, key);
	s->info.key = key;
	sp_buf_init(&s->flags, (size_t)64 << 10);
	sp_buf_init(&s->meta, (size_t)64 << 20);
	return (s);
}

static enum sp_code
connect_to(struct sp_shard *s, const char *name, int flags, struct sp_err *err)
{
	int rc =
	    sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK) {
		(void)sqlite3_extended_result_codes(s->db, 1);
		(void)sqlite3_busy_timeout(s->db, BUSY_MS);
		(void)sqlite3_db_config(
		    s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		rc = sp_token_register(s->db);
	}
	if (rc != SQLITE_OK)
		return (sp_db_error(s->db, rc, s->path, err));
	return (SP_OK);
}

enum sp_code
sp_shard_connect(struct sp_shard *s, int flags, struct sp_err *err)
{
	return (connect_to(s, s->path, flags, err));
}

static enum sp_code
connect_immutable(struct sp_shard *s, struct sp_err *err)
{
	static const char hex[] = "0123456789ABCDEF";
	struct sp_buf uri;
	enum sp_code rc;

	sp_buf_init(&uri, 3 * SP_PATH_MAX + 64);
	rc = sp_buf_adds(&uri, "file:");
	for (const char *p = s->path; rc == SP_OK && *p != '\0'; p++) {
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
		    err, SP_ELIMIT, 0, "%s: the path is too long", s->path);
	else
		rc = connect_to(
		    s, uri.p, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
	sp_buf_done(&uri);
	s->immutable = true;
	return (rc);
}

static int
pragma_int(sqlite3 *db, const char *sql, int *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(db, sql, false, &st);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int(st, 0);
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_ROW ? SQLITE_OK : rc);
}

static enum sp_code
check_version(struct sp_shard *s, struct sp_err *err)
{
	int version = 0, app = 0;
	int rc = pragma_int(s->db, "PRAGMA user_version", &version);

	if (rc == SQLITE_OK)
		rc = pragma_int(s->db, "PRAGMA application_id", &app);
	if (rc != SQLITE_OK)
		return (sp_db_error(s->db, rc, s->path, err));
	if (version == 0 && app == 0)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "%s: the index file was never finished", s->path));
	if (version != SP_SCHEMA_VERSION || app != SP_SCHEMA_APPID)
		return (sp_err_set(err, SP_EVERSION, 0,
		    "%s: the index file was made by another version of Sealpost; run `sealpost reindex`",
		    s->path));
	return (SP_OK);
}

static void
copy_text(sqlite3_stmt *st, int i, char *out, size_t size)
{
	struct sp_view v = sp_db_view(st, i);

	if (v.n >= size)
		v.n = size - 1;
	if (v.n > 0)
		memcpy(out, v.p, v.n);
	out[v.n] = '\0';
}

static enum sp_code
take_info(struct sp_shard *s, sqlite3_stmt *st, struct sp_err *err)
{
	struct sp_shard_info *i = &s->info;
	struct sp_view tok = sp_db_view(st, 1);

	if (!sp_view_eq_str(tok, SP_TOKEN_VERSION))
		return (sp_err_set(err, SP_EVERSION, 0,
		    "%s: the words of the index were made by another version of Sealpost; run `sealpost reindex`",
		    s->path));
	copy_text(st, 0, i->origin, sizeof(i->origin));
	i->first = sp_db_u64(st, 2);
	i->next = sp_db_u64(st, 3);
	if (sqlite3_column_bytes(st, 4) != SP_SHA256_LEN || i->next < i->first)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "%s: the index file is damaged (cursor); run `sealpost reindex`",
		    s->path));
	memcpy(i->leaf, sqlite3_column_blob(st, 4), SP_SHA256_LEN);
	copy_text(st, 5, i->opened, sizeof(i->opened));
	i->messages = sp_db_u64(st, 6);
	return (SP_OK);
}

enum sp_code
sp_shard_read_info(struct sp_shard *s, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	enum sp_code code = check_version(s, err);
	int rc;

	if (code != SP_OK)
		return (code);
	rc = sp_db_prepare(s->db,
	    "SELECT origin, tokenizer, first, next, leaf, opened, messages FROM shard",
	    false, &st);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		code = take_info(s, st, err);
	else
		code = sp_db_error(s->db,
		    rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, s->path, err);
	(void)sqlite3_finalize(st);
	return (code);
}

/* Whether the writer left nothing that the file alone does not hold. */
static bool
whole_without_wal(const char *path)
{
	char *wal = sp_xasprintf("%s-wal", path);
	bool there = sp_io_exists(wal);

	free(wal);
	return (!there);
}

enum sp_code
sp_shard_open(
    const char *dir, int key, struct sp_shard **out, struct sp_err *err)
{
	struct sp_shard *s = sp_shard_alloc(dir, key);
	enum sp_code rc = connect_to(s, s->path, SQLITE_OPEN_READONLY, err);

	if (rc == SP_OK)
		rc = sp_shard_read_info(s, err);
	if ((rc == SP_EIO || rc == SP_EPERM) && whole_without_wal(s->path)) {
		(void)sqlite3_close_v2(s->db);
		s->db = NULL;
		rc = connect_immutable(s, err);
		if (rc == SP_OK)
			rc = sp_shard_read_info(s, err);
	}
	/* Listed, and dropped meanwhile to be made again. */
	if (rc != SP_OK && !sp_io_exists(s->path))
		rc = sp_err_set(err, SP_ENOTFOUND, 0,
		    "%s: the index file is gone", s->path);
	if (rc != SP_OK) {
		sp_shard_abandon(s);
		return (rc);
	}
	*out = s;
	return (SP_OK);
}

enum sp_code
sp_shard_check(struct sp_shard *s, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(s->db, "PRAGMA quick_check(1)", false, &st);
	bool ok = false;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		ok = sp_view_eq_str(sp_db_view(st, 0), "ok");
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(st);
	if (rc == SQLITE_OK && !ok)
		rc = SQLITE_CORRUPT;
	if (rc == SQLITE_OK)
		rc = sp_db_exec(s->db,
		    "INSERT INTO fulltext(fulltext) VALUES('integrity-check')");
	return (rc == SQLITE_OK ? SP_OK : sp_db_error(s->db, rc, s->path, err));
}
