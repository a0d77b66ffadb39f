/*
 * The MTA of the milter's tests: packets as tables, sent in every split, and
 * the answers as text.
 */
#include "mta.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "journal/smtp/milter_packet.h"

void
sp_mta_init(struct sp_talk *t)
{
	sp_talk_init(t, false);
	t->cfg.protocol = SP_PROTO_MILTER;
}

static void
be32(struct sp_buf *out, uint32_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		assert_int_equal(
		    sp_buf_addc(out, (char)(n >> shift & 0xff)), SP_OK);
}

void
sp_mta_bytes(const struct sp_packet *v, struct sp_buf *out)
{
	for (; v->n > 0; v++) {
		be32(out, (uint32_t)v->n);
		assert_int_equal(sp_buf_add(out, v->p, v->n), SP_OK);
	}
}

/* One answer of ${n} bytes as text. */
static void
render(struct sp_buf *out, const char *p, size_t n)
{
	enum sp_code rc = SP_OK;

	if (*p == SP_MILTER_OPTNEG) {
		assert_int_equal(n, 13);
		rc = sp_buf_addf(out, "O%" PRIu32 "/%" PRIx32 "/%" PRIx32 " ",
		    sp_milter_u32(p + 1), sp_milter_u32(p + 5),
		    sp_milter_u32(p + 9));
	} else if (*p == SP_MILTER_REPLY) {
		/* One text, and its NUL is the end. */
		assert_ptr_equal(memchr(p, '\0', n), p + n - 1);
		rc = sp_buf_addf(out, "y(%s) ", p + 1);
	} else {
		assert_int_equal(n, 1);
		rc = sp_buf_addf(out, "%c ", *p);
	}
	assert_int_equal(rc, SP_OK);
}

void
sp_mta_expect(struct sp_talk *t, const char *what, const char *want)
{
	struct sp_buf got;
	size_t at = 0;

	sp_buf_init(&got, 1u << 20);
	while (at < t->replies.n) {
		size_t n;

		assert_true(t->replies.n - at >= SP_MILTER_HEAD);
		n = sp_milter_u32(t->replies.p + at);
		assert_true(n > 0 && n <= t->replies.n - at - 4);
		render(&got, t->replies.p + at + 4, n);
		at += 4 + n;
	}
	if (!sp_view_eq_str(sp_buf_view(&got), want))
		fail_msg("%s:\ngot:  %.*s\nwant: %s", what, (int)got.n,
		    got.p == NULL ? "" : got.p, want);
	sp_buf_done(&got);
	sp_buf_clear(&t->replies);
}

static void
one(struct sp_talk *t, const struct sp_mta_script *r)
{
	struct sp_buf bytes;

	sp_buf_init(&bytes, 8u << 20);
	sp_mta_bytes(r->say, &bytes);
	for (size_t step = 1; step <= bytes.n; step++) {
		sp_talk_start(t);
		sp_talk_say(t, bytes.p, bytes.n, step);
		sp_mta_expect(t, r->name, r->want);
		if (r->stored != NULL &&
		    !sp_view_eq_str(sp_buf_view(&t->stored), r->stored))
			fail_msg("%s: stored \"%.*s\"", r->name,
			    (int)t->stored.n, t->stored.p);
		if (r->record != NULL && !sp_talk_holds(&t->records, r->record))
			fail_msg("%s: no %s in %s", r->name, r->record,
			    sp_buf_cstr(&t->records));
	}
	sp_buf_done(&bytes);
}

void
sp_mta_run(struct sp_talk *t, const struct sp_mta_script *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		one(t, &rows[i]);
}
