/*
 * Events of the log by the time they were received, from the shards.  `sealpost
 * audit` lists them, an export gives them to the auditor (export/audit.c).
 */
#include <stdlib.h>

#include "index/db.h"
#include "index/search_priv.h"

/* Append the events of one shard. */
static enum sp_code
collect(struct sp_shard *s, int64_t since, int64_t until, struct sp_founds *out,
    struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(&s->db,
	    "SELECT seq FROM events WHERE received >= ?1 AND received < ?2 AND seq < ?3 ORDER BY seq",
	    false, &st);

	if (rc == SQLITE_OK) {
		(void)sqlite3_bind_int64(st, 1, since);
		(void)sqlite3_bind_int64(st, 2, until);
		(void)sp_db_bind_u64(st, 3, s->info.next);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			sp_founds_add(
			    out, (struct sp_found){ .seq = sp_db_u64(st, 0) });
	}
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_DONE ? SP_OK : sp_db_error(&s->db, rc, err));
}

enum sp_code
sp_search_events(const char *dir, int64_t since, int64_t until,
    enum sp_code (*fn)(void *ctx, uint64_t seq, struct sp_err *err), void *ctx,
    struct sp_err *err)
{
	struct sp_founds all = { 0 };
	struct sp_shards shards;
	enum sp_code rc = sp_shards_open(dir, &shards, err);

	if (rc != SP_OK)
		return (rc);
	for (size_t i = 0; rc == SP_OK && i < shards.n; i++)
		rc = collect(shards.v[i], since, until, &all, err);
	if (rc == SP_OK)
		rc = sp_shards_still(&shards, err);
	sp_shards_close(&shards);
	for (size_t i = 0; rc == SP_OK && i < all.n; i++)
		rc = fn(ctx, all.v[i].seq, err);
	free(all.v);
	return (rc == SP_EEND ? SP_OK : rc);
}
