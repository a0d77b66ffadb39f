/*
 * The listening sockets: TCP and Unix sockets of listeners, and the two local
 * sockets of the archive (state/door, state/control).  Used by the supervisor
 * at the start and by a reload (app/service/reload.c).
 *
 * A socket in the file system is made closed to everybody and opened only once
 * it has its owner and group.  A name that is there already is tried by
 * connecting: one that nobody answers at was left behind and is removed.
 */
#include "app/service/socket.h"

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/common/account.h"
#include "base/buf.h"
#include "base/io.h"
#include "journal/door/unix_socket.h"

/* Together two seconds, see bind_retrying(). */
#define BIND_TRIES    40
#define BIND_PAUSE_US 50000
#define BACKLOG	      1024

/* Bind and listen; returns 0 or an errno.  The workers of a supervisor that was
 * just killed hold the address for a moment longer: a start right after must
 * not fail for that. */
static int
bind_retrying(int s, const struct sp_listen *l)
{
	for (int i = 0;; i++) {
		if (bind(s, (const struct sockaddr *)&l->sa, l->salen) == 0 &&
		    listen(s, BACKLOG) == 0)
			return (0);
		if (errno != EADDRINUSE || i == BIND_TRIES)
			return (errno);
		(void)usleep(BIND_PAUSE_US);
	}
}

/* A TCP socket that listens on the address of ${l}.  An IPv6 one is for IPv6
 * alone, so that [::] and 0.0.0.0 can both be listened on. */
static enum sp_code
listen_tcp(const struct sp_listen *l, int *fd, struct sp_err *err)
{
	int one = 1, e;
	int s = socket(
	    l->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (s < 0)
		return (sp_err_set(
		    err, SP_EIO, errno, "listener %s: socket", l->name));
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (l->sa.ss_family == AF_INET6)
		(void)setsockopt(
		    s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	e = bind_retrying(s, l);
	if (e != 0) {
		enum sp_code rc = sp_err_set(err, SP_EIO, e,
		    "listener %s: cannot listen on %s%s", l->name, l->address,
		    e == EADDRINUSE
			? " (another program does; stop it or choose another port in sealpost.conf)"
			: "");

		(void)close(s);
		return (rc);
	}
	*fd = s;
	return (SP_OK);
}

/* Make the name of a socket free; returns 0 or an errno: EADDRINUSE where
 * somebody answers at it, EEXIST where it is another kind of file. */
static int
remove_stale(const struct sp_listen *l)
{
	const struct sockaddr_un *un = (const void *)&l->sa;
	struct stat st;
	int s, e;

	if (lstat(un->sun_path, &st) != 0)
		return (errno == ENOENT ? 0 : errno);
	if (!S_ISSOCK(st.st_mode))
		return (EEXIST);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return (errno);
	e = connect(s, (const struct sockaddr *)&l->sa, l->salen) == 0
		? EADDRINUSE
		: errno;
	(void)close(s);
	if (e != ECONNREFUSED)
		return (e);
	return (sp_io_unlink(un->sun_path, NULL) == SP_OK ? 0 : EACCES);
}

/* Bind to a name in the file system, mode 0600; returns 0 or an errno.  Waits
 * for a dead service as bind_retrying(). */
static int
bind_named(int s, const struct sp_listen *l)
{
	/* Nobody else may connect before it has its group. */
	mode_t mask = umask(0177);
	int e = 0;

	for (int i = 0; i < BIND_TRIES; i++) {
		e = remove_stale(l);
		if (e != EADDRINUSE)
			break;
		(void)usleep(BIND_PAUSE_US);
	}
	if (e == 0 && bind(s, (const struct sockaddr *)&l->sa, l->salen) != 0)
		e = errno;
	(void)umask(mask);
	return (e);
}

/* The group is socket_group, else that of the account where we are root.  A
 * reload calls it for sockets that stay. */
enum sp_code
sp_socket_permit(const struct sp_listen *l, const struct sp_account *acct,
    struct sp_err *err)
{
	static const mode_t modes[] = { 0600, 0660, 0666 };
	const struct sockaddr_un *un = (const void *)&l->sa;
	gid_t gid = acct->other ? acct->gid : (gid_t)-1;
	struct group *gr;

	if (l->sa.ss_family != AF_UNIX)
		return (SP_OK);
	if (l->socket_group != NULL) {
		gr = getgrnam(l->socket_group);
		if (gr == NULL)
			return (sp_err_set(err, SP_ECONFIG, 0,
			    "listener %s: there is no group %s on this host; expected another socket_group",
			    l->name, l->socket_group));
		gid = gr->gr_gid;
	}
	if (lchown(un->sun_path, acct->other ? acct->uid : (uid_t)-1, gid) !=
		0 ||
	    chmod(un->sun_path, modes[l->socket_mode]) != 0)
		return (sp_err_set(err, SP_EIO, errno,
		    "listener %s: cannot give %s to its group", l->name,
		    un->sun_path));
	return (SP_OK);
}

void
sp_socket_rights_get(const struct sp_listen *l, struct sp_socket_rights *out)
{
	const struct sockaddr_un *un = (const void *)&l->sa;
	struct stat st;

	*out = (struct sp_socket_rights){ 0 };
	if (l->sa.ss_family == AF_UNIX && lstat(un->sun_path, &st) == 0)
		*out = (struct sp_socket_rights){ true, st.st_uid, st.st_gid,
			st.st_mode & 07777 };
}

void
sp_socket_rights_set(
    const struct sp_listen *l, const struct sp_socket_rights *rights)
{
	const struct sockaddr_un *un = (const void *)&l->sa;

	/* What it had it was given by us: if it cannot be given back, nothing
	 * better is left to do. */
	if (rights->known &&
	    lchown(un->sun_path, rights->uid, rights->gid) == 0 &&
	    chmod(un->sun_path, rights->mode) != 0)
		return;
}

/* A Unix socket that listens on the name of ${l}, with owner, group and
 * mode. */
static enum sp_code
listen_named(const struct sp_listen *l, const struct sp_account *acct, int *fd,
    struct sp_err *err)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int e = s < 0 ? errno : bind_named(s, l);
	enum sp_code rc = SP_OK;

	if (e != 0)
		rc = sp_err_set(err, SP_EIO, e,
		    "listener %s: cannot listen on %s%s", l->name, l->address,
		    e == EADDRINUSE ? " (another program does)"
		    : e == EEXIST   ? " (something else has this name)"
				    : "");
	if (rc == SP_OK)
		rc = sp_socket_permit(l, acct, err);
	if (rc == SP_OK && listen(s, BACKLOG) != 0)
		rc = sp_err_set(
		    err, SP_EIO, errno, "listener %s: listen", l->name);
	if (rc == SP_OK)
		*fd = s;
	else if (s >= 0)
		(void)close(s);
	return (rc);
}

void
sp_socket_unlink(const struct sp_listen *l)
{
	const struct sockaddr_un *un = (const void *)&l->sa;
	struct sp_err ignored;

	/* A name that stays is found stale at the next start. */
	if (l->sa.ss_family == AF_UNIX &&
	    sp_io_unlink(un->sun_path, &ignored) != SP_OK)
		return;
}

enum sp_code
sp_socket_listen(const struct sp_listen *l, const struct sp_account *acct,
    int *fd, struct sp_err *err)
{
	if (l->sa.ss_family == AF_UNIX)
		return (listen_named(l, acct, fd, err));
	return (listen_tcp(l, fd, err));
}

/* Bind ${s} to ${path} and listen.  A path longer than an address holds is
 * bound through its directory (sp_unix_socket_address()). */
static enum sp_code
bind_local(int s, const char *path, struct sp_err *err)
{
	struct sockaddr_un sa;
	int dirfd = -1;
	enum sp_code rc = sp_unix_socket_address(path, &sa, &dirfd, err);

	if (rc == SP_OK &&
	    (bind(s, (const struct sockaddr *)&sa, sizeof(sa)) != 0 ||
		listen(s, BACKLOG) != 0))
		rc = sp_err_set(err, SP_EIO, errno, "%s", path);
	(void)sp_io_close(dirfd, NULL);
	return (rc);
}

/* Give ${path} to the account and the readers of ${cfg}. */
static enum sp_code
permit_local(const char *path, const struct sp_account *acct, gid_t readers,
    struct sp_err *err)
{
	if ((acct->other || readers != (gid_t)-1) &&
	    lchown(path, acct->other ? acct->uid : (uid_t)-1,
		readers != (gid_t)-1 ? readers : acct->gid) != 0)
		return (sp_err_set(err, SP_EIO, errno,
		    "%s: cannot give the socket to its group", path));
	return (SP_OK);
}

/* Who may use the local sockets of the archive ${dir}. */
static enum sp_code
local_owners(const char *dir, const struct sp_config *cfg,
    struct sp_account *acct, gid_t *readers, struct sp_err *err)
{
	enum sp_code rc = sp_account_find(dir, cfg, acct, err);

	return (
	    rc == SP_OK ? sp_account_readers(cfg->group, readers, err) : rc);
}

enum sp_code
sp_socket_local_permit(const char *dir, const char *name,
    const struct sp_config *cfg, struct sp_err *err)
{
	char *path = sp_xasprintf("%s/%s", dir, name);
	struct sp_account acct;
	gid_t readers = (gid_t)-1;
	enum sp_code rc = local_owners(dir, cfg, &acct, &readers, err);

	/* without a group they are the account's, as at the start */
	if (rc == SP_OK)
		rc = permit_local(path, &acct,
		    readers == (gid_t)-1 ? acct.gid : readers, err);
	free(path);
	return (rc);
}

/* The lock of the service is held: whatever has the name was left behind. */
enum sp_code
sp_socket_local(const char *dir, const char *name, const struct sp_config *cfg,
    int *fd, struct sp_err *err)
{
	char *path = sp_xasprintf("%s/%s", dir, name);
	struct sp_account acct;
	gid_t readers;
	mode_t mask;
	enum sp_code rc;
	int s = -1;

	rc = local_owners(dir, cfg, &acct, &readers, err);
	if (rc == SP_OK)
		rc = sp_io_unlink(path, err);
	if (rc != SP_OK)
		goto out;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0) {
		rc = sp_err_set(err, SP_EIO, errno, "%s: socket", path);
		goto out;
	}
	mask = umask(0117); /* 0660 from the beginning */
	rc = bind_local(s, path, err);
	(void)umask(mask);
	if (rc == SP_OK)
		rc = permit_local(path, &acct, readers, err);
out:
	if (rc != SP_OK && s >= 0)
		(void)close(s);
	if (rc == SP_OK)
		*fd = s;
	free(path);
	return (rc);
}
