/*
 * data/loadfile/messages.csv: one row for each message of an export, for
 * people with a spreadsheet (RFC 4180, UTF-8 with byte order mark).  The exact
 * form is messages.jsonl beside it.  Called by bag_entries.c.
 */
#ifndef SP_EXPORT_LOADFILE_H
#define SP_EXPORT_LOADFILE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Append byte order mark and column names; SP_ELIMIT: ${out} is full. */
SP_CHECK enum sp_code sp_loadfile_head(struct sp_buf *out);

/*
 * Append the row of the message that is entry ${seq}, CRLF at its end.
 * ${json}: the object of `search --format json`.  A cell that a spreadsheet
 * would take for a formula gets an apostrophe in front.  SP_EFORMAT: not JSON;
 * SP_ELIMIT: the row is too long.
 */
SP_CHECK enum sp_code sp_loadfile_row(
    const char *json, uint64_t seq, struct sp_buf *out, struct sp_err *err);

#endif
