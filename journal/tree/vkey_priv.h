/*
 * What signer.c needs of vkey.c: making the id of a key.  C2SP signed-note,
 * doc/format-tree.md, "Verification keys".
 */
#ifndef SP_TREE_VKEY_PRIV_H
#define SP_TREE_VKEY_PRIV_H

#include "journal/tree/vkey.h"

/* The id of an Ed25519 key: the first four bytes of
 * SHA-256(name || 0x0A || 0x01 || key). */
void sp_vkey_id(const char *name, const uint8_t key[32], uint8_t id[4]);

#endif
