/*
 * Shards as files and as something that is written: names by month, the
 * transaction that commits rows with the cursor, and the mark by which the
 * next start sees that a writer did not close the file.  Connections are made
 * in shard_open.c, rows put in put.c.
 */
#include "index/shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "index/known.h"
#include "index/traffic.h"

/* ---- files ----------------------------------------------------------- */

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

/* The key of a file name, or -1 if it is not that of a shard. */
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

enum sp_code
sp_shard_drop(const char *dir, int key, struct sp_err *err)
{
	char *path = sp_shard_path(dir, key);
	enum sp_code rc = sp_db_drop(path, err);

	free(path);
	return (rc);
}

/* ---- the mark of a writer -------------------------------------------- */

/* What identifies this run of the system, "unknown" where the kernel does not
 * say.  What a killed process wrote is still in the page cache as long as it is
 * the same. */
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

/* In the same run of the system nothing that was written is lost; where the run
 * is not known, the shard is suspected. */
bool
sp_shard_suspect(const struct sp_shard_info *i)
{
	char now[64];

	if (i->opened[0] == '\0')
		return (false);
	boot_id(now);
	return (strcmp(now, i->opened) != 0 || strcmp(now, "unknown") == 0);
}

/* ---- writing --------------------------------------------------------- */

enum sp_code
sp_shard_begin(struct sp_shard *s, struct sp_err *err)
{
	int rc = sp_db_begin(&s->db);

	return (rc == SQLITE_OK ? SP_OK : sp_db_error(&s->db, rc, err));
}

/* Update the row of table shard; ${opened}: the mark of a writer, or "". */
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

/* Traffic and cursor are written last, in the same transaction. */
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
		rc = sp_db_commit(&s->db);
	if (rc != SQLITE_OK) {
		enum sp_code code = sp_db_error(&s->db, rc, err);

		sp_shard_rollback(s);
		return (code);
	}
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
	sp_db_rollback(&s->db);
	s->added = 0;
	sp_known_clear(s->known);
	sp_traffic_clear(s->traffic);
}

void
sp_shard_abandon(struct sp_shard *s)
{
	if (s == NULL)
		return;
	sp_db_finalize_all(s->st, SP_ST_COUNT);
	sp_db_close(&s->db);
	sp_known_free(s->known);
	sp_traffic_free(s->traffic);
	sp_buf_done(&s->flags);
	sp_buf_done(&s->meta);
	free(s);
}

/* A writer takes the mark away and moves everything into the file itself; if
 * that fails the next start does it. */
void
sp_shard_close(struct sp_shard *s)
{
	if (s == NULL)
		return;
	if (s->writable && s->marked && !s->db.in_txn &&
	    put_cursor(s, s->info.next, s->info.leaf, "") == SQLITE_OK)
		(void)sqlite3_wal_checkpoint_v2(
		    s->db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (s->writable)
		sp_db_keep_wal(&s->db);
	sp_shard_abandon(s);
}
