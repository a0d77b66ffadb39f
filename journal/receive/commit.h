/*
 * Group commit: what is finished queues up; one batch at a time is made
 * durable on libuv's thread pool; then all of it is answered.  What arrives
 * meanwhile is the next batch, so the busier it is the fewer syncs a message
 * costs.  A batch that failed is not tried again: its peers are told 4xx.
 *
 * The appender belongs to this queue: housekeeping and rotation take their
 * turn in it too.  Loop's thread only.
 */
#ifndef SP_RECEIVE_COMMIT_H
#define SP_RECEIVE_COMMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "journal/log/append.h"

#define SP_COMMIT_ITEMS 256 /* of one batch, at most */
#define SP_COMMIT_BYTES ((uint64_t)8 << 20) /* about, of messages */

struct sp_commit;

/* One thing to commit; embedded by its owner, borrowed until done. */
struct sp_commit_job {
	struct sp_append_item *item; /* NULL: rotate */
	/* ${item} has seq and received where ${code} is SP_OK. */
	void (*done)(struct sp_commit_job *job, enum sp_code code,
	    const struct sp_err *err);
	struct sp_commit_job *next;
};

struct sp_commit_hooks {
	/* Something more is durable. */
	void (*committed)(void *ctx, uint64_t next_seq);
	/* A batch or housekeeping failed; once for each. */
	void (*failed)(void *ctx, const struct sp_err *err);
	/* On the pool, before each batch with messages of so many bytes:
	 * anything but SP_OK is their result, and nothing is written.  Events
	 * are entered all the same.  NULL: always. */
	enum sp_code (*room)(void *ctx, uint64_t bytes, struct sp_err *err);
	/* The queue has just run empty. */
	void (*idle)(void *ctx);
	void *ctx;
};

/* ${append} NULL: the log cannot be written; everything fails. */
struct sp_commit *sp_commit_new(uv_loop_t *loop, struct sp_append *append,
    const struct sp_commit_hooks *hooks);
void sp_commit_push(struct sp_commit *c, struct sp_commit_job *job);
/* Run sp_append_tick in turn. */
void sp_commit_tick(struct sp_commit *c);
/* Nothing queued and nothing in flight. */
bool sp_commit_idle(const struct sp_commit *c);
uint64_t sp_commit_batches(const struct sp_commit *c);
/* Only when idle; NULL is fine. */
void sp_commit_free(struct sp_commit *c);

#endif
