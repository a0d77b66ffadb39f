/*
 * What makes two copies of a message the same, whatever way they came.
 * The exact rule is in doc/format-index.md, "Families".
 */
#ifndef SP_INDEX_MAIL_IDENTITY_H
#define SP_INDEX_MAIL_IDENTITY_H

#include "base/buf.h"
#include "base/sha256.h"
#include "index/mail/header.h"
#include "index/mail/tree.h"

#define SP_IDENTITY_FIELDS 10

struct sp_identity {
	struct sp_sha256 *body;
	struct sp_buf field[SP_IDENTITY_FIELDS]; /* one for each name */
};

void sp_identity_init(struct sp_identity *id);
/* A header field of the message (depth 0) or of one inside it. */
void sp_identity_field(
    struct sp_identity *id, unsigned depth, const struct sp_field *f);
/* A part; ${tsha256} is NULL for a message whose parts follow. */
void sp_identity_part(struct sp_identity *id, const struct sp_entity *e,
    const char *path, const uint8_t *tsha256);
void sp_identity_loose(struct sp_identity *id, struct sp_view text);
/* Ends it: SHA-256 of the body, and of stable fields and body. */
void sp_identity_done(struct sp_identity *id, uint8_t body[SP_SHA256_LEN],
    uint8_t stable[SP_SHA256_LEN]);

#endif
