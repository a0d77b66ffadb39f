/* LMTP on a listener (RFC 2033). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "replies.h"
#include "script.h"

#define LMTP_GREETING "220 archive.example LMTP Sealpost\n"
#define LMTP_HELLO    LMTP_GREETING KEYWORDS
#define STORED	      "250 2.0.0 Ok: seq=100\n"
#define TWO	      "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n"

static void
test_each_accepted_recipient_is_answered(void **state)
{
	static const struct sp_script rows[] = {
		{ "two recipients",
		    { "LHLO me\r\n", TWO "DATA\r\n", "hi\r\n.\r\n",
			"QUIT\r\n" },
		    LMTP_HELLO MOK ROK ROK GO STORED STORED BYE, "hi\r\n<EOM>",
		    "\"source\":{\"via\":\"lmtp\",\"grade\":\"witnessed\","
		    "\"listener\":\"mta\"" },
		{ "three accepted, one refused",
		    { "LHLO me\r\n",
			TWO "RCPT TO:<>\r\nRCPT TO:<g@h>\r\nDATA\r\n",
			"hi\r\n.\r\nQUIT\r\n" },
		    LMTP_HELLO MOK ROK ROK
		    "501 5.5.4 Address not understood\n" ROK GO STORED STORED
			STORED BYE,
		    "hi\r\n<EOM>", "\"proto\":\"LMTP\"" },
		{ "the last chunk alone",
		    { "LHLO me\r\n", TWO "BDAT 2\r\nhi"
					 "BDAT 0 LAST\r\nQUIT\r\n" },
		    LMTP_HELLO MOK ROK ROK
		    "250 2.0.0 Ok: 2 bytes\n" STORED STORED BYE,
		    "hi<EOM>", NULL },
		{ "UTF8",
		    { "LHLO me\r\n", "MAIL FROM:<a@b> SMTPUTF8\r\nRCPT "
				     "TO:<\xc3\xa4@b>\r\nBDAT 0 LAST\r\n" },
		    LMTP_HELLO MOK ROK STORED, "<EOM>",
		    "\"proto\":\"UTF8LMTP\"" },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.protocol = SP_PROTO_LMTP;
	sp_script_run(&t, rows, SP_COUNTOF(rows));
	sp_talk_done(&t);
}

static void
test_what_rfc_2033_forbids_is_refused(void **state)
{
	static const struct sp_script rows[] = {
		{ "EHLO and HELO",
		    { "EHLO me\r\n", "HELO me\r\n", "MAIL FROM:<a@b>\r\n" },
		    LMTP_GREETING "502 5.5.1 This is LMTP: use LHLO\n"
				  "502 5.5.1 This is LMTP: use LHLO\n"
				  "503 5.5.1 Introduce yourself first\n",
		    "", NULL },
		{ "no recipient accepted: 503, not 554",
		    { "LHLO me\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<x@y>\r\n",
			"DATA\r\n", "BDAT 2 LAST\r\nhi", "RCPT TO:<c@d>\r\n",
			"DATA\r\n", ".\r\n" },
		    LMTP_HELLO MOK "550 5.1.1 Not a journal address here\n"
				   "503 5.5.1 Need RCPT first\n"
				   "503 5.5.1 Need RCPT first\n" ROK GO STORED,
		    "<EOM>", NULL },
	};
	static char one[] = "c@d", *only[] = { one };
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.protocol = SP_PROTO_LMTP;
	t.cfg.recipients.v = only;
	t.cfg.recipients.n = 1;
	sp_script_run(&t, rows, SP_COUNTOF(rows));
	sp_talk_done(&t);
}

static void
test_a_failure_is_told_for_each_recipient(void **state)
{
	static const struct sp_script failed[] = {
		{ "not stored",
		    { "LHLO me\r\n", TWO "DATA\r\n", "hi\r\n.\r\n",
			"NOOP\r\n" },
		    LMTP_HELLO MOK ROK ROK GO
		    "451 4.3.0 Not stored, try again\n"
		    "451 4.3.0 Not stored, try again\n" OK,
		    "", NULL },
	};
	static const struct sp_script bare[] = {
		{ "bare LF",
		    { "LHLO me\r\n", TWO "DATA\r\n", "h\ni\r\n.\r\nNOOP\r\n" },
		    LMTP_HELLO MOK ROK ROK GO
		    "550 5.5.2 Message has a CR or LF alone\n"
		    "550 5.5.2 Message has a CR or LF alone\n" OK,
		    "", NULL },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.protocol = SP_PROTO_LMTP;
	t.commit = SP_EIO;
	sp_script_run(&t, failed, SP_COUNTOF(failed));
	t.commit = SP_OK;
	t.cfg.bare_newline = SP_BARE_REJECT;
	sp_script_run(&t, bare, SP_COUNTOF(bare));
	sp_talk_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_accepted_recipient_is_answered),
		cmocka_unit_test(test_what_rfc_2033_forbids_is_refused),
		cmocka_unit_test(test_a_failure_is_told_for_each_recipient),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
