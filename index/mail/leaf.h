/*
 * A leaf decoded once: size, digests, the bytes that libmagic and the text
 * extraction want.
 */
#ifndef SP_INDEX_MAIL_LEAF_H
#define SP_INDEX_MAIL_LEAF_H

#include "base/buf.h"
#include "base/sha256.h"
#include "base/view.h"
#include "index/mail/transfer.h"

/* SHA-256 of bytes as they come, and of the same with CRLF as LF and without
 * final newlines. */
struct sp_leaf {
	struct sp_sha256 *sha;
	struct sp_sha256 *tsha; /* both NULL: no digests */
	struct sp_buf kept; /* the first bytes, up to its limit */
	uint64_t size;
	bool cr; /* a CR is held back */
	uint64_t lf; /* LFs held back */
	bool whole; /* kept is everything */
};

/* Decode ${raw}; keeps up to ${keep} bytes.  False if the encoding is
 * damaged.  Without digests tsha and sha are NULL in ${l}. */
bool sp_leaf_read(struct sp_leaf *l, enum sp_transfer enc, struct sp_view raw,
    size_t keep, uint8_t sha[SP_SHA256_LEN], uint8_t tsha[SP_SHA256_LEN]);

#endif
