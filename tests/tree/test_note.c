/*
 * Signed notes, verification keys, signers and checkpoints: published and own
 * vectors, and every malformed line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/enc.h"
#include "base/io.h"
#include "journal/tree/checkpoint.h"
#include "journal/tree/note.h"

#define DASH "\xe2\x80\x94 "

/* C2SP signed-note's own example. */
#define FOO_VKEY                    \
	"example.com/foo+530d903a+" \
	"AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define FOO_TEXT "This is an example message.\n"
#define FOO_SIG                                                              \
	DASH "example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONnc" \
	     "AlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"

/* Seed 00 01 ... 1f; tree of the 8 reference leaves. */
#define LOG_NAME "journal.example/sealpost-1"
#define LOG_VKEY \
	LOG_NAME "+c9046802+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define LOG_TEXT LOG_NAME "\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
#define LOG_SIG                                                                \
	DASH LOG_NAME " yQRoAnOl5Wd/0ytClt9KyVXzLLDTJtFLqX6ALW/divJpI57bCwHus" \
		      "XBX1DeU7hkGkgj8ETU97cY3xERlnQAQQw6uOQo=\n"
#define LOG_ROOT \
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
/* A witness that our verifier does not know. */
#define WITNESS_SIG                                                            \
	DASH                                                                   \
	    "witness.example/w1 IDJKvgAAAABpVbkALoWSINC1n68uXxQc+LEbz/+UZK87P" \
	    "NoVwiWXA3WJbh0O7GWDbSlUZ5z65BVqC4/1pI9QT2XduJA/UoMUe5EXBQ==\n"

static struct sp_vkey
vkey(const char *text)
{
	struct sp_vkey k;
	struct sp_err err;

	if (sp_vkey_parse(sp_view_str(text), &k, &err) != SP_OK)
		fail_msg("%s: %s", text, err.msg);
	return (k);
}

static struct sp_signer *
signer(void)
{
	uint8_t seed[32];
	struct sp_signer *s;

	for (uint8_t i = 0; i < 32; i++)
		seed[i] = i;
	assert_int_equal(SP_OK, sp_signer_new(LOG_NAME, seed, &s, NULL));
	return (s);
}

static enum sp_code
verify(const char *note, const char *key, struct sp_err *err)
{
	struct sp_vkey k = vkey(key);
	struct sp_view text;

	return (sp_note_verify(sp_view_str(note), &k, 1, &text, err));
}

static void
test_the_published_note_verifies(void **state)
{
	struct sp_vkey k = vkey(FOO_VKEY);
	struct sp_view text;

	(void)state;
	assert_int_equal(
	    SP_OK, sp_note_verify(
		       SP_VIEW_LIT(FOO_TEXT "\n" FOO_SIG), &k, 1, &text, NULL));
	assert_true(sp_view_eq_str(text, FOO_TEXT));
}

static void
test_our_checkpoint_is_the_one_computed_elsewhere(void **state)
{
	struct sp_checkpoint c = { .origin = LOG_NAME, .size = 8 };
	struct sp_signer *s = signer();
	struct sp_buf text, note;
	char key[300];

	(void)state;
	sp_buf_init(&text, SP_NOTE_MAX);
	sp_buf_init(&note, SP_NOTE_MAX);
	assert_true(sp_hex_decode(SP_VIEW_LIT(LOG_ROOT), c.root.b, 32));
	sp_vkey_format(sp_signer_vkey(s), key);
	assert_string_equal(key, LOG_VKEY);
	assert_int_equal(SP_OK, sp_checkpoint_format(&c, &text));
	assert_true(sp_view_eq_str(sp_buf_view(&text), LOG_TEXT));
	assert_int_equal(
	    SP_OK, sp_note_sign(sp_buf_view(&text), s, &note, NULL));
	assert_true(sp_view_eq_str(sp_buf_view(&note), LOG_TEXT "\n" LOG_SIG));
	sp_buf_done(&text);
	sp_buf_done(&note);
	sp_signer_free(s);
}

static void
test_a_note_is_accepted_or_refused_with_its_reason(void **state)
{
	static const struct {
		const char *name, *note;
		enum sp_code want;
	} cases[] = {
		{ "as signed", LOG_TEXT "\n" LOG_SIG, SP_OK },
		{ "with a witness", LOG_TEXT "\n" LOG_SIG WITNESS_SIG, SP_OK },
		{ "witness first", LOG_TEXT "\n" WITNESS_SIG LOG_SIG, SP_OK },
		{ "signed twice", LOG_TEXT "\n" LOG_SIG LOG_SIG, SP_OK },
		{ "only the witness", LOG_TEXT "\n" WITNESS_SIG, SP_EKEY },
		{ "another log", FOO_TEXT "\n" FOO_SIG, SP_EKEY },
		{ "text changed", "j" LOG_TEXT "\n" LOG_SIG, SP_EMISMATCH },
		{ "text added", LOG_TEXT "x\n\n" LOG_SIG, SP_EMISMATCH },
		{ "blank line added", LOG_TEXT "\n\n" LOG_SIG, SP_EMISMATCH },
		{ "same key id, other signature",
		    LOG_TEXT "\n" LOG_SIG DASH LOG_NAME " yQRoAnOl5Wd/\n",
		    SP_EMISMATCH },
		{ "no signature", LOG_TEXT "\n", SP_EFORMAT },
		{ "no blank line", LOG_TEXT LOG_SIG, SP_EFORMAT },
		{ "no line end", LOG_TEXT "\n" DASH LOG_NAME " yQRoAnOl",
		    SP_EFORMAT },
		{ "a hyphen", LOG_TEXT "\n- " LOG_NAME " yQRoAnOl\n",
		    SP_EFORMAT },
		{ "no key id", LOG_TEXT "\n" DASH LOG_NAME " yQRo\n",
		    SP_EFORMAT },
		{ "no base64", LOG_TEXT "\n" DASH LOG_NAME " yQRo!nOl\n",
		    SP_EFORMAT },
		{ "no name", LOG_TEXT "\n" DASH " yQRoAnOl\n", SP_EFORMAT },
		{ "plus in name", LOG_TEXT "\n" DASH "a+b yQRoAnOl\n",
		    SP_EFORMAT },
		{ "carriage return", LOG_NAME "\r\n8\n\n" LOG_SIG, SP_EFORMAT },
		{ "not UTF-8", "\xff" LOG_TEXT "\n" LOG_SIG, SP_EFORMAT },
		{ "empty", "", SP_EFORMAT },
		{ "one line end", "\n", SP_EFORMAT },
		{ "two line ends", "\n\n", SP_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(cases); i++) {
		struct sp_err err = { .msg = "" };
		enum sp_code rc = verify(cases[i].note, LOG_VKEY, &err);

		if (rc != cases[i].want)
			fail_msg("%s: got %s (%s)", cases[i].name,
			    sp_err_name(rc), err.msg);
		if (rc != SP_OK && err.msg[0] == '\0')
			fail_msg("%s: no reason", cases[i].name);
	}
}

static void
test_a_bit_flipped_anywhere_in_a_note_is_noticed(void **state)
{
	static const char note[] = LOG_TEXT "\n" LOG_SIG;
	struct sp_vkey k = vkey(LOG_VKEY);
	char copy[sizeof(note)];
	struct sp_view text;

	(void)state;
	for (size_t i = 0; i < 8 * (sizeof(note) - 1); i++) {
		memcpy(copy, note, sizeof(note));
		copy[i / 8] = (char)(copy[i / 8] ^ (1 << (i % 8)));
		if (sp_note_verify((struct sp_view){ copy, sizeof(note) - 1 },
			&k, 1, &text, NULL) == SP_OK)
			fail_msg(
			    "bit %d of byte %d", (int)(i % 8), (int)(i / 8));
	}
	for (size_t n = 0; n < sizeof(note) - 1; n++) {
		if (sp_note_verify((struct sp_view){ note, n }, &k, 1, &text,
			NULL) == SP_OK)
			fail_msg("cut to %d bytes", (int)n);
	}
}

static void
add_witnesses(struct sp_buf *note, size_t n)
{
	sp_buf_clear(note);
	assert_int_equal(SP_OK, sp_buf_adds(note, LOG_TEXT "\n" LOG_SIG));
	while (n-- > 0)
		assert_int_equal(SP_OK, sp_buf_adds(note, WITNESS_SIG));
}

static void
test_a_note_has_at_most_64_signatures(void **state)
{
	struct sp_vkey k = vkey(LOG_VKEY);
	struct sp_view text;
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	add_witnesses(&note, 63);
	assert_int_equal(
	    SP_OK, sp_note_verify(sp_buf_view(&note), &k, 1, &text, NULL));
	add_witnesses(&note, 64);
	assert_int_equal(
	    SP_EFORMAT, sp_note_verify(sp_buf_view(&note), &k, 1, &text, NULL));
	sp_buf_done(&note);
}

static void
test_a_note_has_at_most_64_KiB(void **state)
{
	static const char end[] = "\n\n" LOG_SIG;
	struct sp_signer *s = signer();
	struct sp_buf text, note;
	struct sp_view got;

	(void)state;
	sp_buf_init(&text, 2 * SP_NOTE_MAX);
	sp_buf_init(&note, 2 * SP_NOTE_MAX);
	while (text.n < SP_NOTE_MAX - (sizeof(end) - 1))
		assert_int_equal(SP_OK, sp_buf_addc(&text, 'x'));
	assert_int_equal(SP_OK, sp_buf_addc(&text, '\n'));
	assert_int_equal(
	    SP_OK, sp_note_sign(sp_buf_view(&text), s, &note, NULL));
	assert_int_equal(SP_NOTE_MAX, note.n);
	assert_int_equal(SP_OK, sp_note_verify(sp_buf_view(&note),
				    sp_signer_vkey(s), 1, &got, NULL));
	note.n = 0;
	text.n--;
	assert_int_equal(SP_OK, sp_buf_adds(&text, "x\n"));
	assert_int_equal(
	    SP_OK, sp_note_sign(sp_buf_view(&text), s, &note, NULL));
	assert_int_equal(SP_EFORMAT, sp_note_verify(sp_buf_view(&note),
					 sp_signer_vkey(s), 1, &got, NULL));
	sp_buf_done(&text);
	sp_buf_done(&note);
	sp_signer_free(s);
}

static void
test_a_mistyped_verification_key_is_refused(void **state)
{
	static const char good[] = LOG_VKEY;
	static const char *const cases[] = { "", "+", "++", "name",
		"name+c9046802", "name+c9046802+",
		LOG_NAME "+c9046803+"
			 "AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
		/* another name */
		"x+c9046802+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
		/* of a witness (type 4) */
		"witness.example/w1+20324abe+"
		"BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X",
		/* a byte short */
		LOG_NAME
		"+c9046802+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTE",
		"a name+c9046802+"
		"AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
		LOG_VKEY " ", " " LOG_VKEY };
	char copy[sizeof(good)];
	struct sp_vkey k;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(cases); i++) {
		struct sp_err err = { .msg = "" };

		if (sp_vkey_parse(sp_view_str(cases[i]), &k, &err) !=
		    SP_EFORMAT)
			fail_msg("accepted: %s", cases[i]);
		assert_true(err.msg[0] != '\0');
	}
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		memcpy(copy, good, sizeof(good));
		copy[i] = copy[i] == 'B' ? 'C' : 'B';
		if (sp_vkey_parse(sp_view_str(copy), &k, NULL) == SP_OK)
			fail_msg("accepted: %s", copy);
	}
}

static void
test_the_fingerprint_is_that_of_the_key(void **state)
{
	struct sp_vkey k = vkey(LOG_VKEY);
	char print[80];

	(void)state;
	sp_vkey_fingerprint(&k, print);
	/* printf '\x03\xa1...' | sha256sum */
	assert_string_equal(print, "5647 5aa7 5463 474c 0285 df5d bf2b cab7 "
				   "3da6 5135 8839 e9b7 7481 b2ea b107 708c");
}

static void
test_a_key_survives_its_pem_file(void **state)
{
	struct sp_signer *s = signer(), *again = NULL;
	char path[] = "/tmp/sp-note-XXXXXX";
	struct sp_buf priv, pub;
	struct sp_err err;

	(void)state;
	sp_buf_init(&priv, 4096);
	sp_buf_init(&pub, 4096);
	assert_int_equal(SP_OK, sp_signer_pem(s, &priv, &pub, &err));
	assert_true(sp_view_starts(
	    sp_buf_view(&priv), "-----BEGIN PRIVATE KEY-----\n"));
	assert_true(sp_view_eq_str(sp_buf_view(&pub),
	    "-----BEGIN PUBLIC KEY-----\n"
	    "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"
	    "-----END PUBLIC KEY-----\n"));
	assert_true(close(mkstemp(path)) == 0);
	assert_int_equal(
	    SP_OK, sp_io_replace(path, priv.p, priv.n, 0600, &err));
	assert_int_equal(SP_OK, sp_signer_load(path, LOG_NAME, &again, &err));
	assert_memory_equal(
	    sp_signer_vkey(s), sp_signer_vkey(again), sizeof(struct sp_vkey));
	sp_signer_free(again);
	assert_int_equal(SP_OK, sp_io_replace(path, pub.p, pub.n, 0600, &err));
	assert_int_equal(SP_EKEY, sp_signer_load(path, LOG_NAME, &again, &err));
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(SP_OK, sp_io_unlink(path, &err));
	assert_int_equal(SP_EKEY, sp_signer_load(path, LOG_NAME, &again, &err));
	assert_non_null(strstr(err.msg, path));
	sp_buf_done(&priv);
	sp_buf_done(&pub);
	sp_signer_free(s);
}

static void
test_a_key_file_holds_one_key_in_its_first_line(void **state)
{
	char path[] = "/tmp/sp-note-XXXXXX";
	struct sp_vkey k;
	struct sp_err err;

	(void)state;
	assert_true(close(mkstemp(path)) == 0);
	assert_int_equal(SP_OK,
	    sp_io_replace(path, LOG_VKEY "\n", sizeof(LOG_VKEY), 0600, &err));
	assert_int_equal(SP_OK, sp_vkey_load(path, &k, &err));
	assert_string_equal(k.name, LOG_NAME);
	assert_int_equal(SP_OK, sp_io_replace(path, "x\n", 2, 0600, &err));
	assert_int_equal(SP_EFORMAT, sp_vkey_load(path, &k, &err));
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(SP_OK, sp_io_unlink(path, &err));
	assert_int_equal(SP_ENOTFOUND, sp_vkey_load(path, &k, &err));
}

#define ROOT "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="

static void
test_a_checkpoint_body_is_parsed_strictly(void **state)
{
	static const struct {
		const char *name, *text;
		enum sp_code want;
		uint64_t size;
	} cases[] = {
		{ "plain", "o\n8\n" ROOT "\n", SP_OK, 8 },
		{ "empty tree", "o\n0\n" ROOT "\n", SP_OK, 0 },
		{ "extension lines", "o\n8\n" ROOT "\nx\ny z\n", SP_OK, 8 },
		{ "largest", "o\n9007199254740992\n" ROOT "\n", SP_OK,
		    UINT64_C(1) << 53 },
		{ "too large", "o\n9007199254740993\n" ROOT "\n", SP_EFORMAT,
		    0 },
		{ "leading zero", "o\n08\n" ROOT "\n", SP_EFORMAT, 0 },
		{ "two zeros", "o\n00\n" ROOT "\n", SP_EFORMAT, 0 },
		{ "sign", "o\n+8\n" ROOT "\n", SP_EFORMAT, 0 },
		{ "no size", "o\n\n" ROOT "\n", SP_EFORMAT, 0 },
		{ "no origin", "\n8\n" ROOT "\n", SP_EFORMAT, 0 },
		{ "blank in origin", "o p\n8\n" ROOT "\n", SP_EFORMAT, 0 },
		{ "short root", "o\n8\nXcnaeacG\n", SP_EFORMAT, 0 },
		{ "no root", "o\n8\n", SP_EFORMAT, 0 },
		{ "no line end", "o\n8\n" ROOT, SP_EFORMAT, 0 },
		{ "empty extension", "o\n8\n" ROOT "\n\nx\n", SP_EFORMAT, 0 },
		{ "empty extension last", "o\n8\n" ROOT "\n\n", SP_EFORMAT, 0 },
		{ "nothing", "", SP_EFORMAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(cases); i++) {
		struct sp_err err = { .msg = "" };
		struct sp_checkpoint c;
		enum sp_code rc;

		rc = sp_checkpoint_parse(sp_view_str(cases[i].text), &c, &err);
		if (rc != cases[i].want)
			fail_msg("%s: got %s (%s)", cases[i].name,
			    sp_err_name(rc), err.msg);
		if (rc == SP_OK)
			assert_true(c.size == cases[i].size);
	}
}

static void
test_peek_reads_a_note_that_nobody_can_check(void **state)
{
	struct sp_checkpoint c;

	(void)state;
	assert_int_equal(
	    SP_OK, sp_checkpoint_peek(
		       SP_VIEW_LIT(LOG_TEXT "\n" WITNESS_SIG), &c, NULL));
	assert_string_equal(c.origin, LOG_NAME);
	assert_int_equal(8, c.size);
	assert_int_equal(
	    SP_EFORMAT, sp_checkpoint_peek(SP_VIEW_LIT(LOG_TEXT), &c, NULL));
	assert_int_equal(SP_EFORMAT,
	    sp_checkpoint_peek(SP_VIEW_LIT(FOO_TEXT "\n" FOO_SIG), &c, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_published_note_verifies),
		cmocka_unit_test(
		    test_our_checkpoint_is_the_one_computed_elsewhere),
		cmocka_unit_test(
		    test_a_note_is_accepted_or_refused_with_its_reason),
		cmocka_unit_test(
		    test_a_bit_flipped_anywhere_in_a_note_is_noticed),
		cmocka_unit_test(test_a_note_has_at_most_64_signatures),
		cmocka_unit_test(test_a_note_has_at_most_64_KiB),
		cmocka_unit_test(test_a_mistyped_verification_key_is_refused),
		cmocka_unit_test(test_the_fingerprint_is_that_of_the_key),
		cmocka_unit_test(test_a_key_survives_its_pem_file),
		cmocka_unit_test(
		    test_a_key_file_holds_one_key_in_its_first_line),
		cmocka_unit_test(test_a_checkpoint_body_is_parsed_strictly),
		cmocka_unit_test(test_peek_reads_a_note_that_nobody_can_check),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
