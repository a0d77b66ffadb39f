/*
 * The table of contents of a segment: where record and message of each entry
 * lie.  segment_write.c builds it while the tar is written, segment_read.c
 * loads and asks it.  Pure, bytes in and out; the format is in
 * doc/format-segment.md, "The table of contents".
 *
 * Writing:  begin -> lines -> add (each entry, in order) -> end -> done
 * Reading:  load -> find ... -> free
 */
#ifndef SP_SEGMENT_TOC_PRIV_H
#define SP_SEGMENT_TOC_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "journal/segment/segment.h"
#include "journal/segment/segment_format_priv.h"

#define SP_TOC_MAGIC "SPTOC001"
#define SP_TOC_HEAD  56u /* bytes before the entries */
#define SP_TOC_FOOT  4u /* CRC-32C */
/* Every so many entries the reader keeps a place from which to go on. */
#define SP_TOC_STEP 64u

/* Flags of an entry. */
#define SP_TOC_RECORD	  0x01u /* it has a record */
#define SP_TOC_MESSAGE	  0x02u /* it has a message */
#define SP_TOC_RECORD_AT  0x04u /* the position of the record is given */
#define SP_TOC_MESSAGE_AT 0x08u /* the position of the message is given */
#define SP_TOC_KEY	  0x10u /* a key id is given: it is encrypted */
#define SP_TOC_KNOWN	  0x1fu /* all of them */

/* A place in the tar: a frame and an offset in its decompressed data. */
struct sp_toc_pos {
	uint32_t frame;
	uint32_t off;
};

/* An entry to be added. */
struct sp_toc_entry {
	unsigned flags; /* SP_TOC_RECORD, SP_TOC_MESSAGE */
	uint32_t key; /* 0: clear text */
	struct sp_toc_pos record, msg; /* where the payloads begin */
	uint64_t record_len, msg_len;
};

/* ---- writing ---- */
struct sp_toc_writer {
	struct sp_buf buf; /* the table, without its checksum */
	struct sp_toc_pos end; /* of the payload before */
	uint64_t first, next; /* seq */
};

/* Begin a table of entries from ${first} on. */
void sp_toc_begin(struct sp_toc_writer *t, uint64_t first);
/* Say where the payload of .lines begins and ends, and its bytes. */
void sp_toc_lines(struct sp_toc_writer *t, struct sp_toc_pos at, uint64_t len,
    struct sp_toc_pos end);
/* Add the next entry.  ${end_record} and ${end_msg} are where its payloads end:
 * the frame of the last byte and the offset behind it.  SP_ELIMIT: the table
 * gets longer than SP_SEGMENT_TOC_MAX. */
SP_CHECK enum sp_code sp_toc_add(struct sp_toc_writer *t,
    const struct sp_toc_entry *e, struct sp_toc_pos end_record,
    struct sp_toc_pos end_msg, struct sp_err *err);
/* Fill in the head and add the checksum: t->buf is the table.  SP_ELIMIT: no
 * memory. */
SP_CHECK enum sp_code sp_toc_end(
    struct sp_toc_writer *t, uint32_t frames, struct sp_err *err);
void sp_toc_done(struct sp_toc_writer *t);

/* ---- reading ---- */
struct sp_toc_step {
	size_t at; /* byte in the table */
	struct sp_toc_pos end; /* of the payload before */
};

struct sp_toc {
	struct sp_buf buf; /* the table, with its checksum */
	const struct sp_frames *frames; /* borrowed */
	uint64_t first, last; /* seq */
	uint64_t lines_at, lines_len; /* offset and bytes in the tar */
	struct sp_toc_step *steps; /* one for SP_TOC_STEP entries */
};

/* Check the whole table in ${t}->buf, which the caller has filled; every
 * payload must lie inside ${f}.  SP_EFORMAT, SP_EVERSION, without the segment's
 * name in the message. */
SP_CHECK enum sp_code sp_toc_load(
    struct sp_toc *t, const struct sp_frames *f, struct sp_err *err);
/* Find entry ${seq}, which must be within first..last; ${key} gets its key id,
 * 0 for clear text. */
SP_CHECK enum sp_code sp_toc_find(const struct sp_toc *t, uint64_t seq,
    struct sp_segment_item *out, uint32_t *key, struct sp_err *err);
void sp_toc_free(struct sp_toc *t);

#endif
