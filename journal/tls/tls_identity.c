/*
 * PEM text to certificates, private keys and revocation lists of OpenSSL, with
 * an error in words for each thing that can be wrong with such a file.  Used by
 * tls_context.c; sp_tls_pem_read() and its sisters read the files for the
 * callers of the room.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/io.h"
#include "base/sha256.h"
#include "journal/tls/tls_priv.h"

/* ---- bytes ---------------------------------------------------------- */

/* The room is there at once: a buffer that grows would leave copies of a key
 * behind. */
enum sp_code
sp_tls_pem_read_fd(
    int fd, const char *name, struct sp_buf *out, struct sp_err *err)
{
	struct stat st;
	ssize_t n;
	char *p;

	if (fstat(fd, &st) != 0)
		return (sp_err_set(err, SP_EKEY, errno, "%s", name));
	if (!S_ISREG(st.st_mode))
		return (
		    sp_err_set(err, SP_EKEY, 0, "%s is no plain file", name));
	if (st.st_size > SP_TLS_PEM_MAX)
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s has more than %u bytes; expected a PEM file", name,
		    SP_TLS_PEM_MAX));
	sp_buf_init(out, SP_TLS_PEM_MAX + 1);
	p = sp_buf_reserve(out, SP_TLS_PEM_MAX + 1);
	if (p == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0, "%s", name));
	while (out->n < SP_TLS_PEM_MAX) {
		n = pread(
		    fd, p + out->n, SP_TLS_PEM_MAX - out->n, (off_t)out->n);
		if (n < 0) {
			(void)sp_err_set(err, SP_EKEY, errno, "%s", name);
			sp_tls_pem_done(out);
			return (SP_EKEY);
		}
		if (n == 0)
			break;
		out->n += (size_t)n;
	}
	return (SP_OK);
}

enum sp_code
sp_tls_pem_read(const char *path, struct sp_buf *out, struct sp_err *err)
{
	enum sp_code rc;
	int fd = -1;

	rc = sp_io_open(path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (rc != SP_OK)
		return (SP_EKEY);
	rc = sp_tls_pem_read_fd(fd, path, out, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

void
sp_tls_pem_done(struct sp_buf *b)
{
	if (b->p != NULL)
		OPENSSL_cleanse(b->p, b->cap);
	sp_buf_done(b);
}

/* ---- certificates --------------------------------------------------- */

/* A BIO over the text, and OpenSSL's errors forgotten.  The caller frees it. */
static BIO *
open_pem(const struct sp_tls_pem *pem)
{
	BIO *b = pem->text.n > SP_TLS_PEM_MAX
		     ? NULL
		     : BIO_new_mem_buf(pem->text.p, (int)pem->text.n);

	if (b == NULL)
		abort();
	ERR_clear_error();
	return (b);
}

/* After a reader of PEM gave NULL: whether only the file had ended, and nothing
 * was damaged. */
static bool
at_end(void)
{
	unsigned long e = ERR_peek_last_error();
	bool end = e == 0 || (ERR_GET_LIB(e) == ERR_LIB_PEM &&
				 ERR_GET_REASON(e) == PEM_R_NO_START_LINE);

	ERR_clear_error();
	return (end);
}

/* The file may have other things in it, such as the key; OpenSSL skips them. */
enum sp_code
sp_tls_identity_certs(
    const struct sp_tls_pem *pem, STACK_OF(X509) * *out, struct sp_err *err)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	enum sp_code rc = SP_OK;
	BIO *b = open_pem(pem);
	X509 *x;

	if (list == NULL)
		abort();
	while (rc == SP_OK && (x = PEM_read_bio_X509(b, NULL, NULL, NULL))) {
		if (sk_X509_num(list) == SP_TLS_CERTS_MAX * 16) {
			X509_free(x);
			rc = sp_err_set(err, SP_EKEY, 0,
			    "%s has more than %d certificates", pem->name,
			    SP_TLS_CERTS_MAX * 16);
		} else if (sk_X509_push(list, x) == 0)
			abort();
	}
	if (rc == SP_OK && !at_end())
		rc = sp_err_set(err, SP_EKEY, 0,
		    "%s: certificate %d in it is damaged", pem->name,
		    sk_X509_num(list) + 1);
	if (rc == SP_OK && sk_X509_num(list) == 0)
		rc = sp_err_set(err, SP_EKEY, 0,
		    "%s has no certificate in it; expected PEM (-----BEGIN CERTIFICATE-----)",
		    pem->name);
	(void)BIO_free(b);
	if (rc == SP_OK)
		*out = list;
	else
		sk_X509_pop_free(list, X509_free);
	return (rc);
}

/* The store gets a reference to each list. */
enum sp_code
sp_tls_identity_crls(
    const struct sp_tls_pem *pem, X509_STORE *store, struct sp_err *err)
{
	BIO *b = open_pem(pem);
	enum sp_code rc = SP_OK;
	X509_CRL *crl;
	int n = 0;

	while ((crl = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL)) != NULL) {
		if (X509_STORE_add_crl(store, crl) != 1)
			abort();
		X509_CRL_free(crl);
		n++;
	}
	if (!at_end())
		rc = sp_err_set(err, SP_EKEY, 0,
		    "%s: revocation list %d in it is damaged", pem->name,
		    n + 1);
	else if (n == 0)
		rc = sp_err_set(err, SP_EKEY, 0,
		    "%s has no revocation list in it; expected PEM (-----BEGIN X509 CRL-----)",
		    pem->name);
	(void)BIO_free(b);
	return (rc);
}

/* OpenSSL asks for a passphrase: there is none to give, and ${asked} is
 * noted. */
static int
no_passphrase(char *p, int n, int writing, void *asked)
{
	(void)p;
	(void)n;
	(void)writing;
	*(bool *)asked = true;
	return (-1);
}

/* Load a private key, or say which of the usual mistakes it is.  SP_EKEY. */
static enum sp_code
load_key(const struct sp_tls_pem *pem, EVP_PKEY **out, struct sp_err *err)
{
	static const char mark[] = "PRIVATE KEY-----";
	BIO *b = open_pem(pem);
	bool asked = false, none;

	*out = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, &asked);
	(void)BIO_free(b);
	none = memmem(pem->text.p, pem->text.n, mark, sizeof(mark) - 1) == NULL;
	ERR_clear_error();
	if (*out != NULL)
		return (SP_OK);
	return (sp_err_set(err, SP_EKEY, 0,
	    asked
		? "%s: its key has a passphrase; expected a key without one (openssl pkey)"
	    : none
		? "%s has no private key in it; expected PEM (-----BEGIN PRIVATE KEY-----)"
		: "%s: its private key is damaged or of an unknown kind",
	    pem->name));
}

/* Warn of a certificate of ours that is not valid now. */
static void
warn_of_validity(const struct sp_tls_opts *opts, const char *name, X509 *x)
{
	time_t now = (time_t)(sp_clock_wall() / SP_SECOND);
	char text[SP_ERR_MAX];

	if (opts->warn == NULL)
		return;
	if (X509_cmp_time(X509_get0_notAfter(x), &now) < 0)
		(void)snprintf(text, sizeof(text),
		    "%s: the certificate has expired; peers that check it will not send",
		    name);
	else if (X509_cmp_time(X509_get0_notBefore(x), &now) > 0)
		(void)snprintf(text, sizeof(text),
		    "%s: the certificate is not valid yet", name);
	else
		return;
	opts->warn(opts->ctx, text);
}

/* Certificate and chain first, then the key, which must belong to it. */
enum sp_code
sp_tls_identity_load(const struct sp_tls_identity *id,
    const struct sp_tls_opts *opts, struct sp_tls_cert *out, struct sp_err *err)
{
	const struct sp_tls_pem *key =
	    id->key.text.n > 0 ? &id->key : &id->cert;
	enum sp_code rc;

	rc = sp_tls_identity_certs(&id->cert, &out->chain, err);
	if (rc == SP_OK && sk_X509_num(out->chain) > SP_TLS_CERTS_MAX)
		rc = sp_err_set(err, SP_EKEY, 0,
		    "%s has more than %d certificates", id->cert.name,
		    SP_TLS_CERTS_MAX);
	if (rc == SP_OK) {
		out->leaf = sk_X509_shift(out->chain);
		rc = load_key(key, &out->key, err);
	}
	if (rc == SP_OK && X509_check_private_key(out->leaf, out->key) != 1) {
		ERR_clear_error();
		rc = sp_err_set(err, SP_EKEY, 0,
		    "%s: the key does not belong to the first certificate of %s",
		    key->name, id->cert.name);
	}
	if (rc == SP_OK)
		warn_of_validity(opts, id->cert.name, out->leaf);
	return (rc);
}

void
sp_tls_identity_done(struct sp_tls_cert *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
}

bool
sp_tls_identity_has_name(const struct sp_tls_cert *c, const char *name)
{
	return (*name != '\0' &&
		X509_check_host(c->leaf, name, strlen(name),
		    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1);
}

void
sp_tls_identity_digest(X509 *x, char out[SP_TLS_FINGERPRINT + 1])
{
	unsigned char *der = NULL;
	uint8_t digest[SP_SHA256_LEN];
	int n = i2d_X509(x, &der);

	if (n < 0)
		abort();
	sp_sha256_once(der, (size_t)n, digest);
	OPENSSL_free(der);
	sp_hex_encode(digest, sizeof(digest), out);
}
