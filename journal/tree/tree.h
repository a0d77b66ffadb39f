/*
 * The tree on disk: C2SP tlog-tiles (full tiles and entry bundles, immutable)
 * and one small file, tree/tail, with size, partial tiles and partial bundle.
 * Writer: whoever holds state/seal.lock.  Readers need no lock.
 * Formats: doc/format-tree.md.
 */
#ifndef SP_TREE_TREE_H
#define SP_TREE_TREE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "journal/tree/merkle.h"
#include "journal/tree/note.h"

struct sp_tree;

/* Open what is there (an absent tail is the empty tree).  Checks the tail's
 * checksum and shape.  The tail names the tree; tiles beyond it are leftovers
 * of an interrupted commit and are written again, byte for byte the same. */
SP_CHECK enum sp_code sp_tree_open(
    const char *dir, struct sp_tree **out, struct sp_err *err);
uint64_t sp_tree_size(const struct sp_tree *t); /* durable + pending */
/*
 * Add the next line; only in memory until commit, or, where many are pending,
 * in tiles that no tail counts on yet.  SP_EMISMATCH if it is not the line of
 * entry sp_tree_size(); SP_EFORMAT if it is no entry line.  After an error of
 * the disk the tree must be closed and opened again.
 */
SP_CHECK enum sp_code sp_tree_add(
    struct sp_tree *t, struct sp_view line, struct sp_err *err);
/*
 * Make all added durable: full tiles and bundles, directories, then tail.
 * After an error the tree must be closed and opened again.  A tile that is
 * there with other bytes: SP_EMISMATCH, nothing of the commit counts.
 */
SP_CHECK enum sp_code sp_tree_commit(struct sp_tree *t, struct sp_err *err);
/* Readers: look at the disk again (a newer tail).  SP_EROLLBACK if the tree
 * became smaller; the tree is then as it was. */
SP_CHECK enum sp_code sp_tree_refresh(struct sp_tree *t, struct sp_err *err);
SP_CHECK enum sp_code sp_tree_root(
    struct sp_tree *t, uint64_t size, struct sp_hash *out, struct sp_err *err);
/* Node source for merkle.h (tiles are read through a small cache). */
struct sp_nodes sp_tree_nodes(struct sp_tree *t);
/* The line of an entry, borrowed until the next call on ${t}. */
SP_CHECK enum sp_code sp_tree_line(
    struct sp_tree *t, uint64_t seq, struct sp_view *out, struct sp_err *err);
/* First seq in [0, size] whose received >= ${us} (binary search over lines). */
SP_CHECK enum sp_code sp_tree_find_time(struct sp_tree *t, uint64_t size,
    int64_t us, uint64_t *seq, struct sp_err *err);
void sp_tree_close(struct sp_tree *t);

/* tree/checkpoint: read (note bytes and parsed), SP_ENOTFOUND if none yet. */
SP_CHECK enum sp_code sp_tree_checkpoint(const char *dir, struct sp_buf *note,
    struct sp_checkpoint *out, struct sp_err *err);

#endif
