/*
 * What OpenSSL does not look at when it verifies.  A seal must be written in
 * the one way in which it can be written, so that any changed bit of it is
 * noticed, also where nothing rests on that bit.  cms_verify.c asks it about
 * every seal that holds (doc/format-archive.md, "Seals").
 */
#include <openssl/asn1.h>
#include <openssl/cms.h>
#include <openssl/objects.h>
#include <stdbool.h>
#include <string.h>

#include "journal/sign/cms_priv.h"

/* Whether the bytes are DER: there is one way to write it, but d2i reads others
 * too. */
static bool
canonical(CMS_ContentInfo *cms, struct sp_view p7s)
{
	unsigned char *der = NULL;
	int n = i2d_CMS_ContentInfo(cms, &der);
	bool same = n > 0 && sp_view_eq(sp_view_mem(der, (size_t)n), p7s);

	OPENSSL_free(der);
	return (same);
}

/* Cut the first element off ${rest} and return its content; at the end, and
 * where there is no element, it is empty. */
static struct sp_view
element(struct sp_view *rest)
{
	const unsigned char *p = (const unsigned char *)rest->p;
	struct sp_view inner = { NULL, 0 };
	int tag, class;
	long len;

	if (rest->n == 0 ||
	    (ASN1_get_object(&p, &len, &tag, &class, (long)rest->n) & 0x80) !=
		0) {
		rest->n = 0;
		return (inner);
	}
	inner = (struct sp_view){ (const char *)p, (size_t)len };
	rest->n -= (size_t)(inner.p - rest->p) + inner.n;
	rest->p = inner.p + inner.n;
	return (inner);
}

static bool
is_one(struct sp_view integer)
{
	return (integer.n == 1 && integer.p[0] == 1);
}

/* Whether all versions are 1: that of SignedData with plain data (RFC 5652
 * section 5.1) and those of signers named by issuer and serial number (section
 * 5.3).  ${p7s} was parsed before, so its shape is right. */
static bool
versions(struct sp_view p7s)
{
	struct sp_view rest = p7s, info, data, last = { NULL, 0 };

	info = element(&rest); /* ContentInfo */
	(void)element(&info); /* contentType */
	data = element(&info); /* [0], which holds SignedData */
	data = element(&data);
	if (!is_one(element(&data)))
		return (false);
	while (data.n > 0)
		last = element(&data); /* signerInfos, at the end */
	if (last.n == 0)
		return (false);
	while (last.n > 0) {
		struct sp_view signer = element(&last);

		if (!is_one(element(&signer)))
			return (false);
	}
	return (true);
}

/* Whether the issuer is written as in the certificate; OpenSSL compares the
 * names without regard to case. */
static bool
same_issuer(CMS_SignerInfo *si, X509 *crt)
{
	const unsigned char *a, *b;
	X509_NAME *issuer = NULL;
	size_t an, bn;

	return (CMS_SignerInfo_get0_signer_id(si, NULL, &issuer, NULL) == 1 &&
		issuer != NULL && X509_NAME_get0_der(issuer, &a, &an) == 1 &&
		X509_NAME_get0_der(X509_get_issuer_name(crt), &b, &bn) == 1 &&
		an == bn && memcmp(a, b, an) == 0);
}

/* Whether the signature algorithm names the digest in use; for an EC key
 * OpenSSL takes any algorithm there. */
static bool
same_algorithm(X509_ALGOR *digest, X509_ALGOR *sig, EVP_PKEY *key)
{
	const ASN1_OBJECT *d, *s;
	int md, pk;

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
		return (true);
	X509_ALGOR_get0(&d, NULL, NULL, digest);
	X509_ALGOR_get0(&s, NULL, NULL, sig);
	return (OBJ_find_sigid_algs(OBJ_obj2nid(s), &md, &pk) == 1 &&
		md == OBJ_obj2nid(d) && pk == NID_X9_62_id_ecPublicKey);
}

/* Every signer is looked at: OpenSSL has verified all of them. */
bool
sp_cms_strict(CMS_ContentInfo *cms, struct sp_view p7s)
{
	STACK_OF(CMS_SignerInfo) *all = CMS_get0_SignerInfos(cms);

	if (!canonical(cms, p7s) || !versions(p7s) ||
	    OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
		return (false);
	for (int i = 0; i < sk_CMS_SignerInfo_num(all); i++) {
		CMS_SignerInfo *si = sk_CMS_SignerInfo_value(all, i);
		X509_ALGOR *digest, *sig;
		EVP_PKEY *key;
		X509 *crt;

		CMS_SignerInfo_get0_algs(si, &key, &crt, &digest, &sig);
		if (crt == NULL || key == NULL || !same_issuer(si, crt) ||
		    !same_algorithm(digest, sig, key))
			return (false);
	}
	return (true);
}
