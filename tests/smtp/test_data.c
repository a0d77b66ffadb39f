/*
 * journal/smtp/data.h: the end of DATA and dot stuffing at every split, against
 * a model that goes byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/view.h"
#include "journal/smtp/data.h"
#include "tests/lib/cputime.h"

#define V(s)                       \
	{                          \
		(s), sizeof(s) - 1 \
	}
#define OUT_MAX	  (1u << 20)
#define INPUT_MAX 64

struct row {
	const char *name;
	struct sp_view in; /* on the wire, the terminator comes after it */
	struct sp_view want; /* what is stored, without what END adds */
	uint64_t bare_lf, bare_cr, nul;
};

/* Each is followed by CR LF . CR LF, the first CR LF being content. */
static const struct row rows[] = {
	{ "ordinary", V("a\r\nb"), V("a\r\nb"), 0, 0, 0 },
	{ "empty line first", V(""), V(""), 0, 0, 0 },
	{ "a stuffed dot", V("..x"), V(".x"), 0, 0, 0 },
	{ "a lone dot before text", V(".x"), V("x"), 0, 0, 0 },
	{ "two dots alone", V("a\r\n.."), V("a\r\n."), 0, 0, 0 },
	{ "three dots", V("..."), V(".."), 0, 0, 0 },
	{ "many stuffed lines", V("..\r\n..a\r\n..\r\nb"),
	    V(".\r\n.a\r\n.\r\nb"), 0, 0, 0 },
	{ "LF . LF", V("a\n.\nMAIL"), V("a\n.\nMAIL"), 2, 0, 0 },
	{ "LF . CR LF", V("a\n.\r\nMAIL"), V("a\n.\r\nMAIL"), 1, 0, 0 },
	{ "CR LF . LF", V("a\r\n.\nMAIL"), V("a\r\n\nMAIL"), 1, 0, 0 },
	{ "CR . CR", V("a\r.\rMAIL"), V("a\r.\rMAIL"), 0, 2, 0 },
	{ "CR LF NUL . CR LF", V("a\r\n\0.\r\nMAIL"), V("a\r\n\0.\r\nMAIL"), 0,
	    0, 1 },
	{ "CR LF . CR CR LF", V("a\r\n.\r\r\nMAIL"), V("a\r\n\r\r\nMAIL"), 0, 1,
	    0 },
	{ "CR LF . CR x", V("a\r\n.\rx"), V("a\r\n\rx"), 0, 1, 0 },
	{ "dot after a bare LF stays", V("a\n..b"), V("a\n..b"), 1, 0, 0 },
	{ "CR CR LF", V("a\r\r\n"), V("a\r\r\n"), 0, 1, 0 },
	{ "LF first", V("\na"), V("\na"), 1, 0, 0 },
	{ "CR at the end", V("a\r"), V("a\r"), 0, 1, 0 },
	{ "dot, CR at the end", V("a\r\n.\r"), V("a\r\n\r"), 0, 1, 0 },
	{ "NULs", V("\0\0a\0"), V("\0\0a\0"), 0, 0, 3 },
	{ "8 bit", V("\xff\xfe.\r\n..\xff"), V("\xff\xfe.\r\n.\xff"), 0, 0, 0 },
};

static const char stop[] = "\r\n.\r\n";
static const char behind[] = "MAIL FROM:<x>\r\n";

/* Feed the pieces [0,a) [a,b) [b,n); returns how many bytes were taken. */
static size_t
feed_pieces(struct sp_data *d, struct sp_view in, size_t a, size_t b,
    struct sp_buf *out)
{
	const size_t cut[] = { 0, a, b, in.n };
	size_t taken = 0;

	for (size_t i = 0; i < 3 && d->state != SP_DATA_END; i++) {
		size_t n = cut[i + 1] - cut[i];
		char *piece = malloc(n + 1);
		struct sp_data_run run;

		assert_non_null(piece);
		memcpy(piece, in.p + cut[i], n);
		sp_data_feed(d, piece, n, &run);
		assert_true(run.used == n || run.end);
		assert_true(run.n <= run.used + 1);
		if (run.cr)
			assert_int_equal(sp_buf_addc(out, '\r'), SP_OK);
		assert_int_equal(sp_buf_add(out, run.p, run.n), SP_OK);
		taken += run.used;
		free(piece);
	}
	return (taken);
}

static void
check(const struct row *r, size_t a, size_t b)
{
	char wire[2 * INPUT_MAX];
	struct sp_view in = { wire, r->in.n };
	struct sp_data d;
	struct sp_buf out;
	size_t taken;

	memcpy(wire, r->in.p, r->in.n);
	memcpy(wire + in.n, stop, sizeof(stop) - 1);
	in.n += sizeof(stop) - 1;
	memcpy(wire + in.n, behind, sizeof(behind) - 1);
	in.n += sizeof(behind) - 1;
	sp_buf_init(&out, OUT_MAX);
	sp_data_init(&d, false);
	taken = feed_pieces(&d, in, a, b, &out);
	if (d.state != SP_DATA_END || taken != r->in.n + sizeof(stop) - 1 ||
	    out.n != r->want.n + 2 ||
	    memcmp(out.p, r->want.p, r->want.n) != 0 ||
	    memcmp(out.p + r->want.n, "\r\n", 2) != 0)
		fail_msg("%s, cut at %zu and %zu: got %zu bytes \"%.*s\", "
			 "taken %zu",
		    r->name, a, b, out.n, (int)out.n, out.p, taken);
	sp_data_finish(&d);
	if (d.bare_lf != r->bare_lf || d.bare_cr != r->bare_cr ||
	    d.nul != r->nul)
		fail_msg("%s, cut at %zu and %zu: counts lf %llu cr %llu nul "
			 "%llu",
		    r->name, a, b, (unsigned long long)d.bare_lf,
		    (unsigned long long)d.bare_cr, (unsigned long long)d.nul);
	sp_buf_done(&out);
}

static void
test_only_crlf_dot_crlf_ends_data_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		size_t n = rows[i].in.n + sizeof(stop) - 1 + sizeof(behind) - 1;

		for (size_t a = 0; a <= n; a++) {
			for (size_t b = a; b <= n; b++)
				check(&rows[i], a, b);
		}
	}
}

static void
test_the_first_line_may_be_the_end(void **state)
{
	static char wire[] = ".\r\nQUIT";
	struct sp_data d;
	struct sp_data_run run;

	(void)state;
	sp_data_init(&d, false);
	sp_data_feed(&d, wire, sizeof(wire) - 1, &run);
	assert_true(run.end);
	assert_int_equal(run.n, 0);
	assert_int_equal(run.used, 3);
}

static void
test_bdat_bytes_are_never_changed(void **state)
{
	static const char wire[] = ".\r\n..\r\n.\r\nx\n\r\0.";
	struct sp_view in = { wire, sizeof(wire) - 1 };

	(void)state;
	for (size_t a = 0; a <= in.n; a++) {
		struct sp_data d;
		struct sp_buf out;

		sp_buf_init(&out, OUT_MAX);
		sp_data_init(&d, true);
		assert_int_equal(feed_pieces(&d, in, a, a, &out), in.n);
		assert_int_equal(out.n, in.n);
		assert_memory_equal(out.p, wire, in.n);
		sp_data_finish(&d);
		assert_int_equal(d.bare_lf, 1);
		assert_int_equal(d.bare_cr, 1);
		assert_int_equal(d.nul, 1);
		sp_buf_done(&out);
	}
}

static void
test_the_longest_line_is_measured_over_splits(void **state)
{
	static char wire[] = "ab\r\nabcdef\r\nabc\r\n.\r\n";
	struct sp_data d;
	struct sp_data_run run;

	(void)state;
	for (size_t a = 0; a < sizeof(wire) - 1; a++) {
		char one[sizeof(wire)];

		memcpy(one, wire, sizeof(wire));
		sp_data_init(&d, false);
		sp_data_feed(&d, one, a, &run);
		sp_data_feed(&d, one + a, sizeof(wire) - 1 - a, &run);
		sp_data_finish(&d);
		assert_int_equal(d.longest, 8);
	}
}

/* A plain model of the table in the facts, byte by byte. */
static size_t
model(const char *p, size_t n, char *out, size_t *len)
{
	enum { BOL, DOT, DOTCR, CR, MID } st = BOL;
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		char b = p[i];

		if (st == BOL && b == '.') {
			st = DOT;
			continue;
		}
		if (st == DOT && b == '\r') {
			st = DOTCR;
			continue;
		}
		if (st == DOTCR && b == '\n') {
			*len = to;
			return (i + 1);
		}
		if (st == DOTCR) {
			out[to++] = '\r';
			st = CR;
		}
		out[to++] = b;
		if (b == '\r')
			st = CR;
		else if (b == '\n' && st == CR)
			st = BOL;
		else
			st = MID;
	}
	if (st == DOTCR)
		to += 0; /* held back */
	*len = to;
	return (n);
}

static void
test_random_bytes_agree_with_the_model(void **state)
{
	static const char alphabet[] = "\r\n.\0ab";
	uint32_t seed = 12345;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		char in[24], want[32];
		size_t n, wn, taken;
		struct sp_data d;
		struct sp_buf out;

		seed = seed * 1103515245 + 12345;
		n = (seed >> 16) % sizeof(in);
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			in[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		taken = model(in, n, want, &wn);
		sp_buf_init(&out, OUT_MAX);
		sp_data_init(&d, false);
		assert_int_equal(
		    feed_pieces(&d, sp_view_mem(in, n), n / 3, n / 2, &out),
		    taken);
		assert_int_equal(out.n, wn);
		if (wn > 0)
			assert_memory_equal(out.p, want, wn);
		sp_buf_done(&out);
	}
}

/* CPU time of feeding ${n} bytes of ordinary text ${rounds} times. */
static int64_t
feed_text(size_t n, size_t rounds)
{
	char *text = malloc(n);
	struct sp_data d;
	struct sp_data_run run;
	int64_t from;

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		text[i] = i % 76 == 74 ? '\r' : i % 76 == 75 ? '\n' : 'x';
	sp_data_init(&d, false);
	from = sp_cputime();
	for (size_t i = 0; i < rounds; i++)
		sp_data_feed(&d, text, n, &run);
	from = sp_cputime() - from;
	free(text);
	return (from);
}

/* A byte costs the same in a long piece as in a short one. */
static void
test_the_cost_of_text_grows_with_its_length_only(void **state)
{
	const size_t all = 64u << 20;
	int64_t small = 0, large = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		int64_t s = feed_text(64u << 10, all / (64u << 10));
		int64_t l = feed_text(4u << 20, all / (4u << 20));

		small = i == 0 || s < small ? s : small;
		large = i == 0 || l < large ? l : large;
		if (large < 3 * small)
			break;
	}
	print_message(
	    "%.2f GB/s\n", (double)all / ((double)(large + 1) * 1000));
	assert_true(large < 3 * small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_only_crlf_dot_crlf_ends_data_at_every_split),
		cmocka_unit_test(test_the_first_line_may_be_the_end),
		cmocka_unit_test(test_bdat_bytes_are_never_changed),
		cmocka_unit_test(test_the_longest_line_is_measured_over_splits),
		cmocka_unit_test(test_random_bytes_agree_with_the_model),
		cmocka_unit_test(
		    test_the_cost_of_text_grows_with_its_length_only),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
