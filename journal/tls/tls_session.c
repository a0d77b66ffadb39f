/*
 * One TLS session: OpenSSL between two buffers of ours.  The callers
 * (journal/receive/connection_tls.c, journal/pull) move the bytes between these
 * buffers and their sockets; a BIO of our own lets OpenSSL read and write them.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "journal/tls/tls_priv.h"

#define HOST_MAX 255

/* ---- between OpenSSL and the buffers -------------------------------- */

/* OpenSSL reads ciphertext: from t->in, or "try again" where that is empty. */
static int
bio_read(BIO *b, char *p, size_t n, size_t *got)
{
	struct sp_tls *t = BIO_get_data(b);
	size_t have = t->in.n - t->in_at;

	BIO_clear_retry_flags(b);
	if (have == 0) {
		BIO_set_retry_read(b);
		return (0);
	}
	n = n < have ? n : have;
	memcpy(p, t->in.p + t->in_at, n);
	t->in_at += n;
	if (t->in_at == t->in.n) {
		sp_buf_done(&t->in);
		t->in_at = 0;
	}
	*got = n;
	return (1);
}

/* OpenSSL writes ciphertext: to t->out, which has a limit. */
static int
bio_write(BIO *b, const char *p, size_t n, size_t *done)
{
	struct sp_tls *t = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (sp_buf_add(&t->out, p, n) != SP_OK) {
		t->out_full = true;
		return (0);
	}
	*done = n;
	return (1);
}

static long
bio_ctrl(BIO *b, int what, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	return (what == BIO_CTRL_FLUSH ? 1 : 0);
}

BIO_METHOD *
sp_tls_session_bio(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sealpost");

	if (m == NULL || BIO_meth_set_read_ex(m, bio_read) != 1 ||
	    BIO_meth_set_write_ex(m, bio_write) != 1 ||
	    BIO_meth_set_ctrl(m, bio_ctrl) != 1)
		abort();
	return (m);
}

/* ---- life ----------------------------------------------------------- */

/* A session that does not know yet which side it is. */
static struct sp_tls *
new_session(struct sp_tls_ctx *c)
{
	struct sp_tls *t = sp_xcalloc(1, sizeof(*t));
	BIO *b = BIO_new(c->bio);

	t->ctx = c;
	c->refs++;
	/* No limit: the owner feeds one read at a time, and then reads. */
	sp_buf_init(&t->in, SIZE_MAX);
	sp_buf_init(&t->out, SP_TLS_OUT_MAX);
	t->ssl = SSL_new(c->ssl);
	if (t->ssl == NULL || b == NULL)
		abort();
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(t->ssl, b, b);
	SSL_set_app_data(t->ssl, t);
	return (t);
}

struct sp_tls *
sp_tls_accept(struct sp_tls_ctx *c)
{
	struct sp_tls *t = new_session(c);

	assert(c->server);
	SSL_set_accept_state(t->ssl);
	return (t);
}

/* Whether ${host} is an IP address and no name. */
static bool
is_address(const char *host)
{
	uint8_t addr[16];

	return (inet_pton(AF_INET, host, addr) == 1 ||
		inet_pton(AF_INET6, host, addr) == 1);
}

/* The name goes into the certificate check and, if it is no address, into
 * SNI. */
enum sp_code
sp_tls_connect(struct sp_tls_ctx *c, const char *host, struct sp_tls **out,
    struct sp_err *err)
{
	char name[HOST_MAX + 1];
	struct sp_tls *t;
	bool ok;

	assert(!c->server);
	if (*host == '\0' || strlen(host) > HOST_MAX)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "\"%.64s\" is no host name of at most %d bytes", host,
		    HOST_MAX));
	memcpy(name, host, strlen(host) + 1);
	t = new_session(c);
	SSL_set_connect_state(t->ssl);
	if (is_address(host))
		ok = X509_VERIFY_PARAM_set1_ip_asc(
			 SSL_get0_param(t->ssl), host) == 1;
	else {
		SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		ok = SSL_set1_host(t->ssl, host) == 1 &&
		     SSL_set_tlsext_host_name(t->ssl, name) == 1;
	}
	if (!ok) {
		ERR_clear_error();
		sp_tls_free(t);
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "\"%s\" is no host name or address", host));
	}
	(void)sp_tls_read(t, NULL, 0);
	*out = t;
	return (SP_OK);
}

void
sp_tls_free(struct sp_tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	sp_buf_done(&t->in);
	sp_buf_done(&t->out);
	sp_tls_ctx_free(t->ctx);
	free(t);
}

/* ---- bytes ---------------------------------------------------------- */

/* OpenSSL failed: keep the reason, and drop what it has not read. */
static void
fail_session(struct sp_tls *t)
{
	sp_tls_why_failed(t, &t->err);
	t->state = SP_TLS_FAILED;
	sp_buf_done(&t->in);
	t->in_at = 0;
}

/* What a call of OpenSSL that returned ${rc} without success means for the
 * state: the peer closed, more bytes are needed, or the session failed. */
static void
check_result(struct sp_tls *t, int rc)
{
	int e = SSL_get_error(t->ssl, rc);

	if (e == SSL_ERROR_ZERO_RETURN)
		t->state = SP_TLS_CLOSED;
	else if (e != SSL_ERROR_WANT_READ || t->out_full)
		fail_session(t);
}

/* Carry the handshake on with the bytes that are here. */
static void
handshake(struct sp_tls *t)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(t->ssl);
	if (rc == 1)
		t->state = SP_TLS_OPEN;
	else
		check_result(t, rc);
}

void
sp_tls_feed(struct sp_tls *t, const void *p, size_t n)
{
	if (t->state == SP_TLS_FAILED || t->state == SP_TLS_CLOSED)
		return;
	if (n > 0 && sp_buf_add(&t->in, p, n) != SP_OK)
		abort();
}

size_t
sp_tls_read(struct sp_tls *t, void *p, size_t cap)
{
	size_t n = 0;
	int rc;

	if (t->state == SP_TLS_HANDSHAKE)
		handshake(t);
	if (t->state != SP_TLS_OPEN || cap == 0)
		return (0);
	ERR_clear_error();
	rc = SSL_read_ex(t->ssl, p, cap, &n);
	if (rc == 1 && !t->out_full)
		return (n);
	check_result(t, rc == 1 ? -1 : rc);
	return (0);
}

bool
sp_tls_pending(const struct sp_tls *t)
{
	return (t->state == SP_TLS_OPEN &&
		(t->in.n > t->in_at || SSL_has_pending(t->ssl) == 1));
}

enum sp_code
sp_tls_write(struct sp_tls *t, const void *p, size_t n)
{
	const char *at = p;
	size_t done;
	int rc;

	assert(t->state == SP_TLS_OPEN || t->state == SP_TLS_CLOSED);
	while (n > 0) {
		ERR_clear_error();
		rc = SSL_write_ex(t->ssl, at, n, &done);
		if (rc != 1 || t->out_full) {
			fail_session(t);
			return (t->err.code);
		}
		at += done;
		n -= done;
	}
	return (SP_OK);
}

void
sp_tls_close(struct sp_tls *t)
{
	if (t->closed || (t->state != SP_TLS_OPEN && t->state != SP_TLS_CLOSED))
		return;
	t->closed = true;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

struct sp_buf *
sp_tls_out(struct sp_tls *t)
{
	return (&t->out);
}

enum sp_tls_state
sp_tls_state(const struct sp_tls *t)
{
	return (t->state);
}

const char *
sp_tls_error(const struct sp_tls *t)
{
	return (t->state == SP_TLS_FAILED ? t->err.msg : "");
}

void
sp_tls_info(const struct sp_tls *t, struct sp_tls_info *out)
{
	*out = (struct sp_tls_info){
		.version = SSL_get_version(t->ssl),
		.cipher = SSL_get_cipher_name(t->ssl),
		.sni = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name),
		.resumed = SSL_session_reused(t->ssl) == 1,
		.peer_sha256 = t->has_peer ? t->peer : NULL,
		.verified = t->verified,
		.why = t->verified   ? ""
		       : t->has_peer ? t->why
				     : "it gave no certificate",
	};
}
