/*
 * Where the bytes of a bag come from: a directory, a .zip or a .tar.zst.
 *
 * The bag is read once, from front to back, when it is opened:
 *
 *	bag_read.c       walks the directory or the container
 *	bag_member.c     takes each member: hashes it, enters it into the tables
 *	bag_source.c     sorts the tables, and answers what is there
 *	bag_text.c       gives the lines of a text file one by one
 *
 * Messages are hashed and not kept.  The text files that the checks need are
 * kept in an unnamed temporary file (containers), or opened again
 * (directories).  Memory does not grow with the number of messages or their
 * size: the table of messages is a mapped temporary file.
 */
#ifndef SP_VERIFY_BAG_SOURCE_PRIV_H
#define SP_VERIFY_BAG_SOURCE_PRIV_H

#include "base/sha256.h"
#include "journal/verify/bag_format.h"
#include "journal/verify/verify_priv.h"

#define SP_BAG_FILES_MAX   65536u /* files that are not messages */
#define SP_BAG_SPOOL_MIN   (64u << 20) /* text that any container may hold, */
#define SP_BAG_SPOOL_RATIO 200u /* or so many times its own size */
#define SP_BAG_DEPTH_MAX   8u /* folders within folders */
#define SP_BAG_PENDING_MAX (64u << 10) /* bytes of rows not yet written */

/* A file of the bag that is not a message. */
struct sp_bag_file {
	char *path; /* in the bag: "data/records.jsonl" */
	uint64_t size;
	uint8_t sha256[SP_SHA256_LEN];
	uint64_t spool_offset; /* where it lies in the temporary file */
	bool readable; /* its bytes can be read again */
	bool listed; /* set by the check of the manifests */
};

struct sp_bag_message {
	uint64_t seq, size;
	uint8_t sha256[SP_SHA256_LEN];
	uint64_t listed; /* 1: set by the check of the manifests */
};

struct sp_bag_source {
	const char *path; /* borrowed */
	struct sp_verify_run *run; /* borrowed: progress */
	struct sp_verify_found *found; /* borrowed */
	bool directory; /* else a container */
	uint64_t container; /* its size in bytes */

	/* Files that are not messages; sorted by path once all are read. */
	struct sp_bag_file *files;
	size_t nfiles, cfiles;
	int spool_fd; /* bytes of text files; -1 for a directory */
	uint64_t spooled;

	/* Messages: rows of a temporary file, mapped and sorted by seq. */
	int table_fd;
	uint64_t nmessages;
	struct sp_buf pending; /* rows not yet written */
	struct sp_bag_message *map;
	size_t mapped; /* bytes */

	/* The member being read. */
	char name[SP_BAG_NAME_MAX + 1];
	struct sp_sha256 *sha;
	uint64_t size;
	bool spool; /* its bytes go to the temporary file, */
	bool too_large; /* unless they would be more than it may hold */
};

/* ---- reading the bag, and what is in it (bag_source.c) ---- */

/*
 * Read all of the bag at ${path}; temporary files go to ${tmpdir}.  A name
 * that a bag must not have, a name that is there twice and a damaged container
 * are findings of the kind "container" in ${f}; what lies before a damage is
 * still read.  SP_EUSAGE: neither a directory nor such a container;
 * SP_ELIMIT: more than SP_BAG_FILES_MAX files; SP_EINTERRUPT; errors of the
 * disk.  ${path}, ${run} and ${f} are borrowed until the source is closed.
 */
SP_CHECK enum sp_code sp_bag_source_open(const char *path, const char *tmpdir,
    struct sp_verify_run *run, struct sp_verify_found *f,
    struct sp_bag_source **out, struct sp_err *err);
void sp_bag_source_close(struct sp_bag_source *s); /* NULL is fine */

/* The file of this path, borrowed from ${s}; NULL if there is none. */
struct sp_bag_file *sp_bag_source_file(
    struct sp_bag_source *s, struct sp_view path);

/* All files that are not messages, sorted by path, borrowed from ${s}. */
struct sp_bag_file *sp_bag_source_files(struct sp_bag_source *s, size_t *n);

/* All messages, ascending by seq, borrowed from ${s}; NULL where *n is 0. */
struct sp_bag_message *sp_bag_source_messages(
    struct sp_bag_source *s, size_t *n);

/* The message of this entry, borrowed from ${s}; NULL if there is none. */
struct sp_bag_message *sp_bag_source_message(
    struct sp_bag_source *s, uint64_t seq);

/*
 * The bytes of a file that a bag must have; ${out} is cleared first.  That it
 * is not there, is longer than ${max} bytes, could not be kept or changed
 * since it was hashed becomes a finding, and *have is then false.  Other
 * errors are returned.
 */
SP_CHECK enum sp_code sp_bag_source_require(struct sp_bag_source *s,
    const char *name, size_t max, struct sp_buf *out, bool *have,
    struct sp_err *err);

/*
 * Open the bytes of a file again: *fd, where *own says whether the caller has
 * to close it, and *at, the offset of the first byte in it.  SP_EFORMAT: they
 * were not kept.
 */
SP_CHECK enum sp_code sp_bag_source_reopen(struct sp_bag_source *s,
    const struct sp_bag_file *file, int *fd, bool *own, uint64_t *at,
    struct sp_err *err);

/* ---- a text file, line by line (bag_text.c) ---- */

struct sp_bag_text {
	int fd;
	bool own; /* fd is ours to close */
	uint64_t at, end; /* what is still to be read of fd */
	struct sp_buf buf;
	size_t consumed; /* bytes of buf already handed out */
	uint64_t line; /* number of the line handed out last, from 1 */
	size_t max; /* bytes of a line */
};

/* Begin at the first line; errors as those of sp_bag_source_reopen().
 * ${out} is to be closed also after a failure. */
SP_CHECK enum sp_code sp_bag_text_open(struct sp_bag_source *s,
    const struct sp_bag_file *file, size_t max, struct sp_bag_text *out,
    struct sp_err *err);

/*
 * The next line without its LF, borrowed until the next call.  SP_EEND after
 * the last; SP_EFORMAT where the last line has no LF or the file became
 * shorter; SP_ELIMIT: a line longer than the ${max} of sp_bag_text_open(),
 * noticed at the latest 64 KiB beyond it.
 */
SP_CHECK enum sp_code sp_bag_text_next(
    struct sp_bag_text *t, struct sp_view *line, struct sp_err *err);

/* A zeroed ${t} with fd -1 is fine. */
void sp_bag_text_close(struct sp_bag_text *t);

/* ---- while the bag is read (bag_read.c calls bag_member.c) ---- */

/*
 * A member of this name begins.  False: a bag must not have the name; a
 * finding is written, and the member's bytes are to be skipped.
 */
bool sp_bag_member_begin(struct sp_bag_source *s, struct sp_view name);

/* Its next bytes, in pieces of any size. */
SP_CHECK enum sp_code sp_bag_member_data(
    struct sp_bag_source *s, const void *p, size_t n, struct sp_err *err);

/* It ends and goes into the table of messages or of files; SP_ELIMIT beyond
 * SP_BAG_FILES_MAX files. */
SP_CHECK enum sp_code sp_bag_member_end(
    struct sp_bag_source *s, struct sp_err *err);

/* Write the rows of messages that are still in memory. */
SP_CHECK enum sp_code sp_bag_member_flush(
    struct sp_bag_source *s, struct sp_err *err);

/*
 * bag_read.c: read all members of the directory, or of the container
 * (SP_EUSAGE: neither a zip nor a tar.zst).  Links, devices and damage are
 * findings; errors as those of sp_bag_source_open().
 */
SP_CHECK enum sp_code sp_bag_read_dir(
    struct sp_bag_source *s, struct sp_err *err);
SP_CHECK enum sp_code sp_bag_read_container(
    struct sp_bag_source *s, struct sp_err *err);

#endif
