/*
 * JSON web tokens, signed (RFC 7515, 7518): RS256 and PS256, for client
 * assertions and service accounts; and the S256 challenge of PKCE (RFC 7636).
 */
#ifndef SP_OAUTH_OAUTH_JWT_H
#define SP_OAUTH_OAUTH_JWT_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_JWT_SHA256_LEN 43 /* base64url of a SHA-256, without padding */
#define SP_JWT_MAX	  16384u /* bytes of a token */

struct sp_jwt_key;

/* A private RSA key of at least 2048 bits in PEM (PKCS#8 or PKCS#1), not
 * encrypted.  ${what} is named in messages.  SP_EKEY. */
SP_CHECK enum sp_code sp_jwt_key_new(const char *what, struct sp_view pem,
    struct sp_jwt_key **out, struct sp_err *err);
void sp_jwt_key_free(struct sp_jwt_key *k); /* NULL is fine */
/* x5t#S256 of the first certificate in ${pem}, which must be the key's own and
 * not have ended.  SP_EKEY. */
SP_CHECK enum sp_code sp_jwt_thumbprint(const struct sp_jwt_key *k,
    const char *what, struct sp_view pem, char out[SP_JWT_SHA256_LEN + 1],
    struct sp_err *err);
/* header.claims.signature appended to ${out}.  Both are JSON texts. */
SP_CHECK enum sp_code sp_jwt_sign(const struct sp_jwt_key *k, bool pss,
    struct sp_view header, struct sp_view claims, struct sp_buf *out,
    struct sp_err *err);
/* Base64 with - and _ and no padding (RFC 4648 section 5). */
SP_CHECK enum sp_code sp_jwt_base64(
    struct sp_buf *out, const void *p, size_t n);
/* The code_challenge of a code_verifier. */
void sp_jwt_challenge(struct sp_view verifier, char out[SP_JWT_SHA256_LEN + 1]);

#endif
