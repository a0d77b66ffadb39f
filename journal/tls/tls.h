/*
 * TLS as a filter: bytes in, bytes out, no sockets, no waiting.  TLS 1.2 and
 * 1.3 (RFC 5246, 8446; RFC 9325 for what is left out), server and client.
 *
 *	            feed/take              close_notify of the peer
 *	HANDSHAKE ------------> OPEN ---------------------------> CLOSED
 *	any -> FAILED (the reason: sp_tls_error)
 *
 * A context is what many sessions share: certificates, authorities, pins.  It
 * is counted: a session keeps its context alive.  One thread at a time may use
 * a context and its sessions.  The owners (journal/receive as a server,
 * journal/pull as a client) move the bytes between a session and a socket.
 *
 * What a peer is checked against is what the context was given, all of it:
 *	authorities  the chain leads to one of them, nothing in it has expired
 *	             or is revoked, and (client) the host's name or address is
 *	             in the certificate
 *	pins         the certificate is one of these
 * With pins alone the certificate itself is what is trusted: it may be
 * self-signed, expired or for another name.  A client context must be given
 * one of the two; there is no way to check nothing.
 */
#ifndef SP_TLS_TLS_H
#define SP_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_TLS_PEM_MAX	   (1u << 20) /* bytes of a PEM file */
#define SP_TLS_CERTS_MAX   64 /* certificates in a chain file */
#define SP_TLS_PLAIN_MAX   16384 /* plaintext of one record */
#define SP_TLS_OUT_MAX	   (640u << 10) /* ciphertext waiting, at most */
#define SP_TLS_FINGERPRINT 64 /* hex digits of a SHA-256 */

struct sp_tls_ctx; /* what sessions share; counted */
struct sp_tls; /* a session */

/* A PEM file's bytes; ${name} is the file's, for messages.  Borrowed. */
struct sp_tls_pem {
	const char *name;
	struct sp_view text; /* n == 0: not given */
};

/* A certificate with its chain, its own certificate first, and its key. */
struct sp_tls_identity {
	struct sp_tls_pem cert;
	struct sp_tls_pem key; /* not given: it is in ${cert} */
};

enum sp_tls_ask { /* a server asks clients for a certificate: */
	SP_TLS_ASK_NEVER,
	SP_TLS_ASK_REQUEST, /* and goes on whatever comes: look at the info */
	SP_TLS_ASK_REQUIRE /* and ends the handshake without a good one */
};

struct sp_tls_opts {
	bool server;
	/* A server's; a client may have one.  A server gives the first whose
	 * certificate has the name the client asked for (SNI), else [0]. */
	const struct sp_tls_identity *identity;
	size_t nidentity;
	bool system_ca; /* the authorities of the operating system */
	struct sp_tls_pem ca; /* certificates of authorities */
	/* Revocation lists: with them a certificate whose issuer has no list
	 * here is not good; certificates of authorities may lack theirs. */
	struct sp_tls_pem crl;
	const char *const *pins; /* SHA-256 of the DER certificate: hex, colons
				    or not, either case */
	size_t npins;
	enum sp_tls_ask ask;
	/* What works but should be looked at (a certificate of ours that has
	 * expired); one line.  NULL: not wanted. */
	void (*warn)(void *ctx, const char *text);
	void *ctx;
};

/* Make a context; the caller frees it, and ${opts} is not used afterwards.
 * SP_EKEY with the file's name for what is wrong with a certificate, key or
 * list; SP_EUSAGE for options that do not go together; SP_ECRYPTO where the
 * authorities of the system cannot be used. */
SP_CHECK enum sp_code sp_tls_ctx_new(const struct sp_tls_opts *opts,
    struct sp_tls_ctx **out, struct sp_err *err);
/* Give the caller's reference back; sessions keep theirs.  NULL is fine. */
void sp_tls_ctx_free(struct sp_tls_ctx *c);
/* Turn a fingerprint as people write it (hex, colons or not, either case) into
 * 64 lower-case digits and a NUL.  False: it is none. */
bool sp_tls_fingerprint(const char *text, char out[SP_TLS_FINGERPRINT + 1]);
/* Read a file for a context into ${out}, which is set up here.  SP_EKEY says
 * what is wrong with it.  The bytes may be a key: free them with
 * sp_tls_pem_done(), which wipes them. */
SP_CHECK enum sp_code sp_tls_pem_read(
    const char *path, struct sp_buf *out, struct sp_err *err);
/* The same from an open descriptor, from its start. */
SP_CHECK enum sp_code sp_tls_pem_read_fd(
    int fd, const char *name, struct sp_buf *out, struct sp_err *err);
/* Wipe and free; a zeroed buffer is fine. */
void sp_tls_pem_done(struct sp_buf *b);

enum sp_tls_state {
	SP_TLS_HANDSHAKE,
	SP_TLS_OPEN,
	SP_TLS_CLOSED, /* the peer said that nothing more comes */
	SP_TLS_FAILED
};

/* A session of a server.  The caller frees it with sp_tls_free(). */
struct sp_tls *sp_tls_accept(struct sp_tls_ctx *c);
/* A session of a client, to ${host}: a name (sent as SNI) or an IP address. 
 * Its first bytes wait in sp_tls_out() at once.  SP_EUSAGE: ${host} is
 * neither. */
SP_CHECK enum sp_code sp_tls_connect(struct sp_tls_ctx *c, const char *host,
    struct sp_tls **out, struct sp_err *err);
void sp_tls_free(struct sp_tls *t); /* NULL is fine */

/* Give ciphertext from the peer, which is copied.  Bytes behind the peer's
 * close or a failure are dropped. */
void sp_tls_feed(struct sp_tls *t, const void *p, size_t n);
/* Decrypt into ${p}, at most ${cap} bytes; returns how many.  0: feed more, or
 * look at the state.  Also carries the handshake on: call it after each feed,
 * until it returns 0. */
size_t sp_tls_read(struct sp_tls *t, void *p, size_t cap);
/* Whether ciphertext waits that sp_tls_read has not looked at. */
bool sp_tls_pending(const struct sp_tls *t);
/* Encrypt ${n} bytes; only in OPEN or CLOSED.  SP_ELIMIT: more waits than
 * SP_TLS_OUT_MAX, SP_EFORMAT: OpenSSL failed; the session has failed then. */
SP_CHECK enum sp_code sp_tls_write(struct sp_tls *t, const void *p, size_t n);
/* Say that nothing more comes from us (close_notify), once. */
void sp_tls_close(struct sp_tls *t);
/* Ciphertext for the peer: use it, then drop it (or a part) with
 * sp_buf_consume or sp_buf_done.  Not empty after a failure either: the alert
 * that tells the peer why. */
struct sp_buf *sp_tls_out(struct sp_tls *t);
/* Where the session is; the states are drawn above. */
enum sp_tls_state sp_tls_state(const struct sp_tls *t);
/* In FAILED: why, one line, borrowed; else "". */
const char *sp_tls_error(const struct sp_tls *t);

/* What was agreed; text is borrowed from the session. */
struct sp_tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher; /* "TLS_AES_256_GCM_SHA384" */
	const char *sni; /* the name asked for; NULL: none */
	bool resumed;
	const char *peer_sha256; /* of its certificate; NULL: it gave none */
	bool verified; /* all that the context asks of a peer */
	const char *why; /* not verified: in plain words; else "" */
};
/* From OPEN on: what was agreed. */
void sp_tls_info(const struct sp_tls *t, struct sp_tls_info *out);

#endif
