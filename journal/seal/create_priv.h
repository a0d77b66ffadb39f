/*
 * What the files of sp_create share.  create.c builds the archive in a stage,
 * a directory beside its final place; the others make parts of it there.
 */
#ifndef SP_SEAL_CREATE_PRIV_H
#define SP_SEAL_CREATE_PRIV_H

#include "base/buf.h"
#include "journal/seal/create.h"
#include "journal/tree/checkpoint.h"
#include "journal/tree/note.h"

#define SP_CREATE_PEM_MAX (64u << 10) /* bytes of a key or certificate file */

/* ---- create_keys.c ------------------------------------------------------- */

/* Make keys/ of the archive in ${stage}: what is there is kept, what is missing
 * is made.  SP_EKEY: the log key that is there cannot be used; SP_ECRYPTO,
 * SP_EIO, SP_ENOSPC. */
SP_CHECK enum sp_code sp_create_keys(
    const char *stage, const char *origin, struct sp_err *err);
/* Append the detail of entry 0, a JSON object, from ${stage}/keys and ${c}.
 * SP_ELIMIT: ${out} is too small; fails too where the predecessor or a key file
 * cannot be used. */
SP_CHECK enum sp_code sp_create_detail(const char *stage,
    const struct sp_create *c, struct sp_buf *out, struct sp_err *err);

/* ---- create_old.c -------------------------------------------------------- */

/*
 * Find the last checkpoint that can be known of the archive ${old}, in its tree
 * or in its guard directory: the note's bytes go to ${note}, its text to
 * ${out}.  Its signature is verified with ${old}/keys/log.vkey.
 * SP_EUSAGE: ${old} is of ${origin} too; SP_ENOTFOUND: no archive, or it has no
 * checkpoint; SP_EMISMATCH, SP_EFORMAT, SP_EKEY: one that is there does not
 * hold.
 */
SP_CHECK enum sp_code sp_create_old_checkpoint(const char *old,
    const char *origin, struct sp_buf *note, struct sp_checkpoint *out,
    struct sp_err *err);

/* ---- create_take.c ------------------------------------------------------- */

/*
 * Copy ${name} of the archive ${old}, a file or a folder with what is in it, to
 * the same place of ${stage}, with its rights.  A symbolic link is copied as a
 * link and never followed.  What is not there, and what is every archive's own
 * (keys/log.key, tree/...), is left out.  SP_EUSAGE: the name has "..", or it is
 * neither file, folder nor link; SP_ELIMIT: it is too large or nested too deep.
 */
SP_CHECK enum sp_code sp_create_take(
    const char *old, const char *stage, const char *name, struct sp_err *err);

#endif
