/* Making an archive: directories, keys, configuration, entry 0. */
#ifndef SP_SEAL_CREATE_H
#define SP_SEAL_CREATE_H

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_create {
	const char *dir;
	const char *origin;
	struct sp_view config; /* text of sealpost.conf */
	const char *guard; /* directory, made if missing; NULL: none */
	const char *by;
	const char
	    *continues; /* path of the archive that this continues, or NULL */
	const char *user; /* chown to, or NULL */
};

/*
 * SP_EEXISTS for a non-empty directory.  FORMAT is written last: a directory
 * without it is not an archive, and init may be run again on what it left.
 * The caller makes the first checkpoint (seal.h).
 */
SP_CHECK enum sp_code sp_create(const struct sp_create *c, struct sp_err *err);

/* Give ${path} and all below to ${user} and, unless ${path} has the set-group-ID
 * bit, to the user's group; nothing to do where we are that user.
 * For what was written as root after sp_create (the first checkpoint). */
SP_CHECK enum sp_code sp_create_own(
    const char *path, const char *user, struct sp_err *err);
/* Whether sp_create_own could: SP_EUSAGE no such account, SP_EPERM.  NULL is
 * fine. */
SP_CHECK enum sp_code sp_create_own_check(const char *user, struct sp_err *err);

#endif
