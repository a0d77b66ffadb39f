/*
 * Verification keys as text: parsing, formatting, loading from a file,
 * fingerprints (vkey.h; C2SP signed-note).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/sha256.h"
#include "journal/tree/vkey.h"
#include "journal/tree/vkey_priv.h"

#define ED25519	 0x01 /* the type byte of an Ed25519 key, in C2SP signed-note */
#define VKEY_MAX 512 /* bytes of a vkey, and of a file that holds one */

void
sp_vkey_id(const char *name, const uint8_t key[32], uint8_t id[4])
{
	uint8_t digest[SP_SHA256_LEN], in[SP_ORIGIN_MAX + 2 + 32];
	size_t n = strlen(name);

	memcpy(in, name, n);
	in[n++] = '\n';
	in[n++] = ED25519;
	memcpy(in + n, key, 32);
	sp_sha256_once(in, n + 32, digest);
	memcpy(id, digest, 4);
}

/* Split at the first two '+': the base64 may hold more of them. */
static bool
split(struct sp_view text, struct sp_view *name, struct sp_view *id,
    struct sp_view *blob)
{
	*blob = text;
	*name = sp_view_cut(blob, '+');
	*id = sp_view_cut(blob, '+');
	return (name->n > 0 && id->n == 8 && blob->n > 0);
}

/* A key whose id does not fit was mistyped or changed; without this check its
 * signatures would seem to be those of a key that nobody knows. */
enum sp_code
sp_vkey_parse(struct sp_view text, struct sp_vkey *out, struct sp_err *err)
{
	static const char form[] =
	    "a verification key has the form NAME+8 hex digits+base64";
	struct sp_view name, id, blob;
	uint8_t raw[VKEY_MAX], want[4];
	struct sp_vkey k = { 0 };
	size_t n;

	if (text.n > VKEY_MAX || !split(text, &name, &id, &blob) ||
	    name.n > SP_ORIGIN_MAX || !sp_hex_decode(id, k.id, 4))
		return (sp_err_set(err, SP_EFORMAT, 0, "%s", form));
	memcpy(k.name, name.p, name.n);
	if (strlen(k.name) != name.n || !sp_layout_origin_ok(k.name))
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "verification key: the name has characters that no name may have"));
	if (!sp_b64_decode(blob, raw, &n) || n == 0)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "verification key %s: the key is not base64", k.name));
	if (raw[0] != ED25519)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "verification key %s is of type 0x%02x; only Ed25519 (0x01) is known",
		    k.name, raw[0]));
	if (n != 33)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "verification key %s: an Ed25519 key has 32 bytes, not %zu",
		    k.name, n - 1));
	memcpy(k.key, raw + 1, 32);
	sp_vkey_id(k.name, k.key, want);
	if (memcmp(want, k.id, 4) != 0)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "verification key %s: its id is not that of its key; it was mistyped or changed",
		    k.name));
	*out = k;
	return (SP_OK);
}

void
sp_vkey_format(const struct sp_vkey *k, char out[300])
{
	char id[9], blob[48];
	uint8_t raw[33] = { ED25519 };

	memcpy(raw + 1, k->key, 32);
	sp_hex_encode(k->id, 4, id);
	sp_b64_encode(raw, sizeof(raw), blob);
	(void)snprintf(out, 300, "%s+%s+%s", k->name, id, blob);
}

enum sp_code
sp_vkey_load(const char *path, struct sp_vkey *out, struct sp_err *err)
{
	struct sp_view rest;
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, VKEY_MAX);
	rc = sp_io_read_file(path, VKEY_MAX, &text, err);
	if (rc == SP_ELIMIT)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s is too long for a verification key", path);
	if (rc == SP_OK) {
		rest = sp_buf_view(&text);
		rc = sp_vkey_parse(
		    sp_view_trim(sp_view_cut(&rest, '\n')), out, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(err, "%s", path);
	}
	sp_buf_done(&text);
	return (rc);
}

void
sp_vkey_fingerprint(const struct sp_vkey *k, char out[80])
{
	uint8_t digest[SP_SHA256_LEN];
	char hex[2 * SP_SHA256_LEN + 1];
	char *at = out;

	sp_sha256_once(k->key, sizeof(k->key), digest);
	sp_hex_encode(digest, sizeof(digest), hex);
	for (size_t i = 0; i < 2 * SP_SHA256_LEN; i += 4) {
		if (i > 0)
			*at++ = ' ';
		memcpy(at, hex + i, 4);
		at += 4;
	}
	*at = '\0';
}
