/*
 * What cms_verify.c needs of certs.c: the certificates as OpenSSL takes them.
 */
#ifndef SP_SIGN_CERTS_PRIV_H
#define SP_SIGN_CERTS_PRIV_H

#include <openssl/x509_vfy.h>
#include <stddef.h>

#include "journal/sign/certs.h"

struct sp_certs {
	X509_STORE *store;
	size_t n; /* certificates in it */
};

#endif
