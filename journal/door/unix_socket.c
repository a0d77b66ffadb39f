/*
 * Unix sockets of an archive, whatever the length of its path (unix_socket.h).
 * A Unix address has room for 107 bytes; a longer path is named through
 * /proc/self/fd of its opened directory.
 */
#include "journal/door/unix_socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"

/* The caller closes ${dirfd} once the address was used. */
enum sp_code
sp_unix_socket_address(
    const char *path, struct sockaddr_un *out, int *dirfd, struct sp_err *err)
{
	int n = (int)strlen(path);
	struct sp_err why;
	const char *base;
	enum sp_code rc;
	char *dir;

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*dirfd = -1;
	if ((size_t)n < sizeof(out->sun_path)) {
		memcpy(out->sun_path, path, (size_t)n + 1);
		return (SP_OK);
	}
	dir = sp_io_parent(path, &base);
	rc = sp_io_open(dir, O_PATH | O_DIRECTORY, 0, dirfd, &why);
	free(dir);
	if (rc != SP_OK)
		return (sp_err_set(err, why.errnum == EACCES ? SP_EPERM : rc,
		    why.errnum, "%s: cannot open its directory", path));
	n = snprintf(out->sun_path, sizeof(out->sun_path),
	    "/proc/self/fd/%d/%s", *dirfd, base);
	assert(n > 0 && (size_t)n < sizeof(out->sun_path));
	return (SP_OK);
}

/* Connect the socket ${s} to ${path}. */
static enum sp_code
connect_path(int s, const char *path, struct sp_err *err)
{
	struct sockaddr_un sa;
	int dirfd = -1;
	enum sp_code rc = sp_unix_socket_address(path, &sa, &dirfd, err);

	if (rc == SP_OK && connect(s, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		rc = sp_err_set(err,
		    errno == ENOENT || errno == ECONNREFUSED ? SP_ENOTFOUND
		    : errno == EACCES			     ? SP_EPERM
							     : SP_EIO,
		    errno, "%s: cannot reach the service", path);
	if (dirfd >= 0)
		(void)close(dirfd);
	return (rc);
}

/* Time-outs of the socket keep a service that hangs from holding the caller. */
enum sp_code
sp_unix_socket_connect(
    const char *dir, const char *name, int *fd, struct sp_err *err)
{
	char *path = sp_xasprintf("%s/%s", dir, name);
	struct timeval wait = { .tv_sec = SP_UNIX_SOCKET_SECONDS };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum sp_code rc = SP_OK;

	if (s < 0) {
		rc = sp_err_set(err, SP_EIO, errno, "%s: socket", path);
	} else {
		(void)setsockopt(
		    s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		(void)setsockopt(
		    s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		rc = connect_path(s, path, err);
	}
	if (rc == SP_OK)
		*fd = s;
	else if (s >= 0)
		(void)close(s);
	free(path);
	return (rc);
}
