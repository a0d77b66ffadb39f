/*
 * Sealing: checkpoints over a log of several files, the finished ones packed
 * into segments, with a guard beside.  No entry may ever be missing; a
 * segment that is there is whole and signed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/record.h"
#include "base/sha256.h"
#include "journal/log/append.h"
#include "journal/sign/cms.h"
#include "journal/seal/create.h"
#include "journal/log/intake_read.h"
#include "journal/log/reader.h"
#include "journal/seal/seal.h"
#include "journal/segment/segment_list.h"
#include "journal/tree/tree.h"
#include "tests/crash/harness.h"

#define ORIGIN	 "crash.example/journal"
#define BY	 "sealpost crash test"
#define FILES	 3u /* finished ones */
#define PER_FILE 7u
#define TRIES	 3 /* a worker comes back each second */
#define FILE_MAX (8u << 20)

static void
must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "crash_pack: %s\n", what);
	abort();
}

static void
must_ok(enum sp_code rc, const struct sp_err *err)
{
	must(rc == SP_OK, err->msg);
}

static struct sp_config *
config(const char *dir)
{
	struct sp_config *cfg = sp_config_default();

	free(cfg->guard);
	cfg->guard = sp_layout_path(dir, "guard");
	cfg->seal_frame = 4096;
	return (cfg);
}

/* ---- what there is to seal ------------------------------------------- */

static void
append(struct sp_append *a, uint64_t n)
{
	static const size_t sizes[] = { 0, 100, 9000, 513, 4096 };
	static char msg[9000];
	const struct sp_facts f = { .from = SP_VIEW_LIT("a@example.org"),
		.has_envelope = true,
		.source =
		    SP_VIEW_LIT("\"via\":\"smtp\",\"grade\":\"witnessed\"") };
	struct sp_append_item it = { .facts = &f, .fd = -1 };
	struct sp_err err;

	it.msg = sp_view_mem(msg, sizes[n % SP_COUNTOF(sizes)]);
	for (size_t i = 0; i < it.msg.n; i++)
		msg[i] = (char)('!' + (n * 31 + i * i) % 90);
	sp_sha256_once(it.msg.p, it.msg.n, it.sha256);
	must_ok(sp_append_commit(a, &it, 1, &err), &err);
}

static void
setup(const char *dir)
{
	struct sp_config *cfg = config(dir);
	char *archive = sp_layout_path(dir, "a");
	const struct sp_create c = { .dir = archive,
		.origin = ORIGIN,
		.by = BY,
		.guard = cfg->guard,
		.config = SP_VIEW_LIT("") };
	const struct sp_append_opts o = { .by = BY };
	struct sp_intake_found found;
	struct sp_append *a;
	struct sp_err err;

	must_ok(sp_create(&c, &err), &err);
	must_ok(sp_append_open(archive, cfg, &o, &a, &found, &err), &err);
	for (uint64_t n = 0; n < FILES * PER_FILE + 4; n++) {
		if (n > 0 && n % PER_FILE == 0 && n / PER_FILE <= FILES)
			must_ok(sp_append_rotate(a, &err), &err);
		append(a, n);
	}
	sp_append_close(a);
	sp_config_free(cfg);
	free(archive);
}

/* ---- the work -------------------------------------------------------- */

static void
on_report(void *ctx, const char *what, const char *text)
{
	uint64_t size;

	(void)ctx;
	/* A checkpoint may be given away at once. */
	if (strcmp(what, "checkpoint") == 0 &&
	    sp_view_u64(sp_view_str(text), &size))
		crash_ack("covered %" PRIu64, size - 1);
}

static enum sp_code
seal_all(struct sp_seal *s, struct sp_err *err)
{
	enum sp_code rc = SP_EIO;
	uint64_t size;
	bool did = true;

	for (int i = 0; i < TRIES && rc != SP_OK; i++)
		rc = sp_seal_checkpoint(s, &size, err);
	while (rc == SP_OK && did) {
		rc = SP_EIO;
		for (int i = 0; i < TRIES && rc != SP_OK; i++)
			rc = sp_seal_pack(s, &did, err);
	}
	return (rc);
}

static enum sp_code
work(const char *dir, struct sp_err *err)
{
	const struct sp_seal_report report = { on_report, NULL, NULL };
	struct sp_config *cfg = config(dir);
	char *archive = sp_layout_path(dir, "a");
	struct sp_seal *s = NULL;
	enum sp_code rc;

	rc = sp_seal_open(archive, cfg, 0, &report, &s, err);
	if (rc == SP_OK)
		rc = seal_all(s, err);
	sp_seal_close(s);
	sp_config_free(cfg);
	free(archive);
	return (rc);
}

/* ---- what is there --------------------------------------------------- */

/* Every entry, always: none may be missing, whatever happened. */
static enum sp_code
entries(const char *archive, struct sp_buf *out, struct sp_err *err)
{
	struct sp_reader *r;
	struct sp_entry e;
	enum sp_code rc = sp_reader_open(archive, &r, err);

	if (rc != SP_OK)
		return (rc);
	while ((rc = sp_reader_next(r, &e, err)) == SP_OK) {
		uint8_t sum[SP_SHA256_LEN];
		char hex[2 * SP_SHA256_LEN + 1];

		sp_sha256_two(e.record.p, e.record.n, e.msg.p, e.msg.n, sum);
		sp_hex_encode(sum, sizeof(sum), hex);
		must(sp_buf_addf(out, "entry %" PRIu64 " %s\n", e.seq, hex) ==
			 SP_OK,
		    "buffer");
	}
	sp_reader_close(r);
	return (rc == SP_EEND ? SP_OK : rc);
}

/* The signed checkpoint, which the tree must bear out. */
static enum sp_code
covered(const char *archive, struct sp_buf *out, struct sp_err *err)
{
	struct sp_checkpoint cp;
	struct sp_tree *t = NULL;
	struct sp_hash root;
	struct sp_buf note;
	enum sp_code rc;

	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_tree_checkpoint(archive, &note, &cp, err);
	if (rc == SP_ENOTFOUND) {
		sp_buf_done(&note);
		return (SP_OK);
	}
	if (rc == SP_OK)
		rc = sp_tree_open(archive, &t, err);
	if (rc == SP_OK)
		rc = sp_tree_root(t, cp.size, &root, err);
	if (rc == SP_OK && !sp_hash_eq(&root, &cp.root))
		rc = sp_err_set(
		    err, SP_EMISMATCH, 0, "the checkpoint has another root");
	for (uint64_t i = 0; rc == SP_OK && i < cp.size; i++)
		must(sp_buf_addf(out, "covered %" PRIu64 "\n", i) == SP_OK,
		    "buffer");
	sp_tree_close(t);
	sp_buf_done(&note);
	return (rc);
}

static enum sp_code
verify(const char *archive, const char *path, char hex[], struct sp_err *err)
{
	char *certs = sp_layout_path(archive, "keys/seal-all.crt");
	char *p7s = sp_xasprintf("%s.p7s", path);
	struct sp_certs *c = NULL;
	struct sp_buf der, data;
	uint8_t sum[SP_SHA256_LEN];
	enum sp_code rc;

	sp_buf_init(&der, 1u << 20);
	sp_buf_init(&data, FILE_MAX);
	rc = sp_certs_load(certs, &c, err);
	if (rc == SP_OK)
		rc = sp_io_read_file(p7s, 1u << 20, &der, err);
	if (rc == SP_OK)
		rc = sp_cms_verify_file(sp_buf_view(&der), path, c, err);
	if (rc == SP_OK)
		rc = sp_io_read_file(path, FILE_MAX, &data, err);
	if (rc == SP_OK) {
		sp_sha256_once(data.p, data.n, sum);
		sp_hex_encode(sum, sizeof(sum), hex);
	}
	sp_certs_free(c);
	sp_buf_done(&der);
	sp_buf_done(&data);
	free(p7s);
	free(certs);
	return (rc);
}

static enum sp_code
segments(const char *archive, struct sp_buf *out, struct sp_err *err)
{
	struct sp_intake_info *in = NULL;
	struct sp_segment_file *v = NULL;
	size_t n = 0, k = 0;
	enum sp_code rc = sp_segment_list(archive, &v, &n, err);

	if (rc == SP_OK)
		rc = sp_intake_list(archive, &in, &k, err);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *path = sp_layout_path(archive, v[i].path);
		char hex[2 * SP_SHA256_LEN + 1];
		bool there = false;

		rc = verify(archive, path, hex, err);
		free(path);
		for (size_t j = 0; j < k; j++)
			there = there || in[j].head.first == v[i].name.first;
		must(rc != SP_OK ||
			 sp_buf_addf(out, "segment %s %s\n%s", v[i].path, hex,
			     there ? "" : "intake file gone\n") == SP_OK,
		    "buffer");
	}
	free(v);
	free(in);
	return (rc);
}

static enum sp_code
state(const char *dir, struct sp_buf *out, struct sp_err *err)
{
	char *archive = sp_layout_path(dir, "a");
	enum sp_code rc = entries(archive, out, err);

	if (rc == SP_OK)
		rc = covered(archive, out, err);
	if (rc == SP_OK)
		rc = segments(archive, out, err);
	free(archive);
	return (rc);
}

static bool
may_change(const char *name)
{
	return (strstr(name, ".lock") != NULL);
}

int
main(int argc, char **argv)
{
	const struct crash_scenario s = { .name = "pack",
		.setup = setup,
		.work = work,
		.state = state,
		.may_change = may_change,
		.stride = 2 };

	return (crash_main(argc, argv, &s));
}
