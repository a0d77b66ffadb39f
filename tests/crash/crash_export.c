/*
 * Exports: under its name there is a bag that verifies and is complete, or
 * nothing.  What an interruption leaves beside it the operator removes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "export/export.h"
#include "index/index.h"
#include "base/layout.h"
#include "journal/seal/seal.h"
#include "journal/verify/verify.h"
#include "tests/crash/harness.h"
#include "tests/crash/tree.h"
#include "tests/lib/fixture.h"

#define MESSAGES 6u

static const char *const bags[] = { "bag", "bag.tar.zst" };

static void
setup(const char *dir)
{
	char *archive = sp_layout_path(dir, "archive");
	char *out = sp_layout_path(dir, "out");
	struct sp_fixture fx;
	struct sp_err err;

	sp_fixture_init(&fx);
	sp_fixture_add(&fx, MESSAGES / 2, 2);
	sp_fixture_rotate(&fx);
	(void)sp_fixture_seal(&fx);
	sp_fixture_add(&fx, MESSAGES / 2, 2);
	sp_fixture_close(&fx);
	tree_copy(fx.dir, archive);
	sp_fixture_done(&fx);
	sp_must(sp_io_mkdir(out, 0700, &err), &err);
	free(archive);
	free(out);
}

/* ---- what needs the roles --------------------------------------------- */

struct host {
	struct sp_append *append;
	struct sp_seal *seal;
};

static enum sp_code
event(void *ctx, const char *name, struct sp_view detail, uint64_t *seq,
    struct sp_err *err)
{
	struct host *h = ctx;

	return (sp_append_event(h->append, name, detail, seq, err));
}

static enum sp_code
cover(void *ctx, uint64_t seq, struct sp_err *err)
{
	struct host *h = ctx;
	uint64_t size = 0;
	enum sp_code rc = sp_seal_checkpoint(h->seal, &size, err);

	if (rc == SP_OK && size <= seq)
		rc = sp_err_set(err, SP_EAGAIN, 0, "not covered");
	return (rc == SP_OK ? sp_seal_keep_checkpoint(h->seal, err) : rc);
}

static enum sp_code
sign(void *ctx, struct sp_view data, uint64_t event_seq, struct sp_buf *p7s,
    struct sp_err *err)
{
	struct host *h = ctx;

	(void)event_seq;
	return (sp_seal_sign(h->seal, data, p7s, err));
}

static enum sp_code
open_host(const char *archive, const struct sp_config *cfg, struct host *h,
    struct sp_err *err)
{
	const struct sp_append_opts o = { .by = "crash", .accept_clock = true };
	struct sp_intake_found found;
	enum sp_code rc;

	rc = sp_append_open(archive, cfg, &o, &h->append, &found, err);
	if (rc == SP_OK)
		rc = sp_seal_open(archive, cfg, 0, NULL, &h->seal, err);
	return (rc);
}

/* As the command does first.  SQLite's own calls are not under the faults
 * here: crash_index is about them. */
static enum sp_code
bring_index(const char *archive, struct sp_err *err)
{
	struct sp_index *ix = NULL;
	uint64_t behind = 0;
	enum sp_code rc;

	rc = sp_index_open(archive, NULL, 0, NULL, &ix, err);
	if (rc == SP_OK)
		rc = sp_index_update(ix, 0, &behind, err);
	sp_index_close(ix);
	return (rc);
}

/* ---- the work --------------------------------------------------------- */

/* Remove what an interrupted export left, as its message says. */
static void
clean(const char *path)
{
	char *partial = sp_xasprintf("%s.partial", path);

	tree_remove(partial);
	free(partial);
}

static enum sp_code
export_one(const char *dir, const char *archive, struct host *h,
    const char *name, struct sp_err *err)
{
	const struct sp_export_host host = {
		.event = event, .cover = cover, .sign = sign, .ctx = h
	};
	char *path = sp_xasprintf("%s/out/%s", dir, name);
	struct sp_export_opts o = { .output = path,
		.query = "",
		.csv = true,
		.jsonl = true,
		.with_records = true,
		.level = 3 };
	struct sp_export_result res;
	enum sp_code rc = SP_OK;

	clean(path);
	if (!sp_io_exists(path))
		rc = bring_index(archive, err);
	if (rc == SP_OK && !sp_io_exists(path))
		rc = sp_export(archive, &o, &host, &res, err);
	if (rc == SP_OK)
		crash_ack("%s has %u messages", name, MESSAGES);
	free(path);
	return (rc);
}

static enum sp_code
work(const char *dir, struct sp_err *err)
{
	char *archive = sp_layout_path(dir, "archive");
	struct sp_config *cfg = sp_config_default();
	struct host h = { 0 };
	enum sp_code rc;

	rc = open_host(archive, cfg, &h, err);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(bags); i++)
		rc = export_one(dir, archive, &h, bags[i], err);
	sp_seal_close(h.seal);
	sp_append_close(h.append);
	sp_config_free(cfg);
	free(archive);
	return (rc);
}

static void
finding(void *ctx, const char *kind, const char *where, const char *why)
{
	(void)sp_err_set(
	    ctx, SP_EMISMATCH, 0, "verify: %s: %s: %s", kind, where, why);
}

static enum sp_code
state(const char *dir, struct sp_buf *out, struct sp_err *err)
{
	const struct sp_verify_opts o = { .trust_embedded = true,
		.finding = finding,
		.tmpdir = dir,
		.ctx = err };
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(bags); i++) {
		char *path = sp_xasprintf("%s/out/%s", dir, bags[i]);
		struct sp_verdict v;

		if (sp_io_exists(path)) {
			rc = sp_verify(path, &o, &v, err);
			if (rc == SP_OK && (v.findings > 0 || !v.complete))
				rc = SP_EMISMATCH;
			if (rc == SP_OK)
				rc = sp_buf_addf(out,
				    "%s has %" PRIu64 " messages\n", bags[i],
				    v.given);
		}
		free(path);
	}
	return (rc);
}

/* Locks have a pid; the index is free to do what it likes. */
static bool
may_change(const char *name)
{
	const size_t n = strlen(name);

	return ((n > 5 && strcmp(name + n - 5, ".lock") == 0) ||
		strstr(name, "/index/") != NULL);
}

int
main(int argc, char **argv)
{
	const struct crash_scenario s = { .name = "export",
		.setup = setup,
		.work = work,
		.state = state,
		.may_change = may_change,
		.stride = 11,
		.nested = 1 };

	return (crash_main(argc, argv, &s));
}
