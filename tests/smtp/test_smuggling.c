/*
 * What a smuggler takes for the end of the data, and every CR or LF alone: never
 * an end, whatever the listener's bare_newline says, in every split of the
 * bytes.  With accept the bytes are stored as they are and flagged, with reject
 * the message gets 550 and nothing of it is stored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "replies.h"
#include "talk.h"

#define BARE   "550 5.5.2 Message has a CR or LF alone\n"
#define STORED "250 2.0.0 Ok: seq=100\n"
#define EVIL   "MAIL FROM:<evil@x>\r\nRCPT TO:<v@y>\r\nDATA\r\nsmuggled\r\n"

/* Content on the wire, what of it is stored, and what is odd about it. */
static const struct {
	const char *name;
	const char *wire, *content;
	bool lf, cr;
} rows[] = {
	{ "ordinary", "a\r\nb\r\n", "a\r\nb\r\n", false, false },
	{ "a stuffed dot", "a\r\n..b\r\n", "a\r\n.b\r\n", false, false },
	{ "LF in a line", "a\nb\r\n", "a\nb\r\n", true, false },
	{ "CR in a line", "a\rb\r\n", "a\rb\r\n", false, true },
	{ "CR CR LF", "a\r\r\n", "a\r\r\n", false, true },
	{ "LF CR LF", "a\n\r\n", "a\n\r\n", true, false },
	{ "LF . LF", "a\n.\n" EVIL, "a\n.\n" EVIL, true, false },
	{ "LF . CR LF", "a\n.\r\n" EVIL, "a\n.\r\n" EVIL, true, false },
	{ "LF . CR", "a\n.\r" EVIL, "a\n.\r" EVIL, true, true },
	{ "CR . CR", "a\r.\r" EVIL, "a\r.\r" EVIL, false, true },
	{ "CR . LF", "a\r.\n" EVIL, "a\r.\n" EVIL, true, true },
	{ "CR . CR LF", "a\r.\r\n" EVIL, "a\r.\r\n" EVIL, false, true },
	{ "CR LF . LF", "a\r\n.\n" EVIL, "a\r\n\n" EVIL, true, false },
	{ "CR LF . CR", "a\r\n.\r" EVIL, "a\r\n\r" EVIL, false, true },
	{ "CR LF . CR CR LF", "a\r\n.\r\r\n" EVIL, "a\r\n\r\r\n" EVIL, false,
	    true },
	{ "CR CR LF . CR CR LF", "a\r\r\n.\r\r\n" EVIL, "a\r\r\n\r\r\n" EVIL,
	    false, true },
	{ "LF LF . LF LF", "a\n\n.\n\n" EVIL, "a\n\n.\n\n" EVIL, true, false },
	{ "LF . . CR LF", "a\n..\r\n" EVIL, "a\n..\r\n" EVIL, true, false },
	{ "LF first", "\n.\r\n" EVIL, "\n.\r\n" EVIL, true, false },
	{ "CR first", "\r.\r\n" EVIL, "\r.\r\n" EVIL, false, true },
};

/* Say ${wire} cut into [0,cut), one byte at a time behind it up to ${cut} + 3,
 * and the rest. */
static void
say_cut(struct sp_talk *t, const char *wire, size_t n, size_t cut)
{
	size_t upto = cut + 3 < n ? cut + 3 : n;

	sp_talk_say(t, wire, cut, SIZE_MAX);
	sp_talk_say(t, wire + cut, upto - cut, 1);
	sp_talk_say(t, wire + upto, n - upto, SIZE_MAX);
}

/* Whether the record has the flag; a member of "lines" has a colon behind it. */
static bool
is_flagged(struct sp_talk *t, const char *flag)
{
	char last[32], more[32];

	(void)snprintf(last, sizeof(last), "\"%s\"]", flag);
	(void)snprintf(more, sizeof(more), "\"%s\",", flag);
	return (sp_talk_holds(&t->records, last) ||
		sp_talk_holds(&t->records, more));
}

static void
expect_message(struct sp_talk *t, const char *what, const char *hello,
    const char *content, bool taken, bool lf, bool cr)
{
	char want[1024], stored[512] = "";

	(void)snprintf(
	    want, sizeof(want), "%s%s" OK, hello, taken ? STORED : BARE);
	sp_talk_without_digest(&t->replies);
	sp_talk_expect(t, what, want);
	if (taken)
		(void)snprintf(stored, sizeof(stored), "%s<EOM>", content);
	if (!sp_view_eq_str(sp_buf_view(&t->stored), stored))
		fail_msg("%s: stored \"%.*s\", want \"%s\"", what,
		    (int)t->stored.n, t->stored.p, stored);
	if (taken &&
	    (is_flagged(t, "bare_lf") != lf || is_flagged(t, "bare_cr") != cr))
		fail_msg("%s: flags in %s", what, sp_buf_cstr(&t->records));
}

static void
run_data(struct sp_talk *t, size_t i, bool reject)
{
	char wire[512], what[128];
	const bool odd = rows[i].lf || rows[i].cr;
	size_t n = (size_t)snprintf(
	    wire, sizeof(wire), "%s.\r\nNOOP\r\n", rows[i].wire);

	for (size_t cut = 0; cut <= n; cut++) {
		(void)snprintf(what, sizeof(what), "%s, DATA cut at %zu, %s",
		    rows[i].name, cut, reject ? "reject" : "accept");
		sp_talk_start(t);
		sp_buf_clear(&t->replies);
		sp_talk_say(t, "EHLO me\r\n", 9, SIZE_MAX);
		sp_buf_clear(&t->replies);
		sp_talk_say(
		    t, ENVELOPE "DATA\r\n", sizeof(ENVELOPE) + 5, SIZE_MAX);
		say_cut(t, wire, n, cut);
		expect_message(t, what, MOK ROK GO, rows[i].content,
		    !(reject && odd), rows[i].lf, rows[i].cr);
	}
}

/* In two chunks, the second of which is the last, cut at every byte: a CR at
 * the end of the first is not alone if the second begins with LF. */
static void
run_bdat(struct sp_talk *t, size_t i, bool reject, bool binary)
{
	const char *content = rows[i].content;
	const bool odd = rows[i].lf || rows[i].cr;
	const size_t n = strlen(content);

	for (size_t cut = 0; cut <= n; cut++) {
		char wire[1024], what[128], hello[256];

		(void)snprintf(what, sizeof(what), "%s, BDAT cut at %zu, %s%s",
		    rows[i].name, cut, reject ? "reject" : "accept",
		    binary ? ", binary" : "");
		(void)snprintf(hello, sizeof(hello),
		    MOK ROK "250 2.0.0 Ok: %zu bytes\n", cut);
		(void)snprintf(wire, sizeof(wire),
		    "MAIL FROM:<a@b>%s\r\nRCPT TO:<c@d>\r\nBDAT %zu\r\n%.*sBDAT %zu LAST\r\n%sNOOP\r\n",
		    binary ? " BODY=BINARYMIME" : "", cut, (int)cut, content,
		    n - cut, content + cut);
		sp_talk_start(t);
		sp_talk_say(t, "EHLO me\r\n", 9, SIZE_MAX);
		sp_buf_clear(&t->replies);
		sp_talk_say(t, wire, strlen(wire), cut % 7 + 1);
		expect_message(t, what, hello, content,
		    !(reject && odd && !binary), rows[i].lf, rows[i].cr);
	}
}

static void
run_all(enum sp_bare_newline mode)
{
	struct sp_talk t;

	sp_talk_init(&t, false);
	t.cfg.bare_newline = mode;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		run_data(&t, i, mode == SP_BARE_REJECT);
		run_bdat(&t, i, mode == SP_BARE_REJECT, false);
		run_bdat(&t, i, mode == SP_BARE_REJECT, true);
	}
	sp_talk_done(&t);
}

static void
test_a_smuggled_end_is_stored_as_content(void **state)
{
	(void)state;
	run_all(SP_BARE_ACCEPT);
}

static void
test_a_cr_or_lf_alone_is_refused_where_the_listener_says_so(void **state)
{
	(void)state;
	run_all(SP_BARE_REJECT);
}

/* What ends without CR LF, which only chunks can. */
static void
test_a_cr_at_the_very_end_is_alone(void **state)
{
	static const char wire[] = ENVELOPE "BDAT 2 LAST\r\na\rNOOP\r\n";
	struct sp_talk t;

	(void)state;
	sp_talk_init(&t, false);
	t.cfg.bare_newline = SP_BARE_REJECT;
	sp_talk_start(&t);
	sp_talk_say(&t, "EHLO me\r\n", 9, SIZE_MAX);
	sp_buf_clear(&t.replies);
	sp_talk_say(&t, wire, sizeof(wire) - 1, SIZE_MAX);
	expect_message(&t, "CR at the end", MOK ROK, "", false, false, true);
	sp_talk_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_smuggled_end_is_stored_as_content),
		cmocka_unit_test(
		    test_a_cr_or_lf_alone_is_refused_where_the_listener_says_so),
		cmocka_unit_test(test_a_cr_at_the_very_end_is_alone),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
