#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/random.h"
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

/* "=2C" is a comma and "=3D" an equals sign; nothing else is. */
static bool
saslname(struct sp_view v, char out[SP_SCRAM_NAME_MAX + 1])
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

/* "r=..." into x->nonce, with ours behind it. */
static bool
nonce(struct sp_scram *x, struct sp_view v)
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

/* The header in front: binding flag and authorization identity. */
static bool
gs2_header(struct sp_scram *x, struct sp_view *msg, struct sp_view *authzid)
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

bool
sp_scram_server_first(struct sp_scram *x, struct sp_view msg)
{
	char other[SP_SCRAM_NAME_MAX + 1];
	struct sp_view rest = msg, authzid, bare, user;

	if (msg.n > MESSAGE_MAX || !gs2_header(x, &rest, &authzid))
		return (false);
	bare = rest;
	/* "m=" would be an extension that must be understood. */
	user = sp_view_cut(&rest, ',');
	if (rest.p == NULL || !sp_view_starts(user, "n=") ||
	    !saslname(sp_view_mem(user.p + 2, user.n - 2), x->name))
		return (false);
	if (authzid.n > 0 &&
	    (!saslname(sp_view_mem(authzid.p + 2, authzid.n - 2), other) ||
		strcmp(other, x->name) != 0))
		return (false);
	return (nonce(x, sp_view_cut(&rest, ',')) &&
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

/* ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage); its hash must be
 * StoredKey. */
static bool
proof_ok(const struct sp_scram *x, const uint8_t proof[SP_SHA256_LEN])
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

/* The message in front of ",p=": channel binding and nonce are as before. */
static bool
unchanged(const struct sp_scram *x, struct sp_view msg)
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
	if (!unchanged(x, before) ||
	    !sp_b64_decode_exact(sp_view_mem(p + 3, msg.n - before.n - 3),
		proof, sizeof(proof)) ||
	    sp_buf_addc(&x->auth, ',') != SP_OK ||
	    sp_buf_addv(&x->auth, before) != SP_OK || !proof_ok(x, proof))
		return (false);
	sp_scram_hmac(x->verifier.server_key, sp_buf_view(&x->auth), sign);
	return (sp_buf_adds(out, "v=") == SP_OK &&
		sp_b64_append(out, sign, sizeof(sign)) == SP_OK);
}
