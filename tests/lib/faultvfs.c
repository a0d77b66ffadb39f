/*
 * A thin layer between SQLite and its own file system calls: each call that
 * changes something is numbered and may fail, tear or be lost as those of
 * base/io.c, and is remembered for a power cut.  A second descriptor on each
 * file serves for that; closing it drops the POSIX locks of this process, which
 * nobody misses as long as one process writes.  Used by tests/crash (every
 * kind, in a child each) and crash_index_writes.c (in the process).
 *
 * SQLite syncs the directory of a file that it made with the first sync of
 * that file, and after a delete where asked to.
 */
#include "tests/lib/faultvfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault_priv.h"
#include "base/io.h"
#include "base/io_priv.h"
#include "base/power_priv.h"

#define SYNCS_MAX 4096u

/* What SQLite takes for its file; the real one follows in the same memory. */
struct fault_file {
	sqlite3_file base;
	int fd; /* our own; -1: not tracked */
	char *dir; /* to be synced with the first sync; NULL: none */
	sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;
static uint64_t sync_at[SYNCS_MAX];
static size_t nsyncs;

static sqlite3_file *
real(sqlite3_file *f)
{
	return (((struct fault_file *)(void *)f)->real);
}

static struct fault_file *
ours(sqlite3_file *f)
{
	return ((struct fault_file *)(void *)f);
}

/* Number the call; the code that SQLite shall see. */
static int
call(enum sp_op op, int failure)
{
	int e;

	sp_io_count(op);
	e = sp_fault_call(op);
	if (e == 0)
		return (SQLITE_OK);
	return (e == ENOSPC ? SQLITE_FULL : failure);
}

static void
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	sp_power_syncdir(fd);
	(void)close(fd);
}

static int
x_close(sqlite3_file *f)
{
	struct fault_file *o = ours(f);
	int rc = o->real->pMethods->xClose(o->real);

	if (o->fd >= 0)
		(void)close(o->fd);
	free(o->dir);
	return (rc);
}

static int
x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 off)
{
	return (real(f)->pMethods->xRead(real(f), p, n, off));
}

static int
x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 off)
{
	struct fault_file *o = ours(f);
	struct iovec iov = { .iov_len = (size_t)n };
	int e;

	memcpy(&iov.iov_base, &p, sizeof(p));
	if (o->fd >= 0) {
		sp_io_count(SP_OP_WRITE);
		e = sp_fault_write(o->fd, &iov, 1, (uint64_t)off);
		if (e != 0)
			return (e == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
	}
	return (o->real->pMethods->xWrite(o->real, p, n, off));
}

static int
x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = call(SP_OP_TRUNCATE, SQLITE_IOERR_TRUNCATE);

	if (rc != SQLITE_OK)
		return (rc);
	if (ours(f)->fd >= 0)
		sp_power_truncate(ours(f)->fd, (uint64_t)size);
	return (real(f)->pMethods->xTruncate(real(f), size));
}

static int
x_sync(sqlite3_file *f, int flags)
{
	struct fault_file *o = ours(f);
	int rc = call(SP_OP_SYNC, SQLITE_IOERR_FSYNC);

	if (nsyncs < SYNCS_MAX)
		sync_at[nsyncs++] = sp_io_calls();
	if (rc == SQLITE_OK)
		rc = o->real->pMethods->xSync(o->real, flags);
	if (rc != SQLITE_OK)
		return (rc);
	if (o->fd >= 0)
		sp_power_synced(o->fd);
	if (o->dir != NULL)
		sync_dir(o->dir);
	free(o->dir);
	o->dir = NULL;
	return (SQLITE_OK);
}

static int
x_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return (real(f)->pMethods->xFileSize(real(f), size));
}

static int
x_lock(sqlite3_file *f, int level)
{
	return (real(f)->pMethods->xLock(real(f), level));
}

static int
x_unlock(sqlite3_file *f, int level)
{
	return (real(f)->pMethods->xUnlock(real(f), level));
}

static int
x_reserved(sqlite3_file *f, int *out)
{
	return (real(f)->pMethods->xCheckReservedLock(real(f), out));
}

static int
x_control(sqlite3_file *f, int op, void *arg)
{
	/* A size hint would change the file behind our back. */
	if (op == SQLITE_FCNTL_SIZE_HINT)
		return (SQLITE_NOTFOUND);
	return (real(f)->pMethods->xFileControl(real(f), op, arg));
}

static int
x_sector(sqlite3_file *f)
{
	return (real(f)->pMethods->xSectorSize(real(f)));
}

static int
x_traits(sqlite3_file *f)
{
	/* No promises of the device: the order of writes must not matter. */
	(void)f;
	return (0);
}

static int
x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
	return (real(f)->pMethods->xShmMap(real(f), page, size, extend, p));
}

static int
x_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return (real(f)->pMethods->xShmLock(real(f), offset, n, flags));
}

static void
x_shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int
x_shm_unmap(sqlite3_file *f, int drop)
{
	return (real(f)->pMethods->xShmUnmap(real(f), drop));
}

/* Version 2: shared memory for WAL, but no mapped pages. */
static const sqlite3_io_methods methods = { .iVersion = 2,
	.xClose = x_close,
	.xRead = x_read,
	.xWrite = x_write,
	.xTruncate = x_truncate,
	.xSync = x_sync,
	.xFileSize = x_size,
	.xLock = x_lock,
	.xUnlock = x_unlock,
	.xCheckReservedLock = x_reserved,
	.xFileControl = x_control,
	.xSectorSize = x_sector,
	.xDeviceCharacteristics = x_traits,
	.xShmMap = x_shm_map,
	.xShmLock = x_shm_lock,
	.xShmBarrier = x_shm_barrier,
	.xShmUnmap = x_shm_unmap };

static char *
parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash == NULL
		    ? sp_xstrdup(".")
		    : sp_xasprintf("%.*s", (int)(slash - path), path));
}

static int
x_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *got)
{
	struct fault_file *o = ours(f);
	bool made = name != NULL && (flags & SQLITE_OPEN_CREATE) != 0 &&
		    access(name, F_OK) != 0;
	int rc = SQLITE_OK;

	(void)v;
	*o = (struct fault_file){ .fd = -1,
		.real = (sqlite3_file *)(void *)(o + 1) };
	if (made)
		rc = call(SP_OP_CREATE, SQLITE_CANTOPEN);
	if (rc == SQLITE_OK)
		rc = real_vfs->xOpen(real_vfs, name, o->real, flags, got);
	if (rc != SQLITE_OK)
		return (rc);
	if (name != NULL && (flags & SQLITE_OPEN_READWRITE) != 0)
		o->fd = open(name, O_RDWR | O_CLOEXEC);
	if (made && o->fd >= 0) {
		sp_power_created(name);
		o->dir = parent(name);
	}
	o->base.pMethods = &methods;
	return (SQLITE_OK);
}

static int
x_delete(sqlite3_vfs *v, const char *name, int sync)
{
	int rc = call(SP_OP_UNLINK, SQLITE_IOERR_DELETE);
	char *dir;

	(void)v;
	if (rc != SQLITE_OK)
		return (rc);
	sp_power_unlink(name);
	rc = real_vfs->xDelete(real_vfs, name, sync);
	if (rc == SQLITE_OK && sync) {
		dir = parent(name);
		sync_dir(dir);
		free(dir);
	}
	return (rc);
}

size_t
faultvfs_syncs(const uint64_t **at)
{
	*at = sync_at;
	return (nsyncs);
}

void
faultvfs_install(void)
{
	static sqlite3_vfs vfs;

	real_vfs = sqlite3_vfs_find(NULL);
	if (real_vfs == NULL)
		abort();
	vfs = *real_vfs;
	vfs.zName = "fault";
	vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
	vfs.pNext = NULL;
	vfs.xOpen = x_open;
	vfs.xDelete = x_delete;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		abort();
}
