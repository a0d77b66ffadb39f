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

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_door;

/* Connect to the service of the archive ${dir}; ${out} is the caller's.
 * SP_ENOTFOUND: no service is running on this archive. */
SP_CHECK enum sp_code sp_door_open(
    const char *dir, struct sp_door **out, struct sp_err *err);
/* Append the event ${name}, whose ${detail} is the text of a JSON object;
 * ${seq} is its entry.  SP_OK only when the service said that it is durable.
 * Where the service did not accept it, because it was stopping, it is sent once
 * more through a new connection; where it went away with the event and without
 * a word, it is not.  SP_ELIMIT: the event is too large. */
SP_CHECK enum sp_code sp_door_event(struct sp_door *d, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);
/* Whether nothing is in work any more that a client left behind (doc/door.md,
 * SETTLED): then SP_OK, else SP_EAGAIN. */
SP_CHECK enum sp_code sp_door_settled(struct sp_door *d, struct sp_err *err);
void sp_door_close(struct sp_door *d); /* NULL is fine */

#endif
