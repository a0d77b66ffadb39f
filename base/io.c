/*
 * I/O on descriptors, and the counters of mutating calls.  Each mutating call
 * is numbered and given to the fault injection before it is made
 * (fault_priv.h), and reported to the simulated power cut (power_priv.h).
 * Calls interrupted by a signal go on; short writes are continued.
 */
#include "base/io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault_priv.h"
#include "base/io_priv.h"
#include "base/power_priv.h"

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

#define NAME_BUF 512 /* bytes of a path in a message */

/* The fault counter, one of the three things that may be global. */
static _Atomic uint64_t calls;
static _Atomic uint64_t syncs;

void
sp_io_count(enum sp_op op)
{
	(void)atomic_fetch_add(&calls, 1);
	if (op == SP_OP_SYNC || op == SP_OP_SYNCDIR)
		(void)atomic_fetch_add(&syncs, 1);
}

uint64_t
sp_io_calls(void)
{
	return (atomic_load(&calls));
}

uint64_t
sp_io_syncs(void)
{
	return (atomic_load(&syncs));
}

/*
 * The path of a descriptor; the kernel is asked only when a message needs it.
 */
static const char *
path_of(int fd, char out[NAME_BUF])
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, NAME_BUF - 1);
	if (n <= 0)
		(void)snprintf(out, NAME_BUF, "descriptor %d", fd);
	else
		out[n] = '\0';
	return (out);
}

/* Fill in the error of a failed call on a descriptor. */
static enum sp_code
fail_fd(struct sp_err *err, int errnum, const char *what, int fd)
{
	char name[NAME_BUF];

	return (sp_err_set(err, sp_err_code_of_errno(errnum), errnum,
	    "cannot %s %s", what, path_of(fd, name)));
}

/* With a fault armed that takes changes back, creation and truncation are made
 * visible to it: the file is opened without O_TRUNC and cut afterwards. */
enum sp_code
sp_io_open(
    const char *path, int flags, mode_t mode, int *fd, struct sp_err *err)
{
	const bool mutates = (flags & (O_CREAT | O_TRUNC)) != 0;
	bool was = true;
	int f, e = 0;

	if (mutates) {
		sp_io_count(SP_OP_CREATE);
		e = sp_fault_call(SP_OP_CREATE);
		was = !sp_fault_tracking() || access(path, F_OK) == 0;
	}
	if (e != 0) {
		errno = e;
		f = -1;
	} else {
		do {
			f = open(path,
			    (sp_fault_tracking() ? flags & ~O_TRUNC : flags) |
				O_CLOEXEC,
			    mode);
		} while (f < 0 && errno == EINTR);
	}
	if (f < 0) {
		e = errno;
		if (e == ENOENT && (flags & O_CREAT) == 0)
			return (sp_err_set(
			    err, SP_ENOTFOUND, e, "cannot open %s", path));
		if (e == ENOENT)
			return (sp_err_set(
			    err, SP_ENOTFOUND, e, "cannot create %s", path));
		if (e == EEXIST)
			return (sp_err_set(
			    err, SP_EEXISTS, e, "cannot create %s", path));
		return (sp_err_set(
		    err, sp_err_code_of_errno(e), e, "cannot open %s", path));
	}
	if (!was)
		sp_power_created(path);
	if ((flags & O_EXCL) != 0)
		sp_fault_created(f);
	if (sp_fault_tracking() && (flags & O_TRUNC) != 0) {
		sp_power_truncate(f, 0);
		(void)!ftruncate(f, 0);
	}
	*fd = f;
	return (SP_OK);
}

enum sp_code
sp_io_close(int fd, struct sp_err *err)
{
	char name[NAME_BUF];

	if (fd < 0)
		return (SP_OK);
	/* After EINTR Linux has closed the descriptor; never close it twice. */
	if (close(fd) == 0 || errno == EINTR)
		return (SP_OK);
	return (sp_err_set(err, sp_err_code_of_errno(errno), errno,
	    "cannot close %s", path_of(fd, name)));
}

/* Step over ${n} bytes that were written, and over empty pieces. */
static void
advance(struct iovec **iov, size_t *count, size_t n)
{
	while (*count > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (*count > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

/* Write all of ${iov} at ${off}, or at the file position with SP_FAULT_HERE.
 * One mutating call for the fault injection, however many the kernel needs. */
static enum sp_code
write_all(
    int fd, struct iovec *iov, size_t count, uint64_t off, struct sp_err *err)
{
	int e;

	sp_io_count(SP_OP_WRITE);
	e = sp_fault_write(fd, iov, count, off);
	if (e != 0)
		return (fail_fd(err, e, "write", fd));
	advance(&iov, &count, 0);
	while (count > 0) {
		int c = count > IOV_MAX ? IOV_MAX : (int)count;
		ssize_t n;

		if (off == SP_FAULT_HERE)
			n = writev(fd, iov, c);
		else
			n = pwritev(fd, iov, c, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		/* A write of nothing would loop for ever. */
		if (n <= 0)
			return (fail_fd(err, n < 0 ? errno : EIO, "write", fd));
		if (off != SP_FAULT_HERE)
			off += (uint64_t)n;
		advance(&iov, &count, (size_t)n);
	}
	return (SP_OK);
}

enum sp_code
sp_io_pwritev(
    int fd, struct iovec *iov, size_t count, uint64_t off, struct sp_err *err)
{
	assert(off <= INT64_MAX);
	return (write_all(fd, iov, count, off, err));
}

/* A piece to write.  An iovec has no const; nothing is written through it. */
static struct iovec
iov_of(const void *p, size_t n)
{
	struct iovec iov = { .iov_len = n };

	memcpy(&iov.iov_base, &p, sizeof(p));
	return (iov);
}

enum sp_code
sp_io_pwrite(int fd, const void *p, size_t n, uint64_t off, struct sp_err *err)
{
	struct iovec iov = iov_of(p, n);

	assert(off <= INT64_MAX);
	return (write_all(fd, &iov, 1, off, err));
}

enum sp_code
sp_io_write(int fd, const void *p, size_t n, struct sp_err *err)
{
	struct iovec iov = iov_of(p, n);

	return (write_all(fd, &iov, 1, SP_FAULT_HERE, err));
}

enum sp_code
sp_io_pread(
    int fd, void *p, size_t n, uint64_t off, size_t *got, struct sp_err *err)
{
	size_t done = 0;

	if (off > INT64_MAX)
		return (fail_fd(err, EOVERFLOW, "read", fd));
	while (done < n) {
		ssize_t r =
		    pread(fd, (char *)p + done, n - done, (off_t)(off + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return (fail_fd(err, errno, "read", fd));
		if (r == 0)
			break;
		done += (size_t)r;
	}
	*got = done;
	return (SP_OK);
}

enum sp_code
sp_io_size(int fd, uint64_t *size, struct sp_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return (fail_fd(err, errno, "stat", fd));
	*size = (uint64_t)st.st_size;
	return (SP_OK);
}

enum sp_code
sp_io_ftruncate(int fd, uint64_t size, struct sp_err *err)
{
	int e;

	assert(size <= INT64_MAX);
	sp_io_count(SP_OP_TRUNCATE);
	e = sp_fault_call(SP_OP_TRUNCATE);
	if (e != 0)
		return (fail_fd(err, e, "truncate", fd));
	sp_power_truncate(fd, size);
	while (ftruncate(fd, (off_t)size) != 0) {
		if (errno != EINTR)
			return (fail_fd(err, errno, "truncate", fd));
	}
	return (SP_OK);
}

/*
 * Sync by ${call}.  Never retried after a failure: the kernel may have marked
 * the pages clean, and the next sync would succeed without having written them.
 */
static enum sp_code
sync_fd(int fd, int (*call)(int), struct sp_err *err)
{
	char name[NAME_BUF];
	int e;

	sp_io_count(SP_OP_SYNC);
	e = sp_fault_sync(fd);
	if (e == 0 && call(fd) != 0)
		e = errno;
	if (e != 0)
		return (sp_err_set(err, SP_ESYNC, e,
		    "cannot sync %s to the disk", path_of(fd, name)));
	sp_power_synced(fd);
	return (SP_OK);
}

enum sp_code
sp_io_fdatasync(int fd, struct sp_err *err)
{
	return (sync_fd(fd, fdatasync, err));
}

enum sp_code
sp_io_fsync(int fd, struct sp_err *err)
{
	return (sync_fd(fd, fsync, err));
}

enum sp_code
sp_io_symlink(const char *target, const char *path, struct sp_err *err)
{
	char *dir = sp_io_parent(path, NULL);
	enum sp_code rc;
	int e;

	sp_io_count(SP_OP_CREATE);
	e = sp_fault_call(SP_OP_CREATE);
	if (e == 0 && symlink(target, path) != 0)
		e = errno;
	if (e != 0)
		rc = sp_err_set(err, sp_err_code_of_errno(e), e,
		    "cannot make the link %s", path);
	else
		rc = sp_io_syncdir(dir, err);
	free(dir);
	return (rc);
}
