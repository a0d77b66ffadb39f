/*
 * Segments: a run of consecutive entries for good, as a tar of entry lines,
 * records and messages in independent zstd frames, with a table of contents and
 * a seek table at the end.  Format: doc/format-segment.md.
 *
 * journal/seal writes one from a finished intake file, signs it (journal/sign)
 * and reads it back; reader.h reads single entries; journal/verify walks all of
 * it.  segment_list.h tells which segments there are.
 */
#ifndef SP_SEGMENT_SEGMENT_H
#define SP_SEGMENT_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/layout.h"

/* The longest frame that is read or written, bytes decompressed. */
#define SP_SEGMENT_FRAME_MAX (64u << 20)
/* The shortest frame target that is written. */
#define SP_SEGMENT_FRAME_MIN 4096u
/* The largest table of contents, in bytes: some ten million entries. */
#define SP_SEGMENT_TOC_MAX (64u << 20)

/* ---- writing ---- */
struct sp_segment_writer;

/*
 * Begin a segment of the entries ${first} to ${last} in the file ${path} (a
 * temporary name; what is there is replaced).  Then come all lines, each with
 * its LF, ${lines_len} bytes in pieces of any size, then every entry in order.
 * ${first_received}: when the first entry was received, in microseconds.
 * ${level} is zstd's; ${frame} the bytes that a frame aims at, between
 * SP_SEGMENT_FRAME_MIN and _MAX.  ${out} is the caller's.
 * SP_EUSAGE: zstd refuses the level; SP_ELIMIT: no memory; SP_EIO, SP_ENOSPC.
 */
SP_CHECK enum sp_code sp_segment_create(const char *path, uint64_t first,
    uint64_t last, uint64_t lines_len, int64_t first_received, int level,
    uint64_t frame, struct sp_segment_writer **out, struct sp_err *err);
/* Write the next bytes of the lines.  SP_EIO, SP_ENOSPC, SP_ELIMIT: the writer
 * must be aborted. */
SP_CHECK enum sp_code sp_segment_add_lines(
    struct sp_segment_writer *w, struct sp_view piece, struct sp_err *err);
/* Write the next entry.  has_message false: it has no message; record.p NULL:
 * no record either (both were erased, the line remains).  Fails as
 * sp_segment_add_lines does. */
SP_CHECK enum sp_code sp_segment_add(struct sp_segment_writer *w, uint64_t seq,
    int64_t received, struct sp_view record, bool has_message,
    struct sp_view msg, struct sp_err *err);
/* Write the end of the tar and the tables, sync and close; ${size} gets the
 * bytes of the file.  Frees the writer in every case; after a failure (SP_EIO,
 * SP_ENOSPC, SP_ESYNC, SP_ELIMIT) the file is gone. */
SP_CHECK enum sp_code sp_segment_finish(
    struct sp_segment_writer *w, uint64_t *size, struct sp_err *err);
/* Free the writer and remove its file; NULL is fine. */
void sp_segment_abort(struct sp_segment_writer *w);

/* ---- reading by the tables ---- */
struct sp_segment;

/* Where an entry lies; offsets and lengths in bytes of the decompressed tar. */
struct sp_segment_item {
	uint64_t seq;
	bool has_record; /* false after an erasure */
	bool has_message; /* false for events and after a purge */
	uint64_t record_len, msg_len;
	uint64_t record_at, msg_at; /* where the payloads begin */
};

/*
 * Open a segment and check its tables: they must account for every byte of the
 * file, and every payload must lie inside it.  Memory is bounded by the tables'
 * own size in the file and one frame.  ${out} is the caller's.
 * SP_ENOTFOUND, SP_EFORMAT, SP_EVERSION, SP_ELIMIT (no memory), SP_EIO.
 */
SP_CHECK enum sp_code sp_segment_open(
    const char *path, struct sp_segment **out, struct sp_err *err);
/* The numbers of the first and the last entry. */
uint64_t sp_segment_first(const struct sp_segment *s);
uint64_t sp_segment_last(const struct sp_segment *s);
/* Where entry ${seq} lies, by the table of contents alone.  SP_ENOTFOUND: it is
 * not in this segment. */
SP_CHECK enum sp_code sp_segment_item(const struct sp_segment *s, uint64_t seq,
    struct sp_segment_item *out, struct sp_err *err);
/*
 * Read one entry by the table of contents; it costs the frames that hold it,
 * and the last frame is cached.  ${record} and ${msg} may be NULL; they are
 * cleared first, and their limits hold.  What was purged or erased is empty,
 * sp_segment_item tells.
 * SP_ENOTFOUND: it is not in this segment; SP_EFORMAT: a frame is damaged, or
 * another member lies there; SP_EVERSION: it is encrypted; SP_ELIMIT: a buffer
 * is too small; SP_EIO.
 */
SP_CHECK enum sp_code sp_segment_read(struct sp_segment *s, uint64_t seq,
    struct sp_buf *record, struct sp_buf *msg, struct sp_err *err);
/* Read all entry lines, each with its LF, into ${out}, which is cleared first.
 * Fails as sp_segment_read does. */
SP_CHECK enum sp_code sp_segment_lines(
    struct sp_segment *s, struct sp_buf *out, struct sp_err *err);
void sp_segment_close(struct sp_segment *s); /* NULL is fine */

/* ---- reading as a stranger would ---- */

/* What sp_segment_walk calls; an error that they return ends the walk. */
struct sp_segment_walk {
	/* A member begins: ${name} as in the tar, ${size} in bytes, ${mtime} in
	 * seconds. */
	enum sp_code (*member)(void *ctx, const char *name, uint64_t size,
	    int64_t mtime, struct sp_err *err);
	/* Its data, in pieces; n == 0 ends the member. */
	enum sp_code (*data)(
	    void *ctx, const void *p, size_t n, struct sp_err *err);
	void *ctx;
	/* If not NULL: set before member() to where the member's data begins in
	 * the decompressed tar. */
	uint64_t *at;
};
/*
 * Walk the whole tar, all frames in order through libarchive, without the
 * tables.  For verification, and for the read-back before an intake file is
 * removed.  SP_EFORMAT: it is damaged, or no tar of plain files; SP_ENOTFOUND;
 * SP_ELIMIT: no memory; and what the callbacks return.
 */
SP_CHECK enum sp_code sp_segment_walk(
    const char *path, const struct sp_segment_walk *cb, struct sp_err *err);

#endif
