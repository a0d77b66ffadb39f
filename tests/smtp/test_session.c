/*
 * Conversations with a session: mail at every split, the order of commands, bad
 * lines, peers that do not wait.
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

#include "replies.h"
#include "script.h"

static void
run_all(const struct sp_script *rows, size_t n)
{
	struct sp_talk t;

	sp_talk_init(&t, false);
	sp_script_run(&t, rows, n);
	sp_talk_done(&t);
}

static void
test_mail_is_taken_at_every_split(void **state)
{
	static const struct sp_script rows[] = {
		{ "one by one",
		    { "EHLO me\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n",
			"DATA\r\n", "hi\r\n.\r\n", "QUIT\r\n" },
		    HELLO MOK ROK GO "250 2.0.0 Ok: seq=100\n" BYE,
		    "hi\r\n<EOM>", NULL },
		{ "HELO",
		    { "HELO me\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n",
			"DATA\r\n", "hi\r\n.\r\n", "QUIT\r\n" },
		    GREETING "250 archive.example\n" MOK ROK GO
			     "250 2.0.0 Ok: seq=100\n" BYE,
		    "hi\r\n<EOM>", NULL },
		{ "pipelined, with the next message behind the data",
		    { "EHLO me\r\n",
			"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
			"..\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<e@f>\r\nDATA\r\n",
			".\r\nQUIT\r\n" },
		    HELLO MOK ROK GO "250 2.0.0 Ok: seq=100\n" MOK ROK GO
				     "250 2.0.0 Ok: seq=101\n" BYE,
		    ".\r\n<EOM><EOM>", NULL },
		{ "BDAT in chunks, all at once",
		    { "EHLO me\r\n",
			"MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n"
			"BDAT 5\r\n.\r\n..BDAT 0\r\nBDAT 3 LAST\r\nx\ryNOOP\r\n"
			"MAIL FROM:<x@y>\r\nRCPT TO:<c@d>\r\n"
			"BDAT 0 LAST\r\nQUIT\r\n" },
		    HELLO MOK ROK "250 2.0.0 Ok: 5 bytes\n"
				  "250 2.0.0 Ok: 0 bytes\n"
				  "250 2.0.0 Ok: seq=100\n" OK MOK ROK
				  "250 2.0.0 Ok: seq=101\n" BYE,
		    ".\r\n..x\ry<EOM><EOM>", NULL },
		{ "smuggled end of data stays content",
		    { "EHLO me\r\n",
			"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
			"x\n.\nMAIL FROM:<evil@x>\n\r\n.\r\n", "QUIT\r\n" },
		    HELLO MOK ROK GO "250 2.0.0 Ok: seq=100\n" BYE,
		    "x\n.\nMAIL FROM:<evil@x>\n\r\n<EOM>", NULL },
	};

	(void)state;
	run_all(rows, SP_COUNTOF(rows));
}

static void
test_sequence_is_enforced(void **state)
{
	static const struct sp_script rows[] = {
		{ "nothing before EHLO",
		    { "MAIL FROM:<a@b>\r\n", "RCPT TO:<a@b>\r\n", "DATA\r\n",
			"BDAT 3\r\nabc", "RSET\r\n", "NOOP\r\n", "VRFY x\r\n" },
		    GREETING "503 5.5.1 Introduce yourself first\n"
			     "503 5.5.1 Need MAIL first\n"
			     "503 5.5.1 Introduce yourself first\n"
			     "503 5.5.1 Introduce yourself first\n" OK OK
			     "252 2.0.0 Send mail and it will be tried\n",
		    "", NULL },
		{ "RCPT and DATA want MAIL",
		    { "EHLO me\r\n", "RCPT TO:<a@b>\r\nDATA\r\n",
			"BDAT 4 LAST\r\nabcd" },
		    HELLO "503 5.5.1 Need MAIL first\n"
			  "503 5.5.1 Need MAIL first\n"
			  "503 5.5.1 Need MAIL first\n",
		    "", NULL },
		{ "DATA wants a recipient",
		    { "EHLO me\r\n", "MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n",
			"DATA\r\n", "RCPT TO:<>\r\nDATA\r\n",
			"BDAT 1 LAST\r\nx", "EHLO me\r\n" },
		    HELLO MOK "503 5.5.1 Nested MAIL\n"
			      "503 5.5.1 Need RCPT first\n"
			      "501 5.5.4 Address not understood\n"
			      "554 5.5.1 No valid recipients\n"
			      "554 5.5.1 No valid recipients\n" KEYWORDS,
		    "", NULL },
		{ "between chunks only chunks",
		    { "EHLO me\r\n",
			"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\nx"
			"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
			"BDAT 1 LAST\r\nyDATA\r\n" },
		    HELLO MOK ROK "250 2.0.0 Ok: 1 bytes\n"
				  "503 5.5.1 Not between chunks\n"
				  "503 5.5.1 Not between chunks\n"
				  "503 5.5.1 Not between chunks\n"
				  "250 2.0.0 Ok: seq=100\n"
				  "503 5.5.1 Need MAIL first\n",
		    "xy<EOM>", NULL },
		{ "BINARYMIME is not for DATA",
		    { "EHLO me\r\n", "MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT "
				     "TO:<c@d>\r\nDATA\r\n" },
		    HELLO MOK ROK "503 5.5.1 BINARYMIME needs BDAT\n", "",
		    NULL },
		{ "a failed chunk wants RSET",
		    { "EHLO me\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
			"BDAT 200000\r\n", NULL },
		    HELLO MOK ROK, "", NULL },
		{ "what is for later is not offered",
		    { "EHLO me\r\n", "STARTTLS\r\n", "AUTH PLAIN x\r\n",
			"XFORWARD A=b\r\n", "EXPN x\r\n", "LHLO x\r\n",
			"XSEALPOST EVENT x\r\n", "FOO\r\n", "HELP\r\n" },
		    HELLO "502 5.5.1 Command not offered here\n"
			  "502 5.5.1 Command not offered here\n"
			  "502 5.5.1 Command not offered here\n"
			  "502 5.5.1 Command not offered here\n"
			  "502 5.5.1 This is SMTP: use EHLO\n"
			  "500 5.5.2 Command not recognized\n"
			  "500 5.5.2 Command not recognized\n"
			  "214 2.0.0 A journal archive; see RFC 5321\n",
		    "", NULL },
	};

	(void)state;
	run_all(rows, SP_COUNTOF(rows));
}

static void
test_bad_lines_are_refused_whole(void **state)
{
	static const struct sp_script rows[] = {
		{ "LF alone", { "EHLO me\n", "NOOP\r\n" },
		    GREETING "500 5.5.2 Lines must end with CR LF\n" OK, "",
		    NULL },
		{ "CR inside", { "NO\rOP\r\n", "NOOP\r\r\n", "NOOP\r\n" },
		    GREETING "500 5.5.2 CR inside a command\n"
			     "500 5.5.2 CR inside a command\n" OK,
		    "", NULL },
		{ "a web browser", { "GET / HTTP/1.1\r\nHost: x\r\n\r\n" },
		    GREETING "554 5.5.0 This is not a web server\n", "", NULL },
		{ "a chunk of unknown size",
		    { "EHLO me\r\n", "BDAT 12x\r\nMAIL FROM:<a@b>\r\n" },
		    HELLO "501 5.5.4 Chunk size not understood\n", "", NULL },
		{ "addresses",
		    { "EHLO me\r\n", "MAIL FROM:<\xc3\xa4@b>\r\n",
			"MAIL FROM:<\xe4@b> SMTPUTF8\r\n",
			"MAIL FROM:<a@b> FOO=1\r\n",
			"MAIL FROM:<a@b> SIZE=100001\r\n",
			"MAIL FROM:<\xc3\xa4@b> SMTPUTF8\r\n",
			"RCPT TO:<\xc3\xb6@d>\r\n" },
		    HELLO "553 5.6.7 Must declare SMTPUTF8\n"
			  "553 5.6.7 Address is not UTF-8\n"
			  "555 5.5.4 Parameter not recognized\n"
			  "552 5.3.4 Message too large\n" MOK ROK,
		    "", NULL },
	};
	struct sp_talk t;

	(void)state;
	run_all(rows, SP_COUNTOF(rows));
	sp_talk_init(&t, false);
	sp_talk_start(&t);
	sp_talk_say(&t, "NO\0OP\r\n", 7, 3);
	sp_talk_expect(&t, "NUL", GREETING "501 5.5.2 NUL inside a command\n");
	sp_talk_done(&t);
}

static void
test_who_does_not_wait_is_sent_away(void **state)
{
	static const struct {
		const char *name, *first, *say, *want;
	} rows[] = {
		{ "behind EHLO", "", "EHLO me\r\nMAIL FROM:<a@b>\r\n",
		    GREETING },
		{ "behind DATA",
		    "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
		    "DATA\r\nhi\r\n.\r\n", HELLO MOK ROK },
		{ "without EHLO", "HELO me\r\n",
		    "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
		    GREETING "250 archive.example\n" },
		{ "without EHLO, behind the data",
		    "HELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
		    "hi\r\n.\r\nMAIL FROM:<evil@x>\r\n",
		    GREETING "250 archive.example\n" MOK ROK GO },
	};
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		const char *p = rows[i].first;
		struct sp_buf want;

		sp_talk_start(&t);
		/* A well-behaved client says one line at a time. */
		while (*p != '\0') {
			size_t n = (size_t)(strchr(p, '\n') - p) + 1;

			sp_talk_say(&t, p, n, n);
			p += n;
		}
		sp_talk_say(&t, rows[i].say, strlen(rows[i].say), SIZE_MAX);
		sp_buf_init(&want, 4096);
		assert_int_equal(sp_buf_adds(&want, rows[i].want), SP_OK);
		assert_int_equal(
		    sp_buf_adds(&want, "554 5.5.0 Synchronization error: wait "
				       "for the reply\n"),
		    SP_OK);
		sp_talk_expect(&t, rows[i].name, sp_buf_cstr(&want));
		assert_int_equal(sp_session_state(t.s), SP_SESSION_CLOSING);
		assert_int_equal(t.stored.n, 0);
		sp_buf_done(&want);
	}
	sp_talk_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_is_taken_at_every_split),
		cmocka_unit_test(test_sequence_is_enforced),
		cmocka_unit_test(test_bad_lines_are_refused_whole),
		cmocka_unit_test(test_who_does_not_wait_is_sent_away),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
