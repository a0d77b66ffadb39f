/*
 * The bytes of tree/tail (the size of the tree, the partial tile of each level,
 * the partial entry bundle) and of an entry bundle: parsed, formatted, folded.
 * Pure functions; layout and rules: doc/format-tree.md, "Files".
 */
#ifndef SP_TREE_TREE_TAIL_H
#define SP_TREE_TREE_TAIL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/line.h"
#include "base/record.h"
#include "journal/tree/hash.h"

#define SP_TILE_WIDTH  256 /* hashes of a full tile, lines of a bundle */
#define SP_TILE_BYTES  (SP_TILE_WIDTH * 32)
#define SP_TREE_LEVELS 7 /* 256^7 is more than SP_SEQ_MAX */
/* Bytes of an entry bundle, at most: two bytes of length before each line. */
#define SP_BUNDLE_MAX (SP_TILE_WIDTH * (2 + SP_LINE_MAX))
/* Bytes of tree/tail, at most. */
#define SP_TAIL_MAX (64 + SP_TREE_LEVELS * SP_TILE_BYTES + SP_BUNDLE_MAX)

/* Lines of an entry bundle, in order, borrowed from its bytes. */
struct sp_bundle {
	struct sp_view line[SP_TILE_WIDTH];
	size_t n;
};

struct sp_tail {
	uint64_t size; /* entries of the tree */
	/* Level l has (size >> 8l) & 255 hashes. */
	struct sp_hash tile[SP_TREE_LEVELS][SP_TILE_WIDTH];
	/* the partial bundle */
	char bundle[SP_BUNDLE_MAX];
	size_t nbundle; /* bytes */
	uint32_t at[SP_TILE_WIDTH]; /* where each line's length stands */
};

/* The empty tree. */
void sp_tail_init(struct sp_tail *t);
/* Parse the file.  Total: any bytes give a tail or SP_EFORMAT, SP_EVERSION.
 * The lines must be those of the hashes of level 0.  ${out} is undefined after
 * a failure. */
SP_CHECK enum sp_code sp_tail_parse(
    struct sp_view v, struct sp_tail *out, struct sp_err *err);
/* Append the bytes of the file; SP_ELIMIT if ${out} is limited below
 * SP_TAIL_MAX. */
SP_CHECK enum sp_code sp_tail_format(
    const struct sp_tail *t, struct sp_buf *out);
/* Hashes in the partial tile of ${level}, below SP_TREE_LEVELS. */
size_t sp_tail_width(const struct sp_tail *t, unsigned level);
/* Line ${i} of the partial bundle, borrowed; i < sp_tail_width(t, 0). */
struct sp_view sp_tail_line(const struct sp_tail *t, size_t i);
/* The root of ${n} adjacent hashes; n is a power of two, at most a tile. */
struct sp_hash sp_tile_fold(const struct sp_hash *h, size_t n);

/* Take an entry bundle apart: exactly ${want} lines (at most SP_TILE_WIDTH) and
 * nothing after them, else SP_EFORMAT. */
SP_CHECK enum sp_code sp_bundle_parse(
    struct sp_view v, size_t want, struct sp_bundle *out, struct sp_err *err);

#endif
