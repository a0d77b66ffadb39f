/* XFORWARD and XCLIENT: attributes, and what a session does with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replies.h"
#include "journal/smtp/claim.h"
#include "script.h"

#define BAD    "501 5.5.4 Attributes not understood\n"
#define STORED "250 2.0.0 Ok: seq=100\n"
#define SEND   "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1 LAST\r\nx"
#define CLAIM_KEYWORDS                                                    \
	"250-archive.example\n"                                           \
	"250-PIPELINING\n"                                                \
	"250-SIZE 100000\n"                                               \
	"250-8BITMIME\n"                                                  \
	"250-SMTPUTF8\n"                                                  \
	"250-ENHANCEDSTATUSCODES\n"                                       \
	"250-DSN\n"                                                       \
	"250-CHUNKING\n"                                                  \
	"250-BINARYMIME\n"                                                \
	"250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\n"           \
	"250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\n" \
	"250-LIMITS RCPTMAX=3\n"                                          \
	"250 HELP\n"

static const struct {
	bool xclient;
	const char *arg, *want; /* NULL: not understood */
} rows[] = {
	{ false, "NAME=mx.example ADDR=192.0.2.9 PORT=25 PROTO=ESMTP",
	    "{\"name\":\"mx.example\",\"addr\":\"192.0.2.9\",\"port\":\"25\","
	    "\"proto\":\"ESMTP\"}" },
	{ false, "helo=mx.example ident=4Ws2 source=remote",
	    "{\"helo\":\"mx.example\",\"ident\":\"4Ws2\",\"source\":"
	    "\"remote\"}" },
	{ false, "ADDR=IPV6:2001:db8::1", "{\"addr\":\"2001:db8::1\"}" },
	{ false, "ADDR=ipv6:::ffff:192.0.2.1",
	    "{\"addr\":\"::ffff:192.0.2.1\"}" },
	{ false, "NAME=[UNAVAILABLE] HELO=[unavailable]", "{}" },
	{ true, "NAME=[TEMPUNAVAIL] ADDR=192.0.2.9",
	    "{\"addr\":\"192.0.2.9\"}" },
	{ false, "HELO=a+20b", "{\"helo\":\"a b\"}" },
	/* not xtext: taken as it is */
	{ false, "HELO=a+zz", "{\"helo\":\"a+zz\"}" },
	{ false, "IDENT=a=b", "{\"ident\":\"a=b\"}" },
	{ true, "LOGIN=bob DESTADDR=192.0.2.1 DESTPORT=25",
	    "{\"login\":\"bob\",\"destaddr\":\"192.0.2.1\",\"destport\":"
	    "\"25\"}" },
	{ false, "", NULL },
	{ false, "NAME", NULL },
	{ false, "NAME=", NULL },
	{ false, "NAME=a NAME=b", NULL },
	{ false, "LOGIN=bob", NULL },
	{ true, "IDENT=x", NULL },
	{ false, "ADDR=2001:db8::1", NULL },
	{ false, "ADDR=[192.0.2.1]", NULL },
	{ false, "ADDR=IPV6:192.0.2.1", NULL },
	{ false, "ADDR=IPV6:", NULL },
	{ false, "ADDR=mx.example", NULL },
	{ false, "PORT=65536", NULL },
	{ false, "PORT=x", NULL },
	{ false, "PROTO=HTTP", NULL },
	{ false, "SOURCE=HERE", NULL },
	{ false, "HELO=a+0Ab", NULL },
	{ false, "HELO=a+00b", NULL },
	{ false, "FOO=x", NULL },
	{ false, "NAME=ok PORT=-1", NULL },
};

static void
test_attributes_are_understood_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_claim c = { .set = false };
		struct sp_json j;
		struct sp_buf b;
		bool ok;

		sp_buf_init(&b, 4096);
		sp_json_init(&j, &b);
		ok = sp_claim_parse(
		    &c, sp_view_str(rows[i].arg), rows[i].xclient);
		assert_int_equal(c.set, ok);
		sp_json_obj(&j, NULL);
		sp_claim_json(&c, "c", &j);
		sp_json_obj_end(&j);
		assert_int_equal(sp_json_end(&j), SP_OK);
		if (ok != (rows[i].want != NULL) ||
		    (ok && strstr(sp_buf_cstr(&b), rows[i].want) == NULL))
			fail_msg("%s: got %s", rows[i].arg, sp_buf_cstr(&b));
		sp_claim_clear(&c);
		sp_buf_done(&b);
		for (size_t n = 0; n <= strlen(rows[i].arg); n++) {
			char *cut = sp_xmalloc(n + 1);

			memcpy(cut, rows[i].arg, n);
			(void)sp_claim_parse(
			    &c, sp_view_mem(cut, n), rows[i].xclient);
			sp_claim_clear(&c);
			free(cut);
		}
	}
}

static void
test_a_value_has_its_limit(void **state)
{
	char text[5 + 3 * SP_CLAIM_VALUE_MAX + 4] = "HELO=";

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		struct sp_claim c = { .set = false };
		size_t n = SP_CLAIM_VALUE_MAX + over;

		memset(text + 5, 'x', n);
		assert_int_equal(
		    sp_claim_parse(&c, sp_view_mem(text, n + 5), false),
		    over == 0);
		sp_claim_clear(&c);
		for (size_t i = 0; i < n; i++)
			memcpy(text + 5 + 3 * i, "+3D", 3);
		assert_int_equal(
		    sp_claim_parse(&c, sp_view_mem(text, 3 * n + 5), false),
		    over == 0);
		sp_claim_clear(&c);
	}
}

static void
test_a_claim_stands_beside_the_peer(void **state)
{
	static const struct sp_script scripts[] = {
		{ "XFORWARD in pieces, for one message",
		    { "EHLO relay\r\n",
			"XFORWARD NAME=mx.example ADDR=192.0.2.9\r\n"
			"XFORWARD IDENT=4Ws2 HELO=[UNAVAILABLE]\r\n" SEND },
		    GREETING CLAIM_KEYWORDS OK OK MOK ROK STORED, "x<EOM>",
		    "\"peer\":\"192.0.2.7:51234\",\"local\":\"192.0.2.1:25\","
		    "\"claimed\":{\"xforward\":{\"name\":\"mx.example\","
		    "\"addr\":\"192.0.2.9\",\"ident\":\"4Ws2\"}},"
		    "\"helo\":\"relay\"," },
		{ "XCLIENT starts anew and stays",
		    { "EHLO relay\r\n", "XCLIENT ADDR=192.0.2.9 LOGIN=bob\r\n",
			"MAIL FROM:<a@b>\r\n", "EHLO client\r\n",
			"XCLIENT PORT=99\r\n", "EHLO client\r\n", "RSET\r\n",
			SEND },
		    GREETING CLAIM_KEYWORDS GREETING
		    "503 5.5.1 Introduce yourself first\n" CLAIM_KEYWORDS
			GREETING CLAIM_KEYWORDS OK MOK ROK STORED,
		    "x<EOM>",
		    "\"claimed\":{\"xclient\":{\"addr\":\"192.0.2.9\","
		    "\"port\":\"99\",\"login\":\"bob\"}},\"helo\":\"client\"" },
		{ "not within a transaction, not what is not understood",
		    { "EHLO relay\r\n", "XFORWARD\r\nXFORWARD X=1\r\n",
			"MAIL FROM:<a@b>\r\nXFORWARD NAME=x\r\n",
			"XCLIENT NAME=x\r\n" },
		    GREETING CLAIM_KEYWORDS BAD BAD MOK
		    "503 5.5.1 Not inside a transaction\n"
		    "503 5.5.1 Not inside a transaction\n",
		    "", NULL },
	};
	struct sp_networks some = { NULL, 1 };
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.xforward = t.cfg.xclient = some;
	t.xforward = t.xclient = true;
	sp_script_run(&t, scripts, SP_COUNTOF(scripts));
	sp_talk_done(&t);
}

static void
say(struct sp_talk *t, const char *text)
{
	sp_talk_say(t, text, strlen(text), SIZE_MAX);
}

static void
test_xforward_ends_with_the_message_or_rset(void **state)
{
	static const struct {
		const char *name, *after;
	} ends[] = {
		{ "end of data", SEND },
		{ "refused data", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT "
				  "200000 LAST\r\n" },
		{ "RSET", "RSET\r\n" },
		{ "EHLO", "EHLO relay\r\n" },
	};
	struct sp_networks some = { NULL, 1 };
	struct sp_talk t;
	char *filler;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.xforward = some;
	t.xforward = true;
	filler = sp_xcalloc(200001, 1);
	memset(filler, 'x', 200000);
	for (size_t i = 0; i < SP_COUNTOF(ends); i++) {
		sp_talk_start(&t);
		say(&t, "EHLO relay\r\n");
		say(&t, "XFORWARD NAME=mx.example\r\n");
		say(&t, ends[i].after);
		if (i == 1)
			say(&t, filler);
		sp_buf_clear(&t.records);
		say(&t, SEND);
		if (t.records.n == 0 || sp_talk_holds(&t.records, "claimed"))
			fail_msg("%s: %.*s", ends[i].name, (int)t.records.n,
			    t.records.p == NULL ? "" : t.records.p);
	}
	free(filler);
	sp_talk_done(&t);
}

static void
test_nobody_else_may_claim(void **state)
{
	static const struct sp_script not_offered[] = {
		{ "no list",
		    { "EHLO me\r\n", "XFORWARD NAME=x\r\n",
			"XCLIENT NAME=x\r\n" },
		    HELLO "502 5.5.1 Command not offered here\n"
			  "502 5.5.1 Command not offered here\n",
		    "", NULL },
	};
	static const struct sp_script denied[] = {
		{ "not in the list",
		    { "EHLO me\r\n", "XFORWARD NAME=x\r\n",
			"XCLIENT NAME=x\r\n", SEND },
		    HELLO "550 5.7.1 Not allowed\n"
			  "550 5.7.1 Not allowed\n" MOK ROK STORED,
		    "x<EOM>", "\"local\":\"192.0.2.1:25\",\"helo\"" },
	};
	struct sp_networks some = { NULL, 1 };
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	sp_script_run(&t, not_offered, 1);
	t.cfg.xforward = t.cfg.xclient = some;
	sp_script_run(&t, denied, 1);
	sp_talk_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes_are_understood_or_refused),
		cmocka_unit_test(test_a_value_has_its_limit),
		cmocka_unit_test(test_a_claim_stands_beside_the_peer),
		cmocka_unit_test(test_xforward_ends_with_the_message_or_rset),
		cmocka_unit_test(test_nobody_else_may_claim),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
