/* Encodings: hex, base64 (RFC 4648 section 4), little and big endian. */
#ifndef SP_BASE_ENC_H
#define SP_BASE_ENC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"

/* Lower-case hex; ${out} takes 2n+1 bytes (NUL at the end). */
void sp_hex_encode(const void *p, size_t n, char *out);
/* Exactly 2n hex digits, either case. */
bool sp_hex_decode(struct sp_view v, uint8_t *out, size_t n);

/* Length of the padded base64 of n bytes, without NUL. */
size_t sp_b64_len(size_t n);
/* Padded standard base64; ${out} takes sp_b64_len(n)+1 bytes. */
void sp_b64_encode(const void *p, size_t n, char *out);
/* Strict: padded, canonical, no white space.  ${out} of at least 3*(v.n/4)
 * bytes; the length goes to ${n}. */
bool sp_b64_decode(struct sp_view v, uint8_t *out, size_t *n);
/* Strict and exactly ${n} bytes. */
bool sp_b64_decode_exact(struct sp_view v, uint8_t *out, size_t n);
SP_CHECK enum sp_code sp_b64_append(struct sp_buf *b, const void *p, size_t n);

void sp_le16_put(uint8_t *p, uint16_t v);
void sp_le32_put(uint8_t *p, uint32_t v);
void sp_le64_put(uint8_t *p, uint64_t v);
uint16_t sp_le16_get(const uint8_t *p);
uint32_t sp_le32_get(const uint8_t *p);
uint64_t sp_le64_get(const uint8_t *p);
void sp_be16_put(uint8_t *p, uint16_t v);
void sp_be32_put(uint8_t *p, uint32_t v);
uint16_t sp_be16_get(const uint8_t *p);
uint32_t sp_be32_get(const uint8_t *p);

#endif
