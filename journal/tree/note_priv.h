/*
 * What checkpoint.c needs of note.c: a note taken apart without its signatures
 * being looked at.
 */
#ifndef SP_TREE_NOTE_PRIV_H
#define SP_TREE_NOTE_PRIV_H

#include "journal/tree/note.h"

/*
 * Take a note apart at its last empty line: ${text} with its final LF, the
 * signature lines in ${sigs}, both borrowed from ${note}.  SP_EFORMAT says what
 * is wrong.
 */
SP_CHECK enum sp_code sp_note_split(struct sp_view note, struct sp_view *text,
    struct sp_view *sigs, struct sp_err *err);

#endif
