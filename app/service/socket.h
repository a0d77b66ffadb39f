/*
 * The listening sockets of the service.  The supervisor opens them, since
 * ports below 1024 need root, and the receive worker, which has no such
 * rights, inherits them; they stay open when a worker is restarted.
 */
#ifndef SP_APP_SERVICE_SOCKET_H
#define SP_APP_SERVICE_SOCKET_H

#include "app/common/account.h"
#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"

/*
 * Open the socket of a listener, TCP or a name in the file system, for
 * ${acct}; the caller closes ${fd}.  A name that a dead service left behind is
 * replaced, one that somebody answers at, or a file, is not.  SP_EIO names the
 * listener and the address, SP_ECONFIG its socket_group.
 */
SP_CHECK enum sp_code sp_socket_listen(const struct sp_listen *l,
    const struct sp_account *acct, int *fd, struct sp_err *err);
/* Give a listener's socket in the file system its owner, group (socket_group)
 * and mode (socket_mode); nothing for TCP.  SP_ECONFIG, SP_EIO as above. */
SP_CHECK enum sp_code sp_socket_permit(const struct sp_listen *l,
    const struct sp_account *acct, struct sp_err *err);
/* Owner, group and mode of a listener's socket in the file system. */
struct sp_socket_rights {
	bool known; /* it is in the file system, and there */
	uid_t uid;
	gid_t gid;
	mode_t mode;
};
/* Read them, to put them back with the second function, where a later step
 * failed; nothing for TCP. */
void sp_socket_rights_get(
    const struct sp_listen *l, struct sp_socket_rights *out);
void sp_socket_rights_set(
    const struct sp_listen *l, const struct sp_socket_rights *rights);
/* Remove the name of a listener's socket; nothing for TCP. */
void sp_socket_unlink(const struct sp_listen *l);
/*
 * Open the local socket ${dir}/${name} (state/door, state/control), mode 0660,
 * which the archive's account owns and the readers' group may use; a name left
 * by a dead service is replaced.  SP_EIO names the path.
 */
SP_CHECK enum sp_code sp_socket_local(const char *dir, const char *name,
    const struct sp_config *cfg, int *fd, struct sp_err *err);
/* Give such a socket, which is open, to the account and the readers' group of
 * ${cfg}.  SP_ECONFIG names the account or the group, SP_EIO the path. */
SP_CHECK enum sp_code sp_socket_local_permit(const char *dir, const char *name,
    const struct sp_config *cfg, struct sp_err *err);

#endif
