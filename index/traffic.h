/*
 * How much mail came in each hour, by listener, pulled account and sender
 * domain: counted with the rows of a shard, in its transactions
 * (doc/format-index.md, "traffic").  app/service/silence_watch.c learns from it
 * what is usual, to notice what stays away.  What was imported is not counted:
 * it tells nothing about what comes by itself.
 */
#ifndef SP_INDEX_TRAFFIC_H
#define SP_INDEX_TRAFFIC_H

#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/view.h"

/* traffic.kind */
enum sp_traffic_kind {
	SP_TRAFFIC_LISTENER, /* "listen NAME" */
	SP_TRAFFIC_ACCOUNT, /* "pull NAME" */
	SP_TRAFFIC_DOMAIN /* of the sender: envelope, else From; lower case */
};

#define SP_TRAFFIC_HOUR	    (3600 * SP_SECOND)
#define SP_TRAFFIC_NAME_MAX 255u /* bytes of a name; longer ones are cut */

/* ---- for readers (traffic_view.c) ------------------------------------ */

struct sp_traffic_sum { /* of one name; borrowed for the call */
	struct sp_view name;
	uint64_t n;
	int64_t last; /* the last message, microseconds */
};

/* The shards from the month of an instant on, open to read. */
struct sp_traffic_view;

/* Open them; *out is for sp_traffic_close().  Fails where any of them cannot
 * be read, with the errors of sp_shard_open(). */
SP_CHECK enum sp_code sp_traffic_open(const char *dir, int64_t since_us,
    struct sp_traffic_view **out, struct sp_err *err);
/* Call ${fn} for the ${most} busiest names of a kind in each shard: a name
 * comes once for each, so the caller adds. */
SP_CHECK enum sp_code sp_traffic_busiest(const struct sp_traffic_view *v,
    enum sp_traffic_kind kind, uint64_t most,
    void (*fn)(void *ctx, const struct sp_traffic_sum *sum), void *ctx,
    struct sp_err *err);
/* Call ${fn} for the hours (since 1970, UTC) in which one name had messages,
 * oldest first; an hour may come twice. */
SP_CHECK enum sp_code sp_traffic_hours(const struct sp_traffic_view *v,
    enum sp_traffic_kind kind, struct sp_view name,
    void (*fn)(void *ctx, int64_t hour, uint64_t n), void *ctx,
    struct sp_err *err);
void sp_traffic_close(struct sp_traffic_view *v); /* NULL is fine */

/* ---- for the writer (put.c, shard.c) --------------------------------- */

struct sp_doc;
struct sp_shard;
struct sp_traffic;

/* An empty count; the shard's that is open to write. */
struct sp_traffic *sp_traffic_new(void);
void sp_traffic_free(struct sp_traffic *t); /* NULL is fine */
/* Forget what was not flushed, after a rollback.  NULL is fine. */
void sp_traffic_clear(struct sp_traffic *t);
/* Count a message that is put; an SQLite code. */
int sp_traffic_note(struct sp_shard *s, const struct sp_doc *d);
/* Add what was counted to the table, before the commit; an SQLite code. */
int sp_traffic_flush(struct sp_shard *s);

#endif
