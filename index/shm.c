/*
 * The shared memory of SQLite's write-ahead log, without signals (shm.h).
 *
 * SQLite maps NAME.sqlite-shm and writes there as if it were memory.  It makes
 * the file longer by one byte in each page of 4 KiB before it does so.  A file
 * system with smaller blocks (ext4 makes them of 1 KiB on a small volume), or
 * one that writes to new blocks each time, has then still to find room when the
 * memory is written, and where there is none the process gets SIGBUS.  So each
 * region is written to through the kernel first (MADV_POPULATE_WRITE, Linux
 * 5.14), which answers with an error instead; older kernels are left as they
 * are.
 *
 *   sqlite3_open_v2(SP_SHM_VFS) --> x_open: the file of the default layer,
 *        with one method changed ---> x_shm_map: map as always, then populate
 */
#include "index/shm.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define ALIGN ((size_t)16)

/* Stands in memory behind the file of the default layer. */
struct shm_methods {
	sqlite3_io_methods own; /* theirs, with x_shm_map */
	const sqlite3_io_methods *theirs;
};

/* SQLite's list of layers is global, and so is what stands in it. */
static sqlite3_vfs layer;
static sqlite3_vfs *base;

/* Where the methods of a file are: behind it. */
static struct shm_methods *
methods_of(sqlite3_file *f)
{
	size_t room = (size_t)base->szOsFile;

	room = (room + ALIGN - 1) / ALIGN * ALIGN;
	return ((struct shm_methods *)(void *)((char *)f + room));
}

/* Let the kernel find room for a region.  False if there is none. */
static bool
populate(volatile void *p, size_t n)
{
	long page = sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)p, skip;
	void *start;

	if (page <= 0)
		return (true);
	skip = from % (uintptr_t)page;
	from -= skip;
	memcpy(&start, &from, sizeof(start));
	/* EINVAL: an older kernel, or a mapping that is not to be written. */
	return (madvise(start, n + skip, MADV_POPULATE_WRITE) == 0 ||
		errno == EINVAL || errno == EINTR || errno == EAGAIN);
}

/* Also of a region that is there already: another process may have met the full
 * disk between making the file longer and this. */
static int
x_shm_map(
    sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
	int rc = methods_of(f)->theirs->xShmMap(f, region, size, extend, out);

	if (rc == SQLITE_OK && *out != NULL && !populate(*out, (size_t)size)) {
		*out = NULL;
		return (SQLITE_FULL);
	}
	return (rc);
}

/* Open as the default layer does. */
static int
x_open(
    sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
	struct shm_methods *m = methods_of(f);
	int rc = base->xOpen(base, name, f, flags, out);

	(void)v;
	if (f->pMethods == NULL)
		return (rc);
	m->theirs = f->pMethods;
	m->own = *f->pMethods;
	if (m->own.iVersion >= 2 && m->own.xShmMap != NULL)
		m->own.xShmMap = x_shm_map;
	f->pMethods = &m->own;
	return (rc);
}

static int
x_delete(sqlite3_vfs *v, const char *name, int sync)
{
	(void)v;
	return (base->xDelete(base, name, sync));
}

static int
x_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
	(void)v;
	return (base->xAccess(base, name, flags, out));
}

static int
x_full(sqlite3_vfs *v, const char *name, int n, char *out)
{
	(void)v;
	return (base->xFullPathname(base, name, n, out));
}

static int
x_last_error(sqlite3_vfs *v, int n, char *out)
{
	(void)v;
	return (base->xGetLastError(base, n, out));
}

/* A test may have put another default layer in place meanwhile. */
const char *
sp_shm_vfs(void)
{
	sqlite3_vfs *now = sqlite3_vfs_find(NULL);

	if (now == NULL)
		return (NULL);
	if (now == base)
		return (SP_SHM_VFS);
	if (base != NULL)
		(void)sqlite3_vfs_unregister(&layer);
	base = now;
	layer = *now;
	layer.pNext = NULL;
	layer.zName = SP_SHM_VFS;
	layer.szOsFile =
	    (int)(((size_t)now->szOsFile + ALIGN - 1) / ALIGN * ALIGN +
		  sizeof(struct shm_methods));
	layer.xOpen = x_open;
	layer.xDelete = x_delete;
	layer.xAccess = x_access;
	layer.xFullPathname = x_full;
	layer.xGetLastError = x_last_error;
	if (sqlite3_vfs_register(&layer, 0) == SQLITE_OK)
		return (SP_SHM_VFS);
	base = NULL;
	return (NULL);
}
