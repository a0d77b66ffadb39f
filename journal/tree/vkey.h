/*
 * Verification keys of a log in the form of C2SP signed-note, which people and
 * configurations hand around: NAME+hex(key id)+base64(0x01 || Ed25519 key).
 * See doc/format-tree.md, "Verification keys".  Pure but for reading a file.
 */
#ifndef SP_TREE_VKEY_H
#define SP_TREE_VKEY_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/layout.h"
#include "base/view.h"

struct sp_vkey {
	char name[SP_ORIGIN_MAX + 1]; /* the origin of the log */
	uint8_t id[4];
	uint8_t key[32]; /* Ed25519 (RFC 8032) */
};

/* Parse the text of a key.  SP_EFORMAT says what is wrong; the key id must be
 * that of name and key. */
SP_CHECK enum sp_code sp_vkey_parse(
    struct sp_view text, struct sp_vkey *out, struct sp_err *err);
/* Write the text of a key, NUL-terminated and without line end, to ${out}. */
void sp_vkey_format(const struct sp_vkey *k, char out[300]);
/* Read the key in the first line of a file (keys/log.vkey).  SP_ENOTFOUND,
 * SP_EFORMAT, SP_EIO. */
SP_CHECK enum sp_code sp_vkey_load(
    const char *path, struct sp_vkey *out, struct sp_err *err);
/* The fingerprint for people: SHA-256 of the 32 bytes of the key, in hex, in
 * groups of four. */
void sp_vkey_fingerprint(const struct sp_vkey *k, char out[80]);

#endif
