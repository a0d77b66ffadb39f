/*
 * The links beside the shards: made from the shards where they are missing, cut
 * where they are ahead.  The writer commits links before shards, so that being
 * ahead is all that an interruption leaves.
 */
#include <string.h>

#include "index/db.h"
#include "index/index_priv.h"

#define BATCH 20000u /* entries a commit while the links are made again */

/* An id from column ${i}; zeros where there is none. */
static void
copy_id(sqlite3_stmt *st, int i, uint8_t out[SP_LINK_ID])
{
	int n = sqlite3_column_bytes(st, i);

	memset(out, 0, SP_LINK_ID);
	if (n >= SP_LINK_ID)
		memcpy(out, sqlite3_column_blob(st, i), SP_LINK_ID);
}

/* By what a row of messages says the entry is known. */
static void
ids_of(sqlite3_stmt *st, struct sp_link_ids *ids)
{
	*ids = (struct sp_link_ids){ .seq = sp_db_u64(st, 0) };
	ids->known = sqlite3_column_type(st, 3) == SQLITE_BLOB;
	copy_id(st, 1, ids->raw);
	memcpy(ids->inner, ids->raw, SP_LINK_ID);
	if (sqlite3_column_type(st, 2) == SQLITE_BLOB)
		copy_id(st, 2, ids->inner);
	copy_id(st, 3, ids->family);
	ids->has_msgid = sqlite3_column_type(st, 4) == SQLITE_BLOB;
	copy_id(st, 4, ids->stable);
	if (ids->has_msgid)
		sp_links_msgid(sp_db_view(st, 5), ids->msgid);
}

/* Put the entries of a shard that the links do not have yet.  *shard_failed: it
 * is the shard that could not be read, not the links. */
static enum sp_code
read_shard(struct sp_index *ix, const struct sp_shard_info *info,
    bool *shard_failed, struct sp_err *err)
{
	uint64_t first = sp_links_next(ix->links), n = 0;
	struct sp_shard *s = NULL;
	sqlite3_stmt *st = NULL;
	struct sp_link_found found;
	struct sp_link_ids ids;
	enum sp_code rc = sp_shard_open(ix->dir, info->key, &s, err);
	int db;

	if (rc != SP_OK)
		return (rc);
	db = sp_db_prepare(&s->db,
	    "SELECT seq, sha256, original, family, stable, msgid FROM messages WHERE seq >= ?1 AND seq < ?2 ORDER BY seq",
	    false, &st);
	(void)sp_db_bind_u64(st, 1, first);
	(void)sp_db_bind_u64(st, 2, info->next);
	while (rc == SP_OK && db == SQLITE_OK &&
	       (db = sqlite3_step(st)) == SQLITE_ROW) {
		db = SQLITE_OK;
		ids_of(st, &ids);
		rc = sp_links_put(ix->links, &ids, &found, err);
		if (rc == SP_OK && ++n % BATCH == 0)
			rc = sp_links_commit(ix->links, ids.seq + 1, err);
	}
	*shard_failed = rc == SP_OK && db != SQLITE_DONE;
	if (*shard_failed)
		rc = sp_db_error(&s->db, db, err);
	(void)sqlite3_finalize(st);
	sp_shard_close(s);
	if (rc == SP_OK)
		rc = sp_links_commit(ix->links, info->next, err);
	return (rc);
}

/* Put the entries of shard ${i} into the links; if the shard is damaged it is
 * dropped and indexed again, as the writer would do. */
static enum sp_code
add_shard(struct sp_index *ix, size_t i, struct sp_err *err)
{
	struct sp_shard_info info = ix->shards[i];
	bool shard_failed = true;
	enum sp_code rc = read_shard(ix, &info, &shard_failed, err);
	char why[SP_ERR_MAX];

	if (rc != SP_EFORMAT || !shard_failed ||
	    ++ix->drops > SP_INDEX_DROPS_MAX)
		return (rc);
	memcpy(why, err->msg, sizeof(why));
	return (sp_index_remove(ix, info.key, "shard_damaged", why, err));
}

/* Cut the links to what the shards cover, or add what they lack. */
static enum sp_code
sync_with_shards(struct sp_index *ix, struct sp_err *err)
{
	uint64_t end = 0;
	enum sp_code rc = SP_OK;

	if (ix->nshards > 0)
		end = ix->shards[ix->nshards - 1].next;
	if (sp_links_next(ix->links) > end)
		return (sp_links_cut(ix->links, end, err));
	for (size_t i = 0; rc == SP_OK && i < ix->nshards; i++)
		if (ix->shards[i].next > sp_links_next(ix->links))
			rc = add_shard(ix, i, err);
	return (rc);
}

enum sp_code
sp_index_links_bad(struct sp_index *ix, const char *why, struct sp_err *err)
{
	sp_links_close(ix->links);
	ix->links = NULL;
	sp_index_say(ix, "shard_damaged",
	    "index/links.sqlite is dropped and made again from the shards: %s",
	    why);
	return (sp_links_drop(ix->dir, err));
}

/* Open the links; those of another version, or never finished, are made again,
 * and nothing is lost with them. */
static enum sp_code
open_links(struct sp_index *ix, struct sp_err *err)
{
	enum sp_code rc = sp_links_open(ix->dir, ix->origin, &ix->links, err);

	if (rc == SP_EVERSION) {
		rc = sp_links_drop(ix->dir, err);
		if (rc == SP_OK)
			rc =
			    sp_links_open(ix->dir, ix->origin, &ix->links, err);
	}
	return (rc);
}

enum sp_code
sp_index_links(struct sp_index *ix, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (int i = 0; i < 2; i++) {
		char why[SP_ERR_MAX];

		rc = ix->links == NULL ? open_links(ix, err) : SP_OK;
		if (rc == SP_OK)
			rc = sync_with_shards(ix, err);
		if (rc != SP_EFORMAT || i == 1)
			break;
		memcpy(why, err->msg, sizeof(why));
		rc = sp_index_links_bad(ix, why, err);
		if (rc != SP_OK)
			break;
	}
	return (rc);
}
