/* What our OpenSSL users share. */
#ifndef SP_SIGN_OPENSSL_H
#define SP_SIGN_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/evp.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

/* SP_ECRYPTO "${what}: reason"; empties OpenSSL's error queue. */
enum sp_code sp_openssl_fail(struct sp_err *err, const char *what);
/* The first reason in OpenSSL's queue as text, and empty the queue. */
const char *sp_openssl_reason(void);
/* Append what a memory BIO holds.  SP_ELIMIT if ${out} is too small. */
SP_CHECK enum sp_code sp_openssl_drain(
    BIO *bio, struct sp_buf *out, struct sp_err *err);
/* A read-only BIO over ${v}; aborts on exhaustion. */
BIO *sp_openssl_bio(struct sp_view v);
/* A private key in PEM, without passphrase.  SP_EKEY, SP_ENOTFOUND. */
SP_CHECK enum sp_code sp_openssl_load_key(
    const char *path, EVP_PKEY **out, struct sp_err *err);

#endif
