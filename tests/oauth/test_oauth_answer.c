/* What token endpoints answer, and what follows from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/oauth/oauth_answer.h"
#include "journal/oauth/oauth_form.h"
#include "journal/oauth/oauth_redirect.h"
#include "journal/oauth/oauth_request.h"
#include "base/secret.h"

static const char good[] =
    "{\"access_token\":\"abc.def-_~+/=\",\"token_type\":\"Bearer\","
    "\"expires_in\":3599,\"refresh_token\":\"r1\",\"scope\":\"mail x\"}";

static void
test_each_answer_has_one_verdict(void **state)
{
	static const struct {
		unsigned status;
		const char *body;
		enum sp_oauth_verdict want;
	} rows[] = {
		{ 200, good, SP_OAUTH_TOKEN },
		{ 200, "{\"access_token\":\"a\"}", SP_OAUTH_TOKEN },
		{ 200, "{\"access_token\":\"a\",\"token_type\":\"bEARER\"}",
		    SP_OAUTH_TOKEN },
		{ 200, "{\"access_token\":\"a\",\"token_type\":\"mac\"}",
		    SP_OAUTH_CONFIG },
		{ 200, "{\"access_token\":\"\"}", SP_OAUTH_UNREADABLE },
		{ 200, "{\"access_token\":\"a b\"}", SP_OAUTH_UNREADABLE },
		{ 200, "{\"access_token\":\"a\\u0001auth=x\"}",
		    SP_OAUTH_UNREADABLE },
		{ 200, "{\"access_token\":\"a\",\"refresh_token\":\"\\n\"}",
		    SP_OAUTH_UNREADABLE },
		{ 200, "{\"access_token\":7}", SP_OAUTH_UNREADABLE },
		{ 200, "", SP_OAUTH_UNREADABLE },
		{ 200, "\xef\xbb\xbf{\"access_token\":\"a\"}", SP_OAUTH_TOKEN },
		{ 400, "\xef\xbb\xbf{\"error\":\"invalid_grant\"}",
		    SP_OAUTH_CONSENT },
		{ 200, "\xef\xbb\xbf\xef\xbb\xbf{\"access_token\":\"a\"}",
		    SP_OAUTH_UNREADABLE },
		{ 200, "\xef\xbb\xbf", SP_OAUTH_UNREADABLE },
		{ 200, "[]", SP_OAUTH_UNREADABLE },
		{ 200, "<html>", SP_OAUTH_UNREADABLE },
		{ 200, "{\"error\":\"invalid_grant\"}", SP_OAUTH_CONSENT },
		{ 400, good, SP_OAUTH_CONFIG },
		{ 400, "{\"error\":\"invalid_grant\"}", SP_OAUTH_CONSENT },
		{ 400, "{\"error\":\"interaction_required\"}",
		    SP_OAUTH_CONSENT },
		{ 401, "{\"error\":\"invalid_client\"}", SP_OAUTH_CONFIG },
		{ 400, "{\"error\":\"unauthorized_client\"}", SP_OAUTH_CONFIG },
		{ 400, "{\"error\":\"invalid_scope\"}", SP_OAUTH_CONFIG },
		{ 400, "{\"error\":\"unsupported_grant_type\"}",
		    SP_OAUTH_CONFIG },
		{ 400, "{\"error\":\"never heard of\"}", SP_OAUTH_CONFIG },
		{ 400, "{\"error\":\"authorization_pending\"}",
		    SP_OAUTH_PENDING },
		{ 400, "{\"error\":\"slow_down\"}", SP_OAUTH_SLOW_DOWN },
		{ 400, "{\"error\":\"expired_token\"}", SP_OAUTH_EXPIRED },
		{ 400, "{\"error\":\"access_denied\"}", SP_OAUTH_DENIED },
		{ 400, "{\"error\":\"authorization_declined\"}",
		    SP_OAUTH_DENIED },
		{ 400, "{\"error\":\"temporarily_unavailable\"}",
		    SP_OAUTH_BUSY },
		{ 400, "<html>", SP_OAUTH_CONFIG },
		{ 404, "", SP_OAUTH_CONFIG },
		{ 302, "", SP_OAUTH_CONFIG },
		{ 429, "", SP_OAUTH_BUSY },
		{ 429, "{\"error\":\"invalid_grant\"}", SP_OAUTH_BUSY },
		{ 500, "{\"error\":\"invalid_client\"}", SP_OAUTH_BUSY },
		{ 503, "<html>", SP_OAUTH_BUSY },
		{ 0, "", SP_OAUTH_UNREADABLE },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_oauth_answer a;

		sp_oauth_answer_parse(
		    rows[i].status, sp_view_str(rows[i].body), &a);
		if (a.verdict != rows[i].want)
			fail_msg("%u %s: got %d, want %d (%s)", rows[i].status,
			    rows[i].body, a.verdict, rows[i].want, a.why);
		if ((a.verdict == SP_OAUTH_TOKEN) != (a.why[0] == '\0'))
			fail_msg("%s: why is \"%s\"", rows[i].body, a.why);
		sp_oauth_answer_done(&a);
	}
}

static void
test_life_is_read_in_every_form(void **state)
{
	static const struct {
		const char *life;
		uint64_t want;
	} rows[] = {
		{ "", SP_OAUTH_EXPIRES_DEFAULT },
		{ ",\"expires_in\":3599", 3599 },
		{ ",\"expires_in\":3599.9", 3599 },
		{ ",\"expires_in\":\"3599\"", 3599 },
		{ ",\"expires_in\":\"soon\"", SP_OAUTH_EXPIRES_DEFAULT },
		{ ",\"expires_in\":\"\"", SP_OAUTH_EXPIRES_DEFAULT },
		{ ",\"expires_in\":\"-5\"", SP_OAUTH_EXPIRES_DEFAULT },
		{ ",\"expires_in\":null", SP_OAUTH_EXPIRES_DEFAULT },
		{ ",\"expires_in\":{}", SP_OAUTH_EXPIRES_DEFAULT },
		{ ",\"expires_in\":0", 0 },
		{ ",\"expires_in\":-1", 0 },
		{ ",\"expires_in\":-99999999999999999999", 0 },
		{ ",\"expires_in\":86400", 86400 },
		{ ",\"expires_in\":86401", SP_OAUTH_EXPIRES_MAX },
		{ ",\"expires_in\":99999999999999999999999",
		    SP_OAUTH_EXPIRES_MAX },
		{ ",\"expires_in\":\"99999999999999999999999\"",
		    SP_OAUTH_EXPIRES_MAX },
		{ ",\"expires_in\":1e300", SP_OAUTH_EXPIRES_MAX },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_oauth_answer a;
		char body[200];

		(void)snprintf(body, sizeof(body), "{\"access_token\":\"a\"%s}",
		    rows[i].life);
		sp_oauth_answer_parse(200, sp_view_str(body), &a);
		assert_int_equal(a.verdict, SP_OAUTH_TOKEN);
		if (a.expires_in != rows[i].want)
			fail_msg("%s: got %llu, want %llu", body,
			    (unsigned long long)a.expires_in,
			    (unsigned long long)rows[i].want);
		sp_oauth_answer_done(&a);
	}
}

static void
test_a_token_is_taken_whole(void **state)
{
	struct sp_oauth_answer a;

	(void)state;
	sp_oauth_answer_parse(200, sp_view_str(good), &a);
	assert_true(sp_view_eq_str(sp_buf_view(&a.access), "abc.def-_~+/="));
	assert_true(sp_view_eq_str(sp_buf_view(&a.refresh), "r1"));
	assert_string_equal(a.scope, "mail x");
	sp_oauth_answer_done(&a);
}

/* n bytes of token; the longest that is taken, and one more. */
static enum sp_oauth_verdict
verdict_of_length(size_t n)
{
	struct sp_oauth_answer a;
	struct sp_buf b;

	sp_buf_init(&b, n + 100);
	assert_int_equal(sp_buf_adds(&b, "{\"access_token\":\""), SP_OK);
	memset(sp_buf_reserve(&b, n), 'x', n);
	b.n += n;
	assert_int_equal(sp_buf_adds(&b, "\"}"), SP_OK);
	sp_oauth_answer_parse(200, sp_buf_view(&b), &a);
	sp_oauth_answer_done(&a);
	sp_buf_done(&b);
	return (a.verdict);
}

static void
test_a_token_has_a_longest_length(void **state)
{
	(void)state;
	assert_int_equal(verdict_of_length(SP_OAUTH_TOKEN_MAX), SP_OAUTH_TOKEN);
	assert_int_equal(
	    verdict_of_length(SP_OAUTH_TOKEN_MAX + 1), SP_OAUTH_UNREADABLE);
}

/* Exact copies, so that a sanitizer sees a read beyond the end. */
static void
test_every_cut_gives_a_verdict(void **state)
{
	static const char device[] =
	    "{\"device_code\":\"dc\",\"user_code\":\"AB-CD\","
	    "\"verification_uri\":\"https://idp.test/d\",\"interval\":5}";

	(void)state;
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		char *copy = sp_xmalloc(n + (n == 0));
		struct sp_oauth_answer a;

		memcpy(copy, good, n);
		sp_oauth_answer_parse(200, sp_view_mem(copy, n), &a);
		assert_int_equal(a.verdict, SP_OAUTH_UNREADABLE);
		sp_oauth_answer_done(&a);
		free(copy);
	}
	for (size_t n = 0; n < sizeof(device) - 1; n++) {
		char *copy = sp_xmalloc(n + (n == 0));
		struct sp_oauth_answer a;
		struct sp_oauth_device d;

		memcpy(copy, device, n);
		assert_false(
		    sp_oauth_device_parse(200, sp_view_mem(copy, n), &d, &a));
		sp_oauth_answer_done(&a);
		free(copy);
	}
}

static void
test_a_reason_is_printable_and_short(void **state)
{
	struct sp_oauth_answer a;
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 5000);
	assert_int_equal(
	    sp_buf_adds(&b, "{\"error\":\"invalid_grant\","
			    "\"error_description\":\"a\\r\\n\\u001b[31mb"),
	    SP_OK);
	memset(sp_buf_reserve(&b, 3000), 'z', 3000);
	b.n += 3000;
	assert_int_equal(sp_buf_adds(&b, "\"}"), SP_OK);
	sp_oauth_answer_parse(400, sp_buf_view(&b), &a);
	assert_int_equal(a.verdict, SP_OAUTH_CONSENT);
	assert_non_null(strstr(a.why, "invalid_grant: a???[31mbzzz"));
	assert_non_null(strstr(a.why, "(HTTP status 400)"));
	sp_oauth_answer_done(&a);
	sp_buf_done(&b);
}

static void
test_a_device_answer_is_read(void **state)
{
	struct sp_oauth_answer a;
	struct sp_oauth_device d;

	(void)state;
	assert_true(sp_oauth_device_parse(200,
	    SP_VIEW_LIT("{\"device_code\":\"dc\",\"user_code\":\"AB-CD\","
			"\"verification_url\":\"https://idp.test/d\","
			"\"expires_in\":\"60\",\"interval\":0}"),
	    &d, &a));
	assert_string_equal(d.user_code, "AB-CD");
	assert_string_equal(d.uri, "https://idp.test/d");
	assert_int_equal(d.expires_in, 60);
	assert_int_equal(d.interval, 1);
	sp_oauth_device_done(&d);
	sp_oauth_answer_done(&a);
	assert_false(sp_oauth_device_parse(
	    400, SP_VIEW_LIT("{\"error\":\"invalid_client\"}"), &d, &a));
	assert_int_equal(a.verdict, SP_OAUTH_CONFIG);
	sp_oauth_answer_done(&a);
}

static void
test_a_redirect_is_decoded(void **state)
{
	struct sp_oauth_redirect r;

	(void)state;
	assert_true(sp_oauth_redirect_parse(
	    SP_VIEW_LIT("/?state=s%201&code=4%2F0A+b%zz%4&scope=x#code=no"),
	    &r));
	assert_true(sp_view_eq_str(sp_buf_view(&r.code), "4/0A b%zz%4"));
	assert_true(sp_view_eq_str(sp_buf_view(&r.state), "s 1"));
	assert_string_equal(r.error, "");
	sp_oauth_redirect_done(&r);
	assert_true(sp_oauth_redirect_parse(
	    SP_VIEW_LIT("http://127.0.0.1:1/?error=access_denied&"
			"error_description=not%0a+me"),
	    &r));
	assert_string_equal(r.error, "access_denied: not? me");
	sp_oauth_redirect_done(&r);
	assert_false(sp_oauth_redirect_parse(SP_VIEW_LIT("/favicon.ico"), &r));
	assert_false(sp_oauth_redirect_parse(SP_VIEW_LIT("/?code="), &r));
	assert_false(sp_oauth_redirect_parse(SP_VIEW_LIT(""), &r));
}

static void
test_a_form_is_encoded(void **state)
{
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 200);
	assert_int_equal(
	    sp_oauth_form_add(&b, "a b", SP_VIEW_LIT("x&y=%+\xc3\xa4~")),
	    SP_OK);
	assert_int_equal(sp_oauth_form_add(&b, "c", SP_VIEW_LIT("")), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), "a%20b=x%26y%3D%25%2B%C3%A4~&c=");
	sp_buf_done(&b);
}

/* A hostile or careless endpoint echoes what it was sent. */
static void
test_no_reason_repeats_a_secret(void **state)
{
	static const char *const echo[] = {
		"bad secret sesame-open-now-please",
		"bad secret open-now-ple",
		"token refresh-0123456789abcdef was used",
	};
	struct sp_oauth_request r;

	(void)state;
	sp_oauth_request_init(&r, "https://idp.test/");
	sp_secret_init(&r.secret, 100);
	assert_int_equal(
	    sp_buf_adds(&r.secret, "sesame-open-now-please"), SP_OK);
	sp_secret_init(&r.grant_secret, 100);
	assert_int_equal(
	    sp_buf_adds(&r.grant_secret, "refresh-0123456789abcdef"), SP_OK);
	for (size_t i = 0; i < SP_COUNTOF(echo); i++) {
		struct sp_oauth_answer a = { 0 };

		(void)snprintf(a.why, sizeof(a.why), "%s", echo[i]);
		(void)snprintf(a.scope, sizeof(a.scope), "%s", echo[i]);
		sp_oauth_request_censor(&r, &a);
		if (strstr(a.why, "open-now") != NULL ||
		    strstr(a.why, "0123456789") != NULL || a.scope[0] != '\0')
			fail_msg("shown: %s / %s", a.why, a.scope);
	}
	sp_oauth_request_done(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_answer_has_one_verdict),
		cmocka_unit_test(test_life_is_read_in_every_form),
		cmocka_unit_test(test_a_token_is_taken_whole),
		cmocka_unit_test(test_a_token_has_a_longest_length),
		cmocka_unit_test(test_every_cut_gives_a_verdict),
		cmocka_unit_test(test_a_reason_is_printable_and_short),
		cmocka_unit_test(test_a_device_answer_is_read),
		cmocka_unit_test(test_a_redirect_is_decoded),
		cmocka_unit_test(test_a_form_is_encoded),
		cmocka_unit_test(test_no_reason_repeats_a_secret),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
