/*
 * Trusted sealing certificates: a list in PEM into a store of OpenSSL, with the
 * rules under which a certificate counts (certs.h).  cms_verify.c checks seals
 * against it.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/io.h"
#include "journal/sign/certs_priv.h"
#include "journal/sign/openssl.h"

#define LIST_MAX  (1u << 20) /* bytes of a list, at most */
#define CERTS_MAX 1000 /* as many certificates are too many */

void
sp_certs_free(struct sp_certs *c)
{
	if (c == NULL)
		return;
	X509_STORE_free(c->store);
	free(c);
}

/* Trust each certificate of the list by itself, whoever issued it, and for
 * ever: that a seal was made while its certificate was valid is for the
 * checkpoints and time-stamps to say. */
static bool
set_rules(X509_STORE *store)
{
	return (
	    X509_STORE_set_flags(store,
		X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME) == 1 &&
	    X509_STORE_set_purpose(store, X509_PURPOSE_ANY) == 1);
}

/* Add all certificates of the list to the store.  PEM reading ends at its end
 * or at what is no certificate; only OpenSSL's last error tells which of them
 * it was. */
static enum sp_code
add_all(struct sp_certs *c, BIO *pem, struct sp_err *err)
{
	unsigned long e;
	X509 *x;

	while (c->n < CERTS_MAX &&
	       (x = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
		int ok = X509_STORE_add_cert(c->store, x);

		X509_free(x);
		if (ok != 1)
			return (sp_openssl_fail(
			    err, "cannot take a sealing certificate"));
		c->n++;
	}
	e = ERR_peek_last_error();
	if (c->n == CERTS_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "more than %d sealing certificates", CERTS_MAX - 1));
	if (c->n == 0 || ERR_GET_LIB(e) != ERR_LIB_PEM ||
	    ERR_GET_REASON(e) != PEM_R_NO_START_LINE)
		return (sp_err_set(err, SP_EKEY, 0,
		    "not a list of certificates in PEM (%s)",
		    sp_openssl_reason()));
	ERR_clear_error();
	return (SP_OK);
}

/* OpenSSL's error queue is emptied first, as its last entry is looked at. */
enum sp_code
sp_certs_parse(struct sp_view pem, struct sp_certs **out, struct sp_err *err)
{
	struct sp_certs *c;
	enum sp_code rc;
	BIO *bio;

	if (pem.n > LIST_MAX)
		return (sp_err_set(err, SP_EKEY, 0,
		    "a list of certificates of %zu bytes; at most %u are accepted",
		    pem.n, LIST_MAX));
	c = sp_xcalloc(1, sizeof(*c));
	c->store = X509_STORE_new();
	if (c->store == NULL || !set_rules(c->store))
		abort();
	bio = sp_openssl_bio(pem);
	ERR_clear_error();
	rc = add_all(c, bio, err);
	BIO_free(bio);
	if (rc != SP_OK) {
		sp_certs_free(c);
		return (rc);
	}
	*out = c;
	return (SP_OK);
}

/* The message of a file that is no list names the file. */
enum sp_code
sp_certs_load(const char *path, struct sp_certs **out, struct sp_err *err)
{
	struct sp_buf pem;
	enum sp_code rc;

	sp_buf_init(&pem, LIST_MAX);
	rc = sp_io_read_file(path, LIST_MAX, &pem, err);
	if (rc == SP_OK) {
		rc = sp_certs_parse(sp_buf_view(&pem), out, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(err, "%s", path);
	}
	sp_buf_done(&pem);
	return (rc);
}
