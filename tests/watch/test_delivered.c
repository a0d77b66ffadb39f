/* What a log says of each message, seen from the archive. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "journal/watch/delivered.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define P   "Nov 26 20:00:01 mx postfix/"
#define US  "relay=127.0.0.1[127.0.0.1]:2525, delay=1, dsn=2.0.0, status="
#define ID(q, m)                                                    \
	P "cleanup[7]: " q ": message-id=<" m ">\n" P "qmgr[7]: " q \
	  ": from=<ann@corp.example>, size=9, nrcpt=2 (q)\n"
#define OURS(q, to, seq)                                                    \
	P "smtp[7]: " q ": to=<" to ">, " US "sent (250 2.0.0 Ok: seq=" seq \
	  " sha256=" HEX ")\n"
#define OTHER(q)                                                          \
	P "smtp[7]: " q ": to=<bob@corp.example>, relay=mx.corp.example[" \
	  "192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)\n"
#define GONE(q) P "qmgr[7]: " q ": removed\n"

static const char *const words[] = { "receipt", "unconfirmed", "refused",
	"waiting", "elsewhere", "cut" };

static enum sp_code
note(void *ctx, const struct sp_delivered_case *c, struct sp_err *err)
{
	struct sp_buf *b = ctx;

	(void)err;
	assert_int_equal(
	    sp_buf_addf(b, "%.*s %s", (int)c->id.n, c->id.p, words[c->what]),
	    SP_OK);
	if (c->what == SP_DELIVERED_RECEIPT)
		assert_int_equal(
		    sp_buf_addf(b, " %" PRIu64, c->receipt.seq), SP_OK);
	return (sp_buf_adds(b, "; "));
}

static void
check(const char *log, const char *relay, const char *want)
{
	struct sp_view rest = sp_view_str(log);
	struct sp_delivered_opts o = {
		.relays = &relay, .nrelays = relay != NULL, .fn = note
	};
	struct sp_delivered *d;
	struct sp_buf b;
	struct sp_err err;

	sp_buf_init(&b, 1 << 16);
	o.ctx = &b;
	d = sp_delivered_new(&o);
	while (rest.n > 0)
		assert_int_equal(
		    sp_delivered_line(d, sp_view_cut(&rest, '\n'), &err),
		    SP_OK);
	assert_int_equal(sp_delivered_finish(d, &err), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), want);
	sp_delivered_free(d);
	sp_buf_done(&b);
}

static void
test_each_message_is_told_once(void **state)
{
	static const struct {
		const char *log, *relay, *want;
	} rows[] = {
		{ ID("4ABC12", "a@b") OURS("4ABC12", "j@a.example", "7")
			OTHER("4ABC12") GONE("4ABC12"),
		    NULL, "4ABC12 receipt 7; " },
		/* recipient by recipient in one transaction: one receipt */
		{ ID("4ABC12", "a@b") OURS("4ABC12", "j+x@a.example", "7")
			OURS("4ABC12", "j+y@a.example", "7") GONE("4ABC12"),
		    NULL, "4ABC12 receipt 7; " },
		/* more recipients than one transaction takes: two entries */
		{ ID("4ABC12", "a@b") OURS("4ABC12", "j+x@a.example", "7")
			OURS("4ABC12", "j+y@a.example", "8") GONE("4ABC12"),
		    NULL, "4ABC12 receipt 7; 4ABC12 receipt 8; " },
		{ ID("4ABC12", "a@b") OTHER("4ABC12") GONE("4ABC12"), NULL,
		    "4ABC12 elsewhere; " },
		/* told even where the log ends before the queue is done */
		{ ID("4ABC12", "a@b") OTHER("4ABC12"), NULL,
		    "4ABC12 elsewhere; " },
		{ OTHER("4ABC12") GONE("4ABC12"), NULL, "4ABC12 cut; " },
		{ ID("4ABC12", "a@b") GONE("4ABC12"), NULL, "" },
		{ "no mail log at all\n\n\n", NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++)
		check(rows[i].log, rows[i].relay, rows[i].want);
}

#define FAIL(q, result, why)                                        \
	P "smtp[7]: " q ": to=<j@a.example>, relay=none, delay=1, " \
	  "dsn=4.0.0, status=" result " (" why ")\n"
#define REFUSED "connect to 127.0.0.1[127.0.0.1]:2525: Connection refused"

static void
test_what_failed_at_us_is_told_from_what_failed_elsewhere(void **state)
{
	static const struct {
		const char *log, *relay, *want;
	} rows[] = {
		/* known by --relay */
		{ ID("4ABC12", "a@b") FAIL("4ABC12", "deferred", "timeout"),
		    "@a.example", "4ABC12 waiting; " },
		{ ID("4ABC12", "a@b") FAIL("4ABC12", "bounced", "550 no")
			GONE("4ABC12"),
		    "@a.example", "4ABC12 refused; " },
		{ ID("4ABC12", "a@b") P "smtp[7]: 4ABC12: to=<j@a.example>, " US
					"sent (250 queued)\n" GONE("4ABC12"),
		    ":2525", "4ABC12 unconfirmed; " },
		/* unknown: only that it went elsewhere, or nowhere */
		{ ID("4ABC12", "a@b") FAIL("4ABC12", "bounced", "550 no")
			GONE("4ABC12"),
		    NULL, "4ABC12 elsewhere; " },
		/* known since another message was taken there */
		{ ID("4ABC12", "a@b") FAIL("4ABC12", "deferred", REFUSED)
			ID("4ABC13", "b@b") OURS("4ABC13", "j@a.example", "3")
			    GONE("4ABC13"),
		    NULL, "4ABC13 receipt 3; 4ABC12 waiting; " },
		/* tried again, and taken */
		{ ID("4ABC12", "a@b") FAIL("4ABC12", "deferred", REFUSED)
			OURS("4ABC12", "j@a.example", "3") GONE("4ABC12"),
		    NULL, "4ABC12 receipt 3; " },
		/* the right words from somebody else */
		{ ID("4ABC12", "a@b") OURS("4ABC12", "j@a.example", "3")
			GONE("4ABC12"),
		    "other.example", "4ABC12 elsewhere; " },
		/* a failure elsewhere does not hide the one at us */
		{ ID("4ABC12", "a@b") FAIL("4ABC12", "deferred", REFUSED) P
		    "smtp[7]: 4ABC12: to=<x@y.example>, relay=none, "
		    "delay=1, status=deferred (no host)\n",
		    "[127.0.0.1]:2525", "4ABC12 waiting; " },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++)
		check(rows[i].log, rows[i].relay, rows[i].want);
}

static enum sp_code
stop(void *ctx, const struct sp_delivered_case *c, struct sp_err *err)
{
	(void)ctx;
	(void)c;
	return (sp_err_set(err, SP_EINTERRUPT, 0, "enough"));
}

static void
test_the_callback_ends_it(void **state)
{
	const struct sp_delivered_opts o = { .fn = stop };
	struct sp_delivered *d = sp_delivered_new(&o);
	struct sp_view rest =
	    sp_view_str(ID("4ABC12", "a@b") OTHER("4ABC12") GONE("4ABC12"));
	enum sp_code rc = SP_OK;
	struct sp_err err;

	(void)state;
	while (rc == SP_OK && rest.n > 0)
		rc = sp_delivered_line(d, sp_view_cut(&rest, '\n'), &err);
	assert_int_equal(rc, SP_EINTERRUPT);
	sp_delivered_free(d);
}

static void
test_too_many_open_messages_are_a_limit(void **state)
{
	const struct sp_delivered_opts o = { .fn = stop };
	struct sp_delivered *d = sp_delivered_new(&o);
	struct sp_err err;
	enum sp_code rc = SP_OK;
	char line[128];
	unsigned i = 0;

	(void)state;
	for (; rc == SP_OK && i <= SP_DELIVERED_OPEN_MAX; i++) {
		int n = snprintf(line, sizeof(line),
		    P "cleanup[7]: %08X: message-id=<a@b>", i);

		rc = sp_delivered_line(d, sp_view_mem(line, (size_t)n), &err);
	}
	assert_int_equal(rc, SP_ELIMIT);
	assert_int_equal(i, SP_DELIVERED_OPEN_MAX + 1);
	sp_delivered_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_message_is_told_once),
		cmocka_unit_test(
		    test_what_failed_at_us_is_told_from_what_failed_elsewhere),
		cmocka_unit_test(test_the_callback_ends_it),
		cmocka_unit_test(test_too_many_open_messages_are_a_limit),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
