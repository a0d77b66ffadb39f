/*
 * Group commit: messages that are complete queue up; one batch at a time is
 * made durable on libuv's thread pool; then all of it is answered.  What
 * arrives meanwhile is the next batch, so the busier the server is the fewer
 * syncs a message costs.  A batch that failed is not tried again: its peers are
 * told 4xx and send again.
 *
 * The appender belongs to this queue: housekeeping and rotation take their
 * turn in it too.  All functions are for the thread of the loop.
 */
#ifndef SP_RECEIVE_COMMIT_H
#define SP_RECEIVE_COMMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "journal/log/append.h"

#define SP_COMMIT_ITEMS 256 /* of one batch, at most */
#define SP_COMMIT_BYTES ((uint64_t)8 << 20) /* of one batch, about */

struct sp_commit;

/* One thing to commit; embedded by its owner, borrowed until done. */
struct sp_commit_job {
	struct sp_append_item *item; /* NULL: rotate */
	bool guest; /* a client handed it over: it needs room, as all mail */
	/* Called on the loop; ${item} has seq and received where ${code} is
	 * SP_OK.  The job may be freed or pushed again in it. */
	void (*done)(struct sp_commit_job *job, enum sp_code code,
	    const struct sp_err *err);
	struct sp_commit_job *next;
};

struct sp_commit_hooks {
	/* Entries below ${next_seq} are durable now. */
	void (*committed)(void *ctx, uint64_t next_seq);
	/* A batch or housekeeping failed; called once for each. */
	void (*failed)(void *ctx, const struct sp_err *err);
	/* On the pool, before each batch with ${bytes} of clients: whether
	 * there is room.  Anything but SP_OK is their result, and none is
	 * written; events of our own are appended all the same.  NULL: there
	 * is. */
	enum sp_code (*room)(void *ctx, uint64_t bytes, struct sp_err *err);
	/* The queue has just run empty. */
	void (*idle)(void *ctx);
	void *ctx;
};

/* A queue for ${append}, which outlives it as ${loop} does.  ${append} NULL:
 * the log cannot be written, and every job fails with SP_EROLLBACK.  The caller
 * frees it with sp_commit_free(). */
struct sp_commit *sp_commit_new(uv_loop_t *loop, struct sp_append *append,
    const struct sp_commit_hooks *hooks);
/* Add ${job}, which stays the caller's and must live until its done(). */
void sp_commit_push(struct sp_commit *c, struct sp_commit_job *job);
/* Run sp_append_tick() when its turn comes. */
void sp_commit_tick(struct sp_commit *c);
/* Whether nothing is queued and nothing in flight. */
bool sp_commit_idle(const struct sp_commit *c);
/* Batches so far, for status. */
uint64_t sp_commit_batches(const struct sp_commit *c);
/* Only when idle; NULL is fine. */
void sp_commit_free(struct sp_commit *c);

#endif
