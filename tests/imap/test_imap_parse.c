/*
 * Responses of an IMAP server, each whole, byte by byte and cut in two at every
 * place; what is not IMAP; every limit at n and n + 1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "imap_kit.h"

struct row {
	const char *in, *want;
};

/* Whole, byte by byte, and cut in two at every place. */
static void
check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sp_view in = sp_view_str(rows[i].in);

		for (size_t cut = 1; cut <= in.n; cut++) {
			struct recorder h;
			struct sp_err err;

			recorder_init(&h);
			if (recorder_feed(&h, in, cut, cut == 1 ? 1 : in.n,
				&err) != SP_OK)
				fail_msg("\"%s\" cut at %zu: %s", rows[i].in,
				    cut, err.msg);
			if (!sp_view_eq_str(sp_buf_view(&h.log), rows[i].want))
				fail_msg("\"%s\" cut at %zu: got\n%swant\n%s",
				    rows[i].in, cut, sp_buf_cstr(&h.log),
				    rows[i].want);
			recorder_done(&h);
		}
	}
}

static void
test_status_and_its_codes_are_read(void **state)
{
	static const struct row rows[] = {
		{ "* OK ready\r\n", "STATUS OK code=0 text=ready\n" },
		{ "* ok\r\n", "STATUS OK code=0 text=\n" },
		{ "* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\r\n",
		    "STATUS PREAUTH code=6 name=CAPABILITY args=IMAP4rev1 IDLE "
		    "text=hi\n" },
		{ "* BYE [UNAVAILABLE] later\r\n",
		    "STATUS BYE code=28 name=UNAVAILABLE text=later\n" },
		{ "* OK [UIDVALIDITY 3857529045] v\r\n",
		    "STATUS OK code=27 name=UIDVALIDITY args=3857529045 "
		    "number=3857529045 text=v\n" },
		{ "* OK [UIDVALIDITY x] v\r\n",
		    "STATUS OK code=1 name=UIDVALIDITY args=x text=v\n" },
		{ "* OK [HIGHESTMODSEQ 9223372036854775807] m\r\n",
		    "STATUS OK code=12 name=HIGHESTMODSEQ "
		    "args=9223372036854775807 number=9223372036854775807 "
		    "text=m\n" },
		{ "* NO [XYZZY 1 2] what\r\n",
		    "STATUS NO code=1 name=XYZZY args=1 2 text=what\n" },
		{ "* NO [no end\r\n", "STATUS NO code=0 text=[no end\n" },
		{ "a7 OK [READ-ONLY] done\r\n",
		    "TAGGED tag=a7 OK code=21 name=READ-ONLY text=done\n" },
		{ "a8 NO [AUTHENTICATIONFAILED] no\r\n",
		    "TAGGED tag=a8 NO code=4 name=AUTHENTICATIONFAILED "
		    "text=no\n" },
		{ "a9 BAD what?\n", "TAGGED tag=a9 BAD code=0 text=what?\n" },
		/* Free text announces nothing. */
		{ "* OK see {12}\r\n* BYE\r\n",
		    "STATUS OK code=0 text=see {12}\n"
		    "STATUS BYE code=0 text=\n" },
		{ "a1 OK x ~{3}\r\n", "TAGGED tag=a1 OK code=0 text=x ~{3}\n" },
		{ "+ {5}\r\n", "CONTINUE text={5}\n" },
		{ "+\r\n+ eyJz\r\n", "CONTINUE text=\nCONTINUE text=eyJz\n" },
		{ "* OK \"open ((\r\n", "STATUS OK code=0 text=\"open ((\n" },
	};

	(void)state;
	check(rows, SP_COUNTOF(rows));
}

static void
test_data_is_read(void **state)
{
	static const struct row rows[] = {
		{ "* CAPABILITY IMAP4rev1 IDLE\r\n",
		    "CAPABILITY text=IMAP4rev1 IDLE\n" },
		{ "* ENABLED QRESYNC\r\n", "ENABLED text=QRESYNC\n" },
		{ "* 23 EXISTS\r\n* 3 EXPUNGE\r\n* 0 RECENT\r\n",
		    "EXISTS number=23\nEXPUNGE number=3\nOTHER\n" },
		{ "* FLAGS (\\Seen $x)\r\n", "OTHER\n" },
		{ "* SEARCH\r\n* SEARCH 2 84 882\r\n",
		    "SEARCH set=\nSEARCH set=2 84 882\n" },
		{ "* SEARCH 2 5 (MODSEQ 9)\r\n", "SEARCH set=2 5\n" },
		{ "* ESEARCH (TAG \"a5\") UID ALL 1:3,5 COUNT 4\r\n",
		    "SEARCH tag=a5 set=1:3,5\n" },
		{ "* ESEARCH UID COUNT 0\r\n", "SEARCH\n" },
		{ "* VANISHED (EARLIER) 41,43:116\r\n* VANISHED 7\r\n",
		    "VANISHED set=41,43:116 earlier\nVANISHED set=7\n" },
		{ "* LIST (\\HasNoChildren \\All) \"/\" \"[Gmail]/All "
		  "Mail\"\r\n",
		    "LIST use=1 delim=47 name=[Gmail]/All Mail\n" },
		{ "* LIST () NIL nil\r\n", "LIST use=0 delim=0 name=NIL\n" },
		{ "* LIST (\\Noselect) \"\\\\\" a}\r\n",
		    "LIST use=80 delim=92 name=a}\n" },
		{ "* LIST () \".\" {7}\r\nA\r\nb c\"\r\n",
		    "LIST use=0 delim=46 name=A\r\nb c\"\n" },
		{ "* STATUS \"a b\" (MESSAGES 231 UIDNEXT 44292 X NIL "
		  "UIDVALIDITY 7 HIGHESTMODSEQ 12)\r\n",
		    "MAILBOX mailbox=a b messages=231 uidnext=44292 "
		    "uidvalidity=7 modseq=12\n" },
		{ "* ID (\"name\" {3}\r\na)b NIL)\r\n", "OTHER\n" },
		{ "* XFOO \"a\\\"b)\" (c)\r\n", "OTHER\n" },
	};

	(void)state;
	check(rows, SP_COUNTOF(rows));
}

static void
test_fetch_is_read_in_any_order(void **state)
{
	static const struct row rows[] = {
		{ "* 12 FETCH (UID 7 RFC822.SIZE 5 INTERNALDATE "
		  "\"17-Jul-1996 02:44:25 -0700\" FLAGS (\\Seen) MODSEQ (9) "
		  "BODY[] {5}\r\nab\r\nc)\r\n",
		    "BODY(7) 5:ab\r\nc|\n"
		    "FETCH msn=12 uid=7 size=5 flags=\\Seen modseq=9 "
		    "date=17-Jul-1996 02:44:25 -0700 body=given\n" },
		{ "* 1 FETCH (BODY[] ~{3}\r\n\nx) UID 8)\r\n",
		    "BODY(0) 3:\nx)|\nFETCH msn=1 uid=8 body=given\n" },
		{ "* 1 FETCH (body[]<4096> {2+}\r\nab UID 8)\r\n",
		    "BODY(0)<4096> 2:ab|\nFETCH msn=1 uid=8 body=given\n" },
		{ "* 1 FETCH (UID 8 BODY[] {0}\r\n)\r\n",
		    "BODY(8) 0:|\nFETCH msn=1 uid=8 body=given\n" },
		{ "* 1 FETCH (UID 8 BODY[] \"a\\\"b\\\\\")\r\n",
		    "BODY(8) 4:a\"b\\|\nFETCH msn=1 uid=8 body=given\n" },
		{ "* 1 FETCH (UID 8 BODY[]<3> \"\")\r\n",
		    "BODY(8)<3> 0:|\nFETCH msn=1 uid=8 body=given\n" },
		{ "* 1 FETCH (UID 8 BODY[] NIL)\r\n",
		    "FETCH msn=1 uid=8 body=nil\n" },
		{ "* 1 FETCH (FLAGS ())\r\n", "FETCH msn=1 uid=0 flags=\n" },
		{ "* 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-THRID 12 "
		  "X-GM-LABELS (\\Inbox \"\\\\Sent\" {3}\r\na)b) UID 2)\r\n",
		    "FETCH msn=1 uid=2 msgid=1278455344230334865 thrid=12 "
		    "label=\\Inbox label=\\Sent label=a)b\n" },
	};

	(void)state;
	check(rows, SP_COUNTOF(rows));
}

static void
test_items_that_nobody_asked_for_are_passed_over(void **state)
{
	static const struct row rows[] = {
		{ "* 1 FETCH (ENVELOPE (NIL \"a)\" ((\"x\" NIL \"u\" "
		  "{3}\r\nb)()) NIL) UID 4)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (BODY[HEADER.FIELDS (FROM \"x]\" {4}\r\nA] B)] "
		  "{8}\r\n) UID \r\n UID 4)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (BODY[1.MIME] {3}\r\nabc BODY[TEXT]<0> \"x\" "
		  "BINARY[1] ~{2}\r\n\r\n BINARY.SIZE[1] 7 UID 4)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (RFC822.HEADER {4}\r\n)\r\n\n UID 4)\r\n",
		    "FETCH msn=1 uid=4\n" },
		/* Names that only look like it. */
		{ "* 1 FETCH (X (BODY[] {2}\r\nab) UID 4)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (XBODY[] {2}\r\nab BODY[]X {2}\r\nab UID "
		  "4)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (X \"BODY[]\" BODY[1] {2}\r\nab UID 4)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* XFETCH (BODY[] {2}\r\nab)\r\n", "OTHER\n" },
		{ "* 1 FETCH (RFC822.SIZE NIL INTERNALDATE NIL X-GM-MSGID "
		  "\"q\" UID 4)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (FLAGS ($x[1) BODY[] {2}\r\nab)\r\n",
		    "BODY(0) 2:ab|\nFETCH msn=1 uid=0 flags=$x[1 "
		    "body=given\n" },
	};

	(void)state;
	check(rows, SP_COUNTOF(rows));
}

static void
test_odd_servers_are_understood(void **state)
{
	static const struct row rows[] = {
		/* Other names for what was asked for. */
		{ "* 1 FETCH (UID 4 RFC822 {4}\r\n)\r\n\n)\r\n",
		    "BODY(4) 4:)\r\n\n|\nFETCH msn=1 uid=4 body=given\n" },
		{ "* 1 FETCH (RFC822 \"ab\" UID 4)\r\n",
		    "BODY(4) 2:ab|\nFETCH msn=1 uid=4 body=given\n" },
		{ "* 1 FETCH (UID 4 BODY.PEEK[] {2}\r\nab)\r\n",
		    "BODY(4) 2:ab|\nFETCH msn=1 uid=4 body=given\n" },
		{ "* 1 FETCH (UID 4 BODY[]<0.4194304> {2}\r\nab)\r\n",
		    "BODY(4)<0> 2:ab|\nFETCH msn=1 uid=4 body=given\n" },
		{ "* 1 FETCH (UID 4 BODY[] {2}\r\nab RFC822 {2}\r\nab)\r\n",
		    "BODY(4) 2:ab|\nFETCH msn=1 uid=4 body=given\n" },
		{ "* 1 FETCH (UID 4 RFC822 {2}\r\nab BODY[] {2}\r\nab)\r\n",
		    "BODY(4) 2:ab|\nFETCH msn=1 uid=4 body=given\n" },
		{ "* 1 FETCH (UID 4 RFC822 NIL BODY[] {2}\r\nab)\r\n",
		    "BODY(4) 2:ab|\nFETCH msn=1 uid=4 body=given\n" },
		/* No message at all. */
		{ "* 1 FETCH (UID 4 BODY[] \"\")\r\n",
		    "BODY(4) 0:|\nFETCH msn=1 uid=4 body=given\n" },
		{ "* 1 FETCH (UID 4 BODY[] 4)\r\n",
		    "FETCH msn=1 uid=4 body=nil\n" },
		{ "* 1 FETCH (UID 4 BODY[] )\r\n",
		    "FETCH msn=1 uid=4 body=nil\n" },
		{ "* 1 FETCH (UID 4 BODY[] ())\r\n",
		    "FETCH msn=1 uid=4 body=nil\n" },
		{ "* 1 FETCH (UID 4 RFC822 NIL)\r\n",
		    "FETCH msn=1 uid=4 body=nil\n" },
		/* No UID, no size, no list of flags. */
		{ "* 9 FETCH (UID 0 BODY[] {2}\r\nab)\r\n",
		    "BODY(0) 2:ab|\nFETCH msn=9 uid=0 body=given\n" },
		{ "* 1 FETCH (UID 4294967296)\r\n", "FETCH msn=1 uid=0\n" },
		{ "* 1 FETCH (UID NIL)\r\n", "FETCH msn=1 uid=0\n" },
		{ "* 1 FETCH (UID \"4\")\r\n", "FETCH msn=1 uid=0\n" },
		{ "* 1 FETCH (UID -4)\r\n", "FETCH msn=1 uid=0\n" },
		{ "* 1 FETCH (UID)\r\n", "FETCH msn=1 uid=0\n" },
		{ "* 1 FETCH (UID 4 RFC822.SIZE -1)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (UID 4 RFC822.SIZE NIL)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (UID 4 RFC822.SIZE 12345678901234567890)\r\n",
		    "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (UID 4 RFC822.SIZE)\r\n", "FETCH msn=1 uid=4\n" },
		{ "* 1 FETCH (UID 4 FLAGS NIL MODSEQ 5 X-GM-LABELS x)\r\n",
		    "FETCH msn=1 uid=4\n" },
		/* Empty lines between answers. */
		{ "\r\n* OK a\r\n\r\n \r\n\na1 OK b\r\n\r\n",
		    "STATUS OK code=0 text=a\n"
		    "TAGGED tag=a1 OK code=0 text=b\n" },
		{ "* 1 FETCH (UID 4 BODY[] {2}\r\nab)\r\n\r\na1 OK b\r\n",
		    "BODY(4) 2:ab|\nFETCH msn=1 uid=4 body=given\n"
		    "TAGGED tag=a1 OK code=0 text=b\n" },
		{ "* NO [THROTTLED] wait\r\n",
		    "STATUS NO code=30 name=THROTTLED text=wait\n" },
	};

	(void)state;
	check(rows, SP_COUNTOF(rows));
}

static void
test_a_message_that_looks_like_replies_ends_nothing(void **state)
{
	static const struct row rows[] = {
		{ "* 1 FETCH (BODY[] {46}\r\n)\r\na1 OK done\r\n* BYE\r\n* 2 "
		  "FETCH (UID 9)\r\n{9}\r\n UID 3)\r\na1 OK x\r\n",
		    "BODY(0) 46:)\r\na1 OK done\r\n* BYE\r\n* 2 FETCH (UID "
		    "9)\r\n{9}\r\n|\nFETCH msn=1 uid=3 body=given\n"
		    "TAGGED tag=a1 OK code=0 text=x\n" },
	};

	(void)state;
	check(rows, SP_COUNTOF(rows));
}

static void
check_bad(const char *in, enum sp_code want, const char *text)
{
	struct sp_view v = sp_view_str(in);

	for (size_t cut = 1; cut <= v.n; cut++) {
		struct sp_err err = { .code = SP_OK };
		struct recorder h;
		enum sp_code rc;

		recorder_init(&h);
		rc = recorder_feed(&h, v, cut, cut == 1 ? 1 : v.n, &err);
		if (rc != want || strstr(err.msg, text) == NULL)
			fail_msg("\"%s\" cut at %zu: got %s \"%s\"", in, cut,
			    sp_err_name(rc), err.msg);
		recorder_done(&h);
	}
}

static void
test_what_is_not_imap_is_refused(void **state)
{
	static const struct {
		const char *in, *text;
	} rows[] = {
		{ "a1\r\n", "neither data" },
		{ "a1 BYE x\r\n", "neither data" },
		{ "*\r\n", "neither data" },
		{ "* \r\n", "nothing known" },
		{ "* 1\r\n", "nothing behind it" },
		{ "HTTP/1.1 400 Bad Request\r\n", "neither data" },
		{ "* 1 FETCH UID 4\r\n", "FETCH without a list" },
		{ "* 1 FETCH (UID 4\r\n", "a list does not end" },
		{ "* 1 FETCH (UID 4))\r\n", "did not begin" },
		{ "* 1 FETCH (UID 4) x\r\n", "is not one" },
		{ "* 1 FETCH (UID 4 BODY[] {1}\r\na UID 5)\r\n", "item UID" },
		{ "* 1 FETCH (BODY[] NIL BODY[] NIL)\r\n", "item BODY[]" },
		{ "* 1 FETCH (BODY[] {1}\r\na BODY[]<1> {1}\r\nb)\r\n",
		    "two bodies" },
		{ "* 1 FETCH (BODY[] {1}\r\na BODY[] \"b\")\r\n",
		    "item BODY[]" },
		{ "* 1 FETCH (X \"open\r\n", "quoted string" },
		{ "* 1 FETCH (BODY[X UID 4)\r\n", "a list does not end" },
		{ "* LIST (\\X\r\n", "a list does not end" },
		{ "* LIST \"/\" a\r\n", "LIST without attributes" },
		{ "* LIST () \"ab\" a\r\n", "delimiter" },
		{ "* LIST () \"/\"\r\n", "LIST without a name" },
		{ "* STATUS a\r\n", "STATUS" },
		{ "* SEARCH 1 x\r\n", "SEARCH" },
		{ "* ESEARCH UID ALL 1:*\r\n", "ESEARCH" },
		{ "* VANISHED\r\n", "VANISHED" },
		{ "* VANISHED 1,\r\n", "VANISHED" },
		{ "* VANISHED 0\r\n", "VANISHED" },
		/* Lengths. */
		{ "* 1 FETCH (BODY[] {}\r\n", "no number" },
		{ "* 1 FETCH (BODY[] {-1}\r\n", "no number" },
		{ "* 1 FETCH (BODY[] {+}\r\n", "no number" },
		{ "* 1 FETCH (BODY[] { 1}\r\n", "does not end" },
		{ "* 1 FETCH (BODY[] {1x}\r\n", "no number" },
		{ "* 1 FETCH (BODY[] {1++}\r\n", "no number" },
		{ "* 1 FETCH (BODY[] {9223372036854775808}\r\n", "no number" },
		{ "* 1 FETCH (BODY[] {18446744073709551617}\r\n", "no number" },
		{ "* 1 FETCH (BODY[] ~~{1}\r\n", "middle of a word" },
		{ "* LIST () \"/\" a{3}\r\n", "middle of a word" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++)
		check_bad(rows[i].in, SP_EFORMAT, rows[i].text);
}

/* ${head}, ${n} times ${c}, ${tail}. */
static struct sp_view
filled(const char *head, char c, size_t n, const char *tail, char **mem)
{
	size_t a = strlen(head), b = strlen(tail);

	*mem = sp_xmalloc(a + n + b);
	memcpy(*mem, head, a);
	memset(*mem + a, c, n);
	memcpy(*mem + a + n, tail, b);
	return (sp_view_mem(*mem, a + n + b));
}

static void
feed_filled(const char *head, char c, size_t n, const char *tail,
    enum sp_code want, const char *text)
{
	struct sp_err err = { .code = SP_OK };
	struct recorder h;
	char *mem;
	struct sp_view v = filled(head, c, n, tail, &mem);
	enum sp_code rc;

	recorder_init(&h);
	rc = recorder_feed(&h, v, 1000, 5000, &err);
	if (rc != want || (rc != SP_OK && strstr(err.msg, text) == NULL))
		fail_msg("\"%s\" and %zu '%c': got %s \"%s\"", head, n, c,
		    sp_err_name(rc), err.msg);
	if (rc == SP_OK && strstr(sp_buf_cstr(&h.log), text) == NULL)
		fail_msg("\"%s\" and %zu '%c': got %s", head, n, c,
		    sp_buf_cstr(&h.log));
	recorder_done(&h);
	free(mem);
}

static void
test_everything_that_can_grow_has_a_limit(void **state)
{
	char head[64];

	(void)state;
	feed_filled("* OK ", 'x', SP_IMAP_LINE_MAX - 6, "\r\n", SP_OK, "OK");
	feed_filled(
	    "* OK ", 'x', SP_IMAP_LINE_MAX - 5, "\r\n", SP_ELIMIT, "longer");
	feed_filled("* X ", '(', SP_IMAP_DEPTH_MAX, "", SP_OK, "");
	feed_filled("* X ", '(', SP_IMAP_DEPTH_MAX + 1, "\r\n", SP_ELIMIT,
	    "deeper than 64");
	/* A name of a mailbox that is kept, and one that is not. */
	(void)snprintf(head, sizeof(head), "* LIST () \"/\" {%d}\r\n",
	    SP_IMAP_LITERAL_MAX);
	feed_filled(head, 'x', SP_IMAP_LITERAL_MAX, "\r\n", SP_OK, "name=xx");
	(void)snprintf(head, sizeof(head), "* LIST () \"/\" {%d}\r\n",
	    SP_IMAP_LITERAL_MAX + 1);
	feed_filled(head, 'x', SP_IMAP_LITERAL_MAX + 1, "\r\n", SP_OK, "OTHER");
	/* Not asked for, and large: dropped, whatever its size. */
	feed_filled("* 1 FETCH (RFC822.TEXT {1000000}\r\n", 'x', 1000000,
	    " UID 4)\r\n", SP_OK, "FETCH msn=1 uid=4");
}

static void
many(const char *head, const char *each, size_t n, const char *tail,
    enum sp_code want, const char *text)
{
	struct sp_err err = { .code = SP_OK };
	struct recorder h;
	struct sp_buf b;
	enum sp_code rc;

	recorder_init(&h);
	sp_buf_init(&b, 1u << 20);
	assert_int_equal(sp_buf_adds(&b, head), SP_OK);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sp_buf_adds(&b, each), SP_OK);
	assert_int_equal(sp_buf_adds(&b, tail), SP_OK);
	rc = recorder_feed(&h, sp_buf_view(&b), 100, 100, &err);
	assert_int_equal(rc, want);
	if (rc != SP_OK)
		assert_non_null(strstr(err.msg, text));
	else
		assert_non_null(strstr(sp_buf_cstr(&h.log), text));
	sp_buf_done(&b);
	recorder_done(&h);
}

static void
test_literals_and_labels_are_counted(void **state)
{
	(void)state;
	many("* X", " {1}\r\nx", SP_IMAP_LITERALS_MAX, "\r\n", SP_OK, "OTHER");
	many("* X", " {1}\r\nx", SP_IMAP_LITERALS_MAX + 1, "\r\n", SP_ELIMIT,
	    "256 literals");
	many("* 1 FETCH (X-GM-LABELS (", " x", SP_IMAP_LABELS_MAX, "))\r\n",
	    SP_OK, "label=x\n");
	many("* 1 FETCH (X-GM-LABELS (", " x", SP_IMAP_LABELS_MAX + 1, "))\r\n",
	    SP_OK, "label=x more=1\n");
}

static void
test_a_callback_that_fails_ends_the_feeding(void **state)
{
	static const char in[] = "* 1 FETCH (BODY[] {3}\r\nabc UID 1)\r\n";
	struct sp_err err;
	struct recorder h;

	(void)state;
	recorder_init(&h);
	h.refuse_body = SP_ENOSPC;
	assert_int_equal(
	    recorder_feed(&h, sp_view_str(in), 1, 1, &err), SP_ENOSPC);
	assert_string_equal(err.msg, "no room");
	assert_int_equal(err.code, SP_ENOSPC);
	assert_int_equal(h.log.n, 0);
	recorder_done(&h);
}

static void
test_sets_give_ranges(void **state)
{
	struct sp_view v = SP_VIEW_LIT("1:3,5 9:7,4294967295");
	uint32_t a, b;

	(void)state;
	assert_true(sp_imap_set_ok(v));
	assert_true(sp_imap_set_next(&v, &a, &b) && a == 1 && b == 3);
	assert_true(sp_imap_set_next(&v, &a, &b) && a == 5 && b == 5);
	assert_true(sp_imap_set_next(&v, &a, &b) && a == 7 && b == 9);
	assert_true(sp_imap_set_next(&v, &a, &b) && a == UINT32_MAX && b == a);
	assert_false(sp_imap_set_next(&v, &a, &b));
	assert_int_equal(v.n, 0);
	assert_false(sp_imap_set_ok(SP_VIEW_LIT("1:")));
	assert_false(sp_imap_set_ok(SP_VIEW_LIT(":1")));
	assert_false(sp_imap_set_ok(SP_VIEW_LIT("1,,2")));
	assert_false(sp_imap_set_ok(SP_VIEW_LIT("4294967296")));
}

static void
test_capabilities_are_words(void **state)
{
	char text[200];
	unsigned c =
	    sp_imap_caps(SP_VIEW_LIT("imap4rev1 AUTH=XOAUTH2 IDLEX QRESYNC"));

	(void)state;
	assert_int_equal(c, SP_IMAP_CAP_REV1 | SP_IMAP_CAP_XOAUTH2 |
				SP_IMAP_CAP_QRESYNC | SP_IMAP_CAP_CONDSTORE);
	assert_string_equal(sp_imap_caps_text(c, text, sizeof(text)),
	    "IMAP4REV1,AUTH=XOAUTH2,CONDSTORE,QRESYNC");
	c = sp_imap_caps(SP_VIEW_LIT("IMAP4rev2"));
	assert_true(c & SP_IMAP_CAP_UIDPLUS);
	assert_true(c & SP_IMAP_CAP_IDLE);
	assert_false(c & SP_IMAP_CAP_REV1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_and_its_codes_are_read),
		cmocka_unit_test(test_data_is_read),
		cmocka_unit_test(test_fetch_is_read_in_any_order),
		cmocka_unit_test(
		    test_items_that_nobody_asked_for_are_passed_over),
		cmocka_unit_test(test_odd_servers_are_understood),
		cmocka_unit_test(
		    test_a_message_that_looks_like_replies_ends_nothing),
		cmocka_unit_test(test_what_is_not_imap_is_refused),
		cmocka_unit_test(test_everything_that_can_grow_has_a_limit),
		cmocka_unit_test(test_literals_and_labels_are_counted),
		cmocka_unit_test(test_a_callback_that_fails_ends_the_feeding),
		cmocka_unit_test(test_sets_give_ranges),
		cmocka_unit_test(test_capabilities_are_words),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
