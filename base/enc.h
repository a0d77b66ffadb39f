/*
 * Encodings: hex and base64 (RFC 4648) as text, and integers of a fixed width
 * as bytes.  All integers on disk go through these functions, little endian but
 * where a foreign format says otherwise.
 */
#ifndef SP_BASE_ENC_H
#define SP_BASE_ENC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"

/*
 * Write ${n} bytes as lower-case hex; ${out} takes 2n+1 bytes (NUL at the end).
 */
void sp_hex_encode(const void *p, size_t n, char *out);
/* Read ${n} bytes from exactly 2n hex digits of either case; false for any
 * other text.  ${out} may then be written in part. */
bool sp_hex_decode(struct sp_view v, uint8_t *out, size_t n);

/* Length of the base64 of ${n} bytes with its padding, without NUL. */
size_t sp_b64_len(size_t n);
/* Write base64 (RFC 4648 section 4) with padding; ${out} takes sp_b64_len(n)+1
 * bytes (NUL at the end). */
void sp_b64_encode(const void *p, size_t n, char *out);
/* Read base64 that is padded and canonical (unused bits are 0) and holds
 * nothing else; false for any other text.  ${out} takes 3*(v.n/4) bytes; the
 * length goes to ${n}. */
bool sp_b64_decode(struct sp_view v, uint8_t *out, size_t *n);
/*
 * The same for exactly ${n} bytes (at most 93); ${out} is written on success.
 */
bool sp_b64_decode_exact(struct sp_view v, uint8_t *out, size_t n);
/* Append the base64 of ${n} bytes; SP_ELIMIT as sp_buf_add. */
SP_CHECK enum sp_code sp_b64_append(struct sp_buf *b, const void *p, size_t n);

/* Write an integer little endian, into 2, 4 or 8 bytes. */
void sp_le16_put(uint8_t *p, uint16_t v);
void sp_le32_put(uint8_t *p, uint32_t v);
void sp_le64_put(uint8_t *p, uint64_t v);
/* Read such an integer from 2, 4 or 8 bytes. */
uint16_t sp_le16_get(const uint8_t *p);
uint32_t sp_le32_get(const uint8_t *p);
uint64_t sp_le64_get(const uint8_t *p);

/* Write an integer big endian (network order), into 2 or 4 bytes. */
void sp_be16_put(uint8_t *p, uint16_t v);
void sp_be32_put(uint8_t *p, uint32_t v);
/* Read such an integer from 2 or 4 bytes. */
uint16_t sp_be16_get(const uint8_t *p);
uint32_t sp_be32_get(const uint8_t *p);

#endif
