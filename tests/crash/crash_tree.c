/*
 * Commits of the tree, interrupted at every call: each is there whole, or not
 * at all, and the tree goes on from there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/line.h"
#include "journal/tree/compact.h"
#include "journal/tree/tree.h"
#include "tests/crash/harness.h"

/* Within a tile, to its end, over two, one more entry, over one. */
static const uint64_t sizes[] = { 100, 256, 800, 801, 1100 };

static void
setup(const char *dir)
{
	(void)dir;
}

static enum sp_code
add(struct sp_tree *t, uint64_t end, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (uint64_t i = sp_tree_size(t); rc == SP_OK && i < end; i++) {
		struct sp_line l = { .seq = i, .kind = SP_KIND_EVENT };
		char text[SP_LINE_MAX];
		size_t n = sp_line_format(&l, text);

		rc = sp_tree_add(t, sp_view_mem(text, n), err);
	}
	return (rc);
}

/* "SIZE ROOT", the one fact of a commit. */
static enum sp_code
fact(struct sp_tree *t, uint64_t size, char out[96], struct sp_err *err)
{
	struct sp_hash h;
	enum sp_code rc = sp_tree_root(t, size, &h, err);

	if (rc == SP_OK) {
		int n = snprintf(out, 24, "%" PRIu64 " ", size);

		sp_hex_encode(h.b, sizeof(h.b), out + n);
	}
	return (rc);
}

static enum sp_code
work(const char *dir, struct sp_err *err)
{
	struct sp_tree *t = NULL;
	char text[96];
	enum sp_code rc;

	rc = sp_tree_open(dir, &t, err);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(sizes); i++) {
		if (sp_tree_size(t) >= sizes[i])
			continue;
		rc = add(t, sizes[i], err);
		if (rc == SP_OK)
			rc = sp_tree_commit(t, err);
		if (rc == SP_OK)
			rc = fact(t, sizes[i], text, err);
		if (rc == SP_OK)
			crash_ack("%s", text);
	}
	sp_tree_close(t);
	return (rc);
}

/* Every line and every root must be readable. */
static enum sp_code
check(struct sp_tree *t, struct sp_err *err)
{
	struct sp_compact c;
	enum sp_code rc = SP_OK;

	sp_compact_init(&c);
	for (uint64_t i = 0; rc == SP_OK && i < sp_tree_size(t); i++) {
		struct sp_hash h, want;
		struct sp_line l;
		struct sp_view v;

		rc = sp_tree_line(t, i, &v, err);
		if (rc == SP_OK)
			rc = sp_line_parse(v, &l, err);
		if (rc != SP_OK)
			break;
		want = sp_merkle_leaf(v);
		sp_compact_add(&c, &want);
		if (i % 61 != 0 && i + 1 < sp_tree_size(t))
			continue;
		rc = sp_tree_root(t, i + 1, &h, err);
		want = sp_compact_root(&c);
		if (rc == SP_OK && (l.seq != i || !sp_hash_eq(&h, &want)))
			rc = sp_err_set(err, SP_EMISMATCH, 0,
			    "entry %" PRIu64 " is wrong", i);
	}
	return (rc);
}

static enum sp_code
state(const char *dir, struct sp_buf *out, struct sp_err *err)
{
	struct sp_tree *t = NULL;
	uint64_t size = 0;
	char text[96];
	enum sp_code rc;

	rc = sp_tree_open(dir, &t, err);
	if (rc == SP_OK)
		rc = check(t, err);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(sizes); i++) {
		if (sizes[i] > sp_tree_size(t))
			break;
		size = sizes[i];
		rc = fact(t, size, text, err);
		if (rc == SP_OK)
			rc = sp_buf_addf(out, "%s\n", text);
	}
	if (rc == SP_OK && sp_tree_size(t) != size)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "a tree of %" PRIu64 " entries was never committed",
		    sp_tree_size(t));
	sp_tree_close(t);
	return (rc);
}

int
main(int argc, char **argv)
{
	const struct crash_scenario s = {
		.name = "tree", .setup = setup, .work = work, .state = state
	};

	return (crash_main(argc, argv, &s));
}
