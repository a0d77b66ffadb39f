/*
 * The Merkle tree of the log on disk (tree/): full tiles and entry bundles in
 * the form of C2SP tlog-tiles, never changed once written, and one small file,
 * tree/tail, with the size and what is not full yet.  Format and order of
 * writing: doc/format-tree.md, "Files".
 *
 * The one writer holds state/seal.lock: journal/seal adds the line of each new
 * entry and commits, then signs the root.  Readers need no lock: verification,
 * export and index read lines, roots and proofs (merkle.h).
 */
#ifndef SP_TREE_TREE_H
#define SP_TREE_TREE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/record.h"
#include "journal/tree/checkpoint.h"
#include "journal/tree/hash.h"
#include "journal/tree/merkle.h"
#include "journal/tree/note.h"

struct sp_tree;

/*
 * SP_EFORMAT if the archive ${dir} has no tree/tail, which every archive with a
 * checkpoint has: tree/ was lost, not rolled back, and can be made again from
 * the entries, which the message says.  SP_OK otherwise.  For a caller that
 * found something signed over more entries than the tree has.
 */
SP_CHECK enum sp_code sp_tree_lost(const char *dir, struct sp_err *err);
/*
 * Open the tree of the archive in ${dir}; without tree/tail it is empty.
 * ${out} is the caller's.  Tiles beyond the tail are leftovers of an
 * interrupted commit; they will be written again, byte for byte the same.
 * SP_EFORMAT: the tail is damaged; SP_EVERSION, SP_EIO.
 */
SP_CHECK enum sp_code sp_tree_open(
    const char *dir, struct sp_tree **out, struct sp_err *err);
/* Entries, durable or added. */
uint64_t sp_tree_size(const struct sp_tree *t);
/*
 * Add the line of the next entry.  It is only in memory until commit, or, where
 * many are pending, in tiles that no tail counts on yet.
 * SP_EFORMAT: it is no entry line; SP_EMISMATCH: not that of entry
 * sp_tree_size(); SP_ELIMIT: the tree is full.  After an error of the disk
 * (SP_EIO, SP_ENOSPC, SP_ESYNC) the tree must be closed and opened again, else
 * it returns SP_EUSAGE.
 */
SP_CHECK enum sp_code sp_tree_add(
    struct sp_tree *t, struct sp_view line, struct sp_err *err);
/*
 * Make all that was added durable: full tiles and bundles, their directories,
 * then the tail.  After an error nothing of it counts, and the tree must be
 * closed and opened again.  SP_EMISMATCH: a tile is there with other bytes.
 */
SP_CHECK enum sp_code sp_tree_commit(struct sp_tree *t, struct sp_err *err);
/* For readers: look at the disk again.  SP_EROLLBACK if the tree has become
 * smaller; after an error it is as it was. */
SP_CHECK enum sp_code sp_tree_refresh(struct sp_tree *t, struct sp_err *err);
/* The root of the first ${size} entries.  SP_EUSAGE: it has fewer; SP_EFORMAT:
 * a tile is missing or damaged. */
SP_CHECK enum sp_code sp_tree_root(
    struct sp_tree *t, uint64_t size, struct sp_hash *out, struct sp_err *err);
/* The tree as a source of hashes, for roots and proofs (merkle.h); valid while
 * ${t} is open.  Tiles are read through a small cache. */
struct sp_nodes sp_tree_nodes(struct sp_tree *t);
/* The line of an entry, borrowed until the next call on ${t}.  SP_ENOTFOUND:
 * the tree is shorter; SP_EFORMAT: a bundle is missing or damaged. */
SP_CHECK enum sp_code sp_tree_line(
    struct sp_tree *t, uint64_t seq, struct sp_view *out, struct sp_err *err);
/* The first entry of [0, size) that was received at ${us} or later, else
 * ${size}.  Binary search over the lines; fails as sp_tree_line does. */
SP_CHECK enum sp_code sp_tree_find_time(struct sp_tree *t, uint64_t size,
    int64_t us, uint64_t *seq, struct sp_err *err);
void sp_tree_close(struct sp_tree *t); /* NULL is fine; drops what is pending */

/*
 * Read tree/checkpoint of the archive in ${dir}: the note's bytes (SP_NOTE_MAX
 * at most) are appended to ${note}, its text is parsed to ${out}.  The
 * signature is not looked at.
 * SP_ENOTFOUND: there is none yet; SP_EFORMAT.  After an error ${note} is as it
 * was.
 */
SP_CHECK enum sp_code sp_tree_checkpoint(const char *dir, struct sp_buf *note,
    struct sp_checkpoint *out, struct sp_err *err);

#endif
