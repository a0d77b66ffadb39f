/* The listening sockets that the supervisor owns. */
#ifndef SP_APP_SOCKETS_H
#define SP_APP_SOCKETS_H

#include "base/attr.h"
#include "base/config.h"
#include "base/err.h"

/* One listening TCP socket.  SP_EIO names address and listener ("in use by
 * another program"). */
SP_CHECK enum sp_code sp_socket_listen(
    const struct sp_listen *l, int *fd, struct sp_err *err);
/* A listening Unix socket DIR/NAME, mode 0660, owned by the account and the
 * readers' group where we may; one left over from a dead service is replaced. */
SP_CHECK enum sp_code sp_socket_local(const char *dir, const char *name,
    const struct sp_config *cfg, int *fd, struct sp_err *err);

#endif
