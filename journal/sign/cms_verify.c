/* Checking detached CMS signatures against sealing certificates we trust. */
#include <openssl/cms.h>
#include <openssl/cmserr.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

#include "base/io.h"
#include "journal/sign/cms.h"
#include "journal/sign/cms_priv.h"
#include "journal/sign/openssl.h"

#define CERTS_MAX  (1u << 20) /* bytes of a bundle, at most */
#define CERTS_MANY 1000 /* certificates in a bundle, at most */

struct sp_certs {
	X509_STORE *store;
	size_t n;
};

void
sp_certs_free(struct sp_certs *c)
{
	if (c == NULL)
		return;
	X509_STORE_free(c->store);
	free(c);
}

/*
 * Each certificate of the bundle is trusted by itself, whoever issued it, and
 * for ever: that the seal was made while it was valid is for the checkpoints
 * and time-stamps to say.
 */
static bool
set_rules(X509_STORE *store)
{
	return (
	    X509_STORE_set_flags(store,
		X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME) == 1 &&
	    X509_STORE_set_purpose(store, X509_PURPOSE_ANY) == 1);
}

static enum sp_code
fill(struct sp_certs *c, BIO *pem, struct sp_err *err)
{
	unsigned long e;
	X509 *x;

	while (c->n < CERTS_MANY &&
	       (x = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
		int ok = X509_STORE_add_cert(c->store, x);

		X509_free(x);
		if (ok != 1)
			return (sp_openssl_fail(
			    err, "cannot take a sealing certificate"));
		c->n++;
	}
	e = ERR_peek_last_error();
	if (c->n == CERTS_MANY)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "more than %d sealing certificates", CERTS_MANY - 1));
	if (c->n == 0 || ERR_GET_LIB(e) != ERR_LIB_PEM ||
	    ERR_GET_REASON(e) != PEM_R_NO_START_LINE)
		return (sp_err_set(err, SP_EKEY, 0,
		    "not a list of certificates in PEM (%s)",
		    sp_openssl_reason()));
	ERR_clear_error();
	return (SP_OK);
}

enum sp_code
sp_certs_parse(struct sp_view pem, struct sp_certs **out, struct sp_err *err)
{
	struct sp_certs *c;
	enum sp_code rc;
	BIO *bio;

	if (pem.n > CERTS_MAX)
		return (sp_err_set(err, SP_EKEY, 0,
		    "a list of certificates of %zu bytes; at most %u are accepted",
		    pem.n, CERTS_MAX));
	c = sp_xcalloc(1, sizeof(*c));
	c->store = X509_STORE_new();
	if (c->store == NULL || !set_rules(c->store))
		abort();
	bio = sp_openssl_bio(pem);
	ERR_clear_error();
	rc = fill(c, bio, err);
	BIO_free(bio);
	if (rc != SP_OK) {
		sp_certs_free(c);
		return (rc);
	}
	*out = c;
	return (SP_OK);
}

enum sp_code
sp_certs_load(const char *path, struct sp_certs **out, struct sp_err *err)
{
	struct sp_buf pem;
	enum sp_code rc;

	sp_buf_init(&pem, CERTS_MAX);
	rc = sp_io_read_file(path, CERTS_MAX, &pem, err);
	if (rc == SP_OK) {
		rc = sp_certs_parse(sp_buf_view(&pem), out, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(err, "%s", path);
	}
	sp_buf_done(&pem);
	return (rc);
}

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

/* What a person needs of OpenSSL's queue. */
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

static enum sp_code
verify(
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
	rc = verify(p7s, data, c, err);
	/* A disk that fails must not look like a signature that does.  The
	 * certificate is looked at first, before any byte is read. */
	if (rc == SP_OK || BIO_number_read(data) > 0) {
		enum sp_code all = sp_cms_all_read(path, data, size, err);

		rc = all != SP_OK ? all : rc;
	}
	BIO_free(data);
	return (rc);
}

enum sp_code
sp_cms_verify_mem(struct sp_view p7s, struct sp_view data,
    const struct sp_certs *c, struct sp_err *err)
{
	BIO *bio = sp_openssl_bio(data);
	BIO *plain = BIO_new(BIO_f_null());
	enum sp_code rc;

	/* CMS_verify makes a copy of what it knows to be memory, and up to
	 * OpenSSL 3.0.19 lost it where the signature does not hold. */
	if (plain == NULL)
		abort();
	(void)BIO_push(plain, bio);
	rc = verify(p7s, plain, c, err);
	BIO_free_all(plain);
	return (rc);
}
