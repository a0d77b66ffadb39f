/*
 * Fault injection for tests.  base/io*.c call in here before every mutating
 * call; this file numbers the calls of the process and, at the number that
 * SP_FAULT=KIND:N or sp_fault_arm() names, lets the call fail or ends the
 * process the way a crash, a torn write or a power cut would.  What becomes of
 * the files at a power cut is base/power.c.  Kinds: doc/testing.md.
 */
#include "base/fault.h"

#ifndef SP_FAULTS

/* A release has no faults: arming one does nothing. */
void
sp_fault_arm(const char *kind, uint64_t at)
{
	(void)kind;
	(void)at;
}

bool
sp_fault_fired(void)
{
	return (false);
}

#else

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault_priv.h"
#include "base/power_priv.h"
#include "base/view.h"

#define EXIT_CRASH 137 /* what a shell shows after SIGKILL */
#define FAILED_MAX 64 /* files with a failed sync that we remember */

enum fault_kind { NONE, ENOSPC_, EIO_, CRASH, TORN, HOLE, LOST, POWER, REWIND };

static const char *const kinds[] = {
	[NONE] = "",
	[ENOSPC_] = "enospc",
	[EIO_] = "eio",
	[CRASH] = "crash",
	[TORN] = "torn",
	[HOLE] = "hole",
	[LOST] = "lost",
	[POWER] = "power",
	[REWIND] = "rewind",
};

/* The one fault of this process; calls may come from several threads. */
static struct {
	pthread_mutex_t lock;
	bool env_read; /* SP_FAULT was looked at, or the fault armed */
	enum fault_kind kind;
	bool sticky; /* every call from there on fails */
	uint64_t at; /* the call that it acts on, from 1 */
	uint64_t n; /* calls since it was armed */
	bool fired;
	struct { /* kind LOST: what becomes zeros when the next sync is tried */
		int fd; /* our own; 0: no write was lost yet */
		off_t off;
		off_t n;
	} lost;
	struct {
		dev_t dev;
		ino_t ino;
	} failed[FAILED_MAX];
	size_t nfailed;
} fault = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Forget the fault before and arm ${kind}, ${len} bytes with an optional '+',
 * at call ${at}; ${len} 0 disarms.  Aborts if there is no such kind. */
static void
arm(const char *kind, size_t len, uint64_t at)
{
	fault.env_read = true;
	fault.kind = NONE;
	fault.sticky = len > 0 && kind[len - 1] == '+';
	fault.at = at;
	fault.n = 0;
	fault.fired = false;
	if (fault.lost.fd > 0)
		(void)close(fault.lost.fd);
	fault.lost.fd = 0;
	fault.nfailed = 0;
	if (fault.sticky)
		len--;
	for (size_t i = 1; i < SP_COUNTOF(kinds) && len > 0; i++) {
		if (strlen(kinds[i]) == len && memcmp(kinds[i], kind, len) == 0)
			fault.kind = (enum fault_kind)i;
	}
	if (len > 0 && fault.kind == NONE) {
		(void)fprintf(
		    stderr, "SP_FAULT: unknown kind %.*s\n", (int)len, kind);
		abort();
	}
}

/* Arm what SP_FAULT=KIND:N asks for, once in a process; the lock is held. */
static void
read_environment(void)
{
	const char *env = getenv("SP_FAULT"), *colon;
	uint64_t at = 0;

	if (fault.env_read)
		return;
	fault.env_read = true;
	if (env == NULL || *env == '\0')
		return;
	colon = strchr(env, ':');
	if (colon == NULL || !sp_view_u64(sp_view_str(colon + 1), &at)) {
		(void)fprintf(stderr, "SP_FAULT: expected KIND:N\n");
		abort();
	}
	arm(env, (size_t)(colon - env), at);
}

void
sp_fault_arm(const char *kind, uint64_t at)
{
	(void)pthread_mutex_lock(&fault.lock);
	arm(kind, kind == NULL ? 0 : strlen(kind), at);
	sp_power_forget();
	(void)pthread_mutex_unlock(&fault.lock);
}

bool
sp_fault_fired(void)
{
	return (fault.fired);
}

int
sp_fault_tracking(void)
{
	bool on;

	(void)pthread_mutex_lock(&fault.lock);
	read_environment();
	on = fault.kind == POWER || fault.kind == REWIND;
	(void)pthread_mutex_unlock(&fault.lock);
	return (on);
}

_Noreturn static void
die(void)
{
	/* What a test has printed so far must not be lost with the process. */
	(void)fflush(NULL);
	_exit(EXIT_CRASH);
}

/* End the process as the kind LOST does when a sync is tried: the write that
 * was marked is zeros on the disk, everything after it is there. */
static void
lose_marked_write(void)
{
	struct stat st;

	if (fault.lost.fd <= 0)
		return;
	if (fstat(fault.lost.fd, &st) == 0 && fault.lost.off < st.st_size) {
		const off_t room = st.st_size - fault.lost.off;
		const off_t n = fault.lost.n < room ? fault.lost.n : room;
		char *zeros = sp_xcalloc((size_t)n, 1);

		(void)!pwrite(fault.lost.fd, zeros, (size_t)n, fault.lost.off);
	}
	die();
}

/* Remember a write whose pages will not reach the disk (LOST). */
static void
mark_lost(int fd, uint64_t off, size_t n)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fault.lost.fd = open(path, O_RDWR | O_CLOEXEC);
	fault.lost.off =
	    off == SP_FAULT_HERE ? lseek(fd, 0, SEEK_CUR) : (off_t)off;
	fault.lost.n = (off_t)n;
	fault.fired = true;
}

/* Count the call; true if the fault is to act on it.  The lock is held. */
static bool
count_is_due(void)
{
	read_environment();
	fault.n++;
	return (fault.kind != NONE &&
		(fault.n == fault.at || (fault.sticky && fault.n > fault.at)));
}

/* Act as those kinds that treat all calls alike: returns the errno that the
 * call ${op} fails with, 0 if it goes on, or ends the process.  The lock is
 * held. */
static int
act(enum sp_op op)
{
	switch (fault.kind) {
	case ENOSPC_:
		/* Neither removing nor shortening a file needs space. */
		if (op == SP_OP_UNLINK || op == SP_OP_TRUNCATE)
			return (0);
		fault.fired = true;
		return (ENOSPC);
	case EIO_:
		fault.fired = true;
		return (EIO);
	case CRASH:
		die();
	case POWER:
	case REWIND:
		sp_power_cut(fault.kind == REWIND);
		die();
	case NONE:
	case TORN:
	case HOLE:
	case LOST:
		break;
	}
	return (0);
}

int
sp_fault_call(enum sp_op op)
{
	int e = 0;

	(void)pthread_mutex_lock(&fault.lock);
	if (count_is_due())
		e = act(op);
	if (op == SP_OP_SYNC || op == SP_OP_SYNCDIR)
		lose_marked_write();
	(void)pthread_mutex_unlock(&fault.lock);
	return (e);
}

/*
 * A failed sync may have marked the file's pages clean, so that a second one
 * would succeed without having written them.  Callers must therefore never
 * sync a file again after a failure; here it aborts the process, so that the
 * tests find such a caller.
 */
int
sp_fault_sync(int fd)
{
	struct stat st;
	int e = 0;

	(void)pthread_mutex_lock(&fault.lock);
	if (fstat(fd, &st) != 0)
		st = (struct stat){ 0 };
	for (size_t i = 0; i < fault.nfailed; i++) {
		if (fault.failed[i].dev == st.st_dev &&
		    fault.failed[i].ino == st.st_ino) {
			(void)fprintf(stderr,
			    "descriptor %d synced again after a failed sync\n",
			    fd);
			abort();
		}
	}
	if (count_is_due())
		e = act(SP_OP_SYNC);
	if (e != 0 && fault.nfailed < FAILED_MAX) {
		fault.failed[fault.nfailed].dev = st.st_dev;
		fault.failed[fault.nfailed].ino = st.st_ino;
		fault.nfailed++;
	}
	lose_marked_write();
	(void)pthread_mutex_unlock(&fault.lock);
	return (e);
}

void
sp_fault_created(int fd)
{
	struct stat st;

	(void)pthread_mutex_lock(&fault.lock);
	for (size_t i = 0; fstat(fd, &st) == 0 && i < fault.nfailed; i++)
		if (fault.failed[i].dev == st.st_dev &&
		    fault.failed[i].ino == st.st_ino)
			fault.failed[i--] = fault.failed[--fault.nfailed];
	(void)pthread_mutex_unlock(&fault.lock);
}

/* Write the first ${n} bytes of ${iov}, or with ${zeros} that many zeros, at
 * ${off}.  Errors are ignored: the process ends or the call fails next. */
static void
write_damaged(int fd, const struct iovec *iov, size_t count, uint64_t off,
    size_t n, bool zeros)
{
	for (size_t i = 0; i < count && n > 0; i++) {
		size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;
		char *copy = sp_xcalloc(part, 1);
		ssize_t done;

		if (!zeros)
			memcpy(copy, iov[i].iov_base, part);
		done = off == SP_FAULT_HERE
			   ? write(fd, copy, part)
			   : pwrite(fd, copy, part, (off_t)off);
		free(copy);
		if (done != (ssize_t)part)
			return;
		if (off != SP_FAULT_HERE)
			off += part;
		n -= part;
	}
}

/* As sp_fault_call, and for the kinds that damage data the damaged write. */
int
sp_fault_write(int fd, const struct iovec *iov, size_t count, uint64_t off)
{
	size_t total = 0;
	int e = 0;

	for (size_t i = 0; i < count; i++)
		total += iov[i].iov_len;
	(void)pthread_mutex_lock(&fault.lock);
	if (count_is_due()) {
		e = act(SP_OP_WRITE);
		switch (fault.kind) {
		case ENOSPC_:
			write_damaged(fd, iov, count, off, total / 2, false);
			break;
		case TORN:
			write_damaged(fd, iov, count, off, total / 2, false);
			die();
		case HOLE:
			write_damaged(fd, iov, count, off, total, true);
			die();
		case LOST:
			mark_lost(fd, off, total);
			break;
		case NONE:
		case EIO_:
		case CRASH:
		case POWER:
		case REWIND:
			break;
		}
	}
	if (e == 0 && (fault.kind == POWER || fault.kind == REWIND))
		sp_power_write(fd, off, total);
	(void)pthread_mutex_unlock(&fault.lock);
	return (e);
}

#endif
