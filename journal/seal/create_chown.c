/*
 * Giving an archive to the account that it belongs to, as root (`init
 * --user`).  Symbolic links are changed themselves, never followed.
 */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "journal/seal/create.h"
#include "base/layout.h"

#define DEPTH_MAX 32 /* an archive is not nested deeper */

/* Find the account; *change says whether owners have to be changed, which only
 * root may do (SP_EPERM).  SP_EUSAGE: there is no such account. */
static enum sp_code
find_account(
    const char *user, uid_t *uid, gid_t *gid, bool *change, struct sp_err *err)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL)
		return (sp_err_set(err, SP_EUSAGE, errno,
		    "there is no account \"%s\" on this host; make it first (adduser --system --group %s)",
		    user, user));
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	*change = geteuid() != pw->pw_uid;
	if (*change && geteuid() != 0)
		return (sp_err_set(err, SP_EPERM, 0,
		    "only root can give the archive to %s; run init as root, or as %s itself",
		    user, user));
	return (SP_OK);
}

enum sp_code
sp_create_own_check(const char *user, struct sp_err *err)
{
	bool change;
	uid_t uid = 0;
	gid_t gid = 0;

	if (user == NULL)
		return (SP_OK);
	return (find_account(user, &uid, &gid, &change, err));
}

/* Change the owner of ${path} and all below it; ${depth} bounds the
 * recursion. */
static enum sp_code
chown_tree(
    const char *path, uid_t uid, gid_t gid, unsigned depth, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	struct stat st;
	char **names;
	size_t n;

	if (lstat(path, &st) != 0 || lchown(path, uid, gid) != 0)
		return (sp_err_set(
		    err, SP_EIO, errno, "cannot change the owner of %s", path));
	if (!S_ISDIR(st.st_mode))
		return (SP_OK);
	if (depth == DEPTH_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%s is nested deeper than an archive is", path));
	rc = sp_io_list(path, &names, &n, err);
	if (rc != SP_OK)
		return (rc);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *below = sp_layout_path(path, names[i]);

		rc = chown_tree(below, uid, gid, depth + 1, err);
		free(below);
	}
	sp_io_names_free(names, n);
	return (rc);
}

enum sp_code
sp_create_own(const char *path, const char *user, struct sp_err *err)
{
	enum sp_code rc;
	struct stat st;
	bool change;
	uid_t uid = 0;
	gid_t gid = 0;

	rc = find_account(user, &uid, &gid, &change, err);
	if (rc != SP_OK || !change)
		return (rc);
	/* The set-group-ID bit says that somebody chose the group: it stays. */
	if (stat(path, &st) == 0 && (st.st_mode & S_ISGID) != 0)
		gid = (gid_t)-1;
	return (chown_tree(path, uid, gid, 0, err));
}
