/*
 * Reading intake files: the list of them, and the entries of one that are
 * proven durable (doc/format-intake.md, "Reading").  Needs no lock.  Users are
 * reader.h, packing (journal/seal) and journal/verify.
 */
#ifndef SP_LOG_INTAKE_READ_H
#define SP_LOG_INTAKE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

/* Limits of the format; the writer keeps them, the reader demands them. */
#define SP_INTAKE_ID_LEN	  16
#define SP_INTAKE_COUNT_MAX	  65536u /* entries in a batch */
#define SP_INTAKE_MSG_MAX	  (UINT64_C(1) << 32) /* bytes of a message */
#define SP_INTAKE_BATCH_BYTES_MAX (UINT64_C(1) << 40) /* of entries */

struct sp_intake_file; /* one open intake file */

/* A file header. */
struct sp_intake_head {
	uint8_t id[SP_INTAKE_ID_LEN];
	uint64_t first; /* seq of its first entry */
	uint8_t prev_id[SP_INTAKE_ID_LEN]; /* zero if none */
	uint64_t prev_length; /* valid bytes of the predecessor */
	int64_t created; /* wall clock, us */
	char origin[129];
	uint32_t length; /* bytes of this header */
};

/* One file of the log, as the directory and the headers show it. */
struct sp_intake_info {
	char name[64]; /* in intake/ */
	struct sp_intake_head head;
	bool finished; /* another file names it as predecessor */
	uint64_t limit; /* bytes that count; UINT64_MAX: not finished */
	uint64_t size; /* bytes on disk */
};

/*
 * List the files of the log in ${dir} (the archive), in order: by first number,
 * and where several have the same, by predecessor.  A finished file may be
 * empty (its first sync failed): it has nothing to pack and may be removed.  At
 * most the last one is not finished.  ${out} is the caller's: free().
 * SP_EFORMAT: a header is damaged or does not fit the name; SP_EVERSION;
 * SP_ELIMIT: too many files; SP_ENOTFOUND: files kept disappearing.
 */
SP_CHECK enum sp_code sp_intake_list(const char *dir,
    struct sp_intake_info **out, size_t *n, struct sp_err *err);

/* Where an entry lies in its file; offsets and lengths in bytes. */
struct sp_intake_item {
	uint64_t seq;
	uint64_t batch; /* number of its batch in the file */
	uint64_t record_off, record_len;
	bool has_message;
	uint64_t msg_off, msg_len;
	uint32_t record_crc; /* over the entry's lengths and flags too */
	uint32_t msg_crc;
};

/*
 * Open a file for reading.  ${limit}: bytes of it that count (its successor's
 * prev_length), or UINT64_MAX for the newest file.  ${out} is the caller's.
 * SP_ENOTFOUND: it was removed; SP_EFORMAT, SP_EVERSION: its header.
 */
SP_CHECK enum sp_code sp_intake_file_open(const char *path, uint64_t limit,
    struct sp_intake_file **out, struct sp_err *err);
/* The file's header, borrowed until the file is closed. */
const struct sp_intake_head *sp_intake_file_head(
    const struct sp_intake_file *f);
/* Entries before number ${entries} are known to be durable, since a tree covers
 * them: a whole batch of them needs no header behind it.  A mark is not synced:
 * after a power cut, and before the next start, the last one may be gone.  The
 * caller compares each entry with the tree. */
void sp_intake_file_cover(struct sp_intake_file *f, uint64_t entries);
/*
 * The next entry that is proven durable: by a valid batch header behind its
 * batch, or by the length that the successor states.  SP_EEND: none now; in the
 * newest file a later call may find more.  SP_EFORMAT: damage, with file, batch
 * and offset.
 */
SP_CHECK enum sp_code sp_intake_file_next(
    struct sp_intake_file *f, struct sp_intake_item *item, struct sp_err *err);
/* Read record and message of an entry, and check their checksums (SP_EFORMAT).
 * Buffers are cleared first; ${msg} may be NULL.  SP_ELIMIT: a buffer is too
 * small. */
SP_CHECK enum sp_code sp_intake_file_read(struct sp_intake_file *f,
    const struct sp_intake_item *item, struct sp_buf *record,
    struct sp_buf *msg, struct sp_err *err);
/* Move to just before entry ${seq}, by headers alone.  SP_ENOTFOUND: it lies
 * before this file; SP_EEND: it is not proven durable here (yet);
 * SP_EFORMAT. */
SP_CHECK enum sp_code sp_intake_file_seek(
    struct sp_intake_file *f, uint64_t seq, struct sp_err *err);
void sp_intake_file_close(struct sp_intake_file *f); /* NULL is fine */

#endif
