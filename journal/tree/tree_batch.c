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
#define THREADS	  8 /* more gained nothing where measured */

struct file {
	int fd; /* -1: closed */
	char *tmp; /* NULL: has its name */
	char *path;
};

struct sp_batch {
	struct file *files;
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
		struct file *f = &b->files[i];

		(void)sp_io_close(f->fd, NULL);
		if (f->tmp != NULL)
			(void)!sp_io_unlink(f->tmp, NULL);
		free(f->tmp);
		free(f->path);
	}
	free(b->files);
	free(b);
}

/* A name that sp_io_clean knows. */
static char *
temporary(const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	uint32_t tag;

	sp_random(&tag, sizeof(tag));
	return (sp_xasprintf(
	    "%.*s.%s.%08" PRIx32 ".tmp", (int)(base - path), path, base, tag));
}

enum sp_code
sp_batch_add(struct sp_batch *b, const char *path, const void *p, size_t n,
    struct sp_err *err)
{
	struct file *f = &b->files[b->n];
	enum sp_code rc;

	/* What an interrupted run left: it was synced before it was named. */
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
	/* The mode is a promise, whatever the umask. */
	if (fchmod(f->fd, FILE_MODE) != 0)
		return (sp_err_set(
		    err, SP_EIO, errno, "cannot set the mode of %s", f->tmp));
	return (sp_io_pwrite(f->fd, p, n, 0, err));
}

/* Each thread takes every ${step}th file. */
struct job {
	const struct sp_batch *b;
	size_t first, step;
	pthread_t thread;
	bool started;
	enum sp_code rc;
	struct sp_err err;
};

static void *
sync_some(void *arg)
{
	struct job *j = arg;

	for (size_t i = j->first; j->rc == SP_OK && i < j->b->n; i += j->step)
		j->rc = sp_io_fsync(j->b->files[i].fd, &j->err);
	return (NULL);
}

static enum sp_code
sync_all(const struct sp_batch *b, struct sp_err *err)
{
	struct job jobs[THREADS] = { 0 };
	const size_t n = b->n < THREADS ? b->n : THREADS;
	enum sp_code rc = SP_OK;

	for (size_t i = 0; i < n; i++) {
		struct job *j = &jobs[i];

		j->b = b;
		j->first = i;
		j->step = n;
		/* The last one is ours. */
		j->started = i + 1 < n && pthread_create(&j->thread, NULL,
					      sync_some, j) == 0;
	}
	for (size_t i = n; i-- > 0;) {
		struct job *j = &jobs[i];

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
		struct file *f = &b->files[i];

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
