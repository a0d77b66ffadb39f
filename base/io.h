/*
 * Checked file I/O.  Every durable write of the program goes through here:
 * nothing else calls open for writing, write, fsync, rename, unlink, mkdir or
 * ftruncate (tests/lint/banned.sh).  Every call that changes something has a
 * number, so that a test can make the Nth fail (base/fault.h, doc/testing.md).
 *
 * Errors name the path, also where only a descriptor is given.  A failed system
 * call is SP_ENOSPC where disk or quota are full, SP_ENOTFOUND where a name
 * that must be there is missing, otherwise SP_EIO; other codes are said below.
 * A failed sync is SP_ESYNC: close the descriptor and never sync it again,
 * since the kernel may have marked the pages clean.
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

/* ---- descriptors ----------------------------------------------------- */

/* open(2), with O_CLOEXEC added.  SP_EEXISTS for EEXIST. */
SP_CHECK enum sp_code sp_io_open(
    const char *path, int flags, mode_t mode, int *fd, struct sp_err *err);
/* An unnamed temporary file in ${dir}, for reading and writing. */
SP_CHECK enum sp_code sp_io_tmpfile(
    const char *dir, int *fd, struct sp_err *err);
/* Close; -1 is fine.  Look at the result where the file was written. */
enum sp_code sp_io_close(int fd, struct sp_err *err);

/* Write all ${n} bytes at ${off}. */
SP_CHECK enum sp_code sp_io_pwrite(
    int fd, const void *p, size_t n, uint64_t off, struct sp_err *err);
/* Write all of ${iov}, of any count, at ${off}; the call changes ${iov}. */
SP_CHECK enum sp_code sp_io_pwritev(
    int fd, struct iovec *iov, size_t count, uint64_t off, struct sp_err *err);
/* Write all ${n} bytes at the file position. */
SP_CHECK enum sp_code sp_io_write(
    int fd, const void *p, size_t n, struct sp_err *err);
/* Read ${n} bytes at ${off}; ${got} is less only at the end of the file. */
SP_CHECK enum sp_code sp_io_pread(
    int fd, void *p, size_t n, uint64_t off, size_t *got, struct sp_err *err);
/* The size of the file in bytes. */
SP_CHECK enum sp_code sp_io_size(int fd, uint64_t *size, struct sp_err *err);
/* Make the file ${size} bytes long. */
SP_CHECK enum sp_code sp_io_ftruncate(
    int fd, uint64_t size, struct sp_err *err);
/* Make the file's data durable, with what is needed to read them (its size);
 * fsync also times and mode. */
SP_CHECK enum sp_code sp_io_fdatasync(int fd, struct sp_err *err);
SP_CHECK enum sp_code sp_io_fsync(int fd, struct sp_err *err);

/* ---- names ----------------------------------------------------------- */

/* Whether there is something called ${path}; a link is not followed. */
bool sp_io_exists(const char *path);
/* The directory of ${path}, malloc'ed; the name in it goes to ${base} (may be
 * NULL), borrowed from ${path}. */
char *sp_io_parent(const char *path, const char **base);
/* Make the names in ${dir} durable. */
SP_CHECK enum sp_code sp_io_syncdir(const char *dir, struct sp_err *err);
/* syncfs(2) on the file system of ${path}: for many files at once that nobody
 * relies on yet. */
SP_CHECK enum sp_code sp_io_syncfs(const char *path, struct sp_err *err);
/* Rename ${from} to ${to}, replacing what is there. */
SP_CHECK enum sp_code sp_io_rename(
    const char *from, const char *to, struct sp_err *err);
/* The same, but SP_EEXISTS if there is something called ${to}. */
SP_CHECK enum sp_code sp_io_rename_new(
    const char *from, const char *to, struct sp_err *err);
/* Remove a file; SP_OK if there is none. */
SP_CHECK enum sp_code sp_io_unlink(const char *path, struct sp_err *err);
/* Make the symbolic link ${path} to ${target}, durably. */
SP_CHECK enum sp_code sp_io_symlink(
    const char *target, const char *path, struct sp_err *err);
/* Remove an empty directory; SP_OK if there is none. */
SP_CHECK enum sp_code sp_io_rmdir(const char *path, struct sp_err *err);
/* Make a directory; SP_OK if it exists. */
SP_CHECK enum sp_code sp_io_mkdir(
    const char *path, mode_t mode, struct sp_err *err);
/* Make a directory; SP_EEXISTS if there is something of that name. */
SP_CHECK enum sp_code sp_io_mkdir_new(
    const char *path, mode_t mode, struct sp_err *err);
/* Make a directory and those above it that are missing; every new name is
 * durable. */
SP_CHECK enum sp_code sp_io_mkdirs(
    const char *path, mode_t mode, struct sp_err *err);
/* The names in ${dir} without . and .., sorted bytewise; free them with
 * sp_io_names_free.  A missing directory has none. */
SP_CHECK enum sp_code sp_io_list(
    const char *dir, char ***names, size_t *count, struct sp_err *err);
void sp_io_names_free(char **names, size_t count);

/* ---- whole files ----------------------------------------------------- */

/* Whether ${path} names a descriptor that the shell passed on (/dev/stdin,
 * /dev/fd/N): the only way in which a pipe is read in the place of a file. */
bool sp_io_passed_on(const char *path);
/* Append a whole file to ${out}.  SP_ELIMIT if it has more than ${max} bytes or
 * ${out} would hold more than it may; SP_EIO for a FIFO, which is not waited
 * for; ${out} is as it was after any failure. */
SP_CHECK enum sp_code sp_io_read_file(
    const char *path, size_t max, struct sp_buf *out, struct sp_err *err);
/* Give ${path} this content, durably and as a whole: after a crash there is the
 * old file or the new one.  (A temporary file beside it, write, fsync, rename,
 * fsync of the directory.) */
SP_CHECK enum sp_code sp_io_replace(
    const char *path, const void *p, size_t n, mode_t mode, struct sp_err *err);
/* Create a file that is never changed, durably as sp_io_replace.  If it exists
 * with these bytes: SP_OK.  With others: SP_EMISMATCH, nothing is changed. */
SP_CHECK enum sp_code sp_io_publish(
    const char *path, const void *p, size_t n, mode_t mode, struct sp_err *err);
/* The same without making the name durable: the caller syncs the directory once
 * for many files. */
SP_CHECK enum sp_code sp_io_publish_nosync(
    const char *path, const void *p, size_t n, mode_t mode, struct sp_err *err);
/* Remove what an interrupted sp_io_replace or sp_io_publish left in ${dir}
 * (".NAME.XXXXXXXX.tmp"), and count it in ${removed} (may be NULL).  For the
 * process that has the role of writing there, at its start. */
SP_CHECK enum sp_code sp_io_clean(
    const char *dir, size_t *removed, struct sp_err *err);

/* ---- file systems and locks ------------------------------------------ */

/* Free bytes and inodes for us on the file system of ${path}; a file system
 * that does not count inodes has UINT64_MAX. */
SP_CHECK enum sp_code sp_io_space(
    const char *path, uint64_t *bytes, uint64_t *inodes, struct sp_err *err);
/*
 * Take an exclusive lock (flock(2)) on ${path}, which is created if need be;
 * closing ${fd} gives it back.  Waits up to ${wait_ms} milliseconds for another
 * holder; then SP_ELOCKED, with its process id, which it wrote into the file.
 */
SP_CHECK enum sp_code sp_io_lock(
    const char *path, int wait_ms, int *fd, struct sp_err *err);

/* ---- tests ----------------------------------------------------------- */

/* How many mutating calls, and how many syncs among them, so far. */
uint64_t sp_io_calls(void);
uint64_t sp_io_syncs(void);

#endif
