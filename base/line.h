/*
 * The entry line: the leaf of the Merkle tree that stands for one entry.  It
 * commits to the bytes of the record and, salted, to those of the message, so
 * that an entry can be proven without showing others.
 * Format: doc/format-record.md, "The entry line".
 *
 *   sealpost/entry/v1 SEQ KIND TIME RECORD MESSAGE
 */
#ifndef SP_BASE_LINE_H
#define SP_BASE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/record.h"
#include "base/sha256.h"
#include "base/view.h"

#define SP_LINE_MAX 256 /* bytes of an entry line and its NUL, at most */

struct sp_line {
	uint64_t seq;
	enum sp_kind kind;
	int64_t received;
	uint8_t record[SP_SHA256_LEN]; /* of the record's bytes */
	bool has_message;
	uint8_t message[SP_SHA256_LEN]; /* SHA-256(msalt || SHA-256(message)) */
};

/* Write the line without line end, with a NUL after it.  Returns its length,
 * which is below SP_LINE_MAX. */
size_t sp_line_format(const struct sp_line *l, char out[SP_LINE_MAX]);
/* Read exactly what sp_line_format writes, so that a leaf has one hash: any
 * bytes give a line, SP_EFORMAT, or SP_EVERSION for a later "v". */
SP_CHECK enum sp_code sp_line_parse(
    struct sp_view v, struct sp_line *out, struct sp_err *err);
/* The line of the record ${r} whose bytes are ${text}. */
void sp_line_of_record(
    const struct sp_record *r, struct sp_view text, struct sp_line *out);
/* What a line says of a message: SHA-256(msalt || sha256), where ${sha256} is
 * the digest of the message. */
void sp_message_commit(const uint8_t msalt[SP_SALT_LEN],
    const uint8_t sha256[SP_SHA256_LEN], uint8_t out[SP_SHA256_LEN]);
/* The hash of a line as a leaf: SHA-256(0x00 || line), RFC 6962 section 2.1. */
void sp_leaf_hash(struct sp_view line, uint8_t out[SP_SHA256_LEN]);

#endif
