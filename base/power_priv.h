/*
 * The simulated power cut (base/power.c): base/io*.c report each change here,
 * so that base/fault.c can take back what no sync made durable.  Without
 * SP_FAULTS all of it compiles to nothing.
 */
#ifndef SP_BASE_POWER_PRIV_H
#define SP_BASE_POWER_PRIV_H

#include <stdint.h>

#ifdef SP_FAULTS

/* Call these before the change is made; they record what it replaces.
 * ${off} may be SP_FAULT_HERE. */
void sp_power_write(int fd, uint64_t off, uint64_t n);
void sp_power_truncate(int fd, uint64_t size);
void sp_power_rename(const char *from, const char *to);

/* The same for a name that goes away, and for a directory that is made. */
void sp_power_unlink(const char *path);
void sp_power_mkdir(const char *path);

/* Call these after the call succeeded: a file was created, a file's data is
 * durable, the names in a directory are durable. */
void sp_power_created(const char *path);
void sp_power_synced(int fd);
void sp_power_syncdir(int fd);

/* Cut the power: take back every change that was not synced, removals only
 * with ${all}.  The process must end next. */
void sp_power_cut(int all);
/*
 * Forget what was recorded: everything is durable, or another fault is armed.
 */
void sp_power_forget(void);

#else

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

#endif
