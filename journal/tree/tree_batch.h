/*
 * Many immutable files at once.  A sync of a new file costs a commit of the
 * file system's journal, but commits asked for at the same time are one: so
 * all files are written first, and then synced by a few threads.
 */
#ifndef SP_TREE_TREE_BATCH_H
#define SP_TREE_TREE_BATCH_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

struct sp_batch;

struct sp_batch *sp_batch_new(size_t max); /* of at most ${max} files */
/* Write a file under a temporary name.  One that exists is left alone: with
 * the same bytes SP_OK, with others SP_EMISMATCH. */
SP_CHECK enum sp_code sp_batch_add(struct sp_batch *b, const char *path,
    const void *p, size_t n, struct sp_err *err);
/* Sync all and give them their names.  The names are not durable yet: the
 * caller syncs the directories. */
SP_CHECK enum sp_code sp_batch_finish(struct sp_batch *b, struct sp_err *err);
/* Removes what has no name yet; NULL is fine. */
void sp_batch_free(struct sp_batch *b);

#endif
