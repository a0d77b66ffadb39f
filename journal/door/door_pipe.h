/*
 * Many messages at once through the door of the running service: several
 * connections, several transactions in flight on each, the answers collected
 * in the order of sp_door_pipe_end().  Import and the pull worker deliver
 * through it (app/host).  One thread.
 *
 *	begin -> data* -> end	a message, in chunks; or abort
 *	flush			all answers are in
 *
 * A message in hand is kept (small ones in memory, large ones in an unnamed
 * temporary file) until it is answered: where the service did not accept it
 * (421, or the connection ended before all of it was sent) it is sent again
 * through a new connection.  Where the service went away with all of the
 * message and no answer, nobody knows whether it is in; that is reported.
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
	unsigned connections; /* at most; 0: 32 */
	size_t window; /* messages in hand at most; 0: 256, the most */
	uint64_t memory; /* bytes of messages kept in memory; 0: 32 MiB */
	/* Called from end() and flush().  Anything but SP_OK is returned from
	 * there. */
	enum sp_code (*answer)(
	    void *ctx, const struct sp_door_answer *a, struct sp_err *err);
	/* As that of struct sp_door_opts; NULL: nobody is told. */
	void (*waiting)(void *ctx, const char *why);
	void *ctx; /* for both */
};

/* Connect to the service of the archive ${dir}; ${out} is the caller's.
 * SP_ENOTFOUND: no service is running on this archive. */
SP_CHECK enum sp_code sp_door_pipe_open(const char *dir,
    const struct sp_door_pipe_opts *opts, struct sp_door_pipe **out,
    struct sp_err *err);
/*
 * The four that follow send and receive while they work, and can fail with
 * SP_EAGAIN (the service does not answer, or went away), SP_EPERM, an error of
 * the temporary file, or what ${answer} returned.  Then close the pipe: what is
 * in hand has no answer.
 *
 * Begin a message; waits while too much is in hand.  ${source} is the JSON of
 * XSEALPOST SOURCE (doc/door.md), ${tag} comes back with the answer.
 * SP_ELIMIT: ${source} is too long; nothing was begun.
 */
SP_CHECK enum sp_code sp_door_pipe_begin(struct sp_door_pipe *p,
    struct sp_view source, void *tag, struct sp_err *err);
/* More bytes of the message that was begun; copied. */
SP_CHECK enum sp_code sp_door_pipe_data(
    struct sp_door_pipe *p, struct sp_view bytes, struct sp_err *err);
/* The message is complete: queue it, and send what goes without waiting.
 * SP_ELIMIT: ${source} was too long; it is forgotten. */
SP_CHECK enum sp_code sp_door_pipe_end(
    struct sp_door_pipe *p, struct sp_err *err);
/* Wait until all that was ended is answered. */
SP_CHECK enum sp_code sp_door_pipe_flush(
    struct sp_door_pipe *p, struct sp_err *err);
/* Forget the message that was begun, if any; it has no answer. */
void sp_door_pipe_abort(struct sp_door_pipe *p);
/* What is in hand is not answered any more.  NULL is fine. */
void sp_door_pipe_close(struct sp_door_pipe *p);

#endif
