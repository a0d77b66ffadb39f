/*
 * The small parts of the verifier: collecting findings, sets of sequence
 * numbers, and what events of the log say of purges and certificates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "journal/verify/verify_priv.h"

static void
test_spans_are_found_whatever_their_order(void **state)
{
	struct sp_seq_spans s = { NULL, 0, 0 };
	struct sp_err err;

	(void)state;
	assert_false(sp_spans_has(&s, 0));
	assert_int_equal(sp_spans_add(&s, 10, 12, &err), SP_OK);
	assert_int_equal(sp_spans_add(&s, 12, 14, &err), SP_OK);
	assert_int_equal(s.n, 1);
	assert_int_equal(sp_spans_add(&s, 3, 4, &err), SP_OK);
	assert_int_equal(sp_spans_add(&s, 13, 20, &err), SP_OK);
	sp_spans_sort(&s);
	assert_int_equal(s.n, 2);
	for (uint64_t i = 0; i < 25; i++)
		assert_int_equal(
		    sp_spans_has(&s, i), i == 3 || (i >= 10 && i < 20));
	sp_spans_done(&s);
}

struct seen {
	char text[1024];
	unsigned n;
};

static void
record(void *ctx, const char *kind, const char *where, const char *why)
{
	struct seen *s = ctx;
	size_t n = strlen(s->text);

	s->n++;
	(void)snprintf(
	    s->text + n, sizeof(s->text) - n, "%s|%s|%s;", kind, where, why);
}

static void
test_the_first_finding_of_each_kind_is_reported_and_the_rest_counted(
    void **state)
{
	struct sp_verify_found a = { 0 }, b = { 0 };
	struct seen s = { .n = 0 };
	const struct sp_verify_opts o = { .finding = record, .ctx = &s };

	(void)state;
	sp_verify_found_add(&a, "record", "x", "first %d", 1);
	sp_verify_found_add(&b, "record", "y", "second");
	sp_verify_found_add(&b, "line", "z\n\x1b[2J", "third");
	sp_verify_found_merge(&a, &b);
	assert_int_equal(b.total, 0);
	assert_int_equal(a.total, 3);
	sp_verify_found_report(&a, &o);
	assert_int_equal(s.n, 2);
	/* Control bytes of a hostile name never reach a terminal. */
	assert_string_equal(s.text,
	    "record|x|first 1 (and 1 more of this kind);line|z??[2J|third;");
	sp_verify_found_done(&a);
}

static void
test_a_failing_disk_is_not_a_finding(void **state)
{
	static const struct {
		enum sp_code code;
		bool finding;
	} t[] = {
		{ SP_EFORMAT, true },
		{ SP_EMISMATCH, true },
		{ SP_ENOTFOUND, true },
		{ SP_ELIMIT, true },
		{ SP_EIO, false },
		{ SP_ENOSPC, false },
		{ SP_EVERSION, false },
		{ SP_EINTERRUPT, false },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		struct sp_verify_found f = { 0 };
		struct sp_err err;
		enum sp_code rc;

		(void)sp_err_set(&err, t[i].code, 0, "why");
		rc = sp_verify_found_code(&f, "x", "y", t[i].code, &err);
		assert_int_equal(rc, t[i].finding ? SP_OK : t[i].code);
		assert_int_equal(f.total, t[i].finding ? 1 : 0);
		sp_verify_found_done(&f);
	}
}

/* The event ${seq} with this name and detail, as the log would have it. */
static void
add_event(struct sp_verify_said *s, struct sp_verify_found *f, uint64_t seq,
    const char *name, const char *detail)
{
	struct sp_stamp st = { .seq = seq, .by = "test" };
	struct sp_event ev = { .name = name, .detail = sp_view_str(detail) };
	struct sp_record r;
	struct sp_err err;
	struct sp_buf b;

	sp_buf_init(&b, SP_RECORD_MAX);
	assert_int_equal(sp_record_format_event(&b, &st, &ev), SP_OK);
	assert_int_equal(sp_record_parse(sp_buf_view(&b), &r, &err), SP_OK);
	assert_int_equal(sp_verify_said_event(s, &r, "here", f, &err), SP_OK);
	sp_record_done(&r);
	sp_buf_done(&b);
}

static void
test_a_purge_explains_only_what_came_before_it(void **state)
{
	struct sp_verify_said s = { .init = false };
	struct sp_verify_found f = { 0 };

	(void)state;
	add_event(&s, &f, 0, "init", "{\"origin\":\"a\"}");
	assert_true(s.init);
	add_event(&s, &f, 9, "purge",
	    "{\"drop\":\"message\",\"entries\":[[1,3],[5,5]]}");
	add_event(
	    &s, &f, 10, "purge", "{\"drop\":\"record\",\"entries\":[[7,7]]}");
	assert_int_equal(f.total, 0);
	assert_true(sp_spans_has(&s.purged, 3));
	assert_true(sp_spans_has(&s.purged, 7));
	assert_false(sp_spans_has(&s.purged, 4));
	assert_false(sp_spans_has(&s.erased, 3));
	assert_true(sp_spans_has(&s.erased, 7));
	add_event(&s, &f, 11, "purge",
	    "{\"drop\":\"message\",\"entries\":[[10,11]]}");
	assert_int_equal(f.total, 1);
	add_event(
	    &s, &f, 12, "purge", "{\"drop\":\"message\",\"entries\":[[3]]}");
	add_event(
	    &s, &f, 13, "purge", "{\"drop\":\"message\",\"entries\":[[5,4]]}");
	assert_int_equal(f.total, 3);
	assert_false(sp_spans_has(&s.purged, 11));
	sp_verify_found_done(&f);
	sp_verify_said_done(&s);
}

static void
test_only_certificates_that_the_log_names_count(void **state)
{
	struct sp_verify_said s = { .init = false };
	struct sp_verify_found f = { 0 };

	(void)state;
	add_event(
	    &s, &f, 0, "init", "{\"origin\":\"a\",\"seal_crt\":\"ONE\\n\"}");
	add_event(&s, &f, 4, "search", "{\"seal_crt\":\"EVIL\\n\"}");
	add_event(&s, &f, 5, "key", "{\"seal_crt\":\"TWO\\n\"}");
	sp_verify_said_certs(&s, SP_VIEW_LIT("ONE\n"), "x", &f);
	sp_verify_said_certs(&s, SP_VIEW_LIT("TWO\nONE\n"), "x", &f);
	assert_int_equal(f.total, 0);
	sp_verify_said_certs(&s, SP_VIEW_LIT("ONE\nEVIL\n"), "x", &f);
	sp_verify_said_certs(&s, SP_VIEW_LIT(""), "x", &f);
	sp_verify_said_certs(&s, SP_VIEW_LIT("ONE"), "x", &f);
	assert_int_equal(f.total, 3);
	sp_verify_found_done(&f);
	sp_verify_said_done(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans_are_found_whatever_their_order),
		cmocka_unit_test(
		    test_the_first_finding_of_each_kind_is_reported_and_the_rest_counted),
		cmocka_unit_test(test_a_failing_disk_is_not_a_finding),
		cmocka_unit_test(
		    test_a_purge_explains_only_what_came_before_it),
		cmocka_unit_test(
		    test_only_certificates_that_the_log_names_count),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
