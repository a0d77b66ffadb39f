/*
 * Unix sockets of an archive (state/door, state/control), whatever the length
 * of its path.  The clients of both sockets connect through here
 * (door_client.c, app/common/control.c); who listens on one takes its address
 * from here (app/service/sockets.c).
 */
#ifndef SP_DOOR_UNIX_SOCKET_H
#define SP_DOOR_UNIX_SOCKET_H

#include "base/attr.h"
#include "base/err.h"

/* How long one send or receive may wait; the service answers in a minute. */
#define SP_UNIX_SOCKET_SECONDS 120

struct sockaddr_un;

/*
 * The address of the Unix socket ${path}.  A longer path than fits in one is
 * reached through its directory, which ${dirfd} keeps open until the caller
 * has connected or bound and closes it (-1: not needed).  SP_EPERM,
 * SP_ENOTFOUND, SP_EIO: that directory cannot be opened.
 */
SP_CHECK enum sp_code sp_unix_socket_address(
    const char *path, struct sockaddr_un *out, int *dirfd, struct sp_err *err);
/* Connect to the Unix socket ${dir}/${name}; ${fd} is the caller's, blocking,
 * with a time-out of SP_UNIX_SOCKET_SECONDS for each call.  SP_ENOTFOUND:
 * nobody listens; SP_EPERM: not ours to use; SP_EIO. */
SP_CHECK enum sp_code sp_unix_socket_connect(
    const char *dir, const char *name, int *fd, struct sp_err *err);

#endif
