/*
 * The account that the archive belongs to.  Where the program runs as root and
 * the archive belongs to somebody else, what it writes there must belong to
 * that account: the workers, which run as it, could not go on with files of
 * root's.
 */
#ifndef SP_APP_COMMON_ACCOUNT_H
#define SP_APP_COMMON_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"

#define SP_ACCOUNT_MAX 64 /* bytes of an account's name with its NUL */

struct sp_account {
	uid_t uid;
	gid_t gid;
	char name[SP_ACCOUNT_MAX]; /* "" if the uid has no name */
	bool other; /* we are root, and the account is not */
};

/* The account that `user` of the configuration names, else the owner of the
 * directory ${dir}.  SP_ECONFIG: this machine has no such account; SP_EIO:
 * ${dir} cannot be looked at. */
SP_CHECK enum sp_code sp_account_find(const char *dir,
    const struct sp_config *cfg, struct sp_account *out, struct sp_err *err);
/* The id of the readers' group ${group} (`group` of the configuration),
 * (gid_t)-1 for NULL.  SP_ECONFIG: this machine has no such group. */
SP_CHECK enum sp_code sp_account_readers(
    const char *group, gid_t *out, struct sp_err *err);
/*
 * Act as the account (effective ids) until sp_account_leave(); neither does
 * anything where we are not root.  The real uid stays, so that events name who
 * ran the command.  Aborts if the kernel refuses.
 */
void sp_account_enter(const struct sp_account *a);
void sp_account_leave(const struct sp_account *a);
/* Become the account for good, with its groups; true also where there is
 * nothing to do.  False if the kernel refuses: the process must end. */
bool sp_account_become(const struct sp_account *a);

/* Give up every capability, also those that the unit gives to the service
 * (AmbientCapabilities=), for a process that needs none; nothing for root, who
 * has them anyway.  False if the kernel refuses: the process must end. */
bool sp_account_drop_capabilities(void);

#endif
