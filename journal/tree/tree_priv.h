/* Shared by tree.c, tree_read.c and tree_publish.c. */
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
	int level;
	uint64_t n;
	char *p; /* NULL: the slot is free */
	size_t len;
	uint64_t used; /* when last asked for, for the cache */
	struct sp_bundle *lines; /* of a cached bundle */
};

struct sp_tree {
	char *dir; /* the archive's */
	char *root; /* ${dir}/tree */
	struct sp_tail tail; /* durable and pending */
	uint64_t durable; /* size that tree/tail on disk names */
	bool ready; /* this run has prepared ${root} */
	bool broken; /* a commit failed: nothing is known of the disk */
	/* reading */
	struct sp_tile tiles[SP_TREE_TILES];
	struct sp_tile bundles[SP_TREE_BUNDLES];
	uint64_t clock; /* for sp_tile.used */
	/* writing: full, and not on disk yet */
	struct sp_tile pending[SP_TREE_PENDING];
	size_t npending;
	/* the directory last used at each level (entries first), durable
	 * itself; NULL: none since open */
	char *known[SP_TREE_LEVELS + 1];
	/* directories with names that are not synced yet */
	char **dirty;
	size_t ndirty;
};

void sp_tile_done(struct sp_tile *t);
/* Write all pending tiles and bundles; their directories become dirty. */
SP_CHECK enum sp_code sp_tree_flush(struct sp_tree *t, struct sp_err *err);
/* Make the names of all that was flushed durable. */
SP_CHECK enum sp_code sp_tree_sync_names(struct sp_tree *t, struct sp_err *err);
void sp_tree_publish_done(struct sp_tree *t);
/* A full tile (SP_TILE_BYTES) or bundle, borrowed until the next call. */
SP_CHECK enum sp_code sp_tree_load(struct sp_tree *t, int level, uint64_t n,
    const struct sp_tile **out, struct sp_err *err);
void sp_tree_cache_done(struct sp_tree *t);

#endif
