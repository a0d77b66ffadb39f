/*
 * C2SP signed notes and vkeys, tlog-checkpoint bodies, Ed25519.  Pure but for
 * reading key files.
 */
#ifndef SP_TREE_NOTE_H
#define SP_TREE_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"
#include "base/layout.h"
#include "journal/tree/merkle.h"

#define SP_NOTE_MAX (64u << 10)

struct sp_vkey { /* name+hex(keyID)+base64(type||key) */
	char name[SP_ORIGIN_MAX + 1];
	uint8_t id[4];
	uint8_t key[32]; /* Ed25519 */
};
struct sp_signer; /* Ed25519 private key with its name */

SP_CHECK enum sp_code sp_vkey_parse(
    struct sp_view text, struct sp_vkey *out, struct sp_err *err);
/* "name+c9046802+AQ..." without newline into ${out} of 300 bytes. */
void sp_vkey_format(const struct sp_vkey *k, char out[300]);
/* First line of a file. */
SP_CHECK enum sp_code sp_vkey_load(
    const char *path, struct sp_vkey *out, struct sp_err *err);
/* SHA-256 fingerprint of the key, hex groups, for people. */
void sp_vkey_fingerprint(const struct sp_vkey *k, char out[80]);

/* New key from 32 random (or given, tests) seed bytes. */
SP_CHECK enum sp_code sp_signer_new(const char *name, const uint8_t seed[32],
    struct sp_signer **out, struct sp_err *err);
/* keys/log.key: PEM (PKCS#8).  SP_EKEY names the file and says what to do. */
SP_CHECK enum sp_code sp_signer_load(const char *path, const char *name,
    struct sp_signer **out, struct sp_err *err);
SP_CHECK enum sp_code sp_signer_pem(const struct sp_signer *s,
    struct sp_buf *priv, struct sp_buf *pub, struct sp_err *err);
const struct sp_vkey *sp_signer_vkey(const struct sp_signer *s);
void sp_signer_free(struct sp_signer *s);

/* text (ends in LF) + blank line + one signature line. */
SP_CHECK enum sp_code sp_note_sign(struct sp_view text,
    const struct sp_signer *s, struct sp_buf *out, struct sp_err *err);
/* Verified text (borrowed from ${note}).  A known (name,id) with a bad
 * signature: SP_EMISMATCH; no known signature: SP_EKEY; shape: SP_EFORMAT. */
SP_CHECK enum sp_code sp_note_verify(struct sp_view note,
    const struct sp_vkey *keys, size_t nkeys, struct sp_view *text,
    struct sp_err *err);

struct sp_checkpoint {
	char origin[SP_ORIGIN_MAX + 1];
	uint64_t size;
	struct sp_hash root;
};
SP_CHECK enum sp_code sp_checkpoint_format(
    const struct sp_checkpoint *c, struct sp_buf *out);
/* The body of a note (not its signatures). */
SP_CHECK enum sp_code sp_checkpoint_parse(
    struct sp_view text, struct sp_checkpoint *out, struct sp_err *err);
/* The checkpoint in a whole note, signature not checked (to find the origin). */
SP_CHECK enum sp_code sp_checkpoint_peek(
    struct sp_view note, struct sp_checkpoint *out, struct sp_err *err);

#endif
