/*
 * The log's private key: it signs checkpoints, and nothing else.  Only
 * journal/seal loads it.  Ed25519 (RFC 8032), in a file as PKCS#8 PEM without
 * passphrase (doc/format-archive.md, "Keys").
 */
#ifndef SP_TREE_SIGNER_H
#define SP_TREE_SIGNER_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "journal/tree/vkey.h"

struct sp_signer; /* a private key with its name */

/* Make a key of that name from 32 bytes of seed, or from random ones (NULL).
 * ${out} is the caller's.  SP_EUSAGE: no name for a key; SP_ECRYPTO. */
SP_CHECK enum sp_code sp_signer_new(const char *name, const uint8_t seed[32],
    struct sp_signer **out, struct sp_err *err);
/* Load keys/log.key; ${out} is the caller's.  SP_EKEY: the file is missing,
 * unreadable or no Ed25519 key; the message names it and says what to do. */
SP_CHECK enum sp_code sp_signer_load(const char *path, const char *name,
    struct sp_signer **out, struct sp_err *err);
/* Append the private key (PKCS#8) and the public key as PEM.  The caller wipes
 * ${priv}.  SP_ECRYPTO; SP_ELIMIT: a buffer is too small. */
SP_CHECK enum sp_code sp_signer_pem(const struct sp_signer *s,
    struct sp_buf *priv, struct sp_buf *pub, struct sp_err *err);
/* The verification key, borrowed until the signer is freed. */
const struct sp_vkey *sp_signer_vkey(const struct sp_signer *s);
void sp_signer_free(struct sp_signer *s); /* NULL is fine */

#endif
