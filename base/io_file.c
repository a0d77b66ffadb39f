/*
 * Names and whole files: creating, renaming and removing, and the two ways in
 * which a small file gets its content durably (replace, publish).  Each
 * mutating call is numbered and given to the fault injection before it is made,
 * as in io.c.
 */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault_priv.h"
#include "base/io_priv.h"
#include "base/power_priv.h"
#include "base/random.h"

#define READ_STEP (64u << 10)

/* Fill in the error of a failed call on a name: "cannot WHAT PATH". */
static enum sp_code
fail(struct sp_err *err, int errnum, const char *what, const char *path)
{
	enum sp_code code = sp_err_code_of_errno(errnum);

	if (errnum == ENOENT)
		code = SP_ENOTFOUND;
	else if (errnum == EEXIST)
		code = SP_EEXISTS;
	return (sp_err_set(err, code, errnum, "cannot %s %s", what, path));
}

char *
sp_io_parent(const char *path, const char **base)
{
	const char *slash = strrchr(path, '/');

	if (base != NULL)
		*base = slash == NULL ? path : slash + 1;
	if (slash == NULL)
		return (sp_xstrdup("."));
	if (slash == path)
		return (sp_xstrdup("/"));
	return (sp_xasprintf("%.*s", (int)(slash - path), path));
}

/* O_TMPFILE; a file system that has no such files gets one that is removed at
 * once. */
enum sp_code
sp_io_tmpfile(const char *dir, int *fd, struct sp_err *err)
{
	char *path;
	int f, e;

	sp_io_count(SP_OP_CREATE);
	e = sp_fault_call(SP_OP_CREATE);
	if (e != 0)
		return (fail(err, e, "create a temporary file in", dir));
	f = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (f >= 0) {
		sp_fault_created(f);
		*fd = f;
		return (SP_OK);
	}
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return (fail(err, errno, "create a temporary file in", dir));
	path = sp_xasprintf("%s/.XXXXXX.tmp", dir);
	f = mkostemps(path, 4, O_CLOEXEC);
	if (f < 0) {
		e = errno;
		free(path);
		return (fail(err, e, "create a temporary file in", dir));
	}
	(void)unlink(path);
	free(path);
	*fd = f;
	return (SP_OK);
}

enum sp_code
sp_io_syncdir(const char *dir, struct sp_err *err)
{
	int fd, e;

	sp_io_count(SP_OP_SYNCDIR);
	e = sp_fault_call(SP_OP_SYNCDIR);
	if (e != 0)
		return (sp_err_set(err, SP_ESYNC, e,
		    "cannot sync the directory %s to the disk", dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return (fail(err, errno, "open the directory", dir));
	if (fsync(fd) != 0) {
		e = errno;
		(void)close(fd);
		return (sp_err_set(err, SP_ESYNC, e,
		    "cannot sync the directory %s to the disk", dir));
	}
	sp_power_syncdir(fd);
	(void)close(fd);
	return (SP_OK);
}

/* Rename; ${flags} is 0 or RENAME_NOREPLACE.  Returns 0 or the errno. */
static int
rename_call(const char *from, const char *to, unsigned flags)
{
	int e;

	sp_io_count(SP_OP_RENAME);
	e = sp_fault_call(SP_OP_RENAME);
	if (e != 0)
		return (e);
	if (flags != 0 && access(to, F_OK) == 0)
		return (EEXIST);
	sp_power_rename(from, to);
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) == 0)
		return (0);
	/* A file system may know no flags.  Then the check above must do: the
	 * lock of the role keeps other writers of the name away. */
	if (flags != 0 && (errno == EINVAL || errno == ENOSYS) &&
	    rename(from, to) == 0)
		return (0);
	return (errno);
}

enum sp_code
sp_io_rename(const char *from, const char *to, struct sp_err *err)
{
	int e = rename_call(from, to, 0);

	if (e != 0)
		return (sp_err_set(err,
		    e == ENOENT ? SP_ENOTFOUND : sp_err_code_of_errno(e), e,
		    "cannot rename %s to %s", from, to));
	return (SP_OK);
}

enum sp_code
sp_io_rename_new(const char *from, const char *to, struct sp_err *err)
{
	int e = rename_call(from, to, RENAME_NOREPLACE);

	if (e == EEXIST)
		return (
		    sp_err_set(err, SP_EEXISTS, 0, "%s is there already", to));
	if (e != 0)
		return (sp_err_set(err,
		    e == ENOENT ? SP_ENOTFOUND : sp_err_code_of_errno(e), e,
		    "cannot rename %s to %s", from, to));
	return (SP_OK);
}

enum sp_code
sp_io_unlink(const char *path, struct sp_err *err)
{
	int e;

	sp_io_count(SP_OP_UNLINK);
	e = sp_fault_call(SP_OP_UNLINK);
	if (e != 0)
		return (fail(err, e, "remove", path));
	sp_power_unlink(path);
	if (unlink(path) != 0 && errno != ENOENT)
		return (fail(err, errno, "remove", path));
	return (SP_OK);
}

enum sp_code
sp_io_rmdir(const char *path, struct sp_err *err)
{
	int e;

	sp_io_count(SP_OP_UNLINK);
	e = sp_fault_call(SP_OP_UNLINK);
	if (e != 0)
		return (fail(err, e, "remove", path));
	sp_power_unlink(path);
	if (rmdir(path) != 0 && errno != ENOENT)
		return (fail(err, errno, "remove", path));
	return (SP_OK);
}

enum sp_code
sp_io_syncfs(const char *path, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	int fd, e;

	sp_io_count(SP_OP_SYNC);
	e = sp_fault_call(SP_OP_SYNC);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return (fail(err, errno, "open", path));
	if (e == 0 && syncfs(fd) != 0)
		e = errno;
	if (e != 0)
		rc = sp_err_set(err, SP_ESYNC, e,
		    "%s: the file system could not be synced", path);
	else
		sp_power_forget();
	(void)close(fd);
	return (rc);
}

/* Make a directory.  Returns 0 or the errno. */
static int
mkdir_call(const char *path, mode_t mode)
{
	int e;

	sp_io_count(SP_OP_MKDIR);
	e = sp_fault_call(SP_OP_MKDIR);
	if (e != 0)
		return (e);
	sp_power_mkdir(path);
	return (mkdir(path, mode) == 0 ? 0 : errno);
}

enum sp_code
sp_io_mkdir(const char *path, mode_t mode, struct sp_err *err)
{
	int e = mkdir_call(path, mode);
	struct stat st;

	if (e == 0 ||
	    (e == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		return (SP_OK);
	return (fail(err, e, "make the directory", path));
}

enum sp_code
sp_io_mkdir_new(const char *path, mode_t mode, struct sp_err *err)
{
	int e = mkdir_call(path, mode);

	if (e == EEXIST)
		return (sp_err_set(
		    err, SP_EEXISTS, 0, "%s is there already", path));
	return (e == 0 ? SP_OK : fail(err, e, "make the directory", path));
}

/* Make one directory and make its name durable. */
static enum sp_code
mkdir_synced(const char *path, mode_t mode, struct sp_err *err)
{
	enum sp_code rc;
	const char *base;
	char *dir;

	rc = sp_io_mkdir(path, mode, err);
	if (rc != SP_OK)
		return (rc);
	dir = sp_io_parent(path, &base);
	rc = sp_io_syncdir(dir, err);
	free(dir);
	return (rc);
}

/* From the top down, so that each name is durable before one below it. */
enum sp_code
sp_io_mkdirs(const char *path, mode_t mode, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	char *copy = sp_xstrdup(path);
	size_t n = strlen(copy);
	char *p;

	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	for (p = copy + 1; rc == SP_OK && n > 0; p++) {
		const char was = *p;
		struct stat st;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if (stat(copy, &st) != 0)
			rc = mkdir_synced(copy, mode, err);
		else if (!S_ISDIR(st.st_mode))
			rc = fail(err, ENOTDIR, "make the directory", copy);
		*p = was;
		if (was == '\0')
			break;
	}
	free(copy);
	return (rc);
}

bool
sp_io_exists(const char *path)
{
	struct stat st;

	return (lstat(path, &st) == 0);
}

/* Append what ${fd} has to ${out}, at most ${max} bytes. */
static enum sp_code
read_all(int fd, const char *path, size_t max, struct sp_buf *out,
    struct sp_err *err)
{
	size_t total = 0;

	for (;;) {
		char buf[READ_STEP];
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return (fail(err, errno, "read", path));
		if (n == 0)
			return (SP_OK);
		total += (size_t)n;
		if (total > max || sp_buf_add(out, buf, (size_t)n) != SP_OK)
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "%s is larger than the %zu bytes allowed for it",
			    path, max < out->max ? max : out->max));
	}
}

bool
sp_io_passed_on(const char *path)
{
	static const char *const begins[] = { "/dev/stdin", "/dev/fd/",
		"/proc/self/fd/" };

	for (size_t i = 0; i < SP_COUNTOF(begins); i++) {
		if (strncmp(path, begins[i], strlen(begins[i])) == 0)
			return (true);
	}
	return (false);
}

/* A FIFO in the place of a file would be waited for, for ever, by a service
 * too.  A pipe that the shell passed on is waited for: somebody asked for it. */
static enum sp_code
refuse_fifo(int fd, const char *path, struct sp_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode))
		return (SP_OK);
	if (sp_io_passed_on(path) && fcntl(fd, F_SETFL, 0) == 0)
		return (SP_OK);
	return (sp_err_set(err, SP_EIO, 0,
	    "%s is a pipe (FIFO); expected a regular file", path));
}

enum sp_code
sp_io_read_file(
    const char *path, size_t max, struct sp_buf *out, struct sp_err *err)
{
	const size_t before = out->n;
	enum sp_code rc;
	int fd = -1;

	rc = sp_io_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, err);
	if (rc != SP_OK)
		return (rc);
	rc = refuse_fifo(fd, path, err);
	if (rc == SP_OK)
		rc = read_all(fd, path, max, out, err);
	if (rc != SP_OK)
		out->n = before;
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* Remove a temporary file after a failure that is already being reported. */
static void
discard(const char *tmp)
{
	struct sp_err ignored;

	if (sp_io_unlink(tmp, &ignored) != SP_OK)
		return; /* sp_io_clean removes it at the next start */
}

/* Write a temporary file beside ${path} and sync it; its name, malloc'ed, goes
 * to ${tmp}.  What is left of a failure is removed. */
static enum sp_code
prepare(const char *path, const void *p, size_t n, mode_t mode, char **tmp,
    struct sp_err *err)
{
	enum sp_code rc;
	const char *base;
	char *dir = sp_io_parent(path, &base), *name;
	uint32_t tag;
	int fd = -1;

	sp_random(&tag, sizeof(tag));
	name = sp_xasprintf("%s/.%s.%08" PRIx32 ".tmp", dir, base, tag);
	free(dir);
	rc = sp_io_open(name, O_WRONLY | O_CREAT | O_EXCL, mode, &fd, err);
	if (rc != SP_OK) {
		free(name);
		return (rc);
	}
	/* Whatever the umask says. */
	if (fchmod(fd, mode) != 0)
		rc = fail(err, errno, "set the mode of", name);
	if (rc == SP_OK)
		rc = sp_io_pwrite(fd, p, n, 0, err);
	if (rc == SP_OK)
		rc = sp_io_fsync(fd, err);
	if (rc == SP_OK)
		rc = sp_io_close(fd, err);
	else
		(void)sp_io_close(fd, NULL);
	if (rc != SP_OK) {
		discard(name);
		free(name);
		return (rc);
	}
	*tmp = name;
	return (SP_OK);
}

/* Make the name ${path} durable. */
static enum sp_code
sync_parent(const char *path, struct sp_err *err)
{
	const char *base;
	char *dir = sp_io_parent(path, &base);
	enum sp_code rc = sp_io_syncdir(dir, err);

	free(dir);
	return (rc);
}

enum sp_code
sp_io_replace(
    const char *path, const void *p, size_t n, mode_t mode, struct sp_err *err)
{
	enum sp_code rc;
	char *tmp = NULL;

	rc = prepare(path, p, n, mode, &tmp, err);
	if (rc != SP_OK)
		return (rc);
	rc = sp_io_rename(tmp, path, err);
	if (rc != SP_OK)
		discard(tmp);
	free(tmp);
	return (rc == SP_OK ? sync_parent(path, err) : rc);
}

/*
 * SP_OK if ${path} holds exactly these bytes, SP_EMISMATCH if it holds others.
 */
static enum sp_code
same(const char *path, const void *p, size_t n, struct sp_err *err)
{
	struct sp_buf have;
	enum sp_code rc;

	sp_buf_init(&have, n < SIZE_MAX ? n + 1 : n);
	rc = sp_io_read_file(path, n, &have, err);
	if (rc == SP_ELIMIT ||
	    (rc == SP_OK &&
		(have.n != n || (n > 0 && memcmp(have.p, p, n) != 0))))
		rc = sp_err_set(err, SP_EMISMATCH, 0,
		    "%s exists with other bytes than it must have; it was not touched",
		    path);
	sp_buf_done(&have);
	return (rc);
}

enum sp_code
sp_io_publish_nosync(
    const char *path, const void *p, size_t n, mode_t mode, struct sp_err *err)
{
	enum sp_code rc;
	char *tmp = NULL;
	int e;

	/* A file that has its name had its bytes synced before. */
	if (sp_io_exists(path))
		return (same(path, p, n, err));
	rc = prepare(path, p, n, mode, &tmp, err);
	if (rc != SP_OK)
		return (rc);
	e = rename_call(tmp, path, RENAME_NOREPLACE);
	if (e == EEXIST)
		rc = same(path, p, n, err);
	else if (e != 0)
		rc = fail(err, e, "create", path);
	if (e != 0)
		discard(tmp);
	free(tmp);
	return (rc);
}

enum sp_code
sp_io_publish(
    const char *path, const void *p, size_t n, mode_t mode, struct sp_err *err)
{
	enum sp_code rc = sp_io_publish_nosync(path, p, n, mode, err);

	return (rc == SP_OK ? sync_parent(path, err) : rc);
}

/* Order of qsort(3): bytewise. */
static int
by_name(const void *a, const void *b)
{
	char *const *x = a;
	char *const *y = b;

	return (strcmp(*x, *y));
}

/* Sorted, so that whoever works through a directory does so in the same order
 * each time. */
enum sp_code
sp_io_list(const char *dir, char ***names, size_t *count, struct sp_err *err)
{
	char **list = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;
	DIR *d = opendir(dir);
	int errnum;

	if (d == NULL && errno != ENOENT)
		return (fail(err, errno, "read the directory", dir));
	for (errno = 0; d != NULL && (e = readdir(d)) != NULL; errno = 0) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (n == cap) {
			cap = cap == 0 ? 64 : cap * 2;
			list = sp_xrealloc(list, cap * sizeof(*list));
		}
		list[n++] = sp_xstrdup(e->d_name);
	}
	errnum = d != NULL ? errno : 0;
	if (d != NULL)
		(void)closedir(d);
	if (errnum != 0) {
		sp_io_names_free(list, n);
		return (fail(err, errnum, "read the directory", dir));
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_name);
	*names = list;
	*count = n;
	return (SP_OK);
}

void
sp_io_names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* Whether it is ".NAME.XXXXXXXX.tmp", as prepare() makes them. */
static bool
is_leftover(const char *name)
{
	const size_t n = strlen(name);

	return (n > 14 && name[0] == '.' && name[n - 13] == '.' &&
		strspn(name + n - 12, "0123456789abcdef") == 8 &&
		strcmp(name + n - 4, ".tmp") == 0);
}

enum sp_code
sp_io_clean(const char *dir, size_t *removed, struct sp_err *err)
{
	enum sp_code rc;
	char **names = NULL;
	size_t count = 0, gone = 0;

	rc = sp_io_list(dir, &names, &count, err);
	for (size_t i = 0; rc == SP_OK && i < count; i++) {
		char *path;

		if (!is_leftover(names[i]))
			continue;
		path = sp_xasprintf("%s/%s", dir, names[i]);
		rc = sp_io_unlink(path, err);
		free(path);
		gone++;
	}
	sp_io_names_free(names, count);
	if (rc == SP_OK && removed != NULL)
		*removed = gone;
	return (rc);
}
