/*
 * A small archive, changed one way at a time: bits flipped everywhere, files
 * cut at every length, dropped, repeated, swapped, rolled back, signed again
 * with another key.  Each change must be found, and its place named.
 */
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
#include "journal/sign/cms.h"
#include "journal/log/intake_read.h"
#include "journal/seal/seal.h"
#include "journal/tree/checkpoint.h"
#include "tests/lib/fixture.h"
#include "tests/tamper/kit.h"

#define SMALL 1200u /* every byte of a file up to this */
#define STEPS 60u /* places tried in a larger one */

/* Not evidence: secrets, what may be thrown away, and the configuration,
 * whose text is in the log. */
static const char *const not_evidence[] = { "keys/log.key", "keys/seal.key",
	"state", "index", "sealpost.conf", NULL };

struct world {
	struct sp_fixture fx;
	struct kit k;
	struct kit_file *f;
	size_t n;
	struct kit_file *seg[2]; /* the two segments */
	struct kit_file *p7s[2];
	struct kit_file *intake[2]; /* finished, newest */
};

static struct kit_file *
nth(struct world *w, const char *suffix, size_t which)
{
	size_t m = strlen(suffix);

	for (size_t i = 0; i < w->n; i++) {
		size_t n = strlen(w->f[i].rel);

		if (n >= m && strcmp(w->f[i].rel + n - m, suffix) == 0 &&
		    which-- == 0)
			return (&w->f[i]);
	}
	fail_msg("the archive has no file %zu in %s", which, suffix);
	return (NULL);
}

static void
reload(struct world *w)
{
	struct sp_intake_info *info = NULL;
	struct sp_err err;
	size_t n;

	kit_files_free(w->f, w->n);
	w->n = kit_files(w->fx.dir, not_evidence, &w->f);
	w->seg[0] = nth(w, ".tar.zst", 0);
	w->seg[1] = nth(w, ".tar.zst", 1);
	w->p7s[0] = nth(w, ".p7s", 0);
	w->p7s[1] = nth(w, ".p7s", 1);
	w->intake[0] = nth(w, ".log", 0);
	w->intake[1] = nth(w, ".log", 1);
	/* What lies behind the length that the successor states never
	 * happened (doc/format-intake.md). */
	sp_must(sp_intake_list(w->fx.dir, &info, &n, &err), &err);
	assert_int_equal(n, 2);
	w->intake[0]->counts = (size_t)info[0].limit;
	free(info);
}

/* A checkpoint, and nothing packed. */
static void
sign(struct world *w)
{
	struct sp_seal *s;
	struct sp_err err;
	uint64_t size;

	sp_must(
	    sp_seal_open(w->fx.dir, w->fx.cfg, 10000, NULL, &s, &err), &err);
	sp_must(sp_seal_checkpoint(s, &size, &err), &err);
	sp_seal_close(s);
}

static int
setup(void **state)
{
	struct world *w = sp_xcalloc(1, sizeof(*w));
	char text[64];

	sp_clock_set_for_test(INT64_C(1795000000) * SP_SECOND, 1000);
	sp_fixture_init(&w->fx);
	/* Short messages: the archive shall be small and have a full tile. */
	for (int part = 0; part < 2; part++) {
		for (int i = 0; i < 150; i++) {
			(void)snprintf(text, sizeof(text),
			    "Subject: %d of %d\r\n\r\nHello.\r\n", i, part);
			(void)sp_fixture_add_bytes(&w->fx, sp_view_str(text));
		}
		sp_fixture_rotate(&w->fx);
	}
	sp_fixture_add(&w->fx, 3, 2);
	sp_fixture_close(&w->fx);
	assert_int_equal(sp_fixture_seal(&w->fx), 2);
	/* A finished intake file that is not packed yet, and a newer one. */
	sp_fixture_rotate(&w->fx);
	sp_fixture_add(&w->fx, 2, 1);
	sp_fixture_close(&w->fx);
	sign(w);
	w->k.dir = w->fx.dir;
	w->k.o.guard = w->fx.guard;
	reload(w);
	*state = w;
	return (0);
}

static int
teardown(void **state)
{
	struct world *w = *state;

	kit_files_free(w->f, w->n);
	sp_fixture_done(&w->fx);
	free(w);
	return (0);
}

static size_t
stride(const struct kit_file *f)
{
	return (f->bytes.n <= SMALL ? 1 : f->bytes.n / STEPS + 1);
}

static void
all_found(struct world *w, const char *what)
{
	struct kit_result *r = sp_xcalloc(1, sizeof(*r));

	print_message("%s: %llu changes, %llu undetected, %llu misplaced\n",
	    what, (unsigned long long)w->k.runs,
	    (unsigned long long)w->k.undetected,
	    (unsigned long long)w->k.misplaced);
	if (w->k.undetected > 0 || w->k.misplaced > 0) {
		w->k.undetected = w->k.misplaced = 0;
		fail_msg("%s: not all was found", what);
	}
	assert_true(w->k.runs > 0);
	kit_verify(&w->k, r);
	if (r->rc != SP_OK || r->v.findings != 0)
		fail_msg("not put back: %s%s %s", r->err.msg, r->f[0].where,
		    r->f[0].why);
	w->k.runs = w->k.undetected = w->k.misplaced = 0;
	free(r);
}

static void
test_the_untouched_archive_is_in_order(void **state)
{
	struct world *w = *state;
	struct kit_result *r = sp_xcalloc(1, sizeof(*r));

	kit_verify(&w->k, r);
	assert_int_equal(r->rc, SP_OK);
	for (size_t i = 0; i < r->n; i++)
		print_message("%s %s\n", r->f[i].where, r->f[i].why);
	assert_int_equal(r->v.findings, 0);
	assert_int_equal(r->v.entries, 306);
	assert_int_equal(r->v.messages, 305);
	assert_int_equal(r->v.segments, 2);
	assert_int_equal(r->v.unsealed, 5);
	assert_int_equal(r->v.size, 306);
	assert_int_equal(r->v.trust, SP_TRUST_GUARD);
	assert_string_equal(r->v.rests_on,
	    "the key and the checkpoint in the guard directory, kept outside the archive");
	assert_string_equal(r->v.origin, SP_FIXTURE_ORIGIN);
	free(r);
}

static void
test_no_flipped_bit_goes_unseen(void **state)
{
	struct world *w = *state;

	/* One signature byte by byte; the other has the same form. */
	for (size_t i = 0; i < w->n; i++)
		kit_flip(&w->k, &w->f[i],
		    &w->f[i] == w->p7s[1] ? 17 : stride(&w->f[i]), "");
	all_found(w, "flipped");
}

static void
test_no_cut_file_goes_unseen(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->n; i++)
		kit_cut(&w->k, &w->f[i], w->f[i].bytes.n / 25 + 1, "");
	all_found(w, "cut");
}

static void
test_no_missing_file_goes_unseen(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->n; i++) {
		const char *also = "";

		/* A checkpoint that was kept and is gone cannot be known. */
		if (strncmp(w->f[i].rel, "tree/checkpoints/", 17) == 0)
			continue;
		if (&w->f[i] == w->intake[0])
			also = "entries 301 to 303";
		else if (&w->f[i] == w->intake[1])
			also = "entries 304 to 305";
		else if (&w->f[i] == w->seg[0])
			also = "entries 0 to 150";
		else if (&w->f[i] == w->seg[1])
			also = "entries 151 to 300";
		kit_drop(&w->k, &w->f[i], also);
	}
	all_found(w, "missing");
}

static void
swap_files(struct world *w, struct kit_file *a, struct kit_file *b)
{
	char *what = sp_xasprintf("%s and %s swapped", a->rel, b->rel);

	kit_write(a->path, b->bytes.p, b->bytes.n);
	kit_write(b->path, a->bytes.p, a->bytes.n);
	kit_expect(&w->k, what, a->rel);
	kit_put_back(a);
	kit_put_back(b);
	free(what);
}

static void
test_swapped_and_repeated_files_are_seen(void **state)
{
	struct world *w = *state;
	char *path;

	swap_files(w, w->seg[0], w->seg[1]);
	swap_files(w, w->p7s[0], w->p7s[1]);
	swap_files(w, w->seg[0], w->intake[0]);
	swap_files(w, w->intake[0], w->intake[1]);
	/* The second segment is the first once more, signature and all. */
	kit_write(w->seg[1]->path, w->seg[0]->bytes.p, w->seg[0]->bytes.n);
	kit_write(w->p7s[1]->path, w->p7s[0]->bytes.p, w->p7s[0]->bytes.n);
	kit_expect(&w->k, "segment repeated", w->seg[1]->rel);
	kit_put_back(w->seg[1]);
	kit_put_back(w->p7s[1]);
	/* The same bytes under a name that comes after. */
	path = sp_fixture_path(
	    &w->fx, "archive/2026/11/000000000306-000000000456.tar.zst");
	kit_write(path, w->seg[0]->bytes.p, w->seg[0]->bytes.n);
	kit_expect(&w->k, "segment appended", "000000000306-000000000456");
	(void)unlink(path);
	free(path);
	/* An intake file twice. */
	path = sp_fixture_path(&w->fx, "intake/000000000306-00000000.log");
	kit_write(path, w->intake[0]->bytes.p, w->intake[0]->bytes.n);
	kit_expect(&w->k, "intake file repeated", "000000000306-00000000.log");
	(void)unlink(path);
	free(path);
	all_found(w, "swapped, repeated");
}

static void
test_a_foreign_file_among_the_segments_is_seen(void **state)
{
	struct world *w = *state;
	char *path = sp_fixture_path(&w->fx, "archive/2026/11/more.tar.zst");

	kit_write(path, "x", 1);
	kit_expect(&w->k, "foreign file", "archive/2026/11/more.tar.zst");
	(void)unlink(path);
	free(path);
	all_found(w, "foreign file");
}

/* ---- signatures with another key ---- */

static void
sign_again(struct world *w, struct sp_sealer *s, size_t i)
{
	struct sp_buf p7s;
	struct sp_err err;

	sp_buf_init(&p7s, 1u << 20);
	sp_must(sp_cms_sign_file(s, w->seg[i]->path, &p7s, &err), &err);
	kit_write(w->p7s[i]->path, p7s.p, p7s.n);
	sp_buf_done(&p7s);
}

static void
test_a_signature_with_another_key_is_seen(void **state)
{
	struct world *w = *state;
	struct kit_file *all = kit_file(w->f, w->n, "keys/seal-all.crt");
	struct sp_buf key, crt;
	struct sp_sealer *s = NULL;
	struct sp_err err;
	char *kp = sp_layout_path(w->fx.root, "other.key");
	char *cp = sp_layout_path(w->fx.root, "other.crt");

	sp_buf_init(&key, 1u << 16);
	sp_buf_init(&crt, 1u << 20);
	sp_must(sp_sealer_create("x", &key, &crt, &err), &err);
	kit_write(kp, key.p, key.n);
	kit_write(cp, crt.p, crt.n);
	sp_must(sp_sealer_load(kp, cp, &s, &err), &err);
	sign_again(w, s, 0);
	kit_expect(&w->k, "segment signed with another key", w->p7s[0]->rel);
	/* And its certificate put among those that count. */
	sp_must(sp_buf_addv(&all->bytes, sp_buf_view(&crt)), NULL);
	kit_put_back(all);
	kit_expect(&w->k, "certificate added", "keys/seal-all.crt");
	all->bytes.n -= crt.n;
	kit_put_back(all);
	kit_put_back(w->p7s[0]);
	sp_sealer_free(s);
	sp_buf_done(&key);
	sp_buf_done(&crt);
	free(kp);
	free(cp);
	all_found(w, "signed with another key");
}

/* All that the log's key signed, signed again by another of the same name. */
static void
test_checkpoints_of_another_key_are_seen(void **state)
{
	struct world *w = *state;
	struct kit_file *vkey = kit_file(w->f, w->n, "keys/log.vkey");
	struct kit_file *now = kit_file(w->f, w->n, "tree/checkpoint");
	struct sp_signer *s = NULL;
	struct sp_checkpoint c;
	struct sp_buf text, note;
	struct sp_err err;
	char line[301];

	sp_buf_init(&text, SP_NOTE_MAX);
	sp_buf_init(&note, SP_NOTE_MAX);
	sp_must(sp_signer_new(SP_FIXTURE_ORIGIN, NULL, &s, &err), &err);
	sp_must(sp_checkpoint_peek(sp_buf_view(&now->bytes), &c, &err), &err);
	sp_must(sp_checkpoint_format(&c, &text), NULL);
	sp_must(sp_note_sign(sp_buf_view(&text), s, &note, &err), &err);
	kit_write(now->path, note.p, note.n);
	kit_expect(&w->k, "checkpoint of another key", "tree/checkpoint");
	sp_vkey_format(sp_signer_vkey(s), line);
	(void)strncat(line, "\n", 2);
	kit_write(vkey->path, line, strlen(line));
	kit_expect(&w->k, "key exchanged", "keys/log.vkey");
	kit_put_back(now);
	kit_put_back(vkey);
	sp_signer_free(s);
	sp_buf_done(&text);
	sp_buf_done(&note);
	all_found(w, "checkpoints of another key");
}

/* ---- roll-back: an earlier state, each part alone and all together ---- */

static void
put_dir(struct world *w, const char *from, const char *what)
{
	char *a = sp_layout_path(from, what);
	char *b = sp_fixture_path(&w->fx, what);

	kit_remove_tree(b);
	kit_copy_tree(a, b);
	free(a);
	free(b);
}

static void
test_what_was_rolled_back_is_seen(void **state)
{
	static const char *const parts[] = { "tree", "intake", "archive" };
	static const char *const places[] = { "tree/checkpoint", "entries 311",
		"entries 301" };
	struct world *w = *state;
	char *old = sp_layout_path(w->fx.root, "old");
	char *now = sp_layout_path(w->fx.root, "now");
	char *guard = sp_layout_path(w->fx.root, "guard.old");

	kit_copy_tree(w->fx.dir, old);
	kit_copy_tree(w->fx.guard, guard);
	sp_fixture_add(&w->fx, 5, 5);
	sp_fixture_rotate(&w->fx);
	sp_fixture_add(&w->fx, 2, 2);
	sp_fixture_close(&w->fx);
	assert_int_equal(sp_fixture_seal(&w->fx), 2);
	kit_copy_tree(w->fx.dir, now);
	for (size_t i = 0; i < SP_COUNTOF(parts); i++) {
		put_dir(w, old, parts[i]);
		kit_expect(&w->k, parts[i], places[i]);
		put_dir(w, now, parts[i]);
	}
	/* A whole backup: only what was kept outside can tell. */
	for (size_t i = 0; i < SP_COUNTOF(parts); i++)
		put_dir(w, old, parts[i]);
	kit_expect(&w->k, "whole archive rolled back", "tree/checkpoint");
	/* The history goes on differently, signed with the right key. */
	kit_remove_tree(w->fx.guard);
	kit_copy_tree(guard, w->fx.guard);
	sp_fixture_add(&w->fx, 9, 9);
	sp_fixture_close(&w->fx);
	(void)sp_fixture_seal(&w->fx);
	w->k.o.from_checkpoint = sp_layout_path(now, "tree/checkpoint");
	kit_expect(&w->k, "history forked", "tree/checkpoint|that you kept");
	free((void *)(uintptr_t)w->k.o.from_checkpoint);
	w->k.o.from_checkpoint = NULL;
	all_found(w, "rolled back");
	free(old);
	free(now);
	free(guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_untouched_archive_is_in_order),
		cmocka_unit_test(test_no_flipped_bit_goes_unseen),
		cmocka_unit_test(test_no_cut_file_goes_unseen),
		cmocka_unit_test(test_no_missing_file_goes_unseen),
		cmocka_unit_test(test_swapped_and_repeated_files_are_seen),
		cmocka_unit_test(
		    test_a_foreign_file_among_the_segments_is_seen),
		cmocka_unit_test(test_a_signature_with_another_key_is_seen),
		cmocka_unit_test(test_checkpoints_of_another_key_are_seen),
		cmocka_unit_test(test_what_was_rolled_back_is_seen),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
