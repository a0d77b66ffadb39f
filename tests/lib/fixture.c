/* See fixture.h. */
#include "tests/lib/fixture.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/layout.h"
#include "base/sha256.h"
#include "journal/seal/create.h"
#include "journal/seal/seal.h"

#define BY	  "sealpost test archive.test.example"
#define BATCH_MAX 256
#define MSG_MAX	  (64u << 20)

void
sp_must(enum sp_code code, const struct sp_err *err)
{
	if (code == SP_OK)
		return;
	(void)fprintf(stderr, "fixture: %s: %s\n", sp_err_name(code), err->msg);
	abort();
}

static uint64_t
mix(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31));
}

static const char *const words[] = { "invoice", "meeting", "contract", "draft",
	"please", "find", "attached", "the", "quarterly", "report", "and",
	"regards", "shipment", "delayed", "until", "monday", "budget",
	"approval", "customer", "ticket", "r\xc3\xa9sum\xc3\xa9", "caf\xc3\xa9",
	"\xe4\xba\xac\xe9\x83\xbd", "server", "restart", "audit", "ledger",
	"payment", "received", "thanks" };

static const char *const people[] = { "alice", "bob", "carol", "dave", "erin",
	"frank", "grace", "heidi" };

static void
add(struct sp_buf *b, const char *s)
{
	if (sp_buf_adds(b, s) != SP_OK)
		abort();
}

static void
text(struct sp_buf *b, uint64_t *rng, size_t bytes)
{
	for (size_t col = 0, stop = b->n + bytes; b->n < stop;) {
		const char *w = words[mix(rng) % SP_COUNTOF(words)];

		add(b, w);
		col += strlen(w) + 1;
		add(b, col > 66 ? "\r\n" : " ");
		if (col > 66)
			col = 0;
	}
	add(b, "\r\n");
}

static const char *
person(uint64_t *rng)
{
	return (people[mix(rng) % SP_COUNTOF(people)]);
}

void
sp_fixture_message(uint64_t seed, struct sp_buf *out)
{
	uint64_t rng = seed;
	bool attach = mix(&rng) % 8 == 0;

	sp_buf_clear(out);
	if (seed % 61 == 60)
		return; /* an empty message is one too */
	if (sp_buf_addf(out,
		"From: %s@corp.example\r\nTo: %s@corp.example\r\n"
		"Subject: %s %s %" PRIu64 "\r\n"
		"Message-ID: <%" PRIu64 "@corp.example>\r\n"
		"Date: Mon, 23 Nov 2026 16:31:02 +0000\r\nMIME-Version: "
		"1.0\r\n",
		person(&rng), person(&rng), words[mix(&rng) % 20],
		words[mix(&rng) % 20], seed, seed) != SP_OK)
		abort();
	if (attach)
		add(out,
		    "Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n"
		    "--=_b\r\n");
	add(out, "Content-Type: text/plain; charset=utf-8\r\n"
		 "Content-Transfer-Encoding: 8bit\r\n\r\n");
	text(out, &rng, 100 + mix(&rng) % 4000);
	if (attach) {
		add(out,
		    "--=_b\r\nContent-Type: text/csv; name=\"table.csv\"\r\n"
		    "Content-Disposition: attachment; "
		    "filename=\"table.csv\"\r\n\r\n");
		text(out, &rng, mix(&rng) % 16000);
		add(out, "--=_b--\r\n");
	}
	if (seed % 17 == 16)
		out->n -= 2; /* no final newline */
}

char *
sp_fixture_path(const struct sp_fixture *fx, const char *what)
{
	return (sp_layout_path(fx->dir, what));
}

void
sp_fixture_init(struct sp_fixture *fx)
{
	const char *tmp = getenv("TMPDIR");
	struct sp_create c = { .origin = SP_FIXTURE_ORIGIN, .by = BY };
	struct sp_err err;

	*fx = (struct sp_fixture){ .next = 1 };
	fx->root =
	    sp_xasprintf("%s/sealpost-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(fx->root) == NULL) {
		perror(fx->root);
		abort();
	}
	fx->dir = sp_xasprintf("%s/archive", fx->root);
	fx->guard = sp_xasprintf("%s/guard", fx->root);
	fx->cfg = sp_config_default();
	free(fx->cfg->guard);
	fx->cfg->guard = sp_xstrdup(fx->guard);
	c.dir = fx->dir;
	c.guard = fx->guard;
	c.config = SP_VIEW_LIT("# made by a test\n");
	sp_must(sp_create(&c, &err), &err);
}

void
sp_fixture_open(struct sp_fixture *fx)
{
	const struct sp_append_opts o = { .by = BY };
	struct sp_intake_found found;
	struct sp_err err;

	if (fx->append == NULL)
		sp_must(sp_append_open(
			    fx->dir, fx->cfg, &o, &fx->append, &found, &err),
		    &err);
}

void
sp_fixture_close(struct sp_fixture *fx)
{
	sp_append_close(fx->append);
	fx->append = NULL;
}

/* The facts that all messages of the fixture share. */
static struct sp_facts
facts(const struct sp_rcpt *to)
{
	static const char source[] =
	    "\"via\":\"smtp\",\"grade\":\"witnessed\","
	    "\"peer\":\"192.0.2.7:51234\",\"helo\":\"mx1.corp.example\"";

	return ((struct sp_facts){
	    .from = SP_VIEW_LIT("alice@corp.example"),
	    .has_envelope = true,
	    .to = to,
	    .nto = 1,
	    .source = SP_VIEW_LIT(source),
	});
}

static const struct sp_rcpt journal = {
	.addr = { "journal@archive.example", 23 },
};

static void
commit(struct sp_fixture *fx, struct sp_append_item *items, size_t n)
{
	struct sp_err err;

	sp_fixture_open(fx);
	sp_must(sp_append_commit(fx->append, items, n, &err), &err);
}

void
sp_fixture_add(struct sp_fixture *fx, size_t n, size_t batch)
{
	struct sp_append_item items[BATCH_MAX];
	struct sp_buf msgs[BATCH_MAX];
	const struct sp_facts f = facts(&journal);

	if (batch == 0 || batch > BATCH_MAX)
		batch = BATCH_MAX;
	while (n > 0) {
		size_t k = n < batch ? n : batch;

		for (size_t i = 0; i < k; i++) {
			sp_buf_init(&msgs[i], MSG_MAX);
			sp_fixture_message(fx->next++, &msgs[i]);
			if (msgs[i].p == NULL && sp_buf_cstr(&msgs[i]) == NULL)
				abort();
			items[i] = (struct sp_append_item){ .facts = &f,
				.msg = sp_buf_view(&msgs[i]),
				.fd = -1 };
			sp_sha256_once(msgs[i].p, msgs[i].n, items[i].sha256);
		}
		commit(fx, items, k);
		for (size_t i = 0; i < k; i++)
			sp_buf_done(&msgs[i]);
		n -= k;
	}
}

uint64_t
sp_fixture_add_bytes(struct sp_fixture *fx, struct sp_view msg)
{
	const struct sp_facts f = facts(&journal);
	struct sp_append_item it = { .facts = &f, .msg = msg, .fd = -1 };

	if (it.msg.p == NULL)
		it.msg = SP_VIEW_LIT("");
	sp_sha256_once(it.msg.p, it.msg.n, it.sha256);
	commit(fx, &it, 1);
	return (it.seq);
}

uint64_t
sp_fixture_add_event(
    struct sp_fixture *fx, const char *name, const char *detail)
{
	struct sp_err err;
	uint64_t seq;

	sp_fixture_open(fx);
	sp_must(
	    sp_append_event(fx->append, name, sp_view_str(detail), &seq, &err),
	    &err);
	return (seq);
}

void
sp_fixture_rotate(struct sp_fixture *fx)
{
	struct sp_err err;

	sp_fixture_open(fx);
	sp_must(sp_append_rotate(fx->append, &err), &err);
}

size_t
sp_fixture_seal(struct sp_fixture *fx)
{
	struct sp_seal *s;
	struct sp_err err;
	uint64_t size;
	size_t n = 0;
	bool did = true;

	sp_must(sp_seal_open(fx->dir, fx->cfg, 10000, NULL, &s, &err), &err);
	sp_must(sp_seal_checkpoint(s, &size, &err), &err);
	for (;;) {
		sp_must(sp_seal_pack(s, &did, &err), &err);
		if (!did)
			break;
		n++;
	}
	sp_seal_close(s);
	return (n);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

void
sp_fixture_done(struct sp_fixture *fx)
{
	sp_fixture_close(fx);
	sp_config_free(fx->cfg);
	(void)nftw(fx->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(fx->root);
	free(fx->dir);
	free(fx->guard);
	*fx = (struct sp_fixture){ 0 };
}
