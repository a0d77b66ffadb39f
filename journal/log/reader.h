/*
 * Reading an archive: an entry by its number, or all from one on, from segments
 * and intake files alike.  Needs no lock and no key.  Sealing moves entries
 * from one to the other meanwhile: a file that disappears is looked for again
 * before an entry is called missing.  Users are the indexer, export, show,
 * sealing and journal/verify.
 */
#ifndef SP_LOG_READER_H
#define SP_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* A reader of one archive.  It keeps files open between calls. */
struct sp_reader;

/* An entry as it was read; the views are borrowed until the next call on the
 * reader. */
struct sp_entry {
	uint64_t seq;
	bool has_record; /* false where it was erased */
	bool has_message; /* false for events, and where purged or erased */
	struct sp_view record;
	struct sp_view msg;
	char where[160]; /* "archive/2026/11/..." or "intake/..." */
};

/* Open the archive in ${dir} for reading; ${out} is the caller's.  SP_ENOTFOUND
 * no archive, SP_EVERSION, SP_EFORMAT damaged intake header, SP_EIO. */
SP_CHECK enum sp_code sp_reader_open(
    const char *dir, struct sp_reader **out, struct sp_err *err);
/* The origin in the archive's FORMAT, borrowed. */
const char *sp_reader_origin(const struct sp_reader *r);
/* Set ${end} to one past the last entry that can be read now; looks at the disk
 * again.  SP_EFORMAT, SP_EIO. */
SP_CHECK enum sp_code sp_reader_end(
    struct sp_reader *r, uint64_t *end, struct sp_err *err);
/* Read entry ${seq}.  SP_ENOTFOUND if there is no such entry (yet); SP_EFORMAT
 * and SP_EVERSION for its file, SP_EIO. */
SP_CHECK enum sp_code sp_reader_get(struct sp_reader *r, uint64_t seq,
    struct sp_entry *out, struct sp_err *err);
/* Let sp_reader_next go on with entry ${seq}; at first it is entry 0. */
void sp_reader_seek(struct sp_reader *r, uint64_t seq);
/* Read the next entry.  SP_EEND when there is none now: a later call may find
 * one.  After an error (as sp_reader_get) the same entry is next again. */
SP_CHECK enum sp_code sp_reader_next(
    struct sp_reader *r, struct sp_entry *out, struct sp_err *err);
void sp_reader_close(struct sp_reader *r); /* NULL is fine */

#endif
