/*
 * What many sessions of TLS share: protocol versions and ciphers, our
 * certificates, the authorities, revocation lists and pins that peers are
 * checked against.  Made once for each listener
 * (journal/receive/listener_certs.c) or mailbox account (journal/pull);
 * tls_session.c makes the sessions from it, and OpenSSL calls tls_verify.c for
 * each certificate of a peer.
 */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "journal/tls/tls_priv.h"

/* Ciphers of TLS 1.2, with forward secrecy (RFC 9325).  AES in CBC mode is for
 * Exchange on Windows Server 2012, which has nothing better with an RSA
 * certificate. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL"

bool
sp_tls_fingerprint(const char *text, char out[SP_TLS_FINGERPRINT + 1])
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		char c = *text;

		if (c == ':' && n > 0 && n % 2 == 0 && text[-1] != ':')
			continue;
		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) ||
		    n == SP_TLS_FINGERPRINT)
			return (false);
		out[n++] = c;
	}
	out[n] = '\0';
	return (n == SP_TLS_FINGERPRINT);
}

/* Trust the certificates of ${pem}; a server also names them to its clients. */
static enum sp_code
add_authorities(
    SSL_CTX *ssl, bool server, const struct sp_tls_pem *pem, struct sp_err *err)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	STACK_OF(X509) * list;
	enum sp_code rc;

	rc = sp_tls_identity_certs(pem, &list, err);
	if (rc != SP_OK)
		return (rc);
	for (int i = 0; i < sk_X509_num(list); i++) {
		if (X509_STORE_add_cert(store, sk_X509_value(list, i)) != 1)
			abort();
		/* Clients choose their certificate by these names. */
		if (server &&
		    SSL_CTX_add_client_CA(ssl, sk_X509_value(list, i)) != 1)
			abort();
	}
	sk_X509_pop_free(list, X509_free);
	return (SP_OK);
}

/* Take over what peers are checked against.  SP_EUSAGE where that is nothing,
 * or does not go together. */
static enum sp_code
set_trust(struct sp_tls_ctx *c, const struct sp_tls_opts *o, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	c->chain = o->system_ca || o->ca.text.n > 0;
	c->crl = o->crl.text.n > 0;
	if (c->crl && !c->chain)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "a revocation list needs the authorities that it is of"));
	if (!c->chain && o->npins == 0 &&
	    (!c->server || c->ask == SP_TLS_ASK_REQUIRE))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "nothing to check the peer's certificate against; expected authorities or fingerprints"));
	if (o->system_ca && SSL_CTX_set_default_verify_paths(c->ssl) != 1)
		return (sp_err_set(err, SP_ECRYPTO, 0,
		    "the authorities of the operating system cannot be used"));
	if (o->ca.text.n > 0)
		rc = add_authorities(c->ssl, c->server, &o->ca, err);
	if (rc == SP_OK && c->crl)
		rc = sp_tls_identity_crls(
		    &o->crl, SSL_CTX_get_cert_store(c->ssl), err);
	c->pin = sp_xcalloc(o->npins + 1, sizeof(*c->pin));
	for (size_t i = 0; rc == SP_OK && i < o->npins; i++) {
		if (!sp_tls_fingerprint(o->pins[i], c->pin[c->npin++]))
			rc = sp_err_set(err, SP_EUSAGE, 0,
			    "\"%s\" is no fingerprint; expected the SHA-256 of a certificate, 64 hex digits",
			    o->pins[i]);
	}
	return (rc);
}

/* Called by OpenSSL in a server's handshake: use the certificate that has the
 * name which the client asked for, or the first. */
static int
choose_identity(SSL *ssl, void *arg)
{
	const struct sp_tls_ctx *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct sp_tls_cert *use = &c->cert[0];

	for (size_t i = 0; name != NULL && i < c->ncert; i++) {
		if (sp_tls_identity_has_name(&c->cert[i], name)) {
			use = &c->cert[i];
			break;
		}
	}
	return (SSL_use_cert_and_key(ssl, use->leaf, use->key, use->chain, 1));
}

/* Load our certificates and keys.  OpenSSL is given the first at once, so that
 * it says now what it would not use later. */
static enum sp_code
set_identities(
    struct sp_tls_ctx *c, const struct sp_tls_opts *o, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (c->server && o->nidentity == 0)
		return (sp_err_set(
		    err, SP_EUSAGE, 0, "a server needs a certificate"));
	c->cert = sp_xcalloc(o->nidentity + 1, sizeof(*c->cert));
	for (size_t i = 0; rc == SP_OK && i < o->nidentity; i++)
		rc = sp_tls_identity_load(
		    &o->identity[i], o, &c->cert[c->ncert++], err);
	if (rc != SP_OK || c->ncert == 0)
		return (rc);
	if (SSL_CTX_use_cert_and_key(c->ssl, c->cert[0].leaf, c->cert[0].key,
		c->cert[0].chain, 1) != 1) {
		const char *why = ERR_reason_error_string(ERR_peek_error());

		rc = sp_err_set(err, SP_EKEY, 0,
		    "%s cannot be used for TLS: %s", o->identity[0].cert.name,
		    why == NULL ? "no reason given" : why);
		ERR_clear_error();
		return (rc);
	}
	if (c->server)
		SSL_CTX_set_cert_cb(c->ssl, choose_identity, c);
	return (SP_OK);
}

/* Whether OpenSSL asks a peer for its certificate, and who judges it. */
static void
set_verify(struct sp_tls_ctx *c)
{
	int mode = SSL_VERIFY_NONE;

	if (!c->server || c->ask == SP_TLS_ASK_REQUEST)
		mode = SSL_VERIFY_PEER;
	else if (c->ask == SP_TLS_ASK_REQUIRE)
		mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(c->ssl, mode, NULL);
	SSL_CTX_set_cert_verify_callback(c->ssl, sp_tls_verify_peer, c);
}

/* TLS 1.2 and 1.3 without renegotiation and compression.  A ticket would carry
 * the verdict on a client's certificate past its expiry and revocation: where
 * clients are asked for one they shake hands each time. */
static void
set_protocol(struct sp_tls_ctx *c)
{
	static const unsigned char sid[] = "sealpost";
	SSL_CTX *s = c->ssl;

	if (SSL_CTX_set_min_proto_version(s, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(s, 0) != 1 ||
	    SSL_CTX_set_cipher_list(s, CIPHERS) != 1 ||
	    SSL_CTX_set_session_id_context(s, sid, sizeof(sid) - 1) != 1)
		abort();
	(void)SSL_CTX_set_options(s, SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
	if (c->ask != SP_TLS_ASK_NEVER) {
		(void)SSL_CTX_set_options(s, SSL_OP_NO_TICKET);
		(void)SSL_CTX_set_num_tickets(s, 0);
	} else
		(void)SSL_CTX_set_num_tickets(s, 1);
}

/* Protocol first, then trust, then our certificates. */
enum sp_code
sp_tls_ctx_new(
    const struct sp_tls_opts *opts, struct sp_tls_ctx **out, struct sp_err *err)
{
	struct sp_tls_ctx *c = sp_xcalloc(1, sizeof(*c));
	enum sp_code rc;

	c->refs = 1;
	c->server = opts->server;
	c->ask = opts->server ? opts->ask : SP_TLS_ASK_NEVER;
	c->ssl =
	    SSL_CTX_new(c->server ? TLS_server_method() : TLS_client_method());
	c->bio = sp_tls_session_bio();
	if (c->ssl == NULL)
		abort();
	set_protocol(c);
	set_verify(c);
	rc = set_trust(c, opts, err);
	if (rc == SP_OK)
		rc = set_identities(c, opts, err);
	if (rc == SP_OK)
		*out = c;
	else
		sp_tls_ctx_free(c);
	return (rc);
}

void
sp_tls_ctx_free(struct sp_tls_ctx *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	for (size_t i = 0; i < c->ncert; i++)
		sp_tls_identity_done(&c->cert[i]);
	free(c->cert);
	free(c->pin);
	SSL_CTX_free(c->ssl);
	BIO_meth_free(c->bio);
	free(c);
}
