/*
 * Checkpoints (C2SP tlog-checkpoint): the text that says how many entries a log
 * has and what the root of their tree is.  It is signed as a note (note.h) once
 * the tree is durable, and everything that proves anything ends at one.
 * doc/format-tree.md, "Checkpoints".  Pure.
 */
#ifndef SP_TREE_CHECKPOINT_H
#define SP_TREE_CHECKPOINT_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/layout.h"
#include "base/view.h"
#include "journal/tree/hash.h"

struct sp_checkpoint {
	char origin[SP_ORIGIN_MAX + 1];
	uint64_t size; /* entries */
	struct sp_hash root;
};

/* Append the text.  SP_ELIMIT: ${out} is too small, and as it was. */
SP_CHECK enum sp_code sp_checkpoint_format(
    const struct sp_checkpoint *c, struct sp_buf *out);
/* Parse the text of a note, as sp_note_verify gives it.  SP_EFORMAT. */
SP_CHECK enum sp_code sp_checkpoint_parse(
    struct sp_view text, struct sp_checkpoint *out, struct sp_err *err);
/* Parse the text of a whole note without looking at its signatures, for those
 * who need its origin or size and trust nothing of it.  SP_EFORMAT. */
SP_CHECK enum sp_code sp_checkpoint_peek(
    struct sp_view note, struct sp_checkpoint *out, struct sp_err *err);

#endif
