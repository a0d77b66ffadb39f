#include "index/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "index/db.h"
#include "index/doc.h"
#include "index/shard.h"

#define HOUR  (3600 * SP_SECOND)
#define SLOTS 1024u /* a power of two */
#define TRIES 8u

struct slot {
	uint64_t n; /* 0: empty */
	enum sp_traffic_kind kind;
	int64_t hour, last;
	uint8_t len;
	char name[SP_TRAFFIC_NAME_MAX];
};

struct sp_traffic {
	size_t used;
	struct slot slot[SLOTS];
};

struct sp_traffic *
sp_traffic_new(void)
{
	return (sp_xcalloc(1, sizeof(struct sp_traffic)));
}

void
sp_traffic_free(struct sp_traffic *t)
{
	free(t);
}

void
sp_traffic_clear(struct sp_traffic *t)
{
	for (size_t i = 0; t != NULL && t->used > 0 && i < SLOTS; i++)
		t->slot[i].n = 0;
	if (t != NULL)
		t->used = 0;
}

static int
write_slot(struct sp_shard *s, const struct slot *e)
{
	sqlite3_stmt *st = s->st[SP_ST_TRAFFIC];

	(void)sqlite3_bind_int(st, 1, (int)e->kind);
	(void)sp_db_bind_view(st, 2, sp_view_mem(e->name, e->len));
	(void)sqlite3_bind_int64(st, 3, e->hour);
	(void)sp_db_bind_u64(st, 4, e->n);
	(void)sqlite3_bind_int64(st, 5, e->last);
	return (sp_db_run(st));
}

int
sp_traffic_flush(struct sp_shard *s)
{
	struct sp_traffic *t = s->traffic;
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && t->used > 0 && i < SLOTS; i++) {
		if (t->slot[i].n > 0)
			rc = write_slot(s, &t->slot[i]);
	}
	sp_traffic_clear(t);
	return (rc);
}

static size_t
hash(enum sp_traffic_kind kind, int64_t hour, struct sp_view name)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ (uint64_t)kind ^
		     ((uint64_t)hour << 8);

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(1099511628211);
	return ((size_t)(h ^ (h >> 32)));
}

/* The slot of this name and hour, or an empty one; NULL where it is full. */
static struct slot *
find(struct sp_traffic *t, enum sp_traffic_kind kind, int64_t hour,
    struct sp_view name)
{
	const size_t at = hash(kind, hour, name);

	for (size_t i = 0; i < TRIES; i++) {
		struct slot *e = &t->slot[(at + i) & (SLOTS - 1)];

		if (e->n == 0 ||
		    (e->kind == kind && e->hour == hour && e->len == name.n &&
			memcmp(e->name, name.p, name.n) == 0))
			return (e);
	}
	return (NULL);
}

static int
count(struct sp_shard *s, enum sp_traffic_kind kind, struct sp_view name,
    int64_t received)
{
	struct sp_traffic *t = s->traffic;
	char lower[SP_TRAFFIC_NAME_MAX];
	struct slot *e;
	int rc = SQLITE_OK;

	if (name.n == 0)
		return (SQLITE_OK);
	if (name.n > sizeof(lower))
		name.n = sizeof(lower);
	for (size_t i = 0; i < name.n; i++)
		lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' &&
				   kind == SP_TRAFFIC_DOMAIN
			       ? (char)(name.p[i] | 0x20)
			       : name.p[i];
	name.p = lower;
	e = find(t, kind, received / HOUR, name);
	if (e == NULL) {
		rc = sp_traffic_flush(s);
		e = find(t, kind, received / HOUR, name);
	}
	if (e->n == 0) {
		e->kind = kind;
		e->hour = received / HOUR;
		e->last = received;
		e->len = (uint8_t)name.n;
		memcpy(e->name, name.p, name.n);
		t->used++;
	}
	e->n++;
	if (received > e->last)
		e->last = received;
	return (rc);
}

static struct sp_view
domain(const char *addr)
{
	const char *at = addr == NULL ? NULL : strrchr(addr, '@');

	return (sp_view_str(at == NULL ? NULL : at + 1));
}

/* Of the envelope; without one, of the message itself. */
static struct sp_view
sender_domain(const struct sp_doc *d)
{
	const json_t *envelope = json_object_get(d->rec.json, "envelope");
	const json_t *from = json_object_get(envelope, "from");

	if (json_is_string(from))
		return (domain(json_string_value(from)));
	if (d->parsed && d->mail->from.n > 0)
		return (domain(d->mail->from.v[0].addr));
	return ((struct sp_view){ NULL, 0 });
}

int
sp_traffic_note(struct sp_shard *s, const struct sp_doc *d)
{
	const json_t *source = json_object_get(d->rec.json, "source");
	int rc;

	if (strcmp(d->rec.grade, "witnessed") != 0 &&
	    strcmp(d->rec.grade, "pulled") != 0)
		return (SQLITE_OK);
	rc = count(s, SP_TRAFFIC_LISTENER,
	    sp_view_str(json_string_value(json_object_get(source, "listener"))),
	    d->received);
	if (rc == SQLITE_OK)
		rc = count(s, SP_TRAFFIC_ACCOUNT,
		    sp_view_str(
			json_string_value(json_object_get(source, "account"))),
		    d->received);
	if (rc == SQLITE_OK)
		rc = count(s, SP_TRAFFIC_DOMAIN, sender_domain(d), d->received);
	return (rc);
}

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

enum sp_code
sp_traffic_busiest(const struct sp_traffic_view *v, enum sp_traffic_kind kind,
    uint64_t most, void (*fn)(void *ctx, const struct sp_traffic_sum *sum),
    void *ctx, struct sp_err *err)
{
	for (size_t i = 0; i < v->n; i++) {
		struct sp_shard *s = v->v[i];
		sqlite3_stmt *st = NULL;
		int rc = sp_db_prepare(s->db,
		    "SELECT name, sum(n), max(last) FROM traffic WHERE kind = ?1 AND hour >= ?2 GROUP BY name ORDER BY 2 DESC, 1 LIMIT ?3",
		    false, &st);

		if (rc == SQLITE_OK) {
			(void)sqlite3_bind_int(st, 1, (int)kind);
			(void)sqlite3_bind_int64(st, 2, v->since / HOUR);
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
			return (sp_db_error(s->db, rc, s->path, err));
	}
	return (SP_OK);
}

enum sp_code
sp_traffic_hours(const struct sp_traffic_view *v, enum sp_traffic_kind kind,
    struct sp_view name, void (*fn)(void *ctx, int64_t hour, uint64_t n),
    void *ctx, struct sp_err *err)
{
	for (size_t i = 0; i < v->n; i++) {
		struct sp_shard *s = v->v[i];
		sqlite3_stmt *st = NULL;
		int rc = sp_db_prepare(s->db,
		    "SELECT hour, n FROM traffic WHERE kind = ?1 AND name = ?2 AND hour >= ?3 ORDER BY hour",
		    false, &st);

		if (rc == SQLITE_OK) {
			(void)sqlite3_bind_int(st, 1, (int)kind);
			(void)sp_db_bind_view(st, 2, name);
			(void)sqlite3_bind_int64(st, 3, v->since / HOUR);
			while ((rc = sqlite3_step(st)) == SQLITE_ROW)
				fn(ctx, sqlite3_column_int64(st, 0),
				    sp_db_u64(st, 1));
		}
		(void)sqlite3_finalize(st);
		if (rc != SQLITE_DONE)
			return (sp_db_error(s->db, rc, s->path, err));
	}
	return (SP_OK);
}
