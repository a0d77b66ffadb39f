/*
 * Reading traffic (traffic.h): the counts of the months from an instant on.
 * Called by app/service/silence_watch.c, which adds what the shards give.
 */
#include "index/traffic.h"

#include <stdlib.h>

#include "base/buf.h"
#include "index/db.h"
#include "index/shard.h"

struct sp_traffic_view {
	int64_t since;
	struct sp_shard **v;
	size_t n;
};

void
sp_traffic_close(struct sp_traffic_view *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->n; i++)
		sp_shard_close(v->v[i]);
	free(v->v);
	free(v);
}

enum sp_code
sp_traffic_open(const char *dir, int64_t since_us, struct sp_traffic_view **out,
    struct sp_err *err)
{
	struct sp_traffic_view *v = sp_xcalloc(1, sizeof(*v));
	int *keys = NULL;
	size_t n = 0;
	enum sp_code rc = sp_shard_list(dir, &keys, &n, err);

	v->since = since_us;
	v->v = sp_xcalloc(n, sizeof(struct sp_shard *));
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		if (keys[i] < sp_shard_key(since_us))
			continue;
		rc = sp_shard_open(dir, keys[i], &v->v[v->n], err);
		if (rc == SP_OK)
			v->n++;
	}
	free(keys);
	if (rc == SP_OK)
		*out = v;
	else
		sp_traffic_close(v);
	return (rc);
}

/* The limit ${most} counts in each shard alone. */
enum sp_code
sp_traffic_busiest(const struct sp_traffic_view *v, enum sp_traffic_kind kind,
    uint64_t most, void (*fn)(void *ctx, const struct sp_traffic_sum *sum),
    void *ctx, struct sp_err *err)
{
	for (size_t i = 0; i < v->n; i++) {
		struct sp_shard *s = v->v[i];
		sqlite3_stmt *st = NULL;
		int rc = sp_db_prepare(&s->db,
		    "SELECT name, sum(n), max(last) FROM traffic WHERE kind = ?1 AND hour >= ?2 GROUP BY name ORDER BY 2 DESC, 1 LIMIT ?3",
		    false, &st);

		if (rc == SQLITE_OK) {
			(void)sqlite3_bind_int(st, 1, (int)kind);
			(void)sqlite3_bind_int64(
			    st, 2, v->since / SP_TRAFFIC_HOUR);
			(void)sp_db_bind_u64(st, 3, most);
			while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
				const struct sp_traffic_sum sum = {
					.name = sp_db_view(st, 0),
					.n = sp_db_u64(st, 1),
					.last = sqlite3_column_int64(st, 2)
				};

				fn(ctx, &sum);
			}
		}
		(void)sqlite3_finalize(st);
		if (rc != SQLITE_DONE)
			return (sp_db_error(&s->db, rc, err));
	}
	return (SP_OK);
}

/* The hours of one shard after those of the month before. */
enum sp_code
sp_traffic_hours(const struct sp_traffic_view *v, enum sp_traffic_kind kind,
    struct sp_view name, void (*fn)(void *ctx, int64_t hour, uint64_t n),
    void *ctx, struct sp_err *err)
{
	for (size_t i = 0; i < v->n; i++) {
		struct sp_shard *s = v->v[i];
		sqlite3_stmt *st = NULL;
		int rc = sp_db_prepare(&s->db,
		    "SELECT hour, n FROM traffic WHERE kind = ?1 AND name = ?2 AND hour >= ?3 ORDER BY hour",
		    false, &st);

		if (rc == SQLITE_OK) {
			(void)sqlite3_bind_int(st, 1, (int)kind);
			(void)sp_db_bind_view(st, 2, name);
			(void)sqlite3_bind_int64(
			    st, 3, v->since / SP_TRAFFIC_HOUR);
			while ((rc = sqlite3_step(st)) == SQLITE_ROW)
				fn(ctx, sqlite3_column_int64(st, 0),
				    sp_db_u64(st, 1));
		}
		(void)sqlite3_finalize(st);
		if (rc != SQLITE_DONE)
			return (sp_db_error(&s->db, rc, err));
	}
	return (SP_OK);
}
