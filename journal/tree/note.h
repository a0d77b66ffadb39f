/*
 * Signed notes (C2SP signed-note): a text, an empty line, and a line for each
 * signature.  The form of every checkpoint; doc/format-tree.md, "Signed notes".
 * Pure.
 */
#ifndef SP_TREE_NOTE_H
#define SP_TREE_NOTE_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"
#include "journal/tree/signer.h"
#include "journal/tree/vkey.h"

#define SP_NOTE_MAX (64u << 10) /* bytes of a note, at most */

/* Append a note of ${text} (UTF-8, ends in LF) with one signature.  SP_EUSAGE:
 * no text for a note; SP_ELIMIT: ${out} is too small; SP_ECRYPTO.  After an
 * error ${out} is as it was. */
SP_CHECK enum sp_code sp_note_sign(struct sp_view text,
    const struct sp_signer *s, struct sp_buf *out, struct sp_err *err);
/*
 * Verify a note with the keys that the caller trusts; ${text} is borrowed from
 * ${note}.  Signatures of other keys are passed over; every one of a known key
 * (name and id) must hold, and there must be one.
 * SP_EFORMAT: not a note; SP_EMISMATCH: a signature of a known key does not
 * hold; SP_EKEY: none is of a known key.
 */
SP_CHECK enum sp_code sp_note_verify(struct sp_view note,
    const struct sp_vkey *keys, size_t nkeys, struct sp_view *text,
    struct sp_err *err);

#endif
