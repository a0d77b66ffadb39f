#include "tests/index/faultvfs.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The real file follows in the same memory. */
struct file {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs *under;
static sqlite3_vfs self;
static sqlite3_io_methods methods;
static enum fault_kind armed;
static uint64_t fire_at, calls;
static bool fired;

static sqlite3_file *
real_of(sqlite3_file *f)
{
	return (((struct file *)(void *)f)->real);
}

void
faultvfs_arm(enum fault_kind kind, uint64_t at)
{
	armed = kind;
	fire_at = at;
	calls = 0;
	fired = false;
}

bool
faultvfs_fired(void)
{
	return (fired);
}

uint64_t
faultvfs_calls(void)
{
	return (calls);
}

/* Number a call; whether it shall fail. */
static bool
due(bool sync)
{
	calls++;
	if (armed == FAULT_NONE || calls < fire_at)
		return (false);
	if (armed == FAULT_DIE)
		_exit(0);
	if ((armed == FAULT_SYNC) != sync)
		return (false);
	if (fired && armed != FAULT_FULL)
		return (false);
	fired = true;
	return (true);
}

static int
x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	sqlite3_file *r = real_of(f);

	if (!due(false))
		return (r->pMethods->xWrite(r, p, n, at));
	if (armed == FAULT_FULL)
		return (SQLITE_FULL);
	if (armed == FAULT_SHORT)
		(void)r->pMethods->xWrite(r, p, n / 2, at);
	return (SQLITE_IOERR_WRITE);
}

static int
x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	sqlite3_file *r = real_of(f);

	if (due(false))
		return (SQLITE_IOERR_TRUNCATE);
	return (r->pMethods->xTruncate(r, size));
}

static int
x_sync(sqlite3_file *f, int flags)
{
	sqlite3_file *r = real_of(f);

	if (due(true))
		return (SQLITE_IOERR_FSYNC);
	return (r->pMethods->xSync(r, flags));
}

static int
x_close(sqlite3_file *f)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods == NULL ? SQLITE_OK : r->pMethods->xClose(r));
}

static int
x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xRead(r, p, n, at));
}

static int
x_size(sqlite3_file *f, sqlite3_int64 *size)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xFileSize(r, size));
}

static int
x_lock(sqlite3_file *f, int level)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xLock(r, level));
}

static int
x_unlock(sqlite3_file *f, int level)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xUnlock(r, level));
}

static int
x_reserved(sqlite3_file *f, int *out)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xCheckReservedLock(r, out));
}

static int
x_control(sqlite3_file *f, int op, void *arg)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xFileControl(r, op, arg));
}

static int
x_sector(sqlite3_file *f)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xSectorSize(r));
}

static int
x_device(sqlite3_file *f)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xDeviceCharacteristics(r));
}

static int
x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xShmMap(r, page, size, extend, p));
}

static int
x_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xShmLock(r, offset, n, flags));
}

static void
x_shm_barrier(sqlite3_file *f)
{
	sqlite3_file *r = real_of(f);

	r->pMethods->xShmBarrier(r);
}

static int
x_shm_unmap(sqlite3_file *f, int drop)
{
	sqlite3_file *r = real_of(f);

	return (r->pMethods->xShmUnmap(r, drop));
}

static int
x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct file *file = (struct file *)(void *)f;
	int rc;

	(void)vfs;
	file->real = (sqlite3_file *)(void *)(file + 1);
	rc = under->xOpen(under, name, file->real, flags, out);
	file->base.pMethods = file->real->pMethods == NULL ? NULL : &methods;
	return (rc);
}

void
faultvfs_register(void)
{
	under = sqlite3_vfs_find(NULL);
	if (under == NULL)
		abort();
	self = *under;
	self.zName = "fault";
	self.szOsFile = (int)sizeof(struct file) + under->szOsFile;
	self.xOpen = x_open;
	self.pNext = NULL;
	methods = (sqlite3_io_methods){ .iVersion = 2,
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
		.xDeviceCharacteristics = x_device,
		.xShmMap = x_shm_map,
		.xShmLock = x_shm_lock,
		.xShmBarrier = x_shm_barrier,
		.xShmUnmap = x_shm_unmap };
	if (sqlite3_vfs_register(&self, 1) != SQLITE_OK)
		abort();
}
