/*
 * Segments: a pax tar of entry lines, records and messages in independent
 * zstd frames with a table of contents and a seek table, and its detached
 * CMS signature.  Format: doc/format-segment.md.
 */
#ifndef SP_SEGMENT_SEGMENT_H
#define SP_SEGMENT_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/layout.h"

/* The longest frame that is read or written, decompressed. */
#define SP_SEGMENT_FRAME_MAX (64u << 20)
/* The shortest frame target that is written. */
#define SP_SEGMENT_FRAME_MIN 4096u
/* The largest table of contents: some ten million entries. */
#define SP_SEGMENT_TOC_MAX (64u << 20)

/* ---- writing (seal) ---- */
struct sp_segment_writer;

/*
 * Starts ${path} (a temporary name; what is there is replaced).  Then all
 * lines, each with its LF, ${lines_len} bytes in pieces of any size; then
 * every entry from ${first} to ${last} in order.  ${level} is zstd's, ${frame}
 * the bytes a frame aims at.
 */
SP_CHECK enum sp_code sp_segment_create(const char *path, uint64_t first,
    uint64_t last, uint64_t lines_len, int64_t first_received, int level,
    uint64_t frame, struct sp_segment_writer **out, struct sp_err *err);
SP_CHECK enum sp_code sp_segment_add_lines(
    struct sp_segment_writer *w, struct sp_view piece, struct sp_err *err);
/* Next entry in order; has_message false: no message; record.p NULL: no
 * record either (both were erased, the line remains). */
SP_CHECK enum sp_code sp_segment_add(struct sp_segment_writer *w, uint64_t seq,
    int64_t received, struct sp_view record, bool has_message,
    struct sp_view msg, struct sp_err *err);
/* Tar end, tables, fsync, close.  Frees the writer in every case; after a
 * failure the file is gone. */
SP_CHECK enum sp_code sp_segment_finish(
    struct sp_segment_writer *w, uint64_t *size, struct sp_err *err);
void sp_segment_abort(struct sp_segment_writer *w); /* unlinks; NULL is fine */

/* ---- reading ---- */
struct sp_segment;

struct sp_segment_item {
	uint64_t seq;
	bool has_record; /* false after an erasure */
	bool has_message; /* false for events and after a purge */
	uint64_t record_len, msg_len;
	/* Where the payloads begin in the decompressed tar. */
	uint64_t record_at, msg_at;
};

/*
 * Reads and checks the tables: SP_EFORMAT unless they account for every byte
 * of the file and every payload lies inside it.  Memory is bounded by the
 * tables' own size in the file, and one frame.
 */
SP_CHECK enum sp_code sp_segment_open(
    const char *path, struct sp_segment **out, struct sp_err *err);
uint64_t sp_segment_first(const struct sp_segment *s);
uint64_t sp_segment_last(const struct sp_segment *s);
SP_CHECK enum sp_code sp_segment_item(const struct sp_segment *s, uint64_t seq,
    struct sp_segment_item *out, struct sp_err *err);
/* One entry by the table of contents: costs its frame(s), the last frame is
 * cached.  ${record}, ${msg} may be NULL; cleared first, and their limits
 * hold.  SP_ENOTFOUND if ${seq} is not in the segment; what was purged or
 * erased is empty, sp_segment_item tells. */
SP_CHECK enum sp_code sp_segment_read(struct sp_segment *s, uint64_t seq,
    struct sp_buf *record, struct sp_buf *msg, struct sp_err *err);
/* The .lines member. */
SP_CHECK enum sp_code sp_segment_lines(
    struct sp_segment *s, struct sp_buf *out, struct sp_err *err);
void sp_segment_close(struct sp_segment *s);

/*
 * Walk the whole tar as a stranger would (all frames in order through
 * libarchive, tables not used): calls back for every member.  Used by verify
 * and by the read-back before an intake file is unlinked.
 */
struct sp_segment_walk {
	/* ${name} as in the tar, ${mtime} in seconds.  Data comes in pieces;
	 * n == 0 ends the member. */
	enum sp_code (*member)(void *ctx, const char *name, uint64_t size,
	    int64_t mtime, struct sp_err *err);
	enum sp_code (*data)(
	    void *ctx, const void *p, size_t n, struct sp_err *err);
	void *ctx;
	/* If not NULL: set before member() to where the member's data begins in
	 * the decompressed tar. */
	uint64_t *at;
};
SP_CHECK enum sp_code sp_segment_walk(
    const char *path, const struct sp_segment_walk *cb, struct sp_err *err);

#endif
