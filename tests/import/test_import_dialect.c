/* The dialects of mbox: what becomes the message, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import_kit.h"
#include "mbox_back.h"

#define F "From ann@corp.example Mon Jan  5 10:00:00 2026\n"

static const enum sp_import_as dialects[] = { SP_IMPORT_AS_MBOX,
	SP_IMPORT_AS_MBOXO, SP_IMPORT_AS_MBOXRD, SP_IMPORT_AS_MBOXCL,
	SP_IMPORT_AS_MBOXCL2 };

static const struct {
	const char *name;
	enum sp_import_as as;
	const char *text;
	size_t n;
	const char *msg[3];
	const char *quoted; /* y or n for each */
	const char *has; /* in the record of the first */
} dialect_cases[] = {
	{ "o keeps", SP_IMPORT_AS_MBOXO, F "A: 1\n\n>From x\n\n", 1,
	    { "A: 1\n\n>From x\n" }, "y", "\"mboxo\"" },
	{ "rd gives back", SP_IMPORT_AS_MBOXRD,
	    F "A: 1\n\n>From x\n>>From y\n>z\n\n" F "A: 2\n", 2,
	    { "A: 1\n\nFrom x\n>From y\n>z\n", "A: 2\n" }, "nn",
	    "\"unquoted\":2" },
	{ "rd in the first line", SP_IMPORT_AS_MBOXRD, F ">From x\n", 1,
	    { "From x\n" }, "n", "\"unquoted\":1" },
	{ "rd with a line that is not quoted keeps all", SP_IMPORT_AS_MBOXRD,
	    F "A: 1\n\nFrom x\n>From y\n", 1, { "A: 1\n\nFrom x\n>From y\n" },
	    "y", "\"mboxrd\"" },
	{ "cl", SP_IMPORT_AS_MBOXCL,
	    F "Content-Length: 8\n\n>From x\n\n" F "Content-Length: 2\n\ny\n",
	    2, { "Content-Length: 8\n\nFrom x\n", "Content-Length: 2\n\ny\n" },
	    "nn", "\"mboxcl\"" },
	{ "cl2 over a From line", SP_IMPORT_AS_MBOXCL2,
	    F "Content-Length: 50\n\nx\n\n" F "\n" F "A: 2\n", 2,
	    { "Content-Length: 50\n\nx\n\n" F, "A: 2\n" }, "nn",
	    "\"mboxcl2\"" },
	{ "cl2 keeps", SP_IMPORT_AS_MBOXCL2, F "Content-Length: 8\n\n>From x\n",
	    1, { "Content-Length: 8\n\n>From x\n" }, "n", "\"mboxcl2\"" },
	{ "a length too long", SP_IMPORT_AS_MBOXCL2,
	    F "Content-Length: 999\n\nx\n\n" F "A: 2\n", 2,
	    { "Content-Length: 999\n\nx\n", "A: 2\n" }, "nn", "\"mbox\"" },
	{ "a length too short", SP_IMPORT_AS_MBOXCL2,
	    F "Content-Length: 1\n\nxyz\n\n" F "A: 2\n", 2,
	    { "Content-Length: 1\n\nxyz\n", "A: 2\n" }, "nn", "\"mbox\"" },
	{ "a length without end", SP_IMPORT_AS_MBOXCL2,
	    F "Content-Length: 99999999999999999999999\n\nx\n\n" F "A: 2\n", 2,
	    { "Content-Length: 99999999999999999999999\n\nx\n", "A: 2\n" },
	    "nn", "\"mbox\"" },
	{ "two lengths", SP_IMPORT_AS_MBOXCL2,
	    F "Content-Length: 2\nContent-Length: 50\n\nx\n\n" F "A: 2\n", 2,
	    { "Content-Length: 2\nContent-Length: 50\n\nx\n", "A: 2\n" }, "nn",
	    "\"mbox\"" },
	{ "no length", SP_IMPORT_AS_MBOXCL2, F "A: 1\n\nx\n\n" F "A: 2\n", 2,
	    { "A: 1\n\nx\n", "A: 2\n" }, "nn", "\"mbox\"" },
	{ "found out: lengths that fit", SP_IMPORT_AS_MBOX,
	    F "Content-Length: 4\n\nx\n\n\n" F "Content-Length: 2\n\ny\n", 2,
	    { "Content-Length: 4\n\nx\n\n\n", "Content-Length: 2\n\ny\n" },
	    "nn", "\"mboxcl2\"" },
	{ "found out: no length hides a message", SP_IMPORT_AS_MBOX,
	    F "Content-Length: 55\n\nx\n\n" F "A: 2\n\n", 2,
	    { "Content-Length: 55\n\nx\n", "A: 2\n" }, "nn", "\"mbox\"" },
};

static void
test_each_dialect_takes_its_own_bytes(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(dialect_cases); i++) {
		k->im.as = dialect_cases[i].as;
		kit_puts(k, "a", dialect_cases[i].text);
		assert_int_equal(kit_import(k, "a"), SP_OK);
		if (k->n != dialect_cases[i].n || k->failed != 0)
			fail_msg("%s: %zu messages, %zu failed (%s)",
			    dialect_cases[i].name, k->n, k->failed,
			    k->last_why);
		for (size_t m = 0; m < k->n; m++) {
			if (strcmp(k->item[m].msg, dialect_cases[i].msg[m]) !=
			    0)
				fail_msg("%s: message %zu is \"%s\"",
				    dialect_cases[i].name, m, k->item[m].msg);
			if (k->item[m].quoted !=
			    (dialect_cases[i].quoted[m] == 'y'))
				fail_msg("%s: quoted", dialect_cases[i].name);
		}
		if (strstr(k->item[0].extra, dialect_cases[i].has) == NULL)
			fail_msg("%s: record %s", dialect_cases[i].name,
			    k->item[0].extra);
		kit_clear(k);
	}
	kit_free(k);
}

/* Every byte of the file is in one of the messages' places, and comes back. */
static void
check_back(struct kit *k, struct sp_view file, const char *what)
{
	uint64_t begin, end, at = 0;

	for (size_t m = 0; m < k->n; m++) {
		const struct kit_item *it = &k->item[m];

		if (!mbox_back(file, sp_view_str(it->extra),
			sp_view_mem(it->msg, it->n), &begin, &end))
			fail_msg("%s: message %zu does not lead back: %s", what,
			    m, it->extra);
		assert_int_equal(begin, at);
		at = end;
	}
	assert_int_equal(at, file.n);
}

static void
test_the_record_leads_back_to_the_file_cut_at_every_byte(void **state)
{
	static const char text[] =
	    F "A: 1\n\n>From x\n>>From y\nFrom z\n\n\n" F
	      "Content-Length: 9\r\n\r\n>From q\r\n\r\n" F
	      "content-length: 3\n\nab\n\n" F "\n\n" F F "A: 6\n\n>From only\n";
	struct kit *k = kit_new();

	(void)state;
	for (size_t d = 0; d < SP_COUNTOF(dialects); d++) {
		k->im.as = dialects[d];
		/* A From line alone is no message, and is told. */
		kit_put(k, "a", text, strlen(F));
		assert_int_equal(kit_import(k, "a"), SP_OK);
		assert_int_equal(k->n, 0);
		assert_int_equal(k->failed, 1);
		kit_clear(k);
		for (size_t n = strlen(F) + 1; n <= strlen(text); n++) {
			char what[64];

			(void)snprintf(
			    what, sizeof(what), "dialect %zu, %zu bytes", d, n);
			kit_put(k, "a", text, n);
			assert_int_equal(kit_import(k, "a"), SP_OK);
			if (k->failed != 0)
				fail_msg("%s: %s", what, k->last_why);
			check_back(k, sp_view_mem(text, n), what);
			kit_clear(k);
		}
	}
	kit_free(k);
}

static void
test_the_from_line_dates_the_message(void **state)
{
	static const struct {
		const char *line, *want;
	} t[] = {
		{ "From a@x Mon Jan  5 10:00:00 2026", "2026-01-05T10:00:00Z" },
		{ "From a@x Mon Jan  5 9:05 2026", "2026-01-05T09:05:00Z" },
		{ "From a@x Mon, 5 Jan 2026 10:00:00 +0130",
		    "2026-01-05T10:00:00+01:30" },
		{ "From a@x Mon Jan 5 10:00:00 GMT 2026",
		    "2026-01-05T10:00:00Z" },
		{ "From a@x Mon Jan 5 10:00:00 EST 2026", "" },
		{ "From a@x Mon Jan 45 10:00:00 2026", "" },
		{ "From a@x Mon Jan 5 25:00:00 2026", "" },
		{ "From a sentence", "" },
	};
	char out[SP_IMPORT_DATE_MAX];

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		bool is = sp_import_from_date(sp_view_str(t[i].line), out);

		if (is != (t[i].want[0] != '\0') ||
		    (is && strcmp(out, t[i].want) != 0))
			fail_msg("%s: %s", t[i].line, is ? out : "none");
	}
}

static void
test_a_maildir_and_piler_are_noted(void **state)
{
	struct kit *k = kit_new();

	(void)state;
	kit_put(k, "m/new", NULL, 0);
	kit_puts(k, "m/cur/1.x:2,FS", "A: 1\n\nx\n");
	kit_puts(k, "m/.Sent/cur/2.y:2,", "A: 2\n\ny\n");
	kit_put(k, "m/.Sent/new", NULL, 0);
	assert_int_equal(kit_import(k, "m"), SP_OK);
	assert_int_equal(k->n, 2);
	for (size_t i = 0; i < 2; i++) {
		bool sent = strstr(k->item[i].msg, "A: 2") != NULL;

		assert_non_null(strstr(k->item[i].extra,
		    sent ? "\"folder\":\".Sent\"" : "\"folder\":\"m\""));
		if (!sent)
			assert_non_null(
			    strstr(k->item[i].extra, "\"flags\":\"FS\""));
	}
	kit_clear(k);
	k->im.as = SP_IMPORT_AS_PILER;
	kit_puts(k, "p/1.eml",
	    "X-Piler-Envelope-To: <bob@corp.example>\r\n"
	    "X-Piler-Envelope-To: cid@corp.example\r\nFrom: a@x\r\n"
	    "X-Piler-Envelope-To: late@corp.example\r\n\r\nx\r\n");
	assert_int_equal(kit_import(k, "p"), SP_OK);
	assert_int_equal(k->n, 1);
	assert_string_equal(k->item[0].extra,
	    "\"claimed_envelope\":{\"by\":\"piler\",\"to\":[{\"addr\":\"bob@"
	    "corp.example\"},{\"addr\":\"cid@corp.example\"}]}");
	kit_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_dialect_takes_its_own_bytes),
		cmocka_unit_test(
		    test_the_record_leads_back_to_the_file_cut_at_every_byte),
		cmocka_unit_test(test_the_from_line_dates_the_message),
		cmocka_unit_test(test_a_maildir_and_piler_are_noted),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
