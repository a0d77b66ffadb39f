/*
 * CRC-32C (Castagnoli: polynomial 0x1EDC6F41, reflected, initial value and
 * final xor 0xFFFFFFFF; doc/format-intake.md).  It finds accidents such as torn
 * writes and bad disks, not forgery: digests and signatures do that.
 */
#ifndef SP_BASE_CRC32C_H
#define SP_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of ${n} more bytes: begin with ${crc} 0 and pass the result of
 * one call to the next. */
uint32_t sp_crc32c(uint32_t crc, const void *p, size_t n);

#endif
