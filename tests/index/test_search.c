/* Queries over a small archive: what is found, in which order. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "tests/index/kit.h"

#define SMTP	    "\"via\":\"smtp\",\"grade\":\"witnessed\""
#define POP	    "\"via\":\"pop3\",\"grade\":\"pulled\""
#define FILE_SOURCE "\"via\":\"import\",\"grade\":\"imported\""

/* Each message has a letter; 'a' is the oldest. */
static const struct {
	char letter;
	const char *time, *from, *to, *source, *flag, *text;
} mails[] = {
	{ 'a', "2026-10-31T23:59:50Z", "alice@corp.example",
	    "bob@corp.example dora@corp.example", SMTP, NULL,
	    "From: Alice Smith <Alice@Corp.example>\r\n"
	    "To: Bob Brown <bob@corp.example>\r\n"
	    "Subject: Third quarter invoice\r\n"
	    "Message-ID: <q3@corp.example>\r\n"
	    "Date: Sat, 31 Oct 2026 20:00:00 -0400\r\n\r\n"
	    "The invoice for the third quarter is attached to the next mail."
	    "\r\n" },
	{ 'b', "2026-11-01T00:00:05Z", "bounce-77@lists.example",
	    "bob@corp.example", SMTP, "bare_lf",
	    "From: =?utf-8?Q?J=C3=B6rg_M=C3=BCller?= <joerg@lists.example>\r\n"
	    "To: everyone@lists.example\r\nCc: Alice <alice@corp.example>\r\n"
	    "Subject: Meeting on Monday\r\n"
	    "Message-ID: <m1@lists.example>\r\n"
	    "Date: Sun, 1 Nov 2026 00:00:01 +0000\r\n\r\n"
	    "No invoice here.  We meet in the cafe (caf\x65).\r\n" },
	{ 'c', "2026-11-02T09:00:00Z", "", "carol@other.example",
	    SMTP ",\"claimed\":{\"xforward\":{\"name\":\"mx1.corp.example\","
		 "\"addr\":\"192.0.2.9\",\"port\":\"25\",\"ident\":"
		 "\"4Ws2kq0\"},\"proxy\":{\"src\":\"[2001:db8::7]:99\"},"
		 "\"milter\":{\"macros\":{\"deep\":{\"x\":\"mx9\"}}}}",
	    NULL,
	    "From: Mail Delivery System <MAILER-DAEMON@mx.example>\r\n"
	    "To: carol@other.example\r\nSubject: Undelivered mail\r\n"
	    "Date: Mon, 2 Nov 2026 09:00:00 +0000\r\n\r\n"
	    "The third attempt failed; a quarter of an hour later too.\r\n" },
	{ 'd', "2026-11-02T10:00:00Z", "alice@corp.example",
	    "journal+Eve=x.example@archive.example>Eve@x.example "
	    "journal@archive.example|ORCPT=rfc822;frank+2Bx@y.example "
	    "bob@corp.example|ORCPT=rfc822;bob@corp.example",
	    SMTP, NULL,
	    "From: alice@corp.example\r\nTo: bob@corp.example\r\n"
	    "Subject: The files\r\nMessage-ID: <files@corp.example>\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n"
	    "--=_b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n"
	    "--=_b\r\nContent-Type: text/csv\r\n"
	    "Content-Disposition: attachment; filename=\"Q3 table.csv\"\r\n"
	    "\r\na,b\r\n1,2\r\n--=_b--\r\n" },
	{ 'e', "2026-11-03T10:00:00Z", NULL, "", POP, NULL,
	    "From: \xe4\xba\xac\xe9\x83\xbd <kyoto@jp.example>\r\n"
	    "To: bob@corp.example\r\n"
	    "Subject: \xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd\xe3\x81\xae"
	    "\xe8\xab\x8b\xe6\xb1\x82\xe6\x9b\xb8\r\n"
	    "Date: Tue, 3 Nov 2026 19:00:00 +0900\r\n\r\n"
	    "body text with X\xe7\xb7\x9a\xe6\xa4\x9c\xe6\x9f\xbb.\r\n" },
	{ 'f', "2026-12-01T00:00:00Z", NULL, "", FILE_SOURCE, NULL,
	    "From: archive@old.example\r\nTo: dora@corp.example\r\n"
	    "Subject: Re: invoice of 2019\r\n"
	    "Date: Wed, 6 Mar 2019 12:00:00 +0100\r\n\r\n"
	    "invoices and invoicing; paid in full.\r\n" },
	{ 'g', "2026-12-01T00:00:01Z", "alice@corp.example", "bob@corp.example",
	    SMTP, NULL, "no header at all" },
};

static uint64_t seq_of[SP_COUNTOF(mails)];

static int
setup(void **state)
{
	struct kit *k = sp_xcalloc(1, sizeof(*k));

	kit_init(k, "2026-10-31T23:59:40Z");
	for (size_t i = 0; i < SP_COUNTOF(mails); i++) {
		kit_clock(k, mails[i].time);
		seq_of[i] = kit_add_with(k, mails[i].text, mails[i].from,
		    mails[i].to, mails[i].source, mails[i].flag);
	}
	kit_index(k);
	*state = k;
	return (0);
}

static int
teardown(void **state)
{
	kit_done(*state);
	free(*state);
	return (0);
}

/* Seqs as letters. */
static const char *
letters(const char *seqs)
{
	static char out[KIT_TEXT];
	struct sp_view rest = sp_view_str(seqs);
	size_t n = 0;

	if (seqs[0] == '!')
		return (seqs);
	while (rest.n > 0) {
		uint64_t seq = 0;

		assert_true(sp_view_u64(sp_view_cut(&rest, ' '), &seq));
		for (size_t i = 0; i < SP_COUNTOF(mails); i++)
			if (seq_of[i] == seq)
				out[n++] = mails[i].letter;
	}
	out[n] = '\0';
	return (out);
}

static const struct {
	const char *query, *want;
} table[] = {
	{ "", "gfedcba" },
	{ "invoice", "fba" },
	{ "INVOICE", "fba" },
	{ "invoice quarter", "a" },
	{ "third quarter", "ca" },
	{ "\"third quarter\"", "a" },
	{ "\"quarter third\"", "" },
	{ "invoic*", "fba" },
	{ "\"third quart\"*", "a" },
	{ "invoice OR files", "fdba" },
	{ "invoice -quarter", "fb" },
	{ "-invoice", "gedc" },
	{ "-invoice -grade:pulled", "gdc" },
	{ "(invoice OR files) -has:attachment", "fba" },
	{ "NOT (invoice OR files OR third)", "ge" },
	{ "from:alice@corp.example", "da" },
	{ "from:ALICE@CORP.EXAMPLE", "da" },
	{ "from:alice", "da" },
	{ "from:smith", "a" },
	{ "from:\"alice smith\"", "a" },
	{ "from:alice@corp", "" },
	{ "from:alice@corp*", "da" },
	{ "from:@corp.example", "da" },
	{ "from:@example", "" },
	{ "from:corp", "da" },
	{ "from:muller", "b" },
	{ "from:m\xc3\xbcller", "b" },
	{ "to:bob@corp.example", "eda" },
	{ "to:bob", "eda" },
	{ "cc:alice@corp.example", "b" },
	{ "bcc:bob", "" },
	{ "rcpt:dora@corp.example", "fa" },
	{ "rcpt:bob@corp.example", "gedba" },
	{ "rcpt:@lists.example", "b" },
	{ "envelope-from:<>", "c" },
	{ "envelope-from:@lists.example", "b" },
	{ "envelope-from:bounce*", "b" },
	{ "envelope-to:dora@corp.example", "a" },
	/* whom a pattern gave; what was received; what came first */
	{ "envelope-to:eve@x.example", "d" },
	{ "rcpt:eve@x.example", "d" },
	{ "rcpt:@x.example", "d" },
	{ "to:eve@x.example", "" },
	{ "envelope-to:journal+eve=x.example@archive.example", "d" },
	{ "rcpt:journal+eve=x.example@archive.example", "d" },
	{ "envelope-to:@archive.example", "d" },
	{ "rcpt:frank+x@y.example", "d" },
	{ "envelope-to:frank+x@y.example", "" },
	{ "subject:invoice", "fa" },
	{ "body:invoice", "ba" },
	{ "subject:(invoice OR files)", "fda" },
	{ "filename:table", "d" },
	{ "filename:\"q3 table.csv\"", "d" },
	{ "filename:csv from:alice", "d" },
	{ "type:csv", "d" },
	{ "type:text/csv", "d" },
	{ "type:text", "d" },
	{ "type:tex*", "d" },
	{ "type:pdf", "" },
	{ "has:attachment", "d" },
	{ "larger:320", "d" },
	{ "smaller:20", "g" },
	{ "smaller:20 OR has:attachment", "gd" },
	{ "invoice smaller:1K", "fba" },
	{ "msgid:q3@corp.example", "a" },
	{ "msgid:<q3@corp.example>", "a" },
	{ "msgid:<Q3@corp.example>", "" },
	{ "grade:witnessed", "gdcba" },
	{ "grade:pulled", "e" },
	{ "grade:imported", "f" },
	{ "via:pop3", "e" },
	{ "via:smtp invoice", "ba" },
	{ "flag:bare_lf", "b" },
	{ "claimed:192.0.2.9", "c" },
	{ "claimed:MX1.Corp.example", "c" },
	{ "claimed:mx1*", "c" },
	{ "claimed:2001:db8::7", "c" },
	{ "claimed:4Ws2kq0", "c" },
	{ "claimed:25", "c" },
	{ "claimed:mx9", "" },
	{ "4Ws2kq0", "" },
	{ "date:2019", "f" },
	{ "date:2026-11-01", "ba" },
	{ "date:2026-11-01 invoice", "ba" },
	{ "date:2026-10-31", "" },
	{ "after:2026-11-03", "e" },
	{ "before:2020", "f" },
	{ "date:2019..2020", "f" },
	{ "-after:2026", "gfd" },
	{ "received:2026-10-31", "a" },
	{ "received:2026-11", "edcb" },
	{ "received:2026-11-02..2026-11-03", "edc" },
	{ "received:2026-11-01T00:00:05Z", "b" },
	{ "received:..2026-11-01", "ba" },
	{ "received:2026-12..", "gf" },
	{ "invoice received:2026-11..", "fb" },
	{ "received:2026-10 OR received:2026-12", "gfa" },
	{ "-received:2026-11", "gfa" },
	{ "\xe4\xba\xac\xe9\x83\xbd", "e" },
	{ "subject:\xe4\xba\xac\xe9\x83\xbd", "e" },
	{ "\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd", "e" },
	{ "\xe4\xba\xac", "e" },
	{ "\xe6\x9b\xb8", "e" },
	{ "\xe9\x83\xbd\xe4\xba\xac", "" },
	{ "X\xe7\xb7\x9a", "e" },
	{ "from:\xe4\xba\xac\xe9\x83\xbd", "e" },
	{ "mm* OR zz*", "" },
	{ "alice@corp.example", "gdba" },
	/* no verbatim token is found by words */
	{ "g* -invoice -files -alice -corp -mail -body -header", "" },
	{ "witnessed", "" },
};

static void
test_a_query_finds_these_messages_newest_first(void **state)
{
	struct kit *k = *state;
	unsigned wrong = 0;

	for (size_t i = 0; i < SP_COUNTOF(table); i++) {
		const char *got = letters(kit_ask(k, table[i].query));

		if (strcmp(got, table[i].want) != 0) {
			print_error("%s: got \"%s\", want \"%s\"\n",
			    table[i].query, got, table[i].want);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static const char *
ask(struct kit *k, struct sp_search_opts o)
{
	return (letters(kit_ask_with(k, &o)));
}

static int64_t
at(const char *time)
{
	int64_t from, end;
	struct sp_err err;

	sp_must(sp_time_parse_human(time, NULL, 0, &from, &end, &err), &err);
	return (from);
}

static void
test_options_narrow_and_order_what_is_found(void **state)
{
	struct kit *k = *state;

	assert_string_equal(
	    ask(k, (struct sp_search_opts){ .query = "", .limit = 3 }), "gfe");
	assert_string_equal(ask(k, (struct sp_search_opts){ .query = "",
				       .limit = 3,
				       .oldest_first = true }),
	    "abc");
	assert_string_equal(ask(k, (struct sp_search_opts){ .query = "invoice",
				       .have_since = true,
				       .since = at("2026-11-01T00:00:05Z") }),
	    "fb");
	assert_string_equal(ask(k, (struct sp_search_opts){ .query = "invoice",
				       .have_until = true,
				       .until = at("2026-11-01T00:00:05Z") }),
	    "a");
	assert_string_equal(ask(k, (struct sp_search_opts){ .query = "",
				       .max_seq = seq_of[2] }),
	    "ba");
	assert_string_equal(
	    ask(k, (struct sp_search_opts){ .query = "date:2019..",
		       .sort = SP_SORT_DATE }),
	    "ecbaf");
	assert_string_equal(
	    ask(k,
		(struct sp_search_opts){
		    .query = "date:2019..", .sort = SP_SORT_DATE, .limit = 2 }),
	    "ec");
	assert_string_equal(
	    ask(k,
		(struct sp_search_opts){
		    .query = "received:2026-11 (invoice OR mail OR quarter)",
		    .sort = SP_SORT_RELEVANCE,
		    .limit = 1 }),
	    "c");
}

static enum sp_code
stop_at_two(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	unsigned *n = ctx;

	(void)hit;
	(void)err;
	return (++*n == 2 ? SP_EEND : SP_OK);
}

static void
test_the_total_counts_what_is_not_given_too(void **state)
{
	struct kit *k = *state;
	struct sp_search_opts o = { .query = "invoice", .limit = 1 };
	struct sp_search_result r = { 0 };
	unsigned n = 0;

	assert_int_equal(sp_search(k->fx.dir, &o, NULL, NULL, &r, NULL), SP_OK);
	assert_int_equal(r.total, 3);
	assert_int_equal(r.returned, 1);
	assert_int_equal(r.cursor, seq_of[SP_COUNTOF(mails) - 1] + 1);
	o.sort = SP_SORT_DATE;
	assert_int_equal(sp_search(k->fx.dir, &o, NULL, NULL, &r, NULL), SP_OK);
	assert_int_equal(r.total, 3);
	o = (struct sp_search_opts){ .query = "-invoice", .count_only = true };
	assert_int_equal(sp_search(k->fx.dir, &o, NULL, NULL, &r, NULL), SP_OK);
	assert_int_equal(r.total, 4);
	assert_int_equal(r.returned, 0);
	o = (struct sp_search_opts){ .query = "" };
	assert_int_equal(
	    sp_search(k->fx.dir, &o, stop_at_two, &n, &r, NULL), SP_OK);
	assert_int_equal(n, 2);
}

static void
test_digests_find_messages_and_attachments(void **state)
{
	struct kit *k = *state;
	uint8_t digest[SP_SHA256_LEN];
	char hex[2 * SP_SHA256_LEN + 1], query[128];

	sp_sha256_once(mails[2].text, strlen(mails[2].text), digest);
	sp_hex_encode(digest, sizeof(digest), hex);
	(void)snprintf(query, sizeof(query), "sha256:%s", hex);
	assert_string_equal(letters(kit_ask(k, query)), "c");
	(void)snprintf(query, sizeof(query), "sha256:%.8s", hex);
	assert_string_equal(letters(kit_ask(k, query)), "c");
	/* The line end before a boundary belongs to the boundary. */
	sp_sha256_once("a,b\r\n1,2", 8, digest);
	sp_hex_encode(digest, sizeof(digest), hex);
	(void)snprintf(query, sizeof(query), "attachment-sha256:%s", hex);
	assert_string_equal(letters(kit_ask(k, query)), "d");
}

static json_t *
row(struct kit *k, size_t which)
{
	char *rows = kit_rows(k), *line = rows, *end;
	json_t *j = NULL;

	for (; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		json_decref(j);
		j = json_loadb(
		    line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(j);
		if ((uint64_t)json_integer_value(json_object_get(j, "seq")) ==
		    seq_of[which])
			break;
	}
	free(rows);
	return (j);
}

static void
has(const json_t *j, const char *key, const char *want)
{
	char *got =
	    json_dumps(json_object_get(j, key), JSON_COMPACT | JSON_ENCODE_ANY);

	if (got == NULL || strcmp(got, want) != 0)
		fail_msg("%s: got %s, want %s", key, got, want);
	free(got);
}

static void
test_a_row_has_all_the_facts(void **state)
{
	struct kit *k = *state;
	json_t *j = row(k, 0);

	has(j, "received", "\"2026-10-31T23:59:50.000000Z\"");
	has(j, "date", "\"2026-10-31T20:00:00-04:00\"");
	has(j, "grade", "\"witnessed\"");
	has(j, "via", "\"smtp\"");
	has(j, "message_id", "\"q3@corp.example\"");
	has(j, "subject", "\"Third quarter invoice\"");
	has(j, "from",
	    "[{\"name\":\"Alice Smith\",\"addr\":\"Alice@Corp.example\"}]");
	has(j, "to",
	    "[{\"name\":\"Bob Brown\",\"addr\":\"bob@corp.example\"}]");
	has(j, "cc", "null");
	has(j, "bcc", "null");
	has(j, "reply_to", "null");
	has(j, "envelope_from", "\"alice@corp.example\"");
	has(j, "envelope_to", "[\"bob@corp.example\",\"dora@corp.example\"]");
	has(j, "attachments", "[]");
	json_decref(j);
	j = row(k, 2);
	has(j, "envelope_from", "\"\"");
	json_decref(j);
	j = row(k, 3);
	has(j, "date", "null");
	has(j, "envelope_to",
	    "[\"Eve@x.example\",\"journal@archive.example\","
	    "\"bob@corp.example\"]");
	assert_string_equal(
	    json_string_value(json_object_get(
		json_array_get(json_object_get(j, "attachments"), 0), "name")),
	    "Q3 table.csv");
	json_decref(j);
	j = row(k, 4);
	has(j, "envelope_from", "null");
	has(j, "envelope_to", "[]");
	has(j, "date", "\"2026-11-03T19:00:00+09:00\"");
	json_decref(j);
	j = row(k, 1);
	assert_non_null(strstr(
	    json_string_value(json_array_get(json_object_get(j, "flags"), 0)),
	    "bare_lf"));
	json_decref(j);
}

static void
many(
    struct kit *k, const char *lead, size_t n, const char *one, const char *end)
{
	struct sp_buf b;

	sp_buf_init(&b, (size_t)64 << 10);
	if (sp_buf_adds(&b, lead) != SP_OK)
		abort();
	for (size_t i = 0; i < n; i++)
		if (sp_buf_adds(&b, one) != SP_OK)
			abort();
	if (sp_buf_adds(&b, "invoice") != SP_OK)
		abort();
	for (size_t i = 0; i < n; i++)
		if (sp_buf_adds(&b, end) != SP_OK)
			abort();
	if (kit_ask(k, sp_buf_cstr(&b))[0] == '!')
		fail_msg("%s\n%s", b.p, kit_ask(k, b.p));
	sp_buf_done(&b);
}

static void
test_what_the_parser_allows_sqlite_takes_too(void **state)
{
	struct kit *k = *state;

	many(k, "", 899, "a ", "");
	many(k, "", 899, "a OR ", "");
	many(k, "", 899, "larger:1 ", "");
	many(k, "", 7, "(a OR (b ", "))");
	many(k, "", 3, "(a OR -(b -", "))");
	many(k, "", 4, "(larger:1 OR -(b ", "))");
	many(k, "", 7, "(larger:1 OR (b ", "))");
	many(k, "", 400, "(larger:1 b) OR ", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_query_finds_these_messages_newest_first),
		cmocka_unit_test(test_options_narrow_and_order_what_is_found),
		cmocka_unit_test(test_the_total_counts_what_is_not_given_too),
		cmocka_unit_test(test_digests_find_messages_and_attachments),
		cmocka_unit_test(test_a_row_has_all_the_facts),
		cmocka_unit_test(test_what_the_parser_allows_sqlite_takes_too),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
