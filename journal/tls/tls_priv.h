/*
 * The inside of TLS, between the files of the room:
 *
 *	tls_context.c	what sessions share
 *	tls_identity.c	PEM text to certificates, keys, revocation lists
 *	tls_session.c	bytes through OpenSSL
 *	tls_verify.c	whether a peer's certificate is good
 *	tls_why.c	OpenSSL's reasons in plain words
 *
 * Where OpenSSL fails for lack of memory the program aborts.
 */
#ifndef SP_TLS_TLS_PRIV_H
#define SP_TLS_TLS_PRIV_H

#include <openssl/ssl.h>

#include "journal/tls/tls.h"

/* A certificate of ours. */
struct sp_tls_cert {
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf */
	EVP_PKEY *key;
};

struct sp_tls_ctx {
	unsigned refs; /* the owner and each session */
	bool server;
	SSL_CTX *ssl;
	BIO_METHOD *bio; /* of all sessions */

	/* ours */
	struct sp_tls_cert *cert;
	size_t ncert;

	/* what peers are checked against */
	bool chain; /* authorities were given */
	bool crl; /* revocation lists were given */
	char (*pin)[SP_TLS_FINGERPRINT + 1];
	size_t npin;
	enum sp_tls_ask ask;
};

struct sp_tls {
	struct sp_tls_ctx *ctx;
	SSL *ssl;
	enum sp_tls_state state;
	struct sp_err err; /* of FAILED */
	bool closed; /* our close_notify was sent */

	/* ciphertext */
	struct sp_buf in; /* from the peer, ... */
	size_t in_at; /* ... from here on not read by OpenSSL */
	struct sp_buf out; /* for the peer */
	bool out_full; /* a write to ${out} did not fit */

	/* the peer's certificate */
	bool has_peer, verified;
	char peer[SP_TLS_FINGERPRINT + 1]; /* its fingerprint */
	char why[160]; /* it is not good: why; else "" */
};

/* tls_identity.c */
/* Load a certificate with its chain and key; ${opts} has the hook for warnings.
 * SP_EKEY names the file.  What is in ${out}, also after an error, is freed by
 * sp_tls_identity_done(). */
SP_CHECK enum sp_code sp_tls_identity_load(const struct sp_tls_identity *id,
    const struct sp_tls_opts *opts, struct sp_tls_cert *out,
    struct sp_err *err);
void sp_tls_identity_done(struct sp_tls_cert *c);
/* All certificates of a file, at least one, for the caller to free.  SP_EKEY
 * names the file. */
SP_CHECK enum sp_code sp_tls_identity_certs(
    const struct sp_tls_pem *pem, STACK_OF(X509) * *out, struct sp_err *err);
/* Put all revocation lists of a file, at least one, into ${store}.  SP_EKEY
 * names the file. */
SP_CHECK enum sp_code sp_tls_identity_crls(
    const struct sp_tls_pem *pem, X509_STORE *store, struct sp_err *err);
/* Whether the certificate is for the host ${name}; a wildcard in it stands for
 * a whole label. */
bool sp_tls_identity_has_name(const struct sp_tls_cert *c, const char *name);
/* The fingerprint of a certificate: 64 lower-case digits and a NUL. */
void sp_tls_identity_digest(X509 *x, char out[SP_TLS_FINGERPRINT + 1]);

/* tls_session.c */
/* The methods of the BIO between OpenSSL and the buffers of a session; the
 * caller frees them. */
BIO_METHOD *sp_tls_session_bio(void);

/* tls_verify.c */
/* OpenSSL's callback that judges the certificate of a peer, ${arg} being the
 * context.  1: the handshake goes on. */
int sp_tls_verify_peer(X509_STORE_CTX *store, void *arg);

/* tls_why.c */
/* A result of X509_verify_cert() in plain words; static. */
const char *sp_tls_why_verify(int code);
/* Put into ${err} why OpenSSL's last call failed, and forget OpenSSL's own
 * errors.  SP_EPERM: the peer's certificate is not accepted; SP_ELIMIT: ${out}
 * is full; else SP_EFORMAT. */
void sp_tls_why_failed(const struct sp_tls *t, struct sp_err *err);

#endif
