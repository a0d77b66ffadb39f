/*
 * Client of the local socket state/door (doc/door.md): events and messages
 * handed to the running service.  Blocking, one connection, one thread.
 */
#ifndef SP_DOOR_DOOR_CLIENT_H
#define SP_DOOR_DOOR_CLIENT_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_door;

/* SP_ENOTFOUND: no service is running on this archive. */
SP_CHECK enum sp_code sp_door_open(
    const char *dir, struct sp_door **out, struct sp_err *err);
/* ${detail} is a JSON object's text. */
SP_CHECK enum sp_code sp_door_event(struct sp_door *d, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);
/* Deliver one message with its provenance (the JSON of XSEALPOST SOURCE);
 * SP_OK only when the service said that it is durable. */
SP_CHECK enum sp_code sp_door_message(struct sp_door *d, struct sp_view source,
    struct sp_view msg, uint64_t *seq, struct sp_err *err);
/* Whether nothing is in work any more that a client left behind (doc/door.md,
 * SETTLED).  SP_EAGAIN: there is. */
SP_CHECK enum sp_code sp_door_settled(struct sp_door *d, struct sp_err *err);
void sp_door_close(struct sp_door *d); /* NULL is fine */

/*
 * The address of the Unix socket ${path}.  A longer path than fits in one is
 * reached through its directory, which ${dirfd} keeps open until the caller
 * has connected or bound (-1: not needed).
 */
struct sockaddr_un;
SP_CHECK enum sp_code sp_local_address(
    const char *path, struct sockaddr_un *out, int *dirfd, struct sp_err *err);
/* Connect to the Unix socket ${dir}/${name}; SP_ENOTFOUND if nobody listens. */
SP_CHECK enum sp_code sp_local_connect(
    const char *dir, const char *name, int *fd, struct sp_err *err);

#endif
