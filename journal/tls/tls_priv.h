/* The inside of the room, shared by its files only. */
#ifndef SP_TLS_TLS_PRIV_H
#define SP_TLS_TLS_PRIV_H

#include <openssl/ssl.h>

#include "journal/tls/tls.h"

struct sp_tls_cert {
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf */
	EVP_PKEY *key;
};

struct sp_tls_ctx {
	unsigned refs;
	bool server;
	SSL_CTX *ssl;
	BIO_METHOD *bio;
	struct sp_tls_cert *cert;
	size_t ncert;
	bool chain; /* authorities were given */
	bool crl;
	char (*pin)[SP_TLS_FINGERPRINT + 1];
	size_t npin;
	enum sp_tls_ask ask;
};

struct sp_tls {
	struct sp_tls_ctx *ctx;
	SSL *ssl;
	enum sp_tls_state state;
	struct sp_buf in; /* not yet looked at */
	size_t in_at;
	struct sp_buf out;
	bool out_full; /* a write to ${out} did not fit */
	bool closed; /* our close_notify was sent */
	/* the peer's certificate */
	bool has_peer, verified;
	char peer[SP_TLS_FINGERPRINT + 1];
	char why[160];
	struct sp_err err;
};

/* tls_identity.c */
SP_CHECK enum sp_code sp_tls_identity_load(const struct sp_tls_identity *id,
    const struct sp_tls_opts *opts, struct sp_tls_cert *out,
    struct sp_err *err);
void sp_tls_identity_done(struct sp_tls_cert *c);
/* All certificates (and, where wanted, revocation lists) of a file. */
SP_CHECK enum sp_code sp_tls_identity_certs(
    const struct sp_tls_pem *pem, STACK_OF(X509) * *out, struct sp_err *err);
SP_CHECK enum sp_code sp_tls_identity_crls(
    const struct sp_tls_pem *pem, X509_STORE *store, struct sp_err *err);
bool sp_tls_identity_has_name(const struct sp_tls_cert *c, const char *name);
void sp_tls_identity_digest(X509 *x, char out[SP_TLS_FINGERPRINT + 1]);

/* tls_session.c: the BIO between OpenSSL and our buffers. */
BIO_METHOD *sp_tls_session_bio(void);

/* tls_verify.c: called by OpenSSL with the peer's certificate. */
int sp_tls_verify_peer(X509_STORE_CTX *store, void *arg);

/* tls_why.c */
/* A result of X509_verify_cert in plain words. */
const char *sp_tls_why_verify(int code);
/* Why OpenSSL's last call failed, into ${err}. */
void sp_tls_why_failed(const struct sp_tls *t, struct sp_err *err);

#endif
