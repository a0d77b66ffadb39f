/* What a file is: by its bytes, its name, its place; the parsers of Apple Mail
 * and Dovecot, cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/import/import_dbox.h"
#include "journal/import/import_emlx.h"
#include "journal/import/import_kind.h"
#include "journal/import/import_priv.h"
#include "journal/import/import_refused.h"

#define MAIL "From: ann@corp.example\nSubject: x\n\ny\n"
#define FROM "From ann@corp.example Mon Jan  5 10:00:00 2026\n"
#define OLE  "\320\317\021\340\241\261\032\341 and more"
#define DBOX "2 M1e C695b9e40\n\001\002N"
#define B(s) (s), sizeof(s) - 1
#define K(k) SP_IMPORT_KIND_##k

static const struct {
	const char *path, *p;
	size_t n;
	const char *place; /* m: whole Maildir, p: cur, s: MH, n: named,
	                    * i: with NAME.msf */
	enum sp_import_kind want;
} files[] = {
	/* names */
	{ "d/a.eml", B(""), "", K(MESSAGE) },
	{ "d/a.EML", B("no header"), "", K(MESSAGE) },
	{ "d/a.eml", B(FROM MAIL), "", K(MESSAGE) },
	{ "d/.eml", B("hidden"), "", K(OTHER) },
	{ "d/1.emlx", B("3\nabc"), "", K(EMLX) },
	{ "d/a.mbox", B("x"), "", K(MBOX) },
	{ "d/a.mbox", B(""), "", K(EMPTY) },
	{ "d/a.zip", B("x"), "", K(CONTAINER) },
	{ "d/a.tar.zst", B("x"), "", K(CONTAINER) },
	{ "d/a.eml.gz", B("\037\213\010x"), "", K(COMPRESSED) },
	{ "d/a.pst", B("x"), "", K(PST) },
	{ "d/noname", B("!BDN"), "", K(PST) },
	/* places */
	{ "M/cur/1:2,S", B("y"), "m", K(MESSAGE) },
	{ "M/cur/1:2,S", B(""), "m", K(MESSAGE) },
	{ "M/cur/1.c", B(MAIL), "p", K(MESSAGE) },
	{ "M/cur/notes", B("y"), "p", K(OTHER) },
	{ "M/cur/1:2,SZ", B("\037\213\010x"), "p", K(COMPRESSED) },
	{ "inbox/17", B("y"), "s", K(MESSAGE) },
	{ "inbox/17.", B(FROM MAIL), "s", K(MESSAGE) },
	{ "inbox/17x", B("y"), "s", K(OTHER) },
	{ "inbox/17", B(""), "s", K(EMPTY) },
	{ "inbox/17", B("y"), "", K(OTHER) },
	{ "inbox/17", B("Subject: x\n"), "", K(MESSAGE) },
	{ "inbox/,17", B(MAIL), "s", K(REMOVED) },
	{ "2019", B(FROM MAIL), "", K(MBOX) },
	{ "Mail/Project.c", B(FROM MAIL), "i", K(MBOX) },
	{ "Mail/Q1.zip", B(FROM MAIL), "i", K(MBOX) },
	{ "Mail/alt.pst", B(FROM MAIL), "i", K(MBOX) },
	{ "Mail/data.json", B("{ }"), "i", K(OTHER) },
	/* the beginning */
	{ "mail/ann", B(FROM MAIL), "", K(MBOX) },
	{ "mail/ann", B("From \r\nTo: x\r\n"), "", K(MBOX) },
	{ "mail/ann", B("\357\273\277\n" FROM MAIL), "", K(MBOX) },
	{ "mail/ann", B("From x\rTo: y\r"), "", K(MBOX) },
	{ "mail/ann", B("From x\n>From y\nTo: y\n"), "", K(MBOX) },
	{ "mail/ann", B(FROM "\nno header\n"), "", K(MBOX) },
	{ "mail/ann", B("From here to\nthere\n"), "", K(OTHER) },
	{ "mail/ann", B("From here to\nthere\n"), "n", K(REFUSED) },
	{ "a.mbx", B("From ???@??? x\r\nTo: y\r\n"), "", K(MBOX) },
	{ "a.mbx", B("else"), "", K(REFUSED) },
	{ "a.msg", B(MAIL), "", K(MESSAGE) },
	{ "a.txt", B(MAIL), "", K(TEXT) },
	{ "a.txt", B(MAIL), "n", K(MESSAGE) },
	{ "a.txt", B("Subject: x\n"), "", K(OTHER) },
	{ "a.txt", B("Subject: x\n"), "n", K(MESSAGE) },
	{ "a.txt", B("Hello: x\n"), "n", K(REFUSED) },
	{ "-", B(""), "n", K(MESSAGE) },
	{ "-", B("junk"), "n", K(REFUSED) },
	{ "-", B("PK\003\004"), "n", K(CONTAINER) },
	/* beside mail */
	{ "Inbox.msf", B("// <!-- <mdb"), "", K(INDEX) },
	{ "Inbox.msf", B("// <!-- <mdb"), "n", K(REFUSED) },
	{ "cyrus.index", B("\0\0"), "", K(INDEX) },
	{ "table_of_contents", B("\0\0"), "", K(INDEX) },
	{ "12.2.emlxpart", B("x"), "", K(ATTACHMENT) },
	{ "spool", B(""), "", K(EMPTY) },
	/* refused by their bytes, whatever the name */
	{ "note.msg", B(OLE), "", K(REFUSED) },
	{ "note.eml", B(OLE), "", K(REFUSED) },
	{ "noname", B(OLE), "", K(REFUSED) },
	{ "cur/1:2,", B(OLE), "m", K(REFUSED) },
	{ "text.doc", B(OLE), "", K(OTHER) },
	{ "text.doc", B(OLE), "n", K(REFUSED) },
	{ "x.olm", B("PK\003\004"), "n", K(REFUSED) },
	{ "x.zip", B("PK\003\004 com.microsoft.__Messages"), "", K(REFUSED) },
	{ "x.eml", B("PK\003\004"), "", K(REFUSED) },
	{ "x.docx", B("PK\003\004"), "", K(OTHER) },
	{ "x.zip", B("Rar!\032\007\001\000"), "", K(REFUSED) },
	{ "Inbox.dbx", B("\317\255\022\376"), "", K(REFUSED) },
	{ "x.png", B("\211PNG\r\n\032\n"), "", K(OTHER) },
	{ "x.eml", B("\211PNG\r\n\032\n"), "", K(REFUSED) },
	{ "x.eml", B("\377\376F\0"), "", K(REFUSED) },
	{ "x.eml", B("F\0r\0o\0m\0:\0 \0a\0n\0n\0@\0c\0o\0r\0p\0.\0e\0x\0"), "",
	    K(REFUSED) },
	{ "x.eml", B("\377\376 odd, but text"), "", K(MESSAGE) },
	{ "x.eml", B("a\0b\0"), "", K(MESSAGE) },
	{ "x.eml", B("!BDN1234SM"), "", K(REFUSED) },
	{ "x.eml", B("!BDN is a text"), "", K(MESSAGE) },
	{ "note.msg", B("?"), "", K(REFUSED) },
	/* Dovecot */
	{ "d/u.1", B(DBOX), "", K(DBOX) },
	{ "d/m.1", B(DBOX), "", K(REFUSED) },
	{ "d/x", B(DBOX), "", K(REFUSED) },
	{ "storage/m.1", B("damaged"), "", K(REFUSED) },
	{ "x/dbox-Mails/u.17", B("damaged"), "", K(DBOX) },
	{ "d/m.1", B("other"), "", K(OTHER) },
};

static void
test_a_file_is_what_its_bytes_and_name_and_place_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(files); i++) {
		const struct sp_import_place place = { .path = files[i].path,
			.part = strpbrk(files[i].place, "mp") != NULL,
			.maildir = strchr(files[i].place, 'm') != NULL,
			.spool = strchr(files[i].place, 's') != NULL,
			.indexed = strchr(files[i].place, 'i') != NULL,
			.named = strchr(files[i].place, 'n') != NULL };
		const char *why = NULL;
		enum sp_import_kind got = sp_import_kind_of(
		    &place, sp_view_mem(files[i].p, files[i].n), &why);

		if (got != files[i].want)
			fail_msg("%s (%s), case %zu: %s, want %s",
			    files[i].path, files[i].place, i,
			    sp_import_kind_name(got),
			    sp_import_kind_name(files[i].want));
		if (got == SP_IMPORT_KIND_REFUSED)
			assert_non_null(why);
	}
}

static void
test_a_mark_counts_only_where_it_is_whole(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} t[] = { { B(OLE) }, { B("Rar!\032\007\001\000") },
		{ B("\317\255\022\376") }, { B("BABYL OPTIONS:") },
		{ B("PK\003\004") }, { B("%PDF-") } };

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		size_t whole = i == 0 ? 8 : i == 1 ? 6 : t[i].n;
		bool store;

		for (size_t n = 0; n <= t[i].n; n++) {
			char *copy = sp_view_dup(sp_view_mem(t[i].p, n));
			bool got = sp_import_refused_reason("x.eml",
				       sp_view_mem(copy, n), &store) != NULL;

			if (got != (n >= whole))
				fail_msg("mark %zu, %zu bytes: %d", i, n, got);
			free(copy);
		}
	}
}

/* UTF-16 without a byte order mark: letters of any script between the names of
 * the header, and no text of mail or bytes of programs is taken for it. */
static void
test_utf16_is_known_by_its_nuls(void **state)
{
	static const struct {
		const char *what, *p;
		size_t n;
		bool wide;
	} t[] = {
		{ "another letter in the first field",
		    B("V\0o\0n\0:\0 \0\344\0\r\0\n\0F\0r\0o\0m\0:\0 \0a\0@\0b\0\r\0\n\0"),
		    true },
		{ "CJK, least significant byte first",
		    B("\366\116\015\124:\0 \0\013\211\115\172\370\146\r\0\n\0T\0o\0:\0 \0b\0\r\0\n\0\r\0\n\0"),
		    true },
		{ "CJK, most significant byte first",
		    B("\116\366\124\015\0:\0 \211\013\172\115\146\370\0\r\0\n\0T\0o\0:\0 \0b\0\r\0\n\0\r\0\n"),
		    true },
		{ "mail",
		    B("From: a@b\nTo: c@d\nSubject: e\n\nthe text of it\n"),
		    false },
		{ "mail with NULs",
		    B("From: a@b\nTo: c@d\n\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		    false },
		{ "every second byte NUL, no text",
		    B("\001\0\002\0\003\0\004\0\n\0\001\0\002\0\003\0\004\0\n\0\001\0\002\0\003\0"),
		    false },
	};
	bool store;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		const char *why = sp_import_refused_reason(
		    "x.eml", sp_view_mem(t[i].p, t[i].n), &store);

		if ((why != NULL && strstr(why, "UTF-16") != NULL) != t[i].wide)
			fail_msg("%s: %s", t[i].what, why);
	}
}

static void
test_an_emlx_gives_the_bytes_that_it_counts(void **state)
{
	static const char file[] = "5         \nA: 1\n<?xml?><dict>"
				   "<key>date-received</key>\n\t<integer>"
				   "1767607200</integer></dict>";
	struct sp_import_emlx e;
	char date[SP_TIME_LEN + 1];

	(void)state;
	assert_null(sp_import_emlx_parse("1.emlx", sp_view_mem(B(file)), &e));
	assert_true(sp_view_eq_str(e.message, "A: 1\n"));
	assert_true(sp_view_eq_str(e.line, "5         \n"));
	assert_false(e.partial);
	assert_false(e.doubted);
	assert_true(sp_import_emlx_date(&e, date));
	assert_string_equal(date, "2026-01-05T10:00:00.000000Z");
	assert_null(
	    sp_import_emlx_parse("1.partial.emlx", sp_view_mem(B(file)), &e));
	assert_true(e.partial);
	assert_null(sp_import_emlx_parse(
	    "1.emlx", sp_view_mem(B("3\nA: 1\n<?xml?>")), &e));
	assert_true(e.doubted);
	/* Cut anywhere: refused, or the whole message. */
	for (size_t n = 0; n < sizeof(file) - 1; n++) {
		char *copy = sp_view_dup(sp_view_mem(file, n));
		const char *why =
		    sp_import_emlx_parse("1.emlx", sp_view_mem(copy, n), &e);

		if ((why == NULL) != (n >= 16))
			fail_msg("cut at %zu: %s", n, why);
		if (why == NULL) {
			assert_true(sp_view_eq_str(e.message, "A: 1\n"));
			(void)sp_import_emlx_date(&e, date);
		}
		free(copy);
	}
	assert_non_null(
	    sp_import_emlx_parse("1.emlx", sp_view_mem(B("-1\nA: 1\n")), &e));
	assert_non_null(sp_import_emlx_parse(
	    "1.emlx", sp_view_mem(B("99999999999999999999999\nA: 1\n")), &e));
}

static void
test_a_dbox_gives_the_message_only_where_all_agrees(void **state)
{
	static const char file[] =
	    "2 M1e C695b9e40\n\001\002N          0000000000000005\nA: 1\n"
	    "\n\001\003\nGabc\nR695b9e40\n\n";
	static const char *const bad[] = {
		"2 M1e C695b9e40\n\001\002N          0000000000000004\nA: 1\n"
		"\n\001\003\n\n",
		"2 M1e C695b9e40\n\001\002N          FFFFFFFFFFFFFFFF\nA: 1\n"
		"\n\001\003\n\n",
		"2 Mffffffffffffffff C1\n\001\002N\n",
		"2 M1 C1\n\001\002N          0000000000000005\nA: 1\n",
		"2 C695b9e40\n\001\002N          0000000000000005\nA: 1\n",
		"2 M1e C695b9e40\n\001\002N          000000000000000G\nA: 1\n",
		"2 M1e C1\n\001\002N          000000000000000B\nDovecot-LZ4"
		"\n\001\003\n\n",
	};
	const size_t end = sizeof(file) - 1 - 16; /* of the end mark */
	struct sp_import_dbox d;
	char date[SP_TIME_LEN + 1];

	(void)state;
	assert_null(sp_import_dbox_parse(sp_view_mem(B(file)), &d));
	assert_true(sp_view_eq_str(d.message, "A: 1\n"));
	assert_int_equal(d.head.n + d.message.n + d.tail.n, sizeof(file) - 1);
	assert_false(d.outside);
	assert_true(sp_import_dbox_date(&d, date));
	assert_string_equal(date, "2026-01-05T11:19:28.000000Z");
	for (size_t n = 0; n < sizeof(file) - 1; n++) {
		char *copy = sp_xcalloc(n + 1, 1);
		const char *why;

		memcpy(copy, file, n);
		why = sp_import_dbox_parse(sp_view_mem(copy, n), &d);
		if ((why == NULL) != (n >= end))
			fail_msg("cut at %zu: %s", n, why);
		if (why == NULL)
			(void)sp_import_dbox_date(&d, date);
		free(copy);
	}
	for (size_t i = 0; i < SP_COUNTOF(bad); i++) {
		if (sp_import_dbox_parse(sp_view_str(bad[i]), &d) == NULL)
			fail_msg("bad dbox %zu is taken", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_file_is_what_its_bytes_and_name_and_place_say),
		cmocka_unit_test(test_a_mark_counts_only_where_it_is_whole),
		cmocka_unit_test(test_utf16_is_known_by_its_nuls),
		cmocka_unit_test(test_an_emlx_gives_the_bytes_that_it_counts),
		cmocka_unit_test(
		    test_a_dbox_gives_the_message_only_where_all_agrees),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
