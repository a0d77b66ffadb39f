/*
 * Whether the certificate of a peer is good: its chain, revocation, name and
 * fingerprint, as far as the context was given something to check against
 * (tls.h).  OpenSSL calls it in the handshake of a session of tls_session.c.
 */
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "journal/tls/tls_priv.h"

/* OpenSSL's callback for each error of a chain: lists of authorities above the
 * issuer may be missing. */
static int
ignore_missing_crl(int ok, X509_STORE_CTX *store)
{
	if (ok == 0 && X509_STORE_CTX_get_error_depth(store) > 0 &&
	    X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return (1);
	}
	return (ok);
}

/* Whether the peer's fingerprint is one of those that were given. */
static bool
is_pinned(const struct sp_tls *t)
{
	for (size_t i = 0; i < t->ctx->npin; i++) {
		if (strcmp(t->ctx->pin[i], t->peer) == 0)
			return (true);
	}
	return (false);
}

/* Verify the chain at our clock's time.  X509_V_OK, or why it is not good. */
static int
chain_result(const struct sp_tls_ctx *c, X509_STORE_CTX *store)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store);
	int e;

	X509_VERIFY_PARAM_set_time(
	    param, (time_t)(sp_clock_wall() / SP_SECOND));
	if (c->crl) {
		(void)X509_VERIFY_PARAM_set_flags(
		    param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
		X509_STORE_CTX_set_verify_cb(store, ignore_missing_crl);
	}
	if (X509_verify_cert(store) == 1)
		return (X509_V_OK);
	e = X509_STORE_CTX_get_error(store);
	return (e == X509_V_OK ? X509_V_ERR_UNSPECIFIED : e);
}

/* The verdict is kept in the session.  A server that only asks for a
 * certificate goes on whatever it is; its owner looks at the verdict. */
int
sp_tls_verify_peer(X509_STORE_CTX *store, void *arg)
{
	struct sp_tls_ctx *c = arg;
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct sp_tls *t = SSL_get_app_data(ssl);
	int e = X509_V_OK;

	t->has_peer = true;
	t->verified = false;
	sp_tls_identity_digest(X509_STORE_CTX_get0_cert(store), t->peer);
	if (c->chain)
		e = chain_result(c, store);
	if (e != X509_V_OK)
		(void)snprintf(
		    t->why, sizeof(t->why), "%s", sp_tls_why_verify(e));
	else if (c->npin > 0 && !is_pinned(t)) {
		e = X509_V_ERR_CERT_REJECTED;
		(void)snprintf(t->why, sizeof(t->why), "%s",
		    "its fingerprint is not one of those expected");
	} else {
		t->verified = true;
		t->why[0] = '\0';
	}
	if (e != X509_V_OK && c->server && c->ask == SP_TLS_ASK_REQUEST) {
		/* The session goes on; its info says what was found. */
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return (1);
	}
	X509_STORE_CTX_set_error(store, e);
	return (e == X509_V_OK ? 1 : 0);
}
