/* SCRAM-SHA-256, its verifiers, and the file of users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/enc.h"
#include "journal/smtp/scram.h"
#include "journal/smtp/users.h"
#include "scram_client.h"

/* RFC 7677 section 3. */
#define SALT  "W22ZaJ0SNY7soEsUEjb6gQ=="
#define C1    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

static void
vector(struct sp_scram_verifier *v)
{
	struct sp_buf text;

	/* The verifier of "pencil", as PostgreSQL and RFC 5803 write it, made
	 * with another implementation. */
	sp_buf_init(&text, 512);
	assert_int_equal(
	    sp_buf_adds(&text, "SCRAM-SHA-256$4096:" SALT
			       "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
			       "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="),
	    SP_OK);
	assert_true(sp_scram_parse(sp_buf_view(&text), v));
	sp_buf_done(&text);
}

static void
test_the_example_of_rfc_7677(void **state)
{
	static const char final[] =
	    "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7"
	    "AndVQ=";
	struct sp_scram x;
	struct sp_buf out;

	(void)state;
	sp_buf_init(&out, 4096);
	sp_scram_server_init(&x);
	vector(&x.verifier);
	assert_true(sp_scram_check(&x.verifier, SP_VIEW_LIT("pencil")));
	assert_false(sp_scram_check(&x.verifier, SP_VIEW_LIT("pencil ")));
	assert_true(sp_scram_server_first(&x, SP_VIEW_LIT(C1)));
	assert_string_equal(x.name, "user");
	/* With the server's nonce of the example. */
	(void)snprintf(x.nonce, sizeof(x.nonce), "%s", NONCE);
	assert_int_equal(sp_scram_server_challenge(&x, &out), SP_OK);
	assert_string_equal(sp_buf_cstr(&out), "r=" NONCE ",s=" SALT ",i=4096");
	sp_buf_clear(&out);
	assert_true(sp_scram_server_final(&x, sp_view_str(final), &out));
	assert_string_equal(sp_buf_cstr(&out),
	    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	sp_scram_server_done(&x);
	sp_buf_done(&out);
}

/* One exchange; ${final} NULL: what a client computes. */
static bool
exchange(const char *first, const char *password, const char *final_)
{
	struct sp_scram x;
	struct sp_buf out, mine;
	bool ok;

	sp_buf_init(&out, 4096);
	sp_buf_init(&mine, 4096);
	sp_scram_server_init(&x);
	sp_scram_make(SP_VIEW_LIT("secret pass"), 4096, &x.verifier);
	ok = sp_scram_server_first(&x, sp_view_str(first)) &&
	     sp_scram_server_challenge(&x, &out) == SP_OK;
	if (ok && final_ == NULL)
		scram_client_final(first, sp_buf_cstr(&out), password, &mine);
	if (ok) {
		sp_buf_clear(&out);
		ok = sp_scram_server_final(&x,
		    final_ == NULL ? sp_buf_view(&mine) : sp_view_str(final_),
		    &out);
		assert_int_equal(out.n > 0, ok);
	}
	/* Every cut of a right answer is wrong. */
	for (size_t n = 0; ok && n < mine.n; n++) {
		struct sp_scram y;

		sp_scram_server_init(&y);
		y.verifier = x.verifier;
		assert_true(sp_scram_server_first(&y, sp_view_str(first)));
		memcpy(y.nonce, x.nonce, sizeof(y.nonce));
		sp_buf_clear(&out);
		assert_int_equal(sp_scram_server_challenge(&y, &out), SP_OK);
		assert_false(
		    sp_scram_server_final(&y, sp_view_mem(mine.p, n), &out));
		sp_scram_server_done(&y);
	}
	sp_scram_server_done(&x);
	sp_buf_done(&out);
	sp_buf_done(&mine);
	return (ok);
}

static void
test_an_exchange_wants_the_password(void **state)
{
	static const struct {
		const char *first, *password;
		bool ok;
	} rows[] = {
		{ "n,,n=mx1,r=abc", "secret pass", true },
		{ "y,,n=mx1,r=abc", "secret pass", true },
		{ "n,a=mx1,n=mx1,r=abc", "secret pass", true },
		{ "n,,n=mx1,r=abc,x=ext", "secret pass", true },
		{ "n,,n=mx1,r=abc", "secret pass ", false },
		{ "n,,n=mx1,r=abc", "", false },
		/* acting for another; binding that was not offered */
		{ "n,a=root,n=mx1,r=abc", "secret pass", false },
		{ "p=tls-unique,,n=mx1,r=abc", "secret pass", false },
		{ "n,,m=ext,n=mx1,r=abc", "secret pass", false },
		{ "n,,n=m=2Cx=3D1,r=abc", "secret pass", true },
		{ "n,,n=m=2c,r=abc", "secret pass", false },
		{ "n,,n=m=,r=abc", "secret pass", false },
		{ "n,,n=,r=abc", "secret pass", false },
		{ "n,,n=mx1,r=", "secret pass", false },
		{ "n,,n=mx1", "secret pass", false },
		{ "n,,r=abc,n=mx1", "secret pass", false },
		{ "n,n=mx1,r=abc", "secret pass", false },
		{ "x,,n=mx1,r=abc", "secret pass", false },
		{ "n", "secret pass", false },
		{ "", "secret pass", false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		if (exchange(rows[i].first, rows[i].password, NULL) !=
		    rows[i].ok)
			fail_msg("%s / %s", rows[i].first, rows[i].password);
	}
	assert_false(exchange("n,,n=mx1,r=abc", "", "c=biws,r=abc,p=AAAA"));
	assert_false(exchange("n,,n=mx1,r=abc", "", "p="));
}

static void
test_limits_of_an_exchange(void **state)
{
	char text[600];

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		size_t n = 9;

		memcpy(text, "n,,n=mx1,", n);
		text[n++] = 'r';
		text[n++] = '=';
		memset(text + n, 'x', SP_SCRAM_NONCE_MAX + over);
		text[n + SP_SCRAM_NONCE_MAX + over] = '\0';
		assert_int_equal(
		    exchange(text, "secret pass", NULL), over == 0);
		n = 5;
		memcpy(text, "n,,n=", n);
		memset(text + n, 'u', SP_SCRAM_NAME_MAX + over);
		n += SP_SCRAM_NAME_MAX + over;
		memcpy(text + n, ",r=abc", 7);
		assert_int_equal(
		    exchange(text, "secret pass", NULL), over == 0);
	}
}

static void
test_a_verifier_is_text_and_back(void **state)
{
	static const char *const bad[] = { "", "SCRAM-SHA-256",
		"SCRAM-SHA-256$4095:" SALT "$AA==:AA==",
		"SCRAM-SHA-1$4096:" SALT
		"$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"SCRAM-SHA-256$99999999999:" SALT
		"$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=" };
	struct sp_scram_verifier v, w;
	char text[SP_SCRAM_TEXT], again[SP_SCRAM_TEXT];
	size_t n;

	(void)state;
	sp_scram_make(SP_VIEW_LIT("x"), 4096, &v);
	n = sp_scram_format(&v, text);
	assert_int_equal(n, strlen(text));
	assert_true(sp_scram_parse(sp_view_mem(text, n), &w));
	assert_int_equal(sp_scram_format(&w, again), n);
	assert_string_equal(text, again);
	for (size_t i = 0; i < n; i++)
		assert_false(sp_scram_parse(sp_view_mem(text, i), &w));
	for (size_t i = 0; i < SP_COUNTOF(bad); i++)
		assert_false(sp_scram_parse(sp_view_str(bad[i]), &w));
	/* The longest salt fits. */
	v.salt_n = SP_SCRAM_SALT_MAX;
	memset(v.salt, 7, v.salt_n);
	v.iterations = SP_SCRAM_ITERATIONS_MAX;
	n = sp_scram_format(&v, text);
	assert_true(n < SP_SCRAM_TEXT);
	assert_true(sp_scram_parse(sp_view_mem(text, n), &w));
}

/* ---- users ------------------------------------------------------------ */

static void
set(struct sp_buf *text, const char *name, const char *password)
{
	struct sp_scram_verifier v;
	struct sp_buf out;
	bool had;

	if (password != NULL)
		sp_scram_make(sp_view_str(password), 4096, &v);
	sp_buf_init(&out, SP_USERS_FILE_MAX);
	assert_int_equal(sp_users_edit(sp_buf_view(text), name,
			     password == NULL ? NULL : &v, &out, &had),
	    SP_OK);
	sp_buf_done(text);
	*text = out;
}

static void
test_users_are_made_changed_and_removed(void **state)
{
	struct sp_scram_verifier v, w, x;
	struct sp_users *u = NULL;
	struct sp_user *who;
	struct sp_buf text;
	struct sp_err err;

	(void)state;
	sp_buf_init(&text, SP_USERS_FILE_MAX);
	set(&text, "mx1", "first");
	set(&text, "mx2@corp.example", "other");
	assert_int_equal(sp_buf_adds(&text, "# a comment\n\n"), SP_OK);
	set(&text, "mx1", "second");
	assert_null(strstr(sp_buf_cstr(&text), "second"));
	assert_non_null(strstr(sp_buf_cstr(&text), "\n# a comment\n\n"));
	assert_int_equal(
	    sp_users_parse("f", sp_buf_view(&text), &u, &err), SP_OK);
	assert_int_equal(u->n, 2);
	who = sp_users_find(u, "mx1", &v);
	assert_non_null(who);
	assert_true(sp_scram_check(&v, SP_VIEW_LIT("second")));
	assert_false(sp_scram_check(&v, SP_VIEW_LIT("first")));
	/* What was right once is known again, and only that. */
	assert_false(sp_users_is_cached(u, who, SP_VIEW_LIT("second")));
	sp_users_cache(u, who, SP_VIEW_LIT("second"));
	assert_true(sp_users_is_cached(u, who, SP_VIEW_LIT("second")));
	assert_false(sp_users_is_cached(u, who, SP_VIEW_LIT("first")));
	assert_false(sp_users_is_cached(u, NULL, SP_VIEW_LIT("second")));
	/* An unknown name looks like any, and always the same. */
	assert_null(sp_users_find(u, "nobody", &v));
	assert_null(sp_users_find(u, "nobody", &w));
	assert_null(sp_users_find(u, "MX1", &x));
	assert_int_equal(v.iterations, 4096);
	assert_int_equal(v.salt_n, SP_SCRAM_SALT);
	assert_memory_equal(v.salt, w.salt, v.salt_n);
	assert_memory_not_equal(v.salt, x.salt, v.salt_n);
	sp_users_free(u);
	set(&text, "mx1", NULL);
	u = NULL;
	assert_int_equal(
	    sp_users_parse("f", sp_buf_view(&text), &u, &err), SP_OK);
	assert_int_equal(u->n, 1);
	sp_users_free(u);
	/* Whatever its length, it is users or an error. */
	for (size_t n = 0; n < text.n; n++) {
		u = NULL;
		if (sp_users_parse("f", sp_view_mem(text.p, n), &u, &err) ==
		    SP_OK)
			sp_users_free(u);
		else
			assert_int_equal(memcmp(err.msg, "f:", 2), 0);
	}
	sp_buf_done(&text);
}

static void
test_a_wrong_file_of_users_is_named_with_its_line(void **state)
{
	static const char head[] =
	    "sealpost-users/1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
	static const char user[] =
	    "mx1:SCRAM-SHA-256$4096:" SALT
	    "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
	    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n";
	struct sp_users *u = NULL;
	struct sp_buf text;
	struct sp_err err;

	(void)state;
	sp_buf_init(&text, 4096);
	assert_int_equal(
	    sp_users_parse("f", SP_VIEW_LIT("mx1:pw\n"), &u, &err), SP_ECONFIG);
	assert_non_null(strstr(err.msg, "f:1: not a file of users"));
	assert_int_equal(
	    sp_buf_addf(&text, "%s#\n%s%s", head, user, user), SP_OK);
	assert_int_equal(
	    sp_users_parse("f", sp_buf_view(&text), &u, &err), SP_ECONFIG);
	assert_string_equal(err.msg, "f:4: user mx1 is there twice");
	sp_buf_clear(&text);
	assert_int_equal(
	    sp_buf_addf(&text, "%s%smx2:plain\n", head, user), SP_OK);
	assert_int_equal(
	    sp_users_parse("f", sp_buf_view(&text), &u, &err), SP_ECONFIG);
	assert_non_null(strstr(err.msg, "f:3: not NAME:SCRAM-SHA-256$"));
	sp_buf_done(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_of_rfc_7677),
		cmocka_unit_test(test_an_exchange_wants_the_password),
		cmocka_unit_test(test_limits_of_an_exchange),
		cmocka_unit_test(test_a_verifier_is_text_and_back),
		cmocka_unit_test(test_users_are_made_changed_and_removed),
		cmocka_unit_test(
		    test_a_wrong_file_of_users_is_named_with_its_line),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
