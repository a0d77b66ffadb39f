/*
 * Making many immutable files at once (tree_batch.h): written one by one,
 * synced by THREADS threads together, renamed one by one.  tree_publish.c is
 * the user.
 */
#include "journal/tree/tree_batch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/random.h"

#define FILE_MODE 0640
#define THREADS	  8 /* more of them gained nothing where measured */

struct batch_file {
	int fd; /* -1: closed */
	char *tmp; /* its temporary path; NULL: it has its name */
	char *path;
};

struct sp_batch {
	struct batch_file *files;
	size_t n, max;
};

struct sp_batch *
sp_batch_new(size_t max)
{
	struct sp_batch *b = sp_xcalloc(1, sizeof(*b));

	b->files = sp_xcalloc(max, sizeof(*b->files));
	b->max = max;
	return (b);
}

void
sp_batch_free(struct sp_batch *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++) {
		struct batch_file *f = &b->files[i];

		(void)sp_io_close(f->fd, NULL);
		if (f->tmp != NULL)
			(void)!sp_io_unlink(f->tmp, NULL);
		free(f->tmp);
		free(f->path);
	}
	free(b->files);
	free(b);
}

/* A temporary path beside ${path}, of the form that sp_io_clean removes.  The
 * caller frees it. */
static char *
temporary(const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	uint32_t tag;

	sp_random(&tag, sizeof(tag));
	return (sp_xasprintf(
	    "%.*s.%s.%08" PRIx32 ".tmp", (int)(base - path), path, base, tag));
}

/* A file that exists was left by an interrupted run.  It was synced before it
 * got its name, so comparing is enough. */
enum sp_code
sp_batch_add(struct sp_batch *b, const char *path, const void *p, size_t n,
    struct sp_err *err)
{
	struct batch_file *f = &b->files[b->n];
	enum sp_code rc;

	if (sp_io_exists(path))
		return (sp_io_publish_nosync(path, p, n, FILE_MODE, err));
	assert(b->n < b->max);
	f->tmp = temporary(path);
	rc = sp_io_open(
	    f->tmp, O_WRONLY | O_CREAT | O_EXCL, FILE_MODE, &f->fd, err);
	if (rc != SP_OK) {
		free(f->tmp);
		f->tmp = NULL;
		return (rc);
	}
	f->path = sp_xstrdup(path);
	b->n++;
	/* Group members may read, whatever the umask. */
	if (fchmod(f->fd, FILE_MODE) != 0)
		return (sp_err_set(
		    err, SP_EIO, errno, "cannot set the mode of %s", f->tmp));
	return (sp_io_pwrite(f->fd, p, n, 0, err));
}

/* The work of a thread: to sync every ${step}th file, from ${first} on. */
struct sync_job {
	const struct sp_batch *b;
	size_t first, step;
	pthread_t thread;
	bool started;
	enum sp_code rc;
	struct sp_err err;
};

/* The body of a thread. */
static void *
sync_some(void *arg)
{
	struct sync_job *j = arg;

	for (size_t i = j->first; j->rc == SP_OK && i < j->b->n; i += j->step)
		j->rc = sp_io_fsync(j->b->files[i].fd, &j->err);
	return (NULL);
}

/* Sync all files, and return the error of one that failed.  Where a thread
 * cannot be started, its files are synced here. */
static enum sp_code
sync_all(const struct sp_batch *b, struct sp_err *err)
{
	struct sync_job jobs[THREADS] = { 0 };
	const size_t n = b->n < THREADS ? b->n : THREADS;
	enum sp_code rc = SP_OK;

	for (size_t i = 0; i < n; i++) {
		struct sync_job *j = &jobs[i];

		j->b = b;
		j->first = i;
		j->step = n;
		/* The last job is this thread's own. */
		j->started = i + 1 < n && pthread_create(&j->thread, NULL,
					      sync_some, j) == 0;
	}
	for (size_t i = n; i-- > 0;) {
		struct sync_job *j = &jobs[i];

		if (!j->started)
			(void)sync_some(j);
		else if (pthread_join(j->thread, NULL) != 0)
			abort();
		if (rc == SP_OK && j->rc != SP_OK) {
			rc = j->rc;
			if (err != NULL)
				*err = j->err;
		}
	}
	return (rc);
}

enum sp_code
sp_batch_finish(struct sp_batch *b, struct sp_err *err)
{
	enum sp_code rc = sync_all(b, err);

	for (size_t i = 0; rc == SP_OK && i < b->n; i++) {
		struct batch_file *f = &b->files[i];

		rc = sp_io_close(f->fd, err);
		f->fd = -1;
		if (rc == SP_OK)
			rc = sp_io_rename(f->tmp, f->path, err);
		if (rc == SP_OK) {
			free(f->tmp);
			f->tmp = NULL;
		}
	}
	return (rc);
}
