/*
 * Client of the local socket state/door (doc/door.md) for events: what a
 * command did is handed to the running service, which makes it durable.
 * Messages go through door_pipe.h.  Blocking, one connection, one thread.
 *
 * Every function here can fail with SP_EAGAIN: the service went away, or asks
 * for patience (4xx); and with SP_EPERM: it refused for good (5xx), or this
 * user may not use the socket.
 */
#ifndef SP_DOOR_DOOR_CLIENT_H
#define SP_DOOR_DOOR_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_door;

/* How a client takes a service that has no place for it now, or asks for
 * patience.  It waits half a minute at most. */
struct sp_door_opts {
	bool at_once; /* does not wait to be let in */
	/* Called once for each wait that takes longer than a second: ${why} is
	 * what the service says.  NULL: nobody is told. */
	void (*waiting)(void *ctx, const char *why);
	void *ctx; /* for waiting */
};

/* Connect to the service of the archive ${dir}; ${out} is the caller's.
 * ${opts} (NULL: all as 0) is copied.  SP_ENOTFOUND: no service is running on
 * this archive; SP_EAGAIN: it had no place in half a minute. */
SP_CHECK enum sp_code sp_door_open(const char *dir,
    const struct sp_door_opts *opts, struct sp_door **out, struct sp_err *err);
/* Append the event ${name}, whose ${detail} is the text of a JSON object;
 * ${seq} is its entry.  SP_OK only when the service said that it is durable.
 * Where the service did not accept it, because it was stopping, it is sent once
 * more through a new connection; where it has had too many of this user (450),
 * again for half a minute; where it went away with the event and without
 * a word, it is not.  SP_ELIMIT: the event is too large. */
SP_CHECK enum sp_code sp_door_event(struct sp_door *d, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);
/*
 * Wait, a minute at most, until nothing is on its way into the log any more
 * that a client which has gone had handed over (doc/door.md, XSEALPOST
 * SETTLED): only then what the log has is all there is.  A connection that the
 * service ended meanwhile is opened again.  ${is_stopped}(${ctx}) is asked in
 * between: true ends the wait with SP_EINTERRUPT.  SP_EAGAIN: it did not settle.
 */
SP_CHECK enum sp_code sp_door_wait_settled(struct sp_door *d,
    bool (*is_stopped)(void *ctx), void *ctx, struct sp_err *err);
void sp_door_close(struct sp_door *d); /* NULL is fine */

#endif
