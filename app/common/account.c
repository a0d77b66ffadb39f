/*
 * The account that owns the archive, and becoming it.  A command that root runs
 * enters the account around each write (sp_account_enter() and
 * sp_account_leave()); a worker, and a command that only works as the account,
 * becomes it for good.  Files made in between belong to the account, so that
 * the service can go on with them.
 */
#include "app/common/account.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum sp_code
sp_account_find(const char *dir, const struct sp_config *cfg,
    struct sp_account *out, struct sp_err *err)
{
	const struct passwd *pw;
	struct stat st;

	*out = (struct sp_account){ .uid = geteuid() };
	if (stat(dir, &st) != 0)
		return (sp_err_set(
		    err, SP_EIO, errno, "cannot look at the archive %s", dir));
	pw = cfg->user != NULL ? getpwnam(cfg->user) : getpwuid(st.st_uid);
	if (pw == NULL && cfg->user != NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "there is no user \"%s\" on this host; make it (adduser --system --group %s) or change `user`",
		    cfg->user, cfg->user));
	out->uid = pw != NULL ? pw->pw_uid : st.st_uid;
	out->gid = pw != NULL ? pw->pw_gid : st.st_gid;
	if (pw != NULL && strlen(pw->pw_name) < sizeof(out->name))
		(void)snprintf(out->name, sizeof(out->name), "%s", pw->pw_name);
	out->other = geteuid() == 0 && out->uid != 0;
	return (SP_OK);
}

enum sp_code
sp_account_readers(const char *group, gid_t *out, struct sp_err *err)
{
	const struct group *gr;

	*out = (gid_t)-1;
	if (group == NULL)
		return (SP_OK);
	gr = getgrnam(group);
	if (gr == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "there is no group \"%s\" on this host; make it (addgroup --system %s) or change `group`",
		    group, group));
	*out = gr->gr_gid;
	return (SP_OK);
}

void
sp_account_enter(const struct sp_account *a)
{
	if (!a->other)
		return;
	/* To go on as root would make files that are root's. */
	if (setegid(a->gid) != 0 || seteuid(a->uid) != 0)
		abort();
}

void
sp_account_leave(const struct sp_account *a)
{
	if (!a->other)
		return;
	if (seteuid(0) != 0 || setegid(getgid()) != 0)
		abort();
}

bool
sp_account_become(const struct sp_account *a)
{
	int groups;

	if (!a->other)
		return (true);
	groups = a->name[0] != '\0' ? initgroups(a->name, a->gid)
				    : setgroups(1, &a->gid);
	return (groups == 0 && setgid(a->gid) == 0 && setuid(a->uid) == 0);
}

/* The C library has no function for it. */
bool
sp_account_drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (geteuid() == 0)
		return (true);
	return (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
		syscall(SYS_capset, &head, none) == 0);
}
