/*
 * The tree on disk: opening, adding, committing.  journal/seal adds lines and
 * commits; readers open and refresh.
 *
 * What is on disk is named by tree/tail, which is replaced last.  Full tiles
 * and bundles are immutable, and their names are durable before a tail counts
 * on them; one that an interrupted commit left is written again and must have
 * the same bytes (doc/format-tree.md, "Order of writing").
 *
 *   open --> USABLE <-- add, commit
 *              | an error of the disk
 *              v
 *            BROKEN: close, and open again
 */
#include "journal/tree/tree.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/line.h"
#include "journal/tree/tree_priv.h"

#define FILE_MODE 0640
#define DIR_MODE  0750

/* Read and check tree/tail; without it ${out} is the empty tree. */
static enum sp_code
load_tail(const struct sp_tree *t, struct sp_tree_tail *out, struct sp_err *err)
{
	char *path = sp_layout_path(t->root, "tail");
	struct sp_buf bytes;
	enum sp_code rc;

	sp_buf_init(&bytes, SP_TAIL_MAX);
	rc = sp_io_read_file(path, SP_TAIL_MAX, &bytes, err);
	if (rc == SP_ENOTFOUND) {
		sp_tree_tail_init(out);
		rc = SP_OK;
	} else if (rc == SP_ELIMIT) {
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s: longer than it can be; the file is damaged; rebuild the tree with sealpost verify --rebuild-tree",
		    path);
	} else if (rc == SP_OK) {
		rc = sp_tree_tail_parse(sp_buf_view(&bytes), out, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(err, "%s", path);
	}
	sp_buf_done(&bytes);
	free(path);
	return (rc);
}

enum sp_code
sp_tree_open(const char *dir, struct sp_tree **out, struct sp_err *err)
{
	struct sp_tree *t = sp_xcalloc(1, sizeof(*t));
	enum sp_code rc;

	t->dir = sp_xstrdup(dir);
	t->root = sp_layout_path(dir, "tree");
	rc = load_tail(t, &t->tail, err);
	if (rc != SP_OK) {
		sp_tree_close(t);
		return (rc);
	}
	t->durable = t->tail.size;
	*out = t;
	return (SP_OK);
}

enum sp_code
sp_tree_lost(const char *dir, struct sp_err *err)
{
	char *path = sp_layout_path(dir, "tree/tail");
	const bool there = sp_io_exists(path);

	free(path);
	if (there)
		return (SP_OK);
	return (sp_err_set(err, SP_EFORMAT, 0,
	    "%s/tree is lost (it has no tail); the entries are elsewhere: make it again from them with `sealpost -A %s verify --rebuild-tree`, the service stopped",
	    dir, dir));
}

void
sp_tree_close(struct sp_tree *t)
{
	if (t == NULL)
		return;
	sp_tree_cache_done(t);
	sp_tree_publish_done(t);
	free(t->root);
	free(t->dir);
	free(t);
}

uint64_t
sp_tree_size(const struct sp_tree *t)
{
	return (t->tail.size);
}

enum sp_code
sp_tree_refresh(struct sp_tree *t, struct sp_err *err)
{
	struct sp_tree_tail *fresh;
	enum sp_code rc;

	/* Only for readers: a writer has more than the disk. */
	assert(t->durable == t->tail.size && t->npending == 0);
	fresh = sp_xmalloc(sizeof(*fresh));
	rc = load_tail(t, fresh, err);
	if (rc == SP_OK && fresh->size < t->durable)
		rc = sp_err_set(err, SP_EROLLBACK, 0,
		    "%s/tail: the tree had %" PRIu64
		    " entries and now has %" PRIu64 "; was a backup restored?",
		    t->root, t->durable, fresh->size);
	if (rc == SP_OK) {
		t->tail = *fresh;
		t->durable = fresh->size;
	}
	free(fresh);
	return (rc);
}

/* Queue a copy of a full tile or bundle to be written. */
static void
queue_tile(struct sp_tree *t, int level, uint64_t n, const void *p, size_t len)
{
	struct sp_tree_tile *slot = &t->pending[t->npending++];

	assert(t->npending <= SP_TREE_PENDING);
	*slot = (struct sp_tree_tile){ .level = level, .n = n, .len = len };
	slot->p = sp_xmalloc(len);
	memcpy(slot->p, p, len);
}

/* Queue the bundle and the tiles that the last line has filled: one at level 0,
 * and one more for each level whose last hash came from a tile filled below. */
static void
queue_full_tiles(struct sp_tree *t)
{
	struct sp_tree_tail *tail = &t->tail;
	uint64_t count = tail->size; /* hashes at this level */

	queue_tile(t, SP_TREE_BUNDLE, (count / SP_TILE_WIDTH) - 1, tail->bundle,
	    tail->nbundle);
	tail->nbundle = 0;
	for (unsigned l = 0; count % SP_TILE_WIDTH == 0; l++) {
		uint64_t n = count / SP_TILE_WIDTH - 1;
		struct sp_hash up;

		queue_tile(t, (int)l, n, tail->tile[l], SP_TILE_BYTES);
		up = sp_tree_tile_fold(tail->tile[l], SP_TILE_WIDTH);
		count /= SP_TILE_WIDTH;
		assert(l + 1 < SP_TREE_LEVELS);
		tail->tile[l + 1][n % SP_TILE_WIDTH] = up;
	}
}

/* SP_EFORMAT or SP_EMISMATCH unless this is the line of the next entry: a wrong
 * one could never be taken out again. */
static enum sp_code
check_line(const struct sp_tree *t, struct sp_view line, struct sp_err *err)
{
	struct sp_line l;
	enum sp_code rc;

	rc = sp_line_parse(line, &l, err);
	if (rc != SP_OK)
		return (rc);
	if (l.seq != t->tail.size)
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    "tree: the line of entry %" PRIu64
		    " was given where entry %" PRIu64 " comes next",
		    l.seq, t->tail.size));
	if (l.seq >= SP_SEQ_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "tree: it is full after %" PRIu64 " entries", l.seq));
	return (SP_OK);
}

/* SP_EUSAGE: the tree in memory may differ from the disk. */
static enum sp_code
refuse_broken(struct sp_err *err)
{
	return (sp_err_set(err, SP_EUSAGE, 0,
	    "tree: an earlier commit failed; close and open it again"));
}

/* A line that would fill more than the queue holds is preceded by a flush. */
enum sp_code
sp_tree_add(struct sp_tree *t, struct sp_view line, struct sp_err *err)
{
	struct sp_tree_tail *tail = &t->tail;
	size_t at = sp_tree_tail_width(tail, 0);
	uint8_t len[2];
	enum sp_code rc;

	if (t->broken)
		return (refuse_broken(err));
	rc = check_line(t, line, err);
	/* One line fills at most a bundle and a tile of each level. */
	if (rc == SP_OK && t->npending + 1 + SP_TREE_LEVELS > SP_TREE_PENDING) {
		rc = sp_tree_flush(t, err);
		t->broken = rc != SP_OK;
	}
	if (rc != SP_OK)
		return (rc);
	tail->tile[0][at] = sp_merkle_leaf(line);
	tail->at[at] = (uint32_t)tail->nbundle;
	sp_be16_put(len, (uint16_t)line.n);
	memcpy(tail->bundle + tail->nbundle, len, sizeof(len));
	memcpy(tail->bundle + tail->nbundle + 2, line.p, line.n);
	tail->nbundle += 2 + line.n;
	tail->size++;
	if (at + 1 == SP_TILE_WIDTH)
		queue_full_tiles(t);
	return (SP_OK);
}

static enum sp_code
replace_tail(struct sp_tree *t, struct sp_err *err)
{
	char *path = sp_layout_path(t->root, "tail");
	struct sp_buf bytes;
	enum sp_code rc;

	sp_buf_init(&bytes, SP_TAIL_MAX);
	rc = sp_tree_tail_format(&t->tail, &bytes);
	assert(rc == SP_OK);
	rc = sp_io_replace(path, bytes.p, bytes.n, FILE_MODE, err);
	sp_buf_done(&bytes);
	free(path);
	return (rc);
}

/* Before the first commit of a run: tree/ exists, and what an interrupted run
 * left half-written in it is removed. */
static enum sp_code
prepare_root(struct sp_tree *t, struct sp_err *err)
{
	enum sp_code rc;

	if (sp_io_exists(t->root))
		rc = sp_io_clean(t->root, NULL, err);
	else
		rc = sp_io_mkdirs(t->root, DIR_MODE, err);
	t->ready = rc == SP_OK;
	return (rc);
}

enum sp_code
sp_tree_commit(struct sp_tree *t, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (t->broken)
		return (refuse_broken(err));
	if (t->durable == t->tail.size)
		return (SP_OK);
	if (!t->ready)
		rc = prepare_root(t, err);
	if (rc == SP_OK)
		rc = sp_tree_flush(t, err);
	if (rc == SP_OK)
		rc = sp_tree_sync_names(t, err);
	if (rc == SP_OK)
		rc = replace_tail(t, err);
	if (rc != SP_OK) {
		t->broken = true;
		return (rc);
	}
	t->durable = t->tail.size;
	return (SP_OK);
}
