/*
 * Whose the archive is.  Where we are root and it belongs to an account, what
 * is written in it is written as that account: its workers could not go on
 * with files of root.
 */
#ifndef SP_APP_COMMON_ACCOUNT_H
#define SP_APP_COMMON_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"

#define SP_ACCOUNT_MAX 64

struct sp_account {
	uid_t uid;
	gid_t gid;
	char name[SP_ACCOUNT_MAX]; /* "" if the uid has none */
	bool other; /* we are root, and it is not ours */
};

/* `user` of the configuration, else the owner of ${dir}. */
SP_CHECK enum sp_code sp_account_find(const char *dir,
    const struct sp_config *cfg, struct sp_account *out, struct sp_err *err);
/* The group of the readers (`group`), (gid_t)-1 if none is named. */
SP_CHECK enum sp_code sp_account_readers(
    const struct sp_config *cfg, gid_t *out, struct sp_err *err);
/* Act as the account until sp_account_leave; nothing where it is ours.  The
 * real uid stays: events name who we are. */
void sp_account_enter(const struct sp_account *a);
void sp_account_leave(const struct sp_account *a);
/* For good; false if the kernel refuses. */
bool sp_account_become(const struct sp_account *a);

#endif
