/*
 * The checksum of gzip: see journal/import/import_gzip.h.  Half a byte at a
 * time, from a table of sixteen; mail is small, and the disk is slower.
 */
#include "journal/import/import_gzip.h"

#include "base/enc.h"

static const uint32_t table[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8,
	0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320,
	0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278,
	0xbdbdf21c };

void
sp_import_gzip_add(struct sp_import_gzip *g, const void *p, size_t n)
{
	const uint8_t *at = p;
	uint32_t crc = ~g->crc;

	for (size_t i = 0; i < n; i++) {
		crc ^= at[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	g->crc = ~crc;
	g->n += n;
}

bool
sp_import_gzip_fits(const struct sp_import_gzip *g,
    const uint8_t trailer[SP_IMPORT_GZIP_TRAILER])
{
	return (sp_le32_get(trailer) == g->crc &&
		sp_le32_get(trailer + 4) == (uint32_t)g->n);
}
