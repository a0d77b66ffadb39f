/*
 * The one acceptance path: facts and a message in, an entry out.  Assigns
 * seq, time and salts, writes record and message to the intake log, and keeps
 * the clock rules (doc/architecture.md, "Time").  One writer: whoever holds
 * state/receive.lock.  Not thread-safe; one call at a time from any thread.
 */
#ifndef SP_LOG_APPEND_H
#define SP_LOG_APPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"
#include "base/record.h"
#include "journal/log/intake.h"

struct sp_append;

struct sp_append_opts {
	const char *by; /* "sealpost 0.1.0 host" */
	bool accept_clock; /* serve --accept-clock: the leap found at start */
	int lock_wait_ms; /* how long to wait for the role */
	/* What an admin must see (a clock that stepped or leapt, a rotation that
	 * failed), one line, once for each case.  NULL: nobody listens. */
	void (*alarm)(void *ctx, const char *text);
	void *ctx;
};

/*
 * Take state/receive.lock, check FORMAT, look for a rollback (guard.h), open
 * the intake log.  SP_ELOCKED, SP_EROLLBACK, SP_EFORMAT ...
 * A clock leap is not an error here: every append then fails SP_ECLOCK until
 * the clock is back, synchronised (the kernel says so) or accepted.
 */
SP_CHECK enum sp_code sp_append_open(const char *dir,
    const struct sp_config *cfg, const struct sp_append_opts *opts,
    struct sp_append **out, struct sp_intake_found *found, struct sp_err *err);

/* One thing to append, in and out. */
struct sp_append_item {
	/* in: exactly one of facts (a message) and event */
	const struct sp_facts *facts;
	const struct sp_event *event;
	struct sp_view msg; /* bytes, or p == NULL with fd and n */
	int fd;
	uint8_t sha256[SP_SHA256_LEN]; /* of the message */
	/* out */
	uint64_t seq;
	int64_t received;
};

/* Append ${n} items as one durable batch.  All or nothing; see intake.h.
 * A clock step is logged as its own entry before them.  SP_ELIMIT: an item is
 * too large for a record or a message; alone the others would be taken. */
SP_CHECK enum sp_code sp_append_commit(struct sp_append *a,
    struct sp_append_item *items, size_t n, struct sp_err *err);
/* Append one event of our own (actor: this process). */
SP_CHECK enum sp_code sp_append_event(struct sp_append *a, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);
/* Housekeeping, call each second or so: the clock, heartbeat after an hour
 * without an entry, rotation at size or age.  While the clock is not accepted
 * it does nothing and returns SP_OK: the alarm was given. */
SP_CHECK enum sp_code sp_append_tick(struct sp_append *a, struct sp_err *err);
/* Rotate now (on request). */
SP_CHECK enum sp_code sp_append_rotate(struct sp_append *a, struct sp_err *err);
/* The operator accepts the clock as it is now (see accept_clock). */
void sp_append_accept_clock(struct sp_append *a);
/* The "actor" of this process as a JSON object: uid, login uid, pid. */
SP_CHECK enum sp_code sp_append_self(struct sp_buf *out);
uint64_t sp_append_next_seq(const struct sp_append *a);
void sp_append_close(struct sp_append *a); /* NULL is fine */

#endif
