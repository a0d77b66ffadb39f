/*
 * Any bytes for a server's session, before, in or behind a handshake, in
 * pieces: the first byte says how many of the client's own bytes go ahead
 * and how large the pieces are.  No crash, a bounded answer, a reason for each
 * failure, and no plaintext that the client did not write.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../tls/certs.h"
#include "journal/tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sp_tls_ctx *server, *client;

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
make_contexts(void)
{
	struct cert c;
	struct sp_tls_identity id;
	char pin[SP_TLS_FINGERPRINT + 1], *pem;
	const char *pins[] = { pin };

	cert_make(&c, &(struct cert_opts){ .cn = "x", .names = "DNS:x" });
	pem = cert_both_pem(&c, NULL);
	id = (struct sp_tls_identity){ .cert = pem_of("x.pem", pem) };
	cert_sha256(&c, pin);
	must(sp_tls_ctx_new(&(struct sp_tls_opts){ .server = true,
				.identity = &id,
				.nidentity = 1,
				.pins = pins,
				.npins = 1,
				.ask = SP_TLS_ASK_REQUEST },
		 &server, NULL) == SP_OK);
	must(sp_tls_ctx_new(&(struct sp_tls_opts){ .pins = pins, .npins = 1 },
		 &client, NULL) == SP_OK);
	free(pem);
	cert_done(&c);
}

static size_t
drain(struct sp_tls *t)
{
	char plain[1000];
	size_t n, total = 0;

	while ((n = sp_tls_read(t, plain, sizeof(plain))) > 0)
		total += n;
	return (total);
}

/* As far as the client comes in ${rounds} flights. */
static void
ahead(struct sp_tls *s, struct sp_tls *c, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		struct sp_tls *from = i % 2 == 0 ? c : s;
		struct sp_tls *to = from == c ? s : c;

		sp_tls_feed(to, sp_tls_out(from)->p, sp_tls_out(from)->n);
		sp_buf_clear(sp_tls_out(from));
		must(drain(to) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_tls *s, *c = NULL;
	size_t step, n;

	if (size == 0)
		return (0);
	if (server == NULL)
		make_contexts();
	s = sp_tls_accept(server);
	must(sp_tls_connect(client, "x", &c, NULL) == SP_OK);
	ahead(s, c, data[0] & 3);
	step = 1 + (data[0] >> 2);
	for (size_t at = 1; at < size; at += n) {
		n = size - at < step ? size - at : step;
		sp_tls_feed(s, data + at, n);
		must(drain(s) == 0);
		must(sp_tls_out(s)->n <= SP_TLS_OUT_MAX);
	}
	must(
	    (sp_tls_state(s) == SP_TLS_FAILED) == (sp_tls_error(s)[0] != '\0'));
	sp_tls_close(s);
	sp_tls_free(s);
	sp_tls_free(c);
	return (0);
}
