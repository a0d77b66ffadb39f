/*
 * Counting traffic for the writer of a shard (traffic.h): messages are counted
 * in a hash table in memory and added to the table "traffic" right before the
 * commit, so that many messages of an hour cost one statement.  Reading is
 * traffic_view.c.
 */
#include "index/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "index/db.h"
#include "index/doc.h"
#include "index/schema/column.h"
#include "index/shard.h"

#define SLOTS 1024u /* a power of two */
#define TRIES 8u

struct traffic_slot {
	uint64_t n; /* 0: empty */
	enum sp_traffic_kind kind;
	int64_t hour, last;
	uint8_t len;
	char name[SP_TRAFFIC_NAME_MAX];
};

struct sp_traffic {
	size_t used;
	struct traffic_slot slot[SLOTS];
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

/* Add one count to the table. */
static int
write_slot(struct sp_shard *s, const struct traffic_slot *e)
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

/* FNV-1a over kind, hour and name. */
static size_t
slot_hash(enum sp_traffic_kind kind, int64_t hour, struct sp_view name)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ (uint64_t)kind ^
		     ((uint64_t)hour << 8);

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(1099511628211);
	return ((size_t)(h ^ (h >> 32)));
}

/* The slot of this name and hour, or an empty one; NULL where all its places
 * are taken. */
static struct traffic_slot *
find_slot(struct sp_traffic *t, enum sp_traffic_kind kind, int64_t hour,
    struct sp_view name)
{
	const size_t at = slot_hash(kind, hour, name);

	for (size_t i = 0; i < TRIES; i++) {
		struct traffic_slot *e = &t->slot[(at + i) & (SLOTS - 1)];

		if (e->n == 0 ||
		    (e->kind == kind && e->hour == hour && e->len == name.n &&
			memcmp(e->name, name.p, name.n) == 0))
			return (e);
	}
	return (NULL);
}

/* Count one message for a name; a full table is flushed first.  Domains are
 * compared in lower case. */
static int
count_message(struct sp_shard *s, enum sp_traffic_kind kind,
    struct sp_view name, int64_t received)
{
	struct sp_traffic *t = s->traffic;
	char lower[SP_TRAFFIC_NAME_MAX];
	struct traffic_slot *e;
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
	e = find_slot(t, kind, received / SP_TRAFFIC_HOUR, name);
	if (e == NULL) {
		rc = sp_traffic_flush(s);
		e = find_slot(t, kind, received / SP_TRAFFIC_HOUR, name);
	}
	if (e->n == 0) {
		e->kind = kind;
		e->hour = received / SP_TRAFFIC_HOUR;
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

/* What follows the last '@' of an address, {NULL, 0} without one. */
static struct sp_view
domain_of(const char *addr)
{
	const char *at = addr == NULL ? NULL : strrchr(addr, '@');

	return (sp_view_str(at == NULL ? NULL : at + 1));
}

/* The domain of the envelope's sender; without an envelope, that of From. */
static struct sp_view
sender_domain(const struct sp_doc *d)
{
	const json_t *envelope = json_object_get(d->rec.json, "envelope");
	const json_t *from = json_object_get(envelope, "from");

	if (json_is_string(from))
		return (domain_of(json_string_value(from)));
	if (d->parsed && d->mail->from.n > 0)
		return (domain_of(d->mail->from.v[0].addr));
	return ((struct sp_view){ NULL, 0 });
}

int
sp_traffic_note(struct sp_shard *s, const struct sp_doc *d)
{
	const json_t *source = json_object_get(d->rec.json, "source");
	int rc;

	if (strcmp(d->rec.grade, sp_grade_name[SP_GRADE_WITNESSED]) != 0 &&
	    strcmp(d->rec.grade, sp_grade_name[SP_GRADE_PULLED]) != 0)
		return (SQLITE_OK);
	rc = count_message(s, SP_TRAFFIC_LISTENER,
	    sp_view_str(json_string_value(json_object_get(source, "listener"))),
	    d->received);
	if (rc == SQLITE_OK)
		rc = count_message(s, SP_TRAFFIC_ACCOUNT,
		    sp_view_str(
			json_string_value(json_object_get(source, "account"))),
		    d->received);
	if (rc == SQLITE_OK)
		rc = count_message(
		    s, SP_TRAFFIC_DOMAIN, sender_domain(d), d->received);
	return (rc);
}
