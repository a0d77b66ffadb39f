/*
 * A simulated power cut: every change that no sync made durable is taken back.
 * base/io*.c report each change and each sync, base/fault.c asks for the cut.
 * What a change replaced is recorded before it is made:
 *
 *   data   per file (device, inode): the bytes and the size that a write or a
 *          truncation replaced; forgotten when that file is synced.
 *   names  created, renamed, removed; forgotten when the directory of the
 *          (new) name is synced.
 *
 * Nothing relies on the order in which a journaling file system commits:
 * each file and each directory survives on its own.  Removals are taken back
 * only by the kind "rewind", so that both worlds are tested.
 */
#include "base/power_priv.h"

#ifdef SP_FAULTS

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault_priv.h"
#include "base/io_priv.h"

/* One unsynced change of a file's bytes. */
struct power_data {
	struct power_data *next; /* the change before it */
	dev_t dev;
	ino_t ino;
	int fd; /* our own, to write back through */
	off_t size; /* of the file before */
	off_t off;
	size_t n;
	char *old;
};

enum power_change { CREATED, RENAMED, REMOVED, MADE_DIR };

/* One unsynced change of a name. */
struct power_name {
	struct power_name *next;
	enum power_change change;
	dev_t dev; /* of the directory that must be synced */
	ino_t ino;
	char *path;
	char *from; /* RENAMED */
	int lost; /* the file that had the name before; -1: none */
};

static struct {
	pthread_mutex_t lock;
	struct power_data *data; /* newest first */
	struct power_name *names;
} power = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
data_free(struct power_data *d)
{
	(void)close(d->fd);
	free(d->old);
	free(d);
}

static void
name_free(struct power_name *n)
{
	if (n->lost >= 0)
		(void)close(n->lost);
	free(n->path);
	free(n->from);
	free(n);
}

void
sp_power_forget(void)
{
	(void)pthread_mutex_lock(&power.lock);
	while (power.data != NULL) {
		struct power_data *d = power.data;

		power.data = d->next;
		data_free(d);
	}
	while (power.names != NULL) {
		struct power_name *n = power.names;

		power.names = n->next;
		name_free(n);
	}
	(void)pthread_mutex_unlock(&power.lock);
}

/* The same file through a descriptor of our own, whatever ${fd} may do. */
static int
reopen(int fd)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return (open(path, O_RDWR | O_CLOEXEC));
}

/*
 * Record the bytes [off, off+n) of ${fd}, as far as they exist, and its size.
 */
static void
record_data(int fd, off_t off, off_t n)
{
	struct power_data *d;
	struct stat st;
	ssize_t got = 0;
	int own = reopen(fd);

	if (own < 0 || fstat(own, &st) != 0) {
		(void)fprintf(
		    stderr, "power: descriptor %d: %s\n", fd, strerror(errno));
		abort();
	}
	d = sp_xcalloc(1, sizeof(*d));
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	d->fd = own;
	d->size = st.st_size;
	d->off = off;
	if (off < st.st_size)
		d->n = (size_t)(n < st.st_size - off ? n : st.st_size - off);
	d->old = sp_xmalloc(d->n);
	if (d->n > 0)
		got = pread(own, d->old, d->n, off);
	d->n = got > 0 ? (size_t)got : 0;
	(void)pthread_mutex_lock(&power.lock);
	d->next = power.data;
	power.data = d;
	(void)pthread_mutex_unlock(&power.lock);
}

void
sp_power_write(int fd, uint64_t off, uint64_t n)
{
	off_t at = (off_t)off;
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (off == SP_FAULT_HERE) {
		at = lseek(fd, 0, SEEK_CUR);
		if (flags >= 0 && (flags & O_APPEND) != 0 &&
		    fstat(fd, &st) == 0)
			at = st.st_size;
	}
	if (at >= 0)
		record_data(fd, at, (off_t)n);
}

void
sp_power_truncate(int fd, uint64_t size)
{
	if (sp_fault_tracking())
		record_data(fd, (off_t)size, INT64_MAX - (off_t)size);
}

void
sp_power_synced(int fd)
{
	struct power_data **at = &power.data, *d;
	struct stat st;

	if (!sp_fault_tracking() || fstat(fd, &st) != 0)
		return;
	(void)pthread_mutex_lock(&power.lock);
	while ((d = *at) != NULL) {
		if (d->dev == st.st_dev && d->ino == st.st_ino) {
			*at = d->next;
			data_free(d);
		} else {
			at = &d->next;
		}
	}
	(void)pthread_mutex_unlock(&power.lock);
}

/* ${path} as an absolute path, which stays right after a chdir, malloc'ed, and
 * the status of its directory; NULL if that does not exist. */
static char *
absolute(const char *path, struct stat *parent)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	char *dir, *real, *out = NULL;

	if (slash == NULL)
		dir = sp_xstrdup(".");
	else
		dir = sp_xasprintf("%.*s/", (int)(slash - path), path);
	real = realpath(dir, NULL);
	if (real != NULL && stat(real, parent) == 0)
		out = sp_xasprintf("%s/%s", real, base);
	free(real);
	free(dir);
	return (out);
}

/* Record a change of the name ${path} (RENAMED: from ${from}), with the file
 * that has the name until now.  Nothing where nothing is tracked. */
static void
record_name(enum power_change change, const char *path, const char *from)
{
	struct power_name *n;
	struct stat dir, ignored;
	char *abs;

	if (!sp_fault_tracking())
		return;
	abs = absolute(path, &dir);
	if (abs == NULL)
		return;
	n = sp_xcalloc(1, sizeof(*n));
	n->change = change;
	n->path = abs;
	n->from = from == NULL ? NULL : absolute(from, &ignored);
	n->dev = dir.st_dev;
	n->ino = dir.st_ino;
	n->lost = -1;
	if (change == RENAMED || change == REMOVED)
		n->lost = open(abs, O_RDONLY | O_CLOEXEC);
	(void)pthread_mutex_lock(&power.lock);
	n->next = power.names;
	power.names = n;
	(void)pthread_mutex_unlock(&power.lock);
}

void
sp_power_created(const char *path)
{
	record_name(CREATED, path, NULL);
}

void
sp_power_rename(const char *from, const char *to)
{
	if (access(from, F_OK) == 0)
		record_name(RENAMED, to, from);
}

void
sp_power_unlink(const char *path)
{
	if (access(path, F_OK) == 0)
		record_name(REMOVED, path, NULL);
}

void
sp_power_mkdir(const char *path)
{
	if (access(path, F_OK) != 0)
		record_name(MADE_DIR, path, NULL);
}

void
sp_power_syncdir(int fd)
{
	struct power_name **at = &power.names, *n;
	struct stat st;

	if (!sp_fault_tracking() || fstat(fd, &st) != 0)
		return;
	(void)pthread_mutex_lock(&power.lock);
	while ((n = *at) != NULL) {
		if (n->dev == st.st_dev && n->ino == st.st_ino) {
			*at = n->next;
			name_free(n);
		} else {
			at = &n->next;
		}
	}
	(void)pthread_mutex_unlock(&power.lock);
}

/* For nftw(3). */
static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

/* Remove ${path} and all that is below it. */
static void
remove_tree(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Give the name ${path} back to the file or directory ${from} that had it: a
 * copy of its bytes, or an empty directory. */
static void
restore(const char *path, int from)
{
	struct stat st;
	char buf[65536];
	off_t off = 0;
	ssize_t n;
	int to;

	if (from < 0 || fstat(from, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode))
		(void)mkdir(path, st.st_mode & 07777);
	if (!S_ISREG(st.st_mode))
		return;
	to = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 07777);
	if (to < 0)
		return;
	while ((n = pread(from, buf, sizeof(buf), off)) > 0 &&
	       write(to, buf, (size_t)n) == n)
		off += n;
	(void)close(to);
}

/* Take back one change of a name; a removal only with ${all}. */
static void
undo_name(const struct power_name *n, bool all)
{
	switch (n->change) {
	case CREATED:
		(void)unlink(n->path);
		break;
	case MADE_DIR:
		/* What is in it is lost with it. */
		remove_tree(n->path);
		break;
	case RENAMED:
		/* Where the old name's directory is gone, both names are. */
		if (n->from == NULL || rename(n->path, n->from) != 0)
			remove_tree(n->path);
		restore(n->path, n->lost);
		break;
	case REMOVED:
		if (all)
			restore(n->path, n->lost);
		break;
	}
}

/* Newest change first.  The process ends next, so nothing is freed. */
void
sp_power_cut(int all)
{
	for (struct power_data *d = power.data; d != NULL; d = d->next) {
		if (d->n > 0)
			(void)!pwrite(d->fd, d->old, d->n, d->off);
		(void)!ftruncate(d->fd, d->size);
	}
	for (struct power_name *n = power.names; n != NULL; n = n->next)
		undo_name(n, all != 0);
}

#endif
