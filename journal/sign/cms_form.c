/*
 * The form of a CMS signature.  A few fields of CMS are covered by no signature
 * (versions, the list of digest algorithms, the name of the signature
 * algorithm, the spelling of the issuer).  They say nothing, but a changed file
 * shall be seen as changed: so they must be what the rest of the structure
 * demands.  journal/verify calls this for a seal that holds.
 *
 *   SEQUENCE { signedData, [0] { SEQUENCE { 1, digestAlgorithms,
 *     encapContentInfo, [0] certificates, SET { SEQUENCE { 1, ...
 *
 * RFC 5652 sections 3 (ContentInfo), 5.1 (SignedData), 5.3 (SignerInfo).
 */
#include <openssl/asn1.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#include "journal/sign/cms.h"

/* Of SignedData with plain data (RFC 5652 section 5.1) and of a SignerInfo that
 * names its signer by issuer and serial number (section 5.3). */
#define VERSION 1

/* Step into the next element, which must have this tag and class; ${len} gets
 * the length of its content. */
static bool
element(const unsigned char **p, long *left, int tag, int class, long *len)
{
	const unsigned char *at = *p;
	int t, c;
	int r = ASN1_get_object(&at, len, &t, &c, *left);

	/* 0x80: an error; 0x01: indefinite length, which DER does not have. */
	if ((r & 0x81) != 0 || t != tag || c != class)
		return (false);
	*left -= (long)(at - *p);
	*p = at;
	return (true);
}

/* Step over the next element with its content. */
static bool
skip(const unsigned char **p, long *left, int tag, int class)
{
	long n;

	if (!element(p, left, tag, class, &n) || n > *left)
		return (false);
	*p += n;
	*left -= n;
	return (true);
}

/* Step over the INTEGER 1. */
static bool
version(const unsigned char **p, long *left)
{
	static const unsigned char one[] = { 0x02, 0x01, VERSION };

	if (*left < (long)sizeof(one) || memcmp(*p, one, sizeof(one)) != 0)
		return (false);
	*p += sizeof(one);
	*left -= (long)sizeof(one);
	return (true);
}

/* Step over the set of digest algorithms, which is SHA-256 alone, with or
 * without the parameter NULL. */
static bool
digests(const unsigned char **p, long *left)
{
	static const unsigned char alone[] = { 0x31, 0x0d, 0x30, 0x0b, 0x06,
		0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };
	static const unsigned char null[] = { 0x31, 0x0f, 0x30, 0x0d, 0x06,
		0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
		0x05, 0x00 };

	if (*left < (long)sizeof(null) ||
	    (memcmp(*p, alone, sizeof(alone)) != 0 &&
		memcmp(*p, null, sizeof(null)) != 0))
		return (false);
	return (skip(p, left, V_ASN1_SET, V_ASN1_UNIVERSAL));
}

/* Whether the bytes up to the version of the first signer are those of the
 * picture above. */
static bool
head_ok(struct sp_view p7s)
{
	const unsigned char *p = (const unsigned char *)p7s.p;
	const int all = V_ASN1_UNIVERSAL, ctx = V_ASN1_CONTEXT_SPECIFIC;
	long left = (long)p7s.n, n;

	return (
	    element(&p, &left, V_ASN1_SEQUENCE, all, &n) &&
	    skip(&p, &left, V_ASN1_OBJECT, all) &&
	    element(&p, &left, 0, ctx, &n) &&
	    element(&p, &left, V_ASN1_SEQUENCE, all, &n) &&
	    version(&p, &left) && digests(&p, &left) &&
	    skip(&p, &left, V_ASN1_SEQUENCE, all) && skip(&p, &left, 0, ctx) &&
	    element(&p, &left, V_ASN1_SET, all, &n) &&
	    element(&p, &left, V_ASN1_SEQUENCE, all, &n) && version(&p, &left));
}

/* Whether the digest algorithm is SHA-256, without parameters or with NULL. */
static bool
digest_ok(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;
	int type;

	X509_ALGOR_get0(&oid, &type, NULL, alg);
	return (OBJ_obj2nid(oid) == NID_sha256 &&
		(type == V_ASN1_UNDEF || type == V_ASN1_NULL));
}

/* Whether the signature algorithm is one that belongs to the key and
 * SHA-256. */
static bool
signature_ok(const X509_ALGOR *alg, EVP_PKEY *key)
{
	const ASN1_OBJECT *oid;
	int nid, type;

	X509_ALGOR_get0(&oid, &type, NULL, alg);
	nid = OBJ_obj2nid(oid);
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
		return (nid == NID_ecdsa_with_SHA256 && type == V_ASN1_UNDEF);
	return (
	    EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	    (nid == NID_rsaEncryption || nid == NID_sha256WithRSAEncryption) &&
	    type == V_ASN1_NULL);
}

/* Whether two names have the same bytes; comparing them as names would forgive
 * case and blanks. */
static bool
same_name(const X509_NAME *a, const X509_NAME *b)
{
	const unsigned char *pa, *pb;
	size_t na, nb;

	return (X509_NAME_get0_der(a, &pa, &na) == 1 &&
		X509_NAME_get0_der(b, &pb, &nb) == 1 && na == nb &&
		memcmp(pa, pb, na) == 0);
}

/* The certificate of the signer among those embedded, borrowed, or NULL. */
static X509 *
cert_of(STACK_OF(X509) * certs, CMS_SignerInfo *si)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (CMS_SignerInfo_cert_cmp(si, sk_X509_value(certs, i)) == 0)
			return (sk_X509_value(certs, i));
	return (NULL);
}

/* Whether the signer has no unsigned attributes, and issuer and algorithms as
 * its certificate demands. */
static bool
signer_ok(CMS_SignerInfo *si, STACK_OF(X509) * certs)
{
	X509_ALGOR *digest = NULL, *signature = NULL;
	ASN1_OCTET_STRING *keyid = NULL;
	ASN1_INTEGER *serial = NULL;
	X509_NAME *issuer = NULL;
	X509 *x = cert_of(certs, si);

	if (x == NULL || CMS_unsigned_get_attr_count(si) > 0 ||
	    CMS_SignerInfo_get0_signer_id(si, &keyid, &issuer, &serial) != 1 ||
	    issuer == NULL || !same_name(issuer, X509_get_issuer_name(x)))
		return (false);
	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, &signature);
	return (
	    digest_ok(digest) && signature_ok(signature, X509_get0_pubkey(x)));
}

/* Whether OpenSSL writes the same bytes for what it read: then nothing was lost
 * on the way, and it is DER. */
static bool
same_again(CMS_ContentInfo *cms, struct sp_view p7s)
{
	unsigned char *der = NULL;
	int n = i2d_CMS_ContentInfo(cms, &der);
	bool same =
	    n > 0 && (size_t)n == p7s.n && memcmp(der, p7s.p, p7s.n) == 0;

	OPENSSL_free(der);
	return (same);
}

/* Whether there is one signer, over plain data, in the right form. */
static bool
form_ok(CMS_ContentInfo *cms, struct sp_view p7s)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
	STACK_OF(X509) *certs = CMS_get1_certs(cms);
	bool ok = false;

	if (sk_CMS_SignerInfo_num(signers) == 1 && certs != NULL &&
	    OBJ_obj2nid(CMS_get0_eContentType(cms)) == NID_pkcs7_data &&
	    same_again(cms, p7s))
		ok = signer_ok(sk_CMS_SignerInfo_value(signers, 0), certs);
	sk_X509_pop_free(certs, X509_free);
	return (ok);
}

/* The head is looked at as bytes, the rest as OpenSSL has parsed it. */
enum sp_code
sp_cms_form(struct sp_view p7s, struct sp_err *err)
{
	const unsigned char *p = (const unsigned char *)p7s.p;
	CMS_ContentInfo *cms = NULL;
	bool ok = false;

	if (p7s.n > 0 && p7s.n < (1u << 20) && head_ok(p7s))
		cms = d2i_CMS_ContentInfo(NULL, &p, (long)p7s.n);
	if (cms != NULL)
		ok = form_ok(cms, p7s);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	if (ok)
		return (SP_OK);
	return (sp_err_set(err, SP_EMISMATCH, 0,
	    "the signature holds, but parts of the file that it does not cover were changed, or another program made it"));
}
