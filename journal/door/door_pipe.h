/*
 * Many messages at once through the door of the running service: several
 * connections (lanes), several transactions in flight on each, the answers
 * collected in the order of sp_door_pipe_end().  One thread.
 *
 *	begin -> data* -> end	a message, in chunks; or abort
 *	flush			all answers are in
 *
 * A message in hand is kept (small ones in memory, large ones in an unnamed
 * temporary file) until it is answered: where the service shuts the door
 * before it took it (421, or the connection ended before all of it was sent)
 * it is handed over again through a new connection.  Where the service went
 * away with all of the message and no answer, nobody knows; that is said.
 */
#ifndef SP_DOOR_DOOR_PIPE_H
#define SP_DOOR_DOOR_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_door_pipe;

struct sp_door_answer {
	void *tag; /* of sp_door_pipe_begin */
	/*
	 * SP_OK: durable, ${seq} is its number.  SP_ELIMIT: this message is
	 * too large (552).  SP_EPERM: refused for good (any other 5xx).
	 * SP_EAGAIN: not now (4xx), or nobody knows.
	 */
	enum sp_code rc;
	bool unknown; /* it may be in: ask the log before sending it again */
	uint64_t seq;
	const struct sp_err *err; /* where rc is not SP_OK */
};

struct sp_door_pipe_opts {
	unsigned lanes; /* connections at most; 0: 32 */
	size_t window; /* messages in hand at most; 0: 256 */
	uint64_t memory; /* bytes of messages kept in memory; 0: 32 MiB */
	/* Called from end() and flush().  Anything but SP_OK is returned from
	 * there. */
	enum sp_code (*answer)(
	    void *ctx, const struct sp_door_answer *a, struct sp_err *err);
	void *ctx;
};

/* SP_ENOTFOUND: no service is running on this archive. */
SP_CHECK enum sp_code sp_door_pipe_open(const char *dir,
    const struct sp_door_pipe_opts *opts, struct sp_door_pipe **out,
    struct sp_err *err);
/* ${source}: the JSON of XSEALPOST SOURCE (doc/door.md). */
SP_CHECK enum sp_code sp_door_pipe_begin(struct sp_door_pipe *p,
    struct sp_view source, void *tag, struct sp_err *err);
SP_CHECK enum sp_code sp_door_pipe_data(
    struct sp_door_pipe *p, struct sp_view bytes, struct sp_err *err);
/* Queue it, and wait while too much is in hand. */
SP_CHECK enum sp_code sp_door_pipe_end(
    struct sp_door_pipe *p, struct sp_err *err);
/* Forget the message that was begun; it has no answer. */
void sp_door_pipe_abort(struct sp_door_pipe *p);
SP_CHECK enum sp_code sp_door_pipe_flush(
    struct sp_door_pipe *p, struct sp_err *err);
/* What is in hand is not answered any more.  NULL is fine. */
void sp_door_pipe_close(struct sp_door_pipe *p);

#endif
