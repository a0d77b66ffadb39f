/* Two sessions that talk to one another, cut at every byte. */
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs.h"

static struct cert ca, server, other;
static char *server_pem, *other_pem, *ca_pem;

struct pair {
	struct sp_tls_ctx *sctx, *cctx;
	struct sp_tls *s, *c;
};

static int
setup(void **state)
{
	(void)state;
	cert_make(&ca, &(struct cert_opts){ .cn = "Test CA", .ca = true });
	cert_make(&server, &(struct cert_opts){ .cn = "mx",
			       .names = "DNS:mx.example,IP:192.0.2.1",
			       .issuer = &ca,
			       .serial = 2 });
	cert_make(&other, &(struct cert_opts){ .cn = "other",
			      .names = "DNS:*.other.example",
			      .issuer = &ca,
			      .serial = 3 });
	server_pem = cert_both_pem(&server, NULL);
	other_pem = cert_both_pem(&other, NULL);
	ca_pem = cert_pem(&ca);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	free(server_pem);
	free(other_pem);
	free(ca_pem);
	cert_done(&ca);
	cert_done(&server);
	cert_done(&other);
	return (0);
}

static void
contexts(struct pair *p)
{
	const struct sp_tls_identity id[2] = {
		{ .cert = pem_of("server.pem", server_pem) },
		{ .cert = pem_of("other.pem", other_pem) },
	};
	struct sp_err err;

	*p = (struct pair){ .s = NULL };
	if (sp_tls_ctx_new(
		&(struct sp_tls_opts){
		    .server = true, .identity = id, .nidentity = 2 },
		&p->sctx, &err) != SP_OK ||
	    sp_tls_ctx_new(
		&(struct sp_tls_opts){ .ca = pem_of("ca.pem", ca_pem) },
		&p->cctx, &err) != SP_OK)
		fail_msg("%s", err.msg);
}

static void
open_pair(struct pair *p, const char *host)
{
	struct sp_err err;

	p->s = sp_tls_accept(p->sctx);
	if (sp_tls_connect(p->cctx, host, &p->c, &err) != SP_OK)
		fail_msg("%s", err.msg);
}

static void
done(struct pair *p)
{
	sp_tls_free(p->s);
	sp_tls_free(p->c);
	sp_tls_ctx_free(p->sctx);
	sp_tls_ctx_free(p->cctx);
}

/* What ${from} has for ${to}, in pieces of ${step}; plaintext goes to ${got}. */
static bool
carry(struct sp_tls *from, struct sp_tls *to, size_t step, struct sp_buf *got)
{
	struct sp_buf *out = sp_tls_out(from);
	char plain[512];
	size_t n;
	bool any = out->n > 0;

	while (out->n > 0) {
		n = out->n < step ? out->n : step;
		sp_tls_feed(to, out->p, n);
		sp_buf_consume(out, n);
		while ((n = sp_tls_read(to, plain, sizeof(plain))) > 0) {
			if (got != NULL)
				assert_int_equal(
				    sp_buf_add(got, plain, n), SP_OK);
		}
	}
	return (any);
}

static void
settle(struct pair *p, size_t step, struct sp_buf *at_s, struct sp_buf *at_c)
{
	bool any;

	do {
		any = carry(p->c, p->s, step, at_s);
		any = carry(p->s, p->c, step, at_c) || any;
	} while (any);
}

static void
talk(struct pair *p, size_t step)
{
	static char big[100000];
	struct sp_buf a, b;
	struct sp_tls_info info;

	sp_buf_init(&a, 1u << 20);
	sp_buf_init(&b, 1u << 20);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	settle(p, step, &a, &b);
	assert_string_equal(sp_tls_error(p->s), "");
	assert_string_equal(sp_tls_error(p->c), "");
	assert_int_equal(sp_tls_state(p->s), SP_TLS_OPEN);
	assert_int_equal(sp_tls_state(p->c), SP_TLS_OPEN);
	assert_int_equal(sp_tls_write(p->c, "EHLO x\r\n", 8), SP_OK);
	assert_int_equal(sp_tls_write(p->s, big, sizeof(big)), SP_OK);
	settle(p, step, &a, &b);
	assert_int_equal(a.n, 8);
	assert_memory_equal(a.p, "EHLO x\r\n", 8);
	assert_int_equal(b.n, sizeof(big));
	assert_memory_equal(b.p, big, sizeof(big));
	sp_tls_info(p->c, &info);
	assert_true(info.verified);
	assert_string_equal(info.version, "TLSv1.3");
	sp_tls_close(p->c);
	settle(p, step, NULL, NULL);
	assert_int_equal(sp_tls_state(p->s), SP_TLS_CLOSED);
	assert_int_equal(sp_tls_state(p->c), SP_TLS_OPEN);
	/* One side is closed; the other may still speak. */
	sp_buf_clear(&b);
	assert_int_equal(sp_tls_write(p->s, "221\r\n", 5), SP_OK);
	sp_tls_close(p->s);
	settle(p, step, NULL, &b);
	assert_int_equal(b.n, 5);
	assert_int_equal(sp_tls_state(p->c), SP_TLS_CLOSED);
	sp_buf_done(&a);
	sp_buf_done(&b);
}

static void
test_bytes_come_through_however_they_are_cut(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 5, 7, 64, 1000, 16384,
		SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(steps); i++) {
		struct pair p;

		contexts(&p);
		open_pair(&p, "mx.example");
		talk(&p, steps[i]);
		done(&p);
	}
}

/* The client's first flight in two parts, cut at every position. */
static void
test_a_hello_may_be_cut_anywhere(void **state)
{
	struct pair p;
	size_t n = 1;

	(void)state;
	contexts(&p);
	for (size_t at = 0; at < n; at++) {
		struct sp_buf *out;

		open_pair(&p, "mx.example");
		out = sp_tls_out(p.c);
		n = out->n;
		sp_tls_feed(p.s, out->p, at);
		assert_int_equal(sp_tls_read(p.s, NULL, 0), 0);
		assert_int_equal(sp_tls_state(p.s), SP_TLS_HANDSHAKE);
		assert_int_equal(sp_tls_out(p.s)->n, 0);
		sp_buf_consume(out, at);
		settle(&p, SIZE_MAX, NULL, NULL);
		assert_int_equal(sp_tls_state(p.s), SP_TLS_OPEN);
		assert_int_equal(sp_tls_state(p.c), SP_TLS_OPEN);
		sp_tls_free(p.s);
		sp_tls_free(p.c);
	}
	p.s = p.c = NULL;
	done(&p);
}

static void
test_the_certificate_is_chosen_by_the_name_asked_for(void **state)
{
	static const struct {
		const char *host;
		const struct cert *want;
		const char *sni;
	} table[] = {
		{ "mx.example", &server, "mx.example" },
		{ "a.other.example", &other, "a.other.example" },
		{ "b.other.example", &other, "b.other.example" },
		{ "192.0.2.1", &server, NULL },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(table); i++) {
		char want[SP_TLS_FINGERPRINT + 1];
		struct sp_tls_info info;
		struct pair p;

		contexts(&p);
		open_pair(&p, table[i].host);
		settle(&p, SIZE_MAX, NULL, NULL);
		assert_string_equal(sp_tls_error(p.c), "");
		sp_tls_info(p.c, &info);
		cert_sha256(table[i].want, want);
		assert_string_equal(info.peer_sha256, want);
		sp_tls_info(p.s, &info);
		assert_null(info.peer_sha256);
		assert_false(info.verified);
		if (table[i].sni == NULL)
			assert_null(info.sni);
		else
			assert_string_equal(info.sni, table[i].sni);
		done(&p);
	}
}

static void
test_what_is_not_tls_gets_one_clear_line(void **state)
{
	static const struct {
		const char *in, *want;
	} table[] = {
		{ "GET / HTTP/1.1\r\n\r\n",
		    "TLS handshake: the peer speaks HTTP, not TLS" },
		{ "EHLO mx.example\r\nMAIL FROM:<>\r\n",
		    "TLS handshake: the peer does not speak TLS" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(table); i++) {
		struct pair p;

		contexts(&p);
		p.s = sp_tls_accept(p.sctx);
		sp_tls_feed(p.s, table[i].in, strlen(table[i].in));
		assert_int_equal(sp_tls_read(p.s, NULL, 0), 0);
		assert_int_equal(sp_tls_state(p.s), SP_TLS_FAILED);
		assert_string_equal(sp_tls_error(p.s), table[i].want);
		sp_tls_feed(p.s, "more", 4);
		assert_int_equal(sp_tls_read(p.s, NULL, 0), 0);
		done(&p);
	}
}

/* A client of OpenSSL's own, for what ours does not do. */
struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
};

static void
raw_open(struct raw *r, int max_version, SSL_SESSION *session)
{
	if (r->ctx == NULL)
		r->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(r->ctx, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(r->ctx, 0), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(r->ctx, max_version), 1);
	r->ssl = SSL_new(r->ctx);
	r->in = BIO_new(BIO_s_mem());
	r->out = BIO_new(BIO_s_mem());
	SSL_set_bio(r->ssl, r->in, r->out);
	SSL_set_connect_state(r->ssl);
	if (session != NULL)
		assert_int_equal(SSL_set_session(r->ssl, session), 1);
}

static void
raw_settle(struct raw *r, struct sp_tls *s)
{
	char *p, plain[64];

	for (int i = 0; i < 8; i++) {
		struct sp_buf *out = sp_tls_out(s);
		long n;

		(void)SSL_read(r->ssl, plain, sizeof(plain));
		n = BIO_get_mem_data(r->out, &p);
		sp_tls_feed(s, p, (size_t)n);
		(void)BIO_reset(r->out);
		(void)sp_tls_read(s, plain, sizeof(plain));
		if (out->n > 0)
			(void)BIO_write(r->in, out->p, (int)out->n);
		sp_buf_clear(out);
	}
}

static void
test_old_versions_are_refused(void **state)
{
	static const struct {
		int version;
		bool ok;
	} table[] = { { TLS1_VERSION, false }, { TLS1_1_VERSION, false },
		{ TLS1_2_VERSION, true }, { TLS1_3_VERSION, true } };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(table); i++) {
		struct raw r = { NULL, NULL, NULL, NULL };
		struct pair p;

		contexts(&p);
		p.s = sp_tls_accept(p.sctx);
		raw_open(&r, table[i].version, NULL);
		raw_settle(&r, p.s);
		assert_int_equal(sp_tls_state(p.s),
		    table[i].ok ? SP_TLS_OPEN : SP_TLS_FAILED);
		if (!table[i].ok)
			assert_string_equal(sp_tls_error(p.s),
			    "TLS handshake: the peer offers neither TLS 1.2 "
			    "nor TLS 1.3");
		SSL_free(r.ssl);
		SSL_CTX_free(r.ctx);
		done(&p);
	}
}

static SSL_SESSION *kept;

static int
keep(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = session;
	return (1);
}

static void
test_sessions_are_resumed_by_ticket(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(versions); i++) {
		struct raw r = { NULL, NULL, NULL, NULL };
		struct sp_tls_info info;
		struct pair p;

		contexts(&p);
		r.ctx = SSL_CTX_new(TLS_client_method());
		(void)SSL_CTX_set_session_cache_mode(
		    r.ctx, SSL_SESS_CACHE_CLIENT);
		SSL_CTX_sess_set_new_cb(r.ctx, keep);
		for (int round = 0; round < 2; round++) {
			p.s = sp_tls_accept(p.sctx);
			raw_open(&r, versions[i], kept);
			raw_settle(&r, p.s);
			assert_int_equal(sp_tls_state(p.s), SP_TLS_OPEN);
			sp_tls_info(p.s, &info);
			assert_int_equal(info.resumed, round == 1);
			assert_non_null(kept);
			(void)SSL_shutdown(r.ssl);
			SSL_free(r.ssl);
			sp_tls_free(p.s);
		}
		p.s = NULL;
		SSL_SESSION_free(kept);
		kept = NULL;
		SSL_CTX_free(r.ctx);
		done(&p);
	}
}

static void
test_a_client_cannot_renegotiate(void **state)
{
	struct raw r = { NULL, NULL, NULL, NULL };
	struct pair p;

	(void)state;
	contexts(&p);
	p.s = sp_tls_accept(p.sctx);
	raw_open(&r, TLS1_2_VERSION, NULL);
	raw_settle(&r, p.s);
	assert_int_equal(sp_tls_state(p.s), SP_TLS_OPEN);
	assert_int_equal(SSL_renegotiate(r.ssl), 1);
	(void)SSL_do_handshake(r.ssl);
	raw_settle(&r, p.s);
	/* The client gets a warning and its handshake does not go on. */
	assert_int_not_equal(SSL_renegotiate_pending(r.ssl), 0);
	SSL_free(r.ssl);
	SSL_CTX_free(r.ctx);
	done(&p);
}

/* Every byte of the handshake flipped, one at a time: never accepted. */
static void
test_no_changed_byte_of_a_record_is_accepted(void **state)
{
	struct pair p;
	size_t n = 1;

	(void)state;
	contexts(&p);
	for (size_t at = 0; at < n; at++) {
		struct sp_buf got;
		struct sp_buf *out;

		sp_buf_init(&got, 1000);
		open_pair(&p, "mx.example");
		settle(&p, SIZE_MAX, NULL, NULL);
		assert_int_equal(
		    sp_tls_write(p.c, "MAIL FROM:<>\r\n", 14), SP_OK);
		out = sp_tls_out(p.c);
		n = out->n;
		out->p[at] ^= 1;
		(void)carry(p.c, p.s, SIZE_MAX, &got);
		assert_int_equal(got.n, 0);
		assert_true(sp_tls_state(p.s) == SP_TLS_FAILED ||
			    (at >= 3 && at < 5)); /* a longer record */
		sp_tls_free(p.s);
		sp_tls_free(p.c);
		sp_buf_done(&got);
	}
	p.s = p.c = NULL;
	done(&p);
}

static void
test_what_waits_for_a_peer_has_a_limit(void **state)
{
	static char block[65536];
	struct pair p;
	enum sp_code rc = SP_OK;
	int i;

	(void)state;
	contexts(&p);
	open_pair(&p, "mx.example");
	settle(&p, SIZE_MAX, NULL, NULL);
	for (i = 0; rc == SP_OK && i < 20; i++)
		rc = sp_tls_write(p.s, block, sizeof(block));
	assert_int_equal(rc, SP_ELIMIT);
	assert_int_equal(i, 10); /* 9 * 64 KiB and their overhead fit */
	assert_int_equal(sp_tls_state(p.s), SP_TLS_FAILED);
	assert_true(sp_tls_out(p.s)->n <= SP_TLS_OUT_MAX);
	done(&p);
}

/* A context may be replaced while its sessions go on. */
static void
test_a_session_outlives_its_context(void **state)
{
	struct pair p;

	(void)state;
	contexts(&p);
	open_pair(&p, "mx.example");
	sp_tls_ctx_free(p.sctx);
	sp_tls_ctx_free(p.cctx);
	p.sctx = p.cctx = NULL;
	talk(&p, 100);
	done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_come_through_however_they_are_cut),
		cmocka_unit_test(test_a_hello_may_be_cut_anywhere),
		cmocka_unit_test(
		    test_the_certificate_is_chosen_by_the_name_asked_for),
		cmocka_unit_test(test_what_is_not_tls_gets_one_clear_line),
		cmocka_unit_test(test_old_versions_are_refused),
		cmocka_unit_test(test_sessions_are_resumed_by_ticket),
		cmocka_unit_test(test_a_client_cannot_renegotiate),
		cmocka_unit_test(test_no_changed_byte_of_a_record_is_accepted),
		cmocka_unit_test(test_what_waits_for_a_peer_has_a_limit),
		cmocka_unit_test(test_a_session_outlives_its_context),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
