/*
 * The whole life of an archive: messages come in, the log is rotated,
 * checkpoints are signed, files are packed and removed, and it goes on.  After
 * every interruption the archive must verify.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "base/enc.h"
#include "base/io.h"
#include "journal/log/append.h"
#include "journal/seal/create.h"
#include "base/layout.h"
#include "base/sha256.h"
#include "journal/log/reader.h"
#include "journal/seal/seal.h"
#include "journal/tree/tree.h"
#include "journal/verify/verify.h"
#include "tests/crash/harness.h"

#define ORIGIN	"crash.example/journal"
#define BEFORE	252u /* messages before the work: a tile is full at 256 */
#define MSG_MAX 6000
#define TRIES	3

/* What is done once so many messages are in. */
static const struct {
	unsigned messages;
	bool rotate, pack;
} steps[] = { { BEFORE + 2, true, true }, { BEFORE + 4, true, true },
	{ BEFORE + 5, true, false }, { BEFORE + 6, false, false },
	{ BEFORE + 8, true, true } };

struct places {
	char *archive, *guard;
	struct sp_config *cfg;
};

static void
places_init(struct places *p, const char *dir)
{
	p->archive = sp_layout_path(dir, "archive");
	p->guard = sp_layout_path(dir, "guard");
	p->cfg = sp_config_default();
	p->cfg->guard = sp_xstrdup(p->guard);
}

static void
places_done(struct places *p)
{
	free(p->archive);
	free(p->guard);
	sp_config_free(p->cfg);
}

/* ---- messages --------------------------------------------------------- */

static size_t
message(unsigned i, char out[MSG_MAX])
{
	size_t n = i < BEFORE ? i % 50 : (i * 2311u) % (MSG_MAX - 100);
	int head = snprintf(out, 100, "Subject: message %u\r\n\r\n", i);

	for (size_t k = 0; k < n; k++)
		out[(size_t)head + k] = (char)(' ' + (k * (i + 3)) % 90);
	return ((size_t)head + n);
}

static void
line(unsigned i, struct sp_view msg, char out[128])
{
	uint8_t sum[SP_SHA256_LEN];
	char hex[2 * SP_SHA256_LEN + 1];

	sp_sha256_once(msg.p, msg.n, sum);
	sp_hex_encode(sum, sizeof(sum), hex);
	(void)snprintf(out, 128, "message %u %s", i, hex);
}

/* Two messages at a time, tried again as peers do. */
static enum sp_code
deliver(struct sp_append *a, unsigned from, unsigned to, struct sp_err *err)
{
	const struct sp_facts f = { .has_envelope = true,
		.from = SP_VIEW_LIT("a@example.org"),
		.source =
		    SP_VIEW_LIT("\"via\":\"smtp\",\"grade\":\"witnessed\"") };
	static char text[2][MSG_MAX];
	struct sp_append_item items[2];
	enum sp_code rc = SP_EIO;
	char ack[128];

	for (unsigned i = from; i < to; i++) {
		struct sp_append_item *it = &items[i - from];

		*it = (struct sp_append_item){ .facts = &f, .fd = -1 };
		it->msg =
		    sp_view_mem(text[i - from], message(i, text[i - from]));
		sp_sha256_once(it->msg.p, it->msg.n, it->sha256);
	}
	for (int k = 0; k < TRIES && rc != SP_OK; k++)
		rc = sp_append_commit(a, items, to - from, err);
	for (unsigned i = from; rc == SP_OK && i < to; i++) {
		line(i, items[i - from].msg, ack);
		crash_ack("%s", ack);
	}
	return (rc);
}

static void
setup(const char *dir)
{
	struct places p;
	struct sp_err err;
	struct sp_create c = { .origin = ORIGIN,
		.by = "crash",
		.config = SP_VIEW_LIT("# crash\n") };
	const struct sp_append_opts o = { .by = "crash" };
	struct sp_append *a = NULL;
	struct sp_intake_found found;
	struct sp_seal *s = NULL;
	enum sp_code rc;
	uint64_t size;

	places_init(&p, dir);
	c.dir = p.archive;
	c.guard = p.guard;
	rc = sp_create(&c, &err);
	if (rc == SP_OK)
		rc = sp_seal_open(p.archive, p.cfg, 0, NULL, &s, &err);
	if (rc == SP_OK)
		rc = sp_seal_checkpoint(s, &size, &err);
	sp_seal_close(s);
	if (rc == SP_OK)
		rc = sp_append_open(p.archive, p.cfg, &o, &a, &found, &err);
	for (unsigned i = 0; rc == SP_OK && i < BEFORE; i += 2)
		rc = deliver(a, i, i + 2, &err);
	sp_append_close(a);
	if (rc != SP_OK) {
		(void)fprintf(stderr, "crash_seal: %s\n", err.msg);
		abort();
	}
	places_done(&p);
}

/* ---- what is there ---------------------------------------------------- */

struct there {
	unsigned messages; /* in the log */
	uint64_t end; /* entries */
	unsigned signed_; /* messages under the last checkpoint */
	unsigned packed; /* messages in segments */
};

/* Read every entry; lines of the messages to ${out} unless it is NULL. */
static enum sp_code
read_all(const struct places *p, uint64_t size, struct there *t,
    struct sp_buf *out, struct sp_err *err)
{
	struct sp_reader *r = NULL;
	struct sp_entry e;
	enum sp_code rc;
	char text[128];

	*t = (struct there){ 0 };
	rc = sp_reader_open(p->archive, &r, err);
	while (rc == SP_OK && (rc = sp_reader_next(r, &e, err)) == SP_OK) {
		t->end = e.seq + 1;
		if (!e.has_message)
			continue;
		line(t->messages++, e.msg, text);
		if (e.seq < size)
			t->signed_ = t->messages;
		if (strncmp(e.where, "archive/", 8) == 0)
			t->packed = t->messages;
		if (out != NULL)
			rc = sp_buf_addf(out, "%s\n", text);
	}
	sp_reader_close(r);
	return (rc == SP_EEND ? SP_OK : rc);
}

static enum sp_code
checkpoint_size(const struct places *p, uint64_t *size, struct sp_err *err)
{
	struct sp_checkpoint c;
	struct sp_buf note;
	enum sp_code rc;

	sp_buf_init(&note, SP_NOTE_MAX);
	*size = 0;
	rc = sp_tree_checkpoint(p->archive, &note, &c, err);
	if (rc == SP_OK)
		*size = c.size;
	sp_buf_done(&note);
	return (rc == SP_ENOTFOUND ? SP_OK : rc);
}

/* Messages, then which of them are signed, then which are packed: each kind
 * is a prefix of its own, so a subset as a whole. */
static enum sp_code
state(const char *dir, struct sp_buf *out, struct sp_err *err)
{
	struct places p;
	struct there t = { 0 };
	uint64_t size;
	enum sp_code rc;

	places_init(&p, dir);
	rc = checkpoint_size(&p, &size, err);
	if (rc == SP_OK)
		rc = read_all(&p, size, &t, out, err);
	for (unsigned i = 1; rc == SP_OK && i <= t.signed_; i++)
		rc = sp_buf_addf(out, "signed %u\n", i);
	for (unsigned i = 1; rc == SP_OK && i <= t.packed; i++)
		rc = sp_buf_addf(out, "packed %u\n", i);
	places_done(&p);
	return (rc);
}

/* ---- the work --------------------------------------------------------- */

static enum sp_code
seal(const struct places *p, struct sp_seal *s, bool pack, struct sp_err *err)
{
	struct there t;
	uint64_t size = 0;
	enum sp_code rc;
	bool did = pack;

	rc = sp_seal_checkpoint(s, &size, err);
	if (rc == SP_OK)
		rc = read_all(p, size, &t, NULL, err);
	if (rc == SP_OK && t.signed_ > 0)
		crash_ack("signed %u", t.signed_);
	while (rc == SP_OK && did)
		rc = sp_seal_pack(s, &did, err);
	if (rc == SP_OK && pack)
		rc = read_all(p, size, &t, NULL, err);
	if (rc == SP_OK && pack && t.packed > 0)
		crash_ack("packed %u", t.packed);
	return (rc);
}

static enum sp_code
run(const struct places *p, struct sp_append *a, struct sp_seal *s,
    struct sp_err *err)
{
	struct there t;
	enum sp_code rc;

	rc = read_all(p, 0, &t, NULL, err);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(steps); i++) {
		const unsigned upto = steps[i].messages;
		const bool last = i + 1 == SP_COUNTOF(steps);

		if (t.messages >= upto && !last)
			continue;
		while (rc == SP_OK && t.messages < upto) {
			unsigned to =
			    t.messages + 2 < upto ? t.messages + 2 : upto;

			rc = deliver(a, t.messages, to, err);
			t.messages = to;
		}
		if (rc == SP_OK && steps[i].rotate)
			rc = sp_append_rotate(a, err);
		if (rc == SP_OK)
			rc = seal(p, s, steps[i].pack, err);
	}
	return (rc);
}

static enum sp_code
open_both(const struct places *p, struct sp_append **a, struct sp_seal **s,
    struct sp_err *err)
{
	const struct sp_append_opts o = { .by = "crash" };
	struct sp_intake_found found;
	enum sp_code rc;

	rc = sp_append_open(p->archive, p->cfg, &o, a, &found, err);
	if (rc == SP_OK)
		rc = sp_seal_open(p->archive, p->cfg, 0, NULL, s, err);
	return (rc);
}

static enum sp_code
work(const char *dir, struct sp_err *err)
{
	struct places p;
	struct sp_append *a = NULL;
	struct sp_seal *s = NULL;
	enum sp_code rc;

	places_init(&p, dir);
	rc = open_both(&p, &a, &s, err);
	if (rc == SP_OK)
		rc = run(&p, a, s, err);
	sp_seal_close(s);
	sp_append_close(a);
	places_done(&p);
	return (rc);
}

static void
finding(void *ctx, const char *kind, const char *where, const char *why)
{
	struct sp_err *err = ctx;

	(void)sp_err_set(
	    err, SP_EMISMATCH, 0, "verify: %s: %s: %s", kind, where, why);
}

/* Both roles start and stop; then the archive must verify. */
static enum sp_code
start(const char *dir, struct sp_err *err)
{
	struct places p;
	struct sp_append *a = NULL;
	struct sp_seal *s = NULL;
	struct sp_verdict v;
	enum sp_code rc;
	struct sp_verify_opts o = {
		.trust_embedded = true, .finding = finding, .ctx = err
	};

	places_init(&p, dir);
	o.guard = p.guard;
	rc = open_both(&p, &a, &s, err);
	sp_seal_close(s);
	sp_append_close(a);
	if (rc == SP_OK)
		rc = sp_verify(p.archive, &o, &v, err);
	if (rc == SP_OK && v.findings > 0)
		rc = SP_EMISMATCH; /* the message is that of finding() */
	places_done(&p);
	return (rc);
}

/* Lock files hold the pid of the last holder. */
static bool
may_change(const char *name)
{
	const size_t n = strlen(name);

	return (n > 5 && strcmp(name + n - 5, ".lock") == 0);
}

int
main(int argc, char **argv)
{
	const struct crash_scenario s = { .name = "seal",
		.setup = setup,
		.work = work,
		.start = start,
		.state = state,
		.may_change = may_change,
		.subset = true,
		.stride = 17,
		.nested = 1 };

	return (crash_main(argc, argv, &s));
}
