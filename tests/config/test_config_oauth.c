/* The OAuth options of a pull section: presets, and what is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/config/config.h"

#define START "pull a {\nuser = u\n"
#define PLAIN START "server = s\nauth = xoauth2\n"
#define MS    START "preset = microsoft365\n"
#define GO    START "preset = google\n"

static const struct {
	const char *in, *want; /* NULL: it is fine */
} rows[] = {
	/* four lines each */
	{ MS "tenant = t.example\nclient_id = c\nclient_secret_file = /s\n}",
	    NULL },
	{ GO "service_account_file = /g.json\n}", NULL },
	{ START "preset = servicenow-pop3\nserver = s\npassword_file = /p\n}",
	    NULL },
	/* other ways with a preset */
	{ MS "tenant = t\nclient_id = c\nclient_certificate = /c\n"
	     "client_key = credential:k\nassertion = RS256\n}",
	    NULL },
	{ MS "tenant = t\nclient_id = c\ngrant = device_code\n}", NULL },
	{ MS "tenant = t\nclient_id = c\ngrant = authorization_code\n"
	     "redirect_url = \"http://localhost:8400/\"\n}",
	    NULL },
	{ GO "client_id = c\nclient_secret_file = /s\n"
	     "grant = authorization_code\n}",
	    NULL },
	{ MS "auth = password\npassword_file = /p\n}", NULL },
	{ MS "password_file = /token\n}", NULL },
	/* without */
	{ PLAIN "password_file = /token\n}", NULL },
	{ PLAIN "grant = client_credentials\nclient_id = c\n"
		"client_secret_file = /s\nclient_auth = basic\n"
		"token_url = \"https://i/t\"\nscopes = { a, b }\n"
		"parameters = { \"audience=x\" }\noauth_ca = /ca\n}",
	    NULL },
	{ PLAIN
	    "grant = refresh_token\nclient_id = c\n"
	    "token_url = \"https://i/t\"\nrevocation_url = \"https://i/r\"\n}",
	    NULL },
	/* what is missing */
	{ PLAIN "}", "f:4:1: section \"pull a\": auth needs a token: expected "
		     "grant = client_credentials, " },
	{ MS "}", "grant = client_credentials needs client_id" },
	{ MS "client_id = c\nclient_secret_file = /s\n}",
	    "needs token_url, or a tenant" },
	{ MS "tenant = t\nclient_id = c\n}",
	    "needs client_secret_file, or client_certificate and client_key" },
	{ MS "tenant = t\nclient_id = c\nclient_key = /k\n}",
	    "f:6:1: section \"pull a\": client_certificate and client_key need "
	    "each other" },
	{ MS "tenant = t\nclient_id = c\nclient_key = /k\n"
	     "client_certificate = /c\nclient_secret_file = /s\n}",
	    "expected one of them" },
	{ GO "}", "grant = service_account needs service_account_file" },
	{ PLAIN
	    "grant = device_code\nclient_id = c\ntoken_url = \"https://i\"\n}",
	    "f:5:1: section \"pull a\": grant = device_code needs device_url" },
	{ PLAIN "grant = authorization_code\nclient_id = c\n"
		"token_url = \"https://i\"\n}",
	    "needs authorization_url" },
	/* what cannot be meant */
	{ PLAIN "grant = refresh_token\nclient_id = c\n"
		"token_url = \"http://i/t\"\n}",
	    "f:7:1: section \"pull a\": token_url is not of the form "
	    "https://HOST/PATH" },
	{ PLAIN "grant = refresh_token\nclient_id = c\n"
		"token_url = \"https://u@i/t\"\n}",
	    "token_url is not of the form" },
	{ PLAIN "grant = refresh_token\nclient_id = c\n"
		"token_url = \"https:///t\"\n}",
	    "token_url is not of the form" },
	{ PLAIN
	    "grant = refresh_token\nclient_id = c\ntoken_url = \"https://i\"\n"
	    "device_url = \"https://i/d\"\n}",
	    "f:8:1: section \"pull a\": device_url means nothing with grant = "
	    "refresh_token" },
	{ PLAIN "password_file = /t\nclient_id = c\n}",
	    "client_id means nothing with grant = none" },
	{ PLAIN
	    "grant = refresh_token\nclient_id = c\ntoken_url = \"https://i\"\n"
	    "password_file = /p\n}",
	    "password_file means nothing with a grant" },
	{ START "server = s\npassword_file = /p\ngrant = service_account\n"
		"service_account_file = /g\n}",
	    "grant means nothing without auth = xoauth2" },
	{ PLAIN
	    "grant = refresh_token\nclient_id = c\ntoken_url = \"https://i\"\n"
	    "tenant = t\n}",
	    "tenant needs preset = microsoft365" },
	{ MS "tenant = \"a/b\"\nclient_id = c\nclient_secret_file = /s\n}",
	    "tenant is no id and no domain" },
	{ MS "tenant = t\nclient_id = c\nclient_secret_file = s\n}",
	    "f:6:22: \"s\" is no value of option \"client_secret_file\"; "
	    "expected an absolute path or credential:NAME" },
	{ MS "tenant = t\nclient_id = c\ngrant = authorization_code\n"
	     "redirect_url = \"http://127.0.0.1.evil.example/\"\n}",
	    "redirect_url is not on this machine" },
	{ MS "tenant = t\nclient_id = c\nclient_secret_file = /s\n"
	     "parameters = { x }\n}",
	    "parameters are not of the form name=value" },
};

static void
test_each_grant_says_what_is_missing(void **state)
{
	struct sp_config *c;
	struct sp_err err;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		enum sp_code rc;

		c = NULL;
		rc = sp_config_parse("f", sp_view_str(rows[i].in), &c, &err);
		if (rows[i].want == NULL && rc != SP_OK)
			fail_msg("%s\n%s", rows[i].in, err.msg);
		if (rows[i].want != NULL &&
		    (rc != SP_ECONFIG || strstr(err.msg, rows[i].want) == NULL))
			fail_msg("%s\ngot  %s\nwant %s", rows[i].in,
			    rc == SP_OK ? "no error" : err.msg, rows[i].want);
		sp_config_free(c);
	}
}

static const struct sp_oauth_conf *
load(const char *text, struct sp_config **c)
{
	struct sp_err err;

	if (sp_config_parse("f", sp_view_str(text), c, &err) != SP_OK)
		fail_msg("%s", err.msg);
	return (&(*c)->pull[0].oauth);
}

static void
test_microsoft_is_known(void **state)
{
	const struct sp_oauth_conf *o;
	struct sp_config *c = NULL;

	(void)state;
	o = load(rows[0].in, &c);
	assert_int_equal(o->grant, SP_OAUTH_GRANT_CLIENT);
	assert_string_equal(o->token_url,
	    "https://login.microsoftonline.com/t.example/oauth2/v2.0/token");
	assert_int_equal(o->scopes.n, 1);
	assert_string_equal(
	    o->scopes.v[0], "https://outlook.office365.com/.default");
	sp_config_free(c);
	o = load(MS "type = pop3\ntenant = t\nclient_id = c\n"
		    "grant = device_code\n}",
	    &c);
	assert_string_equal(o->device_url,
	    "https://login.microsoftonline.com/t/oauth2/v2.0/devicecode");
	assert_int_equal(o->scopes.n, 2);
	assert_string_equal(
	    o->scopes.v[0], "https://outlook.office.com/POP.AccessAsUser.All");
	assert_string_equal(o->scopes.v[1], "offline_access");
	sp_config_free(c);
}

static void
test_google_is_known(void **state)
{
	const struct sp_oauth_conf *o;
	struct sp_config *c = NULL;

	(void)state;
	o = load(rows[1].in, &c);
	assert_int_equal(o->grant, SP_OAUTH_GRANT_SERVICE);
	assert_string_equal(
	    o->token_url, "https://oauth2.googleapis.com/token");
	assert_string_equal(o->scopes.v[0], "https://mail.google.com/");
	assert_int_equal(o->parameters.n, 0);
	sp_config_free(c);
	o = load(GO "client_id = c\nclient_secret_file = /s\n"
		    "grant = authorization_code\n}",
	    &c);
	assert_string_equal(o->parameters.v[0], "access_type=offline");
	assert_string_equal(
	    o->revocation_url, "https://oauth2.googleapis.com/revoke");
	sp_config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_grant_says_what_is_missing),
		cmocka_unit_test(test_microsoft_is_known),
		cmocka_unit_test(test_google_is_known),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
