/*
 * What segment_*.c share: the tables behind the tar (doc/format-segment.md).
 * Private to the segment files.
 */
#ifndef SP_SEGMENT_SEGMENT_FORMAT_PRIV_H
#define SP_SEGMENT_SEGMENT_FORMAT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"
#include "journal/segment/segment.h"

#define SP_TAR_BLOCK 512u
#define SP_TAR_END   1024u

#define SP_SKIP_TOC   0x184D2A50u /* zstd skippable frame: table of contents */
#define SP_SKIP_SEEK  0x184D2A5Eu /* zstd skippable frame: seek table */
#define SP_SKIP_HEAD  8u /* magic and size of a skippable frame */
#define SP_SEEK_MAGIC 0x8F92EAB1u
#define SP_SEEK_FOOT  9u
#define SP_SEEK_ITEM  8u

#define SP_TOC_MAGIC "SPTOC001"
#define SP_TOC_HEAD  56u
#define SP_TOC_FOOT  4u /* CRC-32C */
/* Every so many entries the reader keeps a place from which to go on. */
#define SP_TOC_STEP 64u

/* Bits of an entry in the table of contents. */
#define SP_TOC_RECORD	  0x01u
#define SP_TOC_MESSAGE	  0x02u
#define SP_TOC_RECORD_AT  0x04u
#define SP_TOC_MESSAGE_AT 0x08u
#define SP_TOC_KEY	  0x10u
#define SP_TOC_KNOWN	  0x1fu

/* The frames of a file, from its seek table. */
struct sp_frames {
	size_t n; /* data frames */
	uint64_t *coff; /* n + 1: where each begins in the file */
	uint64_t *uoff; /* n + 1: where its data begins in the tar */
};

/* A place in the tar: a frame and an offset in its data. */
struct sp_toc_pos {
	uint32_t frame;
	uint32_t off;
};

struct sp_toc_entry {
	unsigned flags;
	uint32_t key;
	struct sp_toc_pos record, msg; /* where the payloads begin */
	uint64_t record_len, msg_len;
};

/* ---- writing ---- */
struct sp_toc_writer {
	struct sp_buf buf; /* the frame's payload, without CRC */
	struct sp_toc_pos end; /* of the payload before */
	uint64_t first, next;
};

void sp_toc_begin(struct sp_toc_writer *t, uint64_t first);
/* The payload of .lines. */
void sp_toc_lines(struct sp_toc_writer *t, struct sp_toc_pos at, uint64_t len,
    struct sp_toc_pos end);
/* ${end_record}, ${end_msg}: where the payloads end.  SP_ELIMIT. */
SP_CHECK enum sp_code sp_toc_add(struct sp_toc_writer *t,
    const struct sp_toc_entry *e, struct sp_toc_pos end_record,
    struct sp_toc_pos end_msg, struct sp_err *err);
/* Fill in the head, add the CRC. */
SP_CHECK enum sp_code sp_toc_end(
    struct sp_toc_writer *t, uint32_t frames, struct sp_err *err);
void sp_toc_done(struct sp_toc_writer *t);

/* ---- reading ---- */
struct sp_toc_step {
	size_t at; /* byte in the table */
	struct sp_toc_pos end;
};

struct sp_toc {
	struct sp_buf buf; /* the frame's payload */
	const struct sp_frames *frames;
	uint64_t first, last;
	uint64_t lines_at, lines_len; /* in the tar */
	struct sp_toc_step *steps;
};

/* Check all of ${t}->buf; every payload must lie inside ${f}. */
SP_CHECK enum sp_code sp_toc_load(
    struct sp_toc *t, const struct sp_frames *f, struct sp_err *err);
/* ${seq} within first..last. */
SP_CHECK enum sp_code sp_toc_find(const struct sp_toc *t, uint64_t seq,
    struct sp_segment_item *out, uint32_t *key, struct sp_err *err);
void sp_toc_free(struct sp_toc *t);

#endif
