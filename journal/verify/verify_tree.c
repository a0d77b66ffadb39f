/*
 * The tree of an archive (doc/format-tree.md, C2SP tlog-tiles): every line of
 * every entry bundle, hashed up through every tile (RFC 6962 section 2.1), and
 * the root at the size of each checkpoint.
 *
 *   tree/tile/entries/...   line line line ...      walk_bundle(), walk_tail()
 *                             | leaf hashes
 *   tree/tile/0/...         256 hashes a tile       check_full_tile()
 *                             | root of the tile
 *   tree/tile/1/...         256 hashes a tile       and so on upwards
 *   tree/checkpoints/SIZE   root of SIZE leaves     compare_checkpoints()
 *
 * Full tiles and bundles are read as files here and not through tree.h, so that
 * a mistake of that reader cannot hide a damaged tile.  Where a tile of level 0
 * and its bundle disagree, the tile above decides which of the two was changed,
 * and the walk goes on with the intact one; at higher levels it goes on with
 * the computed hashes.  So one damage is reported once.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/layout.h"
#include "base/line.h"
#include "journal/tree/compact.h"
#include "journal/verify/verify_priv.h"

#define WIDTH	   256u /* hashes in a tile, lines in a bundle */
#define PLACE_MAX  160 /* bytes of a name for a finding */
#define LEVELS	   8u /* of tiles: 256^7 > 2^53 entries */
#define TILE_BYTES (WIDTH * 32u)
#define BUNDLE_MAX (WIDTH * (2u + SP_LINE_MAX))

/* The tile that is being filled at one level; level 0 holds the leaf hashes. */
struct tree_level {
	struct sp_hash h[WIDTH]; /* computed from what lies below */
	unsigned n; /* of them so far */
	uint64_t index; /* of this tile in its level */
};

struct tree_walk {
	struct sp_verify_archive *a;
	struct sp_tree *tree; /* for the lines of the tail */
	struct sp_nodes nodes; /* the hashes as stored */
	struct tree_level level[LEVELS];
	struct sp_compact compact; /* root of the leaves so far */
	struct sp_verify_checkpoints checkpoints;
	size_t next_checkpoint; /* the next one to compare */
	struct sp_buf file;
	int64_t previous; /* time of receipt of the line before */
};

/* "tree/tile/0/000", as findings name it; level -1 is an entry bundle. */
static const char *
name_tile(int level, uint64_t n, char out[PLACE_MAX])
{
	char name[128];

	sp_layout_tile_path(level, n, name);
	(void)snprintf(out, PLACE_MAX, "tree/%s", name);
	return (out);
}

/* The root of the subtree of a full tile. */
static struct sp_hash
tile_root(const struct sp_hash *h)
{
	struct sp_hash t[WIDTH / 2];
	unsigned n = WIDTH / 2;

	for (unsigned i = 0; i < n; i++)
		t[i] = sp_merkle_node(&h[2 * i], &h[2 * i + 1]);
	for (n /= 2; n > 0; n /= 2)
		for (unsigned i = 0; i < n; i++)
			t[i] = sp_merkle_node(&t[2 * i], &t[2 * i + 1]);
	return (t[0]);
}

/* Compare the root of the leaves so far with all checkpoints of that size. */
static void
compare_checkpoints(struct tree_walk *w)
{
	struct sp_hash root;
	bool have = false;

	while (w->next_checkpoint < w->checkpoints.n &&
	       w->checkpoints.p[w->next_checkpoint].c.size == w->compact.size) {
		const struct sp_verify_checkpoint *p =
		    &w->checkpoints.p[w->next_checkpoint++];

		if (!have)
			root = sp_compact_root(&w->compact);
		have = true;
		if (!sp_hash_eq(&root, &p->c.root))
			sp_findings_add(&w->a->found, "root", p->where,
			    "the entries 0 to %" PRIu64
			    " do not give the root that was signed",
			    p->c.size - 1);
	}
}

static enum sp_code add_hash(struct tree_walk *w, unsigned l,
    const struct sp_hash *h, struct sp_err *err);

/* Whether the tile above has ${h} as the root of tile ${n} of level ${l}. */
static bool
is_known_above(
    struct tree_walk *w, unsigned l, uint64_t n, const struct sp_hash *h)
{
	struct sp_hash parent_hash;

	return (l + 1 < LEVELS &&
		w->nodes.get(w->nodes.ctx, 8 * (l + 1), n, &parent_hash,
		    NULL) == SP_OK &&
		sp_hash_eq(&parent_hash, h));
}

/*
 * The stored tile differs from the hashes computed from what lies below it.  At
 * level 0, if the tile above confirms the stored tile, a line of the bundle was
 * changed, and the walk goes on with the stored hashes; else the tile was
 * changed, and the computed ones count.
 */
static void
blame_tile_or_lines(struct tree_walk *w, unsigned l,
    const struct sp_hash *stored, const char *where)
{
	struct tree_level *v = &w->level[l];
	struct sp_hash root = tile_root(stored);
	char at[PLACE_MAX + 32], below[PLACE_MAX];
	unsigned i = 0;

	while (i + 1 < WIDTH && sp_hash_eq(&v->h[i], &stored[i]))
		i++;
	(void)name_tile((int)l - 1, v->index, below);
	if (l == 0 && is_known_above(w, l, v->index, &root)) {
		(void)snprintf(at, sizeof(at), "%s: entry %" PRIu64, below,
		    v->index * WIDTH + i);
		sp_findings_add(&w->a->found, "line", at,
		    "the line is not the one that the tree has: its hash is not that of %s",
		    where);
		memcpy(v->h, stored, sizeof(v->h));
		return;
	}
	(void)snprintf(at, sizeof(at), "%s: hash %u", where, i);
	if (l == 0)
		sp_findings_add(&w->a->found, "tile", at,
		    "is not that of the line of entry %" PRIu64 " in %s",
		    v->index * WIDTH + i, below);
	else
		sp_findings_add(&w->a->found, "tile", at,
		    "is not the root of the tile below it");
}

/*
 * Compare the 256 computed hashes of level ${l} with the stored tile, begin its
 * next tile, and add the root of this one to the level above.
 */
static enum sp_code
check_full_tile(struct tree_walk *w, unsigned l, struct sp_err *err)
{
	struct tree_level *v = &w->level[l];
	struct sp_hash stored[WIDTH], root;
	char where[PLACE_MAX], *path;
	enum sp_code rc;

	path = sp_layout_path(w->a->dir, name_tile((int)l, v->index, where));
	sp_buf_clear(&w->file);
	rc = sp_io_read_file(path, TILE_BYTES, &w->file, err);
	free(path);
	if (rc != SP_OK) {
		rc =
		    sp_findings_add_error(&w->a->found, "tile", where, rc, err);
	} else if (w->file.n != TILE_BYTES) {
		sp_findings_add(&w->a->found, "tile", where,
		    "%zu bytes, a full tile has %u", w->file.n, TILE_BYTES);
	} else {
		memcpy(stored, w->file.p, sizeof(stored));
		if (memcmp(stored, v->h, sizeof(stored)) != 0)
			blame_tile_or_lines(w, l, stored, where);
	}
	if (rc != SP_OK)
		return (rc);
	root = tile_root(v->h);
	v->n = 0;
	v->index++;
	return (l + 1 < LEVELS ? add_hash(w, l + 1, &root, err) : SP_OK);
}

/*
 * Add the next hash to the tile of level ${l} that is being filled; when it is
 * full it is checked.
 */
static enum sp_code
add_hash(struct tree_walk *w, unsigned l, const struct sp_hash *h,
    struct sp_err *err)
{
	struct tree_level *v = &w->level[l];

	v->h[v->n++] = *h;
	return (v->n == WIDTH ? check_full_tile(w, l, err) : SP_OK);
}

/*
 * Add leaf hashes to the running root, and compare it at the size of each
 * checkpoint.
 */
static void
add_leaves(struct tree_walk *w, const struct sp_hash *h, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		sp_compact_add(&w->compact, &h[i]);
		compare_checkpoints(w);
	}
}

/*
 * Check form, seq and time of a line, and count its message; returns its leaf
 * hash in any case.  ${file}: the bundle or the tail, for findings.
 */
static struct sp_hash
check_line(
    struct tree_walk *w, struct sp_view text, uint64_t seq, const char *file)
{
	struct sp_findings *f = &w->a->found;
	struct sp_line l;
	struct sp_err err;
	char where[PLACE_MAX + 32];

	(void)snprintf(where, sizeof(where), "%s: entry %" PRIu64, file, seq);
	if (sp_line_parse(text, &l, &err) != SP_OK) {
		sp_findings_add(f, "line", where, "%s", err.msg);
	} else if (l.seq != seq) {
		sp_findings_add(
		    f, "line", where, "is the line of entry %" PRIu64, l.seq);
	} else {
		if (l.received < w->previous)
			sp_findings_add(f, "order", where,
			    "was received before the entry before it");
		w->previous = l.received;
		w->a->v->time = l.received;
		if (l.kind == SP_KIND_MESSAGE)
			w->a->v->messages++;
	}
	return (sp_merkle_leaf(text));
}

/*
 * A full bundle, which is 256 times a length (16 bits, big-endian) and a line:
 * its lines, the tile of their hashes, and the leaves.
 */
static enum sp_code
walk_bundle(struct tree_walk *w, uint64_t n, struct sp_err *err)
{
	struct sp_findings *f = &w->a->found;
	struct tree_level *v = &w->level[0];
	struct sp_hash lines[WIDTH];
	char where[PLACE_MAX], *path;
	size_t at = 0;
	unsigned i = 0;
	enum sp_code rc;

	path = sp_layout_path(w->a->dir, name_tile(-1, n, where));
	sp_buf_clear(&w->file);
	rc = sp_io_read_file(path, BUNDLE_MAX, &w->file, err);
	free(path);
	if (rc != SP_OK)
		rc = sp_findings_add_error(f, "bundle", where, rc, err);
	if (rc != SP_OK)
		return (rc);
	for (; i < WIDTH && at + 2 <= w->file.n; i++) {
		const uint8_t *p = (const uint8_t *)w->file.p + at;
		size_t len = sp_be16_get(p);

		if (len > w->file.n - at - 2)
			break;
		lines[i] = check_line(
		    w, sp_view_mem(p + 2, len), n * WIDTH + i, where);
		at += 2 + len;
	}
	if (w->file.n > 0 && (i < WIDTH || at != w->file.n))
		sp_findings_add(f, "bundle", where,
		    "is not made of 256 lines: line %u at byte %zu of %zu", i,
		    at, w->file.n);
	/* What cannot be read is taken from the tile, so that the walk stays
	 * in step and reports one damage once. */
	for (; i < WIDTH; i++)
		if (w->nodes.get(w->nodes.ctx, 0, n * WIDTH + i, &lines[i],
			err) != SP_OK)
			memset(&lines[i], 0, sizeof(lines[i]));
	memcpy(v->h, lines, sizeof(lines));
	v->n = WIDTH;
	rc = check_full_tile(w, 0, err);
	if (rc == SP_OK)
		add_leaves(w, v->h, WIDTH);
	return (rc);
}

/*
 * The entries from ${first} on, behind the last full bundle; their lines lie in
 * tree/tail.
 */
static enum sp_code
walk_tail(
    struct tree_walk *w, uint64_t first, uint64_t size, struct sp_err *err)
{
	for (uint64_t seq = first; seq < size; seq++) {
		struct sp_view text;
		struct sp_hash h;
		enum sp_code rc = sp_tree_line(w->tree, seq, &text, err);

		if (rc != SP_OK)
			return (sp_findings_add_error(
			    &w->a->found, "tail", "tree/tail", rc, err));
		h = check_line(w, text, seq, "tree/tail");
		add_leaves(w, &h, 1);
		rc = add_hash(w, 0, &h, err);
		if (rc != SP_OK)
			return (rc);
	}
	return (SP_OK);
}

/* The partial tiles in tree/tail must be the hashes that were computed. */
static void
check_tail_tiles(struct tree_walk *w)
{
	struct sp_err err;
	struct sp_hash h;

	for (unsigned l = 0; l < LEVELS; l++) {
		const struct tree_level *v = &w->level[l];

		for (unsigned i = 0; i < v->n; i++) {
			uint64_t at = v->index * WIDTH + i;

			if (w->nodes.get(w->nodes.ctx, 8 * l, at, &h, &err) !=
				SP_OK ||
			    !sp_hash_eq(&h, &v->h[i]))
				sp_findings_add(&w->a->found, "tail",
				    "tree/tail",
				    "hash %" PRIu64
				    " of level %u is not that of what lies below it",
				    at, l);
		}
	}
}

/*
 * All bundles, the tail, and the roots.  A checkpoint over more entries than
 * the tree has is a finding: the tree was rolled back.  One that is not there
 * at all is another: it can be made again.
 */
static enum sp_code
walk_tree(struct tree_walk *w, uint64_t size, struct sp_err *err)
{
	uint64_t full = size / WIDTH;
	enum sp_code rc = SP_OK;
	struct sp_err lost;

	compare_checkpoints(w);
	for (uint64_t n = 0; n < full && rc == SP_OK; n++) {
		rc = walk_bundle(w, n, err);
		if (rc == SP_OK)
			rc = sp_verify_progress_step(&w->a->run, 0, err);
	}
	if (rc == SP_OK)
		rc = walk_tail(w, full * WIDTH, size, err);
	if (rc != SP_OK)
		return (rc);
	check_tail_tiles(w);
	if (sp_tree_lost(w->a->dir, &lost) != SP_OK) {
		sp_findings_add(
		    &w->a->found, "lost", "tree/tail", "%s", lost.msg);
		return (SP_OK);
	}
	for (; w->next_checkpoint < w->checkpoints.n; w->next_checkpoint++)
		sp_findings_add(&w->a->found, "rollback", "tree/tail",
		    "the tree has %" PRIu64
		    " entries, but %s was signed over %" PRIu64,
		    size, w->checkpoints.p[w->next_checkpoint].where,
		    w->checkpoints.p[w->next_checkpoint].c.size);
	return (SP_OK);
}

/*
 * Without a readable tail the size of the tree is unknown: that is a finding,
 * and nothing is walked.
 */
enum sp_code
sp_verify_tree(struct sp_verify_archive *a, struct sp_err *err)
{
	struct tree_walk *w = sp_xcalloc(1, sizeof(*w));
	enum sp_code rc;

	w->a = a;
	w->previous = INT64_MIN;
	sp_buf_init(&w->file, BUNDLE_MAX);
	sp_compact_init(&w->compact);
	rc = sp_verify_checkpoints_load(a, &w->checkpoints, err);
	if (rc != SP_OK)
		goto out;
	/* After the checkpoints: the tail is always written before them. */
	rc = sp_tree_open(a->dir, &w->tree, err);
	if (rc != SP_OK) {
		rc = sp_findings_add_error(
		    &a->found, "tail", "tree/tail", rc, err);
		goto out;
	}
	a->have_tree = true;
	a->tree_size = sp_tree_size(w->tree);
	w->nodes = sp_tree_nodes(w->tree);
	rc = walk_tree(w, a->tree_size, err);
out:
	sp_tree_close(w->tree);
	sp_verify_checkpoints_done(&w->checkpoints);
	sp_buf_done(&w->file);
	free(w);
	return (rc);
}
