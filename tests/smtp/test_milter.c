/* What an MTA and our milter say to each other, and what is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mta.h"

#define P	 SP_PACKET
#define OPTIONS	 SP_PACKET_OPTIONS
#define ENVELOPE P("M<a@b>\0"), P("R<c@d>\0")
#define MESSAGE	 ENVELOPE, P("LSubject\0 hi\0"), P("N"), P("Bx\r\n"), P("E")

static void
test_a_message_is_put_together_again(void **state)
{
	static const struct sp_mta_script rows[] = {
		{ "as Postfix sends it",
		    { OPTIONS,
			P("DCj\0mx.corp.example\0{daemon_name}\0smtpd\0"),
			P("Chost.example\0"
			  "4\xc8\x12"
			  "192.0.2.9\0"),
			P("DH{tls_version}\0TLSv1.3\0"), P("Hclient.example\0"),
			P("DM{auth_authen}\0bob\0"),
			P("M<bob@corp.example>\0SIZE=100\0BODY=8BITMIME\0"),
			P("DRi\0 4Qx\0{rcpt_mailer}\0smtp\0{rcpt_addr}\0c@d\0"),
			P("R<c@d>\0ORCPT=rfc822;c@d\0NOTIFY=NEVER\0"),
			P("R<hidden@d>\0"),
			P("DLi\0"
			  "4Qx\0"),
			P("LFrom\0 bob\n\t(me)\0"), P("LX-None\0\0"),
			P("LX-Tab\0\tt\0"), P("N"), P("B.\r\n..\r\n"),
			P("B\xe4\r\n"), P("E"), P("Q") },
		    SP_OPTIONS "c c c a ",
		    "From: bob\r\n\t(me)\r\nX-None:\r\nX-Tab:\tt\r\n\r\n"
		    ".\r\n..\r\n\xe4\r\n<EOM>",
		    "\"claimed\":{\"milter\":{\"name\":\"host.example\","
		    "\"addr\":\"192.0.2.9\",\"port\":51218,"
		    "\"helo\":\"client.example\",\"macros\":{"
		    "\"j\":\"mx.corp.example\",\"daemon_name\":\"smtpd\","
		    "\"tls_version\":\"TLSv1.3\",\"auth_authen\":\"bob\","
		    "\"i\":\"4Qx\"}}}" },
		{ "the envelope",
		    { OPTIONS, P("M<bob@b>\0SIZE=100\0"),
			P("R<c@d>\0ORCPT=rfc822;c@d\0"), P("R<h@d>\0"), P("E"),
			P("Q") },
		    SP_OPTIONS "c c c a ", "<EOM>",
		    "\"envelope\":{\"from\":\"bob@b\",\"from_params\":"
		    "[\"SIZE=100\"],\"to\":[{\"addr\":\"c@d\",\"params\":"
		    "[\"ORCPT=rfc822;c@d\"]},{\"addr\":\"h@d\"}]}" },
		{ "the null path, an empty message, flags",
		    { OPTIONS, P("M<>\0"), P("R<c@d>\0"), P("N"), P("E") },
		    SP_OPTIONS "c c a ", "\r\n<EOM>",
		    "\"flags\":[\"reassembled\"]" },
		{ "a local socket, and one of an unknown kind",
		    { OPTIONS, P("Clocalhost\0L\0\0/var/run/x\0"), MESSAGE,
			P("K"), P("Cx\0U"), MESSAGE },
		    SP_OPTIONS "c c a c c a ", NULL,
		    "{\"milter\":{\"name\":\"x\",\"macros\":{}}}" },
		{ "data with the end of the body",
		    { OPTIONS, ENVELOPE, P("N"), P("Eend") },
		    SP_OPTIONS "c c a ", "\r\nend<EOM>", NULL },
		{ "an MTA that does not tell the end of the headers",
		    { OPTIONS, ENVELOPE, P("La\0b\0"), P("Bx"), P("E") },
		    SP_OPTIONS "c c a ", "a:b\r\n\r\nx<EOM>", NULL },
		{ "line ends in a value",
		    { OPTIONS, ENVELOPE, P("La\0 b\r\n c\n\n d\n\0"),
			P("Le\0f\0"), P("N"), P("E") },
		    SP_OPTIONS "c c a ",
		    "a: b\r\n c\r\n\r\n d\r\ne:f\r\n\r\n<EOM>", NULL },
		{ "odd bytes are counted",
		    { OPTIONS, ENVELOPE, P("La\0 b\0c\0"), P("N"),
			P("Ba\nb\rc"), P("B\r"), P("E") },
		    SP_OPTIONS "c c a ", NULL,
		    "\"lines\":{\"bare_lf\":1,\"bare_cr\":2,\"nul\":1," },
	};
	struct sp_talk t;

	(void)state;
	sp_mta_init(&t);
	sp_mta_run(&t, rows, SP_COUNTOF(rows));
	sp_talk_done(&t);
}

static void
test_an_old_mta_is_answered_each_time(void **state)
{
	static const struct sp_mta_script rows[] = {
		{ "version 2",
		    { P("O\0\0\0\2\0\0\0\x3f\0\0\0\x7f"),
			P("Ch\0"
			  "6\0\1::1\0"),
			P("Hme\0"), ENVELOPE, P("LSubject\0hi\0"), P("LX\0\0"),
			P("N"), P("Bx\r\n"), P("E"), P("Q") },
		    "O2/0/0 c c c c c c c c a ",
		    "Subject: hi\r\nX: \r\n\r\nx\r\n<EOM>",
		    "\"flags\":[\"reassembled\",\"header_space_guessed\"]" },
		{ "version 4: DATA and unknown commands",
		    { P("O\0\0\0\4\0\0\0\x3f\0\0\0\x7f"), P("Ufoo\0"), ENVELOPE,
			P("T"), P("N"), P("E") },
		    "O4/0/0 c c c c c a ", "\r\n<EOM>", "\"milter\":4," },
		{ "a version of tomorrow",
		    { P("O\0\0\0\x9\0\0\0\0\xff\xff\xff"
			"\xff, and more") },
		    "O6/0/1f3b80 ", "", NULL },
	};
	struct sp_talk t;

	(void)state;
	sp_mta_init(&t);
	sp_mta_run(&t, rows, SP_COUNTOF(rows));
	sp_talk_done(&t);
}

static void
test_one_connection_carries_many_messages(void **state)
{
	static const struct sp_mta_script rows[] = {
		{ "one after the other", { OPTIONS, MESSAGE, MESSAGE, P("Q") },
		    SP_OPTIONS "c c a c c a ",
		    "Subject: hi\r\n\r\nx\r\n<EOM>Subject: "
		    "hi\r\n\r\nx\r\n<EOM>",
		    "\"transaction\":2," },
		{ "abort forgets the message, not the client",
		    { OPTIONS, P("DCj\0mx\0"), P("Ch\0U"), P("Hme\0"),
			P("DMi\0one\0"), ENVELOPE, P("La\0b\0"), P("A"),
			P("DMi\0two\0"), P("M<e@f>\0"), P("R<g@h>\0"), P("N"),
			P("E") },
		    SP_OPTIONS "c c c c a ", "\r\n<EOM>",
		    "{\"milter\":{\"name\":\"h\",\"helo\":\"me\",\"macros\":"
		    "{\"j\":\"mx\",\"i\":\"two\"}}}" },
		{ "MAIL without an abort begins anew",
		    { OPTIONS, ENVELOPE, P("DMi\0two\0"), P("M<e@f>\0"),
			P("R<g@h>\0"), P("N"), P("E") },
		    SP_OPTIONS "c c c c a ", "\r\n<EOM>",
		    "\"from\":\"e@f\",\"to\":[{\"addr\":\"g@h\"}]" },
		{ "another client on the same connection",
		    { OPTIONS, P("DCj\0mx\0"), P("Cone\0U"), P("Hme\0"), P("K"),
			P("Ctwo\0U"), MESSAGE },
		    SP_OPTIONS "c c a ", NULL,
		    "{\"milter\":{\"name\":\"two\",\"macros\":{}}}" },
	};
	struct sp_talk t;

	(void)state;
	sp_mta_init(&t);
	sp_mta_run(&t, rows, SP_COUNTOF(rows));
	sp_talk_done(&t);
}

static void
test_recipients_that_the_mta_refused_are_recorded(void **state)
{
	static const struct sp_mta_script rows[] = {
		{ "refused",
		    { OPTIONS, P("M<a@b>\0"),
			P("DR{rcpt_mailer}\0error\0{rcpt_host}\0"
			  "5.1.1\0{rcpt_addr}\0<no@d>: unknown\0"),
			P("R<no@d>\0"), P("DR{rcpt_mailer}\0smtp\0"),
			P("R<c@d>\0"), P("R<e@d>\0"), P("E") },
		    SP_OPTIONS "c c c c a ", "<EOM>",
		    "\"to\":[{\"addr\":\"c@d\"},{\"addr\":\"e@d\"}],"
		    "\"refused\":[{\"addr\":\"no@d\",\"reply\":\"5.1.1 <no@d>: "
		    "unknown\"}]" },
		{ "without a reason",
		    { OPTIONS, P("M<a@b>\0"), P("DR{rcpt_mailer}\0error\0"),
			P("R<no@d>\0"), P("R<c@d>\0"), P("E") },
		    SP_OPTIONS "c c c a ", "<EOM>",
		    "\"refused\":[{\"addr\":\"no@d\",\"reply\":\"refused by "
		    "the MTA\"}]" },
		{ "an MTA that does not offer it has no such recipients",
		    { P("O\0\0\0\6\0\0\0\0\0\0\0\0"), P("M<a@b>\0"),
			P("DR{rcpt_mailer}\0error\0"), P("R<c@d>\0"), P("E") },
		    "O6/0/0 c c a ", "<EOM>", "\"to\":[{\"addr\":\"c@d\"}]}" },
		{ "more than we take are refused by us",
		    { OPTIONS, P("M<a@b>\0"), P("R<c@d>\0"), P("R<e@d>\0"),
			P("R<f@d>\0"), P("R<g@d>\0"), P("E") },
		    SP_OPTIONS "c c c c y(452 4.5.3 Too many recipients) a ",
		    "<EOM>",
		    "{\"addr\":\"f@d\"}],\"refused\":[{\"addr\":\"g@d\","
		    "\"reply\":\"452 4.5.3 Too many recipients\"}]" },
	};
	struct sp_talk t;

	(void)state;
	sp_mta_init(&t);
	sp_mta_run(&t, rows, SP_COUNTOF(rows));
	sp_talk_done(&t);
}

static const struct sp_mta_script broken[] = {
	{ "no length", { OPTIONS, { "", 0 } }, SP_OPTIONS, "", NULL },
	{ "SMTP", { P("EHLO me\r\n") }, "", "", NULL },
	{ "an unknown command", { OPTIONS, P("Z") }, SP_OPTIONS, "", NULL },
	{ "no options first", { P("M<a@b>\0"), OPTIONS }, "", "", NULL },
	{ "options twice", { OPTIONS, OPTIONS }, SP_OPTIONS, "", NULL },
	{ "version 1", { P("O\0\0\0\1\0\0\0\0\0\0\0\0") }, "", "", NULL },
	{ "short options", { P("O\0\0\0\6") }, "", "", NULL },
	{ "RCPT without MAIL", { OPTIONS, P("R<a@b>\0") }, SP_OPTIONS, "",
	    NULL },
	{ "a header without MAIL", { OPTIONS, P("La\0b\0") }, SP_OPTIONS, "",
	    NULL },
	{ "the end without MAIL", { OPTIONS, P("E") }, SP_OPTIONS, "", NULL },
	{ "RCPT inside a message",
	    { OPTIONS, ENVELOPE, P("N"), P("R<e@f>\0"), P("E") },
	    SP_OPTIONS "c c ", "", NULL },
	{ "MAIL without a NUL", { OPTIONS, P("M<a@b>") }, SP_OPTIONS, "",
	    NULL },
	{ "MAIL without anything", { OPTIONS, P("M") }, SP_OPTIONS, "", NULL },
	{ "a header of one text", { OPTIONS, ENVELOPE, P("Lab\0"), P("E") },
	    SP_OPTIONS "c c ", "", NULL },
	{ "a header without a NUL", { OPTIONS, ENVELOPE, P("La\0b"), P("E") },
	    SP_OPTIONS "c c ", "", NULL },
	{ "a header without anything", { OPTIONS, ENVELOPE, P("L"), P("E") },
	    SP_OPTIONS "c c ", "", NULL },
	{ "a header without a name", { OPTIONS, ENVELOPE, P("L\0b\0"), P("E") },
	    SP_OPTIONS "c c ", "", NULL },
	{ "a header behind the body",
	    { OPTIONS, ENVELOPE, P("N"), P("Bx"), P("La\0b\0"), P("E") },
	    SP_OPTIONS "c c ", "", NULL },
	{ "two ends of the headers",
	    { OPTIONS, ENVELOPE, P("N"), P("N"), P("E") }, SP_OPTIONS "c c ",
	    "", NULL },
	{ "macros in threes", { OPTIONS, P("DCa\0b\0c\0"), MESSAGE },
	    SP_OPTIONS, "", NULL },
	{ "macros cut off", { OPTIONS, P("DCa\0b"), MESSAGE }, SP_OPTIONS, "",
	    NULL },
	{ "macros of nothing", { OPTIONS, P("D"), MESSAGE }, SP_OPTIONS, "",
	    NULL },
	{ "a macro without a name", { OPTIONS, P("DC\0b\0"), MESSAGE },
	    SP_OPTIONS, "", NULL },
	{ "two clients", { OPTIONS, P("Ca\0U"), P("Cb\0U"), MESSAGE },
	    SP_OPTIONS, "", NULL },
	{ "a client of a new family", { OPTIONS, P("Ca\0X\0\0b\0") },
	    SP_OPTIONS, "", NULL },
	{ "a client without a port",
	    { OPTIONS, P("Ca\0"
			 "4") },
	    SP_OPTIONS, "", NULL },
};

static void
test_what_is_no_milter_protocol_closes(void **state)
{
	struct sp_talk t;

	(void)state;
	sp_mta_init(&t);
	for (size_t i = 0; i < SP_COUNTOF(broken); i++) {
		sp_mta_run(&t, &broken[i], 1);
		if (i == 0)
			sp_talk_say(&t, "\0\0\0\0Q", 5, 5);
		if (sp_machine_state(&t.m) != SP_SESSION_CLOSING ||
		    t.broken != 1 || t.records.n != 0)
			fail_msg(
			    "%s: not closed with one report", broken[i].name);
	}
	sp_talk_done(&t);
}

static void
test_our_faults_are_tempfail_and_theirs_are_said(void **state)
{
	static const struct sp_mta_script not_stored = { "not stored",
		{ OPTIONS, MESSAGE, MESSAGE }, SP_OPTIONS "c c t c c t ", "",
		NULL };
	static const struct sp_mta_script no_space = { "no space at MAIL",
		{ OPTIONS, P("M<a@b>\0"), P("A"), P("Q") }, SP_OPTIONS "t ", "",
		NULL };
	static const struct sp_mta_script large[] = {
		{ "declared too large",
		    { OPTIONS, P("M<a@b>\0size=100001\0"), P("A"), P("Q") },
		    SP_OPTIONS "y(552 5.3.4 Message too large) ", "", NULL },
		{ "too large",
		    { OPTIONS, ENVELOPE, P("La\0b\0"), P("N"), P("B12"),
			P("B3"), P("E"), P("M<e@f>\0"), P("R<g@h>\0"), P("N"),
			P("B123456"), P("E") },
		    SP_OPTIONS "c c y(552 5.3.4 Message too large) c c a ",
		    "\r\n123456<EOM>", NULL },
	};
	struct sp_talk t;

	(void)state;
	sp_mta_init(&t);
	t.commit = SP_EIO;
	sp_mta_run(&t, &not_stored, 1);
	assert_true(sp_talk_holds(&t.refused, "451 4.3.0 Not stored"));
	t.commit = SP_OK;
	t.begin = SP_ENOSPC;
	sp_mta_run(&t, &no_space, 1);
	assert_true(sp_talk_holds(&t.refused, "452 4.3.1"));
	t.begin = SP_EAGAIN;
	sp_mta_run(&t, &no_space, 1);
	assert_true(sp_talk_holds(
	    &t.refused, "451 4.3.0 the archive is being looked after"));
	t.begin = SP_OK;
	sp_mta_run(&t, &large[0], 1);
	/* a:b CR LF CR LF and two bytes are nine: one more is too many. */
	t.cfg.max_message = 9;
	sp_mta_run(&t, &large[1], 1);
	sp_talk_done(&t);
}

static void
test_limits_hold_at_n_and_n_plus_1(void **state)
{
	struct sp_talk t;
	struct sp_buf b;

	(void)state;
	sp_mta_init(&t);
	sp_buf_init(&b, 8u << 20);
	for (unsigned over = 0; over < 2; over++) {
		const struct sp_packet before[] = { OPTIONS, P("M<a@b>\0"),
			{ NULL, 0 } };
		size_t n = (64u << 10) + 1 + over;
		char *packet = sp_xcalloc(1, n);
		struct sp_packet last[] = { { packet, n }, { NULL, 0 } };

		/* RCPT with an address as long as a packet may be. */
		memset(packet, 'x', n - 1);
		packet[0] = 'R';
		sp_buf_clear(&b);
		sp_mta_bytes(before, &b);
		sp_mta_bytes(last, &b);
		sp_talk_start(&t);
		sp_talk_say(&t, b.p, b.n, 1000);
		sp_mta_expect(&t, "a packet as long as it may be",
		    over == 0 ? SP_OPTIONS "c c " : SP_OPTIONS "c ");
		assert_int_equal(t.broken, over);
		free(packet);
	}
	for (unsigned over = 0; over < 2; over++) {
		const struct sp_packet before[] = { OPTIONS, ENVELOPE,
			{ NULL, 0 } };
		size_t n = (1u << 20) + 1 + over;
		char *packet = sp_xcalloc(1, n);
		struct sp_packet last[] = { { packet, n }, { "E", 1 },
			{ NULL, 0 } };

		t.cfg.max_message = 2u << 20;
		memset(packet, 'x', n);
		packet[0] = 'L';
		packet[2] = packet[n - 1] = '\0';
		sp_buf_clear(&b);
		sp_mta_bytes(before, &b);
		sp_mta_bytes(last, &b);
		sp_talk_start(&t);
		t.stored.max = 4u << 20;
		sp_talk_say(&t, b.p, b.n, 65536);
		sp_mta_expect(&t, "a header as long as it may be",
		    over == 0 ? SP_OPTIONS "c c a " : SP_OPTIONS "c c ");
		assert_int_equal(t.broken, over);
		free(packet);
	}
	sp_buf_done(&b);
	sp_talk_done(&t);
}

static void
test_macros_and_envelopes_cannot_grow_without_end(void **state)
{
	static const struct sp_packet begin[] = { OPTIONS, P("M<a@b>\0"),
		{ NULL, 0 } };
	struct sp_talk t;
	struct sp_buf b;

	(void)state;
	sp_mta_init(&t);
	t.cfg.max_recipients = 10000;
	sp_buf_init(&b, 64u << 20);
	/* A macro that changes with each recipient. */
	sp_mta_bytes(begin, &b);
	for (unsigned i = 0; i < 40; i++) {
		char packet[2048] = "DRi\0";
		struct sp_packet v[] = { { packet, sizeof(packet) },
			{ NULL, 0 } };

		memset(packet + 4, 'a' + (int)i % 26, sizeof(packet) - 5);
		sp_mta_bytes(v, &b);
	}
	sp_talk_start(&t);
	sp_talk_say(&t, b.p, b.n, b.n);
	assert_int_equal(t.broken, 1);
	/* Recipients of a megabyte and more. */
	sp_buf_clear(&b);
	sp_mta_bytes(begin, &b);
	for (unsigned i = 0; i < 20; i++) {
		char packet[60000] = "R";
		struct sp_packet v[] = { { packet, sizeof(packet) },
			{ NULL, 0 } };

		memset(packet + 1, 'x', sizeof(packet) - 2);
		sp_mta_bytes(v, &b);
	}
	sp_talk_start(&t);
	sp_talk_say(&t, b.p, b.n, b.n);
	assert_int_equal(t.broken, 0);
	sp_mta_expect(&t, "a megabyte",
	    SP_OPTIONS "c c c c c c c c c c c c c c c c c c "
		       "y(452 4.5.3 Too many recipients) "
		       "y(452 4.5.3 Too many recipients) "
		       "y(452 4.5.3 Too many recipients) ");
	sp_buf_done(&b);
	sp_talk_done(&t);
}

static void
say(struct sp_talk *t, const struct sp_packet *v)
{
	struct sp_buf b;

	sp_buf_init(&b, 1u << 20);
	sp_mta_bytes(v, &b);
	sp_talk_say(t, b.p, b.n, b.n);
	sp_buf_done(&b);
}

static void
test_draining_finishes_what_is_in_hand(void **state)
{
	static const struct sp_packet start[] = { OPTIONS, { NULL, 0 } };
	static const struct sp_packet half[] = { ENVELOPE, P("N"), P("Bx"),
		{ NULL, 0 } };
	static const struct sp_packet end[] = { P("E"), { NULL, 0 } };
	struct sp_talk t;

	(void)state;
	sp_mta_init(&t);
	sp_talk_start(&t);
	say(&t, start);
	sp_machine_drain(&t.m, &t.replies);
	sp_mta_expect(&t, "idle", SP_OPTIONS);
	assert_int_equal(sp_machine_state(&t.m), SP_SESSION_CLOSING);
	assert_false(sp_machine_quit(&t.m));

	sp_talk_start(&t);
	say(&t, start);
	say(&t, half);
	assert_int_equal(sp_machine_state(&t.m), SP_SESSION_DATA);
	sp_machine_drain(&t.m, &t.replies);
	assert_int_equal(sp_machine_state(&t.m), SP_SESSION_DATA);
	say(&t, end);
	sp_mta_expect(&t, "in a message", SP_OPTIONS "c c a ");
	assert_int_equal(sp_machine_state(&t.m), SP_SESSION_CLOSING);
	assert_string_equal(sp_buf_cstr(&t.stored), "\r\nx<EOM>");
	sp_talk_done(&t);
}

static void
test_without_memory_nothing_is_lost_silently(void **state)
{
	static const struct sp_packet start[] = { OPTIONS, { NULL, 0 } };
	static const struct sp_mta_script rows[] = {
		{ "a message goes to a file", { OPTIONS, MESSAGE },
		    SP_OPTIONS "c c a ", "Subject: hi\r\n\r\nx\r\n<EOM>",
		    NULL },
	};
	char packet[8192] = "M<";
	struct sp_packet v[] = { { packet, sizeof(packet) }, { NULL, 0 } };
	struct sp_talk t;
	struct sp_buf b;

	(void)state;
	sp_mta_init(&t);
	sp_memory_free(t.memory);
	t.env.memory = t.memory = sp_memory_new(0, "/tmp");
	memset(packet + 2, 'x', sizeof(packet) - 3);
	sp_talk_start(&t);
	say(&t, start);
	say(&t, v);
	sp_mta_expect(&t, "no room for the address", SP_OPTIONS "t ");
	sp_buf_init(&b, 1u << 20);
	sp_mta_bytes(v, &b);
	sp_talk_say(&t, b.p, b.n, 100);
	assert_int_equal(sp_machine_state(&t.m), SP_SESSION_CLOSING);
	assert_true(sp_talk_holds(&t.refused, "452 4.3.1 Out of memory"));
	sp_buf_done(&b);
	v[0].n = 0;
	sp_talk_start(&t);
	{
		struct sp_buf all;

		sp_buf_init(&all, 1u << 20);
		sp_mta_bytes(rows[0].say, &all);
		sp_talk_say(&t, all.p, all.n, all.n);
		sp_buf_done(&all);
	}
	sp_mta_expect(&t, rows[0].name, rows[0].want);
	assert_string_equal(sp_buf_cstr(&t.stored), rows[0].stored);
	sp_talk_done(&t);
}

static void
test_progress_is_told_while_a_commit_lasts(void **state)
{
	static const struct sp_packet all[] = { OPTIONS, MESSAGE, { NULL, 0 } };
	struct sp_talk t;
	struct sp_buf b;

	(void)state;
	sp_mta_init(&t);
	sp_talk_start(&t);
	sp_buf_init(&b, 1u << 20);
	sp_mta_bytes(all, &b);
	assert_int_equal(sp_machine_input(&t.m, b.p, b.n, &t.replies), b.n);
	assert_int_equal(sp_machine_state(&t.m), SP_SESSION_COMMIT);
	sp_mta_expect(&t, "nothing is accepted yet", SP_OPTIONS "c c ");
	sp_machine_progress(&t.m, &t.replies);
	sp_machine_progress(&t.m, &t.replies);
	sp_mta_expect(&t, "progress", "p p ");
	sp_machine_committed(&t.m, SP_ENOSPC, &t.replies);
	sp_mta_expect(&t, "disk full", "t ");
	sp_buf_done(&b);
	sp_talk_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_is_put_together_again),
		cmocka_unit_test(test_an_old_mta_is_answered_each_time),
		cmocka_unit_test(test_one_connection_carries_many_messages),
		cmocka_unit_test(
		    test_recipients_that_the_mta_refused_are_recorded),
		cmocka_unit_test(test_what_is_no_milter_protocol_closes),
		cmocka_unit_test(
		    test_our_faults_are_tempfail_and_theirs_are_said),
		cmocka_unit_test(test_limits_hold_at_n_and_n_plus_1),
		cmocka_unit_test(
		    test_macros_and_envelopes_cannot_grow_without_end),
		cmocka_unit_test(test_draining_finishes_what_is_in_hand),
		cmocka_unit_test(test_without_memory_nothing_is_lost_silently),
		cmocka_unit_test(test_progress_is_told_while_a_commit_lasts),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
