/*
 * JSON web tokens, signed with a private RSA key (RFC 7515): RS256 and PS256 of
 * RFC 7518, for client assertions and service accounts (oauth_assertion.c); and
 * the S256 challenge of PKCE (RFC 7636), for logins in a browser
 * (oauth_login.c).  No I/O.
 */
#ifndef SP_OAUTH_JWT_H
#define SP_OAUTH_JWT_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_JWT_SHA256_LEN 43 /* base64url of a SHA-256, without padding */
#define SP_JWT_MAX	  16384u /* bytes of a token */

struct sp_jwt_key;

/* A private RSA key of at least 2048 bits (RFC 7518 sections 3.3 and 3.5) in
 * PEM (PKCS#8 or PKCS#1), not encrypted.  ${what} is named in messages.  The
 * caller frees ${out}.  SP_EKEY: it is anything else. */
SP_CHECK enum sp_code sp_jwt_key_new(const char *what, struct sp_view pem,
    struct sp_jwt_key **out, struct sp_err *err);
void sp_jwt_key_free(struct sp_jwt_key *k); /* NULL is fine */
/* The x5t#S256 (RFC 7515 section 4.1.8) of the first certificate in ${pem},
 * NUL-terminated: SHA-256 in base64url.  SP_EKEY: there is none, it has ended,
 * or it is not the key's own; SP_ECRYPTO. */
SP_CHECK enum sp_code sp_jwt_thumbprint(const struct sp_jwt_key *k,
    const char *what, struct sp_view pem, char out[SP_JWT_SHA256_LEN + 1],
    struct sp_err *err);
/* Append header.claims.signature to ${out} (RFC 7515 section 3.1), signed by
 * RS256, or with ${pss} by PS256.  ${header} and ${claims} are JSON texts.
 * SP_ECRYPTO: it cannot be signed or does not fit, and ${out} is as before. */
SP_CHECK enum sp_code sp_jwt_sign(const struct sp_jwt_key *k, bool pss,
    struct sp_view header, struct sp_view claims, struct sp_buf *out,
    struct sp_err *err);
/* Append ${n} bytes in base64 with - and _ and no padding (RFC 4648 section 5,
 * RFC 7515 section 2).  SP_ELIMIT: no room, nothing is appended. */
SP_CHECK enum sp_code sp_jwt_base64(
    struct sp_buf *out, const void *p, size_t n);
/* The code_challenge of a code_verifier (RFC 7636 section 4.2, S256),
 * NUL-terminated. */
void sp_jwt_challenge(struct sp_view verifier, char out[SP_JWT_SHA256_LEN + 1]);

#endif
