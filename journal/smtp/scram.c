/*
 * SCRAM verifiers: made from a password by `sealpost passwd`, kept in the file
 * of users (users.c) as text, and checked against the passwords of PLAIN and
 * LOGIN (session_auth.c).  The exchange of SCRAM itself is in scram_server.c.
 */
#include "journal/smtp/scram.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/random.h"
#include "base/sha256.h"

#define SCHEME "SCRAM-SHA-256"

bool
sp_scram_name_ok(struct sp_view v)
{
	if (v.n == 0 || v.n > SP_SCRAM_NAME_MAX)
		return (false);
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') &&
		    (c < '0' || c > '9') &&
		    (c == '\0' || strchr("._@+-", c) == NULL))
			return (false);
	}
	return (true);
}

bool
sp_scram_password_ok(struct sp_view v)
{
	if (v.n == 0 || v.n > SP_SCRAM_PASSWORD_MAX)
		return (false);
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < 0x20 || v.p[i] > 0x7e)
			return (false);
	}
	return (true);
}

void
sp_scram_hmac(const uint8_t key[SP_SHA256_LEN], struct sp_view text,
    uint8_t out[SP_SHA256_LEN])
{
	unsigned n = 0;

	if (HMAC(EVP_sha256(), key, SP_SHA256_LEN, (const uint8_t *)text.p,
		text.n, out, &n) == NULL ||
	    n != SP_SHA256_LEN)
		abort();
}

/* StoredKey and ServerKey of ${password} with salt and iterations of ${v} (RFC
 * 5802 section 3). */
static void
derive(const struct sp_scram_verifier *v, struct sp_view password,
    uint8_t stored[SP_SHA256_LEN], uint8_t server[SP_SHA256_LEN])
{
	uint8_t salted[SP_SHA256_LEN], client[SP_SHA256_LEN];

	if (password.n > INT32_MAX ||
	    PKCS5_PBKDF2_HMAC(password.p, (int)password.n, v->salt,
		(int)v->salt_n, (int)v->iterations, EVP_sha256(),
		sizeof(salted), salted) != 1)
		abort();
	sp_scram_hmac(salted, SP_VIEW_LIT("Client Key"), client);
	sp_sha256_once(client, sizeof(client), stored);
	sp_scram_hmac(salted, SP_VIEW_LIT("Server Key"), server);
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(client, sizeof(client));
}

void
sp_scram_make(
    struct sp_view password, uint32_t iterations, struct sp_scram_verifier *out)
{
	out->iterations = iterations;
	out->salt_n = SP_SCRAM_SALT;
	sp_random(out->salt, out->salt_n);
	derive(out, password, out->stored_key, out->server_key);
}

bool
sp_scram_check(const struct sp_scram_verifier *v, struct sp_view password)
{
	uint8_t stored[SP_SHA256_LEN], server[SP_SHA256_LEN];

	derive(v, password, stored, server);
	return (CRYPTO_memcmp(stored, v->stored_key, sizeof(stored)) == 0);
}

size_t
sp_scram_format(const struct sp_scram_verifier *v, char out[SP_SCRAM_TEXT])
{
	char salt[(SP_SCRAM_SALT_MAX + 2) / 3 * 4 + 1];
	char stored[SP_SHA256_LEN * 2], server[SP_SHA256_LEN * 2];
	int n;

	sp_b64_encode(v->salt, v->salt_n, salt);
	sp_b64_encode(v->stored_key, SP_SHA256_LEN, stored);
	sp_b64_encode(v->server_key, SP_SHA256_LEN, server);
	n = snprintf(out, SP_SCRAM_TEXT, SCHEME "$%" PRIu32 ":%s$%s:%s",
	    v->iterations, salt, stored, server);
	return ((size_t)n);
}

bool
sp_scram_parse(struct sp_view text, struct sp_scram_verifier *out)
{
	struct sp_view rest = text, part;
	uint8_t salt[SP_SCRAM_SALT_MAX + 3];
	uint64_t n;

	if (!sp_view_eq_str(sp_view_cut(&rest, '$'), SCHEME))
		return (false);
	part = sp_view_cut(&rest, ':');
	if (!sp_view_u64(part, &n) || n < SP_SCRAM_ITERATIONS_MIN ||
	    n > SP_SCRAM_ITERATIONS_MAX)
		return (false);
	out->iterations = (uint32_t)n;
	part = sp_view_cut(&rest, '$');
	if (part.n == 0 || part.n > sp_b64_len(SP_SCRAM_SALT_MAX) ||
	    !sp_b64_decode(part, salt, &out->salt_n) ||
	    out->salt_n > SP_SCRAM_SALT_MAX)
		return (false);
	memcpy(out->salt, salt, out->salt_n);
	part = sp_view_cut(&rest, ':');
	return (sp_b64_decode_exact(part, out->stored_key, SP_SHA256_LEN) &&
		sp_b64_decode_exact(rest, out->server_key, SP_SHA256_LEN));
}
