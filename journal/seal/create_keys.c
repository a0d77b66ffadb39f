/*
 * The keys of a new archive, and what entry 0 says about them and about the
 * archive (create.h).  Files, modes and members: doc/format-archive.md, "Keys"
 * and "Entry 0".
 */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "journal/sign/sealer.h"
#include "journal/tree/signer.h"
#include "journal/tree/vkey.h"
#include "journal/seal/create_priv.h"
#include "base/layout.h"
#include "base/sha256.h"

#define SECRET_MODE 0600
#define PUBLIC_MODE 0640

/* Write ${stage}/${name} durably, in place of what is there. */
static enum sp_code
write_file(const char *stage, const char *name, const struct sp_buf *text,
    mode_t mode, struct sp_err *err)
{
	char *path = sp_layout_path(stage, name);
	enum sp_code rc = sp_io_replace(path, text->p, text->n, mode, err);

	free(path);
	return (rc);
}

/* Free a buffer after overwriting it: it held a private key. */
static void
wipe(struct sp_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	sp_buf_done(b);
}

/* Make the log's key, unless it is there; the files beside it follow from it
 * and are written again. */
static enum sp_code
log_key(const char *stage, const char *origin, struct sp_err *err)
{
	char *path = sp_layout_path(stage, "keys/log.key");
	const bool have = sp_io_exists(path);
	struct sp_signer *s = NULL;
	struct sp_buf priv, pub, text;
	char vkey[300];
	enum sp_code rc;

	sp_buf_init(&priv, SP_CREATE_PEM_MAX);
	sp_buf_init(&pub, SP_CREATE_PEM_MAX);
	sp_buf_init(&text, sizeof(vkey) + 1);
	rc = have ? sp_signer_load(path, origin, &s, err)
		  : sp_signer_new(origin, NULL, &s, err);
	if (rc == SP_OK)
		rc = sp_signer_pem(s, &priv, &pub, err);
	if (rc == SP_OK && !have)
		rc = write_file(stage, "keys/log.key", &priv, SECRET_MODE, err);
	if (rc == SP_OK)
		rc = write_file(
		    stage, "keys/log.pub.pem", &pub, PUBLIC_MODE, err);
	if (rc == SP_OK) {
		sp_vkey_format(sp_signer_vkey(s), vkey);
		rc = sp_buf_addf(&text, "%s\n", vkey);
	}
	if (rc == SP_OK)
		rc =
		    write_file(stage, "keys/log.vkey", &text, PUBLIC_MODE, err);
	sp_signer_free(s);
	wipe(&priv);
	sp_buf_done(&pub);
	sp_buf_done(&text);
	free(path);
	return (rc);
}

/* Make the sealing key with its certificate.  They belong together: where one
 * is missing or does not fit, both are made anew. */
static enum sp_code
seal_key(const char *stage, const char *cn, struct sp_err *err)
{
	char *key = sp_layout_path(stage, "keys/seal.key");
	char *crt = sp_layout_path(stage, "keys/seal.crt");
	struct sp_sealer *s = NULL;
	struct sp_buf priv, pem;
	enum sp_code rc;

	sp_buf_init(&priv, SP_CREATE_PEM_MAX);
	sp_buf_init(&pem, SP_CREATE_PEM_MAX);
	if (sp_sealer_load(key, crt, &s, NULL) == SP_OK) {
		rc = sp_io_read_file(crt, SP_CREATE_PEM_MAX, &pem, err);
	} else {
		rc = sp_sealer_create(cn, &priv, &pem, err);
		if (rc == SP_OK)
			rc = write_file(
			    stage, "keys/seal.key", &priv, SECRET_MODE, err);
		if (rc == SP_OK)
			rc = write_file(
			    stage, "keys/seal.crt", &pem, PUBLIC_MODE, err);
	}
	if (rc == SP_OK)
		rc = write_file(
		    stage, "keys/seal-all.crt", &pem, PUBLIC_MODE, err);
	sp_sealer_free(s);
	wipe(&priv);
	sp_buf_done(&pem);
	free(crt);
	free(key);
	return (rc);
}

enum sp_code
sp_create_keys(const char *stage, const char *origin, struct sp_err *err)
{
	enum sp_code rc = log_key(stage, origin, err);

	return (rc == SP_OK ? seal_key(stage, origin, err) : rc);
}

/* Add the versions of the formats that this archive begins with, each of which
 * has its document. */
static void
add_formats(struct sp_json *j)
{
	static const char *const names[] = { "archive", "entry", "record",
		"intake", "segment", "tree", "export" };

	sp_json_obj(j, "formats");
	for (size_t i = 0; i < SP_COUNTOF(names); i++)
		sp_json_u64(j, names[i], 1);
	sp_json_obj_end(j);
}

/* Add which log this one continues, and where that one ended. */
static enum sp_code
add_continues(struct sp_json *j, const struct sp_create *c, struct sp_err *err)
{
	struct sp_checkpoint old;
	struct sp_buf note;
	enum sp_code rc;

	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_create_old(c->continues, c->origin, &note, &old, err);
	if (rc == SP_OK) {
		sp_json_obj(j, "continues");
		sp_json_cstr(j, "origin", old.origin);
		sp_json_u64(j, "size", old.size);
		sp_json_str(j, "checkpoint", sp_buf_view(&note));
		sp_json_obj_end(j);
	}
	sp_buf_done(&note);
	return (rc);
}

/* Keys are read back from their files, so that entry 0 says what is there. */
enum sp_code
sp_create_detail(const char *stage, const struct sp_create *c,
    struct sp_buf *out, struct sp_err *err)
{
	char *key = sp_layout_path(stage, "keys/log.vkey");
	char *crt = sp_layout_path(stage, "keys/seal.crt");
	uint8_t digest[SP_SHA256_LEN];
	struct sp_vkey vkey;
	struct sp_buf pem;
	struct sp_json j;
	char text[300];
	enum sp_code rc;

	sp_buf_init(&pem, SP_CREATE_PEM_MAX);
	rc = sp_vkey_load(key, &vkey, err);
	if (rc == SP_OK)
		rc = sp_io_read_file(crt, SP_CREATE_PEM_MAX, &pem, err);
	if (rc != SP_OK)
		goto out;
	sp_vkey_format(&vkey, text);
	sp_sha256_once(pem.p, pem.n, digest);
	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "origin", c->origin);
	sp_json_cstr(&j, "vkey", text);
	sp_json_str(&j, "seal_crt", sp_buf_view(&pem));
	sp_json_hex(&j, "seal_crt_sha256", digest, sizeof(digest));
	add_formats(&j);
	sp_json_cstr(&j, "software", c->by);
	sp_json_cstr(&j, "time_zone", "UTC");
	if (c->continues != NULL)
		rc = add_continues(&j, c, err);
	sp_json_obj_end(&j);
	if (rc == SP_OK && sp_json_end(&j) != SP_OK)
		rc = sp_err_set(err, SP_ELIMIT, 0,
		    "the detail of entry 0 is longer than %zu bytes", out->max);
out:
	sp_buf_done(&pem);
	free(crt);
	free(key);
	return (rc);
}
