/* Shared by cms.c, cms_verify.c and sealer.c. */
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

/* A BIO that reads the file through an open descriptor of its own, and the
 * file's size. */
SP_CHECK enum sp_code sp_cms_open(
    const char *path, BIO **out, uint64_t *size, struct sp_err *err);
/* SP_EIO where ${data} did not give ${size} bytes: OpenSSL takes a failed
 * read for the end of the file. */
SP_CHECK enum sp_code sp_cms_all_read(
    const char *path, BIO *data, uint64_t size, struct sp_err *err);
/* Whether a verified signature is written in the one way in which it can be;
 * without it some changed bits would go unseen. */
bool sp_cms_strict(CMS_ContentInfo *cms, struct sp_view p7s);

#endif
