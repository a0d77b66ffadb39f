/*
 * What the files of segments share of the format: tar, skippable frames and the
 * seek table (doc/format-segment.md).  The table of contents is in toc_priv.h.
 */
#ifndef SP_SEGMENT_SEGMENT_FORMAT_PRIV_H
#define SP_SEGMENT_SEGMENT_FORMAT_PRIV_H

#include <stddef.h>
#include <stdint.h>

#define SP_TAR_BLOCK 512u
#define SP_TAR_END   1024u /* zero bytes that end a tar */

/* Skippable frames of zstd (RFC 8878 section 3.1.2): magic, length, content. */
#define SP_SKIP_TOC  0x184D2A50u /* magic of the table of contents */
#define SP_SKIP_SEEK 0x184D2A5Eu /* magic of the seek table */
#define SP_SKIP_HEAD 8u /* bytes of magic and length */

/* The seek table, as zstd's contrib/seekable_format defines it. */
#define SP_SEEK_MAGIC 0x8F92EAB1u
#define SP_SEEK_FOOT  9u /* bytes of count, flags, magic */
#define SP_SEEK_ITEM  8u /* bytes of both lengths of a frame */

/* The frames of a file, from its seek table. */
struct sp_frames {
	size_t n; /* data frames */
	uint64_t *coff; /* n + 1: where each begins in the file */
	uint64_t *uoff; /* n + 1: where its data begins in the tar */
};

#endif
