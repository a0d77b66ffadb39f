/*
 * What our users of OpenSSL share: its errors as ours, memory as BIOs, private
 * keys from files.  For journal/sign and journal/tree.
 */
#ifndef SP_SIGN_OPENSSL_H
#define SP_SIGN_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/evp.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

/* Set and return SP_ECRYPTO, "${what}: OpenSSL says: reason"; empties OpenSSL's
 * error queue. */
enum sp_code sp_openssl_fail(struct sp_err *err, const char *what);
/* The first reason in OpenSSL's error queue as text (never NULL), and empty the
 * queue. */
const char *sp_openssl_reason(void);
/* Append what a memory BIO holds.  SP_ELIMIT if ${out} is too small. */
SP_CHECK enum sp_code sp_openssl_drain(
    BIO *bio, struct sp_buf *out, struct sp_err *err);
/* A read-only BIO over ${v}, which is borrowed while it lives; the caller frees
 * it.  Aborts on exhaustion, and beyond 2 GiB. */
BIO *sp_openssl_bio(struct sp_view v);
/* Load a private key in PEM without passphrase; ${out} is the caller's.
 * SP_EKEY: it is none; SP_ENOTFOUND, SP_EIO, SP_ELIMIT. */
SP_CHECK enum sp_code sp_openssl_load_key(
    const char *path, EVP_PKEY **out, struct sp_err *err);

#endif
