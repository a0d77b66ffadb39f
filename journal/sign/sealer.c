/*
 * The sealing key: made with its self-signed certificate, and loaded
 * (sealer.h).  Extensions and validity are those of doc/format-archive.md,
 * "Keys".
 */
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/random.h"
#include "journal/sign/cms.h"
#include "journal/sign/cms_priv.h"
#include "journal/sign/openssl.h"

#define CN_MAX	   64 /* bytes of a common name: X.520 ub-common-name */
#define SERIAL_LEN 16
#define DAY	   (24 * 3600) /* seconds */
#define CERT_MAX   (1u << 20) /* bytes of a certificate file, at most */
#define NO_END	   "99991231235959Z" /* RFC 5280 section 4.1.2.5 */

void
sp_sealer_free(struct sp_sealer *s)
{
	if (s == NULL)
		return;
	EVP_PKEY_free(s->key);
	X509_free(s->crt);
	free(s);
}

/* Subject and issuer: the common name alone, cut to what X.520 allows. */
static bool
set_names(X509 *x, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(x);
	size_t n = strlen(cn);

	if (n > CN_MAX)
		n = CN_MAX;
	return (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
		    (const uint8_t *)cn, (int)n, -1, 0) == 1 &&
		X509_set_issuer_name(x, name) == 1);
}

/* A random serial number: positive and of full length (RFC 5280 section
 * 4.1.2.2). */
static bool
set_serial(X509 *x)
{
	uint8_t raw[SERIAL_LEN];
	BIGNUM *bn;
	bool ok;

	sp_random(raw, sizeof(raw));
	raw[0] = (uint8_t)((raw[0] & 0x3f) | 0x40); /* positive, full length */
	bn = BN_bin2bn(raw, sizeof(raw), NULL);
	ok = bn != NULL &&
	     BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;
	BN_free(bn);
	return (ok);
}

static bool
add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return (ok);
}

/* Fill and sign the certificate.  It has no end, because the seal must still
 * hold in twenty years, and no extended key usage, because stock `openssl cms
 * -verify` would refuse any but that of e-mail. */
static bool
fill_certificate(X509 *x, EVP_PKEY *key, const char *cn)
{
	/* A day early: the clock of a verifier may be behind ours. */
	time_t from = (time_t)(sp_clock_wall() / SP_SECOND) - DAY;

	return (X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
		set_names(x, cn) && X509_set_pubkey(x, key) == 1 &&
		ASN1_TIME_set(X509_getm_notBefore(x), from) != NULL &&
		ASN1_TIME_set_string(X509_getm_notAfter(x), NO_END) == 1 &&
		add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(x, NID_key_usage, "critical,digitalSignature") &&
		add_extension(x, NID_subject_key_identifier, "hash") &&
		X509_sign(x, key, EVP_sha256()) > 0);
}

/* Append key and certificate as PEM; the key goes through secure memory of
 * OpenSSL, which wipes it. */
static enum sp_code
write_pem(EVP_PKEY *key, X509 *x, struct sp_buf *key_pem,
    struct sp_buf *crt_pem, struct sp_err *err)
{
	BIO *secret = BIO_new(BIO_s_secmem());
	BIO *open = BIO_new(BIO_s_mem());
	enum sp_code rc = SP_OK;

	if (secret == NULL || open == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(
		secret, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(open, x) != 1)
		rc = sp_openssl_fail(err, "cannot write the sealing key");
	if (rc == SP_OK)
		rc = sp_openssl_drain(secret, key_pem, err);
	if (rc == SP_OK)
		rc = sp_openssl_drain(open, crt_pem, err);
	BIO_free(secret);
	BIO_free(open);
	return (rc);
}

enum sp_code
sp_sealer_create(const char *cn, struct sp_buf *key_pem, struct sp_buf *crt_pem,
    struct sp_err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	enum sp_code rc;

	if (key == NULL || x == NULL || !fill_certificate(x, key, cn))
		rc = sp_openssl_fail(err, "cannot make the sealing key");
	else
		rc = write_pem(key, x, key_pem, crt_pem, err);
	X509_free(x);
	EVP_PKEY_free(key);
	return (rc);
}

/* Load the first certificate of a file. */
static enum sp_code
load_cert(const char *path, X509 **out, struct sp_err *err)
{
	struct sp_buf pem;
	enum sp_code rc;
	BIO *bio;

	sp_buf_init(&pem, CERT_MAX);
	rc = sp_io_read_file(path, CERT_MAX, &pem, err);
	if (rc == SP_OK) {
		bio = sp_openssl_bio(sp_buf_view(&pem));
		*out = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		BIO_free(bio);
		if (*out == NULL)
			rc = sp_err_set(err, SP_EKEY, 0,
			    "%s is not a certificate in PEM (%s)", path,
			    sp_openssl_reason());
	}
	sp_buf_done(&pem);
	return (rc);
}

/* Every failure is SP_EKEY here, whatever its cause: without the pair nothing
 * can be sealed. */
enum sp_code
sp_sealer_load(const char *key, const char *crt, struct sp_sealer **out,
    struct sp_err *err)
{
	struct sp_sealer *s = sp_xcalloc(1, sizeof(*s));
	struct sp_err why;
	enum sp_code rc;

	rc = sp_openssl_load_key(key, &s->key, &why);
	if (rc == SP_OK)
		rc = load_cert(crt, &s->crt, &why);
	if (rc == SP_OK && X509_check_private_key(s->crt, s->key) != 1) {
		(void)sp_openssl_reason();
		rc = sp_err_set(&why, SP_EKEY, 0,
		    "%s is not the certificate of %s", crt, key);
	}
	if (rc != SP_OK && why.errnum == EACCES) {
		sp_sealer_free(s);
		return (sp_err_set(err, SP_EKEY, EACCES,
		    "sealing key: cannot open %s or %s, which only the owner of the archive may read",
		    key, crt));
	}
	if (rc != SP_OK) {
		sp_sealer_free(s);
		return (sp_err_set(err, SP_EKEY, 0,
		    "sealing key: %s; restore keys/ from its backup", why.msg));
	}
	*out = s;
	return (SP_OK);
}
