/*
 * Opening the shards of an archive to read (shards.h).  Called by search.c,
 * search_events.c, family.c and sp_index_reach().
 */
#include "index/shards.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"

static enum sp_code
open_one(const char *dir, const char *origin, int key, struct sp_shards *out,
    struct sp_err *err)
{
	struct sp_shard *s = NULL;
	enum sp_code rc = sp_shard_open(dir, key, &s, err);

	/* Such a shard covers nothing; the indexer builds it again. */
	if (rc == SP_EFORMAT || rc == SP_EVERSION || rc == SP_ENOTFOUND)
		return (SP_OK);
	if (rc != SP_OK)
		return (rc);
	if (strcmp(s->info.origin, origin) != 0) {
		sp_shard_close(s);
		return (SP_OK);
	}
	out->v = sp_xrealloc(out->v, (out->n + 1) * sizeof(struct sp_shard *));
	out->v[out->n++] = s;
	if (s->info.first == out->cursor)
		out->cursor = s->info.next;
	return (SP_OK);
}

enum sp_code
sp_shards_open(const char *dir, struct sp_shards *out, struct sp_err *err)
{
	char origin[SP_ORIGIN_MAX + 1];
	int *keys = NULL;
	size_t n = 0;
	enum sp_code rc;

	*out = (struct sp_shards){ 0 };
	rc = sp_layout_read_format(dir, origin, err);
	if (rc == SP_OK)
		rc = sp_shard_list(dir, &keys, &n, err);
	for (size_t i = 0; rc == SP_OK && i < n; i++)
		rc = open_one(dir, origin, keys[i], out, err);
	free(keys);
	if (rc != SP_OK)
		sp_shards_close(out);
	return (rc);
}

enum sp_code
sp_shards_still(const struct sp_shards *s, struct sp_err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		char *wal;
		bool there;

		if (!s->v[i]->db.immutable)
			continue;
		wal = sp_xasprintf("%s-wal", s->v[i]->db.path);
		there = sp_io_exists(wal);
		free(wal);
		if (there)
			return (sp_err_set(err, SP_EAGAIN, 0,
			    "%s: the index was written while it was searched; search again",
			    s->v[i]->db.path));
	}
	return (SP_OK);
}

void
sp_shards_close(struct sp_shards *s)
{
	for (size_t i = 0; i < s->n; i++)
		sp_shard_close(s->v[i]);
	free(s->v);
	*s = (struct sp_shards){ 0 };
}
