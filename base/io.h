/*
 * Checked file I/O.  Every durable write of the program goes through here:
 * nothing else calls open for writing, write, fsync, rename, unlink, mkdir
 * or ftruncate.  Every mutating call is numbered, so that a test can make
 * the Nth fail (SP_FAULT=kind:N in builds with SP_FAULTS; kinds: enospc,
 * eio, crash, torn, hole, lost, power, rewind; see doc/testing.md).  Messages
 * name the path, also where only a descriptor is given.
 *
 * A failed sync returns SP_ESYNC: the descriptor must be closed and never
 * synced again (the page may have been marked clean).
 */
#ifndef SP_BASE_IO_H
#define SP_BASE_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* open(2) with O_CLOEXEC added.  SP_ENOTFOUND for ENOENT, SP_EEXISTS for EEXIST. */
SP_CHECK enum sp_code sp_io_open(
    const char *path, int flags, mode_t mode, int *fd, struct sp_err *err);
/* Unnamed temporary file in ${dir} (O_TMPFILE, else created and unlinked). */
SP_CHECK enum sp_code sp_io_tmpfile(
    const char *dir, int *fd, struct sp_err *err);
/* Close; -1 is fine.  The result of close is returned for written files. */
enum sp_code sp_io_close(int fd, struct sp_err *err);

/* Write all at ${off}. */
SP_CHECK enum sp_code sp_io_pwrite(
    int fd, const void *p, size_t n, uint64_t off, struct sp_err *err);
/* Write all of ${iov} (changed by the call) at ${off}; any count. */
SP_CHECK enum sp_code sp_io_pwritev(
    int fd, struct iovec *iov, size_t count, uint64_t off, struct sp_err *err);
/* Write all at the file position. */
SP_CHECK enum sp_code sp_io_write(
    int fd, const void *p, size_t n, struct sp_err *err);
/* Read up to ${n} bytes at ${off}; fewer only at the end of the file. */
SP_CHECK enum sp_code sp_io_pread(
    int fd, void *p, size_t n, uint64_t off, size_t *got, struct sp_err *err);
SP_CHECK enum sp_code sp_io_size(int fd, uint64_t *size, struct sp_err *err);
SP_CHECK enum sp_code sp_io_ftruncate(
    int fd, uint64_t size, struct sp_err *err);
SP_CHECK enum sp_code sp_io_fdatasync(int fd, struct sp_err *err);
SP_CHECK enum sp_code sp_io_fsync(int fd, struct sp_err *err);
/* fsync of a directory, so that names in it are durable. */
SP_CHECK enum sp_code sp_io_syncdir(const char *dir, struct sp_err *err);
SP_CHECK enum sp_code sp_io_rename(
    const char *from, const char *to, struct sp_err *err);
/* SP_EEXISTS where ${to} is there. */
SP_CHECK enum sp_code sp_io_rename_new(
    const char *from, const char *to, struct sp_err *err);
/* A missing file is SP_OK. */
SP_CHECK enum sp_code sp_io_unlink(const char *path, struct sp_err *err);
/* An empty directory; a missing one is SP_OK. */
SP_CHECK enum sp_code sp_io_rmdir(const char *path, struct sp_err *err);
/* syncfs(2) on the file system of ${path}: for many files at once, none of
 * which anybody relies on yet. */
SP_CHECK enum sp_code sp_io_syncfs(const char *path, struct sp_err *err);
/* mkdir; an existing directory is SP_OK. */
SP_CHECK enum sp_code sp_io_mkdir(
    const char *path, mode_t mode, struct sp_err *err);
/* SP_EEXISTS where something is there. */
SP_CHECK enum sp_code sp_io_mkdir_new(
    const char *path, mode_t mode, struct sp_err *err);
/* mkdir -p with every new name synced in its parent. */
SP_CHECK enum sp_code sp_io_mkdirs(
    const char *path, mode_t mode, struct sp_err *err);
bool sp_io_exists(const char *path);
/* The directory of ${path}, malloc'ed; ${base} (NULL is fine) is the name in
 * it, borrowed from ${path}. */
char *sp_io_parent(const char *path, const char **base);

/* A whole file of at most ${max} bytes appended to ${out} (its max applies too). */
SP_CHECK enum sp_code sp_io_read_file(
    const char *path, size_t max, struct sp_buf *out, struct sp_err *err);
/* Replace atomically and durably: temporary name, write, fsync, rename, syncdir. */
SP_CHECK enum sp_code sp_io_replace(
    const char *path, const void *p, size_t n, mode_t mode, struct sp_err *err);
/*
 * Create an immutable file durably (as sp_io_replace).  If it exists with the
 * same bytes: SP_OK.  With other bytes: SP_EMISMATCH, and nothing is changed.
 */
SP_CHECK enum sp_code sp_io_publish(
    const char *path, const void *p, size_t n, mode_t mode, struct sp_err *err);
/* The same without the directory sync (the caller syncs once for many). */
SP_CHECK enum sp_code sp_io_publish_nosync(
    const char *path, const void *p, size_t n, mode_t mode, struct sp_err *err);
/*
 * Remove what an interrupted sp_io_replace or sp_io_publish left in ${dir}
 * (".NAME.XXXXXXXX.tmp").  For who holds the role that writes there, at its
 * start.  ${removed} may be NULL.
 */
SP_CHECK enum sp_code sp_io_clean(
    const char *dir, size_t *removed, struct sp_err *err);
/* Names in a directory (without . and ..), sorted bytewise; free with
 * sp_io_names_free.  A missing directory gives none. */
SP_CHECK enum sp_code sp_io_list(
    const char *dir, char ***names, size_t *count, struct sp_err *err);
void sp_io_names_free(char **names, size_t count);
/* Free bytes and inodes for us on the file system of ${path}. */
SP_CHECK enum sp_code sp_io_space(
    const char *path, uint64_t *bytes, uint64_t *inodes, struct sp_err *err);

/* An advisory exclusive lock (flock) on ${path}, created if need be.  Waits up
 * to ${wait_ms}.  SP_ELOCKED names the holder's pid (written into the file). */
SP_CHECK enum sp_code sp_io_lock(
    const char *path, int wait_ms, int *fd, struct sp_err *err);

/* Counters for tests: how many mutating calls, how many syncs so far. */
uint64_t sp_io_calls(void);
uint64_t sp_io_syncs(void);

#endif
