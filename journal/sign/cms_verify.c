/*
 * Checking seals against the certificates that a verifier trusts (cms.h).
 * OpenSSL verifies signature, chain and CAdES attributes; cms_strict.c then
 * asks for the one form in which a seal is written.  What the verdict means for
 * an archive is journal/verify's to say.
 */
#include <openssl/cms.h>
#include <openssl/cmserr.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "journal/sign/cms.h"
#include "journal/sign/certs_priv.h"
#include "journal/sign/cms_priv.h"
#include "journal/sign/openssl.h"

/* Parse a seal; ${out} is the caller's.  SP_EMISMATCH: not a detached CMS
 * signature, or bytes follow it. */
static enum sp_code
parse(struct sp_view p7s, CMS_ContentInfo **out, struct sp_err *err)
{
	const unsigned char *p = (const unsigned char *)p7s.p;
	CMS_ContentInfo *cms = NULL;

	if (p7s.n > 0 && p7s.n <= SP_P7S_MAX)
		cms = d2i_CMS_ContentInfo(NULL, &p, (long)p7s.n);
	if (cms != NULL && p == (const unsigned char *)p7s.p + p7s.n &&
	    OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed &&
	    CMS_is_detached(cms) == 1) {
		*out = cms;
		return (SP_OK);
	}
	CMS_ContentInfo_free(cms);
	(void)sp_openssl_reason();
	return (sp_err_set(
	    err, SP_EMISMATCH, 0, "not a detached CMS signature in DER"));
}

/* SP_EMISMATCH with the reason that a person needs, out of OpenSSL's error
 * queue. */
static enum sp_code
explain(struct sp_err *err)
{
	const char *why = "it does not verify";
	unsigned long e;

	while ((e = ERR_get_error()) != 0) {
		if (ERR_GET_LIB(e) != ERR_LIB_CMS)
			continue;
		switch (ERR_GET_REASON(e)) {
		case CMS_R_CERTIFICATE_VERIFY_ERROR:
		case CMS_R_SIGNER_CERTIFICATE_NOT_FOUND:
			why =
			    "it was not made with any of the trusted sealing certificates";
			break;
		case CMS_R_VERIFICATION_FAILURE:
		case CMS_R_CONTENT_VERIFY_ERROR:
		case CMS_R_MESSAGEDIGEST_WRONG_LENGTH:
			why = "it is not over these bytes";
			break;
		default:
			continue;
		}
		break;
	}
	ERR_clear_error();
	return (sp_err_set(err, SP_EMISMATCH, 0, "CMS signature: %s", why));
}

/* Verify a seal over what ${data} gives until its end. */
static enum sp_code
verify_seal(
    struct sp_view p7s, BIO *data, const struct sp_certs *c, struct sp_err *err)
{
	CMS_ContentInfo *cms = NULL;
	enum sp_code rc;

	ERR_clear_error();
	rc = parse(p7s, &cms, err);
	if (rc != SP_OK)
		return (rc);
	if (CMS_verify(
		cms, NULL, c->store, data, NULL, CMS_BINARY | CMS_CADES) != 1)
		rc = explain(err);
	else if (!sp_cms_strict(cms, p7s))
		rc = sp_err_set(err, SP_EMISMATCH, 0,
		    "CMS signature: it holds, but not in the one form in which it is written: it was changed");
	CMS_ContentInfo_free(cms);
	return (rc);
}

/* A disk that fails must not look like a signature that does not hold. */
enum sp_code
sp_cms_verify_file(struct sp_view p7s, const char *path,
    const struct sp_certs *c, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t size;
	BIO *data;

	rc = sp_cms_open(path, &data, &size, err);
	if (rc != SP_OK)
		return (rc);
	rc = verify_seal(p7s, data, c, err);
	/* Nothing was read where the certificate was refused. */
	if (rc == SP_OK || BIO_number_read(data) > 0) {
		enum sp_code all = sp_cms_all_read(path, data, size, err);

		rc = all != SP_OK ? all : rc;
	}
	BIO_free(data);
	return (rc);
}

/* The filter in front hides from OpenSSL that the data lies in memory:
 * CMS_verify copies what it knows to be memory, and up to OpenSSL 3.0.19 lost
 * the copy where the signature does not hold. */
enum sp_code
sp_cms_verify_mem(struct sp_view p7s, struct sp_view data,
    const struct sp_certs *c, struct sp_err *err)
{
	BIO *bio = sp_openssl_bio(data);
	BIO *plain = BIO_new(BIO_f_null());
	enum sp_code rc;

	if (plain == NULL)
		abort();
	(void)BIO_push(plain, bio);
	rc = verify_seal(p7s, plain, c, err);
	BIO_free_all(plain);
	return (rc);
}
