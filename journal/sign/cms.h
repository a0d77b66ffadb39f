/*
 * CMS detached signatures (RFC 5652, CAdES-BES, DER, ECDSA P-256, certificate
 * embedded) as stock `openssl cms -verify -binary -inform DER` takes them,
 * and the sealing key and its self-signed certificate.
 */
#ifndef SP_SIGN_CMS_H
#define SP_SIGN_CMS_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

struct sp_sealer; /* private key and certificate */
struct sp_certs; /* trusted sealing certificates */

/* New P-256 key and certificate (CN=${cn}, no end, digitalSignature), PEM. */
SP_CHECK enum sp_code sp_sealer_create(const char *cn, struct sp_buf *key_pem,
    struct sp_buf *crt_pem, struct sp_err *err);
SP_CHECK enum sp_code sp_sealer_load(const char *key, const char *crt,
    struct sp_sealer **out, struct sp_err *err);
void sp_sealer_free(struct sp_sealer *s);
/* Sign the file ${path} (streamed), DER to ${out}. */
SP_CHECK enum sp_code sp_cms_sign_file(struct sp_sealer *s, const char *path,
    struct sp_buf *out, struct sp_err *err);
SP_CHECK enum sp_code sp_cms_sign_mem(struct sp_sealer *s, struct sp_view data,
    struct sp_buf *out, struct sp_err *err);

/* PEM bundle (seal-all.crt). */
SP_CHECK enum sp_code sp_certs_load(
    const char *path, struct sp_certs **out, struct sp_err *err);
SP_CHECK enum sp_code sp_certs_parse(
    struct sp_view pem, struct sp_certs **out, struct sp_err *err);
void sp_certs_free(struct sp_certs *c);
/* SP_EMISMATCH if the signature is not over these bytes or not by these
 * certificates; the message says which.  Chain and CAdES checked. */
SP_CHECK enum sp_code sp_cms_verify_file(struct sp_view p7s, const char *path,
    const struct sp_certs *c, struct sp_err *err);
SP_CHECK enum sp_code sp_cms_verify_mem(struct sp_view p7s, struct sp_view data,
    const struct sp_certs *c, struct sp_err *err);

/*
 * The fields of CMS that no signature covers (versions, digest algorithms, the
 * spelling of the issuer) must be as our signer writes them; call it for a
 * signature that holds.  SP_EMISMATCH names the field.
 */
SP_CHECK enum sp_code sp_cms_form(struct sp_view p7s, struct sp_err *err);

#endif
