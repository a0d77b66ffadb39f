/* The listening sockets that the supervisor owns. */
#ifndef SP_APP_SERVICE_SOCKETS_H
#define SP_APP_SERVICE_SOCKETS_H

#include "app/common/account.h"
#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"

/* One listening socket, TCP or in the file system.  SP_EIO names address and
 * listener ("in use by another program").  A name that a dead service left
 * behind is replaced, a live one or another file is not. */
SP_CHECK enum sp_code sp_socket_listen(const struct sp_listen *l,
    const struct sp_account *acct, int *fd, struct sp_err *err);
/* Owner, group and mode of a listener's socket in the file system. */
SP_CHECK enum sp_code sp_socket_permit(const struct sp_listen *l,
    const struct sp_account *acct, struct sp_err *err);
/* Its name goes; nothing for TCP. */
void sp_socket_unlist(const struct sp_listen *l);
/* A listening Unix socket DIR/NAME, mode 0660, owned by the account and the
 * readers' group where we may; one left over from a dead service is replaced. */
SP_CHECK enum sp_code sp_socket_local(const char *dir, const char *name,
    const struct sp_config *cfg, int *fd, struct sp_err *err);

#endif
