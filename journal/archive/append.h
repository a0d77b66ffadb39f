/*
 * The one acceptance path: facts and a message in, an entry out.  Assigns
 * seq, time and salts, writes record and message to the intake log, and keeps
 * the clock rules (doc/architecture.md, "Time").  One writer: whoever holds
 * state/receive.lock.  Not thread-safe; one call at a time from any thread.
 */
#ifndef SP_ARCHIVE_APPEND_H
#define SP_ARCHIVE_APPEND_H

#include <stdint.h>

#include "base/attr.h"
#include "base/config.h"
#include "base/err.h"
#include "base/record.h"
#include "journal/archive/intake.h"

struct sp_append;

struct sp_append_opts {
	const char *by;             /* "sealpost 0.1.0 host" */
	bool accept_clock;          /* serve --accept-clock */
	int lock_wait_ms;           /* how long to wait for the role */
};

/*
 * Take state/receive.lock, check FORMAT, look for a rollback (guard.h), open
 * the intake log.  SP_ELOCKED, SP_EROLLBACK, SP_EFORMAT ...
 * A clock leap is not an error here: every append then fails SP_ECLOCK until
 * the clock is back or accepted.
 */
SP_CHECK enum sp_code sp_append_open(const char *dir, const struct sp_config *cfg,
    const struct sp_append_opts *opts, struct sp_append **out,
    struct sp_intake_found *found, struct sp_err *err);

/* One thing to append, in and out. */
struct sp_append_item {
	/* in: exactly one of facts (a message) and event */
	const struct sp_facts *facts;
	const struct sp_event *event;
	struct sp_view msg;         /* bytes, or p == NULL with fd and n */
	int fd;
	uint8_t sha256[SP_SHA256_LEN];  /* of the message */
	/* out */
	uint64_t seq;
	int64_t received;
};

/* Append ${n} items as one durable batch.  All or nothing; see intake.h.
 * A clock step is logged as its own entry before them. */
SP_CHECK enum sp_code sp_append_commit(struct sp_append *a,
    struct sp_append_item *items, size_t n, struct sp_err *err);
/* Append one event of our own (actor: this process). */
SP_CHECK enum sp_code sp_append_event(struct sp_append *a, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);
/* Housekeeping, call each second or so: heartbeat after an hour without an
 * entry, rotation at size or age.  */
SP_CHECK enum sp_code sp_append_tick(struct sp_append *a, struct sp_err *err);
/* Rotate now (on request). */
SP_CHECK enum sp_code sp_append_rotate(struct sp_append *a, struct sp_err *err);
uint64_t sp_append_next_seq(const struct sp_append *a);
void sp_append_close(struct sp_append *a);       /* NULL is fine */

#endif
