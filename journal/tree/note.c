/*
 * Signed notes: taken apart, verified and made (note.h; C2SP signed-note).
 *
 *   text LF ... LF
 *   LF
 *   U+2014 " " name " " base64(key id || signature) LF    (once or more)
 */
#include "journal/tree/note.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "journal/tree/note_priv.h"
#include "journal/tree/signer_priv.h"
#include "journal/sign/openssl.h"

#define SIGNATURES_MAX 64 /* signature lines of a note, at most */
/* U+2014 and a blank, with which a signature line begins. */
#define DASH "\xe2\x80\x94 "

/* UTF-8 without control characters other than LF. */
static bool
is_note_text(struct sp_view note)
{
	for (size_t i = 0; i < note.n; i++) {
		if ((unsigned char)note.p[i] < 0x20 && note.p[i] != '\n')
			return (false);
	}
	return (sp_view_is_utf8(note));
}

/* The limits come first, so that nothing else has to bound its work. */
enum sp_code
sp_note_split(struct sp_view note, struct sp_view *text, struct sp_view *sigs,
    struct sp_err *err)
{
	size_t at;

	if (note.n > SP_NOTE_MAX)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "signed note of %zu bytes; at most %u are accepted", note.n,
		    SP_NOTE_MAX));
	if (!is_note_text(note))
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "signed note: not UTF-8, or it has control characters"));
	if (note.n == 0 || note.p[note.n - 1] != '\n')
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "signed note: does not end with a line end"));
	/* The text may hold empty lines itself: the last one counts. */
	for (at = note.n - 1; at > 0; at--) {
		if (note.p[at] == '\n' && note.p[at - 1] == '\n')
			break;
	}
	if (at == 0 || at + 1 == note.n)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "signed note: has no signature after a blank line"));
	*text = (struct sp_view){ note.p, at };
	*sigs = (struct sp_view){ note.p + at + 1, note.n - at - 1 };
	return (SP_OK);
}

/* One signature line; name and bytes are borrowed. */
struct signature {
	struct sp_view name;
	uint8_t id[4];
	const uint8_t *bytes;
	size_t n;
};

/* Parse a signature line without its LF; ${raw} is memory for the decoded
 * base64, at least as long as the line.  False if it is malformed. */
static bool
parse_signature(struct sp_view line, uint8_t *raw, struct signature *out)
{
	struct sp_view rest = line;
	size_t n;

	if (!sp_view_starts(line, DASH))
		return (false);
	rest.p += sizeof(DASH) - 1;
	rest.n -= sizeof(DASH) - 1;
	out->name = sp_view_cut(&rest, ' ');
	if (out->name.n == 0 || memchr(out->name.p, '+', out->name.n) != NULL)
		return (false);
	if (!sp_b64_decode(rest, raw, &n) || n < 5)
		return (false);
	memcpy(out->id, raw, 4);
	out->bytes = raw + 4;
	out->n = n - 4;
	return (true);
}

/* The key that has made this signature, by name and id, or NULL. */
static const struct sp_vkey *
find_key(const struct sp_vkey *keys, size_t nkeys, const struct signature *sig)
{
	for (size_t i = 0; i < nkeys; i++) {
		if (sp_view_eq_str(sig->name, keys[i].name) &&
		    memcmp(sig->id, keys[i].id, 4) == 0)
			return (&keys[i]);
	}
	return (NULL);
}

/* Whether the Ed25519 signature holds; false also where OpenSSL fails. */
static bool
signature_holds(
    const struct sp_vkey *k, const struct signature *sig, struct sp_view text)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, k->key, sizeof(k->key));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = false;

	if (key != NULL && ctx != NULL && sig->n == SP_ED25519_SIG_LEN &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		good = EVP_DigestVerify(ctx, sig->bytes, sig->n,
			   (const uint8_t *)text.p, text.n) == 1;
	if (!good)
		(void)sp_openssl_reason();
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return (good);
}

/* A signature of a known key that does not hold refuses the note, even where
 * another one holds (doc/format-tree.md, "Signed notes"). */
enum sp_code
sp_note_verify(struct sp_view note, const struct sp_vkey *keys, size_t nkeys,
    struct sp_view *text, struct sp_err *err)
{
	struct sp_view body, sigs;
	size_t lines = 0, verified = 0;
	uint8_t *raw = NULL;
	enum sp_code rc;

	rc = sp_note_split(note, &body, &sigs, err);
	if (rc != SP_OK)
		return (rc);
	raw = sp_xmalloc(sigs.n);
	/* sigs ends in LF: the last cut leaves nothing. */
	while (rc == SP_OK && sigs.n > 0) {
		struct sp_view line = sp_view_cut(&sigs, '\n');
		const struct sp_vkey *k;
		struct signature sig;

		if (++lines > SIGNATURES_MAX) {
			rc = sp_err_set(err, SP_EFORMAT, 0,
			    "signed note: more than %d signatures",
			    SIGNATURES_MAX);
		} else if (!parse_signature(line, raw, &sig)) {
			rc = sp_err_set(err, SP_EFORMAT, 0,
			    "signed note: signature line %zu is malformed",
			    lines);
		} else if ((k = find_key(keys, nkeys, &sig)) == NULL) {
			continue; /* of a key that the caller does not know */
		} else if (!signature_holds(k, &sig, body)) {
			rc = sp_err_set(err, SP_EMISMATCH, 0,
			    "signed note: the signature of %s does not fit the text: one of them was changed",
			    k->name);
		} else {
			verified++;
		}
	}
	if (rc == SP_OK && verified == 0)
		rc = sp_err_set(err, SP_EKEY, 0,
		    "signed note: no signature by a known key");
	if (rc == SP_OK)
		*text = body;
	free(raw);
	return (rc);
}

/* A text that no reader would take for that of a note is not signed. */
enum sp_code
sp_note_sign(struct sp_view text, const struct sp_signer *s, struct sp_buf *out,
    struct sp_err *err)
{
	const struct sp_vkey *k = sp_signer_vkey(s);
	uint8_t blob[4 + SP_ED25519_SIG_LEN];
	char b64[96];
	const size_t before = out->n;
	enum sp_code rc;

	if (text.n == 0 || text.p[text.n - 1] != '\n' || !is_note_text(text))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "the text of a signed note must be UTF-8 and end with a line end"));
	memcpy(blob, k->id, 4);
	rc = sp_signer_sign(s, text, blob + 4, err);
	if (rc != SP_OK)
		return (rc);
	sp_b64_encode(blob, sizeof(blob), b64);
	rc = sp_buf_addv(out, text);
	if (rc == SP_OK)
		rc = sp_buf_addf(out, "\n" DASH "%s %s\n", k->name, b64);
	if (rc != SP_OK) {
		out->n = before;
		return (sp_err_set(err, rc, 0,
		    "signed note: longer than the %zu bytes allowed",
		    out->max));
	}
	return (SP_OK);
}
