/*
 * What the files of CMS share: the key as OpenSSL takes it (cms.c, sealer.c),
 * and reading a file and the strict form (cms.c, cms_verify.c, cms_strict.c).
 */
#ifndef SP_SIGN_CMS_PRIV_H
#define SP_SIGN_CMS_PRIV_H

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "journal/sign/cms.h"

#define SP_P7S_MAX (1u << 20) /* bytes of a signature, at most */

struct sp_sealer {
	EVP_PKEY *key;
	X509 *crt;
};

/* Open a file for OpenSSL: a BIO over a descriptor of its own, which the caller
 * frees, and the file's size in bytes.  SP_ENOTFOUND, SP_EIO. */
SP_CHECK enum sp_code sp_cms_open(
    const char *path, BIO **out, uint64_t *size, struct sp_err *err);
/* SP_EIO unless ${data} gave all ${size} bytes: OpenSSL takes a failed read for
 * the end of the file. */
SP_CHECK enum sp_code sp_cms_all_read(
    const char *path, BIO *data, uint64_t size, struct sp_err *err);
/* Whether a verified signature is written in the one way in which it can be;
 * without it some changed bits would go unseen. */
bool sp_cms_strict(CMS_ContentInfo *cms, struct sp_view p7s);

#endif
