/*
 * What the files of the tree on disk share: tree.c (state, adding, committing),
 * tree_publish.c (tiles onto the disk), tree_read.c (nodes, roots, lines).
 *
 *   line -> tail -> pending (full tiles) -> flushed -> durable
 *           tree.c                          tree_publish.c
 */
#ifndef SP_TREE_TREE_PRIV_H
#define SP_TREE_TREE_PRIV_H

#include <stdbool.h>

#include "base/layout.h"
#include "journal/tree/tree.h"
#include "journal/tree/tree_tail.h"

#define SP_TREE_TILES	64 /* full tiles kept in memory */
#define SP_TREE_BUNDLES 4 /* entry bundles kept in memory */
/* Full tiles and bundles not yet on disk; beyond it they are written, still
 * without effect until the commit. */
#define SP_TREE_PENDING 128
#define SP_TREE_BUNDLE	(-1) /* the "level" of entry bundles */

/* A full tile or bundle, immutable. */
struct sp_tile {
	int level; /* SP_TREE_BUNDLE: it is a bundle */
	uint64_t n; /* its number in the level */
	char *p; /* NULL: the slot is free */
	size_t len;
	uint64_t used; /* when last asked for, for the cache */
	struct sp_bundle *lines; /* of a cached bundle */
};

struct sp_tree {
	char *dir; /* the archive's */
	char *root; /* ${dir}/tree */
	struct sp_tail tail; /* durable and added */
	uint64_t durable; /* size that tree/tail on disk has */
	bool ready; /* this run has prepared ${root} for writing */
	bool broken; /* a commit failed: nothing is known of the disk */
	/* reading: the caches */
	struct sp_tile tiles[SP_TREE_TILES];
	struct sp_tile bundles[SP_TREE_BUNDLES];
	uint64_t use_clock; /* for sp_tile.used */
	/* writing: full, and not on disk yet */
	struct sp_tile pending[SP_TREE_PENDING];
	size_t npending;
	/* writing: the directory used last at each level (entries first), whose
	 * name is durable; NULL: none since open */
	char *known[SP_TREE_LEVELS + 1];
	/* writing: directories with names in them that are not synced yet */
	char **dirty;
	size_t ndirty;
};

/* ---- tree_publish.c ------------------------------------------------------ */

/* Free what a tile holds; the slot is free afterwards. */
void sp_tile_done(struct sp_tile *t);
/* Write and sync all pending tiles and bundles; their directories become dirty.
 * SP_EMISMATCH: one is there with other bytes; SP_EIO, SP_ENOSPC, SP_ESYNC. */
SP_CHECK enum sp_code sp_tree_flush(struct sp_tree *t, struct sp_err *err);
/* Make the names of all that was flushed durable.  SP_ESYNC, SP_EIO. */
SP_CHECK enum sp_code sp_tree_sync_names(struct sp_tree *t, struct sp_err *err);
/* Free what writing needed. */
void sp_tree_publish_done(struct sp_tree *t);

/* ---- tree_read.c --------------------------------------------------------- */

/* Free the caches. */
void sp_tree_cache_done(struct sp_tree *t);

#endif
