/*
 * A small export, changed one way at a time as the archive is in
 * test_tamper_archive.c, and exports that lie with the right keys.  Each must
 * be found, and its place named.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "journal/tree/tree.h"
#include "tests/tamper/bagkit.h"
#include "tests/tamper/kit.h"

#define START INT64_C(1795000000000000) /* us; one entry takes a few ms */
#define SMALL 400u
#define STEPS 40u

struct world {
	struct sp_fixture fx;
	struct kit k;
	struct bagkit b; /* the honest bag */
	struct kit_file *f;
	size_t n;
	struct sp_vkey vkey;
	unsigned bags; /* made so far */
	struct kit_result r;
};

static char *
new_place(struct world *w, const char *suffix)
{
	return (sp_xasprintf("%s/bag-%u%s", w->fx.root, ++w->bags, suffix));
}

static int
setup(void **state)
{
	struct world *w = sp_xcalloc(1, sizeof(*w));
	struct sp_err err;
	char text[64], *path;

	sp_clock_set_for_test(START, 1000);
	sp_fixture_init(&w->fx);
	for (int i = 0; i < 40; i++) {
		(void)snprintf(
		    text, sizeof(text), "Subject: %d\r\n\r\nHello.\r\n", i);
		(void)sp_fixture_add_bytes(&w->fx, sp_view_str(text));
		if (i == 20) {
			(void)sp_fixture_add_event(&w->fx, "search", "{}");
			sp_fixture_rotate(&w->fx);
		}
	}
	sp_fixture_close(&w->fx);
	(void)sp_fixture_seal(&w->fx);
	path = sp_fixture_path(&w->fx, "keys/log.vkey");
	sp_must(sp_vkey_load(path, &w->vkey, &err), &err);
	free(path);
	w->b = (struct bagkit){ .out = new_place(w, ""),
		.have_since = true,
		.have_until = true,
		.since = bagkit_time(&w->fx, 10),
		.until = bagkit_time(&w->fx, 30),
		.from = 5 };
	bagkit_make(&w->fx, &w->b);
	w->k.dir = w->b.out;
	w->k.o.vkey = &w->vkey;
	w->k.o.tmpdir = w->fx.root;
	w->n = kit_files(w->b.out, NULL, &w->f);
	*state = w;
	return (0);
}

static int
teardown(void **state)
{
	struct world *w = *state;

	kit_files_free(w->f, w->n);
	free((void *)(uintptr_t)w->b.out);
	sp_fixture_done(&w->fx);
	free(w);
	return (0);
}

static void
in_order(struct world *w, const char *dir)
{
	struct kit k = w->k;

	k.dir = dir;
	kit_verify(&k, &w->r);
	if (w->r.rc != SP_OK)
		fail_msg("%s: %s", dir, w->r.err.msg);
	if (w->r.v.findings != 0)
		fail_msg("%s: %s: %s", dir, w->r.f[0].where, w->r.f[0].why);
}

static void
all_found(struct world *w, const char *what)
{
	print_message("%s: %" PRIu64 " changes, %" PRIu64
		      " undetected, %" PRIu64 " misplaced\n",
	    what, w->k.runs, w->k.undetected, w->k.misplaced);
	if (w->k.undetected > 0 || w->k.misplaced > 0) {
		w->k.undetected = w->k.misplaced = 0;
		fail_msg("%s: not all was found", what);
	}
	in_order(w, w->b.out);
	w->k.runs = 0;
}

/* ---- honest bags ---- */

static void
test_an_honest_bag_is_complete(void **state)
{
	struct world *w = *state;

	in_order(w, w->b.out);
	assert_true(w->r.v.bag);
	assert_true(w->r.v.complete);
	assert_int_equal(w->r.v.range_first, 10);
	assert_int_equal(w->r.v.range_end, 30);
	assert_int_equal(w->r.v.given, 19);
	assert_int_equal(w->r.v.range_messages, 19);
	assert_int_equal(w->r.v.trust, SP_TRUST_VKEY);
	assert_string_equal(w->r.v.origin, SP_FIXTURE_ORIGIN);
}

static void
test_containers_of_any_order_give_the_same_verdict(void **state)
{
	static const struct {
		const char *suffix, *top;
		bool zip, reversed;
	} t[] = {
		{ ".zip", "case-7", true, false },
		{ ".zip", "", true, true },
		{ ".zip", "data", true, false },
		{ ".tar.zst", "case-7", false, false },
		{ ".tar.zst", "", false, true },
		{ ".tar.zst", "data", false, true },
	};
	struct world *w = *state;

	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		char *to = new_place(w, t[i].suffix);

		bagkit_pack(w->b.out, to, t[i].top, t[i].zip, t[i].reversed);
		in_order(w, to);
		assert_true(w->r.v.complete);
		assert_int_equal(w->r.v.given, 19);
		free(to);
	}
}

static void
test_every_kind_of_range_is_proven(void **state)
{
	struct world *w = *state;
	const int64_t first = bagkit_time(&w->fx, 0),
		      last = bagkit_time(&w->fx, 40);
	const struct {
		bool have_since, have_until;
		int64_t since, until;
		const char *query;
		bool with_records, by_date, complete;
		uint64_t given;
	} t[] = {
		{ false, false, 0, 0, "", false, false, true, 40 },
		{ true, false, first, 0, "", false, false, true, 40 },
		{ true, true, first - 1, first, "", false, false, true, 0 },
		{ false, true, 0, first, "", false, false, true, 0 },
		{ true, true, last + 1, last + 2, "", false, false, true, 0 },
		{ true, true, last, last + 1, "", false, false, true, 1 },
		{ false, true, 0, last + 1, "x", false, false, false, 13 },
		{ false, true, 0, last + 1, "x", true, false, false, 13 },
		{ false, false, 0, 0, "x", true, true, false, 13 },
	};

	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		char *out = new_place(w, "");
		struct bagkit b = { .out = out,
			.have_since = t[i].have_since,
			.have_until = t[i].have_until,
			.since = t[i].since,
			.until = t[i].until,
			.query = t[i].query,
			.by_date = t[i].by_date,
			.with_records = t[i].with_records };

		bagkit_make(&w->fx, &b);
		in_order(w, out);
		assert_int_equal(w->r.v.complete, t[i].complete);
		assert_int_equal(w->r.v.given, t[i].given);
		free(out);
	}
}

/* ---- changes ---- */

static size_t
stride(const struct kit_file *f)
{
	return (f->bytes.n <= SMALL ? 1 : f->bytes.n / STEPS + 1);
}

static void
test_no_flipped_bit_goes_unseen(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->n; i++)
		kit_flip(&w->k, &w->f[i],
		    strstr(w->f[i].rel, ".p7s") != NULL	  ? 1
		    : strstr(w->f[i].rel, ".eml") != NULL ? 7
							  : stride(&w->f[i]),
		    "");
	all_found(w, "flipped");
}

static void
test_no_cut_file_goes_unseen(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->n; i++)
		kit_cut(&w->k, &w->f[i], w->f[i].bytes.n / 20 + 1, "");
	all_found(w, "cut");
}

static void
test_no_missing_file_goes_unseen(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->n; i++)
		kit_drop(&w->k, &w->f[i], "");
	all_found(w, "missing");
}

static void
test_swapped_messages_and_foreign_files_are_seen(void **state)
{
	static const char *const added[] = { "extra.txt", "data/extra.txt",
		"data/messages/000000000005.eml", "data/messages/12.eml",
		"data/proof/events/000000000005.json", "fetch.txt" };
	struct world *w = *state;
	struct kit_file *a =
	    kit_file(w->f, w->n, "data/messages/000000000011.eml");
	struct kit_file *b =
	    kit_file(w->f, w->n, "data/messages/000000000012.eml");

	kit_write(a->path, b->bytes.p, b->bytes.n);
	kit_write(b->path, a->bytes.p, a->bytes.n);
	kit_expect(&w->k, "two messages swapped", a->rel);
	kit_put_back(a);
	kit_put_back(b);
	for (size_t i = 0; i < SP_COUNTOF(added); i++) {
		char *path = sp_layout_path(w->b.out, added[i]);

		kit_write(path, "x", 1);
		kit_expect(&w->k, added[i], added[i]);
		(void)unlink(path);
		free(path);
	}
	all_found(w, "swapped, added");
}

/* Whoever has the sealing key can sign again what he changed; the log still
 * says no. */
static void
test_changes_signed_again_are_seen(void **state)
{
	struct world *w = *state;
	char *dir = new_place(w, "");

	kit_copy_tree(w->b.out, dir);
	for (size_t i = 0; i < w->n; i++) {
		struct kit_file f = w->f[i];
		struct kit k = w->k;
		char keep, *what;

		/* These say nothing about the log. */
		if (strstr(f.rel, "manifest") != NULL ||
		    strcmp(f.rel, "data/VERIFY.txt") == 0 ||
		    strcmp(f.rel, "data/policy.json") == 0 ||
		    strstr(f.rel, "consistency") != NULL || f.bytes.n == 0)
			continue;
		what = sp_xasprintf("%s changed and signed", f.rel);
		k.dir = dir;
		f.path = sp_layout_path(dir, f.rel);
		/* A byte that no parser forgives: in the middle. */
		keep = f.bytes.p[f.bytes.n / 2];
		f.bytes.p[f.bytes.n / 2] = (char)(keep ^ 1);
		kit_put_back(&f);
		bagkit_seal(&w->fx, dir);
		kit_expect(&k, what,
		    strcmp(f.rel, "data/records.jsonl") == 0
			? "data/records.jsonl"
			: f.rel);
		f.bytes.p[f.bytes.n / 2] = keep;
		kit_put_back(&f);
		free(f.path);
		free(what);
		w->k.runs = k.runs;
		w->k.undetected = k.undetected;
		w->k.misplaced = k.misplaced;
	}
	bagkit_seal(&w->fx, dir);
	in_order(w, dir);
	all_found(w, "changed and signed again");
	free(dir);
}

/* ---- lies with all keys ---- */

static void
expect_lie(
    struct world *w, struct bagkit *b, const char *what, const char *place)
{
	char *out = new_place(w, "");
	const char *keep = w->k.dir;

	b->out = out;
	bagkit_make(&w->fx, b);
	w->k.dir = out;
	kit_expect(&w->k, what, place);
	w->k.dir = keep;
	free(out);
}

static void
test_a_withheld_message_is_seen_whatever_the_bag_says(void **state)
{
	struct world *w = *state;
	struct bagkit honest = w->b, b;

	honest.from = 0;
	b = honest;
	b.forget = 15;
	expect_lie(w, &b, "message withheld", "entry 15");
	b = honest;
	b.as_filtered = 15;
	expect_lie(w, &b, "message called filtered", "entry 15");
	b = honest;
	b.as_purged = 15;
	expect_lie(w, &b, "message called purged", "entry 15");
	b = honest;
	b.claim_first = 12;
	expect_lie(w, &b, "run cut short at its beginning", "before the run");
	b = honest;
	b.claim_end = 28;
	expect_lie(w, &b, "run cut short at its end", "behind the run");
	b = honest;
	b.claim_first = 8;
	expect_lie(w, &b, "run too long", "entry 8");
	all_found(w, "lies");
}

/* A line more or less cannot be made up: the root says no. */
static void
test_a_line_left_out_does_not_give_the_root(void **state)
{
	struct world *w = *state;
	struct kit_file *e = kit_file(w->f, w->n, "data/proof/entries.txt");
	struct sp_view rest = sp_buf_view(&e->bytes), line;
	char *dir = new_place(w, "");
	struct sp_buf out;
	const char *keep = w->k.dir;

	sp_buf_init(&out, 1u << 20);
	for (unsigned i = 0; rest.n > 0; i++) {
		line = sp_view_cut(&rest, '\n');
		if (i == 5)
			continue;
		sp_must(sp_buf_addv(&out, line), NULL);
		sp_must(sp_buf_addc(&out, '\n'), NULL);
	}
	kit_copy_tree(w->b.out, dir);
	bagkit_put(dir, "data/proof/entries.txt", sp_buf_view(&out));
	bagkit_seal(&w->fx, dir);
	w->k.dir = dir;
	kit_expect(&w->k, "line left out", "data/proof/entries.txt");
	w->k.dir = keep;
	sp_buf_done(&out);
	free(dir);
	all_found(w, "line left out");
}

/* ---- what the verifier brings ---- */

static void
test_the_verifiers_own_range_must_be_proven(void **state)
{
	struct world *w = *state;
	struct sp_verify_opts keep = w->k.o;

	w->k.o.have_since = w->k.o.have_until = true;
	w->k.o.since = w->b.since;
	w->k.o.until = w->b.until;
	in_order(w, w->b.out);
	w->k.o.since = bagkit_time(&w->fx, 9);
	kit_expect(&w->k, "earlier since", "--since");
	w->k.o.since = w->b.since;
	w->k.o.until = bagkit_time(&w->fx, 31);
	kit_expect(&w->k, "later until", "--until");
	w->k.o = keep;
	all_found(w, "own range");
}

static void
test_a_selection_is_refused_where_all_is_demanded(void **state)
{
	struct world *w = *state;
	struct bagkit b = w->b;
	struct sp_verify_opts keep = w->k.o;

	b.query = "x";
	b.from = 0;
	w->k.o.require_complete = true;
	in_order(w, w->b.out);
	expect_lie(w, &b, "selection", "is a selection");
	w->k.o = keep;
	all_found(w, "selection");
}

static void
write_note(struct world *w, const char *path, uint64_t size, bool other_root)
{
	char *key = sp_fixture_path(&w->fx, "keys/log.key");
	struct sp_checkpoint c = { .size = size };
	struct sp_signer *s = NULL;
	struct sp_tree *t = NULL;
	struct sp_buf text, note;
	struct sp_err err;

	sp_buf_init(&text, SP_NOTE_MAX);
	sp_buf_init(&note, SP_NOTE_MAX);
	(void)snprintf(c.origin, sizeof(c.origin), "%s", SP_FIXTURE_ORIGIN);
	sp_must(sp_tree_open(w->fx.dir, &t, &err), &err);
	sp_must(sp_tree_root(t, size, &c.root, &err), &err);
	c.root.b[3] = (uint8_t)(c.root.b[3] ^ (other_root ? 1 : 0));
	sp_must(sp_signer_load(key, SP_FIXTURE_ORIGIN, &s, &err), &err);
	sp_must(sp_checkpoint_format(&c, &text), NULL);
	sp_must(sp_note_sign(sp_buf_view(&text), s, &note, &err), &err);
	kit_write(path, note.p, note.n);
	sp_signer_free(s);
	sp_tree_close(t);
	sp_buf_done(&text);
	sp_buf_done(&note);
	free(key);
}

static void
test_a_kept_checkpoint_is_compared(void **state)
{
	struct world *w = *state;
	struct sp_verify_opts keep = w->k.o;
	char *kept = new_place(w, ".checkpoint");

	w->k.o.vkey = NULL;
	w->k.o.from_checkpoint = kept;
	write_note(w, kept, w->b.from, false);
	in_order(w, w->b.out);
	assert_int_equal(w->r.v.trust, SP_TRUST_CHECKPOINT);
	write_note(w, kept, w->b.size, false);
	in_order(w, w->b.out);
	write_note(w, kept, w->b.from, true);
	kit_expect(&w->k, "another history", "data/proof/consistency/5-");
	write_note(w, kept, w->b.size, true);
	kit_expect(&w->k, "another history, same size", "checkpoint");
	write_note(w, kept, 6, false);
	kit_verify(&w->k, &w->r);
	assert_int_equal(w->r.rc, SP_ENOTFOUND);
	free(kept);
	w->k.o = keep;
	all_found(w, "kept checkpoint");
}

static void
test_another_key_is_not_believed(void **state)
{
	struct world *w = *state;
	struct sp_verify_opts keep = w->k.o;
	struct sp_signer *s = NULL;
	struct sp_err err;

	sp_must(sp_signer_new(SP_FIXTURE_ORIGIN, NULL, &s, &err), &err);
	w->k.o.vkey = sp_signer_vkey(s);
	kit_expect(&w->k, "another key", "data/proof/log.vkey");
	w->k.o = keep;
	w->k.o.vkey = NULL;
	in_order(w, w->b.out);
	assert_int_equal(w->r.v.trust, SP_TRUST_NONE);
	w->k.o.trust_embedded = true;
	in_order(w, w->b.out);
	assert_int_equal(w->r.v.trust, SP_TRUST_EMBEDDED);
	w->k.o = keep;
	sp_signer_free(s);
	all_found(w, "another key");
}

/* ---- containers ---- */

/* Some bits of a container mean nothing (times, modes): the verdict is then
 * the same.  Nothing else may be said, and nothing may crash. */
static void
test_a_damaged_container_never_gives_another_verdict(void **state)
{
	static const char *const suffixes[] = { ".zip", ".tar.zst" };
	struct world *w = *state;

	for (size_t s = 0; s < SP_COUNTOF(suffixes); s++) {
		char *to = new_place(w, suffixes[s]);
		struct kit k = w->k;
		struct sp_buf b;
		struct sp_err err;
		uint64_t found = 0, same = 0;

		bagkit_pack(w->b.out, to, "case-7", s == 0, false);
		sp_buf_init(&b, 64u << 20);
		sp_must(sp_io_read_file(to, 64u << 20, &b, &err), &err);
		k.dir = to;
		for (size_t i = 0; i < b.n; i += b.n / 300 + 1) {
			b.p[i] = (char)(b.p[i] ^ (1 << (i % 8)));
			kit_write(to, b.p, b.n);
			b.p[i] = (char)(b.p[i] ^ (1 << (i % 8)));
			kit_verify(&k, &w->r);
			if (w->r.rc != SP_OK || w->r.v.findings > 0) {
				found++;
				continue;
			}
			same++;
			assert_true(w->r.v.complete);
			assert_int_equal(w->r.v.given, 19);
		}
		for (size_t n = 0; n + 1 < b.n; n += b.n / 60 + 1) {
			kit_write(to, b.p, n);
			kit_verify(&k, &w->r);
			if (w->r.rc == SP_OK && w->r.v.findings == 0)
				fail_msg("%s cut to %zu", suffixes[s], n);
		}
		print_message("%s: %" PRIu64 " flips found, %" PRIu64
			      " mean nothing\n",
		    suffixes[s], found, same);
		assert_true(found > same);
		sp_buf_done(&b);
		free(to);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_honest_bag_is_complete),
		cmocka_unit_test(
		    test_containers_of_any_order_give_the_same_verdict),
		cmocka_unit_test(test_every_kind_of_range_is_proven),
		cmocka_unit_test(test_no_flipped_bit_goes_unseen),
		cmocka_unit_test(test_no_cut_file_goes_unseen),
		cmocka_unit_test(test_no_missing_file_goes_unseen),
		cmocka_unit_test(
		    test_swapped_messages_and_foreign_files_are_seen),
		cmocka_unit_test(test_changes_signed_again_are_seen),
		cmocka_unit_test(
		    test_a_withheld_message_is_seen_whatever_the_bag_says),
		cmocka_unit_test(test_a_line_left_out_does_not_give_the_root),
		cmocka_unit_test(test_the_verifiers_own_range_must_be_proven),
		cmocka_unit_test(
		    test_a_selection_is_refused_where_all_is_demanded),
		cmocka_unit_test(test_a_kept_checkpoint_is_compared),
		cmocka_unit_test(test_another_key_is_not_believed),
		cmocka_unit_test(
		    test_a_damaged_container_never_gives_another_verdict),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
