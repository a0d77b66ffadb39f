/* The strings of SASL against the values of the standards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/enc.h"
#include "journal/pull/sasl.h"

static void
want(struct sp_buf *got, const char *text)
{
	assert_string_equal(sp_buf_cstr(got), text);
	sp_sasl_wipe(got);
}

static void
test_the_strings_are_those_of_the_standards(void **state)
{
	struct sp_err err;
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, SP_SASL_MAX);
	assert_int_equal(sp_sasl_plain(&b, sp_view_str("tim"),
			     sp_view_str("tanstaaftanstaaf"), &err),
	    SP_OK);
	want(&b, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"); /* RFC 4616 section 4 */
	assert_int_equal(
	    sp_sasl_xoauth2(&b, sp_view_str("test@contoso.onmicrosoft.com"),
		sp_view_str("EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA"), &err),
	    SP_OK);
	want(&b,
	    "dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3"
	    "QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQldaV0NjbFJDM0VvQUEBAQ==");
	assert_int_equal(
	    sp_sasl_oauthbearer(&b, sp_view_str("user@example.com"),
		sp_view_str("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="),
		"server.example.com", 143, &err),
	    SP_OK);
	want(&b,
	    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBv"
	    "cnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1s"
	    "emRHRXVZMjl0Q2c9PQEB"); /* RFC 7628 section 4.1 */
}

static void
test_a_name_with_a_comma_is_escaped(void **state)
{
	struct sp_err err;
	struct sp_buf b, raw;
	size_t n;

	(void)state;
	sp_buf_init(&b, SP_SASL_MAX);
	sp_buf_init(&raw, SP_SASL_MAX);
	assert_int_equal(sp_sasl_oauthbearer(&b, sp_view_str("a,b=c"),
			     sp_view_str("T"), "h", 0, &err),
	    SP_OK);
	assert_true(sp_b64_decode(
	    sp_buf_view(&b), (uint8_t *)sp_buf_reserve(&raw, b.n), &n));
	raw.n = n;
	want(&raw, "n,a=a=2Cb=3Dc,\1host=h\1auth=Bearer T\1\1");
	sp_sasl_wipe(&b);
}

static void
test_what_cannot_be_carried_is_refused(void **state)
{
	static const struct {
		struct sp_view user, secret;
	} bad[] = {
		{ { "a\0b", 3 }, { "x", 1 } },
		{ { "", 0 }, { "x", 1 } },
		{ { "a", 1 }, { "", 0 } },
		{ { "a", 1 }, { "x\0", 2 } },
	};
	struct sp_err err;
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, SP_SASL_MAX);
	for (size_t i = 0; i < SP_COUNTOF(bad); i++) {
		assert_int_equal(
		    sp_sasl_plain(&b, bad[i].user, bad[i].secret, &err),
		    SP_EUSAGE);
		assert_int_equal(
		    sp_sasl_xoauth2(&b, bad[i].user, bad[i].secret, &err),
		    SP_EUSAGE);
	}
	/* A token with a separator in it would add fields of its own. */
	assert_int_equal(sp_sasl_xoauth2(&b, sp_view_str("a"),
			     sp_view_str("x\1auth=Bearer y"), &err),
	    SP_EUSAGE);
	assert_int_equal(sp_sasl_oauthbearer(&b, sp_view_str("a\1host=evil"),
			     sp_view_str("x"), "h", 0, &err),
	    SP_EUSAGE);
	assert_int_equal(b.n, 0);
	sp_sasl_wipe(&b);
}

static enum sp_sasl_failure
failure(const char *json, char *why, size_t size)
{
	char b64[1024];

	sp_b64_encode(json, strlen(json), b64);
	return (sp_sasl_failure(sp_view_str(b64), why, size));
}

static void
test_a_failure_says_what_to_do(void **state)
{
	char why[64];

	(void)state;
	assert_int_equal(
	    failure("{\"status\":\"invalid_token\"}", why, sizeof(why)),
	    SP_SASL_TOKEN);
	assert_string_equal(why, "status invalid_token");
	assert_int_equal(failure("{\"status\":\"401\",\"schemes\":\"bearer\","
				 "\"scope\":\"https://mail.google.com/\"}",
			     why, sizeof(why)),
	    SP_SASL_TOKEN);
	assert_string_equal(why, "status 401, scope https://mail.google.com/");
	assert_int_equal(
	    failure("{\"status\":\"insufficient_scope\"}", NULL, 0),
	    SP_SASL_SCOPE);
	assert_int_equal(
	    failure("{\"status\":\"400\"}", NULL, 0), SP_SASL_REQUEST);
	assert_int_equal(
	    failure("{\"status\":\"x\\u0007y\"}", why, sizeof(why)),
	    SP_SASL_OTHER);
	assert_string_equal(why, "status x?y");
}

static void
test_any_bytes_are_a_failure_of_some_kind(void **state)
{
	static const char text[] =
	    "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJ4In0=";
	char why[64];

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		assert_int_equal(
		    sp_sasl_failure(sp_view_mem(text, i), why, sizeof(why)),
		    SP_SASL_UNREADABLE);
	assert_int_equal(sp_sasl_failure(sp_view_str(text), why, sizeof(why)),
	    SP_SASL_TOKEN);
	assert_int_equal(failure("[1]", why, sizeof(why)), SP_SASL_UNREADABLE);
	assert_int_equal(
	    failure("{\"status\":7}", why, sizeof(why)), SP_SASL_UNREADABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_strings_are_those_of_the_standards),
		cmocka_unit_test(test_a_name_with_a_comma_is_escaped),
		cmocka_unit_test(test_what_cannot_be_carried_is_refused),
		cmocka_unit_test(test_a_failure_says_what_to_do),
		cmocka_unit_test(test_any_bytes_are_a_failure_of_some_kind),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
