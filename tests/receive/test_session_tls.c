/* A session inside TLS: what it forgets, what it records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "heard.h"
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_said_before_the_handshake_counts),
		cmocka_unit_test(
		    test_the_certificate_is_recorded_with_its_verdict),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
