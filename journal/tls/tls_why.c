/*
 * OpenSSL's reasons in plain words, one line each: for certificates of peers,
 * and for handshakes and sessions that failed.  What no table has is told in
 * OpenSSL's own words.
 */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "journal/tls/tls_priv.h"

static const struct {
	int code;
	const char *words;
} verify_words[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, "it has expired" },
	{ X509_V_ERR_CERT_NOT_YET_VALID, "it is not valid yet" },
	{ X509_V_ERR_HOSTNAME_MISMATCH, "it is for another name" },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, "it is for another address" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "it is self-signed" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
	    "its chain ends in an unknown authority" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
	    "it comes from an unknown authority" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
	    "it comes from an unknown authority" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
	    "it comes from an unknown authority" },
	{ X509_V_ERR_CERT_REVOKED, "it was revoked" },
	{ X509_V_ERR_UNABLE_TO_GET_CRL,
	    "its authority has no revocation list here" },
	{ X509_V_ERR_CRL_HAS_EXPIRED,
	    "the revocation list of its authority has expired" },
	{ X509_V_ERR_CRL_NOT_YET_VALID,
	    "the revocation list of its authority is not valid yet" },
	{ X509_V_ERR_CRL_SIGNATURE_FAILURE,
	    "the revocation list of its authority is forged" },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, "its signature is wrong" },
	{ X509_V_ERR_INVALID_PURPOSE, "it is not made for this use" },
	{ X509_V_ERR_INVALID_CA, "one in its chain is no authority" },
	{ X509_V_ERR_PATH_LENGTH_EXCEEDED, "its chain is too long" },
	{ X509_V_ERR_CERT_CHAIN_TOO_LONG, "its chain is too long" },
	{ X509_V_ERR_CA_MD_TOO_WEAK, "its signature is too weak" },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, "its key is too short" },
	{ X509_V_ERR_CA_KEY_TOO_SMALL,
	    "the key of its authority is too short" },
};

const char *
sp_tls_why_verify(int code)
{
	for (size_t i = 0; i < SP_COUNTOF(verify_words); i++) {
		if (verify_words[i].code == code)
			return (verify_words[i].words);
	}
	return (X509_verify_cert_error_string(code));
}

static const struct {
	int reason;
	const char *words;
} failed_words[] = {
	{ SSL_R_HTTP_REQUEST, "the peer speaks HTTP, not TLS" },
	{ SSL_R_WRONG_VERSION_NUMBER, "the peer does not speak TLS" },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, "the peer does not speak TLS" },
	{ SSL_R_UNSUPPORTED_PROTOCOL,
	    "the peer offers neither TLS 1.2 nor TLS 1.3" },
	{ SSL_R_VERSION_TOO_LOW,
	    "the peer offers neither TLS 1.2 nor TLS 1.3" },
	{ SSL_R_NO_SHARED_CIPHER,
	    "the peer offers no cipher that is accepted here" },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
	    "the peer accepts no signature that our certificate can make" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING,
	    "the peer closed the connection" },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
	    "the peer gave no certificate" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA,
	    "the peer does not know the authority of our certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
	    "the peer does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
	    "the peer does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
	    "the peer finds our certificate expired" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
	    "the peer finds our certificate revoked" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
	    "the peer requires a certificate of ours" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
	    "the peer accepts neither TLS 1.2 nor TLS 1.3" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	    "the peer found nothing in common with us (cipher, or a certificate that it requires)" },
	{ SSL_R_NO_RENEGOTIATION, "the peer wants to renegotiate" },
};

/* The words for an error of OpenSSL's queue. */
static const char *
words_of(unsigned long e)
{
	const char *text;

	if (ERR_GET_LIB(e) == ERR_LIB_SSL) {
		for (size_t i = 0; i < SP_COUNTOF(failed_words); i++) {
			if (failed_words[i].reason == ERR_GET_REASON(e))
				return (failed_words[i].words);
		}
	}
	text = ERR_reason_error_string(e);
	return (text != NULL ? text : "OpenSSL gave no reason");
}

void
sp_tls_why_failed(const struct sp_tls *t, struct sp_err *err)
{
	const char *when = t->state == SP_TLS_HANDSHAKE ? " handshake" : "";
	unsigned long e = ERR_get_error();

	if (t->why[0] != '\0' && t->state == SP_TLS_HANDSHAKE &&
	    ERR_GET_LIB(e) == ERR_LIB_SSL &&
	    ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		(void)sp_err_set(err, SP_EPERM, 0,
		    "the peer's certificate (SHA-256 %s) is not accepted: %s",
		    t->peer, t->why);
	else if (t->out_full)
		(void)sp_err_set(err, SP_ELIMIT, 0,
		    "TLS%s: more than %u bytes wait for the peer", when,
		    SP_TLS_OUT_MAX);
	else
		(void)sp_err_set(err, SP_EFORMAT, 0, "TLS%s: %s", when,
		    e == 0 ? "the peer closed the connection" : words_of(e));
	ERR_clear_error();
}
