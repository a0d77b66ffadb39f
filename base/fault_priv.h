/*
 * The side of the fault injection that base/io*.c calls before each mutating
 * call.  Without SP_FAULTS all of it compiles to nothing.  How a test asks for
 * a fault: base/fault.h; the kinds: doc/testing.md.
 */
#ifndef SP_BASE_FAULT_PRIV_H
#define SP_BASE_FAULT_PRIV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/io_priv.h"

#ifdef SP_FAULTS

/* Number the call ${op}.  Returns 0, or the errno that it shall fail with.
 * Does not return where the process shall end here. */
int sp_fault_call(enum sp_op op);
/* The same for a write of ${iov} at ${off}; the kinds that damage data write
 * their part of it themselves. */
int sp_fault_write(int fd, const struct iovec *iov, size_t count, uint64_t off);
/* The same for a sync of ${fd}.  Aborts if a sync of that file has failed
 * before: a bug of the caller (see base/io.h). */
int sp_fault_sync(int fd);
/* ${fd} is a new file: a failed sync of a removed one whose number it was given
 * is forgotten. */
void sp_fault_created(int fd);
/* Whether base/power.c must be told of each change (kinds power, rewind). */
int sp_fault_tracking(void);

#else

/* Nothing fails on demand, and nothing is tracked. */
static inline int
sp_fault_call(enum sp_op op)
{
	(void)op;
	return (0);
}

/* Likewise. */
static inline int
sp_fault_write(int fd, const struct iovec *iov, size_t count, uint64_t off)
{
	(void)fd;
	(void)iov;
	(void)count;
	(void)off;
	return (0);
}

/* Likewise. */
static inline int
sp_fault_sync(int fd)
{
	(void)fd;
	return (0);
}

#define sp_fault_created(fd) ((void)0)
#define sp_fault_tracking()  0

#endif

#endif
