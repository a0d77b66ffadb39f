/*
 * Seals: detached CMS signatures (RFC 5652, CAdES-BES as in RFC 5126) in DER,
 * with the signer's certificate embedded, as stock openssl checks them with
 * `openssl cms -verify -binary -inform DER`.  journal/seal signs segments and
 * exports with them, journal/verify checks them.  doc/format-archive.md,
 * "Seals".
 */
#ifndef SP_SIGN_CMS_H
#define SP_SIGN_CMS_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"
#include "journal/sign/certs.h"
#include "journal/sign/sealer.h"

/* Sign the file ${path}, read in pieces; the DER is appended to ${out}.
 * SP_ENOTFOUND, SP_EIO; SP_ECRYPTO; SP_ELIMIT: ${out} is too small.  After an
 * error ${out} is as it was. */
SP_CHECK enum sp_code sp_cms_sign_file(struct sp_sealer *s, const char *path,
    struct sp_buf *out, struct sp_err *err);
/* Sign ${data} (below 2 GiB); the DER is appended to ${out}.  SP_ECRYPTO,
 * SP_ELIMIT. */
SP_CHECK enum sp_code sp_cms_sign_mem(struct sp_sealer *s, struct sp_view data,
    struct sp_buf *out, struct sp_err *err);

/* Verify a seal over the file ${path}, read in pieces.  SP_EMISMATCH: it is no
 * seal, not over these bytes, not by these certificates, or not in the one form
 * in which it is written; the message says which.  SP_ENOTFOUND, SP_EIO. */
SP_CHECK enum sp_code sp_cms_verify_file(struct sp_view p7s, const char *path,
    const struct sp_certs *c, struct sp_err *err);
/* The same over ${data} (below 2 GiB). */
SP_CHECK enum sp_code sp_cms_verify_mem(struct sp_view p7s, struct sp_view data,
    const struct sp_certs *c, struct sp_err *err);

/*
 * Check the fields of a seal that no signature covers (versions, digest
 * algorithms, spelling of the issuer ...): they must be as our signer writes
 * them.  For a seal that holds; SP_EMISMATCH if it is not so.
 */
SP_CHECK enum sp_code sp_cms_form(struct sp_view p7s, struct sp_err *err);

#endif
