/*
 * What our users of OpenSSL share (openssl.h).  OpenSSL keeps errors in a queue
 * of the thread: whoever meets one empties it, so that the next looks at its
 * own.
 */
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "journal/sign/openssl.h"

#define KEY_FILE_MAX 16384

const char *
sp_openssl_reason(void)
{
	unsigned long e = ERR_get_error();
	const char *text = e == 0 ? NULL : ERR_reason_error_string(e);

	ERR_clear_error();
	return (text == NULL ? "no reason given" : text);
}

enum sp_code
sp_openssl_fail(struct sp_err *err, const char *what)
{
	return (sp_err_set(err, SP_ECRYPTO, 0, "%s: OpenSSL says: %s", what,
	    sp_openssl_reason()));
}

enum sp_code
sp_openssl_drain(BIO *bio, struct sp_buf *out, struct sp_err *err)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	if (n < 0 || sp_buf_add(out, p, (size_t)n) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "a signature or key of %ld bytes is longer than expected",
		    n));
	return (SP_OK);
}

BIO *
sp_openssl_bio(struct sp_view v)
{
	BIO *bio;

	if (v.n > INT_MAX)
		abort();
	bio = BIO_new_mem_buf(v.n == 0 ? "" : v.p, (int)v.n);
	if (bio == NULL)
		abort();
	return (bio);
}

/* Say that there is no passphrase: without this OpenSSL asks the terminal. */
static int
no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)ctx;
	return (-1);
}

/* The bytes of the file are wiped; the key is OpenSSL's from then on. */
enum sp_code
sp_openssl_load_key(const char *path, EVP_PKEY **out, struct sp_err *err)
{
	struct sp_buf pem;
	enum sp_code rc;
	BIO *bio;

	sp_buf_init(&pem, KEY_FILE_MAX);
	rc = sp_io_read_file(path, KEY_FILE_MAX, &pem, err);
	if (rc == SP_OK) {
		bio = sp_openssl_bio(sp_buf_view(&pem));
		*out = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
		BIO_free(bio);
		if (*out == NULL)
			rc = sp_err_set(err, SP_EKEY, 0,
			    "%s is not a private key in PEM without passphrase (%s)",
			    path, sp_openssl_reason());
	}
	if (pem.p != NULL)
		explicit_bzero(pem.p, pem.cap);
	sp_buf_done(&pem);
	return (rc);
}
