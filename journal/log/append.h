/*
 * Appending to the log, the one way in: the facts of a message (or an event)
 * go in, a durable entry comes out.  Receiving, importing, the log of our own
 * reads and the creation of an archive all end here.  Below it is the intake
 * log (intake.h); checkpoints and segments follow later (journal/seal).
 *
 * It assigns sequence number, time and salts, writes record and message to the
 * intake log, and keeps the clock rules (doc/architecture.md, "Time").
 *
 * One writer: whoever holds state/receive.lock.  Not thread-safe; one call at
 * a time, from any thread.
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
#include "base/sha256.h"
#include "journal/log/intake.h"

struct sp_append;

/* All of it is borrowed for the call of sp_append_open, but ${ctx}. */
struct sp_append_opts {
	const char *by; /* program, version and host, for the records */
	bool accept_clock; /* serve --accept-clock: the leap found at start */
	int lock_wait_ms; /* how long to wait for state/receive.lock */
	/* Called with one line that an administrator must see, once for each
	 * case, and with a NULL ${text} when it is over.  ${cause}: clock_step
	 * (which has no end), clock_leap, intake_rotation.  NULL: nobody
	 * listens. */
	void (*alarm)(void *ctx, const char *cause, const char *text);
	void *ctx; /* for alarm */
};

/*
 * Take state/receive.lock, check FORMAT, open and recover the intake log, and
 * refuse an archive that was rolled back (guard.h).  ${cfg} is borrowed until
 * sp_append_close; ${out} is the caller's; ${found} gets what the recovery
 * found, for the caller to report.
 * SP_ELOCKED another process is the writer, SP_EROLLBACK, SP_EFORMAT damage,
 * SP_ENOTFOUND no archive, SP_EVERSION, SP_EIO ...
 * A clock leap is not an error here: every append then fails with SP_ECLOCK
 * until the clock is back, synchronised (the kernel says so) or accepted.
 */
SP_CHECK enum sp_code sp_append_open(const char *dir,
    const struct sp_config *cfg, const struct sp_append_opts *opts,
    struct sp_append **out, struct sp_intake_found *found, struct sp_err *err);

/* One entry to append, in and out.  What it points to is borrowed. */
struct sp_append_item {
	/* in: exactly one of facts (a message) and event */
	const struct sp_facts *facts;
	const struct sp_event *event;
	/* in: the message, in memory, or p == NULL and n bytes in fd */
	struct sp_view msg;
	int fd;
	uint8_t sha256[SP_SHA256_LEN]; /* of the message */
	/* out, only on success */
	uint64_t seq;
	int64_t received; /* microseconds since 1970, UTC */
};

/*
 * Append ${n} items (at least one) as one durable batch, all or nothing; after
 * SP_OK they are accepted.  A clock step is logged as its own entry before
 * them.
 * SP_ELIMIT: an item is too large for a record or a message, or the batch has
 * too many; alone the others would be taken.  SP_ECLOCK: see sp_append_open.
 * SP_ENOSPC, SP_EIO, SP_ESYNC: nothing was appended (sp_intake_commit).
 */
SP_CHECK enum sp_code sp_append_commit(struct sp_append *a,
    struct sp_append_item *items, size_t n, struct sp_err *err);
/*
 * Append one event of our own, with this process as the actor.  ${detail} is
 * the text of a JSON object; ${seq} (NULL is fine) gets its number.  Fails as
 * sp_append_commit does.
 */
SP_CHECK enum sp_code sp_append_event(struct sp_append *a, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);
/*
 * Housekeeping, to be called each second or so: looks at the clock, writes a
 * heartbeat after the configured silence, rotates the intake file at its size
 * or age.  While the clock is not accepted it does nothing and returns SP_OK:
 * the alarm was raised.  Fails as sp_append_commit and sp_append_rotate do.
 */
SP_CHECK enum sp_code sp_append_tick(struct sp_append *a, struct sp_err *err);
/* Finish the current intake file now, so that it can be packed; fails as
 * sp_intake_rotate does. */
SP_CHECK enum sp_code sp_append_rotate(struct sp_append *a, struct sp_err *err);
/*
 * The operator accepts the clock as it reads now (see accept_clock): a leap
 * that the next look at the clock finds is taken, and logged as accepted.  The
 * acceptance ends with the first look that is acted upon, leap or not.
 */
void sp_append_accept_clock(struct sp_append *a);
/* Append the "actor" of this process as a JSON object to ${out}: uid, name,
 * login uid, pid, as the kernel gives them.  SP_ELIMIT: ${out} is too small. */
SP_CHECK enum sp_code sp_append_actor(struct sp_buf *out);
/* The sequence number of the entry that will be appended next. */
uint64_t sp_append_next_seq(const struct sp_append *a);
/* Close the log and give up the lock; NULL is fine. */
void sp_append_close(struct sp_append *a);

#endif
