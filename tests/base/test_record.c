/* Records and entry lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/enc.h"
#include "base/json.h"
#include "base/line.h"
#include "base/record.h"
#include "base/sha256.h"

static struct sp_stamp
stamp(void)
{
	struct sp_stamp st = { .seq = 18431,
		.size = 5,
		.received = INT64_C(1795451462123456),
		.clock = INT64_C(1795451462123456),
		.by = "sealpost test" };

	memset(st.salt, 1, sizeof(st.salt));
	memset(st.msalt, 2, sizeof(st.msalt));
	sp_sha256_once("hello", 5, st.sha256);
	return (st);
}

static void
test_a_record_says_what_was_observed_and_reads_back(void **state)
{
	static const struct sp_view params[] = { { "BODY=8BITMIME", 13 } };
	static const char *const flags[] = { "bare_lf" };
	static const char want[] =
	    "{\"v\":1,\"seq\":18431,\"kind\":\"message\","
	    "\"received\":\"2026-11-23T16:31:02.123456Z\","
	    "\"salt\":\"AQEBAQEBAQEBAQEBAQEBAQ==\","
	    "\"message\":{\"size\":5,\"sha256\":\"2cf24dba5fb0a30e26e83b2ac5b9"
	    "e29e1b161e5c1fa7425e73043362938b9824\","
	    "\"salt\":\"AgICAgICAgICAgICAgICAg==\"},"
	    "\"envelope\":{\"from\":\"a\\\"b@x\",\"from_params\":["
	    "\"BODY=8BITMIME\"],\"to\":[{\"addr\":{\"b64\":\"/0B4\"}}],"
	    "\"refused\":[{\"addr\":\"c@x\",\"reply\":\"550 5.1.1 no\"}]},"
	    "\"source\":{\"via\":\"smtp\",\"grade\":\"witnessed\"},"
	    "\"flags\":[\"bare_lf\"],\"by\":\"sealpost test\"}";
	const struct sp_rcpt to = { .addr = { "\xff@x", 3 } };
	const struct sp_rcpt no = { .addr = { "c@x", 3 },
		.reply = { "550 5.1.1 no", 12 } };
	const struct sp_facts f = { .from = { "a\"b@x", 5 },
		.has_envelope = true,
		.from_params = params,
		.nfrom_params = 1,
		.to = &to,
		.nto = 1,
		.refused = &no,
		.nrefused = 1,
		.source =
		    SP_VIEW_LIT("\"via\":\"smtp\",\"grade\":\"witnessed\""),
		.flags = flags,
		.nflags = 1 };
	struct sp_stamp st = stamp();
	struct sp_record r;
	struct sp_err err;
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, SP_RECORD_MAX);
	assert_int_equal(sp_record_format_message(&b, &st, &f), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), want);
	assert_int_equal(sp_record_parse(sp_buf_view(&b), &r, &err), SP_OK);
	assert_true(r.seq == 18431 && r.kind == SP_KIND_MESSAGE);
	assert_true(r.received == st.received && r.size == 5);
	assert_memory_equal(r.sha256, st.sha256, sizeof(r.sha256));
	assert_memory_equal(r.msalt, st.msalt, sizeof(r.msalt));
	assert_string_equal(r.grade, "witnessed");
	assert_string_equal(r.via, "smtp");
	sp_record_done(&r);
	sp_buf_done(&b);
}

static void
test_a_record_at_its_limit_is_taken_and_one_more_is_not(void **state)
{
	const struct sp_event ev = { .name = "config" };
	struct sp_stamp st = stamp();
	struct sp_buf b;
	size_t n;

	(void)state;
	sp_buf_init(&b, SP_RECORD_MAX);
	assert_int_equal(sp_record_format_event(&b, &st, &ev), SP_OK);
	n = b.n;
	sp_buf_done(&b);
	sp_buf_init(&b, n);
	assert_int_equal(sp_record_format_event(&b, &st, &ev), SP_OK);
	sp_buf_done(&b);
	sp_buf_init(&b, n - 1);
	assert_int_equal(sp_record_format_event(&b, &st, &ev), SP_ELIMIT);
	sp_buf_done(&b);
}

static void
test_what_is_not_a_record_is_refused(void **state)
{
	static const struct {
		const char *name, *text;
		enum sp_code want;
	} rows[] = {
		{ "empty", "", SP_EFORMAT },
		{ "no JSON", "{", SP_EFORMAT },
		{ "array", "[1]", SP_EFORMAT },
		{ "twice", "{\"v\":1,\"v\":1}", SP_EFORMAT },
		{ "newer", "{\"v\":2}", SP_EVERSION },
		{ "no seq", "{\"v\":1}", SP_EFORMAT },
		{ "negative seq", "{\"v\":1,\"seq\":-1}", SP_EFORMAT },
		{ "behind it", "{\"v\":1} x", SP_EFORMAT },
		{ "event without a name",
		    "{\"v\":1,\"seq\":1,\"kind\":\"event\",\"received\":"
		    "\"2026-11-23T16:31:02.123456Z\",\"salt\":"
		    "\"AQEBAQEBAQEBAQEBAQEBAQ==\"}",
		    SP_EFORMAT },
	};
	struct sp_record r;
	struct sp_err err;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		enum sp_code got =
		    sp_record_parse(sp_view_str(rows[i].text), &r, &err);

		if (got != rows[i].want)
			fail_msg("%s: got %d want %d", rows[i].name, (int)got,
			    (int)rows[i].want);
		assert_true(err.msg[0] != '\0');
	}
}

static void
test_a_line_has_one_form_only(void **state)
{
	struct sp_line l = { .seq = 18431,
		.kind = SP_KIND_MESSAGE,
		.received = INT64_C(1795451462123456),
		.has_message = true };
	struct sp_line back;
	char text[SP_LINE_MAX], bad[SP_LINE_MAX + 8];
	struct sp_err err;
	size_t n;

	(void)state;
	memset(l.record, 7, sizeof(l.record));
	memset(l.message, 9, sizeof(l.message));
	n = sp_line_format(&l, text);
	assert_int_equal(n, strlen(text));
	assert_int_equal(
	    sp_line_parse(sp_view_mem(text, n), &back, &err), SP_OK);
	assert_memory_equal(&l.record, &back.record, sizeof(l.record));
	assert_true(back.seq == l.seq && back.received == l.received);
	/* Cut anywhere, or with anything behind it, it is no line. */
	for (size_t k = 0; k < n; k++)
		assert_int_not_equal(
		    sp_line_parse(sp_view_mem(text, k), &back, &err), SP_OK);
	for (const char *more = " \n0A"; *more != '\0'; more++) {
		(void)snprintf(bad, sizeof(bad), "%s%c", text, *more);
		assert_int_not_equal(
		    sp_line_parse(sp_view_str(bad), &back, &err), SP_OK);
	}
	/* A seq with a leading zero would be a second form. */
	(void)snprintf(bad, sizeof(bad), "sealpost/entry/v1 0%s",
	    text + strlen("sealpost/entry/v1 "));
	assert_int_equal(
	    sp_line_parse(sp_view_str(bad), &back, &err), SP_EFORMAT);
	text[strlen("sealpost/entry/v")] = '2';
	assert_int_equal(
	    sp_line_parse(sp_view_mem(text, n), &back, &err), SP_EVERSION);
}

static void
test_json_escapes_and_keeps_bytes(void **state)
{
	struct sp_json j;
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 1000);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_str(&j, "a", sp_view_mem("\x01\"\\\n\xc3\xa4\x7f", 7));
	sp_json_str(&j, "b", sp_view_mem("x\0y", 3));
	sp_json_arr(&j, "c");
	sp_json_u64(&j, NULL, UINT64_MAX);
	sp_json_i64(&j, NULL, -5);
	sp_json_null(&j, NULL);
	sp_json_bool(&j, NULL, true);
	sp_json_arr_end(&j);
	sp_json_hex(&j, "d", "\x0f", 1);
	sp_json_obj_end(&j);
	assert_int_equal(sp_json_end(&j), SP_OK);
	assert_string_equal(sp_buf_cstr(&b),
	    "{\"a\":\"\\u0001\\\"\\\\\\n\xc3\xa4\\u007f\",\"b\":{\"b64\":"
	    "\"eAB5\"},\"c\":[18446744073709551615,-5,null,true],\"d\":"
	    "\"0f\"}");
	sp_buf_done(&b);
}

/* A value that was read is written in our form, whatever the writer before. */
static void
test_json_that_was_read_is_written_in_one_form(void **state)
{
	static const char in[] =
	    "{ \"b\": \"\\u001B\\u007f\\b\\/\303\251\", \"a\": [1, -2, true, null, {}], "
	    "\"k\\\"\": {\"b64\": \"AA==\"}, \"f\": 1.5 }";
	static const char want[] =
	    "{\"b\":\"\\u001b\\u007f\\u0008/\303\251\",\"a\":[1,-2,true,null,{}],"
	    "\"k\\\"\":{\"b64\":\"AA==\"},\"f\":1.5}";
	struct sp_buf b;
	struct sp_json j;
	struct sp_err err;
	json_t *v = NULL;

	(void)state;
	assert_int_equal(sp_json_load(sp_view_str(in), &v, &err), SP_OK);
	sp_buf_init(&b, 4096);
	sp_json_init(&j, &b);
	sp_json_value(&j, NULL, v);
	assert_int_equal(sp_json_end(&j), SP_OK);
	assert_string_equal(sp_buf_cstr(&b), want);
	json_decref(v);
	sp_buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_record_says_what_was_observed_and_reads_back),
		cmocka_unit_test(
		    test_a_record_at_its_limit_is_taken_and_one_more_is_not),
		cmocka_unit_test(test_what_is_not_a_record_is_refused),
		cmocka_unit_test(test_a_line_has_one_form_only),
		cmocka_unit_test(test_json_escapes_and_keeps_bytes),
		cmocka_unit_test(
		    test_json_that_was_read_is_written_in_one_form),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
