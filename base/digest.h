/* SHA-256 (OpenSSL, fetched once), CRC-32C (Castagnoli), random bytes. */
#ifndef SP_BASE_DIGEST_H
#define SP_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

#define SP_SHA256_LEN 32
#define SP_SALT_LEN   16

struct sp_sha256; /* streaming state */

struct sp_sha256 *sp_sha256_new(void);
void sp_sha256_reset(struct sp_sha256 *s);
void sp_sha256_add(struct sp_sha256 *s, const void *p, size_t n);
/* Writes the digest of all added since reset; reset before the next use. */
void sp_sha256_end(struct sp_sha256 *s, uint8_t out[SP_SHA256_LEN]);
void sp_sha256_free(struct sp_sha256 *s); /* NULL is fine */
/* Digest of one piece. */
void sp_sha256_once(const void *p, size_t n, uint8_t out[SP_SHA256_LEN]);
/* Digest of a || b. */
void sp_sha256_two(const void *a, size_t an, const void *b, size_t bn,
    uint8_t out[SP_SHA256_LEN]);

/* CRC-32C; start with crc 0, feed the result back to go on. */
uint32_t sp_crc32c(uint32_t crc, const void *p, size_t n);

/* Unpredictable bytes from the kernel (buffered, fork-safe).  Aborts if the
 * kernel gives none.  Thread-safe. */
void sp_random(void *p, size_t n);
/* Tests: make sp_random deterministic from ${seed}; 0 switches back. */
void sp_random_seed_for_test(uint64_t seed);

#endif
