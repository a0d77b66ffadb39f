/* Shared by create*.c. */
#ifndef SP_SEAL_CREATE_PRIV_H
#define SP_SEAL_CREATE_PRIV_H

#include "base/buf.h"
#include "journal/seal/create.h"
#include "journal/tree/note.h"

#define SP_CREATE_PEM_MAX (64u << 10)

/*
 * keys/ of the archive that is being made in ${stage}: what is there is kept,
 * what is missing is made.
 */
SP_CHECK enum sp_code sp_create_keys(
    const char *stage, const char *origin, struct sp_err *err);
/* The detail of entry 0, out of ${stage}/keys and ${c}. */
SP_CHECK enum sp_code sp_create_detail(const char *stage,
    const struct sp_create *c, struct sp_buf *out, struct sp_err *err);
/* The last checkpoint that can be known of the archive ${old}, which must not
 * be of ${origin}: the note's bytes to ${note}.  Its signature is checked with
 * ${old}/keys/log.vkey. */
SP_CHECK enum sp_code sp_create_old(const char *old, const char *origin,
    struct sp_buf *note, struct sp_checkpoint *out, struct sp_err *err);

#endif
