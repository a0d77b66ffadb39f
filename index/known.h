/*
 * Ids of rows that the writer of a shard found or added lately, so that most
 * addresses and evidence need no query.  put.c asks and tells it; a rollback
 * clears it, since rows that it knows may be gone.
 */
#ifndef SP_INDEX_KNOWN_H
#define SP_INDEX_KNOWN_H

#include <stdint.h>

#include "base/sha256.h"

struct sp_known;

/* Knows nothing yet; the caller's. */
struct sp_known *sp_known_new(void);
/* Forget everything; NULL is fine. */
void sp_known_clear(struct sp_known *k);
void sp_known_free(struct sp_known *k); /* NULL is fine */

/* The id of the row of addresses with this SHA-256 over address, NUL and name,
 * or 0 if it is not known. */
int64_t sp_known_address(
    const struct sp_known *k, const uint8_t digest[SP_SHA256_LEN]);
/* Remember it, in place of another one if need be. */
void sp_known_add_address(
    struct sp_known *k, const uint8_t digest[SP_SHA256_LEN], int64_t id);

/* The id of the row of evidence for ${text}, or 0. */
int64_t sp_known_evidence(const struct sp_known *k, const char *text);
/* Remember it, as long as there is room and it is not too long. */
void sp_known_add_evidence(struct sp_known *k, const char *text, int64_t id);

#endif
