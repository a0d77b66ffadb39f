/*
 * The checksum of gzip (RFC 1952 section 2.3.1): libarchive does not look at
 * it, and a wrong bit in a compressed message would pass for the message.
 * Pure; called by import_container.c for a file that is only compressed.
 */
#ifndef SP_IMPORT_IMPORT_GZIP_H
#define SP_IMPORT_IMPORT_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_IMPORT_GZIP_TRAILER 8 /* bytes behind the compressed ones */

/* Of the bytes that came out so far; begins as zeros. */
struct sp_import_gzip {
	uint32_t crc; /* CRC-32 of ISO 3309 */
	uint64_t n;
};

/* Add bytes that came out. */
void sp_import_gzip_add(struct sp_import_gzip *g, const void *p, size_t n);
/* Whether ${trailer}, the last bytes of the file, has the checksum and the size
 * of what came out; false also for several gzip streams in one file. */
bool sp_import_gzip_fits(const struct sp_import_gzip *g,
    const uint8_t trailer[SP_IMPORT_GZIP_TRAILER]);

#endif
