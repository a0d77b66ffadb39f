/*
 * messages.csv (export/loadfile.c), which a person opens in a spreadsheet:
 * columns, quoting, and no cell that the spreadsheet would run as a formula.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/loadfile.h"

#define HEAD                                                                  \
	"\xef\xbb\xbf\"seq\",\"file\",\"received\",\"date\",\"from\",\"to\"," \
	"\"cc\",\"bcc\",\"envelope_from\",\"envelope_to\",\"claims\","        \
	"\"subject\","                                                        \
	"\"message_id\",\"attachments\",\"size\",\"sha256\","                 \
	"\"inner_sha256\",\"duplicate_of\",\"grade\",\"via\",\"flags\"\r\n"
#define FILE7 "\"data/messages/000000000007.eml\""

static void
test_the_head_names_the_columns(void **state)
{
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 4096);
	assert_int_equal(sp_loadfile_head(&b), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), HEAD);
	sp_buf_done(&b);
}

static void
test_a_row_has_every_fact_of_a_message(void **state)
{
	static const char json[] =
	    "{\"seq\":7,\"received\":\"2026-01-05T10:00:00.000000Z\","
	    "\"date\":\"2026-01-05T11:00:00+01:00\",\"grade\":\"witnessed\","
	    "\"via\":\"smtp\",\"size\":123,\"sha256\":\"ab\","
	    "\"message_id\":\"1@x\",\"subject\":\"Hi, \\\"you\\\"\","
	    "\"from\":[{\"name\":\"Ann\",\"addr\":\"ann@x\"}],"
	    "\"to\":[{\"name\":\"\",\"addr\":\"bob@x\"},"
	    "{\"name\":\"Eve, E.\",\"addr\":\"eve@x\"}],"
	    "\"cc\":[],\"bcc\":null,\"reply_to\":[],"
	    "\"envelope_from\":\"ann@x\",\"envelope_to\":[\"j@x\",\"k@x\"],"
	    "\"claims\":[{\"role\":\"bcc\",\"addr\":\"carol@x\",\"via\":"
	    "{\"how\":\"expanded\",\"addr\":\"dl@x\"},\"evidence\":\"report\"},"
	    "{\"role\":\"recipient\",\"addr\":\"erin@x\",\"presumed\":"
	    "\"unlisted\",\"evidence\":\"report\"},{\"role\":\"recipient\","
	    "\"addr\":\"d@x\",\"evidence\":\"header:Delivered-To\"}],"
	    "\"inner_sha256\":\"cd\",\"duplicate_of\":3,"
	    "\"attachments\":[{\"name\":\"a.pdf\",\"type\":\"application/pdf\","
	    "\"size\":3},{\"name\":\"b.txt\"}],\"flags\":[\"bare_lf\"]}";
	static const char want[] =
	    "\"7\"," FILE7
	    ",\"2026-01-05T10:00:00.000000Z\",\"2026-01-05T11:00:00+01:00\","
	    "\"Ann <ann@x>\",\"bob@x; Eve, E. <eve@x>\",\"\",\"\",\"ann@x\","
	    "\"j@x; k@x\","
	    "\"carol@x (bcc, expanded from dl@x; report); "
	    "erin@x (recipient, perhaps unlisted; report); "
	    "d@x (recipient; header:Delivered-To)\",\"Hi, "
	    "\"\"you\"\"\",\"1@x\",\"a.pdf; b.txt\","
	    "\"123\",\"ab\",\"cd\",\"3\",\"witnessed\",\"smtp\",\"bare_"
	    "lf\"\r\n";
	struct sp_buf b;
	struct sp_err err;

	(void)state;
	sp_buf_init(&b, 65536);
	assert_int_equal(sp_loadfile_row(json, 7, &b, &err), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), want);
	sp_buf_done(&b);
}

/* The cell of ${subject} (JSON text) in a row. */
static void
subject_is(const char *name, const char *subject, const char *want)
{
	char *json = sp_xasprintf("{\"subject\":%s}", subject);
	char *row = sp_xasprintf("\"\"," FILE7 ",\"\",\"\",\"\",\"\",\"\","
				 "\"\",\"\",\"\",\"\",%s,\"\",\"\",\"\",\"\","
				 "\"\",\"\",\"\",\"\",\"\"\r\n",
	    want);
	struct sp_buf b;
	struct sp_err err;

	sp_buf_init(&b, 65536);
	assert_int_equal(sp_loadfile_row(json, 7, &b, &err), SP_OK);
	if (strcmp(sp_buf_cstr(&b), row) != 0)
		fail_msg("%s: got %s, want %s", name, sp_buf_cstr(&b), row);
	sp_buf_done(&b);
	free(row);
	free(json);
}

static void
test_no_cell_is_a_formula(void **state)
{
	static const struct {
		const char *name, *json, *want;
	} t[] = {
		{ "plain", "\"x\"", "\"x\"" },
		{ "empty", "\"\"", "\"\"" },
		{ "absent", "null", "\"\"" },
		{ "equals", "\"=1+1\"", "\"'=1+1\"" },
		{ "plus", "\"+1\"", "\"'+1\"" },
		{ "minus", "\"-1\"", "\"'-1\"" },
		{ "at", "\"@SUM(1)\"", "\"'@SUM(1)\"" },
		{ "tab", "\"\\tx\"", "\"'\tx\"" },
		{ "CR", "\"\\rx\"", "\"'\rx\"" },
		{ "wide equals",
		    "\"\xef\xbc\x9d"
		    "1\"",
		    "\"'\xef\xbc\x9d"
		    "1\"" },
		{ "wide plus",
		    "\"\xef\xbc\x8b"
		    "1\"",
		    "\"'\xef\xbc\x8b"
		    "1\"" },
		{ "wide minus",
		    "\"\xef\xbc\x8d"
		    "1\"",
		    "\"'\xef\xbc\x8d"
		    "1\"" },
		{ "wide at",
		    "\"\xef\xbc\xa0"
		    "x\"",
		    "\"'\xef\xbc\xa0"
		    "x\"" },
		{ "a blank, then equals", "\" =1\"", "\"' =1\"" },
		{ "two blanks, then at", "\"  @x\"", "\"'  @x\"" },
		{ "a newline, then equals", "\"\\n=1\"", "\"'\n=1\"" },
		{ "a no-break space, then equals", "\"\\u00a0=1\"",
		    "\"'\xc2\xa0=1\"" },
		{ "in the middle", "\"a=1\"", "\"a=1\"" },
		{ "behind a quotation mark", "\"\\\"=1\"", "\"\"\"=1\"" },
		{ "several lines", "\"a\\nb\"", "\"a\nb\"" },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++)
		subject_is(t[i].name, t[i].json, t[i].want);
}

static void
test_what_is_too_long_or_no_json_fails(void **state)
{
	struct sp_buf b;
	struct sp_err err;

	(void)state;
	sp_buf_init(&b, 64);
	assert_int_equal(
	    sp_loadfile_row("{\"seq\":7}", 7, &b, &err), SP_ELIMIT);
	assert_non_null(strstr(err.msg, "entry 7"));
	sp_buf_done(&b);
	sp_buf_init(&b, 4096);
	assert_int_not_equal(sp_loadfile_row("{\"seq\":", 7, &b, &err), SP_OK);
	sp_buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_head_names_the_columns),
		cmocka_unit_test(test_a_row_has_every_fact_of_a_message),
		cmocka_unit_test(test_no_cell_is_a_formula),
		cmocka_unit_test(test_what_is_too_long_or_no_json_fails),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
