/*
 * Reading an archive: an entry by seq, or all from a seq on, from segments and
 * intake alike.  Needs no lock and no key; a file that disappears under the
 * reader (intake packed, revision replaced) is looked for again before it is
 * called missing.
 */
#ifndef SP_LOG_READER_H
#define SP_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct sp_reader;

struct sp_entry {
	uint64_t seq;
	bool has_record, has_message; /* false where purged or erased */
	struct sp_view record; /* borrowed until the next call */
	struct sp_view msg;
	char where[160]; /* "archive/2026/11/..." or "intake/..." */
};

SP_CHECK enum sp_code sp_reader_open(
    const char *dir, struct sp_reader **out, struct sp_err *err);
const char *sp_reader_origin(const struct sp_reader *r);
/* One past the last entry readable now (looks again). */
SP_CHECK enum sp_code sp_reader_end(
    struct sp_reader *r, uint64_t *end, struct sp_err *err);
/* SP_ENOTFOUND if there is no such entry. */
SP_CHECK enum sp_code sp_reader_get(struct sp_reader *r, uint64_t seq,
    struct sp_entry *out, struct sp_err *err);
/* Sequential: set the position, then next; SP_EEND when there is no more now. */
void sp_reader_seek(struct sp_reader *r, uint64_t seq);
SP_CHECK enum sp_code sp_reader_next(
    struct sp_reader *r, struct sp_entry *out, struct sp_err *err);
void sp_reader_close(struct sp_reader *r);

#endif
