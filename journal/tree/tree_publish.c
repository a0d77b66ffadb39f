/*
 * Writing full tiles and bundles and making their names durable, for tree.c.
 * The order is files, then directories; the tail comes after both
 * (doc/format-tree.md, "Order of writing").  What is written here has no effect
 * until then.
 */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "journal/tree/tree_batch.h"
#include "journal/tree/tree_priv.h"

#define DIR_MODE 0750

void
sp_tile_done(struct sp_tile *t)
{
	free(t->p);
	free(t->lines);
	*t = (struct sp_tile){ 0 };
}

static void
clear_dirty(struct sp_tree *t)
{
	for (size_t i = 0; i < t->ndirty; i++)
		free(t->dirty[i]);
	free(t->dirty);
	t->dirty = NULL;
	t->ndirty = 0;
}

void
sp_tree_publish_done(struct sp_tree *t)
{
	for (size_t i = 0; i < t->npending; i++)
		sp_tile_done(&t->pending[i]);
	t->npending = 0;
	for (size_t i = 0; i < SP_COUNTOF(t->known); i++) {
		free(t->known[i]);
		t->known[i] = NULL;
	}
	clear_dirty(t);
}

/* Note that a name in ${dir} is not durable yet. */
static void
mark_dirty(struct sp_tree *t, const char *dir)
{
	for (size_t i = 0; i < t->ndirty; i++) {
		if (strcmp(t->dirty[i], dir) == 0)
			return;
	}
	t->dirty = sp_xrealloc(t->dirty, (t->ndirty + 1) * sizeof(*t->dirty));
	t->dirty[t->ndirty++] = sp_xstrdup(dir);
}

/* Sync the directories above ${dir} up to tree/: one that a crashed run made
 * may have a name that is not durable. */
static enum sp_code
sync_parents(struct sp_tree *t, const char *dir, struct sp_err *err)
{
	char *up = sp_xstrdup(dir);
	size_t stop = strlen(t->root);
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && strlen(up) > stop) {
		*strrchr(up, '/') = '\0';
		rc = sp_io_syncdir(up, err);
	}
	free(up);
	return (rc);
}

/* Make a directory ready on its first use in this run: it exists, with a
 * durable name, and without half-written files.  Later tiles of the same level
 * are mostly in the same directory, so the last one is remembered. */
static enum sp_code
prepare_dir(struct sp_tree *t, int level, const char *dir, struct sp_err *err)
{
	char **known = &t->known[level + 1];
	bool existed;
	enum sp_code rc;

	if (*known != NULL && strcmp(*known, dir) == 0)
		return (SP_OK);
	existed = sp_io_exists(dir);
	rc = sp_io_mkdirs(dir, DIR_MODE, err);
	if (rc == SP_OK)
		rc = sync_parents(t, dir, err);
	/* Half-written files of a run that was interrupted. */
	if (rc == SP_OK && existed)
		rc = sp_io_clean(dir, NULL, err);
	if (rc != SP_OK)
		return (rc);
	free(*known);
	*known = sp_xstrdup(dir);
	return (SP_OK);
}

/* Add a tile or bundle to the batch of files to be written. */
static enum sp_code
publish(struct sp_tree *t, const struct sp_tile *tile, struct sp_batch *batch,
    struct sp_err *err)
{
	char name[128], *path, *dir;
	enum sp_code rc;

	sp_layout_tile_path(tile->level, tile->n, name);
	path = sp_layout_path(t->root, name);
	dir = sp_xstrdup(path);
	*strrchr(dir, '/') = '\0';
	rc = prepare_dir(t, tile->level, dir, err);
	if (rc == SP_OK)
		rc = sp_batch_add(batch, path, tile->p, tile->len, err);
	if (rc == SP_OK)
		mark_dirty(t, dir);
	free(dir);
	free(path);
	return (rc);
}

enum sp_code
sp_tree_flush(struct sp_tree *t, struct sp_err *err)
{
	struct sp_batch *batch = sp_batch_new(SP_TREE_PENDING);
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < t->npending; i++)
		rc = publish(t, &t->pending[i], batch, err);
	if (rc == SP_OK)
		rc = sp_batch_finish(batch, err);
	sp_batch_free(batch);
	if (rc != SP_OK)
		return (rc);
	for (size_t i = 0; i < t->npending; i++)
		sp_tile_done(&t->pending[i]);
	t->npending = 0;
	return (SP_OK);
}

enum sp_code
sp_tree_sync_names(struct sp_tree *t, struct sp_err *err)
{
	for (size_t i = 0; i < t->ndirty; i++) {
		enum sp_code rc = sp_io_syncdir(t->dirty[i], err);

		if (rc != SP_OK)
			return (rc);
	}
	clear_dirty(t);
	return (SP_OK);
}
