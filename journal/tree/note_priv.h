/* Shared by note.c, vkey.c, signer.c and checkpoint.c. */
#ifndef SP_TREE_NOTE_PRIV_H
#define SP_TREE_NOTE_PRIV_H

#include "journal/tree/note.h"

#define SP_VKEY_ED25519	   0x01
#define SP_NOTE_SIGNATURES 64 /* lines of a note, at most */
#define SP_ED25519_SIG_LEN 64

/* First four bytes of SHA-256(name LF 0x01 key). */
void sp_vkey_id(const char *name, const uint8_t key[32], uint8_t id[4]);
/* Ed25519 over ${text}. */
SP_CHECK enum sp_code sp_signer_sign(const struct sp_signer *s,
    struct sp_view text, uint8_t sig[SP_ED25519_SIG_LEN], struct sp_err *err);
/*
 * Take a note apart at its last blank line: ${text} with its final LF, the
 * signature lines in ${sigs}.  SP_EFORMAT says what is wrong.
 */
SP_CHECK enum sp_code sp_note_split(struct sp_view note, struct sp_view *text,
    struct sp_view *sigs, struct sp_err *err);

#endif
