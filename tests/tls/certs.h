/* Certificates for tests, made on the spot: nothing secret lies in the tree. */
#ifndef SP_TESTS_TLS_CERTS_H
#define SP_TESTS_TLS_CERTS_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

#include "base/buf.h"
#include "journal/tls/tls.h"

struct cert { /* a certificate and its key */
	X509 *x;
	EVP_PKEY *key;
};

struct cert_opts {
	const char *cn;
	const char *names; /* "DNS:a.example,IP:192.0.2.1"; NULL: none */
	bool ca;
	const struct cert *issuer; /* NULL: self-signed */
	time_t from, until; /* seconds from now; until 0: a day */
	long serial;
	bool client_only; /* extended key usage */
};

void cert_make(struct cert *c, const struct cert_opts *o);
void cert_done(struct cert *c);
/* PEM, freed by the caller with free(). */
char *cert_pem(const struct cert *c); /* the certificate */
char *cert_key_pem(const struct cert *c);
char *cert_both_pem(const struct cert *c, const struct cert *issuer);
/* A key with a passphrase. */
char *cert_locked_pem(const struct cert *c);
/* A revocation list of ${ca} with one serial (0: none), good until then. */
char *cert_crl_pem(const struct cert *ca, long serial, time_t until);
void cert_sha256(const struct cert *c, char out[SP_TLS_FINGERPRINT + 1]);
struct sp_tls_pem pem_of(const char *name, const char *text);

#endif
