/*
 * The sealing key with its certificate: it signs segments and exports (cms.h).
 * Only journal/seal loads it.  ECDSA P-256, self-signed, without an end; a site
 * may put its own in place (doc/format-archive.md, "Keys").
 */
#ifndef SP_SIGN_SEALER_H
#define SP_SIGN_SEALER_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct sp_sealer; /* a private key and its certificate */

/*
 * Make a key and its certificate with the common name ${cn} (its first 64
 * bytes), appended as PEM.  The caller wipes ${key_pem}.  SP_ECRYPTO;
 * SP_ELIMIT: a buffer is too small.
 */
SP_CHECK enum sp_code sp_sealer_create(const char *cn, struct sp_buf *key_pem,
    struct sp_buf *crt_pem, struct sp_err *err);
/* Load key and certificate from the files ${key} and ${crt}; ${out} is the
 * caller's.  SP_EKEY: one is missing or unreadable, or they do not belong
 * together; the message says what to do. */
SP_CHECK enum sp_code sp_sealer_load(const char *key, const char *crt,
    struct sp_sealer **out, struct sp_err *err);
void sp_sealer_free(struct sp_sealer *s); /* NULL is fine */

#endif
