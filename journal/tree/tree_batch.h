/*
 * Making many immutable files at once, for tree_publish.c.  The sync of a new
 * file costs a commit of the file system's journal, but commits that are asked
 * for at the same time are one: so all files are written first, under temporary
 * names, then synced by a few threads, then renamed.
 *
 *   new -> add (write) ... -> finish (sync all, rename) -> free
 */
#ifndef SP_TREE_TREE_BATCH_H
#define SP_TREE_TREE_BATCH_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

struct sp_batch;

/* A batch of at most ${max} files; free it with sp_batch_free. */
struct sp_batch *sp_batch_new(size_t max);
/* Write a file under a temporary name.  One that exists under ${path} is left
 * alone: with the same bytes SP_OK, with others SP_EMISMATCH.  SP_EIO,
 * SP_ENOSPC. */
SP_CHECK enum sp_code sp_batch_add(struct sp_batch *b, const char *path,
    const void *p, size_t n, struct sp_err *err);
/* Sync all and give them their names.  The names are not durable before the
 * caller has synced the directories.  SP_ESYNC, SP_EIO: any of them may have
 * their names. */
SP_CHECK enum sp_code sp_batch_finish(struct sp_batch *b, struct sp_err *err);
/* Remove what has no name yet; NULL is fine. */
void sp_batch_free(struct sp_batch *b);

#endif
