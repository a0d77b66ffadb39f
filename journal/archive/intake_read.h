/*
 * Reading intake files: pure frame parsing over bytes, and a reader that sees
 * only what lies before a valid batch header (doc/format-intake.md).
 */
#ifndef SP_ARCHIVE_INTAKE_READ_H
#define SP_ARCHIVE_INTAKE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

struct sp_intake_file;              /* one open intake file */

struct sp_intake_head {
	uint8_t id[16];
	uint64_t first;             /* seq of its first entry */
	uint8_t prev_id[16];        /* zero if none */
	uint64_t prev_length;       /* valid bytes of the predecessor */
	char origin[129];
};

struct sp_intake_item {
	uint64_t seq;
	uint64_t record_off, record_len;
	bool has_message;
	uint64_t msg_off, msg_len;
	uint32_t record_crc, msg_crc;
};

/* ${limit}: bytes of this file that count (its successor's prev_length), or
 * UINT64_MAX for the newest file. */
SP_CHECK enum sp_code sp_intake_file_open(const char *path, uint64_t limit,
    struct sp_intake_file **out, struct sp_err *err);
const struct sp_intake_head *sp_intake_file_head(const struct sp_intake_file *f);
/*
 * The next entry proven durable (before a valid header, or the end that the
 * successor states).  SP_EEND: none now; for the newest file a later call may
 * find more.  SP_EFORMAT: damage before a valid header, with file, batch and
 * offset.  Also needed by recovery and verify.
 */
SP_CHECK enum sp_code sp_intake_file_next(struct sp_intake_file *f,
    struct sp_intake_item *item, struct sp_err *err);
/* Record and message bytes of an item, CRC checked; buffers are cleared first. */
SP_CHECK enum sp_code sp_intake_file_read(struct sp_intake_file *f,
    const struct sp_intake_item *item, struct sp_buf *record,
    struct sp_buf *msg, struct sp_err *err);
/* Go to just before the entry ${seq} (scans headers only). */
SP_CHECK enum sp_code sp_intake_file_seek(struct sp_intake_file *f,
    uint64_t seq, struct sp_err *err);
void sp_intake_file_close(struct sp_intake_file *f);

#endif
