#include "app/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/account.h"
#include "base/buf.h"
#include "base/io.h"
#include "journal/pull/door_client.h"

#define BIND_TRIES    40
#define BIND_PAUSE_US 50000
#define BACKLOG	      1024

/*
 * Workers of a supervisor that was just killed hold the socket for a moment
 * longer; a start right after must not fail for that.
 */
static int
bind_patiently(int s, const struct sp_listen *l)
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

enum sp_code
sp_socket_listen(const struct sp_listen *l, int *fd, struct sp_err *err)
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
	e = bind_patiently(s, l);
	if (e != 0) {
		enum sp_code rc = sp_err_set(err, SP_EIO, e,
		    "listener %s: cannot listen on %s%s", l->name, l->address,
		    e == EADDRINUSE
			? " (another program does; stop it or choose another "
			  "port in sealpost.conf)"
			: "");

		(void)close(s);
		return (rc);
	}
	*fd = s;
	return (SP_OK);
}

static enum sp_code
bind_local(int s, const char *path, struct sp_err *err)
{
	struct sockaddr_un sa;
	int dirfd = -1;
	enum sp_code rc = sp_local_address(path, &sa, &dirfd, err);

	if (rc == SP_OK &&
	    (bind(s, (const struct sockaddr *)&sa, sizeof(sa)) != 0 ||
		listen(s, BACKLOG) != 0))
		rc = sp_err_set(err, SP_EIO, errno, "%s", path);
	(void)sp_io_close(dirfd, NULL);
	return (rc);
}

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

	rc = sp_account_find(dir, cfg, &acct, err);
	if (rc == SP_OK)
		rc = sp_account_readers(cfg, &readers, err);
	if (rc == SP_OK)
		rc = sp_io_unlink(path, err);
	if (rc != SP_OK)
		goto out;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0) {
		rc = sp_err_set(err, SP_EIO, errno, "%s: socket", path);
		goto out;
	}
	mask = umask(0117); /* 0660 from the first moment */
	rc = bind_local(s, path, err);
	(void)umask(mask);
	if (rc == SP_OK && (acct.other || readers != (gid_t)-1) &&
	    lchown(path, acct.other ? acct.uid : (uid_t)-1,
		readers != (gid_t)-1 ? readers : acct.gid) != 0)
		rc = sp_err_set(err, SP_EIO, errno,
		    "%s: cannot give the socket to its group", path);
out:
	if (rc != SP_OK && s >= 0)
		(void)close(s);
	if (rc == SP_OK)
		*fd = s;
	free(path);
	return (rc);
}
