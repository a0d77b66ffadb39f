/*
 * Making seals: detached CMS signatures, CAdES-BES, DER (cms.h).  A file is
 * read in pieces, so that a segment of any size can be signed.
 */
#include "journal/sign/cms.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/cms.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "journal/sign/cms_priv.h"
#include "journal/sign/openssl.h"

#define FLAGS (CMS_BINARY | CMS_DETACHED | CMS_CADES | CMS_NOSMIMECAP)

/* The descriptor comes from base/io, as every other; the BIO closes it. */
enum sp_code
sp_cms_open(const char *path, BIO **out, uint64_t *size, struct sp_err *err)
{
	enum sp_code rc;
	int fd = -1;

	rc = sp_io_open(path, O_RDONLY, 0, &fd, err);
	if (rc == SP_OK)
		rc = sp_io_size(fd, size, err);
	if (rc != SP_OK) {
		(void)sp_io_close(fd, NULL);
		return (rc);
	}
	*out = BIO_new_fd(fd, BIO_CLOSE);
	if (*out == NULL)
		abort();
	return (SP_OK);
}

enum sp_code
sp_cms_all_read(const char *path, BIO *data, uint64_t size, struct sp_err *err)
{
	if (BIO_number_read(data) == size)
		return (SP_OK);
	return (sp_err_set(err, SP_EIO, 0,
	    "cannot read all of %s: the disk gave only %" PRIu64 " of %" PRIu64
	    " bytes",
	    path, (uint64_t)BIO_number_read(data), size));
}

/* Add the signed attribute signing time (RFC 5652 section 11.3) from our clock:
 * left alone, OpenSSL would ask the system for it. */
static bool
add_signing_time(CMS_SignerInfo *si)
{
	ASN1_TIME *t =
	    ASN1_TIME_set(NULL, (time_t)(sp_clock_wall() / SP_SECOND));
	bool ok =
	    t != NULL && CMS_signed_add1_attr_by_NID(si, NID_pkcs9_signingTime,
			     ASN1_STRING_type(t), t, -1) == 1;

	ASN1_TIME_free(t);
	return (ok);
}

/* Sign what ${data} gives until its end; the DER is appended to ${out}. */
static enum sp_code
sign(struct sp_sealer *s, BIO *data, struct sp_buf *out, struct sp_err *err)
{
	CMS_ContentInfo *cms;
	CMS_SignerInfo *si;
	BIO *der = BIO_new(BIO_s_mem());
	enum sp_code rc = SP_OK;

	cms = CMS_sign(NULL, NULL, NULL, NULL, FLAGS | CMS_PARTIAL);
	si = cms == NULL ? NULL
			 : CMS_add1_signer(cms, s->crt, s->key, EVP_sha256(),
			       FLAGS | CMS_PARTIAL);
	if (der == NULL || si == NULL || !add_signing_time(si) ||
	    CMS_final(cms, data, NULL, FLAGS) != 1 ||
	    i2d_CMS_bio(der, cms) != 1)
		rc = sp_openssl_fail(err, "cannot sign with the sealing key");
	if (rc == SP_OK)
		rc = sp_openssl_drain(der, out, err);
	BIO_free(der);
	CMS_ContentInfo_free(cms);
	return (rc);
}

enum sp_code
sp_cms_sign_file(struct sp_sealer *s, const char *path, struct sp_buf *out,
    struct sp_err *err)
{
	const size_t before = out->n;
	enum sp_code rc;
	uint64_t size;
	BIO *data;

	rc = sp_cms_open(path, &data, &size, err);
	if (rc != SP_OK)
		return (rc);
	rc = sign(s, data, out, err);
	if (rc == SP_OK)
		rc = sp_cms_all_read(path, data, size, err);
	if (rc != SP_OK)
		out->n = before;
	BIO_free(data);
	return (rc);
}

enum sp_code
sp_cms_sign_mem(struct sp_sealer *s, struct sp_view data, struct sp_buf *out,
    struct sp_err *err)
{
	BIO *bio = sp_openssl_bio(data);
	enum sp_code rc;

	rc = sign(s, bio, out, err);
	BIO_free(bio);
	return (rc);
}
