/*
 * Segments written anew by somebody who has the sealing key: the signature
 * and the tables hold, and still every change shows, at its entry.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "journal/sign/cms.h"
#include "journal/segment/segment.h"
#include "tests/lib/fixture.h"
#include "tests/tamper/kit.h"

#define ENTRIES 41u /* in the one segment */

enum change { NONE, MESSAGE, RECORD, LINE, NO_MESSAGE, NO_ENTRY, ADD_MESSAGE };

struct world {
	struct sp_fixture fx;
	struct kit k;
	struct kit_file *f;
	size_t n;
	struct kit_file *seg, *p7s;
};

static int
setup(void **state)
{
	struct world *w = sp_xcalloc(1, sizeof(*w));

	sp_clock_set_for_test(INT64_C(1795000000) * SP_SECOND, 1000);
	sp_fixture_init(&w->fx);
	sp_fixture_add(&w->fx, 20, 4);
	(void)sp_fixture_add_event(&w->fx, "search", "{}");
	sp_fixture_add(&w->fx, 19, 4);
	sp_fixture_rotate(&w->fx);
	sp_fixture_close(&w->fx);
	assert_int_equal(sp_fixture_seal(&w->fx), 1);
	w->k.dir = w->fx.dir;
	w->k.o.guard = w->fx.guard;
	w->n = kit_files(w->fx.dir, NULL, &w->f);
	for (size_t i = 0; i < w->n; i++) {
		if (strstr(w->f[i].rel, ".tar.zst.p7s") != NULL)
			w->p7s = &w->f[i];
		else if (strstr(w->f[i].rel, ".tar.zst") != NULL)
			w->seg = &w->f[i];
	}
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

/* A bit of the middle, or of the digest in a line. */
static void
spoil(struct sp_buf *b, size_t at)
{
	assert_true(b->n > at);
	b->p[at] = (char)(b->p[at] ^ 1);
}

/* The lines, with that of ${seq} changed where that is the change. */
static void
copy_lines(
    struct sp_segment *from, enum change c, uint64_t seq, struct sp_buf *lines)
{
	struct sp_view rest;
	struct sp_err err;
	size_t at = 0;

	sp_must(sp_segment_lines(from, lines, &err), &err);
	rest = sp_buf_view(lines);
	for (uint64_t s = 0; s < seq; s++)
		at += sp_view_cut(&rest, '\n').n + 1;
	/* In RECORD: "sealpost/entry/v1 N KIND TIME " is longer than 50. */
	at += 60;
	assert_true(lines->n > at);
	/* Another digest, in good base64. */
	if (c == LINE)
		lines->p[at] = lines->p[at] == 'A' ? 'B' : 'A';
}

static void
copy_entry(struct sp_segment *from, struct sp_segment_writer *to, enum change c,
    uint64_t s, uint64_t seq)
{
	struct sp_segment_item it;
	struct sp_buf record, msg;
	struct sp_record r;
	struct sp_err err;
	bool hit = s == seq, give;

	sp_buf_init(&record, SP_RECORD_MAX);
	sp_buf_init(&msg, 64u << 20);
	sp_must(sp_segment_item(from, s, &it, &err), &err);
	sp_must(sp_segment_read(from, s, &record, &msg, &err), &err);
	sp_must(sp_record_parse(sp_buf_view(&record), &r, &err), &err);
	give = it.has_message;
	if (hit && c == MESSAGE)
		spoil(&msg, msg.n / 2);
	if (hit && c == RECORD)
		spoil(&record, record.n - 5);
	if (hit && c == NO_MESSAGE)
		give = false;
	if (hit && c == ADD_MESSAGE) {
		sp_must(sp_buf_adds(&msg, "made up"), NULL);
		give = true;
	}
	if (hit && c == NO_ENTRY)
		sp_must(sp_segment_add(to, s, r.received,
			    (struct sp_view){ NULL, 0 }, false, SP_VIEW_LIT(""),
			    &err),
		    &err);
	else
		sp_must(sp_segment_add(to, s, r.received, sp_buf_view(&record),
			    give,
			    give && msg.p != NULL ? sp_buf_view(&msg)
						  : SP_VIEW_LIT(""),
			    &err),
		    &err);
	sp_record_done(&r);
	sp_buf_done(&record);
	sp_buf_done(&msg);
}

static void
sign(struct world *w)
{
	char *key = sp_fixture_path(&w->fx, "keys/seal.key");
	char *crt = sp_fixture_path(&w->fx, "keys/seal.crt");
	struct sp_sealer *s = NULL;
	struct sp_buf p7s;
	struct sp_err err;

	sp_buf_init(&p7s, 1u << 20);
	sp_must(sp_sealer_load(key, crt, &s, &err), &err);
	sp_must(sp_cms_sign_file(s, w->seg->path, &p7s, &err), &err);
	kit_write(w->p7s->path, p7s.p, p7s.n);
	sp_sealer_free(s);
	sp_buf_done(&p7s);
	free(key);
	free(crt);
}

/* The segment once more with one change, signed. */
static void
rewrite(struct world *w, enum change c, uint64_t seq)
{
	char *tmp = sp_layout_path(w->fx.root, "segment.tmp");
	struct sp_segment_writer *to = NULL;
	struct sp_segment *from = NULL;
	struct sp_buf lines, bytes;
	struct sp_err err;
	uint64_t size;

	sp_buf_init(&lines, 1u << 20);
	sp_buf_init(&bytes, 64u << 20);
	sp_must(sp_segment_open(w->seg->path, &from, &err), &err);
	copy_lines(from, c, seq, &lines);
	sp_must(sp_segment_create(tmp, 0, ENTRIES - 1, lines.n,
		    INT64_C(1795000000) * SP_SECOND, 3, 1u << 16, &to, &err),
	    &err);
	sp_must(sp_segment_add_lines(to, sp_buf_view(&lines), &err), &err);
	for (uint64_t s = 0; s < ENTRIES; s++)
		copy_entry(from, to, c, s, seq);
	sp_must(sp_segment_finish(to, &size, &err), &err);
	sp_segment_close(from);
	sp_must(sp_io_read_file(tmp, 64u << 20, &bytes, &err), &err);
	kit_write(w->seg->path, bytes.p, bytes.n);
	sp_must(sp_io_unlink(tmp, &err), &err);
	sign(w);
	sp_buf_done(&lines);
	sp_buf_done(&bytes);
	free(tmp);
}

static void
test_a_segment_written_anew_without_change_is_in_order(void **state)
{
	struct world *w = *state;
	struct kit_result *r = sp_xcalloc(1, sizeof(*r));

	rewrite(w, NONE, 0);
	kit_verify(&w->k, r);
	assert_int_equal(r->rc, SP_OK);
	for (size_t i = 0; i < r->n; i++)
		print_message("%s: %s\n", r->f[i].where, r->f[i].why);
	assert_int_equal(r->v.findings, 0);
	kit_put_back(w->seg);
	kit_put_back(w->p7s);
	free(r);
}

static void
test_every_change_in_a_signed_segment_shows_at_its_entry(void **state)
{
	static const struct {
		enum change c;
		const char *what, *why;
	} t[] = {
		{ MESSAGE, "message changed", "does not match its record" },
		{ RECORD, "record changed", "does not match its line" },
		{ LINE, "line changed", "is not the one in the tree" },
		{ NO_MESSAGE, "message left out", "no purge event" },
		{ NO_ENTRY, "entry erased", "no purge event" },
		{ ADD_MESSAGE, "message made up", "" },
	};
	/* First and last message, one in between, and the event. */
	static const uint64_t seqs[] = { 1, 12, 21, ENTRIES - 1 };
	struct world *w = *state;
	struct kit_result *r = sp_xcalloc(1, sizeof(*r));

	for (size_t i = 0; i < SP_COUNTOF(t); i++)
		for (size_t k = 0; k < SP_COUNTOF(seqs); k++) {
			bool event = seqs[k] == 21, seen = false;
			char *place;

			if (event &&
			    (t[i].c == MESSAGE || t[i].c == NO_MESSAGE))
				continue;
			if (!event && t[i].c == ADD_MESSAGE)
				continue;
			place = sp_xasprintf("entry %" PRIu64, seqs[k]);
			rewrite(w, t[i].c, seqs[k]);
			kit_expect(&w->k, t[i].what, place);
			kit_verify(&w->k, r);
			for (size_t j = 0; j < r->n; j++) {
				seen = seen ||
				       strstr(r->f[j].why, t[i].why) != NULL;
				/* The liar's signature holds. */
				assert_string_not_equal(
				    r->f[j].kind, "signature");
			}
			if (!seen)
				fail_msg(
				    "%s %s: %s", t[i].what, place, r->f[0].why);
			kit_put_back(w->seg);
			kit_put_back(w->p7s);
			free(place);
		}
	assert_int_equal(w->k.undetected, 0);
	assert_int_equal(w->k.misplaced, 0);
	free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_segment_written_anew_without_change_is_in_order),
		cmocka_unit_test(
		    test_every_change_in_a_signed_segment_shows_at_its_entry),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
