/* Which certificates are accepted, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs.h"

#define DAY 86400

static struct cert ca, sub, good, deep, expired, future, own, revoked, stranger,
    client, client_old;
static char *ca_pem, *crl, *crl_old, *crl_sub;

static void
make_all(void)
{
	static struct cert other_ca;

	cert_make(&ca, &(struct cert_opts){ .cn = "Test CA", .ca = true });
	cert_make(&sub,
	    &(struct cert_opts){
		.cn = "Sub CA", .ca = true, .issuer = &ca, .serial = 10 });
	cert_make(
	    &good, &(struct cert_opts){ .cn = "mx",
		       .names = "DNS:mx.example,IP:192.0.2.1,IP:2001:db8::1",
		       .issuer = &ca,
		       .serial = 11 });
	cert_make(&deep, &(struct cert_opts){ .cn = "mx",
			     .names = "DNS:mx.example",
			     .issuer = &sub,
			     .serial = 12 });
	cert_make(&expired, &(struct cert_opts){ .cn = "mx",
				.names = "DNS:mx.example",
				.issuer = &ca,
				.serial = 13,
				.from = -3 * DAY,
				.until = -DAY });
	cert_make(&future, &(struct cert_opts){ .cn = "mx",
			       .names = "DNS:mx.example",
			       .issuer = &ca,
			       .serial = 14,
			       .from = DAY,
			       .until = 2 * DAY });
	cert_make(
	    &own, &(struct cert_opts){ .cn = "mx", .names = "DNS:mx.example" });
	cert_make(&revoked, &(struct cert_opts){ .cn = "mx",
				.names = "DNS:mx.example",
				.issuer = &ca,
				.serial = 666 });
	cert_make(
	    &other_ca, &(struct cert_opts){ .cn = "Other CA", .ca = true });
	cert_make(&stranger, &(struct cert_opts){ .cn = "mx",
				 .names = "DNS:mx.example",
				 .issuer = &other_ca,
				 .serial = 15 });
	cert_done(&other_ca);
	cert_make(&client, &(struct cert_opts){ .cn = "mta",
			       .issuer = &ca,
			       .serial = 16,
			       .client_only = true });
	cert_make(&client_old, &(struct cert_opts){ .cn = "mta",
				   .issuer = &ca,
				   .serial = 17,
				   .from = -3 * DAY,
				   .until = -1 });
}

static int
setup(void **state)
{
	(void)state;
	make_all();
	ca_pem = cert_pem(&ca);
	crl = cert_crl_pem(&ca, 666, DAY);
	crl_old = cert_crl_pem(&ca, 666, -DAY);
	crl_sub = cert_crl_pem(&ca, 10, DAY);
	return (0);
}

static int
teardown(void **state)
{
	struct cert *all[] = { &ca, &sub, &good, &deep, &expired, &future, &own,
		&revoked, &stranger, &client, &client_old };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(all); i++)
		cert_done(all[i]);
	free(ca_pem);
	free(crl);
	free(crl_old);
	free(crl_sub);
	return (0);
}

static void
settle(struct sp_tls *a, struct sp_tls *b)
{
	char plain[64];

	for (int i = 0; i < 6; i++) {
		struct sp_tls *from = i % 2 == 0 ? a : b,
			      *to = from == a ? b : a;
		struct sp_buf *out = sp_tls_out(from);

		sp_tls_feed(to, out->p, out->n);
		sp_buf_clear(out);
		(void)sp_tls_read(to, plain, sizeof(plain));
	}
}

static struct sp_tls_ctx *
server_ctx(const struct cert *c, const struct cert *issuer,
    const struct sp_tls_opts *more)
{
	struct sp_tls_opts o = *more;
	char *pem = cert_both_pem(c, issuer);
	const struct sp_tls_identity id = { .cert = pem_of("cert.pem", pem) };
	struct sp_tls_ctx *ctx = NULL;
	struct sp_err err;

	o.server = true;
	o.identity = &id;
	o.nidentity = 1;
	if (sp_tls_ctx_new(&o, &ctx, &err) != SP_OK)
		fail_msg("%s", err.msg);
	free(pem);
	return (ctx);
}

struct row {
	const char *name;
	const struct cert *cert, *issuer;
	const char *host;
	bool ca;
	char **crl;
	const struct cert *pin;
	const char *why; /* NULL: accepted */
};

static const struct row rows[] = {
	{ "good", &good, NULL, "mx.example", true, NULL, NULL, NULL },
	{ "good, by address", &good, NULL, "192.0.2.1", true, NULL, NULL,
	    NULL },
	{ "good, by IPv6", &good, NULL, "2001:db8::1", true, NULL, NULL, NULL },
	{ "intermediate", &deep, &sub, "mx.example", true, NULL, NULL, NULL },
	{ "intermediate missing", &deep, NULL, "mx.example", true, NULL, NULL,
	    "it comes from an unknown authority" },
	{ "expired", &expired, NULL, "mx.example", true, NULL, NULL,
	    "it has expired" },
	{ "not yet", &future, NULL, "mx.example", true, NULL, NULL,
	    "it is not valid yet" },
	{ "wrong name", &good, NULL, "mail.example", true, NULL, NULL,
	    "it is for another name" },
	{ "wrong address", &good, NULL, "192.0.2.2", true, NULL, NULL,
	    "it is for another address" },
	{ "self-signed", &own, NULL, "mx.example", true, NULL, NULL,
	    "it is self-signed" },
	{ "unknown authority", &stranger, NULL, "mx.example", true, NULL, NULL,
	    "it comes from an unknown authority" },
	{ "for clients only", &client, NULL, "mx.example", true, NULL, NULL,
	    "it is not made for this use" },
	{ "listed, not revoked", &good, NULL, "mx.example", true, &crl, NULL,
	    NULL },
	{ "revoked", &revoked, NULL, "mx.example", true, &crl, NULL,
	    "it was revoked" },
	{ "revoked, no list", &revoked, NULL, "mx.example", true, NULL, NULL,
	    NULL },
	{ "list expired", &good, NULL, "mx.example", true, &crl_old, NULL,
	    "the revocation list of its authority has expired" },
	{ "issuer without list", &deep, &sub, "mx.example", true, &crl, NULL,
	    "its authority has no revocation list here" },
	{ "pinned self-signed", &own, NULL, "mx.example", false, NULL, &own,
	    NULL },
	{ "pinned, other name", &own, NULL, "192.0.2.9", false, NULL, &own,
	    NULL },
	{ "pinned expired", &expired, NULL, "mx.example", false, NULL, &expired,
	    NULL },
	{ "not the pinned", &good, NULL, "mx.example", false, NULL, &own,
	    "its fingerprint is not one of those expected" },
	{ "chain and pin", &good, NULL, "mx.example", true, NULL, &good, NULL },
	{ "chain, not the pinned", &good, NULL, "mx.example", true, NULL, &own,
	    "its fingerprint is not one of those expected" },
	{ "pin, bad chain", &own, NULL, "mx.example", true, NULL, &own,
	    "it is self-signed" },
};

static void
check_row(const struct row *r)
{
	char pin[SP_TLS_FINGERPRINT + 1] = "", sha[SP_TLS_FINGERPRINT + 1];
	const char *pins[] = { pin };
	const struct sp_tls_opts opts = {
		.ca = pem_of("ca.pem", r->ca ? ca_pem : NULL),
		.crl = pem_of("crl.pem", r->crl == NULL ? NULL : *r->crl),
		.pins = pins,
		.npins = r->pin != NULL,
	};
	struct sp_tls_ctx *sctx, *cctx = NULL;
	struct sp_tls *s, *c = NULL;
	struct sp_tls_info info;
	struct sp_err err;
	char want[400];

	if (r->pin != NULL)
		cert_sha256(r->pin, pin);
	cert_sha256(r->cert, sha);
	sctx = server_ctx(r->cert, r->issuer, &(struct sp_tls_opts){ 0 });
	if (sp_tls_ctx_new(&opts, &cctx, &err) != SP_OK ||
	    sp_tls_connect(cctx, r->host, &c, &err) != SP_OK)
		fail_msg("%s: %s", r->name, err.msg);
	s = sp_tls_accept(sctx);
	settle(c, s);
	(void)snprintf(want, sizeof(want),
	    "the peer's certificate (SHA-256 %s) is not accepted: %s", sha,
	    r->why == NULL ? "" : r->why);
	if (strcmp(sp_tls_error(c), r->why == NULL ? "" : want) != 0)
		fail_msg("%s: got \"%s\", want \"%s\"", r->name,
		    sp_tls_error(c), r->why == NULL ? "" : r->why);
	assert_int_equal(
	    sp_tls_state(c), r->why == NULL ? SP_TLS_OPEN : SP_TLS_FAILED);
	sp_tls_info(c, &info);
	assert_int_equal(info.verified, r->why == NULL);
	assert_string_equal(info.why, r->why == NULL ? "" : r->why);
	assert_string_equal(info.peer_sha256, sha);
	/* The server is told. */
	assert_int_equal(
	    sp_tls_state(s), r->why == NULL ? SP_TLS_OPEN : SP_TLS_FAILED);
	sp_tls_free(s);
	sp_tls_free(c);
	sp_tls_ctx_free(sctx);
	sp_tls_ctx_free(cctx);
}

static void
test_a_client_accepts_only_what_it_can_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++)
		check_row(&rows[i]);
}

static void
test_a_revoked_intermediate_is_noticed(void **state)
{
	char *both = sp_xasprintf("%s%s", crl_sub, "");
	const struct sp_tls_opts opts = {
		.ca = pem_of("ca.pem", ca_pem),
		.crl = pem_of("crl.pem", both),
	};
	char *list = cert_crl_pem(&sub, 0, DAY), *all;
	struct sp_tls_opts with = opts;
	struct sp_tls_ctx *sctx, *cctx = NULL;
	struct sp_tls *s, *c = NULL;
	struct sp_tls_info info;

	(void)state;
	all = sp_xasprintf("%s%s", crl_sub, list);
	with.crl = pem_of("crl.pem", all);
	sctx = server_ctx(&deep, &sub, &(struct sp_tls_opts){ 0 });
	assert_int_equal(sp_tls_ctx_new(&with, &cctx, NULL), SP_OK);
	assert_int_equal(sp_tls_connect(cctx, "mx.example", &c, NULL), SP_OK);
	s = sp_tls_accept(sctx);
	settle(c, s);
	sp_tls_info(c, &info);
	assert_string_equal(info.why, "it was revoked");
	assert_int_equal(sp_tls_state(c), SP_TLS_FAILED);
	sp_tls_free(s);
	sp_tls_free(c);
	sp_tls_ctx_free(sctx);
	sp_tls_ctx_free(cctx);
	free(both);
	free(list);
	free(all);
}

/* ---- certificates of clients --------------------------------------- */

struct client_row {
	const char *name;
	const struct cert *cert; /* NULL: none */
	enum sp_tls_ask ask;
	bool ca;
	const struct cert *pin;
	bool open, verified;
	const char *why;
};

static const struct client_row client_rows[] = {
	{ "none, not asked", NULL, SP_TLS_ASK_NEVER, false, NULL, true, false,
	    "it gave no certificate" },
	{ "one, not asked", &client, SP_TLS_ASK_NEVER, false, NULL, true, false,
	    "it gave no certificate" },
	{ "none, asked", NULL, SP_TLS_ASK_REQUEST, true, NULL, true, false,
	    "it gave no certificate" },
	{ "good, asked", &client, SP_TLS_ASK_REQUEST, true, NULL, true, true,
	    "" },
	{ "expired, asked", &client_old, SP_TLS_ASK_REQUEST, true, NULL, true,
	    false, "it has expired" },
	{ "own, asked", &own, SP_TLS_ASK_REQUEST, true, NULL, true, false,
	    "it is self-signed" },
	{ "own, pinned", &own, SP_TLS_ASK_REQUEST, false, &own, true, true,
	    "" },
	{ "own, another pinned", &own, SP_TLS_ASK_REQUEST, false, &good, true,
	    false, "its fingerprint is not one of those expected" },
	{ "none, required", NULL, SP_TLS_ASK_REQUIRE, true, NULL, false, false,
	    "it gave no certificate" },
	{ "good, required", &client, SP_TLS_ASK_REQUIRE, true, NULL, true, true,
	    "" },
	{ "expired, required", &client_old, SP_TLS_ASK_REQUIRE, true, NULL,
	    false, false, "it has expired" },
};

static void
check_client_row(const struct client_row *r)
{
	char pin[SP_TLS_FINGERPRINT + 1] = "";
	const char *pins[] = { pin };
	char *pem = r->cert == NULL ? NULL : cert_both_pem(r->cert, NULL);
	const struct sp_tls_identity id = { .cert = pem_of("c.pem", pem) };
	const struct sp_tls_opts sopts = {
		.ca = pem_of("ca.pem", r->ca ? ca_pem : NULL),
		.pins = pins,
		.npins = r->pin != NULL,
		.ask = r->ask,
	};
	struct sp_tls_ctx *sctx, *cctx = NULL;
	struct sp_tls *s, *c = NULL;
	struct sp_tls_info info;

	if (r->pin != NULL)
		cert_sha256(r->pin, pin);
	sctx = server_ctx(&good, NULL, &sopts);
	assert_int_equal(sp_tls_ctx_new(
			     &(struct sp_tls_opts){
				 .ca = pem_of("ca.pem", ca_pem),
				 .identity = &id,
				 .nidentity = r->cert != NULL,
			     },
			     &cctx, NULL),
	    SP_OK);
	assert_int_equal(sp_tls_connect(cctx, "mx.example", &c, NULL), SP_OK);
	s = sp_tls_accept(sctx);
	settle(c, s);
	sp_tls_info(s, &info);
	if ((sp_tls_state(s) == SP_TLS_OPEN) != r->open ||
	    info.verified != r->verified || strcmp(info.why, r->why) != 0)
		fail_msg("%s: state %d, verified %d, why \"%s\", error \"%s\"",
		    r->name, (int)sp_tls_state(s), info.verified, info.why,
		    sp_tls_error(s));
	assert_int_equal(info.peer_sha256 != NULL,
	    r->cert != NULL && r->ask != SP_TLS_ASK_NEVER);
	sp_tls_free(s);
	sp_tls_free(c);
	sp_tls_ctx_free(sctx);
	sp_tls_ctx_free(cctx);
	free(pem);
}

static void
test_client_certificates_are_asked_for_and_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(client_rows); i++)
		check_client_row(&client_rows[i]);
}

/* ---- files that are wrong ------------------------------------------- */

static char warned[300];

static void
on_warn(void *ctx, const char *text)
{
	(void)ctx;
	(void)snprintf(warned, sizeof(warned), "%s", text);
}

struct files {
	const char *cert, *key, *ca, *crl, *want;
};

static void
check_files(size_t row, const struct files *f)
{
	const struct sp_tls_identity id = {
		.cert = pem_of("cert.pem", f->cert),
		.key = pem_of("key.pem", f->key),
	};
	struct sp_tls_ctx *ctx = NULL;
	struct sp_err err = { .code = SP_OK };
	enum sp_code rc = sp_tls_ctx_new(&(struct sp_tls_opts){ .server = true,
					     .identity = &id,
					     .nidentity = 1,
					     .ca = pem_of("ca.pem", f->ca),
					     .crl = pem_of("crl.pem", f->crl) },
	    &ctx, &err);

	if ((rc == SP_OK) != (f->want == NULL) ||
	    (rc != SP_OK && strcmp(err.msg, f->want) != 0))
		fail_msg("row %zu: got \"%s\", want \"%s\"", row, err.msg,
		    f->want == NULL ? "" : f->want);
	sp_tls_ctx_free(ctx);
}

static void
test_wrong_lists_get_one_clear_line(void **state)
{
	char *both = cert_both_pem(&good, NULL);
	const struct files table[] = {
		{ both, NULL, "x", NULL,
		    "ca.pem has no certificate in it; expected PEM "
		    "(-----BEGIN CERTIFICATE-----)" },
		{ both, NULL, ca_pem, "x",
		    "crl.pem has no revocation list in it; expected PEM "
		    "(-----BEGIN X509 CRL-----)" },
		{ both, NULL, NULL, crl,
		    "a revocation list needs the authorities that it is of" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(table); i++)
		check_files(i, &table[i]);
	free(both);
}

static void
test_wrong_files_get_one_clear_line(void **state)
{
	char *cert = cert_pem(&good), *key = cert_key_pem(&good);
	char *foreign = cert_key_pem(&own), *locked = cert_locked_pem(&good);
	char *both = cert_both_pem(&good, NULL);
	char *damaged = sp_xstrdup(cert);
	const struct files table[] = {
		{ both, NULL, NULL, NULL, NULL },
		{ cert, key, NULL, NULL, NULL },
		{ "", NULL, NULL, NULL,
		    "cert.pem has no certificate in it; expected PEM "
		    "(-----BEGIN CERTIFICATE-----)" },
		{ key, NULL, NULL, NULL,
		    "cert.pem has no certificate in it; expected PEM "
		    "(-----BEGIN CERTIFICATE-----)" },
		{ damaged, key, NULL, NULL,
		    "cert.pem: certificate 1 in it is damaged" },
		{ cert, NULL, NULL, NULL,
		    "cert.pem has no private key in it; expected PEM "
		    "(-----BEGIN PRIVATE KEY-----)" },
		{ cert, foreign, NULL, NULL,
		    "key.pem: the key does not belong to the first certificate "
		    "of cert.pem" },
		{ cert, locked, NULL, NULL,
		    "key.pem: its key has a passphrase; expected a key without "
		    "one (openssl pkey)" },
		{ cert,
		    "-----BEGIN PRIVATE KEY-----\nAAAA\n"
		    "-----END PRIVATE KEY-----\n",
		    NULL, NULL,
		    "key.pem: its private key is damaged or of an unknown "
		    "kind" },
	};

	(void)state;
	damaged[100] = damaged[100] == 'A' ? 'B' : 'A';
	damaged[60] = '!';
	for (size_t i = 0; i < SP_COUNTOF(table); i++)
		check_files(i, &table[i]);
	free(cert);
	free(key);
	free(foreign);
	free(locked);
	free(both);
	free(damaged);
}

static void
test_an_expired_certificate_of_ours_is_a_warning(void **state)
{
	char *old = cert_both_pem(&expired, NULL);
	const struct sp_tls_identity id = { .cert = pem_of("old.pem", old) };
	struct sp_tls_ctx *ctx = NULL;

	(void)state;
	assert_int_equal(sp_tls_ctx_new(&(struct sp_tls_opts){ .server = true,
					    .identity = &id,
					    .nidentity = 1,
					    .warn = on_warn },
			     &ctx, NULL),
	    SP_OK);
	assert_string_equal(warned,
	    "old.pem: the certificate has expired; peers that check it will "
	    "not send");
	sp_tls_ctx_free(ctx);
	free(old);
}

static void
test_a_client_that_could_check_nothing_is_refused(void **state)
{
	static const char *const bad[] = { "ab:cd" };
	struct sp_tls_ctx *ctx = NULL;
	struct sp_err err;

	(void)state;
	assert_int_equal(
	    sp_tls_ctx_new(
		&(struct sp_tls_opts){ .server = false }, &ctx, &err),
	    SP_EUSAGE);
	assert_string_equal(err.msg,
	    "nothing to check the peer's certificate against; expected "
	    "authorities or fingerprints");
	assert_int_equal(
	    sp_tls_ctx_new(
		&(struct sp_tls_opts){ .pins = bad, .npins = 1 }, &ctx, &err),
	    SP_EUSAGE);
	assert_string_equal(err.msg,
	    "\"ab:cd\" is no fingerprint; expected the SHA-256 of a "
	    "certificate, 64 hex digits");
}

static void
test_fingerprints_are_read_as_people_write_them(void **state)
{
	static const char plain[] = "00112233445566778899aabbccddeeff"
				    "00112233445566778899aabbccddeeff";
	char out[SP_TLS_FINGERPRINT + 1], text[200];

	(void)state;
	assert_true(sp_tls_fingerprint(plain, out));
	assert_string_equal(out, plain);
	assert_true(sp_tls_fingerprint(
	    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
	    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
	    out));
	assert_string_equal(out, plain);
	for (size_t n = 0; n < sizeof(plain) - 1; n++) {
		memcpy(text, plain, n);
		text[n] = '\0';
		assert_false(sp_tls_fingerprint(text, out));
	}
	assert_false(sp_tls_fingerprint("00112233445566778899aabbccddeeff"
					"00112233445566778899aabbccddeeff0",
	    out));
	assert_false(sp_tls_fingerprint(
	    "::112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	    out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_client_accepts_only_what_it_can_check),
		cmocka_unit_test(test_a_revoked_intermediate_is_noticed),
		cmocka_unit_test(
		    test_client_certificates_are_asked_for_and_judged),
		cmocka_unit_test(test_wrong_files_get_one_clear_line),
		cmocka_unit_test(test_wrong_lists_get_one_clear_line),
		cmocka_unit_test(
		    test_an_expired_certificate_of_ours_is_a_warning),
		cmocka_unit_test(
		    test_a_client_that_could_check_nothing_is_refused),
		cmocka_unit_test(
		    test_fingerprints_are_read_as_people_write_them),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
