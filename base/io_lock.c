/*
 * The locks by which a process holds a role in an archive (writer of the log,
 * sealer, indexer ...).  A lock is the kernel's and ends with the process; the
 * process id in the file is for messages only.
 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_POLL_MS 20 /* flock(2) has no time-out: ask this often */

/* The process id of who holds the lock, for the message; 0 if the file does not
 * say. */
static long
holder(int fd)
{
	char buf[24] = "";
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
	long pid = 0;

	for (ssize_t i = 0; i < n && buf[i] >= '0' && buf[i] <= '9'; i++) {
		if (pid > INT32_MAX / 10)
			return (0);
		pid = pid * 10 + (buf[i] - '0');
	}
	return (pid);
}

/* Write our process id into the lock file.  It is only for messages, so
 * failures (a full disk) are ignored, and the calls are not numbered for
 * faults. */
static void
write_holder(int fd)
{
	char buf[24];
	int n = snprintf(buf, sizeof(buf), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) != 0)
		return;
	(void)!pwrite(fd, buf, (size_t)n, 0);
}

/*
 * Tries until the lock is had, the time is over, or flock(2) fails otherwise.
 */
enum sp_code
sp_io_lock(const char *path, int wait_ms, int *fd, struct sp_err *err)
{
	const struct timespec poll = { .tv_nsec = LOCK_POLL_MS * 1000000L };
	int f, waited = 0;
	long pid;

	f = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (f < 0)
		return (sp_err_set(err, sp_err_code_of_errno(errno), errno,
		    "cannot open the lock file %s", path));
	while (flock(f, LOCK_EX | LOCK_NB) != 0) {
		int e = errno;

		if (e == EINTR)
			continue;
		if (e == EWOULDBLOCK && waited < wait_ms) {
			(void)nanosleep(&poll, NULL);
			waited += LOCK_POLL_MS;
			continue;
		}
		pid = holder(f);
		(void)close(f);
		if (e != EWOULDBLOCK)
			return (
			    sp_err_set(err, SP_EIO, e, "cannot lock %s", path));
		if (pid > 0)
			return (sp_err_set(err, SP_ELOCKED, 0,
			    "%s is held by process %ld; wait for it to finish or stop it",
			    path, pid));
		return (sp_err_set(err, SP_ELOCKED, 0,
		    "%s is held by another process; wait for it to finish or stop it",
		    path));
	}
	write_holder(f);
	*fd = f;
	return (SP_OK);
}
