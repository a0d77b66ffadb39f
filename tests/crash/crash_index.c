/*
 * The index, with SQLite's own calls under the faults.  It promises nothing
 * of its own: whatever happens, what a search finds is right as far as it
 * reaches, and the next start brings it to the same end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/layout.h"
#include "base/sha256.h"
#include "index/index.h"
#include "index/search.h"
#include "tests/crash/harness.h"
#include "tests/crash/tree.h"
#include "tests/lib/faultvfs.h"
#include "tests/lib/fixture.h"

#define OCTOBER	 INT64_C(1792540800000000)
#define NOVEMBER INT64_C(1794268800000000)
#define MONTH	 7u /* messages of each of the two months */
#define AT_ONCE	 4u /* entries of an update */

static void
add_month(struct sp_fixture *fx, int64_t when)
{
	const struct sp_append_opts o = { .by = "crash", .accept_clock = true };
	struct sp_intake_found found;
	struct sp_err err;

	sp_clock_set_for_test(when, 1000);
	sp_must(sp_append_open(fx->dir, fx->cfg, &o, &fx->append, &found, &err),
	    &err);
	sp_fixture_add(fx, MONTH, 3);
	sp_fixture_rotate(fx);
	sp_fixture_close(fx);
}

static void
setup(const char *dir)
{
	char *archive = sp_layout_path(dir, "archive");
	struct sp_fixture fx;

	sp_clock_set_for_test(OCTOBER, 1000);
	sp_fixture_init(&fx);
	add_month(&fx, OCTOBER + SP_SECOND);
	add_month(&fx, NOVEMBER);
	tree_copy(fx.dir, archive);
	sp_fixture_done(&fx);
	free(archive);
}

static enum sp_code
work(const char *dir, struct sp_err *err)
{
	char *archive = sp_layout_path(dir, "archive");
	struct sp_index *ix = NULL;
	uint64_t behind = 1;
	enum sp_code rc;

	faultvfs_install();
	rc = sp_index_open(archive, NULL, 0, NULL, &ix, err);
	while (rc == SP_OK && behind > 0)
		rc = sp_index_update(ix, AT_ONCE, &behind, err);
	sp_index_close(ix);
	free(archive);
	return (rc);
}

/* All that the index has of a message goes into its line. */
static enum sp_code
row(void *ctx, const struct sp_hit *h, struct sp_err *err)
{
	char hex[2 * SP_SHA256_LEN + 1];
	uint8_t sum[SP_SHA256_LEN];

	(void)err;
	sp_sha256_once(h->json, strlen(h->json), sum);
	sp_hex_encode(sum, sizeof(sum), hex);
	return (sp_buf_addf(ctx, "row %" PRIu64 " %s\n", h->seq, hex));
}

static enum sp_code
word(void *ctx, const struct sp_hit *h, struct sp_err *err)
{
	(void)err;
	return (sp_buf_addf(ctx, "text %" PRIu64 "\n", h->seq));
}

static enum sp_code
state(const char *dir, struct sp_buf *out, struct sp_err *err)
{
	char *archive = sp_layout_path(dir, "archive");
	struct sp_search_opts o = {
		.query = "", .oldest_first = true, .with_rows = true
	};
	struct sp_search_result res = { 0 };
	enum sp_code rc;

	rc = sp_search(archive, &o, row, out, &res, err);
	o.query = "invoice OR meeting";
	o.with_rows = false;
	if (rc == SP_OK)
		rc = sp_search(archive, &o, word, out, &res, err);
	free(archive);
	return (rc);
}

/* The lock has a pid; SQLite's shared memory is rebuilt at each start, and a
 * log that was written into its database is only cut later. */
static bool
may_change(const char *name)
{
	const size_t n = strlen(name);

	return ((n > 5 && strcmp(name + n - 5, ".lock") == 0) ||
		(n > 4 && strcmp(name + n - 4, "-shm") == 0) ||
		(n > 4 && strcmp(name + n - 4, "-wal") == 0));
}

int
main(int argc, char **argv)
{
	const struct crash_scenario s = { .name = "index",
		.setup = setup,
		.work = work,
		.state = state,
		.may_change = may_change,
		.subset = true,
		.derived = true,
		.stride = 7,
		.nested = 1 };

	return (crash_main(argc, argv, &s));
}
