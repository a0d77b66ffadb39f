/* Signed assertions, and the challenge of PKCE.  That others accept them is
 * tested end to end (tests/e2e/oauth.py) with another implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "journal/oauth/jwt.h"

/* A key as PEM text, malloc'ed. */
static char *
pem_of(EVP_PKEY *key, const char *pass)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p = NULL, *out;
	long n;

	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(b, key,
			     pass != NULL ? EVP_aes_128_cbc() : NULL, NULL, 0,
			     NULL, (void *)(uintptr_t)pass),
	    1);
	n = BIO_get_mem_data(b, &p);
	out = sp_view_dup(sp_view_mem(p, (size_t)n));
	BIO_free(b);
	return (out);
}

static char *
new_pem(int bits, const char *pass)
{
	EVP_PKEY *key =
	    bits > 0 ? EVP_RSA_gen((unsigned)bits) : EVP_EC_gen("P-256");
	char *pem = pem_of(key, pass);

	EVP_PKEY_free(key);
	return (pem);
}

static void
test_the_challenge_is_that_of_the_rfc(void **state)
{
	char out[SP_JWT_SHA256_LEN + 1];

	(void)state;
	/* RFC 7636, appendix B */
	sp_jwt_challenge(
	    SP_VIEW_LIT("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), out);
	assert_string_equal(out, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void
test_base64_has_no_padding(void **state)
{
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 100);
	assert_int_equal(sp_jwt_base64(&b, "\xff\xef\xff\xbe", 4), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), "_-__vg");
	sp_buf_done(&b);
}

static void
test_only_a_good_rsa_key_is_taken(void **state)
{
	struct sp_jwt_key *k = NULL;
	struct sp_err err;
	char *small = new_pem(1024, NULL), *ec = new_pem(0, NULL);
	char *locked = new_pem(2048, "pass"), *fine = new_pem(2048, NULL);

	(void)state;
	assert_int_equal(
	    sp_jwt_key_new("k", sp_view_str(small), &k, &err), SP_EKEY);
	assert_int_equal(
	    sp_jwt_key_new("k", sp_view_str(ec), &k, &err), SP_EKEY);
	assert_int_equal(
	    sp_jwt_key_new("k", sp_view_str(locked), &k, &err), SP_EKEY);
	assert_int_equal(
	    sp_jwt_key_new("k", SP_VIEW_LIT("junk"), &k, &err), SP_EKEY);
	assert_int_equal(
	    sp_jwt_key_new("k", SP_VIEW_LIT(""), &k, &err), SP_EKEY);
	for (size_t n = 0; n < strlen(fine) - 30; n += 7)
		assert_int_equal(
		    sp_jwt_key_new("k", sp_view_mem(fine, n), &k, &err),
		    SP_EKEY);
	assert_int_equal(
	    sp_jwt_key_new("k", sp_view_str(fine), &k, &err), SP_OK);
	sp_jwt_key_free(k);
	free(small);
	free(ec);
	free(locked);
	free(fine);
}

static void
signed_by(bool pss)
{
	char *pem = new_pem(2048, NULL);
	struct sp_jwt_key *k = NULL;
	struct sp_err err;
	struct sp_buf b;
	unsigned dots = 0;

	sp_buf_init(&b, SP_JWT_MAX);
	assert_int_equal(
	    sp_jwt_key_new("k", sp_view_str(pem), &k, &err), SP_OK);
	assert_int_equal(sp_jwt_sign(k, pss, SP_VIEW_LIT("{\"alg\":\"x\"}"),
			     SP_VIEW_LIT("{\"iss\":\"y\"}"), &b, &err),
	    SP_OK);
	assert_true(sp_view_starts(
	    sp_buf_view(&b), "eyJhbGciOiJ4In0.eyJpc3MiOiJ5In0."));
	for (size_t i = 0; i < b.n; i++)
		dots += b.p[i] == '.';
	assert_int_equal(dots, 2);
	/* 256 bytes of signature */
	assert_int_equal(b.n, strlen("eyJhbGciOiJ4In0.eyJpc3MiOiJ5In0.") + 342);
	sp_jwt_key_free(k);
	sp_buf_done(&b);
	free(pem);
}

static void
test_both_ways_sign(void **state)
{
	(void)state;
	signed_by(false);
	signed_by(true);
}

static void
test_too_long_leaves_nothing(void **state)
{
	char *pem = new_pem(2048, NULL);
	struct sp_jwt_key *k = NULL;
	struct sp_err err;
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 100);
	assert_int_equal(
	    sp_jwt_key_new("k", sp_view_str(pem), &k, &err), SP_OK);
	assert_int_not_equal(sp_jwt_sign(k, false, SP_VIEW_LIT("{}"),
				 SP_VIEW_LIT("{}"), &b, &err),
	    SP_OK);
	assert_int_equal(b.n, 0);
	sp_jwt_key_free(k);
	sp_buf_done(&b);
	free(pem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_challenge_is_that_of_the_rfc),
		cmocka_unit_test(test_base64_has_no_padding),
		cmocka_unit_test(test_only_a_good_rsa_key_is_taken),
		cmocka_unit_test(test_both_ways_sign),
		cmocka_unit_test(test_too_long_leaves_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
