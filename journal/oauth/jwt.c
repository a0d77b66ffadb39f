/*
 * Signs JSON web tokens with OpenSSL: see journal/oauth/jwt.h.  A key that
 * cannot be used is found when it is read, not when the provider refuses it.
 */
#include "journal/oauth/jwt.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/secret.h"
#include "base/sha256.h"

#define BITS_MIN      2048
#define SIGNATURE_MAX 2048u /* bytes: RSA of 16384 bits */

struct sp_jwt_key {
	EVP_PKEY *pkey;
};

/* An encrypted key is an error, never a question on the terminal. */
static int
no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)ctx;
	return (-1);
}

/* ${pem} as OpenSSL reads it; BIO_free. */
static BIO *
bio_of(struct sp_view pem)
{
	BIO *b = pem.n > INT_MAX ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);

	if (b == NULL)
		abort();
	return (b);
}

/* An error of OpenSSL is answered by a reason of ours, and its queue is left
 * empty. */
enum sp_code
sp_jwt_key_new(const char *what, struct sp_view pem, struct sp_jwt_key **out,
    struct sp_err *err)
{
	BIO *b;
	EVP_PKEY *pkey;

	if (pem.n == 0)
		return (sp_err_set(err, SP_EKEY, 0, "%s is empty", what));
	b = bio_of(pem);
	pkey = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);
	BIO_free(b);
	ERR_clear_error();
	if (pkey == NULL)
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s holds no private key in PEM that could be read (without a passphrase)",
		    what));
	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_bits(pkey) < BITS_MIN ||
	    EVP_PKEY_get_bits(pkey) > (int)SIGNATURE_MAX * CHAR_BIT) {
		EVP_PKEY_free(pkey);
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s is no RSA key of %d bits or more, which RS256 and PS256 need",
		    what, BITS_MIN));
	}
	*out = sp_xcalloc(1, sizeof(**out));
	(*out)->pkey = pkey;
	return (SP_OK);
}

void
sp_jwt_key_free(struct sp_jwt_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

/* SHA-256 of ${cert}, if it is of the key ${k} and good today. */
static enum sp_code
digest_of(X509 *cert, const struct sp_jwt_key *k, const char *what,
    uint8_t out[SP_SHA256_LEN], struct sp_err *err)
{
	time_t now = (time_t)(sp_clock_wall() / SP_SECOND);
	unsigned n = 0;

	if (X509_check_private_key(cert, k->pkey) != 1) {
		ERR_clear_error();
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s and client_key do not belong together", what));
	}
	if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s has expired: make a new certificate and upload it to the provider",
		    what));
	if (X509_digest(cert, EVP_sha256(), out, &n) != 1 || n != SP_SHA256_LEN)
		return (sp_err_set(err, SP_ECRYPTO, 0, "cannot hash %s", what));
	return (SP_OK);
}

/* A digest in base64url. */
static void
digest_text(
    const uint8_t digest[SP_SHA256_LEN], char out[SP_JWT_SHA256_LEN + 1])
{
	struct sp_buf b;

	sp_buf_init(&b, SP_JWT_SHA256_LEN);
	if (sp_jwt_base64(&b, digest, SP_SHA256_LEN) != SP_OK)
		abort();
	memcpy(out, b.p, SP_JWT_SHA256_LEN);
	out[SP_JWT_SHA256_LEN] = '\0';
	sp_buf_done(&b);
}

enum sp_code
sp_jwt_thumbprint(const struct sp_jwt_key *k, const char *what,
    struct sp_view pem, char out[SP_JWT_SHA256_LEN + 1], struct sp_err *err)
{
	uint8_t digest[SP_SHA256_LEN];
	enum sp_code rc;
	X509 *cert;
	BIO *b;

	if (pem.n == 0)
		return (sp_err_set(err, SP_EKEY, 0, "%s is empty", what));
	b = bio_of(pem);
	cert = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);
	BIO_free(b);
	ERR_clear_error();
	if (cert == NULL)
		return (sp_err_set(
		    err, SP_EKEY, 0, "%s holds no certificate in PEM", what));
	rc = digest_of(cert, k, what, digest, err);
	X509_free(cert);
	if (rc == SP_OK)
		digest_text(digest, out);
	return (rc);
}

enum sp_code
sp_jwt_base64(struct sp_buf *out, const void *p, size_t n)
{
	const size_t len = sp_b64_len(n);
	char *at;

	/* Room for the padding and the NUL that are not kept. */
	at = sp_xmalloc(len + 1);
	sp_b64_encode(p, n, at);
	for (size_t i = 0; i < len; i++) {
		if (at[i] == '+')
			at[i] = '-';
		else if (at[i] == '/')
			at[i] = '_';
		else if (at[i] == '=')
			at[i] = '\0';
	}
	if (sp_buf_adds(out, at) != SP_OK) {
		free(at);
		return (SP_ELIMIT);
	}
	free(at);
	return (SP_OK);
}

void
sp_jwt_challenge(struct sp_view verifier, char out[SP_JWT_SHA256_LEN + 1])
{
	uint8_t digest[SP_SHA256_LEN];

	sp_sha256_once(verifier.p, verifier.n, digest);
	digest_text(digest, out);
}

/* Ready ${ctx} to sign: RS256, or PS256 with MGF1 of SHA-256 and a salt as long
 * as the hash (RFC 7518 section 3.5). */
static bool
init_signing(EVP_MD_CTX *ctx, EVP_PKEY *pkey, bool pss)
{
	EVP_PKEY_CTX *how = NULL;

	if (EVP_DigestSignInit(ctx, &how, EVP_sha256(), NULL, pkey) != 1)
		return (false);
	return (!pss || (EVP_PKEY_CTX_set_rsa_padding(
			     how, RSA_PKCS1_PSS_PADDING) == 1 &&
			    EVP_PKEY_CTX_set_rsa_pss_saltlen(
				how, RSA_PSS_SALTLEN_DIGEST) == 1));
}

enum sp_code
sp_jwt_sign(const struct sp_jwt_key *k, bool pss, struct sp_view header,
    struct sp_view claims, struct sp_buf *out, struct sp_err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const size_t from = out->n;
	uint8_t sig[SIGNATURE_MAX];
	size_t n = sizeof(sig);
	bool ok;

	ok = ctx != NULL && sp_jwt_base64(out, header.p, header.n) == SP_OK &&
	     sp_buf_addc(out, '.') == SP_OK &&
	     sp_jwt_base64(out, claims.p, claims.n) == SP_OK &&
	     init_signing(ctx, k->pkey, pss) &&
	     EVP_DigestSign(ctx, sig, &n, (const uint8_t *)out->p + from,
		 out->n - from) == 1 &&
	     sp_buf_addc(out, '.') == SP_OK &&
	     sp_jwt_base64(out, sig, n) == SP_OK;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (ok)
		return (SP_OK);
	out->n = from;
	return (sp_err_set(err, SP_ECRYPTO, 0, "cannot sign the assertion"));
}
