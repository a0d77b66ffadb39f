/* A session inside TLS: what it forgets, what it records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "replies.h"
#include "talk.h"

static const struct sp_session_tls_info plain = { .version = "TLSv1.3",
	.cipher = "TLS_AES_256_GCM_SHA384" };

static void
say(struct sp_talk *t, const char *text)
{
	sp_talk_say(t, text, strlen(text), SIZE_MAX);
}

static void
test_nothing_said_before_the_handshake_counts(void **state)
{
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	sp_talk_start(&t);
	say(&t, "EHLO before\r\n");
	say(&t, "MAIL FROM:<before@x>\r\nRCPT TO:<c@d>\r\n");
	say(&t, "MAIL FRO");
	sp_talk_expect(&t, "before", HELLO MOK ROK);
	sp_session_tls(t.s, &plain);
	say(&t, "NOOP\r\nRCPT TO:<c@d>\r\nMAIL FROM:<a@b>\r\n");
	sp_talk_expect(&t, "after",
	    OK "503 5.5.1 Need MAIL first\n"
	       "503 5.5.1 Introduce yourself first\n");
	say(&t, "EHLO me\r\n");
	say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	say(&t, "x\r\n.\r\n");
	assert_true(sp_talk_holds(&t.records,
	    "\"helo\":\"me\",\"proto\":\"ESMTPS\",\"tls\":{\"version\":"
	    "\"TLSv1.3\",\"cipher\":\"TLS_AES_256_GCM_SHA384\"},"));
	assert_false(sp_talk_holds(&t.records, "before"));
	/* The next connection starts without. */
	sp_talk_start(&t);
	say(&t, "EHLO me\r\n");
	say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	t.records.n = 0;
	say(&t, "x\r\n.\r\n");
	assert_true(sp_talk_holds(&t.records, "\"proto\":\"ESMTP\",\"session"));
	sp_talk_done(&t);
}

static void
test_the_certificate_is_recorded_with_its_verdict(void **state)
{
	struct sp_session_tls_info info = plain;
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	sp_talk_start(&t);
	info.sni = "mx.\"example\xff";
	info.peer_sha256 = "00ff";
	info.why = "it has expired";
	sp_session_tls(t.s, &info);
	say(&t, "EHLO me\r\n");
	say(&t, "MAIL FROM:<a@b> SMTPUTF8\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	say(&t, "x\r\n.\r\n");
	assert_true(sp_talk_holds(&t.records,
	    "\"proto\":\"UTF8SMTPS\",\"tls\":{\"version\":\"TLSv1.3\","
	    "\"cipher\":"
	    "\"TLS_AES_256_GCM_SHA384\",\"sni\":{\"b64\":\"bXguImV4YW1wbGX/\"},"
	    "\"peer_sha256\":\"00ff\",\"verified\":false,"
	    "\"why\":\"it has expired\"}"));
	info.verified = true;
	sp_session_tls(t.s, &info);
	say(&t, "EHLO me\r\n");
	say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	say(&t, "x\r\n.\r\n");
	assert_true(sp_talk_holds(
	    &t.records, "\"peer_sha256\":\"00ff\",\"verified\":true}"));
	sp_talk_done(&t);
}

/* One line and its answer, without TLS but for the last two columns. */
static void
test_starttls_is_answered_as_the_rfc_says(void **state)
{
	static const struct {
		const char *say, *want;
		bool hello, tls;
		enum sp_session_state then;
	} table[] = {
		{ "STARTTLS\r\n", "503 5.5.1 Introduce yourself first\n", false,
		    false, SP_SESSION_COMMAND },
		{ "STARTTLS\r\n", "220 2.0.0 Ready to start TLS\n", true, false,
		    SP_SESSION_TLS },
		{ "starttls \r\n", "220 2.0.0 Ready to start TLS\n", true,
		    false, SP_SESSION_TLS },
		{ "STARTTLS now\r\n", "501 5.5.4 No argument allowed\n", true,
		    false, SP_SESSION_COMMAND },
		{ "STARTTLS\r\n", "503 5.5.1 TLS is active already\n", true,
		    true, SP_SESSION_COMMAND },
		{ "STARTTLS\r\nRSET\r\n",
		    "554 5.5.0 Synchronization error: wait for the reply\n",
		    true, false, SP_SESSION_CLOSING },
		{ "STARTTLS\r\nM",
		    "554 5.5.0 Synchronization error: wait for the reply\n",
		    true, false, SP_SESSION_CLOSING },
		{ "MAIL FROM:<a@b> REQUIRETLS\r\n",
		    "555 5.5.4 Parameter not recognized\n", true, false,
		    SP_SESSION_COMMAND },
		{ "MAIL FROM:<a@b> REQUIRETLS\r\n", MOK, true, true,
		    SP_SESSION_COMMAND },
		{ "MAIL FROM:<a@b> REQUIRETLS=1\r\n",
		    "501 5.5.4 Parameter value not understood, or given "
		    "twice\n",
		    true, true, SP_SESSION_COMMAND },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.tls = SP_TLS_STARTTLS;
	for (size_t i = 0; i < SP_COUNTOF(table); i++) {
		sp_talk_start(&t);
		if (table[i].tls)
			sp_session_tls(t.s, &plain);
		if (table[i].hello)
			say(&t, "EHLO me\r\n");
		sp_buf_clear(&t.replies);
		say(&t, table[i].say);
		sp_talk_expect(&t, table[i].say, table[i].want);
		assert_int_equal(sp_session_state(t.s), table[i].then);
	}
	sp_talk_done(&t);
}

static void
test_what_needs_tls_waits_for_it(void **state)
{
	static const char *const need[] = { "MAIL FROM:<a@b>\r\n",
		"RCPT TO:<a@b>\r\n", "DATA\r\n", "RSET\r\n", "VRFY x\r\n",
		"HELO me\r\n" };
	static const char lacks[] =
	    "530 5.7.0 Must issue a STARTTLS command first\n";
	struct sp_session_tls_info info = plain;
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.tls = SP_TLS_STARTTLS;
	t.cfg.require_client_cert = true; /* and so TLS */
	sp_talk_start(&t);
	say(&t, "EHLO me\r\n");
	sp_buf_clear(&t.replies);
	for (size_t i = 0; i < SP_COUNTOF(need); i++) {
		say(&t, need[i]);
		sp_talk_expect(&t, need[i], lacks);
	}
	say(&t, "NOOP\r\n");
	sp_talk_expect(&t, "NOOP", OK);
	sp_session_tls(t.s, &info);
	say(&t, "EHLO me\r\n");
	sp_buf_clear(&t.replies);
	say(&t, "MAIL FROM:<a@b>\r\n");
	sp_talk_expect(&t, "no certificate",
	    "454 4.7.0 A client certificate is required\n");
	info.peer_sha256 = "00";
	info.why = "it has expired";
	sp_session_tls(t.s, &info);
	say(&t, "EHLO me\r\n");
	sp_buf_clear(&t.replies);
	say(&t, "MAIL FROM:<a@b>\r\n");
	sp_talk_expect(&t, "an old one",
	    "454 4.7.0 Client certificate not accepted: it has expired\n");
	info.verified = true;
	sp_session_tls(t.s, &info);
	say(&t, "EHLO me\r\n");
	sp_buf_clear(&t.replies);
	say(&t, "MAIL FROM:<a@b>\r\n");
	sp_talk_expect(&t, "a good one", MOK);
	sp_talk_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_said_before_the_handshake_counts),
		cmocka_unit_test(
		    test_the_certificate_is_recorded_with_its_verdict),
		cmocka_unit_test(test_starttls_is_answered_as_the_rfc_says),
		cmocka_unit_test(test_what_needs_tls_waits_for_it),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
