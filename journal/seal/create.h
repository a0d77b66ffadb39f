/*
 * Making an archive: directories, keys, configuration and entry 0 (`sealpost
 * init`).  What it consists of, and in which order it is made:
 * doc/format-archive.md, "Making an archive".
 */
#ifndef SP_SEAL_CREATE_H
#define SP_SEAL_CREATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

/* What to make; all of it is borrowed for the call. */
struct sp_create {
	const char *dir; /* made if missing */
	const char *origin; /* of the log */
	struct sp_view config; /* text of sealpost.conf */
	const char *guard; /* directory, made if missing; NULL: none */
	const char *by; /* program, version and host, for the records */
	const char *continues; /* archive that this continues, or NULL */
	/* files of that archive that are taken along: relative to it */
	char *const *take;
	size_t ntake;
	const char *user; /* account that it is given to, or NULL */
};

/*
 * Make an archive.  FORMAT is written last: a directory without it is not an
 * archive, and the call may be repeated on what an interrupted one left.  The
 * caller makes the first checkpoint (seal.h).
 * SP_EEXISTS: the directory is not empty, or the guard is another archive's;
 * SP_EUSAGE: origin, guard, account or predecessor cannot be used; SP_EPERM:
 * only root may give it to the account; SP_EIO, SP_ENOSPC ...
 */
SP_CHECK enum sp_code sp_create(const struct sp_create *c, struct sp_err *err);

/* Whether the guard directory is not yet that of another archive than the one
 * in ${dir}, which need not be there. */
bool sp_create_guard_is_free(const char *dir, const char *guard);

/*
 * Change the owner of ${path} and all below to ${user} and, unless ${path} has
 * the set-group-ID bit, to the user's group; nothing to do where we are that
 * user.  Also for what was written as root after sp_create (the first
 * checkpoint).  SP_EUSAGE no such account, SP_EPERM, SP_EIO, SP_ELIMIT.
 */
SP_CHECK enum sp_code sp_create_chown(
    const char *path, const char *user, struct sp_err *err);
/* Whether sp_create_chown could do it: SP_EUSAGE no such account, SP_EPERM.  A
 * ${user} of NULL is fine. */
SP_CHECK enum sp_code sp_create_chown_check(
    const char *user, struct sp_err *err);

#endif
