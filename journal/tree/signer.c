/*
 * The log's private key in memory: made, loaded, written as PEM, and used for a
 * signature (signer.h).  The algorithm is Ed25519 (RFC 8032), through OpenSSL.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "journal/tree/signer.h"
#include "base/random.h"
#include "journal/tree/signer_priv.h"
#include "journal/tree/vkey_priv.h"
#include "journal/sign/openssl.h"

struct sp_signer {
	EVP_PKEY *key;
	struct sp_vkey vkey;
};

/* Make a signer of ${key}, which it takes over also where it fails. */
static enum sp_code
signer_of(
    const char *name, EVP_PKEY *key, struct sp_signer **out, struct sp_err *err)
{
	struct sp_signer *s;
	size_t n = sizeof(s->vkey.key);

	if (!sp_layout_origin_ok(name)) {
		EVP_PKEY_free(key);
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "\"%s\" cannot be the name of a key", name));
	}
	s = sp_xcalloc(1, sizeof(*s));
	s->key = key;
	memcpy(s->vkey.name, name, strlen(name) + 1);
	if (EVP_PKEY_get_raw_public_key(key, s->vkey.key, &n) != 1 ||
	    n != sizeof(s->vkey.key)) {
		sp_signer_free(s);
		return (sp_openssl_fail(err, "cannot read the public key"));
	}
	sp_vkey_id(name, s->vkey.key, s->vkey.id);
	*out = s;
	return (SP_OK);
}

enum sp_code
sp_signer_new(const char *name, const uint8_t seed[32], struct sp_signer **out,
    struct sp_err *err)
{
	uint8_t random[32];
	EVP_PKEY *key;

	if (seed == NULL) {
		sp_random(random, sizeof(random));
		seed = random;
	}
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	explicit_bzero(random, sizeof(random));
	if (key == NULL)
		return (sp_openssl_fail(err, "cannot make an Ed25519 key"));
	return (signer_of(name, key, out, err));
}

enum sp_code
sp_signer_load(const char *path, const char *name, struct sp_signer **out,
    struct sp_err *err)
{
	EVP_PKEY *key = NULL;
	struct sp_err why;
	enum sp_code rc;

	rc = sp_openssl_load_key(path, &key, &why);
	if (rc != SP_OK && why.errnum == EACCES)
		return (sp_err_set(err, SP_EKEY, EACCES,
		    "log key: cannot open %s, which only the owner of the archive may read",
		    path));
	if (rc != SP_OK)
		return (sp_err_set(err, SP_EKEY, 0,
		    "log key: %s; restore keys/ from its backup", why.msg));
	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		return (sp_err_set(err, SP_EKEY, 0,
		    "log key: %s is not an Ed25519 key", path));
	}
	return (signer_of(name, key, out, err));
}

/* The private key goes through secure memory of OpenSSL, which wipes it. */
enum sp_code
sp_signer_pem(const struct sp_signer *s, struct sp_buf *priv,
    struct sp_buf *pub, struct sp_err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	enum sp_code rc = SP_OK;

	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(
			       bio, s->key, NULL, NULL, 0, NULL, NULL) != 1)
		rc = sp_openssl_fail(err, "cannot write the log key");
	if (rc == SP_OK)
		rc = sp_openssl_drain(bio, priv, err);
	BIO_free(bio);
	if (rc != SP_OK)
		return (rc);
	bio = BIO_new(BIO_s_mem());
	if (bio == NULL || PEM_write_bio_PUBKEY(bio, s->key) != 1)
		rc = sp_openssl_fail(err, "cannot write the public log key");
	if (rc == SP_OK)
		rc = sp_openssl_drain(bio, pub, err);
	BIO_free(bio);
	return (rc);
}

const struct sp_vkey *
sp_signer_vkey(const struct sp_signer *s)
{
	return (&s->vkey);
}

enum sp_code
sp_signer_sign(const struct sp_signer *s, struct sp_view text,
    uint8_t sig[SP_ED25519_SIG_LEN], struct sp_err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = SP_ED25519_SIG_LEN;
	enum sp_code rc = SP_OK;

	/* Ed25519 hashes by itself: the digest must be NULL. */
	if (ctx == NULL ||
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->key) != 1 ||
	    EVP_DigestSign(ctx, sig, &n, (const uint8_t *)text.p, text.n) != 1)
		rc = sp_openssl_fail(err, "cannot sign with the log key");
	EVP_MD_CTX_free(ctx);
	return (rc);
}

void
sp_signer_free(struct sp_signer *s)
{
	if (s == NULL)
		return;
	EVP_PKEY_free(s->key);
	free(s);
}
