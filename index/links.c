/*
 * index/links.sqlite (links.h; doc/format-index.md, "Families").  The indexer
 * puts each entry and learns which earlier ones it repeats; the table "family"
 * has a row for each entry, "msgids" one for each Message-ID.  Entries may be
 * put in any order: where an earlier one turns up late, the rows that named
 * another first one are changed.
 */
#include "index/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"
#include "index/db.h"

#define LINKS_VERSION 1 /* PRAGMA user_version */
#define LINKS_APPID   0x5350696c /* PRAGMA application_id, "SPil" */

enum link_statement {
	FIND_ORIGINAL, /* of a family and original, the first entry */
	FIND_SAME_BYTES, /* of these, the first with the same bytes */
	ADD_ENTRY,
	SET_FIRST, /* of all rows of a family and original */
	FIND_MSGID,
	ADD_MSGID,
	SET_MSGID,
	SET_NEXT,
	LINK_STATEMENTS
};

static const char *const statements[LINK_STATEMENTS] = {
	[FIND_ORIGINAL] =
	    "SELECT ifnull(first, seq) FROM family WHERE k = ?1 AND x = ?2 LIMIT 1",
	[FIND_SAME_BYTES] =
	    "SELECT seq FROM family WHERE k = ?1 AND x = ?2 AND r = ?3 AND seq < ?4 ORDER BY seq LIMIT 1",
	[ADD_ENTRY] = "INSERT OR IGNORE INTO family VALUES(?1, ?2, ?3, ?4, ?5)",
	[SET_FIRST] = "UPDATE family SET first = ?3 WHERE k = ?1 AND x = ?2",
	[FIND_MSGID] = "SELECT seq, stable FROM msgids WHERE k = ?1",
	[ADD_MSGID] = "INSERT OR IGNORE INTO msgids VALUES(?1, ?2, ?3)",
	[SET_MSGID] = "UPDATE msgids SET stable = ?2, seq = ?3 WHERE k = ?1",
	[SET_NEXT] = "UPDATE links SET next = ?1",
};

/* Keys are digests, so that every row goes to another page: small pages, and a
 * checkpoint each 32,768 of them. */
static const char write_pragmas[] =
    "PRAGMA page_size = 1024;PRAGMA wal_autocheckpoint = 32768;";

static const char schema[] =
    "CREATE TABLE links(one INTEGER PRIMARY KEY CHECK(one = 1), origin TEXT NOT NULL, next INTEGER NOT NULL);CREATE TABLE family(k BLOB NOT NULL, x BLOB NOT NULL, r BLOB NOT NULL, seq INTEGER NOT NULL, first INTEGER, PRIMARY KEY(k, x, r, seq)) WITHOUT ROWID;CREATE TABLE msgids(k BLOB PRIMARY KEY, stable BLOB NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;";

struct sp_links {
	struct sp_db db;
	const char *origin; /* whose links these must be; while opening */
	uint64_t next; /* entries [0, next) are covered */
	sqlite3_stmt *st[LINK_STATEMENTS];
};

/* ---- the file ---------------------------------------------------------- */

/* What SQLite's ${rc} means; the message names the file. */
static enum sp_code
failed(const struct sp_links *l, int rc, struct sp_err *err)
{
	return (sp_db_error(&l->db, rc, err));
}

/* Not open yet; ${origin} is borrowed until it is. */
static struct sp_links *
alloc(const char *dir, const char *origin)
{
	struct sp_links *l = sp_xcalloc(1, sizeof(*l));

	l->db.path = sp_layout_path(dir, "index/links.sqlite");
	l->origin = origin;
	return (l);
}

void
sp_links_close(struct sp_links *l)
{
	if (l == NULL)
		return;
	sp_db_finalize_all(l->st, LINK_STATEMENTS);
	if (l->db.handle != NULL &&
	    sqlite3_db_readonly(l->db.handle, "main") == 0)
		sp_db_keep_wal(&l->db);
	sp_db_close(&l->db);
	free(l);
}

/* The row of table links, if it is that of this archive; else *mine is
 * false. */
static int
read_row(struct sp_links *l, bool *mine)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(
	    &l->db, "SELECT next FROM links WHERE origin = ?", false, &st);

	if (rc == SQLITE_OK) {
		(void)sp_db_bind_view(st, 1, sp_view_str(l->origin));
		rc = sqlite3_step(st);
	}
	*mine = rc == SQLITE_ROW;
	if (*mine)
		l->next = sp_db_column_u64(st, 0);
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc);
}

/* What has to be done with a connection before anything else.  SP_EVERSION:
 * another version, another archive, or never finished. */
static enum sp_code
begin_reading(void *ctx, struct sp_err *err)
{
	struct sp_links *l = ctx;
	int version = 0, app = 0;
	bool mine = false;
	int rc = sp_db_read_stamp(&l->db, &version, &app);

	if (rc == SQLITE_OK && version == LINKS_VERSION && app == LINKS_APPID)
		rc = read_row(l, &mine);
	if (rc != SQLITE_OK)
		return (failed(l, rc, err));
	if (!mine)
		return (sp_err_set(err, SP_EVERSION, 0,
		    "%s: the file was made by another version of Sealpost or for another archive",
		    l->db.path));
	return (SP_OK);
}

/* Make the tables in a new file. */
static int
make_schema(struct sp_links *l)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_begin(&l->db);

	if (rc == SQLITE_OK)
		rc = sp_db_exec(&l->db, schema);
	if (rc == SQLITE_OK)
		rc = sp_db_prepare(
		    &l->db, "INSERT INTO links VALUES(1, ?, 0)", false, &st);
	if (rc == SQLITE_OK) {
		(void)sp_db_bind_view(st, 1, sp_view_str(l->origin));
		rc = sp_db_run(st);
	}
	(void)sqlite3_finalize(st);
	if (rc == SQLITE_OK)
		rc = sp_db_write_stamp(&l->db, LINKS_VERSION, LINKS_APPID);
	if (rc == SQLITE_OK)
		rc = sp_db_commit(&l->db);
	return (rc);
}

/* Open to write; make the file and its tables where it is not there. */
static enum sp_code
open_write(struct sp_links *l, const char *dir, struct sp_err *err)
{
	bool fresh = !sp_io_exists(l->db.path);
	enum sp_code rc =
	    fresh ? sp_db_create_file(dir, l->db.path, err) : SP_OK;
	int db;

	if (rc == SP_OK)
		rc = sp_db_open_write(&l->db, err);
	if (rc != SP_OK)
		return (rc);
	db = sp_db_set_pragmas(&l->db, write_pragmas);
	if (db == SQLITE_OK && fresh)
		db = make_schema(l);
	if (db != SQLITE_OK)
		return (failed(l, db, err));
	rc = begin_reading(l, err);
	if (rc != SP_OK)
		return (rc);
	db = sp_db_prepare_all(&l->db, statements, LINK_STATEMENTS, l->st);
	return (db == SQLITE_OK ? SP_OK : failed(l, db, err));
}

enum sp_code
sp_links_open(const char *dir, const char *origin, struct sp_links **out,
    struct sp_err *err)
{
	struct sp_links *l = alloc(dir, origin);
	enum sp_code rc = open_write(l, dir, err);

	l->origin = NULL;
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
	struct sp_links *l = alloc(dir, origin);
	enum sp_code rc;

	if (!sp_io_exists(l->db.path))
		rc = sp_err_set(
		    err, SP_ENOTFOUND, 0, "%s: there is none", l->db.path);
	else
		rc = sp_db_open_read(&l->db, begin_reading, l, err);
	l->origin = NULL;
	/* The indexer makes it again. */
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
	char *path = sp_layout_path(dir, "index/links.sqlite");
	enum sp_code rc = sp_db_drop(path, err);

	free(path);
	return (rc);
}

uint64_t
sp_links_next(const struct sp_links *l)
{
	return (l->next);
}

/* ---- writing ----------------------------------------------------------- */

/* Bind the bytes of a key. */
static void
bind_id(sqlite3_stmt *st, int i, const uint8_t id[SP_LINK_ID])
{
	(void)sqlite3_bind_blob(st, i, id, SP_LINK_ID, SQLITE_STATIC);
}

/* Bind the key of the bytes received; empty where the original is all of it. */
static void
bind_raw(sqlite3_stmt *st, int i, const struct sp_link_ids *e)
{
	int n = memcmp(e->raw, e->inner, SP_LINK_ID) == 0 ? 0 : SP_LINK_ID;

	(void)sqlite3_bind_blob(st, i, e->raw, n, SQLITE_STATIC);
}

/* Step a query of one row: its first column, or SP_LINK_NONE. */
static int
find_seq(sqlite3_stmt *st, uint64_t *out)
{
	int rc = sqlite3_step(st);

	*out = rc == SQLITE_ROW ? sp_db_column_u64(st, 0) : SP_LINK_NONE;
	(void)sqlite3_reset(st);
	return (rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc);
}

/* Add the entry to its family; find the first with the same original, and of
 * those the first with the same bytes.  If a later entry is there already, this
 * one becomes the first of that original. */
static int
put_family(struct sp_links *l, const struct sp_link_ids *e,
    struct sp_link_found *found)
{
	sqlite3_stmt *st = l->st[FIND_ORIGINAL];
	uint64_t first;
	int rc;

	bind_id(st, 1, e->family);
	bind_id(st, 2, e->inner);
	rc = find_seq(st, &first);
	if (rc == SQLITE_OK && first != SP_LINK_NONE && first > e->seq) {
		st = l->st[SET_FIRST];
		bind_id(st, 1, e->family);
		bind_id(st, 2, e->inner);
		(void)sp_db_bind_u64(st, 3, e->seq);
		rc = sp_db_run(st);
		first = SP_LINK_NONE;
	} else if (rc == SQLITE_OK && first < e->seq) {
		found->same_as = first;
		st = l->st[FIND_SAME_BYTES];
		bind_id(st, 1, e->family);
		bind_id(st, 2, e->inner);
		bind_raw(st, 3, e);
		(void)sp_db_bind_u64(st, 4, e->seq);
		rc = find_seq(st, &found->duplicate_of);
	}
	if (rc != SQLITE_OK)
		return (rc);
	st = l->st[ADD_ENTRY];
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

/* Add the Message-ID, or compare with the first entry that has it: another
 * ${stable} is a conflict.  The first entry by seq stays in the table. */
static int
put_msgid(struct sp_links *l, const struct sp_link_ids *e,
    struct sp_link_found *found)
{
	sqlite3_stmt *st = l->st[ADD_MSGID];
	uint64_t first = SP_LINK_NONE;
	bool same = true;
	int rc;

	bind_id(st, 1, e->msgid);
	bind_id(st, 2, e->stable);
	(void)sp_db_bind_u64(st, 3, e->seq);
	rc = sp_db_run(st);
	if (rc != SQLITE_OK || sqlite3_changes(l->db.handle) > 0)
		return (rc);
	st = l->st[FIND_MSGID];
	bind_id(st, 1, e->msgid);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		first = sp_db_column_u64(st, 0);
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
	st = l->st[SET_MSGID];
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
	if (!ids->known)
		return (SP_OK);
	rc = sp_db_begin(&l->db);
	if (rc == SQLITE_OK)
		rc = put_family(l, ids, found);
	if (rc == SQLITE_OK && ids->has_msgid)
		rc = put_msgid(l, ids, found);
	return (rc == SQLITE_OK ? SP_OK : failed(l, rc, err));
}

/* Forget an entry: its place in the family, of which the next one becomes the
 * first, and its Message-ID, which the next entry that has it will take. */
static int
remove_entry(struct sp_links *l, const struct sp_link_ids *e)
{
	static const char *const sql[] = {
		"DELETE FROM family WHERE k = ?1 AND x = ?2 AND r = ?3 AND seq = ?4",
		"UPDATE family SET first = nullif((SELECT min(seq) FROM family WHERE k = ?1 AND x = ?2), seq) WHERE k = ?1 AND x = ?2 AND first = ?4",
		"DELETE FROM msgids WHERE k = ?5 AND seq = ?4",
	};
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < SP_COUNTOF(sql); i++) {
		sqlite3_stmt *st = NULL;

		rc = sp_db_prepare(&l->db, sql[i], false, &st);
		if (rc == SQLITE_OK) {
			bind_id(st, 1, e->family);
			bind_id(st, 2, e->inner);
			bind_raw(st, 3, e);
			(void)sp_db_bind_u64(st, 4, e->seq);
			bind_id(st, 5, e->msgid);
			rc = sp_db_run(st);
		}
		(void)sqlite3_finalize(st);
	}
	return (rc);
}

enum sp_code
sp_links_replace(struct sp_links *l, const struct sp_link_ids *was,
    const struct sp_link_ids *ids, struct sp_link_found *found,
    struct sp_err *err)
{
	int rc = was->known ? sp_db_begin(&l->db) : SQLITE_OK;

	if (rc == SQLITE_OK && was->known)
		rc = remove_entry(l, was);
	return (rc == SQLITE_OK ? sp_links_put(l, ids, found, err)
				: failed(l, rc, err));
}

enum sp_code
sp_links_commit(struct sp_links *l, uint64_t next, struct sp_err *err)
{
	int rc = SQLITE_OK;

	if (next > l->next) {
		rc = sp_db_begin(&l->db);
		if (rc == SQLITE_OK) {
			(void)sp_db_bind_u64(l->st[SET_NEXT], 1, next);
			rc = sp_db_run(l->st[SET_NEXT]);
		}
	}
	if (rc == SQLITE_OK && l->db.in_txn)
		rc = sp_db_commit(&l->db);
	if (rc != SQLITE_OK)
		return (failed(l, rc, err));
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
	rc = sp_db_begin(&l->db);
	(void)snprintf(sql, sizeof(sql),
	    "DELETE FROM family WHERE seq >= %llu;DELETE FROM msgids WHERE seq >= %llu;UPDATE links SET next = %llu",
	    (unsigned long long)next, (unsigned long long)next,
	    (unsigned long long)next);
	if (rc == SQLITE_OK)
		rc = sp_db_exec(&l->db, sql);
	if (rc == SQLITE_OK)
		rc = sp_db_commit(&l->db);
	if (rc != SQLITE_OK)
		return (failed(l, rc, err));
	l->next = next;
	return (SP_OK);
}

/* ---- reading ----------------------------------------------------------- */

/* Reads them all at once, so that no statement stays open. */
enum sp_code
sp_links_members(struct sp_links *l, const uint8_t family[SP_LINK_ID],
    uint64_t **seqs, size_t *n, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	uint64_t *v = NULL;
	size_t got = 0, room = 0;
	int rc = sp_db_prepare(&l->db,
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
			v[got++] = sp_db_column_u64(st, 0);
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
