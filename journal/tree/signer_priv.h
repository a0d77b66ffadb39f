/*
 * What note.c needs of signer.c: a bare signature.  Everybody else signs notes.
 */
#ifndef SP_TREE_SIGNER_PRIV_H
#define SP_TREE_SIGNER_PRIV_H

#include "base/view.h"
#include "journal/tree/signer.h"

#define SP_ED25519_SIG_LEN 64

/* Sign ${text} with Ed25519 (RFC 8032); deterministic.  SP_ECRYPTO. */
SP_CHECK enum sp_code sp_signer_sign(const struct sp_signer *s,
    struct sp_view text, uint8_t sig[SP_ED25519_SIG_LEN], struct sp_err *err);

#endif
