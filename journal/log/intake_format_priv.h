/*
 * Headers of the intake log, bytes to structs and back: pure and total.
 * Offsets, sizes and rules: doc/format-intake.md.  Private to intake*.c.
 */
#ifndef SP_LOG_INTAKE_FORMAT_PRIV_H
#define SP_LOG_INTAKE_FORMAT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"
#include "journal/log/intake_read.h"
#include "base/layout.h"

#define SP_INTAKE_VERSION   1
#define SP_INTAKE_HEAD_MIN  79 /* bytes of a file header, one of origin */
#define SP_INTAKE_HEAD_MAX  (78 + SP_ORIGIN_MAX)
#define SP_INTAKE_BATCH_LEN 56 /* bytes of a batch header */
#define SP_INTAKE_FRAME_LEN 24 /* bytes of an entry header */
#define SP_INTAKE_KEY_LEN   24 /* magic and file id: what a scan looks for */

/* Bits of the flags of an entry; all others must be 0. */
#define SP_INTAKE_HAS_MESSAGE 1u

/* A batch header, without what the file header says already. */
struct sp_intake_batch {
	uint64_t number; /* from 0, consecutive, marks included */
	uint64_t first; /* seq of its first entry */
	uint32_t count; /* entries; 0 is a mark */
	uint64_t length; /* bytes of entries behind the header */
};

/* The header of an entry. */
struct sp_intake_frame {
	uint32_t record_len;
	uint64_t msg_len;
	bool has_message;
	uint32_t record_crc; /* over the header up to here, then the record */
	uint32_t msg_crc;
};

/* Write the header of a file with the length and checksum that it must have;
 * h->length is not looked at.  Returns the length. */
size_t sp_intake_head_format(
    const struct sp_intake_head *h, uint8_t out[SP_INTAKE_HEAD_MAX]);
/* ${v}: the beginning of a file, SP_INTAKE_HEAD_MAX bytes or all that it has.
 * SP_EFORMAT: no whole header; SP_EVERSION: one of another version. */
SP_CHECK enum sp_code sp_intake_head_parse(
    struct sp_view v, struct sp_intake_head *h, struct sp_err *err);

/* Write the header of a batch, or with a count of 0 a mark, of file ${id}. */
void sp_intake_batch_format(const struct sp_intake_batch *b,
    const uint8_t id[16], uint8_t out[SP_INTAKE_BATCH_LEN]);
/* False unless these bytes are a whole and consistent batch header of file
 * ${id}, within the limits of the format. */
bool sp_intake_batch_parse(const uint8_t p[SP_INTAKE_BATCH_LEN],
    const uint8_t id[16], struct sp_intake_batch *b);
/* The bytes with which every batch header of file ${id} begins, for a scan. */
void sp_intake_batch_key(const uint8_t id[16], uint8_t out[SP_INTAKE_KEY_LEN]);

/* Write lengths and flags of an entry header; the checksums of ${f} are not
 * looked at, sp_intake_frame_finish adds them. */
void sp_intake_frame_start(
    const struct sp_intake_frame *f, uint8_t out[SP_INTAKE_FRAME_LEN]);
/* Add the two checksums: over what sp_intake_frame_start wrote and ${record},
 * and of the message. */
void sp_intake_frame_finish(uint8_t frame[SP_INTAKE_FRAME_LEN],
    struct sp_view record, uint32_t msg_crc);
/* The checksum over an entry's lengths and flags, to be continued over the
 * record. */
uint32_t sp_intake_frame_crc(const struct sp_intake_frame *f);
/* False unless the entry header and what it announces fit into ${left}, the
 * bytes that the batch has from here on, and no limit is exceeded.  No checksum
 * is looked at: they are over bytes that follow. */
bool sp_intake_frame_parse(const uint8_t p[SP_INTAKE_FRAME_LEN], uint64_t left,
    struct sp_intake_frame *f);

#endif
