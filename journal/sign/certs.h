/*
 * The sealing certificates that a verifier trusts, from a list in PEM
 * (keys/seal-all.crt, or one that the auditor kept).  Each is trusted by
 * itself, whoever issued it, and its end of validity is not looked at
 * (doc/format-archive.md, "Seals").
 */
#ifndef SP_SIGN_CERTS_H
#define SP_SIGN_CERTS_H

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

struct sp_certs;

/* Parse a list, of one certificate at least; ${out} is the caller's.  SP_EKEY:
 * not such a list, or too long; SP_ELIMIT: too many certificates;
 * SP_ECRYPTO. */
SP_CHECK enum sp_code sp_certs_parse(
    struct sp_view pem, struct sp_certs **out, struct sp_err *err);
/* The same from a file.  SP_ELIMIT: it is too long; SP_ENOTFOUND, SP_EIO. */
SP_CHECK enum sp_code sp_certs_load(
    const char *path, struct sp_certs **out, struct sp_err *err);
void sp_certs_free(struct sp_certs *c); /* NULL is fine */

#endif
