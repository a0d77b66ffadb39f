/*
 * SHA-256 (FIPS 180-4) by OpenSSL: the digest of records, messages, tree nodes
 * and files.  None of these functions can fail: without SHA-256 nothing of
 * the archive could be written or checked, so the process aborts.
 */
#ifndef SP_BASE_SHA256_H
#define SP_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SP_SHA256_LEN 32 /* bytes of a digest */

struct sp_sha256; /* a digest that is being computed piece by piece */

/* A digest that nothing was added to yet; free it with sp_sha256_free. */
struct sp_sha256 *sp_sha256_new(void);
/* Forget what was added and begin the next digest. */
void sp_sha256_reset(struct sp_sha256 *s);
/* Add the next ${n} bytes. */
void sp_sha256_add(struct sp_sha256 *s, const void *p, size_t n);
/* Write the digest of all bytes added since the last reset.  Reset ${s} before
 * it is used again. */
void sp_sha256_end(struct sp_sha256 *s, uint8_t out[SP_SHA256_LEN]);
void sp_sha256_free(struct sp_sha256 *s); /* NULL is fine */

/* Digest of one piece.  Costs no allocation; any thread may call it. */
void sp_sha256_once(const void *p, size_t n, uint8_t out[SP_SHA256_LEN]);
/* Digest of ${a} followed by ${b}, otherwise as sp_sha256_once. */
void sp_sha256_two(const void *a, size_t an, const void *b, size_t bn,
    uint8_t out[SP_SHA256_LEN]);

#endif
