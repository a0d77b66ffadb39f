/*
 * Private to base/io*.c and fault*.c: what happens at each mutating call.
 * Without SP_FAULTS all of it is nothing.  The kinds: doc/testing.md.
 */
#ifndef SP_BASE_FAULT_H
#define SP_BASE_FAULT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The offset of a write at the file position. */
#define SP_FAULT_HERE UINT64_MAX

enum sp_op {
	SP_OP_CREATE, /* open with O_CREAT or O_TRUNC, unnamed files */
	SP_OP_WRITE,
	SP_OP_TRUNCATE,
	SP_OP_SYNC,
	SP_OP_SYNCDIR,
	SP_OP_RENAME,
	SP_OP_UNLINK,
	SP_OP_MKDIR
};

#ifdef SP_FAULTS

/* Number the call.  Returns 0, or the errno that the call shall fail with.
 * Does not return where the process shall end here. */
int sp_fault_call(enum sp_op op);
/* The same for a write of ${iov} at ${off}. */
int sp_fault_write(int fd, const struct iovec *iov, size_t count, uint64_t off);
/* The same for a sync of ${fd}: a second sync after a failed one aborts. */
int sp_fault_sync(int fd);

/* Whether undo is recorded (power, rewind). */
int sp_fault_tracking(void);
/* Called before the change is made, while tracking. */
void sp_power_write(int fd, uint64_t off, uint64_t n);
void sp_power_truncate(int fd, uint64_t size);
void sp_power_rename(const char *from, const char *to);
void sp_power_unlink(const char *path);
void sp_power_mkdir(const char *path);
/* Called after the change is made. */
void sp_power_created(const char *path);
void sp_power_synced(int fd);
void sp_power_syncdir(int fd);
/* Take everything back that was not synced; removals only with ${all}. */
void sp_power_cut(int all);
/* Forget what was recorded. */
void sp_power_forget(void);

#else

static inline int
sp_fault_call(enum sp_op op)
{
	(void)op;
	return (0);
}

static inline int
sp_fault_write(int fd, const struct iovec *iov, size_t count, uint64_t off)
{
	(void)fd;
	(void)iov;
	(void)count;
	(void)off;
	return (0);
}

static inline int
sp_fault_sync(int fd)
{
	(void)fd;
	return (0);
}

#define sp_fault_tracking()	    0
#define sp_power_write(fd, off, n)  ((void)0)
#define sp_power_truncate(fd, size) ((void)0)
#define sp_power_rename(from, to)   ((void)0)
#define sp_power_unlink(path)	    ((void)0)
#define sp_power_mkdir(path)	    ((void)0)
#define sp_power_created(path)	    ((void)0)
#define sp_power_synced(fd)	    ((void)0)
#define sp_power_syncdir(fd)	    ((void)0)
#define sp_power_forget()	    ((void)0)

#endif

/* Count a mutating call (io.c). */
void sp_io_count(enum sp_op op);

#endif
