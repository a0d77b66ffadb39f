/*
 * Bytes of a POP3 server: every line as each kind of reply, as words of
 * throttling and as a line of the state file, and the whole as a message, in one
 * piece and byte by byte, which must give the same content and the same facts.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "journal/pull/doubts.h"
#include "journal/pull/ids.h"
#include "journal/pull/pop3_parse.h"
#include "journal/pull/sasl.h"
#include "journal/pull/throttle.h"
#include "journal/pull/whole.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
body(struct sp_view in, size_t step, struct sp_buf *out, size_t *left)
{
	struct sp_pop3_body b = { .at = SP_POP3_LINE_START };
	bool more = true;

	sp_buf_clear(out);
	while (more && in.n > 0) {
		struct sp_view some =
		    sp_view_mem(in.p, in.n < step ? in.n : step);
		const size_t had = some.n;

		while (more && some.n > 0) {
			struct sp_view piece;

			more = sp_pop3_body(&b, &some, &piece);
			if (sp_buf_addv(out, piece) != SP_OK)
				abort();
		}
		in = sp_view_mem(in.p + had - some.n, in.n - had + some.n);
	}
	*left = in.n;
	return (!more);
}

/* Scan ${in} in pieces of ${step} bytes. */
static void
scan(struct sp_view in, size_t step, struct sp_whole_facts *out)
{
	struct sp_whole_scan *s = sp_whole_scan_new();

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < in.n; i += step)
		sp_whole_scan_add(s,
		    sp_view_mem(in.p + i, in.n - i < step ? in.n - i : step));
	sp_whole_scan_end(s, out);
	sp_whole_scan_free(s);
}

/* The facts of a message, and a verdict over it. */
static void
judge(struct sp_view in)
{
	struct sp_whole_past past = { .any = false };
	struct sp_whole_facts a, b;

	scan(in, in.n + 1, &a);
	scan(in, 1, &b);
	if (memcmp(&a, &b, sizeof(a)) != 0)
		abort();
	if (a.bytes != in.n || a.crlf + a.bare_lf > in.n)
		abort();
	a.announced = in.n;
	if (sp_whole_judge(&a, &past) != SP_WHOLE && !a.substitute)
		abort();
	a.announced = in.n + 6 + 2 * a.bare_lf;
	if (sp_whole_judge(&a, &past) == SP_WHOLE)
		abort();
}

static void
line(struct sp_view v)
{
	struct sp_pop3_caps caps = { .any = false };
	struct sp_doubts *doubts;
	struct sp_pop3_reply r;
	struct sp_view uid;
	uint64_t a, b;
	char why[64];

	sp_pop3_reply(v, &r);
	assert(r.text.n <= v.n);
	sp_pop3_capability(v, &caps);
	(void)sp_pop3_two_numbers(v, &a, &b);
	if (sp_pop3_uidl(v, &a, &uid))
		assert(uid.n > 0 && uid.n <= SP_POP3_UID_MAX);
	(void)sp_sasl_failure(r.text, why, sizeof(why));
	if (sp_throttle_words(v, &a))
		assert(a > 0 && a <= SP_THROTTLE_MAX_S);
	doubts = sp_doubts_new();
	if (sp_doubts_parse(doubts, v))
		assert(sp_doubts_count(doubts) == 1);
	sp_doubts_free(doubts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_view rest = sp_view_mem(data, size);
	struct sp_buf whole, bytes;
	struct sp_ids *ids = sp_ids_new();
	size_t left_a, left_b;
	uint64_t covered;

	sp_buf_init(&whole, size + 16);
	sp_buf_init(&bytes, size + 16);
	if (body(rest, SIZE_MAX, &whole, &left_a) !=
		body(rest, 1, &bytes, &left_b) ||
	    left_a != left_b ||
	    !sp_view_eq(sp_buf_view(&whole), sp_buf_view(&bytes)))
		abort();
	judge(rest);
	(void)sp_ids_parse(ids, rest, "a", &covered);
	while (rest.n > 0)
		line(sp_view_cut(&rest, '\n'));
	sp_buf_done(&whole);
	sp_buf_done(&bytes);
	sp_ids_free(ids);
	return (0);
}
