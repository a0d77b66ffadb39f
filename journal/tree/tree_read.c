/*
 * Reading the tree: nodes, roots, lines, times (tree.h).  A hash or line is in
 * the tail, pending, in the cache, or on disk.  The roots that journal/seal
 * signs are computed here as well.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/line.h"
#include "journal/tree/tree_priv.h"

#define ADVICE \
	"the tree is damaged; rebuild it with sealpost verify --rebuild-tree"

void
sp_tree_cache_done(struct sp_tree *t)
{
	for (size_t i = 0; i < SP_TREE_TILES; i++)
		sp_tile_done(&t->tiles[i]);
	for (size_t i = 0; i < SP_TREE_BUNDLES; i++)
		sp_tile_done(&t->bundles[i]);
}

/* A tile that is queued and not on disk yet, or NULL. */
static const struct sp_tile *
find_pending(const struct sp_tree *t, int level, uint64_t n)
{
	for (size_t i = 0; i < t->npending; i++) {
		if (t->pending[i].level == level && t->pending[i].n == n)
			return (&t->pending[i]);
	}
	return (NULL);
}

/* Read a full tile or bundle into a free slot, which stays free after an error.
 * A missing one is damage (SP_EFORMAT): the tail counts on it. */
static enum sp_code
read_tile(struct sp_tree *t, int level, uint64_t n, struct sp_tile *slot,
    struct sp_err *err)
{
	const size_t max = level < 0 ? SP_BUNDLE_MAX : SP_TILE_BYTES;
	char name[128], *path;
	struct sp_buf bytes;
	enum sp_code rc;

	sp_layout_tile_path(level, n, name);
	path = sp_layout_path(t->root, name);
	sp_buf_init(&bytes, max);
	rc = sp_io_read_file(path, max, &bytes, err);
	if (rc == SP_ENOTFOUND)
		rc = sp_err_set(
		    err, SP_EFORMAT, 0, "%s is missing; " ADVICE, path);
	else if (rc == SP_ELIMIT)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s is longer than it can be; " ADVICE, path);
	else if (rc == SP_OK && level >= 0 && bytes.n != SP_TILE_BYTES)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s has %zu bytes instead of %d; " ADVICE, path, bytes.n,
		    SP_TILE_BYTES);
	if (rc == SP_OK) {
		slot->level = level;
		slot->n = n;
		slot->p = sp_buf_take(&bytes, &slot->len);
	}
	if (rc == SP_OK && level < 0) {
		slot->lines = sp_xmalloc(sizeof(*slot->lines));
		rc = sp_bundle_parse((struct sp_view){ slot->p, slot->len },
		    SP_TILE_WIDTH, slot->lines, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(err, "%s", path);
	}
	if (rc != SP_OK)
		sp_tile_done(slot);
	sp_buf_done(&bytes);
	free(path);
	return (rc);
}

/* A full tile (SP_TILE_BYTES) or bundle, borrowed until the next call: pending,
 * or from the cache, or read into it in place of the one that was used longest
 * ago. */
static enum sp_code
load_tile(struct sp_tree *t, int level, uint64_t n, const struct sp_tile **out,
    struct sp_err *err)
{
	struct sp_tile *slots = level < 0 ? t->bundles : t->tiles;
	const size_t count = level < 0 ? SP_TREE_BUNDLES : SP_TREE_TILES;
	struct sp_tile *oldest = &slots[0];
	enum sp_code rc;

	*out = find_pending(t, level, n);
	if (*out != NULL)
		return (SP_OK);
	for (size_t i = 0; i < count; i++) {
		struct sp_tile *s = &slots[i];

		if (s->p != NULL && s->level == level && s->n == n) {
			s->used = ++t->use_clock;
			*out = s;
			return (SP_OK);
		}
		if (s->used < oldest->used)
			oldest = s;
	}
	sp_tile_done(oldest);
	rc = read_tile(t, level, n, oldest, err);
	if (rc != SP_OK)
		return (rc);
	oldest->used = ++t->use_clock;
	*out = oldest;
	return (SP_OK);
}

/* The hash of a perfect subtree, for struct sp_nodes.  Tiles have every eighth
 * level; the levels between are computed from one tile. */
static enum sp_code
get_node(void *ctx, unsigned level, uint64_t index, struct sp_hash *out,
    struct sp_err *err)
{
	struct sp_tree *t = ctx;
	const uint64_t size = t->tail.size;
	const unsigned tier = level / 8, rest = level % 8;
	const size_t span = (size_t)1 << rest;
	struct sp_hash part[SP_TILE_WIDTH / 2];
	const struct sp_tile *tile;
	enum sp_code rc;
	uint64_t first;
	size_t at;

	if (tier >= SP_TREE_LEVELS || index >= size >> level)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "tree: node %" PRIu64
		    " of level %u is not in a tree of %" PRIu64 " entries",
		    index, level, size));
	first = index << rest;
	at = first % SP_TILE_WIDTH;
	if (first / SP_TILE_WIDTH >= size >> (8 * (tier + 1))) {
		*out = sp_tile_fold(&t->tail.tile[tier][at], span);
		return (SP_OK);
	}
	rc = load_tile(t, (int)tier, first / SP_TILE_WIDTH, &tile, err);
	if (rc != SP_OK)
		return (rc);
	memcpy(part, tile->p + at * sizeof(*part), span * sizeof(*part));
	*out = sp_tile_fold(part, span);
	return (SP_OK);
}

struct sp_nodes
sp_tree_nodes(struct sp_tree *t)
{
	return ((struct sp_nodes){ .get = get_node, .ctx = t });
}

/* SP_EUSAGE if the tree has fewer than ${size} entries. */
static enum sp_code
check_size(const struct sp_tree *t, uint64_t size, struct sp_err *err)
{
	if (size <= t->tail.size)
		return (SP_OK);
	return (sp_err_set(err, SP_EUSAGE, 0,
	    "tree: asked for a size of %" PRIu64 ", and it has %" PRIu64
	    " entries",
	    size, t->tail.size));
}

enum sp_code
sp_tree_root(
    struct sp_tree *t, uint64_t size, struct sp_hash *out, struct sp_err *err)
{
	const struct sp_nodes nodes = sp_tree_nodes(t);
	enum sp_code rc;

	rc = check_size(t, size, err);
	return (rc == SP_OK ? sp_merkle_root(&nodes, size, out, err) : rc);
}

/* A pending bundle has no table of its lines and is taken apart at each
 * call. */
enum sp_code
sp_tree_line(
    struct sp_tree *t, uint64_t seq, struct sp_view *out, struct sp_err *err)
{
	const uint64_t n = seq / SP_TILE_WIDTH;
	const size_t i = seq % SP_TILE_WIDTH;
	const struct sp_tile *bundle;
	struct sp_bundle lines;
	enum sp_code rc;

	if (seq >= t->tail.size)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "tree: entry %" PRIu64 " is not in it; it has %" PRIu64
		    " entries",
		    seq, t->tail.size));
	if (n == t->tail.size / SP_TILE_WIDTH) {
		*out = sp_tail_line(&t->tail, i);
		return (SP_OK);
	}
	rc = load_tile(t, SP_TREE_BUNDLE, n, &bundle, err);
	if (rc != SP_OK)
		return (rc);
	if (bundle->lines != NULL) {
		*out = bundle->lines->line[i];
		return (SP_OK);
	}
	rc = sp_bundle_parse((struct sp_view){ bundle->p, bundle->len },
	    SP_TILE_WIDTH, &lines, err);
	if (rc == SP_OK)
		*out = lines.line[i];
	return (rc);
}

/* The time of receipt never decreases from entry to entry, so it can be
 * searched. */
enum sp_code
sp_tree_find_time(struct sp_tree *t, uint64_t size, int64_t us, uint64_t *seq,
    struct sp_err *err)
{
	uint64_t lo = 0, hi = size;
	enum sp_code rc;

	rc = check_size(t, size, err);
	while (rc == SP_OK && lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;
		struct sp_view text;
		struct sp_line line;

		rc = sp_tree_line(t, mid, &text, err);
		if (rc == SP_OK) {
			rc = sp_line_parse(text, &line, err);
			if (rc != SP_OK)
				(void)sp_err_prefix(
				    err, "tree: line of entry %" PRIu64, mid);
		}
		if (rc == SP_OK && line.received < us)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (rc == SP_OK)
		*seq = lo;
	return (rc);
}

/* The caller gets the bytes too, so that whoever needs the signature verifies
 * what was parsed. */
enum sp_code
sp_tree_checkpoint(const char *dir, struct sp_buf *note,
    struct sp_checkpoint *out, struct sp_err *err)
{
	char *path = sp_layout_path(dir, "tree/checkpoint");
	const size_t before = note->n;
	struct sp_view text;
	enum sp_code rc;

	rc = sp_io_read_file(path, SP_NOTE_MAX, note, err);
	if (rc == SP_ENOTFOUND)
		rc = sp_err_set(err, SP_ENOTFOUND, 0,
		    "%s: there is no checkpoint yet", path);
	else if (rc == SP_ELIMIT)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s: longer than a checkpoint can be", path);
	if (rc == SP_OK) {
		text = (struct sp_view){ note->p + before, note->n - before };
		rc = sp_checkpoint_peek(text, out, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(err, "%s", path);
	}
	if (rc != SP_OK)
		note->n = before;
	free(path);
	return (rc);
}
