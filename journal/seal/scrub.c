/*
 * The scrub (scrub.h).  A pass goes
 *
 *	checkpoint -> segments -> tiles, level by level -> bundles of entries
 *
 * What is removed or renamed by the sealer while it looks could seem to be
 * missing (an intake file that became a segment in between), so the segments are
 * compared with the intake log only where its oldest file was listed first.
 */
#include "journal/seal/scrub.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/layout.h"
#include "journal/segment/segment_list.h"
#include "journal/tree/tree.h"

#define WIDTH	      256 /* hashes of a tile, lines of a bundle */
#define TILE_BYTES    (WIDTH * 32) /* of a full tile */
#define LEVEL_BUNDLES (-1)

/* What is missing of one kind. */
struct lost {
	uint64_t n;
	char first[400]; /* which, and why */
};

struct sp_scrub {
	char *dir;
	/* the pass */
	enum { CHECKPOINT, SEGMENTS, TILES } phase;
	uint64_t size; /* entries under the checkpoint */
	int level; /* of the tiles that are looked at */
	uint64_t tile; /* the next of them */
	struct lost checkpoint, segment, tiles;
};

struct sp_scrub *
sp_scrub_new(const char *dir)
{
	struct sp_scrub *s = sp_xcalloc(1, sizeof(*s));

	s->dir = sp_xstrdup(dir);
	return (s);
}

void
sp_scrub_free(struct sp_scrub *s)
{
	if (s == NULL)
		return;
	free(s->dir);
	free(s);
}

/* Count ${path}; of the first, what is said of it. */
static void
add(struct lost *lost, const char *path, const char *why)
{
	if (lost->n++ == 0)
		(void)snprintf(lost->first, sizeof(lost->first),
		    "%.200s: %.180s", path, why);
}

/* Look at the file ${path} of the archive: it can be opened, and has ${want}
 * bytes, or any where ${want} is 0. */
static void
look(struct sp_scrub *s, struct lost *lost, const char *path, uint64_t want)
{
	char *full = sp_layout_path(s->dir, path);
	struct sp_err err;
	uint64_t size = 0;
	int fd = -1;
	enum sp_code rc = sp_io_open(full, O_RDONLY, 0, &fd, &err);

	if (rc == SP_OK)
		rc = sp_io_size(fd, &size, &err);
	(void)sp_io_close(fd, NULL);
	if (rc != SP_OK)
		add(lost, path, err.msg);
	else if (size == 0 || (want != 0 && size != want))
		add(lost, path,
		    size == 0 ? "it is empty" : "it has another size");
	free(full);
}

/* ---- checkpoint ---------------------------------------------------------- */

static void
look_at_checkpoint(struct sp_scrub *s)
{
	char *tail = sp_layout_path(s->dir, "tree/tail");
	struct sp_checkpoint cp = { 0 };
	struct sp_buf note;
	struct sp_err err;
	enum sp_code rc;

	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_tree_checkpoint(s->dir, &note, &cp, &err);
	sp_buf_done(&note);
	s->size = rc == SP_OK ? cp.size : 0;
	/* An archive that never was sealed has neither. */
	if (rc == SP_ENOTFOUND && !sp_io_exists(tail))
		rc = SP_OK;
	if (rc != SP_OK)
		add(&s->checkpoint, "tree/checkpoint", err.msg);
	free(tail);
}

/* ---- segments ------------------------------------------------------------ */

/* The first entry that the intake log holds; UINT64_MAX: it is empty. */
static uint64_t
first_in_intake(const struct sp_scrub *s)
{
	char *dir = sp_layout_path(s->dir, "intake"), **names = NULL;
	uint64_t first = UINT64_MAX;
	size_t n = 0;

	if (sp_io_list(dir, &names, &n, NULL) == SP_OK) {
		for (size_t i = 0; i < n; i++) {
			struct sp_intake_name name;

			if (sp_layout_parse_intake(names[i], &name) &&
			    name.first < first)
				first = name.first;
		}
		sp_io_names_free(names, n);
	}
	free(dir);
	return (first);
}

/* Entries ${first} to ${end} - 1 are in no segment. */
static void
add_gap(struct sp_scrub *s, uint64_t first, uint64_t end)
{
	char which[80];

	(void)snprintf(which, sizeof(which), "entries %" PRIu64 " to %" PRIu64,
	    first, end - 1);
	add(&s->segment, which, "no segment holds them");
}

/* Every entry below the intake log is in a segment, and each segment has its
 * file and its signature. */
static void
look_at_segments(struct sp_scrub *s)
{
	const uint64_t first = first_in_intake(s);
	struct sp_segment_file *files = NULL;
	struct sp_err err;
	uint64_t next = 0;
	size_t n = 0;

	if (sp_segment_list(s->dir, &files, &n, &err) != SP_OK) {
		add(&s->segment, "archive", err.msg);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char sig[160];

		if (files[i].name.first > next)
			add_gap(s, next, files[i].name.first);
		if (files[i].name.last + 1 > next)
			next = files[i].name.last + 1;
		(void)snprintf(sig, sizeof(sig), "%s.p7s", files[i].path);
		look(s, &s->segment, files[i].path, 0);
		look(s, &s->segment, sig, 0);
	}
	free(files);
	if (first != UINT64_MAX && first > next)
		add_gap(s, next, first);
	else if (first == UINT64_MAX && s->size > next)
		add_gap(s, next, s->size);
}

/* ---- tiles --------------------------------------------------------------- */

/* How many full tiles of ${level} ${size} entries have. */
static uint64_t
full_tiles(uint64_t size, int level)
{
	for (int i = level == LEVEL_BUNDLES ? 0 : level; i >= 0; i--)
		size /= WIDTH;
	return (size);
}

/* Look at up to ${max} tiles more; true when all were looked at. */
static bool
look_at_tiles(struct sp_scrub *s, size_t max)
{
	while (max > 0) {
		char name[128], path[160];

		if (s->tile >= full_tiles(s->size, s->level)) {
			if (s->tile == 0 && s->level >= 0)
				return (true);
			s->tile = 0;
			s->level++;
			continue;
		}
		sp_layout_tile_path(s->level, s->tile++, name);
		(void)snprintf(path, sizeof(path), "tree/%s", name);
		look(s, &s->tiles, path,
		    s->level == LEVEL_BUNDLES ? 0 : TILE_BYTES);
		max--;
	}
	return (false);
}

/* ---- the pass ------------------------------------------------------------ */

/* Tell of one kind, and forget it. */
static void
tell_of(struct lost *lost, const char *what, const char *cause,
    const char *todo,
    void (*tell)(void *ctx, const char *cause, const char *text), void *ctx)
{
	char text[700];

	(void)snprintf(text, sizeof(text),
	    "%" PRIu64 " %s missing or unreadable, the first: %s; %s", lost->n,
	    what, lost->first, todo);
	tell(ctx, cause, lost->n > 0 ? text : NULL);
	*lost = (struct lost){ 0 };
}

/* Segments and checkpoint are few enough for one step each. */
bool
sp_scrub_step(struct sp_scrub *s, size_t files,
    void (*tell)(void *ctx, const char *cause, const char *text), void *ctx)
{
	switch (s->phase) {
	case CHECKPOINT:
		look_at_checkpoint(s);
		s->phase = SEGMENTS;
		return (false);
	case SEGMENTS:
		look_at_segments(s);
		s->phase = TILES;
		s->level = LEVEL_BUNDLES;
		s->tile = 0;
		return (false);
	case TILES:
		break;
	}
	if (!look_at_tiles(s, files))
		return (false);
	tell_of(&s->checkpoint, "checkpoint is", "checkpoint_missing",
	    "restore it from a copy (the guard directory has one)", tell, ctx);
	tell_of(&s->segment, "parts of the archive are", "segment_missing",
	    "restore them from a copy, then run `sealpost verify`", tell, ctx);
	tell_of(&s->tiles, "files of the tree are", "tile_missing",
	    "run `sealpost verify --rebuild-tree`, then `sealpost verify`",
	    tell, ctx);
	s->phase = CHECKPOINT;
	return (true);
}
