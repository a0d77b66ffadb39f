/*
 * Certificates, keys and revocation lists for the tests of TLS, made by OpenSSL
 * when a test asks for them.
 */
#include "certs.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/sha256.h"

#define DAY 86400

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static void
set_name(X509 *x, const char *cn)
{
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
		 MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0) == 1);
}

void
cert_make(struct cert *c, const struct cert_opts *o)
{
	const struct cert *by = o->issuer == NULL ? c : o->issuer;
	X509 *x = X509_new();

	c->x = x;
	c->key = EVP_EC_gen("P-256");
	must(x != NULL && c->key != NULL && X509_set_version(x, 2) == 1);
	must(ASN1_INTEGER_set(X509_get_serialNumber(x),
		 o->serial == 0 ? 1 : o->serial) == 1);
	set_name(x, o->cn);
	must(X509_set_issuer_name(x, X509_get_subject_name(by->x)) == 1);
	must(X509_gmtime_adj(X509_getm_notBefore(x), o->from) != NULL);
	must(X509_gmtime_adj(X509_getm_notAfter(x),
		 o->until == 0 ? DAY : o->until) != NULL);
	must(X509_set_pubkey(x, c->key) == 1);
	extension(x, by->x, NID_subject_key_identifier, "hash");
	extension(x, by->x, NID_basic_constraints,
	    o->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (o->ca)
		extension(
		    x, by->x, NID_key_usage, "critical,keyCertSign,cRLSign");
	if (o->client_only)
		extension(x, by->x, NID_ext_key_usage, "clientAuth");
	if (o->names != NULL)
		extension(x, by->x, NID_subject_alt_name, o->names);
	must(X509_sign(x, by->key, EVP_sha256()) > 0);
}

void
cert_done(struct cert *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	*c = (struct cert){ NULL, NULL };
}

static char *
text_of(BIO *b)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);
	char *out = sp_view_dup(sp_view_mem(p, (size_t)n));

	(void)BIO_free(b);
	return (out);
}

char *
cert_pem(const struct cert *c)
{
	BIO *b = BIO_new(BIO_s_mem());

	must(PEM_write_bio_X509(b, c->x) == 1);
	return (text_of(b));
}

char *
cert_key_pem(const struct cert *c)
{
	BIO *b = BIO_new(BIO_s_mem());

	must(PEM_write_bio_PrivateKey(b, c->key, NULL, NULL, 0, NULL, NULL) ==
	     1);
	return (text_of(b));
}

char *
cert_both_pem(const struct cert *c, const struct cert *issuer)
{
	BIO *b = BIO_new(BIO_s_mem());

	must(PEM_write_bio_X509(b, c->x) == 1);
	if (issuer != NULL)
		must(PEM_write_bio_X509(b, issuer->x) == 1);
	must(PEM_write_bio_PrivateKey(b, c->key, NULL, NULL, 0, NULL, NULL) ==
	     1);
	return (text_of(b));
}

char *
cert_locked_pem(const struct cert *c)
{
	static const unsigned char pass[] = "secret";
	BIO *b = BIO_new(BIO_s_mem());

	must(PEM_write_bio_PrivateKey(b, c->key, EVP_aes_128_cbc(), pass,
		 sizeof(pass) - 1, NULL, NULL) == 1);
	return (text_of(b));
}

char *
cert_crl_pem(const struct cert *ca, long serial, time_t until)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_new();
	BIO *b = BIO_new(BIO_s_mem());

	must(X509_CRL_set_version(crl, 1) == 1);
	must(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->x)) == 1);
	must(X509_gmtime_adj(t, -2 * DAY) != NULL);
	must(X509_CRL_set1_lastUpdate(crl, t) == 1);
	if (serial != 0) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *n = ASN1_INTEGER_new();

		must(ASN1_INTEGER_set(n, serial) == 1);
		must(X509_REVOKED_set_serialNumber(r, n) == 1);
		must(X509_REVOKED_set_revocationDate(r, t) == 1);
		must(X509_CRL_add0_revoked(crl, r) == 1);
		ASN1_INTEGER_free(n);
	}
	must(X509_gmtime_adj(t, until) != NULL);
	must(X509_CRL_set1_nextUpdate(crl, t) == 1);
	must(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
	must(PEM_write_bio_X509_CRL(b, crl) == 1);
	X509_CRL_free(crl);
	ASN1_TIME_free(t);
	return (text_of(b));
}

void
cert_sha256(const struct cert *c, char out[SP_TLS_FINGERPRINT + 1])
{
	unsigned char *der = NULL;
	uint8_t digest[SP_SHA256_LEN];
	int n = i2d_X509(c->x, &der);

	must(n > 0);
	sp_sha256_once(der, (size_t)n, digest);
	OPENSSL_free(der);
	sp_hex_encode(digest, sizeof(digest), out);
}

struct sp_tls_pem
pem_of(const char *name, const char *text)
{
	return ((struct sp_tls_pem){ name, sp_view_str(text) });
}
