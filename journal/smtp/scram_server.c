/*
 * The server's side of a SCRAM-SHA-256 exchange (RFC 5802 section 5), from the
 * messages of the client to our answers.  session_auth.c carries the messages,
 * in base64, and looks up the verifier between the first and the second.
 *
 *	client-first    n,a=,n=NAME,r=NONCE         sp_scram_server_first()
 *	server-first    r=NONCE+OURS,s=SALT,i=N     sp_scram_server_challenge()
 *	client-final    c=biws,r=...,p=PROOF        sp_scram_server_final()
 *	server-final    v=SIGNATURE                 the same
 *
 * AuthMessage, which both sides sign, is client-first without its header, then
 * server-first, then client-final without its proof, with commas between.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/random.h"
#include "base/sha256.h"
#include "journal/smtp/scram.h"

#define AUTH_MAX    4096 /* bytes of the AuthMessage */
#define OUR_NONCE   24 /* random bytes; base64 has no comma */
#define MESSAGE_MAX 1024 /* of a client's message */

void
sp_scram_server_init(struct sp_scram *x)
{
	memset(x, 0, sizeof(*x));
	sp_buf_init(&x->auth, AUTH_MAX);
}

void
sp_scram_server_done(struct sp_scram *x)
{
	sp_buf_done(&x->auth);
	OPENSSL_cleanse(x, sizeof(*x));
}

/* Undo the two escapes of a name (RFC 5802 section 5.1): "=2C" is a comma,
 * "=3D" an equals sign; any other "=" is an error. */
static bool
decode_saslname(struct sp_view v, char out[SP_SCRAM_NAME_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '=') {
			if (v.n - i < 3)
				return (false);
			if (memcmp(v.p + i, "=2C", 3) == 0)
				c = ',';
			else if (memcmp(v.p + i, "=3D", 3) == 0)
				c = '=';
			else
				return (false);
			i += 2;
		}
		if (c == '\0' || n == SP_SCRAM_NAME_MAX)
			return (false);
		out[n++] = c;
	}
	out[n] = '\0';
	return (n > 0);
}

/* Take the client's nonce from "r=..." into x->nonce, and put ours behind
 * it. */
static bool
parse_nonce(struct sp_scram *x, struct sp_view v)
{
	uint8_t raw[OUR_NONCE];

	if (!sp_view_starts(v, "r=") || v.n < 3 || v.n - 2 > SP_SCRAM_NONCE_MAX)
		return (false);
	for (size_t i = 2; i < v.n; i++) {
		if (v.p[i] < 0x21 || v.p[i] > 0x7e)
			return (false);
	}
	memcpy(x->nonce, v.p + 2, v.n - 2);
	sp_random(raw, sizeof(raw));
	sp_b64_encode(raw, sizeof(raw), x->nonce + v.n - 2);
	return (true);
}

/* Cut the gs2-header off the front of ${msg} and keep it in x->gs2: the channel
 * binding flag, which must be "n" or "y", and the authorization identity. */
static bool
parse_gs2_header(
    struct sp_scram *x, struct sp_view *msg, struct sp_view *authzid)
{
	const char *start = msg->p;
	struct sp_view flag = sp_view_cut(msg, ',');

	if (msg->p == NULL || flag.n != 1 ||
	    (flag.p[0] != 'n' && flag.p[0] != 'y'))
		return (false);
	*authzid = sp_view_cut(msg, ',');
	if (msg->p == NULL)
		return (false);
	x->gs2_n = (size_t)(msg->p - start);
	if (x->gs2_n > sizeof(x->gs2))
		return (false);
	memcpy(x->gs2, start, x->gs2_n);
	return (authzid->n == 0 || sp_view_starts(*authzid, "a="));
}

/* The gs2-header, the name and the nonce; extensions in front of the name
 * ("m=") must be understood, and none is. */
bool
sp_scram_server_first(struct sp_scram *x, struct sp_view msg)
{
	char other[SP_SCRAM_NAME_MAX + 1];
	struct sp_view rest = msg, authzid, bare, user;

	if (msg.n > MESSAGE_MAX || !parse_gs2_header(x, &rest, &authzid))
		return (false);
	bare = rest;
	/* "m=" would be an extension that must be understood. */
	user = sp_view_cut(&rest, ',');
	if (rest.p == NULL || !sp_view_starts(user, "n=") ||
	    !decode_saslname(sp_view_mem(user.p + 2, user.n - 2), x->name))
		return (false);
	if (authzid.n > 0 &&
	    (!decode_saslname(
		 sp_view_mem(authzid.p + 2, authzid.n - 2), other) ||
		strcmp(other, x->name) != 0))
		return (false);
	return (parse_nonce(x, sp_view_cut(&rest, ',')) &&
		sp_buf_addv(&x->auth, bare) == SP_OK);
}

enum sp_code
sp_scram_server_challenge(struct sp_scram *x, struct sp_buf *out)
{
	size_t from = out->n;
	enum sp_code rc;

	rc = sp_buf_addf(out, "r=%s,s=", x->nonce);
	if (rc == SP_OK)
		rc = sp_b64_append(out, x->verifier.salt, x->verifier.salt_n);
	if (rc == SP_OK)
		rc =
		    sp_buf_addf(out, ",i=%u", (unsigned)x->verifier.iterations);
	if (rc == SP_OK)
		rc = sp_buf_addc(&x->auth, ',');
	if (rc == SP_OK)
		rc = sp_buf_add(&x->auth, out->p + from, out->n - from);
	return (rc);
}

/* Whether ${proof} shows that the client knows the password: ClientKey is
 * ClientProof XOR HMAC(StoredKey, AuthMessage), and its hash must be
 * StoredKey. */
static bool
is_proof(const struct sp_scram *x, const uint8_t proof[SP_SHA256_LEN])
{
	const struct sp_scram_verifier *v = &x->verifier;
	uint8_t key[SP_SHA256_LEN], hash[SP_SHA256_LEN];

	sp_scram_hmac(v->stored_key, sp_buf_view(&x->auth), key);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] ^= proof[i];
	sp_sha256_once(key, sizeof(key), hash);
	OPENSSL_cleanse(key, sizeof(key));
	return (CRYPTO_memcmp(hash, v->stored_key, sizeof(hash)) == 0);
}

/* Whether the client-final-message without its proof repeats what was
 * agreed: the gs2-header of the first message in base64, and the nonce of
 * both sides. */
static bool
repeats_header(const struct sp_scram *x, struct sp_view msg)
{
	struct sp_view rest = msg, c = sp_view_cut(&rest, ','), r;
	uint8_t header[SP_SCRAM_GS2_MAX + 3];
	size_t n;

	r = sp_view_cut(&rest, ',');
	if (!sp_view_starts(c, "c=") ||
	    c.n - 2 > sp_b64_len(SP_SCRAM_GS2_MAX) || !sp_view_starts(r, "r="))
		return (false);
	if (!sp_b64_decode(sp_view_mem(c.p + 2, c.n - 2), header, &n) ||
	    n != x->gs2_n || memcmp(header, x->gs2, n) != 0)
		return (false);
	return (sp_view_eq_str(sp_view_mem(r.p + 2, r.n - 2), x->nonce));
}

bool
sp_scram_server_final(
    struct sp_scram *x, struct sp_view msg, struct sp_buf *out)
{
	uint8_t proof[SP_SHA256_LEN], sign[SP_SHA256_LEN];
	struct sp_view before;
	const char *p;

	if (msg.n > MESSAGE_MAX || msg.n < 4)
		return (false);
	p = memmem(msg.p, msg.n, ",p=", 3);
	if (p == NULL)
		return (false);
	before = sp_view_mem(msg.p, (size_t)(p - msg.p));
	if (!repeats_header(x, before) ||
	    !sp_b64_decode_exact(sp_view_mem(p + 3, msg.n - before.n - 3),
		proof, sizeof(proof)) ||
	    sp_buf_addc(&x->auth, ',') != SP_OK ||
	    sp_buf_addv(&x->auth, before) != SP_OK || !is_proof(x, proof))
		return (false);
	sp_scram_hmac(x->verifier.server_key, sp_buf_view(&x->auth), sign);
	return (sp_buf_adds(out, "v=") == SP_OK &&
		sp_b64_append(out, sign, sizeof(sign)) == SP_OK);
}
