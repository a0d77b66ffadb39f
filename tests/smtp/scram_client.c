/*
 * The client's side of SCRAM-SHA-256 (RFC 5802 section 3), written apart from
 * the server's, so that they do not share a mistake.
 */
#include "scram_client.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/enc.h"
#include "base/sha256.h"

static void
mac(const uint8_t key[32], const char *text, uint8_t out[32])
{
	unsigned n = 0;

	assert_non_null(HMAC(EVP_sha256(), key, 32, (const uint8_t *)text,
	    strlen(text), out, &n));
}

/* The value behind "x=" up to the comma. */
static struct sp_view
field(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	struct sp_view v;

	assert_non_null(at);
	v = sp_view_str(at + strlen(name));
	return (sp_view_cut(&v, ','));
}

void
scram_client_final(const char *first, const char *challenge,
    const char *password, struct sp_buf *out)
{
	uint8_t salt[96], salted[32], key[32], stored[32], sign[32];
	const char *bare = strchr(strchr(first, ',') + 1, ',') + 1;
	struct sp_view nonce = field(challenge, "r=");
	struct sp_buf auth;
	uint64_t rounds;
	size_t n;

	assert_true(sp_b64_decode(field(challenge, ",s="), salt, &n));
	assert_true(sp_view_u64(field(challenge, ",i="), &rounds));
	assert_int_equal(
	    PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, (int)n,
		(int)rounds, EVP_sha256(), sizeof(salted), salted),
	    1);
	mac(salted, "Client Key", key);
	sp_sha256_once(key, sizeof(key), stored);
	assert_int_equal(sp_buf_adds(out, "c="), SP_OK);
	assert_int_equal(
	    sp_b64_append(out, first, (size_t)(bare - first)), SP_OK);
	assert_int_equal(
	    sp_buf_addf(out, ",r=%.*s", (int)nonce.n, nonce.p), SP_OK);
	sp_buf_init(&auth, 4096);
	assert_int_equal(
	    sp_buf_addf(&auth, "%s,%s,%s", bare, challenge, sp_buf_cstr(out)),
	    SP_OK);
	mac(stored, sp_buf_cstr(&auth), sign);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] ^= sign[i];
	assert_int_equal(sp_buf_adds(out, ",p="), SP_OK);
	assert_int_equal(sp_b64_append(out, key, sizeof(key)), SP_OK);
	sp_buf_done(&auth);
}
